/* SPDX-License-Identifier: MIT */
#include "gotype_private.h"

/* Descriptors that look right but are not must not make the search long. */
enum { MAX_ATTEMPTS = 8 };
/** All fields together that are listed of one region: the largest programs known have a tenth of
 * it. */
#define MAX_ALL_FIELDS UINT64_C(4194304)

/**
 * Whether the bytes at `type` may be the abi.Type of a struct: kind 25 (the higher bits are flags),
 * a power of two up to 16 as alignment, the same for fields.
 */
static inline bool may_be_struct(const uint8_t *type)
{
	uint32_t word = gospy_load_u32(type + TYPE_FLAGS_AT);
	uint32_t align = word >> 8 & 0xff;

	return (word >> 24 & KIND_MASK) == KIND_STRUCT && align == (word >> 16 & 0xff) &&
	       align <= 16 && align != 0 && (align & (align - 1)) == 0;
}

/** The type's name as its source has it, without the star that *T and T may share. */
static bool type_name(const struct gospy_gotypes *types, const uint8_t *type,
		      struct gospy_gotype_name *ret)
{
	uint32_t offset = gospy_load_u32(type + TYPE_NAME_AT);

	if (!gospy_gotypes_name(types, offset, ret))
		return false;
	if (type[TYPE_FLAGS_AT] & FLAG_EXTRA_STAR) {
		if (ret->size == 0 || ret->text[0] != '*')
			return false;
		ret->text++;
		ret->size--;
	}
	return ret->size > 0;
}

/**
 * The package path: in the struct's own part when a field is not exported, else in the part that
 * named types have.
 */
static bool package_path(const struct gospy_gotypes *types, const uint8_t *type,
			 struct gospy_gotype_name *ret)
{
	uint64_t address = gospy_load_u64(type + STRUCT_PACKAGE_AT);

	if (address != 0)
		return gospy_gotypes_name_at(types, address, ret);
	if (!(type[TYPE_FLAGS_AT] & FLAG_UNCOMMON))
		return false;
	uint64_t offset = (uint64_t)(type - types->types.data) + STRUCT_SIZE;
	if (types->types.size - offset < 4)
		return false;
	uint32_t name = gospy_load_u32(type + STRUCT_SIZE);
	return name != 0 && gospy_gotypes_name(types, name, ret);
}

/** A name that is looked for: the path of its package, and what the descriptor calls the type. */
struct wanted {
	const char *name;
	size_t path_size;
	/** "abi.Type" of "internal/abi.Type". */
	const char *short_name;
	size_t short_size;
	unsigned int attempts;
	bool done;
};

static void wanted_init(struct wanted *wanted, const char *name)
{
	const char *dot = strrchr(name, '.');

	*wanted = (struct wanted){.name = name, .short_name = name, .short_size = strlen(name)};
	if (!dot)
		return;
	wanted->path_size = (size_t)(dot - name);
	for (const char *p = name; p < dot; p++) {
		if (*p == '/') {
			wanted->short_name = p + 1;
			wanted->short_size = strlen(p + 1);
		}
	}
}

static bool name_equals(const struct gospy_gotype_name *name, const char *text, size_t size)
{
	return name->size == size && memcmp(name->text, text, size) == 0;
}

static bool is_wanted(const struct gospy_gotypes *types, const uint8_t *type,
		      const struct gospy_gotype_name *name, const struct wanted *wanted)
{
	struct gospy_gotype_name path;

	return !wanted->done && name_equals(name, wanted->short_name, wanted->short_size) &&
	       package_path(types, type, &path) &&
	       name_equals(&path, wanted->name, wanted->path_size);
}

/** Reads the struct type at `type`; `name` is copied, the fields seen are added to `*num_fields`.
 */
GOSPY_CHECKED static struct gospy_error *read_struct(const struct gospy_gotypes *types,
						     const uint8_t *type, const char *name,
						     struct gospy_structure *ret,
						     uint64_t *num_fields)
{
	struct gospy_structure made = {.name = strdup(name),
				       .size = gospy_load_u64(type + TYPE_SIZE_AT)};

	if (!made.name)
		return &gospy_enomem;
	struct gospy_error *err = gospy_gotypes_add_fields(types, type, &made);
	*num_fields += made.fields.size;
	if (err) {
		gospy_structure_deinit(&made);
		return err;
	}
	*ret = made;
	return NULL;
}

/** Reads the type for each wanted name that it bears; what turns out to be no struct type is left.
 */
GOSPY_CHECKED static struct gospy_error *try_type(const struct gospy_gotypes *types,
						  const uint8_t *type, struct wanted *wanted,
						  size_t num_wanted, struct gospy_structure *ret,
						  size_t *left)
{
	struct gospy_gotype_name name;
	uint64_t num_fields = 0;

	if (!type_name(types, type, &name))
		return NULL;
	for (size_t i = 0; i < num_wanted; i++) {
		if (!is_wanted(types, type, &name, &wanted[i]))
			continue;
		struct gospy_error *err =
			read_struct(types, type, wanted[i].name, &ret[i], &num_fields);
		bool ok = !err;
		if (err && !gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA))
			return err;
		wanted[i].done = ok || ++wanted[i].attempts == MAX_ATTEMPTS;
		*left -= wanted[i].done;
	}
	return NULL;
}

