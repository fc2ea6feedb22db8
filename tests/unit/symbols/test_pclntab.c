/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gospy/buildinfo.h>
#include <gospy/pclntab.h>

#include "go_program.h"
#include "image_maker.h"
#include "pclntab_writer.h"

enum {
	TEXT = 0x401000,
	DATA = 0x500000,
	TREE = DATA + 16,
	TABLE_AT = 256,
	TABLE = DATA + TABLE_AT
};
enum { GOEXIT = TEXT, OUTER = TEXT + 32, MAIN = OUTER + 96, END = MAIN + 16 };

/* main.outer calls main.middle at 10, inlined, which calls main.inner at 40, inlined: */
static const struct pcln_run outer_sp[] = {{4, 0}, {90, 24}, {96, 0}, {0, 0}};
static const struct pcln_run outer_file[] = {{16, 1}, {32, 2}, {96, 1}, {0, 0}};
static const struct pcln_run outer_line[] = {{16, 50}, {32, 700}, {48, 22}, {96, 60}, {0, 0}};
static const struct pcln_run outer_inline[] = {{16, -1}, {32, 1}, {48, 0}, {96, -1}, {0, 0}};
static const struct pcln_run outer_unsafe[] = {{96, -2}, {0, 0}};
static const struct pcln_run leaf_sp[] = {{32, 8}, {0, 0}};

static const struct pcln_spec plain = {
	.text = TEXT,
	.min_instruction = 1,
	.funcs = {{.name = "runtime.goexit", .size = 32, .pcsp = leaf_sp, .args = INT32_MIN},
		  {.name = "main.outer",
		   .size = 96,
		   .args = 16,
		   .start_line = 48,
		   .pcsp = outer_sp,
		   .pcfile = outer_file,
		   .pcln = outer_line,
		   .pcdata = {outer_unsafe, NULL, outer_inline},
		   .num_pcdata = 3,
		   .funcdata = {PCLN_NO_FUNCDATA, PCLN_NO_FUNCDATA, PCLN_NO_FUNCDATA, TREE},
		   .num_funcdata = 4},
		  {.name = "main.main", .size = 16}},
	.num_funcs = 3,
	.files = {"/src/outer.go", "/src/inner.go"},
	.num_files = 2,
	.other_names = {"main.inner", "main.middle"},
};

/** A table of one version in an image, with the tree of main.outer at TREE. */
struct fixture {
	struct pcln_spec spec;
	struct pcln_bytes bytes;
	struct gospy_image image;
	struct gospy_pclntab table;
	uint8_t data[TABLE_AT + sizeof(((struct pcln_bytes *)0)->data)];
};

static struct pcln_spec spec_of(enum gospy_pclntab_version version)
{
	struct pcln_spec spec = plain;
	struct pcln_func *outer = &spec.funcs[1];

	spec.version = version;
	if (version >= GOSPY_PCLNTAB_1_18) {
		outer->funcdata[3] = TREE - DATA;
	} else if (version == GOSPY_PCLNTAB_1_2) {
		outer->funcdata[4] = TREE;
		outer->funcdata[3] = PCLN_NO_FUNCDATA;
		outer->num_funcdata = 5;
	}
	return spec;
}

/** inlinedCall of runtime/symtab.go (20 bytes), and of 1.20 and newer (16 bytes). */
static void put_call(struct fixture *f, unsigned int index, const char *name, uint32_t parent_pc,
		     uint32_t start_line)
{
	uint8_t *tree = f->data + (TREE - DATA);
	uint32_t offset = pcln_name_offset(&f->bytes, &f->spec, name);

	if (f->spec.version == GOSPY_PCLNTAB_1_20) {
		elf_put(tree, index * 16, 0, 4);
		elf_put(tree, index * 16 + 4, offset, 4);
		elf_put(tree, index * 16 + 8, parent_pc, 4);
		elf_put(tree, index * 16 + 12, start_line, 4);
	} else {
		elf_put(tree, index * 20, 0, 8);
		elf_put(tree, index * 20 + 8, 0, 4);
		elf_put(tree, index * 20 + 12, offset, 4);
		elf_put(tree, index * 20 + 16, parent_pc, 4);
	}
}

/** Writes the table of `f->spec`; the image has a section for it when `section` has a name. */
static void fixture_write(struct fixture *f, const char *section)
{
	struct elf_writer elf = {0};

	memset(f->data, 0xff, TABLE_AT);
	pcln_write(&f->bytes, &f->spec);
	put_call(f, 0, "main.middle", 10, 20);
	put_call(f, 1, "main.inner", 40, 5);
	memcpy(f->data + TABLE_AT, f->bytes.data, f->bytes.size);
	elf_add_load(&elf, ELF_R, DATA, f->data, TABLE_AT + f->bytes.size);
	if (section)
		elf_add_mapped_section(&elf, section, ELF_PROGBITS, TABLE, f->bytes.size);
	assert_null(make_image(&elf, &f->image));
}

