/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "program_image.h"

_Static_assert((int)GOSPY_IMAGE_AMD64 == (int)GOSPY_ARCH_AMD64 &&
		       (int)GOSPY_IMAGE_ARM64 == (int)GOSPY_ARCH_ARM64,
	       "gospy_program.arch is taken from the image");

void gospy_mapped_image_free(struct gospy_image *image)
{
	if (!image)
		return;
	gospy_image_deinit(image);
	free(image);
}

void gospy_mapped_image_deinit(struct gospy_mapped_image *mapped)
{
	gospy_mapped_image_free(mapped->image);
	free(mapped->path);
	*mapped = (struct gospy_mapped_image){};
}

static void cleanup_image(struct gospy_image **image)
{
	gospy_mapped_image_free(*image);
}

/** Puts the parts together; the image is taken on success only. */
static struct gospy_error *mapped_image_make(struct gospy_image **image, uint64_t bias,
					     const char *path, struct gospy_mapped_image *ret)
{
	char *copy = strdup(path ? path : "");

	if (!copy)
		return &gospy_enomem;
	*ret = (struct gospy_mapped_image){take_ptr(*image), bias, copy};
	return NULL;
}

static bool is_file(const struct gospy_mapping *mapping)
{
	return mapping->device || mapping->inode;
}

static bool is_code(const struct gospy_mapping *mapping)
{
	return is_file(mapping) && (mapping->flags & GOSPY_MAPPING_EXEC);
}

/** The bias that puts the segment of `mapping`'s kind and part of the file there. */
static bool bias_of_mapping(const struct gospy_image *image, const struct gospy_mapping *mapping,
			    uint64_t *ret)
{
	for (size_t i = 0; i < image->segments.size; i++) {
		const struct gospy_segment *segment = &image->segments.data[i];
		uint64_t page_start = segment->offset & ~UINT64_C(4095);
		if (segment->executable != !!(mapping->flags & GOSPY_MAPPING_EXEC) ||
		    mapping->offset < page_start ||
		    mapping->offset - page_start >=
			    segment->file_size + (segment->offset - page_start))
			continue;
		*ret = mapping->start - mapping->offset - (segment->address - segment->offset);
		return image->dynamic || !*ret;
	}
	return false;
}

/** Whether the target has the file's ELF header where this bias puts it: right whatever st_dev
 * says. */
static struct gospy_error *header_matches(struct gospy_target *target,
					  const struct gospy_image *image, uint64_t bias, bool *ret)
{
	uint8_t header[sizeof(Elf64_Ehdr)];

	*ret = true;
	for (size_t i = 0; i < image->segments.size; i++) {
		const struct gospy_segment *segment = &image->segments.data[i];
		if (segment->offset || segment->file_size < sizeof(header))
			continue;
		struct gospy_error *err =
			gospy_target_read(target, segment->address + bias, header, sizeof(header));
		if (gospy_error_catch(&err, GOSPY_ERROR_FAULT))
			*ret = false;
		else if (!err)
			*ret = !memcmp(header, image->source.data, sizeof(header));
		return err;
	}
	return NULL;
}

/**
 * Overlay and btrfs file systems show another device in the mappings than fstat() tells, so the
 * path decides which mappings are tried first, and the memory which one is right.
 */
static struct gospy_error *find_bias(struct gospy_target *target,
				     const struct gospy_mappings *mappings,
				     const struct gospy_image *image, const char *path,
				     uint64_t *ret)
{
	for (int any_path = 0; any_path < 2; any_path++) {
		for (size_t i = 0; i < mappings->list.size; i++) {
			const struct gospy_mapping *mapping = &mappings->list.data[i];
			uint64_t bias;
			bool right = false;
			size_t length = strlen(path);
			bool same = !strncmp(gospy_mapping_path(mappings, mapping), path, length);
			if (!is_file(mapping) || same == any_path ||
			    !bias_of_mapping(image, mapping, &bias))
				continue;
			struct gospy_error *err = header_matches(target, image, bias, &right);
			if (err)
				return err;
			if (right) {
				*ret = bias;
				return NULL;
			}
		}
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "%s is not mapped", path);
}

