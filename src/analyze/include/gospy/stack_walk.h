/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_STACK_WALK_H
#define GOSPY_STACK_WALK_H

/**
 * Walking one stack of a snapshot from its innermost node outwards. The walk ends at the root, at a
 * number that is none, and after as many steps as there are nodes: a snapshot from a file may lie.
 */
#include <gospy/snapshot.h>

struct gospy_stack_walk {
	const struct gospy_snapshot *snapshot;
	/** The node the walk stands at, after gospy_stack_walk_next() returned true. */
	uint32_t node;
	uint32_t location;
	/** Logical frames of the location, innermost first. Borrowed from the snapshot. */
	const struct gospy_frame *frames;
	uint32_t num_frames;
	/** private */
	const struct gospy_frame *callee;
	uint32_t next_node;
	uint64_t steps;
};

/** A walk that begins at `node` (gospy_goroutines.stack); 0 is the empty stack. */
void gospy_stack_walk_init(struct gospy_stack_walk *walk, const struct gospy_snapshot *snapshot,
			   uint32_t node);
/** Goes to the next node outwards; false at the end. */
bool gospy_stack_walk_next(struct gospy_stack_walk *walk);

/**
 * Whether frame `i` of the node is a compiler-made wrapper that tracebacks and profiles leave out:
 * all are but one that the panic machinery called (elideWrapperCalling, runtime/traceback.go,
 * Go 1.12 to 1.27). To be asked once for each frame, in order.
 */
bool gospy_stack_walk_elides(struct gospy_stack_walk *walk, uint32_t i);

/** Logical frames of `location`, innermost first; NULL and 0 for none. Borrowed from the snapshot.
 */
const struct gospy_frame *gospy_stack_walk_frames(const struct gospy_snapshot *snapshot,
						  uint32_t location, uint32_t *ret_count);

#endif
