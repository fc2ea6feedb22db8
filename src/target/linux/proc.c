/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>

#include <gospy/limits.h>

#include "proc.h"

/* include/linux/sched.h; unchanged since it was added. */
#define PF_KTHREAD 0x00200000

/** Growth of a read without known length. */
#define CHUNK 65536

static int read_retrying(int fd, void *buffer, size_t size, size_t *ret)
{
	ssize_t n;

	do {
		n = read(fd, buffer, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	*ret = (size_t)n;
	return 0;
}

int gospy_proc_read(int dir_fd, const char *path, struct gospy_u8_vec *ret)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec text = {0};
	size_t n = 0;

	if (fd < 0)
		return errno;
	do {
		if (text.size > GOSPY_MAX_SECTION_SIZE)
			return E2BIG;
		if (!gospy_u8_vec_reserve(&text, text.size + CHUNK))
			return ENOMEM;
		int errnum =
			read_retrying(fd, text.data + text.size, text.capacity - text.size - 1, &n);
		if (errnum)
			return errnum;
		text.size += n;
	} while (n);
	text.data[text.size] = 0;
	gospy_u8_vec_deinit(ret);
	*ret = text;
	text = (struct gospy_u8_vec){0};
	return 0;
}

int gospy_proc_read_small(int dir_fd, const char *path, char *buffer, size_t size)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	size_t done = 0, n = 0;

	if (fd < 0)
		return errno;
	do {
		int errnum = read_retrying(fd, buffer + done, size - 1 - done, &n);
		if (errnum)
			return errnum;
		done += n;
	} while (n && done < size - 1);
	buffer[done] = 0;
	return 0;
}

int gospy_proc_read_line(int dir_fd, const char *path, char *buffer, size_t size)
{
	int errnum = gospy_proc_read_small(dir_fd, path, buffer, size);

	size_t length = errnum ? 0 : strlen(buffer);

	if (length && buffer[length - 1] == '\n')
		buffer[length - 1] = 0;
	return errnum;
}

int gospy_proc_link(int dir_fd, const char *path, char *buffer, size_t size)
{
	ssize_t n = readlinkat(dir_fd, path, buffer, size - 1);

	if (n < 0)
		return errno;
	buffer[n] = 0;
	return 0;
}

bool gospy_proc_parse_stat(const char *text, struct gospy_proc_stat *ret)
{
	const char *name_end = strrchr(text, ')');
	unsigned int flags;
	char state;
	int parent;

	/* state ppid pgrp session tty tpgid flags */
	if (!name_end ||
	    sscanf(name_end + 1, " %c %d %*d %*d %*d %*d %u", &state, &parent, &flags) != 3)
		return false;
	*ret = (struct gospy_proc_stat){
		.state = state,
		.parent = parent,
		.kernel_thread = flags & PF_KTHREAD,
	};
	return true;
}

int gospy_proc_stat(int dir_fd, const char *path, struct gospy_proc_stat *ret)
{
	char text[1024];
	int errnum = gospy_proc_read_small(dir_fd, path, text, sizeof(text));

	if (errnum)
		return errnum;
	return gospy_proc_parse_stat(text, ret) ? 0 : EBADMSG;
}

bool gospy_proc_status_numbers(const char *status, const char *name, int base, uint64_t *ret,
			       size_t num)
{
	size_t length = strlen(name);
	const char *line = status;

	while (line && (strncmp(line, name, length) || line[length] != ':')) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return false;
	const char *pos = line + length + 1;
	for (size_t i = 0; i < num; i++) {
		char *end;
		uint64_t value = strtoull(pos, &end, base);
		if (end == pos)
			return false;
		ret[i] = value;
		pos = end;
	}
	return true;
}

DIR *gospy_proc_opendir(int dir_fd, const char *path)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)take_fd(fd);
	return dir;
}

pid_t gospy_proc_next_pid(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (!*end && pid > 0 && pid <= INT32_MAX)
			return (pid_t)pid;
	}
	return 0;
}

const char *gospy_proc_task_path(char buffer[64], pid_t tid, const char *file)
{
	snprintf(buffer, 64, "task/%d/%s", (int)tid, file);
	return buffer;
}

bool gospy_proc_has_ended(int proc_fd, pid_t tid)
{
	struct gospy_proc_stat stat;
	char path[64];

	return gospy_proc_stat(proc_fd, gospy_proc_task_path(path, tid, "stat"), &stat) ||
	       stat.state == 'Z' || stat.state == 'X';
}

int gospy_proc_try_vm(pid_t tid)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {NULL, 1};

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) < 0 && errno != EFAULT ? errno : 0;
}

pid_t gospy_proc_memory_thread(int proc_fd, pid_t pid)
{
	if (!gospy_proc_has_ended(proc_fd, pid))
		return pid;
	_cleanup_dir_ DIR *dir = gospy_proc_opendir(proc_fd, "task");
	pid_t tid = 0;
	while (dir && (tid = gospy_proc_next_pid(dir)) && gospy_proc_has_ended(proc_fd, tid))
		continue;
	return tid;
}
