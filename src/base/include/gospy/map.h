/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_MAP_H
#define GOSPY_MAP_H

/**
 * The hot maps: a table from a u64 key to a u32 value, open addressing, and an interner of byte
 * strings. Used by one thread at a time. A zeroed struct is an empty one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>
#include <gospy/vec.h>

/** The value that no entry has: a key that is not there. */
#define GOSPY_MAP_NONE UINT32_MAX

struct gospy_map_slot {
	uint64_t key;
	uint32_t value;
};

struct gospy_map {
	struct gospy_map_slot *slots;
	/** Slots, a power of two, or 0. */
	size_t capacity;
	size_t size;
};

void gospy_map_deinit(struct gospy_map *map);

/** The value of `key`, or GOSPY_MAP_NONE. */
uint32_t gospy_map_get(const struct gospy_map *map, uint64_t key);

/**
 * The place of the value of `key`, entered as GOSPY_MAP_NONE if it was not there; NULL without
 * memory. Valid until the next call that may enter one. The caller must set a fresh value to
 * something other than GOSPY_MAP_NONE before any other call.
 */
uint32_t *gospy_map_entry(struct gospy_map *map, uint64_t key);

/**
 * Interned strings: each distinct byte string once, numbered from 0 in order of arrival. Number 0
 * is always the empty string.
 */
struct gospy_strings {
	/** All strings one after the other, each followed by a NUL that its length does not count. */
	struct gospy_u8_vec bytes;
	/** Where string i starts in `bytes`; it ends one byte before offsets[i + 1]. */
	struct gospy_u64_vec offsets;
	/** Open addressing: number + 1, or 0. */
	uint32_t *slots;
	size_t capacity;
};

GOSPY_CHECKED struct gospy_error *gospy_strings_init(struct gospy_strings *strings);
void gospy_strings_deinit(struct gospy_strings *strings);

/** The number of the string of `size` bytes at `data`, which is copied if new. */
GOSPY_CHECKED struct gospy_error *gospy_strings_intern(struct gospy_strings *strings,
						       const void *data, size_t size,
						       uint32_t *ret);

/** String `id`, NUL-terminated (it may hold NULs itself), valid until the next intern. */
const char *gospy_strings_get(const struct gospy_strings *strings, uint32_t id, size_t *ret_size);

/** As above without the length; "" for a number that is not there. */
static inline const char *gospy_string(const struct gospy_strings *strings, uint32_t id)
{
	return gospy_strings_get(strings, id, NULL);
}

static inline size_t gospy_strings_count(const struct gospy_strings *strings)
{
	return strings->offsets.size ? strings->offsets.size - 1 : 0;
}

#endif
