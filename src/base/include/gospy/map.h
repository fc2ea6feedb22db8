/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_MAP_H
#define GOSPY_MAP_H

/**
 * The hot map: a table from a u64 key to a u32 value, open addressing. Used by one thread at a
 * time. A zeroed struct is an empty one.
 */
#include <stddef.h>
#include <stdint.h>

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

#endif
