/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/stack_walk.h>
#include <gospy/view.h>

#include "filter.h"

/** What a leaf says, as it is remembered. */
enum answer {
	ANSWER_UNKNOWN,
	ANSWER_NO,
	ANSWER_YES,
};

static enum answer to_answer(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

void gospy_filter_leaf_deinit(struct gospy_filter_leaf *leaf)
{
	if (leaf->has_regex)
		regfree(&leaf->regex);
	free(leaf->string);
	free(leaf->label);
	free(leaf->of_string);
	free(leaf->of_node);
}

void gospy_filter_destroy(struct gospy_filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->leaves.size; i++)
		gospy_filter_leaf_deinit(&filter->leaves.data[i]);
	gospy_filter_leaf_vec_deinit(&filter->leaves);
	gospy_u32_vec_deinit(&filter->program);
	gospy_view_memo_deinit(&filter->memo);
	free(filter);
}

struct gospy_error *gospy_filter_create(const char *expression, struct gospy_filter **ret)
{
	_cleanup_(gospy_cleanup_filter) struct gospy_filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		return &gospy_enomem;
	struct gospy_error *err = gospy_filter_parse(filter, expression);
	if (err)
		return err;
	*ret = take_ptr(filter);
	return NULL;
}

struct gospy_error *gospy_filter_check(const char *expression)
{
	struct gospy_filter *filter = NULL;
	struct gospy_error *err = gospy_filter_create(expression, &filter);

	gospy_filter_destroy(filter);
	return err;
}

/** Whether the comparison is the negation of the one that is worked out. */
static bool is_negative(const struct gospy_filter_leaf *leaf)
{
	return leaf->compare == GOSPY_FILTER_NE || leaf->compare == GOSPY_FILTER_NOT_MATCH;
}

/** The positive comparison (==, =~, a bare word) with one string. */
static bool compare_string(const struct gospy_filter_leaf *leaf, const char *string, size_t size)
{
	if (leaf->has_regex)
		return regexec(&leaf->regex, string, 0, NULL, 0) == 0;
	if (leaf->compare == GOSPY_FILTER_CONTAINS)
		return memmem(string, size, leaf->string, leaf->string_size) != NULL;
	return size == leaf->string_size && memcmp(string, leaf->string, size) == 0;
}

static bool string_matches(const struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			   uint32_t id)
{
	size_t size;

	if (id >= gospy_strings_count(&filter->snapshot->strings))
		id = 0;
	if (leaf->of_string[id] == ANSWER_UNKNOWN) {
		const char *string = gospy_strings_get(&filter->snapshot->strings, id, &size);
		leaf->of_string[id] = (uint8_t)to_answer(compare_string(leaf, string, size));
	}
	return leaf->of_string[id] == ANSWER_YES;
}

static bool frames_match(const struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			 const struct gospy_frame *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (string_matches(filter, leaf,
				   leaf->field == GOSPY_FILTER_FILE ? frames[i].file
								    : frames[i].function))
			return true;
	}
	return false;
}

/** Whether any frame from stack node `node` outwards matches; remembered for each node on the way.
 */
static bool stack_matches(const struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			  uint32_t node)
{
	struct gospy_stack_walk walk;
	enum answer answer = ANSWER_NO;

	gospy_stack_walk_init(&walk, filter->snapshot, node);
	while (gospy_stack_walk_next(&walk)) {
		answer = leaf->of_node[walk.node];
		if (answer == ANSWER_UNKNOWN)
			answer =
				to_answer(frames_match(filter, leaf, walk.frames, walk.num_frames));
		else if (answer == ANSWER_NO)
			break;
		if (answer == ANSWER_YES)
			break;
	}
	uint32_t last = walk.node;
	gospy_stack_walk_init(&walk, filter->snapshot, node);
	while (gospy_stack_walk_next(&walk)) {
		leaf->of_node[walk.node] = (uint8_t)answer;
		if (walk.node == last)
			break;
	}
	return answer == ANSWER_YES;
}

/** A goroutine whose stack was not captured has its start function all the same. */
static bool any_frame_matches(const struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			      uint32_t index)
{
	const struct gospy_goroutines *gs = &filter->snapshot->goroutines;
	uint32_t count;

	if (gs->stack[index])
		return stack_matches(filter, leaf, gs->stack[index]);
	const struct gospy_frame *frames =
		gospy_stack_walk_frames(filter->snapshot, gs->start[index], &count);
	return frames_match(filter, leaf, frames, count);
}

static bool function_matches(struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			     uint32_t index)
{
	enum gospy_view_pc pc = leaf->field == GOSPY_FILTER_CURRENT ? GOSPY_VIEW_PC_CURRENT
				: leaf->field == GOSPY_FILTER_START ? GOSPY_VIEW_PC_START
								    : GOSPY_VIEW_PC_CALLER;

	return string_matches(filter, leaf,
			      gospy_view_memo_function(&filter->memo, filter->snapshot, pc, index));
}

