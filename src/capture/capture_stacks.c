/* SPDX-License-Identifier: MIT */
#include <gospy/arguments.h>
#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/read_plan.h>

#include "capture_private.h"

/** Bytes of each stack that the bulk read takes; longer ones are read one by one. */
#define BULK_WINDOW 8192
/** The same where only the innermost frames are wanted. */
#define SHORT_WINDOW 1024
/** Window of a stack read on its own: grows to this, so that a stack of any depth needs no more. */
#define DEEP_WINDOW (1 << 20)
/** Argument words above a frame: offsets of FUNCDATA_ArgInfo are below 0xf0, runtime/traceback.go
 * printArgs. */
#define ARGUMENT_MARGIN 256
#define BATCH_SIZE (1 << 20)
/** Bytes of a running goroutine's stack that are copied while its thread is held. */
#define RUNNING_WINDOW (64 * 1024)

struct gospy_error *capture_location(struct capture *c, uint64_t pc, bool exact, uint32_t *ret)
{
	uint32_t index;

	if (!pc) {
		*ret = 0;
		return NULL;
	}
	struct gospy_error *err = gospy_unwind_cache_lookup(c->cache, pc, exact, &index);
	if (!err)
		*ret = index + 1;
	return err;
}

/** The node for `location` called from `parent`, made if there is none. */
static struct gospy_error *node_of(struct capture *c, uint32_t parent, uint32_t location,
				   uint32_t *ret)
{
	struct gospy_stack_node_vec *nodes = &c->snapshot->nodes;
	uint32_t *entry = gospy_map_entry(&c->tree, (uint64_t)parent << 32 | location);

	if (!entry)
		return &gospy_enomem;
	if (*entry == GOSPY_MAP_NONE) {
		*entry = (uint32_t)nodes->size;
		if (nodes->size >= GOSPY_MAP_NONE ||
		    !gospy_stack_node_vec_append(nodes,
						 (struct gospy_stack_node){parent, location}))
			return &gospy_enomem;
	}
	*ret = *entry;
	return NULL;
}

struct gospy_error *capture_finish_stack(struct capture *c, uint32_t row,
					 enum gospy_unwind_result result)
{
	uint32_t node = 0;
	struct gospy_error *err = NULL;

	for (size_t i = c->frames.size; !err && i-- > 0;)
		err = node_of(c, node, c->frames.data[i].pc_index + 1, &node);
	if (err)
		return err;
	c->snapshot->goroutines.stack[row] = node;
	if (result == GOSPY_UNWIND_INCOMPLETE)
		c->snapshot->goroutines.flags[row] |= GOSPY_GOROUTINE_INCOMPLETE;
	return NULL;
}

static struct gospy_unwind start_of(const struct capture *c, const struct g_row *row)
{
	return (struct gospy_unwind){
		.pc = row->pc,
		.sp = row->sp,
		.in_syscall = row->in_syscall,
		.stack_hi = row->stack_hi,
		.margin = c->request->arguments ? ARGUMENT_MARGIN : 0,
	};
}

/** Whether sp is one that a walk can begin at. */
static bool is_walkable(const struct g_row *row)
{
	return row->pc && row->sp >= row->stack_lo && row->sp < row->stack_hi && !(row->sp & 7) &&
	       row->stack_hi - row->stack_lo <= GOSPY_MAX_STACK_SIZE;
}

/** Writes the texts of frames from `first` on; they are a row's next ones. */
struct gospy_error *capture_arguments(struct capture *c, uint32_t row, size_t first,
				      const struct gospy_stack_window *window)
{
	struct gospy_output text;
	struct gospy_error *err = NULL;

	if (!c->request->arguments)
		return NULL;
	gospy_output_init_memory(&text);
	for (size_t i = first; !err && i < c->frames.size; i++) {
		const struct gospy_unwind_frame *frame = &c->frames.data[i];
		uint32_t id = 0;
		text.size = 0;
		err = gospy_arguments_write(c->program,
					    gospy_unwind_cache_get(c->cache, frame->pc_index),
					    frame->cfa, window, &text);
		if (!err)
			err = gospy_strings_intern(&c->snapshot->strings,
						   text.data ? text.data : "", text.size, &id);
		if (!err && !gospy_u32_vec_append(&c->arguments, id))
			err = &gospy_enomem;
		c->rows.data[row].num_arguments++;
	}
	gospy_output_deinit(&text);
	return err;
}

static void begin_stack(struct capture *c, uint32_t row)
{
	c->frames.size = 0;
	c->rows.data[row].first_argument = c->arguments.size;
	c->rows.data[row].num_arguments = 0;
}

