/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <gospy/cursor.h>
#include <gospy/dwarf.h>
#include <gospy/limits.h>

#include "dwarf_check.h"
#include "dwarf_sections.h"

/** Structs within structs that are followed; Go's runtime has three levels. */
#define MAX_DEPTH 8
/** Bytes that the walk over one struct may pass in addition to the size of .debug_info. */
#define SPARE_BYTES (1 << 20)

struct unit {
	Dwarf_Die die;
	/** Of a Go package its path, of a C unit its file. */
	const char *name;
};
GOSPY_VEC(unit_vec, struct unit);

struct gospy_dwarf {
	struct gospy_dwarf_sections sections;
	Elf *elf;
	Dwarf *dwarf;
	struct unit_vec units;
	/** libdw gave up for lack of memory: its state is not to be used any more. */
	bool broken;
};

/** Where to go on when libdw has no memory, which it otherwise ends the program for. */
static _Thread_local jmp_buf *no_memory;

static void __attribute__((__noreturn__)) give_up(void)
{
	longjmp(*no_memory, 1);
}

typedef struct gospy_error *(*work_function)(struct gospy_dwarf *dwarf, void *request);

/** Calls `work`, all of whose memory must be reachable from `request`: it may end within libdw. */
static struct gospy_error *guarded(struct gospy_dwarf *dwarf, work_function work, void *request)
{
	jmp_buf here;

	if (dwarf->broken)
		return &gospy_enomem;
	if (setjmp(here)) {
		dwarf->broken = true;
		return &gospy_enomem;
	}
	no_memory = &here;
	return work(dwarf, request);
}

static struct gospy_error *unreadable(enum gospy_error_code code)
{
	return gospy_error_create(code, "the debug information cannot be read: %s",
				  dwarf_errmsg(-1));
}

static struct gospy_error *read_units(struct gospy_dwarf *dwarf, void *request)
{
	Dwarf_CU *unit = NULL;
	struct unit found;

	(void)request;
	while (!dwarf_get_units(dwarf->dwarf, unit, &unit, NULL, NULL, &found.die, NULL)) {
		if (!found.die.addr)
			continue;
		found.name = dwarf_diename(&found.die);
		if (!unit_vec_append(&dwarf->units, found))
			return &gospy_enomem;
	}
	return dwarf->units.size ? NULL : unreadable(GOSPY_ERROR_BAD_DATA);
}

static struct gospy_error *open_dwarf(struct gospy_dwarf *dwarf, const struct gospy_source *source)
{
	struct gospy_error *err = gospy_dwarf_sections_init(&dwarf->sections, source);

	if (err)
		return err;
	uint64_t good = gospy_dwarf_check_info(&dwarf->sections);
	if (!good)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "the debug information is of an unknown kind");
	gospy_dwarf_sections_cut_info(&dwarf->sections, good);
	elf_version(EV_CURRENT);
	const struct gospy_source *file = &dwarf->sections.file;
	dwarf->elf = elf_memory((char *)(uintptr_t)file->data, file->size);
	if (dwarf->elf)
		dwarf->dwarf = dwarf_begin_elf(dwarf->elf, DWARF_C_READ, NULL);
	if (!dwarf->dwarf)
		return unreadable(GOSPY_ERROR_BAD_DATA);
	dwarf_new_oom_handler(dwarf->dwarf, give_up);
	return guarded(dwarf, read_units, NULL);
}

struct gospy_error *gospy_dwarf_open(const struct gospy_source *source, struct gospy_dwarf **ret)
{
	struct gospy_dwarf *dwarf = calloc(1, sizeof(*dwarf));

	if (!dwarf)
		return &gospy_enomem;
	struct gospy_error *err = open_dwarf(dwarf, source);
	if (err) {
		gospy_dwarf_close(dwarf);
		return err;
	}
	*ret = dwarf;
	return NULL;
}

void gospy_dwarf_close(struct gospy_dwarf *dwarf)
{
	if (!dwarf)
		return;
	unit_vec_deinit(&dwarf->units);
	dwarf_end(dwarf->dwarf);
	elf_end(dwarf->elf);
	gospy_dwarf_sections_deinit(&dwarf->sections);
	free(dwarf);
}

