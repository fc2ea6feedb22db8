/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_RENDER_COMMON_H
#define GOSPY_RENDER_COMMON_H

/** What the encoders share; private to this layer. */
#include <gospy/output.h>
#include <gospy/render.h>
#include <gospy/stack_walk.h>
#include <gospy/view_memo.h>

/** One encoding under way. */
struct gospy_renderer {
	const struct gospy_view *view;
	const struct gospy_snapshot *snapshot;
	struct gospy_output *output;
	/** By string number: 0 not looked at, else whether gospy_output_escaped() changes nothing
	 * in it. */
	uint8_t *clean;
	struct gospy_view_memo memo;
};

GOSPY_CHECKED struct gospy_error *gospy_renderer_init(struct gospy_renderer *renderer,
						      const struct gospy_view *view,
						      struct gospy_output *output);
void gospy_renderer_deinit(struct gospy_renderer *renderer);

/** gospy_view_location(), remembered: the location, or 0. */
uint32_t gospy_renderer_location(struct gospy_renderer *renderer, enum gospy_view_pc pc,
				 uint32_t index, const struct gospy_frame **ret_frame);
/** String `id` of the snapshot, made safe for a terminal. */
void gospy_renderer_string(struct gospy_renderer *renderer, uint32_t id);
/** "function (file:line)". */
void gospy_renderer_place(struct gospy_renderer *renderer, const struct gospy_frame *frame);
/** "waiting for chan receive", "running". */
void gospy_renderer_state(struct gospy_renderer *renderer, uint8_t status, uint32_t wait_reason);
/** "5m12s", or "1s to 5m12s"; "up to 5m12s" where one of them is not known. */
void gospy_renderer_waits(struct gospy_renderer *renderer, uint64_t min_ns, uint64_t max_ns);

/** The lines above the goroutines, as `summary` and `dump` show them. */
void gospy_render_header(struct gospy_renderer *renderer);

/** Goroutines of a status, by enum gospy_goroutine_status; dead ones in no total. */
uint64_t gospy_render_total(const struct gospy_snapshot *snapshot);

/** Threads by what they do: the groups of the header and of JSON. */
struct gospy_thread_counts {
	uint64_t total;
	uint64_t running;
	uint64_t sleeping;
	uint64_t stopped;
	uint64_t zombie;
};
struct gospy_thread_counts gospy_render_threads(const struct gospy_snapshot *snapshot);

/** The encoders: each writes the whole view. */
GOSPY_CHECKED struct gospy_error *gospy_render_summary_text(struct gospy_renderer *renderer);
GOSPY_CHECKED struct gospy_error *gospy_render_text(struct gospy_renderer *renderer);
GOSPY_CHECKED struct gospy_error *gospy_render_debug2(struct gospy_renderer *renderer);
GOSPY_CHECKED struct gospy_error *gospy_render_json(struct gospy_renderer *renderer, bool stacks);
GOSPY_CHECKED struct gospy_error *gospy_render_ndjson(struct gospy_renderer *renderer, bool stacks);
GOSPY_CHECKED struct gospy_error *gospy_render_folded(struct gospy_renderer *renderer);
GOSPY_CHECKED struct gospy_error *gospy_render_pprof(struct gospy_renderer *renderer);

#endif
