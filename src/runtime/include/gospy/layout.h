/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LAYOUT_H
#define GOSPY_LAYOUT_H

/**
 * Where each field of Go's runtime structures is in one process, and who said so. Type descriptors
 * come first (no field was wrong in 36 programs of 16 Go versions), then generated tables for
 * structs without a descriptor, then DWARF. Immutable once built.
 */
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>
#include <gospy/structure.h>

/** A field: `offset` is -1 where this version has none; else 8 bytes from it on are inside of the
 * struct. */
struct gospy_layout_field {
	int32_t offset;
	uint32_t size;
};

#define STRUCT(type, go_name) _Static_assert(1, "");
#define FIELD(type, member, path, required) struct gospy_layout_field type##_##member;
/** All fields of layout_fields.def as members "g_goid", "m_curg", ... */
struct gospy_layout {
#include <gospy/layout_fields.def>
#undef STRUCT
#undef FIELD
	/** Bytes of an M. */
	uint32_t size_m;
	/** Who told g, m and p. */
	enum gospy_layout_source {
		GOSPY_LAYOUT_TYPES,
		GOSPY_LAYOUT_TABLE,
		GOSPY_LAYOUT_DWARF
	} source;
};

/**
 * The value of `field` (at most 8 bytes, little-endian) in the first `size` bytes of its struct, at
 * `data`; 0 where this version has none or the bytes do not reach it.
 */
uint64_t gospy_layout_load(const uint8_t *data, size_t size, struct gospy_layout_field field);

/** Bytes of a struct up to the end of the last of these fields of it: all that need be read. */
uint32_t gospy_layout_span(const struct gospy_layout_field *list, size_t count);

/** "types", "table" or "dwarf". */
const char *gospy_layout_source_name(enum gospy_layout_source source);

/**
 * Fills in the members of one struct of layout_fields.def from `structure` (its name decides
 * which); GOSPY_ERROR_NO_SYMBOLS naming the field when a required one is missing or lies outside.
 */
GOSPY_CHECKED struct gospy_error *gospy_layout_apply(struct gospy_layout *layout,
						     const struct gospy_structure *structure);

/**
 * The generated table's answer for `go_name` ("runtime.schedt") in Go 1.`minor` on `arch`
 * (enum gospy_arch); GOSPY_ERROR_NOT_FOUND. Tables: src/runtime/layout_table.inc, made by
 * tools/layout-table.
 */
GOSPY_CHECKED struct gospy_error *gospy_layout_table(int arch, int minor, const char *go_name,
						     struct gospy_structure *ret);

#endif
