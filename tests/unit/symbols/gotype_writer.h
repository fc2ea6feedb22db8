/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_GOTYPE_WRITER_H
#define GOSPY_TEST_GOTYPE_WRITER_H

/**
 * Writes regions of Go type descriptors, after internal/abi/type.go (reflect/type.go before
 * Go 1.21) and cmd/compile/internal/reflectdata.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { TYPES_ADDRESS = 0x600000, TYPES_UNCOMMON = 1, TYPES_EXTRA_STAR = 2, TYPES_NAMED = 4 };
enum { KIND_UINT64 = 11, KIND_ARRAY = 17, KIND_POINTER = 22, KIND_STRUCT_TYPE = 25 };

struct types_writer {
	int go_minor;
	uint8_t bytes[16384];
	uint64_t size;
};

struct types_field {
	const char *name;
	/** Address that a types_add_...() returned. */
	uint64_t type;
	uint64_t offset;
	bool embedded;
};

static inline void types_put(struct types_writer *w, uint64_t at, uint64_t value, unsigned int size)
{
	assert(at + size <= w->size);
	memcpy(w->bytes + at, &value, size);
}

static inline uint64_t types_reserve(struct types_writer *w, uint64_t size, uint64_t align)
{
	uint64_t at = (w->size + align - 1) / align * align;

	assert(at + size <= sizeof(w->bytes));
	memset(w->bytes + w->size, 0, at + size - w->size);
	w->size = at + size;
	return at;
}

/** An abi.Name: flags, length, text; its offset. Up to 1.16 the length has two bytes, high one
 * first. */
static inline uint64_t types_add_name(struct types_writer *w, const char *name)
{
	uint64_t size = strlen(name), header = w->go_minor <= 16 || size >= 128 ? 3 : 2;
	uint64_t at = types_reserve(w, header + size, 1);

	if (w->go_minor <= 16) {
		types_put(w, at + 1, size >> 8, 1);
		types_put(w, at + 2, size & 255, 1);
	} else if (size >= 128) {
		types_put(w, at + 1, (size & 127) | 128, 1);
		types_put(w, at + 2, size >> 7, 1);
	} else {
		types_put(w, at + 1, size, 1);
	}
	memcpy(w->bytes + at + header, name, size);
	return at;
}

/** The abi.Type that all kinds begin with, and `rest` zero bytes behind it; its offset. */
static inline uint64_t types_add(struct types_writer *w, const char *name, uint8_t kind,
				 uint8_t flags, uint64_t size, uint64_t rest)
{
	uint64_t name_offset = types_add_name(w, name);
	uint64_t at = types_reserve(w, 48 + rest, 8);

	types_put(w, at, size, 8);
	types_put(w, at + 20, flags, 1);
	types_put(w, at + 21, 8, 1);
	types_put(w, at + 22, 8, 1);
	types_put(w, at + 23, kind, 1);
	types_put(w, at + 40, name_offset, 4);
	return at;
}

/** A type without parts that matter here; its address. */
static inline uint64_t types_add_plain(struct types_writer *w, const char *name, uint8_t kind,
				       uint64_t size)
{
	return TYPES_ADDRESS + types_add(w, name, kind, TYPES_NAMED, size, 32);
}

/** The package path in the struct's own part, or in the uncommon part when `exported`. */
static inline uint64_t types_add_struct(struct types_writer *w, const char *path, const char *name,
					uint8_t flags, uint64_t size,
					const struct types_field *fields, uint64_t num_fields,
					bool exported)
{
	uint64_t path_offset = types_add_name(w, path);
	uint64_t names[32];

	assert(num_fields <= 32);
	for (uint64_t i = 0; i < num_fields; i++)
		names[i] = types_add_name(w, fields[i].name);
	uint64_t at = types_add(w, name, KIND_STRUCT_TYPE, flags | TYPES_UNCOMMON, size,
				32 + 16 + num_fields * 24);
	if (exported)
		types_put(w, at + 80, path_offset, 4);
	else
		types_put(w, at + 48, TYPES_ADDRESS + path_offset, 8);
	types_put(w, at + 56, TYPES_ADDRESS + at + 96, 8);
	types_put(w, at + 64, num_fields, 8);
	types_put(w, at + 72, num_fields, 8);
	for (uint64_t i = 0; i < num_fields; i++) {
		uint64_t field = at + 96 + i * 24;
		uint64_t offset = fields[i].offset;
		if (w->go_minor <= 18)
			offset = offset << 1 | fields[i].embedded;
		types_put(w, field, TYPES_ADDRESS + names[i], 8);
		types_put(w, field + 8, fields[i].type, 8);
		types_put(w, field + 16, offset, 8);
	}
	return TYPES_ADDRESS + at;
}

#endif
