/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/text.h>

/** The Unicode Standard 15, table 3-7: the first and the last sequence of each of its rows. */
static void decodes_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t point;
	} cases[] = {
		{"\x01", 0x01},
		{"\x7f", 0x7f},
		{"\xc2\x80", 0x80},
		{"\xdf\xbf", 0x7ff},
		{"\xe0\xa0\x80", 0x800},
		{"\xe0\xbf\xbf", 0xfff},
		{"\xe1\x80\x80", 0x1000},
		{"\xec\xbf\xbf", 0xcfff},
		{"\xed\x80\x80", 0xd000},
		{"\xed\x9f\xbf", 0xd7ff},
		{"\xee\x80\x80", 0xe000},
		{"\xef\xbf\xbf", 0xffff},
		{"\xf0\x90\x80\x80", 0x10000},
		{"\xf3\xbf\xbf\xbf", 0xfffff},
		{"\xf4\x80\x80\x80", 0x100000},
		{"\xf4\x8f\xbf\xbf", 0x10ffff},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t point = 0;
		size_t size = strlen(cases[i].text);
		assert_int_equal(gospy_text_decode(cases[i].text, size, &point), size);
		assert_int_equal(point, cases[i].point);
		assert_int_equal(gospy_text_decode(cases[i].text, 4, &point), size);
		assert_int_equal(gospy_text_decode(cases[i].text, size - 1, &point), 0);
	}
}

static void refuses_what_is_no_utf8(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xe0\x9f\xbf",
		"\xe2\x82",
		"\xe2\x82\x41",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf0\x90\x80\x41",
		"\xff",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t point = 7;
		assert_int_equal(gospy_text_decode(cases[i], strlen(cases[i]), &point), 0);
		assert_int_equal(gospy_text_decode(cases[i], 4, &point), 0);
		assert_int_equal(point, 7);
	}
}

static void knows_printable_texts(void **state)
{
	(void)state;
	assert_true(gospy_text_is_printable("", 0));
	assert_true(gospy_text_is_printable(" azAZ~", 6));
	assert_false(gospy_text_is_printable("a\x1f", 2));
	assert_false(gospy_text_is_printable("a\x7f", 2));
	assert_false(gospy_text_is_printable("\xc3\xa4", 2));
	assert_false(gospy_text_is_printable("a\0b", 3));
}

static void finds_a_text_among_others(void **state)
{
	(void)state;
	static const char *const texts[] = {"one", "two"};

	assert_true(gospy_text_is_one_of("one", texts, 2));
	assert_true(gospy_text_is_one_of("two", texts, 2));
	assert_false(gospy_text_is_one_of("tw", texts, 2));
	assert_false(gospy_text_is_one_of("two", texts, 1));
}

static void reads_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"0s", 0},
		{"1ns", 1},
		{"0.4ns", 0},
		{"0.5ns", 1},
		{"20us", 20000},
		{"20µs", 20000},
		{"250ms", 250000000},
		{"1.5s", 1500000000},
		{".5s", 500000000},
		{"1h30m", UINT64_C(5400000000000)},
		{"1m0.25s", UINT64_C(60250000000)},
		{"2d", UINT64_C(172800000000000)},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 7;
		assert_true(gospy_text_duration(cases[i].text, &ns));
		assert_int_equal(ns, cases[i].ns);
	}
}

static void refuses_what_is_no_duration(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",	   "0",
		"5",	   "s",
		"-1s",	   "+1s",
		" 1s",	   "1 s",
		"1s ",	   "1x",
		".s",	   "1m2",
		"1.2.3s",  "1e3s",
		"0x10s",   "inf",
		"nan",	   "1S",
		"9e30h",   "1µ",
		"200000d", "99999999999999999999999999h",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 7;
		if (gospy_text_duration(cases[i], &ns))
			fail_msg("'%s' is taken for a duration", cases[i]);
		assert_int_equal(ns, 7);
	}
}

/** Values of the authors' reference (draft-eastlake-fnv, appendix C), folded. */
static void hashes_as_fnv_does(void **state)
{
	(void)state;
	const uint64_t empty = UINT64_C(0xcbf29ce484222325), foobar = UINT64_C(0x85944171f73967e8);

	assert_true(gospy_text_hash("", 0) == (empty ^ empty >> 32));
	assert_true(gospy_text_hash("foobar", 6) == (foobar ^ foobar >> 32));
}

static void makes_texts(void **state)
{
	(void)state;
	char *text = gospy_text_format("%s %d%%", "half", 50);

	assert_string_equal(text, "half 50%");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_texts),
		cmocka_unit_test(decodes_utf8),
		cmocka_unit_test(refuses_what_is_no_utf8),
		cmocka_unit_test(knows_printable_texts),
		cmocka_unit_test(finds_a_text_among_others),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(refuses_what_is_no_duration),
		cmocka_unit_test(hashes_as_fnv_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
