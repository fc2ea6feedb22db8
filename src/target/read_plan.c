/* SPDX-License-Identifier: MIT */
#include <gospy/read_plan.h>

/** Reads of one batch: as many as one process_vm_readv takes (IOV_MAX on Linux). */
#define MAX_READS 1024
#define DIGITS 256
#define INSERTION_SORT_SIZE 24

struct batch {
	const struct gospy_read_plan *plan;
	struct gospy_target *target;
	struct gospy_u8_vec buffer;
	/** The pieces of this batch, within the caller's vector. */
	const struct gospy_piece *pieces;
	size_t num_pieces;
	/** Runs of joined pieces, one after the other in the buffer. */
	struct gospy_read runs[MAX_READS];
	size_t num_runs;
	/** Bytes of the buffer that the runs take. */
	size_t size;
	/** Pieces of one run that are tried again alone. */
	struct gospy_read retries[MAX_READS];
};

/* A piece that would pass the end of the address space is as long as up to there. */
static uint64_t piece_end(const struct gospy_piece *piece)
{
	uint64_t end = piece->address + piece->size;

	return end < piece->address ? UINT64_MAX : end;
}

static size_t piece_size(const struct gospy_piece *piece)
{
	return (size_t)(piece_end(piece) - piece->address);
}

static void insertion_sort(struct gospy_piece *pieces, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct gospy_piece piece = pieces[i];
		size_t at = i;
		for (; at && pieces[at - 1].address > piece.address; at--)
			pieces[at] = pieces[at - 1];
		pieces[at] = piece;
	}
}

/* Bits in which not all addresses agree; 0 also where the pieces are in order already. */
static uint64_t unsorted_bits(const struct gospy_piece *pieces, size_t count)
{
	uint64_t differing = 0;
	bool sorted = true;

	for (size_t i = 1; i < count; i++) {
		differing |= pieces[i].address ^ pieces[0].address;
		sorted = sorted && pieces[i - 1].address <= pieces[i].address;
	}
	return sorted ? 0 : differing;
}

static unsigned int digit_of(const struct gospy_piece *piece, int shift)
{
	return (unsigned int)(piece->address >> shift) % DIGITS;
}

/* Moves every piece into the bucket of its digit, in place, each one once. */
static void distribute(struct gospy_piece *pieces, int shift, size_t next[DIGITS],
		       const size_t ends[DIGITS])
{
	for (unsigned int digit = 0; digit < DIGITS; digit++) {
		while (next[digit] < ends[digit]) {
			struct gospy_piece piece = pieces[next[digit]];
			unsigned int home = digit_of(&piece, shift);
			while (home != digit) {
				struct gospy_piece evicted = pieces[next[home]];
				pieces[next[home]++] = piece;
				piece = evicted;
				home = digit_of(&piece, shift);
			}
			pieces[next[digit]++] = piece;
		}
	}
}

/*
 * Radix sort from the highest differing byte down, in place: no memory, and linear, for each level
 * takes eight of the 64 bits away. That also bounds the recursion to eight calls.
 */
static void sort_pieces(struct gospy_piece *pieces, size_t count)
{
	size_t ends[DIGITS] = {0}, next[DIGITS];

	if (count <= INSERTION_SORT_SIZE) {
		insertion_sort(pieces, count);
		return;
	}
	uint64_t bits = unsorted_bits(pieces, count);
	if (!bits)
		return;
	int top = 63 - __builtin_clzll(bits);
	int shift = top < 8 ? 0 : top - 7;
	for (size_t i = 0; i < count; i++)
		ends[digit_of(&pieces[i], shift)]++;
	for (size_t digit = 0, sum = 0; digit < DIGITS; digit++) {
		next[digit] = sum;
		sum += ends[digit];
		ends[digit] = sum;
	}
	distribute(pieces, shift, next, ends);
	if (!shift)
		return;
	for (size_t digit = 0, start = 0; digit < DIGITS; start = ends[digit++])
		sort_pieces(pieces + start, ends[digit] - start);
}

