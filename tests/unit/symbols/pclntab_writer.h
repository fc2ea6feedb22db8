/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEST_PCLNTAB_WRITER_H
#define GOSPY_TEST_PCLNTAB_WRITER_H

/**
 * Writes small Go function tables of all layouts, after debug/gosym/pclntab.go and the linker
 * (cmd/link/internal/ld/pcln.go): one compilation unit, all functions one after the other.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gospy/pclntab.h>

enum { PCLN_NO_FUNCDATA = -1, PCLN_MAX_FUNCS = 20, PCLN_MAX_FILES = 16 };

/** The value from the previous run's end up to `end`, an offset from the function's entry; end 0
 * ends the list. */
struct pcln_run {
	uint32_t end;
	int32_t value;
};

struct pcln_func {
	const char *name;
	uint32_t size;
	int32_t args;
	uint8_t func_id;
	uint8_t flag;
	uint32_t start_line;
	/** NULL: no such table. */
	const struct pcln_run *pcsp, *pcfile, *pcln;
	const struct pcln_run *pcdata[4];
	unsigned int num_pcdata;
	/** Addresses (up to 1.17) or offsets; PCLN_NO_FUNCDATA for none. */
	int64_t funcdata[6];
	unsigned int num_funcdata;
};

struct pcln_spec {
	enum gospy_pclntab_version version;
	uint64_t text;
	/** 1.26 and newer write 0 as start of the text. */
	bool no_text;
	uint8_t min_instruction;
	struct pcln_func funcs[PCLN_MAX_FUNCS];
	unsigned int num_funcs;
	const char *files[PCLN_MAX_FILES];
	unsigned int num_files;
	/** Names that only inline trees use; pcln_name_offset() finds them too. */
	const char *other_names[4];
};

struct pcln_bytes {
	uint8_t data[8192];
	uint64_t size;
};

static inline uint64_t pcln_append(struct pcln_bytes *b, const void *data, uint64_t size)
{
	uint64_t at = b->size;

	assert(size <= sizeof(b->data) - b->size);
	memcpy(b->data + at, data, size);
	b->size += size;
	return at;
}

static inline uint64_t pcln_number(struct pcln_bytes *b, uint64_t value, unsigned int size)
{
	return pcln_append(b, &value, size);
}

static inline void pcln_align(struct pcln_bytes *b, uint64_t align)
{
	while (b->size % align)
		pcln_number(b, 0, 1);
}

static inline void pcln_set(struct pcln_bytes *b, uint64_t at, uint64_t value, unsigned int size)
{
	assert(at + size <= b->size);
	memcpy(b->data + at, &value, size);
}

static inline void pcln_uvarint(struct pcln_bytes *b, uint32_t value)
{
	for (; value >= 128; value >>= 7)
		pcln_number(b, (value & 127) | 128, 1);
	pcln_number(b, value, 1);
}

/** A pc table: zigzag value differences and pc differences; 0 ends. Its offset in `b`. */
static inline uint64_t pcln_table(struct pcln_bytes *b, const struct pcln_run *runs,
				  uint8_t min_instruction)
{
	uint64_t at = b->size;
	int32_t value = -1;
	uint32_t pc = 0;

	for (; runs->end; runs++) {
		int32_t delta = runs->value - value;
		pcln_uvarint(b, (uint32_t)delta << 1 ^ (uint32_t)(delta >> 31));
		pcln_uvarint(b, (runs->end - pc) / min_instruction);
		value = runs->value;
		pc = runs->end;
	}
	pcln_number(b, 0, 1);
	return at;
}

/** One function's record; tables are already there and `base` is where their offsets count from. */
struct pcln_offsets {
	uint64_t name, pcsp, pcfile, pcln, pcdata[4];
};

static inline void pcln_tables(struct pcln_bytes *b, const struct pcln_spec *spec,
			       const struct pcln_func *func, uint64_t base,
			       struct pcln_offsets *offsets)
{
	const struct pcln_run *runs[3] = {func->pcsp, func->pcfile, func->pcln};
	uint64_t *rets[3] = {&offsets->pcsp, &offsets->pcfile, &offsets->pcln};

