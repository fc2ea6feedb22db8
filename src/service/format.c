/* SPDX-License-Identifier: MIT */
#include <gospy/render.h>

static const char *const names[] = {
	[GOSPY_FORMAT_TEXT] = "text",	  [GOSPY_FORMAT_JSON] = "json",
	[GOSPY_FORMAT_NDJSON] = "ndjson", [GOSPY_FORMAT_DEBUG2] = "debug2",
	[GOSPY_FORMAT_FOLDED] = "folded", [GOSPY_FORMAT_PPROF] = "pprof",
};

#define NUM_FORMATS (sizeof(names) / sizeof(*names))

const char *gospy_format_name(enum gospy_format format)
{
	return (size_t)format < NUM_FORMATS ? names[format] : NULL;
}
