/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_FAILING_H
#define GOSPY_TEST_FAILING_H

/**
 * Memory that runs out when a test wants it: linked with --wrap, so that the allocations of gospy's
 * own code pass through here and those of the C library and of others do not.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Makes the `n`th allocation from now fail (1 is the next one), and with `for_good` all after it.
 * 0: none fails. */
void failing_begin(uint64_t n, bool for_good);
/** Ends that; how many allocations there were meanwhile. */
uint64_t failing_end(void);
/** Pieces of memory that were allocated through here and not freed. */
size_t failing_live(void);

#endif
