/* SPDX-License-Identifier: MIT */
#include <gospy/cleanup.h>

#include "render_common.h"

static struct gospy_error *unsupported(const char *command, enum gospy_format format)
{
	const char *name = gospy_format_name(format);

	return gospy_error_create(GOSPY_ERROR_USAGE, "%s has no format '%s'", command,
				  name ? name : "?");
}

static struct gospy_error *render(const struct gospy_view *view, enum gospy_format format,
				  bool stacks, struct gospy_output *output)
{
	_cleanup_(gospy_renderer_deinit) struct gospy_renderer renderer = {};
	struct gospy_error *err = gospy_renderer_init(&renderer, view, output);

	if (err)
		return err;
	switch (format) {
	case GOSPY_FORMAT_TEXT:
		return stacks ? gospy_render_text(&renderer) : gospy_render_summary_text(&renderer);
	case GOSPY_FORMAT_JSON:
		return gospy_render_json(&renderer, stacks);
	case GOSPY_FORMAT_NDJSON:
		return gospy_render_ndjson(&renderer, stacks);
	case GOSPY_FORMAT_DEBUG2:
		return gospy_render_debug2(&renderer);
	case GOSPY_FORMAT_FOLDED:
		return gospy_render_folded(&renderer);
	case GOSPY_FORMAT_PPROF:
		return gospy_render_pprof(&renderer);
	}
	return unsupported("dump", format);
}

struct gospy_error *gospy_render_summary(const struct gospy_view *view, enum gospy_format format,
					 struct gospy_output *output)
{
	/* The others are made of stacks. */
	if (format > GOSPY_FORMAT_NDJSON)
		return unsupported("summary", format);
	return render(view, format, false, output);
}

struct gospy_error *gospy_render_dump(const struct gospy_view *view, enum gospy_format format,
				      struct gospy_output *output)
{
	return render(view, format, true, output);
}
