/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include <gospy/debugfile.h>
#include <gospy/dwarf.h>

#include "debuginfod.h"

/** Where distributions put debug files (debuginfo packages of Debian, Fedora, ...). */
#define DEBUG_TREE "usr/lib/debug"
/** Neither waits for the other end of a pipe nor takes a terminal. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define MAX_FOUND_SIZE (UINT64_C(1) << 31)

/** The contents of a section; NULL where there are none, as in files with debug information only.
 */
static const uint8_t *contents(const struct gospy_image *image, const struct gospy_section *section)
{
	if (!section || section->type == SHT_NOBITS || !section->size)
		return NULL;
	return gospy_source_at(&image->source, section->offset, section->size);
}

/** Whether both have the section `name` with the same bytes. */
static bool same_section(const struct gospy_image *image, const struct gospy_image *other,
			 const char *name)
{
	const struct gospy_section *a = gospy_image_section(image, name);
	const struct gospy_section *b = gospy_image_section(other, name);
	const uint8_t *bytes_a = contents(image, a), *bytes_b = contents(other, b);

	return bytes_a && bytes_b && a->size == b->size && !memcmp(bytes_a, bytes_b, a->size);
}

/** Code at the same place, whatever its bytes are. */
static bool same_text_place(const struct gospy_image *image, const struct gospy_image *other)
{
	const struct gospy_section *a = gospy_image_section(image, ".text");
	const struct gospy_section *b = gospy_image_section(other, ".text");

	return a && b && a->address == b->address && a->size == b->size;
}

/**
 * The content id of package main within a Go build id: "link action/main action/main content/link
 * content" (cmd/go/internal/work/buildid.go). "" when there is none.
 */
static const char *main_content(const char *build_id, size_t *ret_size)
{
	const char *part = build_id;

	for (int i = 0; i < 2 && part; i++) {
		part = strchr(part, '/');
		part = part ? part + 1 : NULL;
	}
	*ret_size = part ? strcspn(part, "/") : 0;
	return part ? part : "";
}

static bool same_main(const struct gospy_image *image, const struct gospy_image *other)
{
	size_t size_a, size_b;
	const char *a = main_content(image->go_build_id, &size_a);
	const char *b = main_content(other->go_build_id, &size_b);

	return size_a && size_a == size_b && !memcmp(a, b, size_a);
}

bool gospy_debugfile_matches(const struct gospy_image *image, const struct gospy_image *other)
{
	if (image->machine != other->machine)
		return false;
	if (*image->build_id && !strcmp(image->build_id, other->build_id))
		return true;
	if (*image->go_build_id && !strcmp(image->go_build_id, other->go_build_id))
		return true;
	if (!same_text_place(image, other))
		return false;
	return same_section(image, other, ".text") ||
	       (same_main(image, other) && (same_section(image, other, ".gopclntab") ||
					    same_section(image, other, ".data.rel.ro.gopclntab")));
}

/**
 * Takes `source` over into `ret` if it is a debug file of the image: one that matches, or (`known`)
 * whose checksum the image states itself.
 */
static struct gospy_error *accept(const struct gospy_debugfile_query *query,
				  struct gospy_source *source, const char *path, bool known,
				  struct gospy_source *ret)
{
	struct gospy_image other;
	struct gospy_error *err = gospy_image_init(&other, source);

	if (err) {
		gospy_source_deinit(source);
		return gospy_error_wrap(err, "%s", path);
	}
	if (!known && !gospy_debugfile_matches(query->image, &other))
		err = gospy_error_create(GOSPY_ERROR_BAD_DATA,
					 "%s is another build than the process runs", path);
	else if (!other.has_dwarf && !query->bin)
		err = gospy_error_create(GOSPY_ERROR_BAD_DATA, "%s has no debug information", path);
	if (!err) {
		/* The image owns the bytes: take them out before the rest is freed. */
		*ret = other.source;
		other.source = (struct gospy_source){};
	}
	gospy_image_deinit(&other);
	return err;
}

/** Whether debug information that is there can be read: what is damaged is told before it is
 * needed. */
static struct gospy_error *check_readable(const struct gospy_source *source, const char *path)
{
	struct gospy_dwarf *dwarf = NULL;
	struct gospy_error *err = gospy_dwarf_open(source, &dwarf);

	gospy_dwarf_close(dwarf);
	if (gospy_error_catch(&err, GOSPY_ERROR_NO_SYMBOLS))
		return NULL;
	return gospy_error_wrap(err, "%s", path);
}

/** What the user names must be right: anything wrong with it is an error. */
static struct gospy_error *open_named(const struct gospy_debugfile_query *query,
				      struct gospy_source *ret, char **ret_path)
{
	_cleanup_free_ char *path = strdup(query->bin);
	_cleanup_close_ int fd = open(query->bin, OPEN_FLAGS);
	struct gospy_source source;

	if (!path)
		return &gospy_enomem;
	if (fd < 0)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "cannot open %s: %s", query->bin,
					  strerror(errno));
	/* Read, not mapped: somebody may be rebuilding it. */
	struct gospy_error *err = gospy_source_init_read(&source, fd, query->bin);
	if (!err)
		err = accept(query, &source, query->bin, false, &source);
	if (err)
		return err;
	err = check_readable(&source, query->bin);
	if (err) {
		gospy_source_deinit(&source);
		return err;
	}
	*ret = source;
	*ret_path = take_ptr(path);
	return NULL;
}

