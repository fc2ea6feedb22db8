/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "image_maker.h"

static const uint8_t text[32] = "text";
static const uint8_t data[16] = "data";

static void add_loads(struct elf_writer *elf)
{
	elf_add_load(elf, ELF_R | ELF_W, 0x602000, data, sizeof(data));
	elf_add_load(elf, ELF_R | ELF_X, 0x401100, text, sizeof(text));
}

/** What gospy_image_init says of `size` bytes at `bytes`. */
static void expect_refused(const void *bytes, uint64_t size, enum gospy_error_code code,
			   const char *message)
{
	struct gospy_source source;
	struct gospy_image image = {.dynamic = true};

	gospy_source_init_buffer(&source, bytes, size);
	_cleanup_error_ struct gospy_error *err = gospy_image_init(&image, &source);
	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_string_equal(err->message, message);
	assert_true(image.dynamic);
	assert_ptr_equal(source.data, bytes);
}

static void reads_segments_in_order_of_address(void **state)
{
	(void)state;
	struct elf_writer elf = {.type = ELF_DYN, .machine = ELF_ARM64};
	struct gospy_image image;

	add_loads(&elf);
	assert_null(make_image(&elf, &image));
	assert_int_equal(image.machine, GOSPY_IMAGE_ARM64);
	assert_true(image.dynamic);
	assert_int_equal(image.segments.size, 2);
	assert_int_equal(image.segments.data[0].address, 0x401100);
	assert_true(image.segments.data[0].executable);
	assert_false(image.segments.data[0].writable);
	assert_true(image.segments.data[1].writable);
	assert_int_equal(image.sections.size, 0);
	assert_false(image.has_dwarf);
	assert_string_equal(image.build_id, "");
	gospy_image_deinit(&image);
}

static void resolves_addresses_within_the_file_part(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_image image;

	add_loads(&elf);
	elf.segments[0].memory_size = 4096;
	assert_null(make_image(&elf, &image));
	assert_memory_equal(gospy_image_at(&image, 0x401100, 4), "text", 4);
	assert_memory_equal(gospy_image_at(&image, 0x602002, 2), "ta", 2);
	assert_non_null(gospy_image_at(&image, 0x602000, 16));
	assert_null(gospy_image_at(&image, 0x602000, 17));
	assert_null(gospy_image_at(&image, 0x602010, 1));
	assert_null(gospy_image_at(&image, 0x4010ff, 1));
	assert_null(gospy_image_at(&image, UINT64_MAX, 1));
	assert_null(gospy_image_at(&image, 0x401100, UINT64_MAX));
	assert_int_equal(gospy_image_left(&image, 0x602006), 10);
	assert_int_equal(gospy_image_left(&image, 0x602010), 0);
	assert_int_equal(gospy_image_left(&image, 0x500000), 0);
	gospy_image_deinit(&image);
}

static void reads_sections_by_name(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_image image;

	add_loads(&elf);
	elf_add_mapped_section(&elf, ".text", ELF_PROGBITS, 0x401104, 8);
	elf_add_section(&elf, ".bss", ELF_NOBITS, NULL, UINT64_MAX);
	elf_add_section(&elf, ".debug_info", ELF_PROGBITS, "xyz", 3);
	assert_null(make_image(&elf, &image));
	const struct gospy_section *section = gospy_image_section(&image, ".text");
	assert_non_null(section);
	assert_int_equal(section->address, 0x401104);
	assert_int_equal(section->size, 8);
	assert_ptr_equal(image.source.data + section->offset, gospy_image_at(&image, 0x401104, 8));
	assert_null(gospy_image_section(&image, ".tex"));
	assert_true(image.has_dwarf);
	gospy_image_deinit(&image);
}

static bool may_be_go(const char *section)
{
	struct elf_writer elf = {0};
	struct gospy_image image;

	add_loads(&elf);
	if (section)
		elf_add_section(&elf, section, ELF_PROGBITS, "xyz", 3);
	assert_null(make_image(&elf, &image));
	bool may_be = gospy_image_may_be_go(&image);
	gospy_image_deinit(&image);
	return may_be;
}

static void tells_what_may_be_go_by_its_sections(void **state)
{
	(void)state;
	assert_true(may_be_go(".go.buildinfo"));
	assert_true(may_be_go(".data.rel.ro.gopclntab"));
	assert_true(may_be_go(".note.go.buildid"));
	assert_true(may_be_go(NULL));
	assert_false(may_be_go(".debug_info"));
}

