/* SPDX-License-Identifier: MIT */
#include "target_contract.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <gospy/live.h>

#include "child.h"

#define PAGE 4096
#define NUM_PAGES 3

static uint8_t contract_bytes[NUM_PAGES * PAGE];
/** The pages of the contract between two that may not be read. The child has them at the same
 * place. */
static uint8_t *region;
static struct child contract_child;

static void make_region(void)
{
	region = mmap(NULL, (NUM_PAGES + 2) * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(region, MAP_FAILED);
	for (size_t i = 0; i < sizeof(contract_bytes); i++)
		contract_bytes[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(region + PAGE, contract_bytes, sizeof(contract_bytes));
	mprotect(region, PAGE, PROT_NONE);
	munmap(region + (NUM_PAGES + 1) * PAGE, PAGE);
}

static void wait_body(struct child_pipes pipes, void *argument)
{
	(void)argument;
	child_ready_and_wait(pipes);
}

static void *sleep_for_ever(void *argument)
{
	(void)argument;
	for (;;)
		pause();
	return NULL;
}

static void threads_body(struct child_pipes pipes, void *argument)
{
	pthread_t thread;

	(void)argument;
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, sleep_for_ever, NULL);
	child_ready_and_wait(pipes);
}

static int setup_contract(void **state)
{
	static struct contract contract;

	make_region();
	contract_child = child_start(threads_body, NULL);
	if (!child_is_ready(&contract_child))
		return -1;
	contract = (struct contract){.address = (uintptr_t)region + PAGE,
				     .bytes = contract_bytes,
				     .size = sizeof(contract_bytes),
				     .tid = contract_child.pid,
				     .no_tid = getpid()};
	*state = &contract;
	return gospy_live_open(contract_child.pid, &contract.target) ? -1 : 0;
}

static int teardown_contract(void **state)
{
	gospy_target_destroy(((struct contract *)*state)->target);
	child_end(&contract_child);
	munmap(region, (NUM_PAGES + 1) * PAGE);
	return 0;
}

static void start(child_fn body, void *argument, struct child *child, struct gospy_target **target)
{
	*child = child_start(body, argument);
	assert_true(child_is_ready(child));
	assert_ok(gospy_live_open(child->pid, target));
}

static void hole_body(struct child_pipes pipes, void *argument)
{
	uint8_t *pages = argument;

	mprotect(pages + 2 * PAGE, PAGE, PROT_NONE);
	munmap(pages + 5 * PAGE, PAGE);
	child_ready_and_wait(pipes);
}

/* A read ends at the exact page, whether it is protected or missing, and wherever it began. */
static void ends_at_unreadable_pages(void **state)
{
	(void)state;
	uint8_t *pages =
		mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;
	uint8_t buffer[8 * PAGE];

	for (size_t i = 0; i < sizeof(buffer); i++)
		pages[i] = (uint8_t)(i / 13);
	start(hole_body, pages, &child, &target);
	for (size_t from = 0; from < sizeof(buffer); from += 511) {
		size_t expected = from / PAGE == 2 || from / PAGE == 5 ? 0
				  : from < 2 * PAGE		       ? 2 * PAGE - from
				  : from < 5 * PAGE		       ? 5 * PAGE - from
								       : 8 * PAGE - from;
		struct gospy_read read = {.address = (uintptr_t)pages + from,
					  .size = sizeof(buffer) - from,
					  .buffer = buffer};
		assert_ok(gospy_target_read_many(target, &read, 1));
		assert_int_equal(read.done, expected);
		assert_memory_equal(buffer, pages + from, expected);
	}
	child_end(&child);
	munmap(pages, 8 * PAGE);
}

static void tells_that_the_process_ended(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {0};
	struct gospy_registers registers;
	struct child child;
	uint8_t byte;
	int fd;

	start(wait_body, NULL, &child, &target);
	assert_ok(gospy_target_read(target, (uintptr_t)contract_bytes, &byte, 1));
	/* First a zombie, then nothing at all. */
	for (int i = 0; i < 2; i++) {
		if (!i) {
			kill(child.pid, SIGKILL);
			assert_true(reaches_state(child.pid, child.pid, 'Z'));
		} else {
			child_end(&child);
			assert_error(gospy_target_threads(target, &threads), GOSPY_ERROR_EXITED);
		}
		assert_error(gospy_target_read(target, (uintptr_t)contract_bytes, &byte, 1),
			     GOSPY_ERROR_EXITED);
		assert_error(gospy_target_mappings(target, &mappings), GOSPY_ERROR_EXITED);
		assert_error(gospy_target_info(target, &info), GOSPY_ERROR_EXITED);
		assert_error(gospy_target_stop(target), GOSPY_ERROR_EXITED);
		assert_error(gospy_target_open_exe(target, &fd), GOSPY_ERROR_EXITED);
		assert_error(gospy_target_open_root(target, &fd), GOSPY_ERROR_EXITED);
		assert_error(target_sample(target, getpid(), &registers, NULL), GOSPY_ERROR_EXITED);
	}
}

static void says_why_it_cannot_be_opened(void **state)
{
	(void)state;
	struct gospy_target *target = NULL;
	struct child child = child_start(wait_body, NULL);

	assert_true(child_is_ready(&child));
	kill(child.pid, SIGKILL);
	assert_true(reaches_state(child.pid, child.pid, 'Z'));
	_cleanup_error_ struct gospy_error *zombie = gospy_live_open(child.pid, &target);
	assert_non_null(zombie);
	assert_int_equal(zombie->code, GOSPY_ERROR_EXITED);
	assert_non_null(strstr(zombie->message, "zombie"));
	pid_t pid = child.pid;
	child_end(&child);
	_cleanup_error_ struct gospy_error *gone = gospy_live_open(pid, &target);
	assert_non_null(gone);
	assert_int_equal(gone->code, GOSPY_ERROR_EXITED);
	assert_non_null(strstr(gone->message, "no process"));
	assert_error(gospy_live_open(0, &target), GOSPY_ERROR_EXITED);
	assert_error(gospy_live_open(-7, &target), GOSPY_ERROR_EXITED);
	assert_error(gospy_live_open(INT32_MAX, &target), GOSPY_ERROR_EXITED);
	assert_null(target);
}

static void refuses_kernel_threads(void **state)
{
	(void)state;
	struct gospy_target *target = NULL;
	char name[64] = "";
	FILE *file = fopen("/proc/2/comm", "r");

	if (!file || !fgets(name, sizeof(name), file) || strcmp(name, "kthreadd\n")) {
		if (file)
			fclose(file);
		skip();
	}
	fclose(file);
	assert_error(gospy_live_open(2, &target), GOSPY_ERROR_NOT_GO);
}

static void thread_body(struct child_pipes pipes, void *argument)
{
	pthread_t thread;

	(void)argument;
	pthread_create(&thread, NULL, sleep_for_ever, NULL);
	child_ready_and_wait(pipes);
}

static pid_t other_thread(struct gospy_target *target, pid_t pid)
{
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};

	assert_ok(gospy_target_threads(target, &threads));
	for (size_t i = 0; i < threads.size; i++)
		if (threads.data[i].tid != pid)
			return threads.data[i].tid;
	fail();
	return 0;
}