static struct gospy_error *image_create(struct gospy_source *source, struct gospy_image **ret)
{
	struct gospy_image *image = calloc(1, sizeof(*image));

	if (!image)
		return &gospy_enomem;
	struct gospy_error *err = gospy_image_init(image, source);
	if (err) {
		free(image);
		return err;
	}
	*ret = image;
	return NULL;
}

/** "process 12 (bash)". */
static int describe(const struct gospy_target_info *info, char *buffer, size_t size)
{
	const char *name = info->name && info->name[0] ? info->name : "unnamed";

	if (!info->pid)
		return snprintf(buffer, size, "the target (%s)", name);
	return snprintf(buffer, size, "process %d (%s)", (int)info->pid, name);
}

/** The sentence for an executable whose headers gospy_image_init() refused. */
static struct gospy_error *refused(const struct gospy_target_info *info,
				   const struct gospy_source *source, struct gospy_error *reason)
{
	static const char build_info[] = "\xff Go buildinf:", table_name[] = ".gopclntab";
	const uint8_t *ident = gospy_source_at(source, 0, EI_NIDENT);
	_cleanup_error_ struct gospy_error *cause = reason;
	char who[128];

	describe(info, who, sizeof(who));
	if (!ident || memcmp(ident, ELFMAG, SELFMAG) || ident[EI_CLASS] != ELFCLASS32)
		return gospy_error_create(GOSPY_ERROR_NOT_GO,
					  "%s is not a Go program for this gospy: %s", who,
					  cause->message);
	/* Go 1.12 has no build information, but a section of that name. */
	if (memmem(source->data, source->size, build_info, sizeof(build_info) - 1) ||
	    memmem(source->data, source->size, table_name, sizeof(table_name) - 1))
		return gospy_error_create(GOSPY_ERROR_NOT_GO,
					  "%s is a 32-bit Go program; only 64-bit ones can be read",
					  who);
	return gospy_error_create(GOSPY_ERROR_NOT_GO,
				  "%s is not a Go program: it is a 32-bit program "
				  "of another language",
				  who);
}

static struct gospy_error *open_exe(struct gospy_target *target,
				    const struct gospy_target_info *info, struct gospy_image **ret)
{
	_cleanup_close_ int fd = -1;
	struct gospy_source source;
	struct gospy_error *err = gospy_target_open_exe(target, &fd);

	if (err)
		return err;
	/* The kernel refuses to write to the file of a running program (ETXTBSY). */
	err = gospy_source_init_map(&source, fd, info->exe);
	if (err)
		return err;
	err = image_create(&source, ret);
	if (!err)
		return NULL;
	if (err->code == GOSPY_ERROR_UNSUPPORTED || err->code == GOSPY_ERROR_BAD_DATA)
		err = refused(info, &source, err);
	gospy_source_deinit(&source);
	return err;
}

/**
 * A library's file may be written to while it is mapped, and a mapping of ours would then raise
 * SIGBUS: what is kept is read, once a short look has told that it may be Go.
 */
static struct gospy_error *open_library(int fd, const char *path, struct gospy_image **ret)
{
	_cleanup_(cleanup_image) struct gospy_image *look = NULL;
	struct gospy_source source;
	struct gospy_error *err = gospy_source_init_map(&source, fd, path);

	if (err)
		return err;
	err = image_create(&source, &look);
	if (err) {
		gospy_source_deinit(&source);
		return err;
	}
	if (!gospy_image_may_be_go(look))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "%s is not made by Go", path);
	err = gospy_source_init_read(&source, fd, path);
	if (err)
		return err;
	err = image_create(&source, ret);
	if (err)
		gospy_source_deinit(&source);
	return err;
}

