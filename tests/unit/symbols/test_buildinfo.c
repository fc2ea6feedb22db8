/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gospy/buildinfo.h>

#include "image_maker.h"

enum { DATA_ADDRESS = 0x500000 };

/* The sentinels that frame the module lines, cmd/go/internal/modload/build.go. */
static const char start[] = "0w\xaf\x0c\x92t\b\x02"
			    "A\xe1\xc1\a\xe6\xd6\x18\xe6";
static const char end[] = "\xf9"
			  "2C1\x86\x18 r\0\x82"
			  "B\x10"
			  "A\x16\xd8\xf2";
static const char lines[] = "path\texample.org/cmd/x\n"
			    "mod\texample.org/cmd\tv1.2.3\th1:abc=\n"
			    "dep\texample.org/d\tv0.1.0\t\n"
			    "build\t-compiler=gc\n";

struct blob {
	uint8_t bytes[1024];
	uint64_t size;
};

static void append(struct blob *blob, const void *data, uint64_t size)
{
	assert_true(blob->size + size <= sizeof(blob->bytes));
	memcpy(blob->bytes + blob->size, data, size);
	blob->size += size;
}

/** The 32-byte header: magic, pointer size, flags, two words. */
static void append_header(struct blob *blob, uint8_t flags, uint64_t version, uint64_t modinfo)
{
	uint8_t header[32] = "\xff Go buildinf:";

	header[14] = 8;
	header[15] = flags;
	elf_put(header, 16, version, 8);
	elf_put(header, 24, modinfo, 8);
	append(blob, header, sizeof(header));
}

static void append_modinfo(struct blob *blob)
{
	append(blob, start, 16);
	append(blob, lines, sizeof(lines) - 1);
	append(blob, end, 16);
}

/** Go 1.18 and newer. */
static void append_inline(struct blob *blob, const char *version)
{
	uint64_t size = 32 + sizeof(lines) - 1;
	uint8_t length = (uint8_t)strlen(version);
	uint8_t modinfo_length[2] = {(uint8_t)(size & 127) | 128, (uint8_t)(size >> 7)};

	append_header(blob, 2, 0, 0);
	append(blob, &length, 1);
	append(blob, version, length);
	append(blob, modinfo_length, 2);
	append_modinfo(blob);
}

/** An image with `blob` as its data, and with a section for it if `section`. */
static void make(const struct blob *blob, bool section, struct gospy_image *ret)
{
	struct elf_writer elf = {0};

	elf_add_load(&elf, ELF_R | ELF_W, DATA_ADDRESS, blob->bytes, blob->size);
	if (section)
		elf_add_mapped_section(&elf, ".go.buildinfo", ELF_PROGBITS, DATA_ADDRESS,
				       blob->size);
	assert_null(make_image(&elf, ret));
}

static void reads_inline_strings(void **state)
{
	(void)state;
	for (int section = 0; section < 2; section++) {
		struct blob blob = {0};
		struct gospy_image image;
		struct gospy_buildinfo info;

		append_inline(&blob, "go1.22.12");
		make(&blob, section, &image);
		assert_null(gospy_buildinfo_read(&image, &info));
		assert_string_equal(info.version, "go1.22.12");
		assert_string_equal(info.modinfo, lines);
		assert_int_equal(info.version_header, 0);
		gospy_buildinfo_deinit(&info);
		gospy_image_deinit(&image);
	}
}

static void reads_strings_behind_pointers(void **state)
{
	(void)state;
	struct blob blob = {0};
	struct gospy_image image;
	struct gospy_buildinfo info;
	uint64_t words[4] = {DATA_ADDRESS + 64, 8, DATA_ADDRESS + 80, 32 + sizeof(lines) - 1};

	append_header(&blob, 0, DATA_ADDRESS + 32, DATA_ADDRESS + 48);
	append(&blob, words, sizeof(words));
	append(&blob, "go1.17.1--------", 16);
	append_modinfo(&blob);
	make(&blob, false, &image);
	assert_null(gospy_buildinfo_read(&image, &info));
	assert_string_equal(info.version, "go1.17.1");
	assert_string_equal(info.modinfo, lines);
	assert_int_equal(info.version_header, DATA_ADDRESS + 32);
	assert_int_equal(info.modinfo_header, DATA_ADDRESS + 48);
	gospy_buildinfo_deinit(&info);
	gospy_image_deinit(&image);
}

/** The strings of a program that sets them at run time only. */
static void tells_where_strings_will_be(void **state)
{
	(void)state;
	struct blob blob = {0};
	struct gospy_image image;
	struct gospy_buildinfo info;
	uint64_t words[4] = {0};

	append_header(&blob, 0, DATA_ADDRESS + 32, DATA_ADDRESS + 48);
	append(&blob, words, sizeof(words));
	make(&blob, true, &image);
	assert_null(gospy_buildinfo_read(&image, &info));
	assert_string_equal(info.version, "");
	assert_string_equal(info.modinfo, "");
	assert_int_equal(info.version_header, DATA_ADDRESS + 32);
	gospy_buildinfo_deinit(&info);
	gospy_image_deinit(&image);
}

