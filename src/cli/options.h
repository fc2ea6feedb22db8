/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLI_OPTIONS_H
#define GOSPY_CLI_OPTIONS_H

/** The command line, read once: every command takes its part from here. */
#include <gospy/capture.h>
#include <gospy/command.h>
#include <gospy/render.h>

struct options {
	const struct gospy_command *command;
	/** The process, by number or by name; 0 and NULL when not given. */
	pid_t pid;
	const char *name;
	enum gospy_format format;
	const char *output;
	struct gospy_capture_request capture;
	const char *bin;
	struct gospy_view_options view;
	bool group_given;
	enum gospy_color color;
	bool quiet;
	bool verbose;
	bool help;
	bool version;
};

/**
 * Reads `argv` (argv[0] is the command's name) for `command`. Strings are borrowed from argv.
 * GOSPY_ERROR_USAGE with one sentence for anything wrong.
 */
GOSPY_CHECKED struct gospy_error *
options_parse(struct options *options, const struct gospy_command *command, int argc, char **argv);

#endif
