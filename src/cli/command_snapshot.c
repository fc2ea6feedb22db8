/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include <gospy/capture.h>

#include "commands.h"
#include "message.h"
#include "process.h"
#include "result.h"

/** `summary` and `dump`: a capture, a view of it, an encoder. */

typedef struct gospy_error *(*render_fn)(const struct gospy_view *view, enum gospy_format format,
					 struct gospy_output *output);

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void say_how(const struct gospy_program *program, const struct gospy_snapshot *snapshot)
{
	message("%s, layout by %s, globals by %s, debug information %s", program->go_version,
		gospy_layout_source_name(program->layout.source),
		program->confidence == GOSPY_CONFIDENCE_TWO ? "two methods that agree"
							    : "one method",
		*program->debug_path ? program->debug_path
				     : (program->has_dwarf ? "in the executable" : "none"));
	message("read in %.3f ms, stop mode %s, held for %.3f ms, %llu goroutine%s read again, "
		"%llu torn",
		(double)snapshot->duration_ns / 1e6, gospy_stop_mode_name(snapshot->stop),
		(double)snapshot->pause_ns / 1e6, (unsigned long long)snapshot->retried,
		plural(snapshot->retried), (unsigned long long)snapshot->torn);
}

static uint64_t count_incomplete(const struct gospy_snapshot *snapshot)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < snapshot->goroutines.count; i++)
		count += !!(snapshot->goroutines.flags[i] & GOSPY_GOROUTINE_INCOMPLETE);
	return count;
}

/** What a reader of the result must know: warnings, and goroutines that could not be read whole. */
static void say_shortcomings(const struct options *options, const struct gospy_snapshot *snapshot,
			     int *ret_exit)
{
	uint64_t incomplete = count_incomplete(snapshot);

	if (snapshot->torn || incomplete)
		*ret_exit = GOSPY_EXIT_PARTLY;
	if (options->quiet)
		return;
	for (size_t i = 0; i < snapshot->warnings.size; i++)
		message("warning: %s", gospy_snapshot_string(snapshot, snapshot->warnings.data[i]));
	if (snapshot->torn)
		message("%llu goroutine%s changed while being read and may be shown wrongly",
			(unsigned long long)snapshot->torn, plural(snapshot->torn));
	if (incomplete)
		message("the stack%s of %llu goroutine%s could not be followed to the end",
			plural(incomplete), (unsigned long long)incomplete, plural(incomplete));
}

static struct gospy_error *take(const struct options *options, struct gospy_snapshot **ret)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_program *program = NULL;
	pid_t pid;
	struct gospy_error *err = process_find(options, &pid);

	if (err)
		return err;
	err = process_open(options, pid, &target, &program);
	if (!err)
		err = gospy_capture_take(program, &options->capture, ret);
	if (!err && options->verbose)
		say_how(program, *ret);
	gospy_program_close(program);
	return process_explain(options, pid, err);
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

static bool wants_color(const struct options *options, const struct result *result)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->format != GOSPY_FORMAT_TEXT || options->color == GOSPY_COLOR_NEVER)
		return false;
	/* https://no-color.org: set to anything but the empty string. */
	return options->color == GOSPY_COLOR_ALWAYS ||
	       (isatty(result->fd) && !(no_color && *no_color));
}

static struct gospy_error *check_terminal(const struct options *options,
					  const struct result *result)
{
	if (options->format != GOSPY_FORMAT_PPROF || !isatty(result->fd))
		return NULL;
	return gospy_error_create(GOSPY_ERROR_USAGE,
				  "a profile is no text for a terminal: give -o FILE");
}

static struct gospy_error *run(const struct options *options, render_fn encode, int *ret_exit)
{
	_cleanup_snapshot_ struct gospy_snapshot *snapshot = NULL;
	_cleanup_(result_deinit) struct result result = {.fd = -1};
	struct gospy_error *err = result_open(&result, options->output);

	if (!err)
		err = check_terminal(options, &result);
	result.output.color = wants_color(options, &result);
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

	/* The function that stands for a goroutine may be anywhere on its stack (--pc, wrappers).
	 */
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
