/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "snapshot_builder.h"

#include <gospy/view.h>

static struct gospy_view make_view(const struct gospy_snapshot *snapshot,
				   struct gospy_view_options options)
{
	struct gospy_view view;

	assert_null(gospy_view_init(&view, snapshot, &options));
	return view;
}

/** "id id | id | ...": the rows of a view. */
static void assert_rows(const struct gospy_view *view, const char *expected)
{
	char got[1000] = "", *p = got;

	for (size_t i = 0; i < view->rows.size; i++) {
		const struct gospy_view_row *row = &view->rows.data[i];
		p += sprintf(p, "%s", i ? "| " : "");
		for (uint32_t j = 0; j < row->count; j++) {
			uint32_t index = view->order.data[row->first + j];
			p += sprintf(p, "%lu ", view->snapshot->goroutines.id[index]);
		}
	}
	assert_string_equal(got, expected);
}

static void assert_grouped(const struct gospy_snapshot *snapshot, enum gospy_view_group group,
			   const char *expected)
{
	struct gospy_view_options options = {.group = group, .label = "tenant"};
	struct gospy_view view = make_view(snapshot, options);

	assert_rows(&view, expected);
	assert_int_equal(view.matched, 6);
	gospy_view_deinit(&view);
}

/** Seven goroutines, the last one of the runtime. */
static struct gospy_snapshot *build_seven(void)
{
	struct gospy_snapshot *s = build_snapshot(7);
	struct gospy_goroutines *gs = &s->goroutines;
	uint32_t a = build_call(s, 0, "main.a", "a.go", 1),
		 b = build_call(s, 0, "main.b", "b.go", 2);
	uint32_t starts[] = {build_place(s, "main.a", "a.go", 1),
			     build_place(s, "main.b", "b.go", 2)};
	/* Two calls of one line at different pcs: one creator. */
	uint32_t creators[] = {build_place(s, "main.main", "m.go", 9),
			       build_place(s, "main.main", "m.go", 9),
			       build_place(s, "main.init", "m.go", 3)};
	static const uint8_t status[] = {4, 4, 2, 4, 1, 4, 4};

	for (uint32_t i = 0; i < 7; i++) {
		build_state(s, i, status[i], status[i] == 4 ? i % 2 ? "select" : "sleep" : "");
		gs->stack[i] = i % 3 ? b : a;
		gs->start[i] = starts[i % 2];
		gs->creator[i] = creators[i % 3];
		gs->thread[i] = i == 2 ? 70 : 0;
		gs->wait_ns[i] = status[i] == 4 ? (i + 1) * 1000 : 0;
	}
	gs->flags[6] = GOSPY_GOROUTINE_SYSTEM;
	for (uint32_t i = 0; i < 3; i++)
		build_label(s, i, "tenant", i == 1 ? "x" : "y");
	return s;
}

static void groups_are_largest_first(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_seven();

	assert_grouped(s, GOSPY_VIEW_GROUP_NONE, "1 | 2 | 3 | 4 | 5 | 6 ");
	assert_grouped(s, GOSPY_VIEW_GROUP_STACK, "2 3 5 6 | 1 4 ");
	assert_grouped(s, GOSPY_VIEW_GROUP_FUNCTION, "1 3 5 | 2 4 6 ");
	assert_grouped(s, GOSPY_VIEW_GROUP_STATE, "2 4 6 | 1 | 3 | 5 ");
	assert_grouped(s, GOSPY_VIEW_GROUP_CREATOR, "1 2 4 5 | 3 6 ");
	assert_grouped(s, GOSPY_VIEW_GROUP_LABEL, "4 5 6 | 1 3 | 2 ");
	assert_grouped(s, GOSPY_VIEW_GROUP_THREAD, "1 2 4 5 6 | 3 ");
	gospy_snapshot_destroy(s);
}

static void rows_know_their_waits(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_seven();
	struct gospy_view view =
		make_view(s, (struct gospy_view_options){.group = GOSPY_VIEW_GROUP_STATE});

	assert_int_equal(view.rows.data[0].min_wait_ns, 2000);
	assert_int_equal(view.rows.data[0].max_wait_ns, 6000);
	assert_int_equal(view.rows.data[2].max_wait_ns, 0);
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(s);
}

