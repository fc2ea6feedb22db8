/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_VIEW_MEMO_H
#define GOSPY_VIEW_MEMO_H

/**
 * The answers of gospy_view_location() for one snapshot, remembered: each takes a walk over a
 * stack, and of a million goroutines most have one of a few thousand. A zeroed struct is an empty
 * one; used by one thread at a time.
 */
#include <gospy/map.h>
#include <gospy/view.h>

struct gospy_view_place {
	uint32_t location;
	const struct gospy_frame *frame;
};
GOSPY_VEC(gospy_view_place_vec, struct gospy_view_place);

struct gospy_view_memo {
	/** Numbers of places by (start location, stack), and by stack. */
	struct gospy_map starts;
	struct gospy_map currents;
	struct gospy_view_place_vec places;
};

void gospy_view_memo_deinit(struct gospy_view_memo *memo);

/** What gospy_view_location() says. Without memory to remember it in, it is found out anew. */
uint32_t gospy_view_memo_location(struct gospy_view_memo *memo,
				  const struct gospy_snapshot *snapshot, enum gospy_view_pc pc,
				  uint32_t index, const struct gospy_frame **ret_frame);

/** String number of the function there; 0 where there is none. */
uint32_t gospy_view_memo_function(struct gospy_view_memo *memo,
				  const struct gospy_snapshot *snapshot, enum gospy_view_pc pc,
				  uint32_t index);

#endif
