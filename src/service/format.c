/* SPDX-License-Identifier: MIT */
#include <string.h>

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

struct gospy_error *gospy_format_parse(const char *name, enum gospy_format *ret)
{
	for (size_t i = 0; i < NUM_FORMATS; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum gospy_format)i;
			return NULL;
		}
	}
	return gospy_error_create(
		GOSPY_ERROR_USAGE,
		"unknown format '%s': text, json, ndjson, debug2, folded or pprof", name);
}
