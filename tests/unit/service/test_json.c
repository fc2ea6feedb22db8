/* SPDX-License-Identifier: MIT */
#include "sample_process.h"

#include <gospy/json.h>

/** `value` as a JSON string of one array. */
static void assert_quoted(const char *value, const char *expected)
{
	struct gospy_output output;
	struct gospy_json json;

	gospy_output_init_memory(&output);
	gospy_json_init(&json, &output);
	gospy_json_string(&json, NULL, value);
	assert_string_equal(output.data, expected);
	gospy_output_deinit(&output);
}

static void strings_are_always_utf8(void **state)
{
	(void)state;
	assert_quoted("", "\"\"");
	assert_quoted("a\"b\\c/\n\t\r\x01\x7f", "\"a\\\"b\\\\c/\\n\\t\\u000d\\u0001\\u007f\"");
	assert_quoted("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		      "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
	/* Stray continuation, cut sequences, overlong, surrogate, beyond U+10FFFF, never a byte of
	 * UTF-8. */
	assert_quoted("\x80x", "\"\xef\xbf\xbdx\"");
	assert_quoted("\xc3", "\"\xef\xbf\xbd\"");
	assert_quoted("\xe2\x82x", "\"\xef\xbf\xbd\xef\xbf\xbdx\"");
	assert_quoted("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_quoted("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_quoted("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_quoted("\xff\xf8", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void commas_and_keys_are_the_writers_job(void **state)
{
	(void)state;
	struct gospy_output output;
	struct gospy_json json;

	gospy_output_init_memory(&output);
	gospy_json_init(&json, &output);
	gospy_json_object(&json, NULL);
	gospy_json_array(&json, "a");
	gospy_json_u64(&json, NULL, UINT64_MAX);
	gospy_json_i64(&json, NULL, INT64_MIN);
	gospy_json_array(&json, NULL);
	gospy_json_array_end(&json);
	gospy_json_object(&json, NULL);
	gospy_json_object_end(&json);
	gospy_json_array_end(&json);
	gospy_json_bool(&json, "b", true);
	gospy_json_bool(&json, "\"", false);
	gospy_json_null(&json, "n");
	gospy_json_address(&json, "p", 0xc000012345);
	gospy_json_raw(&json, "r", "[1]", 3);
	gospy_json_object_end(&json);
	assert_string_equal(output.data,
			    "{\"a\":[18446744073709551615,-9223372036854775808,[],{}],\"b\":true,"
			    "\"\\\"\":false,\"n\":null,\"p\":\"0xc000012345\",\"r\":[1]}");
	gospy_output_deinit(&output);
}

/** Deeper than the writer can count, it still ends. */
static void depth_is_bounded(void **state)
{
	(void)state;
	struct gospy_output output;
	struct gospy_json json;

	gospy_output_init_memory(&output);
	gospy_json_init(&json, &output);
	for (int i = 0; i < 1000; i++)
		gospy_json_array(&json, NULL);
	for (int i = 0; i < 1000; i++)
		gospy_json_array_end(&json);
	assert_int_equal(output.size, 2000);
	gospy_output_deinit(&output);
}

#define PROCESS                                                                                    \
	"{\"process\":{\"pid\":4711,\"exe\":\"/usr/bin/prometheus\",\"exe_deleted\":false,"        \
	"\"name\":\"prometheus\",\"go_version\":\"go1.19.8\","                                     \
	"\"main_module\":\"example.org/\\\"m\\\"\",\"main_version\":\"\",\"gomaxprocs\":2,"        \
	"\"build_id\":\"0a1b\",\"arch\":\"amd64\",\"pie\":false,\"dwarf\":false,"                  \
	"\"layout\":\"types\",\"cgroup\":\"/x\",\"rss\":4096},"                                    \
	"\"capture\":{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"stop\":\"ptrace\","            \
	"\"pause_ns\":1500000,\"duration_ns\":3000000,\"torn\":1,\"retried\":0},"                  \
	"\"threads\":{\"total\":7,\"running\":1,\"sleeping\":4,\"stopped\":1,\"zombie\":1},"       \
	"\"processors\":[{\"id\":0,\"status\":\"idle\",\"schedtick\":642,\"syscalltick\":81,"      \
	"\"m\":null,\"run_queue\":0},{\"id\":1,\"status\":\"running\",\"schedtick\":7,"            \
	"\"syscalltick\":8,\"m\":3,\"run_queue\":2}],"                                             \
	"\"counts\":{\"total\":4,\"idle\":0,\"runnable\":1,\"running\":1,\"syscall\":0,"           \
	"\"waiting\":2,\"dead\":3},\"warnings\":[\"a warning\"],"

#define SECOND                                                                                     \
	"{\"id\":2,\"status\":\"waiting\",\"wait_reason\":\"select\",\"wait_ns\":312000000000,"    \
	"\"thread\":null,\"locked\":false,\"system\":false,\"parent_id\":1,"                       \
	"\"labels\":{\"tenant\":\"acme\"},\"torn\":false,\"incomplete\":false,\"stale\":false,"    \
	"\"current\":{\"func\":\"main.inner\",\"file\":\"/app/main.go\",\"line\":33,"              \
	"\"pc\":\"0x4000\"},"                                                                      \
	"\"start\":{\"func\":\"main.worker\",\"file\":\"/app/main.go\",\"line\":40,"               \
	"\"pc\":\"0x1028\"},"                                                                      \
	"\"caller\":{\"func\":\"main.start\",\"file\":\"/app/main.go\",\"line\":99,"               \
	"\"pc\":\"0x1063\"}"

#define SECOND_STACK                                                                               \
	",\"stack\":[{\"func\":\"main.inner\",\"file\":\"/app/main.go\",\"line\":33,"              \
	"\"pc\":\"0x4000\",\"inlined\":true},{\"func\":\"main.worker\","                           \
	"\"file\":\"/app/main.go\",\"line\":44,\"pc\":\"0x4000\",\"inlined\":false},"              \
	"{\"func\":\"runtime.goexit\",\"file\":\"/go/asm.s\",\"line\":10,\"pc\":\"0x100a\","       \
	"\"inlined\":false}]"

static void summary_is_a_dump_without_stacks(void **state)
{
	(void)state;
	struct gospy_view_options options = {.filter = "id == 2"};
	char *got = render_sample(options, GOSPY_FORMAT_JSON, gospy_render_summary, NULL);

	assert_string_equal(got, PROCESS "\"matched\":1,\"goroutines\":[" SECOND "}]}\n");
	free(got);
	got = render_sample(options, GOSPY_FORMAT_JSON, gospy_render_dump, NULL);
	assert_string_equal(got,
			    PROCESS "\"matched\":1,\"goroutines\":[" SECOND SECOND_STACK "}]}\n");
	free(got);
}

static void ndjson_is_one_goroutine_a_line(void **state)
{
	(void)state;
	struct gospy_view_options options = {.filter = "worker"};
	char *got = render_sample(options, GOSPY_FORMAT_NDJSON, gospy_render_dump, NULL);
	char *second = strchr(got, '\n');

	assert_non_null(second);
	assert_memory_equal(got, SECOND SECOND_STACK "}\n", strlen(SECOND SECOND_STACK "}\n"));
	assert_memory_equal(second, "\n{\"id\":3,", 9);
	assert_string_equal(strchr(second + 1, '\n'), "\n");
	free(got);
}

static void groups_name_their_goroutines(void **state)
{
	(void)state;
	struct gospy_view_options options = {.group = GOSPY_VIEW_GROUP_STACK, .limit = 2};
	char *got = render_sample(options, GOSPY_FORMAT_JSON, gospy_render_summary, NULL);

	assert_non_null(strstr(got,
			       "\"matched\":4,\"groups\":["
			       "{\"count\":2,\"min_wait_ns\":0,\"max_wait_ns\":312000000000,"
			       "\"ids\":[2,3]},"
			       "{\"count\":1,\"min_wait_ns\":0,\"max_wait_ns\":0,\"ids\":[1]}],"
			       "\"goroutines\":[{\"id\":2,"));
	free(got);
}

static void arguments_stand_in_their_frames(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_sample();
	struct gospy_view view;
	struct gospy_view_options options = {.filter = "id == 2"};
	struct gospy_output output;
	static const char *const texts[] = {"0x1", "0x2", "...", "{0x3, _}", "0x4?"};

	s->goroutines.argument_start = calloc(5, sizeof(uint64_t));
	assert_non_null(s->goroutines.argument_start);
	s->goroutines.argument_start[1] = 2;
	for (size_t i = 0; i < 5; i++)
		assert_true(gospy_u32_vec_append(&s->arguments, build_string(s, texts[i])));
	assert_null(gospy_view_init(&view, s, &options));
	gospy_output_init_memory(&output);
	assert_null(gospy_render_dump(&view, GOSPY_FORMAT_NDJSON, &output));
	assert_non_null(strstr(output.data, "\"inlined\":true,\"args\":\"...\"},{"));
	assert_non_null(strstr(output.data, "\"inlined\":false,\"args\":\"{0x3, _}\"},{"));
	assert_non_null(strstr(output.data, "\"inlined\":false,\"args\":\"0x4?\"}]}\n"));
	gospy_output_deinit(&output);
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_always_utf8),
		cmocka_unit_test(commas_and_keys_are_the_writers_job),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(summary_is_a_dump_without_stacks),
		cmocka_unit_test(ndjson_is_one_goroutine_a_line),
		cmocka_unit_test(groups_name_their_goroutines),
		cmocka_unit_test(arguments_stand_in_their_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