struct request {
	const char *name;
	int tag;
	uint64_t pc;
	Dwarf_Die die;
	struct gospy_structure structure;
	uint64_t address;
	const char *function, *file;
	uint32_t line;
};

/** The child of `unit` that is asked for; false when there is none. */
static bool find_child(const struct unit *unit, struct request *request)
{
	Dwarf_Die parent = unit->die, *die = &request->die;
	int result = dwarf_child(&parent, die);

	/* libdw goes only forward, within the unit. */
	while (!result) {
		const char *name = dwarf_tag(die) == request->tag ? dwarf_diename(die) : NULL;
		if (name && !strcmp(name, request->name))
			return true;
		result = dwarf_siblingof(die, die);
	}
	return false;
}

/** Whether a unit is the package of `name` ("runtime" for "runtime.g"). */
static bool is_package_of(const struct unit *unit, const char *name)
{
	const char *dot = strrchr(name, '.');

	return unit->name && dot && strlen(unit->name) == (size_t)(dot - name) &&
	       !memcmp(unit->name, name, strlen(unit->name));
}

/**
 * Searches the units of its own package first, then all others: Go's linker puts the types of all
 * packages into a unit of package runtime (cmd/link/internal/ld/dwarf.go, dwarfGenerateDebugInfo).
 */
static struct gospy_error *find(struct gospy_dwarf *dwarf, struct request *request)
{
	for (int others = 0; others < 2; others++) {
		for (size_t i = 0; i < dwarf->units.size; i++) {
			const struct unit *unit = &dwarf->units.data[i];
			if (is_package_of(unit, request->name) == !others &&
			    find_child(unit, request))
				return NULL;
		}
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "the debug information has no %s",
				  request->name);
}

/** An expression of one operation with one operand. */
struct expression {
	uint8_t operation;
	uint64_t operand;
};

/**
 * Reads an attribute that is a block of one operation. Not with dwarf_getlocation(), which refuses
 * the DW_FORM_block1 that Go's linker writes in DWARF 4 and 5 too.
 */
static bool read_expression(Dwarf_Attribute *attribute, struct expression *ret)
{
	Dwarf_Block block;

	if (dwarf_formblock(attribute, &block))
		return false;
	struct gospy_cursor c = gospy_cursor_make("an expression", block.data, block.length);
	ret->operation = gospy_cursor_u8(&c);
	ret->operand =
		ret->operation == DW_OP_addr ? gospy_cursor_u64(&c) : gospy_cursor_uvarint(&c);
	return !c.failed && !gospy_cursor_left(&c);
}

/** DW_AT_data_member_location: a constant, or the one-operation expression of older compilers. */
static bool member_offset(Dwarf_Die *member, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	struct expression expression;

	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute))
		return false;
	if (!dwarf_formudata(&attribute, ret))
		return true;
	if (!read_expression(&attribute, &expression) || expression.operation != DW_OP_plus_uconst)
		return false;
	*ret = expression.operand;
	return true;
}

static bool member_type(Dwarf_Die *member, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(member, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, ret) &&
	       !dwarf_peel_type(ret, ret);
}

/** Bytes of a type; 0 where it does not say, as arrays of C do. */
static uint64_t type_size(Dwarf_Die *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Word size;

	if (dwarf_attr(type, DW_AT_byte_size, &attribute) && !dwarf_formudata(&attribute, &size))
		return size;
	/* Go's linker leaves it to the reader to know the size of a pointer. */
	return dwarf_tag(type) == DW_TAG_pointer_type ? 8 : 0;
}

/** One level of the struct at hand: the member it is at, its offset, the length of its name. */
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
	/** Bytes of debug information that may still be passed: the same struct may come often. */
	uint64_t left;
};

static struct gospy_error *too_large(void)
{
	return gospy_error_create(GOSPY_ERROR_BAD_DATA,
				  "the debug information describes a struct without end");
}

/** Begins with the members of `type`, whose own name ends at `prefix`. */
static void enter(struct expansion *e, Dwarf_Die *type, uint64_t offset, size_t prefix)
{
	struct level level = {.offset = offset, .prefix = prefix, .fresh = true};

	if (e->depth + 1 < MAX_DEPTH && !dwarf_child(type, &level.member))
		e->levels[++e->depth] = level;
}

