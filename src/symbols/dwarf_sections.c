/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <gospy/cursor.h>
#include <gospy/image.h>
#include <gospy/limits.h>

#include "dwarf_sections.h"

/** elf.h of the C library may not know it yet. */
#define COMPRESS_ZSTD 2
/** What zlib achieves at best; a claim far beyond that is none to ask memory for. */
#define MAX_RATIO 1100
/** .zdebug_*: "ZLIB" and the plain size, big-endian. */
#define ZDEBUG_HEADER_SIZE 12
/** Zeros after each section: an unterminated string of a damaged file ends there. */
#define PADDING 64

/** Names without their ".debug_". */
static const char *const names[GOSPY_DWARF_NUM_SECTIONS] = {
	[GOSPY_DWARF_INFO] = "info",	     [GOSPY_DWARF_ABBREV] = "abbrev",
	[GOSPY_DWARF_STR] = "str",	     [GOSPY_DWARF_STR_OFFSETS] = "str_offsets",
	[GOSPY_DWARF_ADDR] = "addr",	     [GOSPY_DWARF_LINE] = "line",
	[GOSPY_DWARF_LINE_STR] = "line_str", [GOSPY_DWARF_RANGES] = "ranges",
	[GOSPY_DWARF_RNGLISTS] = "rnglists",
};

/** A section as the file has it. */
struct packed {
	enum { ABSENT, PLAIN, ZLIB, ZSTD } method;
	const uint8_t *data;
	uint64_t size;
	uint64_t plain_size;
};

/** Reads an Elf64_Chdr; false when it is none of a known method. */
static bool open_compressed(struct packed *packed)
{
	struct gospy_cursor c =
		gospy_cursor_make("a compression header", packed->data, packed->size);
	uint32_t method = gospy_cursor_u32(&c);

	gospy_cursor_skip(&c, 4);
	packed->plain_size = gospy_cursor_u64(&c);
	gospy_cursor_skip(&c, 8);
	if (c.failed || (method != ELFCOMPRESS_ZLIB && method != COMPRESS_ZSTD))
		return false;
	packed->method = method == COMPRESS_ZSTD ? ZSTD : ZLIB;
	packed->data += c.pos;
	packed->size -= c.pos;
	return true;
}

/** A .zdebug_* section, which is a plain one if compressing it did not pay. */
static bool open_zdebug(struct packed *packed)
{
	uint64_t plain_size;

	if (packed->size < ZDEBUG_HEADER_SIZE || memcmp(packed->data, "ZLIB", 4) != 0)
		return true;
	memcpy(&plain_size, packed->data + 4, sizeof(plain_size));
	packed->plain_size = __builtin_bswap64(plain_size);
	packed->method = ZLIB;
	packed->data += ZDEBUG_HEADER_SIZE;
	packed->size -= ZDEBUG_HEADER_SIZE;
	return true;
}

static struct gospy_error *damaged(const char *name)
{
	return gospy_error_create(GOSPY_ERROR_BAD_DATA,
				  "the debug information is damaged: .debug_%s", name);
}

static struct gospy_error *open_section(const struct gospy_image *image, const char *name,
					struct packed *ret)
{
	char debug[32] = ".debug_", zdebug[32] = ".zdebug_";
	const struct gospy_section *section;

	strcat(debug, name);
	strcat(zdebug, name);
	section = gospy_image_section(image, debug);
	bool is_zdebug = !section;
	if (is_zdebug)
		section = gospy_image_section(image, zdebug);
	if (!section || section->type == SHT_NOBITS || section->type == SHT_NULL || !section->size)
		return NULL;
	struct packed packed = {PLAIN,
				gospy_source_at(&image->source, section->offset, section->size),
				section->size, section->size};
	bool good = packed.data;
	if (good && section->flags & SHF_COMPRESSED)
		good = open_compressed(&packed);
	else if (good && is_zdebug)
		good = open_zdebug(&packed);
	if (!good || packed.plain_size / MAX_RATIO > packed.size)
		return damaged(name);
	*ret = packed;
	return NULL;
}

static bool unpack(const struct packed *packed, uint8_t *to)
{
	uLongf size = packed->plain_size;

	switch (packed->method) {
	case ZLIB:
		return uncompress(to, &size, packed->data, packed->size) == Z_OK &&
		       size == packed->plain_size;
	case ZSTD:
		return ZSTD_decompress(to, packed->plain_size, packed->data, packed->size) ==
		       packed->plain_size;
	case PLAIN:
		memcpy(to, packed->data, packed->size);
		return true;
	case ABSENT:
		break;
	}
	return false;
}

/** Where the parts of the new file are: its header, the sections, their names, their headers. */
struct plan {
	uint64_t sections[GOSPY_DWARF_NUM_SECTIONS];
	uint64_t names;
	uint64_t headers;
	uint64_t size;
};