static void fixture_open(struct fixture *f)
{
	assert_null(gospy_pclntab_find(&f->image, &f->table));
	f->table.gofunc =
		(struct gospy_region){gospy_image_at(&f->image, DATA, TABLE_AT), DATA, TABLE_AT};
}

static void fixture_init(struct fixture *f, enum gospy_pclntab_version version)
{
	f->spec = spec_of(version);
	fixture_write(f, ".gopclntab");
	fixture_open(f);
}

static void fixture_deinit(struct fixture *f)
{
	gospy_image_deinit(&f->image);
}

/** Runs `test` with the table of each version. */
static void each_version(void (*test)(struct fixture *))
{
	for (int version = GOSPY_PCLNTAB_1_2; version <= GOSPY_PCLNTAB_1_20; version++) {
		struct fixture f;

		fixture_init(&f, version);
		test(&f);
		fixture_deinit(&f);
	}
}

static void expect_error(struct gospy_error *err, enum gospy_error_code code)
{
	assert_non_null(err);
	assert_int_equal(err->code, code);
	gospy_error_destroy(err);
}

static void expect_found(struct fixture *f)
{
	assert_int_equal(f->table.version, f->spec.version);
	assert_int_equal(f->table.bytes.address, TABLE);
	assert_int_equal(f->table.num_functions, 3);
	assert_int_equal(f->table.min_instruction, 1);
	assert_int_equal(f->table.go_minor, -1);
}

static void is_found_by_section(void **state)
{
	(void)state;
	each_version(expect_found);
}

static void is_found_by_scan(void **state)
{
	(void)state;
	for (int version = GOSPY_PCLNTAB_1_2; version <= GOSPY_PCLNTAB_1_20; version++) {
		struct fixture f = {.spec = spec_of(version)};

		fixture_write(&f, NULL);
		/* A header without a table behind it comes first. */
		fixture_open(&f);
		expect_found(&f);
		fixture_deinit(&f);

		/* A section of that name that holds something else does not mislead. */
		fixture_write(&f, ".text");
		fixture_open(&f);
		expect_found(&f);
		fixture_deinit(&f);
	}
}

static void passes_by_false_magics(void **state)
{
	(void)state;
	static const uint8_t header[8] = {0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8};
	struct fixture f = {.spec = spec_of(GOSPY_PCLNTAB_1_20)};
	struct elf_writer elf = {0};

	memset(f.data, 0, TABLE_AT);
	memcpy(f.data + 8, header, sizeof(header));
	memcpy(f.data + 128, header, sizeof(header));
	memset(f.data + 136, 0xff, 8);
	pcln_write(&f.bytes, &f.spec);
	memcpy(f.data + TABLE_AT, f.bytes.data, f.bytes.size);
	elf_add_load(&elf, ELF_R, DATA, f.data, TABLE_AT + f.bytes.size);
	assert_null(make_image(&elf, &f.image));
	fixture_open(&f);
	expect_found(&f);
	fixture_deinit(&f);
}

static void expect_func(struct fixture *f, uint64_t pc, uint64_t entry, uint64_t end,
			const char *name)
{
	struct gospy_func func;

	assert_null(gospy_pclntab_find_func(&f->table, pc, &func));
	assert_int_equal(func.entry, entry);
	assert_int_equal(func.end, end);
	assert_string_equal(func.name, name);
}

static void expect_functions_at_pcs(struct fixture *f)
{
	struct gospy_func func;

	expect_func(f, GOEXIT, GOEXIT, OUTER, "runtime.goexit");
	expect_func(f, OUTER - 1, GOEXIT, OUTER, "runtime.goexit");
	expect_func(f, OUTER, OUTER, MAIN, "main.outer");
	expect_func(f, MAIN - 1, OUTER, MAIN, "main.outer");
	expect_func(f, END - 1, MAIN, END, "main.main");
	expect_error(gospy_pclntab_find_func(&f->table, END, &func), GOSPY_ERROR_NOT_FOUND);
	expect_error(gospy_pclntab_find_func(&f->table, TEXT - 1, &func), GOSPY_ERROR_NOT_FOUND);
	expect_error(gospy_pclntab_find_func(&f->table, 0, &func), GOSPY_ERROR_NOT_FOUND);
	expect_error(gospy_pclntab_find_func(&f->table, UINT64_MAX, &func), GOSPY_ERROR_NOT_FOUND);
}

