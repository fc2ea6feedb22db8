/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "render_tally.h"

static void write_place_of(struct gospy_renderer *renderer, enum gospy_view_pc pc, uint32_t index)
{
	const struct gospy_frame *frame;

	if (gospy_renderer_location(renderer, pc, index, &frame))
		gospy_renderer_place(renderer, frame);
	else
		gospy_output_string(renderer->output, "unknown");
}

static void write_state_of(struct gospy_renderer *renderer, uint32_t index)
{
	const struct gospy_goroutines *gs = &renderer->snapshot->goroutines;

	gospy_renderer_state(renderer, gs->status[index], gs->wait_reason[index]);
}

/** "18 - waiting for chan receive: main.worker (/app/main.go:202)". */
static void write_goroutine(struct gospy_renderer *renderer, uint32_t index)
{
	const struct gospy_goroutines *gs = &renderer->snapshot->goroutines;
	struct gospy_output *output = renderer->output;

	gospy_output_u64(output, gs->id[index]);
	gospy_output_string(output, " - ");
	write_state_of(renderer, index);
	gospy_output_string(output, ": ");
	write_place_of(renderer, renderer->view->options.pc, index);
	if (gs->flags[index] & GOSPY_GOROUTINE_TORN)
		gospy_output_string(output, " [torn]");
	gospy_output_char(output, '\n');
}

static void write_label_of(struct gospy_renderer *renderer, uint32_t index)
{
	const char *key = renderer->view->options.label ? renderer->view->options.label : "";
	size_t count;
	const struct gospy_label *labels = gospy_snapshot_labels(renderer->snapshot, index, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(gospy_snapshot_string(renderer->snapshot, labels[i].key), key) != 0)
			continue;
		gospy_renderer_string(renderer, labels[i].key);
		gospy_output_char(renderer->output, '=');
		gospy_renderer_string(renderer, labels[i].value);
		return;
	}
	gospy_output_string(renderer->output, "no label ");
	gospy_output_escaped(renderer->output, key, strlen(key));
}

/** The function of a group, at the line where all of it are. */
static void write_function_of(struct gospy_renderer *renderer, const struct gospy_view_row *row)
{
	const uint32_t *order = renderer->view->order.data + row->first;
	enum gospy_view_pc pc = renderer->view->options.pc;
	const struct gospy_frame *first, *other;
	bool same_line = true;

	if (!gospy_renderer_location(renderer, pc, order[0], &first)) {
		gospy_output_string(renderer->output, "unknown");
		return;
	}
	for (uint32_t i = 1; i < row->count && same_line; i++)
		same_line = gospy_renderer_location(renderer, pc, order[i], &other) &&
			    other->line == first->line && other->file == first->file;
	if (same_line)
		gospy_renderer_place(renderer, first);
	else
		gospy_renderer_string(renderer, first->function);
}

static void cleanup_tally(struct gospy_tally *tally)
{
	gospy_tally_deinit(tally);
}

/** Goroutines with one stack may be of several states: those that wait there, and those that are
 * woken up already. */
static struct gospy_error *write_states_of(struct gospy_renderer *renderer,
					   const struct gospy_view_row *row)
{
	_cleanup_(cleanup_tally) struct gospy_tally states = {};
	struct gospy_error *err = NULL;

	for (uint32_t i = 0; !err && i < row->count; i++)
		err = gospy_tally_add_state(&states, &renderer->snapshot->goroutines,
					    renderer->view->order.data[row->first + i]);
	if (!err)
		gospy_tally_write_states(renderer, &states);
	return err;
}

/** What the goroutines of a group have in common. */
static struct gospy_error *write_common(struct gospy_renderer *renderer,
					const struct gospy_view_row *row)
{
	const struct gospy_view_options *options = &renderer->view->options;
	uint32_t index = renderer->view->order.data[row->first];
	uint32_t thread = renderer->snapshot->goroutines.thread[index];
	struct gospy_error *err = NULL;

	switch (options->group) {
	case GOSPY_VIEW_GROUP_STATE:
		write_state_of(renderer, index);
		break;
	case GOSPY_VIEW_GROUP_CREATOR:
		gospy_output_string(renderer->output, "created by ");
		write_place_of(renderer, GOSPY_VIEW_PC_CALLER, index);
		break;
	case GOSPY_VIEW_GROUP_LABEL:
		write_label_of(renderer, index);
		break;
	case GOSPY_VIEW_GROUP_THREAD:
		if (thread)
			gospy_output_format(renderer->output, "thread %u", thread);
		else
			gospy_output_string(renderer->output, "no thread");
		break;
	case GOSPY_VIEW_GROUP_STACK:
		err = write_states_of(renderer, row);
		gospy_output_string(renderer->output, ": ");
		write_place_of(renderer, options->pc, index);
		break;
	default:
		write_function_of(renderer, row);
	}
	return err;
}

/** "12 - main.worker (/app/main.go:10), waiting 1s to 5m0s". */
static struct gospy_error *write_group(struct gospy_renderer *renderer,
				       const struct gospy_view_row *row)
{
	gospy_output_u64(renderer->output, row->count);
	gospy_output_string(renderer->output, " - ");
	struct gospy_error *err = write_common(renderer, row);
	if (row->max_wait_ns) {
		gospy_output_string(renderer->output, ", waiting ");
		gospy_renderer_waits(renderer, row->min_wait_ns, row->max_wait_ns);
	}
	gospy_output_char(renderer->output, '\n');
	return err;
}

struct gospy_error *gospy_render_summary_text(struct gospy_renderer *renderer)
{
	static const char *const by[] = {
		[GOSPY_VIEW_GROUP_STACK] = "stack", [GOSPY_VIEW_GROUP_FUNCTION] = "function",
		[GOSPY_VIEW_GROUP_STATE] = "state", [GOSPY_VIEW_GROUP_CREATOR] = "creator",
		[GOSPY_VIEW_GROUP_LABEL] = "label", [GOSPY_VIEW_GROUP_THREAD] = "thread",
	};
	const struct gospy_view *view = renderer->view;
	bool grouped = view->options.group != GOSPY_VIEW_GROUP_NONE;

	gospy_render_header(renderer);
	gospy_output_string(renderer->output, "\ngoroutines");
	if (grouped)
		gospy_output_format(renderer->output, " by %s", by[view->options.group]);
	gospy_output_string(renderer->output, ":\n\n");
	struct gospy_error *err = NULL;
	for (size_t i = 0; i < view->rows.size && !err; i++) {
		const struct gospy_view_row *row = &view->rows.data[i];
		if (grouped)
			err = write_group(renderer, row);
		else
			write_goroutine(renderer, view->order.data[row->first]);
	}
	return err;
}