static struct gospy_error *open_mapped(struct gospy_target *target,
				       const struct gospy_mappings *mappings,
				       const struct gospy_mapping *mapping,
				       struct gospy_mapped_image *ret)
{
	_cleanup_(cleanup_image) struct gospy_image *image = NULL;
	_cleanup_close_ int fd = -1;
	const char *path = gospy_mapping_path(mappings, mapping);
	uint64_t bias;
	bool right = false;
	struct gospy_error *err = gospy_target_open_mapping(target, mapping, path, &fd);

	if (err)
		return err;
	err = open_library(fd, path, &image);
	if (err)
		return err;
	if (bias_of_mapping(image, mapping, &bias)) {
		err = header_matches(target, image, bias, &right);
		if (err)
			return err;
	}
	if (!right)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "%s was changed since the process mapped it", path);
	return mapped_image_make(&image, bias, path, ret);
}

struct gospy_error *gospy_mapped_image_at(struct gospy_target *target,
					  const struct gospy_mappings *mappings, uint64_t address,
					  struct gospy_mapped_image *ret)
{
	const struct gospy_mapping *mapping = gospy_mappings_find(mappings, address);

	if (!mapping || !is_file(mapping))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no file is mapped at 0x%llx",
					  (unsigned long long)address);
	return open_mapped(target, mappings, mapping, ret);
}

static bool is_fatal(const struct gospy_error *err)
{
	return err->code == GOSPY_ERROR_NO_MEMORY || err->code == GOSPY_ERROR_EXITED;
}

/** Another mapping of the file that the list showed just before is not looked at again. */
static bool is_same_file(const struct gospy_mapping *a, const struct gospy_mapping *b)
{
	return a && a->device == b->device && a->inode == b->inode;
}

static struct gospy_error *find_library(struct gospy_target *target,
					const struct gospy_mappings *mappings,
					struct gospy_mapped_image *ret,
					struct gospy_pclntab *ret_table)
{
	const struct gospy_mapping *previous = NULL;

	for (size_t i = 0; i < mappings->list.size; i++) {
		const struct gospy_mapping *mapping = &mappings->list.data[i];
		_cleanup_(gospy_mapped_image_deinit) struct gospy_mapped_image mapped = {};
		if (!is_code(mapping) || is_same_file(previous, mapping))
			continue;
		previous = mapping;
		struct gospy_error *err = open_mapped(target, mappings, mapping, &mapped);
		if (!err)
			err = gospy_pclntab_find(mapped.image, ret_table);
		if (!err) {
			*ret = mapped;
			mapped = (struct gospy_mapped_image){};
			return NULL;
		}
		if (is_fatal(err))
			return err;
		gospy_error_destroy(err);
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no library has a Go function table");
}

static struct gospy_error *not_go(const struct gospy_target_info *info)
{
	char who[128];

	describe(info, who, sizeof(who));
	return gospy_error_create(
		GOSPY_ERROR_NOT_GO,
		"%s is not a Go program: no Go function table in %s or its libraries", who,
		info->exe && info->exe[0] ? info->exe : "its executable");
}

struct gospy_error *gospy_mapped_image_find_go(struct gospy_target *target,
					       const struct gospy_mappings *mappings,
					       const struct gospy_target_info *info,
					       struct gospy_mapped_image *ret,
					       struct gospy_pclntab *ret_table)
{
	_cleanup_(cleanup_image) struct gospy_image *image = NULL;
	uint64_t bias = 0;
	struct gospy_error *err = open_exe(target, info, &image);

	if (err)
		return err;
	err = gospy_pclntab_find(image, ret_table);
	if (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND)) {
		err = find_library(target, mappings, ret, ret_table);
		return gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND) ? not_go(info) : err;
	}
	if (!err && image->dynamic)
		err = find_bias(target, mappings, image, info->exe, &bias);
	if (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND))
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "%s is a Go program but is not mapped in the process",
					  info->exe);
	if (err)
		return err;
	return mapped_image_make(&image, bias, info->exe, ret);
}
