/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/image.h>
#include <gospy/limits.h>

#include "image_symbols.h"

/* Numbers of the System V gABI, ELF-64 object file format. */
enum {
	EI_CLASS = 4,
	EI_DATA = 5,
	ELFCLASS32 = 1,
	ELFCLASS64 = 2,
	ELFDATA2LSB = 1,
	ELFDATA2MSB = 2,
	ET_EXEC = 2,
	ET_DYN = 3,
	EM_X86_64 = 62,
	EM_AARCH64 = 183,
	EHDR_SIZE = 64,
	PHDR_SIZE = 56,
	SHDR_SIZE = 64,
	PN_XNUM = 0xffff,
	SHN_XINDEX = 0xffff,
	PT_LOAD = 1,
	PT_NOTE = 4,
	PF_X = 1,
	PF_W = 2,
	SHT_NULL = 0,
	SHT_NOTE = 7,
	SHT_NOBITS = 8,
	NT_GNU_BUILD_ID = 3,
	NT_GO_BUILD_ID = 4,
};

/* Notes are looked through for build ids only, which come early: bounds on what is looked at. */
enum { MAX_NOTES = 64, MAX_NOTES_SIZE = 65536 };

struct elf_header {
	uint16_t type, machine;
	uint64_t segments_offset, sections_offset;
	uint64_t num_segments, num_sections;
	uint32_t names_index;
};

GOSPY_CHECKED static struct gospy_error *truncated(const char *what)
{
	return gospy_error_create(GOSPY_ERROR_BAD_DATA,
				  "the ELF file is truncated: its %s lie outside of it", what);
}

GOSPY_CHECKED static struct gospy_error *check_ident(const struct gospy_source *source)
{
	const uint8_t *ident = gospy_source_at(source, 0, 16);

	if (!ident || memcmp(ident, "\177ELF", 4) != 0)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "not an ELF file");
	if (ident[EI_CLASS] == ELFCLASS32)
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED, "a 32-bit ELF file");
	if (ident[EI_DATA] == ELFDATA2MSB)
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED, "a big-endian ELF file");
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a malformed ELF file");
	if (source->size < EHDR_SIZE)
		return truncated("headers");
	return NULL;
}

GOSPY_CHECKED static struct gospy_error *parse_machine(uint16_t machine,
						       enum gospy_image_machine *ret)
{
	switch (machine) {
	case EM_X86_64:
		*ret = GOSPY_IMAGE_AMD64;
		return NULL;
	case EM_AARCH64:
		*ret = GOSPY_IMAGE_ARM64;
		return NULL;
	default:
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED,
					  "an ELF file for another machine (number %u)", machine);
	}
}

/** Counts that do not fit in the header stand in section 0. */
GOSPY_CHECKED static struct gospy_error *parse_large_counts(const struct gospy_source *source,
							    struct elf_header *header)
{
	if (header->sections_offset == 0 ||
	    (header->num_sections != 0 && header->num_segments != PN_XNUM &&
	     header->names_index != SHN_XINDEX))
		return NULL;

	const uint8_t *first = gospy_source_at(source, header->sections_offset, SHDR_SIZE);
	if (!first)
		return truncated("section headers");
	if (header->num_sections == 0)
		header->num_sections = gospy_load_u64(first + 32);
	if (header->names_index == SHN_XINDEX)
		header->names_index = gospy_load_u32(first + 40);
	if (header->num_segments == PN_XNUM)
		header->num_segments = gospy_load_u32(first + 44);
	return NULL;
}

GOSPY_CHECKED static struct gospy_error *parse_header(const struct gospy_source *source,
						      struct elf_header *ret)
{
	struct gospy_cursor c = gospy_cursor_make("the ELF header", source->data, EHDR_SIZE);

	gospy_cursor_seek(&c, 16);
	ret->type = gospy_cursor_u16(&c);
	ret->machine = gospy_cursor_u16(&c);
	gospy_cursor_seek(&c, 32);
	ret->segments_offset = gospy_cursor_u64(&c);
	ret->sections_offset = gospy_cursor_u64(&c);
	gospy_cursor_skip(&c, 6);
	uint16_t segment_size = gospy_cursor_u16(&c);
	ret->num_segments = gospy_cursor_u16(&c);
	uint16_t section_size = gospy_cursor_u16(&c);
	ret->num_sections = gospy_cursor_u16(&c);
	ret->names_index = gospy_cursor_u16(&c);

