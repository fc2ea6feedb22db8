/* SPDX-License-Identifier: MIT */
#include <gospy/pclntab.h>

#include "fuzz.h"

/* Of a large table some functions and pcs stand for all. */
enum { MAX_FUNCTIONS = 64, MAX_PCS = 8 };

static void ask_function(const struct gospy_pclntab *table, const struct gospy_func *func,
			 struct gospy_source_frame_vec *frames)
{
	uint64_t step = (func->end - func->entry) / MAX_PCS + 1;
	struct gospy_region region;
	int32_t value;

	for (uint64_t pc = func->entry; pc < func->end && func->end - pc >= step; pc += step) {
		fuzz_ok(gospy_pclntab_frames(table, pc, frames));
		fuzz_ok(gospy_func_frame_size(table, func, pc, &value));
		for (uint32_t i = 0; i < 5; i++)
			fuzz_ok(gospy_func_pcdata(table, func, i, pc, &value));
	}
	for (uint32_t i = 0; i < 8; i++)
		fuzz_ok(gospy_func_funcdata(table, func, i, &region));
}

static void ask(const struct gospy_pclntab *table)
{
	static const char *const names[] = {"runtime.goexit", "main.main", "x", ""};
	struct gospy_source_frame_vec frames = {0};
	uint64_t step = table->num_functions / MAX_FUNCTIONS + 1;
	struct gospy_func func, found_funcs[4];
	bool found[4];

	fuzz_ok(gospy_pclntab_find_names(table, names, 4, found_funcs, found));
	fuzz_ok(gospy_pclntab_find_func(table, UINT64_MAX, &func));
	for (uint64_t i = 0; i < table->num_functions; i += step) {
		if (fuzz_ok(gospy_pclntab_func(table, i, &func)))
			ask_function(table, &func, &frames);
	}
	gospy_source_frame_vec_deinit(&frames);
}

/**
 * Input: Go minor version, then an ELF file or, where it is none, a table. The same bytes serve as
 * FUNCDATA of the newer layouts.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gospy_source source;
	struct gospy_image image = {0};
	struct gospy_pclntab table;

	if (size == 0)
		return 0;
	int go_minor = data[0] < 40 ? data[0] : -1;
	data++;
	size--;
	gospy_source_init_buffer(&source, data, size);
	struct gospy_region all = {data, 0x400000, size};
	bool is_elf = fuzz_ok(gospy_image_init(&image, &source));
	if (fuzz_ok(is_elf ? gospy_pclntab_find(&image, &table)
			   : gospy_pclntab_init(&image, all, &table))) {
		table.go_minor = go_minor;
		if (table.text == 0)
			table.text = 0x401000;
		table.gofunc = all;
		ask(&table);
	}
	gospy_image_deinit(&image);
	return 0;
}
