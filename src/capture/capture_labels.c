/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/read_plan.h>

#include "capture_private.h"

/**
 * g.labels points to a runtime/pprof labelMap. Up to Go 1.23 that is a variable of type
 * map[string]string, from 1.24 on a struct with a slice of {key, value} (runtime/pprof/label.go). A
 * set is never written again once a goroutine has it: it does not change while it is read.
 *
 * All sets are read at once, a level of pointers a round, each round in bulk.
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
	/** A map of GOSPY_MAX_LABELS has no more than 2^8 buckets. */
	MAX_B = 8,
	/** Buckets that overflowed into others, of one map. */
	MAX_OVERFLOWS = 256,
	PAIR_SIZE = 32,
};

/** What a process may have of them in all: so much, and so much more for each goroutine. */
#define MAX_PAIRS 65536
#define MAX_PAIRS_EACH 64
#define MAX_BYTES (64 << 20)
#define MAX_BYTES_EACH 1024

/** A string of the target, and its number in the snapshot once it was read. */
struct text {
	uint64_t address;
	uint32_t size;
	uint32_t string;
};
GOSPY_VEC(text_vec, struct text);

/** A pair, by the numbers of its texts. */
struct pair {
	uint32_t set;
	uint32_t key;
	uint32_t value;
};
GOSPY_VEC(pair_vec, struct pair);

struct reader {
	struct capture *c;
	/** What this round reads, and what the next one will; a piece's id is the number of a set.
	 */
	struct gospy_piece_vec pieces;
	struct gospy_piece_vec next;
	struct pair_vec pairs;
	struct text_vec texts;
	/** From address and size to the number of a text. */
	struct gospy_map text_index;
	/** Bytes of all texts. */
	uint64_t size;
	bool too_many;
};

static void reader_deinit(struct reader *r)
{
	gospy_piece_vec_deinit(&r->pieces);
	gospy_piece_vec_deinit(&r->next);
	pair_vec_deinit(&r->pairs);
	text_vec_deinit(&r->texts);
	gospy_map_deinit(&r->text_index);
}

struct gospy_error *capture_labels(struct capture *c, uint64_t address, uint32_t *ret)
{
	uint32_t *entry = gospy_map_entry(&c->label_index, address);

	if (!entry)
		return &gospy_enomem;
	if (*entry == GOSPY_MAP_NONE) {
		*entry = (uint32_t)c->label_sets.size;
		if (!label_set_vec_append(&c->label_sets, (struct label_set){.address = address}))
			return &gospy_enomem;
	}
	*ret = *entry + 1;
	return NULL;
}

/** A set of which something cannot be read or be true is shown as an empty one. */
static struct gospy_error *give_up(struct reader *r, uint32_t set)
{
	r->c->label_sets.data[set].unreadable = true;
	return NULL;
}

static struct gospy_error *read_next(struct reader *r, uint32_t set, uint64_t address,
				     uint64_t size)
{
	const struct gospy_piece piece = {address, (uint32_t)size, set};

	return gospy_piece_vec_append(&r->next, piece) ? NULL : &gospy_enomem;
}

/** Runs a round over r->next, which is then what comes after it. */
static struct gospy_error *run_round(struct reader *r, gospy_piece_fn piece)
{
	const struct gospy_read_plan plan = {
		.max_gap = 4096, .batch_size = 1 << 20, .piece = piece, .context = r};
	struct gospy_piece_vec pieces = r->next;

	r->next = r->pieces;
	r->next.size = 0;
	r->pieces = pieces;
	if (!r->pieces.size)
		return NULL;
	struct gospy_error *err = gospy_read_plan_run(&plan, r->c->program->target, &r->pieces);
	return err ? err : capture_mind_pause(r->c);
}

/** Number of the text whose string header is at `header`. */
static struct gospy_error *add_text(struct reader *r, const uint8_t *header, uint32_t *ret)
{
	struct text text = {.address = gospy_load_u64(header),
			    .size = (uint32_t)gospy_load_u64(header + 8)};
	/* Addresses have no more than 48 bits, sizes here no more than 17. */
	uint64_t key = text.address ^ (uint64_t)text.size << 47;
	uint32_t *entry = gospy_map_entry(&r->text_index, key);

	if (!entry)
		return &gospy_enomem;
	if (*entry == GOSPY_MAP_NONE) {
		*entry = (uint32_t)r->texts.size;
		r->size += text.size;
		if (!text_vec_append(&r->texts, text))
			return &gospy_enomem;
	}
	*ret = *entry;
	return NULL;
}

