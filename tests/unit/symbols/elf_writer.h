/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_ELF_WRITER_H
#define GOSPY_TEST_ELF_WRITER_H

/**
 * Writes small ELF-64 files into memory: segments and sections with the contents given, program
 * headers after the ELF header, section headers at the end. Numbers are those of the System V gABI.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ELF_X = 1, ELF_W = 2, ELF_R = 4 };
enum { ELF_PROGBITS = 1, ELF_SYMTAB = 2, ELF_STRTAB = 3, ELF_NOTE = 7, ELF_NOBITS = 8 };
enum { ELF_DYNSYM = 11, ELF_PT_LOAD = 1, ELF_PT_NOTE = 4, ELF_EXEC = 2, ELF_DYN = 3 };
enum { ELF_AMD64 = 62, ELF_ARM64 = 183, ELF_MAX_PARTS = 32 };

struct elf_part {
	const char *name;
	uint32_t type;
	uint64_t flags;
	uint64_t address;
	const void *data;
	uint64_t size;
	uint64_t memory_size;
	uint32_t link;
	uint64_t entry_size;
	uint64_t offset;
};

struct elf_writer {
	uint16_t type;
	uint16_t machine;
	struct elf_part segments[ELF_MAX_PARTS];
	unsigned int num_segments;
	/** Without any the file has no section headers. */
	struct elf_part sections[ELF_MAX_PARTS];
	unsigned int num_sections;
	uint8_t *bytes;
	uint64_t size;
};

static inline void elf_put(uint8_t *bytes, uint64_t offset, uint64_t value, unsigned int size)
{
	memcpy(bytes + offset, &value, size);
}

/** A PT_LOAD; `data` is copied when the file is made. */
static inline void elf_add_load(struct elf_writer *elf, uint32_t flags, uint64_t address,
				const void *data, uint64_t size)
{
	assert(elf->num_segments < ELF_MAX_PARTS);
	elf->segments[elf->num_segments++] = (struct elf_part){.type = ELF_PT_LOAD,
							       .flags = flags,
							       .address = address,
							       .data = data,
							       .size = size,
							       .memory_size = size};
}

static inline void elf_add_note_segment(struct elf_writer *elf, const void *data, uint64_t size)
{
	assert(elf->num_segments < ELF_MAX_PARTS);
	elf->segments[elf->num_segments++] =
		(struct elf_part){.type = ELF_PT_NOTE, .flags = ELF_R, .data = data, .size = size};
}

/** A section with its own bytes; its number (0 is the empty one). */
static inline unsigned int elf_add_section(struct elf_writer *elf, const char *name, uint32_t type,
					   const void *data, uint64_t size)
{
	assert(elf->num_sections < ELF_MAX_PARTS);
	elf->sections[elf->num_sections] =
		(struct elf_part){.name = name, .type = type, .data = data, .size = size};
	return ++elf->num_sections;
}

/** A section whose bytes are those at `address` of a segment that was added. */
static inline unsigned int elf_add_mapped_section(struct elf_writer *elf, const char *name,
						  uint32_t type, uint64_t address, uint64_t size)
{
	unsigned int number = elf_add_section(elf, name, type, NULL, size);

	elf->sections[number - 1].address = address;
	return number;
}

static inline uint64_t elf_append(struct elf_writer *elf, const void *data, uint64_t size,
				  uint64_t align)
{
	uint64_t offset = (elf->size + align - 1) / align * align;

	elf->bytes = realloc(elf->bytes, offset + size);
	assert(elf->bytes);
	memset(elf->bytes + elf->size, 0, offset - elf->size);
	if (data)
		memcpy(elf->bytes + offset, data, size);
	else
		memset(elf->bytes + offset, 0, size);
	elf->size = offset + size;
	return offset;
}

static inline void elf_place_section(struct elf_writer *elf, struct elf_part *section)
{
	if (section->type == ELF_NOBITS)
		return;
	if (section->data || section->size == 0) {
		section->offset = elf_append(elf, section->data, section->size, 8);
		return;
	}
	for (unsigned int i = 0; i < elf->num_segments; i++) {
		const struct elf_part *load = &elf->segments[i];
		if (load->type == ELF_PT_LOAD && section->address >= load->address &&
		    section->address - load->address < load->size)
			section->offset = load->offset + (section->address - load->address);
	}
}