/** A note as of the System V gABI: sizes, type, name, padding, description. */
static const uint8_t gnu_note[] = {4, 0, 0,   0,   3,	0, 0,	 0,    3,    0,
				   0, 0, 'G', 'N', 'U', 0, 0xab, 0xcd, 0x01, 0};
static const uint8_t go_note[] = {4,   0,   0, 0, 7,   0,   0,	 0,   4,   0,	0,   0,
				  'G', 'o', 0, 0, 'a', '/', 'b', '/', 'c', '/', 'd', 0};

static void reads_build_ids_by_section(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_image image;

	add_loads(&elf);
	elf_add_section(&elf, ".note.gnu.build-id", ELF_NOTE, gnu_note, sizeof(gnu_note));
	elf_add_section(&elf, ".note.go.buildid", ELF_NOTE, go_note, sizeof(go_note));
	assert_null(make_image(&elf, &image));
	assert_string_equal(image.build_id, "abcd01");
	assert_string_equal(image.go_build_id, "a/b/c/d");
	gospy_image_deinit(&image);
}

static void reads_build_ids_by_segment(void **state)
{
	(void)state;
	uint8_t both[sizeof(gnu_note) + sizeof(go_note)];
	struct elf_writer elf = {0};
	struct gospy_image image;

	memcpy(both, go_note, sizeof(go_note));
	memcpy(both + sizeof(go_note), gnu_note, sizeof(gnu_note));
	add_loads(&elf);
	elf_add_note_segment(&elf, both, sizeof(both));
	assert_null(make_image(&elf, &image));
	assert_string_equal(image.build_id, "abcd01");
	assert_string_equal(image.go_build_id, "a/b/c/d");
	gospy_image_deinit(&image);
}

static void ignores_notes_that_lie(void **state)
{
	(void)state;
	uint8_t note[sizeof(gnu_note)];
	struct elf_writer elf = {0};
	struct gospy_image image;

	memcpy(note, gnu_note, sizeof(note));
	elf_put(note, 4, UINT32_MAX, 4);
	add_loads(&elf);
	elf_add_note_segment(&elf, note, sizeof(note));
	elf_add_note_segment(&elf, go_note, 14);
	assert_null(make_image(&elf, &image));
	assert_string_equal(image.build_id, "");
	assert_string_equal(image.go_build_id, "");
	gospy_image_deinit(&image);
}

/** Elf64_Sym: name, info, other, section, value, size. */
static void put_symbol(uint8_t *table, unsigned int index, uint32_t name, uint8_t info,
		       uint16_t section, uint64_t value)
{
	memset(table + index * 24, 0, 24);
	elf_put(table + index * 24, 0, name, 4);
	elf_put(table + index * 24, 4, info, 1);
	elf_put(table + index * 24, 6, section, 2);
	elf_put(table + index * 24, 8, value, 8);
}

static void add_symbols(struct elf_writer *elf, const char *name, uint32_t type,
			const uint8_t *table, uint64_t size, const char *strings,
			uint64_t strings_size)
{
	unsigned int names = elf_add_section(elf, ".strings", ELF_STRTAB, strings, strings_size);
	unsigned int number = elf_add_section(elf, name, type, table, size);

	elf->sections[number - 1].link = names;
	elf->sections[number - 1].entry_size = 24;
}