static void filter_comes_before_limit(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_seven();
	struct gospy_view_options options = {.filter = "main.b", .limit = 2};
	struct gospy_view view = make_view(s, options);

	assert_rows(&view, "2 | 3 ");
	assert_int_equal(view.matched, 4);
	assert_int_equal(view.order.size, 2);
	gospy_view_deinit(&view);
	options = (struct gospy_view_options){.group = GOSPY_VIEW_GROUP_STATE, .limit = 2};
	view = make_view(s, options);
	assert_rows(&view, "2 4 6 | 1 ");
	assert_int_equal(view.matched, 6);
	assert_int_equal(view.order.size, 4);
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(s);
}

static void system_goroutines_are_asked_for(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_seven();
	struct gospy_view view = make_view(s, (struct gospy_view_options){.system = true});

	assert_rows(&view, "1 | 2 | 3 | 4 | 5 | 6 | 7 ");
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(s);
}

static void an_empty_snapshot_is_an_empty_view(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_snapshot(0);

	for (int group = GOSPY_VIEW_GROUP_NONE; group <= GOSPY_VIEW_GROUP_THREAD; group++) {
		struct gospy_view_options options = {.group = (enum gospy_view_group)group,
						     .filter = "id == 1 || label.x"};
		struct gospy_view view = make_view(s, options);
		assert_rows(&view, "");
		gospy_view_deinit(&view);
	}
	gospy_snapshot_destroy(s);
}

static void a_bad_filter_leaves_the_view_alone(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_seven();
	struct gospy_view view = {.matched = 99};
	struct gospy_view_options options = {.filter = "id =="};
	struct gospy_error *err = gospy_view_init(&view, s, &options);

	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_USAGE);
	assert_int_equal(view.matched, 99);
	gospy_error_destroy(err);
	gospy_snapshot_destroy(s);
}

/** One goroutine with this stack, outermost first. */
static struct gospy_snapshot *build_stack(const char *const *functions, size_t count,
					  const char *start)
{
	struct gospy_snapshot *s = build_snapshot(1);
	uint32_t node = 0;

	build_state(s, 0, GOSPY_GOROUTINE_WAITING, "x");
	for (size_t i = 0; i < count; i++)
		node = build_call(s, node, functions[i], "x.go", (uint32_t)(i + 1));
	s->goroutines.stack[0] = node;
	s->goroutines.start[0] = build_place(s, start, "start.go", 50);
	return s;
}

static void assert_place(const struct gospy_snapshot *s, enum gospy_view_pc pc,
			 const char *function, uint32_t line)
{
	const struct gospy_frame *frame = NULL;

	assert_int_not_equal(gospy_view_location(s, pc, 0, &frame), 0);
	assert_string_equal(gospy_snapshot_string(s, frame->function), function);
	assert_int_equal(frame->line, line);
}

#define ASSERT_PLACE(pc, start, expected, line, ...)                                               \
	do {                                                                                       \
		static const char *const functions_[] = {__VA_ARGS__};                             \
		struct gospy_snapshot *s_ =                                                        \
			build_stack(functions_, sizeof(functions_) / sizeof(*functions_), start);  \
		assert_place(s_, pc, expected, line);                                              \
		gospy_snapshot_destroy(s_);                                                        \
	} while (0)

static void current_is_outside_the_parking_machinery(void **state)
{
	(void)state;
	enum gospy_view_pc pc = GOSPY_VIEW_PC_CURRENT;

	ASSERT_PLACE(pc, "main.f", "main.f", 2, "runtime.goexit", "main.f", "runtime.chanrecv1",
		     "runtime.chanrecv", "runtime.gopark");
	ASSERT_PLACE(pc, "main.f", "sync.(*Mutex).lockSlow", 2, "main.f", "sync.(*Mutex).lockSlow",
		     "sync.runtime_SemacquireMutex", "runtime.semacquire1", "runtime.gopark");
	ASSERT_PLACE(pc, "main.f", "internal/poll.(*pollDesc).wait", 2, "main.f",
		     "internal/poll.(*pollDesc).wait", "internal/poll.runtime_pollWait",
		     "runtime.netpollblock", "runtime.gopark");
	ASSERT_PLACE(pc, "main.f", "time.Sleep", 2, "main.f", "time.Sleep", "runtime.gopark");
	ASSERT_PLACE(pc, "main.f", "syscall.Syscall", 2, "main.f", "syscall.Syscall",
		     "internal/runtime/syscall.Syscall6");
	ASSERT_PLACE(pc, "main.f", "os/signal.loop", 1, "os/signal.loop", "os/signal.signal_recv",
		     "runtime.notetsleepg");
	ASSERT_PLACE(pc, "main.f", "reflect.Value.Recv", 2, "main.f", "reflect.Value.Recv",
		     "reflect.chanrecv", "runtime.gopark");
	ASSERT_PLACE(pc, "runtime.bgsweep", "runtime.bgsweep", 2, "runtime.goexit",
		     "runtime.bgsweep", "runtime.goparkunlock", "runtime.gopark");
}

