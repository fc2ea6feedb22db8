/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gospy/limits.h>
#include <gospy/structure.h>

static void finds_fields_by_dotted_name(void **state)
{
	(void)state;
	struct gospy_structure s = {.name = strdup("runtime.g"), .size = 64};

	assert_null(gospy_structure_add(&s, "sched", 8, 24));
	assert_null(gospy_structure_add(&s, "sched.sp", 8, 8));
	assert_null(gospy_structure_add(&s, "sched.pc", 16, 8));
	assert_int_equal(gospy_structure_field(&s, "sched.pc")->offset, 16);
	assert_int_equal(gospy_structure_field(&s, "sched")->size, 24);
	assert_null(gospy_structure_field(&s, "sched.p"));
	assert_null(gospy_structure_field(&s, ""));
	gospy_structure_deinit(&s);
	assert_null(s.name);
	assert_null(gospy_structure_field(&s, "sched"));
}

static void copies_names(void **state)
{
	(void)state;
	struct gospy_structure s = {0};
	char name[] = "goid";

	assert_null(gospy_structure_add(&s, name, 1, 2));
	name[0] = 'x';
	assert_non_null(gospy_structure_field(&s, "goid"));
	gospy_structure_deinit(&s);
}

static void refuses_too_many_fields(void **state)
{
	(void)state;
	struct gospy_structure s = {0};

	for (uint64_t i = 0; i < GOSPY_MAX_FIELDS; i++)
		assert_null(gospy_structure_add(&s, "f", i, 1));
	_cleanup_error_ struct gospy_error *err = gospy_structure_add(&s, "f", 0, 1);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_BAD_DATA);
	assert_int_equal(s.fields.size, GOSPY_MAX_FIELDS);
	gospy_structure_deinit(&s);
}

static void destroys_vectors(void **state)
{
	(void)state;
	struct gospy_structure_vec v = {0};

	for (int i = 0; i < 3; i++) {
		struct gospy_structure s = {.name = strdup("s")};
		assert_null(gospy_structure_add(&s, "f", 0, 1));
		assert_true(gospy_structure_vec_append(&v, s));
	}
	gospy_structure_vec_destroy_all(&v);
	assert_int_equal(v.size, 0);
	gospy_structure_vec_destroy_all(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_fields_by_dotted_name),
		cmocka_unit_test(copies_names),
		cmocka_unit_test(refuses_too_many_fields),
		cmocka_unit_test(destroys_vectors),
	};

	return cmocka_run_group_tests_name("structure", tests, NULL, NULL);
}
