/* SPDX-License-Identifier: MIT */
/* Captures of a process whose every word is put there by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/capture.h>
#include <gospy/memory_target.h>

#include "../target/assert_error.h"
#include "synthetic_program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT_CALL 0x40
#define TID 101

static const struct gospy_capture_request whole = {.stop = GOSPY_STOP_NONE, .stacks = true};

struct fixture {
	struct synthetic_program s;
	struct gospy_target *target;
	struct gospy_snapshot *snapshot;
};

static void init(struct fixture *f, size_t arena_size)
{
	memset(f, 0, sizeof(*f));
	assert_true(synthetic_init(&f->s, GOSPY_ARCH_AMD64, arena_size));
}

static void deinit(struct fixture *f)
{
	gospy_snapshot_destroy(f->snapshot);
	gospy_target_destroy(f->target);
	synthetic_deinit(&f->s);
}

static void make_target(struct fixture *f)
{
	synthetic_finish(&f->s, NULL, 0);
	f->target = synthetic_target(&f->s);
	assert_non_null(f->target);
}

static void take(struct fixture *f, const struct gospy_capture_request *request)
{
	if (!f->target)
		make_target(f);
	gospy_snapshot_destroy(f->snapshot);
	f->snapshot = NULL;
	assert_ok(gospy_capture_take(&f->s.program, request, &f->snapshot));
}

static void assert_fails(struct fixture *f, const struct gospy_capture_request *request,
			 enum gospy_error_code code)
{
	struct gospy_snapshot *snapshot = NULL;

	assert_error(gospy_capture_take(&f->s.program, request, &snapshot), code);
	assert_null(snapshot);
}

static void waiting(struct fixture *f, uint64_t goid)
{
	const enum synthetic_function stack[] = {FN_GOPARK, FN_WORK};

	synthetic_stack(&f->s, synthetic_g(&f->s, goid, 1024), stack, COUNT(stack));
}

static const char *string(const struct fixture *f, uint32_t id)
{
	return gospy_snapshot_string(f->snapshot, id);
}

static const char *function_of(const struct fixture *f, uint32_t location)
{
	const struct gospy_location *at = &f->snapshot->locations.data[location];

	return at->num_frames ? string(f, f->snapshot->frames.data[at->first_frame].function) : "";
}

static void assert_stack(const struct fixture *f, uint32_t goroutine,
			 const enum synthetic_function *functions, size_t count)
{
	uint32_t node = f->snapshot->goroutines.stack[goroutine];

	for (size_t i = 0; i < count; i++) {
		assert_int_not_equal(node, 0);
		assert_string_equal(function_of(f, f->snapshot->nodes.data[node].location),
				    synthetic_name(functions[i]));
		node = f->snapshot->nodes.data[node].parent;
	}
	assert_int_equal(node, 0);
}

static uint8_t flags_of(const struct fixture *f, uint32_t goroutine)
{
	return f->snapshot->goroutines.flags[goroutine];
}

static void tells_of_each_goroutine(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_GOPARK, FN_WORK};
	const enum synthetic_function expected[] = {FN_GOPARK, FN_WORK, FN_GOEXIT};

	init(&f, 65536);
	uint64_t last = synthetic_g(&f.s, 70, 1024), dead = synthetic_g(&f.s, 8, 0);
	uint64_t first = synthetic_g(&f.s, 3, 1024), m = synthetic_m(&f.s, TID);
	synthetic_stack(&f.s, last, stack, COUNT(stack));
	synthetic_stack(&f.s, first, stack, COUNT(stack));
	synthetic_put_u32(&f.s, dead + G_STATUS, 6);
	synthetic_put(&f.s, last + G_WAITSINCE, 1000);
	synthetic_put(&f.s, last + G_PARENT_GOID, 3);
	synthetic_put(&f.s, last + G_LOCKEDM, m);
	synthetic_put(&f.s, first + G_M, m);
	synthetic_put_u32(&f.s, first + G_STATUS, 0x1003);
	make_target(&f);
	gospy_memory_target_set_frozen_at(f.target, 61000);
	take(&f, &whole);

	const struct gospy_goroutines *g = &f.snapshot->goroutines;
	assert_int_equal(g->count, 2);
	assert_int_equal(f.snapshot->status_counts[GOSPY_GOROUTINE_DEAD], 1);
	assert_int_equal(f.snapshot->status_counts[GOSPY_GOROUTINE_SYSCALL], 1);
	assert_int_equal(f.snapshot->status_counts[GOSPY_GOROUTINE_WAITING], 1);
	assert_int_equal(g->id[0], 3);
	assert_int_equal(g->status[0], GOSPY_GOROUTINE_SYSCALL);
	assert_string_equal(string(&f, g->wait_reason[0]), "");
	assert_int_equal(g->thread[0], TID);
	assert_int_equal(g->flags[0], GOSPY_GOROUTINE_SCAN);
	assert_int_equal(g->address[0], first);
	assert_int_equal(g->id[1], 70);
	assert_int_equal(g->status[1], GOSPY_GOROUTINE_WAITING);
	assert_string_equal(string(&f, g->wait_reason[1]), "chan receive");
	assert_int_equal(g->wait_ns[1], 60000);
	assert_int_equal(g->parent_id[1], 3);
	assert_int_equal(g->thread[1], 0);
	assert_int_equal(g->flags[1], GOSPY_GOROUTINE_LOCKED);
	assert_string_equal(function_of(&f, g->start[1]), "main.work");
	assert_string_equal(function_of(&f, g->creator[1]), "runtime.main");
	assert_null(g->label_start);
	assert_null(g->argument_start);
	assert_null(g->bubble);
	for (uint32_t i = 0; i < 2; i++)
		assert_stack(&f, i, expected, COUNT(expected));
	assert_int_equal(f.snapshot->torn, 0);
	deinit(&f);
}

static void shares_stacks_and_looks_up_lines_once(void **state)
{
	(void)state;
	struct fixture f;

	init(&f, 1 << 20);
	for (uint64_t i = 0; i < 100; i++)
		waiting(&f, i + 1);
	take(&f, &whole);
	assert_int_equal(f.snapshot->goroutines.count, 100);
	/* The root, goexit, work, gopark. */
	assert_int_equal(f.snapshot->nodes.size, 4);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(f.snapshot->goroutines.stack[i], f.snapshot->goroutines.stack[0]);
	uint32_t work =
		f.snapshot->nodes
			.data[f.snapshot->nodes.data[f.snapshot->goroutines.stack[0]].parent]
			.location;
	const struct gospy_location *at = &f.snapshot->locations.data[work];
	/* The line of the call, which ends before the return address. */
	assert_int_equal(f.snapshot->frames.data[at->first_frame].line, FN_WORK * 100 + 1);
	assert_string_equal(string(&f, f.snapshot->frames.data[at->first_frame].file), "/src/a.go");
	assert_int_equal(at->offset, AT_CALL);
	assert_int_equal(at->pc, synthetic_pc(FN_WORK, AT_CALL));
	deinit(&f);
}

