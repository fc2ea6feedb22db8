/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LINUX_PROC_H
#define GOSPY_LINUX_PROC_H

/** Reading of /proc: small texts by directory descriptor, so that a reused pid is never met. */
#include <dirent.h>

#include <gospy/target.h>

/** Reads the whole file `path` below `dir_fd`; a NUL follows the `ret->size` bytes. Returns 0 or an
 * errno value. */
GOSPY_CHECKED int gospy_proc_read(int dir_fd, const char *path, struct gospy_u8_vec *ret);

/** As above into `buffer`, at most `size - 1` bytes, with a NUL behind. */
GOSPY_CHECKED int gospy_proc_read_small(int dir_fd, const char *path, char *buffer, size_t size);

/** The same, without the newline that a text of one line ends with. */
GOSPY_CHECKED int gospy_proc_read_line(int dir_fd, const char *path, char *buffer, size_t size);

/** The link `path` below `dir_fd`, NUL-terminated. Returns 0 or an errno value. */
GOSPY_CHECKED int gospy_proc_link(int dir_fd, const char *path, char *buffer, size_t size);

/** What gospy needs of proc_pid_stat(5). */
struct gospy_proc_stat {
	char state;
	pid_t parent;
	/** PF_KTHREAD: no user memory. */
	bool kernel_thread;
};

/** Parses /proc/PID/stat; the name in it may hold any byte. */
bool gospy_proc_parse_stat(const char *text, struct gospy_proc_stat *ret);
/** Reads and parses `path` below `dir_fd`. Returns 0 or an errno value. */
GOSPY_CHECKED int gospy_proc_stat(int dir_fd, const char *path, struct gospy_proc_stat *ret);

/** Up to `num` numbers in `base` behind "NAME:" in /proc/PID/status; what is not there is
 * untouched. */
bool gospy_proc_status_numbers(const char *status, const char *name, int base, uint64_t *ret,
			       size_t num);

/** Opens the directory `path` below `dir_fd`; NULL and errno. */
DIR *gospy_proc_opendir(int dir_fd, const char *path);
/** The next entry of `dir` that is a number above 0; 0 at the end. */
pid_t gospy_proc_next_pid(DIR *dir);

static inline void gospy_cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
#define _cleanup_dir_ _cleanup_(gospy_cleanup_dir)

/**
 * Whether thread `tid` of the process is not in /proc any more, or is a zombie: a first thread is
 * reported to its parent only after all others.
 */
bool gospy_proc_has_ended(int proc_fd, pid_t tid);

/**
 * 0, or the errno value with which the kernel refuses process_vm_readv on `tid`. Nothing is read:
 * EFAULT tells that a read would have been permitted.
 */
int gospy_proc_try_vm(pid_t tid);

/**
 * A thread of process `pid` that has its memory: the first one, except where that one ended before
 * the others, which takes its /proc/PID/maps away. 0 when there is none.
 */
pid_t gospy_proc_memory_thread(int proc_fd, pid_t pid);

/** /proc/PID/task/TID/FILE as a path relative to /proc/PID; `buffer` is returned. */
const char *gospy_proc_task_path(char buffer[64], pid_t tid, const char *file);

#endif
