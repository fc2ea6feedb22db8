/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include <gospy/live.h>

#include "commands.h"
#include "process.h"

static enum gospy_exit exit_of_verdict(enum gospy_access_verdict verdict)
{
	switch (verdict) {
	case GOSPY_ACCESS_GRANTED:
	case GOSPY_ACCESS_TRACED:
		return GOSPY_EXIT_OK;
	case GOSPY_ACCESS_NO_PROCESS:
	case GOSPY_ACCESS_ZOMBIE:
	case GOSPY_ACCESS_KERNEL_THREAD:
		return GOSPY_EXIT_NO_PROCESS;
	default:
		return GOSPY_EXIT_NOT_PERMITTED;
	}
}

static void write_line(struct gospy_output *output, const char *name, const char *text)
{
	gospy_output_format(output, "%-10s", name);
	gospy_output_escaped(output, text, strlen(text));
	gospy_output_char(output, '\n');
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static void write_access(struct gospy_output *output, const struct gospy_access *access)
{
	write_line(output,
		   "look:", access->verdict == GOSPY_ACCESS_GRANTED ? "permitted" : access->reason);
	if (*access->remedy)
		write_line(output, "remedy:", access->remedy);
	gospy_output_format(output, "%-10sprocess_vm_readv %s, /proc/PID/mem %s, ptrace %s\n",
			    "ways in:", yes_no(access->can_read_vm), yes_no(access->can_read_mem),
			    yes_no(access->can_ptrace));
}

static const char *confidence_name(enum gospy_confidence confidence)
{
	static const char *const names[] = {"none", "one method", "two methods that agree"};

	return names[confidence];
}

/** What gospy finds in the program: a look, but no capture. */
static int write_program(const struct options *options, struct gospy_output *output)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_program *program = NULL;
	struct gospy_error *err = process_open(options, &target, &program);

	if (err) {
		_cleanup_free_ char *text = gospy_error_string(err);
		int code = (int)gospy_exit_of(err);
		write_line(output, "program:", text ? text : err->message);
		gospy_error_destroy(err);
		return code;
	}
	write_line(output, "program:", program->go_version);
	write_line(output, "layout:", gospy_layout_source_name(program->layout.source));
	write_line(output, "globals:", confidence_name(program->confidence));
	write_line(output, "dwarf:",
		   *program->debug_path ? program->debug_path
					: (program->has_dwarf ? "in the executable" : "none"));
	for (uint32_t i = 0; i < program->num_warnings; i++)
		write_line(output, "warning:", program->warnings[i]);
	gospy_program_close(program);
	return GOSPY_EXIT_OK;
}

static struct gospy_error *doctor_process(const struct options *options,
					  struct gospy_output *output, int *ret_exit)
{
	struct gospy_access access;
	pid_t pid;
	struct gospy_error *err = process_find(options, &pid);

	if (!err)
		err = gospy_access_check(pid, &access);
	if (err)
		return err;
	gospy_output_format(output, "%-10s%d\n", "process:", (int)pid);
	write_access(output, &access);
	*ret_exit = (int)exit_of_verdict(access.verdict);
	if (*ret_exit == GOSPY_EXIT_OK)
		*ret_exit = write_program(options, output);
	gospy_access_deinit(&access);
	return NULL;
}

/** How many processes may be looked at, and what forbids the first that may not. */
static struct gospy_error *doctor_machine(struct gospy_output *output, int *ret_exit)
{
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {};
	uint64_t granted = 0;
	bool explained = false;
	struct gospy_error *err = gospy_live_list(&pids);

	for (size_t i = 0; !err && i < pids.size; i++) {
		struct gospy_access access;
		err = gospy_access_check(pids.data[i], &access);
		if (err)
			break;
		enum gospy_exit code = exit_of_verdict(access.verdict);
		granted += code == GOSPY_EXIT_OK;
		if (code == GOSPY_EXIT_NOT_PERMITTED && !explained) {
			gospy_output_format(output, "%-10s%d\n", "process:", (int)pids.data[i]);
			write_access(output, &access);
			explained = true;
			*ret_exit = GOSPY_EXIT_NOT_PERMITTED;
		}
		gospy_access_deinit(&access);
	}
	gospy_output_format(output, "%llu of %zu processes may be looked at%s\n",
			    (unsigned long long)granted, pids.size,
			    explained ? "; above is the first that may not" : "");
	return err;
}

struct gospy_error *command_doctor(const struct options *options, int *ret_exit)
{
	struct gospy_output output;
	struct gospy_error *err;

	gospy_output_init_fd(&output, STDOUT_FILENO);
	if (options->pid || options->name)
		err = doctor_process(options, &output, ret_exit);
	else
		err = doctor_machine(&output, ret_exit);
	if (!err)
		err = gospy_output_flush(&output);
	gospy_output_deinit(&output);
	return err;
}
