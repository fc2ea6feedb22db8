/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_VIEW_H
#define GOSPY_VIEW_H

/**
 * A view: which goroutines of a snapshot are shown, in what order and how grouped. Filtering comes
 * before limiting. The snapshot is borrowed and must outlive the view.
 */
#include <gospy/snapshot.h>

/** Which function stands for a goroutine (--pc). */
enum gospy_view_pc {
	/** The function it was started with. */
	GOSPY_VIEW_PC_START,
	/** The one whose `go` statement made it. */
	GOSPY_VIEW_PC_CALLER,
	/** The innermost frame outside package runtime's parking machinery. */
	GOSPY_VIEW_PC_CURRENT,
};

enum gospy_view_group {
	GOSPY_VIEW_GROUP_NONE,
	GOSPY_VIEW_GROUP_STACK,
	GOSPY_VIEW_GROUP_FUNCTION, /**< by the --pc function */
	GOSPY_VIEW_GROUP_STATE,	   /**< status and wait reason */
	GOSPY_VIEW_GROUP_CREATOR,
	GOSPY_VIEW_GROUP_LABEL, /**< one label key: "label:KEY" */
	GOSPY_VIEW_GROUP_THREAD,
};

struct gospy_view_options {
	enum gospy_view_pc pc;
	enum gospy_view_group group;
	/** Key of GOSPY_VIEW_GROUP_LABEL. Borrowed. */
	const char *label;
	/** Filter expression (doc/FILTER.md), NULL: all. Borrowed. */
	const char *filter;
	/** At most this many goroutines, or groups when grouped; 0: all. */
	uint64_t limit;
	/** The runtime's own goroutines too. */
	bool system;
};

struct gospy_view_row {
	/** Goroutines view.order[first .. first + count). */
	uint32_t first;
	uint32_t count;
	/** Longest and shortest wait in it, ns. */
	uint64_t max_wait_ns;
	uint64_t min_wait_ns;
};
GOSPY_VEC(gospy_view_row_vec, struct gospy_view_row);

struct gospy_view {
	const struct gospy_snapshot *snapshot;
	struct gospy_view_options options;
	/** Goroutine indices, ascending by id within a row. */
	struct gospy_u32_vec order;
	/** Groups, the largest first (ties: smallest goroutine id first); one row a goroutine when
	 * not grouped. */
	struct gospy_view_row_vec rows;
	/** Goroutines that the filter let through, before the limit. */
	uint64_t matched;
};

/** GOSPY_ERROR_USAGE with position and sentence for a filter that does not parse. */
GOSPY_CHECKED struct gospy_error *gospy_view_init(struct gospy_view *view,
						  const struct gospy_snapshot *snapshot,
						  const struct gospy_view_options *options);
void gospy_view_deinit(struct gospy_view *view);

/** The location that stands for goroutine `index` under `pc`, and which of its logical frames; 0:
 * none. */
uint32_t gospy_view_location(const struct gospy_snapshot *snapshot, enum gospy_view_pc pc,
			     uint32_t index, const struct gospy_frame **ret_frame);

/** Whether the expression is well-formed, without a snapshot: for the command line, before anything
 * is stopped. */
GOSPY_CHECKED struct gospy_error *gospy_filter_check(const char *expression);

#endif
