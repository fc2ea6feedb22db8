/* SPDX-License-Identifier: MIT */
#include "gotype_private.h"

enum { MAX_DEPTH = 16, MAX_PATH = 1024 };

/** `size` bytes of the region at `address`, or NULL. */
static const uint8_t *region_at(const struct gospy_gotypes *types, uint64_t address, uint64_t size)
{
	const struct gospy_region *region = &types->types;

	if (address < region->address || address - region->address > region->size ||
	    size > region->size - (address - region->address))
		return NULL;
	return region->data + (address - region->address);
}

bool gospy_gotypes_name(const struct gospy_gotypes *types, uint64_t offset,
			struct gospy_gotype_name *ret)
{
	struct gospy_cursor c = gospy_cursor_make("a name", types->types.data, types->types.size);

	gospy_cursor_seek(&c, offset);
	gospy_cursor_skip(&c, 1);
	/* internal/abi/type.go Name.ReadVarint; two bytes, high one first, up to 1.16
	 * (name.nameLen). */
	if (types->go_minor <= 16) {
		ret->size = (uint64_t)gospy_cursor_u8(&c) << 8;
		ret->size |= gospy_cursor_u8(&c);
	} else {
		ret->size = gospy_cursor_uvarint(&c);
	}
	if (ret->size > GOSPY_MAX_NAME)
		return false;
	ret->text = (const char *)gospy_cursor_bytes(&c, ret->size);
	return !c.failed;
}

bool gospy_gotypes_name_at(const struct gospy_gotypes *types, uint64_t address,
			   struct gospy_gotype_name *ret)
{
	return address >= types->types.address &&
	       gospy_gotypes_name(types, address - types->types.address, ret);
}

/** One struct type whose fields are being listed. */
struct level {
	const uint8_t *fields;
	uint64_t num_fields;
	uint64_t next;
	/** Where the struct begins in the outermost one. */
	uint64_t offset;
	uint64_t size;
	/** Bytes of the path that belong to the outer levels. */
	size_t path_size;
};

struct walk {
	struct level levels[MAX_DEPTH];
	size_t depth;
	char path[MAX_PATH];
};

/** Begins with the fields of the struct type at `type`; false where it cannot be one or is nested
 * too deep. */
static bool push(const struct gospy_gotypes *types, struct walk *walk, const uint8_t *type,
		 uint64_t offset, size_t path_size)
{
	uint64_t count = gospy_load_u64(type + STRUCT_NUM_FIELDS_AT);

	if (walk->depth == MAX_DEPTH || count > GOSPY_MAX_FIELDS)
		return false;
	struct level level = {.num_fields = count,
			      .offset = offset,
			      .size = gospy_load_u64(type + TYPE_SIZE_AT),
			      .path_size = path_size};
	if (count)
		level.fields = region_at(types, gospy_load_u64(type + STRUCT_FIELDS_AT),
					 count * FIELD_SIZE);
	if (count && !level.fields)
		return false;
	walk->levels[walk->depth++] = level;
	return true;
}

/** The path of a field in the walk's buffer, NUL-terminated; its size, or 0 when it is too long. */
static size_t set_path(struct walk *walk, size_t outer_size, const struct gospy_gotype_name *name)
{
	if (name->size == 0 || name->size >= MAX_PATH - outer_size - 1 ||
	    memchr(name->text, 0, name->size))
		return 0;
	memcpy(walk->path + outer_size, name->text, name->size);
	walk->path[outer_size + name->size] = 0;
	return outer_size + name->size;
}

/** The struct type at `type`, or NULL when it is of another kind. */
static const uint8_t *struct_type(const struct gospy_gotypes *types, const uint8_t *type,
				  uint64_t address)
{
	if (!type || (type[TYPE_KIND_AT] & KIND_MASK) != KIND_STRUCT)
		return NULL;
	return region_at(types, address, STRUCT_SIZE);
}

GOSPY_CHECKED static struct gospy_error *bad_type(const struct gospy_structure *structure)
{
	return gospy_error_create(GOSPY_ERROR_BAD_DATA, "the type descriptor of %s is malformed",
				  structure->name);
}

/** Adds one field, and enters it if it is a struct itself. */
GOSPY_CHECKED static struct gospy_error *add_field(const struct gospy_gotypes *types,
						   struct walk *walk, struct level *level,
						   struct gospy_structure *structure)
{
	const uint8_t *field = level->fields + level->next++ * FIELD_SIZE;
	uint64_t type_address = gospy_load_u64(field + FIELD_TYPE_AT);
	const uint8_t *type = region_at(types, type_address, TYPE_HEADER_SIZE);
	uint64_t offset = gospy_load_u64(field + FIELD_OFFSET_AT);
	uint64_t size = type ? gospy_load_u64(type + TYPE_SIZE_AT) : 0;
	struct gospy_gotype_name name;

	/* Up to 1.18 the lowest bit tells an embedded field: runtime/type.go offsetAnon. */
	if (types->go_minor <= 18)
		offset >>= 1;
	if (!gospy_gotypes_name_at(types, gospy_load_u64(field + FIELD_NAME_AT), &name) ||
	    offset > level->size || size > level->size - offset)
		return bad_type(structure);
	size_t path_size = set_path(walk, level->path_size, &name);
	if (path_size == 0)
		return bad_type(structure);
	offset += level->offset;
	struct gospy_error *err = gospy_structure_add(structure, walk->path, offset, size);
	if (err)
		return err;
	const uint8_t *nested = struct_type(types, type, type_address);
	if (nested) {
		walk->path[path_size++] = '.';
		if (!push(types, walk, nested, offset, path_size))
			return bad_type(structure);
	}
	return NULL;
}

struct gospy_error *gospy_gotypes_add_fields(const struct gospy_gotypes *types, const uint8_t *type,
					     struct gospy_structure *structure)
{
	struct walk walk = {.depth = 0};

	if (!push(types, &walk, type, 0, 0))
		return bad_type(structure);
	while (walk.depth) {
		struct level *level = &walk.levels[walk.depth - 1];
		if (level->next == level->num_fields) {
			walk.depth--;
			continue;
		}
		struct gospy_error *err = add_field(types, &walk, level, structure);
		if (err)
			return err;
	}
	return NULL;
}
