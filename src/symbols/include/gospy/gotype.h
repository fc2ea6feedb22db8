/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_GOTYPE_H
#define GOSPY_GOTYPE_H

/**
 * The binary's own type descriptors (runtime/type.go, internal/abi/type.go): struct layouts by
 * name, without symbols. Works on the bytes of `[types, etypes)`, in the file (link-time pointers)
 * or copied from the process (run-time pointers): pointers and region must be of one kind.
 */
#include <gospy/pclntab.h>
#include <gospy/structure.h>

struct gospy_gotypes {
	/** `[moduledata.types, moduledata.etypes)`. Borrowed. */
	struct gospy_region types;
	/** Go minor version: 16 and older have two-byte name lengths, 18 and older shifted field
	 * offsets. */
	int go_minor;
};

/**
 * Finds the structs called `names` ("runtime.g") whose package path is the part before the last
 * dot, in one pass over the region. ret[i].name is NULL where there is none; nested struct fields
 * are expanded ("sched.sp"), arrays are not. Free with gospy_structure_deinit(). Errors:
 * GOSPY_ERROR_BAD_DATA for a region that cannot be one, GOSPY_ERROR_NO_MEMORY.
 */
GOSPY_CHECKED struct gospy_error *gospy_gotypes_find_structs(const struct gospy_gotypes *types,
							     const char *const *names,
							     size_t num_names,
							     struct gospy_structure *ret);

/** Every named struct of the region, for the tests that compare with DWARF. */
GOSPY_CHECKED struct gospy_error *gospy_gotypes_all_structs(const struct gospy_gotypes *types,
							    struct gospy_structure_vec *ret);

/** Tries both name encodings on "*runtime.g": the minor to assume (16 or 17) when the version is
 * unknown, or -1. */
int gospy_gotypes_guess_minor(struct gospy_region types);

#endif