	struct gospy_error *err = parse_large_counts(source, ret);
	if (err)
		return err;
	if (ret->type != ET_EXEC && ret->type != ET_DYN)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "an ELF file, but neither a program nor a library");
	if (ret->sections_offset == 0)
		ret->num_sections = 0;
	if ((ret->num_segments && segment_size != PHDR_SIZE) ||
	    (ret->num_sections && section_size != SHDR_SIZE) ||
	    ret->num_segments > GOSPY_MAX_SEGMENTS || ret->num_sections > GOSPY_MAX_SECTIONS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a malformed ELF file");
	return NULL;
}

/** The bytes of the section with the sections' names, if they are strings: their last byte is a
 * NUL. */
static const char *section_names(const struct gospy_image *image, uint32_t index,
				 uint64_t *ret_size)
{
	if (index >= image->sections.size || image->sections.data[index].type == SHT_NOBITS)
		return NULL;
	const struct gospy_section *section = &image->sections.data[index];
	const uint8_t *bytes = gospy_source_at(&image->source, section->offset, section->size);
	if (!bytes || section->size == 0 || bytes[section->size - 1] != 0)
		return NULL;
	*ret_size = section->size;
	return (const char *)bytes;
}

GOSPY_CHECKED static struct gospy_error *
parse_section(const struct gospy_image *image, const uint8_t *bytes, struct gospy_section *ret)
{
	struct gospy_cursor c = gospy_cursor_make("a section header", bytes, SHDR_SIZE);

	gospy_cursor_skip(&c, 4);
	ret->name = "";
	ret->type = gospy_cursor_u32(&c);
	ret->flags = gospy_cursor_u64(&c);
	ret->address = gospy_cursor_u64(&c);
	ret->offset = gospy_cursor_u64(&c);
	ret->size = gospy_cursor_u64(&c);
	ret->link = gospy_cursor_u32(&c);
	gospy_cursor_skip(&c, 12);
	ret->entry_size = gospy_cursor_u64(&c);
	if (ret->type != SHT_NULL && ret->type != SHT_NOBITS &&
	    !gospy_source_at(&image->source, ret->offset, ret->size))
		return truncated("sections");
	return NULL;
}

GOSPY_CHECKED static struct gospy_error *parse_sections(struct gospy_image *image,
							const struct elf_header *header)
{
	const uint8_t *table = gospy_source_at(&image->source, header->sections_offset,
					       header->num_sections * SHDR_SIZE);

	if (header->num_sections == 0)
		return NULL;
	if (!table)
		return truncated("section headers");
	if (!gospy_section_vec_resize(&image->sections, header->num_sections))
		return &gospy_enomem;
	for (uint64_t i = 0; i < header->num_sections; i++) {
		struct gospy_error *err =
			parse_section(image, table + i * SHDR_SIZE, &image->sections.data[i]);
		if (err)
			return err;
	}

	uint64_t names_size = 0;
	const char *names = section_names(image, header->names_index, &names_size);
	for (uint64_t i = 0; i < header->num_sections; i++) {
		uint32_t name = gospy_load_u32(table + i * SHDR_SIZE);
		if (name < names_size)
			image->sections.data[i].name = names + name;
	}
	return NULL;
}

/**
 * A program must be whole. A file with debug information only has sections without contents, and
 * its segments may speak of bytes that are not there.
 */
GOSPY_CHECKED static struct gospy_error *check_segment(const struct gospy_image *image,
						       struct gospy_segment *segment)
{
	if (segment->file_size > segment->memory_size ||
	    segment->memory_size > UINT64_MAX - segment->address)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a malformed ELF file");
	if (gospy_source_at(&image->source, segment->offset, segment->file_size))
		return NULL;
	if (image->sections.size == 0)
		return truncated("segments");
	segment->file_size =
		segment->offset < image->source.size ? image->source.size - segment->offset : 0;
	if (segment->file_size == 0)
		segment->offset = 0;
	return NULL;
}

