/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <gospy/gotype.h>

#include "gotype_writer.h"

/* The versions on both sides of each change of format. */
static const int minors[] = {12, 16, 17, 18, 19, 27};

/** runtime.gobuf {sp, pc}; runtime.g {stack [2]word, sched gobuf, goid, mOS embedded {}};
 * atomic.Int32 twice. */
static void write_types(struct types_writer *w, int go_minor)
{
	w->go_minor = go_minor;
	w->size = 0;
	/* Something in front that is no descriptor but looks a little like one. */
	types_reserve(w, 64, 8);
	types_put(w, 20, UINT64_C(0x19080800), 4);
	types_put(w, 40, UINT32_MAX, 4);

	uint64_t word = types_add_plain(w, "uintptr", KIND_UINT64, 8);
	uint64_t words = types_add_plain(w, "[2]uintptr", KIND_ARRAY, 16);
	const struct types_field buf[] = {{"sp", word, 0, false}, {"pc", word, 8, false}};
	uint64_t gobuf = types_add_struct(w, "runtime", "*runtime.gobuf",
					  TYPES_NAMED | TYPES_EXTRA_STAR, 16, buf, 2, false);
	uint64_t os = types_add_struct(w, "runtime", "runtime.mOS", TYPES_NAMED, 0, NULL, 0, false);
	const struct types_field g[] = {{"stack", words, 0, false},
					{"sched", gobuf, 16, false},
					{"goid", word, 32, false},
					{"mOS", os, 40, true}};
	types_add_plain(w, "*runtime.g", KIND_POINTER, 8);
	types_add_struct(w, "runtime", "*runtime.g", TYPES_NAMED | TYPES_EXTRA_STAR, 40, g, 4,
			 false);
	const struct types_field sync_value[] = {{"V", word, 0, false}};
	types_add_struct(w, "sync/atomic", "atomic.Int32", TYPES_NAMED, 8, sync_value, 1, true);
	const struct types_field runtime_value[] = {{"value", word, 8, false}};
	types_add_struct(w, "internal/runtime/atomic", "atomic.Int32", TYPES_NAMED, 16,
			 runtime_value, 1, false);
}

static struct gospy_gotypes types_of(const struct types_writer *w)
{
	return (struct gospy_gotypes){.types = {w->bytes, TYPES_ADDRESS, w->size},
				      .go_minor = w->go_minor};
}

static void expect_field(const struct gospy_structure *s, size_t index, const char *name,
			 uint64_t offset, uint64_t size)
{
	assert_true(index < s->fields.size);
	assert_string_equal(s->fields.data[index].name, name);
	assert_int_equal(s->fields.data[index].offset, offset);
	assert_int_equal(s->fields.data[index].size, size);
}

static void expect_g(const struct gospy_structure *g)
{
	assert_string_equal(g->name, "runtime.g");
	assert_int_equal(g->size, 40);
	assert_int_equal(g->fields.size, 6);
	expect_field(g, 0, "stack", 0, 16);
	expect_field(g, 1, "sched", 16, 16);
	expect_field(g, 2, "sched.sp", 16, 8);
	expect_field(g, 3, "sched.pc", 24, 8);
	expect_field(g, 4, "goid", 32, 8);
	expect_field(g, 5, "mOS", 40, 0);
}

static void deinit_all(struct gospy_structure *structures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gospy_structure_deinit(&structures[i]);
}

static void finds_structs_by_name(void **state)
{
	(void)state;
	static const char *const names[] = {"runtime.g", "runtime.schedt", "runtime.gobuf",
					    "runtime.mOS", "main.g"};

	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++) {
		struct gospy_structure found[5];
		struct types_writer w;

		write_types(&w, minors[i]);
		struct gospy_gotypes types = types_of(&w);
		assert_null(gospy_gotypes_find_structs(&types, names, 5, found));
		expect_g(&found[0]);
		assert_null(found[1].name);
		assert_int_equal(found[2].fields.size, 2);
		assert_int_equal(found[3].fields.size, 0);
		assert_null(found[4].name);
		deinit_all(found, 5);
	}
}

