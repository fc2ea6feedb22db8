/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include <gospy/cleanup.h>
#include <gospy/json.h>

#include "render_common.h"

/** JSON and NDJSON of `summary` and `dump`: the schema of doc/FORMATS.md. */
struct encoder {
	struct gospy_renderer *renderer;
	const struct gospy_snapshot *snapshot;
	struct gospy_json json;
	bool stacks;
	/** Encoded frames, open at their end so that arguments can follow; each is made once. */
	struct gospy_output frames;
	/** Of frame i: `frames.data[frame_start[i] .. + frame_size[i])`; size 0: not made yet. */
	uint64_t *frame_start;
	uint32_t *frame_size;
};

static void encoder_deinit(struct encoder *encoder)
{
	gospy_output_deinit(&encoder->frames);
	free(encoder->frame_start);
	free(encoder->frame_size);
}

static struct gospy_error *encoder_init(struct encoder *encoder, struct gospy_renderer *renderer,
					bool stacks)
{
	size_t num_frames = renderer->snapshot->frames.size + 1;

	*encoder = (struct encoder){
		.renderer = renderer, .snapshot = renderer->snapshot, .stacks = stacks};
	gospy_json_init(&encoder->json, renderer->output);
	gospy_output_init_memory(&encoder->frames);
	encoder->frame_start = calloc(num_frames, sizeof(*encoder->frame_start));
	encoder->frame_size = calloc(num_frames, sizeof(*encoder->frame_size));
	return encoder->frame_start && encoder->frame_size ? NULL : &gospy_enomem;
}

static const char *string(const struct encoder *encoder, uint32_t id)
{
	return gospy_snapshot_string(encoder->snapshot, id);
}

static void write_frame_fields(const struct encoder *encoder, struct gospy_json *json,
			       const struct gospy_frame *frame, uint32_t location)
{
	gospy_json_string(json, "func", string(encoder, frame->function));
	gospy_json_string(json, "file", string(encoder, frame->file));
	gospy_json_u64(json, "line", frame->line);
	gospy_json_address(json, "pc", encoder->snapshot->locations.data[location].pc);
}

/** `"key":{"func":...}`, or null. */
static void write_place(struct encoder *encoder, const char *key, enum gospy_view_pc pc,
			uint32_t index)
{
	const struct gospy_frame *frame;
	uint32_t location = gospy_renderer_location(encoder->renderer, pc, index, &frame);

	if (!location) {
		gospy_json_null(&encoder->json, key);
		return;
	}
	gospy_json_object(&encoder->json, key);
	write_frame_fields(encoder, &encoder->json, frame, location);
	gospy_json_object_end(&encoder->json);
}

/** Encodes a frame into encoder->frames, all but its closing brace. */
static void make_frame(struct encoder *encoder, const struct gospy_frame *frame, uint32_t location)
{
	size_t number = (size_t)(frame - encoder->snapshot->frames.data);
	struct gospy_json json;

	encoder->frame_start[number] = encoder->frames.size;
	gospy_json_init(&json, &encoder->frames);
	gospy_json_object(&json, NULL);
	write_frame_fields(encoder, &json, frame, location);
	gospy_json_bool(&json, "inlined", frame->flags & GOSPY_FRAME_INLINED);
	encoder->frame_size[number] =
		(uint32_t)(encoder->frames.size - encoder->frame_start[number]);
}

static void write_stack(struct encoder *encoder, uint32_t index)
{
	struct gospy_output *output = encoder->json.output;
	struct gospy_stack_walk walk;
	uint64_t number = 0;

	gospy_json_array(&encoder->json, "stack");
	gospy_stack_walk_init(&walk, encoder->snapshot, encoder->snapshot->goroutines.stack[index]);
	while (gospy_stack_walk_next(&walk)) {
		for (uint32_t i = 0; i < walk.num_frames; i++, number++) {
			size_t frame = (size_t)(walk.frames + i - encoder->snapshot->frames.data);
			uint32_t arguments;
			if (!encoder->frame_size[frame])
				make_frame(encoder, walk.frames + i, walk.location);
			if (encoder->frames.errnum)
				return;
			gospy_json_raw(&encoder->json, NULL,
				       encoder->frames.data + encoder->frame_start[frame],
				       encoder->frame_size[frame]);
			if (gospy_snapshot_argument(encoder->snapshot, index, number, &arguments)) {
				struct gospy_json members = {.output = output, .filled = {true}};
				gospy_json_string(&members, "args", string(encoder, arguments));
			}
			gospy_output_char(output, '}');
		}
	}
	gospy_json_array_end(&encoder->json);
}

static void write_labels(struct encoder *encoder, uint32_t index)
{
	size_t count;
	const struct gospy_label *labels = gospy_snapshot_labels(encoder->snapshot, index, &count);

	gospy_json_object(&encoder->json, "labels");
	for (size_t i = 0; i < count; i++)
		gospy_json_string(&encoder->json, string(encoder, labels[i].key),
				  string(encoder, labels[i].value));
	gospy_json_object_end(&encoder->json);
}