static int compare_segments(const void *a, const void *b)
{
	const struct gospy_segment *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static void copy_text(char *ret, size_t capacity, const uint8_t *bytes, uint64_t size)
{
	size_t length = size < capacity - 1 ? size : capacity - 1;

	memcpy(ret, bytes, length);
	ret[length] = 0;
}

static void copy_hex(char *ret, size_t capacity, const uint8_t *bytes, uint64_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t count = size < (capacity - 1) / 2 ? size : (capacity - 1) / 2;

	for (size_t i = 0; i < count; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = 0;
}

static void take_note(struct gospy_image *image, const uint8_t *name, uint32_t name_size,
		      uint32_t type, const uint8_t *bytes, uint32_t size)
{
	if (name_size != 4)
		return;
	if (type == NT_GNU_BUILD_ID && memcmp(name, "GNU", 4) == 0 && !image->build_id[0])
		copy_hex(image->build_id, sizeof(image->build_id), bytes, size);
	/* cmd/internal/buildid/note.go: ELF_NOTE_GOBUILDID_TAG. */
	if (type == NT_GO_BUILD_ID && memcmp(name, "Go\0", 4) == 0 && !image->go_build_id[0])
		copy_text(image->go_build_id, sizeof(image->go_build_id), bytes, size);
}

/** Reads the notes in `[offset, offset + size)` of the file as far as they make sense. */
static void parse_notes(struct gospy_image *image, uint64_t offset, uint64_t size, uint64_t align)
{
	const uint8_t *bytes = gospy_source_at(&image->source, offset, size);
	if (!bytes)
		return;
	struct gospy_cursor c =
		gospy_cursor_make("notes", bytes, size < MAX_NOTES_SIZE ? size : MAX_NOTES_SIZE);

	if (align != 8)
		align = 4;
	while (gospy_cursor_left(&c) >= 12) {
		uint32_t name_size = gospy_cursor_u32(&c);
		uint32_t note_size = gospy_cursor_u32(&c);
		uint32_t type = gospy_cursor_u32(&c);
		const uint8_t *name = gospy_cursor_bytes(&c, name_size);
		gospy_cursor_skip(&c, -c.pos & (align - 1));
		const uint8_t *note = gospy_cursor_bytes(&c, note_size);
		if (c.failed)
			return;
		take_note(image, name, name_size, type, note, note_size);
		gospy_cursor_skip(&c, -c.pos & (align - 1));
	}
}

GOSPY_CHECKED static struct gospy_error *parse_segment(struct gospy_image *image,
						       const uint8_t *bytes)
{
	struct gospy_cursor c = gospy_cursor_make("a program header", bytes, PHDR_SIZE);
	uint32_t type = gospy_cursor_u32(&c);
	uint32_t flags = gospy_cursor_u32(&c);
	struct gospy_segment segment = {.writable = flags & PF_W, .executable = flags & PF_X};

	segment.offset = gospy_cursor_u64(&c);
	segment.address = gospy_cursor_u64(&c);
	gospy_cursor_skip(&c, 8);
	segment.file_size = gospy_cursor_u64(&c);
	segment.memory_size = gospy_cursor_u64(&c);

	if (type != PT_LOAD)
		return NULL;
	struct gospy_error *err = check_segment(image, &segment);
	if (err)
		return err;
	return gospy_segment_vec_append(&image->segments, segment) ? NULL : &gospy_enomem;
}

GOSPY_CHECKED static struct gospy_error *parse_segments(struct gospy_image *image,
							const struct elf_header *header)
{
	const uint8_t *table = gospy_source_at(&image->source, header->segments_offset,
					       header->num_segments * PHDR_SIZE);

	if (header->num_segments && !table)
		return truncated("program headers");
	for (uint64_t i = 0; i < header->num_segments; i++) {
		struct gospy_error *err = parse_segment(image, table + i * PHDR_SIZE);
		if (err)
			return err;
	}
	if (image->segments.size)
		qsort(image->segments.data, image->segments.size, sizeof(struct gospy_segment),
		      compare_segments);
	return NULL;
}

/** The notes of a file with debug information only are found by section: its segments lead nowhere.
 */
static void parse_note_sections(struct gospy_image *image)
{
	unsigned int count = 0;

	for (size_t i = 0; i < image->sections.size && count < MAX_NOTES; i++) {
		const struct gospy_section *section = &image->sections.data[i];
		bool property = strcmp(section->name, ".note.gnu.property") == 0;
		if (section->type != SHT_NOTE)
			continue;
		parse_notes(image, section->offset, section->size, property ? 8 : 4);
		count++;
	}
}

static void parse_note_segments(struct gospy_image *image, const struct elf_header *header)
{
	const uint8_t *table = gospy_source_at(&image->source, header->segments_offset,
					       header->num_segments * PHDR_SIZE);
	unsigned int count = 0;

	for (uint64_t i = 0; table && i < header->num_segments && count < MAX_NOTES; i++) {
		const uint8_t *bytes = table + i * PHDR_SIZE;
		if (gospy_load_u32(bytes) != PT_NOTE)
			continue;
		parse_notes(image, gospy_load_u64(bytes + 8), gospy_load_u64(bytes + 32),
			    gospy_load_u64(bytes + 48));
		count++;
	}
}

static bool has_contents(const struct gospy_image *image, const char *name)
{
	const struct gospy_section *section = gospy_image_section(image, name);

	return section && section->type != SHT_NOBITS && section->size > 0;
}

GOSPY_CHECKED static struct gospy_error *parse(struct gospy_image *image)
{
	struct elf_header header;
	struct gospy_error *err = check_ident(&image->source);

	if (!err)
		err = parse_header(&image->source, &header);
	if (!err)
		err = parse_machine(header.machine, &image->machine);
	if (!err)
		err = parse_sections(image, &header);
	if (err)
		return err;
	image->dynamic = header.type == ET_DYN;
	parse_note_sections(image);
	image->has_dwarf =
		has_contents(image, ".debug_info") || has_contents(image, ".zdebug_info");
	parse_note_segments(image, &header);
	return parse_segments(image, &header);
}

struct gospy_error *gospy_image_init(struct gospy_image *image, struct gospy_source *source)
{
	struct gospy_image made = {.source = *source};
	struct gospy_error *err = parse(&made);

	if (err) {
		made.source = (struct gospy_source){0};
		gospy_image_deinit(&made);
		return err;
	}
	*image = made;
	*source = (struct gospy_source){0};
	return NULL;
}

void gospy_image_deinit(struct gospy_image *image)
{
	gospy_image_symbols_destroy(image->symbols);
	gospy_section_vec_deinit(&image->sections);
	gospy_segment_vec_deinit(&image->segments);
	gospy_source_deinit(&image->source);
	memset(image, 0, sizeof(*image));
}

/** The last segment that begins at or before `address`, or NULL. */
static const struct gospy_segment *find_segment(const struct gospy_image *image, uint64_t address)
{
	size_t low = 0, high = image->segments.size;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->segments.data[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &image->segments.data[low - 1] : NULL;
}

uint64_t gospy_image_left(const struct gospy_image *image, uint64_t address)
{
	const struct gospy_segment *segment = find_segment(image, address);

	if (!segment || address - segment->address >= segment->file_size)
		return 0;
	return segment->file_size - (address - segment->address);
}

const uint8_t *gospy_image_at(const struct gospy_image *image, uint64_t address, uint64_t size)
{
	const struct gospy_segment *segment = find_segment(image, address);

	if (!segment || size > gospy_image_left(image, address))
		return NULL;
	return gospy_source_at(&image->source, segment->offset + (address - segment->address),
			       size);
}

const struct gospy_section *gospy_image_section(const struct gospy_image *image, const char *name)
{
	for (size_t i = 0; i < image->sections.size; i++) {
		if (strcmp(image->sections.data[i].name, name) == 0)
			return &image->sections.data[i];
	}
	return NULL;
}

bool gospy_image_may_be_go(const struct gospy_image *image)
{
	static const char *const names[] = {
		".go.buildinfo",    ".gopclntab", ".data.rel.ro.gopclntab",
		".note.go.buildid", ".noptrdata", ".go.module"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (gospy_image_section(image, names[i]))
			return true;
	}
	return !image->sections.size;
}

struct gospy_error *gospy_image_symbol(struct gospy_image *image, const char *name,
				       uint64_t *ret_address)
{
	if (!image->symbols) {
		struct gospy_error *err = gospy_image_symbols_create(image, &image->symbols);
		if (err)
			return err;
	}
	if (!gospy_image_symbols_find(image->symbols, name, ret_address))
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no symbol %s", name);
	return NULL;
}