/** Programs that look for the magic hold it themselves: off its boundary, or with nothing sensible
 * behind. */
static void passes_by_what_is_no_header(void **state)
{
	(void)state;
	struct blob blob = {0};
	struct gospy_image image;
	struct gospy_buildinfo info;

	append(&blob, "12345678\xff Go buildinf:\x08\x02 and some more text, 48", 48);
	append_header(&blob, 2, 0, 0);
	append(&blob, "\x05\x01\x02\x03\x04\x05----------", 16);
	append_header(&blob, 0, 0x1234, 0x1234);
	append_inline(&blob, "devel +0123abcd");
	make(&blob, false, &image);
	assert_null(gospy_buildinfo_read(&image, &info));
	assert_string_equal(info.version, "devel +0123abcd");
	gospy_buildinfo_deinit(&info);
	gospy_image_deinit(&image);
}

static void reports_none(void **state)
{
	(void)state;
	struct blob blob = {0};
	struct gospy_image image;
	struct gospy_buildinfo info;

	append(&blob, "nothing of that kind is in these bytes", 38);
	make(&blob, false, &image);
	struct gospy_error *err = gospy_buildinfo_read(&image, &info);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
	gospy_image_deinit(&image);
}

/** Cut anywhere it is not found; lengths beyond the end are not followed. */
static void survives_truncation(void **state)
{
	(void)state;
	struct blob whole = {0};

	append_inline(&whole, "go1.22.12");
	for (uint64_t size = 1; size < whole.size; size++) {
		struct blob blob = whole;
		struct gospy_image image;
		struct gospy_buildinfo info;

		blob.size = size;
		make(&blob, true, &image);
		struct gospy_error *err = gospy_buildinfo_read(&image, &info);
		assert_true(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
		gospy_image_deinit(&image);
	}
}

static void expect_module(const char *modinfo, const char *path, const char *version)
{
	_cleanup_free_ char *got_path = NULL, *got_version = NULL;

	assert_null(gospy_buildinfo_main_module(modinfo, &got_path, &got_version));
	assert_string_equal(got_path, path);
	assert_string_equal(got_version, version);
}

static void tells_the_main_module(void **state)
{
	(void)state;
	expect_module(lines, "example.org/cmd", "v1.2.3");
	expect_module("path\tcommand-line-arguments\n", "command-line-arguments", "");
	expect_module("path\tx\nmod\ty\t(devel)\t\n", "y", "(devel)");
	expect_module("mod\ty", "y", "");
	expect_module("model\ty\n", "", "");
	expect_module("", "", "");
}

static void expect_version(const char *text, int major, int minor, int patch)
{
	struct gospy_go_version version = gospy_go_version_parse(text);

	assert_int_equal(version.major, major);
	assert_int_equal(version.minor, minor);
	assert_int_equal(version.patch, patch);
}

static void parses_versions(void **state)
{
	(void)state;
	expect_version("go1.22.12", 1, 22, 12);
	expect_version("go1.21", 1, 21, 0);
	expect_version("go1.20rc1", 1, 20, 0);
	expect_version("go1.22.12 X:nocoverageredesign", 1, 22, 12);
	expect_version("go1.19.8-custom", 1, 19, 8);
	expect_version("devel go1.24-abcd Tue Jan 7 2025", 1, 24, 0);
	expect_version("go1.99.0", 1, 99, 0);
	expect_version("devel +0123abcd", -1, -1, 0);
	expect_version("go1", 1, -1, 0);
	expect_version("go1.x", 1, -1, 0);
	expect_version("", -1, -1, 0);
	expect_version("weekly.2012-03-27", -1, -1, 0);
	expect_version("go1.99999999999999999999.1", 1, -1, 0);
}

static void takes_the_marks_off_module_lines(void **state)
{
	(void)state;
	/* The marks of cmd/go/internal/modload/build.go, in hexadecimal there too. */
	static const char framed[] =
		"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
		"path\tx\n"
		"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
	const char *text = framed;
	uint64_t size = sizeof(framed) - 1;

	gospy_buildinfo_unframe(&text, &size);
	assert_int_equal(size, 7);
	assert_memory_equal(text, "path\tx\n", 7);
	gospy_buildinfo_unframe(&text, &size);
	assert_int_equal(size, 0);
	text = framed;
	size = 32;
	gospy_buildinfo_unframe(&text, &size);
	assert_int_equal(size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_inline_strings),
		cmocka_unit_test(reads_strings_behind_pointers),
		cmocka_unit_test(tells_where_strings_will_be),
		cmocka_unit_test(passes_by_what_is_no_header),
		cmocka_unit_test(reports_none),
		cmocka_unit_test(survives_truncation),
		cmocka_unit_test(tells_the_main_module),
		cmocka_unit_test(parses_versions),
		cmocka_unit_test(takes_the_marks_off_module_lines),
	};

	return cmocka_run_group_tests_name("buildinfo", tests, NULL, NULL);
}
