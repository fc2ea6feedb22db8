/* SPDX-License-Identifier: MIT */
#include "sample_process.h"

static char *dump(struct gospy_view_options options, enum gospy_format format)
{
	return render_sample(options, format, gospy_render_dump, NULL);
}

/** The text behind the header. */
static void assert_dump(struct gospy_view_options options, const char *expected)
{
	char *got = dump(options, GOSPY_FORMAT_TEXT);
	char *end = strstr(got, "took 3ms\n");

	assert_non_null(end);
	assert_string_equal(end + 9, expected);
	free(got);
}

#define WORKERS                                                                                    \
	"\n"                                                                                       \
	"2 goroutines: waiting for select (1), runnable (1)\n"                                     \
	"  id: 2, 3\n"                                                                             \
	"  waiting: up to 5m12s\n"                                                                 \
	"  created by: main.start (/app/main.go:99)\n"                                             \
	"  labels: tenant=acme (1), tenant=globex (1)\n"                                           \
	"  stack: changed while it was read (1)\n"                                                 \
	"main.inner\n"                                                                             \
	"    /app/main.go:33\n"                                                                    \
	"main.worker\n"                                                                            \
	"    /app/main.go:44\n"                                                                    \
	"runtime.goexit\n"                                                                         \
	"    /go/asm.s:10\n"

#define MAIN                                                                                       \
	"\n"                                                                                       \
	"1 goroutine: waiting for chan receive\n"                                                  \
	"  id: 1\n"                                                                                \
	"main.main\n"                                                                              \
	"    /app/main.go:202\n"                                                                   \
	"runtime.goexit\n"                                                                         \
	"    /go/asm.s:10\n"

#define ODD                                                                                        \
	"\n"                                                                                       \
	"1 goroutine: running\n"                                                                   \
	"  id: 4\n"                                                                                \
	"main.f[struct { x; y\\x1b }]\n"                                                           \
	"    /app/odd name.go:5\n"                                                                 \
	"runtime.goexit\n"                                                                         \
	"    /go/asm.s:10\n"

static void a_dump_is_grouped_by_stack(void **state)
{
	(void)state;
	assert_dump((struct gospy_view_options){}, WORKERS MAIN ODD);
	assert_dump((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_STACK, .limit = 2},
		    WORKERS MAIN);
}

static void other_groups_keep_stacks_together(void **state)
{
	(void)state;
	assert_dump((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_CREATOR},
		    MAIN ODD WORKERS);
}

static void folded_stacks_have_no_separator_inside(void **state)
{
	(void)state;
	char *got = dump((struct gospy_view_options){}, GOSPY_FORMAT_FOLDED);

	assert_string_equal(got,
			    "runtime.goexit;main.main 1\n"
			    "runtime.goexit;main.worker;main.inner 2\n"
			    "runtime.goexit;main.f[struct\\x20{\\x20x\\x3b\\x20y\\x1b\\x20}] 1\n");
	free(got);
}

static void debug2_escapes_and_knows_no_arguments(void **state)
{
	(void)state;
	char *got = dump((struct gospy_view_options){.filter = "id >= 3"}, GOSPY_FORMAT_DEBUG2);

	/* Go 1.19: the name is printed as it is in the table. */
	assert_string_equal(got, "goroutine 3 [runnable, locked to thread]:\n"
				 "main.inner(...)\n"
				 "\t/app/main.go:33\n"
				 "main.worker(...)\n"
				 "\t/app/main.go:44 +0x20\n"
				 "created by main.start\n"
				 "\t/app/main.go:99 +0x1\n"
				 "\n"
				 "goroutine 4 [running]:\n"
				 "main.f[struct { x; y\\x1b }](...)\n"
				 "\t/app/odd name.go:5 +0x1\n");
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_is_grouped_by_stack),
		cmocka_unit_test(other_groups_keep_stacks_together),
		cmocka_unit_test(folded_stacks_have_no_separator_inside),
		cmocka_unit_test(debug2_escapes_and_knows_no_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
