/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../mappings.h"
#include "live_process.h"
#include "proc.h"
#include "tracer.h"

struct gospy_error *gospy_live_ended(const struct gospy_live *live)
{
	return gospy_error_create(GOSPY_ERROR_EXITED, "process %d has ended", (int)live->pid);
}

struct gospy_error *gospy_live_error(const struct gospy_live *live, int errnum, const char *what)
{
	if (errnum == ESRCH || errnum == ENOENT)
		return gospy_live_ended(live);
	if (errnum == ENOMEM)
		return &gospy_enomem;
	return gospy_error_os(errnum, "cannot read %s of process %d", what, (int)live->pid);
}

bool gospy_live_alive(const struct gospy_live *live)
{
	struct pollfd pollfd = {.fd = live->pidfd, .events = POLLIN};

	if (live->pidfd < 0)
		return faccessat(live->memory_fd, "stat", F_OK, 0) == 0;
	return poll(&pollfd, 1, 0) <= 0;
}

/*
 * Whether its image is gone: /proc/PID/mem goes on meaning the memory from before an exec, and once
 * that is gone every read of it is empty (fs/proc/base.c, mem_rw). While it is there, a read where
 * nothing is mapped, as at address 0, is an error. Holding the file keeps no page.
 */
static bool image_is_gone(const struct gospy_live *live)
{
	char byte;

	return live->image_fd >= 0 && !pread(live->image_fd, &byte, 1, 0);
}

static struct gospy_error *no_image(const struct gospy_live *live)
{
	char path[PATH_MAX];

	/* One that is about to end has no executable either. */
	if (gospy_proc_link(live->proc_fd, "exe", path, sizeof(path)))
		return gospy_live_ended(live);
	return gospy_error_create(GOSPY_ERROR_EXITED,
				  "process %d has replaced its program by another (exec)",
				  (int)live->pid);
}

void gospy_live_destroy(struct gospy_target *target)
{
	struct gospy_live *live = gospy_live_of(target);

	gospy_error_destroy(gospy_live_resume(target, &(uint64_t){0}));
	gospy_tracer_destroy(live->tracer);
	gospy_cleanup_close(&live->proc_fd);
	gospy_cleanup_close(&live->pidfd);
	gospy_cleanup_close(&live->memory_fd);
	gospy_cleanup_close(&live->image_fd);
	free(live);
}

static void cleanup_live(struct gospy_live **live)
{
	if (*live)
		gospy_live_destroy(&(*live)->target);
}

static enum gospy_error_code refusal_code(enum gospy_access_verdict verdict)
{
	switch (verdict) {
	case GOSPY_ACCESS_NO_PROC:
		return access("/proc/self/stat", F_OK) ? GOSPY_ERROR_OS : GOSPY_ERROR_PERMISSION;
	case GOSPY_ACCESS_NO_PROCESS:
	case GOSPY_ACCESS_ZOMBIE:
		return GOSPY_ERROR_EXITED;
	case GOSPY_ACCESS_KERNEL_THREAD:
		return GOSPY_ERROR_NOT_GO;
	default:
		return GOSPY_ERROR_PERMISSION;
	}
}

/** GOSPY_ERROR_PERMISSION and the like with the reason that gospy_access_check() finds. */
static struct gospy_error *refusal(pid_t pid)
{
	_cleanup_(gospy_access_deinit) struct gospy_access found = {0};
	struct gospy_error *err = gospy_access_check(pid, &found);

	if (err)
		return err;
	if (found.can_read_vm || found.can_read_mem)
		return gospy_error_os(EAGAIN, "process %d changes just now (exec or exit)",
				      (int)pid);
	return gospy_error_create(refusal_code(found.verdict), "%s", found.reason);
}

/* Chooses the thread to read through and the way; false where none works. */
static bool open_memory(struct gospy_live *live)
{
	char path[64];

	live->memory_tid = gospy_proc_memory_thread(live->proc_fd, live->pid);
	if (!live->memory_tid)
		return false;
	live->memory_fd = openat(live->proc_fd, gospy_proc_task_path(path, live->memory_tid, ""),
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (live->memory_fd < 0)
		return false;
	live->image_fd = openat(live->memory_fd, "mem", O_RDONLY | O_CLOEXEC);
	if (!gospy_proc_try_vm(live->memory_tid))
		return true;
	live->use_mem = true;
	return live->image_fd >= 0;
}

/* A thread's number opens a folder of /proc too, but is no process. */
static bool is_process(const struct gospy_live *live)
{
	char status[4096];
	struct gospy_proc_stat stat;
	uint64_t tgid;

	return !gospy_proc_stat(live->proc_fd, "stat", &stat) && !stat.kernel_thread &&
	       !gospy_proc_read_small(live->proc_fd, "status", status, sizeof(status)) &&
	       gospy_proc_status_numbers(status, "Tgid", 10, &tgid, 1) &&
	       tgid == (uint64_t)live->pid;
}

struct gospy_error *gospy_live_open(pid_t pid, struct gospy_target **ret)
{
	_cleanup_(cleanup_live) struct gospy_live *live = calloc(1, sizeof(*live));
	char path[64];

	if (!live)
		return &gospy_enomem;
	*live = (struct gospy_live){.target = {&gospy_live_ops},
				    .pid = pid,
				    .pidfd = -1,
				    .memory_fd = -1,
				    .image_fd = -1};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	live->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pid <= 0 || live->proc_fd < 0)
		return refusal(pid);
	/* The number still means what proc_fd means if the folder is still alive afterwards. */
	live->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (!is_process(live) || !open_memory(live))
		return refusal(pid);
	*ret = &take_ptr(live)->target;
	return NULL;
}

