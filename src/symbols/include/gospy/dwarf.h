/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_DWARF_H
#define GOSPY_DWARF_H

/**
 * DWARF 4 and 5 through elfutils' libdw, opened on demand only: for what the binary itself does not
 * tell. One handle is used by one thread at a time (a `Dwarf *` shared by threads answers wrongly).
 */
#include <gospy/image.h>
#include <gospy/structure.h>

struct gospy_dwarf;

/**
 * Opens the debug information of the ELF file in `source`, borrowed for the call: the sections that
 * are read are copied, and decompressed where they are zlib- or zstd-compressed (SHF_COMPRESSED,
 * .zdebug_*), all of them within GOSPY_MAX_SECTION_SIZE. Units from the first one on that is
 * malformed, or keeps its information in another file (.dwo), are left out. GOSPY_ERROR_NO_SYMBOLS
 * when there is none, GOSPY_ERROR_BAD_DATA when it is damaged, GOSPY_ERROR_UNSUPPORTED as of
 * gospy_image_init().
 */
GOSPY_CHECKED struct gospy_error *gospy_dwarf_open(const struct gospy_source *source,
						   struct gospy_dwarf **ret);
/** Takes NULL. */
void gospy_dwarf_close(struct gospy_dwarf *dwarf);

/**
 * Layout of the struct `name` ("runtime.g"), nested structs expanded as in <gospy/structure.h>; the
 * size of a field is 0 where its type does not tell it (arrays in C). GOSPY_ERROR_NOT_FOUND,
 * GOSPY_ERROR_BAD_DATA.
 */
GOSPY_CHECKED struct gospy_error *gospy_dwarf_structure(struct gospy_dwarf *dwarf, const char *name,
							struct gospy_structure *ret);
/** Link-time address of the global variable `name` ("runtime.allgs"). GOSPY_ERROR_NOT_FOUND. */
GOSPY_CHECKED struct gospy_error *gospy_dwarf_variable(struct gospy_dwarf *dwarf, const char *name,
						       uint64_t *ret_address);
/**
 * Function, file and line at link-time address `pc`; strings borrowed from `dwarf`, NULL/0 if
 * unknown. Of code that is inlined the line is told, but the function it was inlined into.
 * GOSPY_ERROR_NOT_FOUND.
 */
GOSPY_CHECKED struct gospy_error *gospy_dwarf_location(struct gospy_dwarf *dwarf, uint64_t pc,
						       const char **ret_function,
						       const char **ret_file, uint32_t *ret_line);

#endif
