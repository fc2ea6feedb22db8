/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_PROGRAM_IMAGE_H
#define GOSPY_PROGRAM_IMAGE_H

/** The binaries of a target, opened through the target (never by a path of ours), and where they
 * lie. */
#include <gospy/image.h>
#include <gospy/pclntab.h>
#include <gospy/target.h>

struct gospy_mapped_image {
	/** Owned. */
	struct gospy_image *image;
	/** Run-time address = link-time address + bias. */
	uint64_t bias;
	/** As the target names it. Owned. */
	char *path;
};

/** Takes what gospy_mapped_image_* made, or a zeroed one. */
void gospy_mapped_image_deinit(struct gospy_mapped_image *mapped);

/** The image alone. Takes NULL. */
void gospy_mapped_image_free(struct gospy_image *image);

/**
 * The binary that holds a Go runtime and its function table: the executable, else the first of the
 * mapped libraries (a c-shared library in a C program). GOSPY_ERROR_NOT_GO with what was found
 * instead; GOSPY_ERROR_BAD_DATA when the executable is a Go program but is not mapped.
 */
GOSPY_CHECKED struct gospy_error *gospy_mapped_image_find_go(struct gospy_target *target,
							     const struct gospy_mappings *mappings,
							     const struct gospy_target_info *info,
							     struct gospy_mapped_image *ret,
							     struct gospy_pclntab *ret_table);

/** The binary whose mapped file holds run-time address `address`. GOSPY_ERROR_NOT_FOUND. */
GOSPY_CHECKED struct gospy_error *gospy_mapped_image_at(struct gospy_target *target,
							const struct gospy_mappings *mappings,
							uint64_t address,
							struct gospy_mapped_image *ret);

#endif
