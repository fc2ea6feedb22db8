/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/limits.h>
#include <gospy/structure.h>

void gospy_structure_deinit(struct gospy_structure *structure)
{
	for (size_t i = 0; i < structure->fields.size; i++)
		free(structure->fields.data[i].name);
	gospy_field_vec_deinit(&structure->fields);
	free(structure->name);
	memset(structure, 0, sizeof(*structure));
}

void gospy_structure_vec_destroy_all(struct gospy_structure_vec *structures)
{
	for (size_t i = 0; i < structures->size; i++)
		gospy_structure_deinit(&structures->data[i]);
	gospy_structure_vec_deinit(structures);
}

const struct gospy_field *gospy_structure_field(const struct gospy_structure *structure,
						const char *name)
{
	for (size_t i = 0; i < structure->fields.size; i++) {
		if (strcmp(structure->fields.data[i].name, name) == 0)
			return &structure->fields.data[i];
	}
	return NULL;
}

struct gospy_error *gospy_structure_add(struct gospy_structure *structure, const char *name,
					uint64_t offset, uint64_t size)
{
	if (structure->fields.size >= GOSPY_MAX_FIELDS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "the struct %s has too many fields",
					  structure->name ? structure->name : "");

	_cleanup_free_ char *copy = strdup(name);
	if (!copy)
		return &gospy_enomem;
	struct gospy_field field = {.name = copy, .offset = offset, .size = size};
	if (!gospy_field_vec_append(&structure->fields, field))
		return &gospy_enomem;
	take_ptr(copy);
	return NULL;
}
