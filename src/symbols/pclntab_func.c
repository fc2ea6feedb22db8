/* SPDX-License-Identifier: MIT */
#include "pclntab_private.h"

/* runtime/runtime2.go _func: Go 1.12 to 1.15, 1.16 and 1.17, 1.18 and 1.19, 1.20 to 1.27. */
static const struct gospy_func_layout layouts[] = {
	[GOSPY_PCLNTAB_1_2] = {.entry_size = 8,
			       .name = 8,
			       .args = 12,
			       .defer_return = 16,
			       .pcsp = 20,
			       .pcfile = 24,
			       .pcln = 28,
			       .num_pcdata = 32,
			       .func_id = 36,
			       .num_funcdata = 39,
			       .size = 40},
	[GOSPY_PCLNTAB_1_16] = {.entry_size = 8,
				.name = 8,
				.args = 12,
				.defer_return = 16,
				.pcsp = 20,
				.pcfile = 24,
				.pcln = 28,
				.num_pcdata = 32,
				.cu_offset = 36,
				.func_id = 40,
				.flag = 41,
				.num_funcdata = 43,
				.size = 44},
	[GOSPY_PCLNTAB_1_18] = {.entry_size = 4,
				.name = 4,
				.args = 8,
				.defer_return = 12,
				.pcsp = 16,
				.pcfile = 20,
				.pcln = 24,
				.num_pcdata = 28,
				.cu_offset = 32,
				.func_id = 36,
				.flag = 37,
				.num_funcdata = 39,
				.size = 40},
	[GOSPY_PCLNTAB_1_20] = {.entry_size = 4,
				.name = 4,
				.args = 8,
				.defer_return = 12,
				.pcsp = 16,
				.pcfile = 20,
				.pcln = 24,
				.num_pcdata = 28,
				.cu_offset = 32,
				.start_line = 36,
				.func_id = 40,
				.flag = 41,
				.num_funcdata = 43,
				.size = 44},
};

const struct gospy_func_layout *gospy_pclntab_func_layout(const struct gospy_pclntab *table)
{
	return &layouts[table->version];
}

/** funcID_wrapper is the last of its enumeration: runtime/symtab.go, internal/abi/symtab.go
 * from 1.21. */
bool gospy_pclntab_is_wrapper(const struct gospy_pclntab *table, uint8_t func_id)
{
	int minor = table->go_minor;

	switch (table->version) {
	case GOSPY_PCLNTAB_1_2:
		return func_id == (minor == 12 || minor == 13 ? 20 : 22);
	case GOSPY_PCLNTAB_1_16:
		return func_id == 22;
	case GOSPY_PCLNTAB_1_18:
		return func_id == 21;
	default:
		if (minor == 20 || minor == 21)
			return func_id == 21;
		return func_id == (minor >= 22 && minor <= 24 ? 22 : 23);
	}
}

/* Functions of tens of megabytes are not known; a step takes at least two bytes of table. */
#define MAX_STEPS UINT64_C(1048576)

/** The value at `pc` in the pc table at `offset` (never 0); false where the table does not reach.
 */
static bool table_value(const struct gospy_pclntab *table, const struct gospy_func *func,
			uint32_t offset, uint64_t pc, int32_t *ret)
{
	struct gospy_cursor c =
		gospy_cursor_make("a pc table", table->bytes.data, table->bytes.size);
	/* Each step but the first ends at a later instruction. */
	uint64_t steps = (func->end - func->entry) / table->min_instruction + 2;
	if (steps > MAX_STEPS)
		steps = MAX_STEPS;
	uint64_t at = func->entry;
	uint32_t value = UINT32_MAX;

	gospy_cursor_seek(&c, table->pctab + offset);
	for (uint64_t i = 0; i < steps; i++) {
		uint32_t delta = (uint32_t)gospy_cursor_uvarint(&c);
		if (c.failed || (delta == 0 && i > 0))
			return false;
		value += delta & 1 ? ~(delta >> 1) : delta >> 1;
		at += gospy_cursor_uvarint(&c) * table->min_instruction;
		if (c.failed)
			return false;
		if (pc < at) {
			*ret = (int32_t)value;
			return true;
		}
	}
	return false;
}

struct gospy_error *gospy_func_frame_size(const struct gospy_pclntab *table,
					  const struct gospy_func *func, uint64_t pc, int32_t *ret)
{
	if (func->pcsp == 0 || !table_value(table, func, func->pcsp, pc, ret))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "%s has no frame size at 0x%llx",
					  func->name, (unsigned long long)pc);
	return NULL;
}

