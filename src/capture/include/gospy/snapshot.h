/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_SNAPSHOT_H
#define GOSPY_SNAPSHOT_H

/**
 * A Snapshot: what one capture saw. Immutable once made, columnar, self-contained (it needs neither
 * the process nor its binary), readable by several threads at once.
 *
 * Goroutines are a struct of arrays. Stacks are a prefix tree: a node is (parent node, location),
 * the parent being the caller; node 0 is the root and stands for "no stack". A location is one pc
 * with its logical frames, innermost first. Strings are interned: number 0 is "".
 */
#include <stdbool.h>
#include <stdint.h>

#include <gospy/registers.h>
#include <gospy/strings.h>
#include <gospy/target.h>
#include <gospy/vec.h>

/** Goroutine status by meaning (runtime/runtime2.go _Gidle...), without the scan bit. */
enum gospy_goroutine_status {
	GOSPY_GOROUTINE_IDLE = 0,
	GOSPY_GOROUTINE_RUNNABLE = 1,
	GOSPY_GOROUTINE_RUNNING = 2,
	GOSPY_GOROUTINE_SYSCALL = 3,
	GOSPY_GOROUTINE_WAITING = 4,
	GOSPY_GOROUTINE_DEAD = 6,
	GOSPY_GOROUTINE_COPYSTACK = 8,
	GOSPY_GOROUTINE_PREEMPTED = 9,
	GOSPY_GOROUTINE_LEAKED = 10,
	GOSPY_GOROUTINE_DEADEXTRA = 11,
};

/** "idle", "runnable", "running", "syscall", "waiting", "dead", "copystack", "preempted", "leaked";
 * "unknown". */
const char *gospy_goroutine_status_name(uint8_t status);

enum gospy_goroutine_flags {
	/** The scan bit of the status was set: the collector had it. */
	GOSPY_GOROUTINE_SCAN = 1 << 0,
	/** Locked to its thread (g.lockedm). */
	GOSPY_GOROUTINE_LOCKED = 1 << 1,
	/** Of the runtime itself, as isSystemGoroutine decides. */
	GOSPY_GOROUTINE_SYSTEM = 1 << 2,
	/** It changed while it was read, after all retries: the stack may be wrong. */
	GOSPY_GOROUTINE_TORN = 1 << 3,
	/** Its stack could not be followed to the outermost function. */
	GOSPY_GOROUTINE_INCOMPLETE = 1 << 4,
	/** Its thread could not be looked at: stack from the last scheduling point. */
	GOSPY_GOROUTINE_STALE = 1 << 5,
	/** In a synctest bubble (g.syncGroup / g.bubble is not nil). */
	GOSPY_GOROUTINE_BUBBLE = 1 << 6,
};

/** The columns; each array has `count` elements. Ascending by id. Dead goroutines are only counted.
 */
struct gospy_goroutines {
	uint32_t count;
	uint64_t *id;
	uint8_t *status;
	/** String number of the wait reason, 0 when not waiting. */
	uint32_t *wait_reason;
	/** How long it waits, ns, 0 when not known (the runtime notes it at garbage collections
	 * only). */
	uint64_t *wait_ns;
	/** Thread it runs on, or is locked in a system call with; 0: none. */
	uint32_t *thread;
	uint64_t *parent_id;
	uint8_t *flags;
	/** Locations of the `go` statement (0: none) and of the first function. */
	uint32_t *creator;
	uint32_t *start;
	/** Innermost node of its stack; 0 when not captured. */
	uint32_t *stack;
	/** Labels: pairs [label_start[i], label_start[i + 1]) of `label_pairs`; NULL when there are
	 * none at all. */
	uint32_t *label_start;
	/** Argument texts, see gospy_snapshot.arguments; NULL when not captured. */
	uint64_t *argument_start;
	/** Address of the g. */
	uint64_t *address;
	/**
	 * What tracebacks print for a synctest bubble: its id (g.bubble.id, Go 1.25), the goid of
	 * its root (g.syncGroup.root.goid, Go 1.24); 0: in none. NULL when there are none at all.
	 */
	uint64_t *bubble;
};

/** A call: `location` stands in a function that stands in that of `parent`, the caller; 0 none. */
struct gospy_stack_node {
	uint32_t parent;
	uint32_t location;
};
GOSPY_VEC(gospy_stack_node_vec, struct gospy_stack_node);

enum gospy_frame_flags {
	/** It was inlined into the frame after it. */
	GOSPY_FRAME_INLINED = 1 << 0,
	/** A compiler-made wrapper, which tracebacks leave out. */
	GOSPY_FRAME_WRAPPER = 1 << 1,
};

/** One logical frame. Strings by number; functions as <gospy/function_name.h> writes them. */
struct gospy_frame {
	uint32_t function;
	uint32_t file;
	uint32_t line;
	/** Line of the function's `func` keyword, 0 where it is not known (before Go 1.20). */
	uint32_t start_line;
	/** enum gospy_frame_flags. */
	uint32_t flags;
};
GOSPY_VEC(gospy_frame_vec, struct gospy_frame);

