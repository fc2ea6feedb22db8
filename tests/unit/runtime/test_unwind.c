/* SPDX-License-Identifier: MIT */
/*
 * Stacks built word by word as a processor would have left them, so that what must come out is
 * known: the functions that were put there.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include <gospy/unwind.h>

#include "../target/assert_error.h"
#include "synthetic_program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/** Where synthetic_frames() lets functions call each other. */
#define AT_CALL 0x40

struct fixture {
	struct synthetic_program s;
	struct gospy_unwind_cache *cache;
	struct gospy_unwind_frame_vec frames;
	uint64_t lo, hi;
};

static void init(struct fixture *f, enum gospy_arch arch, size_t stack_size)
{
	memset(f, 0, sizeof(*f));
	assert_true(synthetic_init(&f->s, arch, stack_size + 65536));
	assert_ok(gospy_unwind_cache_create(&f->s.program, &f->cache));
	f->lo = synthetic_alloc(&f->s, stack_size);
	f->hi = f->lo + stack_size;
}

static void deinit(struct fixture *f)
{
	gospy_unwind_cache_destroy(f->cache);
	gospy_unwind_frame_vec_deinit(&f->frames);
	synthetic_deinit(&f->s);
}

static struct gospy_stack_window window_of(struct fixture *f, uint64_t from, uint64_t to)
{
	return (struct gospy_stack_window){from, synthetic_at(&f->s, from), to - from};
}

static enum gospy_unwind_result run(struct fixture *f, struct gospy_unwind *unwind)
{
	struct gospy_stack_window window = window_of(f, f->lo, f->hi);
	enum gospy_unwind_result result;

	assert_ok(gospy_unwind_run(f->cache, unwind, &window, &f->frames, &result));
	return result;
}

static void assert_frames(const struct fixture *f, const enum synthetic_function *functions,
			  size_t count)
{
	assert_int_equal(f->frames.size, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(
			gospy_unwind_cache_get(f->cache, f->frames.data[i].pc_index)->func.name,
			synthetic_name(functions[i]));
}

static const struct gospy_pc_info *info_of(const struct fixture *f, size_t frame)
{
	return gospy_unwind_cache_get(f->cache, f->frames.data[frame].pc_index);
}

/** The stack of a goroutine that went through `functions`, innermost first, and waits. */
static struct gospy_unwind waiting(struct fixture *f, const enum synthetic_function *functions,
				   size_t count)
{
	uint64_t sp =
		synthetic_frames(&f->s, f->hi - 32, functions, count, synthetic_pc(FN_GOEXIT, 1));

	return (struct gospy_unwind){
		.pc = synthetic_pc(functions[0], AT_CALL), .sp = sp, .stack_hi = f->hi};
}

static void walks_to_the_outermost_function(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_GOPARK, FN_WORK, FN_LEAF, FN_MAIN};
	const enum synthetic_function expected[] = {FN_GOPARK, FN_WORK, FN_LEAF, FN_MAIN,
						    FN_GOEXIT};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	uint64_t sp = unwind.sp;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, expected, COUNT(expected));
	/* Each CFA is above the frame and its return address. */
	for (size_t i = 0; i < COUNT(stack); i++) {
		sp += (uint64_t)synthetic_frame_size(stack[i]) + 8;
		assert_int_equal(f.frames.data[i].cfa, sp);
	}
	deinit(&f);
}

static void looks_up_a_call_where_it_was_made(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_WORK, FN_MAIN};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	unwind.exact = true;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_int_equal(gospy_pc_info_lookup_pc(info_of(&f, 0)) + SYNTHETIC_BIAS,
			 synthetic_pc(FN_WORK, AT_CALL));
	assert_int_equal(gospy_pc_info_lookup_pc(info_of(&f, 1)) + SYNTHETIC_BIAS,
			 synthetic_pc(FN_MAIN, AT_CALL - 1));
	/* A goroutine that has not run yet is at the first instruction, which nothing called. */
	f.frames.size = 0;
	unwind = waiting(&f, stack, COUNT(stack));
	unwind.pc = synthetic_pc(FN_WORK, 0);
	unwind.sp += (uint64_t)synthetic_frame_size(FN_WORK);
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_int_equal(gospy_pc_info_lookup_pc(info_of(&f, 0)) + SYNTHETIC_BIAS,
			 synthetic_pc(FN_WORK, 0));
	deinit(&f);
}

