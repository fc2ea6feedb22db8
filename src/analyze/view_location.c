/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/stack_walk.h>
#include <gospy/text.h>
#include <gospy/view.h>

static bool has_prefix(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

/** Whether `function` is a wrapper that cmd/compile made for a `go` or `defer` statement with
 * arguments. */
static bool is_statement_wrapper(const char *function)
{
	/* "main.main·dwrap·1" (Go 1.17), "main.main.gowrap1" and "main.main.deferwrap1"
	 * (since 1.22). */
	return strstr(function, "·dwrap·") || strstr(function, ".gowrap") ||
	       strstr(function, ".deferwrap");
}

/** Functions of other packages whose bodies are in package runtime, by go:linkname: no user wrote
 * them. */
static bool is_linknamed(const char *function)
{
	static const char *const names[] = {
		"os/signal.signal_recv", /* runtime/sigqueue.go */
		"reflect.chanrecv",	 /* runtime/chan.go */
		"reflect.chansend0",	 /* runtime/chan.go */
		"reflect.rselect",	 /* runtime/select.go */
	};
	const char *slash = strrchr(function, '/');
	const char *dot = strchr(slash ? slash : function, '.');

	/* sync.runtime_Semacquire, internal/poll.runtime_pollWait, internal/sync.runtime_... */
	if (dot && has_prefix(dot, ".runtime_"))
		return true;
	return gospy_text_is_one_of(function, names, sizeof(names) / sizeof(*names));
}

static bool is_runtime(const char *function)
{
	return has_prefix(function, "runtime.") || has_prefix(function, "runtime/internal/") ||
	       has_prefix(function, "internal/runtime/") || is_linknamed(function);
}

static const char *frame_function(const struct gospy_snapshot *snapshot,
				  const struct gospy_frame *frame)
{
	return gospy_snapshot_string(snapshot, frame->function);
}

/** Functions that are at the outer end of every stack: runtime/asm_amd64.s, runtime/proc.go. */
static bool is_top_function(const char *function)
{
	return strcmp(function, "runtime.goexit") == 0 || has_prefix(function, "runtime.mstart") ||
	       strcmp(function, "runtime.rt0_go") == 0;
}

/**
 * The frame nearest to the outermost one that is no wrapper, nor of the runtime unless the
 * goroutine is its own, if the stack is whole.
 */
static uint32_t outermost_real(const struct gospy_snapshot *snapshot, uint32_t index,
			       uint32_t start_function, const struct gospy_frame **ret_frame)
{
	struct gospy_stack_walk walk;
	const struct gospy_frame *found = NULL;
	uint32_t location = 0;
	bool own = snapshot->goroutines.flags[index] & GOSPY_GOROUTINE_SYSTEM;
	bool whole = false;

	gospy_stack_walk_init(&walk, snapshot, snapshot->goroutines.stack[index]);
	while (gospy_stack_walk_next(&walk)) {
		for (uint32_t i = 0; i < walk.num_frames; i++) {
			const struct gospy_frame *frame = walk.frames + i;
			const char *function = frame_function(snapshot, frame);
			if (frame->function == start_function)
				whole = true;
			else if (!(frame->flags & GOSPY_FRAME_WRAPPER) &&
				 !is_statement_wrapper(function) && !is_top_function(function) &&
				 (own || !is_runtime(function))) {
				found = frame;
				location = walk.location;
			}
		}
	}
	if (!whole || !found)
		return 0;
	*ret_frame = found;
	return location;
}

/**
 * The start function as the user wrote it: where the runtime was told to start a wrapper, or itself
 * (runtime.main, runtime.corostart), what that called.
 */
static uint32_t start_location(const struct gospy_snapshot *snapshot, uint32_t index,
			       const struct gospy_frame **ret_frame)
{
	uint32_t location = snapshot->goroutines.start[index];
	uint32_t count;
	const struct gospy_frame *frames = gospy_stack_walk_frames(snapshot, location, &count);

	if (!count)
		return 0;
	/* At its first instruction the function itself stands, whatever is inlined there. */
	const struct gospy_frame *start = frames + count - 1;
	const char *function = frame_function(snapshot, start);
	bool own = snapshot->goroutines.flags[index] & GOSPY_GOROUTINE_SYSTEM;
	if ((start->flags & GOSPY_FRAME_WRAPPER) || is_statement_wrapper(function) ||
	    (!own && is_runtime(function))) {
		uint32_t real = outermost_real(snapshot, index, start->function, ret_frame);
		if (real)
			return real;
	}
	*ret_frame = start;
	return location;
}

static uint32_t current_location(const struct gospy_snapshot *snapshot, uint32_t index,
				 const struct gospy_frame **ret_frame)
{
	struct gospy_stack_walk walk;
	const struct gospy_frame *own = NULL;
	uint32_t own_location = 0;

	gospy_stack_walk_init(&walk, snapshot, snapshot->goroutines.stack[index]);
	while (gospy_stack_walk_next(&walk)) {
		for (uint32_t i = 0; i < walk.num_frames; i++) {
			const char *function = frame_function(snapshot, walk.frames + i);
			if (!is_runtime(function)) {
				*ret_frame = walk.frames + i;
				return walk.location;
			}
			/* The runtime's own goroutines: the function that they were started with.
			 */
			if (!own || !is_top_function(function)) {
				own = walk.frames + i;
				own_location = walk.location;
			}
		}
	}
	if (own)
		*ret_frame = own;
	return own_location;
}

uint32_t gospy_view_location(const struct gospy_snapshot *snapshot, enum gospy_view_pc pc,
			     uint32_t index, const struct gospy_frame **ret_frame)
{
	if (pc == GOSPY_VIEW_PC_CURRENT)
		return current_location(snapshot, index, ret_frame);
	if (pc == GOSPY_VIEW_PC_START)
		return start_location(snapshot, index, ret_frame);
	uint32_t location = snapshot->goroutines.creator[index];
	uint32_t count;
	const struct gospy_frame *frames = gospy_stack_walk_frames(snapshot, location, &count);
	if (!count)
		return 0;
	*ret_frame = frames;
	return location;
}
