/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LINUX_TRACER_H
#define GOSPY_LINUX_TRACER_H

/**
 * A thread of ours that traces. To ptrace, the tracer is the thread that seized; and a tracee that
 * does not stop (vfork, uninterruptible sleep) can be let go in one way only: by the end of its
 * tracer, upon which the kernel detaches everything. So all of it is done by a thread that can end
 * without loss. It runs with all signals blocked, one job at a time.
 */
#include <gospy/error.h>

struct gospy_tracer;

typedef void (*gospy_tracer_fn)(void *context);

GOSPY_CHECKED struct gospy_error *gospy_tracer_create(struct gospy_tracer **ret);
/** Ends the thread: whatever it still traces goes on. Takes NULL. */
void gospy_tracer_destroy(struct gospy_tracer *tracer);

/**
 * Runs `job(context)` on the thread and waits for its end. Where that takes longer, the calling
 * thread runs `watch(watch_context)` every fiftieth of a second, beside the job; NULL for nothing.
 */
void gospy_tracer_run(struct gospy_tracer *tracer, gospy_tracer_fn job, void *context,
		      gospy_tracer_fn watch, void *watch_context);

/** What to do on the thread every tenth of a second while it has no job; NULL for nothing. Not from
 * a job. */
void gospy_tracer_set_idle(struct gospy_tracer *tracer, gospy_tracer_fn idle, void *context);

#endif
