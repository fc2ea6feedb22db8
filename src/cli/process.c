/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include <gospy/live.h>
#include <gospy/text.h>

#include "process.h"

/** Candidates that an error message lists. */
#define MAX_LISTED 10

/** One that may not be looked at, or has ended, is not called anything. */
static struct gospy_error *is_called(pid_t pid, const char *name, bool *ret)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_target_info info;
	struct gospy_error *err = gospy_live_open(pid, &target);

	*ret = false;
	if (!err)
		err = gospy_target_info(target, &info);
	if (err && err->code != GOSPY_ERROR_NO_MEMORY) {
		gospy_error_destroy(err);
		return NULL;
	}
	if (err)
		return err;
	const char *slash = strrchr(info.exe, '/');
	*ret = !strcmp(info.name, name) || !strcmp(slash ? slash + 1 : info.exe, name);
	gospy_target_info_deinit(&info);
	return NULL;
}

static struct gospy_error *several(const char *name, const struct gospy_pid_vec *found)
{
	struct gospy_output list;

	gospy_output_init_memory(&list);
	for (size_t i = 0; i < found->size && i < MAX_LISTED; i++)
		gospy_output_format(&list, "%s%d", i ? ", " : "", (int)found->data[i]);
	if (found->size > MAX_LISTED)
		gospy_output_string(&list, ", ...");
	struct gospy_error *err = gospy_error_create(
		GOSPY_ERROR_USAGE, "%zu processes are called %s, give the id of one: %s",
		found->size, name, list.data ? list.data : "");
	gospy_output_deinit(&list);
	return err;
}

static struct gospy_error *find_by_name(const char *name, pid_t *ret)
{
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {}, found = {};
	struct gospy_error *err = gospy_live_list(&pids);

	for (size_t i = 0; !err && i < pids.size; i++) {
		bool called;
		if (pids.data[i] == getpid())
			continue;
		err = is_called(pids.data[i], name, &called);
		if (!err && called && !gospy_pid_vec_append(&found, pids.data[i]))
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

/** Whether the verdict is why the look failed with `code`; one that seems to have ended may only be
 * hidden (hidepid). */
static bool explains(enum gospy_access_verdict verdict, enum gospy_error_code code)
{
	if (code == GOSPY_ERROR_EXITED)
		return verdict == GOSPY_ACCESS_NO_PROC;
	switch (verdict) {
	case GOSPY_ACCESS_GRANTED:
	case GOSPY_ACCESS_NO_PROCESS:
	case GOSPY_ACCESS_ZOMBIE:
	case GOSPY_ACCESS_KERNEL_THREAD:
		return false;
	default:
		return true;
	}
}

/** The remedies of the access check name the command that asked for them: "gospy doctor". */
static char *remedy_for(const char *command, const char *remedy)
{
	const char *doctor = strstr(remedy, "gospy doctor ");

	if (!doctor)
		return strdup(remedy);
	int before = (int)(doctor - remedy + 6);
	return gospy_text_format("%.*s%s%s", before, remedy, command, remedy + before + 6);
}

static struct gospy_error *explanation(const struct options *options,
				       const struct gospy_access *access)
{
	_cleanup_free_ char *remedy = remedy_for(options->command->name, access->remedy);

	return gospy_error_create(GOSPY_ERROR_PERMISSION, "not permitted: %s; try: %s",
				  access->reason, remedy ? remedy : access->remedy);
}

struct gospy_error *process_explain(const struct options *options, pid_t pid,
				    struct gospy_error *err)
{
	struct gospy_access access;

	if (!err || (err->code != GOSPY_ERROR_PERMISSION && err->code != GOSPY_ERROR_EXITED))
		return err;
	struct gospy_error *check_err = gospy_access_check(pid, &access);
	if (check_err) {
		gospy_error_destroy(check_err);
		return err;
	}
	if (explains(access.verdict, err->code)) {
		gospy_error_destroy(err);
		err = explanation(options, &access);
	} else if (err->code == GOSPY_ERROR_PERMISSION) {
		/* The process may be looked at, its executable may not. */
		err = gospy_error_wrap(err, "not permitted; try: sudo gospy %s %d",
				       options->command->name, (int)pid);
	}
	gospy_access_deinit(&access);
	return err;
}

struct gospy_error *process_open(const struct options *options, pid_t pid,
				 struct gospy_target **ret_target, struct gospy_program **ret)
{
	const struct gospy_program_options program_options = {.bin = options->bin};
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_error *err = gospy_live_open(pid, &target);

	if (!err)
		err = gospy_program_open(target, &program_options, ret);
	if (!err)
		*ret_target = take_ptr(target);
	return err;
}
