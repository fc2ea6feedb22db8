/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gospy/memory_target.h>
#include <gospy/program.h>

#include "fake_program.h"
#include "fuzz.h"

/**
 * gospy_program_open() over a process that lies. Input: one byte of options, then either patches of
 * a small program that is whole (which part, where, how many bytes, the bytes), or, with
 * OPTION_RAW, an executable whose bytes are the process' memory too.
 */
enum {
	OPTION_RAW = 1 << 0,
	OPTION_MOVED = 1 << 1,
	OPTION_UNBORN = 1 << 2,
	OPTION_NO_BUILDINFO = 1 << 3,
	OPTION_POINTERS = 1 << 4,
	OPTION_NO_CODE = 1 << 5,
	OPTION_DEVEL = 1 << 6,
	/** Patches of the file's read-only part reach the process' copy of it alone. */
	OPTION_PROCESS_ONLY = 1 << 7,
};

#define MAX_RAW 65536

static void open_and_use(struct gospy_target *target)
{
	const struct gospy_program_options options = {};
	struct gospy_program *program = NULL;
	struct gospy_error *err = gospy_program_open(target, &options, &program);

	if (!err)
		err = gospy_program_refresh(program);
	gospy_error_destroy(err);
	if (program) {
		const struct gospy_module *module;
		struct gospy_func func;
		for (uint32_t i = 0; i < 300; i++)
			(void)gospy_program_wait_reason(program, i);
		err = gospy_program_find_func(program, program->modules.data[0].text + 40, &func,
					      &module);
		gospy_error_destroy(err);
	}
	gospy_program_close(program);
}

/** One patch: part, two bytes of offset, length, bytes. Returns what it used of the input. */
static size_t patch(struct fake_program *fake, const uint8_t *data, size_t size)
{
	struct {
		uint8_t *bytes;
		size_t size;
	} parts[] = {
		{fake->file, sizeof(fake->file)},
		{fake->data, sizeof(fake->data)},
		{fake->heap, sizeof(fake->heap)},
	};
	size_t part = data[0] % 3;
	size_t offset = (data[1] | (size_t)data[2] << 8) * (part == 2 ? 8 : 1) % parts[part].size;
	size_t length = data[3] % 17;

	if (length > size - 4)
		length = size - 4;
	if (length > parts[part].size - offset)
		length = parts[part].size - offset;
	memcpy(parts[part].bytes + offset, data + 4, length);
	return 4 + length;
}

static void run_patched(uint8_t flags, const uint8_t *data, size_t size)
{
	struct fake_options options = fake_defaults;
	struct fake_program *fake = malloc(sizeof(*fake));

	if (!fake)
		return;
	options.bias = flags & OPTION_MOVED ? UINT64_C(0x555555554000) : 0;
	options.unborn = flags & OPTION_UNBORN;
	options.buildinfo = !(flags & OPTION_NO_BUILDINFO);
	options.buildinfo_pointers = flags & OPTION_POINTERS;
	if (flags & OPTION_DEVEL)
		options.version = "devel +0123456789";
	fake_program_init(fake, &options);
	if (flags & OPTION_NO_CODE)
		memset(fake_program_memory(fake, fake->at.text), 0xc3, 0x200);
	uint8_t *whole = flags & OPTION_PROCESS_ONLY ? malloc(sizeof(fake->file)) : NULL;
	if (whole)
		memcpy(whole, fake->file, sizeof(fake->file));
	for (size_t pos = 0; size - pos > 4;)
		pos += patch(fake, data + pos, size - pos);
	struct gospy_target *target = fake_program_target(fake);
	if (target && (!whole || pwrite(fake->fd, whole, sizeof(fake->file), 0) > 0))
		open_and_use(target);
	gospy_target_destroy(target);
	fake_program_deinit(fake);
	free(whole);
	free(fake);
}

static void run_raw(const uint8_t *data, size_t size)
{
	struct gospy_target *target = NULL;
	char path[64];
	int fd = memfd_create("raw", MFD_CLOEXEC);

	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct gospy_error *err = gospy_memory_target_create(GOSPY_ARCH_AMD64, &target);
	if (!err && pwrite(fd, data, size, 0) == (ssize_t)size)
		err = gospy_memory_target_set_exe(target, path);
	if (!err)
		err = gospy_memory_target_add(target, 0x400000, data, size,
					      GOSPY_MAPPING_READ | GOSPY_MAPPING_EXEC, path, 0);
	if (!err)
		open_and_use(target);
	gospy_error_destroy(err);
	gospy_target_destroy(target);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] & OPTION_RAW)
		run_raw(data + 1, size - 1 < MAX_RAW ? size - 1 : MAX_RAW);
	else
		run_patched(data[0], data + 1, size - 1);
	return 0;
}
