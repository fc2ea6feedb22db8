/* SPDX-License-Identifier: MIT */
/*
 * Argument texts. The tables are those that cmd/compile made (go build -gcflags=-S) of functions in
 * tests/unit/service/truth and in package reflect; the stack words were read from a process that
 * runs that program, and the texts are what its own traceback printed for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/arguments.h>

#define ENTRY 0x401000
#define BIAS 0x10000
#define CFA UINT64_C(0xc000043f88)

/** One function with its tables, in the layout of Go 1.20. */
struct fixture {
	struct gospy_program program;
	struct gospy_module module;
	struct gospy_pc_info info;
	/** The _func record, pcdata and funcdata offsets, and one pc table. */
	uint8_t table[256];
	uint8_t funcdata[256];
	uint64_t words[16];
	struct gospy_stack_window window;
};

static void put_u32(uint8_t *p, uint32_t value)
{
	memcpy(p, &value, sizeof(value));
}

static void fixture_init(struct fixture *f, int minor)
{
	memset(f, 0, sizeof(*f));
	f->program.arch = GOSPY_ARCH_AMD64;
	f->program.version = (struct gospy_go_version){1, minor, 0};
	f->module.bias = BIAS;
	f->module.pclntab = (struct gospy_pclntab){
		.version = GOSPY_PCLNTAB_1_20,
		.bytes = {f->table, 0x500000, sizeof(f->table)},
		.min_instruction = 1,
		.pctab = 200,
		.gofunc = {f->funcdata, 0x600000, sizeof(f->funcdata)},
		.go_minor = minor,
	};
	f->info = (struct gospy_pc_info){.pc = ENTRY + BIAS + 0x45, .module = &f->module};
	f->info.func = (struct gospy_func){.entry = ENTRY,
					   .end = ENTRY + 0x1000,
					   .name = "main.f",
					   .num_pcdata = 4,
					   .num_funcdata = 7};
	/* After the record: pcdata offsets, 0 for none, then funcdata offsets, all ones for none.
	 */
	memset(f->table + 44 + 4 * 4, 0xff, 4 * 7);
	f->window = (struct gospy_stack_window){CFA, (const uint8_t *)f->words, sizeof(f->words)};
}

static void set_argument_info(struct fixture *f, const char *bytes, size_t size)
{
	memcpy(f->funcdata, bytes, size);
	put_u32(f->table + 44 + 4 * 4 + 4 * 5, 0);
}

/** The liveness bits, and the PCDATA_ArgLiveIndex of the whole function. */
static void set_liveness(struct fixture *f, const char *bytes, size_t size, uint8_t index)
{
	/* One step: from -1 up to the index, for all the function's 0x1000 bytes. */
	const uint8_t steps[] = {(uint8_t)((index + 1) << 1), 0x80, 0x20, 0};

	memcpy(f->funcdata + 200, bytes, size);
	put_u32(f->table + 44 + 4 * 4 + 4 * 6, 200);
	memcpy(f->table + 201, steps, sizeof(steps));
	put_u32(f->table + 44 + 4 * 3, 1);
}

static void set_words(struct fixture *f, const uint64_t *words, size_t count)
{
	memcpy(f->words, words, count * sizeof(*words));
}

static void assert_written(struct fixture *f, const char *expected)
{
	struct gospy_output output;

	gospy_output_init_memory(&output);
	assert_null(gospy_arguments_write(&f->program, &f->info, CFA, &f->window, &output));
	assert_string_equal(output.data ? output.data : "", expected);
	gospy_output_deinit(&output);
}

static const char struct_argument_info[] =
	"\xfe\xfe\x08\x08\x10\x08\xfd\xfe\x18\x08\x20\x08\xfd\xfe\x28\x08"
	"\x30\x08\x38\x08\xfd\x40\x08\xfd\x48\x08\x50\x01\xfc\xff";

