/* SPDX-License-Identifier: MIT */
#include <gospy/limits.h>

#include "capture_private.h"

/** Bytes of the stack that are copied while the thread is held: at first, and at most. */
#define FIRST_WINDOW (16 << 10)
#define LAST_WINDOW (4 << 20)
/** Of the stack of a signal handler (runtime/os_linux.go, mpreinit: 32 KB). */
#define SIGNAL_WINDOW (64 << 10)

/** One look at the thread that runs a goroutine. */
struct look {
	struct capture *c;
	uint32_t row;
	size_t window;
	struct g_row g;
	struct m_row m;
	/** The thread runs something else by now, or the goroutine is elsewhere. */
	bool moved;
	/** Where it stands cannot be told: the walk begins at the last scheduling point. */
	bool stale;
	struct gospy_unwind unwind;
	struct gospy_read stack;
};

/** Whether sp lies on the stack of the g at `address`, one of the M's own. */
static struct gospy_error *is_on(struct capture *c, uint64_t address, uint64_t sp,
				 struct g_row *ret_g, bool *ret)
{
	*ret = false;
	if (!address)
		return NULL;
	struct gospy_error *err = capture_read_g(c, address, ret_g);
	if (!err)
		*ret = capture_on_stack(ret_g, sp);
	return err;
}

/** Where the signal came that a handler on the stack of `gsignal` deals with. */
static struct gospy_error *interrupted(struct capture *c, const struct g_row *gsignal,
				       struct gospy_registers *registers, bool *ret_known)
{
	struct gospy_unwind unwind = {.pc = registers->pc,
				      .sp = registers->sp,
				      .lr = registers->lr,
				      .exact = true,
				      .stack_hi = gsignal->stack_hi};
	struct gospy_read read = {.address = unwind.sp, .size = unwind.stack_hi - unwind.sp};
	enum gospy_unwind_result result;

	*ret_known = false;
	if (read.size > SIGNAL_WINDOW)
		read.size = SIGNAL_WINDOW;
	if (!gospy_u8_vec_resize(&c->window, read.size))
		return &gospy_enomem;
	read.buffer = c->window.data;
	struct gospy_error *err = gospy_target_read_many(c->program->target, &read, 1);
	if (err)
		return err;
	const struct gospy_stack_window window = {unwind.sp, c->window.data, read.done};
	c->frames.size = 0;
	err = gospy_unwind_run(c->cache, &unwind, &window, &c->frames, &result);
	if (!err)
		*ret_known = gospy_unwind_interrupted(c->cache, &c->frames, &window, registers);
	return err;
}

/** Whether `pc` is in Go code that can be followed. */
static struct gospy_error *is_go(struct capture *c, uint64_t pc, bool *ret)
{
	uint32_t index;
	struct gospy_error *err = gospy_unwind_cache_lookup(c->cache, pc, true, &index);

	if (!err)
		*ret = gospy_unwind_cache_get(c->cache, index)->action != GOSPY_UNWIND_FOREIGN;
	return err;
}

/** On its own stack, at `registers`. */
static struct gospy_error *start_on_stack(struct look *look,
					  const struct gospy_registers *registers)
{
	uint32_t index;
	struct gospy_error *err =
		gospy_unwind_cache_lookup(look->c->cache, registers->pc, true, &index);

	if (err)
		return err;
	const struct gospy_pc_info *info = gospy_unwind_cache_get(look->c->cache, index);
	look->unwind.sp = registers->sp;
	/*
	 * gogo has sp of the goroutine that it goes to, but is not a function of its stack
	 * (asm_amd64.s: "runtime.gogo" with Go 1.16, "gogo" with 1.17).
	 */
	if (info->module &&
	    (!strcmp(info->func.name, "gogo") || !strcmp(info->func.name, "runtime.gogo")))
		return NULL;
	look->unwind.pc = registers->pc;
	look->unwind.lr = registers->lr;
	look->unwind.exact = true;
	look->unwind.in_syscall = false;
	return NULL;
}

/*
 * In the vDSO, from what its caller saved (sys_linux_amd64.s): its own caller's pc and sp. Up to Go
 * 1.13 the sp is that of the call, with the return address still on it.
 */
static struct gospy_error *start_before_vdso(struct look *look)
{
	uint64_t top = 0;
	struct gospy_error *err =
		gospy_target_read_u64(look->c->program->target, look->m.vdso_sp, &top);

	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	look->unwind.pc = look->m.vdso_pc;
	look->unwind.sp = look->m.vdso_sp + (top == look->m.vdso_pc ? 8 : 0);
	look->unwind.lr = 0;
	look->unwind.in_syscall = false;
	return err;
}

/*
 * Where to walk from. On its own stack: from the registers. In the vDSO, which runs on the system
 * stack: from what the caller saved (m.vdsoSP, runtime/sys_linux_amd64.s, Go 1.12 to 1.27). On the
 * system stack for the runtime or in C: from gobuf, which systemstack, mcall, morestack and
 * asmcgocall fill in, and systemstack and gogo clear again (asm_amd64.s).
 */
static struct gospy_error *find_start(struct look *look, const struct gospy_registers *registers)
{
	struct g_row g0;
	bool on_g0 = false, go = false;

	if (capture_on_stack(&look->g, registers->sp))
		return start_on_stack(look, registers);
	if (look->m.vdso_sp && capture_on_stack(&look->g, look->m.vdso_sp))
		return start_before_vdso(look);
	struct gospy_error *err = is_on(look->c, look->m.g0, registers->sp, &g0, &on_g0);
	if (!err && on_g0)
		err = is_go(look->c, registers->pc, &go);
	look->stale = !go;
	return err;
}

