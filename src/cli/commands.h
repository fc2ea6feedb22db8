/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLI_COMMANDS_H
#define GOSPY_CLI_COMMANDS_H

#include "options.h"

/** What runs a command of the table; `*ret_exit` is GOSPY_EXIT_OK unless it is set. */
typedef struct gospy_error *(*command_fn)(const struct options *options, int *ret_exit);

struct gospy_error *command_ps(const struct options *options, int *ret_exit);
struct gospy_error *command_summary(const struct options *options, int *ret_exit);
struct gospy_error *command_dump(const struct options *options, int *ret_exit);
struct gospy_error *command_doctor(const struct options *options, int *ret_exit);

#endif