static void refuses_the_number_of_a_thread(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_target *none = NULL;
	struct child child;

	start(thread_body, NULL, &child, &target);
	_cleanup_error_ struct gospy_error *err =
		gospy_live_open(other_thread(target, child.pid), &none);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_EXITED);
	assert_non_null(strstr(err->message, "thread of process"));
	child_end(&child);
}

static void *ready_later(void *argument)
{
	const struct child_pipes *pipes = argument;

	while (thread_state(getpid(), getpid()) != 'Z')
		usleep(1000);
	child_ready_and_wait(*pipes);
	_exit(0);
}

static void headless_body(struct child_pipes pipes, void *argument)
{
	static struct child_pipes kept;
	pthread_t thread;

	(void)argument;
	kept = pipes;
	pthread_create(&thread, NULL, ready_later, &kept);
	/* Not pthread_exit(), which would run what the sanitizers keep for the end of a thread. */
	syscall(SYS_exit, 0);
}

/* The first thread has ended, the process goes on: its memory is another thread's. */
static void looks_into_a_process_without_its_first_thread(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};
	struct gospy_registers registers;
	struct child child;
	uint8_t byte = 0;
	int fd = -1;

	start(headless_body, NULL, &child, &target);
	assert_ok(gospy_target_read(target, (uintptr_t)contract_bytes + 9, &byte, 1));
	assert_int_equal(byte, contract_bytes[9]);
	assert_ok(gospy_target_mappings(target, &mappings));
	assert_ok(gospy_target_open_exe(target, &fd));
	close(fd);
	assert_ok_when_run(gospy_target_stop(target));
	pid_t tid = other_thread(target, child.pid);
	assert_ok(gospy_target_registers(target, tid, &registers));
	assert_error(gospy_target_registers(target, child.pid, &registers), GOSPY_ERROR_NOT_FOUND);
	assert_ok(gospy_target_resume(target, NULL));
	assert_true(reaches_state(child.pid, tid, 'S'));
	assert_int_equal(tracer_of(child.pid), 0);
	int status = child_end(&child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Becomes another program when it is told to. */
static void exec_body(struct child_pipes pipes, void *argument)
{
	char byte = 'r';

	(void)argument;
	child_write(pipes.to_test, &byte, 1);
	if (read(pipes.from_test, &byte, 1) == 1)
		execl("/bin/sleep", "sleep", "1000", NULL);
}

/* What is read would be another program's, taken for the one that was looked at. */
static void tells_that_the_program_was_replaced(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;
	struct gospy_error *err = NULL;
	uint8_t byte;

	start(exec_body, NULL, &child, &target);
	assert_ok(gospy_target_read(target, (uintptr_t)contract_bytes, &byte, 1));
	child_write(child.to, "x", 1);
	for (int i = 0; !err && i < 10000; i++) {
		err = gospy_target_read(target, (uintptr_t)contract_bytes, &byte, 1);
		if (!err)
			usleep(1000);
	}
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_EXITED);
	assert_non_null(strstr(err->message, "replaced its program by another (exec)"));
	gospy_error_destroy(err);
	assert_int_equal(tracer_of(child.pid), 0);
	child_end(&child);
}

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void opens_the_executable_and_the_root(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;
	int exe = -1, root = -1;

	start(wait_body, NULL, &child, &target);
	assert_ok(gospy_target_open_exe(target, &exe));
	assert_true(same_file(exe, "/proc/self/exe"));
	assert_ok(gospy_target_open_root(target, &root));
	assert_true(same_file(root, "/proc/self/root/."));
	close(exe);
	close(root);
	child_end(&child);
}

