/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <gospy/capture.h>
#include <gospy/memory_target.h>

#include "fuzz.h"
#include "synthetic_program.h"

/**
 * gospy_capture_take() of a process whose memory lies. Input: a byte of options, one for the Go
 * version, a pc and a sp for the thread that runs (three bytes each), then patches of the memory of
 * a process that is whole.
 */
enum {
	OPTION_PTRACE = 1 << 0,
	OPTION_STACKS = 1 << 1,
	OPTION_ARGUMENTS = 1 << 2,
	OPTION_ARM64 = 1 << 3,
	OPTION_MAX_PAUSE = 1 << 4,
};

/** What a patch writes; the first byte of each. */
enum {
	PATCH_WORD,
	PATCH_ADDRESS,
	PATCH_PC,
	PATCH_BYTE,
	NUM_PATCHES,
};

#define ARENA_SIZE 65536
#define TID 101

static uint32_t u16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint64_t address_of(const uint8_t *p)
{
	return SYNTHETIC_ARENA + u16(p) % (ARENA_SIZE - 8);
}

static uint64_t pc_of(const uint8_t *p)
{
	return synthetic_pc(p[0] % (NUM_SYNTHETIC_FUNCTIONS + 1), p[1]);
}

static void put_labels(struct synthetic_program *s, uint64_t g, bool list)
{
	uint64_t labels = synthetic_alloc(s, 48), pairs = synthetic_alloc(s, 272);
	uint64_t text = synthetic_alloc(s, 16), variable = synthetic_alloc(s, 8);

	synthetic_put(s, variable, labels);
	synthetic_put(s, g + G_LABELS, list ? labels : variable);
	synthetic_put(s, labels, list ? pairs : 1);
	if (list)
		synthetic_put(s, labels + 8, 1);
	else
		synthetic_put(s, labels + 16, pairs);
	synthetic_put(s, pairs, list ? text : 17);
	synthetic_put(s, pairs + 8, list ? 4 : text);
	synthetic_put(s, pairs + 16, list ? text : 4);
	synthetic_put(s, pairs + 24, 4);
	synthetic_put(s, pairs + 136, text);
	synthetic_put(s, pairs + 144, 4);
	synthetic_put(s, text, 0x6c65626c);
}

/** A process that is whole: goroutines that wait, one in a system call, one that runs. */
static void build(struct synthetic_program *s, bool list)
{
	const enum synthetic_function stack[] = {FN_GOPARK, FN_SIGPANIC, FN_WORK, FN_MAIN};
	const enum synthetic_function call[] = {FN_SYSCALL, FN_WORK};
	uint64_t m = synthetic_m(s, TID), p = synthetic_alloc(s, P_SIZE);

	synthetic_p(s, p, 0, m);
	for (uint64_t id = 1; id <= 5; id++)
		synthetic_stack(s, synthetic_g(s, id, 1024), stack, 4);
	uint64_t sp = synthetic_stack(s, s->gs[1], call, 2);
	synthetic_put_u32(s, s->gs[1] + G_STATUS, 3);
	synthetic_put(s, s->gs[1] + G_SYSCALLSP, sp);
	synthetic_put(s, s->gs[1] + G_SYSCALLPC, synthetic_pc(FN_SYSCALL, 0x40));
	synthetic_put_u32(s, s->gs[2] + G_STATUS, 2);
	synthetic_put(s, s->gs[2] + G_M, m);
	synthetic_put(s, m + M_CURG, s->gs[2]);
	put_labels(s, s->gs[3], list);
	synthetic_finish(s, &p, 1);
}

/** One patch; returns what it used of the input. */
static size_t patch(struct synthetic_program *s, const uint8_t *data, size_t size)
{
	static const size_t sizes[NUM_PATCHES] = {
		[PATCH_WORD] = 11, [PATCH_ADDRESS] = 5, [PATCH_PC] = 5, [PATCH_BYTE] = 4};
	unsigned int kind = data[0] % NUM_PATCHES;
	uint64_t word = 0;

	if (sizes[kind] > size)
		return size;
	uint64_t at = address_of(data + 1);
	if (kind == PATCH_WORD)
		memcpy(&word, data + 3, 8);
	else if (kind == PATCH_ADDRESS)
		word = address_of(data + 3);
	else if (kind == PATCH_PC)
		word = pc_of(data + 3);
	if (kind == PATCH_BYTE)
		synthetic_put_u8(s, at, data[3]);
	else
		synthetic_put(s, at & ~UINT64_C(7), word);
	return sizes[kind];
}

/** What is there must be whole: every number is one of something. */
static void check(const struct gospy_snapshot *snapshot)
{
	const struct gospy_goroutines *g = &snapshot->goroutines;

	for (uint32_t i = 0; i < g->count; i++) {
		uint64_t frames = 0;
		for (uint32_t node = g->stack[i]; node; node = snapshot->nodes.data[node].parent) {
			if (node >= snapshot->nodes.size ||
			    snapshot->nodes.data[node].location >= snapshot->locations.size ||
			    snapshot->nodes.data[node].parent >= node)
				abort();
			frames += snapshot->locations.data[snapshot->nodes.data[node].location]
					  .num_frames;
		}
		if ((i && g->id[i - 1] > g->id[i]) || g->start[i] >= snapshot->locations.size ||
		    g->creator[i] >= snapshot->locations.size ||
		    g->wait_reason[i] >= gospy_strings_count(&snapshot->strings) ||
		    (g->label_start && (g->label_start[i] > g->label_start[i + 1] ||
					g->label_start[i + 1] > snapshot->label_pairs.size)) ||
		    (g->argument_start &&
		     g->argument_start[i + 1] - g->argument_start[i] != frames))
			abort();
	}
}

static void capture_it(struct synthetic_program *s, struct gospy_target *target, uint8_t options,
		       const uint8_t *registers)
{
	const struct gospy_registers at = {.pc = pc_of(registers),
					   .sp = address_of(registers + 3) & ~UINT64_C(7),
					   .lr = pc_of(registers + 1)};
	const struct gospy_capture_request request = {
		.stop = options & OPTION_PTRACE ? GOSPY_STOP_PTRACE : GOSPY_STOP_NONE,
		.stacks = options & OPTION_STACKS,
		.arguments = options & OPTION_ARGUMENTS,
		.max_pause_ns = options & OPTION_MAX_PAUSE ? 1 : 0,
	};
	struct gospy_snapshot *snapshot = NULL;

	if (!fuzz_ok(gospy_memory_target_add_thread(target, TID, 'R', &at)) ||
	    !fuzz_ok(gospy_capture_take(&s->program, &request, &snapshot)))
		return;
	check(snapshot);
	gospy_snapshot_destroy(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct synthetic_program s;

	if (size < 8)
		return 0;
	uint8_t options = data[0], minor = data[1] % 32;
	enum gospy_arch arch = options & OPTION_ARM64 ? GOSPY_ARCH_ARM64 : GOSPY_ARCH_AMD64;
	if (synthetic_init(&s, arch, ARENA_SIZE)) {
		s.program.version.minor = minor;
		build(&s, minor >= 24);
		for (size_t pos = 8; pos < size;)
			pos += patch(&s, data + pos, size - pos);
		struct gospy_target *target = synthetic_target(&s);
		if (target)
			capture_it(&s, target, options, data + 2);
		gospy_target_destroy(target);
	}
	synthetic_deinit(&s);
	return 0;
}
