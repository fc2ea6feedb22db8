/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/capture.h>
#include <gospy/command.h>
#include <gospy/debugfile.h>
#include <gospy/dwarf.h>
#include <gospy/live.h>
#include <gospy/memory_target.h>
#include <gospy/process_list.h>

#include "../unit/runtime/fake_program.h"
#include "../unit/runtime/synthetic_program.h"
#include "../unit/service/sample_process.h"
#include "../unit/target/assert_error.h"
#include "../unit/target/child.h"
#include "failing.h"

/**
 * What is done, from nothing to nothing: NULL, or the error that it ended with. What came of it
 * goes into `digest`, so that half a result is not taken for a whole one.
 */
typedef struct gospy_error *(*scenario_fn)(void *context, uint64_t *digest);

/** FNV-1a of what was there before and of `size` bytes more. */
static void digest_bytes(uint64_t *digest, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		*digest = (*digest ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
}

static void digest_string(uint64_t *digest, const char *text)
{
	digest_bytes(digest, text, strlen(text) + 1);
}

/** One run in which the `n`th allocation fails; false when there was no such allocation any more.
 */
static bool fails_well(scenario_fn scenario, void *context, uint64_t n, bool for_good,
		       uint64_t expected)
{
	size_t before = failing_live();
	uint64_t digest = 0;

	failing_begin(n, for_good);
	struct gospy_error *err = scenario(context, &digest);
	uint64_t count = failing_end();
	if (err && err->code != GOSPY_ERROR_NO_MEMORY)
		fail_msg("allocation %llu: code %d: %s", (unsigned long long)n, (int)err->code,
			 err->message);
	if (!err && digest != expected)
		fail_msg("allocation %llu: another result", (unsigned long long)n);
	gospy_error_destroy(err);
	if (failing_live() != before)
		fail_msg("allocation %llu of %llu: %zu pieces of memory are left",
			 (unsigned long long)n, (unsigned long long)count, failing_live() - before);
	return count >= n;
}

/** Runs the scenario once with enough memory, then with each allocation failing, alone and with all
 * after it. */
static void survives(scenario_fn scenario, void *context)
{
	size_t before = failing_live();
	uint64_t n = 1, digest = 0;

	failing_begin(0, false);
	assert_ok(scenario(context, &digest));
	assert_true(failing_end() > 0);
	assert_int_equal(failing_live(), before);
	while (fails_well(scenario, context, n, false, digest) &&
	       fails_well(scenario, context, n, true, digest))
		n++;
	print_message("# %llu allocations\n", (unsigned long long)n - 1);
}

static struct gospy_error *use_strings(void *context, uint64_t *digest)
{
	struct gospy_strings strings = {};
	uint32_t id;
	struct gospy_error *err = gospy_strings_init(&strings);

	(void)context;
	for (int i = 0; !err && i < 200; i++) {
		char text[32];
		int size = snprintf(text, sizeof(text), "text %d", i);
		err = gospy_strings_intern(&strings, text, (size_t)size, &id);
	}
	if (!err)
		digest_bytes(digest, strings.bytes.data, strings.bytes.size);
	gospy_strings_deinit(&strings);
	return err;
}

static struct gospy_error *use_output(void *context, uint64_t *digest)
{
	struct gospy_output output;

	(void)context;
	gospy_output_init_memory(&output);
	for (int i = 0; i < 200; i++)
		gospy_output_format(&output, "%0*d", 40 * i, i);
	struct gospy_error *err = gospy_output_flush(&output);
	if (!err)
		digest_bytes(digest, output.data, output.size);
	gospy_output_deinit(&output);
	return err;
}

/** An error may lose its context or its text for lack of memory, but stays an error. */
static struct gospy_error *use_error(void *context, uint64_t *digest)
{
	struct gospy_error *err = gospy_error_wrap(gospy_error_fault(1, "no byte %d", 1), "in it");

	(void)context;
	(void)digest;
	assert_non_null(err);
	free(gospy_error_string(err));
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	return err;
}

static void base_survives(void **state)
{
	(void)state;
	survives(use_strings, NULL);
	survives(use_output, NULL);
	survives(use_error, NULL);
}

static struct gospy_error *use_image(void *context, uint64_t *digest)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct gospy_source source;
	struct gospy_image image;
	uint64_t address;
	struct gospy_error *err = gospy_source_init_read(&source, fd, "this program");

	(void)context;
	if (err)
		return err;
	err = gospy_image_init(&image, &source);
	if (err) {
		gospy_source_deinit(&source);
		return err;
	}
	err = gospy_image_symbol(&image, "main", &address);
	gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND);
	const struct gospy_debugfile_query query = {.image = &image, .bin = "/proc/self/exe"};
	char *path;
	if (!err)
		err = gospy_debugfile_find(&query, &source, &path);
	if (!err) {
		digest_string(digest, path);
		digest_bytes(digest, source.data, source.size);
		free(path);
		gospy_source_deinit(&source);
	}
	gospy_image_deinit(&image);
	return err;
}