static void sorts_ids_of_any_size(void **state)
{
	(void)state;
	struct fixture f;
	const uint64_t ids[] = {UINT64_C(1) << 60, 256, 65536, 1, 255, UINT64_C(1) << 32, 2};
	const uint64_t sorted[] = {1, 2, 255, 256, 65536, UINT64_C(1) << 32, UINT64_C(1) << 60};

	init(&f, 65536);
	for (size_t i = 0; i < COUNT(ids); i++)
		waiting(&f, ids[i]);
	take(&f, &whole);
	assert_int_equal(f.snapshot->goroutines.count, COUNT(ids));
	assert_memory_equal(f.snapshot->goroutines.id, sorted, sizeof(sorted));
	deinit(&f);
}

static void tells_processors_and_threads(void **state)
{
	(void)state;
	struct fixture f;
	const struct gospy_registers registers = {};

	init(&f, 65536);
	uint64_t m = synthetic_m(&f.s, TID + 1), ps[2];
	for (uint32_t i = 0; i < 2; i++) {
		ps[i] = synthetic_alloc(&f.s, P_SIZE);
		synthetic_p(&f.s, ps[i], i, i ? m : 0);
	}
	waiting(&f, 1);
	synthetic_finish(&f.s, ps, 2);
	f.target = synthetic_target(&f.s);
	assert_ok(gospy_memory_target_add_thread(f.target, TID + 1, 'S', &registers));
	take(&f, &whole);
	assert_int_equal(f.snapshot->gomaxprocs, 2);
	assert_int_equal(f.snapshot->threads.size, 1);
	const struct gospy_processor *p = f.snapshot->processors.data;
	assert_int_equal(p[0].m, -1);
	assert_int_equal(p[1].m, 2);
	assert_int_equal(p[1].id, 1);
	assert_int_equal(p[1].status, 1);
	assert_int_equal(p[1].schedtick, 642);
	assert_int_equal(p[1].syscalltick, 81);
	/* The positions in the queue wrap around. */
	assert_int_equal(p[1].run_queue, 3);
	deinit(&f);
}

static void knows_the_goroutines_of_the_runtime(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function parked[] = {FN_GOPARK, FN_RUNFINQ};
	const enum synthetic_function finalizer[] = {FN_GOPARK, FN_WORK, FN_RUNFINQ};
	const struct {
		enum synthetic_function start;
		bool system;
	} cases[] = {
		{FN_MAIN, false},
		{FN_WORK, false},
		{FN_SIGHANDLER, true},
		{FN_RUNFINQ, true},
	};

	init(&f, 65536);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t g = synthetic_g(&f.s, i + 1, 1024);
		synthetic_stack(&f.s, g, parked, COUNT(parked));
		synthetic_put(&f.s, g + G_STARTPC, synthetic_pc(cases[i].start, 0));
	}
	uint64_t g = synthetic_g(&f.s, 5, 1024);
	synthetic_stack(&f.s, g, finalizer, COUNT(finalizer));
	synthetic_put(&f.s, g + G_STARTPC, synthetic_pc(FN_RUNFINQ, 0));
	take(&f, &whole);
	for (uint32_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(!!(flags_of(&f, i) & GOSPY_GOROUTINE_SYSTEM), cases[i].system);
	assert_false(flags_of(&f, 4) & GOSPY_GOROUTINE_SYSTEM);
	deinit(&f);
}

