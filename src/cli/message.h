/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLI_MESSAGE_H
#define GOSPY_CLI_MESSAGE_H

#include <gospy/error.h>

/** One line on standard error: "gospy: ..."; bytes from outside are made safe for a terminal. */
GOSPY_PRINTF(1, 2) void message(const char *format, ...);

/** Says what `err` says, with "; " and `advice` behind unless that is NULL, and destroys it; the
 * exit code that tells of it. */
int message_error(struct gospy_error *err, const char *advice);

#endif