static inline void elf_write_section_header(struct elf_writer *elf, uint64_t at,
					    const struct elf_part *section, uint64_t name)
{
	elf_put(elf->bytes, at, name, 4);
	elf_put(elf->bytes, at + 4, section->type, 4);
	elf_put(elf->bytes, at + 8, section->flags, 8);
	elf_put(elf->bytes, at + 16, section->address, 8);
	elf_put(elf->bytes, at + 24, section->offset, 8);
	elf_put(elf->bytes, at + 32, section->size, 8);
	elf_put(elf->bytes, at + 40, section->link, 4);
	elf_put(elf->bytes, at + 48, 1, 8);
	elf_put(elf->bytes, at + 56, section->entry_size, 8);
}

static inline void elf_write_sections(struct elf_writer *elf)
{
	char names[1024] = "";
	uint64_t name_offsets[ELF_MAX_PARTS], names_size = 1;

	elf_add_section(elf, ".shstrtab", ELF_STRTAB, names, sizeof(names));
	for (unsigned int i = 0; i < elf->num_sections; i++) {
		size_t size = strlen(elf->sections[i].name) + 1;
		assert(names_size + size <= sizeof(names));
		name_offsets[i] = names_size;
		memcpy(names + names_size, elf->sections[i].name, size);
		names_size += size;
	}
	for (unsigned int i = 0; i < elf->num_sections; i++)
		elf_place_section(elf, &elf->sections[i]);
	uint64_t table = elf_append(elf, NULL, (elf->num_sections + 1) * 64, 8);
	for (unsigned int i = 0; i < elf->num_sections; i++)
		elf_write_section_header(elf, table + (i + 1) * 64, &elf->sections[i],
					 name_offsets[i]);
	elf_put(elf->bytes, 40, table, 8);
	elf_put(elf->bytes, 58, 64, 2);
	elf_put(elf->bytes, 60, elf->num_sections + 1, 2);
	elf_put(elf->bytes, 62, elf->num_sections, 2);
}

static inline void elf_write_segment_header(struct elf_writer *elf, uint64_t at,
					    const struct elf_part *segment)
{
	elf_put(elf->bytes, at, segment->type, 4);
	elf_put(elf->bytes, at + 4, segment->flags, 4);
	elf_put(elf->bytes, at + 8, segment->offset, 8);
	elf_put(elf->bytes, at + 16, segment->address, 8);
	elf_put(elf->bytes, at + 24, segment->address, 8);
	elf_put(elf->bytes, at + 32, segment->size, 8);
	elf_put(elf->bytes, at + 40, segment->memory_size, 8);
	elf_put(elf->bytes, at + 48, segment->type == ELF_PT_LOAD ? 4096 : 4, 8);
}

/** Makes the file: `bytes` (to be freed by the caller) and `size`. */
static inline void elf_finish(struct elf_writer *elf)
{
	static const uint8_t ident[8] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0};

	elf_append(elf, NULL, 64 + elf->num_segments * 56, 1);
	for (unsigned int i = 0; i < elf->num_segments; i++)
		elf->segments[i].offset =
			elf_append(elf, elf->segments[i].data, elf->segments[i].size, 16);
	memcpy(elf->bytes, ident, sizeof(ident));
	elf_put(elf->bytes, 16, elf->type ? elf->type : ELF_EXEC, 2);
	elf_put(elf->bytes, 18, elf->machine ? elf->machine : ELF_AMD64, 2);
	elf_put(elf->bytes, 20, 1, 4);
	elf_put(elf->bytes, 32, 64, 8);
	elf_put(elf->bytes, 52, 64, 2);
	elf_put(elf->bytes, 54, 56, 2);
	elf_put(elf->bytes, 56, elf->num_segments, 2);
	for (unsigned int i = 0; i < elf->num_segments; i++)
		elf_write_segment_header(elf, 64 + i * 56, &elf->segments[i]);
	if (elf->num_sections)
		elf_write_sections(elf);
}

#endif
