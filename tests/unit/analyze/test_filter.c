/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "snapshot_builder.h"

#include <gospy/view.h>

#define MAIN_GO "/app/main.go"

static void set_wait(struct gospy_snapshot *snapshot, uint32_t index, uint64_t seconds)
{
	snapshot->goroutines.wait_ns[index] = seconds * 1000000000;
}

/** Stacks of the process that doc/FILTER.md describes. */
static void build_stacks(struct gospy_snapshot *s, uint32_t *stack)
{
	uint32_t node = build_call(s, 0, "runtime.main", "/go/src/runtime/x.go", 1);
	node = build_call(s, node, "main.main", MAIN_GO, 2);
	stack[0] = build_call(s, node, "runtime.gopark", "/go/src/runtime/x.go", 3);
	node = build_call(s, 0, "net/http.(*Server).Serve", "/go/src/net/http/x.go", 4);
	node = build_call(s, node, "net.(*netFD).accept", "/go/src/net/x.go", 5);
	stack[1] = build_call(s, node, "internal/poll.runtime_pollWait", "/go/src/runtime/x.go", 6);
	stack[3] = build_call(s, 0, "main.(*pool).worker", MAIN_GO, 7);
	stack[2] = build_call(s, stack[3], "runtime.gopark", "/go/src/runtime/x.go", 8);
	node = build_call(s, 0, "main.copy", MAIN_GO, 9);
	node = build_call(s, node, "os.(*File).Read", "/go/src/os/x.go", 10);
	stack[4] = build_call(s, node, "syscall.Syscall", "/go/src/syscall/x.go", 11);
	stack[5] = build_call(s, 0, "net/http.(*conn).serve", "/go/src/net/http/x.go", 12);
}

static struct gospy_snapshot *build_process(void)
{
	struct gospy_snapshot *s = build_snapshot(6);
	struct gospy_goroutines *gs = &s->goroutines;

	build_stacks(s, gs->stack);
	build_state(s, 0, GOSPY_GOROUTINE_WAITING, "chan receive");
	build_state(s, 1, GOSPY_GOROUTINE_WAITING, "IO wait");
	build_state(s, 2, GOSPY_GOROUTINE_WAITING, "select");
	build_state(s, 3, GOSPY_GOROUTINE_RUNNING, "");
	build_state(s, 4, GOSPY_GOROUTINE_SYSCALL, "");
	build_state(s, 5, GOSPY_GOROUTINE_RUNNABLE, "");
	set_wait(s, 0, 600);
	set_wait(s, 1, 30);
	set_wait(s, 2, 360);
	set_wait(s, 4, 2);
	gs->start[0] = build_place(s, "runtime.main", "/go/src/runtime/x.go", 1);
	gs->start[1] = build_place(s, "net/http.(*Server).Serve", "/go/src/net/http/x.go", 4);
	gs->start[2] = gs->start[3] = build_place(s, "main.(*pool).worker", MAIN_GO, 7);
	gs->start[4] = build_place(s, "main.copy", MAIN_GO, 9);
	gs->start[5] = build_place(s, "net/http.(*conn).serve", "/go/src/net/http/x.go", 12);
	gs->creator[1] = gs->creator[4] = build_place(s, "main.main", MAIN_GO, 20);
	gs->creator[2] = gs->creator[3] = build_place(s, "main.start", MAIN_GO, 21);
	gs->creator[5] = build_place(s, "net/http.(*Server).Serve", "/go/src/net/http/x.go", 22);
	gs->parent_id[1] = gs->parent_id[2] = gs->parent_id[3] = gs->parent_id[4] = 1;
	gs->parent_id[5] = 2;
	gs->thread[3] = 77;
	gs->thread[4] = 78;
	gs->flags[4] = GOSPY_GOROUTINE_LOCKED;
	gs->flags[5] = GOSPY_GOROUTINE_TORN;
	build_label(s, 2, "tenant", "acme");
	build_label(s, 3, "tenant", "globex");
	build_label(s, 4, "request id", "7 f");
	return s;
}

