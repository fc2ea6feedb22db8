/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "live_process.h"
#include "proc.h"

struct gospy_error *gospy_live_threads(struct gospy_target *target, struct gospy_thread_vec *ret)
{
	const struct gospy_live *live = gospy_live_of(target);
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};
	_cleanup_dir_ DIR *dir = gospy_proc_opendir(live->proc_fd, "task");
	pid_t tid;

	if (!dir)
		return gospy_live_error(live, errno, "the threads");
	while ((tid = gospy_proc_next_pid(dir))) {
		struct gospy_proc_stat stat;
		char path[64];
		/* One that ended since is left out. */
		if (gospy_proc_stat(live->proc_fd, gospy_proc_task_path(path, tid, "stat"), &stat))
			continue;
		struct gospy_thread thread = {.tid = tid, .state = stat.state};
		if (!gospy_thread_vec_append(&threads, thread))
			return &gospy_enomem;
	}
	if (!threads.size)
		return gospy_live_ended(live);
	gospy_thread_vec_deinit(ret);
	*ret = threads;
	threads = (struct gospy_thread_vec){0};
	return NULL;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

struct gospy_error *gospy_live_list(struct gospy_pid_vec *ret)
{
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {0};
	_cleanup_dir_ DIR *dir = gospy_proc_opendir(AT_FDCWD, "/proc");
	pid_t pid;

	if (!dir)
		return gospy_error_os(errno, "cannot read /proc");
	while ((pid = gospy_proc_next_pid(dir))) {
		struct gospy_proc_stat stat;
		char path[64];
		snprintf(path, sizeof(path), "%d/stat", (int)pid);
		if (gospy_proc_stat(dirfd(dir), path, &stat) || stat.kernel_thread)
			continue;
		if (!gospy_pid_vec_append(&pids, pid))
			return &gospy_enomem;
	}
	if (!pids.size)
		return gospy_error_create(GOSPY_ERROR_OS, "/proc is not mounted");
	qsort(pids.data, pids.size, sizeof(*pids.data), compare_pids);
	gospy_pid_vec_deinit(ret);
	*ret = pids;
	pids = (struct gospy_pid_vec){0};
	return NULL;
}
