/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <gospy/dwarf.h>

#include "c_program.h"
#include "dwarf_writer.h"

/** Prints the layout of its own structs, and where its function and variable are. */
static const char c_source[] =
	"#include <stdio.h>\n"
	"#include <stddef.h>\n"
	"typedef struct { char a; long b; } inner;\n"
	"struct outer { int x; const inner i; struct { short s; } *p; volatile inner j; double d; "
	"};\n"
	"struct outer one;\n"
	"#define TELL(f) printf(\"field %s %zu %zu\\n\", #f, offsetof(struct outer, f), \\\n"
	"\t(size_t)sizeof(((struct outer *)0)->f))\n"
	"__attribute__((noinline)) int work(int x) { enum { LINE = __LINE__ }; one.x = x;\n"
	"\tprintf(\"line %p %d\\n\", (void *)work, LINE); return x; }\n"
	"int main(int argc, char **argv) {\n"
	"\tprintf(\"size %zu\\nvariable %p\\n\", sizeof(struct outer), (void *)&one);\n"
	"\tTELL(x); TELL(i); TELL(i.a); TELL(i.b); TELL(p); TELL(j); TELL(j.a); TELL(j.b); "
	"TELL(d);\n"
	"\treturn work(argc) - argc + !argv;\n"
	"}\n";

static const char go_source[] =
	"package main\n"
	"import (\"fmt\"; \"reflect\"; \"runtime\"; \"unsafe\")\n"
	"type pair struct { a int8; b int64 }\n"
	"type thing struct { pair; x int32; s []string; f func(); m map[int]int; c chan int; i "
	"any;\n"
	"\tn [3]pair; p *thing; q struct { deep pair } }\n"
	"var One thing\n"
	"//go:noinline\n"
	"func work() { runtime.KeepAlive(&One) }\n"
	"func tell(t reflect.Type, prefix string, base uintptr) {\n"
	"\tfor i := 0; i < t.NumField(); i++ {\n"
	"\t\tf := t.Field(i)\n"
	"\t\tfmt.Println(\"field\", prefix+f.Name, base+f.Offset, f.Type.Size())\n"
	"\t\tif f.Type.Kind() == reflect.Struct { tell(f.Type, prefix+f.Name+\".\", base+f.Offset) "
	"}\n"
	"\t}\n"
	"}\n"
	"func main() {\n"
	"\tpc := reflect.ValueOf(work).Pointer()\n"
	"\tfile, line := runtime.FuncForPC(pc).FileLine(pc)\n"
	"\tfmt.Printf(\"size %d\\nvariable %p\\n\", unsafe.Sizeof(One), unsafe.Pointer(&One))\n"
	"\tfmt.Printf(\"line %#x %d\\nfile %s\\n\", pc, line, file)\n"
	"\ttell(reflect.TypeOf(One), \"\", 0)\n"
	"\twork()\n"
	"}\n";

/** What a program told, and names of the same things in its debug information. */
struct expected {
	const char *structure, *variable, *function;
	struct gospy_structure layout;
	uint64_t address, pc;
	unsigned int line;
	char file[256];
};

static void hear_line(const char *line, struct expected *told)
{
	unsigned long long number, size;
	char name[64];

	if (sscanf(line, "size %llu", &number) == 1)
		told->layout.size = number;
	else if (sscanf(line, "variable %llx", &number) == 1)
		told->address = number;
	else if (sscanf(line, "line %llx %u", &number, &told->line) == 2)
		told->pc = number;
	else if (sscanf(line, "field %63s %llu %llu", name, &number, &size) == 3)
		assert_null(gospy_structure_add(&told->layout, name, number, size));
	else
		assert_int_equal(sscanf(line, "file %255[^\n]", told->file), 1);
}

static void hear(const struct go_program *program, struct expected *told)
{
	FILE *pipe = popen(program->path, "r");
	char line[512];

	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe))
		hear_line(line, told);
	assert_int_equal(pclose(pipe), 0);
	assert_true(told->layout.fields.size > 5 && told->address && told->pc && told->line);
}

static struct gospy_source map(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct gospy_source source;

	assert_true(fd >= 0);
	assert_null(gospy_source_init_map(&source, fd, path));
	return source;
}

/** All fields that were told, in order; between them only what strings, slices and interfaces are
 * made of. */