static void knows_the_frame_at_each_instruction(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_WORK, FN_MAIN};
	const enum synthetic_function expected[] = {FN_WORK, FN_MAIN, FN_GOEXIT};
	const uint32_t without_frame[] = {0, 0xf, 0xf0, 0xff};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	for (size_t i = 0; i < COUNT(without_frame); i++) {
		struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
		f.frames.size = 0;
		unwind.exact = true;
		unwind.pc = synthetic_pc(FN_WORK, without_frame[i]);
		unwind.sp += (uint64_t)synthetic_frame_size(FN_WORK);
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
		assert_frames(&f, expected, COUNT(expected));
	}
	deinit(&f);
}

static void takes_the_caller_of_a_signal_at_its_word(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_GOPARK, FN_SIGPANIC, FN_WORK, FN_MAIN};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_false(info_of(&f, 0)->exact);
	assert_false(info_of(&f, 1)->exact);
	assert_true(info_of(&f, 2)->exact);
	assert_false(info_of(&f, 3)->exact);
	deinit(&f);
}

static void stops_where_sp_was_written(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_GOPARK, FN_SYSCALL, FN_MAIN};
	const enum synthetic_function expected[] = {FN_GOPARK, FN_SYSCALL};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	assert_frames(&f, expected, COUNT(expected));
	deinit(&f);
}

static void passes_a_system_call_that_writes_sp(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_SYSCALL, FN_MAIN};
	const enum synthetic_function expected[] = {FN_SYSCALL, FN_MAIN, FN_GOEXIT};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	unwind.in_syscall = true;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, expected, COUNT(expected));
	/* Only the innermost one saved its sp. */
	const enum synthetic_function two[] = {FN_SYSCALL, FN_SYSCALL, FN_MAIN};
	f.frames.size = 0;
	unwind = waiting(&f, two, COUNT(two));
	unwind.in_syscall = true;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	assert_int_equal(f.frames.size, 2);
	deinit(&f);
}

static void passes_the_way_to_the_system_stack(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_SYSTEMSTACK, FN_WORK, FN_MAIN};
	const enum synthetic_function expected[] = {FN_SYSTEMSTACK, FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	unwind.exact = true;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, expected, COUNT(expected));
	f.frames.size = 0;
	unwind = waiting(&f, stack, COUNT(stack));
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	deinit(&f);
}

static void stops_at_what_it_does_not_know(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function external[] = {FN_WORK, FN_EXTERNAL, FN_MAIN};
	const uint64_t strange[] = {0,
				    1,
				    0x7fffffffffff,
				    synthetic_pc(FN_GOEXIT, 0) - 1,
				    synthetic_pc(NUM_SYNTHETIC_FUNCTIONS, 0),
				    UINT64_MAX,
				    synthetic_pc(FN_MAIN, AT_CALL) | UINT64_C(1) << 63};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, external, COUNT(external));
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	assert_int_equal(f.frames.size, 1);
	for (size_t i = 0; i < COUNT(strange); i++) {
		const enum synthetic_function work = FN_WORK;
		f.frames.size = 0;
		unwind = (struct gospy_unwind){
			.pc = synthetic_pc(FN_WORK, AT_CALL),
			.sp = synthetic_frames(&f.s, f.hi, &work, 1, strange[i]),
			.stack_hi = f.hi};
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
		assert_int_equal(f.frames.size, 1);
	}
	/* A strange pc was looked up with its top bit: it must not stand for the real one. */
	const enum synthetic_function known[] = {FN_WORK, FN_MAIN};
	f.frames.size = 0;
	unwind = waiting(&f, known, COUNT(known));
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	deinit(&f);
}

