/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gospy/output.h>
#include <gospy/text.h>

#define FLUSH_SIZE (64 * 1024)

void gospy_output_init_fd(struct gospy_output *output, int fd)
{
	*output = (struct gospy_output){.fd = fd};
}

void gospy_output_init_memory(struct gospy_output *output)
{
	*output = (struct gospy_output){.fd = -1};
}

void gospy_output_deinit(struct gospy_output *output)
{
	free(output->data);
	*output = (struct gospy_output){.fd = -1};
}

static void write_out(struct gospy_output *output)
{
	for (size_t done = 0; done < output->size && !output->errnum;) {
		ssize_t n = write(output->fd, output->data + done, output->size - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			output->errnum = errno;
	}
	output->size = 0;
}

/** Makes room for `size` bytes and a NUL behind what is buffered. */
static bool make_room(struct gospy_output *output, size_t size)
{
	if (output->errnum)
		return false;
	if (output->fd >= 0 && output->size + size >= FLUSH_SIZE)
		write_out(output);
	if (size < output->capacity - output->size)
		return true;
	size_t capacity = output->capacity ? output->capacity : 1024;
	while (capacity - output->size <= size && capacity < SIZE_MAX / 2)
		capacity *= 2;
	char *data = capacity - output->size > size ? realloc(output->data, capacity) : NULL;
	if (!data) {
		output->errnum = ENOMEM;
		return false;
	}
	output->data = data;
	output->capacity = capacity;
	return true;
}

void gospy_output_write(struct gospy_output *output, const void *data, size_t size)
{
	if (!make_room(output, size))
		return;
	if (size)
		memcpy(output->data + output->size, data, size);
	output->size += size;
	output->data[output->size] = 0;
}

void gospy_output_string(struct gospy_output *output, const char *string)
{
	gospy_output_write(output, string, strlen(string));
}

void gospy_output_char(struct gospy_output *output, char c)
{
	gospy_output_write(output, &c, 1);
}

void gospy_output_format(struct gospy_output *output, const char *format, ...)
{
	char small[512];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n < 0) {
		output->errnum = output->errnum ? output->errnum : errno;
	} else if ((size_t)n < sizeof(small)) {
		gospy_output_write(output, small, (size_t)n);
	} else if (make_room(output, (size_t)n)) {
		va_start(args, format);
		vsnprintf(output->data + output->size, (size_t)n + 1, format, args);
		va_end(args);
		output->size += (size_t)n;
	}
}

void gospy_output_u64(struct gospy_output *output, uint64_t value)
{
	char digits[20];
	size_t pos = sizeof(digits);

	do {
		digits[--pos] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	gospy_output_write(output, digits + pos, sizeof(digits) - pos);
}

void gospy_output_hex(struct gospy_output *output, uint64_t value)
{
	char digits[18];
	size_t pos = sizeof(digits);

	do {
		digits[--pos] = "0123456789abcdef"[value % 16];
		value /= 16;
	} while (value);
	digits[--pos] = 'x';
	digits[--pos] = '0';
	gospy_output_write(output, digits + pos, sizeof(digits) - pos);
}

/** Whether a terminal takes the code point for a command rather than a character. */
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e ||
	       point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

void gospy_output_escaped(struct gospy_output *output, const char *data, size_t size)
{
	const unsigned char *p = (const unsigned char *)data;
	size_t clean = 0;

	for (size_t i = 0; i < size;) {
		uint32_t point = 0;
		size_t length = gospy_text_decode(p + i, size - i, &point);
		if (length && !is_control(point)) {
			i += length;
			continue;
		}
		gospy_output_write(output, data + clean, i - clean);
		length = length ? length : 1;
		for (size_t end = i + length; i < end; i++)
			gospy_output_format(output, "\\x%02x", p[i]);
		clean = i;
	}
	gospy_output_write(output, data + clean, size - clean);
}

struct gospy_error *gospy_output_flush(struct gospy_output *output)
{
	if (output->fd >= 0 && !output->errnum)
		write_out(output);
	if (output->errnum)
		return gospy_error_os(output->errnum, "cannot write the output");
	return NULL;
}
