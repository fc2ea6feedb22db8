/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "live_info.h"
#include "live_process.h"
#include "proc.h"

#define DELETED " (deleted)"

static char *link_or_empty(int dir_fd, const char *path)
{
	char buffer[PATH_MAX + sizeof(DELETED)];

	return strdup(gospy_proc_link(dir_fd, path, buffer, sizeof(buffer)) ? "" : buffer);
}

static bool take_off_deleted(char *path)
{
	size_t length = strlen(path), suffix = strlen(DELETED);

	if (length < suffix || strcmp(path + length - suffix, DELETED))
		return false;
	path[length - suffix] = 0;
	return true;
}

static char *read_name(const struct gospy_live *live)
{
	char name[64];

	return strdup(gospy_proc_read_line(live->proc_fd, "comm", name, sizeof(name)) ? "" : name);
}

/* Whether the comma-separated `list` holds `word`. */
static bool has_word(const char *list, size_t size, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= size; i++)
		if ((!i || list[i - 1] == ',') && !memcmp(list + i, word, length) &&
		    (i + length == size || list[i + length] == ','))
			return true;
	return false;
}

char *gospy_cgroup_path(const char *text)
{
	const char *unified = NULL, *memory = NULL;
	size_t unified_size = 0, memory_size = 0;

	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		const char *controllers = memchr(line, ':', (size_t)(end - line));
		const char *path =
			controllers ? memchr(controllers + 1, ':', (size_t)(end - controllers - 1))
				    : NULL;
		if (path && path == controllers + 1) {
			unified = path + 1;
			unified_size = (size_t)(end - unified);
		} else if (path &&
			   has_word(controllers + 1, (size_t)(path - controllers - 1), "memory")) {
			memory = path + 1;
			memory_size = (size_t)(end - memory);
		}
		line = *end ? end + 1 : end;
	}
	/* Where both are mounted and v1 does the work, everybody is in the root of v2. */
	if (!unified || (unified_size <= 1 && memory))
		return memory ? strndup(memory, memory_size) : strdup("");
	return strndup(unified, unified_size);
}

/* What stands for a text that cannot be read: unknown, or NULL without memory. */
static char *unreadable(int errnum)
{
	return errnum == ENOMEM ? NULL : strdup("");
}

/* The block of strings NAME=VALUE that the program was started with; the runtime reads the first of
 * a name. */
static char *read_godebug(const struct gospy_live *live)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec text = {0};
	static const char name[] = "GODEBUG=";
	int errnum = gospy_proc_read(live->proc_fd, "environ", &text);

	if (errnum)
		return unreadable(errnum);
	for (size_t at = 0; at < text.size;) {
		const char *variable = (const char *)text.data + at;
		size_t length = strnlen(variable, text.size - at);
		if (length >= sizeof(name) - 1 && !memcmp(variable, name, sizeof(name) - 1))
			return strndup(variable + sizeof(name) - 1, length - (sizeof(name) - 1));
		at += length + 1;
	}
	return strdup("");
}

static char *read_cgroup(const struct gospy_live *live)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec text = {0};
	int errnum = gospy_proc_read(live->proc_fd, "cgroup", &text);

	if (errnum)
		return unreadable(errnum);
	return gospy_cgroup_path((const char *)text.data);
}

bool gospy_timens_parse(const char *text, int64_t *ret_ns)
{
	const char *line = strstr(text, "monotonic");
	long long seconds;
	long nanoseconds;

	if (!line || sscanf(line, "monotonic %lld %ld", &seconds, &nanoseconds) != 2)
		return false;
	return !__builtin_mul_overflow((int64_t)seconds, INT64_C(1000000000), ret_ns) &&
	       !__builtin_add_overflow(*ret_ns, (int64_t)nanoseconds, ret_ns);
}

/*
 * The offset of the time namespace that `proc_fd` lives in. The file is about the namespace of its
 * children-to-be, so it tells nothing where that is another one.
 */
static int64_t read_monotonic_offset(int proc_fd)
{
	char own[64], children[64], text[256];
	int64_t offset_ns;

	if (gospy_proc_link(proc_fd, "ns/time", own, sizeof(own)) ||
	    gospy_proc_link(proc_fd, "ns/time_for_children", children, sizeof(children)) ||
	    strcmp(own, children) ||
	    gospy_proc_read_small(proc_fd, "timens_offsets", text, sizeof(text)) ||
	    !gospy_timens_parse(text, &offset_ns))
		return 0;
	return offset_ns;
}

static int64_t monotonic_offset(const struct gospy_live *live)
{
	_cleanup_close_ int self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char own[64], its[64];

	if (self_fd < 0 || gospy_proc_link(self_fd, "ns/time", own, sizeof(own)) ||
	    gospy_proc_link(live->memory_fd, "ns/time", its, sizeof(its)) || !strcmp(own, its))
		return 0;
	return read_monotonic_offset(live->proc_fd) - read_monotonic_offset(self_fd);
}

static uint64_t resident_size(const struct gospy_live *live)
{
	char text[256];
	unsigned long long pages;

	if (gospy_proc_read_small(live->memory_fd, "statm", text, sizeof(text)) ||
	    sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct gospy_error *gospy_live_info(struct gospy_target *target, struct gospy_target_info *ret)
{
	const struct gospy_live *live = gospy_live_of(target);
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {
		.pid = live->pid,
		.exe = link_or_empty(live->memory_fd, "exe"),
		.name = read_name(live),
		.cgroup = read_cgroup(live),
		.godebug = read_godebug(live),
		.monotonic_offset_ns = monotonic_offset(live),
		.resident_size = resident_size(live),
	};

	if (!info.exe || !info.name || !info.cgroup || !info.godebug)
		return &gospy_enomem;
	if (!gospy_live_alive(live))
		return gospy_live_ended(live);
	info.exe_deleted = take_off_deleted(info.exe);
	*ret = info;
	info = (struct gospy_target_info){0};
	return NULL;
}