static void tells_packages_with_one_name_apart(void **state)
{
	(void)state;
	static const char *const names[] = {"internal/runtime/atomic.Int32", "sync/atomic.Int32",
					    "atomic.Int32"};
	struct gospy_structure found[3];
	struct types_writer w;

	write_types(&w, 27);
	struct gospy_gotypes types = types_of(&w);
	assert_null(gospy_gotypes_find_structs(&types, names, 3, found));
	assert_string_equal(found[0].name, "internal/runtime/atomic.Int32");
	expect_field(&found[0], 0, "value", 8, 8);
	expect_field(&found[1], 0, "V", 0, 8);
	assert_null(found[2].name);
	deinit_all(found, 3);
}

static void lists_all_structs(void **state)
{
	(void)state;
	static const char *const names[] = {"runtime.gobuf", "runtime.mOS", "runtime.g",
					    "sync/atomic.Int32", "internal/runtime/atomic.Int32"};
	struct gospy_structure_vec all = {0};
	struct types_writer w;

	write_types(&w, 19);
	struct gospy_gotypes types = types_of(&w);
	assert_null(gospy_gotypes_all_structs(&types, &all));
	assert_int_equal(all.size, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(all.data[i].name, names[i]);
	expect_g(&all.data[2]);
	gospy_structure_vec_destroy_all(&all);
}

static void guesses_the_encoding(void **state)
{
	(void)state;
	static const int guesses[] = {16, 16, 17, 17, 17, 17};

	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++) {
		struct types_writer w;
		write_types(&w, minors[i]);
		/* Field offsets up to 1.18 are shifted, so that those of newer ones seem to fit as
		 * well. */
		assert_int_equal(gospy_gotypes_guess_minor(types_of(&w).types), guesses[i]);
	}
	struct types_writer none = {.go_minor = 20};
	types_add_plain(&none, "*runtime.g", KIND_POINTER, 8);
	types_reserve(&none, 200, 8);
	assert_int_equal(gospy_gotypes_guess_minor(types_of(&none).types), -1);
	assert_int_equal(gospy_gotypes_guess_minor((struct gospy_region){0}), -1);
}

static void reads_long_names(void **state)
{
	(void)state;
	char name[300], full[310];
	struct types_writer w = {.go_minor = 20};
	struct gospy_structure found;
	const char *wanted = full;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	memcpy(name, "main.", 5);
	strcpy(full, name);
	types_add_struct(&w, "main", name, TYPES_NAMED, 0, NULL, 0, false);
	struct gospy_gotypes types = types_of(&w);
	assert_null(gospy_gotypes_find_structs(&types, &wanted, 1, &found));
	assert_string_equal(found.name, full);
	gospy_structure_deinit(&found);
}

static void expect_bad_region(struct gospy_region region)
{
	struct gospy_gotypes types = {.types = region, .go_minor = 20};
	struct gospy_structure found = {.size = 7};
	struct gospy_structure_vec all = {0};
	const char *name = "runtime.g";

	struct gospy_error *err = gospy_gotypes_find_structs(&types, &name, 1, &found);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA));
	err = gospy_gotypes_all_structs(&types, &all);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA));
	assert_int_equal(found.size, 7);
}

static void refuses_what_is_no_region(void **state)
{
	(void)state;
	static const uint8_t bytes[128];

	expect_bad_region((struct gospy_region){NULL, 0, 0});
	expect_bad_region((struct gospy_region){NULL, 0x1000, 1000});
	expect_bad_region((struct gospy_region){bytes, 0x1000, 79});
	expect_bad_region((struct gospy_region){bytes, UINT64_MAX - 8, 128});
}

/** Sets eight bytes of runtime.g's descriptor and expects that it is not found any more. */
static void expect_lost(uint64_t at, uint64_t value)
{
	const char *name = "runtime.g";
	struct gospy_structure found;
	struct types_writer w;

	write_types(&w, 19);
	struct gospy_gotypes types = types_of(&w);
	assert_null(gospy_gotypes_find_structs(&types, &name, 1, &found));
	gospy_structure_deinit(&found);

	/* The descriptor is the one with four fields. */
	uint64_t g = 0;
	for (uint64_t i = 0; i + 80 < w.size; i += 8) {
		uint64_t count, kind = w.bytes[i + 23];
		memcpy(&count, w.bytes + i + 64, 8);
		if (kind == KIND_STRUCT_TYPE && count == 4)
			g = i;
	}
	assert_int_not_equal(g, 0);
	types_put(&w, g + at, value, 8);
	assert_null(gospy_gotypes_find_structs(&types, &name, 1, &found));
	assert_null(found.name);
}

