/* SPDX-License-Identifier: MIT */
#include "pclntab_private.h"

/* debug/gosym/pclntab.go, Go 1.27: the magic tells the layout; two zero bytes, minLC and pointer
 * size follow. */
enum {
	HEADER_MIN_INSTRUCTION_AT = 6,
	HEADER_POINTER_SIZE_AT = 7,
	HEADER_SIZE = 8,
	MAX_HEADER = 256,
};

/** The table's bytes from `offset` on, as a cursor. */
static struct gospy_cursor cursor_at(const struct gospy_pclntab *table, uint64_t offset)
{
	struct gospy_cursor c = gospy_cursor_make("pclntab", table->bytes.data, table->bytes.size);

	gospy_cursor_seek(&c, offset);
	return c;
}

static bool is_offset_layout(const struct gospy_pclntab *table)
{
	return table->version >= GOSPY_PCLNTAB_1_18;
}

static uint64_t functab_field_size(const struct gospy_pclntab *table)
{
	return is_offset_layout(table) ? 4 : 8;
}

/** The pc column alone; `index` may be num_functions: where the last function ends. */
static uint64_t entry_pc(const struct gospy_pclntab *table, uint64_t index)
{
	const uint8_t *functab = table->bytes.data + table->functab;

	if (is_offset_layout(table))
		return gospy_load_u32(functab + index * 8);
	return gospy_load_u64(functab + index * 16);
}

struct gospy_functab_entry gospy_pclntab_entry(const struct gospy_pclntab *table, uint64_t index)
{
	const uint8_t *functab = table->bytes.data + table->functab;
	/* Records count from the start of the table of functions, before 1.16 from the magic. */
	uint64_t base = table->version == GOSPY_PCLNTAB_1_2 ? 0 : table->functab;
	struct gospy_functab_entry entry = {.pc = entry_pc(table, index)};
	uint64_t offset = is_offset_layout(table) ? gospy_load_u32(functab + index * 8 + 4)
						  : gospy_load_u64(functab + index * 16 + 8);

	entry.record = offset < table->bytes.size ? base + offset : UINT64_MAX;
	return entry;
}

const char *gospy_pclntab_string(const struct gospy_pclntab *table, uint64_t offset)
{
	struct gospy_cursor c = cursor_at(table, offset);

	return gospy_cursor_cstring(&c, GOSPY_MAX_NAME);
}

const char *gospy_pclntab_name(const struct gospy_pclntab *table, uint32_t name_offset)
{
	return gospy_pclntab_string(table, table->funcnametab + name_offset);
}

/** Up to 1.15: count and table of functions, followed by the offset of the table of files. */
static bool parse_header_1_2(struct gospy_pclntab *table)
{
	struct gospy_cursor c = cursor_at(table, HEADER_SIZE);

	table->num_functions = gospy_cursor_u64(&c);
	table->functab = c.pos;
	if (table->num_functions > GOSPY_MAX_FUNCTIONS)
		return false;
	gospy_cursor_skip(&c, table->num_functions * 16 + 8);
	table->filetab = gospy_cursor_u32(&c);
	gospy_cursor_seek(&c, table->filetab);
	table->num_files = gospy_cursor_u32(&c);
	return !c.failed && table->num_files <= gospy_cursor_left(&c) / 4 + 1;
}

/** 1.16 and newer: five tables one after the other; runtime/symtab.go pcHeader. */
static bool parse_header_1_16(struct gospy_pclntab *table)
{
	struct gospy_cursor c = cursor_at(table, HEADER_SIZE);

	table->num_functions = gospy_cursor_u64(&c);
	table->num_files = gospy_cursor_u64(&c);
	if (is_offset_layout(table))
		table->text = gospy_cursor_u64(&c);
	uint64_t header_size = c.pos + 5 * 8;
	table->funcnametab = gospy_cursor_u64(&c);
	table->cutab = gospy_cursor_u64(&c);
	table->filetab = gospy_cursor_u64(&c);
	table->pctab = gospy_cursor_u64(&c);
	table->functab = gospy_cursor_u64(&c);
	return !c.failed && table->funcnametab >= header_size && table->funcnametab <= MAX_HEADER &&
	       table->funcnametab < table->cutab && table->cutab < table->filetab &&
	       table->filetab < table->pctab && table->pctab < table->functab &&
	       table->functab < table->bytes.size;
}

