/* SPDX-License-Identifier: MIT */
#include <gospy/arguments.h>
#include <gospy/limits.h>
#include <gospy/read_plan.h>

#include "capture_private.h"

/** Bytes of each stack that the bulk read takes; longer ones are read one by one. */
#define BULK_WINDOW 8192
/** The same where only the innermost frames are wanted. */
#define SHORT_WINDOW 1024
/** Window of a stack read on its own: grows to this, so that a stack of any depth needs no more,
 * and beyond it only for a single frame. */
#define DEEP_WINDOW (1 << 20)
#define MAX_WINDOW (256 << 20)
/** Argument words above a frame: offsets of FUNCDATA_ArgInfo are below 0xf0, runtime/traceback.go
 * printArgs. */
#define ARGUMENT_MARGIN 256
#define BATCH_SIZE (1 << 20)

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

struct gospy_unwind capture_unwind(const struct capture *c, const struct g_row *row)
{
	return (struct gospy_unwind){
		.pc = row->pc,
		.sp = row->sp,
		.lr = row->lr,
		.in_syscall = row->in_syscall,
		.stack_hi = row->stack_hi,
		.margin = c->request->arguments ? ARGUMENT_MARGIN : 0,
	};
}

bool capture_on_stack(const struct g_row *row, uint64_t sp)
{
	return sp >= row->stack_lo && sp < row->stack_hi &&
	       row->stack_hi - row->stack_lo <= GOSPY_MAX_STACK_SIZE;
}

/** Whether a walk can begin where it is not on a CPU. */
static bool is_walkable(const struct g_row *row)
{
	return row->pc && capture_on_stack(row, row->sp) && !(row->sp & 7);
}

