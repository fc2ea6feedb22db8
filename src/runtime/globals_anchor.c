/* SPDX-License-Identifier: MIT */
#include "globals.h"

/** Functions of package runtime of every Go version from 1.12 to 1.27 (runtime/proc.go,
 * runtime2.go). */
static const char *const anchor_names[GOSPY_ANCHOR_COUNT] = {
	[GOSPY_ANCHOR_ALLGADD] = "runtime.allgadd",
	[GOSPY_ANCHOR_PREEMPTALL] = "runtime.preemptall",
	[GOSPY_ANCHOR_GCMARKTINYALLOCS] = "runtime.gcMarkTinyAllocs",
	[GOSPY_ANCHOR_MCOMMONINIT] = "runtime.mcommoninit",
	[GOSPY_ANCHOR_SCHEDINIT] = "runtime.schedinit",
	[GOSPY_ANCHOR_WAITREASON_STRING] = "runtime.waitReason.String",
};

/** Machine code of one anchor; schedinit, the longest, has some 1.5 KB, 8 KB without optimisation.
 */
#define MAX_ANCHOR_SIZE (UINT64_C(1) << 16)
void gospy_anchors_deinit(struct gospy_anchors *anchors)
{
	for (size_t i = 0; i < GOSPY_ANCHOR_COUNT; i++)
		gospy_operand_vec_deinit(&anchors->operands[i]);
}

static struct gospy_error *read_function(const struct gospy_module *module, enum gospy_arch arch,
					 const struct gospy_func *func,
					 struct gospy_operand_vec *ret)
{
	uint64_t size = func->end - func->entry;
	const uint8_t *code;

	if (func->end <= func->entry || size > MAX_ANCHOR_SIZE)
		return NULL;
	code = gospy_image_at(module->image, func->entry, size);
	if (!code)
		return NULL;
	return gospy_operands_read(arch, code, size, func->entry + module->bias, ret);
}

struct gospy_error *gospy_anchors_init(struct gospy_anchors *anchors,
				       const struct gospy_module *module, enum gospy_arch arch)
{
	struct gospy_func funcs[GOSPY_ANCHOR_COUNT];
	bool found[GOSPY_ANCHOR_COUNT];
	struct gospy_anchors read = {};
	struct gospy_error *err = gospy_pclntab_find_names(&module->pclntab, anchor_names,
							   GOSPY_ANCHOR_COUNT, funcs, found);

	for (size_t i = 0; !err && i < GOSPY_ANCHOR_COUNT; i++) {
		if (found[i])
			err = read_function(module, arch, &funcs[i], &read.operands[i]);
	}
	if (err) {
		gospy_anchors_deinit(&read);
		return err;
	}
	*anchors = read;
	return NULL;
}

static bool contains(const struct gospy_u64_vec *addresses, uint64_t address)
{
	for (size_t i = 0; i < addresses->size; i++) {
		if (addresses->data[i] == address)
			return true;
	}
	return false;
}

/** Whether the function names `address` in any way. */
static bool names(const struct gospy_operand_vec *operands, uint64_t address)
{
	for (size_t i = 0; i < operands->size; i++) {
		if (operands->data[i].kind != GOSPY_OPERAND_COMPARE &&
		    operands->data[i].address == address)
			return true;
	}
	return false;
}

/** Whether it names the word at `address` and the `more` words after it: the parts of a slice. */
static bool names_words(const struct gospy_operand_vec *operands, uint64_t address,
			unsigned int more)
{
	for (unsigned int i = 0; i <= more; i++) {
		if (!names(operands, address + i * 8))
			return false;
	}
	return true;
}

/** Whether the operand shows where `global` is; *ret is that address. */
static bool shows(const struct gospy_anchors *anchors, const struct gospy_program *program,
		  enum gospy_global global, const struct gospy_operand *operand, uint64_t *ret)
{
	*ret = operand->address;
	switch (global) {
	case GOSPY_GLOBAL_ALLGS:
		/* allgs = append(allgs, gp) reads and writes pointer, length and capacity. */
		return names_words(&anchors->operands[GOSPY_ANCHOR_ALLGADD], *ret, 2);
	case GOSPY_GLOBAL_ALLP:
		/* for _, pp := range allp reads pointer and length. */
		return names_words(&anchors->operands[GOSPY_ANCHOR_PREEMPTALL], *ret, 1);
	case GOSPY_GLOBAL_SCHED:
		*ret -= (uint64_t)program->layout.sched_maxmcount.offset;
		return operand->kind == GOSPY_OPERAND_STORE && operand->size == 4 &&
		       operand->immediate == GOSPY_GLOBAL_MAX_M_COUNT &&
		       program->layout.sched_maxmcount.offset >= 0;
	case GOSPY_GLOBAL_ALLM:
		/* atomicstorep(unsafe.Pointer(&allm), ...), and lock(&sched.lock). */
		return operand->kind == GOSPY_OPERAND_ADDRESS;
	case GOSPY_GLOBAL_WAIT_REASONS:
		return operand->kind == GOSPY_OPERAND_ADDRESS;
	case GOSPY_GLOBAL_COUNT:
		break;
	}
	return false;
}

