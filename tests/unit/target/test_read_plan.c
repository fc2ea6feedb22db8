/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/memory_target.h>
#include <gospy/read_plan.h>

#include "assert_error.h"

#define PAGE 4096
#define NUM_PAGES 300
#define BASE UINT64_C(0xc000000000)

/* Every fifth page is missing. */
static bool has_page(size_t page)
{
	return page % 5 != 4;
}

static struct gospy_target *make_target(void)
{
	struct gospy_target *target;
	uint8_t page[PAGE];

	assert_ok(gospy_memory_target_create(GOSPY_ARCH_AMD64, &target));
	for (size_t i = 0; i < NUM_PAGES; i++) {
		for (size_t j = 0; j < PAGE; j++)
			page[j] = (uint8_t)(i * 31 + j * 7 + j / 256);
		if (has_page(i))
			assert_ok(gospy_memory_target_add(target, BASE + i * PAGE, page, PAGE,
							  GOSPY_MAPPING_READ, NULL, 0));
	}
	return target;
}

struct seen {
	struct gospy_target *target;
	/** How often each piece came. */
	uint8_t *times;
	uint64_t last_address;
	size_t num_batches;
	size_t num_pieces;
	/** Bytes of one batch, and the most there were. */
	size_t batch_bytes;
	size_t max_batch_bytes;
	/** End at piece or batch so and so, counted from 1; 0 for never. */
	size_t stop_at_piece;
	size_t stop_at_batch;
};

static struct gospy_error *see_piece(void *context, const struct gospy_piece *piece,
				     const uint8_t *data, size_t size)
{
	struct seen *seen = context;
	_cleanup_free_ uint8_t *buffer = malloc((size_t)piece->size + 1);
	struct gospy_read naive = {
		.address = piece->address, .size = piece->size, .buffer = buffer};

	assert_non_null(buffer);
	assert_ok(gospy_target_read_many(seen->target, &naive, 1));
	assert_int_equal(size, naive.done);
	if (size)
		assert_memory_equal(data, buffer, size);
	else
		assert_null(data);
	assert_true(piece->address >= seen->last_address);
	seen->last_address = piece->address;
	seen->times[piece->id]++;
	seen->batch_bytes += size;
	return ++seen->num_pieces == seen->stop_at_piece ? &gospy_stop : NULL;
}

static struct gospy_error *see_batch(void *context)
{
	struct seen *seen = context;

	if (seen->batch_bytes > seen->max_batch_bytes)
		seen->max_batch_bytes = seen->batch_bytes;
	seen->batch_bytes = 0;
	return ++seen->num_batches == seen->stop_at_batch ? &gospy_stop : NULL;
}

static uint64_t next_random(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *random >> 33;
}

static void add_piece(struct gospy_piece_vec *pieces, uint64_t address, uint32_t size)
{
	struct gospy_piece piece = {address, size, (uint32_t)pieces->size};

	assert_true(gospy_piece_vec_append(pieces, piece));
}

static struct gospy_piece_vec random_pieces(size_t count, uint32_t max_size, uint64_t seed)
{
	struct gospy_piece_vec pieces = {0};

	for (size_t i = 0; i < count; i++) {
		uint64_t at = next_random(&seed) % ((NUM_PAGES + 4) * PAGE);
		add_piece(&pieces, BASE - 2 * PAGE + at,
			  (uint32_t)(next_random(&seed) % (max_size + 1)));
	}
	return pieces;
}

static void run(struct gospy_piece_vec *pieces, uint32_t max_gap, uint32_t batch_size,
		struct seen *seen)
{
	_cleanup_target_ struct gospy_target *target = make_target();
	_cleanup_free_ uint8_t *times = calloc(pieces->size + 1, 1);
	struct gospy_read_plan plan = {.max_gap = max_gap,
				       .batch_size = batch_size,
				       .piece = see_piece,
				       .batch = see_batch,
				       .context = seen};

