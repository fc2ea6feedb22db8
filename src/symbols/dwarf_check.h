/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_DWARF_CHECK_H
#define GOSPY_DWARF_CHECK_H

/**
 * What must hold before libdw reads debug information of unknown origin: it checks the bounds of
 * what it reads, but neither how often nor how deep it goes, and a few hundred kilobytes made to
 * that end keep it busy for hours, take all memory or its stack.
 */
#include "dwarf_sections.h"

/**
 * The units of .debug_info that may be read, as the number of bytes from its start. They are in
 * 32-bit DWARF 2 to 5, their abbreviations are of a common size, use no DW_FORM_indirect (libdw
 * recurses on it) and do not point to a .dwo file (libdw would open it, whatever it is).
 */
uint64_t gospy_dwarf_check_info(const struct gospy_dwarf_sections *sections);

/**
 * Whether the line table at `offset` of .debug_line takes less than 1 GiB when libdw has read it.
 * `comp_dir` is the DW_AT_comp_dir of its unit, or NULL.
 */
bool gospy_dwarf_check_lines(const struct gospy_dwarf_sections *sections, uint64_t offset,
			     const char *comp_dir);

#endif