/** A file that a child has mapped. */
struct mapped_file {
	char path[64];
	uint8_t *memory;
	ino_t inode;
};

static void map_file(struct mapped_file *file, const char *text)
{
	struct stat st;

	snprintf(file->path, sizeof(file->path), "/tmp/gospy-test-live-XXXXXX");
	int fd = mkstemp(file->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fstat(fd, &st), 0);
	file->inode = st.st_ino;
	file->memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(file->memory, MAP_FAILED);
	close(fd);
}

static void check_mapped_file(struct gospy_target *target, const struct mapped_file *file,
			      const char *text)
{
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};
	char buffer[64] = {0};
	int fd = -1;

	assert_ok(gospy_target_mappings(target, &mappings));
	const struct gospy_mapping *mapping =
		gospy_mappings_find(&mappings, (uintptr_t)file->memory);
	assert_non_null(mapping);
	assert_true(mapping->inode == file->inode);
	assert_ok(gospy_target_open_mapping(target, mapping, gospy_mapping_path(&mappings, mapping),
					    &fd));
	assert_true(read(fd, buffer, sizeof(buffer) - 1) > 0);
	assert_string_equal(buffer, text);
	close(fd);
}

static void opens_mapped_files_also_when_deleted_or_replaced(void **state)
{
	(void)state;
	struct mapped_file file;
	struct child child;
	_cleanup_target_ struct gospy_target *target = NULL;

	map_file(&file, "the mapped one");
	start(wait_body, NULL, &child, &target);
	check_mapped_file(target, &file, "the mapped one");
	if (geteuid()) {
		unlink(file.path);
		child_end(&child);
		skip(); /* map_files is for CAP_SYS_ADMIN */
	}
	unlink(file.path);
	check_mapped_file(target, &file, "the mapped one");
	FILE *other = fopen(file.path, "w");
	assert_non_null(other);
	fputs("another", other);
	fclose(other);
	check_mapped_file(target, &file, "the mapped one");
	unlink(file.path);
	munmap(file.memory, PAGE);
	child_end(&child);
}

/* Without map_files only the path is left, and only the file of the mapping's inode will do. */
static void trusts_no_path(void **state)
{
	(void)state;
	struct mapped_file file;
	struct child child;
	_cleanup_target_ struct gospy_target *target = NULL;
	char link_path[80];
	int fd = -1;

	map_file(&file, "by path");
	start(wait_body, NULL, &child, &target);
	struct gospy_mapping mapping = {.start = 0x1000, .end = 0x2000, .inode = file.inode};
	assert_ok(gospy_target_open_mapping(target, &mapping, file.path, &fd));
	assert_true(same_file(fd, file.path));
	close(fd);
	fd = -1;
	snprintf(link_path, sizeof(link_path), "%s-link", file.path);
	assert_int_equal(symlink(file.path, link_path), 0);
	assert_error(gospy_target_open_mapping(target, &mapping, link_path, &fd),
		     GOSPY_ERROR_NOT_FOUND);
	unlink(link_path);
	/* A pipe laid in its place is neither opened nor waited for. */
	assert_int_equal(mkfifo(link_path, 0600), 0);
	assert_error(gospy_target_open_mapping(target, &mapping, link_path, &fd),
		     GOSPY_ERROR_NOT_FOUND);
	unlink(link_path);
	mapping.inode++;
	assert_error(gospy_target_open_mapping(target, &mapping, file.path, &fd),
		     GOSPY_ERROR_NOT_FOUND);
	mapping.inode = 0;
	assert_error(gospy_target_open_mapping(target, &mapping, "", &fd), GOSPY_ERROR_NOT_FOUND);
	assert_int_equal(fd, -1);
	unlink(file.path);
	munmap(file.memory, PAGE);
	child_end(&child);
}