	seen->target = target;
	seen->times = times;
	assert_ok(gospy_read_plan_run(&plan, target, pieces));
	for (size_t i = 0; i < pieces->size; i++)
		assert_int_equal(times[i], 1);
	for (size_t i = 1; i < pieces->size; i++)
		assert_true(pieces->data[i - 1].address <= pieces->data[i].address);
}

static void agrees_with_a_naive_reader(void **state)
{
	(void)state;
	static const uint32_t gaps[] = {0, 64, PAGE, 10 * PAGE, UINT32_MAX};
	static const uint32_t batches[] = {1, 1000, 65536, 8 << 20};

	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 4; j++) {
			_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces =
				random_pieces(3000, j == 3 ? 9000 : 500, i * 7 + j + 1);
			struct seen seen = {0};
			run(&pieces, gaps[i], batches[j], &seen);
		}
	}
}

static void batches_are_as_small_as_asked(void **state)
{
	(void)state;
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {0};
	struct seen seen = {0};

	for (uint64_t i = 0; i < 4000; i++)
		add_piece(&pieces, BASE + i * 4001 % (4 * PAGE - 100), 100);
	run(&pieces, 0, 1000, &seen);
	/* The same 16 KiB are asked for 24 times over, but only overlapping pieces share bytes. */
	assert_true(seen.num_batches >= 16);
}

static void a_piece_larger_than_the_batch_comes_alone(void **state)
{
	(void)state;
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {0};
	struct seen seen = {0};

	add_piece(&pieces, BASE, 100);
	add_piece(&pieces, BASE + 200, 3 * PAGE);
	add_piece(&pieces, BASE + 3 * PAGE + 300, 100);
	run(&pieces, PAGE, 1000, &seen);
	assert_int_equal(seen.num_batches, 3);
	assert_int_equal(seen.max_batch_bytes, 3 * PAGE);
}

/** A target that only counts what it is asked for. */
struct recorder {
	struct gospy_target target;
	size_t num_reads;
	size_t num_bytes;
};

static struct gospy_error *record_reads(struct gospy_target *target, struct gospy_read *reads,
					size_t num_reads)
{
	struct recorder *recorder = (struct recorder *)target;

	for (size_t i = 0; i < num_reads; i++) {
		recorder->num_bytes += reads[i].size;
		memset(reads[i].buffer, 0, reads[i].size);
		reads[i].done = reads[i].size;
	}
	recorder->num_reads += num_reads;
	return NULL;
}

static const struct gospy_target_ops recorder_ops = {.kind = "recorder", .read_many = record_reads};

static struct gospy_error *ignore_piece(void *context, const struct gospy_piece *piece,
					const uint8_t *data, size_t size)
{
	(void)piece;
	(void)data;
	(void)size;
	++*(size_t *)context;
	return NULL;
}

static void joins_over_gaps_and_not_over_more(void **state)
{
	(void)state;
	for (uint32_t max_gap = 199; max_gap <= 200; max_gap++) {
		_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {0};
		struct recorder recorder = {.target = {&recorder_ops}};
		size_t count = 0;
		struct gospy_read_plan plan = {max_gap, 1 << 20, ignore_piece, NULL, &count};
		add_piece(&pieces, BASE + 350, 50);
		add_piece(&pieces, BASE, 150);
		add_piece(&pieces, BASE + 100, 10);
		assert_ok(gospy_read_plan_run(&plan, &recorder.target, &pieces));
		assert_int_equal(count, 3);
		assert_int_equal(recorder.num_reads, max_gap == 200 ? 1 : 2);
		assert_int_equal(recorder.num_bytes, max_gap == 200 ? 400 : 200);
	}
}

