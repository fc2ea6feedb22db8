/* SPDX-License-Identifier: MIT */
#include <gospy/limits.h>
#include <gospy/read_plan.h>

#include "capture_private.h"

/** runtime/runtime2.go _Gscan. */
#define SCAN_BIT UINT32_C(0x1000)
/** Reads of the header of allgs until it is the same before and after the array was read. */
#define MAX_HEADER_READS 8
/** Entries of it that are read at a time. */
#define LIST_CHUNK 131072

static uint32_t g_size(const struct gospy_layout *layout)
{
	const struct gospy_layout_field fields[] = {
		layout->g_stack_hi,    layout->g_m,
		layout->g_sched_sp,    layout->g_sched_pc,
		layout->g_sched_lr,    layout->g_syscallsp,
		layout->g_syscallpc,   layout->g_atomicstatus,
		layout->g_goid,	       layout->g_waitsince,
		layout->g_waitreason,  layout->g_lockedm,
		layout->g_gopc,	       layout->g_startpc,
		layout->g_parent_goid, layout->g_labels,
		layout->g_sync_group,  layout->g_tracking_seq,
	};

	return gospy_layout_span(fields, sizeof(fields) / sizeof(fields[0]));
}

static struct gospy_error *read_header(struct capture *c, struct gospy_slice *ret)
{
	return capture_list(c, c->program->globals.allgs, GOSPY_MAX_GOROUTINES, "goroutines", ret);
}

/** The elements of the list, a chunk at a time, so that a length that is a lie costs no memory. */
static struct gospy_error *read_array(struct capture *c, struct gospy_slice list,
				      struct gospy_u64_vec *ret)
{
	struct gospy_error *err = NULL;

	ret->size = 0;
	while (!err && ret->size < list.size) {
		size_t done = ret->size;
		size_t size = list.size - done < LIST_CHUNK ? list.size - done : LIST_CHUNK;
		if (!gospy_u64_vec_resize(ret, done + size))
			return &gospy_enomem;
		err = gospy_target_read(c->program->target, list.data + done * 8, ret->data + done,
					size * 8);
	}
	return err;
}

/*
 * The addresses of all gs. The list only grows, but it moves then, and the collector may free the
 * old array: so the header is read again afterwards (allgadd, runtime/proc.go).
 */
static struct gospy_error *read_list(struct capture *c, struct gospy_u64_vec *ret)
{
	struct gospy_slice before, after = {};
	struct gospy_error *err = read_header(c, &after);

	for (int i = 0; !err && i < MAX_HEADER_READS; i++) {
		before = after;
		err = read_array(c, before, ret);
		bool readable = !gospy_error_catch(&err, GOSPY_ERROR_FAULT);
		if (!err)
			err = read_header(c, &after);
		if (!err && readable && before.data == after.data)
			return NULL;
	}
	if (err)
		return err;
	return gospy_error_create(GOSPY_ERROR_BAD_DATA, "the list of goroutines cannot be read");
}

static bool status_is(uint32_t raw, enum gospy_goroutine_status status)
{
	return (raw & ~SCAN_BIT) == (uint32_t)status;
}

static bool is_dead(uint32_t raw)
{
	return status_is(raw, GOSPY_GOROUTINE_DEAD) || status_is(raw, GOSPY_GOROUTINE_DEADEXTRA);
}

bool capture_is_running(const struct g_row *row)
{
	return status_is(row->status, GOSPY_GOROUTINE_RUNNING);
}

/** Its status, and where its stack is to be walked from: the last scheduling point, or the entry of
 * its system call. */
static void decode_state(const struct gospy_layout *layout, const uint8_t *data, size_t size,
			 struct g_row *row)
{
	uint64_t syscall_sp = gospy_layout_load(data, size, layout->g_syscallsp);

	row->status = (uint32_t)gospy_layout_load(data, size, layout->g_atomicstatus);
	row->tracking_seq = (uint8_t)gospy_layout_load(data, size, layout->g_tracking_seq);
	row->in_syscall = syscall_sp != 0;
	row->sp = row->in_syscall ? syscall_sp : gospy_layout_load(data, size, layout->g_sched_sp);
	row->pc = gospy_layout_load(data, size,
				    row->in_syscall ? layout->g_syscallpc : layout->g_sched_pc);
	row->lr = row->in_syscall ? 0 : gospy_layout_load(data, size, layout->g_sched_lr);
	row->stack_lo = gospy_layout_load(data, size, layout->g_stack_lo);
	row->stack_hi = gospy_layout_load(data, size, layout->g_stack_hi);
}

