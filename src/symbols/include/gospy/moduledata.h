/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_MODULEDATA_H
#define GOSPY_MODULEDATA_H

/**
 * Decoder of runtime.moduledata (runtime/symtab.go), the one structure that must be read before any
 * layout is known: its layout follows from the pclntab's and, within 1.20 and newer, from tests on
 * its own values. Offsets were checked against the DWARF of every minor from 1.12 to 1.27.
 * Addresses are as the bytes hold them: run-time when read from a process, link-time when read from
 * a file.
 */
#include <gospy/pclntab.h>

/** Bytes to read: the largest moduledata known is 592 bytes (Go 1.21, 1.22, 1.26). */
#define GOSPY_MODULEDATA_SIZE 592

/** A Go slice or string header (runtime/slice.go, runtime/string.go), without the capacity. */
struct gospy_slice {
	uint64_t data;
	uint64_t size;
};

/** The fields that gospy reads, named as in Go. */
struct gospy_moduledata {
	uint64_t pclntab;
	uint64_t minpc, maxpc;
	uint64_t text, etext;
	uint64_t noptrdata, enoptrdata;
	uint64_t data, edata;
	uint64_t bss, ebss;
	uint64_t noptrbss, enoptrbss;
	uint64_t types, etypes;
	/** 0 before 1.18, which has no such field. */
	uint64_t gofunc;
	struct gospy_slice textsectmap;
	struct gospy_slice pluginpath, modulename;
	uint64_t next;
};

/**
 * Decodes the `size` bytes at `bytes`. `go_minor` is the Go minor version, or -1 when not known:
 * then the layout among those of 1.20 and newer is told by the values. GOSPY_ERROR_BAD_DATA when
 * too short. Nothing is checked otherwise.
 */
GOSPY_CHECKED struct gospy_error *gospy_moduledata_parse(const uint8_t *bytes, size_t size,
							 enum gospy_pclntab_version version,
							 int go_minor,
							 struct gospy_moduledata *ret);

/** Whether the values can be those of the module whose pclntab is at `pclntab` (same kind of
 * address). */
bool gospy_moduledata_valid(const struct gospy_moduledata *module, uint64_t pclntab);

#endif
