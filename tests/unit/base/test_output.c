/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <gospy/output.h>

static void formats_numbers(void **state)
{
	(void)state;
	struct gospy_output out;

	gospy_output_init_memory(&out);
	gospy_output_u64(&out, 0);
	gospy_output_char(&out, ' ');
	gospy_output_u64(&out, UINT64_MAX);
	gospy_output_char(&out, ' ');
	gospy_output_hex(&out, 0);
	gospy_output_char(&out, ' ');
	gospy_output_hex(&out, UINT64_MAX);
	assert_string_equal(out.data, "0 18446744073709551615 0x0 0xffffffffffffffff");
	assert_null(gospy_output_flush(&out));
	gospy_output_deinit(&out);
}

static void formats_text_longer_than_its_small_buffer(void **state)
{
	(void)state;
	char text[2000];
	struct gospy_output out;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	gospy_output_init_memory(&out);
	gospy_output_format(&out, "<%s>", text);
	assert_int_equal(out.size, sizeof(text) + 1);
	assert_int_equal(out.data[out.size - 1], '>');
	gospy_output_deinit(&out);
}

static void escapes_what_commands_a_terminal(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *safe;
	} cases[] = {
		{"plain main.f", "plain main.f"},
		{"\033[31mred", "\\x1b[31mred"},
		{"tab\tnl\n", "tab\\x09nl\\x0a"},
		{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xb9",
		 "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xb9"},
		/* C1 control, right-to-left override, overlong slash, surrogate, a lone lead byte.
		 */
		{"\xc2\x9b", "\\xc2\\x9b"},
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"},
		{"\xc0\xaf", "\\xc0\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"a\xe2", "a\\xe2"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gospy_output out;
		gospy_output_init_memory(&out);
		gospy_output_escaped(&out, cases[i].raw, strlen(cases[i].raw));
		assert_string_equal(out.data, cases[i].safe);
		gospy_output_deinit(&out);
	}
}

static void reports_a_full_device(void **state)
{
	(void)state;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct gospy_output out;

	assert_true(fd >= 0);
	gospy_output_init_fd(&out, fd);
	gospy_output_string(&out, "text");
	_cleanup_error_ struct gospy_error *err = gospy_output_flush(&out);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_OS);
	gospy_output_deinit(&out);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_numbers),
		cmocka_unit_test(formats_text_longer_than_its_small_buffer),
		cmocka_unit_test(escapes_what_commands_a_terminal),
		cmocka_unit_test(reports_a_full_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