/*
 * A goroutine that ran on and is back at the same place shows in g.trackingSeq, which counts how
 * often it stopped running (casgstatus, runtime/proc.go, Go 1.17 and later). The collector sets and
 * clears the scan bit without touching the stack's contents.
 */
bool capture_unchanged(const struct capture *c, uint32_t index, const uint8_t *data, size_t size)
{
	const struct gospy_layout *layout = &c->program->layout;
	const struct g_row *row = &c->rows.data[index];
	struct g_row now;

	decode_state(layout, data, size, &now);
	return (now.status & ~SCAN_BIT) == (row->status & ~SCAN_BIT) &&
	       now.tracking_seq == row->tracking_seq && now.sp == row->sp && now.pc == row->pc &&
	       now.stack_lo == row->stack_lo && now.stack_hi == row->stack_hi &&
	       gospy_layout_load(data, size, layout->g_goid) == c->snapshot->goroutines.id[index];
}

static uint32_t wait_reason_of(const struct capture *c, uint32_t raw, uint64_t reason)
{
	if (!status_is(raw, GOSPY_GOROUTINE_WAITING) && !status_is(raw, GOSPY_GOROUTINE_LEAKED))
		return 0;
	/* waitReasonZero means "none", runtime/runtime2.go. */
	if (!reason)
		return 0;
	return reason < c->wait_reasons.size ? c->wait_reasons.data[reason]
					     : c->wait_reasons.data[0];
}

/** The runtime notes the time when a collection finds a goroutine waiting; goroutineheader,
 * runtime/traceback.go. */
static uint64_t wait_time(const struct capture *c, uint32_t raw, uint64_t since)
{
	bool waits = status_is(raw, GOSPY_GOROUTINE_WAITING) ||
		     status_is(raw, GOSPY_GOROUTINE_SYSCALL) ||
		     status_is(raw, GOSPY_GOROUTINE_LEAKED);

	return waits && since && since < c->target_now_ns ? c->target_now_ns - since : 0;
}

/** The rest of the columns, which need look-ups. */
static struct gospy_error *decode_links(struct capture *c, uint32_t index, const uint8_t *data,
					size_t size)
{
	const struct gospy_layout *layout = &c->program->layout;
	struct gospy_goroutines *g = &c->snapshot->goroutines;
	struct g_row *row = &c->rows.data[index];
	uint64_t labels = gospy_layout_load(data, size, layout->g_labels);
	/* rt0_go makes the main goroutine: no `go` statement does (printcreatedby,
	 * runtime/traceback.go). */
	uint64_t gopc = g->id[index] == 1 ? 0 : gospy_layout_load(data, size, layout->g_gopc);

	struct gospy_error *err = capture_m(c, gospy_layout_load(data, size, layout->g_m), &row->m);
	g->thread[index] = row->m ? (uint32_t)c->ms.data[row->m - 1].tid : 0;
	if (!err)
		err = capture_location(c, gopc, false, &g->creator[index]);
	if (!err)
		err = capture_location(c, gospy_layout_load(data, size, layout->g_startpc), true,
				       &g->start[index]);
	row->labels = 0;
	if (!err && labels)
		err = capture_labels(c, labels, &row->labels);
	if (!err)
		err = capture_bubble(c, index, gospy_layout_load(data, size, layout->g_sync_group));
	return err;
}

static void decode_flags(struct capture *c, uint32_t index, const uint8_t *data, size_t size)
{
	const struct gospy_layout *layout = &c->program->layout;
	uint8_t flags = 0;

	if (c->rows.data[index].status & SCAN_BIT)
		flags |= GOSPY_GOROUTINE_SCAN;
	if (gospy_layout_load(data, size, layout->g_lockedm))
		flags |= GOSPY_GOROUTINE_LOCKED;
	if (gospy_layout_load(data, size, layout->g_sync_group))
		flags |= GOSPY_GOROUTINE_BUBBLE;
	c->snapshot->goroutines.flags[index] = flags;
}

static struct gospy_error *decode(struct capture *c, uint32_t index, const uint8_t *data,
				  size_t size)
{
	const struct gospy_layout *layout = &c->program->layout;
	struct gospy_goroutines *g = &c->snapshot->goroutines;
	struct g_row *row = &c->rows.data[index];

	decode_state(layout, data, size, row);
	g->id[index] = gospy_layout_load(data, size, layout->g_goid);
	g->status[index] = (uint8_t)(row->status & ~SCAN_BIT);
	g->wait_reason[index] =
		wait_reason_of(c, row->status, gospy_layout_load(data, size, layout->g_waitreason));
	g->wait_ns[index] =
		wait_time(c, row->status, gospy_layout_load(data, size, layout->g_waitsince));
	g->parent_id[index] = gospy_layout_load(data, size, layout->g_parent_goid);
	g->stack[index] = 0;
	decode_flags(c, index, data, size);
	return decode_links(c, index, data, size);
}

