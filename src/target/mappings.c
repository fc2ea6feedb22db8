/* SPDX-License-Identifier: MIT */
#include <sys/sysmacros.h>

#include <gospy/limits.h>

#include "mappings.h"

void gospy_mappings_deinit(struct gospy_mappings *mappings)
{
	gospy_mapping_vec_deinit(&mappings->list);
	gospy_u8_vec_deinit(&mappings->paths);
}

const char *gospy_mapping_path(const struct gospy_mappings *mappings,
			       const struct gospy_mapping *mapping)
{
	if (mapping->path >= mappings->paths.size)
		return "";
	return (const char *)mappings->paths.data + mapping->path;
}

const struct gospy_mapping *gospy_mappings_find(const struct gospy_mappings *mappings,
						uint64_t address)
{
	size_t low = 0, high = mappings->list.size;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct gospy_mapping *mapping = &mappings->list.data[middle];
		if (address < mapping->start)
			high = middle;
		else if (address >= mapping->end)
			low = middle + 1;
		else
			return mapping;
	}
	return NULL;
}

/* Neighbours mostly share their file, so only the last path is looked at for a repetition. */
static struct gospy_error *add_path(struct gospy_mappings *mappings, const char *path, size_t size,
				    uint32_t *ret)
{
	struct gospy_u8_vec *paths = &mappings->paths;

	if (!paths->size && !gospy_u8_vec_append(paths, 0))
		return &gospy_enomem;
	if (!size) {
		*ret = 0;
		return NULL;
	}
	if (mappings->list.size) {
		uint32_t last = mappings->list.data[mappings->list.size - 1].path;
		size_t last_size = strlen((const char *)paths->data + last);
		if (last_size == size && !memcmp(paths->data + last, path, size)) {
			*ret = last;
			return NULL;
		}
	}
	size_t start = paths->size;
	if (size >= UINT32_MAX - start)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "the paths of the mappings are too long");
	if (!gospy_u8_vec_resize(paths, start + size + 1))
		return &gospy_enomem;
	memcpy(paths->data + start, path, size);
	*ret = (uint32_t)start;
	return NULL;
}

struct gospy_error *gospy_mappings_append(struct gospy_mappings *mappings,
					  struct gospy_mapping mapping, const char *path,
					  size_t path_size)
{
	if (mappings->list.size >= GOSPY_MAX_MAPPINGS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "there are too many mappings");
	struct gospy_error *err = add_path(mappings, path, path_size, &mapping.path);
	if (err)
		return err;
	return gospy_mapping_vec_append(&mappings->list, mapping) ? NULL : &gospy_enomem;
}

/* What is left of one line. */
struct line {
	const char *pos;
	const char *end;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 99;
}

/* A number in `base` and the character `after` behind it, which is skipped. */
static bool take_number(struct line *line, int base, char after, uint64_t *ret)
{
	const char *start = line->pos;
	uint64_t value = 0;

	for (; line->pos < line->end; line->pos++) {
		int digit = digit_value(*line->pos);
		if (digit >= base)
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	if (line->pos == start || line->pos == line->end || *line->pos != after)
		return false;
	line->pos++;
	*ret = value;
	return true;
}

static bool take_flags(struct line *line, uint32_t *ret)
{
	static const char letters[] = "rwxs";
	uint32_t flags = 0;

	if (line->end - line->pos < 5 || line->pos[4] != ' ')
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *line->pos++;
		if (c == letters[i])
			flags |= UINT32_C(1) << i;
		else if (c != (i == 3 ? 'p' : '-'))
			return false;
	}
	line->pos++;
	*ret = flags;
	return true;
}

static bool parse_line(struct line *line, struct gospy_mapping *ret)
{
	uint64_t major, minor;

	if (!take_number(line, 16, '-', &ret->start) || !take_number(line, 16, ' ', &ret->end) ||
	    ret->start >= ret->end || !take_flags(line, &ret->flags) ||
	    !take_number(line, 16, ' ', &ret->offset) || !take_number(line, 16, ':', &major) ||
	    !take_number(line, 16, ' ', &minor) || major > UINT32_MAX || minor > UINT32_MAX ||
	    !take_number(line, 10, ' ', &ret->inode))
		return false;
	ret->device = makedev((unsigned int)major, (unsigned int)minor);
	while (line->pos < line->end && *line->pos == ' ')
		line->pos++;
	return !memchr(line->pos, 0, (size_t)(line->end - line->pos));
}

static struct gospy_error *add_line(struct gospy_mappings *mappings, struct line line,
				    size_t number)
{
	struct gospy_mapping mapping = {0};
	uint64_t last_end = 0;

	if (!parse_line(&line, &mapping))
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "line %zu of the list of mappings is malformed", number);
	if (mappings->list.size)
		last_end = mappings->list.data[mappings->list.size - 1].end;
	if (mapping.end <= last_end)
		return NULL;
	if (mapping.start < last_end) {
		mapping.offset += last_end - mapping.start;
		mapping.start = last_end;
	}
	return gospy_mappings_append(mappings, mapping, line.pos, (size_t)(line.end - line.pos));
}

struct gospy_error *gospy_mappings_parse(const char *text, size_t size, struct gospy_mappings *ret)
{
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};
	const char *end = text + size;

	for (size_t number = 1; text < end; number++) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		if (!line_end)
			line_end = end;
		struct gospy_error *err =
			add_line(&mappings, (struct line){text, line_end}, number);
		if (err)
			return err;
		text = line_end < end ? line_end + 1 : end;
	}
	*ret = mappings;
	mappings = (struct gospy_mappings){0};
	return NULL;
}