/** Walks a stack that is read for itself, in windows, on from `unwind` behind the frames at hand.
 */
static struct gospy_error *walk_on(struct capture *c, uint32_t row, struct gospy_unwind unwind)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec data = {};
	enum gospy_unwind_result result = GOSPY_UNWIND_NEED_MORE;
	uint64_t last_sp = 0;
	struct gospy_error *err = NULL;

	for (size_t size = BULK_WINDOW; !err && result == GOSPY_UNWIND_NEED_MORE; size *= 4) {
		size_t first = c->frames.size;
		struct gospy_read read = {.address = unwind.sp};
		size = size < DEEP_WINDOW ? size : DEEP_WINDOW;
		/* A frame larger than the window makes no progress in the largest one either. */
		if (unwind.sp == last_sp && size == DEEP_WINDOW && data.size == DEEP_WINDOW)
			break;
		last_sp = unwind.sp;
		read.size = unwind.stack_hi - unwind.sp < size ? unwind.stack_hi - unwind.sp : size;
		if (!gospy_u8_vec_resize(&data, size))
			return &gospy_enomem;
		read.buffer = data.data;
		err = gospy_target_read_many(c->program->target, &read, 1);
		if (err || !read.done)
			break;
		const struct gospy_stack_window window = {unwind.sp, data.data, read.done};
		err = gospy_unwind_run(c->cache, &unwind, &window, &c->frames, &result);
		if (!err)
			err = capture_arguments(c, row, first, &window);
		if (read.done < read.size)
			break;
	}
	if (result == GOSPY_UNWIND_NEED_MORE)
		result = GOSPY_UNWIND_INCOMPLETE;
	return err ? err : capture_finish_stack(c, row, result);
}

static struct gospy_error *walk_alone(struct capture *c, uint32_t row, struct gospy_unwind unwind)
{
	begin_stack(c, row);
	return walk_on(c, row, unwind);
}

static struct gospy_error *walk_piece(void *context, const struct gospy_piece *piece,
				      const uint8_t *data, size_t size)
{
	struct capture *c = context;
	const struct g_row *row = &c->rows.data[piece->id];
	const struct gospy_stack_window window = {piece->address, data, size};
	struct gospy_unwind unwind = start_of(c, row);
	enum gospy_unwind_result result;

	if (!c->held && !gospy_u32_vec_append(&c->batch, piece->id))
		return &gospy_enomem;
	begin_stack(c, piece->id);
	struct gospy_error *err = gospy_unwind_run(c->cache, &unwind, &window, &c->frames, &result);
	if (err)
		return err;
	if (result == GOSPY_UNWIND_NEED_MORE && c->request->stacks) {
		if (!gospy_u32_vec_append(&c->deep, piece->id))
			return &gospy_enomem;
		return NULL;
	}
	err = capture_arguments(c, piece->id, 0, &window);
	return err ? err : capture_finish_stack(c, piece->id, result);
}

static struct gospy_error *verify_piece(void *context, const struct gospy_piece *piece,
					const uint8_t *data, size_t size)
{
	struct capture *c = context;

	if (size >= c->g_size && capture_unchanged(c, piece->id, data, size))
		return NULL;
	return gospy_u32_vec_append(&c->changed, piece->id) ? NULL : &gospy_enomem;
}

/** Reads the gs of `rows` again and puts those that are not as before into c->changed. */
static struct gospy_error *verify(struct capture *c, struct gospy_u32_vec *rows)
{
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {};
	const struct gospy_read_plan plan = {
		.max_gap = 4096, .batch_size = BATCH_SIZE, .piece = verify_piece, .context = c};

	if (c->held || !rows->size)
		return NULL;
	for (size_t i = 0; i < rows->size; i++) {
		const struct gospy_piece piece = {c->snapshot->goroutines.address[rows->data[i]],
						  c->g_size, rows->data[i]};
		if (!gospy_piece_vec_append(&pieces, piece))
			return &gospy_enomem;
	}
	rows->size = 0;
	return gospy_read_plan_run(&plan, c->program->target, &pieces);
}

static struct gospy_error *verify_batch(void *context)
{
	struct capture *c = context;
	struct gospy_error *err = verify(c, &c->batch);

	return err ? err : capture_mind_pause(c);
}

