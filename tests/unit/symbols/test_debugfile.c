/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <gospy/debugfile.h>

#include "c_program.h"

static const char c_source[] = "int main(int argc, char **argv) { return argc - 1 + !argv; }\n";
static const char go_source[] = "package main\nimport \"fmt\"\nfunc main() { fmt.Println(1) }\n";

/** A C program, its stripped twin, and the folder that is the root of a file system for the tests.
 */
struct fixture {
	struct go_program program;
	char stripped[128];
	char root[128];
	char bad[128];
	int roots[2];
	struct gospy_image image;
	struct gospy_debugfile_query query;
};

static void open_image(const char *path, struct gospy_image *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct gospy_source source;

	assert_true(fd >= 0);
	assert_null(gospy_source_init_read(&source, fd, path));
	assert_null(gospy_image_init(ret, &source));
}

GOSPY_PRINTF(1, 2) static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_in_range(n, 1, sizeof(command) - 1);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || !c_program_init(&f->program, c_source, ""))
		return 0;
	snprintf(f->stripped, sizeof(f->stripped), "%s/stripped", f->program.folder);
	snprintf(f->root, sizeof(f->root), "%s/root", f->program.folder);
	shell("strip -o '%s' '%s' && mkdir '%s'", f->stripped, f->program.path, f->root);
	f->roots[0] = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	open_image(f->stripped, &f->image);
	f->query = (struct gospy_debugfile_query){
		.image = &f->image, .path = "/opt/app/stripped", .roots = f->roots, .num_roots = 1};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->image.source.size) {
		gospy_image_deinit(&f->image);
		close(f->roots[0]);
	}
	go_program_deinit(&f->program);
	free(f);
	return 0;
}

/** The fixture, where there is a compiler. */
static struct fixture *need(void **state)
{
	struct fixture *f = *state;

	if (!f->image.source.size)
		skip();
	return f;
}

static void expect_found(const struct fixture *f, const char *path)
{
	_cleanup_(gospy_source_deinit) struct gospy_source source = {}, expected = {};
	_cleanup_free_ char *found = NULL;
	_cleanup_close_ int fd = open(f->program.path, O_RDONLY | O_CLOEXEC);

	assert_null(gospy_debugfile_find(&f->query, &source, &found));
	assert_string_equal(found, path);
	assert_null(gospy_source_init_read(&expected, fd, "expected"));
	assert_int_equal(source.size, expected.size);
	assert_memory_equal(source.data, expected.data, expected.size);
}

static void expect_error(const struct fixture *f, enum gospy_error_code code, const char *message)
{
	struct gospy_source source = {.size = 42};
	char *path = NULL;
	_cleanup_error_ struct gospy_error *err = gospy_debugfile_find(&f->query, &source, &path);

	assert_non_null(err);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->message, message));
	assert_null(strchr(err->message, '\n'));
	assert_true(source.size == 42 && !path);
}

static void expect_nothing(const struct fixture *f)
{
	expect_error(f, GOSPY_ERROR_NOT_FOUND, "no debug file");
}

static bool match(const char *a, const char *b)
{
	_cleanup_(gospy_image_deinit) struct gospy_image image, other;

	open_image(a, &image);
	open_image(b, &other);
	assert_int_equal(gospy_debugfile_matches(&image, &other),
			 gospy_debugfile_matches(&other, &image));
	return gospy_debugfile_matches(&image, &other);
}

static void matches_what_strip_and_objcopy_make(void **state)
{
	const struct fixture *f = need(state);
	char debug[160];

	snprintf(debug, sizeof(debug), "%s.debug", f->stripped);
	shell("objcopy --only-keep-debug '%s' '%s'", f->program.path, debug);
	assert_true(match(f->stripped, f->program.path));
	assert_true(match(f->stripped, debug));
	/* Without the id the code itself decides, and a file without code does not. */
	shell("objcopy -R .note.gnu.build-id '%s'", f->stripped);
	assert_true(match(f->stripped, f->program.path));
	assert_false(match(f->stripped, debug));
}

static void tells_other_programs_apart(void **state)
{
	const struct fixture *f = need(state);

	shell("cd '%s' && echo 'int main(void) { return 7; }' >other.c && "
	      "gcc -g -Wl,--build-id -o other other.c",
	      f->program.folder);
	char other[128];
	snprintf(other, sizeof(other), "%s/other", f->program.folder);
	assert_false(match(f->stripped, other));
	assert_false(match(f->program.path, other));
}