static void finds_functions_by_pc(void **state)
{
	(void)state;
	each_version(expect_functions_at_pcs);
}

static void expect_record(struct fixture *f)
{
	struct gospy_func func;

	assert_null(gospy_pclntab_func(&f->table, 1, &func));
	assert_int_equal(func.index, 1);
	assert_int_equal(func.args_size, 16);
	assert_int_equal(func.start_line, f->spec.version == GOSPY_PCLNTAB_1_20 ? 48 : 0);
	assert_int_equal(func.num_pcdata, 3);
	assert_int_equal(func.num_funcdata, f->spec.version == GOSPY_PCLNTAB_1_2 ? 5 : 4);
	assert_null(gospy_pclntab_func(&f->table, 0, &func));
	assert_int_equal(func.args_size, INT32_MIN);
	expect_error(gospy_pclntab_func(&f->table, 3, &func), GOSPY_ERROR_BAD_DATA);
	expect_error(gospy_pclntab_func(&f->table, UINT64_MAX, &func), GOSPY_ERROR_BAD_DATA);
}

static void reads_records(void **state)
{
	(void)state;
	each_version(expect_record);
}

static void expect_names(struct fixture *f)
{
	const char *names[] = {"main.main", "main.inner", "runtime.goexit",
			       "main.mai",  "main.main",  "no.such",
			       ""};
	struct gospy_func funcs[7] = {{.index = 77}, {.index = 77}};
	bool found[7];

	assert_null(gospy_pclntab_find_names(&f->table, names, 7, funcs, found));
	assert_true(found[0]);
	assert_int_equal(funcs[0].entry, MAIN);
	/* Inlined everywhere: it has a name but is no function. */
	assert_false(found[1]);
	assert_int_equal(funcs[1].index, 77);
	assert_true(found[2]);
	assert_int_equal(funcs[2].entry, GOEXIT);
	assert_false(found[3]);
	assert_true(found[4]);
	assert_int_equal(funcs[4].entry, MAIN);
	assert_false(found[5] || found[6]);
	assert_null(gospy_pclntab_find_names(&f->table, NULL, 0, NULL, NULL));

	assert_null(gospy_pclntab_find_name(&f->table, "main.outer", &funcs[0]));
	assert_int_equal(funcs[0].index, 1);
	expect_error(gospy_pclntab_find_name(&f->table, "main.inner", &funcs[0]),
		     GOSPY_ERROR_NOT_FOUND);
}

static void finds_functions_by_name(void **state)
{
	(void)state;
	each_version(expect_names);
}

static void expect_frame_sizes(struct fixture *f)
{
	struct gospy_func func;
	int32_t size = 99;

	assert_null(gospy_pclntab_func(&f->table, 1, &func));
	assert_null(gospy_func_frame_size(&f->table, &func, OUTER, &size));
	assert_int_equal(size, 0);
	assert_null(gospy_func_frame_size(&f->table, &func, OUTER + 4, &size));
	assert_int_equal(size, 24);
	assert_null(gospy_func_frame_size(&f->table, &func, OUTER + 89, &size));
	assert_int_equal(size, 24);
	assert_null(gospy_func_frame_size(&f->table, &func, OUTER + 95, &size));
	assert_int_equal(size, 0);

	/* main.main has no table, and no table reaches beyond its function. */
	expect_error(gospy_func_frame_size(&f->table, &func, OUTER + 96, &size),
		     GOSPY_ERROR_NOT_FOUND);
	assert_null(gospy_pclntab_func(&f->table, 2, &func));
	expect_error(gospy_func_frame_size(&f->table, &func, MAIN, &size), GOSPY_ERROR_NOT_FOUND);
	assert_int_equal(size, 0);
}

static void tells_frame_sizes(void **state)
{
	(void)state;
	each_version(expect_frame_sizes);
}

static void expect_pcdata(struct fixture *f)
{
	struct gospy_func func;
	int32_t value;

	assert_null(gospy_pclntab_func(&f->table, 1, &func));
	assert_null(gospy_func_pcdata(&f->table, &func, 0, OUTER + 20, &value));
	assert_int_equal(value, -2);
	assert_null(gospy_func_pcdata(&f->table, &func, 2, OUTER + 20, &value));
	assert_int_equal(value, 1);
	/* Offset 0, a number too high, a pc behind the table. */
	assert_null(gospy_func_pcdata(&f->table, &func, 1, OUTER + 20, &value));
	assert_int_equal(value, -1);
	assert_null(gospy_func_pcdata(&f->table, &func, 3, OUTER + 20, &value));
	assert_int_equal(value, -1);
	assert_null(gospy_func_pcdata(&f->table, &func, 0, OUTER + 96, &value));
	assert_int_equal(value, -1);
}

