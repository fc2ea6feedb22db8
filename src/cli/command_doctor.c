/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include <gospy/live.h>

#include "commands.h"
#include "process.h"
#include "result.h"

/** GOSPY_ACCESS_LSM is the last. */
#define NUM_VERDICTS (GOSPY_ACCESS_LSM + 1)

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
	gospy_output_format(output, "%-11s", name);
	gospy_output_escaped(output, text, strlen(text));
	gospy_output_char(output, '\n');
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static void write_access(struct gospy_output *output, const struct gospy_access *access)
{
	enum gospy_exit code = exit_of_verdict(access->verdict);

	write_line(output, "look:", code == GOSPY_EXIT_OK ? "permitted" : "not possible");
	write_line(output, "reason:", access->reason);
	if (*access->remedy)
		write_line(output, "remedy:", access->remedy);
	if (code != GOSPY_EXIT_NO_PROCESS)
		gospy_output_format(output,
				    "%-11sprocess_vm_readv %s, /proc/PID/mem %s, ptrace %s\n",
				    "ways in:", yes_no(access->can_read_vm),
				    yes_no(access->can_read_mem), yes_no(access->can_ptrace));
}

static const char *confidence_name(enum gospy_confidence confidence)
{
	static const char *const names[] = {"none", "one method", "two methods that agree"};

	return names[confidence];
}

static void write_found(struct gospy_output *output, const struct gospy_program *program)
{
	write_line(output, "program:", program->go_version);
	write_line(output, "layout:", gospy_layout_source_name(program->layout.source));
	write_line(output, "globals:", confidence_name(program->confidence));
	write_line(output, "dwarf:",
		   *program->debug_path ? program->debug_path
					: (program->has_dwarf ? "in the executable" : "none"));
	for (uint32_t i = 0; i < program->num_warnings; i++)
		write_line(output, "warning:", program->warnings[i]);
}

/** What gospy finds in the program: a look, but no capture. */
static int write_program(const struct options *options, pid_t pid, struct gospy_output *output)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_program *program = NULL;
	struct gospy_error *err = process_open(options, pid, &target, &program);

	if (err) {
		_cleanup_free_ char *text = gospy_error_string(err);
		int code = (int)gospy_exit_of(err);
		write_line(output, "program:", text ? text : err->message);
		if (code == GOSPY_EXIT_NOT_PERMITTED)
			gospy_output_format(output, "%-11ssudo gospy doctor %d\n",
					    "remedy:", (int)pid);
		gospy_error_destroy(err);
		return code;
	}
	write_found(output, program);
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
	gospy_output_format(output, "%-11s%d\n", "process:", (int)pid);
	write_access(output, &access);
	*ret_exit = (int)exit_of_verdict(access.verdict);
	if (*ret_exit == GOSPY_EXIT_OK)
		*ret_exit = write_program(options, pid, output);
	gospy_access_deinit(&access);
	return NULL;
}

static void write_self(struct gospy_output *output, const struct gospy_access_self *self)
{
	gospy_output_format(output, "%-11suid %llu, %s CAP_SYS_PTRACE%s\n",
			    "user:", (unsigned long long)self->uid,
			    self->capable ? "with" : "without",
			    self->in_container ? ", in a container's pid namespace" : "");
	if (self->yama_scope < 0)
		write_line(output, "Yama:", "not in this kernel");
	else
		gospy_output_format(output, "%-11skernel.yama.ptrace_scope is %d\n",
				    "Yama:", self->yama_scope);
	if (self->seccomp_mode)
		gospy_output_format(output, "%-11sa filter: process_vm_readv %s, ptrace %s\n",
				    "seccomp:", yes_no(self->can_read_vm),
				    yes_no(self->can_ptrace));
	else
		write_line(output, "seccomp:", "no filter");
	write_line(output, "/proc:",
		   !self->have_proc   ? "not mounted"
		   : self->proc_hides ? "hides processes of others (hidepid)"
				      : "shows all processes");
}

/** How many processes each verdict was given to, and the first of them with its reason. */
struct census {
	uint64_t counts[NUM_VERDICTS];
	struct gospy_access first[NUM_VERDICTS];
};

static void census_deinit(struct census *census)
{
	for (int i = 0; i < NUM_VERDICTS; i++)
		gospy_access_deinit(&census->first[i]);
}

static struct gospy_error *count_processes(struct census *census)
{
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {};
	struct gospy_error *err = gospy_live_list(&pids);

	for (size_t i = 0; !err && i < pids.size; i++) {
		struct gospy_access access;
		/* A look at oneself is permitted whatever the rest. */
		if (pids.data[i] == getpid())
			continue;
		err = gospy_access_check(pids.data[i], &access);
		if (err)
			break;
		if (!census->counts[access.verdict]++)
			census->first[access.verdict] = access;
		else
			gospy_access_deinit(&access);
	}
	return err;
}

static void write_census(struct gospy_output *output, const struct census *census, int *ret_exit)
{
	uint64_t permitted = 0, forbidden = 0;

	for (int i = 0; i < NUM_VERDICTS; i++) {
		enum gospy_exit code = exit_of_verdict((enum gospy_access_verdict)i);
		permitted += code == GOSPY_EXIT_OK ? census->counts[i] : 0;
		forbidden += code == GOSPY_EXIT_NOT_PERMITTED ? census->counts[i] : 0;
	}
	gospy_output_format(output, "%-11s%llu may be looked at, %llu may not\n",
			    "processes:", (unsigned long long)permitted,
			    (unsigned long long)forbidden);
	for (int i = 0; i < NUM_VERDICTS; i++) {
		const struct gospy_access *first = &census->first[i];
		if (!census->counts[i] || i == GOSPY_ACCESS_GRANTED ||
		    exit_of_verdict((enum gospy_access_verdict)i) == GOSPY_EXIT_NO_PROCESS)
			continue;
		gospy_output_format(output, "\n%-11s%llu\n",
				    "processes:", (unsigned long long)census->counts[i]);
		write_line(output, "reason:", first->reason);
		if (*first->remedy)
			write_line(output, "remedy:", first->remedy);
	}
	if (!permitted && forbidden)
		*ret_exit = GOSPY_EXIT_NOT_PERMITTED;
}

static struct gospy_error *doctor_machine(struct gospy_output *output, int *ret_exit)
{
	_cleanup_(census_deinit) struct census census = {};
	struct gospy_access_self self;
	struct gospy_error *err = gospy_access_self(&self);

	if (!err && self.have_proc)
		err = count_processes(&census);
	if (err)
		return err;
	write_self(output, &self);
	if (self.have_proc)
		write_census(output, &census, ret_exit);
	else
		*ret_exit = GOSPY_EXIT_NOT_PERMITTED;
	return NULL;
}

struct gospy_error *command_doctor(const struct options *options, int *ret_exit)
{
	_cleanup_(result_deinit) struct result result = {.fd = -1};
	struct gospy_error *err = result_open(&result, options->output);

	if (err)
		return err;
	if (options->pid || options->name)
		err = doctor_process(options, &result.output, ret_exit);
	else
		err = doctor_machine(&result.output, ret_exit);
	return err ? err : result_commit(&result);
}
