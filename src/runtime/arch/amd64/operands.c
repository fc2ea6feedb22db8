/* SPDX-License-Identifier: MIT */
#include <Zydis/Zydis.h>

#include "../../operands.h"

/** The constant of an instruction, zero when it has none. */
static bool find_immediate(const ZydisDecodedOperand *operands, uint8_t count, uint64_t *ret)
{
	for (uint8_t i = 0; i < count; i++) {
		if (operands[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
			*ret = operands[i].imm.value.u;
			return true;
		}
	}
	return false;
}

static enum gospy_operand_kind memory_kind(const ZydisDecodedInstruction *insn,
					   const ZydisDecodedOperand *operand, bool has_immediate)
{
	if (operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
		return GOSPY_OPERAND_ADDRESS;
	if (has_immediate && insn->mnemonic == ZYDIS_MNEMONIC_MOV)
		return GOSPY_OPERAND_STORE;
	return GOSPY_OPERAND_MEMORY;
}

/** Go's compiler names all static data relative to the instruction pointer, in every build mode. */
static bool append_memory(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands,
			  uint64_t address, struct gospy_operand_vec *ret)
{
	uint64_t immediate = 0;
	bool has_immediate = find_immediate(operands, insn->operand_count_visible, &immediate);

	for (uint8_t i = 0; i < insn->operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &operands[i];
		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    operand->mem.base != ZYDIS_REGISTER_RIP)
			continue;
		struct gospy_operand found = {
			.kind = memory_kind(insn, operand, has_immediate),
			.size = operand->size / 8u,
			.address = address + insn->length + (uint64_t)operand->mem.disp.value,
			.immediate = immediate,
		};
		if (!gospy_operand_vec_append(ret, found))
			return false;
	}
	return true;
}

static bool append_compare(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands,
			   struct gospy_operand_vec *ret)
{
	if (insn->mnemonic != ZYDIS_MNEMONIC_CMP ||
	    operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return true;
	return gospy_operand_vec_append(ret, (struct gospy_operand){
						     .kind = GOSPY_OPERAND_COMPARE,
						     .size = operands[0].size / 8u,
						     .immediate = operands[1].imm.value.u,
					     });
}

struct gospy_error *gospy_operands_amd64(const uint8_t *code, size_t size, uint64_t address,
					 struct gospy_operand_vec *ret)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

	if (ZYAN_FAILED(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED,
					  "the disassembler does not know amd64");
	for (size_t pos = 0; pos < size;) {
		if (ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, code + pos, size - pos, &insn,
						       operands))) {
			pos++;
			continue;
		}
		if (!append_memory(&insn, operands, address + pos, ret) ||
		    !append_compare(&insn, operands, ret))
			return &gospy_enomem;
		pos += insn.length;
	}
	return NULL;
}
