/* SPDX-License-Identifier: MIT */
#include "globals.h"
#include "program_parts.h"

/** "runtime.allgs". */
static const char *const global_names[GOSPY_GLOBAL_COUNT] = {
	[GOSPY_GLOBAL_ALLGS] = "runtime.allgs",
	[GOSPY_GLOBAL_ALLP] = "runtime.allp",
	[GOSPY_GLOBAL_SCHED] = "runtime.sched",
	[GOSPY_GLOBAL_ALLM] = "runtime.allm",
	[GOSPY_GLOBAL_WAIT_REASONS] = "runtime.waitReasonStrings",
};

/** What is known of one global. */
struct finding {
	/** 0: not found. */
	uint64_t address;
	enum gospy_confidence confidence;
	/** The methods found different places. */
	bool disputed;
};

static uint64_t *global_of(struct gospy_globals *globals, enum gospy_global global)
{
	switch (global) {
	case GOSPY_GLOBAL_ALLGS:
		return &globals->allgs;
	case GOSPY_GLOBAL_ALLP:
		return &globals->allp;
	case GOSPY_GLOBAL_SCHED:
		return &globals->sched;
	case GOSPY_GLOBAL_ALLM:
		return &globals->allm;
	case GOSPY_GLOBAL_WAIT_REASONS:
	case GOSPY_GLOBAL_COUNT:
		break;
	}
	return &globals->wait_reason_strings;
}

/** Keeps the candidates that the validator calls right, or, if it calls none so, those that are
 * empty. */
static struct gospy_error *filter(const struct gospy_program *program, enum gospy_global global,
				  struct gospy_u64_vec *candidates, bool *ret_right)
{
	size_t num_right = 0, num_empty = 0;

	for (size_t i = 0; i < candidates->size; i++) {
		uint64_t address = candidates->data[i];
		enum gospy_check verdict;
		struct gospy_error *err = gospy_global_check(program, global, address, &verdict);
		if (err)
			return err;
		if (verdict == GOSPY_CHECK_RIGHT) {
			candidates->data[num_right++] = address;
			num_empty = 0;
		} else if (verdict == GOSPY_CHECK_EMPTY && !num_right) {
			candidates->data[num_empty++] = address;
		}
	}
	candidates->size = num_right ? num_right : num_empty;
	*ret_right = num_right;
	return NULL;
}

/** The symbol table's word for it, where there is one: for what the anchors do not tell. */
static struct gospy_error *find_symbol(const struct gospy_program *program,
				       enum gospy_global global, struct gospy_u64_vec *ret)
{
	const struct gospy_module *module = &program->modules.data[0];
	uint64_t address;
	struct gospy_error *err = gospy_image_symbol(module->image, global_names[global], &address);

	if (!err && !gospy_u64_vec_append(ret, address + module->bias))
		return &gospy_enomem;
	gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND);
	return err;
}

/** The one address that both lists have, or 0. */
static uint64_t common(const struct gospy_u64_vec *a, const struct gospy_u64_vec *b)
{
	uint64_t found = 0;

	for (size_t i = 0; i < a->size; i++) {
		for (size_t j = 0; j < b->size; j++) {
			if (a->data[i] != b->data[j])
				continue;
			if (found && found != a->data[i])
				return 0;
			found = a->data[i];
		}
	}
	return found;
}

/** How much a list that begins at `address` holds: the whole list holds more than any part of it.
 */
static struct gospy_error *measure(const struct gospy_program *program, enum gospy_global global,
				   uint64_t address, uint64_t *ret)
{
	*ret = 0;
	if (global == GOSPY_GLOBAL_ALLM)
		return gospy_global_count_ms(program, address, ret);
	if (global == GOSPY_GLOBAL_ALLGS)
		return gospy_target_read_u64(program->target, address + 8, ret);
	return NULL;
}

/** The one candidate that holds more than all others, or 0 where there is none. */
static struct gospy_error *find_longest(const struct gospy_program *program,
					enum gospy_global global,
					const struct gospy_u64_vec *candidates, uint64_t *ret)
{
	uint64_t longest = 0, length;

	*ret = 0;
	for (size_t i = 0; i < candidates->size; i++) {
		struct gospy_error *err = measure(program, global, candidates->data[i], &length);
		if (err && !gospy_error_catch(&err, GOSPY_ERROR_FAULT))
			return err;
		if (length > longest || (!i && candidates->size == 1))
			*ret = candidates->data[i];
		else if (length == longest)
			*ret = 0;
		longest = length > longest ? length : longest;
	}
	return NULL;
}

