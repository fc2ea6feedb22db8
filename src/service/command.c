/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/command.h>

const struct gospy_option gospy_options[] = {
	{GOSPY_OPTION_PID, 'p', "pid", "PID", "the process with this id"},
	{GOSPY_OPTION_NAME, 'n', "name", "NAME",
	 "the one process whose name or executable is called NAME"},
	{GOSPY_OPTION_FORMAT, 'f', "format", "FORMAT", "how the result is written (see below)"},
	{GOSPY_OPTION_JSON, 'j', "json", NULL, "the same as --format json"},
	{GOSPY_OPTION_OUTPUT, 'o', "output", "FILE",
	 "write to FILE, which appears whole or not at all, instead of to standard output"},
	{GOSPY_OPTION_STOP, 's', "stop", "MODE",
	 "auto (default), none: nothing is stopped and each goroutine is verified, or ptrace: "
	 "every thread is held while the process is read"},
	{GOSPY_OPTION_NON_BLOCKING, 0, "non-blocking", NULL, "the same as --stop none"},
	{GOSPY_OPTION_MAX_PAUSE, 0, "max-pause", "DURATION",
	 "with --stop ptrace: let the process go after DURATION (\"20ms\") and go on without a "
	 "stop, saying so"},
	{GOSPY_OPTION_BIN, 'b', "bin", "FILE",
	 "take symbols and DWARF from FILE, an unstripped build of the same binary"},
	{GOSPY_OPTION_FILTER, 'F', "filter", "EXPR",
	 "only goroutines for which EXPR holds: \"status == waiting && wait > 5m\" (gospy's "
	 "FILTER.md has the language)"},
	{GOSPY_OPTION_GROUP_BY, 'g', "group-by", "KEY",
	 "put together by stack, function, state, creator, thread, label:KEY, or none"},
	{GOSPY_OPTION_LIMIT, 'l', "limit", "N",
	 "at most N goroutines, or groups, after filtering and grouping"},
	{GOSPY_OPTION_PC, 0, "pc", "WHICH",
	 "the function shown: start (default), the one the goroutine was started with; caller, "
	 "the one that started it; current, where it is now"},
	{GOSPY_OPTION_SYSTEM, 0, "system", NULL, "the goroutines of the runtime itself too"},
	{GOSPY_OPTION_QUIET, 'q', "quiet", NULL, "no warnings on standard error"},
	{GOSPY_OPTION_VERBOSE, 'v', "verbose", NULL,
	 "say on standard error how the process was read and how long it took"},
	{GOSPY_OPTION_HELP, 'h', "help", NULL, "this text"},
	{GOSPY_OPTION_VERSION, 'V', "version", NULL, "the version of gospy"},
	{GOSPY_OPTION_END, 0, NULL, NULL, NULL},
};

const struct gospy_command gospy_commands[] = {
	{
		.name = "ps",
		.operands = "",
		.summary = "list the Go processes of this machine",
		.description =
			"One line for each process that runs a Go program: its id, the version "
			"of Go, the main module and its version, goroutines, threads, resident "
			"memory, container and command. Nothing is stopped. Processes that may "
			"not be looked at are counted on standard error.\n\n"
			"Formats: text (default), json.",
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
			"goroutine with what it waits for and the function that stands for it "
			"(--pc).\n\n"
			"Formats: text (default), json.",
		.options = {GOSPY_OPTION_PID, GOSPY_OPTION_NAME, GOSPY_OPTION_FORMAT,
			    GOSPY_OPTION_JSON, GOSPY_OPTION_OUTPUT, GOSPY_OPTION_STOP,
			    GOSPY_OPTION_NON_BLOCKING, GOSPY_OPTION_MAX_PAUSE, GOSPY_OPTION_BIN,
			    GOSPY_OPTION_FILTER, GOSPY_OPTION_GROUP_BY, GOSPY_OPTION_LIMIT,
			    GOSPY_OPTION_PC, GOSPY_OPTION_SYSTEM, GOSPY_OPTION_QUIET,
			    GOSPY_OPTION_VERBOSE, GOSPY_OPTION_HELP, GOSPY_OPTION_END},
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
			"off.\n\n"
			"Formats: text (default; goroutines with the same stack are put together), "
			"debug2 (as the runtime itself prints a traceback of all goroutines: "
			"/debug/pprof/goroutine?debug=2), json, ndjson (one goroutine a line), "
			"folded (for flame graphs), pprof (a gzipped profile for go tool pprof).",
		.options = {GOSPY_OPTION_PID, GOSPY_OPTION_NAME, GOSPY_OPTION_FORMAT,
			    GOSPY_OPTION_JSON, GOSPY_OPTION_OUTPUT, GOSPY_OPTION_STOP,
			    GOSPY_OPTION_NON_BLOCKING, GOSPY_OPTION_MAX_PAUSE, GOSPY_OPTION_BIN,
			    GOSPY_OPTION_FILTER, GOSPY_OPTION_GROUP_BY, GOSPY_OPTION_LIMIT,
			    GOSPY_OPTION_PC, GOSPY_OPTION_SYSTEM, GOSPY_OPTION_QUIET,
			    GOSPY_OPTION_VERBOSE, GOSPY_OPTION_HELP, GOSPY_OPTION_END},
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
			"it. Without TARGET: how many of this machine's processes can be looked "
			"at.",
		.options = {GOSPY_OPTION_PID, GOSPY_OPTION_NAME, GOSPY_OPTION_BIN,
			    GOSPY_OPTION_HELP, GOSPY_OPTION_END},
		.examples =
			{
				{"gospy doctor PID", "why can I not look at this process?"},
				{"gospy doctor", "what may I look at on this machine?"},
			},
	},
	{.name = NULL},
};

const struct gospy_command *gospy_command_find(const char *name)
{
	for (const struct gospy_command *c = gospy_commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

const struct gospy_option *gospy_option_get(enum gospy_option_id id)
{
	const struct gospy_option *option = gospy_options;

	while (option->name && option->id != id)
		option++;
	return option;
}

bool gospy_command_takes(const struct gospy_command *command, enum gospy_option_id id)
{
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++) {
		if (*o == id)
			return true;
	}
	return false;
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
