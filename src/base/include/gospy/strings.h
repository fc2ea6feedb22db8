/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_STRINGS_H
#define GOSPY_STRINGS_H

/**
 * Interned strings: each distinct byte string once, numbered from 0 in order of arrival. Number 0
 * is always the empty string. Reading is safe from several threads while none interns.
 */
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>
#include <gospy/vec.h>

struct gospy_strings {
	/** All strings one after the other, each followed by a NUL that its length does not count.
	 */
	struct gospy_u8_vec bytes;
	/** Where string i starts in `bytes`; it ends one byte before offsets[i + 1]. */
	struct gospy_u64_vec offsets;
	/** Open addressing: number + 1, or 0. */
	uint32_t *slots;
	size_t capacity;
};

GOSPY_CHECKED struct gospy_error *gospy_strings_init(struct gospy_strings *strings);
void gospy_strings_deinit(struct gospy_strings *strings);

/** The number of the string of `size` bytes at `data`, which is copied if new; below UINT32_MAX.
 * GOSPY_ERROR_NO_MEMORY. */
GOSPY_CHECKED struct gospy_error *
gospy_strings_intern(struct gospy_strings *strings, const void *data, size_t size, uint32_t *ret);

/** The number of that string, UINT32_MAX if it is not there. */
uint32_t gospy_strings_find(const struct gospy_strings *strings, const void *data, size_t size);

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