static void refuses_malformed_descriptors(void **state)
{
	(void)state;
	/* Package, fields, their number; a field's name, type of a wrong size, offset. */
	expect_lost(48, 0x1234);
	expect_lost(56, TYPES_ADDRESS - 8);
	expect_lost(56, UINT64_MAX - 7);
	expect_lost(64, UINT64_C(1) << 60);
	expect_lost(64, 4000);
	expect_lost(96, 0);
	expect_lost(96, UINT64_MAX);
	expect_lost(96 + 16, 41);
	expect_lost(96 + 16, UINT64_MAX);
}

/** A struct that contains itself cannot be; the walk must end all the same. */
static void refuses_endless_nesting(void **state)
{
	(void)state;
	struct types_writer w = {.go_minor = 20};
	const char *name = "main.Loop";
	struct gospy_structure found;
	struct gospy_structure_vec all = {0};

	const struct types_field fields[] = {{"f", 0, 0, false}, {"g", 0, 0, false}};
	uint64_t loop = types_add_struct(&w, "main", "main.Loop", TYPES_NAMED, 8, fields, 2, false);
	types_put(&w, loop - TYPES_ADDRESS + 96 + 8, loop, 8);
	types_put(&w, loop - TYPES_ADDRESS + 120 + 8, loop, 8);
	struct gospy_gotypes types = types_of(&w);
	assert_null(gospy_gotypes_find_structs(&types, &name, 1, &found));
	assert_null(found.name);
	assert_null(gospy_gotypes_all_structs(&types, &all));
	assert_int_equal(all.size, 0);
}

/** Whatever the bytes say, no field reaches out of its struct. */
static void assert_sound(const struct gospy_structure *structure)
{
	for (size_t i = 0; i < structure->fields.size; i++) {
		const struct gospy_field *field = &structure->fields.data[i];
		assert_true(field->offset <= structure->size);
		assert_true(field->size <= structure->size - field->offset);
	}
}

static void survives_truncated_and_damaged_regions(void **state)
{
	(void)state;
	static const char *const names[] = {"runtime.g", "sync/atomic.Int32"};
	struct types_writer w;

	write_types(&w, 27);
	for (uint64_t size = 0; size < w.size; size++) {
		_cleanup_free_ uint8_t *copy = malloc(size + !size);
		struct gospy_gotypes types = {.types = {copy, TYPES_ADDRESS, size},
					      .go_minor = size % 2 ? 27 : 16};
		struct gospy_structure found[2] = {{0}};
		struct gospy_structure_vec all = {0};

		memcpy(copy, w.bytes, size);
		if (size)
			copy[size * 7 % size] ^= 0xff;
		gospy_error_destroy(gospy_gotypes_find_structs(&types, names, 2, found));
		gospy_error_destroy(gospy_gotypes_all_structs(&types, &all));
		for (size_t i = 0; i < 2; i++)
			assert_sound(&found[i]);
		for (size_t i = 0; i < all.size; i++)
			assert_sound(&all.data[i]);
		deinit_all(found, 2);
		gospy_structure_vec_destroy_all(&all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_structs_by_name),
		cmocka_unit_test(tells_packages_with_one_name_apart),
		cmocka_unit_test(lists_all_structs),
		cmocka_unit_test(guesses_the_encoding),
		cmocka_unit_test(reads_long_names),
		cmocka_unit_test(refuses_what_is_no_region),
		cmocka_unit_test(refuses_malformed_descriptors),
		cmocka_unit_test(refuses_endless_nesting),
		cmocka_unit_test(survives_truncated_and_damaged_regions),
	};

	return cmocka_run_group_tests_name("gotype", tests, NULL, NULL);
}
