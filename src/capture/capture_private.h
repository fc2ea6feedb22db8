/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CAPTURE_PRIVATE_H
#define GOSPY_CAPTURE_PRIVATE_H

/** One capture in the making, as the files of this folder share it. */
#include <gospy/capture.h>
#include <gospy/map.h>
#include <gospy/moduledata.h>
#include <gospy/unwind.h>

/** Tries to read a goroutine that changes under the reader before it is called torn. */
#define MAX_TRIES 4
/** A g is never larger (Go 1.27: 456 bytes). */
#define MAX_G_SIZE 4096

/** What is needed of a goroutine only until its stack is walked; the rest is in the snapshot's
 * columns. */
struct g_row {
	uint64_t sp;
	uint64_t pc;
	/** g.sched.lr of a machine with a link register; else 0. */
	uint64_t lr;
	uint64_t stack_lo;
	uint64_t stack_hi;
	/** Raw atomicstatus and trackingSeq, for the comparison after its stack was read. */
	uint32_t status;
	uint8_t tracking_seq;
	/** Index into the Ms plus 1; 0: on none. */
	uint32_t m;
	/** Number of its label set plus 1; 0: none. */
	uint32_t labels;
	/** Its argument texts in capture.arguments. */
	uint64_t first_argument;
	uint32_t num_arguments;
	bool in_syscall;
	/** It ended while it was looked at, and is left out. */
	bool gone;
};
GOSPY_VEC(g_row_vec, struct g_row);

struct m_row {
	uint64_t address;
	uint64_t g0;
	uint64_t gsignal;
	uint64_t curg;
	uint64_t vdso_sp;
	uint64_t vdso_pc;
	/** m.alllink. */
	uint64_t next;
	int64_t id;
	pid_t tid;
};
GOSPY_VEC(m_row_vec, struct m_row);

/** Pairs [first, first + count) of capture.label_pairs. */
struct label_set {
	/** g.labels. */
	uint64_t address;
	uint32_t first;
	uint32_t count;
	/** Overflow buckets of its map. */
	uint32_t overflows;
	bool unreadable;
};
GOSPY_VEC(label_set_vec, struct label_set);

struct capture {
	struct gospy_program *program;
	const struct gospy_capture_request *request;
	struct gospy_snapshot *snapshot;
	struct gospy_unwind_cache *cache;
	/** Every thread is held: nothing changes, nothing need be verified. */
	bool held;
	/** CLOCK_MONOTONIC when the stop began. */
	uint64_t held_since_ns;

	/** CLOCK_MONOTONIC of the target when the goroutines were read. */
	uint64_t target_now_ns;
	/** Bytes of a g that hold every field read. */
	uint32_t g_size;
	/** String numbers of the wait reasons, by index. */
	struct gospy_u32_vec wait_reasons;

	struct g_row_vec rows;
	struct m_row_vec ms;
	/** From address of an M to its index. */
	struct gospy_map m_index;

	/** (parent node, location) to node. */
	struct gospy_map tree;
	/** Frames of the walk at hand, reused. */
	struct gospy_unwind_frame_vec frames;
	/** Goroutines whose stack did not fit into the window of the bulk read. */
	struct gospy_u32_vec deep;
	/** Those of the batch at hand, to be verified, and those that failed. */
	struct gospy_u32_vec batch;
	struct gospy_u32_vec changed;

	/** Copies of stacks that are read by themselves, reused. */
	struct gospy_u8_vec window;

	struct label_set_vec label_sets;
	/** How many of them capture_read_labels() has read. */
	size_t read_label_sets;
	struct gospy_label_vec label_pairs;
	/** From address of a label map to the number of its set. */
	struct gospy_map label_index;
	bool any_labels;
	/** Ids of synctest bubbles, by number, and from address to number. */
	struct gospy_u64_vec bubble_ids;
	struct gospy_map bubble_index;
	struct gospy_u32_vec arguments;
	/** Rows there is room for in the columns. */
	size_t max_rows;
	uint64_t unreadable;
};

/** The Ms of the chain, and the Ps (capture_threads.c). */
GOSPY_CHECKED struct gospy_error *capture_ms(struct capture *c);
GOSPY_CHECKED struct gospy_error *capture_processors(struct capture *c);
/** Number of the M at `address`, which is read if it is a new one, plus 1; 0 where there is none.
 */