static void reads_pcdata(void **state)
{
	(void)state;
	each_version(expect_pcdata);
}

static void expect_funcdata(struct fixture *f)
{
	uint32_t number = f->spec.version == GOSPY_PCLNTAB_1_2 ? 4 : 3;
	struct gospy_func func;
	struct gospy_region region;

	assert_null(gospy_pclntab_func(&f->table, 1, &func));
	assert_null(gospy_func_funcdata(&f->table, &func, number, &region));
	assert_int_equal(region.address, TREE);
	assert_ptr_equal(region.data, gospy_image_at(&f->image, TREE, 1));
	assert_true(region.size >= TABLE - TREE);
	assert_null(gospy_func_funcdata(&f->table, &func, 0, &region));
	assert_null(region.data);
	assert_int_equal(region.size, 0);
	assert_null(gospy_func_funcdata(&f->table, &func, 100, &region));
	assert_null(region.data);
}

static void reads_funcdata(void **state)
{
	(void)state;
	each_version(expect_funcdata);
}

static void expect_frame(const struct gospy_source_frame *frame, const char *function,
			 const char *file, uint32_t line, bool inlined)
{
	assert_string_equal(frame->function, function);
	assert_string_equal(frame->file, file);
	assert_int_equal(frame->line, line);
	assert_int_equal(frame->inlined, inlined);
}

static void expect_frames(struct fixture *f)
{
	bool start_lines = f->spec.version == GOSPY_PCLNTAB_1_20;
	struct gospy_source_frame_vec frames = {0};

	assert_null(gospy_pclntab_frames(&f->table, OUTER + 20, &frames));
	assert_int_equal(frames.size, 3);
	expect_frame(&frames.data[0], "main.inner", "/src/inner.go", 700, true);
	expect_frame(&frames.data[1], "main.middle", "/src/outer.go", 22, true);
	expect_frame(&frames.data[2], "main.outer", "/src/outer.go", 50, false);
	assert_int_equal(frames.data[0].start_line, start_lines ? 5 : 0);
	assert_int_equal(frames.data[1].start_line, start_lines ? 20 : 0);
	assert_int_equal(frames.data[2].start_line, start_lines ? 48 : 0);

	assert_null(gospy_pclntab_frames(&f->table, OUTER + 47, &frames));
	assert_int_equal(frames.size, 2);
	expect_frame(&frames.data[0], "main.middle", "/src/outer.go", 22, true);
	expect_frame(&frames.data[1], "main.outer", "/src/outer.go", 50, false);

	/* No tables at all: as the runtime says it. */
	assert_null(gospy_pclntab_frames(&f->table, MAIN + 3, &frames));
	assert_int_equal(frames.size, 1);
	expect_frame(&frames.data[0], "main.main", "?", 0, false);

	expect_error(gospy_pclntab_frames(&f->table, END, &frames), GOSPY_ERROR_NOT_FOUND);
	assert_int_equal(frames.size, 1);
	gospy_source_frame_vec_deinit(&frames);
}

static void expands_inlined_calls(void **state)
{
	(void)state;
	each_version(expect_frames);
}

/** Go 1.12 numbers its tables otherwise than 1.13: runtime/symtab.go. */
static void expands_inlined_calls_of_1_12(void **state)
{
	(void)state;
	struct fixture f = {.spec = spec_of(GOSPY_PCLNTAB_1_2)};
	struct pcln_func *outer = &f.spec.funcs[1];

	outer->pcdata[1] = outer_inline;
	outer->pcdata[2] = NULL;
	outer->funcdata[2] = TREE;
	outer->funcdata[4] = PCLN_NO_FUNCDATA;
	fixture_write(&f, ".gopclntab");
	fixture_open(&f);
	f.table.go_minor = 12;
	expect_frames(&f);
	fixture_deinit(&f);
}

