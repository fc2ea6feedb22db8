/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>

#include "../../operands.h"

/*
 * A straight walk over the instructions that Go's compiler and linker use to name static data
 * (cmd/internal/obj/arm64/asm7.go: adrp, then add, ldr, str, ldp or stp with the low bits), with
 * the constants that registers are known to hold. Encodings: Arm Architecture Reference Manual, C4.
 */
#define NUM_REGISTERS 31
#define ZERO_REGISTER 31

struct walk {
	uint64_t pc;
	/** What each register holds where its bit of `known` is set, and whether that is an
	 * address. */
	uint64_t values[NUM_REGISTERS];
	uint32_t known;
	uint32_t is_address;
	struct gospy_operand_vec *ret;
};

/** Bits [low, low + count) of an instruction. */
static uint32_t bits(uint32_t insn, unsigned int low, unsigned int count)
{
	return (insn >> low) & ((UINT32_C(1) << count) - 1);
}

static int64_t sign_extend(uint64_t value, unsigned int width)
{
	unsigned int shift = 64 - width;

	return (int64_t)(value << shift) >> shift;
}

static bool is_known(const struct walk *walk, uint32_t reg)
{
	return reg < NUM_REGISTERS && (walk->known & (UINT32_C(1) << reg));
}

static bool holds_address(const struct walk *walk, uint32_t reg)
{
	return is_known(walk, reg) && (walk->is_address & (UINT32_C(1) << reg));
}

static void forget(struct walk *walk, uint32_t reg)
{
	if (reg < NUM_REGISTERS)
		walk->known &= ~(UINT32_C(1) << reg);
}

static void set_value(struct walk *walk, uint32_t reg, uint64_t value, bool is_address)
{
	if (reg >= NUM_REGISTERS)
		return;
	walk->values[reg] = value;
	walk->known |= UINT32_C(1) << reg;
	walk->is_address &= ~(UINT32_C(1) << reg);
	walk->is_address |= (uint32_t)is_address << reg;
}

static bool append(struct walk *walk, enum gospy_operand_kind kind, uint32_t size, uint64_t address,
		   uint64_t immediate)
{
	return gospy_operand_vec_append(walk->ret,
					(struct gospy_operand){kind, size, address, immediate});
}

static bool step_adr(struct walk *walk, uint32_t insn)
{
	uint64_t offset = (uint64_t)sign_extend(bits(insn, 5, 19) << 2 | bits(insn, 29, 2), 21);
	uint32_t rd = bits(insn, 0, 5);

	if (bits(insn, 31, 1)) {
		set_value(walk, rd, (walk->pc & ~UINT64_C(0xfff)) + (offset << 12), true);
		return true;
	}
	set_value(walk, rd, walk->pc + offset, true);
	return append(walk, GOSPY_OPERAND_ADDRESS, 8, walk->pc + offset, 0);
}

static bool step_add(struct walk *walk, uint32_t insn)
{
	uint32_t rd = bits(insn, 0, 5), rn = bits(insn, 5, 5);

	if (!holds_address(walk, rn)) {
		forget(walk, rd);
		return true;
	}
	uint64_t address =
		walk->values[rn] + ((uint64_t)bits(insn, 10, 12) << (bits(insn, 22, 1) ? 12 : 0));
	set_value(walk, rd, address, true);
	return append(walk, GOSPY_OPERAND_ADDRESS, 8, address, 0);
}

static bool step_move_wide(struct walk *walk, uint32_t insn)
{
	uint32_t rd = bits(insn, 0, 5), opc = bits(insn, 29, 2), shift = bits(insn, 21, 2) * 16;
	uint64_t value = (uint64_t)bits(insn, 5, 16) << shift;

	if (opc == 0)
		value = ~value;
	else if (opc == 3 && is_known(walk, rd))
		value |= walk->values[rd] & ~(UINT64_C(0xffff) << shift);
	else if (opc != 2)
		return forget(walk, rd), true;
	set_value(walk, rd, bits(insn, 31, 1) ? value : (uint32_t)value, false);
	return true;
}

static bool step_compare(struct walk *walk, uint32_t insn)
{
	uint64_t immediate = (uint64_t)bits(insn, 10, 12) << (bits(insn, 22, 1) ? 12 : 0);

	if (bits(insn, 0, 5) != ZERO_REGISTER)
		return forget(walk, bits(insn, 0, 5)), true;
	return append(walk, GOSPY_OPERAND_COMPARE, bits(insn, 31, 1) ? 8 : 4, 0, immediate);
}