/** The thread is held: everything read here is of one moment. */
static struct gospy_error *look_at(void *context, const struct gospy_registers *registers)
{
	struct look *look = context;
	struct capture *c = look->c;
	uint64_t address = c->snapshot->goroutines.address[look->row];
	struct gospy_registers at = *registers;
	struct g_row gsignal;
	bool in_handler = false, known = true;

	look->stack.size = look->stack.done = 0;
	struct gospy_error *err =
		capture_read_m(c, c->ms.data[c->rows.data[look->row].m - 1].address, &look->m);
	if (!err)
		err = capture_read_g(c, address, &look->g);
	if (err)
		return err;
	look->moved = look->m.curg != address || !capture_is_running(&look->g);
	if (look->moved)
		return NULL;
	look->unwind = capture_unwind(c, &look->g);
	err = is_on(c, look->m.gsignal, at.sp, &gsignal, &in_handler);
	if (!err && in_handler)
		err = interrupted(c, &gsignal, &at, &known);
	look->stale = !known;
	if (!err && known)
		err = find_start(look, &at);
	if (err || !capture_on_stack(&look->g, look->unwind.sp) || look->unwind.sp & 7)
		return err;
	look->stack.address = look->unwind.sp;
	look->stack.size = look->g.stack_hi - look->unwind.sp;
	if (look->stack.size > look->window)
		look->stack.size = look->window;
	if (!gospy_u8_vec_resize(&c->window, look->stack.size))
		return &gospy_enomem;
	look->stack.buffer = c->window.data;
	return gospy_target_read_many(c->program->target, &look->stack, 1);
}

/** Looks at the thread; `*ret_known` is false where that is not possible. */
static struct gospy_error *look_at_thread(struct look *look, bool *ret_known)
{
	struct capture *c = look->c;
	const struct m_row *m = &c->ms.data[c->rows.data[look->row].m - 1];
	struct gospy_error *err = gospy_target_inspect(c->program->target, m->tid, look_at, look);

	*ret_known = !err;
	if (gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND) ||
	    gospy_error_catch(&err, GOSPY_ERROR_FAULT))
		look->moved = true;
	else if (err && err->code != GOSPY_ERROR_NO_MEMORY && err->code != GOSPY_ERROR_EXITED)
		gospy_error_catch(&err, err->code);
	return err;
}

/** Its thread may not be looked at: all that is known is where it was scheduled last. */
static struct gospy_error *walk_unknown(struct capture *c, uint32_t row)
{
	const struct g_row *g = &c->rows.data[row];

	c->snapshot->goroutines.flags[row] |= GOSPY_GOROUTINE_STALE;
	capture_begin_stack(c, row);
	if (!g->pc || !capture_on_stack(g, g->sp) || g->sp & 7)
		return capture_finish_stack(c, row, GOSPY_UNWIND_INCOMPLETE);
	return capture_walk_on(c, row, capture_unwind(c, g));
}

/** Walks the copy. */
static struct gospy_error *walk_copy(struct look *look, enum gospy_unwind_result *ret)
{
	const struct gospy_stack_window window = {look->stack.address, look->stack.buffer,
						  look->stack.done};

	capture_begin_stack(look->c, look->row);
	*ret = GOSPY_UNWIND_INCOMPLETE;
	if (!window.size)
		return NULL;
	return capture_walk(look->c, look->row, &look->unwind, &window, ret);
}

/*
 * A stack that does not fit into the copy is copied again, more of it, for what is read after the
 * thread was let go is of another moment. There is an end to that: the target is not to be held for
 * the sake of a stack of many megabytes.
 */
static struct gospy_error *walk_copies(struct look *look, bool *ret_known)
{
	struct capture *c = look->c;
	enum gospy_unwind_result result = GOSPY_UNWIND_NEED_MORE;

	for (; result == GOSPY_UNWIND_NEED_MORE && look->window <= LAST_WINDOW;
	     look->window *= 16) {
		struct gospy_error *err = look_at_thread(look, ret_known);
		if (err || !*ret_known || look->moved)
			return err;
		err = walk_copy(look, &result);
		if (err)
			return err;
		if (c->held || look->stack.done < look->window)
			break;
	}
	if (look->stale)
		c->snapshot->goroutines.flags[look->row] |= GOSPY_GOROUTINE_STALE;
	if (result != GOSPY_UNWIND_NEED_MORE)
		return capture_finish_stack(c, look->row, result);
	if (!c->held)
		c->snapshot->goroutines.flags[look->row] |= GOSPY_GOROUTINE_TORN;
	return capture_walk_on(c, look->row, look->unwind);
}

struct gospy_error *capture_running(struct capture *c, uint32_t row, bool *ret_settled)
{
	struct look look = {.c = c, .row = row, .window = FIRST_WINDOW};
	uint32_t m = c->rows.data[row].m;
	bool known = false;
	struct gospy_error *err = NULL;

	if (c->request->passive && !c->held) {
		*ret_settled = true;
		return walk_unknown(c, row);
	}
	if (m && c->ms.data[m - 1].tid)
		err = walk_copies(&look, &known);
	else
		look.moved = true;
	if (err)
		return err;
	*ret_settled = !look.moved || c->held;
	return known && !look.moved ? NULL : walk_unknown(c, row);
}
