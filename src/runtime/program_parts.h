/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_PROGRAM_PARTS_H
#define GOSPY_PROGRAM_PARTS_H

/** The steps of gospy_program_open(), one file each; every step needs what those before it filled
 * in. */
#include <gospy/program.h>

#include "globals.h"
#include "program_image.h"

/** Adds a sentence to program->warnings. GOSPY_ERROR_NO_MEMORY. */
GOSPY_CHECKED GOSPY_PRINTF(2,
			   3) struct gospy_error *gospy_program_warn(struct gospy_program *program,
								     const char *format, ...);
/** Takes back all but the first `count` warnings. */
void gospy_program_unwarn(struct gospy_program *program, uint32_t count);

/**
 * The string of `size` bytes at `address`, NUL-terminated, owned by the caller.
 * GOSPY_ERROR_BAD_DATA above `max` bytes, GOSPY_ERROR_FAULT where it cannot be read.
 */
GOSPY_CHECKED struct gospy_error *gospy_program_read_bytes(struct gospy_target *target,
							   uint64_t address, uint64_t size,
							   uint64_t max, char **ret);
/** The same of the string whose header {data, size} is at `header`. */
GOSPY_CHECKED struct gospy_error *
gospy_program_read_string(struct gospy_target *target, uint64_t header, uint64_t max, char **ret);

/** The newest Go release whose runtime was read for this program: 1.27. */
#define GOSPY_NEWEST_GO_MINOR 27

/**
 * Makes the first of program->modules, that of the runtime, from `mapped`, whose image is taken,
 * and its `table`. GOSPY_ERROR_NO_SYMBOLS when the process has no valid moduledata for it.
 */
GOSPY_CHECKED struct gospy_error *gospy_program_load_runtime(struct gospy_program *program,
							     struct gospy_mapped_image *mapped,
							     const struct gospy_pclntab *table);
/** Adds the modules that are chained behind the last known one. Needs program->version. */
GOSPY_CHECKED struct gospy_error *gospy_program_load_chain(struct gospy_program *program);
/** Frees what a module owns. */
void gospy_module_deinit(struct gospy_module *module);

/** Fills in go_version, version and modinfo; "" and minor -1 when nothing tells. */
GOSPY_CHECKED struct gospy_error *gospy_program_find_version(struct gospy_program *program,
							     const struct gospy_anchors *anchors);

/** Whether the version is one that the tables are for. */
bool gospy_program_knows_version(const struct gospy_program *program);

/** What is known of the binary beside the process. */
struct gospy_program_files {
	/** Of the module that holds the runtime. Borrowed. */
	const char *path;
	/** --bin, or NULL. Borrowed. */
	const char *bin;
	/** The debug information found; zeroed until it is wanted, or for `bin`. */
	struct gospy_source debug;
};

/**
 * Finds the debug information, once: with `files->bin` it must be there (GOSPY_ERROR_BAD_DATA),
 * otherwise GOSPY_ERROR_NOT_FOUND is an answer.
 */
GOSPY_CHECKED struct gospy_error *gospy_program_find_debug(struct gospy_program *program,
							   struct gospy_program_files *files);

/**
 * Fills in layout, globals and confidence: the first layout that the process itself confirms.
 * GOSPY_ERROR_NO_SYMBOLS when none does.
 */
GOSPY_CHECKED struct gospy_error *gospy_program_find_layout(struct gospy_program *program,
							    const struct gospy_anchors *anchors,
							    struct gospy_program_files *files);

/** Fills in wait_reasons from globals.wait_reason_strings; none when that is 0. */
GOSPY_CHECKED struct gospy_error *gospy_program_read_wait_reasons(struct gospy_program *program);

#endif
