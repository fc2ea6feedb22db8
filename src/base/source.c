/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gospy/limits.h>
#include <gospy/source.h>

static struct gospy_error *regular_file_size(int fd, const char *name, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return gospy_error_os(errno, "cannot stat %s", name);
	if (!S_ISREG(st.st_mode))
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "%s is not a regular file", name);
	*ret = (uint64_t)st.st_size;
	return NULL;
}

struct gospy_error *gospy_source_init_map(struct gospy_source *source, int fd, const char *name)
{
	uint64_t size;
	struct gospy_error *err = regular_file_size(fd, name, &size);

	if (err)
		return err;
	void *data = NULL;
	if (size) {
		data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED)
			return gospy_error_os(errno, "cannot map %s", name);
	}
	*source = (struct gospy_source){data, size, GOSPY_SOURCE_MAPPED};
	return NULL;
}

static struct gospy_error *read_fully(int fd, const char *name, uint8_t *data, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t n = pread(fd, data + done, size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gospy_error_os(errno, "cannot read %s", name);
		if (!n)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "%s became shorter while it was read", name);
		done += (uint64_t)n;
	}
	return NULL;
}

struct gospy_error *gospy_source_init_read(struct gospy_source *source, int fd, const char *name)
{
	uint64_t size;
	struct gospy_error *err = regular_file_size(fd, name, &size);

	if (err)
		return err;
	if (size > GOSPY_MAX_SECTION_SIZE)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "%s is too large", name);
	_cleanup_free_ uint8_t *data = malloc(size ? size : 1);
	if (!data)
		return &gospy_enomem;
	err = read_fully(fd, name, data, size);
	if (err)
		return err;
	gospy_source_init_owned(source, take_ptr(data), size);
	return NULL;
}

void gospy_source_init_buffer(struct gospy_source *source, const void *data, uint64_t size)
{
	*source = (struct gospy_source){data, size, GOSPY_SOURCE_BORROWED};
}

void gospy_source_init_owned(struct gospy_source *source, void *data, uint64_t size)
{
	*source = (struct gospy_source){data, size, GOSPY_SOURCE_OWNED};
}

void gospy_source_deinit(struct gospy_source *source)
{
	void *data = (void *)(uintptr_t)source->data;

	if (source->kind == GOSPY_SOURCE_MAPPED && data)
		munmap(data, source->size);
	else if (source->kind == GOSPY_SOURCE_OWNED)
		free(data);
	memset(source, 0, sizeof(*source));
}
