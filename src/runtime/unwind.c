/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/map.h>
#include <gospy/text.h>
#include <gospy/unwind.h>

#include "frame_rules.h"

GOSPY_VEC(pc_info_vec, struct gospy_pc_info);

struct gospy_unwind_cache {
	const struct gospy_program *program;
	const struct gospy_frame_rules *rules;
	struct pc_info_vec infos;
	/** From pc to the index in `infos`: of return addresses, and of exact pcs. */
	struct gospy_map index[2];
};

struct gospy_error *gospy_unwind_cache_create(const struct gospy_program *program,
					      struct gospy_unwind_cache **ret)
{
	const struct gospy_frame_rules *rules = gospy_frame_rules_of(program->arch);

	if (!rules)
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED,
					  "stacks of this processor architecture cannot be read");
	struct gospy_unwind_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return &gospy_enomem;
	cache->program = program;
	cache->rules = rules;
	*ret = cache;
	return NULL;
}

void gospy_unwind_cache_destroy(struct gospy_unwind_cache *cache)
{
	if (!cache)
		return;
	pc_info_vec_deinit(&cache->infos);
	gospy_map_deinit(&cache->index[0]);
	gospy_map_deinit(&cache->index[1]);
	free(cache);
}

size_t gospy_unwind_cache_size(const struct gospy_unwind_cache *cache)
{
	return cache->infos.size;
}

const struct gospy_pc_info *gospy_unwind_cache_get(const struct gospy_unwind_cache *cache,
						   uint32_t index)
{
	return &cache->infos.data[index];
}

/*
 * Functions that the signal handler makes a running function call: their caller stands at an
 * instruction that was not a call (unwinder.next in runtime/traceback.go, Go 1.21, injectedCall).
 */
