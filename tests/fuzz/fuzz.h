/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_FUZZ_H
#define GOSPY_FUZZ_H

/**
 * What the fuzzers share. Each defines LLVMFuzzerTestOneInput, which runs one parser over any
 * bytes: what it answers does not matter, that it comes back, within memory and time, does.
 */
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** True on success; an error is dropped. */
static inline bool fuzz_ok(struct gospy_error *err)
{
	gospy_error_destroy(err);
	return !err;
}

/** Reads a byte that should be there, in a way that the compiler keeps. */
static inline void fuzz_touch(const uint8_t *byte)
{
	__asm__ volatile("" ::"r"(*byte));
}

#endif
