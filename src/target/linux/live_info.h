/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LINUX_LIVE_INFO_H
#define GOSPY_LINUX_LIVE_INFO_H

/** The parts of live_info.c that read texts of /proc, for its tests. */
#include <stdbool.h>
#include <stdint.h>

/** The path of info.cgroup out of /proc/PID/cgroup; "" where there is none. Owned, NULL without
 * memory. */
char *gospy_cgroup_path(const char *text);

/** CLOCK_MONOTONIC's offset out of /proc/PID/timens_offsets. */
bool gospy_timens_parse(const char *text, int64_t *ret_ns);

#endif
