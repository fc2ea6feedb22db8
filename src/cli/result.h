/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLI_RESULT_H
#define GOSPY_CLI_RESULT_H

/**
 * Where a result goes: standard output, or a file that appears whole or not at all. A file is made
 * before the process is touched, so that one that cannot be written is said first; until it is
 * complete it has another name, and whatever ends the program (an error, a full disk, Ctrl-C)
 * removes it.
 */
#include <gospy/output.h>

struct result {
	struct gospy_output output;
	int fd;
	/** Final and temporary path, owned; NULL for standard output and for what is no regular
	 * file. */
	char *path;
	char *temporary;
};

/** Opens the result; `path` is borrowed, NULL or "-" for standard output. GOSPY_ERROR_OS,
 * GOSPY_ERROR_PERMISSION. */
GOSPY_CHECKED struct gospy_error *result_open(struct result *result, const char *path);
/** Writes out what is left and gives the file its name. */
GOSPY_CHECKED struct gospy_error *result_commit(struct result *result);
/** Removes a file that was not committed. */
void result_deinit(struct result *result);

#endif
