/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/sysmacros.h>

#include "mappings.h"

static struct gospy_error *parse(const char *text, struct gospy_mappings *ret)
{
	/* A copy without a NUL behind it, so that sanitizers see a read past the end. */
	size_t size = strlen(text);
	_cleanup_free_ char *copy = malloc(size + !size);

	assert_non_null(copy);
	memcpy(copy, text, size);
	return gospy_mappings_parse(copy, size, ret);
}

static void parses_what_the_kernel_prints(void **state)
{
	(void)state;
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings m = {0};
	_cleanup_error_ struct gospy_error *err = parse(
		"00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/dbus daemon (deleted)\n"
		"00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/dbus daemon (deleted)\n"
		"c000000000-c004000000 rw-p 00000000 00:00 0 \n"
		"7f2c8ecf6000-7f2c8ecf8000 rw-s 00000000 00:01 1 /dev/zero\\012x\n"
		"7fff0a5ff000-7fff0a600000 r-xp 00000000 00:00 0   [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n",
		&m);

	assert_null(err);
	assert_int_equal(m.list.size, 6);
	const struct gospy_mapping *first = &m.list.data[0];
	assert_true(first->start == 0x400000 && first->end == 0x452000 && first->offset == 0x1000);
	assert_int_equal(first->flags, GOSPY_MAPPING_READ | GOSPY_MAPPING_EXEC);
	assert_true(first->device == makedev(8, 2) && first->inode == 173521);
	assert_string_equal(gospy_mapping_path(&m, first), "/usr/bin/dbus daemon (deleted)");
	assert_int_equal(first->path, m.list.data[1].path);
	assert_string_equal(gospy_mapping_path(&m, &m.list.data[2]), "");
	assert_int_equal(m.list.data[2].flags, GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE);
	assert_int_equal(m.list.data[3].flags,
			 GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE | GOSPY_MAPPING_SHARED);
	assert_string_equal(gospy_mapping_path(&m, &m.list.data[3]), "/dev/zero\\012x");
	assert_string_equal(gospy_mapping_path(&m, &m.list.data[4]), "[vdso]");
	assert_true(m.list.data[5].end == UINT64_C(0xffffffffff601000));
	assert_ptr_equal(gospy_mappings_find(&m, 0x451fff), first);
	assert_null(gospy_mappings_find(&m, 0x452000));
	assert_null(gospy_mappings_find(&m, 0));
	assert_null(gospy_mappings_find(&m, UINT64_MAX));
}

static void cuts_what_overlaps(void **state)
{
	(void)state;
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings m = {0};
	_cleanup_error_ struct gospy_error *err = parse("1000-3000 r--p 0 00:00 0 \n"
							"2000-5000 r--p 7000 00:00 0 \n"
							"1000-2000 r--p 0 00:00 0 \n"
							"4000-5000 r--p 0 00:00 0 \n",
							&m);

	assert_null(err);
	assert_int_equal(m.list.size, 2);
	assert_true(m.list.data[1].start == 0x3000 && m.list.data[1].end == 0x5000);
	assert_true(m.list.data[1].offset == 0x8000);
}

static void takes_an_empty_text_and_a_last_line_without_end(void **state)
{
	(void)state;
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings none = {0}, one = {0};
	_cleanup_error_ struct gospy_error *err = parse("", &none);
	_cleanup_error_ struct gospy_error *err_one = parse("1000-2000 rwxs 0 ff:ff 9 /a", &one);

	assert_null(err);
	assert_int_equal(none.list.size, 0);
	assert_null(gospy_mappings_find(&none, 0));
	assert_null(err_one);
	assert_string_equal(gospy_mapping_path(&one, &one.list.data[0]), "/a");
}

static void refuses_hostile_lines(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"\n",
		"x",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 ",
		"1000-2000 r",
		"1000-2000 r--p",
		"1000-2000 r--p ",
		"1000-2000 r--p 0",
		"1000-2000 r--p 0 ",
		"1000-2000 r--p 0 00",
		"1000-2000 r--p 0 00:",
		"1000-2000 r--p 0 00:00",
		"1000-2000 r--p 0 00:00 ",
		"1000-2000 r--q 0 00:00 0 ",
		"1000-2000 w--p 0 00:00 0 ",
		"1000-2000 r--pp 0 00:00 0 ",
		"1000-2000 r--p 0 00:00 a ",
		"1000-2000 r--p 0 100000000:00 0 ",
		"1000-2000 r--p 0 00:100000000 0 ",
		"2000-1000 r--p 0 00:00 0 ",
		"1000-1000 r--p 0 00:00 0 ",
		"-1000-2000 r--p 0 00:00 0 ",
		" 1000-2000 r--p 0 00:00 0 ",
		"0x1000-2000 r--p 0 00:00 0 ",
		"1000-10000000000000000 r--p 0 00:00 0 ",
		"1000-2000 r--p 10000000000000000 00:00 0 ",
		"1000-2000 r--p 0 00:00 99999999999999999999999 ",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct gospy_mappings m = {0};
		_cleanup_error_ struct gospy_error *err = parse(lines[i], &m);
		if (!err)
			fail_msg("accepted: %s", lines[i]);
		assert_int_equal(err->code, GOSPY_ERROR_BAD_DATA);
		assert_non_null(strstr(err->message, "line 1 "));
		assert_null(m.list.data);
	}
}

static void refuses_a_path_with_a_nul(void **state)
{
	(void)state;
	static const char text[] = "1000-2000 r--p 0 00:00 1 /a\0b\n";
	struct gospy_mappings m = {0};
	_cleanup_error_ struct gospy_error *err = gospy_mappings_parse(text, sizeof(text) - 1, &m);

	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_BAD_DATA);
}

/* Every text that begins like a good one ends in an error or in a list in order, never worse. */
static void survives_every_truncation_and_flip(void **state)
{
	(void)state;
	static const char good[] = "1000-2000 rwxp 0 08:02 17 /a\n3000-4000 r--p 0 00:00 0 "
				   "\n5000-6000 r--s 9 1:2 3 /b c\n";
	char text[sizeof(good)];

	for (size_t size = 0; size < sizeof(good); size++) {
		for (int flip = 0; flip < 256; flip += 17) {
			_cleanup_(gospy_mappings_deinit) struct gospy_mappings m = {0};
			memcpy(text, good, sizeof(good));
			text[size ? size - 1 : 0] ^= (char)flip;
			_cleanup_error_ struct gospy_error *err =
				gospy_mappings_parse(text, size, &m);
			uint64_t end = 0;
			assert_true(!err || !m.list.size);
			for (size_t i = 0; i < m.list.size; i++) {
				assert_true(m.list.data[i].start >= end);
				end = m.list.data[i].end;
				assert_true(end > m.list.data[i].start);
				assert_true(strlen(gospy_mapping_path(&m, &m.list.data[i])) < 99);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_the_kernel_prints),
		cmocka_unit_test(cuts_what_overlaps),
		cmocka_unit_test(takes_an_empty_text_and_a_last_line_without_end),
		cmocka_unit_test(refuses_hostile_lines),
		cmocka_unit_test(refuses_a_path_with_a_nul),
		cmocka_unit_test(survives_every_truncation_and_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
