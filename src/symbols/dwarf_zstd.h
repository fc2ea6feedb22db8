/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_DWARF_ZSTD_H
#define GOSPY_DWARF_ZSTD_H

#include <gospy/source.h>

/**
 * Debug sections compressed with zstd (ELFCOMPRESS_ZSTD, 2), which elfutils before 0.189 does not
 * read: where `source` has some, makes an ELF file with the same sections, those decompressed and
 * what is not debug information left out. `*ret` stays empty where there are none.
 * GOSPY_ERROR_BAD_DATA.
 */
GOSPY_CHECKED struct gospy_error *gospy_dwarf_zstd_rebuild(const struct gospy_source *source,
							   struct gospy_source *ret);

#endif
