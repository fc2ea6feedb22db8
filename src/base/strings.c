/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/strings.h>
#include <gospy/text.h>

struct gospy_error *gospy_strings_init(struct gospy_strings *strings)
{
	struct gospy_strings fresh = {};
	uint32_t id;

	if (!gospy_u64_vec_append(&fresh.offsets, 0))
		return &gospy_enomem;
	struct gospy_error *err = gospy_strings_intern(&fresh, "", 0, &id);
	if (err) {
		gospy_strings_deinit(&fresh);
		return err;
	}
	*strings = fresh;
	return NULL;
}

void gospy_strings_deinit(struct gospy_strings *strings)
{
	gospy_u8_vec_deinit(&strings->bytes);
	gospy_u64_vec_deinit(&strings->offsets);
	free(strings->slots);
	memset(strings, 0, sizeof(*strings));
}

const char *gospy_strings_get(const struct gospy_strings *strings, uint32_t id, size_t *ret_size)
{
	bool known = id < gospy_strings_count(strings);

	if (ret_size)
		*ret_size =
			known ? strings->offsets.data[id + 1] - strings->offsets.data[id] - 1 : 0;
	return known ? (const char *)strings->bytes.data + strings->offsets.data[id] : "";
}

/** The slot that holds the string, or the free one where it belongs. */
static uint32_t *find_slot(const struct gospy_strings *strings, const uint8_t *data, size_t size)
{
	size_t mask = strings->capacity - 1;

	for (size_t i = gospy_text_hash(data, size) & mask;; i = (i + 1) & mask) {
		uint32_t slot = strings->slots[i];
		if (!slot)
			return &strings->slots[i];
		size_t known_size;
		const char *known = gospy_strings_get(strings, slot - 1, &known_size);
		if (known_size == size && !memcmp(known, data, size))
			return &strings->slots[i];
	}
}

static bool grow(struct gospy_strings *strings)
{
	size_t capacity = strings->capacity ? strings->capacity * 2 : 64;
	uint32_t *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return false;
	free(strings->slots);
	strings->slots = slots;
	strings->capacity = capacity;
	for (uint32_t id = 0; id < gospy_strings_count(strings); id++) {
		size_t size;
		const char *data = gospy_strings_get(strings, id, &size);
		*find_slot(strings, (const uint8_t *)data, size) = id + 1;
	}
	return true;
}

struct gospy_error *gospy_strings_intern(struct gospy_strings *strings, const void *data,
					 size_t size, uint32_t *ret)
{
	size_t count = gospy_strings_count(strings);

	if (strings->capacity < count + count / 2 + 2 && !grow(strings))
		return &gospy_enomem;
	uint32_t *slot = find_slot(strings, data, size);
	if (*slot) {
		*ret = *slot - 1;
		return NULL;
	}
	struct gospy_u8_vec *bytes = &strings->bytes;
	/* UINT32_MAX is nobody's number: it may stand for none. */
	if (count >= UINT32_MAX - 1 || size >= SIZE_MAX - bytes->size ||
	    !gospy_u8_vec_reserve(bytes, bytes->size + size + 1) ||
	    !gospy_u64_vec_append(&strings->offsets, bytes->size + size + 1))
		return &gospy_enomem;
	if (size)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->data[bytes->size + size] = 0;
	bytes->size += size + 1;
	*slot = (uint32_t)count + 1;
	*ret = (uint32_t)count;
	return NULL;
}

uint32_t gospy_strings_find(const struct gospy_strings *strings, const void *data, size_t size)
{
	uint32_t slot = strings->capacity ? *find_slot(strings, data, size) : 0;

	return slot - 1;
}
