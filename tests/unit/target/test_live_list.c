/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/live.h>

#include "assert_error.h"
#include "child.h"

static void wait_body(struct child_pipes pipes, void *argument)
{
	(void)argument;
	child_ready_and_wait(pipes);
}

static size_t count_pid(const struct gospy_pid_vec *pids, pid_t pid)
{
	size_t count = 0;

	for (size_t i = 0; i < pids->size; i++)
		count += pids->data[i] == pid;
	return count;
}

static void lists_processes_once_and_in_order(void **state)
{
	(void)state;
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {0};
	struct child child = child_start(wait_body, NULL);
	pid_t pid = child.pid;

	assert_true(child_is_ready(&child));
	assert_ok(gospy_live_list(&pids));
	assert_int_equal(count_pid(&pids, pid), 1);
	assert_int_equal(count_pid(&pids, getpid()), 1);
	for (size_t i = 1; i < pids.size; i++)
		assert_true(pids.data[i - 1] < pids.data[i]);
	child_end(&child);
	/* The list is replaced. */
	assert_ok(gospy_live_list(&pids));
	assert_int_equal(count_pid(&pids, pid), 0);
	assert_int_equal(count_pid(&pids, getpid()), 1);
}

/* By another sign of a kernel thread, which newer kernels print. */
static void leaves_kernel_threads_out(void **state)
{
	(void)state;
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {0};
	char path[64], line[256];

	assert_ok(gospy_live_list(&pids));
	for (size_t i = 0; i < pids.size; i++) {
		snprintf(path, sizeof(path), "/proc/%d/status", (int)pids.data[i]);
		FILE *file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			assert_int_not_equal(strncmp(line, "Kthread:\t1", 10), 0);
		if (file)
			fclose(file);
	}
	assert_int_equal(count_pid(&pids, 2), access("/proc/2/exe", F_OK) ? 0 : 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_processes_once_and_in_order),
		cmocka_unit_test(leaves_kernel_threads_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
