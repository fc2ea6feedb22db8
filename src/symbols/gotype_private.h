/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_GOTYPE_PRIVATE_H
#define GOSPY_GOTYPE_PRIVATE_H

/** What finding a struct's descriptor and reading its fields share: reflect/type.go,
 * internal/abi/type.go. */
#include <gospy/cursor.h>
#include <gospy/gotype.h>
#include <gospy/limits.h>

/* abi.Type, 64 bit. */
enum {
	TYPE_SIZE_AT = 0,
	TYPE_FLAGS_AT = 20,
	TYPE_KIND_AT = 23,
	TYPE_NAME_AT = 40,
	TYPE_HEADER_SIZE = 48,
	KIND_MASK = 31,
	KIND_STRUCT = 25,
	FLAG_UNCOMMON = 1,
	FLAG_EXTRA_STAR = 2,
	FLAG_NAMED = 4,
	/* abi.StructType, followed by abi.UncommonType where FLAG_UNCOMMON is set. */
	STRUCT_PACKAGE_AT = 48,
	STRUCT_FIELDS_AT = 56,
	STRUCT_NUM_FIELDS_AT = 64,
	STRUCT_SIZE = 80,
	FIELD_NAME_AT = 0,
	FIELD_TYPE_AT = 8,
	FIELD_OFFSET_AT = 16,
	FIELD_SIZE = 24,
};

/** Text in the region, without a NUL. */
struct gospy_gotype_name {
	const char *text;
	uint64_t size;
};

/** The abi.Name at offset `offset` of the region; false where there is none. */
bool gospy_gotypes_name(const struct gospy_gotypes *types, uint64_t offset,
			struct gospy_gotype_name *ret);
/** The abi.Name at `address`. */
bool gospy_gotypes_name_at(const struct gospy_gotypes *types, uint64_t address,
			   struct gospy_gotype_name *ret);

/**
 * Appends the fields of the struct type at `type` (STRUCT_SIZE bytes are there), nested ones
 * expanded. GOSPY_ERROR_BAD_DATA where it cannot be a struct type.
 */
GOSPY_CHECKED struct gospy_error *gospy_gotypes_add_fields(const struct gospy_gotypes *types,
							   const uint8_t *type,
							   struct gospy_structure *structure);

#endif
