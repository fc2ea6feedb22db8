/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <gospy/source.h>

typedef struct gospy_error *(*init_fn)(struct gospy_source *source, int fd, const char *name);

static int make_file(const void *data, size_t size)
{
	int fd = memfd_create("source", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	return fd;
}

static void expect_refused(init_fn init, int fd, enum gospy_error_code code)
{
	struct gospy_source source = {.size = 7};
	_cleanup_error_ struct gospy_error *err = init(&source, fd, "it");

	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_int_equal(source.size, 7);
}

/** Both ways: the descriptor's position is of no matter, and it may be closed afterwards. */
static void holds_a_file(init_fn init, int kind)
{
	struct gospy_source source;
	int fd = make_file("0123456789", 10);

	assert_null(init(&source, fd, "it"));
	close(fd);
	assert_int_equal(source.kind, kind);
	assert_int_equal(source.size, 10);
	assert_memory_equal(source.data, "0123456789", 10);
	gospy_source_deinit(&source);
	assert_int_equal(source.size, 0);

	fd = make_file("", 0);
	assert_null(init(&source, fd, "it"));
	close(fd);
	assert_int_equal(source.size, 0);
	gospy_source_deinit(&source);
}

static void refuses_what_is_no_file(init_fn init)
{
	int pipe_fds[2];
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(pipe(pipe_fds), 0);
	expect_refused(init, pipe_fds[0], GOSPY_ERROR_BAD_DATA);
	expect_refused(init, folder, GOSPY_ERROR_BAD_DATA);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	expect_refused(init, -1, GOSPY_ERROR_OS);
}

static void maps_files(void **state)
{
	(void)state;
	holds_a_file(gospy_source_init_map, GOSPY_SOURCE_MAPPED);
	refuses_what_is_no_file(gospy_source_init_map);
}

static void reads_files(void **state)
{
	(void)state;
	holds_a_file(gospy_source_init_read, GOSPY_SOURCE_OWNED);
	refuses_what_is_no_file(gospy_source_init_read);
}

/** Sparse: it takes no room, and is above GOSPY_MAX_SECTION_SIZE. */
static void reads_no_file_of_any_size(void **state)
{
	(void)state;
	int fd = make_file("x", 1);

	assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
	expect_refused(gospy_source_init_read, fd, GOSPY_ERROR_BAD_DATA);
	close(fd);
}

static void gives_only_what_is_there(void **state)
{
	(void)state;
	static const char text[] = "0123456789";
	struct gospy_source source;

	gospy_source_init_buffer(&source, text, 10);
	assert_ptr_equal(gospy_source_at(&source, 0, 10), text);
	assert_ptr_equal(gospy_source_at(&source, 3, 7), text + 3);
	assert_ptr_equal(gospy_source_at(&source, 10, 0), text + 10);
	assert_null(gospy_source_at(&source, 3, 8));
	assert_null(gospy_source_at(&source, 11, 0));
	assert_null(gospy_source_at(&source, UINT64_MAX, 2));
	assert_null(gospy_source_at(&source, 2, UINT64_MAX));
	gospy_source_deinit(&source);
	assert_string_equal(text, "0123456789");

	char *owned = strdup(text);
	assert_non_null(owned);
	gospy_source_init_owned(&source, owned, 10);
	assert_ptr_equal(source.data, owned);
	gospy_source_deinit(&source);
	gospy_source_deinit(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_files),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(reads_no_file_of_any_size),
		cmocka_unit_test(gives_only_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