static void begins_at_the_system_call(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function expected[] = {FN_SYSCALL, FN_WORK, FN_GOEXIT};

	init(&f, 65536);
	uint64_t g = synthetic_g(&f.s, 1, 1024);
	uint64_t sp = synthetic_stack(&f.s, g, expected, 2);
	synthetic_put_u32(&f.s, g + G_STATUS, 3);
	synthetic_put(&f.s, g + G_SYSCALLSP, sp);
	synthetic_put(&f.s, g + G_SYSCALLPC, synthetic_pc(FN_SYSCALL, AT_CALL));
	synthetic_put(&f.s, g + G_SCHED_SP, sp + 512);
	synthetic_put(&f.s, g + G_SCHED_PC, 1);
	take(&f, &whole);
	assert_stack(&f, 0, expected, COUNT(expected));
	assert_int_equal(flags_of(&f, 0), 0);
	deinit(&f);
}

static void gives_the_innermost_frames_without_stacks(void **state)
{
	(void)state;
	struct fixture f;
	const struct gospy_capture_request summary = {.stop = GOSPY_STOP_NONE};
	const enum synthetic_function deep[] = {FN_GOPARK, FN_WORK, FN_BIG, FN_MAIN};

	init(&f, 16 << 20);
	synthetic_stack(&f.s, synthetic_g(&f.s, 1, 8 << 20), deep, COUNT(deep));
	take(&f, &summary);
	/* Up to the frame that is too large, its function included. */
	assert_stack(&f, 0, deep, 3);
	assert_int_equal(flags_of(&f, 0), 0);
	take(&f, &whole);
	const enum synthetic_function all[] = {FN_GOPARK, FN_WORK, FN_BIG, FN_MAIN, FN_GOEXIT};
	assert_stack(&f, 0, all, COUNT(all));
	deinit(&f);
}

static void walks_a_million_frames(void **state)
{
	(void)state;
	struct fixture f;
	const size_t depth = 1000000;
	enum synthetic_function *stack = malloc(depth * sizeof(*stack));

	assert_non_null(stack);
	for (size_t i = 0; i < depth; i++)
		stack[i] = FN_GOPARK;
	init(&f, 25 << 20);
	synthetic_stack(&f.s, synthetic_g(&f.s, 1, 24 << 20), stack, depth);
	waiting(&f, 2);
	take(&f, &whole);
	assert_int_equal(flags_of(&f, 0), 0);
	/* The root, goexit, all of them, and two of the other goroutine. */
	assert_int_equal(f.snapshot->nodes.size, 1 + 1 + depth + 2);
	free(stack);
	deinit(&f);
}

static void writes_arguments_of_each_frame(void **state)
{
	(void)state;
	struct fixture f;
	const struct gospy_capture_request request = {
		.stop = GOSPY_STOP_NONE, .stacks = true, .arguments = true};

	init(&f, 1 << 20);
	for (uint64_t i = 0; i < 3; i++)
		waiting(&f, i + 1);
	take(&f, &request);
	for (uint32_t i = 0; i <= 3; i++)
		assert_int_equal(f.snapshot->goroutines.argument_start[i], i * 3);
	assert_int_equal(f.snapshot->arguments.size, 9);
	const struct gospy_capture_request senseless = {.stop = GOSPY_STOP_NONE, .arguments = true};
	take(&f, &senseless);
	assert_null(f.snapshot->goroutines.argument_start);
	deinit(&f);
}

static void leaves_out_arguments_of_which_nothing_can_be_read(void **state)
{
	(void)state;
	struct fixture f;
	const struct gospy_capture_request request = {
		.stop = GOSPY_STOP_NONE, .stacks = true, .arguments = true};
	const enum synthetic_function stack[] = {FN_RUNFINQ, FN_MAIN};

	init(&f, 65536);
	synthetic_stack(&f.s, synthetic_g(&f.s, 1, 1024), stack, COUNT(stack));
	take(&f, &request);
	assert_int_equal(f.snapshot->arguments.size, 3);
	assert_string_equal(gospy_snapshot_string(f.snapshot, f.snapshot->arguments.data[0]),
			    "...");
	assert_string_equal(gospy_snapshot_string(f.snapshot, f.snapshot->arguments.data[1]), "");
	deinit(&f);
}

/** A running goroutine on thread TID, of which only main is known to have been called. */
static uint64_t running(struct fixture *f, uint64_t *ret_m)
{
	uint64_t g = synthetic_g(&f->s, 1, 4096);

	*ret_m = synthetic_m(&f->s, TID);
	synthetic_put_u32(&f->s, g + G_STATUS, 2);
	synthetic_put(&f->s, g + G_M, *ret_m);
	synthetic_put(&f->s, *ret_m + M_CURG, g);
	return g;
}

static void put_registers(struct fixture *f, uint64_t pc, uint64_t sp)
{
	const struct gospy_registers registers = {.pc = pc, .sp = sp};

	make_target(f);
	assert_ok(gospy_memory_target_add_thread(f->target, TID, 'R', &registers));
}

static uint64_t word(struct fixture *f, uint64_t address)
{
	uint64_t value;

	memcpy(&value, synthetic_at(&f->s, address), sizeof(value));
	return value;
}

