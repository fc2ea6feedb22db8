/* SPDX-License-Identifier: MIT */
#include <ctype.h>

#include <gospy/buildinfo.h>
#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/text.h>

/* debug/buildinfo/buildinfo.go, Go 1.27: a 32-byte header on a 16-byte boundary. */
static const char magic[] = "\xff Go buildinf:";
enum {
	MAGIC_SIZE = 14,
	HEADER_SIZE = 32,
	ALIGNMENT = 16,
	POINTER_SIZE_AT = 14,
	FLAGS_AT = 15,
	FLAG_BIG_ENDIAN = 1,
	FLAG_INLINE = 2,
	VERSION_POINTER_AT = 16,
	MODINFO_POINTER_AT = 24,
	/* cmd/go/internal/modload/build.go infoStart and infoEnd. */
	FRAME_SIZE = 16,
};

/** Whether this may be a version: printable text of a sane length. */
static bool is_version(const uint8_t *text, uint64_t size)
{
	return size && size <= GOSPY_MAX_STRING &&
	       gospy_text_is_printable((const char *)text, size);
}

void gospy_buildinfo_unframe(const char **text, uint64_t *size)
{
	if (*size > 2 * FRAME_SIZE && (*text)[*size - FRAME_SIZE - 1] == '\n') {
		*text += FRAME_SIZE;
		*size -= 2 * FRAME_SIZE;
	} else {
		*size = 0;
	}
}

/** Fills in the two strings; the version may be of size 0. */
GOSPY_CHECKED static struct gospy_error *set_strings(struct gospy_buildinfo *info,
						     const uint8_t *version, uint64_t version_size,
						     const uint8_t *modinfo, uint64_t modinfo_size)
{
	const char *lines = (const char *)modinfo;

	gospy_buildinfo_unframe(&lines, &modinfo_size);
	info->version = strndup(version_size ? (const char *)version : "", version_size);
	info->modinfo = strndup(modinfo_size ? lines : "", modinfo_size);
	return info->version && info->modinfo ? NULL : &gospy_enomem;
}

/** Go 1.18 and newer: two strings with their lengths follow the header. */
GOSPY_CHECKED static struct gospy_error *read_inline(const uint8_t *bytes, uint64_t size,
						     struct gospy_buildinfo *info, bool *ret_found)
{
	struct gospy_cursor c = gospy_cursor_make("build information", bytes, size);

	gospy_cursor_skip(&c, HEADER_SIZE);
	uint64_t version_size = gospy_cursor_uvarint(&c);
	const uint8_t *version = gospy_cursor_bytes(&c, version_size);
	uint64_t modinfo_size = gospy_cursor_uvarint(&c);
	const uint8_t *modinfo = gospy_cursor_bytes(&c, modinfo_size);
	if (c.failed || !is_version(version, version_size) || modinfo_size > GOSPY_MAX_MODINFO)
		return NULL;
	*ret_found = true;
	return set_strings(info, version, version_size, modinfo, modinfo_size);
}

/** The bytes of the Go string whose header {data, size} is at `address`, as the file has them. */
static const uint8_t *static_string(const struct gospy_image *image, uint64_t address,
				    uint64_t max_size, uint64_t *ret_size)
{
	const uint8_t *header = gospy_image_at(image, address, 16);
	uint64_t size = header ? gospy_load_u64(header + 8) : 0;

	*ret_size = 0;
	if (size == 0 || size > max_size)
		return NULL;
	const uint8_t *text = gospy_image_at(image, gospy_load_u64(header), size);
	if (text)
		*ret_size = size;
	return text;
}

/** Go 1.13 to 1.17: two pointers to string headers. */
GOSPY_CHECKED static struct gospy_error *read_pointers(const struct gospy_image *image,
						       const uint8_t *bytes,
						       struct gospy_buildinfo *info,
						       bool *ret_found)
{
	uint64_t version_size, modinfo_size;

	if (bytes[POINTER_SIZE_AT] != 8 || (bytes[FLAGS_AT] & FLAG_BIG_ENDIAN))
		return NULL;
	info->version_header = gospy_load_u64(bytes + VERSION_POINTER_AT);
	info->modinfo_header = gospy_load_u64(bytes + MODINFO_POINTER_AT);
	if (!gospy_image_at(image, info->version_header, 16))
		return NULL;
	const uint8_t *version =
		static_string(image, info->version_header, GOSPY_MAX_STRING, &version_size);
	const uint8_t *modinfo =
		static_string(image, info->modinfo_header, GOSPY_MAX_MODINFO, &modinfo_size);
	if (version && !is_version(version, version_size))
		return NULL;
	*ret_found = true;
	return set_strings(info, version, version_size, modinfo, modinfo_size);
}

/** Reads the header in `size` bytes at `bytes`; `*ret_found` stays false where it is not one. */
GOSPY_CHECKED static struct gospy_error *read_header(const struct gospy_image *image,
						     const uint8_t *bytes, uint64_t size,
						     struct gospy_buildinfo *ret, bool *ret_found)
{
	struct gospy_buildinfo info = {0};
	struct gospy_error *err;