static void expect_layout(struct gospy_dwarf *dwarf, const struct expected *told)
{
	_cleanup_(gospy_structure_deinit) struct gospy_structure got = {};
	size_t next = 0;

	assert_null(gospy_dwarf_structure(dwarf, told->structure, &got));
	assert_string_equal(got.name, told->structure);
	assert_int_equal(got.size, told->layout.size);
	for (size_t i = 0; i < got.fields.size; i++) {
		const struct gospy_field *field = &got.fields.data[i];
		const struct gospy_field *expected = &told->layout.fields.data[next];
		if (next == told->layout.fields.size || strcmp(field->name, expected->name) != 0) {
			assert_non_null(strstr("s.array s.len s.cap i._type i.data", field->name));
			continue;
		}
		assert_int_equal(field->offset, expected->offset);
		assert_int_equal(field->size, expected->size);
		next++;
	}
	assert_int_equal(next, told->layout.fields.size);
}

static void expect_location(struct gospy_dwarf *dwarf, const struct expected *told)
{
	const char *function, *file;
	uint64_t address;
	uint32_t line;

	assert_null(gospy_dwarf_variable(dwarf, told->variable, &address));
	assert_int_equal(address, told->address);
	assert_null(gospy_dwarf_location(dwarf, told->pc, &function, &file, &line));
	assert_string_equal(function, told->function);
	assert_int_equal(line, told->line);
	assert_string_equal(file, told->file);
}

/** All of the file at `path` is as the program told, and its bytes stay what they are. */
static void expect_told(const char *path, const struct expected *told)
{
	struct gospy_source source = map(path);

	for (int i = 0; i < 2; i++) {
		struct gospy_dwarf *dwarf;
		assert_null(gospy_dwarf_open(&source, &dwarf));
		expect_layout(dwarf, told);
		expect_location(dwarf, told);
		gospy_dwarf_close(dwarf);
	}
	gospy_source_deinit(&source);
}

static void reads_c(const char *flags, const char *compression)
{
	_cleanup_(go_program_deinit) struct go_program program;
	struct expected told = {.structure = "outer", .variable = "one", .function = "work"};
	char flags_no_pie[64];

	snprintf(flags_no_pie, sizeof(flags_no_pie), "-no-pie %s", flags);
	if (!c_program_init(&program, c_source, flags_no_pie))
		skip();
	snprintf(told.file, sizeof(told.file), "%s/main.c", program.folder);
	hear(&program, &told);
	if (compression)
		assert_int_equal(go_run("objcopy --compress-debug-sections=%s '%s'", compression,
					program.path),
				 0);
	expect_told(program.path, &told);
	gospy_structure_deinit(&told.layout);
}

static void reads_dwarf_4_of_c(void **state)
{
	(void)state;
	reads_c("-gdwarf-4", NULL);
}

static void reads_dwarf_5_of_c(void **state)
{
	(void)state;
	reads_c("-gdwarf-5", NULL);
}

static void reads_dwarf_2_of_c(void **state)
{
	(void)state;
	reads_c("-gdwarf-2 -gstrict-dwarf", NULL);
}

static void reads_zlib(void **state)
{
	(void)state;
	reads_c("-gdwarf-5", "zlib");
}

static void reads_zdebug(void **state)
{
	(void)state;
	reads_c("-gdwarf-4", "zlib-gnu");
}

/** The sections that `objcopy` compressed with method `method` of Elf64_Chdr. */
static unsigned int count_compressed(const char *path, uint32_t method)
{
	struct gospy_source source = map(path);
	struct gospy_image image;
	unsigned int count = 0;

	assert_null(gospy_image_init(&image, &source));
	for (size_t i = 0; i < image.sections.size; i++) {
		const struct gospy_section *section = &image.sections.data[i];
		uint32_t found;
		if (!(section->flags & 0x800))
			continue;
		memcpy(&found, gospy_source_at(&image.source, section->offset, 4), 4);
		count += found == method;
	}
	gospy_image_deinit(&image);
	return count;
}