/** Whether record `index` says the same entry as the table of functions, and has a name. */
static bool check_record(const struct gospy_pclntab *table, uint64_t index)
{
	const struct gospy_func_layout *layout = gospy_pclntab_func_layout(table);
	struct gospy_functab_entry entry = gospy_pclntab_entry(table, index);
	struct gospy_cursor c = cursor_at(table, entry.record);
	uint64_t pc = layout->entry_size == 4 ? gospy_cursor_u32(&c) : gospy_cursor_u64(&c);
	uint32_t name = gospy_cursor_u32(&c);

	return !c.failed && pc == entry.pc && gospy_pclntab_name(table, name);
}

/** NULL, or what is wrong. */
static const char *check_functab(const struct gospy_pclntab *table)
{
	uint64_t count = table->num_functions;

	if (count == 0 || count > GOSPY_MAX_FUNCTIONS)
		return "its number of functions";
	if (table->functab % functab_field_size(table) != 0 || table->functab > table->bytes.size ||
	    (count * 2 + 1) * functab_field_size(table) > table->bytes.size - table->functab)
		return "its table of functions";
	/* A position-independent file may leave all addresses to the dynamic linker. */
	if (entry_pc(table, 0) >= entry_pc(table, count))
		return "the addresses of its functions";
	if (!check_record(table, 0) || !check_record(table, count - 1))
		return "its function records";
	return NULL;
}

static bool parse_magic(uint32_t magic, enum gospy_pclntab_version *ret)
{
	switch (magic) {
	case 0xfffffffb:
		*ret = GOSPY_PCLNTAB_1_2;
		return true;
	case 0xfffffffa:
		*ret = GOSPY_PCLNTAB_1_16;
		return true;
	case 0xfffffff0:
		*ret = GOSPY_PCLNTAB_1_18;
		return true;
	case 0xfffffff1:
		*ret = GOSPY_PCLNTAB_1_20;
		return true;
	default:
		return false;
	}
}

/** Fills in `table` from `bytes`; NULL, or what is wrong. */
static const char *parse(const struct gospy_image *image, struct gospy_region bytes,
			 struct gospy_pclntab *table)
{
	*table = (struct gospy_pclntab){.image = image, .bytes = bytes, .go_minor = -1};
	if (bytes.size < HEADER_SIZE || !parse_magic(gospy_load_u32(bytes.data), &table->version) ||
	    bytes.data[4] != 0 || bytes.data[5] != 0)
		return "its magic number";
	table->min_instruction = bytes.data[HEADER_MIN_INSTRUCTION_AT];
	if (table->min_instruction != 1 && table->min_instruction != 2 &&
	    table->min_instruction != 4)
		return "its instruction size";
	if (bytes.data[HEADER_POINTER_SIZE_AT] != 8)
		return "its pointer size";
	if (!(table->version == GOSPY_PCLNTAB_1_2 ? parse_header_1_2(table)
						  : parse_header_1_16(table)))
		return "its header";
	return check_functab(table);
}

struct gospy_error *gospy_pclntab_init(const struct gospy_image *image, struct gospy_region bytes,
				       struct gospy_pclntab *ret)
{
	struct gospy_pclntab table;
	const char *wrong = parse(image, bytes, &table);

	if (wrong)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "not a Go function table: %s",
					  wrong);
	*ret = table;
	return NULL;
}

static bool find_by_section(const struct gospy_image *image, struct gospy_pclntab *ret)
{
	static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab", "gopclntab"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct gospy_section *section = gospy_image_section(image, names[i]);
		if (!section)
			continue;
		struct gospy_region bytes = {
			.data = gospy_image_at(image, section->address, section->size),
			.address = section->address,
			.size = section->size};
		if (bytes.data && !parse(image, bytes, ret))
			return true;
	}
	return false;
}

/** Looks at each eight-byte boundary: the linker aligns the table to 32. */
static bool find_in_segment(const struct gospy_image *image, const struct gospy_segment *segment,
			    struct gospy_pclntab *ret)
{
	const uint8_t *bytes = gospy_image_at(image, segment->address, segment->file_size);