static void takes_a_popped_return_address_from_its_register(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_VFORK, FN_WORK, FN_MAIN};
	const enum synthetic_function expected[] = {FN_VFORK, FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	const struct gospy_unwind walk = waiting(&f, stack, COUNT(stack));
	/* The child has put something of its own there. */
	synthetic_put(&f.s, walk.sp - 8, synthetic_pc(FN_LEAF, AT_CALL));
	struct gospy_unwind unwind = walk;
	unwind.exact = true;
	unwind.lr = synthetic_pc(FN_WORK, AT_CALL);
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, expected, COUNT(expected));
	assert_int_equal(f.frames.data[0].cfa, walk.sp);
	/* Not known; not that of who was called. */
	for (int known = 0; known < 2; known++) {
		f.frames.size = 0;
		unwind = walk;
		unwind.exact = !known;
		unwind.lr = known ? synthetic_pc(FN_WORK, AT_CALL) : 0;
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
		assert_frames(&f, expected, 1);
	}
	deinit(&f);
}

static void stays_within_the_stack(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function bad[] = {FN_NEGATIVE, FN_UNALIGNED};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct gospy_unwind unwind = {
			.pc = synthetic_pc(bad[i], AT_CALL), .sp = f.lo + 512, .stack_hi = f.hi};
		f.frames.size = 0;
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	}
	/* A frame that would reach past the end; one whose return address would be there. */
	const uint64_t sps[] = {f.hi - 8, f.hi - 48, f.hi - 56 + 8, f.hi, f.hi + 8};
	for (size_t i = 0; i < COUNT(sps); i++) {
		struct gospy_unwind unwind = {
			.pc = synthetic_pc(FN_WORK, AT_CALL), .sp = sps[i], .stack_hi = f.hi};
		f.frames.size = 0;
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	}
	struct gospy_unwind wrapped = {.pc = synthetic_pc(FN_WORK, AT_CALL),
				       .sp = UINT64_MAX - 15,
				       .stack_hi = UINT64_MAX};
	f.frames.size = 0;
	assert_int_not_equal(run(&f, &wrapped), GOSPY_UNWIND_DONE);
	deinit(&f);
}

/** Walks in windows of `size` bytes that begin where the walk asks for them. */
static enum gospy_unwind_result run_in_windows(struct fixture *f, struct gospy_unwind *unwind,
					       size_t size)
{
	enum gospy_unwind_result result = GOSPY_UNWIND_NEED_MORE;

	while (result == GOSPY_UNWIND_NEED_MORE) {
		uint64_t before = unwind->sp;
		uint64_t end = f->hi - unwind->sp < size ? f->hi : unwind->sp + size;
		struct gospy_stack_window window = window_of(f, unwind->sp, end);
		assert_ok(gospy_unwind_run(f->cache, unwind, &window, &f->frames, &result));
		if (result == GOSPY_UNWIND_NEED_MORE && unwind->sp == before)
			break;
	}
	return result;
}

static void goes_on_in_the_next_window(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_GOPARK,   FN_WORK, FN_LEAF,
						 FN_SIGPANIC, FN_WORK, FN_MAIN};
	const enum synthetic_function expected[] = {FN_GOPARK, FN_WORK, FN_LEAF,  FN_SIGPANIC,
						    FN_WORK,   FN_MAIN, FN_GOEXIT};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	for (size_t size = 72; size < 512; size += 8) {
		struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
		f.frames.size = 0;
		assert_int_equal(run_in_windows(&f, &unwind, size), GOSPY_UNWIND_DONE);
		assert_frames(&f, expected, COUNT(expected));
		assert_true(info_of(&f, 4)->exact);
	}
	/* A window that is too small for one frame is told as such, and nothing is read beyond. */
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	f.frames.size = 0;
	assert_int_equal(run_in_windows(&f, &unwind, 40), GOSPY_UNWIND_NEED_MORE);
	deinit(&f);
}