static void reads_zstd(void **state)
{
	(void)state;
	_cleanup_(go_program_deinit) struct go_program program;
	struct expected told = {.structure = "outer", .variable = "one", .function = "work"};

	if (!c_program_init(&program, c_source, "-no-pie -gdwarf-5"))
		skip();
	snprintf(told.file, sizeof(told.file), "%s/main.c", program.folder);
	hear(&program, &told);
	/* binutils 2.40 and newer can. */
	if (go_run("objcopy --compress-debug-sections=zstd '%s' 2>/dev/null", program.path) != 0)
		skip();
	assert_true(count_compressed(program.path, 2) > 1);
	expect_told(program.path, &told);
	gospy_structure_deinit(&told.layout);
}

static void reads_go(void **state)
{
	(void)state;
	_cleanup_(go_program_deinit) struct go_program program;
	struct expected told = {
		.structure = "main.thing", .variable = "main.One", .function = "main.work"};

	if (!go_program_init(&program, go_source, ""))
		skip();
	hear(&program, &told);
	expect_told(program.path, &told);
	gospy_structure_deinit(&told.layout);
}

static void says_what_is_not_there(void **state)
{
	(void)state;
	_cleanup_(go_program_deinit) struct go_program program;
	struct gospy_structure structure = {.size = 42};
	struct gospy_dwarf *dwarf = NULL;
	const char *function = "f", *file = "g";
	uint64_t address = 1;
	uint32_t line = 2;

	if (!c_program_init(&program, c_source, "-no-pie"))
		skip();
	struct gospy_source source = map(program.path);
	assert_null(gospy_dwarf_open(&source, &dwarf));
	struct gospy_error *errors[] = {
		gospy_dwarf_structure(dwarf, "oute", &structure),
		gospy_dwarf_structure(dwarf, "", &structure),
		gospy_dwarf_structure(dwarf, "work", &structure),
		gospy_dwarf_variable(dwarf, "outer", &address),
		gospy_dwarf_location(dwarf, 0x10, &function, &file, &line),
		gospy_dwarf_location(dwarf, UINT64_MAX, &function, &file, &line),
	};
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_non_null(errors[i]);
		assert_int_equal(errors[i]->code, GOSPY_ERROR_NOT_FOUND);
		gospy_error_destroy(errors[i]);
	}
	assert_true(structure.size == 42 && address == 1 && line == 2 && *function == 'f');
	gospy_dwarf_close(dwarf);
	gospy_source_deinit(&source);
}

static void expect_unopened(const struct gospy_source *source, enum gospy_error_code code)
{
	struct gospy_dwarf *dwarf = NULL;
	_cleanup_error_ struct gospy_error *err = gospy_dwarf_open(source, &dwarf);

	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_null(dwarf);
}

static void refuses_files_without_debug_information(void **state)
{
	(void)state;
	_cleanup_(go_program_deinit) struct go_program program;

	if (!c_program_init(&program, c_source, ""))
		skip();
	assert_int_equal(go_run("strip '%s'", program.path), 0);
	struct gospy_source source = map(program.path);
	expect_unopened(&source, GOSPY_ERROR_NO_SYMBOLS);
	gospy_source_deinit(&source);
	gospy_source_init_buffer(&source, "#!/bin/sh\n", 10);
	expect_unopened(&source, GOSPY_ERROR_BAD_DATA);
}

enum { ROOT = 1, STRUCT, MEMBER, LEAF, FUNCTION, BLOCK };

/** A unit of package "x" that is open for DIEs. */
static void begin(struct dwarf_writer *writer)
{
	static const unsigned int root[] = {DW_NAME, DW_STRING, 0};
	static const unsigned int structure[] = {DW_NAME, DW_STRING, DW_SIZE, DW_UDATA, 0};
	static const unsigned int member[] = {DW_NAME,	 DW_STRING, DW_TYPE, DW_REF4,
					      DW_OFFSET, DW_UDATA,  0};

	dwarf_abbreviation(writer, ROOT, DW_UNIT, true, root);
	dwarf_abbreviation(writer, STRUCT, DW_STRUCT, true, structure);
	dwarf_abbreviation(writer, MEMBER, DW_MEMBER, false, member);
	dwarf_number(&writer->abbrev, 0, 1);
	dwarf_begin_unit(writer, 4, 0, 0);
	dwarf_uleb(&writer->info, ROOT);
	dwarf_string(&writer->info, "x");
}

/** Begins a struct of 8 bytes and tells where its DIE is. */
static uint64_t put_struct(struct dwarf_writer *writer, const char *name)
{
	uint64_t at = writer->info.size;

	dwarf_uleb(&writer->info, STRUCT);
	dwarf_string(&writer->info, name);
	dwarf_uleb(&writer->info, 8);
	return at;
}