static void walks_running_goroutines_from_their_registers(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function expected[] = {FN_LEAF, FN_WORK, FN_MAIN, FN_GOEXIT};
	const enum gospy_stop_mode modes[] = {GOSPY_STOP_NONE, GOSPY_STOP_PTRACE, GOSPY_STOP_AUTO};

	for (size_t i = 0; i < COUNT(modes); i++) {
		const struct gospy_capture_request request = {.stop = modes[i], .stacks = true};
		init(&f, 65536);
		uint64_t g = running(&f, &m);
		uint64_t sp = synthetic_stack(&f.s, g, expected, 3);
		synthetic_put(&f.s, g + G_SCHED_SP, 0);
		put_registers(&f, synthetic_pc(FN_LEAF, 0x20), sp);
		take(&f, &request);
		assert_stack(&f, 0, expected, COUNT(expected));
		assert_int_equal(flags_of(&f, 0), 0);
		uint32_t node = f.snapshot->goroutines.stack[0];
		assert_true(
			f.snapshot->locations.data[f.snapshot->nodes.data[node].location].exact);
		assert_int_equal(f.snapshot->stop,
				 modes[i] == GOSPY_STOP_AUTO ? GOSPY_STOP_NONE : modes[i]);
		deinit(&f);
	}
}

static void walks_through_a_signal_handler(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function handler[] = {FN_SIGHANDLER, FN_SIGTRAMP};
	const enum synthetic_function expected[] = {FN_LEAF, FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, 65536);
	uint64_t g = running(&f, &m), sp = synthetic_stack(&f.s, g, expected, 3);
	uint64_t context = word(&f, word(&f, m + M_GSIGNAL) + G_STACK_HI) - 2048;
	synthetic_put(&f.s, g + G_SCHED_SP, 0);
	/* sigcontext: rsp and rip, see test_unwind.c. */
	synthetic_put(&f.s, context + 160, sp);
	synthetic_put(&f.s, context + 168, synthetic_pc(FN_LEAF, 0x20));
	put_registers(&f, synthetic_pc(FN_SIGHANDLER, AT_CALL),
		      synthetic_frames(&f.s, context, handler, COUNT(handler), 0x7fff1234));
	take(&f, &whole);
	assert_stack(&f, 0, expected, COUNT(expected));
	assert_int_equal(flags_of(&f, 0), 0);
	deinit(&f);
}

static void walks_from_gobuf_on_the_system_stack(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function expected[] = {FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, 65536);
	uint64_t g = running(&f, &m);
	synthetic_stack(&f.s, g, expected, 2);
	put_registers(&f, synthetic_pc(FN_GOPARK, 0x20),
		      word(&f, word(&f, m + M_G0) + G_STACK_HI) - 256);
	take(&f, &whole);
	assert_stack(&f, 0, expected, COUNT(expected));
	assert_int_equal(flags_of(&f, 0), 0);
	deinit(&f);
}

static void walks_from_where_the_vdso_was_called(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function expected[] = {FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, 65536);
	uint64_t g = running(&f, &m), sp = synthetic_stack(&f.s, g, expected, 2);
	synthetic_put(&f.s, g + G_SCHED_SP, 0);
	synthetic_put(&f.s, m + M_VDSO_SP, sp);
	synthetic_put(&f.s, m + M_VDSO_PC, synthetic_pc(FN_WORK, AT_CALL));
	put_registers(&f, 0x7ffff0001234, word(&f, word(&f, m + M_G0) + G_STACK_HI) - 256);
	take(&f, &whole);
	assert_stack(&f, 0, expected, COUNT(expected));
	assert_int_equal(flags_of(&f, 0), 0);
	gospy_target_destroy(f.target);
	/* Go 1.13: sp as it was in the function that calls the vDSO. */
	synthetic_put(&f.s, sp - 8, synthetic_pc(FN_WORK, AT_CALL));
	synthetic_put(&f.s, m + M_VDSO_SP, sp - 8);
	put_registers(&f, 0x7ffff0001234, word(&f, word(&f, m + M_G0) + G_STACK_HI) - 256);
	take(&f, &whole);
	assert_stack(&f, 0, expected, COUNT(expected));
	assert_int_equal(flags_of(&f, 0), 0);
	deinit(&f);
}

static void walks_from_gobuf_where_gogo_is_about_to_jump(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function expected[] = {FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, 65536);
	uint64_t g = running(&f, &m), sp = synthetic_stack(&f.s, g, expected, 2);
	synthetic_put(&f.s, g + G_SCHED_SP, 0);
	put_registers(&f, synthetic_pc(FN_GOGO, 0x20), sp);
	take(&f, &whole);
	assert_stack(&f, 0, expected, COUNT(expected));
	deinit(&f);
}

static void says_when_it_cannot_tell_where_a_thread_is(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function expected[] = {FN_WORK, FN_MAIN, FN_GOEXIT};
	const uint64_t foreign_pc = 0x7ffff0001234;

	for (int where = 0; where < 3; where++) {
		init(&f, 65536);
		uint64_t g = running(&f, &m);
		synthetic_stack(&f.s, g, expected, 2);
		if (where == 0)
			put_registers(&f, foreign_pc, 0x7fff00000000);
		else if (where == 1)
			put_registers(&f, foreign_pc,
				      word(&f, word(&f, m + M_G0) + G_STACK_HI) - 256);
		else
			put_registers(&f, foreign_pc,
				      word(&f, word(&f, m + M_GSIGNAL) + G_STACK_HI) - 256);
		take(&f, &whole);
		assert_stack(&f, 0, expected, COUNT(expected));
		assert_int_equal(flags_of(&f, 0), GOSPY_GOROUTINE_STALE);
		deinit(&f);
	}
}