static void wants_the_margin_at_hand(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_WORK, FN_MAIN};
	const struct gospy_stack_window none = {0, NULL, 0};
	enum gospy_unwind_result result;

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	unwind.margin = 64;
	struct gospy_stack_window window = window_of(&f, unwind.sp, unwind.sp + 56 + 56);
	assert_ok(gospy_unwind_run(f.cache, &unwind, &window, &f.frames, &result));
	assert_int_equal(result, GOSPY_UNWIND_NEED_MORE);
	assert_int_equal(f.frames.size, 0);
	/* There is no more than the stack: what is above its end is not waited for. */
	unwind.margin = 1 << 20;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	f.frames.size = 0;
	unwind = waiting(&f, stack, COUNT(stack));
	assert_ok(gospy_unwind_run(f.cache, &unwind, &none, &f.frames, &result));
	assert_int_equal(result, GOSPY_UNWIND_NEED_MORE);
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
	init(&f, GOSPY_ARCH_AMD64, depth * 24 + 4096);
	struct gospy_unwind unwind = waiting(&f, stack, depth);
	assert_int_equal(run_in_windows(&f, &unwind, 1 << 20), GOSPY_UNWIND_DONE);
	assert_int_equal(f.frames.size, depth + 1);
	/* All but the outermost are one return address. */
	assert_int_equal(gospy_unwind_cache_size(f.cache), 2);
	free(stack);
	deinit(&f);
}

static void keeps_exact_pcs_apart(void **state)
{
	(void)state;
	struct fixture f;
	uint32_t exact, call, again;
	uint64_t pc = synthetic_pc(FN_WORK, AT_CALL);

	init(&f, GOSPY_ARCH_AMD64, 4096);
	assert_ok(gospy_unwind_cache_lookup(f.cache, pc, true, &exact));
	assert_ok(gospy_unwind_cache_lookup(f.cache, pc, false, &call));
	assert_ok(gospy_unwind_cache_lookup(f.cache, pc, true, &again));
	assert_int_not_equal(exact, call);
	assert_int_equal(exact, again);
	assert_int_equal(gospy_unwind_cache_size(f.cache), 2);
	assert_true(gospy_unwind_cache_get(f.cache, exact)->exact);
	assert_false(gospy_unwind_cache_get(f.cache, call)->exact);
	deinit(&f);
}

static void refuses_machines_it_does_not_know(void **state)
{
	(void)state;
	struct gospy_program program = {.arch = GOSPY_ARCH_UNKNOWN};
	struct gospy_unwind_cache *cache = NULL;
	struct gospy_error *err = gospy_unwind_cache_create(&program, &cache);

	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_UNSUPPORTED);
	assert_null(cache);
	gospy_error_destroy(err);
}

/*
 * arm64: a function with a frame has its return address at 0(sp), stored by its prologue; one
 * without has it in the link register (cmd/internal/obj/arm64/obj7.go, runtime/traceback.go).
 */
static uint64_t arm64_frames(struct fixture *f, const enum synthetic_function *functions,
			     size_t count)
{
	uint64_t sp = f->hi - 32, caller = synthetic_pc(FN_GOEXIT, 4);

	for (size_t i = count; i-- > 0;) {
		sp -= (uint64_t)synthetic_frame_size(functions[i]);
		synthetic_put(&f->s, sp, caller);
		caller = synthetic_pc(functions[i], AT_CALL);
	}
	return sp;
}

static void walks_arm64_frames(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_GOPARK, FN_WORK, FN_MAIN};
	const enum synthetic_function expected[] = {FN_GOPARK, FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, GOSPY_ARCH_ARM64, 4096);
	struct gospy_unwind unwind = {.pc = synthetic_pc(FN_GOPARK, AT_CALL),
				      .sp = arm64_frames(&f, stack, COUNT(stack)),
				      .stack_hi = f.hi};
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, expected, COUNT(expected));
	deinit(&f);
}

static void takes_the_link_register_of_arm64_leaves(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function stack[] = {FN_WORK, FN_MAIN};
	const enum synthetic_function leaf[] = {FN_LEAF, FN_WORK, FN_MAIN, FN_GOEXIT};
	const enum synthetic_function prologue[] = {FN_GOPARK, FN_WORK, FN_MAIN, FN_GOEXIT};

	init(&f, GOSPY_ARCH_ARM64, 4096);
	const struct gospy_unwind start = {.pc = synthetic_pc(FN_LEAF, 0x20),
					   .sp = arm64_frames(&f, stack, COUNT(stack)),
					   .lr = synthetic_pc(FN_WORK, AT_CALL),
					   .exact = true,
					   .stack_hi = f.hi};
	struct gospy_unwind unwind = start;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, leaf, COUNT(leaf));
	/* A function that has not taken its frame yet, on a CPU or about to begin. */
	for (int exact = 0; exact < 2; exact++) {
		f.frames.size = 0;
		unwind = start;
		unwind.exact = exact;
		unwind.pc = synthetic_pc(FN_GOPARK, 4);
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
		assert_frames(&f, prologue, COUNT(prologue));
	}
	/* Not known of a thread that sleeps in a system call: what is on the stack is not its. */
	f.frames.size = 0;
	unwind = start;
	unwind.lr = 0;
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	assert_int_equal(f.frames.size, 1);
	deinit(&f);
}