/** A pair by the two string headers. */
static struct gospy_error *add_pair(struct reader *r, uint32_t set, const uint8_t *key,
				    const uint8_t *value)
{
	struct pair pair = {.set = set};
	uint64_t rows = r->c->rows.size;

	if (gospy_load_u64(key + 8) > GOSPY_MAX_STRING ||
	    gospy_load_u64(value + 8) > GOSPY_MAX_STRING)
		return give_up(r, set);
	if (r->pairs.size >= MAX_PAIRS + rows * MAX_PAIRS_EACH ||
	    r->size >= MAX_BYTES + rows * MAX_BYTES_EACH) {
		r->too_many = true;
		return give_up(r, set);
	}
	struct gospy_error *err = add_text(r, key, &pair.key);
	if (!err)
		err = add_text(r, value, &pair.value);
	if (!err && !pair_vec_append(&r->pairs, pair))
		return &gospy_enomem;
	return err;
}

static struct gospy_error *read_list_header(void *context, const struct gospy_piece *piece,
					    const uint8_t *data, size_t size)
{
	struct reader *r = context;

	if (size < piece->size || gospy_load_u64(data + 8) > GOSPY_MAX_LABELS)
		return give_up(r, piece->id);
	if (!gospy_load_u64(data + 8))
		return NULL;
	return read_next(r, piece->id, gospy_load_u64(data), gospy_load_u64(data + 8) * PAIR_SIZE);
}

static struct gospy_error *read_list(void *context, const struct gospy_piece *piece,
				     const uint8_t *data, size_t size)
{
	struct reader *r = context;
	struct gospy_error *err = NULL;

	if (size < piece->size)
		return give_up(r, piece->id);
	for (size_t at = 0; !err && at < size; at += PAIR_SIZE)
		err = add_pair(r, piece->id, data + at, data + at + 16);
	return err;
}

static struct gospy_error *read_map_pointer(void *context, const struct gospy_piece *piece,
					    const uint8_t *data, size_t size)
{
	struct reader *r = context;

	if (size < piece->size)
		return give_up(r, piece->id);
	/* A nil map is an empty one. */
	return gospy_load_u64(data) ? read_next(r, piece->id, gospy_load_u64(data), HMAP_SIZE)
				    : NULL;
}

static struct gospy_error *read_hmap(void *context, const struct gospy_piece *piece,
				     const uint8_t *data, size_t size)
{
	struct reader *r = context;

	if (size < piece->size || gospy_load_u64(data + HMAP_COUNT) > GOSPY_MAX_LABELS ||
	    data[HMAP_B] > MAX_B)
		return give_up(r, piece->id);
	uint64_t buckets = gospy_load_u64(data + HMAP_BUCKETS);
	uint64_t old = gospy_load_u64(data + HMAP_OLD_BUCKETS);
	if (!gospy_load_u64(data + HMAP_COUNT) || !buckets)
		return NULL;
	struct gospy_error *err =
		read_next(r, piece->id, buckets, (uint64_t)BUCKET_SIZE << data[HMAP_B]);
	/* While it grows, what was not moved yet is in half as many old ones. */
	if (!err && old && data[HMAP_B])
		err = read_next(r, piece->id, old, (uint64_t)BUCKET_SIZE << (data[HMAP_B] - 1));
	return err;
}

static struct gospy_error *read_bucket(struct reader *r, uint32_t set, const uint8_t *bucket)
{
	struct label_set *labels = &r->c->label_sets.data[set];
	uint64_t overflow = gospy_load_u64(bucket + BUCKET_OVERFLOW);
	struct gospy_error *err = NULL;

	for (size_t i = 0; !err && i < BUCKET_CELLS; i++) {
		if (bucket[i] >= MIN_TOP_HASH)
			err = add_pair(r, set, bucket + BUCKET_KEYS + i * 16,
				       bucket + BUCKET_VALUES + i * 16);
	}
	if (err || !overflow)
		return err;
	if (labels->overflows++ >= MAX_OVERFLOWS)
		return give_up(r, set);
	return read_next(r, set, overflow, BUCKET_SIZE);
}

static struct gospy_error *read_buckets(void *context, const struct gospy_piece *piece,
					const uint8_t *data, size_t size)
{
	struct reader *r = context;
	struct gospy_error *err = NULL;

	if (size < piece->size)
		return give_up(r, piece->id);
	for (size_t at = 0; !err && at < size; at += BUCKET_SIZE)
		err = read_bucket(r, piece->id, data + at);
	return err;
}