/** One pc. Frames [first_frame, first_frame + num_frames), innermost first. */
struct gospy_location {
	/** Run-time pc as it stands on the stack (return address), or exact for an innermost frame.
	 */
	uint64_t pc;
	/** pc minus the entry of the function that holds it: what tracebacks print as +0x1d. */
	uint32_t offset;
	uint32_t first_frame;
	uint32_t num_frames;
	/** The pc is where execution stands, not a return address. */
	bool exact;
	/** Index into gospy_snapshot.modules; UINT32_MAX: outside of all. */
	uint32_t module;
};
GOSPY_VEC(gospy_location_vec, struct gospy_location);

/** A profiler label, by string numbers. */
struct gospy_label {
	uint32_t key;
	uint32_t value;
};
GOSPY_VEC(gospy_label_vec, struct gospy_label);

/** A P. `status`: 0 idle, 1 running, 2 syscall, 3 gcstop, 4 dead (runtime2.go _Pidle...). */
struct gospy_processor {
	uint32_t id;
	uint32_t status;
	uint32_t schedtick;
	uint32_t syscalltick;
	/** m.id of the M that has it; -1 none. */
	int64_t m;
	/** Goroutines in its own queue. */
	uint32_t run_queue;
};
GOSPY_VEC(gospy_processor_vec, struct gospy_processor);

/** "idle", "running", "syscall", "gcstop", "dead", "unknown". */
const char *gospy_processor_status_name(uint32_t status);

/**
 * A binary with Go code, for pprof: where its text is mapped, `[start, end)` run-time from `offset`
 * of the file on. Strings by number; the build id is GNU's, else Go's.
 */
struct gospy_snapshot_module {
	uint64_t start, end, offset;
	uint32_t path;
	uint32_t build_id;
};
GOSPY_VEC(gospy_snapshot_module_vec, struct gospy_snapshot_module);

enum gospy_stop_mode {
	/** What serves best. */
	GOSPY_STOP_AUTO,
	/** Nothing is stopped, but for a thread that runs a goroutine, for microseconds. */
	GOSPY_STOP_NONE,
	/** Every thread is held while the process is read. */
	GOSPY_STOP_PTRACE,
};

/** "auto", "none", "ptrace". */
const char *gospy_stop_mode_name(enum gospy_stop_mode mode);

struct gospy_snapshot {
	/** process */
	int32_t pid;
	enum gospy_arch arch;
	bool exe_deleted, pie, has_dwarf;
	/** String numbers. layout: "types", "table", "dwarf". */
	uint32_t exe, name, go_version, main_module, main_version, build_id, cgroup, layout;
	uint32_t gomaxprocs;
	uint64_t resident_size;
	/** Tracebacks of this process show labels: GODEBUG=tracebacklabels, the default of Go 1.27.
	 */
	bool traceback_labels;

	/** capture */
	uint64_t time_ns;	   /**< CLOCK_REALTIME at its start, ns since 1970 */
	uint64_t duration_ns;	   /**< from the first read to the last */
	uint64_t pause_ns;	   /**< how long the process was held in all */
	enum gospy_stop_mode stop; /**< what was done, never auto */
	uint64_t torn;		   /**< goroutines with GOSPY_GOROUTINE_TORN */
	uint64_t retried;	   /**< goroutines that had to be read again */

	struct gospy_strings strings;
	struct gospy_thread_vec threads;
	struct gospy_processor_vec processors;
	/** Goroutines by status; index 0..15. Dead ones included here only. */
	uint64_t status_counts[16];

	struct gospy_goroutines goroutines;
	struct gospy_stack_node_vec nodes;
	struct gospy_location_vec locations; /**< location 0: unknown */
	struct gospy_frame_vec frames;
	struct gospy_label_vec label_pairs;
	/**
	 * Argument texts as the runtime prints them between the parentheses ("0x1, 0x2, ..."):
	 * string numbers, one for each logical frame of goroutine i, innermost first, from
	 * argument_start[i].
	 */
	struct gospy_u32_vec arguments;
	struct gospy_snapshot_module_vec modules;
	/** Sentences for the user. */
	struct gospy_u32_vec warnings;
};

/** An empty snapshot with node 0, location 0 and string 0. Free with gospy_snapshot_destroy(). */
GOSPY_CHECKED struct gospy_error *gospy_snapshot_create(struct gospy_snapshot **ret);
/** Makes room for `count` goroutines: zeroed columns in place of those there were, and label_start,
 * argument_start and bubble NULL. */
GOSPY_CHECKED struct gospy_error *gospy_snapshot_reserve(struct gospy_snapshot *snapshot,
							 uint32_t count);
/** Takes NULL. */
void gospy_snapshot_destroy(struct gospy_snapshot *snapshot);

static inline void gospy_cleanup_snapshot(struct gospy_snapshot **snapshot)
{
	gospy_snapshot_destroy(*snapshot);
}
#define _cleanup_snapshot_ _cleanup_(gospy_cleanup_snapshot)

/** Labels of goroutine `index`, ascending by key; NULL and 0 when it has none. Borrowed. */
const struct gospy_label *gospy_snapshot_labels(const struct gospy_snapshot *snapshot,
						uint32_t index, size_t *ret_count);
/** String number of the arguments of logical frame `number` of goroutine `index`, the innermost
 * being 0; false when they were not captured. */
bool gospy_snapshot_argument(const struct gospy_snapshot *snapshot, uint32_t index, uint64_t number,
			     uint32_t *ret);

/** String `id` of the snapshot. */
static inline const char *gospy_snapshot_string(const struct gospy_snapshot *snapshot, uint32_t id)
{
	return gospy_string(&snapshot->strings, id);
}

#endif