static void images_survive(void **state)
{
	(void)state;
	survives(use_image, NULL);
}

static struct gospy_error *use_dwarf(void *context, uint64_t *digest)
{
	struct gospy_structure structure = {};
	struct gospy_dwarf *dwarf;
	struct gospy_error *err = gospy_dwarf_open(context, &dwarf);

	if (err)
		return err;
	err = gospy_dwarf_structure(dwarf, "fake_program", &structure);
	for (size_t i = 0; !err && i < structure.fields.size; i++)
		digest_string(digest, structure.fields.data[i].name);
	gospy_structure_deinit(&structure);
	gospy_dwarf_close(dwarf);
	return err;
}

static void dwarf_survives(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct gospy_source source;
	uint64_t digest = 0;

	assert_ok(gospy_source_init_map(&source, fd, "this program"));
	struct gospy_error *err = use_dwarf(&source, &digest);
	if (gospy_error_catch(&err, GOSPY_ERROR_NO_SYMBOLS)) {
		gospy_source_deinit(&source);
		skip(); /* built without debug information */
	}
	assert_ok(err);
	survives(use_dwarf, &source);
	gospy_source_deinit(&source);
}

static void wait_body(struct child_pipes pipes, void *argument)
{
	(void)argument;
	child_ready_and_wait(pipes);
}

static struct gospy_error *inspect_nothing(void *context, const struct gospy_registers *registers)
{
	(void)context;
	(void)registers;
	return NULL;
}

/** Everything that there is to read of a process, whether it is held or not. */
static struct gospy_error *read_target(struct gospy_target *target, pid_t pid, uint64_t *digest)
{
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {};
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {};
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {};
	struct gospy_error *err = gospy_target_threads(target, &threads);

	if (!err)
		err = gospy_target_mappings(target, &mappings);
	if (!err)
		err = gospy_target_info(target, &info);
	if (err)
		return err;
	digest_bytes(digest, &threads.size, sizeof(threads.size));
	digest_bytes(digest, mappings.paths.data, mappings.paths.size);
	digest_string(digest, info.exe);
	digest_string(digest, info.name);
	digest_string(digest, info.cgroup);
	digest_string(digest, info.godebug);
	return gospy_target_inspect(target, pid, inspect_nothing, NULL);
}

static struct gospy_error *use_live(pid_t pid, uint64_t *digest)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_error *err = gospy_live_open(pid, &target);

	if (!err)
		err = read_target(target, pid, digest);
	if (!err)
		err = gospy_target_stop(target);
	if (!err)
		err = read_target(target, pid, digest);
	if (!err)
		err = gospy_target_resume(target, NULL);
	return err;
}

/** The process must run on whatever happened. */
static struct gospy_error *use_live_and_check(void *context, uint64_t *digest)
{
	const struct child *child = context;
	struct gospy_error *err = use_live(child->pid, digest);

	assert_int_equal(tracer_of(child->pid), 0);
	assert_true(reaches_state(child->pid, child->pid, 'S'));
	return err;
}

static void live_targets_survive(void **state)
{
	(void)state;
	struct child child = child_start(wait_body, NULL);

	assert_true(child_is_ready(&child));
	survives(use_live_and_check, &child);
	child_end(&child);
}

static struct gospy_error *use_access(void *context, uint64_t *digest)
{
	const struct child *child = context;
	struct gospy_access_self self;
	struct gospy_access access;
	struct gospy_error *err = gospy_access_check(child->pid, &access);

	if (err)
		return err;
	digest_string(digest, access.reason);
	digest_string(digest, access.remedy);
	gospy_access_deinit(&access);
	err = gospy_access_self(&self);
	if (!err)
		digest_bytes(digest, &self.uid, sizeof(self.uid));
	return err;
}

static void access_checks_survive(void **state)
{
	(void)state;
	struct child child = child_start(wait_body, NULL);

	assert_true(child_is_ready(&child));
	survives(use_access, &child);
	child_end(&child);
}

