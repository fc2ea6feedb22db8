/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "operands.h"

/*
 * Machine code that the Go compiler made, and the addresses that `go tool nm` gives for the
 * variables in it.
 */
static struct gospy_operand_vec read_code(enum gospy_arch arch, const void *code, size_t size,
					  uint64_t address)
{
	struct gospy_operand_vec operands = {};

	assert_null(gospy_operands_read(arch, code, size, address, &operands));
	return operands;
}

/** How many operands of this kind name the address. */
static size_t count(const struct gospy_operand_vec *operands, enum gospy_operand_kind kind,
		    uint64_t address)
{
	size_t found = 0;

	for (size_t i = 0; i < operands->size; i++)
		found += operands->data[i].kind == kind && operands->data[i].address == address;
	return found;
}

/** runtime.preemptall of Go 1.22.12 on amd64, at 0x4428a0; runtime.allp is at 0x535b90. */
static void amd64_reads_memory_operands(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x49, 0x3b, 0x66, 0x10, 0x76, 0x69, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x28,
		0x48, 0x8b, 0x0d, 0xdb, 0x32, 0x0f, 0x00, 0x48, 0x89, 0x4c, 0x24, 0x20, 0x48, 0x8b,
		0x15, 0xd7, 0x32, 0x0f, 0x00, 0x48, 0x89, 0x54, 0x24, 0x18, 0x31, 0xc0, 0x31, 0xdb,
		0xeb, 0x03, 0x48, 0xff, 0xc0, 0x48, 0x39, 0xd0, 0x7d, 0x33, 0x48, 0x8b, 0x34, 0xc1,
		0x83, 0x7e, 0x04, 0x01, 0x75, 0xee, 0x48, 0x89, 0x44, 0x24, 0x10, 0x88, 0x5c, 0x24,
		0x0f, 0x48, 0x89, 0xf0, 0xe8, 0x31, 0x00, 0x00, 0x00,
	};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_AMD64, code, sizeof(code), 0x4428a0);

	assert_int_equal(operands.size, 2);
	assert_int_equal(operands.data[0].kind, GOSPY_OPERAND_MEMORY);
	assert_int_equal(operands.data[0].size, 8);
	assert_int_equal(operands.data[0].address, 0x535b90);
	assert_int_equal(operands.data[1].kind, GOSPY_OPERAND_MEMORY);
	assert_int_equal(operands.data[1].address, 0x535b98);
	gospy_operand_vec_deinit(&operands);
}

/** runtime.waitReason.String of Go 1.22.12 on amd64, at 0x4463a0; waitReasonStrings is at 0x532de0.
 */
static void amd64_reads_addresses_and_comparisons(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x3c, 0x25, 0x72, 0x0d, 0x48, 0x8d, 0x05, 0xe5, 0xac, 0x05, 0x00, 0xbb, 0x13, 0x00,
		0x00, 0x00, 0xc3, 0x0f, 0xb6, 0xc8, 0x48, 0xc1, 0xe1, 0x04, 0x48, 0x8d, 0x15, 0x21,
		0xca, 0x0e, 0x00, 0x48, 0x8b, 0x04, 0x0a, 0x48, 0x8b, 0x5c, 0x0a, 0x08, 0xc3,
	};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_AMD64, code, sizeof(code), 0x4463a0);

	assert_int_equal(operands.size, 3);
	assert_int_equal(operands.data[0].kind, GOSPY_OPERAND_COMPARE);
	assert_int_equal(operands.data[0].immediate, 37);
	assert_int_equal(operands.data[0].size, 1);
	assert_int_equal(count(&operands, GOSPY_OPERAND_ADDRESS, 0x532de0), 1);
	gospy_operand_vec_deinit(&operands);
}

/** Of runtime.schedinit of Go 1.22.12 on amd64, at 0x436c8f; runtime.sched is at 0x536cc0. */
static void amd64_reads_stored_constants(void **state)
{
	(void)state;
	static const uint8_t code[] = {0xc7, 0x05, 0x5f, 0x00, 0x10, 0x00, 0x10, 0x27, 0x00, 0x00};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_AMD64, code, sizeof(code), 0x436c8f);

	assert_int_equal(operands.size, 1);
	assert_int_equal(operands.data[0].kind, GOSPY_OPERAND_STORE);
	assert_int_equal(operands.data[0].size, 4);
	assert_int_equal(operands.data[0].immediate, 10000);
	assert_int_equal(operands.data[0].address, 0x536cc0 + 56);
	gospy_operand_vec_deinit(&operands);
}

static void amd64_goes_on_after_what_is_no_code(void **state)
{
	(void)state;
	/* 0x06 is no instruction in 64-bit mode; the last one is cut off. */
	static const uint8_t code[] = {0x06, 0x06, 0x48, 0x8d, 0x05, 0x01, 0x00,
				       0x00, 0x00, 0x48, 0x8d, 0x05, 0x01};
	struct gospy_operand_vec operands = read_code(GOSPY_ARCH_AMD64, code, sizeof(code), 0x1000);

	assert_int_equal(operands.size, 1);
	assert_int_equal(operands.data[0].address, 0x1000 + 9 + 1);
	gospy_operand_vec_deinit(&operands);
}