static void looks_at_no_thread_where_it_must_not(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const struct gospy_capture_request passive = {
		.stop = GOSPY_STOP_NONE, .stacks = true, .passive = true};
	const enum synthetic_function expected[] = {FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, 65536);
	uint64_t g = running(&f, &m), sp = synthetic_stack(&f.s, g, expected, 2);
	put_registers(&f, synthetic_pc(FN_LEAF, 0x20), sp - 8);
	take(&f, &passive);
	assert_stack(&f, 0, expected, COUNT(expected));
	assert_int_equal(flags_of(&f, 0), GOSPY_GOROUTINE_STALE);
	deinit(&f);
}

static void does_not_take_one_goroutine_for_another(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t m;
	const enum synthetic_function stack[] = {FN_WORK, FN_MAIN};

	/* The thread runs another goroutine by now. */
	init(&f, 65536);
	uint64_t g = running(&f, &m), sp = synthetic_stack(&f.s, g, stack, COUNT(stack));
	waiting(&f, 2);
	synthetic_put(&f.s, m + M_CURG, f.s.gs[1]);
	put_registers(&f, synthetic_pc(FN_WORK, AT_CALL), sp);
	take(&f, &whole);
	assert_true(flags_of(&f, 0) & GOSPY_GOROUTINE_TORN);
	assert_int_equal(f.snapshot->torn, 1);
	deinit(&f);
}

/** g.labels of Go 1.24 and later: a list. */
static uint64_t put_list(struct fixture *f, const char *const *texts, size_t num_pairs)
{
	uint64_t header = synthetic_alloc(&f->s, 24);
	uint64_t pairs = synthetic_alloc(&f->s, num_pairs * 32 + 8);

	synthetic_put(&f->s, header, pairs);
	synthetic_put(&f->s, header + 8, num_pairs);
	synthetic_put(&f->s, header + 16, num_pairs);
	for (size_t i = 0; i < num_pairs * 2; i++) {
		uint64_t text = synthetic_alloc(&f->s, strlen(texts[i]) + 8);
		memcpy(synthetic_at(&f->s, text), texts[i], strlen(texts[i]));
		synthetic_put(&f->s, pairs + i * 16, text);
		synthetic_put(&f->s, pairs + i * 16 + 8, strlen(texts[i]));
	}
	return header;
}

/** The same up to Go 1.23: runtime/map.go hmap, 2^log2 buckets of eight cells, filled by turns. */
static uint64_t put_map(struct fixture *f, const char *const *texts, size_t num_pairs, uint8_t log2)
{
	uint64_t map = synthetic_alloc(&f->s, 48);
	uint64_t buckets = synthetic_alloc(&f->s, (size_t)272 << log2);

	synthetic_put(&f->s, map, num_pairs);
	synthetic_put_u8(&f->s, map + 9, log2);
	synthetic_put(&f->s, map + 16, buckets);
	for (size_t i = 0; i < num_pairs * 2; i++) {
		uint64_t text = synthetic_alloc(&f->s, strlen(texts[i]) + 8);
		size_t cell = i / 2 / ((size_t)1 << log2);
		uint64_t bucket = buckets + i / 2 % ((size_t)1 << log2) * 272;
		/* Keys first, then values. */
		uint64_t at = bucket + 8 + i % 2 * 128 + cell * 16;
		memcpy(synthetic_at(&f->s, text), texts[i], strlen(texts[i]));
		synthetic_put(&f->s, at, text);
		synthetic_put(&f->s, at + 8, strlen(texts[i]));
		synthetic_put_u8(&f->s, bucket + cell, 17);
	}
	return map;
}

/** What g.labels is then: a pointer to the variable that holds the map. */
static uint64_t point_to(struct fixture *f, uint64_t map)
{
	uint64_t variable = synthetic_alloc(&f->s, 8);

	synthetic_put(&f->s, variable, map);
	return variable;
}

static void assert_labels(const struct fixture *f, uint32_t goroutine, const char *const *texts,
			  size_t num_pairs)
{
	const struct gospy_snapshot *s = f->snapshot;
	const uint32_t *starts = s->goroutines.label_start;

	assert_non_null(starts);
	assert_int_equal(starts[goroutine + 1] - starts[goroutine], num_pairs);
	for (size_t i = 0; i < num_pairs; i++) {
		const struct gospy_label *label = &s->label_pairs.data[starts[goroutine] + i];
		assert_string_equal(string(f, label->key), texts[i * 2]);
		assert_string_equal(string(f, label->value), texts[i * 2 + 1]);
	}
}

static void reads_labels_of_all_versions(void **state)
{
	(void)state;
	struct fixture f;
	static const char *const sorted[] = {"a", "1", "b", "", "user name", "ann"};
	static const char *const mixed[] = {"user name", "ann", "a", "1", "b", ""};
	const struct {
		int minor;
		uint8_t log2;
	} cases[] = {{12, 0}, {23, 0}, {23, 1}, {24, 0}, {27, 0}, {-1, 0}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool map = cases[i].minor >= 0 && cases[i].minor < 24;
		init(&f, 65536);
		for (uint64_t id = 1; id <= 3; id++)
			waiting(&f, id);
		uint64_t labels = map ? point_to(&f, put_map(&f, mixed, 3, cases[i].log2))
				      : put_list(&f, sorted, 3);
		/* Two share a set, one has none. */
		synthetic_put(&f.s, f.s.gs[0] + G_LABELS, labels);
		synthetic_put(&f.s, f.s.gs[2] + G_LABELS, labels);
		f.s.program.version.minor = cases[i].minor;
		take(&f, &whole);
		assert_labels(&f, 0, sorted, 3);
		assert_labels(&f, 1, sorted, 0);
		assert_labels(&f, 2, sorted, 3);
		deinit(&f);
	}
}