GOSPY_CHECKED struct gospy_error *capture_m(struct capture *c, uint64_t address, uint32_t *ret);
/** What the M at `address` says now. */
GOSPY_CHECKED struct gospy_error *capture_read_m(struct capture *c, uint64_t address,
						 struct m_row *ret);

/** Every g into rows and columns, in order of address (capture_goroutines.c). */
GOSPY_CHECKED struct gospy_error *capture_goroutines(struct capture *c);
/** Reads goroutine `row` anew into its columns. */
GOSPY_CHECKED struct gospy_error *capture_reread(struct capture *c, uint32_t row);
/** Whether what `data` says of goroutine `row` is what was read before. */
bool capture_unchanged(const struct capture *c, uint32_t row, const uint8_t *data, size_t size);
/** Reads the status and where the stack is of the g at `address`; nothing else of `ret` is set. */
GOSPY_CHECKED struct gospy_error *capture_read_g(struct capture *c, uint64_t address,
						 struct g_row *ret);
bool capture_is_running(const struct g_row *row);

/** Notes that a goroutine has the labels at `address` (capture_labels.c); `*ret` as g_row.labels.
 */
GOSPY_CHECKED struct gospy_error *capture_labels(struct capture *c, uint64_t address,
						 uint32_t *ret);
/** Reads the labels that were noted since the last call. */
GOSPY_CHECKED struct gospy_error *capture_read_labels(struct capture *c);

/** Column `bubble` of the goroutine whose g.bubble is `address` (capture_bubbles.c). */
GOSPY_CHECKED struct gospy_error *capture_bubble(struct capture *c, uint32_t row, uint64_t address);

/** Walks all stacks and puts them into the tree (capture_stacks.c). */
GOSPY_CHECKED struct gospy_error *capture_stacks(struct capture *c);
/** Walks the stack of a goroutine that is on a CPU (capture_running.c). `*ret_settled`: it was read
 * at one moment, or no better can be had. */
GOSPY_CHECKED struct gospy_error *capture_running(struct capture *c, uint32_t row,
						  bool *ret_settled);
/** Where the walk of a stack begins that is at its last scheduling point or system call. */
struct gospy_unwind capture_unwind(const struct capture *c, const struct g_row *row);
bool capture_on_stack(const struct g_row *row, uint64_t sp);
/** Begins a new stack: no frames at hand. */
void capture_begin_stack(struct capture *c, uint32_t row);
/** Walks within the bytes at hand. */
GOSPY_CHECKED struct gospy_error *capture_walk(struct capture *c, uint32_t row,
					       struct gospy_unwind *unwind,
					       const struct gospy_stack_window *window,
					       enum gospy_unwind_result *ret);
/** Walks on behind the frames at hand in windows read for it, and puts the stack into the tree. */
GOSPY_CHECKED struct gospy_error *capture_walk_on(struct capture *c, uint32_t row,
						  struct gospy_unwind unwind);
/** Puts the frames at hand into the tree and the row. */
GOSPY_CHECKED struct gospy_error *capture_finish_stack(struct capture *c, uint32_t row,
						       enum gospy_unwind_result result);
/** Sorts by id, drops what is gone, fills in locations and frames (capture_finish.c). */
GOSPY_CHECKED struct gospy_error *capture_finish(struct capture *c);

/** Lets the process go when it was held for as long as the request allows: the capture goes on
 * without a stop. */
GOSPY_CHECKED struct gospy_error *capture_mind_pause(struct capture *c);

/** Appends a warning for the user. */
GOSPY_CHECKED GOSPY_PRINTF(2, 3) struct gospy_error *capture_warn(struct capture *c,
								  const char *format, ...);

/** Header of the slice of `what` at `address`. GOSPY_ERROR_BAD_DATA when it claims more than `max`
 * elements. */
GOSPY_CHECKED struct gospy_error *capture_list(struct capture *c, uint64_t address, uint64_t max,
					       const char *what, struct gospy_slice *ret);

/** Number of the interned string. */
GOSPY_CHECKED struct gospy_error *capture_intern(struct capture *c, const char *text,
						 uint32_t *ret);

/** Location of `pc` (0 for pc 0). */
GOSPY_CHECKED struct gospy_error *capture_location(struct capture *c, uint64_t pc, bool exact,
						   uint32_t *ret);

#endif
