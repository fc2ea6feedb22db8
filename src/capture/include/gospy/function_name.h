/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_FUNCTION_NAME_H
#define GOSPY_FUNCTION_NAME_H

/**
 * Function names as Go itself tells them: the type arguments of generic functions, which the
 * function table has as shapes ("main.f[go.shape.int]"), become "[...]". Up to Go 1.20 the linker
 * wrote the table so; since Go 1.21 every tool of Go's does it when it prints (funcNameForPrint,
 * runtime/traceback.go). Since Go 1.27 a generic method of a generic type has two lists of them.
 */
#include <gospy/output.h>

/** Writes `name` for Go 1.`minor`; -1 is the newest that is known. Nothing is escaped. */
void gospy_function_name_print(const char *name, int minor, struct gospy_output *output);

#endif