static void write_goroutine(struct encoder *encoder, uint32_t index)
{
	const struct gospy_goroutines *gs = &encoder->snapshot->goroutines;
	struct gospy_json *json = &encoder->json;
	uint8_t flags = gs->flags[index];

	gospy_json_object(json, NULL);
	gospy_json_u64(json, "id", gs->id[index]);
	gospy_json_string(json, "status", gospy_goroutine_status_name(gs->status[index]));
	gospy_json_string(json, "wait_reason", string(encoder, gs->wait_reason[index]));
	gospy_json_u64(json, "wait_ns", gs->wait_ns[index]);
	if (gs->thread[index])
		gospy_json_u64(json, "thread", gs->thread[index]);
	else
		gospy_json_null(json, "thread");
	gospy_json_bool(json, "locked", flags & GOSPY_GOROUTINE_LOCKED);
	gospy_json_bool(json, "system", flags & GOSPY_GOROUTINE_SYSTEM);
	gospy_json_u64(json, "parent_id", gs->parent_id[index]);
	write_labels(encoder, index);
	gospy_json_bool(json, "torn", flags & GOSPY_GOROUTINE_TORN);
	gospy_json_bool(json, "incomplete", flags & GOSPY_GOROUTINE_INCOMPLETE);
	gospy_json_bool(json, "stale", flags & GOSPY_GOROUTINE_STALE);
	write_place(encoder, "current", GOSPY_VIEW_PC_CURRENT, index);
	write_place(encoder, "start", GOSPY_VIEW_PC_START, index);
	write_place(encoder, "caller", GOSPY_VIEW_PC_CALLER, index);
	if (encoder->stacks)
		write_stack(encoder, index);
	gospy_json_object_end(json);
}

static void write_process(struct encoder *encoder)
{
	static const char *const arches[] = {"unknown", "amd64", "arm64"};
	const struct gospy_snapshot *snapshot = encoder->snapshot;
	struct gospy_json *json = &encoder->json;

	gospy_json_object(json, "process");
	gospy_json_i64(json, "pid", snapshot->pid);
	gospy_json_string(json, "exe", string(encoder, snapshot->exe));
	gospy_json_bool(json, "exe_deleted", snapshot->exe_deleted);
	gospy_json_string(json, "name", string(encoder, snapshot->name));
	gospy_json_string(json, "go_version", string(encoder, snapshot->go_version));
	gospy_json_string(json, "main_module", string(encoder, snapshot->main_module));
	gospy_json_string(json, "main_version", string(encoder, snapshot->main_version));
	gospy_json_u64(json, "gomaxprocs", snapshot->gomaxprocs);
	gospy_json_string(json, "build_id", string(encoder, snapshot->build_id));
	gospy_json_string(json, "arch",
			  arches[snapshot->arch <= GOSPY_ARCH_ARM64 ? snapshot->arch : 0]);
	gospy_json_bool(json, "pie", snapshot->pie);
	gospy_json_bool(json, "dwarf", snapshot->has_dwarf);
	gospy_json_string(json, "layout", string(encoder, snapshot->layout));
	gospy_json_string(json, "cgroup", string(encoder, snapshot->cgroup));
	gospy_json_u64(json, "rss", snapshot->resident_size);
	gospy_json_object_end(json);
}

