/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/buildinfo.h>
#include <gospy/limits.h>
#include <gospy/text.h>

#include "program_parts.h"

/** "go1.24.1 X:..." with the names of its experiments. */
#define MAX_VERSION 256

/** A string that the process may lack: NULL, without an error, then. */
static struct gospy_error *try_string(const struct gospy_program *program, uint64_t header,
				      uint64_t max, char **ret)
{
	struct gospy_error *err = gospy_program_read_string(program->target, header, max, ret);

	if (gospy_error_catch(&err, GOSPY_ERROR_FAULT) ||
	    gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA))
		*ret = NULL;
	return err;
}

static bool is_version(const char *text)
{
	return gospy_text_is_printable(text, strlen(text)) &&
	       (!strncmp(text, "go1.", 4) || !strncmp(text, "devel ", 6));
}

/** Up to Go 1.17 the build information may hold addresses of variables instead of texts. */
static struct gospy_error *read_headers(const struct gospy_program *program,
					struct gospy_buildinfo *info)
{
	uint64_t bias = program->modules.data[0].bias;
	_cleanup_free_ char *version = NULL, *modinfo = NULL;
	struct gospy_error *err = NULL;

	if (!info->version[0] && info->version_header)
		err = try_string(program, info->version_header + bias, MAX_VERSION, &version);
	if (!err && !info->modinfo[0] && info->modinfo_header)
		err = try_string(program, info->modinfo_header + bias, GOSPY_MAX_MODINFO, &modinfo);
	if (err)
		return err;
	if (version && is_version(version)) {
		free(info->version);
		info->version = take_ptr(version);
	}
	const char *lines = modinfo;
	uint64_t size = modinfo ? strlen(modinfo) : 0;
	gospy_buildinfo_unframe(&lines, &size);
	if (size) {
		free(info->modinfo);
		info->modinfo = strndup(lines, size);
		if (!info->modinfo)
			return &gospy_enomem;
	}
	return NULL;
}

/**
 * runtime.schedinit names runtime.buildVersion (runtime/proc.go: it sets it where the linker did
 * not). The only string variable there whose text is a version.
 */
static struct gospy_error *find_build_version(const struct gospy_program *program,
					      const struct gospy_anchors *anchors, char **ret)
{
	const struct gospy_operand_vec *operands = &anchors->operands[GOSPY_ANCHOR_SCHEDINIT];

	for (size_t i = 0; i < operands->size; i++) {
		const struct gospy_operand *operand = &operands->data[i];
		_cleanup_free_ char *text = NULL;
		if (operand->kind == GOSPY_OPERAND_COMPARE ||
		    !gospy_global_is_static(program, operand->address))
			continue;
		struct gospy_error *err = try_string(program, operand->address, MAX_VERSION, &text);
		if (err)
			return err;
		if (text && is_version(text)) {
			*ret = take_ptr(text);
			return NULL;
		}
	}
	return NULL;
}

static struct gospy_error *read_buildinfo(const struct gospy_program *program,
					  struct gospy_buildinfo *ret)
{
	struct gospy_error *err = gospy_buildinfo_read(program->modules.data[0].image, ret);

	if (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND) ||
	    gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA)) {
		*ret = (struct gospy_buildinfo){.version = strdup(""), .modinfo = strdup("")};
		return ret->version && ret->modinfo ? NULL : &gospy_enomem;
	}
	return err ? err : read_headers(program, ret);
}

bool gospy_program_knows_version(const struct gospy_program *program)
{
	return program->version.major == 1 && program->version.minor >= 0 &&
	       program->version.minor <= GOSPY_NEWEST_GO_MINOR;
}

static struct gospy_error *warn_of_version(struct gospy_program *program)
{
	if (program->version.minor < 0)
		return gospy_program_warn(program,
					  "the Go version (%s) is not a known release: layouts are "
					  "taken from the program itself",
					  program->go_version[0] ? program->go_version
								 : "none found");
	if (gospy_program_knows_version(program))
		return NULL;
	return gospy_program_warn(
		program,
		"%s is newer than any version this gospy knows (go1.%d): layouts are "
		"taken from the program itself",
		program->go_version, GOSPY_NEWEST_GO_MINOR);
}

struct gospy_error *gospy_program_find_version(struct gospy_program *program,
					       const struct gospy_anchors *anchors)
{
	_cleanup_(gospy_buildinfo_deinit) struct gospy_buildinfo info = {};
	_cleanup_free_ char *built = NULL;
	struct gospy_error *err = read_buildinfo(program, &info);

	if (!err && !info.version[0])
		err = find_build_version(program, anchors, &built);
	if (err)
		return err;
	program->go_version = built ? take_ptr(built) : take_ptr(info.version);
	program->modinfo = take_ptr(info.modinfo);
	program->version = gospy_go_version_parse(program->go_version);
	program->modules.data[0].pclntab.go_minor = program->version.minor;
	return warn_of_version(program);
}
