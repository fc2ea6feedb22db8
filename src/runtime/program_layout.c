/* SPDX-License-Identifier: MIT */
#include <fcntl.h>

#include <gospy/debugfile.h>
#include <gospy/dwarf.h>
#include <gospy/gotype.h>

#include "layout_structs.h"
#include "program_parts.h"

/** Type descriptors that are copied from the process when the file has not got them whole. */
#define MAX_TYPES_SIZE (UINT64_C(1) << 27)

/** One source's answers; those with name NULL it does not have. */
struct answers {
	struct gospy_structure structures[GOSPY_LAYOUT_NUM_STRUCTS];
	enum gospy_layout_source source;
};

static void answers_deinit(struct answers *answers)
{
	for (size_t i = 0; i < GOSPY_LAYOUT_NUM_STRUCTS; i++)
		gospy_structure_deinit(&answers->structures[i]);
}

/** Whether gospy is of no use without this struct. */
static bool is_vital(size_t index)
{
	return index == GOSPY_LAYOUT_g || index == GOSPY_LAYOUT_m || index == GOSPY_LAYOUT_p;
}

/**
 * The table's answer. For a version that it does not know that of the newest it does, but only of
 * what the process can then contradict.
 */
static struct gospy_error *apply_table(const struct gospy_program *program, size_t index,
				       struct gospy_layout *layout)
{
	_cleanup_(gospy_structure_deinit) struct gospy_structure structure = {};
	int minor = gospy_program_knows_version(program) ? program->version.minor
							 : GOSPY_NEWEST_GO_MINOR;

	if (is_vital(index) && !gospy_program_knows_version(program))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no table for %s of %s",
					  gospy_layout_structs[index], program->go_version);
	struct gospy_error *err = gospy_layout_table((int)program->arch, minor,
						     gospy_layout_structs[index], &structure);
	if (!err)
		err = gospy_layout_apply(layout, &structure);
	if (!err && is_vital(index))
		layout->source = GOSPY_LAYOUT_TABLE;
	return err;
}

static struct gospy_error *apply_struct(const struct gospy_program *program,
					const struct answers *answers, size_t index,
					struct gospy_layout *layout)
{
	struct gospy_error *err;

	if (answers->structures[index].name)
		err = gospy_layout_apply(layout, &answers->structures[index]);
	else
		err = apply_table(program, index, layout);
	if (!is_vital(index) && (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND) ||
				 gospy_error_catch(&err, GOSPY_ERROR_NO_SYMBOLS)))
		return NULL;
	return err;
}

/** Takes the layout that `answers` give, and looks whether the process agrees: *ret_right. */
static struct gospy_error *try_answers(struct gospy_program *program,
				       const struct gospy_anchors *anchors,
				       const struct answers *answers, bool *ret_right)
{
	uint32_t num_warnings = program->num_warnings;
	struct gospy_layout layout;
	struct gospy_error *err = NULL;

	*ret_right = false;
	gospy_layout_clear(&layout);
	layout.source = answers->source;
	for (size_t i = 0; !err && i < GOSPY_LAYOUT_NUM_STRUCTS; i++)
		err = apply_struct(program, answers, i, &layout);
	if (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND) ||
	    gospy_error_catch(&err, GOSPY_ERROR_NO_SYMBOLS))
		return NULL;
	if (err)
		return err;
	program->layout = layout;
	err = gospy_globals_find(program, anchors);
	*ret_right = !err && program->globals.allgs;
	if (!*ret_right)
		gospy_program_unwarn(program, num_warnings);
	return err;
}

/** The Go minor version whose type descriptors these are, where the version itself is not known. */
static int types_minor(const struct gospy_program *program, struct gospy_region types)
{
	int guessed;

	if (program->version.minor >= 0)
		return program->version.minor;
	switch (program->modules.data[0].pclntab.version) {
	case GOSPY_PCLNTAB_1_2:
		return 15;
	case GOSPY_PCLNTAB_1_16:
		guessed = gospy_gotypes_guess_minor(types);
		return guessed < 0 ? 17 : guessed;
	case GOSPY_PCLNTAB_1_18:
		return 19;
	case GOSPY_PCLNTAB_1_20:
		break;
	}
	return GOSPY_NEWEST_GO_MINOR;
}

static struct gospy_error *try_types(struct gospy_program *program,
				     const struct gospy_anchors *anchors,
				     struct gospy_region region, bool *ret_right)
{
	_cleanup_(answers_deinit) struct answers answers = {.source = GOSPY_LAYOUT_TYPES};
	struct gospy_gotypes types = {.types = region, .go_minor = types_minor(program, region)};
	struct gospy_error *err = gospy_gotypes_find_structs(
		&types, gospy_layout_structs, GOSPY_LAYOUT_NUM_STRUCTS, answers.structures);