/** One load or store of a register at a known address. */
static bool append_access(struct walk *walk, uint32_t rt, bool is_store, uint32_t size,
			  uint64_t address)
{
	if (is_store && rt == ZERO_REGISTER)
		return append(walk, GOSPY_OPERAND_STORE, size, address, 0);
	if (is_store && is_known(walk, rt))
		return append(walk, GOSPY_OPERAND_STORE, size, address, walk->values[rt]);
	return append(walk, GOSPY_OPERAND_MEMORY, size, address, 0);
}

/** ldr, str and their narrow and vector forms, with an unsigned offset. */
static bool step_load_store(struct walk *walk, uint32_t insn)
{
	uint32_t rt = bits(insn, 0, 5), rn = bits(insn, 5, 5), opc = bits(insn, 22, 2);
	bool is_vector = bits(insn, 26, 1);
	uint32_t scale = bits(insn, 30, 2) | (is_vector && opc >= 2 ? 4 : 0);
	bool is_store = is_vector ? !(opc & 1) : opc == 0;
	bool ok = true;

	if (holds_address(walk, rn)) {
		uint64_t address = walk->values[rn] + ((uint64_t)bits(insn, 10, 12) << scale);
		/* A vector register's number is not that of a general one: its value is not known.
		 */
		ok = is_vector
			     ? append(walk, GOSPY_OPERAND_MEMORY, UINT32_C(1) << scale, address, 0)
			     : append_access(walk, rt, is_store, UINT32_C(1) << scale, address);
	}
	if (!is_store && !is_vector)
		forget(walk, rt);
	return ok;
}

/** ldp, stp with a signed offset: two neighbours. */
static bool step_pair(struct walk *walk, uint32_t insn)
{
	uint32_t rt = bits(insn, 0, 5), rn = bits(insn, 5, 5), rt2 = bits(insn, 10, 5);
	bool is_vector = bits(insn, 26, 1), is_store = !bits(insn, 22, 1);
	uint32_t opc = bits(insn, 30, 2), size = is_vector ? 4u << opc : opc == 2 ? 8 : 4;
	bool ok = true;

	if (holds_address(walk, rn)) {
		uint64_t address = walk->values[rn] +
				   (uint64_t)(sign_extend(bits(insn, 15, 7), 7) * (int64_t)size);
		uint32_t first = is_vector ? NUM_REGISTERS + 1 : rt;
		uint32_t second = is_vector ? NUM_REGISTERS + 1 : rt2;
		ok = append_access(walk, first, is_store, size, address) &&
		     append_access(walk, second, is_store, size, address + size);
	}
	if (!is_store && !is_vector) {
		forget(walk, rt);
		forget(walk, rt2);
	}
	return ok;
}

static bool step(struct walk *walk, uint32_t insn)
{
	if ((insn & 0x1f000000) == 0x10000000)
		return step_adr(walk, insn);
	if ((insn & 0xff800000) == 0x91000000)
		return step_add(walk, insn);
	if ((insn & 0x1f800000) == 0x12800000)
		return step_move_wide(walk, insn);
	if ((insn & 0x7f800000) == 0x71000000)
		return step_compare(walk, insn);
	if ((insn & 0x3b000000) == 0x39000000)
		return step_load_store(walk, insn);
	if ((insn & 0x3b800000) == 0x29000000)
		return step_pair(walk, insn);
	if ((insn & 0xfc000000) == 0x94000000 || (insn & 0xfffffc1f) == 0xd63f0000) {
		/* A call: Go's calling convention saves no register. */
		walk->known = 0;
		return true;
	}
	/* Whatever else it is, what it may write to is in the low bits. */
	forget(walk, bits(insn, 0, 5));
	return true;
}

struct gospy_error *gospy_operands_arm64(const uint8_t *code, size_t size, uint64_t address,
					 struct gospy_operand_vec *ret)
{
	struct walk walk = {.ret = ret};

	for (size_t pos = 0; size - pos >= 4; pos += 4) {
		walk.pc = address + pos;
		if (!step(&walk, gospy_load_u32(code + pos)))
			return &gospy_enomem;
	}
	return NULL;
}
