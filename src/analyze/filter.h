/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_FILTER_H
#define GOSPY_FILTER_H

/**
 * Filter expressions (doc/FILTER.md): compiled to a postfix program of leaves and operators, bound
 * to one snapshot, then asked goroutine by goroutine. What a leaf says of a string, a stack node or
 * a status is worked out once and remembered, so a million goroutines cost a table look-up each.
 */
#include <regex.h>

#include <gospy/snapshot.h>
#include <gospy/view_memo.h>

enum gospy_filter_field {
	GOSPY_FILTER_ID,
	GOSPY_FILTER_STATUS,
	GOSPY_FILTER_REASON,
	/** Any frame of the stack. */
	GOSPY_FILTER_FUNC,
	GOSPY_FILTER_FILE,
	GOSPY_FILTER_CURRENT,
	GOSPY_FILTER_START,
	GOSPY_FILTER_CREATOR,
	GOSPY_FILTER_WAIT,
	GOSPY_FILTER_THREAD,
	GOSPY_FILTER_PARENT,
	GOSPY_FILTER_LOCKED,
	GOSPY_FILTER_SYSTEM,
	GOSPY_FILTER_TORN,
	GOSPY_FILTER_LABEL,
};

enum gospy_filter_compare {
	GOSPY_FILTER_EQ,
	GOSPY_FILTER_NE,
	GOSPY_FILTER_MATCH,
	GOSPY_FILTER_NOT_MATCH,
	GOSPY_FILTER_LT,
	GOSPY_FILTER_LE,
	GOSPY_FILTER_GT,
	GOSPY_FILTER_GE,
	/** A bare word: holds it as a part. */
	GOSPY_FILTER_CONTAINS,
};

struct gospy_filter_leaf {
	enum gospy_filter_field field;
	enum gospy_filter_compare compare;
	/** Value of a string field, and its length. Owned. */
	char *string;
	size_t string_size;
	/** Compiled `string`, for MATCH and NOT_MATCH. */
	regex_t regex;
	bool has_regex;
	/** Value of a number, duration (ns) or truth field. */
	uint64_t number;
	/** Key of a label. Owned. */
	char *label;

	/** Bound: answers by string number, by stack node and by status, 0 while not known. Owned.
	 */
	uint8_t *of_string;
	uint8_t *of_node;
	uint8_t of_status[16];
	uint32_t label_id;
};
GOSPY_VEC(gospy_filter_leaf_vec, struct gospy_filter_leaf);

/** Frees what the leaf owns. Takes a zeroed one. */
void gospy_filter_leaf_deinit(struct gospy_filter_leaf *leaf);

/** Program: the number of a leaf, or one of these. */
#define GOSPY_FILTER_AND UINT32_MAX
#define GOSPY_FILTER_OR (UINT32_MAX - 1)
#define GOSPY_FILTER_NOT (UINT32_MAX - 2)

/** Leaves and operators of one expression, and nesting: more is refused. */
#define GOSPY_FILTER_MAX_PROGRAM 512
#define GOSPY_FILTER_MAX_DEPTH 64

struct gospy_filter {
	struct gospy_filter_leaf_vec leaves;
	struct gospy_u32_vec program;

	/** Bound. Borrowed. */
	const struct gospy_snapshot *snapshot;
	struct gospy_view_memo memo;
};

/** Compiles `expression`; GOSPY_ERROR_USAGE with the column of what is wrong. */
GOSPY_CHECKED struct gospy_error *gospy_filter_create(const char *expression,
						      struct gospy_filter **ret);
void gospy_filter_destroy(struct gospy_filter *filter);

static inline void gospy_cleanup_filter(struct gospy_filter **filter)
{
	gospy_filter_destroy(*filter);
}

/** Makes the filter ready for the goroutines of `snapshot`, which is borrowed. */
GOSPY_CHECKED struct gospy_error *gospy_filter_bind(struct gospy_filter *filter,
						    const struct gospy_snapshot *snapshot);

/** Whether goroutine `index` of the snapshot that the filter is bound to is let through. */
bool gospy_filter_matches(struct gospy_filter *filter, uint32_t index);

/** filter_parse.c: appends leaves and program to an empty filter, which keeps what it got on
 * failure. */
GOSPY_CHECKED struct gospy_error *gospy_filter_parse(struct gospy_filter *filter,
						     const char *expression);

/**
 * filter_regex.c: what in a regular expression would cost regcomp or regexec more than any
 * expression of use does, as the end of a sentence; NULL when nothing does.
 */
const char *gospy_filter_regex_trouble(const char *pattern);

#endif
