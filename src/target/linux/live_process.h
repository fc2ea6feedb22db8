/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LINUX_LIVE_PROCESS_H
#define GOSPY_LINUX_LIVE_PROCESS_H

/** The live target as the files of this folder share it. */
#include "../live_target.h"

struct gospy_hold;
struct gospy_tracer;

struct gospy_live {
	struct gospy_target target;
	pid_t pid;
	/** /proc/PID: of this very process, also after its number is used again. */
	int proc_fd;
	/** -1 before Linux 5.3 and where a filter forbids it. */
	int pidfd;
	/** The thread through which memory is read, and its folder in /proc. */
	pid_t memory_tid;
	int memory_fd;
	/** Its memory as it was at first, which is gone after an exec; -1 where it may not be
	 * opened. */
	int image_fd;
	/** process_vm_readv is refused, /proc/PID/mem is not. Only through atomics. */
	bool use_mem;
	/** NULL until something is traced. */
	struct gospy_tracer *tracer;
	/** NULL while nothing is held. */
	struct gospy_hold *hold;
};

static inline struct gospy_live *gospy_live_of(struct gospy_target *target)
{
	return (struct gospy_live *)target;
}

/** GOSPY_ERROR_EXITED: "process N has ended". */
GOSPY_CHECKED struct gospy_error *gospy_live_ended(const struct gospy_live *live);

/** The error for `errnum` of a file below /proc/PID: ESRCH and ENOENT mean that it ended. */
GOSPY_CHECKED struct gospy_error *gospy_live_error(const struct gospy_live *live, int errnum,
						   const char *what);

/** Whether the process is still there; false for one that waits to be reaped. */
bool gospy_live_alive(const struct gospy_live *live);

#endif
