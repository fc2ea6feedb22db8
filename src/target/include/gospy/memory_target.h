/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_MEMORY_TARGET_H
#define GOSPY_MEMORY_TARGET_H

/**
 * The fake: a target made of buffers, for the tests and fuzzers of every layer above. Reads of
 * addresses that no segment holds end there; faults can be injected by address or by count.
 */
#include <gospy/target.h>

/** An empty one; free with gospy_target_destroy(). */
GOSPY_CHECKED struct gospy_error *gospy_memory_target_create(enum gospy_arch arch,
							     struct gospy_target **ret);

/** Puts `size` bytes of `data` (copied) at `address`. Later segments win over earlier ones. */
GOSPY_CHECKED struct gospy_error *gospy_memory_target_add(struct gospy_target *target,
							  uint64_t address, const void *data,
							  size_t size, uint32_t mapping_flags,
							  const char *path, uint64_t offset);

/** Adds a thread with these registers (copied; `arch` becomes the target's). */
GOSPY_CHECKED struct gospy_error *
gospy_memory_target_add_thread(struct gospy_target *target, pid_t tid, char state,
			       const struct gospy_registers *registers);

/** The file of open_exe and open_mapping: a path on this machine, opened anew each time. */
GOSPY_CHECKED struct gospy_error *gospy_memory_target_set_exe(struct gospy_target *target,
							      const char *path);

/** CLOCK_MONOTONIC at which the image was taken (info.frozen_at_ns); at first when it was created.
 */
void gospy_memory_target_set_frozen_at(struct gospy_target *target, uint64_t frozen_at_ns);

/** Makes every read that touches `address` end there. */
GOSPY_CHECKED struct gospy_error *gospy_memory_target_fail_at(struct gospy_target *target,
							      uint64_t address);
/** Makes the `n`th read_many from now (1 is the next) answer GOSPY_ERROR_EXITED; 0 switches it off.
 */
void gospy_memory_target_fail_nth(struct gospy_target *target, uint64_t n);
/** How many read_many calls there were. */
uint64_t gospy_memory_target_reads(const struct gospy_target *target);

#endif
