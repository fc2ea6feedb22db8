/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/layout.h>
#include <gospy/registers.h>

struct table_field {
	/** Dotted name within the struct. */
	const char *name;
	uint32_t offset;
	uint32_t size;
};

struct table_struct {
	uint8_t arch;
	uint8_t minor;
	const char *name;
	uint32_t size;
	uint32_t num_fields;
	const struct table_field *fields;
};

/* Made by tools/layout-table from the DWARF of each toolchain: table_structs[], ordered by arch,
 * minor, name. */
#include "layout_table.inc"

static struct gospy_error *copy(const struct table_struct *from, struct gospy_structure *ret)
{
	struct gospy_structure structure = {.name = strdup(from->name), .size = from->size};
	struct gospy_error *err = structure.name ? NULL : &gospy_enomem;

	for (uint32_t i = 0; !err && i < from->num_fields; i++)
		err = gospy_structure_add(&structure, from->fields[i].name, from->fields[i].offset,
					  from->fields[i].size);
	if (err) {
		gospy_structure_deinit(&structure);
		return err;
	}
	*ret = structure;
	return NULL;
}

struct gospy_error *gospy_layout_table(int arch, int minor, const char *go_name,
				       struct gospy_structure *ret)
{
	for (size_t i = 0; i < sizeof(table_structs) / sizeof(table_structs[0]); i++) {
		const struct table_struct *row = &table_structs[i];
		if (row->arch == arch && row->minor == minor && !strcmp(row->name, go_name))
			return copy(row, ret);
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no table has %s of Go 1.%d", go_name,
				  minor);
}
