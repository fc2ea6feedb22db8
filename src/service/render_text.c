/* SPDX-License-Identifier: MIT */
#include <gospy/cleanup.h>

#include "render_common.h"
#include "render_tally.h"

static void write_creator_key(struct gospy_renderer *renderer, uint64_t key)
{
	uint32_t count;
	const struct gospy_frame *frames =
		gospy_stack_walk_frames(renderer->snapshot, (uint32_t)key, &count);

	if (count)
		gospy_renderer_place(renderer, frames);
	else
		gospy_output_string(renderer->output, "unknown");
}

static void write_label_key(struct gospy_renderer *renderer, uint64_t key)
{
	gospy_renderer_string(renderer, (uint32_t)(key >> 32));
	gospy_output_char(renderer->output, '=');
	gospy_renderer_string(renderer, (uint32_t)key);
}

/** Goroutines of the view that have one stack: some of view->order. */
struct stack_group {
	const uint32_t *indices;
	uint32_t count;
	struct gospy_tally states;
	struct gospy_tally creators;
	struct gospy_tally labels;
	uint64_t min_wait_ns;
	uint64_t max_wait_ns;
};

static void stack_group_deinit(struct stack_group *group)
{
	gospy_tally_deinit(&group->states);
	gospy_tally_deinit(&group->creators);
	gospy_tally_deinit(&group->labels);
}

static struct gospy_error *add_labels(const struct gospy_snapshot *snapshot,
				      struct stack_group *group, uint32_t index)
{
	size_t count;
	const struct gospy_label *labels = gospy_snapshot_labels(snapshot, index, &count);
	struct gospy_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++)
		err = gospy_tally_add(&group->labels,
				      (uint64_t)labels[i].key << 32 | labels[i].value);
	return err;
}

static struct gospy_error *tally_group(const struct gospy_snapshot *snapshot,
				       struct stack_group *group)
{
	const struct gospy_goroutines *gs = &snapshot->goroutines;

	for (uint32_t i = 0; i < group->count; i++) {
		uint32_t index = group->indices[i];
		uint64_t wait_ns = gs->wait_ns[index];
		struct gospy_error *err = gospy_tally_add_state(&group->states, gs, index);
		if (!err && gs->creator[index])
			err = gospy_tally_add(&group->creators, gs->creator[index]);
		if (!err)
			err = add_labels(snapshot, group, index);
		if (err)
			return err;
		if (!i || wait_ns < group->min_wait_ns)
			group->min_wait_ns = wait_ns;
		if (wait_ns > group->max_wait_ns)
			group->max_wait_ns = wait_ns;
	}
	return NULL;
}

static void write_ids(struct gospy_renderer *renderer, const struct stack_group *group)
{
	struct gospy_output *output = renderer->output;

	gospy_output_string(output, "  id: ");
	for (uint32_t i = 0; i < group->count; i++) {
		if (i)
			gospy_output_string(output, ", ");
		if (i == GOSPY_TALLY_MAX_SHOWN) {
			gospy_output_format(output, "%u more", group->count - i);
			break;
		}
		gospy_output_u64(output, renderer->snapshot->goroutines.id[group->indices[i]]);
	}
	gospy_output_char(output, '\n');
}

/** What is not sure about the stack: torn, cut short, or from a scheduling point gone by. */
static void write_doubts(struct gospy_renderer *renderer, const struct stack_group *group)
{
	static const struct {
		uint8_t flag;
		const char *text;
	} doubts[] = {
		{GOSPY_GOROUTINE_TORN, "changed while it was read"},
		{GOSPY_GOROUTINE_INCOMPLETE, "not followed to its start"},
		{GOSPY_GOROUTINE_STALE, "as of the last scheduling point"},
	};

	for (size_t d = 0; d < sizeof(doubts) / sizeof(*doubts); d++) {
		uint32_t count = 0;
		for (uint32_t i = 0; i < group->count; i++)
			count += (renderer->snapshot->goroutines.flags[group->indices[i]] &
				  doubts[d].flag) != 0;
		if (count)
			gospy_output_format(renderer->output, "  stack: %s (%u)\n", doubts[d].text,
					    count);
	}
}

