/* SPDX-License-Identifier: MIT */
#include "../../frame_rules.h"

/* The call pushed it: the last word of the frame. */
static uint64_t return_address(const struct gospy_frame_step *step)
{
	return step->cfa - 8;
}

const struct gospy_frame_rules gospy_frame_rules_amd64 = {
	.return_address_size = 8,
	.return_address = return_address,
};
