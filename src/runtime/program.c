/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <string.h>

#include <gospy/text.h>

#include "program_parts.h"

/** Sentences for the user; more than a few are not read. */
#define MAX_WARNINGS 32

struct gospy_error *gospy_program_warn(struct gospy_program *program, const char *format, ...)
{
	va_list args;

	if (program->num_warnings >= MAX_WARNINGS)
		return NULL;
	va_start(args, format);
	_cleanup_free_ char *text = gospy_text_vformat(format, args);
	va_end(args);
	if (!text)
		return &gospy_enomem;
	char **grown = realloc(program->warnings,
			       (program->num_warnings + 1) * sizeof(*program->warnings));
	if (!grown)
		return &gospy_enomem;
	program->warnings = grown;
	program->warnings[program->num_warnings++] = take_ptr(text);
	return NULL;
}

void gospy_program_unwarn(struct gospy_program *program, uint32_t count)
{
	while (program->num_warnings > count)
		free(program->warnings[--program->num_warnings]);
}

struct gospy_error *gospy_program_read_bytes(struct gospy_target *target, uint64_t address,
					     uint64_t size, uint64_t max, char **ret)
{
	if (size > max)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "a string of %llu bytes is too long",
					  (unsigned long long)size);
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return &gospy_enomem;
	struct gospy_error *err = size ? gospy_target_read(target, address, text, size) : NULL;
	if (err)
		return err;
	text[size] = '\0';
	*ret = take_ptr(text);
	return NULL;
}

struct gospy_error *gospy_program_read_string(struct gospy_target *target, uint64_t header,
					      uint64_t max, char **ret)
{
	uint64_t words[2];
	struct gospy_error *err = gospy_target_read(target, header, words, sizeof(words));

	return err ? err : gospy_program_read_bytes(target, words[0], words[1], max, ret);
}

void gospy_program_close(struct gospy_program *program)
{
	if (!program)
		return;
	for (size_t i = 0; i < program->modules.size; i++)
		gospy_module_deinit(&program->modules.data[i]);
	gospy_module_vec_deinit(&program->modules);
	for (uint32_t i = 0; i < program->num_wait_reasons; i++)
		free(program->wait_reasons[i]);
	free(program->wait_reasons);
	gospy_program_unwarn(program, 0);
	free(program->warnings);
	free(program->go_version);
	free(program->modinfo);
	free(program->debug_path);
	free(program);
}

static void cleanup_program(struct gospy_program **program)
{
	gospy_program_close(*program);
}

/** Finds the binary and the module that hold the runtime, and fills in what they say. */
static struct gospy_error *load(struct gospy_program *program, const struct gospy_target_info *info,
				struct gospy_mapped_image *mapped)
{
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {};
	struct gospy_pclntab table = {};
	struct gospy_error *err = gospy_target_mappings(program->target, &mappings);

	if (!err)
		err = gospy_mapped_image_find_go(program->target, &mappings, info, mapped, &table);
	if (err)
		return err;
	program->arch = (enum gospy_arch)mapped->image->machine;
	program->has_dwarf = mapped->image->has_dwarf;
	return gospy_program_load_runtime(program, mapped, &table);
}

/** Everything that follows from the module of the runtime. */
static struct gospy_error *interpret(struct gospy_program *program,
				     const struct gospy_anchors *anchors,
				     struct gospy_program_files *files)
{
	struct gospy_error *err = NULL;

	if (files->bin)
		err = gospy_program_find_debug(program, files);
	if (!err)
		err = gospy_program_find_version(program, anchors);
	if (!err)
		err = gospy_program_load_chain(program);
	if (!err)
		err = gospy_program_find_layout(program, anchors, files);
	if (!err)
		err = gospy_program_read_wait_reasons(program);
	return err;
}

static struct gospy_error *open_program(struct gospy_program *program, const char *bin)
{
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {};
	_cleanup_(gospy_mapped_image_deinit) struct gospy_mapped_image mapped = {};
	struct gospy_anchors anchors = {};
	struct gospy_error *err = gospy_target_info(program->target, &info);

	if (!err)
		err = load(program, &info, &mapped);
	if (!err)
		err = gospy_anchors_init(&anchors, &program->modules.data[0], program->arch);
	if (err)
		return err;
	struct gospy_program_files files = {.path = mapped.path, .bin = bin};
	err = interpret(program, &anchors, &files);
	gospy_source_deinit(&files.debug);
	gospy_anchors_deinit(&anchors);
	return err;
}

struct gospy_error *gospy_program_open(struct gospy_target *target,
				       const struct gospy_program_options *options,
				       struct gospy_program **ret)
{
	_cleanup_(cleanup_program) struct gospy_program *program = calloc(1, sizeof(*program));

	if (!program)
		return &gospy_enomem;
	program->target = target;
	program->version = gospy_go_version_parse("");
	program->debug_path = strdup("");
	if (!program->debug_path)
		return &gospy_enomem;
	struct gospy_error *err = open_program(program, options ? options->bin : NULL);
	if (err)
		return err;
	*ret = take_ptr(program);
	return NULL;
}

struct gospy_error *gospy_program_refresh(struct gospy_program *program)
{
	return gospy_program_load_chain(program);
}

const struct gospy_module *gospy_program_module(const struct gospy_program *program, uint64_t pc)
{
	for (size_t i = 0; i < program->modules.size; i++) {
		const struct gospy_module *module = &program->modules.data[i];
		if (pc >= module->text && pc < module->etext)
			return module;
	}
	return NULL;
}

struct gospy_error *gospy_program_find_func(const struct gospy_program *program, uint64_t pc,
					    struct gospy_func *ret,
					    const struct gospy_module **ret_module)
{
	const struct gospy_module *module = gospy_program_module(program, pc);

	if (!module)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no Go code at 0x%llx",
					  (unsigned long long)pc);
	struct gospy_error *err = gospy_pclntab_find_func(&module->pclntab, pc - module->bias, ret);
	if (!err)
		*ret_module = module;
	return err;
}