static void finds_symbols(void **state)
{
	(void)state;
	static const char strings[] = "\0runtime.allgs\0runtime.sched\0printf";
	static const char dynamic_strings[] = "\0runtime.sched\0malloc";
	uint8_t symbols[5 * 24], dynamic[3 * 24];
	struct elf_writer elf = {0};
	struct gospy_image image;
	uint64_t address = 7;

	put_symbol(symbols, 0, 0, 0, 0, 0);
	put_symbol(symbols, 1, 1, 1, 1, 0x602000);
	put_symbol(symbols, 2, 15, 1, 1, 0x602008);
	put_symbol(symbols, 3, 29, 2, 0, 0);
	put_symbol(symbols, 4, 1000, 1, 1, 5);
	put_symbol(dynamic, 0, 0, 0, 0, 0);
	put_symbol(dynamic, 1, 1, 1, 1, 0x9999);
	put_symbol(dynamic, 2, 15, 1, 1, 0x401100);
	add_loads(&elf);
	add_symbols(&elf, ".dynsym", ELF_DYNSYM, dynamic, sizeof(dynamic), dynamic_strings,
		    sizeof(dynamic_strings));
	add_symbols(&elf, ".symtab", ELF_SYMTAB, symbols, sizeof(symbols), strings,
		    sizeof(strings));
	assert_null(make_image(&elf, &image));
	assert_null(gospy_image_symbol(&image, "runtime.allgs", &address));
	assert_int_equal(address, 0x602000);
	/* .symtab goes first. */
	assert_null(gospy_image_symbol(&image, "runtime.sched", &address));
	assert_int_equal(address, 0x602008);
	assert_null(gospy_image_symbol(&image, "malloc", &address));
	assert_int_equal(address, 0x401100);

	/* Undefined, and not there. */
	struct gospy_error *err = gospy_image_symbol(&image, "printf", &address);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
	err = gospy_image_symbol(&image, "runtime", &address);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
	assert_int_equal(address, 0x401100);
	gospy_image_deinit(&image);
}

static void has_no_symbols_when_stripped(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_image image;
	uint64_t address;

	add_loads(&elf);
	assert_null(make_image(&elf, &image));
	struct gospy_error *err = gospy_image_symbol(&image, "main", &address);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
	gospy_image_deinit(&image);
}

/** Symbols that all share one long string would make the table cost their product. */
static void refuses_symbols_that_multiply_work(void **state)
{
	(void)state;
	enum { COUNT = 4096, LENGTH = 60000 };
	_cleanup_free_ char *strings = malloc(LENGTH + 2);
	_cleanup_free_ uint8_t *symbols = malloc(COUNT * 24);
	struct elf_writer elf = {0};
	struct gospy_image image;
	uint64_t address;

	memset(strings, 'x', LENGTH + 2);
	strings[0] = strings[LENGTH + 1] = 0;
	for (unsigned int i = 0; i < COUNT; i++)
		put_symbol(symbols, i, 1 + i, 1, 1, i);
	add_loads(&elf);
	add_symbols(&elf, ".symtab", ELF_SYMTAB, symbols, COUNT * 24, strings, LENGTH + 2);
	assert_null(make_image(&elf, &image));
	struct gospy_error *err = gospy_image_symbol(&image, "x", &address);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA));
	gospy_image_deinit(&image);
}

static void refuses_other_files(void **state)
{
	(void)state;
	uint8_t bytes[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	expect_refused("", 0, GOSPY_ERROR_BAD_DATA, "not an ELF file");
	expect_refused("#!/bin/sh\nexec something\n", 25, GOSPY_ERROR_BAD_DATA, "not an ELF file");
	expect_refused(bytes, 63, GOSPY_ERROR_BAD_DATA,
		       "the ELF file is truncated: its headers lie outside of it");
	elf_put(bytes, 16, 1, 2);
	expect_refused(bytes, 64, GOSPY_ERROR_BAD_DATA,
		       "an ELF file, but neither a program nor a library");
	elf_put(bytes, 16, ELF_EXEC, 2);
	elf_put(bytes, 18, 243, 2);
	expect_refused(bytes, 64, GOSPY_ERROR_UNSUPPORTED,
		       "an ELF file for another machine (number 243)");
	bytes[5] = 2;
	expect_refused(bytes, 64, GOSPY_ERROR_UNSUPPORTED, "a big-endian ELF file");
	bytes[4] = 1;
	expect_refused(bytes, 52, GOSPY_ERROR_UNSUPPORTED, "a 32-bit ELF file");
	bytes[4] = 9;
	bytes[5] = 1;
	expect_refused(bytes, 64, GOSPY_ERROR_BAD_DATA, "a malformed ELF file");
}

/** A file that ends anywhere before its end is refused, with or without section headers. */
static void refuses_truncated_files(void **state)
{
	(void)state;
	for (int sections = 0; sections < 2; sections++) {
		struct elf_writer elf = {0};

		add_loads(&elf);
		if (sections)
			elf_add_mapped_section(&elf, ".text", ELF_PROGBITS, 0x401100, 8);
		elf_finish(&elf);
		for (uint64_t size = 0; size < elf.size; size++) {
			_cleanup_free_ uint8_t *copy = malloc(size + !size);
			struct gospy_source source;
			struct gospy_image image;

			memcpy(copy, elf.bytes, size);
			gospy_source_init_buffer(&source, copy, size);
			struct gospy_error *err = gospy_image_init(&image, &source);
			assert_true(gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA));
		}
		free(elf.bytes);
	}
}

