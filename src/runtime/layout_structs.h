/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LAYOUT_STRUCTS_H
#define GOSPY_LAYOUT_STRUCTS_H

/** The structs of layout_fields.def, in its order. */
#include <gospy/layout.h>

enum {
#define STRUCT(type, go_name) GOSPY_LAYOUT_##type,
#define FIELD(type, member, path, required)
#include <gospy/layout_fields.def>
#undef STRUCT
#undef FIELD
	GOSPY_LAYOUT_NUM_STRUCTS,
};

/** Their names in Go: "runtime.g". */
extern const char *const gospy_layout_structs[GOSPY_LAYOUT_NUM_STRUCTS];

/** Sets every field to "not there" and every size to 0. */
void gospy_layout_clear(struct gospy_layout *layout);

#endif
