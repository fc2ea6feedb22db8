/* SPDX-License-Identifier: MIT */
#include "../../frame_rules.h"

/*
 * Go saves the link register at 0(sp) once the frame is set up. A function without a frame, or in
 * its prologue, still has it in the register (resolveInternal, usesLR, runtime/traceback.go,
 * Go 1.21): where execution stands in one and the register is not known, nothing can be said.
 */
static uint64_t return_address(const struct gospy_frame_step *step)
{
	bool set_up = step->sp < step->cfa;

	return set_up || (!step->lr && !step->innermost) ? step->sp : 0;
}

const struct gospy_frame_rules gospy_frame_rules_arm64 = {
	/* alignUp(sys.MinFrameSize 8, sys.StackAlign 16), internal/goarch/goarch_arm64.go. */
	.injected_frame_size = 16,
	.return_address = return_address,
	/* struct rt_sigframe is 128 bytes of siginfo and then uc, with uc_mcontext at 176, in it
	 * x30 at 248, sp at 256 and pc at 264 (arch/arm64/kernel/signal.c, uapi/asm/sigcontext.h,
	 * Linux 6.1). */
	.signal_pc = 128 + 176 + 264,
	.signal_sp = 128 + 176 + 256,
	.signal_lr = 128 + 176 + 248,
};