	*ret_right = false;
	if (gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA) || err)
		return err;
	return try_answers(program, anchors, &answers, ret_right);
}

/** The descriptors as the file has them: linkers write the addends of relocations in place. */
static struct gospy_error *try_types_of_file(struct gospy_program *program,
					     const struct gospy_anchors *anchors, bool *ret_right)
{
	const struct gospy_module *module = &program->modules.data[0];
	struct gospy_region region = {
		.address = module->types - module->bias,
		.size = module->etypes - module->types,
	};

	*ret_right = false;
	region.data = gospy_image_at(module->image, region.address, region.size);
	return region.data ? try_types(program, anchors, region, ret_right) : NULL;
}

/** The descriptors as the process has them, for linkers that do not. */
static struct gospy_error *try_types_of_process(struct gospy_program *program,
						const struct gospy_anchors *anchors,
						bool *ret_right)
{
	const struct gospy_module *module = &program->modules.data[0];
	uint64_t size = module->etypes - module->types;
	_cleanup_free_ uint8_t *copy = NULL;

	*ret_right = false;
	if (size > MAX_TYPES_SIZE)
		return NULL;
	copy = malloc(size);
	if (!copy)
		return &gospy_enomem;
	struct gospy_error *err = gospy_target_read(program->target, module->types, copy, size);
	if (gospy_error_catch(&err, GOSPY_ERROR_FAULT) || err)
		return err;
	return try_types(program, anchors, (struct gospy_region){copy, module->types, size},
			 ret_right);
}

struct gospy_error *gospy_program_find_debug(struct gospy_program *program,
					     struct gospy_program_files *files)
{
	int roots[2] = {AT_FDCWD, AT_FDCWD};
	_cleanup_close_ int target_root = -1;
	struct gospy_error *err = gospy_target_open_root(program->target, &target_root);

	if (!err)
		roots[0] = target_root;
	gospy_error_destroy(err);
	struct gospy_debugfile_query query = {
		.image = program->modules.data[0].image,
		.path = files->path,
		.bin = files->bin,
		.roots = target_root >= 0 ? roots : roots + 1,
		.num_roots = target_root >= 0 ? 2 : 1,
	};
	char *path;
	err = gospy_debugfile_find(&query, &files->debug, &path);
	if (err)
		return err;
	free(program->debug_path);
	program->debug_path = path;
	program->has_dwarf = true;
	return NULL;
}

static struct gospy_error *try_dwarf_of(struct gospy_program *program,
					const struct gospy_anchors *anchors,
					const struct gospy_source *source, bool *ret_right)
{
	_cleanup_(answers_deinit) struct answers answers = {.source = GOSPY_LAYOUT_DWARF};
	struct gospy_dwarf *dwarf;
	struct gospy_error *err = gospy_dwarf_open(source, &dwarf);

	*ret_right = false;
	if (gospy_error_catch(&err, GOSPY_ERROR_NO_SYMBOLS) ||
	    gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA) || err)
		return err;
	for (size_t i = 0; !err && i < GOSPY_LAYOUT_NUM_STRUCTS; i++) {
		err = gospy_dwarf_structure(dwarf, gospy_layout_structs[i], &answers.structures[i]);
		gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND);
	}
	gospy_dwarf_close(dwarf);
	if (gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA) || err)
		return err;
	return try_answers(program, anchors, &answers, ret_right);
}

static struct gospy_error *try_dwarf(struct gospy_program *program,
				     const struct gospy_anchors *anchors,
				     struct gospy_program_files *files, bool *ret_right)
{
	const struct gospy_image *image = program->modules.data[0].image;
	struct gospy_error *err;

	*ret_right = false;
	if (image->has_dwarf) {
		err = try_dwarf_of(program, anchors, &image->source, ret_right);
		if (err || *ret_right)
			return err;
	}
	if (!files->debug.size) {
		err = gospy_program_find_debug(program, files);
		if (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND) || err)
			return err;
	}
	return try_dwarf_of(program, anchors, &files->debug, ret_right);
}

struct gospy_error *gospy_program_find_layout(struct gospy_program *program,
					      const struct gospy_anchors *anchors,
					      struct gospy_program_files *files)
{
	bool right;
	struct gospy_error *err = try_types_of_file(program, anchors, &right);

	if (!err && !right)
		err = try_types_of_process(program, anchors, &right);
	if (!err && !right)
		err = try_dwarf(program, anchors, files, &right);
	if (err || right)
		return err;
	return gospy_error_create(
		GOSPY_ERROR_NO_SYMBOLS,
		"the runtime of this Go program (%s) has a layout that nothing confirms: its "
		"functions "
		"can be read, its goroutines cannot; --bin with a build that has DWARF may help",
		program->go_version[0] ? program->go_version : "unknown version");
}
