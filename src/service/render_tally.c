/* SPDX-License-Identifier: MIT */
#include "render_tally.h"

void gospy_tally_deinit(struct gospy_tally *tally)
{
	gospy_map_deinit(&tally->places);
	gospy_u64_vec_deinit(&tally->keys);
	gospy_u32_vec_deinit(&tally->counts);
}

struct gospy_error *gospy_tally_add(struct gospy_tally *tally, uint64_t key)
{
	uint32_t *place = gospy_map_entry(&tally->places, key);

	if (!place)
		return &gospy_enomem;
	if (*place == GOSPY_MAP_NONE) {
		*place = (uint32_t)tally->keys.size;
		if (!gospy_u64_vec_append(&tally->keys, key) ||
		    !gospy_u32_vec_append(&tally->counts, 0))
			return &gospy_enomem;
	}
	tally->counts.data[*place]++;
	return NULL;
}

void gospy_tally_write(struct gospy_renderer *renderer, const struct gospy_tally *tally,
		       uint32_t total, gospy_tally_key_fn write_key)
{
	struct gospy_output *output = renderer->output;

	for (size_t i = 0; i < tally->keys.size; i++) {
		if (i)
			gospy_output_string(output, ", ");
		if (i == GOSPY_TALLY_MAX_SHOWN) {
			gospy_output_format(output, "%zu more", tally->keys.size - i);
			break;
		}
		write_key(renderer, tally->keys.data[i]);
		if (tally->counts.data[i] != total || tally->keys.size > 1)
			gospy_output_format(output, " (%u)", tally->counts.data[i]);
	}
}

struct gospy_error *gospy_tally_add_state(struct gospy_tally *tally,
					  const struct gospy_goroutines *goroutines, uint32_t index)
{
	return gospy_tally_add(tally, (uint64_t)goroutines->wait_reason[index] << 8 |
					      goroutines->status[index]);
}

static void write_state_key(struct gospy_renderer *renderer, uint64_t key)
{
	gospy_renderer_state(renderer, (uint8_t)key, (uint32_t)(key >> 8));
}

void gospy_tally_write_states(struct gospy_renderer *renderer, const struct gospy_tally *tally)
{
	gospy_tally_write(renderer, tally, tally->keys.size ? tally->counts.data[0] : 0,
			  write_state_key);
}