static void put_member(struct dwarf_writer *writer, const char *name, uint64_t type)
{
	dwarf_uleb(&writer->info, MEMBER);
	dwarf_string(&writer->info, name);
	dwarf_number(&writer->info, dwarf_reference(writer, type), 4);
	dwarf_uleb(&writer->info, 0);
}

static void put_end(struct dwarf_writer *writer)
{
	dwarf_uleb(&writer->info, 0);
}

/** What is said of the struct "x.t"; the writer's unit is complete. */
static struct gospy_error *ask(struct dwarf_writer *writer, struct gospy_structure *ret)
{
	struct gospy_dwarf *dwarf;
	struct gospy_source source = dwarf_finish(writer);
	struct gospy_error *err = gospy_dwarf_open(&source, &dwarf);

	gospy_source_deinit(&source);
	assert_null(err);
	err = gospy_dwarf_structure(dwarf, "x.t", ret);
	gospy_dwarf_close(dwarf);
	return err;
}

static void expect_error(struct dwarf_writer *writer, enum gospy_error_code code)
{
	struct gospy_structure structure = {.size = 42};
	_cleanup_error_ struct gospy_error *err = ask(writer, &structure);

	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_int_equal(structure.size, 42);
}

static void ends_in_a_struct_that_contains_itself(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	struct gospy_structure structure;

	begin(&writer);
	uint64_t at = put_struct(&writer, "x.t");
	put_member(&writer, "m", at);
	put_end(&writer);
	put_end(&writer);
	dwarf_end_unit(&writer);
	assert_null(ask(&writer, &structure));
	assert_in_range(structure.fields.size, 2, 16);
	assert_string_equal(structure.fields.data[1].name, "m.m");
	gospy_structure_deinit(&structure);
}

/** Each of six structs has a hundred members of the next one. */
static void ends_in_structs_that_multiply(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	uint64_t inner = 0;

	begin(&writer);
	for (int level = 0; level < 6; level++) {
		uint64_t at = put_struct(&writer, level < 5 ? "x.s" : "x.t");
		for (int i = 0; i < 100 && inner; i++)
			put_member(&writer, "m", inner);
		put_end(&writer);
		inner = at;
	}
	put_end(&writer);
	dwarf_end_unit(&writer);
	expect_error(&writer, GOSPY_ERROR_BAD_DATA);
}

/** 60,000 members of a struct whose own list has no end: each would be a walk over the whole unit.
 */
static void ends_where_a_list_of_members_does_not(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};

	begin(&writer);
	uint64_t at = put_struct(&writer, "x.t");
	uint64_t last = at + 60000 * (1 + 2 + 4 + 1) + 1 + 4 + 1 + 1;
	for (int i = 0; i < 60000; i++)
		put_member(&writer, "m", last);
	put_end(&writer);
	assert_int_equal(put_struct(&writer, "x.s"), last);
	put_member(&writer, "m", at);
	dwarf_end_unit(&writer);
	expect_error(&writer, GOSPY_ERROR_BAD_DATA);
}

static void ends_a_name_with_the_section(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	struct gospy_structure structure;

	begin(&writer);
	dwarf_uleb(&writer.info, STRUCT);
	dwarf_put(&writer.info, "x.t", 3);
	dwarf_end_unit(&writer);
	assert_null(ask(&writer, &structure));
	assert_int_equal(structure.size, 0);
	assert_int_equal(structure.fields.size, 0);
	gospy_structure_deinit(&structure);
}

static void passes_over_members_that_make_no_sense(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	struct gospy_structure structure;

	begin(&writer);
	uint64_t at = put_struct(&writer, "x.t");
	put_member(&writer, "nowhere", at + 1000000);
	put_member(&writer, "header", writer.unit);
	put_member(&writer, "good", at);
	put_end(&writer);
	put_end(&writer);
	dwarf_end_unit(&writer);
	assert_null(ask(&writer, &structure));
	for (size_t i = 0; i < structure.fields.size; i++)
		assert_memory_equal(structure.fields.data[i].name, "good", 4);
	gospy_structure_deinit(&structure);
}

/** A unit whose root has these attributes, all of them zeros. */
static struct gospy_source unit_with(const unsigned int *pairs, uint16_t version, uint8_t type)
{
	struct dwarf_writer writer = {};

