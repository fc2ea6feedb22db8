/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layout_structs.h"

static void add(struct gospy_structure *structure, const char *name, uint64_t offset, uint64_t size)
{
	assert_null(gospy_structure_add(structure, name, offset, size));
}

/** runtime.p of Go 1.22.12 on amd64, as its DWARF says, with the fields that are required. */
static struct gospy_structure make_p(void)
{
	struct gospy_structure p = {.name = strdup("runtime.p"), .size = 8944};

	add(&p, "id", 0, 4);
	add(&p, "status", 4, 4);
	add(&p, "schedtick", 16, 4);
	add(&p, "syscalltick", 20, 4);
	add(&p, "m", 56, 8);
	add(&p, "mcache", 64, 8);
	add(&p, "runqhead", 400, 4);
	add(&p, "runqtail", 404, 4);
	return p;
}

static void assert_refused(const struct gospy_structure *structure, const char *word)
{
	struct gospy_layout layout, before;

	gospy_layout_clear(&layout);
	before = layout;
	struct gospy_error *err = gospy_layout_apply(&layout, structure);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_NO_SYMBOLS);
	assert_non_null(strstr(err->message, word));
	assert_memory_equal(&layout, &before, sizeof(layout));
	gospy_error_destroy(err);
}

static void fills_in_one_struct(void **state)
{
	(void)state;
	struct gospy_structure p = make_p();
	struct gospy_layout layout;

	gospy_layout_clear(&layout);
	assert_null(gospy_layout_apply(&layout, &p));
	assert_int_equal(layout.p_mcache.offset, 64);
	assert_int_equal(layout.p_runqtail.offset, 404);
	assert_int_equal(layout.p_runqtail.size, 4);
	assert_int_equal(layout.size_m, 0);
	assert_int_equal(layout.g_goid.offset, -1);
	gospy_structure_deinit(&p);
}

static void takes_the_first_name_that_exists(void **state)
{
	(void)state;
	struct gospy_structure g = {.name = strdup("runtime.g"), .size = 456};
	struct gospy_layout layout;
	/* Go 1.26.11, from its DWARF; syncGroup was its name in 1.24. */
	static const struct {
		const char *name;
		uint64_t offset, size;
	} fields[] = {
		{"stack.lo", 0, 8},	{"stack.hi", 8, 8},	  {"m", 48, 8},
		{"sched.sp", 56, 8},	{"sched.pc", 64, 8},	  {"syscallsp", 104, 8},
		{"syscallpc", 112, 8},	{"goid", 152, 8},	  {"waitsince", 168, 8},
		{"waitreason", 176, 1}, {"lockedm", 208, 8},	  {"gopc", 288, 8},
		{"startpc", 304, 8},	{"labels", 352, 8},	  {"waiting", 320, 8},
		{"bubble", 376, 8},	{"atomicstatus", 144, 4}, {"atomicstatus.value", 144, 4},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		add(&g, fields[i].name, fields[i].offset, fields[i].size);
	gospy_layout_clear(&layout);
	assert_null(gospy_layout_apply(&layout, &g));
	assert_int_equal(layout.g_sync_group.offset, 376);
	assert_int_equal(layout.g_atomicstatus.offset, 144);
	assert_int_equal(layout.g_parent_goid.offset, -1);
	gospy_structure_deinit(&g);
}

static void refuses_a_struct_without_a_required_field(void **state)
{
	(void)state;
	struct gospy_structure p = make_p();

	free(p.fields.data[5].name);
	p.fields.data[5].name = strdup("cache");
	assert_refused(&p, "mcache");
	gospy_structure_deinit(&p);
}

static void refuses_fields_outside(void **state)
{
	(void)state;
	struct gospy_structure p = make_p();
	/* The last offset at which a whole word can still be read is 8936. */
	static const uint64_t offsets[] = {8937, 8944, UINT64_MAX, UINT64_MAX - 7,
					   UINT64_C(1) << 31};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		p.fields.data[7].offset = offsets[i];
		assert_refused(&p, "runqtail");
	}
	p.fields.data[7].offset = 404;
	p.fields.data[7].size = UINT64_MAX;
	assert_refused(&p, "runqtail");
	p.fields.data[7].size = 4;
	p.size = UINT64_C(1) << 60;
	assert_refused(&p, "too large");
	gospy_structure_deinit(&p);
}

static void knows_only_its_structs(void **state)
{
	(void)state;
	struct gospy_structure other = {.name = strdup("runtime.hchan"), .size = 96};
	struct gospy_layout layout;

	gospy_layout_clear(&layout);
	struct gospy_error *err = gospy_layout_apply(&layout, &other);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_NOT_FOUND);
	gospy_error_destroy(err);
	gospy_structure_deinit(&other);
}

static void names_its_sources(void **state)
{
	(void)state;
	assert_string_equal(gospy_layout_source_name(GOSPY_LAYOUT_TYPES), "types");
	assert_string_equal(gospy_layout_source_name(GOSPY_LAYOUT_TABLE), "table");
	assert_string_equal(gospy_layout_source_name(GOSPY_LAYOUT_DWARF), "dwarf");
}

static void loads_fields_within_the_bytes_at_hand(void **state)
{
	(void)state;
	static const uint8_t data[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99};
	const struct gospy_layout_field byte = {1, 1}, half = {0, 2}, word = {1, 8}, none = {-1, 8},
					wide = {0, 9};
	const struct gospy_layout_field list[] = {half, none, word, byte};

	assert_int_equal(gospy_layout_load(data, sizeof(data), byte), 0x22);
	assert_int_equal(gospy_layout_load(data, sizeof(data), half), 0x2211);
	assert_true(gospy_layout_load(data, sizeof(data), word) == UINT64_C(0x9988776655443322));
	assert_int_equal(gospy_layout_load(data, 8, word), 0);
	assert_int_equal(gospy_layout_load(data, sizeof(data), none), 0);
	assert_int_equal(gospy_layout_load(data, sizeof(data), wide), 0);
	assert_int_equal(gospy_layout_span(list, 4), 9);
	assert_int_equal(gospy_layout_span(list, 2), 2);
	assert_int_equal(gospy_layout_span(list, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_one_struct),
		cmocka_unit_test(takes_the_first_name_that_exists),
		cmocka_unit_test(refuses_a_struct_without_a_required_field),
		cmocka_unit_test(refuses_fields_outside),
		cmocka_unit_test(knows_only_its_structs),
		cmocka_unit_test(names_its_sources),
		cmocka_unit_test(loads_fields_within_the_bytes_at_hand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
