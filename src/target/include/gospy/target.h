/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TARGET_H
#define GOSPY_TARGET_H

/**
 * A target: one process image behind one small table of operations. A live process, the fake of
 * the tests, and later a core file or a frozen child are equals behind it. Nothing above this
 * layer knows which it has.
 *
 * A target is used by one thread at a time, except that gospy_target_read() and
 * gospy_target_read_many() may be called by several threads at once.
 *
 * To add a kind of target: fill in `struct gospy_target_ops` (operations that make no sense for it
 * may be NULL and then answer GOSPY_ERROR_UNSUPPORTED), embed `struct gospy_target` as the first
 * member of its own struct, give it a constructor in a header of its own, and run
 * tests/unit/target/target_contract.h over it. See doc/HOWTO_ADD_TARGET.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <gospy/error.h>
#include <gospy/registers.h>
#include <gospy/vec.h>

struct gospy_target;

/** One piece of target memory to read. */
struct gospy_read {
	/** In: where, how much, and into what (caller's, `size` bytes). */
	uint64_t address;
	size_t size;
	void *buffer;
	/** Out: bytes read, from the start, up to the first unreadable page. */
	size_t done;
};

enum gospy_mapping_flags {
	GOSPY_MAPPING_READ = 1 << 0,
	GOSPY_MAPPING_WRITE = 1 << 1,
	GOSPY_MAPPING_EXEC = 1 << 2,
	GOSPY_MAPPING_SHARED = 1 << 3,
};

/** One mapping `[start, end)`; file bytes begin at `offset`. */
struct gospy_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint32_t flags;
	/** Device and inode of the file; both 0 for anonymous memory. */
	uint64_t device;
	uint64_t inode;
	/** Path as the kernel prints it ("" for anonymous, "[stack]", "/x (deleted)"). Lives in
	 * gospy_mappings.paths. */
	uint32_t path;
};

GOSPY_VEC(gospy_mapping_vec, struct gospy_mapping);

/** All mappings, ascending by start, without overlap. */
struct gospy_mappings {
	struct gospy_mapping_vec list;
	/** NUL-terminated paths one after the other; `path` is an index into it. */
	struct gospy_u8_vec paths;
};

void gospy_mappings_deinit(struct gospy_mappings *mappings);
/** The path of `mapping`, valid as long as `mappings`. */
const char *gospy_mapping_path(const struct gospy_mappings *mappings,
			       const struct gospy_mapping *mapping);
/** The mapping that holds `address`, or NULL. */
const struct gospy_mapping *gospy_mappings_find(const struct gospy_mappings *mappings,
						uint64_t address);

/** One thread; `state` as in /proc/PID/stat: R S D T t Z X I. */
struct gospy_thread {
	pid_t tid;
	char state;
};

GOSPY_VEC(gospy_thread_vec, struct gospy_thread);

/** What is known of the process without reading its memory. Strings are owned, "" when unknown. */
struct gospy_target_info {
	/** As seen from here; 0 when the target is no process. */
	pid_t pid;
	/** Path of the executable as the kernel prints it, " (deleted)" taken off. */
	char *exe;
	bool exe_deleted;
	/** Short name (comm). */
	char *name;
	/** Path in the cgroup v2 hierarchy, else the v1 memory controller's. */
	char *cgroup;
	/** The environment variable GODEBUG as the process was started with it. */
	char *godebug;
	/** What to add to this process' CLOCK_MONOTONIC to get the target's (time namespaces), ns.
	 */
	int64_t monotonic_offset_ns;
	/** CLOCK_MONOTONIC of the target at which its memory was frozen (core, fake); 0 when it is
	 * live. */
	uint64_t frozen_at_ns;
	/** Resident bytes. */
	uint64_t resident_size;
};

void gospy_target_info_deinit(struct gospy_target_info *info);

/**
 * Looks at one thread, which stays at `registers` during the call. May read from the target and do
 * nothing else with it; may run on another thread than the caller's, and again where the thread
 * turns out to have moved: only the last call counts.
 */
typedef struct gospy_error *(*gospy_inspect_fn)(void *context,
						const struct gospy_registers *registers);

struct gospy_target_ops {
	/** "live", "fake", "core". */
	const char *kind;
	void (*destroy)(struct gospy_target *target);
	struct gospy_error *(*read_many)(struct gospy_target *target, struct gospy_read *reads,
					 size_t num_reads);
	struct gospy_error *(*mappings)(struct gospy_target *target, struct gospy_mappings *ret);
	struct gospy_error *(*threads)(struct gospy_target *target, struct gospy_thread_vec *ret);
	struct gospy_error *(*registers)(struct gospy_target *target, pid_t tid,
					 struct gospy_registers *ret);
	struct gospy_error *(*stop)(struct gospy_target *target);
	struct gospy_error *(*resume)(struct gospy_target *target, uint64_t *ret_paused_ns);
	struct gospy_error *(*inspect)(struct gospy_target *target, pid_t tid,
				       gospy_inspect_fn inspect, void *context);
	struct gospy_error *(*open_exe)(struct gospy_target *target, int *ret_fd);
	struct gospy_error *(*open_mapping)(struct gospy_target *target,
					    const struct gospy_mapping *mapping, const char *path,
					    int *ret_fd);
	struct gospy_error *(*open_root)(struct gospy_target *target, int *ret_fd);
	struct gospy_error *(*info)(struct gospy_target *target, struct gospy_target_info *ret);
};

