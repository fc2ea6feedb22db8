/* SPDX-License-Identifier: MIT */
/*
 * Loaded into gospy (LD_PRELOAD) by test_commands.py: the FAIL_AT-th allocation of the process,
 * whoever asks for it, fails; with FAIL_FOR_GOOD set all after it do. At a regular end the number
 * of allocations is written to the descriptor COUNT_FD.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((__visibility__("default")))

/* The allocator of the C library under the names that are not interposed. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static uint64_t count;
static uint64_t fail_at;
static bool fail_for_good;
static int count_fd = -1;

static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((__constructor__)) static void begin(void)
{
	fail_for_good = number_of("FAIL_FOR_GOOD");
	count_fd = (int)number_of("COUNT_FD");
	__atomic_store_n(&count, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&fail_at, number_of("FAIL_AT"), __ATOMIC_SEQ_CST);
}

__attribute__((__destructor__)) static void end(void)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%llu",
			    (unsigned long long)__atomic_load_n(&count, __ATOMIC_SEQ_CST));

	if (count_fd > STDERR_FILENO && write(count_fd, text, (size_t)size) != size)
		abort();
}

static bool may_allocate(void)
{
	uint64_t number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
	uint64_t at = __atomic_load_n(&fail_at, __ATOMIC_SEQ_CST);

	if (!at || number < at || (number > at && !fail_for_good))
		return true;
	errno = ENOMEM;
	return false;
}

EXPORT void *malloc(size_t size)
{
	return may_allocate() ? __libc_malloc(size) : NULL;
}

EXPORT void *calloc(size_t number, size_t size)
{
	return may_allocate() ? __libc_calloc(number, size) : NULL;
}

EXPORT void *realloc(void *p, size_t size)
{
	return may_allocate() ? __libc_realloc(p, size) : NULL;
}