static bool is_injected(const char *name)
{
	static const char *const names[] = {"runtime.sigpanic", "runtime.asyncPreempt",
					    "runtime.debugCallV1", "runtime.debugCallV2"};

	return gospy_text_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

/*
 * cgocallback writes sp to go from g0 to the goroutine, but has a frame that can be followed on
 * both (resolveInternal in runtime/traceback.go, Go 1.21).
 */
static bool may_write_sp(const char *name)
{
	static const char *const names[] = {"runtime.cgocallback", "runtime.cgocallback_gofunc"};

	return gospy_text_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

/*
 * Functions that leave the stack of a goroutine for the system stack and write sp only to do so, or
 * on their way back (asm_amd64.s, race_amd64.s, sys_linux_amd64.s, Go 1.12 to 1.27): where sp is on
 * the goroutine's stack, their frame is what the table says. Not gogo, whose sp is that of whom it
 * goes to.
 */
static bool leaves_the_stack(const char *name)
{
	static const char *const names[] = {
		"runtime.systemstack",
		"runtime.mcall",
		"runtime.morestack",
		"runtime.asmcgocall",
		"runtime.nanotime1",
		"runtime.nanotime",
		"runtime.walltime",
		"runtime.walltime1",
		"time.now",
		"racecall",
	};

	return gospy_text_is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

static uint8_t action_of(const struct gospy_func *func, bool exact)
{
	/* No frame sizes: an external function such as the race detector's. */
	if (!func->pcsp)
		return GOSPY_UNWIND_FOREIGN;
	if (exact && leaves_the_stack(func->name))
		return GOSPY_UNWIND_CALLER;
	if (func->flags & GOSPY_FUNC_TOP_FRAME)
		return GOSPY_UNWIND_TOP;
	if (func->flags & GOSPY_FUNC_SP_WRITE && !may_write_sp(func->name))
		return GOSPY_UNWIND_SP_WRITE;
	return GOSPY_UNWIND_CALLER;
}

/*
 * What can be told of a pc; errors other than lack of memory make it a foreign one. Like the
 * runtime, looks for the function and the frame size at the return address itself, and only for the
 * line before it (unwinder.resolveInternal and symPC, runtime/traceback.go, Go 1.21).
 */
static struct gospy_error *describe(const struct gospy_unwind_cache *cache, uint64_t pc, bool exact,
				    struct gospy_pc_info *info)
{
	*info = (struct gospy_pc_info){.pc = pc, .exact = exact, .action = GOSPY_UNWIND_FOREIGN};
	struct gospy_error *err =
		gospy_program_find_func(cache->program, pc, &info->func, &info->module);
	if (!err) {
		info->action = action_of(&info->func, exact);
		info->injected = is_injected(info->func.name);
		if (info->action != GOSPY_UNWIND_FOREIGN)
			err = gospy_func_frame_size(&info->module->pclntab, &info->func,
						    pc - info->module->bias, &info->frame_size);
	} else {
		info->module = NULL;
	}
	if (!err || err->code == GOSPY_ERROR_NO_MEMORY)
		return err;
	gospy_error_destroy(err);
	info->action = GOSPY_UNWIND_FOREIGN;
	return NULL;
}

uint64_t gospy_pc_info_lookup_pc(const struct gospy_pc_info *info)
{
	uint64_t pc = info->pc - info->module->bias;

	return info->exact || pc <= info->func.entry ? pc : pc - 1;
}

struct gospy_error *gospy_unwind_cache_lookup(struct gospy_unwind_cache *cache, uint64_t pc,
					      bool exact, uint32_t *ret_index)
{
	uint32_t index = gospy_map_get(&cache->index[exact], pc);
	struct gospy_pc_info info;

	if (index != GOSPY_MAP_NONE) {
		*ret_index = index;
		return NULL;
	}
	struct gospy_error *err = describe(cache, pc, exact, &info);
	if (err)
		return err;
	if (!pc_info_vec_append(&cache->infos, info))
		return &gospy_enomem;
	uint32_t *entry = gospy_map_entry(&cache->index[exact], pc);
	if (!entry) {
		cache->infos.size--;
		return &gospy_enomem;
	}
	*entry = *ret_index = (uint32_t)cache->infos.size - 1;
	return NULL;
}

/** A word of the window, false where it is outside. */
static bool window_word(const struct gospy_stack_window *window, uint64_t address, uint64_t *ret)
{
	uint64_t offset = address - window->address;

	if (address < window->address || offset > window->size || window->size - offset < 8)
		return false;
	*ret = gospy_load_u64(window->data + offset);
	return true;
}

/** Whether the window holds everything up to `end`, as far as the stack goes. */
static bool window_reaches(const struct gospy_stack_window *window,
			   const struct gospy_unwind *unwind, uint64_t end)
{
	if (end > unwind->stack_hi)
		end = unwind->stack_hi;
	return end <= window->address + window->size;
}

enum step {
	STEP_ON,
	STEP_DONE,
	STEP_NEED_MORE,
	STEP_STUCK,
};

/*
 * Whether the innermost function has its return address in a register and not on the stack any
 * more, as rawVforkSyscall while the child runs (syscall/asm_linux_amd64.s, Go 1.12 to 1.27).
 */
static bool has_popped(const struct gospy_unwind_cache *cache, const struct gospy_unwind *unwind,
		       const struct gospy_pc_info *info)
{
	int64_t size = cache->rules->return_address_size;

	return size && unwind->exact && unwind->lr && info->frame_size == -size;
}

/** The frame's CFA; 0 where sp would not ascend within the stack. */
static uint64_t frame_cfa(const struct gospy_unwind_cache *cache, const struct gospy_unwind *unwind,
			  const struct gospy_pc_info *info)
{
	uint64_t cfa = unwind->sp + (uint64_t)(int64_t)info->frame_size +
		       cache->rules->return_address_size;

	if (info->frame_size < 0 && !has_popped(cache, unwind, info))
		return 0;
	if (cfa < unwind->sp || cfa > unwind->stack_hi || cfa & 7)
		return 0;
	return cfa;
}

/** Goes from the frame described by `info` to its caller. */
static enum step step_out(const struct gospy_unwind_cache *cache, struct gospy_unwind *unwind,
			  const struct gospy_pc_info *info, uint64_t cfa,
			  const struct gospy_stack_window *window)
{
	struct gospy_frame_step step = {
		.sp = unwind->sp, .cfa = cfa, .lr = unwind->lr, .innermost = unwind->exact};
	uint64_t address = cache->rules->return_address(&step);
	uint64_t caller = unwind->lr;

	if (address && !window_word(window, address, &caller))
		return address + 8 > unwind->stack_hi ? STEP_STUCK : STEP_NEED_MORE;
	if (!caller || (caller == unwind->pc && cfa == unwind->sp))
		return STEP_STUCK;
	unwind->pc = caller;
	unwind->sp = cfa;
	unwind->lr = 0;
	unwind->exact = info->injected;
	unwind->in_syscall = false;
	return STEP_ON;
}

/*
 * After an injected call the signal handler has put the link register of the interrupted function
 * on the stack (unwinder.next, runtime/traceback.go, Go 1.21, usesLR && injectedCall).
 */
static enum step pop_injected_lr(const struct gospy_unwind_cache *cache,
				 struct gospy_unwind *unwind,
				 const struct gospy_stack_window *window)
{
	if (!cache->rules->injected_frame_size)
		return STEP_ON;
	if (!window_word(window, unwind->sp, &unwind->lr))
		return STEP_NEED_MORE;
	unwind->sp += cache->rules->injected_frame_size;
	/* A call of a nil function: who made it is all there is. */
	if (!gospy_program_module(cache->program, unwind->pc)) {
		unwind->pc = unwind->lr;
		unwind->lr = 0;
	}
	return STEP_ON;
}

static struct gospy_error *step_once(struct gospy_unwind_cache *cache, struct gospy_unwind *unwind,
				     const struct gospy_stack_window *window,
				     struct gospy_unwind_frame_vec *frames, enum step *ret)
{
	struct gospy_unwind_frame frame;
	struct gospy_error *err =
		gospy_unwind_cache_lookup(cache, unwind->pc, unwind->exact, &frame.pc_index);
	if (err)
		return err;
	const struct gospy_pc_info info = cache->infos.data[frame.pc_index];

	*ret = STEP_STUCK;
	if (info.action == GOSPY_UNWIND_FOREIGN || frames->size >= GOSPY_MAX_FRAMES)
		return NULL;
	frame.cfa = frame_cfa(cache, unwind, &info);
	if (frame.cfa && !window_reaches(window, unwind, frame.cfa + unwind->margin)) {
		*ret = STEP_NEED_MORE;
		return NULL;
	}
	if (info.action == GOSPY_UNWIND_TOP)
		*ret = STEP_DONE;
	else if (frame.cfa && (info.action == GOSPY_UNWIND_CALLER || unwind->in_syscall))
		*ret = step_out(cache, unwind, &info, frame.cfa, window);
	if (*ret == STEP_ON && info.injected)
		*ret = pop_injected_lr(cache, unwind, window);
	if (*ret != STEP_NEED_MORE && !gospy_unwind_frame_vec_append(frames, frame))
		return &gospy_enomem;
	return NULL;
}

struct gospy_error *gospy_unwind_run(struct gospy_unwind_cache *cache, struct gospy_unwind *unwind,
				     const struct gospy_stack_window *window,
				     struct gospy_unwind_frame_vec *frames,
				     enum gospy_unwind_result *ret)
{
	for (;;) {
		struct gospy_unwind before = *unwind;
		enum step step;
		struct gospy_error *err = step_once(cache, unwind, window, frames, &step);
		if (err)
			return err;
		switch (step) {
		case STEP_ON:
			continue;
		case STEP_DONE:
			*ret = GOSPY_UNWIND_DONE;
			return NULL;
		case STEP_NEED_MORE:
			*unwind = before;
			*ret = GOSPY_UNWIND_NEED_MORE;
			return NULL;
		case STEP_STUCK:
			*ret = GOSPY_UNWIND_INCOMPLETE;
			return NULL;
		}
	}
}

/* The function that the kernel calls for a signal; with cgo it may be called through another one.
 */
static const struct gospy_unwind_frame *find_handler(const struct gospy_unwind_cache *cache,
						     const struct gospy_unwind_frame_vec *frames)
{
	static const char *const names[] = {"runtime.sigtramp", "runtime.cgoSigtramp"};

	for (size_t i = 0; i < frames->size; i++) {
		const struct gospy_pc_info *info = &cache->infos.data[frames->data[i].pc_index];
		if (info->module && frames->data[i].cfa &&
		    gospy_text_is_one_of(info->func.name, names, sizeof(names) / sizeof(names[0])))
			return &frames->data[i];
	}
	return NULL;
}

bool gospy_unwind_interrupted(const struct gospy_unwind_cache *cache,
			      const struct gospy_unwind_frame_vec *frames,
			      const struct gospy_stack_window *window, struct gospy_registers *ret)
{
	const struct gospy_frame_rules *rules = cache->rules;
	const struct gospy_unwind_frame *handler = find_handler(cache, frames);
	struct gospy_registers registers = {.arch = cache->program->arch};

	if (!handler || !window_word(window, handler->cfa + rules->signal_pc, &registers.pc) ||
	    !window_word(window, handler->cfa + rules->signal_sp, &registers.sp))
		return false;
	if (rules->signal_lr &&
	    !window_word(window, handler->cfa + rules->signal_lr, &registers.lr))
		return false;
	*ret = registers;
	return true;
}
