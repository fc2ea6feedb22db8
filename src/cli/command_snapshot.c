/* SPDX-License-Identifier: MIT */
#include <gospy/capture.h>

#include "commands.h"
#include "message.h"
#include "process.h"
#include "result.h"

/** `summary` and `dump`: a capture, a view of it, an encoder. */

typedef struct gospy_error *(*render_fn)(const struct gospy_view *view, enum gospy_format format,
					 struct gospy_output *output);

static void say_how(const struct gospy_program *program, const struct gospy_snapshot *snapshot)
{
	message("%s, layout by %s, debug information %s", program->go_version,
		gospy_layout_source_name(program->layout.source),
		*program->debug_path ? program->debug_path
				     : (program->has_dwarf ? "in the executable" : "none"));
	message("read in %.3f ms, stop mode %s, held for %.3f ms, %llu goroutines read again, "
		"%llu torn",
		(double)snapshot->duration_ns / 1e6, gospy_stop_mode_name(snapshot->stop),
		(double)snapshot->pause_ns / 1e6, (unsigned long long)snapshot->retried,
		(unsigned long long)snapshot->torn);
}

/** What a reader of the result must know: warnings, and goroutines that could not be read whole. */
static void say_shortcomings(const struct options *options, const struct gospy_snapshot *snapshot,
			     int *ret_exit)
{
	for (size_t i = 0; !options->quiet && i < snapshot->warnings.size; i++)
		message("warning: %s", gospy_snapshot_string(snapshot, snapshot->warnings.data[i]));
	if (!snapshot->torn)
		return;
	if (!options->quiet)
		message("%llu goroutines changed while they were read and may be shown wrongly",
			(unsigned long long)snapshot->torn);
	*ret_exit = GOSPY_EXIT_PARTLY;
}

static struct gospy_error *take(const struct options *options, struct gospy_snapshot **ret)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_program *program = NULL;
	struct gospy_error *err = process_open(options, &target, &program);

	if (!err)
		err = gospy_capture_take(program, &options->capture, ret);
	if (!err && options->verbose)
		say_how(program, *ret);
	gospy_program_close(program);
	return err;
}

static struct gospy_error *render(const struct options *options,
				  const struct gospy_snapshot *snapshot, render_fn encode,
				  struct result *result)
{
	struct gospy_view view;
	struct gospy_error *err = gospy_view_init(&view, snapshot, &options->view);

	if (err)
		return err;
	err = encode(&view, options->format, &result->output);
	gospy_view_deinit(&view);
	return err ? err : result_commit(result);
}

static struct gospy_error *run(const struct options *options, render_fn encode, int *ret_exit)
{
	_cleanup_snapshot_ struct gospy_snapshot *snapshot = NULL;
	_cleanup_(result_deinit) struct result result = {.fd = -1};
	struct gospy_error *err = result_open(&result, options->output);

	if (!err)
		err = take(options, &snapshot);
	if (!err)
		err = render(options, snapshot, encode, &result);
	if (!err)
		say_shortcomings(options, snapshot, ret_exit);
	return err;
}

struct gospy_error *command_summary(const struct options *options, int *ret_exit)
{
	struct options summary = *options;

	/* The function that stands for a goroutine may be anywhere on its stack (--pc, wrappers). */
	summary.capture.stacks = true;
	return run(&summary, gospy_render_summary, ret_exit);
}

struct gospy_error *command_dump(const struct options *options, int *ret_exit)
{
	struct options dump = *options;

	dump.capture.stacks = true;
	/* Only these formats show arguments, which cost memory for each frame. */
	dump.capture.arguments = options->format == GOSPY_FORMAT_DEBUG2 ||
				 options->format == GOSPY_FORMAT_JSON ||
				 options->format == GOSPY_FORMAT_NDJSON;
	if (options->format == GOSPY_FORMAT_TEXT && !options->group_given)
		dump.view.group = GOSPY_VIEW_GROUP_STACK;
	return run(&dump, gospy_render_dump, ret_exit);
}
