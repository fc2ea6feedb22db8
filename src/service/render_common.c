/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/text.h>

#include "render_common.h"

enum {
	STRING_CLEAN = 1,
	STRING_DIRTY = 2,
};

struct gospy_error *gospy_renderer_init(struct gospy_renderer *renderer,
					const struct gospy_view *view, struct gospy_output *output)
{
	uint8_t *clean = calloc(gospy_strings_count(&view->snapshot->strings) + 1, 1);

	if (!clean)
		return &gospy_enomem;
	*renderer = (struct gospy_renderer){
		.view = view, .snapshot = view->snapshot, .output = output, .clean = clean};
	return NULL;
}

void gospy_renderer_deinit(struct gospy_renderer *renderer)
{
	free(renderer->clean);
	gospy_view_memo_deinit(&renderer->memo);
}

uint32_t gospy_renderer_location(struct gospy_renderer *renderer, enum gospy_view_pc pc,
				 uint32_t index, const struct gospy_frame **ret_frame)
{
	return gospy_view_memo_location(&renderer->memo, renderer->snapshot, pc, index, ret_frame);
}

void gospy_renderer_string(struct gospy_renderer *renderer, uint32_t id)
{
	size_t size;

	if (id >= gospy_strings_count(&renderer->snapshot->strings))
		id = 0;
	const char *string = gospy_strings_get(&renderer->snapshot->strings, id, &size);
	if (!renderer->clean[id])
		renderer->clean[id] =
			gospy_text_is_printable(string, size) ? STRING_CLEAN : STRING_DIRTY;
	if (renderer->clean[id] == STRING_CLEAN)
		gospy_output_write(renderer->output, string, size);
	else
		gospy_output_escaped(renderer->output, string, size);
}

void gospy_renderer_place(struct gospy_renderer *renderer, const struct gospy_frame *frame)
{
	gospy_renderer_string(renderer, frame->function);
	if (!frame->file)
		return;
	gospy_output_string(renderer->output, " (");
	gospy_renderer_string(renderer, frame->file);
	gospy_output_char(renderer->output, ':');
	gospy_output_u64(renderer->output, frame->line);
	gospy_output_char(renderer->output, ')');
}

/** The colour of a state, as a terminal's escape sequence: those that wait have none. */
static const char *color_of(uint8_t status)
{
	switch (status) {
	case GOSPY_GOROUTINE_RUNNING:
		return "\033[32m";
	case GOSPY_GOROUTINE_RUNNABLE:
		return "\033[33m";
	case GOSPY_GOROUTINE_SYSCALL:
		return "\033[36m";
	case GOSPY_GOROUTINE_LEAKED:
		return "\033[31m";
	default:
		return NULL;
	}
}

void gospy_renderer_state(struct gospy_renderer *renderer, uint8_t status, uint32_t wait_reason)
{
	struct gospy_output *output = renderer->output;
	const char *color = output->color ? color_of(status) : NULL;

	if (color)
		gospy_output_string(output, color);
	gospy_output_string(output, gospy_goroutine_status_name(status));
	if (color)
		gospy_output_string(output, "\033[0m");
	if (!wait_reason)
		return;
	gospy_output_string(output, status == GOSPY_GOROUTINE_WAITING ? " for " : ", waiting for ");
	gospy_renderer_string(renderer, wait_reason);
}

/** "0s", "250ms", "5m12s", "1h30m". */
static void write_duration(struct gospy_renderer *renderer, uint64_t ns)
{
	struct gospy_output *output = renderer->output;
	uint64_t seconds = ns / 1000000000;

	if (ns == 0)
		gospy_output_string(output, "0s");
	else if (ns < 1000)
		gospy_output_format(output, "%uns", (unsigned)ns);
	else if (ns < 1000000)
		gospy_output_format(output, "%.4gus", (double)ns / 1e3);
	else if (ns < 1000000000)
		gospy_output_format(output, "%.4gms", (double)ns / 1e6);
	else if (seconds < 60)
		gospy_output_format(output, "%.4gs", (double)ns / 1e9);
	else if (seconds < 3600)
		gospy_output_format(output, "%um%us", (unsigned)(seconds / 60),
				    (unsigned)(seconds % 60));
	else
		gospy_output_format(output, "%lluh%um", (unsigned long long)(seconds / 3600),
				    (unsigned)(seconds / 60 % 60));
}

void gospy_renderer_waits(struct gospy_renderer *renderer, uint64_t min_ns, uint64_t max_ns)
{
	/* 0: how long it waits is not known. */
	if (!min_ns && max_ns) {
		gospy_output_string(renderer->output, "up to ");
	} else if (min_ns != max_ns) {
		write_duration(renderer, min_ns);
		gospy_output_string(renderer->output, " to ");
	}
	write_duration(renderer, max_ns);
}