struct gospy_error *gospy_anchors_find(const struct gospy_anchors *anchors,
				       const struct gospy_program *program,
				       enum gospy_global global, struct gospy_u64_vec *ret)
{
	static const enum gospy_anchor anchor_of[GOSPY_GLOBAL_COUNT] = {
		[GOSPY_GLOBAL_ALLGS] = GOSPY_ANCHOR_ALLGADD,
		[GOSPY_GLOBAL_ALLP] = GOSPY_ANCHOR_PREEMPTALL,
		[GOSPY_GLOBAL_SCHED] = GOSPY_ANCHOR_SCHEDINIT,
		[GOSPY_GLOBAL_ALLM] = GOSPY_ANCHOR_MCOMMONINIT,
		[GOSPY_GLOBAL_WAIT_REASONS] = GOSPY_ANCHOR_WAITREASON_STRING,
	};
	const struct gospy_operand_vec *operands = &anchors->operands[anchor_of[global]];

	for (size_t i = 0; i < operands->size; i++) {
		const struct gospy_operand *operand = &operands->data[i];
		uint64_t address;
		if (operand->kind == GOSPY_OPERAND_COMPARE ||
		    !gospy_global_is_static(program, operand->address) ||
		    !shows(anchors, program, global, operand, &address) || contains(ret, address))
			continue;
		if (!gospy_u64_vec_append(ret, address))
			return &gospy_enomem;
	}
	return NULL;
}

/** Whether a word that allgadd names beside the slice has one of these values: allglen, allgptr
 * (1.16). */
static struct gospy_error *confirm_allgs(const struct gospy_anchors *anchors,
					 const struct gospy_program *program, uint64_t address,
					 bool *ret)
{
	const struct gospy_operand_vec *operands = &anchors->operands[GOSPY_ANCHOR_ALLGADD];
	uint64_t slice[2], value;
	struct gospy_error *err = gospy_target_read(program->target, address, slice, sizeof(slice));

	for (size_t i = 0; !err && !*ret && i < operands->size; i++) {
		const struct gospy_operand *operand = &operands->data[i];
		if (operand->kind == GOSPY_OPERAND_COMPARE ||
		    !gospy_global_is_static(program, operand->address) ||
		    (operand->address >= address && operand->address - address < 24))
			continue;
		err = gospy_target_read_u64(program->target, operand->address, &value);
		if (!err)
			*ret = value && (value == slice[0] || value == slice[1]);
	}
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	return err;
}

/** allm and sched confirm each other: the chain is as long as the scheduler's counters say. */
static struct gospy_error *confirm_ms(const struct gospy_program *program, uint64_t allm,
				      uint64_t sched, bool *ret)
{
	uint64_t before, counted, after;
	struct gospy_error *err = gospy_global_sched_ms(program, sched, &before);

	if (!err)
		err = gospy_global_count_ms(program, allm, &counted);
	if (!err)
		err = gospy_global_sched_ms(program, sched, &after);
	if (err)
		return err;
	/* Threads come and go while one counts. */
	uint64_t low = before < after ? before : after, high = before < after ? after : before;
	if (counted < GOSPY_GLOBAL_MAX_COUNTED_MS && counted + 1 < low)
		return NULL;
	*ret = counted && counted <= high + 1;
	return NULL;
}

struct gospy_error *gospy_anchors_confirm(const struct gospy_anchors *anchors,
					  const struct gospy_program *program,
					  enum gospy_global global, uint64_t address, bool *ret)
{
	*ret = false;
	switch (global) {
	case GOSPY_GLOBAL_ALLGS:
		return confirm_allgs(anchors, program, address, ret);
	case GOSPY_GLOBAL_ALLP:
		*ret = names_words(&anchors->operands[GOSPY_ANCHOR_GCMARKTINYALLOCS], address, 1);
		return NULL;
	case GOSPY_GLOBAL_SCHED:
		/* What lock(&sched.lock) in mcommoninit names must lie in it. */
		*ret = program->layout.sched_midle.offset >= 8 &&
		       names(&anchors->operands[GOSPY_ANCHOR_MCOMMONINIT],
			     address + (uint64_t)program->layout.sched_midle.offset - 8);
		return NULL;
	case GOSPY_GLOBAL_ALLM:
		return confirm_ms(program, address, program->globals.sched, ret);
	case GOSPY_GLOBAL_WAIT_REASONS:
		/* The texts themselves. */
		*ret = true;
		return NULL;
	case GOSPY_GLOBAL_COUNT:
		break;
	}
	return NULL;
}
