/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_ARGUMENTS_H
#define GOSPY_ARGUMENTS_H

/**
 * The text between the parentheses of a traceback line: "0xc000012345, 0x1, {0x2, 0x3}, ...". Since
 * Go 1.17 by FUNCDATA_ArgInfo (runtime/traceback.go printArgs), with "?" from 1.18 on for values
 * that FUNCDATA_ArgLiveInfo says may be stale; before that the raw words of the argument area
 * (printing stops after GOSPY_MAX_ARGUMENTS with "...").
 */
#include <gospy/output.h>
#include <gospy/unwind.h>

/**
 * Writes the argument text of the physical frame at `info`, whose caller's outgoing arguments begin
 * at `cfa` (gospy_unwind_frame.cfa), reading them from `window`. Words outside of the window are
 * written as "_", as the runtime writes what it cannot show. Frames that were inlined into it have
 * no arguments of their own: the runtime prints "..." for them.
 */
GOSPY_CHECKED struct gospy_error *gospy_arguments_write(const struct gospy_program *program,
							const struct gospy_pc_info *info,
							uint64_t cfa,
							const struct gospy_stack_window *window,
							struct gospy_output *output);

#endif
