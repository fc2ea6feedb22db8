/* SPDX-License-Identifier: MIT */
#include "../live_target.h"
#include "unsupported.h"

struct gospy_error *gospy_live_threads(struct gospy_target *target, struct gospy_thread_vec *ret)
{
	(void)target;
	(void)ret;
	return gospy_unsupported("listing threads");
}

struct gospy_error *gospy_live_list(struct gospy_pid_vec *ret)
{
	(void)ret;
	return gospy_unsupported("listing processes");
}
