/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <gospy/live.h>

#include "assert_error.h"
#include "child.h"
#include "linux/live_info.h"

static void check_cgroup(const char *text, const char *expected)
{
	_cleanup_free_ char *path = gospy_cgroup_path(text);

	assert_non_null(path);
	assert_string_equal(path, expected);
}

static void finds_the_cgroup_of_each_hierarchy(void **state)
{
	(void)state;
	check_cgroup("0::/system.slice/app.service\n", "/system.slice/app.service");
	check_cgroup("4:memory:/a\n0::/b\n", "/b");
	check_cgroup("9:name=systemd:/x\n4:cpu,memory,io:/docker/17\n1:cpu:/\n0::/\n",
		     "/docker/17");
	check_cgroup("4:memory:/only one\n", "/only one");
	check_cgroup("4:memoryless:/no\n3:xmemory:/no\n0::/\n", "/");
	check_cgroup("0::/with:colon", "/with:colon");
	check_cgroup("", "");
	check_cgroup("garbage\n:\n::\n:memory", "");
}

static void parses_offsets_of_time_namespaces(void **state)
{
	(void)state;
	int64_t offset = 5;

	assert_true(gospy_timens_parse("monotonic      86400         7\nboottime 1 2\n", &offset));
	assert_true(offset == INT64_C(86400000000007));
	assert_true(gospy_timens_parse("monotonic -3 999999999\n", &offset));
	assert_true(offset == -2000000001);
	assert_false(gospy_timens_parse("boottime 1 2\n", &offset));
	assert_false(gospy_timens_parse("monotonic 9223372036854775807 0\n", &offset));
	assert_false(gospy_timens_parse("monotonic x\n", &offset));
}

/** A copy of this program that runs as another one, sleeping. */
static void copy_program(char path[64])
{
	struct stat st;

	snprintf(path, 64, "/tmp/gospy-test-XXXXXX");
	int to = mkstemp(path), from = open("/proc/self/exe", O_RDONLY);
	assert_true(to >= 0 && from >= 0);
	assert_int_equal(fstat(from, &st), 0);
	for (off_t done = 0; done < st.st_size;)
		assert_true(sendfile(to, from, &done, (size_t)(st.st_size - done)) > 0);
	fchmod(to, 0700);
	close(to);
	close(from);
}

static void exec_body(struct child_pipes pipes, void *argument)
{
	char to[16];

	snprintf(to, sizeof(to), "%d", pipes.to_test);
	execl(argument, "sleep-for-test", to, NULL);
	_exit(1);
}

static void names_a_deleted_executable(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info before = {0}, after = {0};
	char path[64];

	copy_program(path);
	struct child child = child_start(exec_body, path);
	assert_true(child_is_ready(&child));
	assert_ok(gospy_live_open(child.pid, &target));
	assert_ok(gospy_target_info(target, &before));
	assert_string_equal(before.exe, path);
	assert_false(before.exe_deleted);
	/* The kernel's name of it is cut to 15 bytes. */
	assert_memory_equal(before.name, path + strlen("/tmp/"), 15);
	assert_int_equal(before.pid, child.pid);
	assert_true(before.frozen_at_ns == 0);
	assert_true(before.monotonic_offset_ns == 0);
	unlink(path);
	assert_ok(gospy_target_info(target, &after));
	assert_string_equal(after.exe, path);
	assert_true(after.exe_deleted);
	child_end(&child);
}

#define BIG ((size_t)64 << 20)

static void big_body(struct child_pipes pipes, void *argument)
{
	char *memory = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argument;
	if (memory == MAP_FAILED)
		_exit(1);
	memset(memory, 1, BIG);
	child_ready_and_wait(pipes);
}

static void knows_how_much_is_resident(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {0};
	struct child child = child_start(big_body, NULL);

	assert_true(child_is_ready(&child));
	assert_ok(gospy_live_open(child.pid, &target));
	assert_ok(gospy_target_info(target, &info));
	/* Within what the kernel keeps uncounted on each processor. */
	assert_true(info.resident_size > BIG - (BIG >> 4));
	child_end(&child);
}

static void wait_body(struct child_pipes pipes, void *argument)
{
	(void)argument;
	child_ready_and_wait(pipes);
}

/* Makes a time namespace that is a day ahead, and a child in it; silent where it may not. */
static void later_body(struct child_pipes pipes, void *argument)
{
	(void)argument;
	if (unshare(CLONE_NEWTIME))
		return;
	int offsets = open("/proc/self/timens_offsets", O_WRONLY);
	if (offsets < 0 || write(offsets, "monotonic 86400 5", 17) != 17)
		return;
	struct child inner = child_start(wait_body, NULL);
	if (!child_is_ready(&inner))
		return;
	child_write(pipes.to_test, &inner.pid, sizeof(inner.pid));
	child_ready_and_wait(pipes);
	child_end(&inner);
}

static void knows_the_clock_of_a_time_namespace(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL, *outer = NULL;
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {0}, outer_info = {0};
	struct child child = child_start(later_body, NULL);
	pid_t pid = 0;

	if (!child_read(&child, &pid, sizeof(pid)) || !child_is_ready(&child)) {
		child_end(&child);
		skip(); /* no time namespaces, or not permitted */
	}
	assert_ok(gospy_live_open(pid, &target));
	assert_ok(gospy_target_info(target, &info));
	assert_true(info.monotonic_offset_ns == INT64_C(86400000000005));
	/* The one that made the namespace does not live in it. */
	assert_ok(gospy_live_open(child.pid, &outer));
	assert_ok(gospy_target_info(outer, &outer_info));
	assert_true(outer_info.monotonic_offset_ns == 0);
	close(child.to);
	child.to = -1;
	assert_int_equal(child_join(&child), 0);
}

static void sleep_for_test(const char *to)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_write(atoi(to), "r", 1);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_cgroup_of_each_hierarchy),
		cmocka_unit_test(parses_offsets_of_time_namespaces),
		cmocka_unit_test(names_a_deleted_executable),
		cmocka_unit_test(knows_how_much_is_resident),
		cmocka_unit_test(knows_the_clock_of_a_time_namespace),
	};

	if (argc == 2 && !strcmp(argv[0], "sleep-for-test"))
		sleep_for_test(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
