/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_GO_PROGRAM_H
#define GOSPY_TEST_GO_PROGRAM_H

/** Builds a small program with the `go` on PATH and asks `go tool` about it. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gospy/image.h>

struct go_program {
	/** Its folder, removed by go_program_deinit(). */
	char folder[64];
	char path[96];
};

/** The exit status of a shell command line. */
GOSPY_PRINTF(1, 2) static inline int go_run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static inline void go_program_deinit(struct go_program *program)
{
	if (program->folder[0] && go_run("rm -rf '%s'", program->folder) != 0)
		fprintf(stderr, "cannot remove %s\n", program->folder);
}

/** False where there is no Go that builds for this machine. */
static inline bool go_program_init(struct go_program *program, const char *source,
				   const char *flags)
{
	char file[96];

	strcpy(program->folder, "/tmp/gospy-test-XXXXXX");
	if (go_run("command -v go >/dev/null") != 0 || !mkdtemp(program->folder)) {
		program->folder[0] = 0;
		return false;
	}
	snprintf(file, sizeof(file), "%s/main.go", program->folder);
	snprintf(program->path, sizeof(program->path), "%s/program", program->folder);
	FILE *out = fopen(file, "w");
	if (!out || fputs(source, out) < 0 || fclose(out) != 0)
		return false;
	return go_run("cd '%s' && env -u GOROOT -u GOFLAGS GOTOOLCHAIN=local GO111MODULE=off "
		      "GOOS=linux CGO_ENABLED=0 go build %s -o program main.go >&2",
		      program->folder, flags) == 0;
}

/** A pipe from `go tool nm`. */
static inline FILE *go_program_nm(const struct go_program *program)
{
	char command[256];

	snprintf(command, sizeof(command), "env GOTOOLCHAIN=local go tool nm -size '%s'",
		 program->path);
	return popen(command, "r");
}

static inline struct gospy_error *go_program_image(const struct go_program *program,
						   struct gospy_image *ret)
{
	_cleanup_close_ int fd = open(program->path, O_RDONLY | O_CLOEXEC);
	struct gospy_source source;
	struct gospy_error *err = gospy_source_init_map(&source, fd, program->path);

	if (!err)
		err = gospy_image_init(ret, &source);
	return err;
}

#endif
