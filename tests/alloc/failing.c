/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "failing.h"

/** Pieces that may live at once: more than any scenario makes. */
#define MAX_LIVE (1 << 17)

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret, const char *format, va_list args);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **ret, const char *format, va_list args);
int __wrap_asprintf(char **ret, const char *format, ...);

/* The tracer of the target layer is a thread of its own. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t count;
static uint64_t fail_at;
static bool fail_for_good;
static size_t num_live;
/** Open addressing; 0: free. */
static uintptr_t live[MAX_LIVE];

void failing_begin(uint64_t n, bool for_good)
{
	pthread_mutex_lock(&mutex);
	count = 0;
	fail_at = n;
	fail_for_good = for_good;
	pthread_mutex_unlock(&mutex);
}

uint64_t failing_end(void)
{
	pthread_mutex_lock(&mutex);
	uint64_t seen = count;
	fail_at = 0;
	pthread_mutex_unlock(&mutex);
	return seen;
}

size_t failing_live(void)
{
	return num_live;
}

/** Whether this allocation is to succeed. */
static bool may_allocate(void)
{
	pthread_mutex_lock(&mutex);
	count++;
	bool fails = fail_at && (count == fail_at || (fail_for_good && count > fail_at));
	pthread_mutex_unlock(&mutex);
	if (fails)
		errno = ENOMEM;
	return !fails;
}

/** Where the search for `p` begins. */
static size_t home_of(uintptr_t p)
{
	return (p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 47;
}

/** The slot of `p`, or the free one that its search ends at. */
static size_t slot_of(uintptr_t p)
{
	size_t i = home_of(p);

	while (live[i] && live[i] != p)
		i = (i + 1) % MAX_LIVE;
	return i;
}

/** Empties slot `i` and moves up what would not be found behind the gap. */
static void remove_slot(size_t i)
{
	for (size_t next = (i + 1) % MAX_LIVE; live[next]; next = (next + 1) % MAX_LIVE) {
		size_t home = home_of(live[next]);
		if ((next - home) % MAX_LIVE < (next - i) % MAX_LIVE)
			continue;
		live[i] = live[next];
		i = next;
	}
	live[i] = 0;
}

static void *note(void *p)
{
	pthread_mutex_lock(&mutex);
	if (p) {
		live[slot_of((uintptr_t)p)] = (uintptr_t)p;
		num_live++;
	}
	pthread_mutex_unlock(&mutex);
	return p;
}

/** What others allocated is not known here. */
static void forget(void *p)
{
	pthread_mutex_lock(&mutex);
	size_t slot = slot_of((uintptr_t)p);
	if (p && live[slot]) {
		remove_slot(slot);
		num_live--;
	}
	pthread_mutex_unlock(&mutex);
}

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? note(__real_malloc(size)) : NULL;
}

void *__wrap_calloc(size_t number, size_t size)
{
	return may_allocate() ? note(__real_calloc(number, size)) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
	if (!may_allocate())
		return NULL;
	forget(p);
	void *grown = __real_realloc(p, size);
	note(grown ? grown : p);
	return grown;
}

void __wrap_free(void *p)
{
	forget(p);
	__real_free(p);
}

char *__wrap_strdup(const char *text)
{
	return may_allocate() ? note(__real_strdup(text)) : NULL;
}

char *__wrap_strndup(const char *text, size_t size)
{
	return may_allocate() ? note(__real_strndup(text, size)) : NULL;
}

int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
	/* As the C library leaves it: not to be relied on. */
	*ret = (char *)1;
	if (!may_allocate())
		return -1;
	int n = __real_vasprintf(ret, format, args);
	if (n >= 0)
		note(*ret);
	return n;
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = __wrap_vasprintf(ret, format, args);
	va_end(args);
	return n;
}