/** Writes the texts of frames from `first` on, as far as `window` holds them. */
static struct gospy_error *write_arguments(struct capture *c, uint32_t row, size_t first,
					   const struct gospy_stack_window *window)
{
	struct gospy_output text;
	struct gospy_error *err = NULL;

	gospy_output_init_memory(&text);
	for (size_t i = first; !err && i < c->frames.size; i++) {
		const struct gospy_unwind_frame *frame = &c->frames.data[i];
		uint32_t id = 0;
		text.size = 0;
		err = gospy_arguments_write(c->program,
					    gospy_unwind_cache_get(c->cache, frame->pc_index),
					    frame->cfa, window, &text);
		if (err && err->code != GOSPY_ERROR_NO_MEMORY) {
			/* A table that cannot be read leaves them unknown, like those of inlined
			 * calls. */
			gospy_error_catch(&err, err->code);
			text.size = 0;
			gospy_output_string(&text, "...");
		}
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

void capture_begin_stack(struct capture *c, uint32_t row)
{
	c->frames.size = 0;
	c->rows.data[row].first_argument = c->arguments.size;
	c->rows.data[row].num_arguments = 0;
	c->snapshot->goroutines.flags[row] &= (uint8_t)~GOSPY_GOROUTINE_INCOMPLETE;
}

struct gospy_error *capture_walk(struct capture *c, uint32_t row, struct gospy_unwind *unwind,
				 const struct gospy_stack_window *window,
				 enum gospy_unwind_result *ret)
{
	size_t first = c->frames.size;
	struct gospy_error *err = gospy_unwind_run(c->cache, unwind, window, &c->frames, ret);

	if (err || !c->request->arguments)
		return err;
	return write_arguments(c, row, first, window);
}

/** Reads up to `size` bytes of the stack from where `unwind` is; false when there is less. */
static struct gospy_error *read_window(struct capture *c, const struct gospy_unwind *unwind,
				       size_t size, struct gospy_stack_window *ret, bool *ret_whole)
{
	uint64_t left = unwind->stack_hi - unwind->sp;
	struct gospy_read read = {.address = unwind->sp, .size = left < size ? left : size};

	if (!gospy_u8_vec_resize(&c->window, read.size))
		return &gospy_enomem;
	read.buffer = c->window.data;
	struct gospy_error *err = gospy_target_read_many(c->program->target, &read, 1);
	if (err)
		return err;
	*ret = (struct gospy_stack_window){read.address, c->window.data, read.done};
	*ret_whole = read.done == read.size;
	return NULL;
}

struct gospy_error *capture_walk_on(struct capture *c, uint32_t row, struct gospy_unwind unwind)
{
	enum gospy_unwind_result result = GOSPY_UNWIND_NEED_MORE;
	size_t size = 4 * BULK_WINDOW;
	bool whole = true;

	while (result == GOSPY_UNWIND_NEED_MORE && whole && size <= MAX_WINDOW) {
		struct gospy_stack_window window;
		uint64_t sp = unwind.sp;
		struct gospy_error *err = read_window(c, &unwind, size, &window, &whole);
		if (!err)
			err = capture_walk(c, row, &unwind, &window, &result);
		if (err)
			return err;
		/* Without progress the frame is larger than the window. */
		size = unwind.sp == sp || size < DEEP_WINDOW ? size * 4 : DEEP_WINDOW;
		if (window.size == unwind.stack_hi - sp)
			break;
	}
	return capture_finish_stack(c, row,
				    result == GOSPY_UNWIND_DONE ? result : GOSPY_UNWIND_INCOMPLETE);
}

/*
 * The stack ended within the bytes at hand: where only the innermost frames are asked for that is
 * enough, with the function whose frame was too large to be passed.
 */
static struct gospy_error *finish_short(struct capture *c, uint32_t row,
					const struct gospy_unwind *unwind)
{
	struct gospy_unwind_frame frame = {};
	struct gospy_error *err =
		gospy_unwind_cache_lookup(c->cache, unwind->pc, unwind->exact, &frame.pc_index);

	if (err)
		return err;
	if (gospy_unwind_cache_get(c->cache, frame.pc_index)->module &&
	    !gospy_unwind_frame_vec_append(&c->frames, frame))
		return &gospy_enomem;
	return capture_finish_stack(c, row, GOSPY_UNWIND_NEED_MORE);
}

static struct gospy_error *finish_in_bulk(struct capture *c, uint32_t row,
					  const struct gospy_unwind *unwind,
					  enum gospy_unwind_result result)
{
	if (result == GOSPY_UNWIND_NEED_MORE && !c->request->stacks)
		return finish_short(c, row, unwind);
	if (result == GOSPY_UNWIND_NEED_MORE)
		return gospy_u32_vec_append(&c->deep, row) ? NULL : &gospy_enomem;
	/* More likely than a broken stack is one that changed while it was read. */
	if (result == GOSPY_UNWIND_INCOMPLETE && !c->held &&
	    !gospy_u32_vec_append(&c->changed, row))
		return &gospy_enomem;
	return capture_finish_stack(c, row, result);
}

static struct gospy_error *walk_piece(void *context, const struct gospy_piece *piece,
				      const uint8_t *data, size_t size)
{
	struct capture *c = context;
	const struct gospy_stack_window window = {piece->address, data, size};
	struct gospy_unwind unwind = capture_unwind(c, &c->rows.data[piece->id]);
	enum gospy_unwind_result result;

	capture_begin_stack(c, piece->id);
	struct gospy_error *err = capture_walk(c, piece->id, &unwind, &window, &result);
	if (!err)
		err = finish_in_bulk(c, piece->id, &unwind, result);
	/* Deep and incomplete ones are read again in any case. */
	if (err || c->held || (result != GOSPY_UNWIND_DONE && c->request->stacks))
		return err;
	return gospy_u32_vec_append(&c->batch, piece->id) ? NULL : &gospy_enomem;
}

static struct gospy_error *verify_piece(void *context, const struct gospy_piece *piece,
					const uint8_t *data, size_t size)
{
	struct capture *c = context;

	if (size >= c->g_size && capture_unchanged(c, piece->id, data, size))
		return NULL;
	return gospy_u32_vec_append(&c->changed, piece->id) ? NULL : &gospy_enomem;
}

/** Reads the gs of the batch again and puts those that are not as before into c->changed. */
static struct gospy_error *verify_batch(void *context)
{
	struct capture *c = context;
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {};
	const struct gospy_read_plan plan = {
		.max_gap = 4096, .batch_size = BATCH_SIZE, .piece = verify_piece, .context = c};

	for (size_t i = 0; i < c->batch.size; i++) {
		uint32_t row = c->batch.data[i];
		const struct gospy_piece piece = {c->snapshot->goroutines.address[row], c->g_size,
						  row};
		if (!gospy_piece_vec_append(&pieces, piece))
			return &gospy_enomem;
	}
	c->batch.size = 0;
	struct gospy_error *err =
		pieces.size ? gospy_read_plan_run(&plan, c->program->target, &pieces) : NULL;
	return err ? err : capture_mind_pause(c);
}

static struct gospy_error *is_unchanged(struct capture *c, uint32_t row, bool *ret)
{
	uint8_t data[MAX_G_SIZE];
	struct gospy_error *err = NULL;

	*ret = true;
	if (c->held)
		return NULL;
	err = gospy_target_read(c->program->target, c->snapshot->goroutines.address[row], data,
				c->g_size);
	*ret = !err && capture_unchanged(c, row, data, c->g_size);
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	return err;
}

/** Walks one stack by itself; `*ret_settled`: it did not change meanwhile. */
static struct gospy_error *walk_one(struct capture *c, uint32_t row, bool *ret_settled)
{
	struct gospy_error *err;

	if (capture_is_running(&c->rows.data[row]))
		return capture_running(c, row, ret_settled);
	capture_begin_stack(c, row);
	if (is_walkable(&c->rows.data[row]))
		err = capture_walk_on(c, row, capture_unwind(c, &c->rows.data[row]));
	else
		err = capture_finish_stack(c, row, GOSPY_UNWIND_INCOMPLETE);
	return err ? err : is_unchanged(c, row, ret_settled);
}

static bool is_incomplete(const struct capture *c, uint32_t row)
{
	return c->snapshot->goroutines.flags[row] & GOSPY_GOROUTINE_INCOMPLETE;
}

/** Reads a goroutine that changed again, stack and all, until it holds still. */
static struct gospy_error *retry(struct capture *c, uint32_t row)
{
	bool settled = false;

	c->snapshot->retried++;
	for (int i = 0; i < MAX_TRIES; i++) {
		struct gospy_error *err = capture_reread(c, row);
		if (!err && !c->rows.data[row].gone)
			err = walk_one(c, row, &settled);
		if (err || c->rows.data[row].gone)
			return err;
		if (settled && (i || !is_incomplete(c, row)))
			return NULL;
	}
	if (!settled)
		c->snapshot->goroutines.flags[row] |= GOSPY_GOROUTINE_TORN;
	return NULL;
}

static struct gospy_error *retry_changed(struct capture *c)
{
	struct gospy_error *err = NULL;

	for (size_t i = 0; !err && i < c->changed.size; i++) {
		uint32_t row = c->changed.data[i];
		err = retry(c, row);
		/* What is gone for the reader too is shown as it was seen first. */
		if (gospy_error_catch(&err, GOSPY_ERROR_FAULT))
			c->snapshot->goroutines.flags[row] |= GOSPY_GOROUTINE_TORN;
	}
	return err;
}

static struct gospy_error *make_pieces(struct capture *c, struct gospy_piece_vec *pieces)
{
	uint64_t window = c->request->stacks ? BULK_WINDOW : SHORT_WINDOW;

	for (uint32_t i = 0; i < c->rows.size; i++) {
		const struct g_row *row = &c->rows.data[i];
		if (capture_is_running(row) || !is_walkable(row))
			continue;
		uint64_t size = row->stack_hi - row->sp;
		const struct gospy_piece piece = {row->sp,
						  (uint32_t)(size < window ? size : window), i};
		if (!gospy_piece_vec_append(pieces, piece))
			return &gospy_enomem;
	}
	return NULL;
}

static struct gospy_error *walk_alone(struct capture *c, uint32_t row)
{
	bool settled = false;
	struct gospy_error *err = walk_one(c, row, &settled);

	if (!err && !settled && !gospy_u32_vec_append(&c->changed, row))
		return &gospy_enomem;
	return err ? err : capture_mind_pause(c);
}

/** Those that the bulk read leaves over: on a CPU, with a long stack, or with none that can be
 * walked. */
static struct gospy_error *walk_rest(struct capture *c)
{
	struct gospy_error *err = NULL;

	for (uint32_t i = 0; !err && i < c->rows.size; i++) {
		const struct g_row *row = &c->rows.data[i];
		if (capture_is_running(row) || !is_walkable(row))
			err = walk_alone(c, i);
	}
	for (size_t i = 0; !err && i < c->deep.size; i++)
		err = walk_alone(c, c->deep.data[i]);
	return err;
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
	gospy_piece_vec_deinit(&pieces);
	if (!err)
		err = walk_rest(c);
	return err ? err : retry_changed(c);
}
