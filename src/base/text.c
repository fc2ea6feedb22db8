/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <gospy/text.h>

char *gospy_text_vformat(const char *format, va_list args)
{
	char *text;

	/* Where it fails it may leave anything in `text`. */
	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *gospy_text_format(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = gospy_text_vformat(format, args);
	va_end(args);
	return text;
}

size_t gospy_text_decode(const void *text, size_t size, uint32_t *ret)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *p = text;

	if (!size)
		return 0;
	size_t length = p[0] < 0x80	  ? 1
			: p[0] >> 5 == 6  ? 2
			: p[0] >> 4 == 14 ? 3
			: p[0] >> 3 == 30 ? 4
					  : 0;
	if (!length || length > size)
		return 0;
	uint32_t point = length == 1 ? p[0] : p[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*ret = point;
	return length;
}

bool gospy_text_is_printable(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

bool gospy_text_is_one_of(const char *text, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(text, texts[i]))
			return true;
	}
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** The number at `*text`, which is moved behind it; negative where there is none. */
static double read_number(const char **text)
{
	double value = 0, scale = 0;
	bool found = false;

	for (; is_digit(**text) || (**text == '.' && !(scale > 0)); ++*text) {
		if (**text == '.') {
			scale = 1;
			continue;
		}
		value = value * 10 + (**text - '0');
		scale *= 10;
		found = true;
	}
	return found ? value / (scale > 1 ? scale : 1) : -1;
}

/** Nanoseconds of the unit at `*text`, which is moved behind it; 0 for none. */
static double read_unit(const char **text)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{"ns", 1},  {"us", 1e3}, {"µs", 1e3},	{"ms", 1e6},
		{"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t size = strlen(units[i].name);
		if (!strncmp(*text, units[i].name, size)) {
			*text += size;
			return units[i].ns;
		}
	}
	return 0;
}

bool gospy_text_duration(const char *text, uint64_t *ret_ns)
{
	double total = 0;

	do {
		double value = read_number(&text);
		double unit = value < 0 ? 0 : read_unit(&text);
		if (!(unit > 0))
			return false;
		total += value * unit;
	} while (*text);
	if (!(total < 9.2e18))
		return false;
	*ret_ns = (uint64_t)(total + 0.5);
	return true;
}

uint64_t gospy_text_hash(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}
