/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/moduledata.h>

#include "program_parts.h"

/** Bytes of a segment that are searched at once. */
#define WINDOW_SIZE (UINT64_C(1) << 18)
/** Bytes searched in all: the data of a large program with its types and function table in it. */
#define MAX_SEARCHED (UINT64_C(1) << 30)
/** Places that begin like moduledata; one or two in every binary seen. */
#define MAX_CANDIDATES 1000
/** The linker splits text on arm64, each part being tens of MB. */
#define MAX_TEXT_SECTIONS 4096

void gospy_module_deinit(struct gospy_module *module)
{
	gospy_mapped_image_free(module->image);
	free(module->name);
	free(module->text_sections);
	memset(module, 0, sizeof(*module));
}

static void set_data(struct gospy_module *module, const struct gospy_moduledata *data)
{
	const uint64_t bounds[4][2] = {
		{data->noptrdata, data->enoptrdata},
		{data->data, data->edata},
		{data->bss, data->ebss},
		{data->noptrbss, data->enoptrbss},
	};

	for (size_t i = 0; i < 4; i++) {
		module->data[i].start = bounds[i][0];
		module->data[i].end = bounds[i][1];
	}
}

/** What the function table cannot know of itself: where the text and the function data begin. */
static void set_bases(struct gospy_module *module, const struct gospy_moduledata *data)
{
	uint64_t gofunc = data->gofunc - module->bias;
	uint64_t size = data->gofunc ? gospy_image_left(module->image, gofunc) : 0;

	module->pclntab.text = data->text - module->bias;
	module->pclntab.gofunc = (struct gospy_region){};
	if (size)
		module->pclntab.gofunc = (struct gospy_region){
			gospy_image_at(module->image, gofunc, size), gofunc, size};
}

/** runtime/symtab.go textsect: parts of a text that is too large for one section. */
static struct gospy_error *read_text_sections(struct gospy_target *target,
					      const struct gospy_moduledata *data, uint64_t bias,
					      struct gospy_text_section **ret)
{
	uint64_t count = data->textsectmap.size;
	_cleanup_free_ uint64_t *words = NULL;

	*ret = NULL;
	if (count < 2)
		return NULL;
	if (count > MAX_TEXT_SECTIONS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "its module data claims %llu parts of the text",
					  (unsigned long long)count);
	words = calloc(count, 24);
	_cleanup_free_ struct gospy_text_section *sections = calloc(count, sizeof(*sections));
	if (!words || !sections)
		return &gospy_enomem;
	struct gospy_error *err =
		gospy_target_read(target, data->textsectmap.data, words, count * 24);
	if (err)
		return err;
	for (uint64_t i = 0; i < count; i++)
		sections[i] = (struct gospy_text_section){words[i * 3], words[i * 3 + 1],
							  words[i * 3 + 2] - bias};
	*ret = take_ptr(sections);
	return NULL;
}

/** Takes the image of `mapped`, on success only. */
static struct gospy_error *module_init(struct gospy_module *module, struct gospy_target *target,
				       struct gospy_mapped_image *mapped,
				       const struct gospy_pclntab *table, uint64_t address,
				       const struct gospy_moduledata *data)
{
	struct gospy_text_section *sections = NULL;
	struct gospy_error *err = NULL;

	/* Older tables hold addresses, and textsect was another struct. */
	if (table->version >= GOSPY_PCLNTAB_1_18)
		err = read_text_sections(target, data, mapped->bias, &sections);
	if (err)
		return err;
	*module = (struct gospy_module){
		.image = take_ptr(mapped->image),
		.bias = mapped->bias,
		.address = address,
		.pclntab = *table,
		.text = data->text,
		.etext = data->etext,
		.types = data->types,
		.etypes = data->etypes,
	};
	module->text_sections = sections;
	module->pclntab.text_sections = sections;
	module->pclntab.num_text_sections = sections ? data->textsectmap.size : 0;
	set_data(module, data);
	set_bases(module, data);
	return NULL;
}

/** Appends the module, for which there is room (reserve_modules). */
static struct gospy_error *append_module(struct gospy_program *program,
					 struct gospy_mapped_image *mapped,
					 const struct gospy_pclntab *table, uint64_t address,
					 const struct gospy_moduledata *data)
{
	struct gospy_module module;
	struct gospy_error *err =
		module_init(&module, program->target, mapped, table, address, data);

	if (err)
		return err;
	if (gospy_module_vec_append(&program->modules, module))
		return NULL;
	gospy_module_deinit(&module);
	return &gospy_enomem;
}

