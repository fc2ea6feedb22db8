/* SPDX-License-Identifier: MIT */
#include "pclntab_private.h"

enum { NUM_BUCKETS = 128 };

/** The names that are looked for, by length. */
struct wanted {
	const char *const *names;
	size_t num_names;
	size_t max_length;
	/** Of each bucket of lengths the first name + 1, and after each name the next + 1; 0 ends.
	 */
	uint32_t first[NUM_BUCKETS];
	uint32_t *next;
	uint32_t *lengths;
	/** 1.16 and newer: the offset of each name in the table of names; UINT32_MAX: not there. */
	uint32_t *offsets;
	/** Functions found so far go to the caller's arrays. */
	struct gospy_func *funcs;
	bool *found;
	/** Names that may yet be found. */
	size_t num_left;
};

static void wanted_deinit(struct wanted *wanted)
{
	free(wanted->next);
	free(wanted->lengths);
	free(wanted->offsets);
}

GOSPY_CHECKED static struct gospy_error *wanted_init(struct wanted *wanted)
{
	wanted->next = calloc(wanted->num_names + 1, sizeof(*wanted->next));
	wanted->lengths = calloc(wanted->num_names + 1, sizeof(*wanted->lengths));
	wanted->offsets = calloc(wanted->num_names + 1, sizeof(*wanted->offsets));
	if (!wanted->next || !wanted->lengths || !wanted->offsets)
		return &gospy_enomem;
	for (size_t i = 0; i < wanted->num_names; i++) {
		size_t length = strlen(wanted->names[i]);
		uint32_t *first = &wanted->first[length % NUM_BUCKETS];
		if (length > wanted->max_length)
			wanted->max_length = length;
		wanted->next[i] = *first;
		*first = (uint32_t)i + 1;
		wanted->lengths[i] = (uint32_t)length;
		wanted->offsets[i] = UINT32_MAX;
	}
	return NULL;
}

/** The next name after number `after` (0: from the first) that equals the text; its number + 1, or
 * 0. */
static uint32_t match(const struct wanted *wanted, const uint8_t *text, size_t length,
		      uint32_t after)
{
	uint32_t i = after ? wanted->next[after - 1] : wanted->first[length % NUM_BUCKETS];

	while (i && !(wanted->lengths[i - 1] == length &&
		      memcmp(wanted->names[i - 1], text, length) == 0))
		i = wanted->next[i - 1];
	return i;
}

/** Walks the table of names once; names that are not in it are functions that are not there. */
static void find_offsets(const struct gospy_pclntab *table, struct wanted *wanted)
{
	const uint8_t *start = table->bytes.data + table->funcnametab;
	const uint8_t *end = table->bytes.data + table->cutab;
	size_t found = 0;

	for (const uint8_t *p = start; p < end && found < wanted->num_names;) {
		const uint8_t *nul = memchr(p, 0, (size_t)(end - p));
		if (!nul)
			break;
		size_t length = (size_t)(nul - p);
		for (uint32_t i = match(wanted, p, length, 0); i; i = match(wanted, p, length, i)) {
			found += wanted->offsets[i - 1] == UINT32_MAX;
			wanted->offsets[i - 1] = (uint32_t)(p - start);
		}
		p = nul + 1;
	}
	wanted->num_left = found;
}

GOSPY_CHECKED static struct gospy_error *take(const struct gospy_pclntab *table, uint64_t index,
					      struct wanted *wanted, size_t number)
{
	if (wanted->found[number])
		return NULL;
	struct gospy_error *err = gospy_pclntab_func(table, index, &wanted->funcs[number]);
	if (err)
		return err;
	wanted->found[number] = true;
	wanted->num_left--;
	return NULL;
}

/** The field of function `index`'s record that says its name; false for a hole. */
static bool name_offset(const struct gospy_pclntab *table, uint64_t index, uint32_t *ret)
{
	uint64_t record = gospy_pclntab_entry(table, index).record;
	const struct gospy_func_layout *layout = gospy_pclntab_func_layout(table);

	if (record > table->bytes.size || table->bytes.size - record < layout->size)
		return false;
	*ret = gospy_load_u32(table->bytes.data + record + layout->name);
	return true;
}

static uint64_t filter_bit(uint32_t offset)
{
	return UINT64_C(1) << (offset * UINT32_C(2654435769) >> 26);
}

/** 1.16 and newer: names are numbers, functions are compared by them. */
GOSPY_CHECKED static struct gospy_error *find_by_offset(const struct gospy_pclntab *table,
							struct wanted *wanted)
{
	uint64_t filter = 0;
	uint32_t offset;

	find_offsets(table, wanted);
	for (size_t n = 0; n < wanted->num_names; n++) {
		if (wanted->offsets[n] != UINT32_MAX)
			filter |= filter_bit(wanted->offsets[n]);
	}
	for (uint64_t i = 0; i < table->num_functions && wanted->num_left; i++) {
		if (!name_offset(table, i, &offset) || !(filter & filter_bit(offset)))
			continue;
		for (size_t n = 0; n < wanted->num_names; n++) {
			if (wanted->offsets[n] != offset || offset == UINT32_MAX)
				continue;
			struct gospy_error *err = take(table, i, wanted, n);
			if (err)
				return err;
		}
	}
	return NULL;
}

/** Up to 1.15 the names stand between the records. */
GOSPY_CHECKED static struct gospy_error *find_by_text(const struct gospy_pclntab *table,
						      struct wanted *wanted)
{
	uint32_t offset;

	wanted->num_left = wanted->num_names;
	for (uint64_t i = 0; i < table->num_functions && wanted->num_left; i++) {
		if (!name_offset(table, i, &offset) || offset >= table->bytes.size)
			continue;
		const uint8_t *name = table->bytes.data + offset;
		uint64_t left = table->bytes.size - offset;
		const uint8_t *nul = memchr(
			name, 0, left < wanted->max_length + 1 ? left : wanted->max_length + 1);
		if (!nul)
			continue;
		size_t length = (size_t)(nul - name);
		for (uint32_t n = match(wanted, name, length, 0); n;
		     n = match(wanted, name, length, n)) {
			struct gospy_error *err = take(table, i, wanted, n - 1);
			if (err)
				return err;
		}
	}
	return NULL;
}

struct gospy_error *gospy_pclntab_find_names(const struct gospy_pclntab *table,
					     const char *const *names, size_t num_names,
					     struct gospy_func *ret, bool *found)
{
	_cleanup_free_ struct gospy_func *funcs = calloc(num_names + 1, sizeof(*funcs));
	_cleanup_free_ bool *hits = calloc(num_names + 1, sizeof(*hits));
	_cleanup_(wanted_deinit) struct wanted wanted = {
		.names = names, .num_names = num_names, .funcs = funcs, .found = hits};

	if (!funcs || !hits)
		return &gospy_enomem;
	struct gospy_error *err = wanted_init(&wanted);
	if (!err)
		err = table->version == GOSPY_PCLNTAB_1_2 ? find_by_text(table, &wanted)
							  : find_by_offset(table, &wanted);
	if (err)
		return err;
	for (size_t i = 0; i < num_names; i++) {
		found[i] = hits[i];
		if (hits[i])
			ret[i] = funcs[i];
	}
	return NULL;
}
