/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/snapshot.h>

static void begins_empty(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = NULL;

	assert_null(gospy_snapshot_create(&snapshot));
	assert_int_equal(snapshot->nodes.size, 1);
	assert_int_equal(snapshot->locations.size, 1);
	assert_int_equal(snapshot->locations.data[0].num_frames, 0);
	assert_int_equal(snapshot->locations.data[0].module, UINT32_MAX);
	assert_string_equal(gospy_snapshot_string(snapshot, 0), "");
	assert_int_equal(snapshot->goroutines.count, 0);
	gospy_snapshot_destroy(snapshot);
	gospy_snapshot_destroy(NULL);
}

static void makes_room(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = NULL;

	assert_null(gospy_snapshot_create(&snapshot));
	assert_null(gospy_snapshot_reserve(snapshot, 3));
	snapshot->goroutines.id[2] = 7;
	assert_int_equal(snapshot->goroutines.stack[2], 0);
	assert_null(snapshot->goroutines.label_start);
	assert_null(snapshot->goroutines.argument_start);
	assert_null(snapshot->goroutines.bubble);
	/* Again: the columns are new ones. */
	assert_null(gospy_snapshot_reserve(snapshot, 100));
	assert_int_equal(snapshot->goroutines.id[99], 0);
	assert_null(gospy_snapshot_reserve(snapshot, 0));
	gospy_snapshot_destroy(snapshot);
}

static void names_states(void **state)
{
	(void)state;
	/* runtime/traceback.go gStatusStrings, but for those it does not print. */
	assert_string_equal(gospy_goroutine_status_name(0), "idle");
	assert_string_equal(gospy_goroutine_status_name(1), "runnable");
	assert_string_equal(gospy_goroutine_status_name(2), "running");
	assert_string_equal(gospy_goroutine_status_name(3), "syscall");
	assert_string_equal(gospy_goroutine_status_name(4), "waiting");
	assert_string_equal(gospy_goroutine_status_name(5), "unknown");
	assert_string_equal(gospy_goroutine_status_name(6), "dead");
	assert_string_equal(gospy_goroutine_status_name(8), "copystack");
	assert_string_equal(gospy_goroutine_status_name(9), "preempted");
	assert_string_equal(gospy_goroutine_status_name(10), "leaked");
	assert_string_equal(gospy_goroutine_status_name(255), "unknown");
	assert_string_equal(gospy_processor_status_name(0), "idle");
	assert_string_equal(gospy_processor_status_name(4), "dead");
	assert_string_equal(gospy_processor_status_name(5), "unknown");
	assert_string_equal(gospy_stop_mode_name(GOSPY_STOP_PTRACE), "ptrace");
	assert_string_equal(gospy_stop_mode_name((enum gospy_stop_mode)9), "unknown");
}

/** Three goroutines: two labels, none, and one whose pairs would lie behind the last one. */
static void finds_labels_and_arguments(void **state)
{
	(void)state;
	static const uint32_t label_start[] = {0, 2, 2, 3};
	static const uint64_t argument_start[] = {0, 2, 9, 9};
	struct gospy_snapshot *snapshot = NULL;
	size_t count;
	uint32_t text = 7;

	assert_null(gospy_snapshot_create(&snapshot));
	assert_null(gospy_snapshot_reserve(snapshot, 3));
	snapshot->goroutines.count = 3;
	assert_null(gospy_snapshot_labels(snapshot, 0, &count));
	assert_int_equal(count, 0);
	assert_false(gospy_snapshot_argument(snapshot, 0, 0, &text));

	snapshot->goroutines.label_start = malloc(sizeof(label_start));
	memcpy(snapshot->goroutines.label_start, label_start, sizeof(label_start));
	snapshot->goroutines.argument_start = malloc(sizeof(argument_start));
	memcpy(snapshot->goroutines.argument_start, argument_start, sizeof(argument_start));
	for (uint32_t i = 0; i < 2; i++)
		assert_true(gospy_label_vec_append(&snapshot->label_pairs,
						   (struct gospy_label){i, 10 + i}));
	for (uint32_t i = 0; i < 3; i++)
		assert_true(gospy_u32_vec_append(&snapshot->arguments, 20 + i));

	const struct gospy_label *labels = gospy_snapshot_labels(snapshot, 0, &count);
	assert_int_equal(count, 2);
	assert_int_equal(labels[1].value, 11);
	assert_null(gospy_snapshot_labels(snapshot, 1, &count));
	assert_int_equal(count, 0);
	assert_null(gospy_snapshot_labels(snapshot, 2, &count));
	assert_int_equal(count, 0);
	assert_true(gospy_snapshot_argument(snapshot, 1, 0, &text));
	assert_int_equal(text, 22);
	assert_false(gospy_snapshot_argument(snapshot, 1, 1, &text));
	assert_false(gospy_snapshot_argument(snapshot, 0, UINT64_MAX, &text));
	assert_false(gospy_snapshot_argument(snapshot, 2, 0, &text));
	assert_int_equal(text, 22);
	gospy_snapshot_destroy(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_empty),
		cmocka_unit_test(makes_room),
		cmocka_unit_test(names_states),
		cmocka_unit_test(finds_labels_and_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