static struct gospy_error *read_text(void *context, const struct gospy_piece *piece,
				     const uint8_t *data, size_t size)
{
	struct reader *r = context;
	struct text *text = &r->texts.data[piece->id];

	if (size < piece->size)
		return NULL;
	return gospy_strings_intern(&r->c->snapshot->strings, data, size, &text->string);
}

/** The sets from number `first` on, down to where their strings are. */
static struct gospy_error *read_sets(struct reader *r, size_t first)
{
	const struct gospy_program *program = r->c->program;
	bool list = program->version.minor < 0 || program->version.minor >= FIRST_MINOR_WITH_LIST;
	struct gospy_error *err = NULL;

	for (size_t i = first; !err && i < r->c->label_sets.size; i++)
		err = read_next(r, (uint32_t)i, r->c->label_sets.data[i].address, list ? 16 : 8);
	if (!err)
		err = run_round(r, list ? read_list_header : read_map_pointer);
	if (!err)
		err = run_round(r, list ? read_list : read_hmap);
	while (!err && r->next.size)
		err = run_round(r, read_buckets);
	return err;
}

static struct gospy_error *read_texts(struct reader *r)
{
	struct gospy_error *err = NULL;

	for (size_t i = 0; !err && i < r->texts.size; i++) {
		struct text *text = &r->texts.data[i];
		text->string = text->size ? GOSPY_MAP_NONE : 0;
		if (text->size)
			err = read_next(r, (uint32_t)i, text->address, text->size);
	}
	return err ? err : run_round(r, read_text);
}

static void sort_pairs(const struct capture *c, const struct label_set *set)
{
	/* Insertion sort by key: maps have no order, and a set has a handful of labels. */
	for (uint32_t i = 1; i < set->count; i++) {
		struct gospy_label *pairs = c->label_pairs.data + set->first;
		struct gospy_label label = pairs[i];
		uint32_t at = i;
		for (; at && strcmp(gospy_snapshot_string(c->snapshot, pairs[at - 1].key),
				    gospy_snapshot_string(c->snapshot, label.key)) > 0;
		     at--)
			pairs[at] = pairs[at - 1];
		pairs[at] = label;
	}
}

/** Counts the pairs of each set, and gives each its place behind those of the sets before it. */
static bool make_room(struct reader *r, size_t first)
{
	struct capture *c = r->c;
	size_t size = c->label_pairs.size;

	for (size_t i = 0; i < r->pairs.size; i++) {
		const struct pair *pair = &r->pairs.data[i];
		struct label_set *set = &c->label_sets.data[pair->set];
		if (r->texts.data[pair->key].string == GOSPY_MAP_NONE ||
		    r->texts.data[pair->value].string == GOSPY_MAP_NONE)
			set->unreadable = true;
		set->count++;
	}
	for (size_t i = first; i < c->label_sets.size; i++) {
		struct label_set *set = &c->label_sets.data[i];
		set->first = (uint32_t)size;
		if (!set->unreadable)
			size += set->count;
		c->any_labels = c->any_labels || (set->count && !set->unreadable);
		set->count = 0;
	}
	return gospy_label_vec_resize(&c->label_pairs, size);
}

static void place_pairs(struct reader *r, size_t first)
{
	struct capture *c = r->c;

	for (size_t i = 0; i < r->pairs.size; i++) {
		const struct pair *pair = &r->pairs.data[i];
		struct label_set *set = &c->label_sets.data[pair->set];
		if (!set->unreadable)
			c->label_pairs.data[set->first + set->count++] = (struct gospy_label){
				.key = r->texts.data[pair->key].string,
				.value = r->texts.data[pair->value].string,
			};
	}
	for (size_t i = first; i < c->label_sets.size; i++)
		sort_pairs(c, &c->label_sets.data[i]);
}

struct gospy_error *capture_read_labels(struct capture *c)
{
	_cleanup_(reader_deinit) struct reader r = {.c = c};
	size_t first = c->read_label_sets;

	if (first == c->label_sets.size)
		return NULL;
	c->read_label_sets = c->label_sets.size;
	struct gospy_error *err = read_sets(&r, first);
	if (!err)
		err = read_texts(&r);
	if (!err && !make_room(&r, first))
		return &gospy_enomem;
	if (!err)
		place_pairs(&r, first);
	if (!err && r.too_many)
		err = capture_warn(c, "there are more labels than can be shown");
	return err;
}
