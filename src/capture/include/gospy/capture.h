/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CAPTURE_H
#define GOSPY_CAPTURE_H

/** The only step that touches the process, and the only one that may stop it. */
#include <gospy/program.h>
#include <gospy/snapshot.h>

struct gospy_capture_request {
	enum gospy_stop_mode stop;
	/** Let go after this long and go on in `none`; 0: no limit. */
	uint64_t max_pause_ns;
	/** Whole stacks; without: as many of the innermost frames of each as one small read holds.
	 */
	bool stacks;
	/** Arguments of each frame (debug2, json). Costs memory for each frame. */
	bool arguments;
	/** In mode none, no thread is looked at either, not even for microseconds: of a goroutine
	 * on a CPU only where it was scheduled last is known. */
	bool passive;
};

/**
 * Takes a snapshot of `program`. Errors: GOSPY_ERROR_EXITED when the process ended meanwhile,
 * GOSPY_ERROR_PERMISSION when it cannot be stopped as asked, GOSPY_ERROR_BAD_DATA when its lists
 * are not what they must be (hostile or corrupt), GOSPY_ERROR_NO_MEMORY. On any error nothing is
 * held.
 */
GOSPY_CHECKED struct gospy_error *gospy_capture_take(struct gospy_program *program,
						     const struct gospy_capture_request *request,
						     struct gospy_snapshot **ret);

#endif
