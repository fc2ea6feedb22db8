/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_SOURCE_H
#define GOSPY_SOURCE_H

/**
 * A byte source: a file or a buffer whose bytes are addressed by offset, `[0, size)`. Files are
 * mapped, so only touched pages cost memory. A source is immutable and may be shared by threads.
 */
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>

struct gospy_source {
	/** All bytes, valid until gospy_source_deinit(). NULL only when size is 0. */
	const uint8_t *data;
	uint64_t size;
	/** How data is held. */
	enum { GOSPY_SOURCE_BORROWED, GOSPY_SOURCE_MAPPED, GOSPY_SOURCE_OWNED } kind;
};

/**
 * Maps the regular file behind `fd`, which is borrowed for the call only. `name` is for messages.
 * A file that somebody shortens while it is mapped would raise SIGBUS: for files that others may
 * write (not the executable of a running process) use gospy_source_init_read().
 */
GOSPY_CHECKED struct gospy_error *gospy_source_init_map(struct gospy_source *source, int fd,
							const char *name);

/** Reads the whole regular file behind `fd` into memory; at most GOSPY_MAX_SECTION_SIZE bytes. */
GOSPY_CHECKED struct gospy_error *gospy_source_init_read(struct gospy_source *source, int fd,
							 const char *name);

/** A source over `size` bytes at `data`: borrowed, valid as long as the source is used. */
void gospy_source_init_buffer(struct gospy_source *source, const void *data, uint64_t size);

/** As above, but takes ownership of `data`, which came from malloc. */
void gospy_source_init_owned(struct gospy_source *source, void *data, uint64_t size);

/** Releases the source. A zeroed source may be given. */
void gospy_source_deinit(struct gospy_source *source);

/** `size` bytes at `offset` in place, or NULL when not all of them are there. */
static inline const uint8_t *gospy_source_at(const struct gospy_source *source, uint64_t offset,
					     uint64_t size)
{
	if (offset > source->size || size > source->size - offset)
		return NULL;
	return source->data + offset;
}

#endif