static void takes_the_saved_link_register_of_arm64_signals(void **state)
{
	(void)state;
	struct fixture f;
	const enum synthetic_function outer[] = {FN_WORK, FN_MAIN};
	const enum synthetic_function expected[] = {FN_SIGPANIC, FN_LEAF, FN_WORK, FN_MAIN,
						    FN_GOEXIT};

	init(&f, GOSPY_ARCH_ARM64, 4096);
	/* sigctxt.preparePanic (signal_arm64.go): sp -= 16, the link register there, and then a
	 * call of sigpanic from the faulting pc. */
	uint64_t sp = arm64_frames(&f, outer, COUNT(outer)) - 16;
	synthetic_put(&f.s, sp, synthetic_pc(FN_WORK, AT_CALL));
	sp -= (uint64_t)synthetic_frame_size(FN_SIGPANIC);
	synthetic_put(&f.s, sp, synthetic_pc(FN_LEAF, 0x20));
	struct gospy_unwind unwind = {
		.pc = synthetic_pc(FN_SIGPANIC, AT_CALL), .sp = sp, .stack_hi = f.hi};
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, expected, COUNT(expected));
	assert_true(info_of(&f, 1)->exact);
	assert_false(info_of(&f, 2)->exact);
	/* A call of a nil function: the pc is nowhere, its link register is who called it. */
	const enum synthetic_function nil[] = {FN_SIGPANIC, FN_WORK, FN_MAIN, FN_GOEXIT};
	f.frames.size = 0;
	synthetic_put(&f.s, sp, 0x10);
	unwind = (struct gospy_unwind){
		.pc = synthetic_pc(FN_SIGPANIC, AT_CALL), .sp = sp, .stack_hi = f.hi};
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_frames(&f, nil, COUNT(nil));
	deinit(&f);
}

static void ends_where_arm64_frames_go_in_circles(void **state)
{
	(void)state;
	struct fixture f;

	init(&f, GOSPY_ARCH_ARM64, 4096);
	/* A frameless function cannot have called anything: its return address is its own. */
	synthetic_put(&f.s, f.hi - 64, synthetic_pc(FN_LEAF, AT_CALL));
	struct gospy_unwind unwind = {
		.pc = synthetic_pc(FN_LEAF, AT_CALL), .sp = f.hi - 64, .stack_hi = f.hi};
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_INCOMPLETE);
	assert_true(f.frames.size <= 2);
	deinit(&f);
}

/** A signal handler of Go on [lo, hi), entered with `registers` saved at the offsets. */
static uint64_t signal_frames(struct fixture *f, uint64_t context, enum gospy_arch arch)
{
	const enum synthetic_function stack[] = {FN_SIGHANDLER, FN_SIGTRAMP};
	uint64_t sp = context, caller = 0;

	if (arch == GOSPY_ARCH_AMD64)
		return synthetic_frames(&f->s, context, stack, COUNT(stack), 0x7fff0000);
	for (size_t i = COUNT(stack); i-- > 0;) {
		sp -= (uint64_t)synthetic_frame_size(stack[i]);
		synthetic_put(&f->s, sp, caller);
		caller = synthetic_pc(stack[i], AT_CALL);
	}
	return sp;
}

/* From the CFA of the handler: amd64 has the ucontext there, arm64 a siginfo of 128 bytes first. */
#define AMD64_CONTEXT_PC 168
#define AMD64_CONTEXT_SP 160
#ifdef __x86_64__
_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) == AMD64_CONTEXT_PC &&
		       offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]) == AMD64_CONTEXT_SP,
	       "the kernel's own headers");