static void survives_labels_that_lie(void **state)
{
	(void)state;
	struct fixture f;
	static const char *const texts[] = {"k", "v"};

	for (int lie = 0; lie < 7; lie++) {
		init(&f, 65536);
		waiting(&f, 1);
		waiting(&f, 2);
		f.s.program.version.minor = lie < 4 ? 23 : 27;
		uint64_t labels = lie < 4 ? put_map(&f, texts, 1, 0) : put_list(&f, texts, 1);
		uint64_t inner = word(&f, labels + (lie < 4 ? 16 : 0));
		if (lie == 0)
			synthetic_put(&f.s, inner + 264, inner); /* overflow: itself */
		else if (lie == 1)
			synthetic_put_u8(&f.s, labels + 9, 255); /* 2^255 buckets */
		else if (lie == 2)
			synthetic_put(&f.s, inner + 8 + 8, UINT64_C(1) << 60); /* key length */
		else if (lie == 3)
			synthetic_put(&f.s, labels + 24, inner); /* old buckets: the same */
		else if (lie == 4)
			synthetic_put(&f.s, labels + 8, UINT64_C(1) << 60);
		else if (lie == 5)
			synthetic_put(&f.s, inner, 8); /* key: nowhere */
		else
			labels = 8;
		synthetic_put(&f.s, f.s.gs[0] + G_LABELS, lie < 4 ? point_to(&f, labels) : labels);
		take(&f, &whole);
		assert_int_equal(f.snapshot->goroutines.count, 2);
		assert_true(f.snapshot->label_pairs.size <= 4096);
		deinit(&f);
	}
}

static void refuses_lists_that_lie(void **state)
{
	(void)state;
	struct fixture f;
	const uint64_t lengths[] = {UINT64_C(1) << 60, UINT64_MAX, 50000001};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		init(&f, 65536);
		waiting(&f, 1);
		synthetic_finish(&f.s, NULL, 0);
		synthetic_put(&f.s, f.s.program.globals.allgs + 8, lengths[i]);
		f.target = synthetic_target(&f.s);
		assert_fails(&f, &whole, GOSPY_ERROR_BAD_DATA);
		deinit(&f);
	}
	/* A length within the cap, but longer than the memory. */
	init(&f, 65536);
	waiting(&f, 1);
	synthetic_finish(&f.s, NULL, 0);
	synthetic_put(&f.s, f.s.program.globals.allgs + 8, 40000000);
	f.target = synthetic_target(&f.s);
	assert_fails(&f, &whole, GOSPY_ERROR_BAD_DATA);
	deinit(&f);
	/* A list that is nowhere, and processors without end. */
	init(&f, 65536);
	synthetic_finish(&f.s, NULL, 0);
	synthetic_put(&f.s, f.s.program.globals.allgs, 16);
	synthetic_put(&f.s, f.s.program.globals.allgs + 8, 5);
	f.target = synthetic_target(&f.s);
	assert_fails(&f, &whole, GOSPY_ERROR_BAD_DATA);
	deinit(&f);
	init(&f, 65536);
	waiting(&f, 1);
	synthetic_finish(&f.s, NULL, 0);
	synthetic_put(&f.s, f.s.program.globals.allp + 8, UINT64_C(1) << 40);
	f.target = synthetic_target(&f.s);
	assert_fails(&f, &whole, GOSPY_ERROR_BAD_DATA);
	deinit(&f);
}

static void passes_over_goroutines_that_are_nowhere(void **state)
{
	(void)state;
	struct fixture f;

	init(&f, 65536);
	waiting(&f, 1);
	f.s.gs[f.s.num_gs++] = 8;
	f.s.gs[f.s.num_gs++] = UINT64_MAX - 3;
	waiting(&f, 2);
	take(&f, &whole);
	assert_int_equal(f.snapshot->goroutines.count, 2);
	assert_int_equal(f.snapshot->warnings.size, 1);
	deinit(&f);
	/* None at all is no Go program any more. */
	init(&f, 65536);
	f.s.gs[f.s.num_gs++] = 8;
	make_target(&f);
	assert_fails(&f, &whole, GOSPY_ERROR_BAD_DATA);
	deinit(&f);
}

static void ends_chains_that_go_in_circles(void **state)
{
	(void)state;
	struct fixture f;

	init(&f, 65536);
	waiting(&f, 1);
	uint64_t first = synthetic_m(&f.s, TID);
	synthetic_m(&f.s, TID + 1);
	synthetic_put(&f.s, first + M_ALLLINK, f.s.last_m);
	take(&f, &whole);
	assert_int_equal(f.snapshot->goroutines.count, 1);
	deinit(&f);
	init(&f, 65536);
	waiting(&f, 1);
	first = synthetic_m(&f.s, TID);
	synthetic_put(&f.s, first + M_ALLLINK, 24);
	take(&f, &whole);
	assert_int_equal(f.snapshot->goroutines.count, 1);
	deinit(&f);
}