/** Sets `size` bytes at `offset` of a small whole file to `value` and expects BAD_DATA. */
static void expect_bad(uint64_t offset, uint64_t value, unsigned int size, const char *message)
{
	struct elf_writer elf = {0};

	add_loads(&elf);
	elf_finish(&elf);
	elf_put(elf.bytes, offset, value, size);
	expect_refused(elf.bytes, elf.size, GOSPY_ERROR_BAD_DATA, message);
	free(elf.bytes);
}

static void refuses_numbers_that_wrap(void **state)
{
	(void)state;
	const char *segments = "the ELF file is truncated: its segments lie outside of it";

	expect_bad(32, UINT64_MAX - 8, 8,
		   "the ELF file is truncated: its program headers lie outside of it");
	expect_bad(40, UINT64_MAX - 8, 8,
		   "the ELF file is truncated: its section headers lie outside of it");
	expect_bad(54, 57, 2, "a malformed ELF file");
	/* The first program header: offset, address, file size, memory size. */
	expect_bad(64 + 8, UINT64_MAX, 8, segments);
	expect_bad(64 + 16, UINT64_MAX - 8, 8, "a malformed ELF file");
	expect_bad(64 + 32, UINT64_MAX, 8, "a malformed ELF file");
	expect_bad(64 + 40, 8, 8, "a malformed ELF file");
}

static void reads_large_counts_from_section_zero(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_source source;
	struct gospy_image image;
	uint64_t table;

	add_loads(&elf);
	elf_add_mapped_section(&elf, ".text", ELF_PROGBITS, 0x401100, 8);
	elf_finish(&elf);
	memcpy(&table, elf.bytes + 40, 8);
	elf_put(elf.bytes, 56, 0xffff, 2);
	elf_put(elf.bytes, 60, 0, 2);
	elf_put(elf.bytes, 62, 0xffff, 2);
	elf_put(elf.bytes, table + 32, 3, 8);
	elf_put(elf.bytes, table + 40, 2, 4);
	elf_put(elf.bytes, table + 44, 2, 4);
	gospy_source_init_owned(&source, elf.bytes, elf.size);
	assert_null(gospy_image_init(&image, &source));
	assert_int_equal(image.segments.size, 2);
	assert_int_equal(image.sections.size, 3);
	assert_non_null(gospy_image_section(&image, ".text"));
	gospy_image_deinit(&image);
}

/** As objcopy --only-keep-debug makes them: segments speak of bytes that were left out. */
static void opens_files_with_debug_information_only(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_source source;
	struct gospy_image image;

	add_loads(&elf);
	elf_add_section(&elf, ".text", ELF_NOBITS, NULL, 32);
	elf_add_section(&elf, ".debug_info", ELF_PROGBITS, "xyz", 3);
	elf_finish(&elf);
	elf_put(elf.bytes, 64 + 8, elf.size + 4096, 8);
	gospy_source_init_owned(&source, elf.bytes, elf.size);
	assert_null(gospy_image_init(&image, &source));
	assert_true(image.has_dwarf);
	assert_null(gospy_image_at(&image, 0x602000, 1));
	gospy_image_deinit(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_segments_in_order_of_address),
		cmocka_unit_test(resolves_addresses_within_the_file_part),
		cmocka_unit_test(reads_sections_by_name),
		cmocka_unit_test(tells_what_may_be_go_by_its_sections),
		cmocka_unit_test(reads_build_ids_by_section),
		cmocka_unit_test(reads_build_ids_by_segment),
		cmocka_unit_test(ignores_notes_that_lie),
		cmocka_unit_test(finds_symbols),
		cmocka_unit_test(has_no_symbols_when_stripped),
		cmocka_unit_test(refuses_symbols_that_multiply_work),
		cmocka_unit_test(refuses_other_files),
		cmocka_unit_test(refuses_truncated_files),
		cmocka_unit_test(refuses_numbers_that_wrap),
		cmocka_unit_test(reads_large_counts_from_section_zero),
		cmocka_unit_test(opens_files_with_debug_information_only),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