/** Section 0 is the null one, the last holds the names. */
enum { NUM_HEADERS = GOSPY_DWARF_NUM_SECTIONS + 2, NAMES_SIZE = 512 };

static struct gospy_error *make_plan(const struct packed *packed, struct plan *plan)
{
	uint64_t size = sizeof(Elf64_Ehdr);

	for (size_t i = 0; i < GOSPY_DWARF_NUM_SECTIONS; i++) {
		if (packed[i].plain_size > GOSPY_MAX_SECTION_SIZE - size)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "the debug information is too large");
		plan->sections[i] = size;
		size = (size + packed[i].plain_size + PADDING + 15) & ~UINT64_C(15);
	}
	plan->names = size;
	plan->headers = plan->names + NAMES_SIZE;
	plan->size = plan->headers + NUM_HEADERS * sizeof(Elf64_Shdr);
	return NULL;
}

static void write_headers(const struct packed *packed, const struct plan *plan, uint16_t machine,
			  uint8_t *file)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_shoff = plan->headers,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = NUM_HEADERS,
		.e_shstrndx = NUM_HEADERS - 1,
	};
	Elf64_Shdr sections[NUM_HEADERS] = {};
	char *text = (char *)file + plan->names, *end = text + 1;

	for (size_t i = 0; i < GOSPY_DWARF_NUM_SECTIONS; i++) {
		sections[i + 1].sh_type = packed[i].method == ABSENT ? SHT_NOBITS : SHT_PROGBITS;
		sections[i + 1].sh_name = (Elf64_Word)(end - text);
		sections[i + 1].sh_offset = plan->sections[i];
		sections[i + 1].sh_size = packed[i].plain_size;
		sections[i + 1].sh_addralign = 1;
		end = stpcpy(stpcpy(end, ".debug_"), names[i]) + 1;
	}
	sections[NUM_HEADERS - 1] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = plan->names, .sh_size = NAMES_SIZE};
	memcpy(file, &header, sizeof(header));
	memcpy(file + plan->headers, sections, sizeof(sections));
}

static struct gospy_error *build(const struct packed *packed, uint16_t machine,
				 struct gospy_dwarf_sections *ret)
{
	struct gospy_dwarf_sections made = {};
	struct plan plan = {};
	struct gospy_error *err = make_plan(packed, &plan);

	if (err)
		return err;
	_cleanup_free_ uint8_t *file = calloc(1, plan.size);
	if (!file)
		return &gospy_enomem;
	for (size_t i = 0; i < GOSPY_DWARF_NUM_SECTIONS; i++) {
		if (packed[i].method == ABSENT)
			continue;
		made.sections[i].data = file + plan.sections[i];
		made.sections[i].size = packed[i].plain_size;
		if (!unpack(&packed[i], made.sections[i].data))
			return damaged(names[i]);
	}
	write_headers(packed, &plan, machine, file);
	gospy_source_init_owned(&made.file, take_ptr(file), plan.size);
	*ret = made;
	return NULL;
}

struct gospy_error *gospy_dwarf_sections_init(struct gospy_dwarf_sections *sections,
					      const struct gospy_source *source)
{
	_cleanup_(gospy_image_deinit) struct gospy_image image = {};
	struct packed packed[GOSPY_DWARF_NUM_SECTIONS] = {};
	struct gospy_source borrowed;

	gospy_source_init_buffer(&borrowed, source->data, source->size);
	struct gospy_error *err = gospy_image_init(&image, &borrowed);
	if (!err && !image.has_dwarf)
		return gospy_error_create(GOSPY_ERROR_NO_SYMBOLS,
					  "the file has no debug information");
	for (size_t i = 0; !err && i < GOSPY_DWARF_NUM_SECTIONS; i++)
		err = open_section(&image, names[i], &packed[i]);
	if (err)
		return err;
	return build(packed, image.machine == GOSPY_IMAGE_ARM64 ? EM_AARCH64 : EM_X86_64, sections);
}

void gospy_dwarf_sections_deinit(struct gospy_dwarf_sections *sections)
{
	gospy_source_deinit(&sections->file);
	memset(sections, 0, sizeof(*sections));
}

void gospy_dwarf_sections_cut_info(struct gospy_dwarf_sections *sections, uint64_t size)
{
	uint8_t *file = (uint8_t *)(uintptr_t)sections->file.data;
	uint64_t header =
		sections->file.size - (NUM_HEADERS - 1 - GOSPY_DWARF_INFO) * sizeof(Elf64_Shdr);

	memcpy(file + header + offsetof(Elf64_Shdr, sh_size), &size, sizeof(size));
	sections->sections[GOSPY_DWARF_INFO].size = size;
}