/** Decodes the moduledata at `address`; *ret_valid tells whether it is that of the table at
 * `pclntab`. */
static struct gospy_error *read_moduledata(const struct gospy_program *program, uint64_t address,
					   enum gospy_pclntab_version version, uint64_t pclntab,
					   struct gospy_moduledata *ret, bool *ret_valid)
{
	uint8_t bytes[GOSPY_MODULEDATA_SIZE];
	struct gospy_read read = {.address = address, .size = sizeof(bytes), .buffer = bytes};
	struct gospy_error *err = gospy_target_read_many(program->target, &read, 1);

	*ret_valid = false;
	if (err)
		return err;
	err = gospy_moduledata_parse(bytes, read.done, version, program->version.minor, ret);
	if (gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA))
		return NULL;
	*ret_valid = !err && gospy_moduledata_valid(ret, pclntab);
	return err;
}

struct search {
	const struct gospy_program *program;
	const struct gospy_pclntab *table;
	/** Run-time address of the table: what moduledata begins with. */
	uint64_t wanted;
	uint8_t *window;
	/** Bytes and candidates that may still be looked at. */
	uint64_t left;
	unsigned int candidates_left;
	bool found;
	uint64_t address;
	struct gospy_moduledata data;
};

/** `size` bytes of the window stand at `start`, which is a multiple of 8. */
static struct gospy_error *search_window(struct search *search, uint64_t start, uint64_t size)
{
	for (uint64_t pos = 0; pos + 8 <= size; pos += 8) {
		if (gospy_load_u64(search->window + pos) != search->wanted)
			continue;
		if (!search->candidates_left--) {
			search->left = 0;
			return NULL;
		}
		struct gospy_error *err =
			read_moduledata(search->program, start + pos, search->table->version,
					search->wanted, &search->data, &search->found);
		search->address = start + pos;
		if (err || search->found)
			return err;
	}
	return NULL;
}

/**
 * From the end: moduledata is among the last of the initialised data, behind the types and the
 * function table where those are in a writable segment (position-independent programs up to 1.25).
 */
static struct gospy_error *search_range(struct search *search, uint64_t start, uint64_t end)
{
	start = (start + 7) & ~UINT64_C(7);
	while (end > start && end - start >= 8 && search->left && !search->found) {
		uint64_t size = end - start < WINDOW_SIZE ? end - start : WINDOW_SIZE;
		uint64_t at = (end - size) & ~UINT64_C(7);
		struct gospy_read read = {
			.address = at, .size = end - at, .buffer = search->window};
		struct gospy_error *err = gospy_target_read_many(search->program->target, &read, 1);
		if (!err)
			err = search_window(search, at, read.done);
		if (err)
			return err;
		search->left -= size < search->left ? size : search->left;
		end = at;
	}
	return NULL;
}

/** The writable segments first, where the linkers put it, then the others. */
static struct gospy_error *search_image(struct search *search, const struct gospy_image *image,
					uint64_t bias)
{
	for (int writable = 1; writable >= 0; writable--) {
		for (size_t i = image->segments.size; i-- > 0;) {
			const struct gospy_segment *segment = &image->segments.data[i];
			uint64_t size = segment->file_size < segment->memory_size
						? segment->file_size
						: segment->memory_size;
			uint64_t start = segment->address + bias;
			if (segment->writable != writable || segment->executable ||
			    start + size < start)
				continue;
			struct gospy_error *err = search_range(search, start, start + size);
			if (err || search->found)
				return err;
		}
	}
	return NULL;
}

static bool reserve_modules(struct gospy_program *program)
{
	/* Readers keep pointers to modules, so the vector must never move. Untouched, it costs
	 * nothing. */
	return gospy_module_vec_reserve(&program->modules, GOSPY_MAX_MODULES);
}

struct gospy_error *gospy_program_load_runtime(struct gospy_program *program,
					       struct gospy_mapped_image *mapped,
					       const struct gospy_pclntab *table)
{
	/* The last word of a window may straddle its end when a segment's is not aligned. */
	_cleanup_free_ uint8_t *window = malloc(WINDOW_SIZE + 8);
	struct search search = {
		.program = program,
		.table = table,
		.wanted = table->bytes.address + mapped->bias,
		.window = window,
		.left = MAX_SEARCHED,
		.candidates_left = MAX_CANDIDATES,
	};

	if (!window || !reserve_modules(program))
		return &gospy_enomem;
	struct gospy_error *err = search_image(&search, mapped->image, mapped->bias);
	if (err)
		return err;
	if (!search.found)
		return gospy_error_create(
			GOSPY_ERROR_NO_SYMBOLS,
			"%s is a Go program, but its runtime is not set up yet or "
			"is not one this gospy can read (no module data)",
			mapped->path);
	return append_module(program, mapped, table, search.address, &search.data);
}