static void marks_stacks_that_cannot_be(void **state)
{
	(void)state;
	struct fixture f;
	const struct {
		uint64_t lo, hi, sp;
	} cases[] = {
		{2, 1, 0},			 /* swapped */
		{0, 0, 0},			 /* none */
		{1, 2, 3},			 /* sp outside */
		{0, UINT64_MAX, UINT64_MAX - 7}, /* everything */
		{8, 4096, 1024},		 /* nowhere */
		{8, 4096, 1025},		 /* not even */
	};
	uint32_t count = COUNT(cases);

	init(&f, 65536);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t g = synthetic_g(&f.s, i + 1, 0);
		synthetic_put(&f.s, g + G_STACK_LO, cases[i].lo);
		synthetic_put(&f.s, g + G_STACK_HI, cases[i].hi);
		synthetic_put(&f.s, g + G_SCHED_SP, cases[i].sp);
		synthetic_put(&f.s, g + G_SCHED_PC, synthetic_pc(FN_WORK, AT_CALL));
	}
	waiting(&f, count + 1);
	take(&f, &whole);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(flags_of(&f, i), GOSPY_GOROUTINE_INCOMPLETE);
	assert_int_equal(flags_of(&f, count), 0);
	deinit(&f);
}

static void fill(struct fixture *f)
{
	const enum synthetic_function stack[] = {FN_GOPARK, FN_WORK};
	static const char *const texts[] = {"k", "v"};
	uint64_t m;

	init(f, 1 << 20);
	uint64_t g = running(f, &m);
	uint64_t sp = synthetic_stack(&f->s, g, stack, COUNT(stack));
	for (uint64_t id = 2; id < 20; id++)
		waiting(f, id);
	synthetic_put(&f->s, f->s.gs[3] + G_LABELS, point_to(f, put_map(f, texts, 1, 0)));
	enum synthetic_function deep[400];
	for (size_t i = 0; i < COUNT(deep); i++)
		deep[i] = FN_WORK;
	synthetic_stack(&f->s, synthetic_g(&f->s, 30, 32768), deep, COUNT(deep));
	put_registers(f, synthetic_pc(FN_GOPARK, AT_CALL), sp);
}

static void says_when_the_process_ends_at_any_moment(void **state)
{
	(void)state;
	struct fixture f;
	const enum gospy_stop_mode modes[] = {GOSPY_STOP_NONE, GOSPY_STOP_PTRACE};

	fill(&f);
	for (size_t i = 0; i < COUNT(modes); i++) {
		const struct gospy_capture_request request = {
			.stop = modes[i], .stacks = true, .arguments = true};
		uint64_t before = gospy_memory_target_reads(f.target);
		take(&f, &request);
		uint64_t reads = gospy_memory_target_reads(f.target) - before;
		assert_true(reads > 8);
		for (uint64_t n = 1; n <= reads; n++) {
			gospy_memory_target_fail_nth(f.target, n);
			assert_fails(&f, &request, GOSPY_ERROR_EXITED);
		}
		gospy_memory_target_fail_nth(f.target, 0);
		take(&f, &request);
	}
	deinit(&f);
}

static void copes_with_any_page_that_cannot_be_read(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t used;

	fill(&f);
	used = f.s.used;
	deinit(&f);
	for (uint64_t at = 0; at < used; at += 512) {
		struct gospy_snapshot *snapshot = NULL;
		fill(&f);
		assert_ok(gospy_memory_target_fail_at(f.target, SYNTHETIC_ARENA + at));
		struct gospy_error *err = gospy_capture_take(&f.s.program, &whole, &snapshot);
		if (err)
			assert_true(err->code == GOSPY_ERROR_FAULT ||
				    err->code == GOSPY_ERROR_BAD_DATA);
		else
			assert_true(snapshot->goroutines.count >= 1);
		gospy_error_destroy(err);
		gospy_snapshot_destroy(snapshot);
		deinit(&f);
	}
}

static void lets_go_in_time(void **state)
{
	(void)state;
	struct fixture f;
	const struct gospy_capture_request request = {
		.stop = GOSPY_STOP_PTRACE, .max_pause_ns = 1, .stacks = true};
	struct gospy_registers registers;

	fill(&f);
	take(&f, &request);
	assert_int_equal(f.snapshot->goroutines.count, 20);
	assert_int_equal(f.snapshot->warnings.size, 1);
	assert_non_null(strstr(string(&f, f.snapshot->warnings.data[0]), "--max-pause"));
	struct gospy_error *err = gospy_target_registers(f.target, TID, &registers);
	assert_non_null(err);
	gospy_error_destroy(err);
	deinit(&f);
}

/** A target that changes a byte of its memory after each of the next `changes` reads. */
struct restless {
	struct gospy_target target;
	struct gospy_target *inner;
	struct fixture *fixture;
	uint64_t address;
	unsigned int changes;
};

static struct restless *restless_of(struct gospy_target *target)
{
	return (struct restless *)target;
}

static struct gospy_error *restless_read(struct gospy_target *target, struct gospy_read *reads,
					 size_t num_reads)
{
	struct restless *r = restless_of(target);
	struct gospy_error *err = gospy_target_read_many(r->inner, reads, num_reads);

	if (err || !r->changes)
		return err;
	r->changes--;
	uint8_t *byte = synthetic_at(&r->fixture->s, r->address);
	(*byte)++;
	return gospy_memory_target_add(r->inner, r->address, byte, 1, GOSPY_MAPPING_READ, "", 0);
}

static struct gospy_error *restless_mappings(struct gospy_target *target,
					     struct gospy_mappings *ret)
{
	return gospy_target_mappings(restless_of(target)->inner, ret);
}

