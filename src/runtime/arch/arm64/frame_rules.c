/* SPDX-License-Identifier: MIT */
#include "../../frame_rules.h"

/*
 * Go saves the link register at 0(sp) once the frame is set up. A function without a frame, or in
 * its prologue, still has it in the register (resolveInternal, usesLR, runtime/traceback.go,
 * Go 1.21).
 */
static uint64_t return_address(const struct gospy_frame_step *step)
{
	bool set_up = step->sp < step->cfa;

	return (step->innermost && set_up) || !step->lr ? step->sp : 0;
}

const struct gospy_frame_rules gospy_frame_rules_arm64 = {
	/* alignUp(sys.MinFrameSize 8, sys.StackAlign 16), internal/goarch/goarch_arm64.go. */
	.injected_frame_size = 16,
	.return_address = return_address,
};
