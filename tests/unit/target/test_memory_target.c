/* SPDX-License-Identifier: MIT */
#include "target_contract.h"

#include <sys/stat.h>

#include <gospy/memory_target.h>

#define PAGE 4096

static uint8_t contract_bytes[3 * PAGE];

static int setup_contract(void **state)
{
	static struct contract contract;
	const struct gospy_registers registers = {.pc = 0x401000, .sp = 0xc000010000};

	for (size_t i = 0; i < sizeof(contract_bytes); i++)
		contract_bytes[i] = (uint8_t)(i * 7 + i / 256);
	contract = (struct contract){.address = 0x10000,
				     .bytes = contract_bytes,
				     .size = sizeof(contract_bytes),
				     .tid = 12,
				     .no_tid = 77};
	*state = &contract;
	struct gospy_error *err = gospy_memory_target_create(GOSPY_ARCH_AMD64, &contract.target);
	/* Three pieces that touch are read as one. */
	for (size_t i = 0; i < 3 && !err; i++)
		err = gospy_memory_target_add(contract.target, contract.address + i * PAGE,
					      contract_bytes + i * PAGE, PAGE, GOSPY_MAPPING_READ,
					      NULL, 0);
	if (!err)
		err = gospy_memory_target_add_thread(contract.target, 12, 'S', &registers);
	if (!err)
		err = gospy_memory_target_add_thread(contract.target, 13, 'R', &registers);
	return err ? -1 : 0;
}

static int teardown_contract(void **state)
{
	gospy_target_destroy(((struct contract *)*state)->target);
	return 0;
}

static struct gospy_target *make(void)
{
	struct gospy_target *target;

	assert_ok(gospy_memory_target_create(GOSPY_ARCH_ARM64, &target));
	return target;
}

static void add(struct gospy_target *target, uint64_t address, const char *data, const char *path,
		uint64_t offset)
{
	assert_ok(gospy_memory_target_add(target, address, data, strlen(data), GOSPY_MAPPING_READ,
					  path, offset));
}

static void later_segments_win(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	char text[17] = {0};

	add(target, 100, "aaaaaaaaaaaaaaaa", "", 0);
	add(target, 104, "bbbb", "", 0);
	add(target, 114, "cc", "", 0);
	add(target, 98, "dddd", "", 0);
	add(target, 106, "ee", "", 0);
	assert_ok(gospy_target_read(target, 100, text, 16));
	assert_string_equal(text, "ddaabbeeaaaaaacc");
	assert_ok(gospy_target_read(target, 98, text, 4));
	assert_memory_equal(text, "dddd", 4);
	/* One that covers everything leaves nothing of the others. */
	add(target, 90, "ffffffffffffffffffffffffffffffff", "", 0);
	assert_ok(gospy_target_read(target, 100, text, 16));
	assert_string_equal(text, "ffffffffffffffff");
}

/* Random segments against a plain array of bytes. */
static void agrees_with_a_plain_array(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	uint8_t bytes[512] = {0}, data[64], buffer[512];
	bool there[513] = {false};

	srand(7);
	for (int round = 0; round < 200; round++) {
		size_t at = (size_t)rand() % 448, size = 1 + (size_t)rand() % 63;
		memset(data, round, sizeof(data));
		memset(bytes + at, round, size);
		memset(there + at, true, size);
		assert_ok(gospy_memory_target_add(target, 4096 + at, data, size, 0, NULL, 0));
		size_t from = (size_t)rand() % 512, end = from;
		while (there[end])
			end++;
		struct gospy_read read = {
			.address = 4096 + from, .size = 512 - from, .buffer = buffer};
		assert_ok(gospy_target_read_many(target, &read, 1));
		assert_int_equal(read.done, end - from);
		if (read.done)
			assert_memory_equal(buffer, bytes + from, read.done);
	}
}

