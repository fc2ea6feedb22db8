/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/cursor.h>
#include <gospy/text.h>

#include "image_symbols.h"

/* Elf64_Sym and the section types, from the System V gABI. */
enum { SYMBOL_SIZE = 24, SHT_SYMTAB = 2, SHT_DYNSYM = 11, SHN_UNDEF = 0 };
enum { STT_SECTION = 3, STT_FILE = 4, STT_TLS = 6 };

struct slot {
	/** NUL-terminated, in the image; NULL: free. */
	const char *name;
	uint64_t address;
	uint64_t hash;
};

struct gospy_image_symbols {
	/** Open addressing; mask + 1 slots, at least half of them free. */
	struct slot *slots;
	uint64_t mask;
};

/** One symbol table of the file with its strings, both within the file. */
struct table {
	const uint8_t *symbols;
	uint64_t count;
	const char *strings;
	uint64_t strings_size;
};

static bool find_table(const struct gospy_image *image, uint32_t type, struct table *ret)
{
	for (size_t i = 0; i < image->sections.size; i++) {
		const struct gospy_section *section = &image->sections.data[i];
		if (section->type != type || section->entry_size != SYMBOL_SIZE ||
		    section->link >= image->sections.size)
			continue;
		const struct gospy_section *names = &image->sections.data[section->link];
		const uint8_t *symbols =
			gospy_source_at(&image->source, section->offset, section->size);
		const uint8_t *strings =
			gospy_source_at(&image->source, names->offset, names->size);
		/* With a NUL at their end all strings of the table have one. */
		if (!symbols || !strings || names->size == 0 || strings[names->size - 1] != 0)
			continue;
		*ret = (struct table){symbols, section->size / SYMBOL_SIZE, (const char *)strings,
				      names->size};
		return true;
	}
	return false;
}

/** The slot of `name`, whose hash is `hash`, or the free one where it belongs; `work` counts the
 * slots looked at. */
static struct slot *find_slot(const struct gospy_image_symbols *symbols, const char *name,
			      uint64_t hash, uint64_t *work)
{
	uint64_t i = hash & symbols->mask;

	for (; symbols->slots[i].name; i = (i + 1) & symbols->mask, ++*work) {
		const struct slot *slot = &symbols->slots[i];
		if (slot->hash == hash && strcmp(slot->name, name) == 0)
			break;
	}
	return &symbols->slots[i];
}

static bool has_address(const uint8_t *symbol)
{
	uint8_t type = symbol[4] & 15;

	return gospy_load_u16(symbol + 6) != SHN_UNDEF && type != STT_SECTION && type != STT_FILE &&
	       type != STT_TLS;
}

/**
 * Enters the symbols of `table`; of several with one name the first counts. Linkers let names
 * overlap at their ends at most: a table that makes more work than that is not one.
 */
GOSPY_CHECKED static struct gospy_error *add_table(struct gospy_image_symbols *symbols,
						   const struct table *table)
{
	uint64_t allowed = 8 * table->strings_size + 64 * table->count;
	uint64_t work = 0;

	for (uint64_t i = 0; i < table->count; i++) {
		const uint8_t *symbol = table->symbols + i * SYMBOL_SIZE;
		uint32_t name = gospy_load_u32(symbol);
		if (name == 0 || name >= table->strings_size || !has_address(symbol))
			continue;
		const char *text = table->strings + name;
		size_t length = strlen(text);
		uint64_t hash = gospy_text_hash(text, length);
		struct slot *slot = find_slot(symbols, text, hash, &work);
		if (!slot->name)
			*slot = (struct slot){text, gospy_load_u64(symbol + 8), hash};
		work += length;
		if (work > allowed)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "the symbol table is malformed");
	}
	return NULL;
}

void gospy_image_symbols_destroy(struct gospy_image_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->slots);
	free(symbols);
}

static void cleanup_symbols(struct gospy_image_symbols **symbols)
{
	gospy_image_symbols_destroy(*symbols);
}

struct gospy_error *gospy_image_symbols_create(const struct gospy_image *image,
					       struct gospy_image_symbols **ret)
{
	struct table tables[2] = {{0}};
	size_t num_tables = 0;

	num_tables += find_table(image, SHT_SYMTAB, &tables[num_tables]);
	num_tables += find_table(image, SHT_DYNSYM, &tables[num_tables]);

	uint64_t capacity = 8;
	while (capacity < 2 * (tables[0].count + tables[1].count))
		capacity *= 2;

	_cleanup_(cleanup_symbols) struct gospy_image_symbols *symbols =
		calloc(1, sizeof(*symbols));
	if (!symbols)
		return &gospy_enomem;
	symbols->slots = calloc(capacity, sizeof(*symbols->slots));
	if (!symbols->slots)
		return &gospy_enomem;
	symbols->mask = capacity - 1;
	for (size_t i = 0; i < num_tables; i++) {
		struct gospy_error *err = add_table(symbols, &tables[i]);
		if (err)
			return err;
	}
	*ret = take_ptr(symbols);
	return NULL;
}

bool gospy_image_symbols_find(const struct gospy_image_symbols *symbols, const char *name,
			      uint64_t *ret_address)
{
	uint64_t work = 0;
	const struct slot *slot =
		find_slot(symbols, name, gospy_text_hash(name, strlen(name)), &work);

	if (!slot->name)
		return false;
	*ret_address = slot->address;
	return true;
}
