/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LIVE_TARGET_H
#define GOSPY_LIVE_TARGET_H

/**
 * The seam between the live target and the operating system: each OS folder defines these
 * functions, in files of the same names, beside those of <gospy/live.h>. `target` is always one
 * that the folder's own gospy_live_open() made. The contracts are those of <gospy/target.h>.
 */
#include <gospy/live.h>

extern const struct gospy_target_ops gospy_live_ops;

/* live.c */
void gospy_live_destroy(struct gospy_target *target);
GOSPY_CHECKED struct gospy_error *gospy_live_read_many(struct gospy_target *target,
						       struct gospy_read *reads, size_t num_reads);
GOSPY_CHECKED struct gospy_error *gospy_live_mappings(struct gospy_target *target,
						      struct gospy_mappings *ret);
GOSPY_CHECKED struct gospy_error *gospy_live_open_exe(struct gospy_target *target, int *ret_fd);
GOSPY_CHECKED struct gospy_error *gospy_live_open_mapping(struct gospy_target *target,
							  const struct gospy_mapping *mapping,
							  const char *path, int *ret_fd);
GOSPY_CHECKED struct gospy_error *gospy_live_open_root(struct gospy_target *target, int *ret_fd);

/* live_list.c */
GOSPY_CHECKED struct gospy_error *gospy_live_threads(struct gospy_target *target,
						     struct gospy_thread_vec *ret);

/* live_info.c */
GOSPY_CHECKED struct gospy_error *gospy_live_info(struct gospy_target *target,
						  struct gospy_target_info *ret);

/* live_stop.c */
GOSPY_CHECKED struct gospy_error *gospy_live_stop(struct gospy_target *target);
GOSPY_CHECKED struct gospy_error *gospy_live_resume(struct gospy_target *target,
						    uint64_t *ret_paused_ns);
GOSPY_CHECKED struct gospy_error *gospy_live_registers(struct gospy_target *target, pid_t tid,
						       struct gospy_registers *ret);
GOSPY_CHECKED struct gospy_error *gospy_live_inspect(struct gospy_target *target, pid_t tid,
						     gospy_inspect_fn inspect, void *context);

#endif
