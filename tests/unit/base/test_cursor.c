/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/cursor.h>

static void reads_in_order(void **state)
{
	(void)state;
	const uint8_t bytes[] = {1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 'g', 'o', 0};
	struct gospy_cursor c = gospy_cursor_make("bytes", bytes, sizeof(bytes));

	assert_int_equal(gospy_cursor_u8(&c), 1);
	assert_int_equal(gospy_cursor_u16(&c), 2);
	assert_int_equal(gospy_cursor_u32(&c), 3);
	assert_int_equal(gospy_cursor_u64(&c), 4);
	assert_string_equal(gospy_cursor_cstring(&c, 2), "go");
	assert_null(gospy_cursor_check(&c));
	assert_int_equal(gospy_cursor_left(&c), 0);
}

static void fails_once_and_stays_failed(void **state)
{
	(void)state;
	const uint8_t bytes[] = {1, 2, 3};
	struct gospy_cursor c = gospy_cursor_make("bytes", bytes, sizeof(bytes));

	assert_int_equal(gospy_cursor_u8(&c), 1);
	assert_int_equal(gospy_cursor_u64(&c), 0);
	assert_int_equal(gospy_cursor_u8(&c), 0);
	_cleanup_error_ struct gospy_error *err = gospy_cursor_check(&c);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_BAD_DATA);
	assert_string_equal(err->message, "bytes is malformed or truncated at offset 1");
}

static void refuses_positions_beyond_the_end(void **state)
{
	(void)state;
	const uint8_t bytes[4] = {0};
	struct gospy_cursor c = gospy_cursor_make("bytes", bytes, sizeof(bytes));

	gospy_cursor_seek(&c, 4);
	assert_false(c.failed);
	gospy_cursor_skip(&c, UINT64_MAX);
	assert_true(c.failed);
}

static void reads_uvarints(void **state)
{
	(void)state;
	/* 300; the largest 64-bit value; eleven continuation bytes. */
	const uint8_t bytes[] = {0xac, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				 0xff, 0xff, 0xff, 0x01, 0x80, 0x80, 0x80, 0x80,
				 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
	struct gospy_cursor c = gospy_cursor_make("bytes", bytes, sizeof(bytes));

	assert_int_equal(gospy_cursor_uvarint(&c), 300);
	assert_true(gospy_cursor_uvarint(&c) == UINT64_MAX);
	assert_int_equal(gospy_cursor_uvarint(&c), 0);
	assert_true(c.failed);
}

static void strings_need_their_nul(void **state)
{
	(void)state;
	const uint8_t bytes[] = {'a', 'b', 'c'};
	struct gospy_cursor c = gospy_cursor_make("bytes", bytes, sizeof(bytes));

	assert_null(gospy_cursor_cstring(&c, 100));
	assert_true(c.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_order),
		cmocka_unit_test(fails_once_and_stays_failed),
		cmocka_unit_test(refuses_positions_beyond_the_end),
		cmocka_unit_test(reads_uvarints),
		cmocka_unit_test(strings_need_their_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
