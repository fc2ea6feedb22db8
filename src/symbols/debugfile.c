/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include <gospy/debugfile.h>

#include "debuginfod.h"

/** Where distributions put debug files (debuginfo packages of Debian, Fedora, ...). */
#define DEBUG_TREE "usr/lib/debug"

static const struct gospy_segment *text_segment(const struct gospy_image *image)
{
	for (size_t i = 0; i < image->segments.size; i++) {
		if (image->segments.data[i].executable)
			return &image->segments.data[i];
	}
	return NULL;
}

static bool same_text(const struct gospy_image *image, const struct gospy_image *other)
{
	const struct gospy_segment *a = text_segment(image), *b = text_segment(other);
	if (!a || !b || !a->file_size || a->file_size != b->file_size || a->address != b->address)
		return false;
	const uint8_t *text_a = gospy_source_at(&image->source, a->offset, a->file_size);
	const uint8_t *text_b = gospy_source_at(&other->source, b->offset, b->file_size);
	return text_a && text_b && !memcmp(text_a, text_b, a->file_size);
}

bool gospy_debugfile_matches(const struct gospy_image *image, const struct gospy_image *other)
{
	if (image->machine != other->machine)
		return false;
	if (*image->build_id && *other->build_id && !strcmp(image->build_id, other->build_id))
		return true;
	if (*image->go_build_id && !strcmp(image->go_build_id, other->go_build_id))
		return true;
	/* A twin linked without -s -w has other ids; its code is the same to the byte up to
	 * Go 1.17. */
	return same_text(image, other);
}

/** Takes `source` over into `ret` if it is a debug file of the image. */
static struct gospy_error *accept(const struct gospy_debugfile_query *query,
				  struct gospy_source *source, const char *path,
				  struct gospy_source *ret)
{
	struct gospy_image other;
	struct gospy_error *err = gospy_image_init(&other, source);

	if (err) {
		gospy_source_deinit(source);
		return gospy_error_wrap(err, "%s", path);
	}
	bool matches = gospy_debugfile_matches(query->image, &other);
	/* The image owns the source now: take it back out before the rest is freed. */
	*source = other.source;
	memset(&other.source, 0, sizeof(other.source));
	gospy_image_deinit(&other);
	if (!matches) {
		gospy_source_deinit(source);
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "%s is another build than the process runs", path);
	}
	*ret = *source;
	return NULL;
}

/** What the user names must be right: anything wrong with it is an error. */
static struct gospy_error *open_named(const struct gospy_debugfile_query *query,
				      struct gospy_source *ret, char **ret_path)
{
	_cleanup_free_ char *path = strdup(query->bin);
	_cleanup_close_ int fd = open(query->bin, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct gospy_source source;

	if (!path)
		return &gospy_enomem;
	if (fd < 0)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "cannot open %s: %s", query->bin,
					  strerror(errno));
	/* Read, not mapped: somebody may be rebuilding it. */
	struct gospy_error *err = gospy_source_init_read(&source, fd, query->bin);
	if (!err)
		err = accept(query, &source, query->bin, ret);
	if (!err)
		*ret_path = take_ptr(path);
	return err;
}

