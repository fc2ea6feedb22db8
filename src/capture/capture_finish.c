/* SPDX-License-Identifier: MIT */
#include <gospy/function_name.h>
#include <gospy/text.h>

#include "capture_private.h"

/** Indices of the goroutines that stay, ascending by id. */
struct order {
	uint32_t *rows;
	uint32_t count;
};

/*
 * Radix sort by id, a byte a pass, with the passes left out in which all are alike: ids of a
 * process are dense, so a million of them take three.
 */
static struct gospy_error *sort_rows(const struct capture *c, struct order *order)
{
	const uint64_t *ids = c->snapshot->goroutines.id;
	uint32_t *from = order->rows;
	_cleanup_free_ uint32_t *to = malloc((order->count ? order->count : 1) * sizeof(*to));

	if (!to)
		return &gospy_enomem;
	for (unsigned int shift = 0; shift < 64; shift += 8) {
		size_t starts[257] = {0};
		for (uint32_t i = 0; i < order->count; i++)
			starts[(ids[from[i]] >> shift & 0xff) + 1]++;
		if (order->count && starts[(ids[from[0]] >> shift & 0xff) + 1] == order->count)
			continue;
		for (int i = 0; i < 256; i++)
			starts[i + 1] += starts[i];
		for (uint32_t i = 0; i < order->count; i++)
			to[starts[ids[from[i]] >> shift & 0xff]++] = from[i];
		uint32_t *done = to;
		to = from;
		from = done;
	}
	order->rows = from;
	return NULL;
}

static struct gospy_error *make_order(const struct capture *c, struct order *order)
{
	order->rows = malloc((c->rows.size ? c->rows.size : 1) * sizeof(*order->rows));
	order->count = 0;
	if (!order->rows)
		return &gospy_enomem;
	for (uint32_t i = 0; i < c->rows.size; i++) {
		if (!c->rows.data[i].gone)
			order->rows[order->count++] = i;
	}
	return sort_rows(c, order);
}

/** Puts a column of `width`-byte values into order. */
static struct gospy_error *permute(void *column_pointer, size_t width, const struct order *order)
{
	uint8_t *column, *sorted = malloc((order->count ? order->count : 1) * width);

	if (!sorted)
		return &gospy_enomem;
	memcpy(&column, column_pointer, sizeof(column));
	for (uint32_t i = 0; i < order->count; i++)
		memcpy(sorted + i * width, column + order->rows[i] * width, width);
	free(column);
	memcpy(column_pointer, &sorted, sizeof(sorted));
	return NULL;
}

static struct gospy_error *permute_columns(struct gospy_goroutines *g, const struct order *order)
{
	const struct {
		void *column;
		size_t width;
	} columns[] = {
		{&g->id, 8},	 {&g->status, 1}, {&g->wait_reason, 4}, {&g->wait_ns, 8},
		{&g->thread, 4}, {&g->flags, 1},  {&g->parent_id, 8},	{&g->creator, 4},
		{&g->start, 4},	 {&g->stack, 4},  {&g->address, 8},
	};
	struct gospy_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(columns) / sizeof(columns[0]); i++)
		err = permute(columns[i].column, columns[i].width, order);
	if (!err && g->bubble)
		err = permute(&g->bubble, sizeof(*g->bubble), order);
	g->count = order->count;
	return err;
}

static struct gospy_error *finish_labels(struct capture *c, const struct order *order)
{
	struct gospy_snapshot *s = c->snapshot;

	if (!c->any_labels)
		return NULL;
	uint32_t *starts = s->goroutines.label_start =
		calloc((size_t)order->count + 1, sizeof(uint32_t));
	if (!starts)
		return &gospy_enomem;
	for (uint32_t i = 0; i < order->count; i++) {
		uint32_t set = c->rows.data[order->rows[i]].labels;
		struct label_set pairs = set ? c->label_sets.data[set - 1] : (struct label_set){};
		for (uint32_t j = 0; j < pairs.count; j++) {
			if (!gospy_label_vec_append(&s->label_pairs,
						    c->label_pairs.data[pairs.first + j]))
				return &gospy_enomem;
		}
		starts[i + 1] = (uint32_t)s->label_pairs.size;
	}
	return NULL;
}

