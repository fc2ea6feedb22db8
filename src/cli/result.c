/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gospy/text.h>

#include "result.h"

/** The temporary file that a signal removes; there is one result at a time. */
static char *volatile unfinished;

static void remove_and_die(int signal_number)
{
	if (unfinished)
		unlink(unfinished);
	/* The handler was reset (SA_RESETHAND): this ends the program as the signal would have. */
	raise(signal_number);
}

/** The signals that end a program unless it says otherwise, and that others send on purpose. */
static const int deadly[] = {SIGINT,  SIGTERM, SIGHUP,	SIGQUIT,   SIGPIPE,
			     SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU};

static void watch_signals(void)
{
	struct sigaction action = {.sa_handler = remove_and_die, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		struct sigaction before;
		/* nohup and shells that run jobs in the background ignore some on purpose. */
		if (!sigaction(deadly[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(deadly[i], &action, NULL);
	}
}

static int create_watched(char *template)
{
	sigset_t all, before;

	watch_signals();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	int fd = mkostemp(template, O_CLOEXEC);
	int errnum = errno;
	if (fd >= 0)
		unfinished = template;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = errnum;
	return fd;
}

static struct gospy_error *cannot_write(int errnum, const char *path)
{
	struct gospy_error *err = gospy_error_os(errnum, "cannot write %s", path);

	/* Not the process is what may not be looked at. */
	if (err->code == GOSPY_ERROR_PERMISSION)
		err->code = GOSPY_ERROR_OS;
	return err;
}

/** A pipe, a device, a folder: nothing that could be replaced by a file. */
static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static struct gospy_error *open_temporary(struct result *result, const char *path)
{
	/* The file that a symbolic link leads to is replaced, not the link. */
	result->path = realpath(path, NULL);
	if (!result->path)
		result->path = strdup(path);
	if (result->path)
		result->temporary = gospy_text_format("%s.tmp-XXXXXX", result->path);
	if (!result->temporary)
		return &gospy_enomem;
	result->fd = create_watched(result->temporary);
	if (result->fd < 0) {
		struct gospy_error *err = cannot_write(errno, path);
		free(take_ptr(result->temporary));
		return err;
	}
	mode_t mask = umask(0);
	umask(mask);
	fchmod(result->fd, 0666 & ~mask);
	return NULL;
}

struct gospy_error *result_open(struct result *result, const char *path)
{
	struct gospy_error *err = NULL;

	*result = (struct result){.fd = STDOUT_FILENO};
	if (path && strcmp(path, "-")) {
		if (is_special(path)) {
			result->fd = open(path, O_WRONLY | O_CLOEXEC);
			if (result->fd < 0)
				err = cannot_write(errno, path);
		} else {
			err = open_temporary(result, path);
		}
	}
	gospy_output_init_fd(&result->output, result->fd);
	return err;
}

struct gospy_error *result_commit(struct result *result)
{
	struct gospy_error *err = gospy_output_flush(&result->output);

	if (err && result->path && err->errnum) {
		int errnum = err->errnum;
		gospy_error_destroy(err);
		return cannot_write(errnum, result->path);
	}
	if (err || !result->temporary)
		return err;
	if (close(take_fd(result->fd)) || rename(result->temporary, result->path))
		return cannot_write(errno, result->path);
	unfinished = NULL;
	free(take_ptr(result->temporary));
	return NULL;
}

void result_deinit(struct result *result)
{
	gospy_output_deinit(&result->output);
	if (result->temporary) {
		unlink(result->temporary);
		unfinished = NULL;
		free(result->temporary);
	}
	free(result->path);
	if (result->fd > STDERR_FILENO)
		close(result->fd);
}
