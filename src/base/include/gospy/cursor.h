/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CURSOR_H
#define GOSPY_CURSOR_H

/**
 * A bounds-checked reader of little-endian foreign bytes with sticky failure: a read past the end
 * returns zero, moves nothing and sets `failed`; the caller checks once, at the end of a record,
 * with gospy_cursor_check(). All offsets are bytes from `start`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>

struct gospy_cursor {
	/** What the bytes are, for error messages: "pclntab". Borrowed. */
	const char *name;
	/** The bytes, borrowed. */
	const uint8_t *start;
	size_t size;
	size_t pos;
	bool failed;
	/** Where the first failed read wanted to begin. */
	size_t failed_pos;
};

/** A cursor at the start of `size` bytes at `start`, which must stay as they are while it is used.
 */
struct gospy_cursor gospy_cursor_make(const char *name, const void *start, size_t size);

/** Goes to offset `pos`; beyond the end is a failure. */
void gospy_cursor_seek(struct gospy_cursor *cursor, uint64_t pos);
void gospy_cursor_skip(struct gospy_cursor *cursor, uint64_t count);

uint8_t gospy_cursor_u8(struct gospy_cursor *cursor);
uint16_t gospy_cursor_u16(struct gospy_cursor *cursor);
uint32_t gospy_cursor_u32(struct gospy_cursor *cursor);
uint64_t gospy_cursor_u64(struct gospy_cursor *cursor);
/** Unsigned LEB128 as of encoding/binary.Uvarint, at most 10 bytes; longer ones fail. */
uint64_t gospy_cursor_uvarint(struct gospy_cursor *cursor);
/** `size` bytes in place, NULL on failure. Borrowed from the cursor's bytes. */
const uint8_t *gospy_cursor_bytes(struct gospy_cursor *cursor, uint64_t size);
/** A NUL-terminated string in place of at most `max` bytes, NULL on failure. */
const char *gospy_cursor_cstring(struct gospy_cursor *cursor, size_t max);

static inline size_t gospy_cursor_left(const struct gospy_cursor *cursor)
{
	return cursor->size - cursor->pos;
}

/** GOSPY_ERROR_BAD_DATA naming the bytes and the offset if any read failed. */
GOSPY_CHECKED struct gospy_error *gospy_cursor_check(const struct gospy_cursor *cursor);

/** Unaligned little-endian loads from bytes that are known to be there. */
static inline uint16_t gospy_load_u16(const void *p)
{
	uint16_t v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}
static inline uint32_t gospy_load_u32(const void *p)
{
	uint32_t v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}
static inline uint64_t gospy_load_u64(const void *p)
{
	uint64_t v;
	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the loads assume a little-endian host");

#endif
