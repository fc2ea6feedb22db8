/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_FRAME_RULES_H
#define GOSPY_FRAME_RULES_H

/**
 * What a frame looks like on one processor architecture (runtime/traceback.go, resolveInternal). To
 * add one: an arch/NAME/frame_rules.c that defines its rules, and a line in gospy_frame_rules_of().
 * All architectures are compiled everywhere: a snapshot may come from another machine.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gospy/registers.h>

struct gospy_frame_step {
	/** Bounds of the frame: `[sp, cfa)`. */
	uint64_t sp;
	uint64_t cfa;
	/** Link register where it is known, else 0. */
	uint64_t lr;
	/** The frame may not have been set up or was left already: it stands at an arbitrary
	 * instruction. */
	bool innermost;
};

struct gospy_frame_rules {
	/** Bytes between the end of the frame proper (pcsp) and the CFA: a return address pushed by
	 * the call. */
	uint32_t return_address_size;
	/** Bytes that the signal handler pushes below an interrupted function for its link
	 * register; 0: none. */
	uint32_t injected_frame_size;
	/** Where the return address is stored; 0: it is in the link register. */
	uint64_t (*return_address)(const struct gospy_frame_step *step);
	/** Where the kernel saved the registers of who a signal interrupted, counted from the CFA
	 * of the signal handler it called; 0: there is none. */
	uint32_t signal_pc, signal_sp, signal_lr;
};

extern const struct gospy_frame_rules gospy_frame_rules_amd64;
extern const struct gospy_frame_rules gospy_frame_rules_arm64;

/** NULL for an architecture without rules. */
const struct gospy_frame_rules *gospy_frame_rules_of(enum gospy_arch arch);

#endif