/** Descriptors stand at addresses that are multiples of eight. */
static uint64_t first_offset(const struct gospy_gotypes *types)
{
	return -types->types.address & 7;
}

GOSPY_CHECKED static struct gospy_error *check_region(const struct gospy_region *region)
{
	if (!region->data || region->size < STRUCT_SIZE ||
	    region->size > UINT64_MAX - region->address)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "no region of type descriptors");
	return NULL;
}

GOSPY_CHECKED static struct gospy_error *scan(const struct gospy_gotypes *types,
					      struct wanted *wanted, size_t num_wanted,
					      struct gospy_structure *found)
{
	const uint8_t *bytes = types->types.data;
	uint64_t size = types->types.size;
	size_t left = num_wanted;

	for (uint64_t i = first_offset(types); i + STRUCT_SIZE <= size && left; i += 8) {
		if (!may_be_struct(bytes + i))
			continue;
		struct gospy_error *err =
			try_type(types, bytes + i, wanted, num_wanted, found, &left);
		if (err)
			return err;
	}
	return NULL;
}

struct gospy_error *gospy_gotypes_find_structs(const struct gospy_gotypes *types,
					       const char *const *names, size_t num_names,
					       struct gospy_structure *ret)
{
	_cleanup_free_ struct wanted *wanted = calloc(num_names + 1, sizeof(*wanted));
	_cleanup_free_ struct gospy_structure *found = calloc(num_names + 1, sizeof(*found));
	struct gospy_error *err = check_region(&types->types);

	if (err)
		return err;
	if (!wanted || !found)
		return &gospy_enomem;
	for (size_t i = 0; i < num_names; i++)
		wanted_init(&wanted[i], names[i]);
	err = scan(types, wanted, num_names, found);
	if (err) {
		for (size_t i = 0; i < num_names; i++)
			gospy_structure_deinit(&found[i]);
		return err;
	}
	memcpy(ret, found, num_names * sizeof(*found));
	return NULL;
}

/** "internal/abi.Type" for the type at `type`: its path, and its name after the package's. NULL
 * without memory. */
static char *full_name(const struct gospy_gotype_name *path, const struct gospy_gotype_name *name)
{
	const char *dot = memchr(name->text, '.', name->size);
	size_t rest = dot ? name->size - (size_t)(dot - name->text) : 0;
	char *full = malloc(path->size + rest + 1);

	if (!full)
		return NULL;
	memcpy(full, path->text, path->size);
	if (dot)
		memcpy(full + path->size, dot, rest);
	full[path->size + rest] = 0;
	return full;
}

GOSPY_CHECKED static struct gospy_error *add_struct(const struct gospy_gotypes *types,
						    const uint8_t *type,
						    struct gospy_structure_vec *structures,
						    uint64_t *num_fields)
{
	struct gospy_gotype_name name, path;
	struct gospy_structure structure;

	if (!(type[TYPE_FLAGS_AT] & FLAG_NAMED) || !type_name(types, type, &name) ||
	    !package_path(types, type, &path))
		return NULL;
	_cleanup_free_ char *full = full_name(&path, &name);
	if (!full)
		return &gospy_enomem;
	struct gospy_error *err = read_struct(types, type, full, &structure, num_fields);
	if (err) {
		(void)gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA);
		return err;
	}
	if (!gospy_structure_vec_append(structures, structure)) {
		gospy_structure_deinit(&structure);
		return &gospy_enomem;
	}
	return NULL;
}

struct gospy_error *gospy_gotypes_all_structs(const struct gospy_gotypes *types,
					      struct gospy_structure_vec *ret)
{
	_cleanup_(gospy_structure_vec_destroy_all) struct gospy_structure_vec made = {0};
	uint64_t size = types->types.size, num_fields = 0;
	struct gospy_error *err = check_region(&types->types);

	if (err)
		return err;
	for (uint64_t i = first_offset(types); i + STRUCT_SIZE <= size; i += 8) {
		const uint8_t *type = types->types.data + i;
		if (!may_be_struct(type))
			continue;
		err = add_struct(types, type, &made, &num_fields);
		if (err)
			return err;
		if (num_fields > MAX_ALL_FIELDS)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "too many type descriptors");
	}
	*ret = made;
	made = (struct gospy_structure_vec){0};
	return NULL;
}

int gospy_gotypes_guess_minor(struct gospy_region types)
{
	static const int minors[] = {17, 16};
	const char *name = "runtime.g";

	for (size_t i = 0; i < 2; i++) {
		struct gospy_gotypes guess = {.types = types, .go_minor = minors[i]};
		struct gospy_structure found = {0};
		struct gospy_error *err = gospy_gotypes_find_structs(&guess, &name, 1, &found);
		bool ok = !err && found.name;
		gospy_error_destroy(err);
		gospy_structure_deinit(&found);
		if (ok)
			return minors[i];
	}
	return -1;
}