/** The way through many reads: reads[index] is done up to its `done`. */
struct progress {
	struct gospy_read *reads;
	size_t num_reads;
	size_t index;
};

static void skip_finished(struct progress *progress)
{
	while (progress->index < progress->num_reads &&
	       progress->reads[progress->index].done == progress->reads[progress->index].size)
		progress->index++;
}

static void advance(struct progress *progress, size_t bytes)
{
	while (bytes) {
		struct gospy_read *read = &progress->reads[progress->index];
		size_t n = read->size - read->done;
		if (n > bytes)
			n = bytes;
		read->done += n;
		bytes -= n;
		if (read->done == read->size)
			progress->index++;
	}
	skip_finished(progress);
}

/* The iovecs of as many reads as one call takes, from where `progress` stands. */
static size_t fill_iovecs(const struct progress *progress, struct iovec local[IOV_MAX],
			  struct iovec remote[IOV_MAX])
{
	size_t n = 0;

	for (size_t i = progress->index; i < progress->num_reads && n < IOV_MAX; i++, n++) {
		const struct gospy_read *read = &progress->reads[i];
		size_t left = read->size - read->done;
		local[n] = (struct iovec){(uint8_t *)read->buffer + read->done, left};
		remote[n] = (struct iovec){(void *)(uintptr_t)(read->address + read->done), left};
	}
	return n;
}

/*
 * Reads on until everything is done or the way is refused. Where a call ends early the next begins
 * with what it could not read, and EFAULT at its first byte is the end of that one read.
 */
