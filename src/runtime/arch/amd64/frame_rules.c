/* SPDX-License-Identifier: MIT */
#include "../../frame_rules.h"

/* The call pushed it: the last word of the frame. A frame of less than nothing has popped it. */
static uint64_t return_address(const struct gospy_frame_step *step)
{
	if (step->innermost && step->cfa == step->sp)
		return 0;
	return step->cfa - 8;
}

const struct gospy_frame_rules gospy_frame_rules_amd64 = {
	.return_address_size = 8,
	.return_address = return_address,
	/* struct rt_sigframe, whose first word is the handler's return address: then uc.uc_mcontext
	 * at 40, in it rsp at 120 and rip at 128 (arch/x86/include/asm/sigframe.h,
	 * uapi/asm/sigcontext.h, Linux 6.1). */
	.signal_pc = 40 + 128,
	.signal_sp = 40 + 120,
};