/** A label that a goroutine does not have is the empty string. */
static bool label_matches(const struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			  uint32_t index)
{
	size_t count;
	const struct gospy_label *labels = gospy_snapshot_labels(filter->snapshot, index, &count);
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++) {
		if (labels[i].key == leaf->label_id)
			value = labels[i].value;
	}
	return string_matches(filter, leaf, value);
}

static bool status_matches(struct gospy_filter_leaf *leaf, uint8_t status)
{
	status &= 15;
	if (leaf->of_status[status] == ANSWER_UNKNOWN) {
		const char *name = gospy_goroutine_status_name(status);
		leaf->of_status[status] =
			(uint8_t)to_answer(compare_string(leaf, name, strlen(name)));
	}
	return leaf->of_status[status] == ANSWER_YES;
}

static bool compare_number(const struct gospy_filter_leaf *leaf, uint64_t value)
{
	switch (leaf->compare) {
	case GOSPY_FILTER_LT:
		return value < leaf->number;
	case GOSPY_FILTER_LE:
		return value <= leaf->number;
	case GOSPY_FILTER_GT:
		return value > leaf->number;
	case GOSPY_FILTER_GE:
		return value >= leaf->number;
	default:
		return value == leaf->number;
	}
}

/** The positive answer of one leaf. */
static bool leaf_matches(struct gospy_filter *filter, struct gospy_filter_leaf *leaf,
			 uint32_t index)
{
	const struct gospy_goroutines *gs = &filter->snapshot->goroutines;

	switch (leaf->field) {
	case GOSPY_FILTER_ID:
		return compare_number(leaf, gs->id[index]);
	case GOSPY_FILTER_PARENT:
		return compare_number(leaf, gs->parent_id[index]);
	case GOSPY_FILTER_THREAD:
		return compare_number(leaf, gs->thread[index]);
	case GOSPY_FILTER_WAIT:
		return compare_number(leaf, gs->wait_ns[index]);
	case GOSPY_FILTER_LOCKED:
		return compare_number(leaf, (gs->flags[index] & GOSPY_GOROUTINE_LOCKED) != 0);
	case GOSPY_FILTER_SYSTEM:
		return compare_number(leaf, (gs->flags[index] & GOSPY_GOROUTINE_SYSTEM) != 0);
	case GOSPY_FILTER_TORN:
		return compare_number(leaf, (gs->flags[index] & GOSPY_GOROUTINE_TORN) != 0);
	case GOSPY_FILTER_STATUS:
		return status_matches(leaf, gs->status[index]);
	case GOSPY_FILTER_REASON:
		return string_matches(filter, leaf, gs->wait_reason[index]);
	case GOSPY_FILTER_FUNC:
	case GOSPY_FILTER_FILE:
		return any_frame_matches(filter, leaf, index);
	case GOSPY_FILTER_LABEL:
		return label_matches(filter, leaf, index);
	case GOSPY_FILTER_CURRENT:
	case GOSPY_FILTER_START:
	case GOSPY_FILTER_CREATOR:
		return function_matches(filter, leaf, index);
	}
	return false;
}

struct gospy_error *gospy_filter_bind(struct gospy_filter *filter,
				      const struct gospy_snapshot *snapshot)
{
	filter->snapshot = snapshot;
	for (size_t i = 0; i < filter->leaves.size; i++) {
		struct gospy_filter_leaf *leaf = &filter->leaves.data[i];
		free(leaf->of_string);
		free(leaf->of_node);
		leaf->of_string = calloc(gospy_strings_count(&snapshot->strings) + 1, 1);
		leaf->of_node = calloc(snapshot->nodes.size + 1, 1);
		if (!leaf->of_string || !leaf->of_node)
			return &gospy_enomem;
		memset(leaf->of_status, ANSWER_UNKNOWN, sizeof(leaf->of_status));
		if (leaf->label)
			leaf->label_id = gospy_strings_find(&snapshot->strings, leaf->label,
							    strlen(leaf->label));
	}
	gospy_view_memo_deinit(&filter->memo);
	return NULL;
}

bool gospy_filter_matches(struct gospy_filter *filter, uint32_t index)
{
	/* An operator takes away at least as much as it leaves: never higher than the program is
	 * long. */
	bool stack[GOSPY_FILTER_MAX_PROGRAM];
	size_t top = 0;

	for (size_t i = 0; i < filter->program.size; i++) {
		uint32_t op = filter->program.data[i];
		if (op == GOSPY_FILTER_NOT) {
			stack[top - 1] = !stack[top - 1];
		} else if (op == GOSPY_FILTER_AND || op == GOSPY_FILTER_OR) {
			top--;
			stack[top - 1] = op == GOSPY_FILTER_AND ? stack[top - 1] && stack[top]
								: stack[top - 1] || stack[top];
		} else {
			struct gospy_filter_leaf *leaf = &filter->leaves.data[op];
			stack[top++] = leaf_matches(filter, leaf, index) != is_negative(leaf);
		}
	}
	return stack[0];
}