/** The ids that the filter lets through, with a space behind each. */
static void run_filter(const struct gospy_snapshot *snapshot, const char *filter, char *ret)
{
	struct gospy_view_options options = {.filter = filter};
	struct gospy_view view;
	struct gospy_error *err = gospy_view_init(&view, snapshot, &options);

	if (err)
		fail_msg("%s: %s", filter, err->message);
	*ret = 0;
	for (size_t i = 0; i < view.order.size; i++)
		ret += sprintf(ret, "%lu ", snapshot->goroutines.id[view.order.data[i]]);
	gospy_view_deinit(&view);
}

static void manual_examples_hold(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = build_process();
	FILE *manual = fopen(FILTER_MD, "r");
	char line[1000], got[1000];
	int count = 0;

	if (!manual)
		fail_msg("cannot open %s: %s", FILTER_MD, strerror(errno));
	while (fgets(line, sizeof(line), manual)) {
		char *arrow = strstr(line, " => "), *end = strchr(line, '\n');
		if (strncmp(line, "    ", 4) != 0 || !arrow)
			continue;
		assert_non_null(end);
		strcpy(end, " ");
		*arrow = 0;
		run_filter(snapshot, line + 4, got);
		if (strcmp(got, arrow + 4) != 0)
			fail_msg("%s lets %sthrough, the manual says %s", line + 4, got, arrow + 4);
		count++;
	}
	fclose(manual);
	assert_in_range(count, 30, 100);
	gospy_snapshot_destroy(snapshot);
}

static void assert_refused(const char *filter, const char *message)
{
	struct gospy_error *err = gospy_filter_check(filter);

	if (!err)
		fail_msg("'%s' is taken", filter);
	assert_int_equal(err->code, GOSPY_ERROR_USAGE);
	assert_string_equal(err->message, message);
	gospy_error_destroy(err);
}

static void errors_tell_the_column(void **state)
{
	(void)state;
	assert_refused("", "filter: expected a condition at column 1");
	assert_refused("  ", "filter: expected a condition at column 3");
	assert_refused("status ==  ", "filter: expected a value at column 12");
	assert_refused("id == )", "filter: expected a value at column 7");
	assert_refused("a b", "filter: expected '&&' or '||' at column 3");
	assert_refused("a &", "filter: expected '&&' or '||' at column 3");
	assert_refused("a && ", "filter: expected a condition at column 6");
	assert_refused("(a", "filter: expected ')' at column 3");
	assert_refused("a)", "filter: ')' without '(' at column 2");
	assert_refused("()", "filter: expected a condition at column 2");
	assert_refused("name == x", "filter: unknown field at column 1");
	assert_refused("\"id\" == 5", "filter: unknown field at column 1");
	assert_refused("x || \xc3\xa9t\xc3\xa9 == 1", "filter: unknown field at column 6");
	assert_refused("\xc3\xa9 ||", "filter: expected a condition at column 5");
	assert_refused("id == x", "filter: expected a number at column 7");
	assert_refused("id == 18446744073709551616", "filter: expected a number at column 7");
	assert_refused("id =~ 1",
		       "filter: this comparison does not apply to the field at column 1");
	assert_refused("func < a",
		       "filter: this comparison does not apply to the field at column 1");
	assert_refused("wait > 5",
		       "filter: expected a duration such as 1h30m, 5s or 250ms at column 8");
	assert_refused("wait > 5m3",
		       "filter: expected a duration such as 1h30m, 5s or 250ms at column 8");
	assert_refused("wait > 99999999d",
		       "filter: expected a duration such as 1h30m, 5s or 250ms at column 8");
	assert_refused("locked == yes", "filter: expected true or false at column 11");
	assert_refused("status == asleep", "filter: unknown status at column 11");
	assert_refused("func == 'a", "filter: the quote is not closed at column 9");
	assert_refused("label. == x", "filter: expected the key of a label at column 7");
	assert_refused("func =~ '(a)\\1'", "filter: the regular expression has a back-reference, "
					   "which is not supported at column 9");
}

