/* SPDX-License-Identifier: MIT */
/*
 * Prints what gospy itself finds in a Go binary on disk, for the tests that compare it with
 * layoutgen:
 *
 *     layoutdump types MINOR FILE        every struct that a type descriptor of Go 1.MINOR tells of
 *     layoutdump dwarf FILE STRUCT...    these structs, as gospy's DWARF reader has them
 *     layoutdump matches FILE OTHER      "yes" or "no": whether OTHER is taken as --bin for FILE
 *
 * Lines as of layoutgen: "STRUCT<tab>SIZE", and "STRUCT<tab>FIELD<tab>OFFSET<tab>SIZE" for each
 * field.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <gospy/cursor.h>
#include <gospy/debugfile.h>
#include <gospy/dwarf.h>
#include <gospy/gotype.h>
#include <gospy/moduledata.h>

static struct gospy_error *open_image(const char *path, struct gospy_image *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct gospy_source source = {};
	struct gospy_error *err = gospy_source_init_read(&source, fd, path);

	if (!err)
		err = gospy_image_init(ret, &source);
	if (err)
		gospy_source_deinit(&source);
	return err;
}

static void print_structure(const struct gospy_structure *structure)
{
	printf("%s\t%llu\n", structure->name, (unsigned long long)structure->size);
	for (size_t i = 0; i < structure->fields.size; i++) {
		const struct gospy_field *field = &structure->fields.data[i];
		printf("%s\t%s\t%llu\t%llu\n", structure->name, field->name,
		       (unsigned long long)field->offset, (unsigned long long)field->size);
	}
}

/** The module at `address`, which holds the address of the function table; false when it is none.
 */
static bool module_at(const struct gospy_image *image, const struct gospy_pclntab *table,
		      uint64_t address, struct gospy_moduledata *ret)
{
	uint64_t size = gospy_image_left(image, address);

	if (size > GOSPY_MODULEDATA_SIZE)
		size = GOSPY_MODULEDATA_SIZE;
	struct gospy_error *err = gospy_moduledata_parse(gospy_image_at(image, address, size), size,
							 table->version, -1, ret);
	gospy_error_destroy(err);
	return !err && gospy_moduledata_valid(ret, table->bytes.address);
}

/** Searches the data of the file for the module whose function table is `table`. */
static bool find_module(const struct gospy_image *image, const struct gospy_pclntab *table,
			struct gospy_moduledata *ret)
{
	for (size_t i = 0; i < image->segments.size; i++) {
		const struct gospy_segment *segment = &image->segments.data[i];
		uint64_t end = segment->address + segment->file_size;
		for (uint64_t at = (segment->address + 7) & ~UINT64_C(7);
		     segment->writable && at + 8 <= end; at += 8) {
			const uint8_t *word = gospy_image_at(image, at, 8);
			if (word && gospy_load_u64(word) == table->bytes.address &&
			    module_at(image, table, at, ret))
				return true;
		}
	}
	return false;
}

static struct gospy_error *dump_types(int go_minor, const char *path)
{
	_cleanup_(gospy_image_deinit) struct gospy_image image = {};
	_cleanup_(gospy_structure_vec_destroy_all) struct gospy_structure_vec structures = {};
	struct gospy_moduledata module = {};
	struct gospy_pclntab table = {};
	struct gospy_error *err = open_image(path, &image);

	if (!err)
		err = gospy_pclntab_find(&image, &table);
	if (err)
		return err;
	if (!find_module(&image, &table, &module))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "%s has no moduledata", path);
	struct gospy_gotypes types = {
		.types = {.address = module.types, .size = module.etypes - module.types},
		.go_minor = go_minor,
	};
	types.types.data = gospy_image_at(&image, module.types, types.types.size);
	err = gospy_gotypes_all_structs(&types, &structures);
	for (size_t i = 0; !err && i < structures.size; i++)
		print_structure(&structures.data[i]);
	return err;
}

static struct gospy_error *dump_dwarf(const char *path, char **names)
{
	_cleanup_(gospy_image_deinit) struct gospy_image image = {};
	struct gospy_dwarf *dwarf = NULL;
	struct gospy_error *err = open_image(path, &image);

	if (!err)
		err = gospy_dwarf_open(&image.source, &dwarf);
	for (; !err && *names; names++) {
		struct gospy_structure structure = {};
		err = gospy_dwarf_structure(dwarf, *names, &structure);
		if (!err)
			print_structure(&structure);
		else
			gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND);
		gospy_structure_deinit(&structure);
	}
	gospy_dwarf_close(dwarf);
	return err;
}

static struct gospy_error *dump_match(const char *path, const char *other_path)
{
	_cleanup_(gospy_image_deinit) struct gospy_image image = {}, other = {};
	struct gospy_error *err = open_image(path, &image);

	if (!err)
		err = open_image(other_path, &other);
	if (!err)
		puts(gospy_debugfile_matches(&image, &other) ? "yes" : "no");
	return err;
}

static struct gospy_error *run(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "types"))
		return dump_types(atoi(argv[2]), argv[3]);
	if (argc > 3 && !strcmp(argv[1], "dwarf"))
		return dump_dwarf(argv[2], argv + 3);
	if (argc == 4 && !strcmp(argv[1], "matches"))
		return dump_match(argv[2], argv[3]);
	return gospy_error_create(GOSPY_ERROR_USAGE, "usage: layoutdump types MINOR FILE | "
						     "dwarf FILE STRUCT... | matches FILE OTHER");
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct gospy_error *err = run(argc, argv);

	if (err)
		fprintf(stderr, "layoutdump: %s\n", err->message);
	return err || fflush(stdout) ? 1 : 0;
}
