/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/cursor.h>

struct gospy_cursor gospy_cursor_make(const char *name, const void *start, size_t size)
{
	return (struct gospy_cursor){.name = name, .start = start, .size = size};
}

static void fail_at(struct gospy_cursor *cursor, uint64_t pos)
{
	if (!cursor->failed)
		cursor->failed_pos = pos;
	cursor->failed = true;
}

void gospy_cursor_seek(struct gospy_cursor *cursor, uint64_t pos)
{
	if (pos > cursor->size)
		fail_at(cursor, pos);
	else
		cursor->pos = pos;
}

void gospy_cursor_skip(struct gospy_cursor *cursor, uint64_t count)
{
	if (count > gospy_cursor_left(cursor))
		fail_at(cursor, cursor->pos);
	else
		cursor->pos += count;
}

const uint8_t *gospy_cursor_bytes(struct gospy_cursor *cursor, uint64_t size)
{
	if (cursor->failed || size > gospy_cursor_left(cursor)) {
		fail_at(cursor, cursor->pos);
		return NULL;
	}
	const uint8_t *p = cursor->start + cursor->pos;
	cursor->pos += size;
	return p;
}

uint8_t gospy_cursor_u8(struct gospy_cursor *cursor)
{
	const uint8_t *p = gospy_cursor_bytes(cursor, sizeof(uint8_t));

	return p ? *p : 0;
}

uint16_t gospy_cursor_u16(struct gospy_cursor *cursor)
{
	const uint8_t *p = gospy_cursor_bytes(cursor, sizeof(uint16_t));

	return p ? gospy_load_u16(p) : 0;
}

uint32_t gospy_cursor_u32(struct gospy_cursor *cursor)
{
	const uint8_t *p = gospy_cursor_bytes(cursor, sizeof(uint32_t));

	return p ? gospy_load_u32(p) : 0;
}

uint64_t gospy_cursor_u64(struct gospy_cursor *cursor)
{
	const uint8_t *p = gospy_cursor_bytes(cursor, sizeof(uint64_t));

	return p ? gospy_load_u64(p) : 0;
}

uint64_t gospy_cursor_uvarint(struct gospy_cursor *cursor)
{
	size_t start = cursor->pos;
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t byte = gospy_cursor_u8(cursor);
		if (cursor->failed)
			return 0;
		/* The tenth byte has room for one bit only. */
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	fail_at(cursor, start);
	return 0;
}

const char *gospy_cursor_cstring(struct gospy_cursor *cursor, size_t max)
{
	size_t left = gospy_cursor_left(cursor);
	const uint8_t *p = cursor->start + cursor->pos;

	if (cursor->failed || !left)
		return fail_at(cursor, cursor->pos), NULL;
	/* One more than max: the NUL itself. */
	const uint8_t *nul = memchr(p, 0, left <= max ? left : max + 1);
	if (!nul)
		return fail_at(cursor, cursor->pos), NULL;
	cursor->pos += (size_t)(nul - p) + 1;
	return (const char *)p;
}

struct gospy_error *gospy_cursor_check(const struct gospy_cursor *cursor)
{
	if (!cursor->failed)
		return NULL;
	return gospy_error_create(GOSPY_ERROR_BAD_DATA,
				  "%s is malformed or truncated at offset %zu", cursor->name,
				  cursor->failed_pos);
}
