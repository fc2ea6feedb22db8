/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLOCK_H
#define GOSPY_CLOCK_H

#include <stdint.h>

/** CLOCK_MONOTONIC of this process, ns: the clock that Go's runtime.nanotime reads on Linux. */
uint64_t gospy_clock_monotonic_ns(void);
/** CLOCK_REALTIME, ns since 1970. */
uint64_t gospy_clock_realtime_ns(void);

#endif
