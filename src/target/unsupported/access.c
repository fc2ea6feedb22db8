/* SPDX-License-Identifier: MIT */
#include <gospy/live.h>

#include "unsupported.h"

struct gospy_error *gospy_access_check(pid_t pid, struct gospy_access *ret)
{
	(void)ret;
	(void)pid;
	return gospy_unsupported("looking into running processes");
}

struct gospy_error *gospy_access_self(struct gospy_access_self *ret)
{
	(void)ret;
	return gospy_unsupported("looking into running processes");
}