/** Go 1.26: the header does not say where the text begins. */
static void needs_the_text(void **state)
{
	(void)state;
	struct fixture f = {.spec = spec_of(GOSPY_PCLNTAB_1_20)};
	struct gospy_source_frame_vec frames = {0};
	struct gospy_func func;

	f.spec.no_text = true;
	fixture_write(&f, ".gopclntab");
	fixture_open(&f);
	expect_error(gospy_pclntab_func(&f.table, 0, &func), GOSPY_ERROR_NO_SYMBOLS);
	expect_error(gospy_pclntab_find_func(&f.table, OUTER, &func), GOSPY_ERROR_NO_SYMBOLS);
	expect_error(gospy_pclntab_find_name(&f.table, "main.main", &func), GOSPY_ERROR_NO_SYMBOLS);
	expect_error(gospy_pclntab_frames(&f.table, OUTER, &frames), GOSPY_ERROR_NO_SYMBOLS);
	f.table.text = TEXT;
	expect_functions_at_pcs(&f);
	expect_frames(&f);
	fixture_deinit(&f);
}

static void needs_gofunc_for_inlined_calls_only(void **state)
{
	(void)state;
	struct gospy_source_frame_vec frames = {0};
	struct fixture f;

	fixture_init(&f, GOSPY_PCLNTAB_1_18);
	f.table.gofunc = (struct gospy_region){0};
	expect_error(gospy_pclntab_frames(&f.table, OUTER + 20, &frames), GOSPY_ERROR_NO_SYMBOLS);
	assert_int_equal(frames.size, 0);
	assert_null(gospy_pclntab_frames(&f.table, OUTER + 60, &frames));
	assert_int_equal(frames.size, 1);
	expect_frame(&frames.data[0], "main.outer", "/src/outer.go", 60, false);
	gospy_source_frame_vec_deinit(&frames);
	fixture_deinit(&f);
}

/** runtime/symtab.go textAddr: the second section of text is somewhere else. */
static void maps_several_text_sections(void **state)
{
	(void)state;
	static const struct gospy_text_section sections[] = {
		{.start = 0, .end = OUTER - TEXT, .address = TEXT},
		{.start = OUTER - TEXT, .end = END - TEXT, .address = 0x700000}};
	struct gospy_func func;
	struct fixture f;

	fixture_init(&f, GOSPY_PCLNTAB_1_18);
	f.table.text_sections = sections;
	f.table.num_text_sections = 2;
	expect_func(&f, GOEXIT + 31, GOEXIT, GOEXIT + 32, "runtime.goexit");
	expect_func(&f, 0x700000, 0x700000, 0x700060, "main.outer");
	expect_func(&f, 0x70006f, 0x700060, 0x700070, "main.main");
	expect_error(gospy_pclntab_find_func(&f.table, OUTER, &func), GOSPY_ERROR_NOT_FOUND);
	expect_error(gospy_pclntab_find_func(&f.table, 0x700070, &func), GOSPY_ERROR_NOT_FOUND);
	fixture_deinit(&f);
}

static void counts_in_instructions(void **state)
{
	(void)state;
	struct fixture f = {.spec = spec_of(GOSPY_PCLNTAB_1_20)};
	static const struct pcln_run sp[] = {{4, 0}, {88, 24}, {96, 0}, {0, 0}};

	f.spec.min_instruction = 4;
	f.spec.funcs[1].pcsp = sp;
	fixture_write(&f, ".gopclntab");
	fixture_open(&f);
	assert_int_equal(f.table.min_instruction, 4);
	struct gospy_func func;
	int32_t size;
	assert_null(gospy_pclntab_func(&f.table, 1, &func));
	assert_null(gospy_func_frame_size(&f.table, &func, OUTER + 84, &size));
	assert_int_equal(size, 24);
	assert_null(gospy_func_frame_size(&f.table, &func, OUTER + 88, &size));
	assert_int_equal(size, 0);
	fixture_deinit(&f);
}

/** Flags of a function with `func_id` and `flag` in a table of Go 1.`minor`. */
static uint32_t flags_of(enum gospy_pclntab_version version, int minor, uint8_t func_id,
			 uint8_t flag)
{
	struct fixture f = {.spec = spec_of(version)};
	struct gospy_func func;

	f.spec.funcs[0].func_id = func_id;
	f.spec.funcs[0].flag = flag;
	fixture_write(&f, ".gopclntab");
	fixture_open(&f);
	f.table.go_minor = minor;
	assert_null(gospy_pclntab_func(&f.table, 0, &func));
	assert_int_equal(func.func_id, func_id);
	fixture_deinit(&f);
	return func.flags;
}

