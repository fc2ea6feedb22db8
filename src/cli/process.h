/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLI_PROCESS_H
#define GOSPY_CLI_PROCESS_H

#include <gospy/program.h>

#include "options.h"

/** The process that the options name: the pid, or the only one of that name. GOSPY_ERROR_EXITED,
 * GOSPY_ERROR_USAGE. */
GOSPY_CHECKED struct gospy_error *process_find(const struct options *options, pid_t *ret);

/** Opens the Go program of process `pid`; `*ret_target` must outlive `*ret`. */
GOSPY_CHECKED struct gospy_error *process_open(const struct options *options, pid_t pid,
					       struct gospy_target **ret_target,
					       struct gospy_program **ret);

/**
 * What to tell of `err`, which is consumed, that a look at process `pid` ended with: where
 * something forbids the look, the reason and the line that mends it (GOSPY_ERROR_PERMISSION), else
 * `err`.
 */
GOSPY_CHECKED struct gospy_error *process_explain(const struct options *options, pid_t pid,
						  struct gospy_error *err);

#endif
