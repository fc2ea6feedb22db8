/* SPDX-License-Identifier: MIT */
#include "../live_target.h"
#include "unsupported.h"

struct gospy_error *gospy_live_info(struct gospy_target *target, struct gospy_target_info *ret)
{
	(void)target;
	(void)ret;
	return gospy_unsupported("describing processes");
}
