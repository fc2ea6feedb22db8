/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/vec.h>

struct pair {
	uint64_t a;
	uint32_t b;
};
GOSPY_VEC(pair_vec, struct pair);

static void grows(void **state)
{
	(void)state;
	struct pair_vec v = {};

	for (uint32_t i = 0; i < 1000; i++)
		assert_true(pair_vec_append(&v, (struct pair){i, i * 2}));
	assert_int_equal(v.size, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(v.data[i].a, i);
		assert_int_equal(v.data[i].b, i * 2);
	}
	pair_vec_deinit(&v);
	assert_null(v.data);
	assert_int_equal(v.size + v.capacity, 0);
	pair_vec_deinit(&v);
}

static void fills_with_zeros(void **state)
{
	(void)state;
	struct gospy_u8_vec v = {};

	assert_true(gospy_u8_vec_resize(&v, 4));
	memset(v.data, 0xff, 4);
	assert_true(gospy_u8_vec_resize(&v, 1));
	assert_true(gospy_u8_vec_resize(&v, 3));
	assert_int_equal(v.data[0], 0xff);
	assert_int_equal(v.data[1], 0);
	assert_int_equal(v.data[2], 0);
	gospy_u8_vec_deinit(&v);
}

static void keeps_what_it_has_without_room(void **state)
{
	(void)state;
	struct pair_vec v = {};

	assert_true(pair_vec_append(&v, (struct pair){7, 8}));
	/* Products that overflow, and one that no machine has. */
	assert_false(pair_vec_reserve(&v, SIZE_MAX));
	assert_false(pair_vec_resize(&v, SIZE_MAX / sizeof(struct pair)));
	assert_false(pair_vec_resize(&v, SIZE_MAX / sizeof(struct pair) / 4));
	assert_int_equal(v.size, 1);
	assert_int_equal(v.data[0].a, 7);
	pair_vec_deinit(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(fills_with_zeros),
		cmocka_unit_test(keeps_what_it_has_without_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
