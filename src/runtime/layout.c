/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include <gospy/layout.h>

#include "layout_structs.h"

/** No struct of the runtime comes near it (heapArena, the largest known, has 2 MB and is not read
 * whole). */
#define MAX_STRUCT_SIZE (UINT64_C(1) << 20)

static const struct field {
	/** GOSPY_LAYOUT_g, ... */
	size_t of;
	/** Of the struct gospy_layout_field in struct gospy_layout. */
	size_t member;
	const char *paths;
	bool required;
} fields[] = {
#define STRUCT(type, go_name)
#define FIELD(type, member, path, required)                                                        \
	{GOSPY_LAYOUT_##type, offsetof(struct gospy_layout, type##_##member), path, required},
#include <gospy/layout_fields.def>
#undef STRUCT
#undef FIELD
};

const char *const gospy_layout_structs[GOSPY_LAYOUT_NUM_STRUCTS] = {
#define STRUCT(type, go_name) go_name,
#define FIELD(type, member, path, required)
#include <gospy/layout_fields.def>
#undef STRUCT
#undef FIELD
};

uint64_t gospy_layout_load(const uint8_t *data, size_t size, struct gospy_layout_field field)
{
	uint64_t value = 0;

	if (field.offset < 0 || field.size > sizeof(value) ||
	    (size_t)field.offset + field.size > size)
		return 0;
	memcpy(&value, data + field.offset, field.size);
	return value;
}

static uint32_t end_of(struct gospy_layout_field field)
{
	return field.offset < 0 ? 0 : (uint32_t)field.offset + field.size;
}

uint32_t gospy_layout_span(const struct gospy_layout_field *list, size_t count)
{
	uint32_t size = 0;

	for (size_t i = 0; i < count; i++) {
		if (end_of(list[i]) > size)
			size = end_of(list[i]);
	}
	return size;
}

const char *gospy_layout_source_name(enum gospy_layout_source source)
{
	switch (source) {
	case GOSPY_LAYOUT_TYPES:
		return "types";
	case GOSPY_LAYOUT_TABLE:
		return "table";
	case GOSPY_LAYOUT_DWARF:
		return "dwarf";
	}
	return "unknown";
}

/** The first of the alternatives "a|b" that the struct has, or NULL. */
static const struct gospy_field *find_field(const struct gospy_structure *structure,
					    const char *paths)
{
	char path[128];

	for (;;) {
		size_t size = strcspn(paths, "|");
		if (size >= sizeof(path))
			return NULL;
		memcpy(path, paths, size);
		path[size] = '\0';
		const struct gospy_field *found = gospy_structure_field(structure, path);
		if (found || !paths[size])
			return found;
		paths += size + 1;
	}
}

static struct gospy_error *field_error(const struct gospy_structure *structure, const char *paths,
				       const char *what)
{
	return gospy_error_create(GOSPY_ERROR_NO_SYMBOLS, "field %.*s of %s %s",
				  (int)strcspn(paths, "|"), paths, structure->name, what);
}

static struct gospy_error *apply_field(struct gospy_layout *layout, const struct field *field,
				       const struct gospy_structure *structure)
{
	struct gospy_layout_field *ret =
		(struct gospy_layout_field *)((char *)layout + field->member);
	const struct gospy_field *found = find_field(structure, field->paths);

	*ret = (struct gospy_layout_field){.offset = -1};
	if (!found)
		return field->required ? field_error(structure, field->paths, "is missing") : NULL;
	/* Readers load a word where the field is narrower: the struct must hold that much. */
	uint64_t size = found->size > 8 ? found->size : 8;
	if (size > structure->size || found->offset > structure->size - size)
		return field_error(structure, field->paths, "lies outside of it");
	*ret = (struct gospy_layout_field){(int32_t)found->offset, (uint32_t)found->size};
	return NULL;
}

static bool find_struct(const char *go_name, size_t *ret_index)
{
	for (size_t i = 0; i < GOSPY_LAYOUT_NUM_STRUCTS; i++) {
		if (!strcmp(gospy_layout_structs[i], go_name)) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

struct gospy_error *gospy_layout_apply(struct gospy_layout *layout,
				       const struct gospy_structure *structure)
{
	struct gospy_layout applied = *layout;
	size_t index;

	if (!find_struct(structure->name, &index))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "the layout has no struct %s",
					  structure->name);
	if (structure->size > MAX_STRUCT_SIZE)
		return gospy_error_create(GOSPY_ERROR_NO_SYMBOLS, "%s is too large",
					  structure->name);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct gospy_error *err = NULL;
		if (fields[i].of == index)
			err = apply_field(&applied, &fields[i], structure);
		if (err)
			return err;
	}
	if (index == GOSPY_LAYOUT_m)
		applied.size_m = (uint32_t)structure->size;
	*layout = applied;
	return NULL;
}

void gospy_layout_clear(struct gospy_layout *layout)
{
	*layout = (struct gospy_layout){};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		((struct gospy_layout_field *)((char *)layout + fields[i].member))->offset = -1;
}
