/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_DEBUGINFOD_H
#define GOSPY_DEBUGINFOD_H

#include <gospy/error.h>

/**
 * Asks the servers of DEBUGINFOD_URLS for the debug file of `build_id` (hex). `*ret_path` is its
 * place in the cache of elfutils' client library, owned by the caller; it stays NULL when the
 * variable is not set, the library is not installed or no server has the file. The library is
 * loaded only when it is needed: it brings an HTTP client with it.
 */
GOSPY_CHECKED struct gospy_error *gospy_debuginfod_fetch(const char *build_id, char **ret_path);

#endif