struct gospy_error *gospy_func_pcdata(const struct gospy_pclntab *table,
				      const struct gospy_func *func, uint32_t number, uint64_t pc,
				      int32_t *ret)
{
	struct gospy_cursor c = gospy_cursor_make("pcdata", table->bytes.data, table->bytes.size);
	int32_t value = -1;

	if (number < func->num_pcdata) {
		gospy_cursor_seek(&c, func->record + gospy_pclntab_func_layout(table)->size +
					      (uint64_t)number * 4);
		uint32_t offset = gospy_cursor_u32(&c);
		if (c.failed)
			return gospy_cursor_check(&c);
		/* A pc beyond the table's last one has the value -1 too: pcdatavalue1, not strict.
		 */
		if (offset != 0)
			(void)table_value(table, func, offset, pc, &value);
	}
	*ret = value;
	return NULL;
}

/** Up to 1.17: an address, on an eight-byte boundary after the pcdata offsets; 0 for none. */
GOSPY_CHECKED static struct gospy_error *funcdata_by_address(const struct gospy_pclntab *table,
							     struct gospy_cursor *c,
							     uint32_t number,
							     struct gospy_region *ret)
{
	gospy_cursor_skip(c, -(table->bytes.address + c->pos) & 7);
	gospy_cursor_skip(c, (uint64_t)number * 8);
	uint64_t address = gospy_cursor_u64(c);
	if (c->failed)
		return gospy_cursor_check(c);

	struct gospy_region region = {0};
	if (address != 0) {
		region.size = gospy_image_left(table->image, address);
		region.data = gospy_image_at(table->image, address, region.size);
		region.address = address;
		if (region.size == 0 || !region.data)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "FUNCDATA at 0x%llx is not in the file",
						  (unsigned long long)address);
	}
	*ret = region;
	return NULL;
}

/** 1.18 and newer: an offset from moduledata.gofunc; all ones for none. */
GOSPY_CHECKED static struct gospy_error *funcdata_by_offset(const struct gospy_pclntab *table,
							    struct gospy_cursor *c, uint32_t number,
							    struct gospy_region *ret)
{
	gospy_cursor_skip(c, (uint64_t)number * 4);
	uint32_t offset = gospy_cursor_u32(c);
	if (c->failed)
		return gospy_cursor_check(c);

	struct gospy_region region = {0};
	if (offset != UINT32_MAX) {
		if (!table->gofunc.data)
			return gospy_error_create(GOSPY_ERROR_NO_SYMBOLS,
						  "where FUNCDATA begins is not known");
		if (offset >= table->gofunc.size)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "FUNCDATA at offset %u is not in the file",
						  offset);
		region = (struct gospy_region){table->gofunc.data + offset,
					       table->gofunc.address + offset,
					       table->gofunc.size - offset};
	}
	*ret = region;
	return NULL;
}

struct gospy_error *gospy_func_funcdata(const struct gospy_pclntab *table,
					const struct gospy_func *func, uint32_t number,
					struct gospy_region *ret)
{
	struct gospy_cursor c = gospy_cursor_make("funcdata", table->bytes.data, table->bytes.size);

	if (number >= func->num_funcdata) {
		*ret = (struct gospy_region){0};
		return NULL;
	}
	gospy_cursor_seek(&c, func->record + gospy_pclntab_func_layout(table)->size +
				      (uint64_t)func->num_pcdata * 4);
	if (table->version <= GOSPY_PCLNTAB_1_16)
		return funcdata_by_address(table, &c, number, ret);
	return funcdata_by_offset(table, &c, number, ret);
}

/** The name of file `number` of the function's compilation unit, or NULL. */
static const char *file_name(const struct gospy_pclntab *table, const struct gospy_func *func,
			     uint32_t number)
{
	struct gospy_cursor c = gospy_cursor_make("files", table->bytes.data, table->bytes.size);

	if (table->version == GOSPY_PCLNTAB_1_2) {
		if (number >= table->num_files)
			return NULL;
		gospy_cursor_seek(&c, table->filetab + (uint64_t)number * 4);
		uint32_t offset = gospy_cursor_u32(&c);
		return c.failed ? NULL : gospy_pclntab_string(table, offset);
	}
	/* runtime/symtab.go funcfile: all ones where the file was left out. */
	gospy_cursor_seek(&c, table->cutab + ((uint64_t)func->cu_offset + number) * 4);
	uint32_t offset = gospy_cursor_u32(&c);
	if (c.failed || c.pos > table->filetab || offset == UINT32_MAX)
		return NULL;
	return gospy_pclntab_string(table, table->filetab + offset);
}

void gospy_func_line(const struct gospy_pclntab *table, const struct gospy_func *func, uint64_t pc,
		     const char **ret_file, uint32_t *ret_line)
{
	int32_t file = -1, line = -1;
	const char *name = NULL;

	if (func->pcfile && func->pcln && table_value(table, func, func->pcfile, pc, &file) &&
	    table_value(table, func, func->pcln, pc, &line) && file >= 0 && line >= 0)
		name = file_name(table, func, (uint32_t)file);
	*ret_file = name ? name : "?";
	*ret_line = name ? (uint32_t)line : 0;
}