/** As open_below() for kernels before 5.6: no symbolic link is followed at all. */
static int open_without_links(int root, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *rest = NULL;
	int fd = copy ? openat(root, ".", O_PATH | O_CLOEXEC) : -1;

	for (char *name = copy ? strtok_r(copy, "/", &rest) : NULL; name && fd >= 0;) {
		char *next = strtok_r(NULL, "/", &rest);
		int flags = next ? O_PATH | O_DIRECTORY | O_CLOEXEC : OPEN_FLAGS;
		int outer = fd;
		fd = strcmp(name, "..") ? openat(outer, name, flags | O_NOFOLLOW) : -1;
		close(outer);
		name = next;
	}
	return fd;
}

/** Opens `path` below `root`, whose symbolic links cannot lead out of it. */
static int open_below(int root, const char *path)
{
	struct open_how how = {.flags = OPEN_FLAGS,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	if (root == AT_FDCWD)
		return open(path, OPEN_FLAGS);
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_without_links(root, path);
	return fd;
}

/** Reads a file that was found, not named: a container could have one of any size there. */
static struct gospy_error *read_found(int fd, const char *path, struct gospy_source *ret)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || (uint64_t)status.st_size > MAX_FOUND_SIZE)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "%s is too large", path);
	return gospy_source_init_read(ret, fd, path);
}

/** Tries one place; a file that does not fit is passed over. `*ret_found` tells whether it was the
 * one. */
static struct gospy_error *try_path(const struct gospy_debugfile_query *query, int root,
				    const char *path, const uint32_t *crc, struct gospy_source *ret,
				    char **ret_path, bool *ret_found)
{
	_cleanup_close_ int fd = open_below(root, path);
	struct gospy_source source;

	*ret_found = false;
	if (fd < 0)
		return NULL;
	struct gospy_error *err = read_found(fd, path, &source);
	if (!err && crc && crc32_z(0, source.data, source.size) != *crc) {
		gospy_source_deinit(&source);
		return NULL;
	}
	if (!err)
		err = accept(query, &source, path, crc, ret);
	if (err && err->code != GOSPY_ERROR_NO_MEMORY) {
		gospy_error_destroy(err);
		return NULL;
	}
	if (err)
		return err;
	*ret_path = strdup(path);
	if (!*ret_path) {
		gospy_source_deinit(ret);
		return &gospy_enomem;
	}
	*ret_found = true;
	return NULL;
}

static struct gospy_error *try_build_id(const struct gospy_debugfile_query *query,
					struct gospy_source *ret, char **ret_path, bool *ret_found)
{
	const char *id = query->image->build_id;
	struct gospy_error *err = NULL;
	char path[256];

	*ret_found = false;
	if (strlen(id) < 3)
		return NULL;
	snprintf(path, sizeof(path), "/" DEBUG_TREE "/.build-id/%.2s/%s.debug", id, id + 2);
	for (size_t i = 0; !err && !*ret_found && i < query->num_roots; i++)
		err = try_path(query, query->roots[i], path, NULL, ret, ret_path, ret_found);
	return err;
}

/** The name and checksum in .gnu_debuglink; NULL when there is none, or one that leads elsewhere.
 */
static const char *debug_link(const struct gospy_image *image, uint32_t *ret_crc)
{
	const struct gospy_section *section = gospy_image_section(image, ".gnu_debuglink");
	const uint8_t *data = contents(image, section);

	if (!data || section->size < 8 || !memchr(data, 0, section->size - 4))
		return NULL;
	const char *name = (const char *)data;
	uint64_t crc_offset = (strlen(name) + 4) & ~UINT64_C(3);
	if (crc_offset + 4 > section->size || !*name || strchr(name, '/'))
		return NULL;
	memcpy(ret_crc, data + crc_offset, 4);
	return name;
}

/** Beside the binary, in .debug beside it, and in the debug tree (GDB manual, "Separate Debug
 * Files"). */
static struct gospy_error *try_debug_link(const struct gospy_debugfile_query *query,
					  struct gospy_source *ret, char **ret_path,
					  bool *ret_found)
{
	static const struct {
		const char *before, *after;
	} places[] = {{"", "/"}, {"", "/.debug/"}, {"/" DEBUG_TREE, "/"}};
	uint32_t crc = 0;
	const char *name = debug_link(query->image, &crc);
	const char *slash = query->path ? strrchr(query->path, '/') : NULL;
	struct gospy_error *err = NULL;
	char path[8192];

	*ret_found = false;
	if (!name || !slash)
		return NULL;
	for (size_t i = 0; i < query->num_roots; i++) {
		for (size_t j = 0; !err && !*ret_found && j < 3; j++) {
			int length = (int)(slash - query->path);
			int n = snprintf(path, sizeof(path), "%s%.*s%s%s", places[j].before, length,
					 query->path, places[j].after, name);
			if (n > 0 && (size_t)n < sizeof(path))
				err = try_path(query, query->roots[i], path, &crc, ret, ret_path,
					       ret_found);
		}
	}
	return err;
}

static struct gospy_error *try_debuginfod(const struct gospy_debugfile_query *query,
					  struct gospy_source *ret, char **ret_path,
					  bool *ret_found)
{
	_cleanup_free_ char *path = NULL;
	struct gospy_error *err = gospy_debuginfod_fetch(query->image->build_id, &path);

	*ret_found = false;
	if (err || !path)
		return err;
	return try_path(query, AT_FDCWD, path, NULL, ret, ret_path, ret_found);
}

struct gospy_error *gospy_debugfile_find(const struct gospy_debugfile_query *query,
					 struct gospy_source *ret, char **ret_path)
{
	bool found;

	if (query->bin)
		return open_named(query, ret, ret_path);
	struct gospy_error *err = try_build_id(query, ret, ret_path, &found);
	if (!err && !found)
		err = try_debug_link(query, ret, ret_path, &found);
	if (!err && !found)
		err = try_debuginfod(query, ret, ret_path, &found);
	if (err || found)
		return err;
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no debug file of this build was found");
}