/** Opens the fake program and takes a snapshot of it. */
static struct gospy_error *use_program(void *context, uint64_t *digest)
{
	const struct gospy_program_options options = {};
	const struct gospy_capture_request request = {
		.stop = GOSPY_STOP_PTRACE, .stacks = true, .arguments = true};
	_cleanup_snapshot_ struct gospy_snapshot *snapshot = NULL;
	struct gospy_program *program = NULL;
	struct gospy_error *err = gospy_program_open(context, &options, &program);

	if (!err)
		err = gospy_program_refresh(program);
	if (!err)
		err = gospy_capture_take(program, &request, &snapshot);
	gospy_program_close(program);
	if (!err)
		digest_bytes(digest, snapshot->strings.bytes.data, snapshot->strings.bytes.size);
	return err;
}

static void program_survives(const struct fake_options *options)
{
	struct fake_program fake;

	fake_program_init(&fake, options);
	struct gospy_target *target = fake_program_target(&fake);
	assert_non_null(target);
	survives(use_program, target);
	gospy_target_destroy(target);
	fake_program_deinit(&fake);
}

static void programs_survive(void **state)
{
	(void)state;
	program_survives(&fake_defaults);
}

static void programs_without_build_information_survive(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;

	options.buildinfo = false;
	program_survives(&options);
}

/** Gives g the label "k" as of Go 1.24 and later: runtime/pprof/label.go. */
static void put_label(struct synthetic_program *s, uint64_t g, char value)
{
	uint64_t list = synthetic_alloc(s, 24), pair = synthetic_alloc(s, 32);
	uint64_t text = synthetic_alloc(s, 16);

	synthetic_put_u8(s, text, 'k');
	synthetic_put_u8(s, text + 8, (uint8_t)value);
	synthetic_put(s, pair, text);
	synthetic_put(s, pair + 8, 1);
	synthetic_put(s, pair + 16, text + 8);
	synthetic_put(s, pair + 24, 1);
	synthetic_put(s, list, pair);
	synthetic_put(s, list + 8, 1);
	synthetic_put(s, g + G_LABELS, list);
}

/** Goroutines with and without labels, one with a long stack, and one on thread 7. */
static struct gospy_target *make_process(struct synthetic_program *s)
{
	enum synthetic_function stack[1000] = {FN_GOPARK};
	struct gospy_registers registers = {.pc = synthetic_pc(FN_WORK, 0x40)};
	uint64_t g, m;

	for (size_t i = 1; i < 1000; i++)
		stack[i] = FN_WORK;
	assert_true(synthetic_init(s, GOSPY_ARCH_AMD64, 1 << 20));
	for (uint64_t i = 0; i < 24; i++) {
		g = synthetic_g(s, 10 + i, 2048);
		synthetic_stack(s, g, stack, 2 + i);
		if (i % 2)
			put_label(s, g, (char)('a' + i));
	}
	synthetic_stack(s, synthetic_g(s, 2, 128 << 10), stack, 1000);
	g = synthetic_g(s, 3, 2048);
	m = synthetic_m(s, 7);
	registers.sp = synthetic_stack(s, g, stack + 1, 3);
	synthetic_put_u32(s, g + G_STATUS, GOSPY_GOROUTINE_RUNNING);
	synthetic_put(s, g + G_M, m);
	synthetic_put(s, m + M_CURG, g);
	synthetic_finish(s, NULL, 0);
	struct gospy_target *target = synthetic_target(s);
	assert_non_null(target);
	assert_ok(gospy_memory_target_add_thread(target, 7, 'R', &registers));
	return target;
}

struct capture_context {
	struct synthetic_program program;
	enum gospy_stop_mode stop;
};

static struct gospy_error *take_snapshot(void *argument, uint64_t *digest)
{
	struct capture_context *context = argument;
	const struct gospy_capture_request request = {
		.stop = context->stop, .stacks = true, .arguments = true};
	struct gospy_snapshot *snapshot = NULL;
	struct gospy_error *err =
		gospy_capture_take(&context->program.program, &request, &snapshot);

	if (err)
		return err;
	uint32_t count = snapshot->goroutines.count;
	digest_bytes(digest, snapshot->goroutines.id, count * sizeof(uint64_t));
	digest_bytes(digest, snapshot->goroutines.flags, count);
	digest_bytes(digest, snapshot->goroutines.stack, count * sizeof(uint32_t));
	digest_bytes(digest, snapshot->nodes.data, snapshot->nodes.size * sizeof(uint32_t) * 2);
	digest_bytes(digest, snapshot->label_pairs.data, snapshot->label_pairs.size * 8);
	digest_bytes(digest, snapshot->strings.bytes.data, snapshot->strings.bytes.size);
	gospy_snapshot_destroy(snapshot);
	return NULL;
}