/** The beginning of runtime.preemptall of Go 1.27.4 on arm64, at 0x60810; runtime.allp is at
 * 0x18a0b0. */
static void arm64_reads_pairs(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x90, 0x0b, 0x40, 0xf9, 0xff, 0x63, 0x30, 0xeb, 0x09, 0x04, 0x00, 0x54, 0xfe, 0x0f,
		0x1c, 0xf8, 0xfd, 0x83, 0x1f, 0xf8, 0xfd, 0x23, 0x00, 0xd1, 0x5b, 0x09, 0x00, 0xd0,
		0x7b, 0xc3, 0x02, 0x91, 0x61, 0x0b, 0x40, 0xa9, 0xe2, 0x17, 0x00, 0xf9,
	};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_ARM64, code, sizeof(code), 0x60810);

	assert_int_equal(operands.size, 3);
	assert_int_equal(count(&operands, GOSPY_OPERAND_ADDRESS, 0x18a0b0), 1);
	assert_int_equal(count(&operands, GOSPY_OPERAND_MEMORY, 0x18a0b0), 1);
	assert_int_equal(count(&operands, GOSPY_OPERAND_MEMORY, 0x18a0b8), 1);
	gospy_operand_vec_deinit(&operands);
}

/** runtime.waitReason.String of Go 1.27.4 on arm64, at 0x64ed0; waitReasonStrings is at 0x187120.
 */
static void arm64_reads_addresses_and_comparisons(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x02, 0x1c, 0x40, 0xd3, 0x5f, 0xbc, 0x00, 0x71, 0xa3, 0x00, 0x00, 0x54, 0x60,
		0x02, 0x00, 0xd0, 0x00, 0x38, 0x1d, 0x91, 0x61, 0x02, 0x80, 0xd2, 0xc0, 0x03,
		0x5f, 0xd6, 0x02, 0x1c, 0x40, 0xd3, 0x03, 0x09, 0x00, 0xf0, 0x63, 0x80, 0x04,
		0x91, 0x62, 0x10, 0x02, 0x8b, 0x40, 0x04, 0x40, 0xa9, 0xc0, 0x03, 0x5f, 0xd6,
	};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_ARM64, code, sizeof(code), 0x64ed0);

	assert_int_equal(operands.data[0].kind, GOSPY_OPERAND_COMPARE);
	assert_int_equal(operands.data[0].immediate, 47);
	assert_int_equal(count(&operands, GOSPY_OPERAND_ADDRESS, 0x187120), 1);
	gospy_operand_vec_deinit(&operands);
}

/** Of runtime.schedinit of Go 1.27.4 on arm64, at 0x54744; runtime.sched is at 0x18bfc0, maxmcount
 * at 80. */
static void arm64_reads_stored_constants(void **state)
{
	(void)state;
	static const uint32_t code[] = {0xd284e200, 0x900009db, 0xb9001360};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_ARM64, code, sizeof(code), 0x54744);

	assert_int_equal(operands.size, 1);
	assert_int_equal(operands.data[0].kind, GOSPY_OPERAND_STORE);
	assert_int_equal(operands.data[0].size, 4);
	assert_int_equal(operands.data[0].immediate, 10000);
	assert_int_equal(operands.data[0].address, 0x18bfc0 + 80);
	gospy_operand_vec_deinit(&operands);
}

/** A call may change every register: what adrp put there before it says nothing after it. */
static void arm64_forgets_at_calls(void **state)
{
	(void)state;
	static const uint32_t code[] = {0x900009db, 0x94000001, 0xb9001360};
	struct gospy_operand_vec operands =
		read_code(GOSPY_ARCH_ARM64, code, sizeof(code), 0x54744);

	assert_int_equal(operands.size, 0);
	gospy_operand_vec_deinit(&operands);
}

static void refuses_other_processors(void **state)
{
	(void)state;
	struct gospy_operand_vec operands = {};
	struct gospy_error *err =
		gospy_operands_read(GOSPY_ARCH_UNKNOWN, (const uint8_t *)"", 0, 0, &operands);

	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_UNSUPPORTED);
	gospy_error_destroy(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amd64_reads_memory_operands),
		cmocka_unit_test(amd64_reads_addresses_and_comparisons),
		cmocka_unit_test(amd64_reads_stored_constants),
		cmocka_unit_test(amd64_goes_on_after_what_is_no_code),
		cmocka_unit_test(arm64_reads_pairs),
		cmocka_unit_test(arm64_reads_addresses_and_comparisons),
		cmocka_unit_test(arm64_reads_stored_constants),
		cmocka_unit_test(arm64_forgets_at_calls),
		cmocka_unit_test(refuses_other_processors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