static void write_heading(struct gospy_renderer *renderer, const struct stack_group *group)
{
	struct gospy_output *output = renderer->output;

	gospy_output_format(output, "%u goroutine%s: ", group->count, group->count == 1 ? "" : "s");
	gospy_tally_write_states(renderer, &group->states);
	gospy_output_char(output, '\n');
	write_ids(renderer, group);
	if (group->max_wait_ns) {
		gospy_output_string(output, "  waiting: ");
		gospy_renderer_waits(renderer, group->min_wait_ns, group->max_wait_ns);
		gospy_output_char(output, '\n');
	}
	if (group->creators.keys.size) {
		gospy_output_string(output, "  created by: ");
		gospy_tally_write(renderer, &group->creators, group->count, write_creator_key);
		gospy_output_char(output, '\n');
	}
	if (group->labels.keys.size) {
		gospy_output_string(output, "  labels: ");
		gospy_tally_write(renderer, &group->labels, group->count, write_label_key);
		gospy_output_char(output, '\n');
	}
	write_doubts(renderer, group);
}

static void write_frames(struct gospy_renderer *renderer, uint32_t node)
{
	struct gospy_output *output = renderer->output;
	struct gospy_stack_walk walk;

	if (!node)
		gospy_output_string(output, "(no stack)\n");
	gospy_stack_walk_init(&walk, renderer->snapshot, node);
	while (gospy_stack_walk_next(&walk)) {
		for (uint32_t i = 0; i < walk.num_frames; i++) {
			if (gospy_stack_walk_elides(&walk, i))
				continue;
			gospy_renderer_string(renderer, walk.frames[i].function);
			gospy_output_string(output, "\n    ");
			gospy_renderer_string(renderer, walk.frames[i].file);
			gospy_output_char(output, ':');
			gospy_output_u64(output, walk.frames[i].line);
			gospy_output_char(output, '\n');
		}
	}
}

static struct gospy_error *write_stack_group(struct gospy_renderer *renderer,
					     const uint32_t *indices, uint32_t count)
{
	_cleanup_(stack_group_deinit) struct stack_group group = {.indices = indices,
								  .count = count};
	struct gospy_error *err = tally_group(renderer->snapshot, &group);

	if (err)
		return err;
	gospy_output_char(renderer->output, '\n');
	write_heading(renderer, &group);
	write_frames(renderer, renderer->snapshot->goroutines.stack[indices[0]]);
	return NULL;
}

struct stack_index {
	uint32_t stack;
	uint32_t index;
};

static int compare_stacks(const void *a, const void *b)
{
	const struct stack_index *x = a, *y = b;

	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/** One row of a view that is not grouped by stack: its goroutines, those of one stack together. */
static struct gospy_error *write_row_by_stack(struct gospy_renderer *renderer,
					      const struct gospy_view_row *row)
{
	const uint32_t *order = renderer->view->order.data + row->first;
	_cleanup_free_ struct stack_index *pairs = calloc(row->count, sizeof(*pairs));
	_cleanup_free_ uint32_t *indices = calloc(row->count, sizeof(*indices));

	if (!pairs || !indices)
		return &gospy_enomem;
	for (uint32_t i = 0; i < row->count; i++)
		pairs[i] = (struct stack_index){renderer->snapshot->goroutines.stack[order[i]],
						order[i]};
	qsort(pairs, row->count, sizeof(*pairs), compare_stacks);
	for (uint32_t i = 0; i < row->count; i++)
		indices[i] = pairs[i].index;
	for (uint32_t first = 0, end; first < row->count; first = end) {
		for (end = first + 1; end < row->count && pairs[end].stack == pairs[first].stack;)
			end++;
		struct gospy_error *err = write_stack_group(renderer, indices + first, end - first);
		if (err)
			return err;
	}
	return NULL;
}

static struct gospy_error *write_rows(struct gospy_renderer *renderer)
{
	const struct gospy_view *view = renderer->view;
	struct gospy_error *err = NULL;

	for (size_t i = 0; i < view->rows.size && !err; i++) {
		const struct gospy_view_row *row = &view->rows.data[i];
		if (view->options.group == GOSPY_VIEW_GROUP_STACK)
			err = write_stack_group(renderer, view->order.data + row->first,
						row->count);
		else
			err = write_row_by_stack(renderer, row);
	}
	return err;
}

static void cleanup_view(struct gospy_view *view)
{
	gospy_view_deinit(view);
}

/** A dump in text is grouped, by stack unless another way is asked for. */
struct gospy_error *gospy_render_text(struct gospy_renderer *renderer)
{
	const struct gospy_view *asked = renderer->view;
	_cleanup_(cleanup_view) struct gospy_view by_stack = {};
	struct gospy_view_options options = asked->options;

	if (options.group == GOSPY_VIEW_GROUP_NONE) {
		options.group = GOSPY_VIEW_GROUP_STACK;
		struct gospy_error *err = gospy_view_init(&by_stack, renderer->snapshot, &options);
		if (err)
			return err;
		renderer->view = &by_stack;
	}
	gospy_render_header(renderer);
	struct gospy_error *err = write_rows(renderer);
	renderer->view = asked;
	return err;
}