	dwarf_abbreviation(&writer, ROOT, DW_UNIT, true, pairs);
	dwarf_number(&writer.abbrev, 0, 1);
	dwarf_begin_unit(&writer, version, type, 0);
	dwarf_uleb(&writer.info, ROOT);
	for (; *pairs; pairs += 2)
		dwarf_number(&writer.info, 0, 4);
	dwarf_end_unit(&writer);
	return dwarf_finish(&writer);
}

static void refuses_what_libdw_should_not_see(void **state)
{
	(void)state;
	static const unsigned int good[] = {DW_NAME, DW_STRING, 0};
	static const unsigned int indirect[] = {DW_NAME, DW_INDIRECT, 0};
	static const unsigned int elsewhere[] = {DW_DWO_NAME, DW_STRING, 0};
	unsigned int many[2 * 300 + 1];
	struct gospy_dwarf *dwarf;

	for (int i = 0; i < 600; i++)
		many[i] = i % 2 ? DW_FLAG_PRESENT : DW_FLAG;
	many[600] = 0;
	struct gospy_source fine = unit_with(good, 5, 1);
	assert_null(gospy_dwarf_open(&fine, &dwarf));
	gospy_dwarf_close(dwarf);
	gospy_source_deinit(&fine);
	struct gospy_source sources[] = {
		unit_with(indirect, 4, 0), unit_with(elsewhere, 5, 1), unit_with(good, 5, 4),
		unit_with(good, 6, 1),	   unit_with(good, 1, 1),      unit_with(many, 4, 0),
	};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		expect_unopened(&sources[i], GOSPY_ERROR_BAD_DATA);
		gospy_source_deinit(&sources[i]);
	}
}

static void keeps_the_units_before_a_bad_one(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	struct gospy_structure structure;

	begin(&writer);
	put_struct(&writer, "x.t");
	put_end(&writer);
	put_end(&writer);
	dwarf_end_unit(&writer);
	dwarf_begin_unit(&writer, 4, 0, 0xffffff);
	dwarf_uleb(&writer.info, ROOT);
	dwarf_end_unit(&writer);
	assert_null(ask(&writer, &structure));
	assert_int_equal(structure.size, 8);
	gospy_structure_deinit(&structure);
}

/** Two tables of half a megabyte, used by a thousand units in turn: libdw would make ten gigabytes
 * of it. */
static void reads_no_abbreviations_without_end(void **state)
{
	(void)state;
	static const unsigned int root[] = {DW_NAME, DW_STRING, 0};
	struct dwarf_writer writer = {};
	uint32_t tables[2];

	for (int i = 0; i < 2; i++) {
		tables[i] = (uint32_t)writer.abbrev.size;
		for (unsigned int code = 100; code < 80000; code++)
			dwarf_abbreviation(&writer, code, DW_UNIT, false, root + 2);
		dwarf_abbreviation(&writer, ROOT, DW_UNIT, false, root);
		dwarf_number(&writer.abbrev, 0, 1);
	}
	for (int i = 0; i < 1000; i++) {
		dwarf_begin_unit(&writer, 4, 0, tables[i % 2]);
		dwarf_uleb(&writer.info, ROOT);
		dwarf_string(&writer.info, "x");
		dwarf_end_unit(&writer);
	}
	expect_error(&writer, GOSPY_ERROR_NOT_FOUND);
}

/** A unit with the function "f" at 0x1000, of which `depth` blocks are nested. */
static void put_code(struct dwarf_writer *writer, int depth)
{
	static const unsigned int root[] = {DW_NAME,  DW_STRING, DW_LOW,	DW_ADDR, DW_HIGH,
					    DW_DATA4, DW_LINES,	 DW_SEC_OFFSET, 0};
	static const unsigned int function[] = {DW_NAME, DW_STRING, DW_LOW, DW_ADDR,
						DW_HIGH, DW_DATA4,  0};

	dwarf_abbreviation(writer, ROOT, DW_UNIT, true, root);
	dwarf_abbreviation(writer, FUNCTION, 0x2e, true, function);
	dwarf_abbreviation(writer, BLOCK, 0x0b, true, function + 6);
	dwarf_number(&writer->abbrev, 0, 1);
	dwarf_begin_unit(writer, 4, 0, 0);
	for (int i = 0; i < 2; i++) {
		dwarf_uleb(&writer->info, i ? FUNCTION : ROOT);
		dwarf_string(&writer->info, i ? "f" : "x");
		dwarf_number(&writer->info, 0x1000, 8);
		dwarf_number(&writer->info, 0x100, 4);
		if (i == 0)
			dwarf_number(&writer->info, 0, 4);
	}
	for (int i = 0; i < depth; i++)
		dwarf_uleb(&writer->info, BLOCK);
	for (int i = 0; i < depth + 2; i++)
		put_end(writer);
	dwarf_end_unit(writer);
}

