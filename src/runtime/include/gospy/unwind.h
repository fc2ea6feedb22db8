/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_UNWIND_H
#define GOSPY_UNWIND_H

/**
 * Unwinding of goroutine stacks by frame sizes (runtime/traceback.go), from bytes already read.
 * What it needs to know of each pc is looked up once and kept in a cache, so that a million stacks
 * cost a table look-up a frame. A cache is used by one thread at a time.
 */
#include <gospy/program.h>

/** What the walk does at a pc. */
enum gospy_unwind_action {
	/** The caller's pc and sp follow from the frame size. */
	GOSPY_UNWIND_CALLER,
	/** Outermost function (goexit, mstart, rt0_go, ...). */
	GOSPY_UNWIND_TOP,
	/**
	 * The function writes sp in ways its table does not tell: passable only where it is in a
	 * system call. Those of the runtime that leave the goroutine's stack for another one can be
	 * passed where execution stands in them: while sp is on this stack it is right.
	 */
	GOSPY_UNWIND_SP_WRITE,
	/** Not in any Go function, or in one without frame sizes. */
	GOSPY_UNWIND_FOREIGN,
};

/** What is known of a run-time pc. */
struct gospy_pc_info {
	uint64_t pc;
	/** It is where execution stands, not a return address. */
	bool exact;
	/** The caller's pc is where it stands, not a return address: sigpanic, asyncPreempt,
	 * debugCall. */
	bool injected;
	/** enum gospy_unwind_action. */
	uint8_t action;
	/** Bytes that the frame occupies at this pc (pcsp). */
	int32_t frame_size;
	/** The function and its module, borrowed from the program; NULL outside of all Go
	 * functions. */
	const struct gospy_module *module;
	struct gospy_func func;
};

/** The link-time pc that stands for the call or instruction: where lines and PCDATA are looked up.
 * info->module is not NULL. */
uint64_t gospy_pc_info_lookup_pc(const struct gospy_pc_info *info);

struct gospy_unwind_cache;

/** A cache for `program`, which is borrowed and must outlive it. GOSPY_ERROR_UNSUPPORTED for a
 * processor architecture whose frames are not known. */
GOSPY_CHECKED struct gospy_error *gospy_unwind_cache_create(const struct gospy_program *program,
							    struct gospy_unwind_cache **ret);
/** Takes NULL. */
void gospy_unwind_cache_destroy(struct gospy_unwind_cache *cache);

/** Number of the entry for `pc`, which is made if it is new; numbers are dense from 0 and stay. */
GOSPY_CHECKED struct gospy_error *gospy_unwind_cache_lookup(struct gospy_unwind_cache *cache,
							    uint64_t pc, bool exact,
							    uint32_t *ret_index);
/** Valid until the next lookup. */
const struct gospy_pc_info *gospy_unwind_cache_get(const struct gospy_unwind_cache *cache,
						   uint32_t index);
size_t gospy_unwind_cache_size(const struct gospy_unwind_cache *cache);

/** Stack bytes `[address, address + size)` that are at hand. */
struct gospy_stack_window {
	uint64_t address;
	const uint8_t *data;
	size_t size;
};

struct gospy_unwind_frame {
	/** Entry of the cache. */
	uint32_t pc_index;
	/** Address just above the return address: where the caller's outgoing arguments begin. */
	uint64_t cfa;
};
GOSPY_VEC(gospy_unwind_frame_vec, struct gospy_unwind_frame);

/** State of one walk; may be continued with another window. */
struct gospy_unwind {
	uint64_t pc;
	uint64_t sp;
	/** Link register of an innermost frame, or what gospy_registers.lr says on a machine
	 * without one; 0: not known. */
	uint64_t lr;
	/** pc is where execution stands, not a return address. */
	bool exact;
	/** The innermost function is in a system call: it saved pc and sp before it may have
	 * written sp. */
	bool in_syscall;
	/** Top of the stack: nothing at or above it is read. */
	uint64_t stack_hi;
	/** Bytes above each frame that the caller wants in the window too (arguments); 0 for none.
	 */
	uint32_t margin;
};

enum gospy_unwind_result {
	GOSPY_UNWIND_DONE,	 /**< reached an outermost function */
	GOSPY_UNWIND_NEED_MORE,	 /**< the next bytes wanted are outside of the window: at unwind->sp
				  */
	GOSPY_UNWIND_INCOMPLETE, /**< cannot go on: unknown pc, misaligned or descending sp, too
				    many frames */
};

/**
 * Walks as far as the window allows, appending frames (innermost first); after
 * GOSPY_UNWIND_NEED_MORE it goes on where it was, in a window that starts at or below unwind->sp.
 * sp only ever ascends, and there are at most GOSPY_MAX_FRAMES frames. Fails only without memory.
 */
GOSPY_CHECKED struct gospy_error *gospy_unwind_run(struct gospy_unwind_cache *cache,
						   struct gospy_unwind *unwind,
						   const struct gospy_stack_window *window,
						   struct gospy_unwind_frame_vec *frames,
						   enum gospy_unwind_result *ret);

/**
 * Where a signal interrupted the thread, if `frames` are those of a stack that a signal handler
 * runs on (down to runtime.sigtramp, which the kernel calls): what the kernel saved of the
 * registers, read from `window`. False if there is no such frame, or the window does not hold it.
 */
bool gospy_unwind_interrupted(const struct gospy_unwind_cache *cache,
			      const struct gospy_unwind_frame_vec *frames,
			      const struct gospy_stack_window *window, struct gospy_registers *ret);

#endif
