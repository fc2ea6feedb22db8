/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "access_rules.h"
#include "proc.h"

/** Nested user namespaces: the kernel allows 32 (include/linux/user_namespace.h). */
#define MAX_NESTED_NAMESPACES 33
/** Ancestors that are looked at for ourselves. */
#define MAX_ANCESTORS 256
/** include/linux/proc_ns.h, PROC_PID_INIT_INO and PROC_USER_INIT_INO: inodes that never change. */
#define INITIAL_PID_NAMESPACE "pid:[4026531836]"
#define INITIAL_USER_NAMESPACE "user:[4026531837]"

/** False where it cannot be read. */
static bool read_text(struct gospy_access_facts *facts, int dir_fd, const char *path,
		      struct gospy_u8_vec *ret)
{
	int errnum = gospy_proc_read(dir_fd, path, ret);

	facts->no_memory = facts->no_memory || errnum == ENOMEM;
	return !errnum;
}

static void read_credentials(const char *status, struct gospy_credentials *ret)
{
	gospy_proc_status_numbers(status, "Uid", 10, ret->uid, 4);
	gospy_proc_status_numbers(status, "Gid", 10, ret->gid, 4);
	gospy_proc_status_numbers(status, "CapEff", 16, &ret->effective, 1);
	gospy_proc_status_numbers(status, "CapPrm", 16, &ret->permitted, 1);
}

static void read_label(int proc_fd, char *label, size_t size)
{
	if (gospy_proc_read_line(proc_fd, "attr/current", label, size))
		label[0] = 0;
}

static int try_mem(int proc_fd, pid_t tid)
{
	char path[64];
	_cleanup_close_ int fd =
		openat(proc_fd, gospy_proc_task_path(path, tid, "mem"), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

/* Asks about a tracee that is none: ESRCH, unless a filter is before it. */
static int try_ptrace(void)
{
	unsigned long message;

	return ptrace(PTRACE_GETEVENTMSG, getpid(), NULL, &message) && errno != ESRCH ? errno : 0;
}

static void find_self(struct gospy_access_facts *facts, int self_fd)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec status = {0};
	char link[64];
	uint64_t mode = 0;

	if (read_text(facts, self_fd, "status", &status)) {
		read_credentials((const char *)status.data, &facts->own);
		gospy_proc_status_numbers((const char *)status.data, "Seccomp", 10, &mode, 1);
	}
	facts->seccomp_mode = (int)mode;
	read_label(self_fd, facts->own_label, sizeof(facts->own_label));
	facts->own_vm_errnum = gospy_proc_try_vm(getpid());
	facts->own_ptrace_errnum = try_ptrace();
	facts->in_container = !gospy_proc_link(self_fd, "ns/pid", link, sizeof(link)) &&
			      strcmp(link, INITIAL_PID_NAMESPACE);
}

static bool in_pod(struct gospy_access_facts *facts, int proc_fd)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec cgroup = {0};

	return read_text(facts, proc_fd, "cgroup", &cgroup) &&
	       strstr((const char *)cgroup.data, "kubepods");
}

/* Whether one of the processes that `pid` descends from is this one. */
static bool is_descendant(pid_t pid)
{
	struct gospy_proc_stat stat;
	char path[64];

	for (int i = 0; i < MAX_ANCESTORS && pid > 1; i++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		if (gospy_proc_stat(AT_FDCWD, path, &stat))
			return false;
		pid = stat.parent;
		if (pid == getpid())
			return true;
	}
	return false;
}

static bool same_file(int a, int b)
{
	struct stat left, right;

	return !fstat(a, &left) && !fstat(b, &right) && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

/*
 * Climbs from its namespace to ours. `*ret_owner`: a namespace right below ours was made by our
 * effective user, who has every capability in it (user_namespaces(7)).
 */
static enum gospy_userns_relation climb(int its_fd, int own_fd, bool *ret_owner)
{
	_cleanup_close_ int fd = fcntl(its_fd, F_DUPFD_CLOEXEC, 0);
	uid_t owner;

	for (int depth = 0; depth < MAX_NESTED_NAMESPACES && fd >= 0; depth++) {
		if (same_file(fd, own_fd))
			return depth ? GOSPY_USERNS_BELOW : GOSPY_USERNS_SAME;
		*ret_owner = !ioctl(fd, NS_GET_OWNER_UID, &owner) && owner == geteuid();
		int parent = ioctl(fd, NS_GET_PARENT);
		close(fd);
		fd = parent;
	}
	return GOSPY_USERNS_OTHER;
}

/*
 * The namespace may not be opened. It is another one if it maps other ids. It is so, too, if we
 * have the capability that opens all of our namespace's, unless ours is the first, which no other
 * is outside of: there it is a security module that refuses.
 */
static enum gospy_userns_relation guess_relation(struct gospy_access_facts *facts, int proc_fd,
						 int self_fd, bool have)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec its = {0}, own = {0};
	char link[64];

	if (read_text(facts, proc_fd, "uid_map", &its) &&
	    read_text(facts, self_fd, "uid_map", &own) &&
	    strcmp((const char *)its.data, (const char *)own.data))
		return GOSPY_USERNS_OTHER;
	if (have && !gospy_proc_link(self_fd, "ns/user", link, sizeof(link)) &&
	    strcmp(link, INITIAL_USER_NAMESPACE))
		return GOSPY_USERNS_OTHER;
	return GOSPY_USERNS_SAME;
}

