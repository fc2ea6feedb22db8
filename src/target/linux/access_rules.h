/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LINUX_ACCESS_RULES_H
#define GOSPY_LINUX_ACCESS_RULES_H

/**
 * The kernel's rules for who may look into whom (kernel/ptrace.c __ptrace_may_access, security/
 * commoncap.c cap_ptrace_access_check, security/yama; ptrace(2)), as a pure function of what
 * access.c found out.
 */
#include <gospy/live.h>

#define GOSPY_CAP_SYS_PTRACE 19

/** The target's user namespace, seen from ours. */
enum gospy_userns_relation {
	GOSPY_USERNS_SAME,
	/** A descendant: our capabilities hold in it. */
	GOSPY_USERNS_BELOW,
	GOSPY_USERNS_OTHER,
};

/** Ids and capabilities of one process. */
struct gospy_credentials {
	/** Real, effective, saved, file system. */
	uint64_t uid[4];
	uint64_t gid[4];
	uint64_t effective;
	uint64_t permitted;
};

struct gospy_access_facts {
	pid_t pid;
	/** /proc/self is there. */
	bool have_proc;
	/** A process or thread of this number exists, whether /proc shows it or not. */
	bool exists;
	/** /proc/PID is there and its status can be read. */
	bool visible;
	/** Its first thread has ended, and so have all others. */
	bool zombie;
	bool kernel_thread;
	/** The process that `pid` belongs to. */
	pid_t tgid;
	bool is_self;
	/** It is our descendant, which Yama's first level permits. */
	bool descendant;

	struct gospy_credentials own;
	struct gospy_credentials its;
	enum gospy_userns_relation userns;
	/** We have CAP_SYS_PTRACE over its user namespace. */
	bool capable;
	/** /proc/PID belongs to root, though the process does not run as root. */
	bool not_dumpable;
	/** kernel.yama.ptrace_scope, -1 without Yama. */
	int yama_scope;
	pid_t tracer;
	char tracer_name[64];
	/** Security labels, "" without any. */
	char own_label[128];
	char label[128];

	/** errno values of the tries on the target: 0 when permitted. */
	int vm_errnum;
	int mem_errnum;
	/** errno values of tries on ourselves, which no rule forbids, so that only a filter refuses
	 * them. */
	int own_vm_errnum;
	int own_ptrace_errnum;
	/** Seccomp in our own /proc/self/status. */
	int seccomp_mode;
	/** We are in a pid namespace of our own. */
	bool in_container;
	/** We or the process are in a Kubernetes pod. */
	bool kubernetes;
	/** Some of this could not be found out for lack of memory. */
	bool no_memory;
};

/** Judges. GOSPY_ERROR_NO_MEMORY only. */
GOSPY_CHECKED struct gospy_error *gospy_access_judge(const struct gospy_access_facts *facts,
						     struct gospy_access *ret);

#endif
