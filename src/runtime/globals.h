/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_GLOBALS_H
#define GOSPY_GLOBALS_H

/**
 * The addresses of the runtime's globals in a binary without symbols, by two methods that know
 * nothing of each other: operands of runtime functions that must name them (globals_anchor.c), and
 * a search of the data segments for what looks like them (globals_scan.c). Neither is believed
 * before a validator has looked at the memory there (globals_check.c); globals.c decides.
 */
#include <gospy/program.h>

#include "operands.h"

enum gospy_global {
	GOSPY_GLOBAL_ALLGS,
	GOSPY_GLOBAL_ALLP,
	GOSPY_GLOBAL_SCHED,
	GOSPY_GLOBAL_ALLM,
	GOSPY_GLOBAL_WAIT_REASONS,
	GOSPY_GLOBAL_COUNT,
};

/** What a validator says of an address. */
enum gospy_check {
	GOSPY_CHECK_WRONG,
	/** All zero, as before the runtime has started: nothing speaks against it, nor for it. */
	GOSPY_CHECK_EMPTY,
	GOSPY_CHECK_RIGHT,
};

/**
 * Whether `global` can be at `address`. Needs program->layout, target and modules, and for
 * GOSPY_GLOBAL_ALLM program->globals.sched if known. Memory that cannot be read is
 * GOSPY_CHECK_WRONG. Errors: those of gospy_target_read_many().
 */
GOSPY_CHECKED struct gospy_error *gospy_global_check(const struct gospy_program *program,
						     enum gospy_global global, uint64_t address,
						     enum gospy_check *ret);

/** Ms that are counted: who has more is convincing without the rest. */
#define GOSPY_GLOBAL_MAX_COUNTED_MS UINT64_C(4096)

/** Ms of the chain that begins at the word `allm`; 0 for a broken one. */
GOSPY_CHECKED struct gospy_error *gospy_global_count_ms(const struct gospy_program *program,
							uint64_t allm, uint64_t *ret);
/** sched.mnext - sched.nmfreed, which is the length of that chain; 0 where the layout does not say.
 */
GOSPY_CHECKED struct gospy_error *gospy_global_sched_ms(const struct gospy_program *program,
							uint64_t sched, uint64_t *ret);

/** Whether a word can be the address of an object: aligned, behind the first page, and below 2^56,
 * where the addresses that Linux gives to a program end on amd64 and arm64. */
bool gospy_global_may_point(uint64_t value);

/** sched.maxmcount from runtime.schedinit on (runtime/proc.go, Go 1.12 to 1.27). */
#define GOSPY_GLOBAL_MAX_M_COUNT 10000

/** Whether run-time `address` is in the static data of the module that holds the runtime. */
bool gospy_global_is_static(const struct gospy_program *program, uint64_t address);

/** The functions whose operands are looked at. */
enum gospy_anchor {
	GOSPY_ANCHOR_ALLGADD,
	GOSPY_ANCHOR_PREEMPTALL,
	GOSPY_ANCHOR_GCMARKTINYALLOCS,
	GOSPY_ANCHOR_MCOMMONINIT,
	GOSPY_ANCHOR_SCHEDINIT,
	GOSPY_ANCHOR_WAITREASON_STRING,
	GOSPY_ANCHOR_COUNT,
};

/** Their operands, run-time addresses; empty where the binary has no such function. */
struct gospy_anchors {
	struct gospy_operand_vec operands[GOSPY_ANCHOR_COUNT];
};

/** Reads the functions of `module`. Errors: no memory, a broken function table. */
GOSPY_CHECKED struct gospy_error *gospy_anchors_init(struct gospy_anchors *anchors,
						     const struct gospy_module *module,
						     enum gospy_arch arch);
void gospy_anchors_deinit(struct gospy_anchors *anchors);

/** Appends the addresses where the anchors say that `global` is. Needs program->layout and globals
 * before it. */
GOSPY_CHECKED struct gospy_error *gospy_anchors_find(const struct gospy_anchors *anchors,
						     const struct gospy_program *program,
						     enum gospy_global global,
						     struct gospy_u64_vec *ret);

/** Whether a second function or variable says the same of `global` at `address`. */
GOSPY_CHECKED struct gospy_error *gospy_anchors_confirm(const struct gospy_anchors *anchors,
							const struct gospy_program *program,
							enum gospy_global global, uint64_t address,
							bool *ret);

/** Appends every address of the static data of the runtime's module that passes the validator for
 * `global`. */
GOSPY_CHECKED struct gospy_error *gospy_globals_scan(const struct gospy_program *program,
						     enum gospy_global global,
						     struct gospy_u64_vec *ret);

/**
 * Fills in globals and confidence of `program`, with a warning for each that is not to be found or
 * about which the methods disagree; globals.allgs is 0 when the layout cannot be right.
 */
GOSPY_CHECKED struct gospy_error *gospy_globals_find(struct gospy_program *program,
						     const struct gospy_anchors *anchors);

#endif
