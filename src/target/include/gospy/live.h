/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LIVE_H
#define GOSPY_LIVE_H

/** Live processes of this machine: the target over one, the list of all, and why one cannot be
 * seen. */
#include <gospy/target.h>

/**
 * Opens process `pid` through descriptors of /proc/PID, so that a reuse of the number is noticed
 * (GOSPY_ERROR_EXITED). Nothing is stopped. Errors, each one sentence fit for the user:
 * GOSPY_ERROR_EXITED (no such process, zombie), GOSPY_ERROR_NOT_GO (kernel thread),
 * GOSPY_ERROR_PERMISSION (see gospy_access_check() for the reason), GOSPY_ERROR_OS (no /proc).
 */
GOSPY_CHECKED struct gospy_error *gospy_live_open(pid_t pid, struct gospy_target **ret);

GOSPY_VEC(gospy_pid_vec, pid_t);

/** The processes that /proc shows, ascending; kernel threads left out. */
GOSPY_CHECKED struct gospy_error *gospy_live_list(struct gospy_pid_vec *ret);

/** What forbids a look at a process: at most one answer, the first obstacle met. */
enum gospy_access_verdict {
	GOSPY_ACCESS_GRANTED,
	GOSPY_ACCESS_NO_PROC,	     /**< /proc is not mounted or hides the process (hidepid) */
	GOSPY_ACCESS_NO_PROCESS,     /**< no such process */
	GOSPY_ACCESS_ZOMBIE,	     /**< it ended already and waits to be reaped */
	GOSPY_ACCESS_KERNEL_THREAD,  /**< no user memory */
	GOSPY_ACCESS_USER,	     /**< another user's, and no CAP_SYS_PTRACE */
	GOSPY_ACCESS_USER_NAMESPACE, /**< CAP_SYS_PTRACE is held, but not over its user namespace */
	GOSPY_ACCESS_YAMA,	     /**< kernel.yama.ptrace_scope */
	GOSPY_ACCESS_CAPABILITIES,   /**< it has capabilities that we lack */
	GOSPY_ACCESS_DUMPABLE,	     /**< not dumpable: set-id, file capabilities or
					prctl(PR_SET_DUMPABLE, 0) */
	GOSPY_ACCESS_SECCOMP, /**< our own seccomp filter (a container's) refuses the system call */
	GOSPY_ACCESS_TRACED,  /**< another process traces it: reads work, --stop=ptrace does not */
	GOSPY_ACCESS_LSM, /**< everything above permits it, the kernel refuses: AppArmor, SELinux */
};

struct gospy_access {
	enum gospy_access_verdict verdict;
	/** One sentence with the values found ("process 7 belongs to uid 1000, gospy runs as uid
	 * 1001"). Owned. */
	char *reason;
	/** The line that mends it, to be copied into a shell or a manifest; "" when nothing need be
	 * done. Owned. */
	char *remedy;
	/** Which ways in work now: process_vm_readv, /proc/PID/mem, PTRACE_SEIZE (not tried: by
	 * rules). */
	bool can_read_vm;
	bool can_read_mem;
	bool can_ptrace;
	/** TracerPid, 0 when none. */
	pid_t tracer;
};

void gospy_access_deinit(struct gospy_access *access);

/** Finds out what, if anything, forbids to look at `pid`. Fails only without memory. */
GOSPY_CHECKED struct gospy_error *gospy_access_check(pid_t pid, struct gospy_access *ret);

/** What gospy itself may do on this machine, whichever process it is about. */
struct gospy_access_self {
	uint64_t uid;
	/** CAP_SYS_PTRACE is in effect. */
	bool capable;
	/** kernel.yama.ptrace_scope, -1 without Yama. */
	int yama_scope;
	/** 0: no seccomp filter. */
	int seccomp_mode;
	/** The filter, if any, lets process_vm_readv and ptrace through. */
	bool can_read_vm;
	bool can_ptrace;
	/** /proc is mounted, and it hides processes (hidepid). */
	bool have_proc;
	bool proc_hides;
	/** In a pid namespace that is not the first of the machine. */
	bool in_container;
};

/** GOSPY_ERROR_UNSUPPORTED where nobody has ported it. */
GOSPY_CHECKED struct gospy_error *gospy_access_self(struct gospy_access_self *ret);

#endif