/** Which table layout the header at run-time address `pclntab` has, from its place in the image. */
static struct gospy_error *open_table(const struct gospy_mapped_image *mapped, uint64_t pclntab,
				      struct gospy_pclntab *ret)
{
	uint64_t address = pclntab - mapped->bias;
	uint64_t size = gospy_image_left(mapped->image, address);
	struct gospy_region bytes = {gospy_image_at(mapped->image, address, size), address, size};

	if (!size || !bytes.data)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "%s has no function table",
					  mapped->path);
	return gospy_pclntab_init(mapped->image, bytes, ret);
}

static bool is_known(const struct gospy_program *program, uint64_t address)
{
	for (size_t i = 0; i < program->modules.size; i++) {
		if (program->modules.data[i].address == address)
			return true;
	}
	return false;
}

/** Adds the module whose moduledata is at `address`. All modules of a process are of one Go
 * version. */
static struct gospy_error *add_module(struct gospy_program *program,
				      const struct gospy_mappings *mappings, uint64_t address)
{
	_cleanup_(gospy_mapped_image_deinit) struct gospy_mapped_image mapped = {};
	enum gospy_pclntab_version version = program->modules.data[0].pclntab.version;
	struct gospy_moduledata data;
	struct gospy_pclntab table;
	uint64_t pclntab;
	bool valid;
	struct gospy_error *err = gospy_target_read_u64(program->target, address, &pclntab);

	if (!err)
		err = read_moduledata(program, address, version, pclntab, &data, &valid);
	if (!err && !valid)
		err = gospy_error_create(GOSPY_ERROR_BAD_DATA, "its module data is malformed");
	if (!err)
		err = gospy_mapped_image_at(program->target, mappings, data.text, &mapped);
	if (!err)
		err = open_table(&mapped, pclntab, &table);
	if (err)
		return err;
	table.go_minor = program->version.minor;
	return append_module(program, &mapped, &table, address, &data);
}

/** pluginpath, else modulename; "" for the program itself. */
static struct gospy_error *name_module(const struct gospy_program *program,
				       const struct gospy_moduledata *data, char **ret)
{
	const struct gospy_slice *name =
		data->pluginpath.size ? &data->pluginpath : &data->modulename;
	struct gospy_error *err = gospy_program_read_bytes(program->target, name->data, name->size,
							   GOSPY_MAX_NAME, ret);

	if (gospy_error_catch(&err, GOSPY_ERROR_FAULT) ||
	    gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA)) {
		*ret = strdup("");
		return *ret ? NULL : &gospy_enomem;
	}
	return err;
}

/** Names the last module, if it has no name yet, and tells which one comes next; 0: none. */
static struct gospy_error *read_last(struct gospy_program *program, uint64_t *ret_next)
{
	struct gospy_module *last = &program->modules.data[program->modules.size - 1];
	uint64_t pclntab = last->pclntab.bytes.address + last->bias;
	struct gospy_moduledata data;
	bool valid;
	struct gospy_error *err = read_moduledata(program, last->address, last->pclntab.version,
						  pclntab, &data, &valid);

	*ret_next = 0;
	if (err || !valid)
		return err;
	*ret_next = data.next;
	return last->name ? NULL : name_module(program, &data, &last->name);
}

/** A module that cannot be read costs the names of its functions, not the whole program. */
static struct gospy_error *skip_module(struct gospy_program *program, uint64_t address,
				       struct gospy_error *reason)
{
	if (reason->code == GOSPY_ERROR_NO_MEMORY || reason->code == GOSPY_ERROR_EXITED)
		return reason;
	struct gospy_error *err = gospy_program_warn(
		program, "a loaded module (at 0x%llx) cannot be read, nor those after it: %s",
		(unsigned long long)address, reason->message);
	gospy_error_destroy(reason);
	return err;
}

struct gospy_error *gospy_program_load_chain(struct gospy_program *program)
{
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {};
	uint64_t next;
	struct gospy_error *err = read_last(program, &next);

	if (err || !next)
		return err;
	err = gospy_target_mappings(program->target, &mappings);
	while (!err && next) {
		if (is_known(program, next) || program->modules.size >= GOSPY_MAX_MODULES)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "the list of modules does not end");
		err = add_module(program, &mappings, next);
		if (err)
			return skip_module(program, next, err);
		err = read_last(program, &next);
	}
	return err;
}
