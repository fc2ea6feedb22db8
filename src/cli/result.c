/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void watch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = remove_and_die, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction before;
		/* nohup and shells that run jobs in the background ignore some on purpose. */
		if (!sigaction(signals[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

static struct gospy_error *cannot_write(int errnum, const char *path)
{
	struct gospy_error *err = gospy_error_os(errnum, "cannot write %s", path);

	/* Not the process is what may not be looked at. */
	if (err->code == GOSPY_ERROR_PERMISSION)
		err->code = GOSPY_ERROR_OS;
	return err;
}

static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static struct gospy_error *open_temporary(struct result *result, const char *path)
{
	if (asprintf(&result->temporary, "%s.XXXXXX", path) < 0) {
		result->temporary = NULL;
		return &gospy_enomem;
	}
	watch_signals();
	result->fd = mkostemp(result->temporary, O_CLOEXEC);
	if (result->fd < 0) {
		struct gospy_error *err = cannot_write(errno, path);
		free(take_ptr(result->temporary));
		return err;
	}
	unfinished = result->temporary;
	mode_t mask = umask(0);
	umask(mask);
	fchmod(result->fd, 0666 & ~mask);
	result->path = path;
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
				return cannot_write(errno, path);
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
	if (result->fd > STDERR_FILENO)
		close(result->fd);
}