/** regcomp copies what is repeated: without a bound, a few bytes ask for all memory there is. */
static void costly_regex_is_refused(void **state)
{
	(void)state;
	static const char *const costly[] = {
		"()++++++++++++++++++++++++++++++++",
		"((a{999}){999})",
		"a++++++++++++++++++++++++++++++++",
		"((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+",
		"(a{64}b{64}){40}",
		"[^]+]{5000}",
		"(x{2}{2}{2}{2}{2}{2}{2}{2}{2}{2}{2}{2}{2})",
	};
	static const char *const cheap[] = {
		"^[0-9a-f]{32}$",
		"a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q+r+s+t+u+v+w+x+y+z+",
		"(main|net/http)\\.\\(\\*[A-Z][[:alnum:]]+\\)\\.[a-z]+",
		"[]{5000}][^]{5000}]",
		"[[:alpha:]{5000}]\\{5000",
	};
	char filter[300];

	for (size_t i = 0; i < sizeof(costly) / sizeof(*costly); i++) {
		snprintf(filter, sizeof(filter), "func =~ '%s'", costly[i]);
		assert_refused(filter,
			       "filter: the regular expression repeats too often at column 9");
	}
	for (size_t i = 0; i < sizeof(cheap) / sizeof(*cheap); i++) {
		snprintf(filter, sizeof(filter), "func =~ '%s'", cheap[i]);
		struct gospy_error *err = gospy_filter_check(filter);
		if (err)
			fail_msg("%s: %s", filter, err->message);
	}
}

static void bad_regex_is_refused(void **state)
{
	(void)state;
	struct gospy_error *err = gospy_filter_check("func =~ '(a'");

	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_USAGE);
	assert_non_null(strstr(err->message, "at column 9"));
	gospy_error_destroy(err);
}

/** Nesting and length are bounded, and nothing recurses on them. */
static void depth_is_bounded(void **state)
{
	(void)state;
	char deep[100001];

	memset(deep, '(', 100000);
	deep[100000] = 0;
	assert_refused(deep, "filter: nested too deeply at column 65");
	memset(deep, '!', 100000);
	assert_refused(deep, "filter: nested too deeply at column 65");
	for (int i = 0; i < 20000; i++)
		memcpy(deep + 5 * i, i == 19999 ? "abcd " : "a && ", 5);
	struct gospy_error *err = gospy_filter_check(deep);
	assert_non_null(err);
	assert_non_null(strstr(err->message, "the expression is too long"));
	gospy_error_destroy(err);
	for (int i = 0; i < 200; i++)
		memcpy(deep + 5 * i, i == 199 ? "abcd\0" : "a || ", 5);
	assert_null(gospy_filter_check(deep));
}

static void without_a_stack_the_start_counts(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = build_process();
	char got[100];

	memset(snapshot->goroutines.stack, 0, 6 * sizeof(*snapshot->goroutines.stack));
	run_filter(snapshot, "worker", got);
	assert_string_equal(got, "3 4 ");
	run_filter(snapshot, "start == runtime.main", got);
	assert_string_equal(got, "1 ");
	run_filter(snapshot, "current != ''", got);
	assert_string_equal(got, "");
	gospy_snapshot_destroy(snapshot);
}

/** A snapshot from a file may lie: parents in a circle, numbers of nothing. */
static void hostile_stacks_end(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = build_process();
	uint32_t *stack = snapshot->goroutines.stack;
	char got[100];

	snapshot->nodes.data[stack[5]].parent = stack[5];
	snapshot->nodes.data[stack[3]].parent = stack[2];
	stack[0] = 4000000000U;
	snapshot->nodes.data[stack[4]].location = 4000000000U;
	snapshot->locations.data[snapshot->nodes.data[stack[1]].location].num_frames = 4000000000U;
	run_filter(snapshot, "nothing || file == nothing", got);
	assert_string_equal(got, "");
	run_filter(snapshot, "worker", got);
	assert_string_equal(got, "3 4 ");
	gospy_snapshot_destroy(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manual_examples_hold),
		cmocka_unit_test(errors_tell_the_column),
		cmocka_unit_test(costly_regex_is_refused),
		cmocka_unit_test(bad_regex_is_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(without_a_stack_the_start_counts),
		cmocka_unit_test(hostile_stacks_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
