/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/live.h>

#include "process.h"

/** Candidates that an error message lists. */
#define MAX_LISTED 10

static bool is_called(pid_t pid, const char *name)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_target_info info;
	struct gospy_error *err = gospy_live_open(pid, &target);

	if (!err)
		err = gospy_target_info(target, &info);
	if (err) {
		gospy_error_destroy(err);
		return false;
	}
	const char *slash = strrchr(info.exe, '/');
	bool called = !strcmp(info.name, name) || !strcmp(slash ? slash + 1 : info.exe, name);
	gospy_target_info_deinit(&info);
	return called;
}

static struct gospy_error *several(const char *name, const struct gospy_pid_vec *found)
{
	struct gospy_output list;

	gospy_output_init_memory(&list);
	for (size_t i = 0; i < found->size && i < MAX_LISTED; i++)
		gospy_output_format(&list, " %d", (int)found->data[i]);
	if (found->size > MAX_LISTED)
		gospy_output_string(&list, " ...");
	struct gospy_error *err = gospy_error_create(
		GOSPY_ERROR_USAGE, "%zu processes are called %s: give one of the ids%s",
		found->size, name, list.data ? list.data : "");
	gospy_output_deinit(&list);
	return err;
}

static struct gospy_error *find_by_name(const char *name, pid_t *ret)
{
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {}, found = {};
	struct gospy_error *err = gospy_live_list(&pids);

	for (size_t i = 0; !err && i < pids.size; i++) {
		if (is_called(pids.data[i], name) && !gospy_pid_vec_append(&found, pids.data[i]))
			return &gospy_enomem;
	}
	if (err)
		return err;
	if (!found.size)
		return gospy_error_create(GOSPY_ERROR_EXITED, "no process is called %s", name);
	if (found.size > 1)
		return several(name, &found);
	*ret = found.data[0];
	return NULL;
}

struct gospy_error *process_find(const struct options *options, pid_t *ret)
{
	if (options->name)
		return find_by_name(options->name, ret);
	*ret = options->pid;
	return NULL;
}

struct gospy_error *process_open(const struct options *options, struct gospy_target **ret_target,
				 struct gospy_program **ret)
{
	const struct gospy_program_options program_options = {.bin = options->bin};
	_cleanup_target_ struct gospy_target *target = NULL;
	pid_t pid;
	struct gospy_error *err = process_find(options, &pid);

	if (!err)
		err = gospy_live_open(pid, &target);
	if (!err)
		err = gospy_program_open(target, &program_options, ret);
	if (!err)
		*ret_target = take_ptr(target);
	return err;
}
