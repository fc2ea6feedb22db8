/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TARGET_CONTRACT_H
#define GOSPY_TARGET_CONTRACT_H

/**
 * The contract of <gospy/target.h> as tests: whatever is behind the table of operations has to pass
 * them. A test of a kind of target includes this file, makes a `struct contract` in its group setup
 * (cmocka's state points to it), and runs `target_contract_tests`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include <gospy/target.h>

#include "assert_error.h"
#include "target_sample.h"

/** A target and what is known of it from elsewhere. */
struct contract {
	struct gospy_target *target;
	/** `size` readable bytes at `address`, at least 8192; the byte before and the one behind
	 * are not. */
	uint64_t address;
	const uint8_t *bytes;
	size_t size;
	/** One of its threads. */
	pid_t tid;
	/** A thread number that it has not. */
	pid_t no_tid;
};

static void contract_reads_what_is_there(void **state)
{
	const struct contract *c = *state;
	_cleanup_free_ uint8_t *buffer = calloc(1, c->size);

	assert_non_null(buffer);
	assert_ok(gospy_target_read(c->target, c->address, buffer, c->size));
	assert_memory_equal(buffer, c->bytes, c->size);
}

static void contract_reads_numbers(void **state)
{
	const struct contract *c = *state;
	uint64_t u64 = 0, expected;
	uint8_t u8 = 0;

	memcpy(&expected, c->bytes + 5, sizeof(expected));
	assert_ok(gospy_target_read_u64(c->target, c->address + 5, &u64));
	assert_ok(gospy_target_read(c->target, c->address + 5, &u8, 1));
	assert_true(u64 == expected);
	assert_int_equal(u8, c->bytes[5]);
}

static void contract_names_the_first_unreadable_byte(void **state)
{
	const struct contract *c = *state;
	uint8_t buffer[64];
	_cleanup_error_ struct gospy_error *err =
		gospy_target_read(c->target, c->address + c->size - 10, buffer, sizeof(buffer));

	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_FAULT);
	assert_true(err->address == c->address + c->size);
}

static void contract_leaves_outputs_of_failures_alone(void **state)
{
	const struct contract *c = *state;
	uint64_t value = 42;

	assert_error(gospy_target_read_u64(c->target, c->address + c->size - 4, &value),
		     GOSPY_ERROR_FAULT);
	assert_error(gospy_target_read_u64(c->target, c->address - 1, &value), GOSPY_ERROR_FAULT);
	assert_true(value == 42);
}

static void contract_reads_on_behind_holes(void **state)
{
	const struct contract *c = *state;
	uint8_t buffers[7][16];
	const uint64_t end = c->address + c->size;
	struct gospy_read reads[7] = {
		{.address = c->address + 4090, .size = 16}, /* over a page border */
		{.address = c->address - 16, .size = 16},   /* before */
		{.address = end - 6, .size = 16},	    /* over the end */
		{.address = end, .size = 16},		    /* behind */
		{.address = c->address, .size = 0},	    /* nothing */
		{.address = UINT64_MAX - 7, .size = 16},    /* past the end of everything */
		{.address = c->address, .size = 16},
	};
	const size_t expected[7] = {16, 0, 6, 0, 0, 0, 16};

	for (int i = 0; i < 7; i++) {
		reads[i].buffer = buffers[i];
		reads[i].done = 99;
	}
	assert_ok(gospy_target_read_many(c->target, reads, 7));
	for (int i = 0; i < 7; i++) {
		assert_int_equal(reads[i].done, expected[i]);
		if (expected[i])
			assert_memory_equal(buffers[i], c->bytes + (reads[i].address - c->address),
					    expected[i]);
	}
	assert_ok(gospy_target_read_many(c->target, NULL, 0));
}

/* More pieces than a system call takes, every third of them unreadable. */
static void contract_reads_thousands_at_once(void **state)
{
	const struct contract *c = *state;
	enum { COUNT = 5000 };
	_cleanup_free_ struct gospy_read *reads = calloc(COUNT, sizeof(*reads));
	_cleanup_free_ uint64_t *values = calloc(COUNT, sizeof(*values));

	assert_non_null(reads);
	assert_non_null(values);
	for (size_t i = 0; i < COUNT; i++)
		reads[i] = (struct gospy_read){
			.address = i % 3 == 2 ? c->address + c->size
					      : c->address + i * 31 % (c->size - 8),
			.size = 8,
			.buffer = &values[i],
		};
	assert_ok(gospy_target_read_many(c->target, reads, COUNT));
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(reads[i].done, i % 3 == 2 ? 0 : 8);
		if (i % 3 != 2)
			assert_memory_equal(&values[i], c->bytes + (reads[i].address - c->address),
					    8);
	}
}

struct contract_reader {
	const struct contract *contract;
	bool wrong;
};

static void *contract_read_often(void *argument)
{
	struct contract_reader *reader = argument;
	const struct contract *c = reader->contract;

	for (size_t i = 0; i < 500; i++) {
		size_t offset = i * 13 % (c->size - 64);
		uint8_t buffer[64];
		struct gospy_error *err =
			gospy_target_read(c->target, c->address + offset, buffer, sizeof(buffer));
		if (err || memcmp(buffer, c->bytes + offset, sizeof(buffer)))
			reader->wrong = true;
		gospy_error_destroy(err);
	}
	return NULL;
}