/** The number of logical frames of the location: its own arguments come after one "..." for each
 * inlined call. */
static uint32_t num_inlined(const struct gospy_snapshot *s, uint32_t location)
{
	uint32_t frames = s->locations.data[location].num_frames;

	return frames ? frames - 1 : 0;
}

static struct gospy_error *append_arguments(struct capture *c, const struct g_row *row,
					    uint32_t node, uint32_t dots)
{
	struct gospy_snapshot *s = c->snapshot;

	for (uint32_t i = 0; i < row->num_arguments && node; i++) {
		const struct gospy_stack_node *at = &s->nodes.data[node];
		for (uint32_t j = num_inlined(s, at->location); j; j--) {
			if (!gospy_u32_vec_append(&s->arguments, dots))
				return &gospy_enomem;
		}
		if (!gospy_u32_vec_append(&s->arguments,
					  c->arguments.data[row->first_argument + i]))
			return &gospy_enomem;
		node = at->parent;
	}
	return NULL;
}

/** Needs the frames of all locations. */
static struct gospy_error *finish_arguments(struct capture *c, const struct order *order)
{
	struct gospy_snapshot *s = c->snapshot;
	uint32_t dots;
	struct gospy_error *err = capture_intern(c, "...", &dots);

	if (err || !c->request->arguments)
		return err;
	uint64_t *starts = s->goroutines.argument_start =
		calloc((size_t)order->count + 1, sizeof(uint64_t));
	if (!starts)
		return &gospy_enomem;
	for (uint32_t i = 0; !err && i < order->count; i++) {
		err = append_arguments(c, &c->rows.data[order->rows[i]], s->goroutines.stack[i],
				       dots);
		starts[i + 1] = s->arguments.size;
	}
	return err;
}

static struct gospy_error *intern_function(struct capture *c, const char *name, uint32_t *ret)
{
	struct gospy_output text;

	if (!strchr(name, '['))
		return capture_intern(c, name, ret);
	gospy_output_init_memory(&text);
	gospy_function_name_print(name, c->program->version.minor, &text);
	struct gospy_error *err = gospy_output_flush(&text);
	if (!err)
		err = gospy_strings_intern(&c->snapshot->strings, text.data, text.size, ret);
	gospy_output_deinit(&text);
	return err;
}

static struct gospy_error *add_frame(struct capture *c, const struct gospy_source_frame *from)
{
	struct gospy_frame frame = {.line = from->line, .start_line = from->start_line};
	struct gospy_error *err = intern_function(c, from->function, &frame.function);

	if (!err)
		err = capture_intern(c, from->file ? from->file : "", &frame.file);
	if (from->inlined)
		frame.flags |= GOSPY_FRAME_INLINED;
	if (from->flags & GOSPY_FUNC_WRAPPER)
		frame.flags |= GOSPY_FRAME_WRAPPER;
	if (!err && !gospy_frame_vec_append(&c->snapshot->frames, frame))
		return &gospy_enomem;
	return err;
}

/** A pc outside of all Go functions: no frames, only the address. */
static bool is_foreign(const struct gospy_pc_info *info)
{
	return !info->module;
}

static struct gospy_error *symbolize(struct capture *c, const struct gospy_pc_info *info,
				     struct gospy_source_frame_vec *frames,
				     struct gospy_location *location)
{
	struct gospy_error *err = NULL;

	frames->size = 0;
	if (is_foreign(info))
		return NULL;
	location->offset = (uint32_t)(info->pc - info->module->bias - info->func.entry);
	location->module = (uint32_t)(info->module - c->program->modules.data);
	err = gospy_pclntab_frames(&info->module->pclntab, gospy_pc_info_lookup_pc(info), frames);
	if (err && err->code != GOSPY_ERROR_NO_MEMORY) {
		/* Lines that cannot be read leave the name. */
		const struct gospy_source_frame bare = {.function = info->func.name};
		gospy_error_destroy(err);
		frames->size = 0;
		err = gospy_source_frame_vec_append(frames, bare) ? NULL : &gospy_enomem;
	}
	for (size_t i = 0; !err && i < frames->size; i++)
		err = add_frame(c, &frames->data[i]);
	location->num_frames = (uint32_t)frames->size;
	return err;
}

