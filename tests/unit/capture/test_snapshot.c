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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_empty),
		cmocka_unit_test(makes_room),
		cmocka_unit_test(names_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
