/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include <gospy/cursor.h>

#include "dwarf_check.h"

/** Compilers stay below 30. */
#define MAX_ATTRIBUTES 256
/** libdw takes about 1.5 kB for each; a Go program has one for each package, Chromium 60,000. */
#define MAX_UNITS 262144
/** libdw makes the abbreviations anew for each unit, ten times their size; Go's units share 400
 * bytes. */
#define MAX_ABBREVIATIONS_SIZE (UINT64_C(1) << 26)
/** What a line table may take in memory. */
#define MAX_LINES_MEMORY (UINT64_C(1) << 30)
/** Bytes that libdw takes for a row, which is at least one byte of the program. */
#define LINE_MEMORY 128

enum { MIN_VERSION = 2, MAX_VERSION = 5, ADDRESS_SIZE = 8 };

/** One attribute of an abbreviation; false at their end or when it may not be. */
static bool check_attribute(struct gospy_cursor *c, bool *ret_end)
{
	uint64_t attribute = gospy_cursor_uvarint(c);
	uint64_t form = gospy_cursor_uvarint(c);

	if (form == DW_FORM_implicit_const)
		gospy_cursor_uvarint(c);
	*ret_end = !attribute && !form;
	return !c->failed && form != DW_FORM_indirect && attribute != DW_AT_dwo_name &&
	       attribute != DW_AT_GNU_dwo_name && attribute != DW_AT_GNU_dwo_id;
}

static bool check_abbreviation(struct gospy_cursor *c)
{
	bool end = false;

	gospy_cursor_uvarint(c);
	gospy_cursor_u8(c);
	for (int i = 0; i < MAX_ATTRIBUTES && !end; i++) {
		if (!check_attribute(c, &end))
			return false;
	}
	return end;
}

/** Size of the table of abbreviations at `offset`, 0 when it may not be read. */
static uint64_t check_abbreviations(const struct gospy_dwarf_section *section, uint64_t offset)
{
	struct gospy_cursor c = gospy_cursor_make("abbreviations", section->data, section->size);

	gospy_cursor_seek(&c, offset);
	while (!c.failed && gospy_cursor_left(&c)) {
		if (!gospy_cursor_uvarint(&c))
			return c.pos - offset;
		if (!check_abbreviation(&c))
			return 0;
	}
	/* The last table may lack its end. */
	return c.failed ? 0 : c.pos - offset;
}

/** Reads a unit's header and goes to its end; false for one that libdw should not see. */
static bool check_unit(struct gospy_cursor *c, uint64_t *ret_abbreviations)
{
	uint32_t length = gospy_cursor_u32(c);
	size_t start = c->pos;
	uint16_t version = gospy_cursor_u16(c);

	if (version < MIN_VERSION || version > MAX_VERSION || length >= 0xfffffff0)
		return false;
	uint8_t type = version == 5 ? gospy_cursor_u8(c) : DW_UT_compile;
	uint8_t address_size = version == 5 ? gospy_cursor_u8(c) : 0;
	*ret_abbreviations = gospy_cursor_u32(c);
	if (version < 5)
		address_size = gospy_cursor_u8(c);
	size_t header_size = c->pos - start;
	if ((type != DW_UT_compile && type != DW_UT_partial) || address_size != ADDRESS_SIZE ||
	    length <= header_size)
		return false;
	gospy_cursor_skip(c, length - header_size);
	return !c->failed;
}

uint64_t gospy_dwarf_check_info(const struct gospy_dwarf_sections *sections)
{
	const struct gospy_dwarf_section *info = &sections->sections[GOSPY_DWARF_INFO];
	const struct gospy_dwarf_section *abbrev = &sections->sections[GOSPY_DWARF_ABBREV];
	struct gospy_cursor c = gospy_cursor_make("units", info->data, info->size);
	uint64_t good = 0, offset, last = UINT64_MAX, size = 0, total = 0;

	for (int i = 0; i < MAX_UNITS && gospy_cursor_left(&c); i++) {
		if (!check_unit(&c, &offset))
			break;
		if (offset != last)
			size = check_abbreviations(abbrev, offset);
		last = offset;
		total += size;
		if (!size || total > MAX_ABBREVIATIONS_SIZE + abbrev->size)
			break;
		good = c.pos;
	}
	return good;
}

/** The longest string within `size` bytes, counting the unterminated one at their end. */
static uint64_t longest_string(const uint8_t *data, uint64_t size)
{
	uint64_t longest = 0;

	while (size) {
		const uint8_t *end = memchr(data, 0, size);
		uint64_t length = end ? (uint64_t)(end - data) : size;
		if (length > longest)
			longest = length;
		size -= end ? length + 1 : length;
		data += length + 1;
	}
	return longest;
}

static uint64_t longest_in_section(const struct gospy_dwarf_sections *sections,
				   enum gospy_dwarf_section_index index)
{
	return longest_string(sections->sections[index].data, sections->sections[index].size);
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

bool gospy_dwarf_check_lines(const struct gospy_dwarf_sections *sections, uint64_t offset,
			     const char *comp_dir)
{
	const struct gospy_dwarf_section *line = &sections->sections[GOSPY_DWARF_LINE];
	struct gospy_cursor c = gospy_cursor_make("a line table", line->data, line->size);

	gospy_cursor_seek(&c, offset);
	uint32_t length = gospy_cursor_u32(&c);
	size_t start = c.pos;
	uint16_t version = gospy_cursor_u16(&c);
	if (c.failed || !length || length > line->size - start ||
	    length >= MAX_LINES_MEMORY / LINE_MEMORY)
		return false;
	/* Each name is joined from a directory and a file, and a file may be one byte. */
	uint64_t longest = longest_string(line->data + start, length);
	longest = max(longest, comp_dir ? strlen(comp_dir) : 0);
	if (version >= 5) {
		longest = max(longest, longest_in_section(sections, GOSPY_DWARF_LINE_STR));
		longest = max(longest, longest_in_section(sections, GOSPY_DWARF_STR));
	}
	return longest < MAX_LINES_MEMORY / length;
}
