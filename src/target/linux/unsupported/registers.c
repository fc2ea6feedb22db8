/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "../registers.h"

const enum gospy_arch gospy_registers_arch = GOSPY_ARCH_UNKNOWN;

int gospy_registers_decode(const void *regset, size_t size, struct gospy_registers *ret)
{
	(void)regset;
	(void)size;
	(void)ret;
	return ENOTSUP;
}

int gospy_registers_fetch(pid_t tid, struct gospy_registers *ret)
{
	(void)tid;
	(void)ret;
	return ENOTSUP;
}
