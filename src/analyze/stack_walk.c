/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/stack_walk.h>

const struct gospy_frame *gospy_stack_walk_frames(const struct gospy_snapshot *snapshot,
						  uint32_t location, uint32_t *ret_count)
{
	*ret_count = 0;
	if (!location || location >= snapshot->locations.size)
		return NULL;
	const struct gospy_location *l = &snapshot->locations.data[location];
	if (l->first_frame > snapshot->frames.size ||
	    l->num_frames > snapshot->frames.size - l->first_frame)
		return NULL;
	*ret_count = l->num_frames;
	return l->num_frames ? snapshot->frames.data + l->first_frame : NULL;
}

void gospy_stack_walk_init(struct gospy_stack_walk *walk, const struct gospy_snapshot *snapshot,
			   uint32_t node)
{
	*walk = (struct gospy_stack_walk){.snapshot = snapshot, .next_node = node};
}

bool gospy_stack_walk_next(struct gospy_stack_walk *walk)
{
	const struct gospy_snapshot *snapshot = walk->snapshot;

	if (!walk->next_node || walk->next_node >= snapshot->nodes.size ||
	    walk->steps++ >= snapshot->nodes.size)
		return false;
	walk->node = walk->next_node;
	walk->next_node = snapshot->nodes.data[walk->node].parent;
	walk->location = snapshot->nodes.data[walk->node].location;
	walk->frames = gospy_stack_walk_frames(snapshot, walk->location, &walk->num_frames);
	return true;
}

static bool panics(const struct gospy_snapshot *snapshot, const struct gospy_frame *frame)
{
	const char *name = frame ? gospy_snapshot_string(snapshot, frame->function) : "";

	return !strcmp(name, "runtime.gopanic") || !strcmp(name, "runtime.sigpanic") ||
	       !strcmp(name, "runtime.panicwrap");
}

bool gospy_stack_walk_elides(struct gospy_stack_walk *walk, uint32_t i)
{
	const struct gospy_frame *callee = walk->callee;

	walk->callee = walk->frames + i;
	return walk->callee->flags & GOSPY_FRAME_WRAPPER && !panics(walk->snapshot, callee);
}
