/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <gospy/live.h>
#include <gospy/memory_target.h>
#include <gospy/program.h>

#include "../target/assert_error.h"
#include "../target/child.h"

/**
 * A real program, built by the `go` on PATH, that says itself where its runtime keeps its lists:
 * tests/unit/runtime/addresses. The folder of the built ones is removed at the end.
 */
static char folder[] = "/tmp/gospy-test-XXXXXX";

struct truth {
	char version[128];
	uint64_t allgs, allp, allm, sched, wait_reason_strings;
};

/** False where there is no Go that builds for this processor; "" is that of this machine. */
static bool build_for(const char *arch, const char *flags)
{
	/* The linker of 1.23 and newer keeps the runtime's variables to itself if not told
	 * otherwise. */
	static const char *const linker_flags[] = {"-checklinkname=0", ""};
	char command[1024];

	for (size_t i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			 "cd '%s' && rm -f %s/program && GOTOOLCHAIN=local GO111MODULE=on "
			 "GOFLAGS= CGO_ENABLED=0 GOARCH=%s go build -ldflags='%s %s' "
			 "-o '%s/program' . "
			 "2>/dev/null",
			 GO_SOURCE, folder, arch, linker_flags[i], flags, folder);
		if (system(command) == 0)
			return true;
	}
	return false;
}

static bool build(const char *flags)
{
	return build_for("", flags);
}

/** Writes `to` over each `from` of the built program, both of that many bytes. */
static void replace(const char *from, const char *to, size_t size)
{
	char path[64];
	size_t count = 0;

	snprintf(path, sizeof(path), "%s/program", folder);
	_cleanup_fclose_ FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size_t left = (size_t)ftell(file);
	_cleanup_free_ char *bytes = malloc(left);
	assert_non_null(bytes);
	rewind(file);
	assert_int_equal(fread(bytes, 1, left, file), left);
	for (char *p = bytes; (p = memmem(p, left - (size_t)(p - bytes), from, size)); count++)
		memcpy(p, to, size);
	assert_true(count > 0);
	rewind(file);
	assert_int_equal(fwrite(bytes, 1, left, file), left);
}

static void run(struct child_pipes pipes, void *argument)
{
	char path[64];

	(void)argument;
	snprintf(path, sizeof(path), "%s/program", folder);
	dup2(pipes.from_test, STDIN_FILENO);
	dup2(pipes.to_test, STDOUT_FILENO);
	execl(path, path, (char *)NULL);
}

static void read_truth(const struct child *child, struct truth *ret)
{
	char line[512];
	size_t size = 0;

	while (size < sizeof(line) - 1 && (!size || line[size - 1] != '\n')) {
		ssize_t n = read(child->from, line + size, sizeof(line) - 1 - size);
		assert_true(n > 0);
		size += (size_t)n;
	}
	line[size] = '\0';
	assert_int_equal(sscanf(line,
				"%127s %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
				ret->version, &ret->allgs, &ret->allp, &ret->allm, &ret->sched,
				&ret->wait_reason_strings),
			 6);
}

static void compare(const struct child *child, const struct truth *truth,
		    enum gospy_layout_source source)
{
	const struct gospy_program_options options = {};
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_program *program;

	assert_ok(gospy_live_open(child->pid, &target));
	assert_ok(gospy_program_open(target, &options, &program));
	assert_string_equal(program->go_version, truth->version);
	assert_int_equal(program->globals.allgs, truth->allgs);
	assert_int_equal(program->globals.allp, truth->allp);
	assert_int_equal(program->globals.allm, truth->allm);
	assert_int_equal(program->globals.sched, truth->sched);
	assert_int_equal(program->globals.wait_reason_strings, truth->wait_reason_strings);
	assert_int_equal(program->confidence, GOSPY_CONFIDENCE_TWO);
	assert_int_equal(program->layout.source, source);
	gospy_program_close(program);
}

static void finds_what_the_built_program_says(enum gospy_layout_source source)
{
	struct truth truth;
	struct child child = child_start(run, NULL);

	read_truth(&child, &truth);
	compare(&child, &truth, source);
	child_end(&child);
}

static void finds_what_the_program_says(const char *flags)
{
	if (!build(flags))
		skip();
	finds_what_the_built_program_says(GOSPY_LAYOUT_TYPES);
}

static void finds_what_a_program_says(void **state)
{
	(void)state;
	finds_what_the_program_says("");
}

static void finds_what_a_stripped_program_says(void **state)
{
	(void)state;
	finds_what_the_program_says("-s -w");
}