static struct gospy_error *finish_locations(struct capture *c)
{
	_cleanup_(gospy_source_frame_vec_deinit) struct gospy_source_frame_vec frames = {};
	struct gospy_location_vec *locations = &c->snapshot->locations;
	struct gospy_error *err = NULL;

	if (!gospy_location_vec_reserve(locations, gospy_unwind_cache_size(c->cache) + 1))
		return &gospy_enomem;
	for (uint32_t i = 0; !err && i < gospy_unwind_cache_size(c->cache); i++) {
		const struct gospy_pc_info *info = gospy_unwind_cache_get(c->cache, i);
		struct gospy_location location = {
			.pc = info->pc,
			.exact = info->exact,
			.first_frame = (uint32_t)c->snapshot->frames.size,
			.module = UINT32_MAX,
		};
		err = symbolize(c, info, &frames, &location);
		if (!err && !gospy_location_vec_append(locations, location))
			return &gospy_enomem;
	}
	return err;
}

static const char *function_of(const struct gospy_snapshot *s, uint32_t location)
{
	const struct gospy_location *at = &s->locations.data[location];

	/* The last frame is the function itself. */
	return at->num_frames
		       ? gospy_snapshot_string(
				 s, s->frames.data[at->first_frame + at->num_frames - 1].function)
		       : "";
}

/** Whether a goroutine that runs finalizers or cleanups is in one now: it called something of the
 * program. */
static bool runs_user_code(const struct gospy_snapshot *s, uint32_t node)
{
	for (; node; node = s->nodes.data[node].parent) {
		const char *name = function_of(s, s->nodes.data[node].location);
		/* Assembly of the runtime may be without a package. */
		if (strchr(name, '.') && strncmp(name, "runtime.", 8) &&
		    strncmp(name, "internal/runtime/", 17) &&
		    strncmp(name, "runtime/internal/", 17))
			return true;
	}
	return false;
}

/*
 * isSystemGoroutine, runtime/traceback.go: Go 1.12 to 1.27 agree but for names that came and went.
 * The runtime knows whether a finalizer runs; here it shows on the stack.
 */
static bool is_system(const struct gospy_snapshot *s, uint32_t goroutine)
{
	static const char *const users[] = {"runtime.main", "runtime.corostart",
					    "runtime.handleAsyncEvent"};
	static const char *const mixed[] = {"runtime.runfinq", "runtime.runFinalizers",
					    "runtime.runCleanups"};
	const char *name = function_of(s, s->goroutines.start[goroutine]);

	if (strncmp(name, "runtime.", 8) ||
	    gospy_text_is_one_of(name, users, sizeof(users) / sizeof(users[0])))
		return false;
	if (gospy_text_is_one_of(name, mixed, sizeof(mixed) / sizeof(mixed[0])))
		return !runs_user_code(s, s->goroutines.stack[goroutine]);
	return true;
}

static void mark_goroutines(struct gospy_snapshot *s)
{
	for (uint32_t i = 0; i < s->goroutines.count; i++) {
		if (is_system(s, i))
			s->goroutines.flags[i] |= GOSPY_GOROUTINE_SYSTEM;
		if (s->goroutines.flags[i] & GOSPY_GOROUTINE_TORN)
			s->torn++;
	}
}

struct gospy_error *capture_finish(struct capture *c)
{
	struct order order = {};
	struct gospy_error *err = make_order(c, &order);

	if (!err)
		err = permute_columns(&c->snapshot->goroutines, &order);
	if (!err)
		err = finish_labels(c, &order);
	if (!err)
		err = finish_locations(c);
	if (!err)
		err = finish_arguments(c, &order);
	free(order.rows);
	if (!err)
		mark_goroutines(c->snapshot);
	return err;
}
