/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_BUILDINFO_H
#define GOSPY_BUILDINFO_H

/**
 * What `go version -m` tells: debug/buildinfo. Formats: Go 1.13-1.17 hold pointers to string
 * headers (byte 15 bit 1 clear; cmd/link/internal/ld/data.go buildinfo), 1.18 and newer hold the
 * strings inline. 1.12 has none, nor have some linkers' outputs.
 */
#include <gospy/image.h>

struct gospy_buildinfo {
	/** "go1.22.12", "devel ...", "" when the strings are in process memory (see below). Owned.
	 */
	char *version;
	/** The `path`/`mod`/`dep`/`build` lines, "" when there are none. Owned. */
	char *modinfo;
	/**
	 * Pointer format: link-time addresses of the two string headers {data, size}, which must be
	 * read from the process (their data pointers are run-time addresses); else 0. The static
	 * initial values in the file are tried first, so `version` is usually set all the same.
	 */
	uint64_t version_header;
	uint64_t modinfo_header;
};

/** GOSPY_ERROR_NOT_FOUND when the image has no build information. Free with
 * gospy_buildinfo_deinit(). */
GOSPY_CHECKED struct gospy_error *gospy_buildinfo_read(const struct gospy_image *image,
						       struct gospy_buildinfo *ret);
void gospy_buildinfo_deinit(struct gospy_buildinfo *info);

/**
 * Takes the marks off that cmd/go frames the module lines with (cmd/go/internal/modload/build.go,
 * infoStart and infoEnd): `*text` and `*size` become those of the lines, `*size` 0 where there are
 * none.
 */
void gospy_buildinfo_unframe(const char **text, uint64_t *size);

/** Path and version of the main module in `modinfo` ("mod\tPATH\tVERSION"); else "path"; owned, ""
 * when absent. */
GOSPY_CHECKED struct gospy_error *gospy_buildinfo_main_module(const char *modinfo, char **ret_path,
							      char **ret_version);

/** The Go release, for comparisons: {1, 22, 12}; minor -1 for "devel" and what cannot be read. */
struct gospy_go_version {
	int major;
	int minor;
	int patch;
};
struct gospy_go_version gospy_go_version_parse(const char *text);

#endif
