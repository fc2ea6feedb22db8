/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_STRUCTURE_H
#define GOSPY_STRUCTURE_H

/**
 * Where the fields of a Go struct are, whatever told it: a type descriptor, a generated table or
 * DWARF.
 */
#include <stdint.h>

#include <gospy/error.h>
#include <gospy/vec.h>

struct gospy_field {
	/** Name as in Go's source; nested structs of the same descriptor appear as "sched.sp" too.
	 * Owned. */
	char *name;
	/** Bytes from the start of the struct, and its own size. */
	uint64_t offset;
	uint64_t size;
};

GOSPY_VEC(gospy_field_vec, struct gospy_field);

struct gospy_structure {
	/** "runtime.g". Owned. */
	char *name;
	uint64_t size;
	/** Fields in order of offset; each nested struct followed by its own fields, dotted. */
	struct gospy_field_vec fields;
};

GOSPY_VEC(gospy_structure_vec, struct gospy_structure);

void gospy_structure_deinit(struct gospy_structure *structure);
/** Frees the structures and the vector. */
void gospy_structure_vec_destroy_all(struct gospy_structure_vec *structures);

/** The field `name` ("sched.sp"), or NULL. */
const struct gospy_field *gospy_structure_field(const struct gospy_structure *structure,
						const char *name);

/** Appends a field; `name` is copied. */
GOSPY_CHECKED struct gospy_error *gospy_structure_add(struct gospy_structure *structure,
						      const char *name, uint64_t offset,
						      uint64_t size);

#endif