/** main.structArgument of Go 1.22. */
static void nested_structs(void **state)
{
	(void)state;
	struct fixture f;
	static const uint64_t words[] = {
		0xc000080060, 0x494fe0, 0x4cd818,	    0x4aa0fa, 0x4, 0xc000043f88,
		0x1,	      0x1,	0x3ff8000000000000, 0x0,      0x0, 0x1,
	};

	fixture_init(&f, 22);
	set_argument_info(&f, struct_argument_info, sizeof(struct_argument_info));
	set_liveness(&f, "\x48\x00", 2, 1);
	set_words(&f, words, sizeof(words) / sizeof(*words));
	assert_written(&f, "{{0x494fe0, 0x4cd818}, {0x4aa0fa, 0x4}, {0xc000043f88, 0x1, 0x1}, "
			   "0x3ff8000000000000}, 0x0?, 0x0?, ...");
	/* A development version is taken for the newest. */
	f.program.version.minor = -1;
	assert_written(&f, "{{0x494fe0, 0x4cd818}, {0x4aa0fa, 0x4}, {0xc000043f88, 0x1, 0x1}, "
			   "0x3ff8000000000000}, 0x0?, 0x0?, ...");
}

/** The same of Go 1.17, which has no liveness. */
static void no_liveness_before_1_18(void **state)
{
	(void)state;
	struct fixture f;
	static const uint64_t words[] = {
		0xc000080060, 0x492500, 0x4c27a8,	    0x4a3fc8, 0x4, 0xc0000a8020,
		0x1,	      0x1,	0x3ff8000000000000, 0x0,      0x0, 0x0,
	};

	fixture_init(&f, 17);
	set_argument_info(&f, struct_argument_info, sizeof(struct_argument_info));
	set_liveness(&f, "\x48\x00", 2, 1);
	set_words(&f, words, sizeof(words) / sizeof(*words));
	assert_written(&f, "{{0x492500, 0x4c27a8}, {0x4a3fc8, 0x4}, {0xc0000a8020, 0x1, 0x1}, "
			   "0x3ff8000000000000}, 0x0, 0x0, ...");
}

/** main.manyArguments of Go 1.22: the last on the stack, those in registers dead. */
static void registers_may_be_dead(void **state)
{
	(void)state;
	struct fixture f;
	static const uint64_t words[] = {0xa, 0xb, 0xc000080060};
	static const char info[] = "\x18\x08\x20\x08\x28\x08\x30\x08\x38\x08\x40\x08\x48\x08\x50"
				   "\x08\x58\x08\x00\x08\xfc\xff";

	fixture_init(&f, 22);
	set_argument_info(&f, info, sizeof(info));
	set_liveness(&f, "\x18\x00\x00", 3, 1);
	set_words(&f, words, 3);
	assert_written(&f, "0x0?, 0x0?, 0x0?, 0x0?, 0x0?, 0x0?, 0x0?, 0x0?, 0x0?, 0xa, ...");
}

/** reflect.Value.call of Go 1.22: some live, some not. */
static void liveness_is_by_slot(void **state)
{
	(void)state;
	struct fixture f;
	static const uint64_t words[] = {0x493f20, 0xc0000821b0, 0x13, 0x4aa126, 0x4, 0, 0, 0};
	static const char info[] = "\xfe\x00\x08\x08\x08\x10\x08\xfd\xfe\x18\x08\x20\x08\xfd\xfe"
				   "\x28\x08\x30\x08\x38\x08\xfd\xff";

	fixture_init(&f, 22);
	set_argument_info(&f, info, sizeof(info));
	set_liveness(&f, "\x00\x00\x78", 3, 2);
	set_words(&f, words, 8);
	assert_written(&f, "{0x493f20?, 0xc0000821b0?, 0x13?}, {0x4aa126, 0x4}, {0x0, 0x0, 0x0?}");
}

