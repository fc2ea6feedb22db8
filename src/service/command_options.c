/* SPDX-License-Identifier: MIT */
#include <gospy/command.h>

static const struct gospy_word formats[] = {
	{"text", GOSPY_FORMAT_TEXT, "for people"},
	{"json", GOSPY_FORMAT_JSON, "one object; members are added, never renamed"},
	{"ndjson", GOSPY_FORMAT_NDJSON, "one JSON object a line, one line a goroutine"},
	{"debug2", GOSPY_FORMAT_DEBUG2,
	 "as the runtime itself prints a traceback of all goroutines, and "
	 "/debug/pprof/goroutine?debug=2"},
	{"folded", GOSPY_FORMAT_FOLDED, "one stack a line and how often, for flame graphs"},
	{"pprof", GOSPY_FORMAT_PPROF, "a gzipped profile, for go tool pprof"},
	{NULL, 0, NULL},
};

static const struct gospy_word stop_modes[] = {
	{"auto", GOSPY_STOP_AUTO, "what serves best here: none"},
	{"none", GOSPY_STOP_NONE,
	 "the process runs on, but for a thread that runs Go code just then, which is held for "
	 "microseconds; each goroutine is read again until it holds still, and marked torn if it "
	 "does not"},
	{"ptrace", GOSPY_STOP_PTRACE, "every thread is held while the process is read"},
	{NULL, 0, NULL},
};

static const struct gospy_word group_keys[] = {
	{"none", GOSPY_VIEW_GROUP_NONE, "each goroutine by itself"},
	{"stack", GOSPY_VIEW_GROUP_STACK, "the same stack"},
	{"function", GOSPY_VIEW_GROUP_FUNCTION, "the same function as --pc shows it"},
	{"state", GOSPY_VIEW_GROUP_STATE, "the same state and wait reason"},
	{"creator", GOSPY_VIEW_GROUP_CREATOR, "made by the same go statement"},
	{"thread", GOSPY_VIEW_GROUP_THREAD, "on the same thread"},
	{GOSPY_GROUP_LABEL_PREFIX "KEY", GOSPY_VIEW_GROUP_LABEL,
	 "the same value of the profiler label KEY"},
	{NULL, 0, NULL},
};

static const struct gospy_word functions_shown[] = {
	{"start", GOSPY_VIEW_PC_START, "the function it was started with"},
	{"caller", GOSPY_VIEW_PC_CALLER, "the one whose go statement made it"},
	{"current", GOSPY_VIEW_PC_CURRENT, "the one it is in, below the runtime's own waiting"},
	{NULL, 0, NULL},
};

static const struct gospy_word color_modes[] = {
	{"auto", GOSPY_COLOR_AUTO, "on a terminal, unless NO_COLOR is set"},
	{"always", GOSPY_COLOR_ALWAYS, "in text wherever it goes"},
	{"never", GOSPY_COLOR_NEVER, "no"},
	{NULL, 0, NULL},
};

const struct gospy_option gospy_options[] = {
	{GOSPY_OPTION_PID, 'p', "pid", "PID", "the process with this id", NULL},
	{GOSPY_OPTION_NAME, 'n', "name", "NAME",
	 "the one process whose name or executable is called NAME", NULL},
	{GOSPY_OPTION_FORMAT, 'f', "format", "FORMAT", "how the result is written", formats},
	{GOSPY_OPTION_JSON, 'j', "json", NULL, "the same as --format json", NULL},
	{GOSPY_OPTION_OUTPUT, 'o', "output", "FILE",
	 "write to FILE, which appears whole or not at all; - is standard output", NULL},
	{GOSPY_OPTION_STOP, 's', "stop", "MODE", "how the process is held while it is read",
	 stop_modes},
	{GOSPY_OPTION_NON_BLOCKING, 0, "non-blocking", NULL, "the same as --stop none", NULL},
	{GOSPY_OPTION_MAX_PAUSE, 0, "max-pause", "TIME",
	 "let a held process go after TIME, such as 20ms, and go on without holding it, saying so",
	 NULL},
	{GOSPY_OPTION_BIN, 'b', "bin", "FILE",
	 "take symbols and DWARF from FILE, an unstripped build of the same binary", NULL},
	{GOSPY_OPTION_FILTER, 'F', "filter", "EXPR", "only goroutines for which EXPR holds", NULL},
	{GOSPY_OPTION_GROUP_BY, 'g', "group-by", "KEY",
	 "put goroutines together that have in common", group_keys},
	{GOSPY_OPTION_LIMIT, 'l', "limit", "N",
	 "at most N goroutines, or groups, after filtering and grouping", NULL},
	{GOSPY_OPTION_PC, 0, "pc", "WHICH", "the function that stands for a goroutine",
	 functions_shown},
	{GOSPY_OPTION_SYSTEM, 0, "system", NULL, "the goroutines of the runtime itself too", NULL},
	{GOSPY_OPTION_COLOR, 0, "color", "WHEN", "whether states are coloured", color_modes},
	{GOSPY_OPTION_QUIET, 'q', "quiet", NULL, "no warnings on standard error", NULL},
	{GOSPY_OPTION_VERBOSE, 'v', "verbose", NULL,
	 "say on standard error how the process was read and how long it took", NULL},
	{GOSPY_OPTION_HELP, 'h', "help", NULL, "help, of a command or of all", NULL},
	{GOSPY_OPTION_VERSION, 'V', "version", NULL, "the version of gospy", NULL},
	{GOSPY_OPTION_END, 0, NULL, NULL, NULL, NULL},
};

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

bool gospy_command_takes_word(const struct gospy_command *command,
			      const struct gospy_option *option, const struct gospy_word *word)
{
	return option->id != GOSPY_OPTION_FORMAT || (command->formats >> word->value & 1);
}
