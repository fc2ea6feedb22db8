/* SPDX-License-Identifier: MIT */
#include "capture_private.h"

/**
 * What a traceback calls the bubble at `address`: its id, or, for a group of Go 1.24, which has
 * none, the goid of the goroutine that began it (goroutineheader, runtime/traceback.go).
 */
static struct gospy_error *read_id(struct capture *c, uint64_t address, uint64_t *ret)
{
	const struct gospy_layout *layout = &c->program->layout;
	uint64_t root;

	if (layout->bubble_id.offset >= 0)
		return gospy_target_read_u64(c->program->target,
					     address + (uint64_t)layout->bubble_id.offset, ret);
	if (layout->sync_group_root.offset < 0)
		return NULL;
	struct gospy_error *err = gospy_target_read_u64(
		c->program->target, address + (uint64_t)layout->sync_group_root.offset, &root);
	if (err)
		return err;
	return gospy_target_read_u64(c->program->target, root + (uint64_t)layout->g_goid.offset,
				     ret);
}

/** The number of the bubble among those met so far. */
static struct gospy_error *find_bubble(struct capture *c, uint64_t address, uint32_t *ret)
{
	uint64_t id = 0;
	uint32_t number = gospy_map_get(&c->bubble_index, address);

	if (number != GOSPY_MAP_NONE) {
		*ret = number;
		return NULL;
	}
	struct gospy_error *err = read_id(c, address, &id);
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	if (err)
		return err;
	uint32_t *entry = gospy_map_entry(&c->bubble_index, address);
	if (!entry)
		return &gospy_enomem;
	*ret = *entry = (uint32_t)c->bubble_ids.size;
	return gospy_u64_vec_append(&c->bubble_ids, id) ? NULL : &gospy_enomem;
}

struct gospy_error *capture_bubble(struct capture *c, uint32_t row, uint64_t address)
{
	struct gospy_goroutines *g = &c->snapshot->goroutines;
	uint32_t number;

	if (!address) {
		if (g->bubble)
			g->bubble[row] = 0;
		return NULL;
	}
	if (!g->bubble)
		g->bubble = calloc(c->max_rows, sizeof(*g->bubble));
	if (!g->bubble)
		return &gospy_enomem;
	struct gospy_error *err = find_bubble(c, address, &number);
	if (!err)
		g->bubble[row] = c->bubble_ids.data[number];
	return err;
}
