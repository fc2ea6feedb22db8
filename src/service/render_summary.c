/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "render_common.h"

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

/** What the goroutines of a group have in common, told by the first of them. */
static void write_common(struct gospy_renderer *renderer, uint32_t index)
{
	const struct gospy_view_options *options = &renderer->view->options;
	uint32_t thread = renderer->snapshot->goroutines.thread[index];

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
		write_state_of(renderer, index);
		gospy_output_string(renderer->output, ": ");
		write_place_of(renderer, options->pc, index);
		break;
	default:
		write_place_of(renderer, options->pc, index);
	}
}

/** "12 - main.worker (/app/main.go:10), waiting 1s to 5m0s". */
static void write_group(struct gospy_renderer *renderer, const struct gospy_view_row *row)
{
	gospy_output_u64(renderer->output, row->count);
	gospy_output_string(renderer->output, " - ");
	write_common(renderer, renderer->view->order.data[row->first]);
	if (row->max_wait_ns) {
		gospy_output_string(renderer->output, ", waiting ");
		gospy_renderer_waits(renderer, row->min_wait_ns, row->max_wait_ns);
	}
	gospy_output_char(renderer->output, '\n');
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
	for (size_t i = 0; i < view->rows.size; i++) {
		const struct gospy_view_row *row = &view->rows.data[i];
		if (grouped)
			write_group(renderer, row);
		else
			write_goroutine(renderer, view->order.data[row->first]);
	}
	return NULL;
}