static struct gospy_error *restless_threads(struct gospy_target *target,
					    struct gospy_thread_vec *ret)
{
	return gospy_target_threads(restless_of(target)->inner, ret);
}

static struct gospy_error *restless_info(struct gospy_target *target, struct gospy_target_info *ret)
{
	return gospy_target_info(restless_of(target)->inner, ret);
}

static void restless_destroy(struct gospy_target *target)
{
	gospy_target_destroy(restless_of(target)->inner);
}

static const struct gospy_target_ops restless_ops = {
	.kind = "restless",
	.destroy = restless_destroy,
	.read_many = restless_read,
	.mappings = restless_mappings,
	.threads = restless_threads,
	.info = restless_info,
};

static void reads_again_what_changes(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function expected[] = {FN_GOPARK, FN_WORK, FN_GOEXIT};
	/* How often it stopped running; another one's number in its place. */
	const uint64_t fields[] = {G_TRACKING_SEQ, G_GOID};

	for (size_t i = 0; i < COUNT(fields); i++) {
		init(&f, 65536);
		waiting(&f, 1);
		waiting(&f, 200);
		make_target(&f);
		struct restless r = {.target = {&restless_ops},
				     .inner = f.target,
				     .fixture = &f,
				     .address = f.s.gs[1] + fields[i]};
		f.target = f.s.program.target = &r.target;
		/* For ever: it is said, and shown as it was last. */
		r.changes = UINT32_MAX;
		take(&f, &whole);
		assert_int_equal(f.snapshot->torn, 1);
		assert_int_equal(f.snapshot->retried, 1);
		assert_stack(&f, 0, expected, COUNT(expected));
		assert_int_equal(flags_of(&f, 0), 0);
		assert_int_equal(flags_of(&f, 1), GOSPY_GOROUTINE_TORN);
		/* For a while: it is read again until it holds still. */
		r.changes = 9;
		take(&f, &whole);
		assert_int_equal(f.snapshot->torn, 0);
		assert_int_equal(f.snapshot->retried, 1);
		for (uint32_t g = 0; g < 2; g++)
			assert_stack(&f, g, expected, COUNT(expected));
		deinit(&f);
	}
}

static void counts_who_dies_while_it_is_read(void **state)
{
	(void)state;
	struct fixture f;

	init(&f, 65536);
	waiting(&f, 1);
	waiting(&f, 2);
	/* From running in C (3) over waiting (4) and 5 to dead (6), one with each read. */
	synthetic_put_u32(&f.s, f.s.gs[1] + G_STATUS, 0);
	make_target(&f);
	struct restless r = {.target = {&restless_ops},
			     .inner = f.target,
			     .fixture = &f,
			     .address = f.s.gs[1] + G_STATUS};
	f.target = f.s.program.target = &r.target;
	for (unsigned int changes = 0; changes < 16; changes++) {
		uint8_t alive = 0;
		memcpy(synthetic_at(&f.s, r.address), &alive, 1);
		assert_ok(gospy_memory_target_add(r.inner, r.address, &alive, 1, GOSPY_MAPPING_READ,
						  "", 0));
		r.changes = changes < 6 ? changes : 6;
		take(&f, &whole);
		uint64_t sum = 0;
		for (size_t i = 0; i < 16; i++)
			sum += f.snapshot->status_counts[i];
		assert_int_equal(sum, 2);
		assert_int_equal(f.snapshot->goroutines.count +
					 f.snapshot->status_counts[GOSPY_GOROUTINE_DEAD],
				 2);
	}
	deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_of_each_goroutine),
		cmocka_unit_test(shares_stacks_and_looks_up_lines_once),
		cmocka_unit_test(sorts_ids_of_any_size),
		cmocka_unit_test(tells_processors_and_threads),
		cmocka_unit_test(knows_the_goroutines_of_the_runtime),
		cmocka_unit_test(begins_at_the_system_call),
		cmocka_unit_test(gives_the_innermost_frames_without_stacks),
		cmocka_unit_test(walks_a_million_frames),
		cmocka_unit_test(writes_arguments_of_each_frame),
		cmocka_unit_test(leaves_out_arguments_of_which_nothing_can_be_read),
		cmocka_unit_test(walks_running_goroutines_from_their_registers),
		cmocka_unit_test(looks_at_no_thread_where_it_must_not),
		cmocka_unit_test(walks_through_a_signal_handler),
		cmocka_unit_test(walks_from_gobuf_on_the_system_stack),
		cmocka_unit_test(walks_from_where_the_vdso_was_called),
		cmocka_unit_test(walks_from_gobuf_where_gogo_is_about_to_jump),
		cmocka_unit_test(says_when_it_cannot_tell_where_a_thread_is),
		cmocka_unit_test(does_not_take_one_goroutine_for_another),
		cmocka_unit_test(reads_labels_of_all_versions),
		cmocka_unit_test(survives_labels_that_lie),
		cmocka_unit_test(refuses_lists_that_lie),
		cmocka_unit_test(passes_over_goroutines_that_are_nowhere),
		cmocka_unit_test(ends_chains_that_go_in_circles),
		cmocka_unit_test(marks_stacks_that_cannot_be),
		cmocka_unit_test(says_when_the_process_ends_at_any_moment),
		cmocka_unit_test(copes_with_any_page_that_cannot_be_read),
		cmocka_unit_test(lets_go_in_time),
		cmocka_unit_test(reads_again_what_changes),
		cmocka_unit_test(counts_who_dies_while_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