	*ret_found = false;
	if (size < HEADER_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0)
		return NULL;
	if (bytes[FLAGS_AT] & FLAG_INLINE)
		err = read_inline(bytes, size, &info, ret_found);
	else
		err = read_pointers(image, bytes, &info, ret_found);
	if (err) {
		gospy_buildinfo_deinit(&info);
		return err;
	}
	if (*ret_found)
		*ret = info;
	return NULL;
}

GOSPY_CHECKED static struct gospy_error *scan_segment(const struct gospy_image *image,
						      const struct gospy_segment *segment,
						      struct gospy_buildinfo *ret, bool *ret_found)
{
	const uint8_t *bytes = gospy_image_at(image, segment->address, segment->file_size);
	const uint8_t *p = bytes, *end = bytes ? bytes + segment->file_size : NULL;

	*ret_found = false;
	while (p && !*ret_found) {
		p = memmem(p, (size_t)(end - p), magic, MAGIC_SIZE);
		if (!p)
			break;
		if ((segment->address + (uint64_t)(p - bytes)) % ALIGNMENT == 0) {
			struct gospy_error *err =
				read_header(image, p, (uint64_t)(end - p), ret, ret_found);
			if (err)
				return err;
		}
		p++;
	}
	return NULL;
}

/** Looks in the writable segments first, where the linker puts it, and never in code. */
GOSPY_CHECKED static struct gospy_error *scan_segments(const struct gospy_image *image,
						       struct gospy_buildinfo *ret, bool *ret_found)
{
	for (int writable = 1; writable >= 0; writable--) {
		for (size_t i = 0; i < image->segments.size; i++) {
			const struct gospy_segment *segment = &image->segments.data[i];
			if (segment->writable != writable || segment->executable)
				continue;
			struct gospy_error *err = scan_segment(image, segment, ret, ret_found);
			if (err || *ret_found)
				return err;
		}
	}
	return NULL;
}

struct gospy_error *gospy_buildinfo_read(const struct gospy_image *image,
					 struct gospy_buildinfo *ret)
{
	const struct gospy_section *section = gospy_image_section(image, ".go.buildinfo");
	struct gospy_error *err = NULL;
	bool found = false;

	if (section) {
		const uint8_t *bytes = gospy_image_at(image, section->address, section->size);
		if (bytes)
			err = read_header(image, bytes, section->size, ret, &found);
	}
	if (!err && !found)
		err = scan_segments(image, ret, &found);
	if (!err && !found)
		err = gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no Go build information");
	return err;
}

void gospy_buildinfo_deinit(struct gospy_buildinfo *info)
{
	free(info->version);
	free(info->modinfo);
	memset(info, 0, sizeof(*info));
}

/** The field after the tab at the end of `line`'s `number`-th field; its size up to the next tab or
 * newline. */
static const char *line_field(const char *line, unsigned int number, size_t *ret_size)
{
	size_t length = strcspn(line, "\n");

	while (number-- > 0) {
		const char *tab = memchr(line, '\t', length);
		if (!tab) {
			*ret_size = 0;
			return "";
		}
		length -= (size_t)(tab + 1 - line);
		line = tab + 1;
	}
	const char *tab = memchr(line, '\t', length);
	*ret_size = tab ? (size_t)(tab - line) : length;
	return line;
}

/** The first line that begins with `key` and a tab, or NULL. */
static const char *find_line(const char *modinfo, const char *key)
{
	size_t size = strlen(key);

	for (const char *line = modinfo; *line; line += *line == '\n') {
		if (strncmp(line, key, size) == 0 && line[size] == '\t')
			return line;
		line += strcspn(line, "\n");
	}
	return NULL;
}

struct gospy_error *gospy_buildinfo_main_module(const char *modinfo, char **ret_path,
						char **ret_version)
{
	const char *line = find_line(modinfo, "mod");
	const char *path = "", *version = "";
	size_t path_size = 0, version_size = 0;

	if (line)
		version = line_field(line, 2, &version_size);
	else
		line = find_line(modinfo, "path");
	if (line)
		path = line_field(line, 1, &path_size);

	_cleanup_free_ char *path_copy = strndup(path, path_size);
	_cleanup_free_ char *version_copy = strndup(version, version_size);
	if (!path_copy || !version_copy)
		return &gospy_enomem;
	*ret_path = take_ptr(path_copy);
	*ret_version = take_ptr(version_copy);
	return NULL;
}

/** A decimal number of at most six digits at `*text`, which is moved behind it; -1 where there is
 * none. */
static int parse_number(const char **text)
{
	int value = 0, digits = 0;

	for (; isdigit((unsigned char)**text) && digits < 6; digits++)
		value = value * 10 + *(*text)++ - '0';
	return digits && !isdigit((unsigned char)**text) ? value : -1;
}

struct gospy_go_version gospy_go_version_parse(const char *text)
{
	struct gospy_go_version version = {.major = -1, .minor = -1, .patch = 0};

	/* "devel go1.24-abcdef Mon ..." names the release it leads to since Go 1.18. */
	if (strncmp(text, "devel ", 6) == 0)
		text += 6;
	if (strncmp(text, "go", 2) != 0)
		return version;
	text += 2;
	version.major = parse_number(&text);
	if (version.major < 0 || *text++ != '.')
		return version;
	version.minor = parse_number(&text);
	if (version.minor < 0 || *text++ != '.')
		return version;
	int patch = parse_number(&text);
	version.patch = patch < 0 ? 0 : patch;
	return version;
}