static struct gospy_error *decode_piece(void *context, const struct gospy_piece *piece,
					const uint8_t *data, size_t size)
{
	struct capture *c = context;

	if (size < c->g_size) {
		c->unreadable++;
		return NULL;
	}
	uint32_t raw = (uint32_t)gospy_layout_load(data, size, c->program->layout.g_atomicstatus);
	c->snapshot->status_counts[raw & 15]++;
	if (is_dead(raw))
		return NULL;
	uint32_t index = (uint32_t)c->rows.size;
	if (!g_row_vec_append(&c->rows, (struct g_row){}))
		return &gospy_enomem;
	c->snapshot->goroutines.address[index] = piece->address;
	return decode(c, index, data, size);
}

static struct gospy_error *end_batch(void *context)
{
	return capture_mind_pause(context);
}

static struct gospy_error *make_pieces(const struct capture *c, const struct gospy_u64_vec *list,
				       struct gospy_piece_vec *pieces)
{
	if (!gospy_piece_vec_reserve(pieces, list->size))
		return &gospy_enomem;
	for (size_t i = 0; i < list->size; i++) {
		const struct gospy_piece piece = {list->data[i], c->g_size, (uint32_t)i};
		if (!gospy_piece_vec_append(pieces, piece))
			return &gospy_enomem;
	}
	return NULL;
}

/** The wait reasons as strings of the snapshot, so that each goroutine takes one look-up. */
static struct gospy_error *intern_wait_reasons(struct capture *c)
{
	uint32_t id;
	struct gospy_error *err = NULL;

	for (uint32_t i = 0; !err && (i == 0 || i < c->program->num_wait_reasons); i++) {
		/* Number 0 stands for those outside of the table. */
		const char *text = i ? gospy_program_wait_reason(c->program, i)
				     : gospy_program_wait_reason(c->program, UINT32_MAX);
		err = capture_intern(c, text, &id);
		if (!err && !gospy_u32_vec_append(&c->wait_reasons, id))
			return &gospy_enomem;
	}
	return err;
}

struct gospy_error *capture_goroutines(struct capture *c)
{
	_cleanup_(gospy_u64_vec_deinit) struct gospy_u64_vec list = {};
	_cleanup_(gospy_piece_vec_deinit) struct gospy_piece_vec pieces = {};
	const struct gospy_read_plan plan = {.max_gap = 4096,
					     .batch_size = 1 << 20,
					     .piece = decode_piece,
					     .batch = end_batch,
					     .context = c};

	c->g_size = g_size(&c->program->layout);
	if (c->g_size > MAX_G_SIZE)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a goroutine is too large");
	struct gospy_error *err = intern_wait_reasons(c);
	if (!err)
		err = read_list(c, &list);
	if (!err)
		err = make_pieces(c, &list, &pieces);
	if (!err)
		err = gospy_snapshot_reserve(c->snapshot, (uint32_t)list.size);
	c->max_rows = list.size + 1;
	gospy_u64_vec_deinit(&list);
	if (!err)
		err = gospy_read_plan_run(&plan, c->program->target, &pieces);
	if (!err && c->unreadable && !c->rows.size)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "none of the %llu goroutines listed can be read",
					  (unsigned long long)c->unreadable);
	if (!err && c->unreadable)
		err = capture_warn(c, "%llu goroutines could not be read",
				   (unsigned long long)c->unreadable);
	return err;
}

struct gospy_error *capture_read_g(struct capture *c, uint64_t address, struct g_row *ret)
{
	uint8_t data[MAX_G_SIZE];
	struct gospy_error *err = gospy_target_read(c->program->target, address, data, c->g_size);

	if (!err)
		decode_state(&c->program->layout, data, c->g_size, ret);
	return err;
}

struct gospy_error *capture_reread(struct capture *c, uint32_t index)
{
	uint8_t data[MAX_G_SIZE];
	struct g_row *row = &c->rows.data[index];
	uint64_t address = c->snapshot->goroutines.address[index];
	struct gospy_error *err = gospy_target_read(c->program->target, address, data, c->g_size);

	if (err)
		return err;
	uint32_t raw =
		(uint32_t)gospy_layout_load(data, c->g_size, c->program->layout.g_atomicstatus);
	c->snapshot->status_counts[row->status & 15]--;
	c->snapshot->status_counts[raw & 15]++;
	row->gone = is_dead(raw);
	if (!row->gone)
		return decode(c, index, data, c->g_size);
	row->status = raw;
	return NULL;
}