static void captures_survive(void **state)
{
	(void)state;
	static struct capture_context context;
	struct gospy_target *target = make_process(&context.program);

	context.stop = GOSPY_STOP_NONE;
	survives(take_snapshot, &context);
	context.stop = GOSPY_STOP_PTRACE;
	survives(take_snapshot, &context);
	gospy_target_destroy(target);
	synthetic_deinit(&context.program);
}

static struct gospy_error *make_target(void *context, uint64_t *digest)
{
	static const uint8_t bytes[256];
	_cleanup_target_ struct gospy_target *target = NULL;
	const struct gospy_registers registers = {};
	struct gospy_error *err = gospy_memory_target_create(GOSPY_ARCH_AMD64, &target);

	(void)context;
	for (uint64_t i = 0; !err && i < 40; i++)
		err = gospy_memory_target_add(target, 0x1000 + i % 7 * 100, bytes, sizeof(bytes),
					      GOSPY_MAPPING_READ, i % 2 ? "/file" : NULL, 0);
	if (!err)
		err = gospy_memory_target_set_exe(target, "/file");
	if (!err)
		err = gospy_memory_target_add_thread(target, 1, 'S', &registers);
	if (!err)
		err = gospy_memory_target_fail_at(target, 0x1010);
	return err ? err : read_target(target, 1, digest);
}

static void fakes_survive(void **state)
{
	(void)state;
	survives(make_target, NULL);
}

struct view_context {
	const struct gospy_snapshot *snapshot;
	struct gospy_view_options options;
	enum gospy_format format;
};

static struct gospy_error *render(void *argument, uint64_t *digest)
{
	const struct view_context *context = argument;
	struct gospy_output output;
	struct gospy_view view;
	struct gospy_error *err = gospy_view_init(&view, context->snapshot, &context->options);

	if (err)
		return err;
	gospy_output_init_memory(&output);
	err = gospy_render_dump(&view, context->format, &output);
	if (!err && context->format <= GOSPY_FORMAT_NDJSON)
		err = gospy_render_summary(&view, context->format, &output);
	if (!err)
		err = gospy_output_flush(&output);
	if (!err)
		digest_bytes(digest, output.data, output.size);
	gospy_output_deinit(&output);
	gospy_view_deinit(&view);
	return err;
}

static void encoders_survive(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = build_sample();
	struct view_context context = {.snapshot = snapshot};

	for (context.format = GOSPY_FORMAT_TEXT; context.format <= GOSPY_FORMAT_PPROF;
	     context.format++)
		survives(render, &context);
	gospy_snapshot_destroy(snapshot);
}

static void views_survive(void **state)
{
	(void)state;
	struct gospy_snapshot *snapshot = build_sample();
	struct view_context context = {
		.snapshot = snapshot,
		.options = {.label = "tenant",
			    .filter = "func =~ \"^main\\\\.\" && !(reason == 'select' || wait > "
				      "1h) || label.tenant != acme && worker"},
	};

	for (context.options.group = GOSPY_VIEW_GROUP_NONE;
	     context.options.group <= GOSPY_VIEW_GROUP_THREAD; context.options.group++)
		survives(render, &context);
	gospy_snapshot_destroy(snapshot);
}

static struct gospy_error *write_help(void *context, uint64_t *digest)
{
	struct gospy_output output;

	(void)context;
	gospy_output_init_memory(&output);
	gospy_commands_help(&output);
	for (const struct gospy_command *command = gospy_commands; command->name; command++)
		gospy_command_help(command, &output);
	gospy_commands_manual(&output);
	struct gospy_error *err = gospy_output_flush(&output);
	if (!err)
		digest_bytes(digest, output.data, output.size);
	gospy_output_deinit(&output);
	return err;
}

static void help_survives(void **state)
{
	(void)state;
	survives(write_help, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_survives),
		cmocka_unit_test(images_survive),
		cmocka_unit_test(dwarf_survives),
		cmocka_unit_test(live_targets_survive),
		cmocka_unit_test(access_checks_survive),
		cmocka_unit_test(fakes_survive),
		cmocka_unit_test(programs_survive),
		cmocka_unit_test(programs_without_build_information_survive),
		cmocka_unit_test(captures_survive),
		cmocka_unit_test(encoders_survive),
		cmocka_unit_test(views_survive),
		cmocka_unit_test(help_survives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
