/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/cleanup.h>
#include <gospy/map.h>
#include <gospy/view.h>
#include <gospy/view_memo.h>

#include "filter.h"

/** The key of a goroutine that has none: no stack, no such label. */
#define NO_KEY UINT64_MAX

/** Work of grouping: which group each goroutine that was let through belongs to. */
struct grouping {
	const struct gospy_view *view;
	/** String number of the label key; UINT32_MAX when no goroutine can have it. */
	uint32_t label;
	struct gospy_view_memo memo;
	/** Group by key. */
	struct gospy_map groups;
	/** Group of view->order[i]. */
	struct gospy_u32_vec group_of;
	struct gospy_view_row_vec rows;
};

static void grouping_deinit(struct grouping *grouping)
{
	gospy_view_memo_deinit(&grouping->memo);
	gospy_map_deinit(&grouping->groups);
	gospy_u32_vec_deinit(&grouping->group_of);
	gospy_view_row_vec_deinit(&grouping->rows);
}

static uint64_t label_key(const struct grouping *grouping, uint32_t index)
{
	size_t count;
	const struct gospy_label *labels =
		gospy_snapshot_labels(grouping->view->snapshot, index, &count);

	for (size_t i = 0; i < count; i++) {
		if (labels[i].key == grouping->label)
			return labels[i].value;
	}
	return NO_KEY;
}

/** What the goroutines of a group have in common. */
static uint64_t group_key(struct grouping *grouping, uint32_t index)
{
	const struct gospy_view *view = grouping->view;
	const struct gospy_goroutines *gs = &view->snapshot->goroutines;
	const struct gospy_frame *frame;

	switch (view->options.group) {
	case GOSPY_VIEW_GROUP_FUNCTION:
		return gospy_view_memo_function(&grouping->memo, view->snapshot, view->options.pc,
						index);
	case GOSPY_VIEW_GROUP_STATE:
		return (uint64_t)gs->wait_reason[index] << 8 | gs->status[index];
	case GOSPY_VIEW_GROUP_CREATOR:
		return gospy_view_location(view->snapshot, GOSPY_VIEW_PC_CALLER, index, &frame)
			       ? (uint64_t)frame->function << 32 | frame->line
			       : NO_KEY;
	case GOSPY_VIEW_GROUP_LABEL:
		return label_key(grouping, index);
	case GOSPY_VIEW_GROUP_THREAD:
		return gs->thread[index];
	case GOSPY_VIEW_GROUP_STACK:
	case GOSPY_VIEW_GROUP_NONE:
		break;
	}
	return gs->stack[index];
}

static void row_add(struct gospy_view_row *row, uint64_t wait_ns)
{
	if (!row->count || wait_ns < row->min_wait_ns)
		row->min_wait_ns = wait_ns;
	if (wait_ns > row->max_wait_ns)
		row->max_wait_ns = wait_ns;
	row->count++;
}

static struct gospy_error *collect_groups(struct grouping *grouping)
{
	const struct gospy_view *view = grouping->view;

	if (!gospy_u32_vec_resize(&grouping->group_of, view->order.size))
		return &gospy_enomem;
	for (size_t i = 0; i < view->order.size; i++) {
		uint32_t index = view->order.data[i];
		uint32_t *group = gospy_map_entry(&grouping->groups, group_key(grouping, index));
		if (!group)
			return &gospy_enomem;
		if (*group == GOSPY_MAP_NONE) {
			struct gospy_view_row row = {.first = (uint32_t)grouping->rows.size};
			*group = row.first;
			if (!gospy_view_row_vec_append(&grouping->rows, row))
				return &gospy_enomem;
		}
		grouping->group_of.data[i] = *group;
		row_add(&grouping->rows.data[*group], view->snapshot->goroutines.wait_ns[index]);
	}
	return NULL;
}

/** The largest first; groups are numbered in order of their smallest goroutine id, which breaks
 * ties. */