/** Another link of the same Go program; a program with another constant, one with another function.
 */
static void matches_go_programs_that_were_linked_again(void **state)
{
	(void)state;
	static const char *const builds[] = {"twin", "constant", "function"};
	_cleanup_(go_program_deinit) struct go_program program;
	char path[3][128];

	if (!go_program_init(&program, go_source, "-ldflags='-s -w'"))
		skip();
	for (int i = 0; i < 3; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%s", program.folder, builds[i]);
		if (i == 1)
			shell("sed -i 's/Println(1)/Println(2)/' '%s/main.go'", program.folder);
		if (i == 2)
			shell("echo 'func init() { fmt.Println(3) }' >>'%s/main.go'",
			      program.folder);
		shell("cd '%s' && env -u GOROOT -u GOFLAGS GOTOOLCHAIN=local GO111MODULE=off "
		      "CGO_ENABLED=0 go build -o '%s' main.go",
		      program.folder, path[i]);
	}
	assert_true(match(program.path, path[0]));
	assert_false(match(program.path, path[1]));
	assert_false(match(program.path, path[2]));
}

static void takes_the_named_file(void **state)
{
	struct fixture *f = need(state);

	f->query.bin = f->program.path;
	expect_found(f, f->program.path);
}

static void says_what_is_wrong_with_the_named_file(void **state)
{
	struct fixture *f = need(state);
	static const struct {
		const char *make, *message;
	} cases[] = {
		{"true", "cannot open"},
		{"mkdir bad", "not a regular file"},
		{"mkfifo bad", "not a regular file"},
		{"true >bad", "not an ELF file"},
		{"echo text >bad", "not an ELF file"},
		{"head -c 10 program >bad", "not an ELF file"},
		{"head -c 50 program >bad", "truncated"},
		{"head -c 5000 program >bad", "truncated"},
		{"echo 'int main(void) { return 9; }' | gcc -Wl,--build-id -o bad -x c -",
		 "another build"},
		/* Zeros over the middle of the compressed section. */
		{"objcopy --compress-debug-sections=zlib program bad && "
		 "at=$(readelf -SW bad | sed -n 's/.*debug_info *PROGBITS *[0-9a-f]* "
		 "\\([0-9a-f]*\\).*/\\1/p') && "
		 "head -c 8 /dev/zero | dd of=bad bs=1 seek=$((0x$at + 40)) conv=notrunc "
		 "status=none",
		 "damaged"},
	};

	snprintf(f->bad, sizeof(f->bad), "%s/bad", f->program.folder);
	f->query.bin = f->bad;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		shell("cd '%s' && rm -rf bad && { %s; }", f->program.folder, cases[i].make);
		expect_error(f, GOSPY_ERROR_BAD_DATA, cases[i].message);
		expect_error(f, GOSPY_ERROR_BAD_DATA, f->bad);
	}
}

/** Puts the debug file where the build id leads below `root`; the path within it. */
static void install_by_id(const struct fixture *f, const char *root, char *ret, size_t size)
{
	const char *id = f->image.build_id;

	snprintf(ret, size, "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	shell("mkdir -p \"$(dirname '%s%s')\" && cp '%s' '%s%s'", root, ret, f->program.path, root,
	      ret);
}

static void finds_by_build_id(void **state)
{
	struct fixture *f = need(state);
	char path[256];

	expect_nothing(f);
	install_by_id(f, f->root, path, sizeof(path));
	expect_found(f, path);
	/* A file of that name that is of another build, or has nothing, is passed over. */
	shell("cp '%s' '%s%s'", f->stripped, f->root, path);
	expect_nothing(f);
	shell("cp /bin/true '%s%s'", f->root, path);
	expect_nothing(f);
	shell("rm '%s%s' && mkfifo '%s%s'", f->root, path, f->root, path);
	expect_nothing(f);
}

static void searches_each_root(void **state)
{
	struct fixture *f = need(state);
	char path[256], other[160];

	snprintf(other, sizeof(other), "%s/other_root", f->program.folder);
	shell("mkdir '%s'", other);
	_cleanup_close_ int other_fd = open(other, O_PATH | O_DIRECTORY | O_CLOEXEC);
	f->roots[1] = other_fd;
	f->query.num_roots = 2;
	install_by_id(f, other, path, sizeof(path));
	expect_found(f, path);
}