/** Opens `path` below `root`, whose symbolic links cannot lead out of it. */
static int open_below(int root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	if (root == AT_FDCWD)
		return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/** Tries one place; a file that does not fit is passed over. `*ret_found` tells whether it was the
 * one. */
static struct gospy_error *try_path(const struct gospy_debugfile_query *query, int root,
				    const char *path, const uint32_t *crc, struct gospy_source *ret,
				    char **ret_path, bool *ret_found)
{
	_cleanup_close_ int fd = open_below(root, path);
	struct gospy_source source;

	*ret_found = false;
	if (fd < 0)
		return NULL;
	struct gospy_error *err = gospy_source_init_read(&source, fd, path);
	if (!err && crc && crc32_z(0, source.data, source.size) != *crc) {
		gospy_source_deinit(&source);
		return NULL;
	}
	if (!err)
		err = accept(query, &source, path, ret);
	if (err && err->code != GOSPY_ERROR_NO_MEMORY) {
		gospy_error_destroy(err);
		return NULL;
	}
	if (err)
		return err;
	*ret_path = strdup(path);
	if (!*ret_path) {
		gospy_source_deinit(ret);
		return &gospy_enomem;
	}
	*ret_found = true;
	return NULL;
}

static struct gospy_error *try_build_id(const struct gospy_debugfile_query *query,
					struct gospy_source *ret, char **ret_path, bool *ret_found)
{
	const char *id = query->image->build_id;
	struct gospy_error *err = NULL;
	char path[256];

	*ret_found = false;
	if (strlen(id) < 3)
		return NULL;
	snprintf(path, sizeof(path), "/" DEBUG_TREE "/.build-id/%.2s/%s.debug", id, id + 2);
	for (size_t i = 0; !err && !*ret_found && i < query->num_roots; i++)
		err = try_path(query, query->roots[i], path, NULL, ret, ret_path, ret_found);
	return err;
}

/** The name and checksum in .gnu_debuglink; NULL when there is none, or one that leads elsewhere.
 */
static const char *debug_link(const struct gospy_image *image, uint32_t *ret_crc)
{
	const struct gospy_section *section = gospy_image_section(image, ".gnu_debuglink");
	const uint8_t *data =
		section ? gospy_source_at(&image->source, section->offset, section->size) : NULL;

	if (!data || section->size < 8 || !memchr(data, 0, section->size - 4))
		return NULL;
	const char *name = (const char *)data;
	uint64_t crc_offset = (strlen(name) + 4) & ~UINT64_C(3);
	if (crc_offset + 4 > section->size || !*name || strchr(name, '/'))
		return NULL;
	memcpy(ret_crc, data + crc_offset, 4);
	return name;
}

/** Beside the binary, in .debug beside it, and in the debug tree (GDB manual, "Separate Debug
 * Files"). */
static struct gospy_error *try_debug_link(const struct gospy_debugfile_query *query,
					  struct gospy_source *ret, char **ret_path,
					  bool *ret_found)
{
	static const struct {
		const char *before, *after;
	} places[] = {{"", "/"}, {"", "/.debug/"}, {"/" DEBUG_TREE, "/"}};
	uint32_t crc = 0;
	const char *name = debug_link(query->image, &crc);
	const char *slash = query->path ? strrchr(query->path, '/') : NULL;
	struct gospy_error *err = NULL;
	char path[8192];

	*ret_found = false;
	if (!name || !slash)
		return NULL;
	for (size_t i = 0; i < query->num_roots; i++) {
		for (size_t j = 0; !err && !*ret_found && j < 3; j++) {
			int length = (int)(slash - query->path);
			int n = snprintf(path, sizeof(path), "%s%.*s%s%s", places[j].before, length,
					 query->path, places[j].after, name);
			if (n > 0 && (size_t)n < sizeof(path))
				err = try_path(query, query->roots[i], path, &crc, ret, ret_path,
					       ret_found);
		}
	}
	return err;
}

static struct gospy_error *try_debuginfod(const struct gospy_debugfile_query *query,
					  struct gospy_source *ret, char **ret_path,
					  bool *ret_found)
{
	_cleanup_free_ char *path = NULL;
	struct gospy_error *err = gospy_debuginfod_fetch(query->image->build_id, &path);

	*ret_found = false;
	if (err || !path)
		return err;
	return try_path(query, AT_FDCWD, path, NULL, ret, ret_path, ret_found);
}

struct gospy_error *gospy_debugfile_find(const struct gospy_debugfile_query *query,
					 struct gospy_source *ret, char **ret_path)
{
	bool found;

	if (query->bin)
		return open_named(query, ret, ret_path);
	struct gospy_error *err = try_build_id(query, ret, ret_path, &found);
	if (!err && !found)
		err = try_debug_link(query, ret, ret_path, &found);
	if (!err && !found)
		err = try_debuginfod(query, ret, ret_path, &found);
	if (err || found)
		return err;
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no debug file of this build was found");
}
