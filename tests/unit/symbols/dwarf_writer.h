/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_DWARF_WRITER_H
#define GOSPY_TEST_DWARF_WRITER_H

/**
 * Writes debug information byte by byte, right or wrong, into an ELF file in memory. Numbers are
 * those of the DWARF 4 and 5 standards.
 */
#include <gospy/source.h>

#include "elf_writer.h"

enum { DW_UNIT = 0x11, DW_STRUCT = 0x13, DW_MEMBER = 0x0d, DW_VARIABLE = 0x34, DW_TYPEDEF = 0x16 };
enum { DW_NAME = 0x03, DW_SIZE = 0x0b, DW_LINES = 0x10, DW_LOW = 0x11, DW_HIGH = 0x12 };
enum { DW_LOCATION = 0x02, DW_OFFSET = 0x38, DW_TYPE = 0x49, DW_DWO_NAME = 0x76 };
enum { DW_DATA1 = 0x0b, DW_DATA4 = 0x06, DW_DATA8 = 0x07, DW_STRING = 0x08, DW_ADDR = 0x01 };
enum {
	DW_REF4 = 0x13,
	DW_UDATA = 0x0f,
	DW_INDIRECT = 0x16,
	DW_SEC_OFFSET = 0x17,
	DW_BLOCK1 = 0x0a
};
enum { DW_FLAG_PRESENT = 0x19, DW_FLAG = 0x3f };

struct dwarf_bytes {
	uint8_t *data;
	uint64_t size;
	uint64_t capacity;
};

struct dwarf_writer {
	struct dwarf_bytes info, abbrev, line;
	/** Where the unit at hand begins. */
	uint64_t unit;
	uint16_t version;
};

static inline void dwarf_put(struct dwarf_bytes *bytes, const void *data, uint64_t size)
{
	if (size > bytes->capacity - bytes->size) {
		bytes->capacity = (bytes->size + size) * 2;
		bytes->data = realloc(bytes->data, bytes->capacity);
		assert(bytes->data);
	}
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static inline void dwarf_number(struct dwarf_bytes *bytes, uint64_t value, unsigned int size)
{
	dwarf_put(bytes, &value, size);
}

static inline void dwarf_string(struct dwarf_bytes *bytes, const char *text)
{
	dwarf_put(bytes, text, strlen(text) + 1);
}

static inline void dwarf_uleb(struct dwarf_bytes *bytes, uint64_t value)
{
	do {
		uint8_t byte = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
		dwarf_put(bytes, &byte, 1);
		value >>= 7;
	} while (value);
}

/** Declares an abbreviation: pairs of attribute and form, ended by a 0. */
static inline void dwarf_abbreviation(struct dwarf_writer *writer, unsigned int code,
				      unsigned int tag, bool children, const unsigned int *pairs)
{
	dwarf_uleb(&writer->abbrev, code);
	dwarf_uleb(&writer->abbrev, tag);
	dwarf_number(&writer->abbrev, children, 1);
	for (; *pairs; pairs += 2) {
		dwarf_uleb(&writer->abbrev, pairs[0]);
		dwarf_uleb(&writer->abbrev, pairs[1]);
	}
	dwarf_number(&writer->abbrev, 0, 2);
}

/** Begins a unit with the abbreviations at `abbrev`. */
static inline void dwarf_begin_unit(struct dwarf_writer *writer, uint16_t version, uint8_t type,
				    uint32_t abbrev)
{
	writer->unit = writer->info.size;
	dwarf_number(&writer->info, 0, 4);
	dwarf_number(&writer->info, version, 2);
	if (version == 5) {
		dwarf_number(&writer->info, type, 1);
		dwarf_number(&writer->info, 8, 1);
	}
	dwarf_number(&writer->info, abbrev, 4);
	if (version < 5)
		dwarf_number(&writer->info, 8, 1);
}

static inline void dwarf_end_unit(struct dwarf_writer *writer)
{
	uint32_t length = (uint32_t)(writer->info.size - writer->unit - 4);

	memcpy(writer->info.data + writer->unit, &length, 4);
}

/** What DW_FORM_ref4 holds for a DIE that begins at offset `at` of .debug_info. */
static inline uint32_t dwarf_reference(const struct dwarf_writer *writer, uint64_t at)
{
	return (uint32_t)(at - writer->unit);
}

/** The ELF file; the writer is empty afterwards. */
static inline struct gospy_source dwarf_finish(struct dwarf_writer *writer)
{
	struct elf_writer elf = {};
	struct gospy_source source;

	elf_add_section(&elf, ".debug_info", ELF_PROGBITS, writer->info.data, writer->info.size);
	elf_add_section(&elf, ".debug_abbrev", ELF_PROGBITS, writer->abbrev.data,
			writer->abbrev.size);
	if (writer->line.size)
		elf_add_section(&elf, ".debug_line", ELF_PROGBITS, writer->line.data,
				writer->line.size);
	elf_finish(&elf);
	free(writer->info.data);
	free(writer->abbrev.data);
	free(writer->line.data);
	memset(writer, 0, sizeof(*writer));
	gospy_source_init_owned(&source, elf.bytes, elf.size);
	return source;
}

#endif
