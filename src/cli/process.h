/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLI_PROCESS_H
#define GOSPY_CLI_PROCESS_H

#include <gospy/program.h>

#include "options.h"

/** The process that the options name: the pid, or the only one of that name. GOSPY_ERROR_EXITED,
 * GOSPY_ERROR_USAGE. */
GOSPY_CHECKED struct gospy_error *process_find(const struct options *options, pid_t *ret);

/** Opens the Go program of the process that the options name; `*ret_target` must outlive `*ret`. */
GOSPY_CHECKED struct gospy_error *process_open(const struct options *options,
					       struct gospy_target **ret_target,
					       struct gospy_program **ret);

#endif
