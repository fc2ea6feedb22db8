/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_DWARF_SECTIONS_H
#define GOSPY_DWARF_SECTIONS_H

#include <gospy/source.h>

/** The sections that are read; all others cost neither time nor memory. */
enum gospy_dwarf_section_index {
	GOSPY_DWARF_INFO,
	GOSPY_DWARF_ABBREV,
	GOSPY_DWARF_STR,
	GOSPY_DWARF_STR_OFFSETS,
	GOSPY_DWARF_ADDR,
	GOSPY_DWARF_LINE,
	GOSPY_DWARF_LINE_STR,
	GOSPY_DWARF_RANGES,
	GOSPY_DWARF_RNGLISTS,
	GOSPY_DWARF_NUM_SECTIONS,
};

/** Sections in their plain form, size 0 where there is none, and the small ELF file that holds
 * them. */
struct gospy_dwarf_sections {
	struct gospy_source file;
	struct gospy_dwarf_section {
		/** In `file`, followed by at least 64 bytes of zeros. */
		uint8_t *data;
		uint64_t size;
	} sections[GOSPY_DWARF_NUM_SECTIONS];
};

/**
 * Collects the debug sections of the ELF file in `source`, borrowed for the call, into a new ELF
 * file in memory for libdw: decompressed (SHF_COMPRESSED with zlib and zstd, .zdebug_*), with
 * headers of our own making, and none that would lead it to other files (.gnu_debugaltlink). libdw
 * could read most files directly, but not zstd before elfutils 0.189, and it writes to the headers
 * of sections that it decompresses: the bytes of a source are shared and stay as they are.
 * GOSPY_ERROR_NO_SYMBOLS when there is no .debug_info; GOSPY_ERROR_BAD_DATA and
 * GOSPY_ERROR_UNSUPPORTED as of gospy_image_init(), or when a section is damaged or all together
 * pass GOSPY_MAX_SECTION_SIZE.
 */
GOSPY_CHECKED struct gospy_error *gospy_dwarf_sections_init(struct gospy_dwarf_sections *sections,
							    const struct gospy_source *source);
void gospy_dwarf_sections_deinit(struct gospy_dwarf_sections *sections);

/** Makes .debug_info end after its first `size` bytes. */
void gospy_dwarf_sections_cut_info(struct gospy_dwarf_sections *sections, uint64_t size);

#endif
