/* SPDX-License-Identifier: MIT */
/* Names in the symbol table of tests/unit/service/truth, and what its tracebacks print for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/function_name.h>

static void assert_printed(const char *name, int minor, const char *expected)
{
	struct gospy_output output;

	gospy_output_init_memory(&output);
	gospy_function_name_print(name, minor, &output);
	assert_string_equal(output.data ? output.data : "", expected);
	gospy_output_deinit(&output);
}

static void shapes_become_dots(void **state)
{
	(void)state;
	for (int minor = 21; minor <= 27; minor++) {
		assert_printed("main.main", minor, "main.main");
		assert_printed("main.(*list[go.shape.string,go.shape.int]).receive", minor,
			       "main.(*list[...]).receive");
		assert_printed("main.generic[go.shape.struct { main.a [4]int; main.b [4]int }]",
			       minor, "main.generic[...]");
		assert_printed("main.generic[go.shape.struct { main.key int8; main.rest []error }]"
			       ".func1",
			       minor, "main.generic[...].func1");
		/* As the linker wrote it up to Go 1.20: nothing is left to do. */
		assert_printed("main.generic[...].func1", minor, "main.generic[...].func1");
	}
}

static void generic_methods_have_two_lists(void **state)
{
	(void)state;
	static const char name[] =
		"main.(*list[go.shape.string,go.shape.int]).convert[go.shape.float64]";

	assert_printed(name, 27, "main.(*list[...]).convert[...]");
	assert_printed(name, -1, "main.(*list[...]).convert[...]");
	assert_printed("main.(*list[...]).convert[...]", 27, "main.(*list[...]).convert[...]");
	/* funcNamePiecesForPrint of older versions knows of one list only. */
	assert_printed(name, 26, "main.(*list[...]");
}

static void unbalanced_names_are_left_alone(void **state)
{
	(void)state;
	assert_printed("main.f[int", 27, "main.f[int");
	assert_printed("main.f]int[", 27, "main.f]int[");
	assert_printed("main.f[a[b]", 27, "main.f[a[b]");
	assert_printed("main.f[a]][b]", 27, "main.f[a]][b]");
	assert_printed("main.f[]", 27, "main.f[...]");
	assert_printed("", 27, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_become_dots),
		cmocka_unit_test(generic_methods_have_two_lists),
		cmocka_unit_test(unbalanced_names_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