static struct gospy_error *add_member(struct expansion *e, Dwarf_Die *member)
{
	const struct level *level = &e->levels[e->depth];
	const char *name = dwarf_diename(member);
	uint64_t offset, prefix = level->prefix;
	Dwarf_Die type;

	if (!name || !member_offset(member, &offset) || !member_type(member, &type))
		return NULL;
	int n = snprintf(e->name + prefix, sizeof(e->name) - prefix, "%s", name);
	if (n < 0 || prefix + (size_t)n + 2 > sizeof(e->name))
		return NULL;
	offset += level->offset;
	struct gospy_error *err =
		gospy_structure_add(e->structure, e->name, offset, type_size(&type));
	if (err || dwarf_tag(&type) != DW_TAG_structure_type)
		return err;
	prefix += (size_t)n;
	e->name[prefix] = '.';
	enter(e, &type, offset, prefix + 1);
	return NULL;
}

/** Goes to the next member at this level; `*ret_more` is false at its end. */
static struct gospy_error *advance(struct expansion *e, bool *ret_more)
{
	struct level *level = &e->levels[e->depth];
	Dwarf_Die next = level->member;
	int result = level->fresh ? 0 : dwarf_siblingof(&level->member, &next);
	uint64_t passed = (uint64_t)((const char *)next.addr - (const char *)level->member.addr);

	/* A list that does not end with its struct would be passed to the end of the unit each
	 * time. */
	if (result < 0 || (!passed && !level->fresh) || passed > e->left)
		return too_large();
	e->left -= passed;
	level->member = next;
	level->fresh = false;
	*ret_more = !result;
	return NULL;
}

static struct gospy_error *expand(struct expansion *e, Dwarf_Die *die)
{
	struct gospy_error *err = NULL;
	bool more = false;

	enter(e, die, 0, 0);
	while (!err && e->depth >= 0) {
		err = advance(e, &more);
		if (err)
			return err;
		Dwarf_Die member = e->levels[e->depth].member;
		if (!more)
			e->depth--;
		else if (dwarf_tag(&member) == DW_TAG_member)
			err = add_member(e, &member);
	}
	return err;
}

static struct gospy_error *read_structure(struct gospy_dwarf *dwarf, void *arg)
{
	struct request *request = arg;
	struct expansion e = {
		.structure = &request->structure,
		.depth = -1,
		.left = dwarf->sections.sections[GOSPY_DWARF_INFO].size + SPARE_BYTES,
	};
	struct gospy_error *err = find(dwarf, request);

	if (err)
		return err;
	request->structure.size = type_size(&request->die);
	request->structure.name = strdup(request->name);
	return request->structure.name ? expand(&e, &request->die) : &gospy_enomem;
}

struct gospy_error *gospy_dwarf_structure(struct gospy_dwarf *dwarf, const char *name,
					  struct gospy_structure *ret)
{
	struct request request = {.name = name, .tag = DW_TAG_structure_type};
	struct gospy_error *err = guarded(dwarf, read_structure, &request);

	if (err) {
		gospy_structure_deinit(&request.structure);
		return err;
	}
	*ret = request.structure;
	return NULL;
}

/** Entry `index` of the unit's part of .debug_addr (DWARF 5). */
static bool indexed_address(struct gospy_dwarf *dwarf, Dwarf_Die *die, uint64_t index,
			    uint64_t *ret)
{
	const struct gospy_dwarf_section *section = &dwarf->sections.sections[GOSPY_DWARF_ADDR];
	struct gospy_cursor c = gospy_cursor_make(".debug_addr", section->data, section->size);
	Dwarf_Attribute attribute;
	Dwarf_Word base;
	Dwarf_Die unit;

	if (!dwarf_diecu(die, &unit, NULL, NULL) ||
	    !dwarf_attr(&unit, DW_AT_addr_base, &attribute) || dwarf_formudata(&attribute, &base))
		return false;
	gospy_cursor_seek(&c, base);
	gospy_cursor_skip(&c, index > section->size / 8 ? section->size : index * 8);
	*ret = gospy_cursor_u64(&c);
	return !c.failed;
}

