/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/buildinfo.h>
#include <gospy/cleanup.h>
#include <gospy/text.h>

#include "render_common.h"

/**
 * What the process itself prints for GOTRACEBACK=all and /debug/pprof/goroutine?debug=2, by the
 * rules of its own Go version: runtime/traceback.go, Go 1.12 to 1.27. Two things differ on purpose:
 * no frames are left out of a long stack, and a goroutine on another processor is shown with its
 * stack.
 */
struct printer {
	struct gospy_renderer *renderer;
	const struct gospy_snapshot *snapshot;
	struct gospy_output *output;
	/** Go 1.minor; newer than any known for development versions. */
	int minor;
	/** By frame number: 0 not looked at, else enum visibility flags. */
	uint8_t *visibility;
};

/** What showfuncinfo says of a frame, as far as it hangs on the function alone. */
enum visibility {
	VISIBLE_KNOWN = 1 << 0,
	/** Shown, unless it is an elided wrapper. */
	VISIBLE_SHOWN = 1 << 1,
	/** runtime.gopanic: shown unless it comes first. */
	VISIBLE_NOT_FIRST = 1 << 2,
};

static const char *function_name(const struct printer *printer, const struct gospy_frame *frame)
{
	return gospy_snapshot_string(printer->snapshot, frame->function);
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/** isExportedRuntime; since Go 1.23 methods count as well, if their type is exported too. */
static bool is_exported_runtime(const char *name, int minor)
{
	if (strncmp(name, "runtime.", 8) != 0)
		return false;
	name += 8;
	const char *dot = strrchr(name, '.');
	if (minor < 23 || !dot)
		return is_upper(name[0]);
	const char *receiver = name;
	if (dot - name >= 3 && name[0] == '(' && name[1] == '*' && dot[-1] == ')')
		receiver += 2;
	return is_upper(dot[1]) && (dot == name || is_upper(receiver[0]));
}

/** showfuncinfo without its rule on wrappers, at the default GOTRACEBACK level. */
static uint8_t visibility_of_name(const char *name, int minor)
{
	if (minor >= 25 && (strcmp(name, "runtime.runFinalizers") == 0 ||
			    strcmp(name, "runtime.runCleanups") == 0))
		return VISIBLE_SHOWN;
	if (strcmp(name, "runtime.gopanic") == 0)
		return VISIBLE_NOT_FIRST;
	if (strchr(name, '.') &&
	    (strncmp(name, "runtime.", 8) != 0 || is_exported_runtime(name, minor)))
		return VISIBLE_SHOWN;
	return 0;
}

/** `physical` is the function that the frame is inlined into, or itself. */
static uint8_t visibility(struct printer *printer, const struct gospy_frame *frame,
			  const struct gospy_frame *physical)
{
	uint8_t *known = &printer->visibility[frame - printer->snapshot->frames.data];

	if (!*known) {
		const char *name = function_name(printer, frame);
		/* Up to Go 1.15 gentraceback asked showframe about the function inlined into. */
		const char *asked = printer->minor < 16 ? function_name(printer, physical) : name;
		*known = VISIBLE_KNOWN | visibility_of_name(asked, printer->minor);
	}
	return *known;
}

/** printFuncName; up to Go 1.20 only functions that are not inlined had the exception. */
static void write_function(struct printer *printer, uint32_t function, bool inlined)
{
	const char *name = gospy_snapshot_string(printer->snapshot, function);

	if (strcmp(name, "runtime.gopanic") == 0 && (!inlined || printer->minor >= 21))
		gospy_output_string(printer->output, "panic");
	else
		gospy_renderer_string(printer->renderer, function);
}

static void write_line(struct printer *printer, const struct gospy_frame *frame)
{
	gospy_output_char(printer->output, '\t');
	if (frame->file)
		gospy_renderer_string(printer->renderer, frame->file);
	else
		gospy_output_char(printer->output, '?');
	gospy_output_char(printer->output, ':');
	gospy_output_u64(printer->output, frame->line);
}

static void write_offset(struct printer *printer, uint32_t location)
{
	uint32_t offset = printer->snapshot->locations.data[location].offset;

	if (!offset)
		return;
	gospy_output_string(printer->output, " +");
	gospy_output_hex(printer->output, offset);
}

/** Text between the parentheses of frame `number`, counted from the innermost. */
static void write_arguments(struct printer *printer, uint32_t index, uint64_t number)
{
	uint32_t text;

	if (gospy_snapshot_argument(printer->snapshot, index, number, &text))
		gospy_renderer_string(printer->renderer, text);
	else
		gospy_output_string(printer->output, "...");
}

static void write_frame(struct printer *printer, uint32_t index, const struct gospy_frame *frame,
			uint32_t location, uint64_t number)
{
	bool inlined = frame->flags & GOSPY_FRAME_INLINED;

	write_function(printer, frame->function, inlined);
	gospy_output_char(printer->output, '(');
	if (inlined)
		gospy_output_string(printer->output, "...");
	else
		write_arguments(printer, index, number);
	gospy_output_string(printer->output, ")\n");
	write_line(printer, frame);
	if (!inlined)
		write_offset(printer, location);
	gospy_output_char(printer->output, '\n');
}

/** Prints the stack as traceback2 does; the number of frames printed. */
static uint64_t write_stack(struct printer *printer, uint32_t index, bool show_runtime)
{
	struct gospy_stack_walk walk;
	uint64_t printed = 0, number = 0;

	gospy_stack_walk_init(&walk, printer->snapshot, printer->snapshot->goroutines.stack[index]);
	while (gospy_stack_walk_next(&walk)) {
		for (uint32_t i = 0; i < walk.num_frames; i++, number++) {
			const struct gospy_frame *frame = walk.frames + i;
			uint8_t v = visibility(printer, frame, walk.frames + walk.num_frames - 1);
			bool elided = gospy_stack_walk_elides(&walk, i);
			if (show_runtime || (!elided && ((v & VISIBLE_SHOWN) ||
							 ((v & VISIBLE_NOT_FIRST) && printed)))) {
				write_frame(printer, index, frame, walk.location, number);
				printed++;
			}
		}
	}
	return printed;
}

/** printcreatedby: the function that holds the `go` statement, at the line of the statement itself.
 */
static void write_creator(struct printer *printer, uint32_t index)
{
	const struct gospy_goroutines *gs = &printer->snapshot->goroutines;
	uint32_t location = gs->creator[index], count;
	const struct gospy_frame *frames =
		gospy_stack_walk_frames(printer->snapshot, location, &count);

	if (!count || gs->id[index] == 1)
		return;
	const struct gospy_frame *physical = frames + count - 1;
	uint8_t v = visibility(printer, physical, physical);
	if ((physical->flags & GOSPY_FRAME_WRAPPER) || !(v & (VISIBLE_SHOWN | VISIBLE_NOT_FIRST)))
		return;
	gospy_output_string(printer->output, "created by ");
	/* Up to Go 1.20 printcreatedby1 printed the bare name. */
	if (printer->minor >= 21)
		write_function(printer, physical->function, false);
	else
		gospy_renderer_string(printer->renderer, physical->function);
	if (printer->minor >= 21 && gs->parent_id[index]) {
		gospy_output_string(printer->output, " in goroutine ");
		gospy_output_u64(printer->output, gs->parent_id[index]);
	}
	gospy_output_char(printer->output, '\n');
	write_line(printer, frames);
	write_offset(printer, location);
	gospy_output_char(printer->output, '\n');
}

/** waitReason.isIdleInSynctest (runtime/runtime2.go, Go 1.25), without those that say "(durable)".
 */
static bool is_idle_in_synctest(const char *reason)
{
	static const char *const reasons[] = {
		"chan receive (nil chan)",
		"chan send (nil chan)",
		"select (no cases)",
		"sleep",
		"sync.Cond.Wait",
		"coroutine",
		"synctest.Run",
		"synctest.Wait",
	};

	return gospy_text_is_one_of(reason, reasons, sizeof(reasons) / sizeof(*reasons));
}

static void write_bubble(struct printer *printer, uint32_t index)
{
	const struct gospy_goroutines *gs = &printer->snapshot->goroutines;

	if (!(gs->flags[index] & GOSPY_GOROUTINE_BUBBLE) || !gs->bubble || printer->minor < 24)
		return;
	gospy_output_string(printer->output,
			    printer->minor == 24 ? ", synctest group " : ", synctest bubble ");
	gospy_output_u64(printer->output, gs->bubble[index]);
}

/** printquoted (runtime/print.go, Go 1.26). */
static void write_quoted(struct gospy_output *output, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t point = 0;

	gospy_output_char(output, '"');
	for (size_t length; *p; p += length ? length : 1) {
		length = gospy_text_decode(p, 4, &point);
		if (!length)
			gospy_output_format(output, "\\x%02x", *p);
		else if (point == '\n' || point == '\r' || point == '\t')
			gospy_output_format(output, "\\%c",
					    point == '\n'   ? 'n'
					    : point == '\r' ? 'r'
							    : 't');
		else if (point == '\\' || point == '"')
			gospy_output_format(output, "\\%c", (char)point);
		else if (point >= ' ' && point <= '~')
			gospy_output_char(output, (char)point);
		else
			gospy_output_format(output,
					    point < 0x7f      ? "\\x%02x"
					    : point < 0x10000 ? "\\u%04x"
							      : "\\U%08x",
					    point);
	}
	gospy_output_char(output, '"');
}

/** tracebackStringNeedsQuoting (Go 1.27); Go 1.26 quoted always. */
static void write_label(struct printer *printer, uint32_t id)
{
	const char *text = gospy_snapshot_string(printer->snapshot, id);
	bool quote = printer->minor == 26;

	for (const char *p = text; *p && !quote; p++)
		quote = !((*p >= 'a' && *p <= 'z') || is_upper(*p) || (*p >= '0' && *p <= '9') ||
			  *p == '.' || *p == '/' || *p == '_');
	if (quote)
		write_quoted(printer->output, text);
	else
		gospy_output_string(printer->output, text);
}

/** GODEBUG=tracebacklabels=1: inside of the brackets in Go 1.26, behind them since. */
static void write_labels(struct printer *printer, uint32_t index)
{
	size_t count;
	const struct gospy_label *labels = gospy_snapshot_labels(printer->snapshot, index, &count);
	bool inside = printer->minor == 26;

	if (!printer->snapshot->traceback_labels || printer->minor < 26 || !count)
		return;
	gospy_output_string(printer->output, inside ? " labels:{" : " {");
	for (size_t i = 0; i < count; i++) {
		if (i)
			gospy_output_string(printer->output, ", ");
		write_label(printer, labels[i].key);
		gospy_output_string(printer->output, ": ");
		write_label(printer, labels[i].value);
	}
	gospy_output_char(printer->output, '}');
}

/** gStatusStrings. */
static const char *status_text(uint8_t status)
{
	if (status == GOSPY_GOROUTINE_DEADEXTRA)
		return "waiting for cgo callback";
	const char *name = gospy_goroutine_status_name(status);
	return strcmp(name, "unknown") == 0 ? "???" : name;
}

/** goroutineheader. */
static void write_header(struct printer *printer, uint32_t index)
{
	const struct gospy_goroutines *gs = &printer->snapshot->goroutines;
	struct gospy_output *output = printer->output;
	uint8_t status = gs->status[index], flags = gs->flags[index];
	bool waiting = status == GOSPY_GOROUTINE_WAITING;
	bool timed = waiting || status == GOSPY_GOROUTINE_SYSCALL;
	uint64_t minutes = timed ? gs->wait_ns[index] / UINT64_C(60000000000) : 0;
	uint32_t reason = waiting || status == GOSPY_GOROUTINE_LEAKED ? gs->wait_reason[index] : 0;

	gospy_output_string(output, "goroutine ");
	gospy_output_u64(output, gs->id[index]);
	gospy_output_string(output, " [");
	if (reason)
		gospy_renderer_string(printer->renderer, reason);
	else
		gospy_output_string(output, status_text(status));
	if (status == GOSPY_GOROUTINE_LEAKED)
		gospy_output_string(output, " (leaked)");
	if (flags & GOSPY_GOROUTINE_SCAN)
		gospy_output_string(output, " (scan)");
	if ((flags & GOSPY_GOROUTINE_BUBBLE) && waiting && printer->minor >= 25 &&
	    is_idle_in_synctest(gospy_snapshot_string(printer->snapshot, reason)))
		gospy_output_string(output, " (durable)");
	if (minutes) {
		gospy_output_string(output, ", ");
		gospy_output_u64(output, minutes);
		gospy_output_string(output, " minutes");
	}
	if (flags & GOSPY_GOROUTINE_LOCKED)
		gospy_output_string(output, ", locked to thread");
	write_bubble(printer, index);
	if (printer->minor <= 26)
		write_labels(printer, index);
	gospy_output_char(output, ']');
	if (printer->minor > 26)
		write_labels(printer, index);
	gospy_output_string(output, ":\n");
}

static void write_goroutine(struct printer *printer, uint32_t index)
{
	const struct gospy_goroutines *gs = &printer->snapshot->goroutines;

	write_header(printer, index);
	if (!gs->stack[index] && gs->status[index] == GOSPY_GOROUTINE_RUNNING)
		gospy_output_string(printer->output,
				    "\tgoroutine running on other thread; stack unavailable\n");
	else if (!write_stack(printer, index, false))
		write_stack(printer, index, true);
	write_creator(printer, index);
}

struct gospy_error *gospy_render_debug2(struct gospy_renderer *renderer)
{
	const struct gospy_snapshot *snapshot = renderer->snapshot;
	_cleanup_free_ uint8_t *visibilities = calloc(snapshot->frames.size + 1, 1);
	struct printer printer = {renderer, snapshot, renderer->output, 0, visibilities};
	const struct gospy_view *view = renderer->view;

	if (!visibilities)
		return &gospy_enomem;
	printer.minor =
		gospy_go_version_parse(gospy_snapshot_string(snapshot, snapshot->go_version)).minor;
	if (printer.minor < 0)
		printer.minor = INT32_MAX;
	for (size_t i = 0; i < view->order.size; i++) {
		if (i)
			gospy_output_char(renderer->output, '\n');
		write_goroutine(&printer, view->order.data[i]);
	}
	return NULL;
}