static void finds_what_a_stripped_movable_program_says(void **state)
{
	(void)state;
	finds_what_the_program_says("-s -w' -buildmode='pie");
}

/** The length and the first letters of the name of *runtime.g's descriptor. */
static const char type_name[] = "\x0a*runtime.g", other_name[] = "\x0a*runtime.q";

static void takes_the_table_where_there_is_no_descriptor(void **state)
{
	(void)state;
	if (!build(""))
		skip();
	replace(type_name, other_name, sizeof(type_name) - 1);
	finds_what_the_built_program_says(GOSPY_LAYOUT_TABLE);
}

/** A version that nobody has seen yet, and no descriptors: only DWARF is left. */
static void takes_dwarf_where_there_is_no_table(void **state)
{
	(void)state;
	char version[8] = "";

	FILE *go = popen("GOTOOLCHAIN=local go env GOVERSION 2>/dev/null", "r");
	assert_non_null(go);
	size_t size = fread(version, 1, 6, go);
	pclose(go);
	/* "go1.26": the same length must do. */
	if (size != 6 || strncmp(version, "go1.", 4) != 0 || !build(""))
		skip();
	replace(type_name, other_name, sizeof(type_name) - 1);
	replace(version, "go1.97", 6);
	finds_what_the_built_program_says(GOSPY_LAYOUT_DWARF);
}

/** The address that `go tool nm` gives for a variable of the built program. */
static uint64_t address_of(const char *name)
{
	char command[256], line[1024], found[256];
	uint64_t address = 0, value;

	snprintf(command, sizeof(command), "GOTOOLCHAIN=local go tool nm '%s/program'", folder);
	FILE *nm = popen(command, "r");
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		if (sscanf(line, "%" SCNx64 " %*s %255s", &value, found) == 2 &&
		    strcmp(found, name) == 0)
			address = value;
	}
	pclose(nm);
	assert_true(address != 0);
	return address;
}

/** A target over the built program as it lies in the file: a process before its first instruction.
 */
static struct gospy_target *load(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct gospy_source source;
	struct gospy_image image;
	struct gospy_target *target;

	assert_ok(gospy_source_init_map(&source, fd, path));
	assert_ok(gospy_image_init(&image, &source));
	assert_ok(gospy_memory_target_create((enum gospy_arch)image.machine, &target));
	assert_ok(gospy_memory_target_set_exe(target, path));
	for (size_t i = 0; i < image.segments.size; i++) {
		const struct gospy_segment *segment = &image.segments.data[i];
		_cleanup_free_ uint8_t *bytes = calloc(1, segment->memory_size);
		assert_non_null(bytes);
		memcpy(bytes, image.source.data + segment->offset, segment->file_size);
		assert_ok(gospy_memory_target_add(
			target, segment->address, bytes, segment->memory_size,
			GOSPY_MAPPING_READ | (segment->writable ? GOSPY_MAPPING_WRITE : 0) |
				(segment->executable ? GOSPY_MAPPING_EXEC : 0),
			path, segment->offset));
	}
	gospy_image_deinit(&image);
	return target;
}

static void finds_what_nm_says_on_arm64(void **state)
{
	(void)state;
	const struct gospy_program_options options = {};
	struct gospy_program *program;
	char path[64];

	if (!build_for("arm64", ""))
		skip();
	snprintf(path, sizeof(path), "%s/program", folder);
	_cleanup_target_ struct gospy_target *target = load(path);
	assert_ok(gospy_program_open(target, &options, &program));
	assert_int_equal(program->arch, GOSPY_ARCH_ARM64);
	assert_int_equal(program->globals.allgs, address_of("runtime.allgs"));
	assert_int_equal(program->globals.allp, address_of("runtime.allp"));
	assert_int_equal(program->globals.sched, address_of("runtime.sched"));
	assert_int_equal(program->globals.wait_reason_strings,
			 address_of("runtime.waitReasonStrings"));
	assert_int_equal(program->num_wait_reasons, program->globals.num_wait_reasons);
	assert_true(program->num_wait_reasons >= 24);
	gospy_program_close(program);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/program", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_program_says),
		cmocka_unit_test(finds_what_a_stripped_program_says),
		cmocka_unit_test(finds_what_a_stripped_movable_program_says),
		cmocka_unit_test(takes_the_table_where_there_is_no_descriptor),
		cmocka_unit_test(takes_dwarf_where_there_is_no_table),
		cmocka_unit_test(finds_what_nm_says_on_arm64),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
