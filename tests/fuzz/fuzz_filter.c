/* SPDX-License-Identifier: MIT */
#include <gospy/view.h>

#include "fuzz.h"

static uint32_t intern(struct gospy_snapshot *snapshot, const char *text)
{
	uint32_t id = 0;

	fuzz_ok(gospy_strings_intern(&snapshot->strings, text, strlen(text), &id));
	return id;
}

/** A goroutine in main.worker, called by main.main. */
static void add_stack(struct gospy_snapshot *s)
{
	static const char *const functions[] = {"main.main", "main.(*pool).worker"};
	uint32_t parent = 0;

	for (uint32_t i = 0; i < 2; i++) {
		struct gospy_frame frame = {intern(s, functions[i]), intern(s, "/app/main.go"), i,
					    0, 0};
		struct gospy_location location = {
			.pc = i, .first_frame = i, .num_frames = 1, .module = UINT32_MAX};
		struct gospy_stack_node node = {parent, i + 1};
		if (!gospy_frame_vec_append(&s->frames, frame) ||
		    !gospy_location_vec_append(&s->locations, location) ||
		    !gospy_stack_node_vec_append(&s->nodes, node))
			abort();
		parent = (uint32_t)s->nodes.size - 1;
	}
	s->goroutines.stack[0] = parent;
	s->goroutines.start[0] = s->goroutines.creator[0] = 1;
}

static struct gospy_snapshot *make_snapshot(void)
{
	struct gospy_snapshot *s;

	if (!fuzz_ok(gospy_snapshot_create(&s)) || !fuzz_ok(gospy_snapshot_reserve(s, 2)))
		abort();
	s->goroutines.count = 2;
	s->goroutines.id[0] = 1;
	s->goroutines.id[1] = 2;
	s->goroutines.status[0] = GOSPY_GOROUTINE_WAITING;
	s->goroutines.wait_reason[0] = intern(s, "chan receive");
	s->goroutines.wait_ns[0] = 1000;
	add_stack(s);
	return s;
}

/** The input is a filter expression. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gospy_snapshot *snapshot;
	struct gospy_view_options options = {};
	struct gospy_view view;
	char *expression = strndup((const char *)data, size);

	if (!snapshot)
		snapshot = make_snapshot();
	if (!expression)
		return 0;
	options.filter = expression;
	bool good = fuzz_ok(gospy_filter_check(expression));
	if (fuzz_ok(gospy_view_init(&view, snapshot, &options))) {
		/* What the check refuses must not get through here. */
		if (!good || view.matched > 2)
			abort();
		gospy_view_deinit(&view);
	}
	free(expression);
	return 0;
}