struct gospy_target {
	const struct gospy_target_ops *ops;
};

/** Resumes what is stopped, frees the target. Takes NULL. */
void gospy_target_destroy(struct gospy_target *target);

static inline void gospy_cleanup_target(struct gospy_target **target)
{
	gospy_target_destroy(*target);
}
#define _cleanup_target_ _cleanup_(gospy_cleanup_target)

/**
 * Reads many pieces in few system calls. A piece that cannot be read, or only its beginning, is not
 * an error: its `done` says so, and the pieces after it are still read. Pieces are best given
 * ascending; joining neighbours into one larger piece is the caller's job (gospy_read_plan).
 * Errors: GOSPY_ERROR_EXITED, also when the process has replaced its program (exec) since it was
 * opened; GOSPY_ERROR_PERMISSION, GOSPY_ERROR_NO_MEMORY.
 */
GOSPY_CHECKED struct gospy_error *
gospy_target_read_many(struct gospy_target *target, struct gospy_read *reads, size_t num_reads);

/** Reads exactly `size` bytes; GOSPY_ERROR_FAULT with the first unreadable address otherwise. */
GOSPY_CHECKED struct gospy_error *gospy_target_read(struct gospy_target *target, uint64_t address,
						    void *buffer, size_t size);
GOSPY_CHECKED struct gospy_error *gospy_target_read_u64(struct gospy_target *target,
							uint64_t address, uint64_t *ret);

/** The mappings now. `ret` is owned by the caller, free with gospy_mappings_deinit(). */
GOSPY_CHECKED struct gospy_error *gospy_target_mappings(struct gospy_target *target,
							struct gospy_mappings *ret);

/** The threads now, with their states; `ret` is replaced. While it is held, all live ones are 't'.
 */
GOSPY_CHECKED struct gospy_error *gospy_target_threads(struct gospy_target *target,
						       struct gospy_thread_vec *ret);

/**
 * Holds every thread (PTRACE_SEIZE and PTRACE_INTERRUPT on Linux; threads born meanwhile too, until
 * a pass over the threads finds none that is not held). Threads that do not stop within a second
 * (in D state, inside vfork) are let go again and reported: GOSPY_ERROR_OS with EBUSY. A process
 * that another one traces: GOSPY_ERROR_PERMISSION naming the tracer. On failure nothing is held. A
 * target that was in a group-stop (SIGSTOP) stays in it after gospy_target_resume(). If this
 * process dies the kernel lets the target go on. Must be called, resumed and asked for registers by
 * one thread.
 */
GOSPY_CHECKED struct gospy_error *gospy_target_stop(struct gospy_target *target);

/** Lets everything go on. `*ret_paused_ns` (may be NULL): how long it was held. Harmless when not
 * held. */
GOSPY_CHECKED struct gospy_error *gospy_target_resume(struct gospy_target *target,
						      uint64_t *ret_paused_ns);

/** Registers of a thread that gospy_target_stop() holds. GOSPY_ERROR_NOT_FOUND if it is not held.
 */
GOSPY_CHECKED struct gospy_error *gospy_target_registers(struct gospy_target *target, pid_t tid,
							 struct gospy_registers *ret);

/**
 * Calls `inspect` with the registers of one thread, and lets it read what must be of that same
 * moment: a thread that is not held already is held for microseconds just for that. One that is
 * asleep in a system call is left alone: only pc and sp are known then, the others are 0.
 * GOSPY_ERROR_NOT_FOUND if it ended; and the error of `inspect`.
 */
GOSPY_CHECKED struct gospy_error *gospy_target_inspect(struct gospy_target *target, pid_t tid,
						       gospy_inspect_fn inspect, void *context);

/** Opens the executable itself, never its path: right for deleted, replaced and in-container files.
 */
GOSPY_CHECKED struct gospy_error *gospy_target_open_exe(struct gospy_target *target, int *ret_fd);

/** Opens the file behind a mapping (map_files, else under the target's root if the inode agrees).
 */
GOSPY_CHECKED struct gospy_error *gospy_target_open_mapping(struct gospy_target *target,
							    const struct gospy_mapping *mapping,
							    const char *path, int *ret_fd);

/** Opens the target's root directory (O_PATH), for its debug files. */
GOSPY_CHECKED struct gospy_error *gospy_target_open_root(struct gospy_target *target, int *ret_fd);

/** Fills in `ret`, owned by the caller, free with gospy_target_info_deinit(). */
GOSPY_CHECKED struct gospy_error *gospy_target_info(struct gospy_target *target,
						    struct gospy_target_info *ret);

#endif