	if (!bytes)
		return false;
	for (uint64_t i = -segment->address & 7; i + 8 <= segment->file_size; i += 8) {
		/* The magics differ in their lowest byte; the two zero bytes come after them. */
		if ((gospy_load_u64(bytes + i) & UINT64_C(0x0000ffffffffff00)) !=
		    UINT64_C(0xffffff00))
			continue;
		struct gospy_region region = {bytes + i, segment->address + i,
					      segment->file_size - i};
		if (!parse(image, region, ret))
			return true;
	}
	return false;
}

/** Code last: only some linkers put read-only data into its segment. */
static bool find_by_scan(const struct gospy_image *image, struct gospy_pclntab *ret)
{
	for (int executable = 0; executable <= 1; executable++) {
		for (size_t i = 0; i < image->segments.size; i++) {
			const struct gospy_segment *segment = &image->segments.data[i];
			if (segment->executable == executable &&
			    find_in_segment(image, segment, ret))
				return true;
		}
	}
	return false;
}

struct gospy_error *gospy_pclntab_find(const struct gospy_image *image, struct gospy_pclntab *ret)
{
	struct gospy_pclntab table;

	if (!find_by_section(image, &table) && !find_by_scan(image, &table))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no Go function table");
	*ret = table;
	return NULL;
}

/** textOff of runtime/symtab.go: the offset that stands for `pc` in 1.18+ tables. */
static bool text_offset(const struct gospy_pclntab *table, uint64_t pc, uint64_t *ret)
{
	for (size_t i = 0; i < table->num_text_sections; i++) {
		const struct gospy_text_section *section = &table->text_sections[i];
		if (pc >= section->address &&
		    pc - section->address < section->end - section->start) {
			*ret = section->start + (pc - section->address);
			return true;
		}
	}
	*ret = pc - table->text;
	return table->num_text_sections == 0 && pc >= table->text;
}

/** textAddr of runtime/symtab.go. */
static uint64_t text_address(const struct gospy_pclntab *table, uint64_t offset)
{
	for (size_t i = 0; i < table->num_text_sections; i++) {
		const struct gospy_text_section *section = &table->text_sections[i];
		if (offset >= section->start && offset < section->end)
			return section->address + (offset - section->start);
	}
	return table->text + offset;
}

GOSPY_CHECKED static struct gospy_error *check_text(const struct gospy_pclntab *table)
{
	if (is_offset_layout(table) && table->text == 0)
		return gospy_error_create(GOSPY_ERROR_NO_SYMBOLS,
					  "where the text begins is not known");
	return NULL;
}

GOSPY_CHECKED static struct gospy_error *bad_record(uint64_t index)
{
	return gospy_error_create(GOSPY_ERROR_BAD_DATA, "function %llu of the table is malformed",
				  (unsigned long long)index);
}

/** Reads the record of function `index`; false where it is malformed. */
static bool read_record(const struct gospy_pclntab *table, uint64_t index, struct gospy_func *func)
{
	const struct gospy_func_layout *layout = gospy_pclntab_func_layout(table);
	struct gospy_functab_entry entry = gospy_pclntab_entry(table, index);
	uint64_t end = entry_pc(table, index + 1);

	if (entry.record > table->bytes.size || table->bytes.size - entry.record < layout->size ||
	    end < entry.pc)
		return false;
	const uint8_t *record = table->bytes.data + entry.record;
	uint8_t flag = layout->flag ? record[layout->flag] : 0;
	*func = (struct gospy_func){
		.index = (uint32_t)index,
		.entry = is_offset_layout(table) ? text_address(table, entry.pc) : entry.pc,
		.name = gospy_pclntab_name(table, gospy_load_u32(record + layout->name)),
		.args_size = (int32_t)gospy_load_u32(record + layout->args),
		.func_id = record[layout->func_id],
		.flags = flag,
		.record = entry.record,
		.num_pcdata = gospy_load_u32(record + layout->num_pcdata),
		.num_funcdata = record[layout->num_funcdata],
		.pcsp = gospy_load_u32(record + layout->pcsp),
		.pcfile = gospy_load_u32(record + layout->pcfile),
		.pcln = gospy_load_u32(record + layout->pcln),
		.defer_return = gospy_load_u32(record + layout->defer_return),
	};
	func->end = func->entry + (end - entry.pc);
	if (layout->cu_offset)
		func->cu_offset = gospy_load_u32(record + layout->cu_offset);
	if (layout->start_line)
		func->start_line = gospy_load_u32(record + layout->start_line);
	return func->name != NULL;
}

