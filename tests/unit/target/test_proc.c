/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "linux/proc.h"

static void parses_names_of_any_bytes(void **state)
{
	(void)state;
	struct gospy_proc_stat stat = {0};

	assert_true(gospy_proc_parse_stat("7 (a) R 1) Z 12 7 7 0 -1 4194560 0 0", &stat));
	assert_int_equal(stat.state, 'Z');
	assert_int_equal(stat.parent, 12);
	assert_false(stat.kernel_thread);
	assert_true(gospy_proc_parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0", &stat));
	assert_true(stat.kernel_thread);
}

static void refuses_what_is_no_stat(void **state)
{
	(void)state;
	struct gospy_proc_stat stat = {.parent = 5};

	assert_false(gospy_proc_parse_stat("", &stat));
	assert_false(gospy_proc_parse_stat("7 (a", &stat));
	assert_false(gospy_proc_parse_stat("7 (a)", &stat));
	assert_false(gospy_proc_parse_stat("7 (a) R", &stat));
	assert_false(gospy_proc_parse_stat("7 (a) R 1 2 3 4 5 x", &stat));
	assert_int_equal(stat.parent, 5);
}

static void finds_numbers_of_status(void **state)
{
	(void)state;
	static const char status[] = "Name:\tUid:\t9\nUid:\t1\t2\t3\t4\nCapEff:\t00000000a80425fb\n"
				     "Threads:\t5\nEmpty:\n";
	uint64_t values[4] = {0}, untouched[2] = {7, 8};

	assert_true(gospy_proc_status_numbers(status, "Uid", 10, values, 4));
	assert_true(values[0] == 1 && values[3] == 4);
	assert_true(gospy_proc_status_numbers(status, "CapEff", 16, values, 1));
	assert_true(values[0] == 0xa80425fb);
	assert_false(gospy_proc_status_numbers(status, "Cap", 16, untouched, 1));
	assert_false(gospy_proc_status_numbers(status, "Empty", 10, untouched, 1));
	assert_true(untouched[0] == 7 && untouched[1] == 8);
}

static void reads_files_of_any_size(void **state)
{
	(void)state;
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec text = {0};
	_cleanup_close_ int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	char small[4];

	assert_int_equal(gospy_proc_read(dir, "maps", &text), 0);
	assert_true(text.size > 100);
	assert_int_equal(strlen((const char *)text.data), text.size);
	assert_int_equal(gospy_proc_read_small(dir, "status", small, sizeof(small)), 0);
	assert_string_equal(small, "Nam");
	assert_int_equal(gospy_proc_read(dir, "no such file", &text), ENOENT);
	assert_int_equal(gospy_proc_read_small(dir, "task", small, sizeof(small)), EISDIR);
}

static void reads_lines_without_their_end(void **state)
{
	(void)state;
	_cleanup_close_ int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	char line[64] = "untouched";

	assert_int_equal(prctl(PR_SET_NAME, "a\nb\n"), 0);
	assert_int_equal(gospy_proc_read_line(dir, "comm", line, sizeof(line)), 0);
	assert_string_equal(line, "a\nb\n"); /* the kernel adds one */
	assert_int_equal(prctl(PR_SET_NAME, "test_proc"), 0);
	assert_int_equal(gospy_proc_read_line(dir, "comm", line, sizeof(line)), 0);
	assert_string_equal(line, "test_proc");
	assert_int_equal(gospy_proc_read_line(dir, "no such file", line, sizeof(line)), ENOENT);
}

static void tells_the_living_from_the_dead(void **state)
{
	(void)state;
	_cleanup_close_ int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);

	assert_false(gospy_proc_has_ended(dir, getpid()));
	assert_true(gospy_proc_has_ended(dir, 1));
	assert_int_equal(gospy_proc_memory_thread(dir, getpid()), getpid());
	assert_int_equal(gospy_proc_try_vm(getpid()), 0);
	assert_int_equal(gospy_proc_try_vm(INT32_MAX), ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_names_of_any_bytes),
		cmocka_unit_test(refuses_what_is_no_stat),
		cmocka_unit_test(finds_numbers_of_status),
		cmocka_unit_test(reads_files_of_any_size),
		cmocka_unit_test(reads_lines_without_their_end),
		cmocka_unit_test(tells_the_living_from_the_dead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
