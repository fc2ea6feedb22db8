/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/limits.h>

#include "capture_private.h"

/**
 * g.labels points to a runtime/pprof labelMap. Up to Go 1.23 that is a map[string]string, from 1.24
 * on a struct with a slice of {key, value} (runtime/pprof/label.go).
 */
#define FIRST_MINOR_WITH_LIST 24

/* runtime/map.go, Go 1.12 to 1.23: struct hmap, and a bucket of eight string pairs. */
enum {
	HMAP_COUNT = 0,
	HMAP_B = 9,
	HMAP_BUCKETS = 16,
	HMAP_OLD_BUCKETS = 24,
	HMAP_SIZE = 32,
	BUCKET_CELLS = 8,
	BUCKET_KEYS = 8,
	BUCKET_VALUES = BUCKET_KEYS + BUCKET_CELLS * 16,
	BUCKET_OVERFLOW = BUCKET_VALUES + BUCKET_CELLS * 16,
	BUCKET_SIZE = BUCKET_OVERFLOW + 8,
	/** Marks of cells that hold nothing are below this one (minTopHash). */
	MIN_TOP_HASH = 5,
};

static struct gospy_error *read_string(struct capture *c, uint64_t address, uint64_t size,
				       uint32_t *ret)
{
	uint8_t small[256];
	_cleanup_free_ uint8_t *large = NULL;
	uint8_t *text = small;

	if (size > GOSPY_MAX_STRING)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a label is too long");
	if (size > sizeof(small)) {
		large = text = malloc(size);
		if (!large)
			return &gospy_enomem;
	}
	struct gospy_error *err = gospy_target_read(c->program->target, address, text, size);
	if (err)
		return err;
	return gospy_strings_intern(&c->snapshot->strings, text, size, ret);
}

/** A pair from the two string headers. */
static struct gospy_error *add_pair(struct capture *c, const uint8_t *key, const uint8_t *value)
{
	struct gospy_label label;
	struct gospy_error *err =
		read_string(c, gospy_load_u64(key), gospy_load_u64(key + 8), &label.key);

	if (!err)
		err = read_string(c, gospy_load_u64(value), gospy_load_u64(value + 8),
				  &label.value);
	if (!err && !gospy_label_vec_append(&c->label_pairs, label))
		return &gospy_enomem;
	return err;
}

static struct gospy_error *read_list(struct capture *c, uint64_t address)
{
	uint64_t header[2];
	uint8_t pair[32];
	struct gospy_error *err =
		gospy_target_read(c->program->target, address, header, sizeof(header));

	if (!err && header[1] > GOSPY_MAX_LABELS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "too many labels");
	for (uint64_t i = 0; !err && i < header[1]; i++) {
		err = gospy_target_read(c->program->target, header[0] + i * sizeof(pair), pair,
					sizeof(pair));
		if (!err)
			err = add_pair(c, pair, pair + 16);
	}
	return err;
}

/** One bucket and those that it overflowed into; `*left` bounds the cells over the whole map. */
static struct gospy_error *read_chain(struct capture *c, uint64_t address, uint64_t *left)
{
	uint8_t bucket[BUCKET_SIZE];
	struct gospy_error *err = NULL;

	while (!err && address && *left) {
		err = gospy_target_read(c->program->target, address, bucket, sizeof(bucket));
		for (size_t i = 0; !err && i < BUCKET_CELLS && *left; i++, --*left) {
			if (bucket[i] >= MIN_TOP_HASH)
				err = add_pair(c, bucket + BUCKET_KEYS + i * 16,
					       bucket + BUCKET_VALUES + i * 16);
		}
		if (!err)
			address = gospy_load_u64(bucket + BUCKET_OVERFLOW);
	}
	return err;
}

/** A labelMap is never written again once a goroutine has it: it does not grow while it is read. */
static struct gospy_error *read_map(struct capture *c, uint64_t address)
{
	uint8_t hmap[HMAP_SIZE];
	/* Cells looked at: a map is at least half full, but for its smallest size. */
	uint64_t left = GOSPY_MAX_LABELS * 2;
	struct gospy_error *err =
		gospy_target_read(c->program->target, address, hmap, sizeof(hmap));

	if (err || !gospy_load_u64(hmap + HMAP_COUNT))
		return err;
	uint64_t buckets[2] = {gospy_load_u64(hmap + HMAP_BUCKETS),
			       gospy_load_u64(hmap + HMAP_OLD_BUCKETS)};
	for (int old = 0; old < 2; old++) {
		uint8_t log2 = hmap[HMAP_B] - (uint8_t)(old && hmap[HMAP_B] ? 1 : 0);
		uint64_t count = log2 < 16 ? UINT64_C(1) << log2 : 0;
		for (uint64_t i = 0; !err && buckets[old] && i < count && left; i++)
			err = read_chain(c, buckets[old] + i * BUCKET_SIZE, &left);
	}
	return err;
}

static void sort_pairs(struct capture *c, struct label_set set)
{
	if (!set.count)
		return;
	struct gospy_label *pairs = c->label_pairs.data + set.first;
	/* Insertion sort by key: maps have no order, and a set has a handful of labels. */
	for (uint32_t i = 1; i < set.count; i++) {
		struct gospy_label label = pairs[i];
		uint32_t at = i;
		for (; at && strcmp(gospy_snapshot_string(c->snapshot, pairs[at - 1].key),
				    gospy_snapshot_string(c->snapshot, label.key)) > 0;
		     at--)
			pairs[at] = pairs[at - 1];
		pairs[at] = label;
	}
}

struct gospy_error *capture_labels(struct capture *c, uint64_t address, uint32_t *ret)
{
	uint32_t known = gospy_map_get(&c->label_index, address);
	struct label_set set = {.first = (uint32_t)c->label_pairs.size};
	struct gospy_error *err;

	if (known != GOSPY_MAP_NONE) {
		*ret = known + 1;
		return NULL;
	}
	if (c->program->version.minor >= 0 && c->program->version.minor < FIRST_MINOR_WITH_LIST)
		err = read_map(c, address);
	else
		err = read_list(c, address);
	/* In mode none the labels may be gone already: the goroutine is shown without. */
	if (gospy_error_catch(&err, GOSPY_ERROR_FAULT) ||
	    gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA))
		c->label_pairs.size = set.first;
	if (err)
		return err;
	set.count = (uint32_t)c->label_pairs.size - set.first;
	sort_pairs(c, set);
	uint32_t *entry = gospy_map_entry(&c->label_index, address);
	if (!entry)
		return &gospy_enomem;
	*entry = (uint32_t)c->label_sets.size;
	if (!label_set_vec_append(&c->label_sets, set))
		return &gospy_enomem;
	*ret = (uint32_t)c->label_sets.size;
	c->any_labels = c->any_labels || set.count;
	return NULL;
}
