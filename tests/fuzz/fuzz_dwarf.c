/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/dwarf.h>

#include "../unit/symbols/elf_writer.h"
#include "fuzz.h"

static const char *const sections[] = {
	".debug_info", ".debug_abbrev",	  ".debug_str",	   ".debug_str_offsets", ".debug_addr",
	".debug_line", ".debug_line_str", ".debug_ranges", ".debug_rnglists",
};
enum { NUM_SECTIONS = sizeof(sections) / sizeof(sections[0]) };

/** An ELF file of sections that are given as their number, size (3 bytes) and contents. */
static struct gospy_source make_elf(struct gospy_cursor *c)
{
	struct elf_writer elf = {0};
	struct gospy_source source;

	while (gospy_cursor_left(c) > 4 && elf.num_sections + 1 < ELF_MAX_PARTS) {
		const char *name = sections[gospy_cursor_u8(c) % NUM_SECTIONS];
		uint64_t size = gospy_cursor_u8(c);
		size |= (uint64_t)gospy_cursor_u16(c) << 8;
		size = size < gospy_cursor_left(c) ? size : gospy_cursor_left(c);
		elf_add_section(&elf, name, ELF_PROGBITS, gospy_cursor_bytes(c, size), size);
	}
	elf_finish(&elf);
	gospy_source_init_owned(&source, elf.bytes, elf.size);
	return source;
}

static void ask(struct gospy_dwarf *dwarf, uint64_t pc)
{
	static const char *const names[] = {"runtime.g", "runtime.allgs", "outer", "one", "x", ""};
	const char *function = NULL, *file = NULL;
	struct gospy_structure structure;
	uint64_t address;
	uint32_t line;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (fuzz_ok(gospy_dwarf_structure(dwarf, names[i], &structure)))
			gospy_structure_deinit(&structure);
		fuzz_ok(gospy_dwarf_variable(dwarf, names[i], &address));
	}
	if (!fuzz_ok(gospy_dwarf_location(dwarf, pc, &function, &file, &line)))
		return;
	if (function)
		fuzz_touch((const uint8_t *)function + strlen(function));
	if (file)
		fuzz_touch((const uint8_t *)file + strlen(file));
}

/** Input: an address, then an ELF file or, where it is none, sections. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gospy_cursor c = gospy_cursor_make("input", data, size);
	uint64_t pc = gospy_cursor_u64(&c);
	struct gospy_source source;
	struct gospy_dwarf *dwarf;

	if (c.failed)
		return 0;
	if (gospy_cursor_left(&c) >= 4 && memcmp(data + c.pos, "\177ELF", 4) == 0)
		gospy_source_init_buffer(&source, data + c.pos, gospy_cursor_left(&c));
	else
		source = make_elf(&c);
	if (fuzz_ok(gospy_dwarf_open(&source, &dwarf))) {
		ask(dwarf, pc);
		gospy_dwarf_close(dwarf);
	}
	gospy_source_deinit(&source);
	return 0;
}