uint64_t gospy_render_total(const struct gospy_snapshot *snapshot)
{
	uint64_t total = 0;

	for (int i = 0; i < 16; i++) {
		if (i != GOSPY_GOROUTINE_DEAD && i != GOSPY_GOROUTINE_DEADEXTRA)
			total += snapshot->status_counts[i];
	}
	return total;
}

struct gospy_thread_counts gospy_render_threads(const struct gospy_snapshot *snapshot)
{
	struct gospy_thread_counts counts = {.total = snapshot->threads.size};

	for (size_t i = 0; i < snapshot->threads.size; i++) {
		char state = snapshot->threads.data[i].state;
		if (state == 'R')
			counts.running++;
		else if (state == 'T' || state == 't')
			counts.stopped++;
		else if (state == 'Z' || state == 'X')
			counts.zombie++;
		else
			counts.sleeping++;
	}
	return counts;
}

static void write_process(struct gospy_renderer *renderer)
{
	const struct gospy_snapshot *snapshot = renderer->snapshot;
	const char *version = gospy_snapshot_string(snapshot, snapshot->go_version);
	struct gospy_output *output = renderer->output;

	gospy_output_string(output, "bin: ");
	gospy_renderer_string(renderer, snapshot->exe);
	if (snapshot->exe_deleted)
		gospy_output_string(output, " (deleted)");
	gospy_output_string(output, ", goVer: ");
	if (strncmp(version, "go", 2) == 0)
		version += 2;
	gospy_output_escaped(output, version, strlen(version));
	gospy_output_format(output, ", gomaxprocs: %u\n", snapshot->gomaxprocs);
	for (size_t i = 0; i < snapshot->processors.size; i++) {
		const struct gospy_processor *p = &snapshot->processors.data[i];
		gospy_output_format(output, "P%u %s, schedtick: %u, syscalltick: %u\n", p->id,
				    gospy_processor_status_name(p->status), p->schedtick,
				    p->syscalltick);
	}
}

static void write_counts(struct gospy_renderer *renderer)
{
	/* Those that nearly every process has first and always, the others only when there are any.
	 */
	static const uint8_t always[] = {GOSPY_GOROUTINE_IDLE, GOSPY_GOROUTINE_RUNNING,
					 GOSPY_GOROUTINE_SYSCALL, GOSPY_GOROUTINE_WAITING};
	const uint64_t *counts = renderer->snapshot->status_counts;
	struct gospy_output *output = renderer->output;
	uint64_t others = gospy_render_total(renderer->snapshot);

	gospy_output_string(output, "Goroutines: ");
	gospy_output_u64(output, others);
	gospy_output_string(output, " total");
	for (size_t i = 0; i < sizeof(always); i++) {
		gospy_output_string(output, ", ");
		gospy_output_u64(output, counts[always[i]]);
		gospy_output_char(output, ' ');
		gospy_output_string(output, gospy_goroutine_status_name(always[i]));
		others -= counts[always[i]];
	}
	for (uint8_t i = 0; i < 16 && others; i++) {
		if (!counts[i] || i == GOSPY_GOROUTINE_DEAD || i == GOSPY_GOROUTINE_DEADEXTRA ||
		    memchr(always, i, sizeof(always)))
			continue;
		gospy_output_string(output, ", ");
		gospy_output_u64(output, counts[i]);
		gospy_output_char(output, ' ');
		gospy_output_string(output, gospy_goroutine_status_name(i));
	}
	gospy_output_char(output, '\n');
}

void gospy_render_header(struct gospy_renderer *renderer)
{
	const struct gospy_snapshot *snapshot = renderer->snapshot;
	const struct gospy_thread_counts threads = gospy_render_threads(snapshot);
	struct gospy_output *output = renderer->output;

	write_process(renderer);
	gospy_output_format(output,
			    "Threads: %llu total, %llu running, %llu sleeping, %llu stopped, "
			    "%llu zombie\n",
			    (unsigned long long)threads.total, (unsigned long long)threads.running,
			    (unsigned long long)threads.sleeping,
			    (unsigned long long)threads.stopped,
			    (unsigned long long)threads.zombie);
	write_counts(renderer);
	gospy_output_string(output, "capture: ");
	gospy_output_string(output, gospy_stop_mode_name(snapshot->stop));
	gospy_output_string(output, ", pause ");
	write_duration(renderer, snapshot->pause_ns);
	gospy_output_string(output, ", torn ");
	gospy_output_u64(output, snapshot->torn);
	gospy_output_string(output, ", took ");
	write_duration(renderer, snapshot->duration_ns);
	gospy_output_char(output, '\n');
}