/**
 * runtime/traceback.go topofstack up to 1.16; the numbers of these functions were the same
 * from 1.12 to 1.16: goexit, mcall, morestack, mstart, rt0_go, externalthreadhandler.
 */
static bool is_top_by_id(uint8_t func_id)
{
	return func_id == 2 || (func_id >= 4 && func_id <= 7) || func_id == 16;
}

/** For a 1.16 table whose minor is not known: the functions that are outermost in 1.16 and 1.17. */
static bool is_top_by_name(const struct gospy_func *func)
{
	return func->func_id != 0 && (strcmp(func->name, "runtime.goexit") == 0 ||
				      strcmp(func->name, "runtime.mstart") == 0 ||
				      strcmp(func->name, "runtime.rt0_go") == 0);
}

/** internal/abi/symtab.go FuncFlag, Go 1.17 (runtime/symtab.go) to 1.27. */
static uint32_t portable_flags(const struct gospy_pclntab *table, const struct gospy_func *func)
{
	static const uint32_t meanings[] = {GOSPY_FUNC_TOP_FRAME, GOSPY_FUNC_SP_WRITE,
					    GOSPY_FUNC_ASM};
	uint32_t flags = 0;

	for (unsigned int bit = 0; bit < 3; bit++) {
		if (func->flags & 1u << bit)
			flags |= meanings[bit];
	}
	if (gospy_pclntab_is_wrapper(table, func->func_id))
		flags |= GOSPY_FUNC_WRAPPER;
	if (table->version == GOSPY_PCLNTAB_1_2 ||
	    (table->version == GOSPY_PCLNTAB_1_16 && table->go_minor == 16)) {
		if (is_top_by_id(func->func_id))
			flags |= GOSPY_FUNC_TOP_FRAME;
	} else if (table->version == GOSPY_PCLNTAB_1_16 && table->go_minor < 0) {
		if (is_top_by_name(func))
			flags |= GOSPY_FUNC_TOP_FRAME;
	}
	return flags;
}

struct gospy_error *gospy_pclntab_func(const struct gospy_pclntab *table, uint64_t index,
				       struct gospy_func *ret)
{
	struct gospy_func func;
	struct gospy_error *err = check_text(table);

	if (err)
		return err;
	if (index >= table->num_functions || !read_record(table, index, &func))
		return bad_record(index);
	func.flags = portable_flags(table, &func);
	*ret = func;
	return NULL;
}

struct gospy_error *gospy_pclntab_find_func(const struct gospy_pclntab *table, uint64_t pc,
					    struct gospy_func *ret)
{
	uint64_t low = 0, high = table->num_functions, key = pc;
	struct gospy_error *err = check_text(table);
	bool inside;

	if (err)
		return err;
	inside = !is_offset_layout(table) || text_offset(table, pc, &key);
	if (!inside || key < entry_pc(table, 0) || key >= entry_pc(table, table->num_functions))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no Go function at 0x%llx",
					  (unsigned long long)pc);
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		if (entry_pc(table, middle) <= key)
			low = middle;
		else
			high = middle;
	}
	/* The pclntab writer marks holes between text sections by records that cannot be. */
	if (gospy_pclntab_entry(table, low).record == UINT64_MAX)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no Go function at 0x%llx",
					  (unsigned long long)pc);
	return gospy_pclntab_func(table, low, ret);
}

struct gospy_error *gospy_pclntab_find_name(const struct gospy_pclntab *table, const char *name,
					    struct gospy_func *ret)
{
	struct gospy_func func;
	bool found;
	struct gospy_error *err = gospy_pclntab_find_names(table, &name, 1, &func, &found);

	if (err)
		return err;
	if (!found)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no function %s", name);
	*ret = func;
	return NULL;
}
