/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_SYNTHETIC_PROGRAM_H
#define GOSPY_SYNTHETIC_PROGRAM_H

/**
 * A Go program as gospy_program_open() would describe it, put together by hand: functions with
 * frames of known sizes, and an arena of memory in which a test builds goroutines, stacks and
 * threads. Its structs have their fields at offsets of no Go release.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/program.h>

#define SYNTHETIC_ARENA UINT64_C(0xc000000000)
/** Link-time start of the text; each function has this many bytes. */
#define SYNTHETIC_TEXT UINT64_C(0x401000)
#define SYNTHETIC_FUNCTION_SIZE 0x100
#define SYNTHETIC_BIAS UINT64_C(0x10000)
#define SYNTHETIC_MAX_GS 1024

/**
 * The functions, in order of address. Each has a prologue of 16 bytes without a frame, then
 * its frame, and an epilogue of 16 bytes without one.
 */
enum synthetic_function {
	FN_GOEXIT,	/**< runtime.goexit, frame 0, outermost */
	FN_MAIN,	/**< runtime.main, frame 64 */
	FN_RUNFINQ,	/**< runtime.runfinq, frame 32 */
	FN_GOPARK,	/**< runtime.gopark, frame 16 */
	FN_SIGPANIC,	/**< runtime.sigpanic, frame 24 */
	FN_SYSTEMSTACK, /**< runtime.systemstack, frame 0, writes sp */
	FN_SIGTRAMP,	/**< runtime.sigtramp, frame 72, outermost */
	FN_SIGHANDLER,	/**< runtime.sighandler, frame 96 */
	FN_GOGO,	/**< gogo, frame 0, writes sp */
	FN_SYSCALL,	/**< syscall.Syscall, frame 40, writes sp */
	FN_WORK,	/**< main.work, frame 48 */
	FN_LEAF,	/**< main.leaf, frame 0 */
	FN_BIG,		/**< main.big, frame 4 MiB */
	FN_NEGATIVE,	/**< main.negative, frame -32: no compiler makes that */
	FN_EXTERNAL,	/**< an external function without frame sizes */
	FN_UNALIGNED,	/**< main.unaligned, frame 4 */
	FN_VFORK,	/**< syscall.rawVforkSyscall, frame -8: it popped its return address */
	NUM_SYNTHETIC_FUNCTIONS,
};

/** Field offsets. */
enum {
	G_STACK_LO = 0,
	G_STACK_HI = 8,
	G_M = 16,
	G_SCHED_SP = 24,
	G_SCHED_PC = 32,
	G_SYSCALLSP = 40,
	G_SYSCALLPC = 48,
	G_STATUS = 56,
	G_WAITREASON = 60,
	G_TRACKING_SEQ = 61,
	G_GOID = 64,
	G_WAITSINCE = 72,
	G_LOCKEDM = 80,
	G_GOPC = 88,
	G_STARTPC = 96,
	G_PARENT_GOID = 104,
	G_LABELS = 112,
	G_SIZE = 128,
	M_G0 = 0,
	M_GSIGNAL = 8,
	M_PROCID = 16,
	M_CURG = 24,
	M_P = 32,
	M_ID = 40,
	M_ALLLINK = 48,
	M_VDSO_SP = 56,
	M_VDSO_PC = 64,
	M_SIZE = 72,
	P_ID = 0,
	P_STATUS = 4,
	P_SCHEDTICK = 8,
	P_SYSCALLTICK = 12,
	P_M = 16,
	P_RUNQHEAD = 24,
	P_RUNQTAIL = 28,
	P_SIZE = 32,
};

struct synthetic_program {
	struct gospy_program program;
	struct gospy_module module;
	struct gospy_image image;
	struct pcln_bytes *pclntab;
	uint8_t *arena;
	size_t arena_size;
	/** Bytes of the arena that are in use. */
	size_t used;
	uint64_t gs[SYNTHETIC_MAX_GS];
	size_t num_gs;
	/** Head of the chain of Ms. */
	uint64_t last_m;
};

/** False without memory. `arch` is amd64 or arm64. */
bool synthetic_init(struct synthetic_program *s, enum gospy_arch arch, size_t arena_size);
void synthetic_deinit(struct synthetic_program *s);

/** Run-time pc `offset` bytes into a function. */
uint64_t synthetic_pc(enum synthetic_function function, uint32_t offset);
/** Bytes of its frame past the prologue. */
int32_t synthetic_frame_size(enum synthetic_function function);
const char *synthetic_name(enum synthetic_function function);

/** Takes zeroed bytes from the arena, aligned to 16. */
uint64_t synthetic_alloc(struct synthetic_program *s, size_t size);
/** Where an address of the arena is kept; NULL outside of it. */
uint8_t *synthetic_at(struct synthetic_program *s, uint64_t address);
void synthetic_put(struct synthetic_program *s, uint64_t address, uint64_t word);
void synthetic_put_u32(struct synthetic_program *s, uint64_t address, uint32_t value);
void synthetic_put_u8(struct synthetic_program *s, uint64_t address, uint8_t value);

/** A g with a stack of `stack_size` bytes (0: none), waiting, at the outermost end of it. */
uint64_t synthetic_g(struct synthetic_program *s, uint64_t goid, size_t stack_size);
/** An M on thread `tid` with g0 and gsignal of 4 KiB and 8 KiB; linked to those before. */
uint64_t synthetic_m(struct synthetic_program *s, uint32_t tid);
void synthetic_p(struct synthetic_program *s, uint64_t address, uint32_t id, uint64_t m);

/**
 * Builds the stack of g: it was called from runtime.goexit and stands in functions[0], called from
 * functions[1] and so on (each at offset 0x40). Sets g.sched; returns sp.
 */
uint64_t synthetic_stack(struct synthetic_program *s, uint64_t g,
			 const enum synthetic_function *functions, size_t count);
/** The same on [lo, hi) without a goroutine, amd64; returns sp at functions[0]. `outer` is the
 * return address of the last one. */
uint64_t synthetic_frames(struct synthetic_program *s, uint64_t hi,
			  const enum synthetic_function *functions, size_t count, uint64_t outer);

/** Writes allgs, allm and allp for the `num_ps` Ps at `ps`. */
void synthetic_finish(struct synthetic_program *s, const uint64_t *ps, size_t num_ps);

/** A target over the arena as it is now, which is also made the program's; owned by the caller;
 * NULL where it cannot be made. */
struct gospy_target *synthetic_target(struct synthetic_program *s);

#endif