static void chroot_body(struct child_pipes pipes, void *argument)
{
	(void)argument;
	if (chroot("/proc/self/fdinfo"))
		_exit(77);
	child_ready_and_wait(pipes);
}

/* Its paths are printed from our root, not from its own. */
static void opens_mapped_files_from_outside_a_chroot(void **state)
{
	(void)state;
	struct mapped_file file;
	_cleanup_target_ struct gospy_target *target = NULL;
	int fd = -1;

	map_file(&file, "outside");
	struct child child = child_start(chroot_body, NULL);
	if (!child_is_ready(&child)) {
		unlink(file.path);
		child_end(&child);
		skip(); /* not root */
	}
	assert_ok(gospy_live_open(child.pid, &target));
	check_mapped_file(target, &file, "outside");
	struct stat st;
	assert_int_equal(stat(file.path, &st), 0);
	struct gospy_mapping mapping = {
		.start = 0x1000, .end = 0x2000, .device = st.st_dev, .inode = st.st_ino};
	assert_ok(gospy_target_open_mapping(target, &mapping, file.path, &fd));
	assert_true(same_file(fd, file.path));
	close(fd);
	mapping.device++;
	assert_error(gospy_target_open_mapping(target, &mapping, file.path, &fd),
		     GOSPY_ERROR_NOT_FOUND);
	unlink(file.path);
	munmap(file.memory, PAGE);
	child_end(&child);
}

/* Makes process_vm_readv fail with `errnum`, as the filter of a container may. */
static bool refuse_vm(int errnum)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

struct filtered_reader {
	pid_t pid;
	int errnum;
	/** The filter comes when the target is open already. */
	bool late;
};

/* In a process of its own, for a filter is for ever: 0 where it reads the right bytes all the same.
 */
static void filtered_body(struct child_pipes pipes, void *argument)
{
	const struct filtered_reader *reader = argument;
	struct gospy_target *target = NULL;
	uint8_t buffer[3][16];
	struct gospy_read reads[3] = {
		{.address = (uintptr_t)contract_bytes + 5, .size = 16, .buffer = buffer[0]},
		{.address = 16, .size = 16, .buffer = buffer[1]},
		{.address = (uintptr_t)contract_bytes + 77, .size = 16, .buffer = buffer[2]},
	};

	(void)pipes;
	if (!reader->late && !refuse_vm(reader->errnum))
		_exit(77);
	if (gospy_live_open(reader->pid, &target))
		_exit(1);
	if (reader->late && !refuse_vm(reader->errnum))
		_exit(77);
	for (int i = 0; i < 2; i++) {
		if (gospy_target_read_many(target, reads, 3) || reads[0].done != 16 ||
		    reads[1].done || reads[2].done != 16)
			_exit(2);
		if (memcmp(buffer[0], contract_bytes + 5, 16) ||
		    memcmp(buffer[2], contract_bytes + 77, 16))
			_exit(3);
	}
	gospy_target_destroy(target);
}

static void reads_through_mem_where_a_filter_refuses_the_call(void **state)
{
	(void)state;
	static const int errnums[] = {EPERM, ENOSYS};
	struct child child = child_start(wait_body, NULL);

	assert_true(child_is_ready(&child));
	for (int i = 0; i < 4; i++) {
		struct filtered_reader argument = {child.pid, errnums[i / 2], i % 2};
		struct child reader = child_start(filtered_body, &argument);
		int status = child_join(&reader);
		if (status == 77) {
			child_end(&child);
			skip();
		}
		assert_int_equal(status, 0);
	}
	child_end(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		target_contract_tests,
		cmocka_unit_test(ends_at_unreadable_pages),
		cmocka_unit_test(tells_that_the_process_ended),
		cmocka_unit_test(says_why_it_cannot_be_opened),
		cmocka_unit_test(refuses_kernel_threads),
		cmocka_unit_test(refuses_the_number_of_a_thread),
		cmocka_unit_test(looks_into_a_process_without_its_first_thread),
		cmocka_unit_test(tells_that_the_program_was_replaced),
		cmocka_unit_test(opens_the_executable_and_the_root),
		cmocka_unit_test(opens_mapped_files_also_when_deleted_or_replaced),
		cmocka_unit_test(trusts_no_path),
		cmocka_unit_test(opens_mapped_files_from_outside_a_chroot),
		cmocka_unit_test(reads_through_mem_where_a_filter_refuses_the_call),
	};
	return cmocka_run_group_tests(tests, setup_contract, teardown_contract);
}