/** funcID_wrapper: runtime/symtab.go and internal/abi/symtab.go of each version. */
static void knows_wrappers(void **state)
{
	(void)state;
	static const struct {
		enum gospy_pclntab_version version;
		int minor;
		uint8_t wrapper;
	} cases[] = {
		{GOSPY_PCLNTAB_1_2, 12, 20},  {GOSPY_PCLNTAB_1_2, 13, 20},
		{GOSPY_PCLNTAB_1_2, 14, 22},  {GOSPY_PCLNTAB_1_2, 15, 22},
		{GOSPY_PCLNTAB_1_16, 16, 22}, {GOSPY_PCLNTAB_1_16, 17, 22},
		{GOSPY_PCLNTAB_1_18, 18, 21}, {GOSPY_PCLNTAB_1_18, 19, 21},
		{GOSPY_PCLNTAB_1_20, 20, 21}, {GOSPY_PCLNTAB_1_20, 21, 21},
		{GOSPY_PCLNTAB_1_20, 22, 22}, {GOSPY_PCLNTAB_1_20, 24, 22},
		{GOSPY_PCLNTAB_1_20, 25, 23}, {GOSPY_PCLNTAB_1_20, 27, 23},
		{GOSPY_PCLNTAB_1_20, 28, 23},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint8_t id = 19; id < 25; id++)
			assert_int_equal(flags_of(cases[i].version, cases[i].minor, id, 0) &
						 GOSPY_FUNC_WRAPPER,
					 id == cases[i].wrapper ? GOSPY_FUNC_WRAPPER : 0);
	}
}

/** Up to 1.16 by funcID (runtime/traceback.go topofstack), from 1.17 on by flag. */
static void knows_outermost_functions(void **state)
{
	(void)state;
	const uint8_t goexit_id = 2, systemstack_id = 13;

	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_2, 12, goexit_id, 0), GOSPY_FUNC_TOP_FRAME);
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_2, 15, systemstack_id, 0), 0);
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_16, 16, goexit_id, 0), GOSPY_FUNC_TOP_FRAME);
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_16, 17, goexit_id, 0), 0);
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_16, 17, 7, 1), GOSPY_FUNC_TOP_FRAME);
	/* The function of the fixture is called runtime.goexit. */
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_16, -1, goexit_id, 0), GOSPY_FUNC_TOP_FRAME);
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_18, 18, 7, 5),
			 GOSPY_FUNC_TOP_FRAME | GOSPY_FUNC_ASM);
	assert_int_equal(flags_of(GOSPY_PCLNTAB_1_20, 27, 8, 2), GOSPY_FUNC_SP_WRITE);
}

/** Up to 1.17 a hole between sections of text has an impossible record. */
static void finds_nothing_in_holes(void **state)
{
	(void)state;
	struct fixture f = {.spec = spec_of(GOSPY_PCLNTAB_1_16)};
	struct gospy_func func;
	uint64_t functab;

	pcln_write(&f.bytes, &f.spec);
	memcpy(&functab, f.bytes.data + 56, 8);
	pcln_set(&f.bytes, functab + 24, UINT64_MAX, 8);
	memset(f.data, 0, TABLE_AT);
	memcpy(f.data + TABLE_AT, f.bytes.data, f.bytes.size);
	struct elf_writer elf = {0};
	elf_add_load(&elf, ELF_R, DATA, f.data, TABLE_AT + f.bytes.size);
	assert_null(make_image(&elf, &f.image));
	fixture_open(&f);
	expect_error(gospy_pclntab_find_func(&f.table, OUTER + 3, &func), GOSPY_ERROR_NOT_FOUND);
	expect_func(&f, MAIN, MAIN, END, "main.main");
	assert_null(gospy_pclntab_find_name(&f.table, "main.main", &func));
	assert_int_equal(func.entry, MAIN);
	fixture_deinit(&f);
}

/** Asks everything about the functions of `table`; what comes back does not matter, that it does,
 * does. */
static void ask_everything(const struct gospy_pclntab *table)
{
	const char *names[] = {"main.main", "main.inner", "x"};
	struct gospy_source_frame_vec frames = {0};
	struct gospy_func func, funcs[3];
	struct gospy_region region;
	bool found[3];
	int32_t value;

	gospy_error_destroy(gospy_pclntab_find_names(table, names, 3, funcs, found));
	for (uint64_t pc = TEXT - 1; pc <= END; pc++)
		gospy_error_destroy(gospy_pclntab_frames(table, pc, &frames));
	for (uint64_t i = 0; i < 4; i++) {
		struct gospy_error *err = gospy_pclntab_func(table, i, &func);
		gospy_error_destroy(err);
		if (err)
			continue;
		gospy_error_destroy(gospy_func_frame_size(table, &func, func.end - 1, &value));
		for (uint32_t n = 0; n < 6; n++) {
			gospy_error_destroy(gospy_func_pcdata(table, &func, n, func.entry, &value));
			gospy_error_destroy(gospy_func_funcdata(table, &func, n, &region));
		}
	}
	gospy_source_frame_vec_deinit(&frames);
}