static struct gospy_error *read_variable(struct gospy_dwarf *dwarf, void *arg)
{
	struct request *request = arg;
	struct expression expression;
	Dwarf_Attribute attribute;
	struct gospy_error *err = find(dwarf, request);

	if (err)
		return err;
	if (dwarf_attr(&request->die, DW_AT_location, &attribute) &&
	    read_expression(&attribute, &expression)) {
		request->address = expression.operand;
		if (expression.operation == DW_OP_addr ||
		    (expression.operation == DW_OP_addrx &&
		     indexed_address(dwarf, &request->die, expression.operand, &request->address)))
			return NULL;
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND,
				  "the debug information gives %s no address", request->name);
}

struct gospy_error *gospy_dwarf_variable(struct gospy_dwarf *dwarf, const char *name,
					 uint64_t *ret_address)
{
	struct request request = {.name = name, .tag = DW_TAG_variable};
	struct gospy_error *err = guarded(dwarf, read_variable, &request);

	if (err)
		return err;
	*ret_address = request.address;
	return NULL;
}

/** The search for an address ends after so much work: some ten seconds. */
#define MAX_RANGES_WORK (UINT64_C(1) << 36)

struct range_search {
	uint64_t pc;
	/** Bytes of a list of ranges at worst. */
	uint64_t list_size;
	uint64_t work;
};

static bool contains(struct range_search *search, Dwarf_Die *die)
{
	search->work += dwarf_hasattr(die, DW_AT_ranges) ? search->list_size : 1;
	return search->work <= MAX_RANGES_WORK && dwarf_haspc(die, search->pc) > 0;
}

/** The function of the unit at the pc, or NULL. */
static const char *function_at(struct range_search *search, Dwarf_Die *unit)
{
	Dwarf_Die die;
	int result = dwarf_child(unit, &die);

	while (!result) {
		if (dwarf_tag(&die) == DW_TAG_subprogram && contains(search, &die))
			return dwarf_diename(&die);
		result = dwarf_siblingof(&die, &die);
	}
	return NULL;
}

static void read_line(struct gospy_dwarf *dwarf, Dwarf_Die *unit, struct request *request)
{
	Dwarf_Attribute list, folder;
	Dwarf_Word offset;
	const char *comp_dir = NULL;
	int line = 0;

	if (dwarf_attr(unit, DW_AT_comp_dir, &folder))
		comp_dir = dwarf_formstring(&folder);
	if (!dwarf_attr(unit, DW_AT_stmt_list, &list) || dwarf_formudata(&list, &offset) ||
	    !gospy_dwarf_check_lines(&dwarf->sections, offset, comp_dir))
		return;
	Dwarf_Line *row = dwarf_getsrc_die(unit, request->pc);
	if (!row)
		return;
	request->file = dwarf_linesrc(row, NULL, NULL);
	if (!dwarf_lineno(row, &line) && line > 0)
		request->line = (uint32_t)line;
}

/** By the ranges of the units: Go writes no .debug_aranges. */
static struct gospy_error *read_location(struct gospy_dwarf *dwarf, void *arg)
{
	const struct gospy_dwarf_section *sections = dwarf->sections.sections;
	struct request *request = arg;
	struct range_search search = {
		.pc = request->pc,
		.list_size =
			sections[GOSPY_DWARF_RANGES].size + sections[GOSPY_DWARF_RNGLISTS].size,
	};

	for (size_t i = 0; i < dwarf->units.size; i++) {
		Dwarf_Die unit = dwarf->units.data[i].die;
		if (!contains(&search, &unit))
			continue;
		request->function = function_at(&search, &unit);
		read_line(dwarf, &unit, request);
		return NULL;
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND,
				  "the debug information has nothing about this address");
}

struct gospy_error *gospy_dwarf_location(struct gospy_dwarf *dwarf, uint64_t pc,
					 const char **ret_function, const char **ret_file,
					 uint32_t *ret_line)
{
	struct request request = {.pc = pc};
	struct gospy_error *err = guarded(dwarf, read_location, &request);

	if (err)
		return err;
	*ret_function = request.function;
	*ret_file = request.file;
	*ret_line = request.line;
	return NULL;
}
