/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>
#include <zstd.h>

#include <gospy/limits.h>
#include <gospy/vec.h>

#include "dwarf_zstd.h"

/** elf.h of the C library may not know it yet. */
#define COMPRESS_ZSTD 2
/** Debug sections shrink 3 to 5 times: a claim far beyond that is none to ask memory for. */
#define MAX_RATIO 1000

struct file {
	const struct gospy_source *source;
	Elf64_Ehdr header;
	/** Section headers inside the source, unaligned. */
	const uint8_t *sections;
};

static Elf64_Shdr section_at(const struct file *file, size_t index)
{
	Elf64_Shdr section;

	memcpy(&section, file->sections + index * sizeof(section), sizeof(section));
	return section;
}

/** False for what is not a 64-bit ELF file with section headers: somebody else's concern. */
static bool open_file(const struct gospy_source *source, struct file *file)
{
	const uint8_t *header = gospy_source_at(source, 0, sizeof(file->header));

	file->source = source;
	if (!header || memcmp(header, ELFMAG, SELFMAG) || header[EI_CLASS] != ELFCLASS64 ||
	    header[EI_DATA] != ELFDATA2LSB)
		return false;
	memcpy(&file->header, header, sizeof(file->header));
	if (file->header.e_shentsize != sizeof(Elf64_Shdr))
		return false;
	file->sections = gospy_source_at(source, file->header.e_shoff,
					 (uint64_t)file->header.e_shnum * sizeof(Elf64_Shdr));
	return file->sections && file->header.e_shnum;
}

/** Whether the section is one that zstd compressed; its header in `*ret`. */
static bool is_zstd(const struct file *file, const Elf64_Shdr *section, Elf64_Chdr *ret)
{
	const uint8_t *data;

	if (!(section->sh_flags & SHF_COMPRESSED) || section->sh_type == SHT_NOBITS ||
	    section->sh_size < sizeof(*ret))
		return false;
	data = gospy_source_at(file->source, section->sh_offset, section->sh_size);
	if (!data)
		return false;
	memcpy(ret, data, sizeof(*ret));
	return ret->ch_type == COMPRESS_ZSTD;
}

static struct gospy_error *append(struct gospy_u8_vec *out, const void *data, size_t size)
{
	if (!gospy_u8_vec_reserve(out, out->size + size))
		return &gospy_enomem;
	if (size)
		memcpy(out->data + out->size, data, size);
	out->size += size;
	return NULL;
}

static struct gospy_error *append_zstd(struct gospy_u8_vec *out, const uint8_t *data, size_t size,
				       uint64_t raw_size)
{
	if (raw_size > GOSPY_MAX_SECTION_SIZE || raw_size / MAX_RATIO > size)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a debug section is too large");
	if (!gospy_u8_vec_reserve(out, out->size + raw_size))
		return &gospy_enomem;
	size_t n = ZSTD_decompress(out->data + out->size, raw_size, data, size);
	if (ZSTD_isError(n) || n != raw_size)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "a debug section does not decompress");
	out->size += raw_size;
	return NULL;
}

/** Puts the section's content into `out` as the rebuilt file holds it, and says so in its header.
 */
static struct gospy_error *copy_section(const struct file *file, Elf64_Shdr *section,
					struct gospy_u8_vec *out)
{
	struct gospy_error *err;
	Elf64_Chdr compression;
	const uint8_t *data = gospy_source_at(file->source, section->sh_offset, section->sh_size);

	/* What is loaded (text, data) is no debug information and only keeps its place. */
	if (section->sh_flags & SHF_ALLOC || section->sh_type == SHT_NOBITS || !data) {
		if (section->sh_type != SHT_NULL)
			section->sh_type = SHT_NOBITS;
		return NULL;
	}
	uint64_t offset = out->size;
	if (is_zstd(file, section, &compression)) {
		err = append_zstd(out, data + sizeof(compression),
				  section->sh_size - sizeof(compression), compression.ch_size);
		section->sh_flags &= ~(uint64_t)SHF_COMPRESSED;
		section->sh_size = compression.ch_size;
		section->sh_addralign = compression.ch_addralign;
	} else {
		err = append(out, data, section->sh_size);
	}
	section->sh_offset = offset;
	return err;
}

static struct gospy_error *rebuild(const struct file *file, struct gospy_u8_vec *out)
{
	static const uint8_t padding[8];
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec headers = {};
	Elf64_Ehdr header = file->header;
	struct gospy_error *err = append(out, &header, sizeof(header));

	for (size_t i = 0; !err && i < file->header.e_shnum; i++) {
		Elf64_Shdr section = section_at(file, i);
		err = copy_section(file, &section, out);
		if (!err)
			err = append(&headers, &section, sizeof(section));
		if (!err)
			err = append(out, padding, -out->size & 7);
	}
	if (err)
		return err;
	header.e_phoff = header.e_phnum = header.e_phentsize = 0;
	header.e_shoff = out->size;
	memcpy(out->data, &header, sizeof(header));
	return append(out, headers.data, headers.size);
}

struct gospy_error *gospy_dwarf_zstd_rebuild(const struct gospy_source *source,
					     struct gospy_source *ret)
{
	struct gospy_u8_vec out = {};
	struct file file;
	Elf64_Chdr compression;
	bool any = false;

	if (!open_file(source, &file))
		return NULL;
	for (size_t i = 0; !any && i < file.header.e_shnum; i++) {
		Elf64_Shdr section = section_at(&file, i);
		any = is_zstd(&file, &section, &compression);
	}
	if (!any)
		return NULL;
	struct gospy_error *err = rebuild(&file, &out);
	if (err) {
		gospy_u8_vec_deinit(&out);
		return err;
	}
	gospy_source_init_owned(ret, out.data, out.size);
	return NULL;
}