/** Opens `size` bytes at `bytes`, in memory of exactly that size, and asks everything. */
static bool survive(const struct fixture *f, const uint8_t *bytes, uint64_t size)
{
	_cleanup_free_ uint8_t *copy = malloc(size + !size);
	struct gospy_pclntab table;

	memcpy(copy, bytes, size);
	struct gospy_error *err =
		gospy_pclntab_init(&f->image, (struct gospy_region){copy, TABLE, size}, &table);
	gospy_error_destroy(err);
	if (err)
		return false;
	table.gofunc = f->table.gofunc;
	ask_everything(&table);
	return true;
}

static void survive_truncation(struct fixture *f)
{
	unsigned int opened = 0;

	for (uint64_t size = 0; size < f->bytes.size; size++)
		opened += survive(f, f->bytes.data, size);
	/* All but the last bytes of padding and tables are needed. */
	assert_true(opened < f->bytes.size / 2);
	assert_true(survive(f, f->bytes.data, f->bytes.size));
}

static void survives_truncated_tables(void **state)
{
	(void)state;
	each_version(survive_truncation);
}

static void survive_damage(struct fixture *f)
{
	static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};

	for (uint64_t i = 0; i < f->bytes.size; i++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			uint8_t before = f->bytes.data[i];
			f->bytes.data[i] = values[v];
			survive(f, f->bytes.data, f->bytes.size);
			f->bytes.data[i] = before;
		}
	}
}

static void survives_damaged_tables(void **state)
{
	(void)state;
	each_version(survive_damage);
}

/** A call whose parent is itself: the walk ends with an error. */
static void refuses_circular_inline_trees(void **state)
{
	(void)state;
	struct gospy_source_frame_vec frames = {0};

	for (int version = GOSPY_PCLNTAB_1_2; version <= GOSPY_PCLNTAB_1_20; version++) {
		struct fixture f = {.spec = spec_of(version)};
		struct elf_writer elf = {0};

		pcln_write(&f.bytes, &f.spec);
		put_call(&f, 0, "main.middle", 20, 20);
		put_call(&f, 1, "main.inner", 40, 5);
		memcpy(f.data + TABLE_AT, f.bytes.data, f.bytes.size);
		elf_add_load(&elf, ELF_R, DATA, f.data, TABLE_AT + f.bytes.size);
		assert_null(make_image(&elf, &f.image));
		fixture_open(&f);
		expect_error(gospy_pclntab_frames(&f.table, OUTER + 20, &frames),
			     GOSPY_ERROR_BAD_DATA);
		assert_int_equal(frames.size, 0);
		fixture_deinit(&f);
	}
	gospy_source_frame_vec_deinit(&frames);
}

/** A position-independent file of another linker may hold no addresses at all. */
static void refuses_tables_without_addresses(void **state)
{
	(void)state;
	struct fixture f = {.spec = spec_of(GOSPY_PCLNTAB_1_16)};

	f.spec.text = 0;
	for (unsigned int i = 0; i < f.spec.num_funcs; i++)
		f.spec.funcs[i].size = 0;
	fixture_write(&f, ".gopclntab");
	expect_error(gospy_pclntab_find(&f.image, &f.table), GOSPY_ERROR_NOT_FOUND);
	fixture_deinit(&f);
}

static void reports_none(void **state)
{
	(void)state;
	struct elf_writer elf = {0};
	struct gospy_pclntab table;
	struct gospy_image image;

	elf_add_load(&elf, ELF_R | ELF_X, TEXT, "nothing", 7);
	assert_null(make_image(&elf, &image));
	expect_error(gospy_pclntab_find(&image, &table), GOSPY_ERROR_NOT_FOUND);
	gospy_image_deinit(&image);
}

static const char go_source[] = "package main\n"
				"import \"fmt\"\n"
				"func inner(n int) int { return n * 3 }\n"
				"func main() { fmt.Println(inner(len(fmt.Sprint(1)))) }\n";

/** A text symbol of `go tool nm -size`, without the ABI that the linker appends; false for other
 * lines. */
static bool read_symbol(char *line, uint64_t *ret_address, uint64_t *ret_size, char **ret_name)
{
	unsigned long long address, size;
	int name_at;
	char type;

	if (sscanf(line, "%llx %llu %c %n", &address, &size, &type, &name_at) < 3 ||
	    (type != 'T' && type != 't'))
		return false;
	line[strcspn(line, "\n")] = 0;
	*ret_name = line + name_at;
	char *abi = strstr(*ret_name, ".abi");
	if (abi && (strcmp(abi, ".abi0") == 0 || strcmp(abi, ".abiinternal") == 0))
		*abi = 0;
	*ret_address = address;
	*ret_size = size;
	return true;
}