/** The registers of the goroutine's thread, if it can be looked at. */
static struct gospy_error *thread_registers(struct capture *c, const struct g_row *row,
					    struct gospy_registers *ret, struct gospy_read *stack,
					    bool *ret_known)
{
	struct gospy_error *err = NULL;
	pid_t tid = row->m ? c->ms.data[row->m - 1].tid : 0;

	*ret_known = false;
	if (!tid)
		return NULL;
	err = c->held ? gospy_target_registers(c->program->target, tid, ret)
		      : gospy_target_sample(c->program->target, tid, ret, stack);
	if (err && err->code != GOSPY_ERROR_NO_MEMORY && err->code != GOSPY_ERROR_EXITED) {
		gospy_error_destroy(err);
		return NULL;
	}
	*ret_known = !err;
	return err;
}

static bool is_within(const struct g_row *row, uint64_t sp)
{
	return sp >= row->stack_lo && sp < row->stack_hi;
}

/** Whether sp lies on the system stack of the goroutine's M, `[g0.stack.lo, g0.stack.hi)`. */
static bool is_on_g0(struct capture *c, const struct g_row *row, uint64_t sp)
{
	const struct gospy_layout *layout = &c->program->layout;
	uint64_t lo, hi, g0 = c->ms.data[row->m - 1].g0;
	struct gospy_error *err = gospy_target_read_u64(
		c->program->target, g0 + (uint64_t)layout->g_stack_lo.offset, &lo);

	if (!err)
		err = gospy_target_read_u64(c->program->target,
					    g0 + (uint64_t)layout->g_stack_hi.offset, &hi);
	bool on = !err && sp >= lo && sp < hi;
	gospy_error_destroy(err);
	return on;
}

/*
 * Where to walk a goroutine that is on a CPU from. On its own stack: from the registers. In the
 * vDSO, which runs on the system stack: from what the caller saved (m.vdsoSP,
 * runtime/time_linux_amd64.s). On the system stack for the runtime: from gobuf, which systemstack
 * and mcall fill in (asm_amd64.s). Else, in a signal handler or foreign code, only the last
 * scheduling point is known.
 */
static struct gospy_unwind running_start(struct capture *c, uint32_t index,
					 const struct gospy_registers *registers)
{
	const struct g_row *row = &c->rows.data[index];
	const struct m_row *m = &c->ms.data[row->m - 1];
	struct gospy_unwind unwind = start_of(c, row);

	unwind.in_syscall = false;
	if (is_within(row, registers->sp)) {
		unwind.pc = registers->pc;
		unwind.sp = registers->sp;
		unwind.lr = registers->lr;
		unwind.exact = true;
	} else if (m->vdso_sp && is_within(row, m->vdso_sp)) {
		unwind.pc = m->vdso_pc;
		unwind.sp = m->vdso_sp;
	} else if (!is_on_g0(c, row, registers->sp)) {
		c->snapshot->goroutines.flags[index] |= GOSPY_GOROUTINE_STALE;
	}
	return unwind;
}

/** vdso_sp and the like are of the moment: an M is read again for the thread that was just looked
 * at. */
static struct gospy_error *refresh_m(struct capture *c, struct m_row *m)
{
	const struct gospy_layout *layout = &c->program->layout;

	if (layout->m_vdso_sp.offset < 0 || layout->m_vdso_pc.offset < 0)
		return NULL;
	struct gospy_error *err = gospy_target_read_u64(
		c->program->target, m->address + (uint64_t)layout->m_vdso_sp.offset, &m->vdso_sp);
	if (!err)
		err = gospy_target_read_u64(c->program->target,
					    m->address + (uint64_t)layout->m_vdso_pc.offset,
					    &m->vdso_pc);
	return err;
}

/** Walks what was copied of the stack while its thread was held, and then on. */
static struct gospy_error *walk_copied(struct capture *c, uint32_t row, struct gospy_unwind unwind,
				       const struct gospy_read *copied)
{
	const struct gospy_stack_window window = {copied->address, copied->buffer, copied->done};
	enum gospy_unwind_result result;

	begin_stack(c, row);
	struct gospy_error *err = gospy_unwind_run(c->cache, &unwind, &window, &c->frames, &result);
	if (!err)
		err = capture_arguments(c, row, 0, &window);
	if (err)
		return err;
	if (result == GOSPY_UNWIND_NEED_MORE)
		return walk_on(c, row, unwind);
	return capture_finish_stack(c, row, result);
}

static struct gospy_error *walk_running(struct capture *c, uint32_t index)
{
	struct g_row *row = &c->rows.data[index];
	struct gospy_registers registers;
	bool known;

