/* SPDX-License-Identifier: MIT */
#include <zlib.h>

#include "profile.pb-c.h"
#include "sample_process.h"

static Gospy__Profile__Profile *decode(const char *data, size_t size)
{
	static uint8_t raw[1 << 16];
	z_stream gzip = {.next_in = (Bytef *)(uintptr_t)data,
			 .avail_in = (uInt)size,
			 .next_out = raw,
			 .avail_out = sizeof(raw)};

	assert_int_equal(inflateInit2(&gzip, MAX_WBITS + 16), Z_OK);
	assert_int_equal(inflate(&gzip, Z_FINISH), Z_STREAM_END);
	assert_int_equal(gzip.avail_in, 0);
	size_t raw_size = gzip.total_out;
	inflateEnd(&gzip);
	Gospy__Profile__Profile *profile = gospy__profile__profile__unpack(NULL, raw_size, raw);
	assert_non_null(profile);
	return profile;
}

static const char *text(const Gospy__Profile__Profile *profile, int64_t number)
{
	assert_in_range(number, 0, profile->n_string_table - 1);
	return profile->string_table[number];
}

static const Gospy__Profile__Function *find_function(const Gospy__Profile__Profile *profile,
						     uint64_t id)
{
	for (size_t i = 0; i < profile->n_function; i++) {
		if (profile->function[i]->id == id)
			return profile->function[i];
	}
	fail_msg("no function %lu", id);
	return NULL;
}

static const Gospy__Profile__Location *find_location(const Gospy__Profile__Profile *profile,
						     uint64_t id)
{
	const Gospy__Profile__Location *found = NULL;

	for (size_t i = 0; i < profile->n_location; i++) {
		if (profile->location[i]->id == id) {
			assert_null(found);
			found = profile->location[i];
		}
	}
	assert_non_null(found);
	return found;
}

/** "function:line function:line ... key=value count" of one sample, innermost first. */
static void describe(const Gospy__Profile__Profile *profile, const Gospy__Profile__Sample *sample,
		     char *ret)
{
	for (size_t i = 0; i < sample->n_location_id; i++) {
		const Gospy__Profile__Location *l = find_location(profile, sample->location_id[i]);
		for (size_t j = 0; j < l->n_line; j++) {
			const Gospy__Profile__Function *function =
				find_function(profile, l->line[j]->function_id);
			assert_int_equal(function->name, function->system_name);
			ret += sprintf(ret, "%s:%ld ", text(profile, function->name),
				       l->line[j]->line);
		}
	}
	for (size_t i = 0; i < sample->n_label; i++)
		ret += sprintf(ret, "%s=%s ", text(profile, sample->label[i]->key),
			       text(profile, sample->label[i]->str));
	assert_int_equal(sample->n_value, 1);
	sprintf(ret, "%ld", sample->value[0]);
}

static struct gospy_snapshot *build_profiled(void)
{
	struct gospy_snapshot *s = build_sample();
	struct gospy_snapshot_module module = {0x1000, 0x5000, 0, s->exe, s->build_id};

	assert_true(gospy_snapshot_module_vec_append(&s->modules, module));
	for (size_t i = 1; i < s->locations.size; i++)
		s->locations.data[i].module = 0;
	/* The two workers with one set of labels: one sample. */
	s->label_pairs.data[1] = s->label_pairs.data[0];
	return s;
}

static void samples_are_stacks_with_labels(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_profiled();
	struct gospy_view view;
	struct gospy_view_options options = {};
	struct gospy_output output;
	char got[1000];
	static const char *const expected[] = {
		"main.main:202 runtime.goexit:10 1",
		"main.inner:33 main.worker:44 runtime.goexit:10 tenant=acme 2",
		"main.f[struct { x; y\x1b }]:5 runtime.goexit:10 1",
	};

	assert_null(gospy_view_init(&view, s, &options));
	gospy_output_init_memory(&output);
	assert_null(gospy_render_dump(&view, GOSPY_FORMAT_PPROF, &output));
	Gospy__Profile__Profile *profile = decode(output.data, output.size);
	assert_int_equal(profile->n_sample, 3);
	for (size_t i = 0; i < 3; i++) {
		describe(profile, profile->sample[i], got);
		assert_string_equal(got, expected[i]);
	}
	assert_int_equal(profile->n_sample_type, 1);
	assert_string_equal(text(profile, profile->sample_type[0]->type), "goroutine");
	assert_string_equal(text(profile, profile->sample_type[0]->unit), "count");
	assert_string_equal(text(profile, profile->default_sample_type), "goroutine");
	assert_string_equal(profile->string_table[0], "");
	assert_int_equal(profile->time_nanos, 1700000000123456789);
	assert_int_equal(profile->n_mapping, 1);
	assert_string_equal(text(profile, profile->mapping[0]->filename), "/usr/bin/prometheus");
	assert_string_equal(text(profile, profile->mapping[0]->build_id), "0a1b");
	gospy__profile__profile__free_unpacked(profile, NULL);
	gospy_output_deinit(&output);
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(s);
}

/** As runtime/pprof writes them: an address inside of the call; where execution stands, that one.
 */
static void addresses_are_inside_of_calls(void **state)
{
	(void)state;
	struct gospy_snapshot *s = build_profiled();
	struct gospy_view view;
	struct gospy_view_options options = {.filter = "id == 2 || id == 4"};
	struct gospy_output output;

	assert_null(gospy_view_init(&view, s, &options));
	gospy_output_init_memory(&output);
	assert_null(gospy_render_dump(&view, GOSPY_FORMAT_PPROF, &output));
	Gospy__Profile__Profile *profile = decode(output.data, output.size);
	const Gospy__Profile__Sample *worker = profile->sample[0], *odd = profile->sample[1];
	assert_int_equal(find_location(profile, worker->location_id[0])->address, 0x3fff);
	assert_int_equal(find_location(profile, odd->location_id[0])->address, 0x1005);
	assert_int_equal(find_location(profile, odd->location_id[0])->mapping_id, 1);
	gospy__profile__profile__free_unpacked(profile, NULL);
	gospy_output_deinit(&output);
	gospy_view_deinit(&view);
	gospy_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_stacks_with_labels),
		cmocka_unit_test(addresses_are_inside_of_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
