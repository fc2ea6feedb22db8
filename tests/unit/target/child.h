/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_CHILD_H
#define GOSPY_TEST_CHILD_H

/**
 * Children of a test: forked, so that they have the addresses of the test itself, and killed when
 * the test dies. A child reports by writing to its pipe.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	pid_t pid;
	/** What the child writes. */
	int from;
	/** What it can wait for: the end of the file is the end of the test. */
	int to;
};

/** The child's side. */
struct child_pipes {
	int from_test;
	int to_test;
};

typedef void (*child_fn)(struct child_pipes pipes, void *argument);

/** Runs `body` in a new process, which exits with 0 when it returns. */
__attribute__((__unused__)) static struct child child_start(child_fn body, void *argument)
{
	int up[2], down[2];

	if (pipe(up) || pipe(down))
		abort();
	fflush(NULL);
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(up[0]);
		close(down[1]);
		body((struct child_pipes){.from_test = down[0], .to_test = up[1]}, argument);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	return (struct child){.pid = pid, .from = up[0], .to = down[1]};
}

__attribute__((__unused__)) static void child_write(int fd, const void *data, size_t size)
{
	if (write(fd, data, size) != (ssize_t)size)
		_exit(1);
}

/** Child: says that it is ready, and sleeps until the test goes away. */
__attribute__((__unused__)) static void child_ready_and_wait(struct child_pipes pipes)
{
	char byte = 'r';

	child_write(pipes.to_test, &byte, 1);
	while (read(pipes.from_test, &byte, 1) > 0 || errno == EINTR)
		continue;
}

/** Test: reads exactly `size` bytes; false at the end of the file. */
__attribute__((__unused__)) static bool child_read(const struct child *child, void *data,
						   size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(child->from, (uint8_t *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

__attribute__((__unused__)) static bool child_is_ready(const struct child *child)
{
	char byte;

	return child_read(child, &byte, 1);
}

/** Kills and reaps it; its wait status. */
__attribute__((__unused__)) static int child_end(struct child *child)
{
	int status = 0;

	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, &status, __WALL) < 0 && errno == EINTR)
			continue;
		close(child->from);
		close(child->to);
	}
	child->pid = 0;
	return status;
}

/** Waits for its own end; its exit status, or -1 where it was killed. */
__attribute__((__unused__)) static int child_join(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, __WALL) < 0 && errno == EINTR)
		continue;
	close(child->from);
	close(child->to);
	child->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/** Memory that stays shared with the children forked later. */
__attribute__((__unused__)) static void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

/** The state letter of a thread, 0 when it is gone. */
__attribute__((__unused__)) static char thread_state(pid_t pid, pid_t tid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	const char *end = strrchr(text, ')');
	return end && end[1] ? end[2] : 0;
}

/** TracerPid of a process, -1 when it is gone. */
__attribute__((__unused__)) static int tracer_of(pid_t pid)
{
	char path[64], line[256];
	int tracer = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (file)
		fclose(file);
	return tracer;
}

/** Waits until `*counter` passes `value`; false after ten seconds. */
__attribute__((__unused__)) static bool counter_passes(const uint64_t *counter, uint64_t value)
{
	for (int i = 0; i < 10000; i++) {
		if (__atomic_load_n(counter, __ATOMIC_SEQ_CST) > value)
			return true;
		usleep(1000);
	}
	return false;
}

/** Waits until the thread is in `state`; false after ten seconds. */
__attribute__((__unused__)) static bool reaches_state(pid_t pid, pid_t tid, char state)
{
	for (int i = 0; i < 10000; i++) {
		if (thread_state(pid, tid) == state)
			return true;
		usleep(1000);
	}
	return false;
}

#endif