/* Takes pieces from the front of `pieces` for as long as they fit; at least one. */
static void plan_batch(struct batch *batch, const struct gospy_piece *pieces, size_t count)
{
	const struct gospy_read_plan *plan = batch->plan;
	uint64_t end = 0;
	size_t taken = 0;

	batch->num_runs = batch->size = 0;
	for (; taken < count; taken++) {
		const struct gospy_piece *piece = &pieces[taken];
		bool join = batch->num_runs &&
			    (piece->address <= end || piece->address - end <= plan->max_gap);
		uint64_t new_end = piece_end(piece);
		uint64_t more = join ? (new_end > end ? new_end - end : 0) : piece_size(piece);
		if (taken && more &&
		    (more > plan->batch_size || batch->size > plan->batch_size - more))
			break;
		if (!join && batch->num_runs == MAX_READS)
			break;
		if (!join)
			batch->runs[batch->num_runs++] =
				(struct gospy_read){.address = piece->address};
		batch->runs[batch->num_runs - 1].size += more;
		batch->size += more;
		if (!join || new_end > end)
			end = new_end;
	}
	batch->pieces = pieces;
	batch->num_pieces = taken;
}

static struct gospy_error *read_runs(struct batch *batch)
{
	if (!gospy_u8_vec_reserve(&batch->buffer, batch->size + 1))
		return &gospy_enomem;
	uint8_t *buffer = batch->buffer.data;
	for (size_t i = 0; i < batch->num_runs; i++) {
		batch->runs[i].buffer = buffer;
		buffer += batch->runs[i].size;
	}
	return gospy_target_read_many(batch->target, batch->runs, batch->num_runs);
}

static struct gospy_error *deliver(const struct batch *batch, const struct gospy_piece *piece,
				   const struct gospy_read *read)
{
	uint64_t offset = piece->address - read->address;
	size_t size = read->done > offset ? (size_t)(read->done - offset) : 0;

	if (size > piece_size(piece))
		size = piece_size(piece);
	const uint8_t *data = size ? (const uint8_t *)read->buffer + offset : NULL;
	return batch->plan->piece(batch->plan->context, piece, data, size);
}

/*
 * The pieces that lie behind a hole of their run: the hole may be in the gap that was joined over,
 * so each is read by itself.
 */
static struct gospy_error *deliver_alone(struct batch *batch, const struct gospy_read *run,
					 const struct gospy_piece *pieces, size_t count)
{
	struct gospy_error *err = NULL;

	for (size_t i = 0; i < count && !err; i++) {
		size_t slot = i % MAX_READS;
		if (!slot) {
			size_t n = count - i < MAX_READS ? count - i : MAX_READS;
			for (size_t j = 0; j < n; j++)
				batch->retries[j] = (struct gospy_read){
					.address = pieces[i + j].address,
					.size = piece_size(&pieces[i + j]),
					.buffer = (uint8_t *)run->buffer +
						  (pieces[i + j].address - run->address),
				};
			err = gospy_target_read_many(batch->target, batch->retries, n);
			if (err)
				break;
		}
		err = deliver(batch, &pieces[i], &batch->retries[slot]);
	}
	return err;
}

/* Hands out the `count` pieces of one run. */
static struct gospy_error *deliver_run(struct batch *batch, const struct gospy_read *run,
				       const struct gospy_piece *pieces, size_t count)
{
	struct gospy_error *err = NULL;
	size_t i = 0;

	for (; i < count && !err; i++) {
		if (run->done < run->size && pieces[i].address - run->address > run->done)
			break;
		err = deliver(batch, &pieces[i], run);
	}
	return err ? err : deliver_alone(batch, run, pieces + i, count - i);
}

static struct gospy_error *run_batch(struct batch *batch)
{
	struct gospy_error *err = read_runs(batch);
	size_t first = 0;

	for (size_t i = 0; i < batch->num_runs && !err; i++) {
		size_t end = first;
		if (i + 1 == batch->num_runs)
			end = batch->num_pieces;
		while (end < batch->num_pieces &&
		       batch->pieces[end].address < batch->runs[i + 1].address)
			end++;
		err = deliver_run(batch, &batch->runs[i], batch->pieces + first, end - first);
		first = end;
	}
	if (!err && batch->plan->batch)
		err = batch->plan->batch(batch->plan->context);
	return err;
}

struct gospy_error *gospy_read_plan_run(const struct gospy_read_plan *plan,
					struct gospy_target *target, struct gospy_piece_vec *pieces)
{
	_cleanup_free_ struct batch *batch = calloc(1, sizeof(*batch));
	struct gospy_error *err = NULL;

	if (!batch)
		return &gospy_enomem;
	batch->plan = plan;
	batch->target = target;
	sort_pieces(pieces->data, pieces->size);
	for (size_t at = 0; at < pieces->size && !err; at += batch->num_pieces) {
		plan_batch(batch, pieces->data + at, pieces->size - at);
		err = run_batch(batch);
	}
	gospy_u8_vec_deinit(&batch->buffer);
	return err;
}
