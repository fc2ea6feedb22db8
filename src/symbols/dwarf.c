/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <gospy/dwarf.h>
#include <gospy/limits.h>

#include "dwarf_zstd.h"

/** Structs within structs that are followed; Go's runtime has three levels. */
#define MAX_DEPTH 8

struct gospy_dwarf {
	/** A rebuilt file where sections had to be decompressed, else empty. */
	struct gospy_source rebuilt;
	Elf *elf;
	Dwarf *dwarf;
	/** DIEs that one search may visit: no file has more than one for each two bytes of
	 * .debug_info. */
	uint64_t max_dies;
};

static struct gospy_error *dwarf_error(enum gospy_error_code code)
{
	return gospy_error_create(code, "the debug information cannot be read: %s",
				  dwarf_errmsg(-1));
}

/**
 * libelf writes to the section headers of what it decompresses (elf_compress): a mapped file, which is
 * private to us and has been read as far as its headers go, must let it.
 */
static struct gospy_error *let_write(const struct gospy_source *source)
{
	if (source->kind == GOSPY_SOURCE_MAPPED && source->size &&
	    mprotect((void *)(uintptr_t)source->data, source->size, PROT_READ | PROT_WRITE) < 0)
		return gospy_error_os(errno, "cannot map the debug information for writing");
	return NULL;
}

static struct gospy_error *begin(struct gospy_dwarf *dwarf, const struct gospy_source *source)
{
	struct gospy_error *err = let_write(source);

	if (err)
		return err;
	elf_version(EV_CURRENT);
	dwarf->elf = elf_memory((char *)(uintptr_t)source->data, source->size);
	if (!dwarf->elf)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "not an ELF file: %s",
					  elf_errmsg(-1));
	dwarf->dwarf = dwarf_begin_elf(dwarf->elf, DWARF_C_READ, NULL);
	return dwarf->dwarf ? NULL : dwarf_error(GOSPY_ERROR_NO_SYMBOLS);
}

struct gospy_error *gospy_dwarf_open(const struct gospy_source *source, struct gospy_dwarf **ret)
{
	struct gospy_dwarf *dwarf = calloc(1, sizeof(*dwarf));

	if (!dwarf)
		return &gospy_enomem;
	struct gospy_error *err = gospy_dwarf_zstd_rebuild(source, &dwarf->rebuilt);
	if (!err)
		err = begin(dwarf, dwarf->rebuilt.size ? &dwarf->rebuilt : source);
	if (err) {
		gospy_dwarf_close(dwarf);
		return err;
	}
	dwarf->max_dies = (dwarf->rebuilt.size ? dwarf->rebuilt.size : source->size * 16) / 2;
	*ret = dwarf;
	return NULL;
}

void gospy_dwarf_close(struct gospy_dwarf *dwarf)
{
	if (!dwarf)
		return;
	dwarf_end(dwarf->dwarf);
	elf_end(dwarf->elf);
	gospy_source_deinit(&dwarf->rebuilt);
	free(dwarf);
}

static bool has_name(Dwarf_Die *die, const char *name)
{
	const char *found = dwarf_diename(die);

	return found && !strcmp(found, name);
}

/** The child of `unit` with this tag that is called `name`; false when there is none. */
static bool find_child(Dwarf_Die *unit, int tag, const char *name, uint64_t *left, Dwarf_Die *ret)
{
	int result = dwarf_child(unit, ret);

	while (!result && (*left)--) {
		if (dwarf_tag(ret) == tag && has_name(ret, name))
			return true;
		result = dwarf_siblingof(ret, ret);
	}
	return false;
}

/** Whether a unit is the package of `name` ("runtime" for "runtime.g"). */
static bool is_package_of(Dwarf_Die *unit, const char *name)
{
	const char *package = dwarf_diename(unit), *dot = strrchr(name, '.');

	return package && dot && strlen(package) == (size_t)(dot - name) &&
	       !memcmp(package, name, strlen(package));
}

/** Searches the units of its own package first, then all others. */
static struct gospy_error *find(struct gospy_dwarf *dwarf, int tag, const char *name,
				Dwarf_Die *ret)
{
	uint64_t left = dwarf->max_dies;

	for (int others = 0; others < 2; others++) {
		Dwarf_CU *unit = NULL, *next;
		Dwarf_Die unit_die;
		while (!dwarf_get_units(dwarf->dwarf, unit, &next, NULL, NULL, &unit_die, NULL)) {
			unit = next;
			if (is_package_of(&unit_die, name) == !others &&
			    find_child(&unit_die, tag, name, &left, ret))
				return NULL;
		}
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "the debug information has no %s", name);
}

/** DW_AT_data_member_location: a constant, or the one-operation expression of older linkers. */
static bool member_offset(Dwarf_Die *member, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	Dwarf_Op *ops;
	size_t num_ops;

	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute))
		return false;
	if (!dwarf_formudata(&attribute, &value)) {
		*ret = value;
		return true;
	}
	if (dwarf_getlocation(&attribute, &ops, &num_ops) || num_ops != 1 ||
	    (ops[0].atom != DW_OP_plus_uconst && ops[0].atom != DW_OP_constu))
		return false;
	*ret = ops[0].number;
	return true;
}

static bool member_type(Dwarf_Die *member, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(member, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, ret) &&
	       !dwarf_peel_type(ret, ret);
}

