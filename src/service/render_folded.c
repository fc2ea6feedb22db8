/* SPDX-License-Identifier: MIT */
#include <gospy/cleanup.h>

#include "render_common.h"

/** One stack a line, outermost first: "runtime.goexit;main.worker;runtime.gopark 12"
 * (flamegraph.pl). */

/** A function name in which nothing is taken for a separator: space and semicolon become \xNN. */
static void write_name(struct gospy_renderer *renderer, uint32_t function)
{
	size_t size;
	const char *name = gospy_strings_get(&renderer->snapshot->strings, function, &size);
	size_t start = 0;

	for (size_t i = 0; i < size; i++) {
		if (name[i] != ' ' && name[i] != ';')
			continue;
		gospy_output_escaped(renderer->output, name + start, i - start);
		gospy_output_string(renderer->output, name[i] == ' ' ? "\\x20" : "\\x3b");
		start = i + 1;
	}
	gospy_output_escaped(renderer->output, name + start, size - start);
}

static struct gospy_error *write_stack(struct gospy_renderer *renderer, uint32_t node,
				       uint32_t count, struct gospy_u32_vec *functions)
{
	struct gospy_stack_walk walk;

	functions->size = 0;
	gospy_stack_walk_init(&walk, renderer->snapshot, node);
	while (gospy_stack_walk_next(&walk)) {
		for (uint32_t i = 0; i < walk.num_frames; i++) {
			if (!gospy_stack_walk_elides(&walk, i) &&
			    !gospy_u32_vec_append(functions, walk.frames[i].function))
				return &gospy_enomem;
		}
	}
	if (!functions->size)
		gospy_output_string(renderer->output, "(no\\x20stack)");
	for (size_t i = functions->size; i-- > 0;) {
		write_name(renderer, functions->data[i]);
		if (i)
			gospy_output_char(renderer->output, ';');
	}
	gospy_output_format(renderer->output, " %u\n", count);
	return NULL;
}

struct gospy_error *gospy_render_folded(struct gospy_renderer *renderer)
{
	_cleanup_(gospy_u32_vec_deinit) struct gospy_u32_vec functions = {}, stacks = {},
							     counts = {};
	_cleanup_(gospy_map_deinit) struct gospy_map places = {};
	const struct gospy_view *view = renderer->view;

	for (size_t i = 0; i < view->order.size; i++) {
		uint32_t stack = renderer->snapshot->goroutines.stack[view->order.data[i]];
		uint32_t *place = gospy_map_entry(&places, stack);
		if (!place)
			return &gospy_enomem;
		if (*place == GOSPY_MAP_NONE) {
			*place = (uint32_t)stacks.size;
			if (!gospy_u32_vec_append(&stacks, stack) ||
			    !gospy_u32_vec_append(&counts, 0))
				return &gospy_enomem;
		}
		counts.data[*place]++;
	}
	for (size_t i = 0; i < stacks.size; i++) {
		struct gospy_error *err =
			write_stack(renderer, stacks.data[i], counts.data[i], &functions);
		if (err)
			return err;
	}
	return NULL;
}