static void write_capture(struct encoder *encoder)
{
	const struct gospy_snapshot *snapshot = encoder->snapshot;
	struct gospy_json *json = &encoder->json;
	char date[32] = "", text[64];
	time_t seconds = (time_t)(snapshot->time_ns / 1000000000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09uZ", date, (unsigned)(snapshot->time_ns % 1000000000));
	gospy_json_object(json, "capture");
	gospy_json_string(json, "time", text);
	gospy_json_string(json, "stop", gospy_stop_mode_name(snapshot->stop));
	gospy_json_u64(json, "pause_ns", snapshot->pause_ns);
	gospy_json_u64(json, "duration_ns", snapshot->duration_ns);
	gospy_json_u64(json, "torn", snapshot->torn);
	gospy_json_u64(json, "retried", snapshot->retried);
	gospy_json_object_end(json);
}

static void write_threads(struct encoder *encoder)
{
	const struct gospy_thread_counts threads = gospy_render_threads(encoder->snapshot);
	struct gospy_json *json = &encoder->json;

	gospy_json_object(json, "threads");
	gospy_json_u64(json, "total", threads.total);
	gospy_json_u64(json, "running", threads.running);
	gospy_json_u64(json, "sleeping", threads.sleeping);
	gospy_json_u64(json, "stopped", threads.stopped);
	gospy_json_u64(json, "zombie", threads.zombie);
	gospy_json_object_end(json);
}

static void write_processors(struct encoder *encoder)
{
	struct gospy_json *json = &encoder->json;

	gospy_json_array(json, "processors");
	for (size_t i = 0; i < encoder->snapshot->processors.size; i++) {
		const struct gospy_processor *p = &encoder->snapshot->processors.data[i];
		gospy_json_object(json, NULL);
		gospy_json_u64(json, "id", p->id);
		gospy_json_string(json, "status", gospy_processor_status_name(p->status));
		gospy_json_u64(json, "schedtick", p->schedtick);
		gospy_json_u64(json, "syscalltick", p->syscalltick);
		if (p->m >= 0)
			gospy_json_i64(json, "m", p->m);
		else
			gospy_json_null(json, "m");
		gospy_json_u64(json, "run_queue", p->run_queue);
		gospy_json_object_end(json);
	}
	gospy_json_array_end(json);
}

static void write_counts(struct encoder *encoder)
{
	static const uint8_t always[] = {GOSPY_GOROUTINE_IDLE, GOSPY_GOROUTINE_RUNNABLE,
					 GOSPY_GOROUTINE_RUNNING, GOSPY_GOROUTINE_SYSCALL,
					 GOSPY_GOROUTINE_WAITING};
	static const uint8_t sometimes[] = {GOSPY_GOROUTINE_COPYSTACK, GOSPY_GOROUTINE_PREEMPTED,
					    GOSPY_GOROUTINE_LEAKED};
	const uint64_t *counts = encoder->snapshot->status_counts;
	struct gospy_json *json = &encoder->json;

	gospy_json_object(json, "counts");
	gospy_json_u64(json, "total", gospy_render_total(encoder->snapshot));
	for (size_t i = 0; i < sizeof(always); i++)
		gospy_json_u64(json, gospy_goroutine_status_name(always[i]), counts[always[i]]);
	for (size_t i = 0; i < sizeof(sometimes); i++) {
		if (counts[sometimes[i]])
			gospy_json_u64(json, gospy_goroutine_status_name(sometimes[i]),
				       counts[sometimes[i]]);
	}
	gospy_json_u64(json, "dead",
		       counts[GOSPY_GOROUTINE_DEAD] + counts[GOSPY_GOROUTINE_DEADEXTRA]);
	gospy_json_object_end(json);
}

static void write_warnings(struct encoder *encoder)
{
	gospy_json_array(&encoder->json, "warnings");
	for (size_t i = 0; i < encoder->snapshot->warnings.size; i++)
		gospy_json_string(&encoder->json, NULL,
				  string(encoder, encoder->snapshot->warnings.data[i]));
	gospy_json_array_end(&encoder->json);
}

/** Of a grouped view: which goroutines, by id, belong together. */
static void write_groups(struct encoder *encoder)
{
	const struct gospy_view *view = encoder->renderer->view;
	struct gospy_json *json = &encoder->json;

	if (view->options.group == GOSPY_VIEW_GROUP_NONE)
		return;
	gospy_json_array(json, "groups");
	for (size_t i = 0; i < view->rows.size; i++) {
		const struct gospy_view_row *row = &view->rows.data[i];
		gospy_json_object(json, NULL);
		gospy_json_u64(json, "count", row->count);
		gospy_json_u64(json, "min_wait_ns", row->min_wait_ns);
		gospy_json_u64(json, "max_wait_ns", row->max_wait_ns);
		gospy_json_array(json, "ids");
		for (uint32_t j = 0; j < row->count; j++) {
			uint32_t index = view->order.data[row->first + j];
			gospy_json_u64(json, NULL, encoder->snapshot->goroutines.id[index]);
		}
		gospy_json_array_end(json);
		gospy_json_object_end(json);
	}
	gospy_json_array_end(json);
}

static struct gospy_error *finish(const struct encoder *encoder)
{
	return encoder->frames.errnum ? &gospy_enomem : NULL;
}

struct gospy_error *gospy_render_json(struct gospy_renderer *renderer, bool stacks)
{
	_cleanup_(encoder_deinit) struct encoder encoder = {};
	const struct gospy_view *view = renderer->view;
	struct gospy_error *err = encoder_init(&encoder, renderer, stacks);

	if (err)
		return err;
	gospy_json_object(&encoder.json, NULL);
	write_process(&encoder);
	write_capture(&encoder);
	write_threads(&encoder);
	write_processors(&encoder);
	write_counts(&encoder);
	write_warnings(&encoder);
	gospy_json_u64(&encoder.json, "matched", view->matched);
	write_groups(&encoder);
	gospy_json_array(&encoder.json, "goroutines");
	for (size_t i = 0; i < view->order.size; i++)
		write_goroutine(&encoder, view->order.data[i]);
	gospy_json_array_end(&encoder.json);
	gospy_json_object_end(&encoder.json);
	gospy_output_char(renderer->output, '\n');
	return finish(&encoder);
}

struct gospy_error *gospy_render_ndjson(struct gospy_renderer *renderer, bool stacks)
{
	_cleanup_(encoder_deinit) struct encoder encoder = {};
	const struct gospy_view *view = renderer->view;
	struct gospy_error *err = encoder_init(&encoder, renderer, stacks);

	if (err)
		return err;
	for (size_t i = 0; i < view->order.size; i++) {
		encoder.json.filled[0] = false;
		write_goroutine(&encoder, view->order.data[i]);
		gospy_output_char(renderer->output, '\n');
	}
	return finish(&encoder);
}
