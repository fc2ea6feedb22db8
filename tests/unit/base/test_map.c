/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/map.h>

static void finds_what_was_entered(void **state)
{
	(void)state;
	struct gospy_map map = {};

	assert_int_equal(gospy_map_get(&map, 7), GOSPY_MAP_NONE);
	/* Addresses: multiples of a page, the worst case for a table that masks low bits. */
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t *value = gospy_map_entry(&map, (uint64_t)i * 4096);
		assert_non_null(value);
		assert_int_equal(*value, GOSPY_MAP_NONE);
		*value = i;
	}
	assert_int_equal(map.size, 100000);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(gospy_map_get(&map, (uint64_t)i * 4096), i);
	assert_int_equal(gospy_map_get(&map, 4095), GOSPY_MAP_NONE);
	assert_int_equal(*gospy_map_entry(&map, 4096), 1);
	assert_int_equal(map.size, 100000);
	gospy_map_deinit(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_entered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