static int compare_rows(const void *a, const void *b)
{
	const struct gospy_view_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/** Sorts the rows, and view->order by row: within a row it stays ascending by id. */
static struct gospy_error *arrange(struct grouping *grouping, struct gospy_view *view)
{
	_cleanup_free_ uint32_t *next = calloc(grouping->rows.size + 1, sizeof(*next));
	struct gospy_u32_vec order = {};
	uint32_t first = 0;

	if (!next || !gospy_u32_vec_resize(&order, view->order.size))
		return &gospy_enomem;
	if (grouping->rows.size)
		qsort(grouping->rows.data, grouping->rows.size, sizeof(*grouping->rows.data),
		      compare_rows);
	for (size_t i = 0; i < grouping->rows.size; i++) {
		struct gospy_view_row *row = &grouping->rows.data[i];
		next[row->first] = first;
		row->first = first;
		first += row->count;
	}
	for (size_t i = 0; i < view->order.size; i++)
		order.data[next[grouping->group_of.data[i]]++] = view->order.data[i];
	gospy_u32_vec_deinit(&view->order);
	view->order = order;
	view->rows = grouping->rows;
	grouping->rows = (struct gospy_view_row_vec){};
	return NULL;
}

static struct gospy_error *make_groups(struct gospy_view *view)
{
	_cleanup_(grouping_deinit) struct grouping grouping = {.view = view, .label = UINT32_MAX};

	if (view->options.group == GOSPY_VIEW_GROUP_LABEL && view->options.label)
		grouping.label = gospy_strings_find(&view->snapshot->strings, view->options.label,
						    strlen(view->options.label));
	struct gospy_error *err = collect_groups(&grouping);
	return err ? err : arrange(&grouping, view);
}

static struct gospy_error *make_single_rows(struct gospy_view *view)
{
	const uint64_t *wait_ns = view->snapshot->goroutines.wait_ns;
	size_t count = view->order.size;

	if (view->options.limit && count > view->options.limit)
		count = view->options.limit;
	view->order.size = count;
	if (!gospy_view_row_vec_resize(&view->rows, count))
		return &gospy_enomem;
	for (size_t i = 0; i < count; i++) {
		view->rows.data[i].first = (uint32_t)i;
		row_add(&view->rows.data[i], wait_ns[view->order.data[i]]);
	}
	return NULL;
}

/** Fills view->order with the goroutines that are let through, ascending by id. */
static struct gospy_error *select_goroutines(struct gospy_view *view, struct gospy_filter *filter)
{
	const struct gospy_goroutines *gs = &view->snapshot->goroutines;

	for (uint32_t i = 0; i < gs->count; i++) {
		if (!view->options.system && (gs->flags[i] & GOSPY_GOROUTINE_SYSTEM))
			continue;
		if (filter && !gospy_filter_matches(filter, i))
			continue;
		if (!gospy_u32_vec_append(&view->order, i))
			return &gospy_enomem;
	}
	view->matched = view->order.size;
	return NULL;
}

static void cut_rows(struct gospy_view *view)
{
	uint64_t limit = view->options.limit;

	if (!limit || view->rows.size <= limit)
		return;
	view->rows.size = limit;
	const struct gospy_view_row *last = &view->rows.data[limit - 1];
	view->order.size = last->first + last->count;
}

static struct gospy_error *fill(struct gospy_view *view)
{
	_cleanup_(gospy_cleanup_filter) struct gospy_filter *filter = NULL;
	struct gospy_error *err = NULL;

	if (view->options.filter) {
		err = gospy_filter_create(view->options.filter, &filter);
		if (!err)
			err = gospy_filter_bind(filter, view->snapshot);
	}
	if (!err)
		err = select_goroutines(view, filter);
	if (err)
		return err;
	if (view->options.group == GOSPY_VIEW_GROUP_NONE)
		return make_single_rows(view);
	err = make_groups(view);
	if (!err)
		cut_rows(view);
	return err;
}

struct gospy_error *gospy_view_init(struct gospy_view *view, const struct gospy_snapshot *snapshot,
				    const struct gospy_view_options *options)
{
	struct gospy_view made = {.snapshot = snapshot, .options = *options};
	struct gospy_error *err = fill(&made);

	if (err) {
		gospy_view_deinit(&made);
		return err;
	}
	*view = made;
	return NULL;
}

void gospy_view_deinit(struct gospy_view *view)
{
	gospy_u32_vec_deinit(&view->order);
	gospy_view_row_vec_deinit(&view->rows);
}
