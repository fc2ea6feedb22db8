/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_COMMAND_H
#define GOSPY_COMMAND_H

/**
 * The commands as data: one table that the command line, `--help`, the manual page and the tests
 * share. To add a command or an option see doc/HOWTO_ADD_COMMAND.md.
 */
#include <stdbool.h>
#include <stddef.h>

#include <gospy/render.h>

/** Options by meaning; the same everywhere. */
enum gospy_option_id {
	GOSPY_OPTION_END,
	GOSPY_OPTION_PID,
	GOSPY_OPTION_NAME,
	GOSPY_OPTION_FORMAT,
	GOSPY_OPTION_JSON,
	GOSPY_OPTION_OUTPUT,
	GOSPY_OPTION_STOP,
	GOSPY_OPTION_NON_BLOCKING,
	GOSPY_OPTION_MAX_PAUSE,
	GOSPY_OPTION_BIN,
	GOSPY_OPTION_FILTER,
	GOSPY_OPTION_GROUP_BY,
	GOSPY_OPTION_LIMIT,
	GOSPY_OPTION_PC,
	GOSPY_OPTION_SYSTEM,
	GOSPY_OPTION_COLOR,
	GOSPY_OPTION_QUIET,
	GOSPY_OPTION_VERBOSE,
	GOSPY_OPTION_HELP,
	GOSPY_OPTION_VERSION,
};

/** One word that an option's argument may be. */
struct gospy_word {
	const char *name;
	/** Of the enumeration that the option is about. */
	int value;
	const char *help;
};

struct gospy_option {
	enum gospy_option_id id;
	/** 0 when there is no short form. */
	char letter;
	const char *name;
	/** What stands for its argument in help; NULL when it takes none. */
	const char *argument;
	const char *help;
	/** What the argument may be, the default first, ended by a NULL name; NULL: anything. */
	const struct gospy_word *words;
};

/** --color. */
enum gospy_color {
	GOSPY_COLOR_AUTO,
	GOSPY_COLOR_ALWAYS,
	GOSPY_COLOR_NEVER,
};

/** The word of --group-by that stands for a label key: "label:" and the key. */
#define GOSPY_GROUP_LABEL_PREFIX "label:"

struct gospy_example {
	/** The command line, with PID where a process id belongs. */
	const char *line;
	const char *says;
};

#define GOSPY_COMMAND_OPTIONS 22
#define GOSPY_COMMAND_EXAMPLES 6

struct gospy_command {
	const char *name;
	/** What follows the name in a usage line: "TARGET". */
	const char *operands;
	/** How many operands at the most. */
	int max_operands;
	const char *summary;
	/** Paragraphs, separated by empty lines. */
	const char *description;
	/** Bits 1 << enum gospy_format of those that --format takes; 0: it has no --format. */
	unsigned formats;
	/** Ends with GOSPY_OPTION_END. */
	enum gospy_option_id options[GOSPY_COMMAND_OPTIONS];
	/** Ends with a NULL line. */
	struct gospy_example examples[GOSPY_COMMAND_EXAMPLES];
};

/** Exit codes, the same for every command. */
enum gospy_exit {
	GOSPY_EXIT_OK = 0,
	GOSPY_EXIT_FAILED = 1,
	GOSPY_EXIT_USAGE = 2,
	GOSPY_EXIT_NO_PROCESS = 3,
	GOSPY_EXIT_NOT_PERMITTED = 4,
	GOSPY_EXIT_PARTLY = 5,
};

/** A line of explanation: an exit code by its number, an environment variable. */
struct gospy_note {
	const char *name;
	const char *help;
};

/** All options in the order of the manual, all commands in the order of the help, exit codes by
 * number, environment variables; each ended by a NULL name. */
extern const struct gospy_option gospy_options[];
extern const struct gospy_command gospy_commands[];
extern const struct gospy_note gospy_exits[];
extern const struct gospy_note gospy_environment[];
/** What TARGET stands for, and the language of --filter in short. */
extern const char gospy_target_help[];
extern const char gospy_filter_help[];

/** NULL when there is none. */
const struct gospy_command *gospy_command_find(const char *name);
/** The option of that id, which must be in the table. */
const struct gospy_option *gospy_option_get(enum gospy_option_id id);
bool gospy_command_takes(const struct gospy_command *command, enum gospy_option_id id);
/** Whether `word` of `option` is one that `command` takes: not every command has every format. */
bool gospy_command_takes_word(const struct gospy_command *command,
			      const struct gospy_option *option, const struct gospy_word *word);

/** `gospy --help`, `gospy COMMAND --help`, and the manual page gospy(1) in mdoc(7). */
void gospy_commands_help(struct gospy_output *output);
void gospy_command_help(const struct gospy_command *command, struct gospy_output *output);
void gospy_commands_manual(struct gospy_output *output);

/** The exit code that tells of `err`. */
enum gospy_exit gospy_exit_of(const struct gospy_error *err);

#endif
