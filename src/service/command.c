/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/command.h>

#define FORMAT(name) (1u << GOSPY_FORMAT_##name)

/* The options of every command that takes a snapshot of a process. */
#define SNAPSHOT_OPTIONS                                                                           \
	GOSPY_OPTION_PID, GOSPY_OPTION_NAME, GOSPY_OPTION_FORMAT, GOSPY_OPTION_JSON,               \
		GOSPY_OPTION_OUTPUT, GOSPY_OPTION_FILTER, GOSPY_OPTION_GROUP_BY,                   \
		GOSPY_OPTION_LIMIT, GOSPY_OPTION_PC, GOSPY_OPTION_SYSTEM, GOSPY_OPTION_STOP,       \
		GOSPY_OPTION_NON_BLOCKING, GOSPY_OPTION_MAX_PAUSE, GOSPY_OPTION_BIN,               \
		GOSPY_OPTION_COLOR, GOSPY_OPTION_QUIET, GOSPY_OPTION_VERBOSE

const struct gospy_command gospy_commands[] = {
	{
		.name = "ps",
		.operands = "",
		.summary = "list the Go processes of this machine",
		.description =
			"One line for each process that runs a Go program: its id, the version "
			"of Go, the main module and its version, goroutines (without those of the "
			"runtime itself), threads, resident memory, container and command. Nothing "
			"is stopped. Processes that may "
			"not be looked at are counted on standard error.",
		.formats = FORMAT(TEXT) | FORMAT(JSON),
		.options = {GOSPY_OPTION_FORMAT, GOSPY_OPTION_JSON, GOSPY_OPTION_OUTPUT,
			    GOSPY_OPTION_QUIET, GOSPY_OPTION_HELP, GOSPY_OPTION_END},
		.examples =
			{
				{"gospy ps", "what Go programs run here?"},
				{"gospy ps --json", "the same for a script"},
			},
	},
	{
		.name = "summary",
		.operands = "TARGET",
		.max_operands = 1,
		.summary = "show a process at a glance, and one line for each goroutine",
		.description =
			"Version, processors, threads and goroutines by state, then each "
			"goroutine with what it waits for and the function that stands for it.",
		.formats = FORMAT(TEXT) | FORMAT(JSON) | FORMAT(NDJSON),
		.options = {SNAPSHOT_OPTIONS, GOSPY_OPTION_HELP, GOSPY_OPTION_END},
		.examples =
			{
				{"gospy summary PID", "what are the goroutines doing?"},
				{"gospy summary PID --group-by function --limit 10",
				 "which functions have the most goroutines?"},
				{"gospy summary PID --pc current --filter 'wait > 1m'",
				 "where do those stand that wait for more than a minute?"},
			},
	},
	{
		.name = "dump",
		.operands = "TARGET",
		.max_operands = 1,
		.summary = "show every goroutine with its whole stack",
		.description =
			"Inlined calls are shown as calls of their own, and no stack is cut "
			"off. As text, goroutines with the same stack are put together unless "
			"--group-by says otherwise.",
		.formats = FORMAT(TEXT) | FORMAT(JSON) | FORMAT(NDJSON) | FORMAT(DEBUG2) |
			   FORMAT(FOLDED) | FORMAT(PPROF),
		.options = {SNAPSHOT_OPTIONS, GOSPY_OPTION_HELP, GOSPY_OPTION_END},
		.examples =
			{
				{"gospy dump PID", "every stack, equal ones together"},
				{"gospy dump PID --format debug2 -o goroutines.txt",
				 "the traceback that SIGQUIT would print, from a process that "
				 "goes on"},
				{"gospy dump PID --format pprof -o goroutine.pb.gz",
				 "a goroutine profile for go tool pprof"},
				{"gospy dump PID --filter 'func =~ \"net/http\" && status == "
				 "waiting'",
				 "only what waits in HTTP code"},
			},
	},
	{
		.name = "doctor",
		.operands = "[TARGET]",
		.max_operands = 1,
		.summary = "tell whether a process may be looked at, and if not, what to change",
		.description =
			"Names the one thing that forbids the look (user, user namespace, Yama, "
			"capabilities, seccomp, dumpable, another tracer) and the line that mends "
			"it; for a Go program that may be looked at, how its structures are found. "
			"Without TARGET: what may be looked at on this machine, and what forbids "
			"the rest.",
		.options = {GOSPY_OPTION_PID, GOSPY_OPTION_NAME, GOSPY_OPTION_OUTPUT,
			    GOSPY_OPTION_BIN, GOSPY_OPTION_HELP, GOSPY_OPTION_END},
		.examples =
			{
				{"gospy doctor PID", "why can I not look at this process?"},
				{"gospy doctor", "what may I look at on this machine?"},
			},
	},
	{.name = NULL},
};

const struct gospy_note gospy_exits[] = {
	{"0", "all well"},	{"1", "failed"},
	{"2", "wrong usage"},	{"3", "no such process, or not a Go program"},
	{"4", "not permitted"}, {"5", "done, but partly, which is said on standard error"},
	{NULL, NULL},
};

const struct gospy_note gospy_environment[] = {
	{"NO_COLOR", "when set and not empty, --color auto is never"},
	{"DEBUGINFOD_URLS",
	 "servers that are asked for the debug information of a binary that needs "
	 "it and has none"},
	{NULL, NULL},
};

const char gospy_target_help[] = "TARGET is a process id, or --pid PID, or --name NAME.";

const char gospy_filter_help[] =
	"Conditions are FIELD OPERATOR VALUE, joined by && and ||, turned round by !, put together "
	"by parentheses. Fields: id, status, reason, wait, func and file (of any frame), current, "
	"start, creator, label.KEY, thread, parent, locked, system, torn. Operators: == != < <= > "
	">=, and =~ !~ for regular expressions. Durations are written 250ms or 1m30s. A word alone "
	"is searched for in the functions of all frames.";

const struct gospy_command *gospy_command_find(const char *name)
{
	for (const struct gospy_command *c = gospy_commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

enum gospy_exit gospy_exit_of(const struct gospy_error *err)
{
	switch (err->code) {
	case GOSPY_ERROR_USAGE:
		return GOSPY_EXIT_USAGE;
	case GOSPY_ERROR_EXITED:
	case GOSPY_ERROR_NOT_GO:
		return GOSPY_EXIT_NO_PROCESS;
	case GOSPY_ERROR_PERMISSION:
		return GOSPY_EXIT_NOT_PERMITTED;
	default:
		return GOSPY_EXIT_FAILED;
	}
}
