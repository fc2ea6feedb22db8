/* SPDX-License-Identifier: MIT */
#include "sample_process.h"

#define HEADER                                                                                     \
	"bin: /usr/bin/prometheus, goVer: 1.19.8, gomaxprocs: 2\n"                                 \
	"P0 idle, schedtick: 642, syscalltick: 81\n"                                               \
	"P1 running, schedtick: 7, syscalltick: 8\n"                                               \
	"Threads: 7 total, 1 running, 4 sleeping, 1 stopped, 1 zombie\n"                           \
	"Goroutines: 4 total, 0 idle, 1 running, 0 syscall, 2 waiting, 1 runnable\n"               \
	"capture: ptrace, pause 1.5ms, torn 1, took 3ms\n"                                         \
	"\n"

static void assert_summary(struct gospy_view_options options, const char *expected)
{
	char *got = render_sample(options, GOSPY_FORMAT_TEXT, gospy_render_summary, NULL);

	assert_string_equal(got, expected);
	free(got);
}

static void one_line_a_goroutine(void **state)
{
	(void)state;
	assert_summary((struct gospy_view_options){},
		       HEADER "goroutines:\n\n"
			      "1 - waiting for chan receive: main.main (/app/main.go:200)\n"
			      "2 - waiting for select: main.worker (/app/main.go:40)\n"
			      "3 - runnable: main.worker (/app/main.go:40) [torn]\n"
			      "4 - running: unknown\n");
	assert_summary((struct gospy_view_options){.pc = GOSPY_VIEW_PC_CURRENT},
		       HEADER "goroutines:\n\n"
			      "1 - waiting for chan receive: main.main (/app/main.go:202)\n"
			      "2 - waiting for select: main.inner (/app/main.go:33)\n"
			      "3 - runnable: main.inner (/app/main.go:33) [torn]\n"
			      "4 - running: main.f[struct { x; y\\x1b }] (/app/odd name.go:5)\n");
	assert_summary((struct gospy_view_options){.pc = GOSPY_VIEW_PC_CALLER, .filter = "id == 2"},
		       HEADER "goroutines:\n\n"
			      "2 - waiting for select: main.start (/app/main.go:99)\n");
}

static void one_line_a_group(void **state)
{
	(void)state;
	assert_summary((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_FUNCTION},
		       HEADER "goroutines by function:\n\n"
			      "2 - main.worker (/app/main.go:40), waiting up to 5m12s\n"
			      "1 - main.main (/app/main.go:200)\n"
			      "1 - unknown\n");
	assert_summary((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_STATE},
		       HEADER "goroutines by state:\n\n"
			      "1 - waiting for chan receive\n"
			      "1 - waiting for select, waiting 5m12s\n"
			      "1 - runnable\n"
			      "1 - running\n");
	assert_summary((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_CREATOR, .limit = 1},
		       HEADER "goroutines by creator:\n\n"
			      "2 - created by unknown\n");
	assert_summary(
		(struct gospy_view_options){.group = GOSPY_VIEW_GROUP_LABEL, .label = "tenant"},
		HEADER "goroutines by label:\n\n"
		       "2 - no label tenant\n"
		       "1 - tenant=acme, waiting 5m12s\n"
		       "1 - tenant=globex\n");
	assert_summary((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_THREAD},
		       HEADER "goroutines by thread:\n\n"
			      "3 - no thread, waiting up to 5m12s\n"
			      "1 - thread 103\n");
	assert_summary((struct gospy_view_options){.group = GOSPY_VIEW_GROUP_STACK, .limit = 1},
		       HEADER
		       "goroutines by stack:\n\n"
		       "2 - waiting for select (1), runnable (1): main.worker (/app/main.go:40), "
		       "waiting up to 5m12s\n");
}

static void a_line_is_shown_only_where_all_of_a_group_are(void **state)
{
	(void)state;
	const struct gospy_view_options options = {.group = GOSPY_VIEW_GROUP_FUNCTION, .limit = 1};
	struct gospy_snapshot *snapshot = build_sample();
	struct gospy_output output;
	struct gospy_view view;

	snapshot->goroutines.start[2] = build_place(snapshot, "main.worker", "/app/main.go", 41);
	assert_null(gospy_view_init(&view, snapshot, &options));
	gospy_output_init_memory(&output);
	assert_null(gospy_render_summary(&view, GOSPY_FORMAT_TEXT, &output));
	assert_null(gospy_output_flush(&output));
	assert_string_equal(output.data, HEADER "goroutines by function:\n\n"
						"2 - main.worker, waiting up to 5m12s\n");
	gospy_view_deinit(&view);
	gospy_output_deinit(&output);
	gospy_snapshot_destroy(snapshot);
}

static void formats_that_are_none_are_refused(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = build_snapshot(0);
	struct gospy_view view = {.snapshot = snapshot};
	struct gospy_output output;

	gospy_output_init_memory(&output);
	struct gospy_error *err = gospy_render_summary(&view, GOSPY_FORMAT_PPROF, &output);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_USAGE);
	assert_string_equal(err->message, "summary has no format 'pprof'");
	gospy_error_destroy(err);
	assert_int_equal(output.size, 0);
	assert_null(gospy_format_name((enum gospy_format)99));
	gospy_snapshot_destroy(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_a_goroutine),
		cmocka_unit_test(one_line_a_group),
		cmocka_unit_test(a_line_is_shown_only_where_all_of_a_group_are),
		cmocka_unit_test(formats_that_are_none_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