static void pieces_behind_a_hole_in_a_gap_are_read(void **state)
{
	(void)state;
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {0};
	struct seen seen = {0};

	/* Page 4 is missing, and so are 9 and 14. */
	add_piece(&pieces, BASE + 4 * PAGE - 50, 50);
	add_piece(&pieces, BASE + 4 * PAGE - 50, 100);
	add_piece(&pieces, BASE + 5 * PAGE - 20, 100);
	for (uint64_t i = 0; i < 2500; i++)
		add_piece(&pieces, BASE + 5 * PAGE + i * 16, 8);
	run(&pieces, 2 * PAGE, 1 << 20, &seen);
	assert_int_equal(seen.num_batches, 1);
}

static void takes_the_ends_of_the_address_space(void **state)
{
	(void)state;
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {0};
	struct seen seen = {0};

	add_piece(&pieces, UINT64_MAX, 1);
	add_piece(&pieces, UINT64_MAX - 10, 4096);
	add_piece(&pieces, 0, 4096);
	add_piece(&pieces, 0, 0);
	add_piece(&pieces, UINT64_MAX, 0);
	add_piece(&pieces, BASE, 0);
	add_piece(&pieces, BASE, 10);
	run(&pieces, UINT32_MAX, 1 << 16, &seen);
	pieces.size = 0;
	run(&pieces, 0, 0, &seen);
}

/* Sorted, reversed, all equal, and clusters that differ only in their highest bits. */
static void sorts_any_order(void **state)
{
	(void)state;
	for (int kind = 0; kind < 5; kind++) {
		_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {0};
		struct seen seen = {0};
		uint64_t random = 99;
		for (uint64_t i = 0; i < 5000; i++) {
			const uint64_t address[] = {
				BASE + i,
				BASE + 5000 - i,
				BASE + 77,
				(i % 7) << 60 | next_random(&random) % 4096,
				next_random(&random) << 33 | next_random(&random),
			};
			add_piece(&pieces, address[kind], 4);
		}
		run(&pieces, PAGE, 1 << 20, &seen);
	}
}

static void ends_when_a_callback_says_so(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		_cleanup_target_ struct gospy_target *target = make_target();
		_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces =
			random_pieces(3000, 100, 3);
		_cleanup_free_ uint8_t *times = calloc(pieces.size, 1);
		struct seen seen = {.target = target,
				    .times = times,
				    .stop_at_piece = kind ? 0 : 17,
				    .stop_at_batch = kind ? 2 : 0};
		struct gospy_read_plan plan = {64, 4096, see_piece, see_batch, &seen};
		assert_error(gospy_read_plan_run(&plan, target, &pieces), GOSPY_ERROR_STOP);
		if (kind)
			assert_int_equal(seen.num_batches, 2);
		else
			assert_int_equal(seen.num_pieces, 17);
	}
}

static void hands_on_the_errors_of_reads(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make_target();
	size_t count = 0;
	struct gospy_read_plan plan = {64, 4096, ignore_piece, NULL, &count};

	for (uint64_t nth = 1; nth < 20; nth++) {
		_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces =
			random_pieces(3000, 100, nth);
		gospy_memory_target_fail_nth(target, nth);
		assert_error(gospy_read_plan_run(&plan, target, &pieces), GOSPY_ERROR_EXITED);
	}
	gospy_memory_target_fail_nth(target, 0);
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = random_pieces(50, 9, 1);
	count = 0;
	assert_ok(gospy_read_plan_run(&plan, target, &pieces));
	assert_int_equal(count, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_naive_reader),
		cmocka_unit_test(batches_are_as_small_as_asked),
		cmocka_unit_test(a_piece_larger_than_the_batch_comes_alone),
		cmocka_unit_test(joins_over_gaps_and_not_over_more),
		cmocka_unit_test(pieces_behind_a_hole_in_a_gap_are_read),
		cmocka_unit_test(takes_the_ends_of_the_address_space),
		cmocka_unit_test(sorts_any_order),
		cmocka_unit_test(ends_when_a_callback_says_so),
		cmocka_unit_test(hands_on_the_errors_of_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