static void start_is_what_the_user_started(void **state)
{
	(void)state;
	enum gospy_view_pc pc = GOSPY_VIEW_PC_START;

	ASSERT_PLACE(pc, "main.f", "main.f", 50, "runtime.goexit", "main.f", "runtime.gopark");
	ASSERT_PLACE(pc, "runtime.main", "main.main", 3, "runtime.goexit", "runtime.main",
		     "main.main", "main.f", "runtime.gopark");
	ASSERT_PLACE(pc, "main.main.gowrap1", "main.f", 3, "runtime.goexit", "main.main.gowrap1",
		     "main.f", "runtime.gopark");
	ASSERT_PLACE(pc, "main.main·dwrap·1", "main.f", 3, "runtime.goexit", "main.main·dwrap·1",
		     "main.f", "main.g", "runtime.gopark");
	ASSERT_PLACE(pc, "runtime.corostart", "iter.Pull[...].func1", 3, "runtime.goexit",
		     "runtime.corostart", "iter.Pull[...].func1", "main.f", "runtime.gopark");
	/* Not yet run, and a stack that does not reach the start: nothing better than the wrapper.
	 */
	ASSERT_PLACE(pc, "main.main.gowrap1", "main.main.gowrap1", 50, "runtime.goexit",
		     "main.main.gowrap1");
	ASSERT_PLACE(pc, "main.main.gowrap1", "main.main.gowrap1", 50, "main.f", "runtime.gopark");
}

/** A wrapper by its mark alone: before Go 1.22 they are named like closures. */
static void marked_wrappers_are_no_start(void **state)
{
	(void)state;
	static const char *const functions[] = {"runtime.goexit", "main.main.func7", "main.f",
						"runtime.gopark"};
	struct gospy_snapshot *s = build_stack(functions, 4, "main.main.func7");
	struct gospy_frame *start = &s->frames.data[s->frames.size - 1];

	assert_place(s, GOSPY_VIEW_PC_START, "main.main.func7", 50);
	start->flags = GOSPY_FRAME_WRAPPER;
	assert_place(s, GOSPY_VIEW_PC_START, "main.f", 3);
	gospy_snapshot_destroy(s);
}

static void goroutines_of_the_runtime_keep_their_start(void **state)
{
	(void)state;
	static const char *const functions[] = {"runtime.goexit", "runtime.runfinq", "main.final"};
	struct gospy_snapshot *s = build_stack(functions, 3, "runtime.runfinq");

	assert_place(s, GOSPY_VIEW_PC_START, "main.final", 3);
	s->goroutines.flags[0] = GOSPY_GOROUTINE_SYSTEM;
	assert_place(s, GOSPY_VIEW_PC_START, "runtime.runfinq", 50);
	gospy_snapshot_destroy(s);
}

static void nothing_known_is_no_place(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_snapshot(1);
	const struct gospy_frame *frame = NULL;

	for (int pc = GOSPY_VIEW_PC_START; pc <= GOSPY_VIEW_PC_CURRENT; pc++)
		assert_int_equal(gospy_view_location(s, (enum gospy_view_pc)pc, 0, &frame), 0);
	assert_null(frame);
	gospy_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_largest_first),
		cmocka_unit_test(rows_know_their_waits),
		cmocka_unit_test(filter_comes_before_limit),
		cmocka_unit_test(system_goroutines_are_asked_for),
		cmocka_unit_test(an_empty_snapshot_is_an_empty_view),
		cmocka_unit_test(a_bad_filter_leaves_the_view_alone),
		cmocka_unit_test(current_is_outside_the_parking_machinery),
		cmocka_unit_test(start_is_what_the_user_started),
		cmocka_unit_test(marked_wrappers_are_no_start),
		cmocka_unit_test(goroutines_of_the_runtime_keep_their_start),
		cmocka_unit_test(nothing_known_is_no_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