#endif
#ifdef __aarch64__
_Static_assert(128 + offsetof(ucontext_t, uc_mcontext.pc) == 568 &&
		       128 + offsetof(ucontext_t, uc_mcontext.sp) == 560 &&
		       128 + offsetof(ucontext_t, uc_mcontext.regs[30]) == 552,
	       "the kernel's own headers");
#endif

static void finds_what_a_signal_interrupted(void **state)
{
	(void)state;
	struct fixture f;
	struct gospy_registers registers = {};

	for (enum gospy_arch arch = GOSPY_ARCH_AMD64; arch <= GOSPY_ARCH_ARM64; arch++) {
		bool amd64 = arch == GOSPY_ARCH_AMD64;
		uint64_t pc_at = amd64 ? AMD64_CONTEXT_PC : 568;
		uint64_t sp_at = amd64 ? AMD64_CONTEXT_SP : 560;
		init(&f, arch, 8192);
		uint64_t context = f.hi - 4096;
		if (!amd64)
			synthetic_put(&f.s, context + 552, synthetic_pc(FN_MAIN, AT_CALL));
		synthetic_put(&f.s, context + pc_at, synthetic_pc(FN_WORK, 0x20));
		synthetic_put(&f.s, context + sp_at, 0xc000123458);
		struct gospy_unwind unwind = {.pc = synthetic_pc(FN_SIGHANDLER, AT_CALL),
					      .sp = signal_frames(&f, context, arch),
					      .exact = true,
					      .stack_hi = f.hi};
		struct gospy_stack_window window = window_of(&f, unwind.sp, f.hi);
		assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
		assert_true(gospy_unwind_interrupted(f.cache, &f.frames, &window, &registers));
		assert_int_equal(registers.pc, synthetic_pc(FN_WORK, 0x20));
		assert_int_equal(registers.sp, 0xc000123458);
		if (!amd64)
			assert_int_equal(registers.lr, synthetic_pc(FN_MAIN, AT_CALL));
		/* Cut off before what the kernel saved. */
		window.size = context + 64 - window.address;
		assert_false(gospy_unwind_interrupted(f.cache, &f.frames, &window, &registers));
		deinit(&f);
	}
}

static void finds_no_signal_where_there_is_none(void **state)
{
	(void)state;
	struct fixture f;
	struct gospy_registers registers = {};
	const enum synthetic_function stack[] = {FN_GOPARK, FN_MAIN};

	init(&f, GOSPY_ARCH_AMD64, 4096);
	struct gospy_unwind unwind = waiting(&f, stack, COUNT(stack));
	struct gospy_stack_window window = window_of(&f, f.lo, f.hi);
	assert_int_equal(run(&f, &unwind), GOSPY_UNWIND_DONE);
	assert_false(gospy_unwind_interrupted(f.cache, &f.frames, &window, &registers));
	deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_to_the_outermost_function),
		cmocka_unit_test(looks_up_a_call_where_it_was_made),
		cmocka_unit_test(knows_the_frame_at_each_instruction),
		cmocka_unit_test(takes_the_caller_of_a_signal_at_its_word),
		cmocka_unit_test(stops_where_sp_was_written),
		cmocka_unit_test(passes_a_system_call_that_writes_sp),
		cmocka_unit_test(passes_the_way_to_the_system_stack),
		cmocka_unit_test(stops_at_what_it_does_not_know),
		cmocka_unit_test(takes_a_popped_return_address_from_its_register),
		cmocka_unit_test(stays_within_the_stack),
		cmocka_unit_test(goes_on_in_the_next_window),
		cmocka_unit_test(wants_the_margin_at_hand),
		cmocka_unit_test(walks_a_million_frames),
		cmocka_unit_test(keeps_exact_pcs_apart),
		cmocka_unit_test(refuses_machines_it_does_not_know),
		cmocka_unit_test(walks_arm64_frames),
		cmocka_unit_test(takes_the_link_register_of_arm64_leaves),
		cmocka_unit_test(takes_the_saved_link_register_of_arm64_signals),
		cmocka_unit_test(ends_where_arm64_frames_go_in_circles),
		cmocka_unit_test(finds_what_a_signal_interrupted),
		cmocka_unit_test(finds_no_signal_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
