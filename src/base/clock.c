/* SPDX-License-Identifier: MIT */
#include <time.h>

#include <gospy/clock.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

uint64_t gospy_clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t gospy_clock_realtime_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