	for (unsigned int i = 0; i < 3; i++)
		*rets[i] = runs[i] ? pcln_table(b, runs[i], spec->min_instruction) - base : 0;
	for (unsigned int i = 0; i < func->num_pcdata; i++)
		offsets->pcdata[i] =
			func->pcdata[i]
				? pcln_table(b, func->pcdata[i], spec->min_instruction) - base
				: 0;
}

/** The record of runtime/runtime2.go _func; its offset in `b`. */
static inline uint64_t pcln_record(struct pcln_bytes *b, const struct pcln_spec *spec,
				   const struct pcln_func *func, uint64_t entry,
				   const struct pcln_offsets *offsets)
{
	bool by_offset = spec->version >= GOSPY_PCLNTAB_1_18;
	pcln_align(b, 8);
	uint64_t at = pcln_number(b, entry, by_offset ? 4 : 8);

	pcln_number(b, offsets->name, 4);
	pcln_number(b, (uint32_t)func->args, 4);
	pcln_number(b, 0, 4);
	pcln_number(b, offsets->pcsp, 4);
	pcln_number(b, offsets->pcfile, 4);
	pcln_number(b, offsets->pcln, 4);
	pcln_number(b, func->num_pcdata, 4);
	if (spec->version != GOSPY_PCLNTAB_1_2)
		pcln_number(b, 0, 4);
	if (spec->version == GOSPY_PCLNTAB_1_20)
		pcln_number(b, func->start_line, 4);
	pcln_number(b, func->func_id, 1);
	pcln_number(b, func->flag, 1);
	pcln_number(b, 0, 1);
	pcln_number(b, func->num_funcdata, 1);
	for (unsigned int i = 0; i < func->num_pcdata; i++)
		pcln_number(b, offsets->pcdata[i], 4);
	if (!by_offset)
		pcln_align(b, 8);
	for (unsigned int i = 0; i < func->num_funcdata; i++) {
		if (by_offset)
			pcln_number(b, (uint64_t)func->funcdata[i], 4);
		else
			pcln_number(b,
				    func->funcdata[i] == PCLN_NO_FUNCDATA
					    ? 0
					    : (uint64_t)func->funcdata[i],
				    8);
	}
	return at;
}

/** Go 1.2 to 1.15: names, tables and records one after the other behind the table of functions. */
static inline void pcln_write_1_2(struct pcln_bytes *b, const struct pcln_spec *spec)
{
	uint64_t entry = spec->text;
	uint64_t functab = pcln_number(b, spec->num_funcs, 8) + 8;

	for (unsigned int i = 0; i < spec->num_funcs * 2 + 1; i++)
		pcln_number(b, 0, 8);
	uint64_t filetab_offset = pcln_number(b, 0, 4);
	for (unsigned int i = 0; i < 4 && spec->other_names[i]; i++)
		pcln_append(b, spec->other_names[i], strlen(spec->other_names[i]) + 1);
	for (unsigned int i = 0; i < spec->num_funcs; i++) {
		const struct pcln_func *func = &spec->funcs[i];
		struct pcln_offsets offsets = {
			.name = pcln_append(b, func->name, strlen(func->name) + 1)};
		pcln_tables(b, spec, func, 0, &offsets);
		uint64_t record = pcln_record(b, spec, func, entry, &offsets);
		pcln_set(b, functab + i * 16, entry, 8);
		pcln_set(b, functab + i * 16 + 8, record, 8);
		entry += func->size;
	}
	pcln_set(b, functab + spec->num_funcs * 16, entry, 8);
	uint64_t file_offsets[PCLN_MAX_FILES];
	for (unsigned int i = 0; i < spec->num_files; i++)
		file_offsets[i] = pcln_append(b, spec->files[i], strlen(spec->files[i]) + 1);
	pcln_align(b, 4);
	pcln_set(b, filetab_offset, b->size, 4);
	pcln_number(b, spec->num_files + 1, 4);
	for (unsigned int i = 0; i < spec->num_files; i++)
		pcln_number(b, file_offsets[i], 4);
}

