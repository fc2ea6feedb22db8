/* SPDX-License-Identifier: MIT */
#ifndef SAMPLE_PROCESS_H
#define SAMPLE_PROCESS_H

/** The process that the tests of the encoders show. */
#include <stdio.h>
#include <stdlib.h>

#include "../analyze/snapshot_builder.h"

#include <gospy/render.h>

static inline void sample_environment(struct gospy_snapshot *s)
{
	struct gospy_processor p0 = {0, 0, 642, 81, -1, 0}, p1 = {1, 1, 7, 8, 3, 2};
	static const char states[] = "SSSRDtZ";

	s->pid = 4711;
	s->arch = GOSPY_ARCH_AMD64;
	s->exe = build_string(s, "/usr/bin/prometheus");
	s->name = build_string(s, "prometheus");
	s->go_version = build_string(s, "go1.19.8");
	s->main_module = build_string(s, "example.org/\"m\"");
	s->build_id = build_string(s, "0a1b");
	s->layout = build_string(s, "types");
	s->cgroup = build_string(s, "/x");
	s->gomaxprocs = 2;
	s->resident_size = 4096;
	s->time_ns = UINT64_C(1700000000123456789);
	s->duration_ns = 3000000;
	s->stop = GOSPY_STOP_PTRACE;
	s->pause_ns = 1500000;
	s->torn = 1;
	assert_true(gospy_processor_vec_append(&s->processors, p0));
	assert_true(gospy_processor_vec_append(&s->processors, p1));
	for (size_t i = 0; i < sizeof(states) - 1; i++)
		assert_true(gospy_thread_vec_append(
			&s->threads, (struct gospy_thread){(int)(100 + i), states[i]}));
	assert_true(gospy_u32_vec_append(&s->warnings, build_string(s, "a warning")));
	s->status_counts[GOSPY_GOROUTINE_DEAD] = 3;
}

/**
 * Four goroutines: main.main; two of main.worker with a call inlined, labels and waits; one that
 * runs, with a name that has what terminals and flame graphs take amiss.
 */
static inline struct gospy_snapshot *build_sample(void)
{
	struct gospy_snapshot *s = build_snapshot(4);
	struct gospy_goroutines *gs = &s->goroutines;
	uint32_t exit = build_call(s, 0, "runtime.goexit", "/go/asm.s", 10);
	uint32_t main_node = build_call(s, exit, "main.main", "/app/main.go", 202);

	sample_environment(s);
	uint32_t location = build_location(s, 0x4000, 0x20);
	build_frame(s, "main.inner", "/app/main.go", 33, GOSPY_FRAME_INLINED);
	build_frame(s, "main.worker", "/app/main.go", 44, 0);
	uint32_t worker = build_node(s, exit, location);
	uint32_t odd = build_call(s, exit, "main.f[struct { x; y\x1b }]", "/app/odd name.go", 5);
	s->locations.data[s->nodes.data[odd].location].exact = true;
	build_state(s, 0, GOSPY_GOROUTINE_WAITING, "chan receive");
	build_state(s, 1, GOSPY_GOROUTINE_WAITING, "select");
	build_state(s, 2, GOSPY_GOROUTINE_RUNNABLE, "");
	build_state(s, 3, GOSPY_GOROUTINE_RUNNING, "");
	gs->stack[0] = main_node;
	gs->stack[1] = gs->stack[2] = worker;
	gs->stack[3] = odd;
	gs->start[0] = build_place(s, "main.main", "/app/main.go", 200);
	gs->start[1] = gs->start[2] = build_place(s, "main.worker", "/app/main.go", 40);
	gs->creator[1] = gs->creator[2] = build_place(s, "main.start", "/app/main.go", 99);
	gs->parent_id[1] = gs->parent_id[2] = 1;
	gs->wait_ns[1] = UINT64_C(312000000000);
	gs->thread[3] = 103;
	gs->flags[2] = GOSPY_GOROUTINE_TORN | GOSPY_GOROUTINE_LOCKED;
	build_label(s, 1, "tenant", "acme");
	build_label(s, 2, "tenant", "globex");
	return s;
}

/** What `render` writes of a view; to be freed. */
static inline char *render_sample(struct gospy_view_options options, enum gospy_format format,
				  struct gospy_error *(*render)(const struct gospy_view *,
								enum gospy_format,
								struct gospy_output *),
				  size_t *ret_size)
{
	struct gospy_snapshot *snapshot = build_sample();
	struct gospy_view view;
	struct gospy_output output;

	assert_null(gospy_view_init(&view, snapshot, &options));
	gospy_output_init_memory(&output);
	assert_null(render(&view, format, &output));
	assert_null(gospy_output_flush(&output));
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(snapshot);
	if (ret_size)
		*ret_size = output.size;
	return output.data;
}

#endif