static void maps_what_segments_are_left(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};

	add(target, 100, "aaaaaaaaaa", "/bin/a", 1000);
	add(target, 104, "bb", "", 0);
	assert_ok(gospy_target_mappings(target, &mappings));
	assert_int_equal(mappings.list.size, 3);
	const struct gospy_mapping *last = &mappings.list.data[2];
	assert_true(last->start == 106 && last->end == 110 && last->offset == 1006);
	assert_string_equal(gospy_mapping_path(&mappings, last), "/bin/a");
	assert_true(last->inode != 0);
	assert_string_equal(gospy_mapping_path(&mappings, &mappings.list.data[1]), "");
	assert_true(mappings.list.data[1].inode == 0);
}

static void fails_where_it_is_told_to(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	char text[8];
	uint8_t byte;

	add(target, 100, "abcdefgh", "", 0);
	assert_ok(gospy_memory_target_fail_at(target, 104));
	struct gospy_read read = {.address = 100, .size = 8, .buffer = text};
	assert_ok(gospy_target_read_many(target, &read, 1));
	assert_int_equal(read.done, 4);
	assert_error(gospy_target_read(target, 104, &byte, 1), GOSPY_ERROR_FAULT);
	assert_ok(gospy_target_read(target, 105, &byte, 1));
	assert_int_equal(byte, 'f');
}

static void fails_when_it_is_told_to(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	uint8_t byte = 0;

	add(target, 100, "a", "", 0);
	uint64_t before = gospy_memory_target_reads(target);
	gospy_memory_target_fail_nth(target, 2);
	assert_ok(gospy_target_read(target, 100, &byte, 1));
	assert_error(gospy_target_read(target, 100, &byte, 1), GOSPY_ERROR_EXITED);
	assert_ok(gospy_target_read(target, 100, &byte, 1));
	assert_true(gospy_memory_target_reads(target) == before + 3);
	gospy_memory_target_fail_nth(target, 1);
	gospy_memory_target_fail_nth(target, 0);
	assert_ok(gospy_target_read(target, 100, &byte, 1));
}

static void refuses_segments_past_the_end(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();

	assert_error(gospy_memory_target_add(target, UINT64_MAX - 2, "abcd", 4, 0, NULL, 0),
		     GOSPY_ERROR_BAD_DATA);
}

static void opens_the_file_it_was_given(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	struct gospy_mapping mapping = {.inode = 1};
	char path[] = "/tmp/gospy-test-XXXXXX";
	struct stat expected, found;
	int fd = -1, file = mkstemp(path);

	assert_true(file >= 0);
	assert_error(gospy_target_open_exe(target, &fd), GOSPY_ERROR_NOT_FOUND);
	assert_ok(gospy_memory_target_set_exe(target, path));
	assert_ok(gospy_target_open_mapping(target, &mapping, "/x", &fd));
	assert_int_equal(fstat(file, &expected), 0);
	assert_int_equal(fstat(fd, &found), 0);
	assert_true(found.st_ino == expected.st_ino && found.st_dev == expected.st_dev);
	close(fd);
	close(file);
	unlink(path);
	mapping.inode = 0;
	assert_error(gospy_target_open_mapping(target, &mapping, "", &fd), GOSPY_ERROR_NOT_FOUND);
}

static void answers_for_what_it_has_not(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = make();
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {0};
	int fd;

	assert_error(gospy_target_open_root(target, &fd), GOSPY_ERROR_UNSUPPORTED);
	gospy_memory_target_set_frozen_at(target, 12345);
	assert_ok(gospy_target_info(target, &info));
	assert_true(info.frozen_at_ns == 12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		target_contract_tests,
		cmocka_unit_test(later_segments_win),
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(maps_what_segments_are_left),
		cmocka_unit_test(fails_where_it_is_told_to),
		cmocka_unit_test(fails_when_it_is_told_to),
		cmocka_unit_test(refuses_segments_past_the_end),
		cmocka_unit_test(opens_the_file_it_was_given),
		cmocka_unit_test(answers_for_what_it_has_not),
	};
	return cmocka_run_group_tests(tests, setup_contract, teardown_contract);
}
