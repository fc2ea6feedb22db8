/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_DEBUGFILE_H
#define GOSPY_DEBUGFILE_H

/**
 * Where the debug information of a stripped binary may be: the file the user names, the build-id
 * tree (/usr/lib/debug/.build-id/xx/yyyy.debug), .gnu_debuglink beside the binary and under
 * /usr/lib/debug (its CRC checked), and debuginfod where DEBUGINFOD_URLS is set.
 */
#include <gospy/image.h>

struct gospy_debugfile_query {
	const struct gospy_image *image;
	/** Path of the binary, for .gnu_debuglink and the debug tree; NULL when unknown. */
	const char *path;
	/** --bin, or NULL. */
	const char *bin;
	/** Directories (O_PATH descriptors) whose /usr/lib/debug is searched: the target's root,
	 * then ours (AT_FDCWD). */
	const int *roots;
	size_t num_roots;
};

/**
 * Whether `other` tells of the code of `image`; the first that holds decides:
 * - equal GNU build ids, or equal Go build ids: `strip` and `objcopy --only-keep-debug` keep both;
 * - the same bytes of .text: a program linked again with or without -s -w has other ids, but up to
 *   Go 1.17, and with -trimpath later too, the same code;
 * - .text of the same size at the same address, the same content id of package main, and the same
 * function table (.gopclntab). From 1.18 on the linker's flags are recorded in the binary, which
 * moves its data by some bytes, and so all references to it: functions, lines and types are the
 * same, *addresses of variables are not*. Measured with Go 1.12 to 1.27: the twin of `-ldflags='-s
 * -w'` passes in every version.
 */
bool gospy_debugfile_matches(const struct gospy_image *image, const struct gospy_image *other);

/**
 * Opens the first file found that matches; `*ret_path` (owned by the caller) says which.
 * GOSPY_ERROR_NOT_FOUND; GOSPY_ERROR_BAD_DATA with one clear sentence when `bin` is of another
 * build, corrupt or truncated; files that are found and not named are passed over then, and also
 * when they have no debug information.
 */
GOSPY_CHECKED struct gospy_error *gospy_debugfile_find(const struct gospy_debugfile_query *query,
						       struct gospy_source *ret, char **ret_path);

#endif
