/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gospy/map.h>

/** Finaliser of MurmurHash3: spreads the low bits of addresses, which are mostly zero. */
static uint64_t hash_u64(uint64_t key)
{
	key ^= key >> 33;
	key *= UINT64_C(0xff51afd7ed558ccd);
	key ^= key >> 33;
	return key;
}

void gospy_map_deinit(struct gospy_map *map)
{
	free(map->slots);
	memset(map, 0, sizeof(*map));
}

/** The slot of `key`, or the free one where it belongs. There is always a free slot. */
static struct gospy_map_slot *find_slot(const struct gospy_map *map, uint64_t key)
{
	size_t mask = map->capacity - 1;
	size_t i = hash_u64(key) & mask;

	while (map->slots[i].value != GOSPY_MAP_NONE && map->slots[i].key != key)
		i = (i + 1) & mask;
	return &map->slots[i];
}

uint32_t gospy_map_get(const struct gospy_map *map, uint64_t key)
{
	return map->capacity ? find_slot(map, key)->value : GOSPY_MAP_NONE;
}

static bool grow(struct gospy_map *map)
{
	struct gospy_map old = *map;
	size_t capacity = old.capacity ? old.capacity * 2 : 64;

	map->slots = malloc(capacity * sizeof(*map->slots));
	if (!map->slots) {
		*map = old;
		return false;
	}
	map->capacity = capacity;
	for (size_t i = 0; i < capacity; i++)
		map->slots[i].value = GOSPY_MAP_NONE;
	for (size_t i = 0; i < old.capacity; i++) {
		if (old.slots[i].value != GOSPY_MAP_NONE)
			*find_slot(map, old.slots[i].key) = old.slots[i];
	}
	free(old.slots);
	return true;
}

uint32_t *gospy_map_entry(struct gospy_map *map, uint64_t key)
{
	struct gospy_map_slot *slot = map->capacity ? find_slot(map, key) : NULL;

	if (slot && slot->value != GOSPY_MAP_NONE)
		return &slot->value;
	/* At most two thirds full, so that probes stay short. */
	if (map->capacity < map->size + map->size / 2 + 2) {
		if (!grow(map))
			return NULL;
		slot = find_slot(map, key);
	}
	slot->key = key;
	map->size++;
	return &slot->value;
}
