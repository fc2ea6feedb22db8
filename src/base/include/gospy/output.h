/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_OUTPUT_H
#define GOSPY_OUTPUT_H

/**
 * Where a renderer writes: a buffered stream over a file descriptor or a growing buffer, with
 * sticky failure, so that a renderer checks once at its end. One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>

struct gospy_output {
	/** The descriptor written to, borrowed; -1: everything stays in `data`. */
	int fd;
	char *data;
	size_t size;
	size_t capacity;
	/** errno of the first failed write, ENOMEM without memory, 0 while all is well. */
	int errnum;
	/** Renderers may write colours: set, after init, by who knows that a terminal reads it. */
	bool color;
};

/** A stream to `fd` (borrowed), flushed by 64 KiB. */
void gospy_output_init_fd(struct gospy_output *output, int fd);
/** A stream into memory: the text is `data`, `size`, always followed by a NUL once something was
 * written. */
void gospy_output_init_memory(struct gospy_output *output);
/** Frees the buffer; what was not flushed is lost. */
void gospy_output_deinit(struct gospy_output *output);

void gospy_output_write(struct gospy_output *output, const void *data, size_t size);
void gospy_output_string(struct gospy_output *output, const char *string);
void gospy_output_char(struct gospy_output *output, char c);
GOSPY_PRINTF(2, 3) void gospy_output_format(struct gospy_output *output, const char *format, ...);
/** Fast paths of the renderers: decimal, and "0x" hexadecimal. */
void gospy_output_u64(struct gospy_output *output, uint64_t value);
void gospy_output_hex(struct gospy_output *output, uint64_t value);
/**
 * Bytes of the target, made safe for a terminal: control characters (C0, DEL, C1 as UTF-8),
 * bidirectional overrides and malformed UTF-8 become \xNN; the rest goes through.
 */
void gospy_output_escaped(struct gospy_output *output, const char *data, size_t size);

/** Writes out what is buffered; the first error of the stream so far, GOSPY_ERROR_OS. */
GOSPY_CHECKED struct gospy_error *gospy_output_flush(struct gospy_output *output);

#endif
