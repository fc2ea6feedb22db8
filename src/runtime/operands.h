/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_OPERANDS_H
#define GOSPY_OPERANDS_H

/**
 * The static data that a function's machine code names: where a stripped binary still says the
 * addresses of its globals. One implementation a CPU, in arch/<cpu>/operands.c; each reads code of
 * its CPU on any machine, so all of them are always built.
 *
 * To add a CPU: write arch/<cpu>/operands.c with one function of the type gospy_operands_fn, name
 * it here, in operands.c and in meson.build, and give tests/unit/runtime/test_operands.c code of
 * that CPU as an assembler made it.
 */
#include <gospy/error.h>
#include <gospy/registers.h>
#include <gospy/vec.h>

enum gospy_operand_kind {
	/** The address itself is taken (lea; adrp and add). */
	GOSPY_OPERAND_ADDRESS,
	/** Memory there is read or written. */
	GOSPY_OPERAND_MEMORY,
	/** A constant is stored there: `immediate`. */
	GOSPY_OPERAND_STORE,
	/** No address: a register is compared with `immediate`. */
	GOSPY_OPERAND_COMPARE,
};

struct gospy_operand {
	enum gospy_operand_kind kind;
	/** Bytes read, written or compared. */
	uint32_t size;
	/** In the address space that the code's own address is of. */
	uint64_t address;
	uint64_t immediate;
};
GOSPY_VEC(gospy_operand_vec, struct gospy_operand);

/** Appends the operands of `size` bytes of `code` that stand at `address`, in order.
 * GOSPY_ERROR_NO_MEMORY. */
typedef struct gospy_error *(*gospy_operands_fn)(const uint8_t *code, size_t size, uint64_t address,
						 struct gospy_operand_vec *ret);

GOSPY_CHECKED struct gospy_error *gospy_operands_amd64(const uint8_t *code, size_t size,
						       uint64_t address,
						       struct gospy_operand_vec *ret);
GOSPY_CHECKED struct gospy_error *gospy_operands_arm64(const uint8_t *code, size_t size,
						       uint64_t address,
						       struct gospy_operand_vec *ret);

/** The one for code of `arch`; GOSPY_ERROR_UNSUPPORTED for a CPU that is not known. */
GOSPY_CHECKED struct gospy_error *gospy_operands_read(enum gospy_arch arch, const uint8_t *code,
						      size_t size, uint64_t address,
						      struct gospy_operand_vec *ret);

#endif
