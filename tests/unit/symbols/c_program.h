/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_C_PROGRAM_H
#define GOSPY_TEST_C_PROGRAM_H

/** Builds a small C program with debug information; it prints about itself what the tests expect.
 */
#include <stdio.h>
#include <string.h>

#include "go_program.h"

/** False where there is no compiler. The file is "main.c" in the folder, the result "program". */
static inline bool c_program_init(struct go_program *program, const char *source, const char *flags)
{
	char file[96];

	strcpy(program->folder, "/tmp/gospy-test-XXXXXX");
	if (go_run("command -v gcc objcopy >/dev/null") != 0 || !mkdtemp(program->folder)) {
		program->folder[0] = 0;
		return false;
	}
	snprintf(file, sizeof(file), "%s/main.c", program->folder);
	snprintf(program->path, sizeof(program->path), "%s/program", program->folder);
	FILE *out = fopen(file, "w");
	if (!out || fputs(source, out) < 0 || fclose(out) != 0)
		return false;
	return go_run("cd '%s' && gcc -O1 -g %s -Wl,--build-id -o program main.c >&2",
		      program->folder, flags) == 0;
}

#endif
