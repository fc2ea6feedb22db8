/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_READ_PLAN_H
#define GOSPY_READ_PLAN_H

/**
 * Bulk reads: many small pieces of target memory, in any order, read in few large ones. Pieces are
 * sorted by address in linear time and neighbours joined over small gaps (over gaps up
 * to 4 KiB that is 4 to 5 times as fast as one piece an iovec). Memory is bounded by the batch, not
 * by the sum of the pieces: the callback sees each piece once and must copy what it keeps.
 */
#include <gospy/target.h>

struct gospy_piece {
	uint64_t address;
	uint32_t size;
	/** The caller's number for this piece. */
	uint32_t id;
};

GOSPY_VEC(gospy_piece_vec, struct gospy_piece);

/**
 * Called for each piece, ascending by address within a batch. `data` has `size` readable bytes
 * (less than asked for where the memory ends; 0 and NULL where none of it can be read); valid
 * during the call. An error ends the whole read and is returned from it.
 */
typedef struct gospy_error *(*gospy_piece_fn)(void *context, const struct gospy_piece *piece,
					      const uint8_t *data, size_t size);

/** Called after each batch, so that what was just read can be verified soon after. May be NULL. */
typedef struct gospy_error *(*gospy_batch_fn)(void *context);

struct gospy_read_plan {
	/** Join two pieces when the gap between them is at most this many bytes. */
	uint32_t max_gap;
	/** Bytes of one batch, and so of the buffer; a piece larger than it gets a batch of its
	 * own. */
	uint32_t batch_size;
	gospy_piece_fn piece;
	gospy_batch_fn batch;
	void *context;
};

/** Reads all `pieces`, which are sorted in place. Errors of gospy_target_read_many() and of the
 * callbacks. */
GOSPY_CHECKED struct gospy_error *gospy_read_plan_run(const struct gospy_read_plan *plan,
						      struct gospy_target *target,
						      struct gospy_piece_vec *pieces);

#endif
