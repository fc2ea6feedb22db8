/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LINUX_REGISTERS_H
#define GOSPY_LINUX_REGISTERS_H

/**
 * What each CPU folder defines. The first two are pure and hold on any machine, so that each
 * folder's file is unit-tested wherever gospy is built.
 */
#include <stddef.h>
#include <sys/types.h>

#include <gospy/registers.h>

/** The architecture of the folder. */
extern const enum gospy_arch gospy_registers_arch;

/**
 * Takes the registers out of the NT_PRSTATUS register set of ptrace(PTRACE_GETREGSET) and of a
 * core file. Returns 0, or ENOTSUP where its size is that of another mode (a 32-bit thread).
 */
int gospy_registers_decode(const void *regset, size_t size, struct gospy_registers *ret);

/** Registers of a thread in a ptrace stop. Returns 0 or an errno value: ESRCH if it is in none. */
int gospy_registers_fetch(pid_t tid, struct gospy_registers *ret);

#endif
