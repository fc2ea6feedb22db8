/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_RENDER_TALLY_H
#define GOSPY_RENDER_TALLY_H

/** What the goroutines of a group have, and how many of them; private to this layer. */
#include <gospy/map.h>

#include "render_common.h"

/** Ids, creators and labels of one group that are shown one by one. */
#define GOSPY_TALLY_MAX_SHOWN 10

/** Distinct keys of a group and how often each comes, in order of arrival. */
struct gospy_tally {
	struct gospy_map places;
	struct gospy_u64_vec keys;
	struct gospy_u32_vec counts;
};

void gospy_tally_deinit(struct gospy_tally *tally);
GOSPY_CHECKED struct gospy_error *gospy_tally_add(struct gospy_tally *tally, uint64_t key);

typedef void (*gospy_tally_key_fn)(struct gospy_renderer *renderer, uint64_t key);

/** "a (2), b (1), 5 more": without a count when there is one key that all `total` have. */
void gospy_tally_write(struct gospy_renderer *renderer, const struct gospy_tally *tally,
		       uint32_t total, gospy_tally_key_fn write_key);

/** The state of goroutine `index`, with what it waits for. Of such a tally every goroutine has one.
 */
GOSPY_CHECKED struct gospy_error *gospy_tally_add_state(struct gospy_tally *tally,
							const struct gospy_goroutines *goroutines,
							uint32_t index);
/** "waiting for select (11), runnable (1)". */
void gospy_tally_write_states(struct gospy_renderer *renderer, const struct gospy_tally *tally);

#endif