	if (!gospy_u8_vec_resize(&c->running_stack, RUNNING_WINDOW))
		return &gospy_enomem;
	struct gospy_read copied = {.buffer = c->running_stack.data, .size = RUNNING_WINDOW};
	struct gospy_error *err = thread_registers(c, row, &registers, &copied, &known);
	if (!err && known)
		err = refresh_m(c, &c->ms.data[row->m - 1]);
	if (err)
		return err;
	struct gospy_unwind unwind = start_of(c, row);
	if (known)
		unwind = running_start(c, index, &registers);
	else
		c->snapshot->goroutines.flags[index] |= GOSPY_GOROUTINE_STALE;
	if (!is_within(row, unwind.sp) || unwind.sp & 7) {
		begin_stack(c, index);
		return capture_finish_stack(c, index, GOSPY_UNWIND_INCOMPLETE);
	}
	if (copied.done && unwind.sp == copied.address)
		return walk_copied(c, index, unwind, &copied);
	return walk_alone(c, index, unwind);
}

static bool is_running(const struct capture *c, uint32_t row)
{
	return c->snapshot->goroutines.status[row] == GOSPY_GOROUTINE_RUNNING;
}

static struct gospy_error *walk_one(struct capture *c, uint32_t row)
{
	if (is_running(c, row))
		return walk_running(c, row);
	if (is_walkable(&c->rows.data[row]))
		return walk_alone(c, row, start_of(c, &c->rows.data[row]));
	begin_stack(c, row);
	return capture_finish_stack(c, row, GOSPY_UNWIND_INCOMPLETE);
}

/** Reads a goroutine that changed again, stack and all, until it holds still. */
static struct gospy_error *retry(struct capture *c, uint32_t row)
{
	_cleanup_(gospy_u32_vec_deinit) struct gospy_u32_vec one = {};
	struct gospy_error *err = NULL;

	c->snapshot->retried++;
	for (int i = 0; i < MAX_TRIES; i++) {
		c->changed.size = 0;
		err = capture_reread(c, row);
		if (err || c->rows.data[row].gone)
			return err;
		err = walk_one(c, row);
		if (!err && !gospy_u32_vec_append(&one, row))
			return &gospy_enomem;
		if (!err)
			err = verify(c, &one);
		if (err || !c->changed.size)
			return err;
	}
	c->snapshot->goroutines.flags[row] |= GOSPY_GOROUTINE_TORN;
	return NULL;
}

static struct gospy_error *retry_changed(struct capture *c)
{
	struct gospy_u32_vec rows = c->changed;
	struct gospy_error *err = NULL;

	c->changed = (struct gospy_u32_vec){};
	for (size_t i = 0; !err && i < rows.size; i++)
		err = retry(c, rows.data[i]);
	gospy_u32_vec_deinit(&rows);
	return err;
}

static struct gospy_error *make_pieces(struct capture *c, struct gospy_piece_vec *pieces)
{
	uint64_t window = c->request->stacks ? BULK_WINDOW : SHORT_WINDOW;

	for (uint32_t i = 0; i < c->rows.size; i++) {
		const struct g_row *row = &c->rows.data[i];
		if (is_running(c, i) || !is_walkable(row))
			continue;
		uint64_t size = row->stack_hi - row->sp;
		const struct gospy_piece piece = {row->sp,
						  (uint32_t)(size < window ? size : window), i};
		if (!gospy_piece_vec_append(pieces, piece))
			return &gospy_enomem;
	}
	return NULL;
}

/** Those that the bulk read leaves over: on a CPU, with a long stack, or with none that can be
 * walked. */
static struct gospy_error *walk_rest(struct capture *c)
{
	_cleanup_(gospy_u32_vec_deinit) struct gospy_u32_vec walked = {};
	struct gospy_error *err = NULL;

	for (uint32_t i = 0; !err && i < c->rows.size; i++) {
		bool running = is_running(c, i);
		if (!running && is_walkable(&c->rows.data[i]))
			continue;
		err = walk_one(c, i);
		if (!err && running && !gospy_u32_vec_append(&walked, i))
			return &gospy_enomem;
	}
	for (size_t i = 0; !err && i < c->deep.size; i++) {
		err = capture_mind_pause(c);
		if (!err)
			err = walk_one(c, c->deep.data[i]);
		if (!err && !gospy_u32_vec_append(&walked, c->deep.data[i]))
			return &gospy_enomem;
	}
	return err ? err : verify(c, &walked);
}

struct gospy_error *capture_stacks(struct capture *c)
{
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {};
	const struct gospy_read_plan plan = {.max_gap = 4096,
					     .batch_size = BATCH_SIZE,
					     .piece = walk_piece,
					     .batch = verify_batch,
					     .context = c};
	struct gospy_error *err = make_pieces(c, &pieces);

	if (!err)
		err = gospy_read_plan_run(&plan, c->program->target, &pieces);
	if (!err)
		err = walk_rest(c);
	return err ? err : retry_changed(c);
}