/** The symbol table has a plain dot for the middle dot of a function's name:
 * cmd/link/internal/ld/symtab.go. */
static void expect_same_name(const char *function, const char *symbol)
{
	char plain_name[4096];
	size_t size = 0;

	for (; *function; function++) {
		bool dot = strncmp(function, "\u00b7", 2) == 0;
		plain_name[size++] = dot ? '.' : *function;
		function += dot;
		assert_true(size < sizeof(plain_name));
	}
	plain_name[size] = 0;
	const char *dots = strstr(plain_name, "[...]"), *open = strchr(symbol, '['),
		   *close = strrchr(symbol, ']');
	if (!dots || !open || !close) {
		assert_string_equal(plain_name, symbol);
		return;
	}
	/* The linkers of Go 1.18 to 1.20 write what is between the first and the last bracket as
	 * three dots: nameParts in cmd/link/internal/ld/pcln.go. */
	assert_int_equal(dots - plain_name, open - symbol);
	assert_memory_equal(plain_name, symbol, (size_t)(open - symbol));
	assert_string_equal(dots + 5, close + 1);
}

/** Symbols of the linker in the text that are no functions. */
static bool is_marker(const char *name)
{
	return strcmp(name, "runtime.text") == 0 || strcmp(name, "runtime.etext") == 0 ||
	       strcmp(name, "go:buildid") == 0 || strcmp(name, "go.buildid") == 0;
}

/** Compares each function that nm lists; their number. */
static uint64_t compare_with_nm(const struct gospy_pclntab *table, FILE *nm)
{
	uint64_t address, size, count = 0;
	char line[4096], *name;

	while (fgets(line, sizeof(line), nm)) {
		struct gospy_func func;
		if (!read_symbol(line, &address, &size, &name) || is_marker(name))
			continue;
		assert_null(gospy_pclntab_find_func(table, address, &func));
		assert_int_equal(func.entry, address);
		expect_same_name(func.name, name);
		assert_true(func.end >= address + size);
		count++;
	}
	return count;
}

/** Outside of the test, so that a failed one leaves no folder behind. */
static struct go_program program;

static int remove_program(void **state)
{
	(void)state;
	go_program_deinit(&program);
	return 0;
}

static void agrees_with_go_tool_nm(void **state)
{
	(void)state;
	struct gospy_pclntab table;
	struct gospy_image image;

	if (!go_program_init(&program, go_source, ""))
		skip();
	assert_null(go_program_image(&program, &image));
	assert_null(gospy_pclntab_find(&image, &table));
	assert_null(gospy_image_symbol(&image, "runtime.text", &table.text));
	FILE *nm = go_program_nm(&program);
	assert_non_null(nm);
	assert_int_equal(compare_with_nm(&table, nm), table.num_functions);
	assert_int_equal(pclose(nm), 0);
	gospy_image_deinit(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_found_by_section),
		cmocka_unit_test(is_found_by_scan),
		cmocka_unit_test(passes_by_false_magics),
		cmocka_unit_test(finds_functions_by_pc),
		cmocka_unit_test(reads_records),
		cmocka_unit_test(finds_functions_by_name),
		cmocka_unit_test(tells_frame_sizes),
		cmocka_unit_test(reads_pcdata),
		cmocka_unit_test(reads_funcdata),
		cmocka_unit_test(expands_inlined_calls),
		cmocka_unit_test(expands_inlined_calls_of_1_12),
		cmocka_unit_test(needs_the_text),
		cmocka_unit_test(needs_gofunc_for_inlined_calls_only),
		cmocka_unit_test(maps_several_text_sections),
		cmocka_unit_test(counts_in_instructions),
		cmocka_unit_test(knows_wrappers),
		cmocka_unit_test(knows_outermost_functions),
		cmocka_unit_test(finds_nothing_in_holes),
		cmocka_unit_test(survives_truncated_tables),
		cmocka_unit_test(survives_damaged_tables),
		cmocka_unit_test(refuses_circular_inline_trees),
		cmocka_unit_test(refuses_tables_without_addresses),
		cmocka_unit_test(reports_none),
		cmocka_unit_test_teardown(agrees_with_go_tool_nm, remove_program),
	};

	return cmocka_run_group_tests_name("pclntab", tests, NULL, NULL);
}
