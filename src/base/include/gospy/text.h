/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TEXT_H
#define GOSPY_TEXT_H

/** Texts: making them, and what several layers want to know of one. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>

/** The text of a format as of printf. Owned by the caller, NULL without memory. */
GOSPY_PRINTF(1, 2) char *gospy_text_format(const char *format, ...);
GOSPY_PRINTF(1, 0) char *gospy_text_vformat(const char *format, va_list args);

/**
 * The length of the well-formed UTF-8 sequence that `size` bytes at `text` begin with, and its code
 * point; 0 where they begin with none: a stray byte, an overlong form, a surrogate, or nothing.
 * Reads on only as far as the sequence is well-formed: of a text that ends with NUL any size may be
 * said.
 */
size_t gospy_text_decode(const void *text, size_t size, uint32_t *ret);

/** Whether all `size` bytes are printable ASCII: from space to tilde. */
bool gospy_text_is_printable(const char *text, size_t size);

/** Whether `text` equals one of the `count` texts. */
bool gospy_text_is_one_of(const char *text, const char *const *texts, size_t count);

/**
 * A duration as time.Duration.String writes it, and with days: "1h30m", "250ms", "1.5s", "2d"; to
 * the nearest nanosecond. False for anything else, for a number without a unit, and above 292
 * years.
 */
bool gospy_text_duration(const char *text, uint64_t *ret_ns);

/** FNV-1a, 64 bits, folded so that the low ones are good for a table. */
uint64_t gospy_text_hash(const void *data, size_t size);

#endif