/** The named places, which nothing confirmed, against what the scan finds. */
static struct gospy_error *settle_by_scan(const struct gospy_program *program,
					  enum gospy_global global,
					  const struct gospy_u64_vec *named, struct finding *ret)
{
	_cleanup_(gospy_u64_vec_deinit) struct gospy_u64_vec scanned = {};
	struct gospy_error *err = gospy_globals_scan(program, global, &scanned);

	if (err)
		return err;
	*ret = (struct finding){.address = common(named, &scanned)};
	if (ret->address) {
		ret->confidence = GOSPY_CONFIDENCE_TWO;
		return NULL;
	}
	if (!named->size || !scanned.size)
		err = find_longest(program, global, named->size ? named : &scanned, &ret->address);
	if (ret->address)
		ret->confidence = GOSPY_CONFIDENCE_ONE;
	else
		ret->disputed = named->size || scanned.size;
	return err;
}

/** The places that the anchors, else the symbol table, name and the validator lets pass. */
static struct gospy_error *find_named(const struct gospy_program *program,
				      const struct gospy_anchors *anchors, enum gospy_global global,
				      struct gospy_u64_vec *ret, bool *ret_right)
{
	struct gospy_error *err = gospy_anchors_find(anchors, program, global, ret);

	if (!err)
		err = filter(program, global, ret, ret_right);
	if (err || ret->size)
		return err;
	err = find_symbol(program, global, ret);
	return err ? err : filter(program, global, ret, ret_right);
}

/** Of a version without a table the layout of schedt is a guess, which the scan would share. */
static bool is_guess(const struct gospy_program *program, enum gospy_global global)
{
	return global == GOSPY_GLOBAL_SCHED && !gospy_program_knows_version(program) &&
	       program->layout.source != GOSPY_LAYOUT_DWARF;
}

static struct gospy_error *find(const struct gospy_program *program,
				const struct gospy_anchors *anchors, enum gospy_global global,
				struct finding *ret)
{
	_cleanup_(gospy_u64_vec_deinit) struct gospy_u64_vec named = {};
	bool right, confirmed = false;
	struct gospy_error *err = find_named(program, anchors, global, &named, &right);

	if (!err && named.size == 1 && right)
		err = gospy_anchors_confirm(anchors, program, global, named.data[0], &confirmed);
	if (err || (!confirmed && is_guess(program, global)))
		return err;
	/* Before the runtime has started there is nothing that a scan could know it by. */
	if (named.size == 1 && (confirmed || !right)) {
		*ret = (struct finding){named.data[0],
					right ? GOSPY_CONFIDENCE_TWO : GOSPY_CONFIDENCE_ONE, false};
		return NULL;
	}
	return settle_by_scan(program, global, &named, ret);
}

static struct gospy_error *warn(struct gospy_program *program, enum gospy_global global,
				const struct finding *finding)
{
	static const char *const losses[GOSPY_GLOBAL_COUNT] = {
		[GOSPY_GLOBAL_ALLGS] = "goroutines",
		[GOSPY_GLOBAL_ALLP] = "processors",
		[GOSPY_GLOBAL_SCHED] = "scheduler counters",
		[GOSPY_GLOBAL_ALLM] = "threads of goroutines",
		[GOSPY_GLOBAL_WAIT_REASONS] = "wait reasons",
	};

	if (finding->address)
		return NULL;
	return gospy_program_warn(
		program, "%s was not found%s: %s are not shown", global_names[global],
		finding->disputed ? " (several places look like it)" : "", losses[global]);
}

/** What the whole program's confidence is made of: without the others less is shown, but not wrong.
 */
static bool is_list(enum gospy_global global)
{
	return global == GOSPY_GLOBAL_ALLGS || global == GOSPY_GLOBAL_ALLP ||
	       global == GOSPY_GLOBAL_ALLM;
}

/** The number of wait reasons, which waitReason.String compares its receiver with; 0 when it does
 * not. */
static uint32_t count_wait_reasons(const struct gospy_anchors *anchors)
{
	const struct gospy_operand_vec *operands =
		&anchors->operands[GOSPY_ANCHOR_WAITREASON_STRING];

	for (size_t i = 0; i < operands->size; i++) {
		const struct gospy_operand *operand = &operands->data[i];
		if (operand->kind == GOSPY_OPERAND_COMPARE && operand->immediate > 1 &&
		    operand->immediate < 256)
			return (uint32_t)operand->immediate;
	}
	return 0;
}

struct gospy_error *gospy_globals_find(struct gospy_program *program,
				       const struct gospy_anchors *anchors)
{
	enum gospy_confidence confidence = GOSPY_CONFIDENCE_TWO;

	program->globals = (struct gospy_globals){};
	for (enum gospy_global global = 0; global < GOSPY_GLOBAL_COUNT; global++) {
		struct finding finding = {};
		struct gospy_error *err = find(program, anchors, global, &finding);
		if (!err)
			err = warn(program, global, &finding);
		if (err)
			return err;
		*global_of(&program->globals, global) = finding.address;
		if (is_list(global) && finding.confidence < confidence)
			confidence = finding.confidence;
		/* Nothing else is worth the search when this layout has no goroutines. */
		if (global == GOSPY_GLOBAL_ALLGS && !finding.address)
			break;
	}
	program->globals.num_wait_reasons = count_wait_reasons(anchors);
	program->confidence = confidence;
	return NULL;
}