/** Go 1.16 and newer: a header with the offsets of five tables. */
static inline void pcln_write_1_16(struct pcln_bytes *b, const struct pcln_spec *spec)
{
	bool by_offset = spec->version >= GOSPY_PCLNTAB_1_18;
	unsigned int width = by_offset ? 4 : 8;
	struct pcln_offsets offsets[PCLN_MAX_FUNCS] = {0};

	pcln_number(b, spec->num_funcs, 8);
	pcln_number(b, spec->num_files, 8);
	if (by_offset)
		pcln_number(b, spec->no_text ? 0 : spec->text, 8);
	uint64_t header = b->size;
	for (unsigned int i = 0; i < 5; i++)
		pcln_number(b, 0, 8);

	uint64_t names = b->size;
	for (unsigned int i = 0; i < 4 && spec->other_names[i]; i++)
		pcln_append(b, spec->other_names[i], strlen(spec->other_names[i]) + 1);
	for (unsigned int i = 0; i < spec->num_funcs; i++)
		offsets[i].name =
			pcln_append(b, spec->funcs[i].name, strlen(spec->funcs[i].name) + 1) -
			names;
	pcln_align(b, 4);
	uint64_t cutab = b->size, file_offset = 0;
	pcln_number(b, UINT32_MAX, 4);
	for (unsigned int i = 0; i < spec->num_files; i++) {
		pcln_number(b, file_offset, 4);
		file_offset += strlen(spec->files[i]) + 1;
	}
	uint64_t filetab = b->size;
	for (unsigned int i = 0; i < spec->num_files; i++)
		pcln_append(b, spec->files[i], strlen(spec->files[i]) + 1);
	uint64_t pctab = b->size;
	/* Offset 0 means no table. */
	pcln_number(b, 0, 1);
	for (unsigned int i = 0; i < spec->num_funcs; i++)
		pcln_tables(b, spec, &spec->funcs[i], pctab, &offsets[i]);
	pcln_align(b, 8);
	uint64_t functab = b->size, entry = by_offset ? 0 : spec->text;
	for (unsigned int i = 0; i < spec->num_funcs * 2 + 1; i++)
		pcln_number(b, 0, width);
	for (unsigned int i = 0; i < spec->num_funcs; i++) {
		uint64_t record = pcln_record(b, spec, &spec->funcs[i], entry, &offsets[i]);
		pcln_set(b, functab + i * 2 * width, entry, width);
		pcln_set(b, functab + (i * 2 + 1) * width, record - functab, width);
		entry += spec->funcs[i].size;
	}
	pcln_set(b, functab + spec->num_funcs * 2 * width, entry, width);
	const uint64_t tables[5] = {names, cutab, filetab, pctab, functab};
	for (unsigned int i = 0; i < 5; i++)
		pcln_set(b, header + i * 8, tables[i], 8);
}

static inline void pcln_write(struct pcln_bytes *b, const struct pcln_spec *spec)
{
	static const uint32_t magics[] = {0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1};

	b->size = 0;
	pcln_number(b, magics[spec->version], 4);
	pcln_number(b, 0, 2);
	pcln_number(b, spec->min_instruction, 1);
	pcln_number(b, 8, 1);
	if (spec->version == GOSPY_PCLNTAB_1_2)
		pcln_write_1_2(b, spec);
	else
		pcln_write_1_16(b, spec);
}

/** Where inline trees must point to for `name`: from the magic in the 1.2 layout, else from the
 * names. */
static inline uint32_t pcln_name_offset(const struct pcln_bytes *b, const struct pcln_spec *spec,
					const char *name)
{
	uint64_t base = 0;
	const uint8_t *found = memmem(b->data, b->size, name, strlen(name) + 1);

	assert(found);
	if (spec->version != GOSPY_PCLNTAB_1_2)
		memcpy(&base, b->data + (spec->version == GOSPY_PCLNTAB_1_16 ? 24 : 32), 8);
	return (uint32_t)((uint64_t)(found - b->data) - base);
}

#endif