/** Links of a hostile container end within its root. */
static void follows_links_within_the_root_only(void **state)
{
	struct fixture *f = need(state);
	char path[256], outside[160];

	snprintf(outside, sizeof(outside), "%s/outside", f->program.folder);
	install_by_id(f, outside, path, sizeof(path));
	shell("mkdir -p '%s/usr' && ln -s '%s/usr/lib' '%s/usr/lib'", f->root, outside, f->root);
	expect_nothing(f);
	shell("rm '%s/usr/lib' && ln -s ../../outside/usr/lib '%s/usr/lib'", f->root, f->root);
	expect_nothing(f);
	shell("rm '%s/usr/lib' && ln -s /proc/self/cwd '%s/usr/lib'", f->root, f->root);
	expect_nothing(f);
	/* An absolute link means the root's own file. */
	shell("rm '%s/usr/lib' && cp -r '%s/usr/lib' '%s/store' && ln -s /store '%s/usr/lib'",
	      f->root, outside, f->root, f->root);
	expect_found(f, path);
}

static void finds_by_debug_link(void **state)
{
	struct fixture *f = need(state);
	static const char *const places[] = {"/opt/app/program", "/opt/app/.debug/program",
					     "/usr/lib/debug/opt/app/program"};

	/* The checksum alone decides: no ids are left. */
	shell("cd '%s' && objcopy -R .note.gnu.build-id --add-gnu-debuglink=program stripped",
	      f->program.folder);
	gospy_image_deinit(&f->image);
	open_image(f->stripped, &f->image);
	assert_string_equal(f->image.build_id, "");
	for (size_t i = 0; i < 3; i++) {
		expect_nothing(f);
		shell("mkdir -p \"$(dirname '%s%s')\" && cp '%s' '%s%s'", f->root, places[i],
		      f->program.path, f->root, places[i]);
		expect_found(f, places[i]);
		/* One byte more, another checksum. */
		shell("echo >>'%s%s'", f->root, places[i]);
	}
	expect_nothing(f);
	f->query.path = NULL;
	expect_nothing(f);
}

/** Answers GET `url` with the file `path`, all else with 404, until it is killed. */
static void serve(int listener, const char *url, const char *path)
{
	static char request[4096], file[1 << 20];
	int in = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(in, file, sizeof(file));

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n = read(fd, request, sizeof(request) - 1);
		request[n < 0 ? 0 : n] = 0;
		bool found = !strncmp(request, "GET ", 4) &&
			     !strncmp(request + 4, url, strlen(url)) && size > 0;
		dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: %zd\r\nConnection: close\r\n\r\n",
			found ? "200 OK" : "404 Not Found", found ? size : 0);
		if (found && write(fd, file, (size_t)size) != size)
			_exit(1);
		close(fd);
	}
}

/** Starts the server; its process id, and the port. */
static pid_t start_server(const struct fixture *f, unsigned int *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[256];

	snprintf(url, sizeof(url), "/buildid/%s/debuginfo ", f->image.build_id);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(listener, url, f->program.path);
	close(listener);
	return pid;
}

static void asks_debuginfod_when_told_to(void **state)
{
	struct fixture *f = need(state);
	void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY);
	char urls[64], cache[160], found[512];
	unsigned int port;

	if (!library)
		skip();
	pid_t server = start_server(f, &port);
	snprintf(urls, sizeof(urls), "http://127.0.0.1:%u", port);
	snprintf(cache, sizeof(cache), "%s/cache", f->program.folder);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	setenv("no_proxy", "127.0.0.1", 1);
	unsetenv("DEBUGINFOD_URLS");
	expect_nothing(f);
	setenv("DEBUGINFOD_URLS", urls, 1);
	snprintf(found, sizeof(found), "%s/%s/debuginfo", cache, f->image.build_id);
	expect_found(f, found);
	/* What no server has is no error. */
	f->image.build_id[0] = f->image.build_id[0] == 'a' ? 'b' : 'a';
	expect_nothing(f);
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(waitpid(server, NULL, 0), server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(matches_what_strip_and_objcopy_make),
		TEST(tells_other_programs_apart),
		cmocka_unit_test(matches_go_programs_that_were_linked_again),
		TEST(takes_the_named_file),
		TEST(says_what_is_wrong_with_the_named_file),
		TEST(finds_by_build_id),
		TEST(searches_each_root),
		TEST(follows_links_within_the_root_only),
		TEST(finds_by_debug_link),
		TEST(asks_debuginfod_when_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