static void contract_is_read_by_several_threads(void **state)
{
	struct contract_reader readers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		readers[i] = (struct contract_reader){.contract = *state};
		assert_int_equal(
			pthread_create(&threads[i], NULL, contract_read_often, &readers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_false(readers[i].wrong);
	}
}

static void contract_maps_in_order(void **state)
{
	const struct contract *c = *state;
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};
	uint64_t last_end = 0;

	assert_ok(gospy_target_mappings(c->target, &mappings));
	assert_true(mappings.list.size > 0);
	for (size_t i = 0; i < mappings.list.size; i++) {
		const struct gospy_mapping *mapping = &mappings.list.data[i];
		assert_true(mapping->start >= last_end);
		assert_true(mapping->start < mapping->end);
		assert_ptr_equal(gospy_mappings_find(&mappings, mapping->start), mapping);
		assert_ptr_equal(gospy_mappings_find(&mappings, mapping->end - 1), mapping);
		assert_non_null(gospy_mapping_path(&mappings, mapping));
		last_end = mapping->end;
	}
	const struct gospy_mapping *found = gospy_mappings_find(&mappings, c->address);
	assert_non_null(found);
	assert_true(found->flags & GOSPY_MAPPING_READ);
}

static void contract_lists_threads(void **state)
{
	const struct contract *c = *state;
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};
	size_t found = 0;

	/* What the vector holds is replaced, not added to. */
	assert_true(gospy_thread_vec_resize(&threads, 3));
	assert_ok(gospy_target_threads(c->target, &threads));
	for (size_t i = 0; i < threads.size; i++) {
		assert_true(threads.data[i].tid > 0);
		assert_non_null(strchr("RSDTtZXI", threads.data[i].state));
		found += threads.data[i].tid == c->tid;
	}
	assert_int_equal(found, 1);
}

static void contract_gives_registers_only_while_it_is_held(void **state)
{
	const struct contract *c = *state;
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};
	struct gospy_registers registers = {.pc = 42};
	uint64_t paused_ns = 0;

	assert_error(gospy_target_registers(c->target, c->tid, &registers), GOSPY_ERROR_NOT_FOUND);
	assert_true(registers.pc == 42);
	assert_ok_when_run(gospy_target_stop(c->target));
	assert_ok_when_run(gospy_target_stop(c->target));
	assert_ok(gospy_target_threads(c->target, &threads));
	for (size_t i = 0; i < threads.size; i++) {
		assert_ok(gospy_target_registers(c->target, threads.data[i].tid, &registers));
		assert_true(registers.pc != 0 && registers.pc != 42);
		assert_true(registers.sp != 0);
		assert_int_not_equal(registers.arch, GOSPY_ARCH_UNKNOWN);
	}
	assert_error(gospy_target_registers(c->target, c->no_tid, &registers),
		     GOSPY_ERROR_NOT_FOUND);
	assert_ok(gospy_target_resume(c->target, &paused_ns));
	assert_true(paused_ns > 0);
	assert_ok(gospy_target_resume(c->target, NULL));
	assert_error(gospy_target_registers(c->target, c->tid, &registers), GOSPY_ERROR_NOT_FOUND);
}

static void contract_is_read_while_it_is_held(void **state)
{
	assert_ok_when_run(gospy_target_stop(((struct contract *)*state)->target));
	contract_reads_what_is_there(state);
	contract_reads_on_behind_holes(state);
	assert_ok(gospy_target_resume(((struct contract *)*state)->target, NULL));
}

static void contract_samples_a_thread(void **state)
{
	const struct contract *c = *state;
	struct gospy_registers registers = {0};

	assert_ok_when_run(target_sample(c->target, c->tid, &registers, NULL));
	assert_true(registers.pc != 0);
	assert_true(registers.sp != 0);
	assert_error(target_sample(c->target, c->no_tid, &registers, NULL), GOSPY_ERROR_NOT_FOUND);
}

static void contract_tells_about_itself(void **state)
{
	const struct contract *c = *state;
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {0};

	assert_ok(gospy_target_info(c->target, &info));
	assert_non_null(info.exe);
	assert_non_null(info.name);
	assert_non_null(info.cgroup);
	/* A process lives or is frozen. */
	assert_true((info.pid != 0) != (info.frozen_at_ns != 0));
	assert_true(info.resident_size >= c->size);
}

#define target_contract_tests                                                                      \
	cmocka_unit_test(contract_reads_what_is_there), cmocka_unit_test(contract_reads_numbers),  \
		cmocka_unit_test(contract_names_the_first_unreadable_byte),                        \
		cmocka_unit_test(contract_leaves_outputs_of_failures_alone),                       \
		cmocka_unit_test(contract_reads_on_behind_holes),                                  \
		cmocka_unit_test(contract_reads_thousands_at_once),                                \
		cmocka_unit_test(contract_is_read_by_several_threads),                             \
		cmocka_unit_test(contract_maps_in_order),                                          \
		cmocka_unit_test(contract_lists_threads),                                          \
		cmocka_unit_test(contract_gives_registers_only_while_it_is_held),                  \
		cmocka_unit_test(contract_is_read_while_it_is_held),                               \
		cmocka_unit_test(contract_samples_a_thread),                                       \
		cmocka_unit_test(contract_tells_about_itself)

#endif
