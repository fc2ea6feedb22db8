/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_UNSUPPORTED_H
#define GOSPY_UNSUPPORTED_H

#include <gospy/error.h>

/** The answer of an operating system that nobody has ported gospy to. */
GOSPY_CHECKED static inline struct gospy_error *gospy_unsupported(const char *what)
{
	return gospy_error_create(GOSPY_ERROR_UNSUPPORTED,
				  "%s is not supported on this operating system", what);
}

#endif
