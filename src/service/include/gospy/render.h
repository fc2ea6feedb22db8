/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_RENDER_H
#define GOSPY_RENDER_H

/**
 * Encoders: a view of a snapshot to bytes, in the formats of doc/FORMATS.md. What they write goes
 * into the output, whose failures they leave to gospy_output_flush().
 */
#include <gospy/output.h>
#include <gospy/view.h>

enum gospy_format {
	GOSPY_FORMAT_TEXT,
	GOSPY_FORMAT_JSON,
	GOSPY_FORMAT_NDJSON,
	GOSPY_FORMAT_DEBUG2,
	GOSPY_FORMAT_FOLDED,
	GOSPY_FORMAT_PPROF,
};

/** "text", ...; NULL for a number that is none. */
const char *gospy_format_name(enum gospy_format format);

/** `summary`: text or JSON. */
GOSPY_CHECKED struct gospy_error *gospy_render_summary(const struct gospy_view *view,
						       enum gospy_format format,
						       struct gospy_output *output);
/** `dump`: every format. */
GOSPY_CHECKED struct gospy_error *gospy_render_dump(const struct gospy_view *view,
						    enum gospy_format format,
						    struct gospy_output *output);

#endif