/** One level of the struct at hand: the member it is in, its offset, and the length of its name. */
struct level {
	Dwarf_Die member;
	uint64_t offset;
	size_t prefix;
	bool fresh;
};

struct expansion {
	struct gospy_structure *structure;
	char name[1024];
	struct level levels[MAX_DEPTH];
	int depth;
};

static struct gospy_error *add_member(struct expansion *e, Dwarf_Die *member)
{
	struct level *level = &e->levels[e->depth];
	const char *name = dwarf_diename(member);
	Dwarf_Word size = 0;
	Dwarf_Die type;
	uint64_t offset;

	if (!name || !member_offset(member, &offset) || !member_type(member, &type))
		return NULL;
	if (e->structure->fields.size >= GOSPY_MAX_FIELDS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a struct has too many fields");
	int n = snprintf(e->name + level->prefix, sizeof(e->name) - level->prefix, "%s", name);
	if (n < 0 || level->prefix + (size_t)n + 2 > sizeof(e->name))
		return NULL;
	dwarf_aggregate_size(&type, &size);
	struct gospy_error *err =
		gospy_structure_add(e->structure, e->name, level->offset + offset, size);
	if (err || dwarf_tag(&type) != DW_TAG_structure_type || e->depth + 1 == MAX_DEPTH)
		return err;
	struct level inner = {.offset = level->offset + offset,
			      .prefix = level->prefix + (size_t)n + 1};
	if (dwarf_child(&type, &inner.member))
		return NULL;
	inner.fresh = true;
	e->name[inner.prefix - 1] = '.';
	e->levels[++e->depth] = inner;
	return NULL;
}

/** The next member at this level; false at its end. */
static bool advance(struct level *level)
{
	if (level->fresh)
		level->fresh = false;
	else if (dwarf_siblingof(&level->member, &level->member))
		return false;
	return true;
}

static struct gospy_error *expand(Dwarf_Die *die, uint64_t max_dies,
				  struct gospy_structure *structure)
{
	struct expansion e = {.structure = structure, .levels = {{.fresh = true}}};
	struct gospy_error *err = NULL;

	if (dwarf_child(die, &e.levels[0].member))
		return NULL;
	while (!err && e.depth >= 0) {
		struct level *level = &e.levels[e.depth];
		if (!max_dies-- || !advance(level)) {
			e.depth--;
			continue;
		}
		if (dwarf_tag(&level->member) == DW_TAG_member) {
			Dwarf_Die member = level->member;
			err = add_member(&e, &member);
		}
	}
	return err;
}

struct gospy_error *gospy_dwarf_structure(struct gospy_dwarf *dwarf, const char *name,
					  struct gospy_structure *ret)
{
	struct gospy_structure structure = {};
	Dwarf_Word size;
	Dwarf_Die die;
	struct gospy_error *err = find(dwarf, DW_TAG_structure_type, name, &die);

	if (err)
		return err;
	if (dwarf_aggregate_size(&die, &size))
		return dwarf_error(GOSPY_ERROR_BAD_DATA);
	structure.size = size;
	structure.name = strdup(name);
	err = structure.name ? expand(&die, dwarf->max_dies, &structure) : &gospy_enomem;
	if (err) {
		gospy_structure_deinit(&structure);
		return err;
	}
	*ret = structure;
	return NULL;
}

struct gospy_error *gospy_dwarf_variable(struct gospy_dwarf *dwarf, const char *name,
					 uint64_t *ret_address)
{
	Dwarf_Attribute attribute, indirect;
	Dwarf_Addr address;
	Dwarf_Op *ops;
	size_t num_ops;
	Dwarf_Die die;
	struct gospy_error *err = find(dwarf, DW_TAG_variable, name, &die);

	if (err)
		return err;
	if (!dwarf_attr(&die, DW_AT_location, &attribute) ||
	    dwarf_getlocation(&attribute, &ops, &num_ops) || num_ops != 1)
		return dwarf_error(GOSPY_ERROR_BAD_DATA);
	if (ops[0].atom == DW_OP_addr) {
		*ret_address = ops[0].number;
		return NULL;
	}
	/* DWARF 5 may give an index into .debug_addr. */
	if (dwarf_getlocation_attr(&attribute, &ops[0], &indirect) ||
	    dwarf_formaddr(&indirect, &address))
		return dwarf_error(GOSPY_ERROR_BAD_DATA);
	*ret_address = address;
	return NULL;
}

struct gospy_error *gospy_dwarf_location(struct gospy_dwarf *dwarf, uint64_t pc,
					 const char **ret_function, const char **ret_file,
					 uint32_t *ret_line)
{
	Dwarf_Die unit, *scopes = NULL;
	const char *function = NULL, *file = NULL;
	int line = 0;

	if (!dwarf_addrdie(dwarf->dwarf, pc, &unit))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND,
					  "the debug information has nothing about this address");
	int num_scopes = dwarf_getscopes(&unit, pc, &scopes);
	for (int i = 0; i < num_scopes && !function; i++) {
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
			function = dwarf_diename(&scopes[i]);
	}
	free(scopes);
	Dwarf_Line *source_line = dwarf_getsrc_die(&unit, pc);
	if (source_line) {
		file = dwarf_linesrc(source_line, NULL, NULL);
		dwarf_lineno(source_line, &line);
	}
	*ret_function = function;
	*ret_file = file;
	*ret_line = line > 0 ? (uint32_t)line : 0;
	return NULL;
}