static void find_namespace(struct gospy_access_facts *facts, int proc_fd, int self_fd)
{
	_cleanup_close_ int its_fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int own_fd = openat(self_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	bool have = facts->own.effective >> GOSPY_CAP_SYS_PTRACE & 1, owner = false;

	if (its_fd < 0 || own_fd < 0) {
		facts->userns = guess_relation(facts, proc_fd, self_fd, have);
		facts->capable = have && facts->userns == GOSPY_USERNS_SAME;
		return;
	}
	facts->userns = climb(its_fd, own_fd, &owner);
	facts->capable = facts->userns == GOSPY_USERNS_SAME
				 ? have
				 : facts->userns == GOSPY_USERNS_BELOW && (have || owner);
}

/*
 * A process that is not dumpable has its files in /proc given to root, except for the folders that
 * all may read (fs/proc/base.c, task_dump_owner). Of root's own processes this tells nothing.
 */
static bool is_not_dumpable(const struct gospy_access_facts *facts, int proc_fd)
{
	struct stat st;

	return !fstatat(proc_fd, "maps", &st, 0) && facts->its.uid[1] &&
	       st.st_uid != facts->its.uid[1];
}

static int read_yama_scope(void)
{
	char text[32];

	if (gospy_proc_read_small(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", text,
				  sizeof(text)))
		return -1;
	return atoi(text);
}

static void find_tracer(struct gospy_access_facts *facts, const char *status)
{
	uint64_t tracer = 0;
	char path[64];

	gospy_proc_status_numbers(status, "TracerPid", 10, &tracer, 1);
	if (!tracer)
		return;
	facts->tracer = (pid_t)tracer;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)facts->tracer);
	if (gospy_proc_read_line(AT_FDCWD, path, facts->tracer_name, sizeof(facts->tracer_name)))
		snprintf(facts->tracer_name, sizeof(facts->tracer_name), "?");
}

static void find_target(struct gospy_access_facts *facts, int proc_fd, int self_fd)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec text = {0};
	struct gospy_proc_stat stat = {0};
	uint64_t tgid = 0;

	facts->visible = !gospy_proc_stat(proc_fd, "stat", &stat) &&
			 read_text(facts, proc_fd, "status", &text);
	if (!facts->visible)
		return;
	const char *status = (const char *)text.data;
	gospy_proc_status_numbers(status, "Tgid", 10, &tgid, 1);
	facts->tgid = (pid_t)tgid;
	facts->kernel_thread = stat.kernel_thread;
	pid_t tid = gospy_proc_memory_thread(proc_fd, facts->pid);
	facts->zombie = !tid;
	if (facts->zombie || facts->kernel_thread || facts->tgid != facts->pid)
		return;
	read_credentials(status, &facts->its);
	find_tracer(facts, status);
	find_namespace(facts, proc_fd, self_fd);
	read_label(proc_fd, facts->label, sizeof(facts->label));
	facts->not_dumpable = is_not_dumpable(facts, proc_fd);
	facts->descendant = is_descendant(facts->pid);
	facts->is_self = facts->pid == getpid();
	facts->vm_errnum = gospy_proc_try_vm(tid);
	facts->mem_errnum = try_mem(proc_fd, tid);
	facts->kubernetes = facts->kubernetes || in_pod(facts, proc_fd);
}

struct gospy_error *gospy_access_check(pid_t pid, struct gospy_access *ret)
{
	_cleanup_close_ int self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct gospy_access_facts facts = {.pid = pid, .yama_scope = read_yama_scope()};
	char path[64];

	facts.have_proc = self_fd >= 0;
	if (!facts.have_proc)
		return gospy_access_judge(&facts, ret);
	find_self(&facts, self_fd);
	facts.kubernetes =
		in_pod(&facts, self_fd) || !access("/var/run/secrets/kubernetes.io", F_OK);
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	_cleanup_close_ int proc_fd = pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (proc_fd >= 0)
		find_target(&facts, proc_fd, self_fd);
	/* Asked last: one that ended meanwhile is a process that does not exist. */
	facts.exists = pid > 0 && (!kill(pid, 0) || errno == EPERM);
	return facts.no_memory ? &gospy_enomem : gospy_access_judge(&facts, ret);
}

struct gospy_error *gospy_access_self(struct gospy_access_self *ret)
{
	_cleanup_close_ int self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct gospy_access_facts facts = {};

	if (self_fd >= 0)
		find_self(&facts, self_fd);
	if (facts.no_memory)
		return &gospy_enomem;
	*ret = (struct gospy_access_self){
		.uid = geteuid(),
		.capable = facts.own.effective >> GOSPY_CAP_SYS_PTRACE & 1,
		.yama_scope = read_yama_scope(),
		.seccomp_mode = facts.seccomp_mode,
		.can_read_vm = !facts.own_vm_errnum,
		.can_ptrace = !facts.own_ptrace_errnum,
		.have_proc = self_fd >= 0,
		/* Process 1 is always there: kill(2) knows of it, whether /proc shows it or not. */
		.proc_hides = self_fd >= 0 && access("/proc/1", F_OK),
		.in_container = facts.in_container,
	};
	return NULL;
}
