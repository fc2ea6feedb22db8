/* SPDX-License-Identifier: MIT */
#include <gospy/view_memo.h>

void gospy_view_memo_deinit(struct gospy_view_memo *memo)
{
	gospy_map_deinit(&memo->starts);
	gospy_map_deinit(&memo->currents);
	gospy_view_place_vec_deinit(&memo->places);
}

/** The remembered place of a goroutine; NULL when there is no memory to remember it in. */
static const struct gospy_view_place *remembered(struct gospy_view_memo *memo,
						 const struct gospy_snapshot *snapshot,
						 enum gospy_view_pc pc, uint32_t index)
{
	const struct gospy_goroutines *gs = &snapshot->goroutines;
	bool is_start = pc == GOSPY_VIEW_PC_START;
	/* Whether a goroutine is the runtime's own hangs on where it started. */
	uint64_t key = (is_start ? (uint64_t)gs->start[index] << 32 : 0) | gs->stack[index];
	struct gospy_view_place place = {};

	if (!gospy_view_place_vec_reserve(&memo->places, memo->places.size + 1))
		return NULL;
	uint32_t *number = gospy_map_entry(is_start ? &memo->starts : &memo->currents, key);
	if (!number)
		return NULL;
	if (*number == GOSPY_MAP_NONE) {
		place.location = gospy_view_location(snapshot, pc, index, &place.frame);
		*number = (uint32_t)memo->places.size;
		memo->places.data[memo->places.size++] = place;
	}
	return &memo->places.data[*number];
}

uint32_t gospy_view_memo_location(struct gospy_view_memo *memo,
				  const struct gospy_snapshot *snapshot, enum gospy_view_pc pc,
				  uint32_t index, const struct gospy_frame **ret_frame)
{
	/* That of the `go` statement takes no walk. */
	const struct gospy_view_place *place =
		pc == GOSPY_VIEW_PC_CALLER ? NULL : remembered(memo, snapshot, pc, index);

	if (!place)
		return gospy_view_location(snapshot, pc, index, ret_frame);
	if (place->location)
		*ret_frame = place->frame;
	return place->location;
}

uint32_t gospy_view_memo_function(struct gospy_view_memo *memo,
				  const struct gospy_snapshot *snapshot, enum gospy_view_pc pc,
				  uint32_t index)
{
	const struct gospy_frame *frame;

	return gospy_view_memo_location(memo, snapshot, pc, index, &frame) ? frame->function : 0;
}
