/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_BUILDER_H
#define SNAPSHOT_BUILDER_H

/** Snapshots built by hand, for the tests of the layers that only read them. Fails the test without
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/snapshot.h>

static inline uint32_t build_string(struct gospy_snapshot *snapshot, const char *text)
{
	uint32_t id;

	assert_null(gospy_strings_intern(&snapshot->strings, text, strlen(text), &id));
	return id;
}

/** A location without frames; build_frame() gives it some, innermost first. */
static inline uint32_t build_location(struct gospy_snapshot *snapshot, uint64_t pc, uint32_t offset)
{
	struct gospy_location location = {.pc = pc,
					  .offset = offset,
					  .first_frame = (uint32_t)snapshot->frames.size,
					  .module = UINT32_MAX};

	assert_true(gospy_location_vec_append(&snapshot->locations, location));
	return (uint32_t)snapshot->locations.size - 1;
}

static inline void build_frame(struct gospy_snapshot *snapshot, const char *function,
			       const char *file, uint32_t line, uint32_t flags)
{
	struct gospy_frame frame = {.function = build_string(snapshot, function),
				    .file = build_string(snapshot, file),
				    .line = line,
				    .flags = flags};

	assert_true(gospy_frame_vec_append(&snapshot->frames, frame));
	snapshot->locations.data[snapshot->locations.size - 1].num_frames++;
}

static inline uint32_t build_node(struct gospy_snapshot *snapshot, uint32_t parent,
				  uint32_t location)
{
	struct gospy_stack_node node = {parent, location};

	assert_true(gospy_stack_node_vec_append(&snapshot->nodes, node));
	return (uint32_t)snapshot->nodes.size - 1;
}

/** A location of one frame, on top of `parent`. */
static inline uint32_t build_call(struct gospy_snapshot *snapshot, uint32_t parent,
				  const char *function, const char *file, uint32_t line)
{
	uint32_t location = build_location(snapshot, 0x1000 + line, 1);

	build_frame(snapshot, function, file, line, 0);
	return build_node(snapshot, parent, location);
}

/** A location of one frame that no stack holds: a creator or start. */
static inline uint32_t build_place(struct gospy_snapshot *snapshot, const char *function,
				   const char *file, uint32_t line)
{
	uint32_t location = build_location(snapshot, 0x1000 + line, 1);

	build_frame(snapshot, function, file, line, 0);
	return location;
}

/** Room for `count` goroutines; their ids are 1 and up, all else 0. */
static inline struct gospy_snapshot *build_snapshot(uint32_t count)
{
	struct gospy_snapshot *snapshot;

	assert_null(gospy_snapshot_create(&snapshot));
	assert_null(gospy_snapshot_reserve(snapshot, count));
	snapshot->goroutines.count = count;
	for (uint32_t i = 0; i < count; i++)
		snapshot->goroutines.id[i] = i + 1;
	return snapshot;
}

static inline void build_state(struct gospy_snapshot *snapshot, uint32_t index, uint8_t status,
			       const char *wait_reason)
{
	snapshot->goroutines.status[index] = status;
	snapshot->goroutines.wait_reason[index] = build_string(snapshot, wait_reason);
	snapshot->status_counts[status]++;
}

/** Gives goroutines their labels, in order of index: call it for each, with NULL for none. */
static inline void build_label(struct gospy_snapshot *snapshot, uint32_t index, const char *key,
			       const char *value)
{
	struct gospy_goroutines *gs = &snapshot->goroutines;

	if (!gs->label_start) {
		gs->label_start = calloc(gs->count + 1, sizeof(*gs->label_start));
		assert_non_null(gs->label_start);
	}
	if (key) {
		struct gospy_label label = {build_string(snapshot, key),
					    build_string(snapshot, value)};
		assert_true(gospy_label_vec_append(&snapshot->label_pairs, label));
	}
	for (uint32_t i = index + 1; i <= gs->count; i++)
		gs->label_start[i] = (uint32_t)snapshot->label_pairs.size;
}

#endif
