/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TARGET_MAPPINGS_H
#define GOSPY_TARGET_MAPPINGS_H

#include <gospy/target.h>

/**
 * Appends one mapping whose path is `path` (`path_size` bytes, copied, need not end in NUL). The
 * caller keeps the order. On failure `mappings` stays usable.
 */
GOSPY_CHECKED struct gospy_error *gospy_mappings_append(struct gospy_mappings *mappings,
							struct gospy_mapping mapping,
							const char *path, size_t path_size);

/**
 * Parses the text of /proc/PID/maps (proc_pid_maps(5)). A mapping that begins before the end of the
 * one before it, as may be seen where the process maps while the text is read, is cut at its
 * beginning. GOSPY_ERROR_BAD_DATA names the line that is none.
 */
GOSPY_CHECKED struct gospy_error *gospy_mappings_parse(const char *text, size_t size,
						       struct gospy_mappings *ret);

#endif