/** A line table of version 4: `folder` and many files in it, row 1 at 0x1000. */
static void put_lines(struct dwarf_writer *writer, size_t folder_size, int num_files)
{
	/* Instructions of 1 byte, line base -5, range 14, 12 opcodes and their lengths. */
	static const uint8_t start[] = {1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
	/* Set the address to 0x1000, a row, 0x100 bytes on, end of the sequence. */
	static const uint8_t program[] = {0, 9, 2, 0, 0x10, 0, 0, 0, 0,
					  0, 0, 1, 2, 0x80, 2, 0, 1, 1};
	struct dwarf_bytes head = {}, *line = &writer->line;
	_cleanup_free_ char *folder = malloc(folder_size + 1);

	assert_non_null(folder);
	memset(folder, 'd', folder_size);
	folder[folder_size] = 0;
	dwarf_put(&head, start, sizeof(start));
	dwarf_string(&head, folder);
	dwarf_number(&head, 0, 1);
	for (int i = 0; i < num_files; i++)
		dwarf_put(&head, "f\0\1\0", 5);
	dwarf_number(&head, 0, 1);
	dwarf_number(line, 6 + head.size + sizeof(program), 4);
	dwarf_number(line, 4, 2);
	dwarf_number(line, head.size, 4);
	dwarf_put(line, head.data, head.size);
	dwarf_put(line, program, sizeof(program));
	free(head.data);
}

static void locate(struct dwarf_writer *writer, const char **file, uint32_t *line)
{
	struct gospy_source source = dwarf_finish(writer);
	const char *function;
	struct gospy_dwarf *dwarf;

	assert_null(gospy_dwarf_open(&source, &dwarf));
	gospy_source_deinit(&source);
	assert_null(gospy_dwarf_location(dwarf, 0x1001, &function, file, line));
	assert_string_equal(function, "f");
	/* Borrowed from `dwarf`: only whether there is one is told. */
	*file = *file ? "" : NULL;
	gospy_dwarf_close(dwarf);
}

static void needs_no_stack_for_nested_blocks(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	const char *file;
	uint32_t line;

	put_code(&writer, 3000000);
	locate(&writer, &file, &line);
	assert_null(file);
	assert_int_equal(line, 0);
}

static void reads_lines_only_where_they_fit(void **state)
{
	(void)state;
	struct dwarf_writer writer = {};
	const char *file;
	uint32_t line;

	put_code(&writer, 0);
	put_lines(&writer, 100, 10);
	locate(&writer, &file, &line);
	assert_non_null(file);
	assert_int_equal(line, 1);
	put_code(&writer, 0);
	dwarf_put(&writer.line, "\0\0\0\0\4\0\0\0", 8);
	locate(&writer, &file, &line);
	assert_null(file);
	/* Two megabytes that would become hundreds of gigabytes of file names. */
	put_code(&writer, 0);
	put_lines(&writer, 1000000, 200000);
	locate(&writer, &file, &line);
	assert_null(file);
}

/** An ELF file whose .debug_info claims to be `plain_size` bytes when decompressed from `data`. */
static struct gospy_source compressed(uint32_t method, uint64_t plain_size, const void *data,
				      size_t size)
{
	uint8_t bytes[512] = {0};
	struct elf_writer elf = {};
	struct gospy_source source;

	assert_true(size <= sizeof(bytes) - 24);
	elf_put(bytes, 0, method, 4);
	elf_put(bytes, 8, plain_size, 8);
	elf_put(bytes, 16, 1, 8);
	memcpy(bytes + 24, data, size);
	elf_add_section(&elf, ".debug_info", ELF_PROGBITS, bytes, 24 + size);
	elf.sections[0].flags = 0x800;
	elf_finish(&elf);
	gospy_source_init_owned(&source, elf.bytes, elf.size);
	return source;
}

static void refuses_damaged_compressed_sections(void **state)
{
	(void)state;
	/* "hello, hello, hello" as of Python's zlib.compress(). */
	static const uint8_t zlib[] = {0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51,
				       0xc8, 0x40, 0xa2, 0x00, 0x44, 0x28, 0x06, 0xd5};
	struct gospy_source sources[] = {
		compressed(1, 19, zlib, sizeof(zlib)),
		compressed(1, 20, zlib, sizeof(zlib)),
		compressed(1, 18, zlib, sizeof(zlib)),
		compressed(1, 19, zlib, 10),
		compressed(1, UINT64_MAX, zlib, 10),
		compressed(1, UINT64_C(1) << 33, zlib, 10),
		compressed(2, 19, zlib, sizeof(zlib)),
		compressed(2, 0, zlib, 0),
		compressed(2, UINT64_C(1) << 62, zlib, 10),
		compressed(3, 19, zlib, sizeof(zlib)),
		compressed(0, 19, zlib, sizeof(zlib)),
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		expect_unopened(&sources[i], GOSPY_ERROR_BAD_DATA);
		gospy_source_deinit(&sources[i]);
	}
}

/* A sanitizer takes more address space than any limit that would tell. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER
#endif
#endif

#ifndef UNDER_SANITIZER
/** Reads with `spare` bytes of memory beside what the process has; 0 when that went well or ended
 * in an error. */
static int read_with(const struct gospy_source *source, uint64_t spare)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		/* A hang is a failure. */
		alarm(60);
		struct gospy_structure structure = {};
		struct gospy_dwarf *dwarf = NULL;
		long pages = 0;
		FILE *statm = fopen("/proc/self/statm", "r");
		if (!statm || fscanf(statm, "%ld", &pages) != 1 || fclose(statm) != 0)
			_exit(9);
		struct rlimit limit = {.rlim_cur = (rlim_t)pages * 4096 + spare,
				       .rlim_max = RLIM_INFINITY};
		if (setrlimit(RLIMIT_AS, &limit) != 0)
			_exit(9);
		struct gospy_error *err = gospy_dwarf_open(source, &dwarf);
		if (!err)
			err = gospy_dwarf_structure(dwarf, "main.thing", &structure);
		bool good = !err || err->code == GOSPY_ERROR_NO_MEMORY ||
			    err->code == GOSPY_ERROR_BAD_DATA;
		gospy_dwarf_close(dwarf);
		_exit(good ? 0 : 8);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void survives_lack_of_memory(void **state)
{
	(void)state;
	_cleanup_(go_program_deinit) struct go_program program;

	if (!go_program_init(&program, go_source, ""))
		skip();
	struct gospy_source source = map(program.path);
	for (uint64_t spare = 0; spare < 16 << 20; spare += 256 << 10)
		assert_int_equal(read_with(&source, spare), 0);
	gospy_source_deinit(&source);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_dwarf_2_of_c),
		cmocka_unit_test(reads_dwarf_4_of_c),
		cmocka_unit_test(reads_dwarf_5_of_c),
		cmocka_unit_test(reads_zlib),
		cmocka_unit_test(reads_zdebug),
		cmocka_unit_test(reads_zstd),
		cmocka_unit_test(reads_go),
		cmocka_unit_test(says_what_is_not_there),
		cmocka_unit_test(refuses_files_without_debug_information),
		cmocka_unit_test(ends_in_a_struct_that_contains_itself),
		cmocka_unit_test(ends_in_structs_that_multiply),
		cmocka_unit_test(ends_where_a_list_of_members_does_not),
		cmocka_unit_test(ends_a_name_with_the_section),
		cmocka_unit_test(passes_over_members_that_make_no_sense),
		cmocka_unit_test(refuses_what_libdw_should_not_see),
		cmocka_unit_test(keeps_the_units_before_a_bad_one),
		cmocka_unit_test(reads_no_abbreviations_without_end),
		cmocka_unit_test(needs_no_stack_for_nested_blocks),
		cmocka_unit_test(reads_lines_only_where_they_fit),
		cmocka_unit_test(refuses_damaged_compressed_sections),
#ifndef UNDER_SANITIZER
		cmocka_unit_test(survives_lack_of_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
