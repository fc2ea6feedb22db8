/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gospy/strings.h>

static uint32_t intern(struct gospy_strings *strings, const char *text)
{
	uint32_t id;

	assert_null(gospy_strings_intern(strings, text, strlen(text), &id));
	return id;
}

static void interns_each_string_once(void **state)
{
	(void)state;
	struct gospy_strings strings;
	char text[32];

	assert_null(gospy_strings_init(&strings));
	assert_int_equal(intern(&strings, ""), 0);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 1; i < 5000; i++) {
			snprintf(text, sizeof(text), "main.f%u", i);
			assert_int_equal(intern(&strings, text), i);
		}
	}
	assert_int_equal(gospy_strings_count(&strings), 5000);
	assert_string_equal(gospy_string(&strings, 4711), "main.f4711");
	assert_string_equal(gospy_string(&strings, 5000), "");
	assert_int_equal(gospy_strings_find(&strings, "main.f4711", 10), 4711);
	assert_int_equal(gospy_strings_find(&strings, "", 0), 0);
	assert_int_equal(gospy_strings_find(&strings, "main.f5000", 10), UINT32_MAX);
	assert_int_equal(gospy_strings_count(&strings), 5000);
	gospy_strings_deinit(&strings);
	assert_int_equal(gospy_strings_find(&strings, "main.f1", 7), UINT32_MAX);
}

static void keeps_embedded_nuls(void **state)
{
	(void)state;
	struct gospy_strings strings;
	uint32_t a, b;
	size_t size;

	assert_null(gospy_strings_init(&strings));
	assert_null(gospy_strings_intern(&strings, "a\0b", 3, &a));
	assert_null(gospy_strings_intern(&strings, "a\0c", 3, &b));
	assert_int_not_equal(a, b);
	assert_memory_equal(gospy_strings_get(&strings, b, &size), "a\0c", 4);
	assert_int_equal(size, 3);
	gospy_strings_deinit(&strings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interns_each_string_once),
		cmocka_unit_test(keeps_embedded_nuls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
