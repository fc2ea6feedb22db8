/* SPDX-License-Identifier: MIT */
#include "../live_target.h"
#include "unsupported.h"

struct gospy_error *gospy_live_stop(struct gospy_target *target)
{
	(void)target;
	return gospy_unsupported("stopping processes");
}

struct gospy_error *gospy_live_resume(struct gospy_target *target, uint64_t *ret_paused_ns)
{
	(void)target;
	(void)ret_paused_ns;
	return gospy_unsupported("stopping processes");
}

struct gospy_error *gospy_live_registers(struct gospy_target *target, pid_t tid,
					 struct gospy_registers *ret)
{
	(void)target;
	(void)tid;
	(void)ret;
	return gospy_unsupported("reading registers");
}

struct gospy_error *gospy_live_inspect(struct gospy_target *target, pid_t tid,
				       gospy_inspect_fn inspect, void *context)
{
	(void)target;
	(void)tid;
	(void)inspect;
	(void)context;
	return gospy_unsupported("reading registers");
}