/** main.structArgument, reflect.makeFuncStub and main.inlinedOuter of Go 1.12. */
static void words_up_to_1_16(void **state)
{
	(void)state;
	struct fixture f;
	static const uint64_t many[] = {0x4c9de0,     0x50e488, 0x4f1937,    0x4,
					0xc000076030, 0x1,	0x1,	     0x3ff8000000000000,
					0x0,	      0x1,	0xc000060060};
	static const uint64_t stub[] = {0x0,	      0x0,	0xc0000b8000, 0xc0000b8028,
					0xc000078f20, 0x476891, 0xc000064150, 0xc000064240,
					0x5da780,     0x0,	0x0};
	static const uint64_t two[] = {0xc000060060, 0x10};

	fixture_init(&f, 12);
	f.info.func.args_size = 88;
	set_words(&f, many, 11);
	assert_written(&f, "0x4c9de0, 0x50e488, 0x4f1937, 0x4, 0xc000076030, 0x1, 0x1, "
			   "0x3ff8000000000000, 0x0, 0x1, ...");
	/* ArgsSizeUnknown. */
	f.info.func.args_size = INT32_MIN;
	set_words(&f, stub, 11);
	assert_written(&f, "0x0, 0x0, 0xc0000b8000, 0xc0000b8028, 0xc000078f20, 0x476891, "
			   "0xc000064150, 0xc000064240, 0x5da780, 0x0, ...");
	f.info.func.args_size = 16;
	set_words(&f, two, 2);
	assert_written(&f, "0xc000060060, 0x10");
	f.info.func.args_size = 0;
	assert_written(&f, "");
}

static void no_table_is_no_text(void **state)
{
	(void)state;
	struct fixture f;

	fixture_init(&f, 22);
	assert_written(&f, "");
	f.info.module = NULL;
	assert_written(&f, "");
}

static void small_values_are_cut(void **state)
{
	(void)state;
	struct fixture f;

	fixture_init(&f, 17);
	f.words[0] = UINT64_C(0x1122334455667788);
	set_argument_info(&f, "\x00\x01\x00\x02\x04\x04\x01\x04\xff", 9);
	assert_written(&f, "0x88, 0x7788, 0x11223344, 0x44556677");
}

static void what_is_not_at_hand_is_a_dash(void **state)
{
	(void)state;
	struct fixture f;

	fixture_init(&f, 17);
	f.window.size = 12;
	/* Whole, cut off, beyond; too far for the compiler; sizes that are none. */
	set_argument_info(&f, "\x00\x08\x08\x04\x08\x08\xf0\x01\xfb\x00\x09\x00\x00\xff", 14);
	assert_written(&f, "0x0, 0x0, _, _, _, _, _");
	f.window.address = CFA + 64;
	assert_written(&f, "_, _, _, _, _, _, _");
	f.program.version.minor = 16;
	f.info.func.args_size = 16;
	assert_written(&f, "_, _");
}

/** Tables without an end, and liveness bits beyond the file. */
static void hostile_tables_end(void **state)
{
	(void)state;
	struct fixture f;
	char open[170];
	struct gospy_output output;

	fixture_init(&f, 22);
	memset(open, 0xfe, sizeof(open));
	set_argument_info(&f, open, sizeof(open));
	gospy_output_init_memory(&output);
	assert_null(gospy_arguments_write(&f.program, &f.info, CFA, &f.window, &output));
	assert_in_range(output.size, 1, 2 * 171);
	gospy_output_deinit(&output);
	set_argument_info(&f, "\x00\x08\x08\x08\xff", 5);
	set_liveness(&f, "\x00", 1, 62);
	f.module.pclntab.gofunc.size = 201;
	assert_written(&f, "0x0, 0x0");
	/* Cut in the middle of an argument. */
	f.module.pclntab.gofunc.size = 201;
	put_u32(f.table + 44 + 4 * 4 + 4 * 5, 200);
	f.funcdata[200] = 8;
	assert_written(&f, "_");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_structs),
		cmocka_unit_test(no_liveness_before_1_18),
		cmocka_unit_test(registers_may_be_dead),
		cmocka_unit_test(liveness_is_by_slot),
		cmocka_unit_test(words_up_to_1_16),
		cmocka_unit_test(no_table_is_no_text),
		cmocka_unit_test(small_values_are_cut),
		cmocka_unit_test(what_is_not_at_hand_is_a_dash),
		cmocka_unit_test(hostile_tables_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