static int read_vm(const struct gospy_live *live, struct progress *progress)
{
	struct iovec local[IOV_MAX], remote[IOV_MAX];
	size_t filled_at = 0, num = 0;

	for (skip_finished(progress); progress->index < progress->num_reads;) {
		size_t skipped = progress->index - filled_at;
		if (skipped >= num || progress->reads[progress->index].done) {
			num = fill_iovecs(progress, local, remote);
			filled_at = progress->index;
			skipped = 0;
		}
		ssize_t n = process_vm_readv(live->memory_tid, local + skipped, num - skipped,
					     remote + skipped, num - skipped, 0);
		if (n > 0) {
			advance(progress, (size_t)n);
		} else if (!n || errno == EFAULT) {
			progress->index++;
			skip_finished(progress);
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

static int read_mem(const struct gospy_live *live, struct progress *progress)
{
	/* Opened anew each time: a descriptor would go on meaning the memory from before an exec.
	 */
	_cleanup_close_ int fd = openat(live->memory_fd, "mem", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	for (skip_finished(progress); progress->index < progress->num_reads;) {
		struct gospy_read *read = &progress->reads[progress->index];
		ssize_t n = pread(fd, (uint8_t *)read->buffer + read->done, read->size - read->done,
				  (off_t)(read->address + read->done));
		if (n > 0)
			advance(progress, (size_t)n);
		else if (!n)
			return ESRCH;
		else if (errno != EINTR)
			progress->index++;
		skip_finished(progress);
	}
	return 0;
}

static int read_reads(struct gospy_live *live, struct gospy_read *reads, size_t num_reads)
{
	struct progress progress = {reads, num_reads, 0};

	for (size_t i = 0; i < num_reads; i++)
		reads[i].done = 0;
	if (__atomic_load_n(&live->use_mem, __ATOMIC_RELAXED))
		return read_mem(live, &progress);
	int errnum = read_vm(live, &progress);
	if (errnum != EPERM && errnum != ENOSYS)
		return errnum;
	errnum = read_mem(live, &progress);
	if (!errnum)
		__atomic_store_n(&live->use_mem, true, __ATOMIC_RELAXED);
	return errnum;
}

struct gospy_error *gospy_live_read_many(struct gospy_target *target, struct gospy_read *reads,
					 size_t num_reads)
{
	struct gospy_live *live = gospy_live_of(target);
	int errnum = read_reads(live, reads, num_reads);

	/* The call went by number: what was read is the process' only if it is still there. */
	if (!gospy_live_alive(live))
		return gospy_live_ended(live);
	if (image_is_gone(live))
		return no_image(live);
	if (errnum == EPERM || errnum == EACCES)
		return refusal(live->pid);
	return errnum ? gospy_live_error(live, errnum, "the memory") : NULL;
}

struct gospy_error *gospy_live_mappings(struct gospy_target *target, struct gospy_mappings *ret)
{
	const struct gospy_live *live = gospy_live_of(target);
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec text = {0};
	int errnum = gospy_proc_read(live->memory_fd, "maps", &text);

	if (errnum)
		return gospy_live_error(live, errnum, "the mappings");
	/* A process that is alive has some. */
	if (!text.size)
		return gospy_live_ended(live);
	return gospy_error_wrap(gospy_mappings_parse((const char *)text.data, text.size, ret),
				"process %d", (int)live->pid);
}

struct gospy_error *gospy_live_open_exe(struct gospy_target *target, int *ret_fd)
{
	const struct gospy_live *live = gospy_live_of(target);
	int fd = openat(live->memory_fd, "exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return gospy_live_error(live, errno, "the executable");
	*ret_fd = fd;
	return NULL;
}

struct gospy_error *gospy_live_open_root(struct gospy_target *target, int *ret_fd)
{
	const struct gospy_live *live = gospy_live_of(target);
	int fd = openat(live->memory_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return gospy_live_error(live, errno, "the root directory");
	*ret_fd = fd;
	return NULL;
}

static bool is_regular(int fd, struct stat *ret)
{
	return fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode);
}

/* Opens for reading what an O_PATH descriptor names; -1 where that fails. */
static int reopen(int path_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int open_map_file(const struct gospy_live *live, const struct gospy_mapping *mapping)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)mapping->start,
		 (unsigned long long)mapping->end);
	/* O_PATH first: to open a mapped device would have effects. */
	_cleanup_close_ int fd = openat(live->proc_fd, path, O_PATH | O_CLOEXEC);
	return is_regular(fd, &st) ? reopen(fd) : -1;
}

static int open_exe_if(const struct gospy_live *live, const struct gospy_mapping *mapping)
{
	_cleanup_close_ int fd = openat(live->memory_fd, "exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	return is_regular(fd, &st) && st.st_ino == mapping->inode ? take_fd(fd) : -1;
}

/*
 * Walks `path` below `root_fd`, which is closed, one name at a time and follows no link: the kernel
 * prints resolved paths, so a link there was laid since, by whoever owns that file system.
 */
static int walk(int root_fd, const char *path)
{
	_cleanup_close_ int fd = root_fd;
	_cleanup_free_ char *copy = strdup(path);
	char *rest = NULL;

	if (!copy)
		return -1;
	for (char *name = strtok_r(copy, "/", &rest); name && fd >= 0;
	     name = strtok_r(NULL, "/", &rest)) {
		int next =
			strcmp(name, "..") ? openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
		close(fd);
		fd = next;
	}
	return take_fd(fd);
}

/*
 * By path, below the target's root; below ours, too, for that is what the kernel prints the paths
 * of a mere chroot from. The device is not compared in the first case: overlayfs and btrfs give
 * another to stat(2) than to the list of mappings.
 */
static int open_by_path(const struct gospy_live *live, const struct gospy_mapping *mapping,
			const char *path)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	_cleanup_close_ int fd = walk(openat(live->memory_fd, "root", flags), path);
	struct stat st;

	if (is_regular(fd, &st) && st.st_ino == mapping->inode)
		return reopen(fd);
	_cleanup_close_ int own_fd = walk(open("/", flags), path);
	if (is_regular(own_fd, &st) && st.st_ino == mapping->inode && st.st_dev == mapping->device)
		return reopen(own_fd);
	return -1;
}

struct gospy_error *gospy_live_open_mapping(struct gospy_target *target,
					    const struct gospy_mapping *mapping, const char *path,
					    int *ret_fd)
{
	const struct gospy_live *live = gospy_live_of(target);
	int fd = -1;

	if (mapping->inode && path[0] == '/') {
		fd = open_map_file(live, mapping);
		if (fd < 0)
			fd = open_exe_if(live, mapping);
		if (fd < 0)
			fd = open_by_path(live, mapping, path);
	}
	if (fd >= 0) {
		*ret_fd = fd;
		return NULL;
	}
	if (!gospy_live_alive(live))
		return gospy_live_ended(live);
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND,
				  "cannot open the file mapped at 0x%llx of process %d (%s)",
				  (unsigned long long)mapping->start, (int)live->pid, path);
}
