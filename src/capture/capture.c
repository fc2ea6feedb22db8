/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include <gospy/clock.h>
#include <gospy/text.h>

#include "capture_private.h"

struct gospy_error *capture_intern(struct capture *c, const char *text, uint32_t *ret)
{
	return gospy_strings_intern(&c->snapshot->strings, text, strlen(text), ret);
}

struct gospy_error *capture_warn(struct capture *c, const char *format, ...)
{
	va_list args;
	uint32_t id;

	va_start(args, format);
	_cleanup_free_ char *text = gospy_text_vformat(format, args);
	va_end(args);
	if (!text)
		return &gospy_enomem;
	struct gospy_error *err = capture_intern(c, text, &id);
	if (!err && !gospy_u32_vec_append(&c->snapshot->warnings, id))
		return &gospy_enomem;
	return err;
}

struct gospy_error *capture_list(struct capture *c, uint64_t address, uint64_t max,
				 const char *what, struct gospy_slice *ret)
{
	struct gospy_slice slice;
	struct gospy_error *err =
		gospy_target_read(c->program->target, address, &slice, sizeof(slice));

	if (err)
		return gospy_error_wrap(err, "cannot read the list of %s", what);
	if (slice.size > max)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "the list of %s claims %llu entries", what,
					  (unsigned long long)slice.size);
	*ret = slice;
	return NULL;
}

static void capture_deinit(struct capture *c)
{
	gospy_snapshot_destroy(c->snapshot);
	gospy_unwind_cache_destroy(c->cache);
	gospy_u32_vec_deinit(&c->wait_reasons);
	g_row_vec_deinit(&c->rows);
	m_row_vec_deinit(&c->ms);
	gospy_map_deinit(&c->m_index);
	gospy_map_deinit(&c->tree);
	gospy_unwind_frame_vec_deinit(&c->frames);
	gospy_u32_vec_deinit(&c->deep);
	gospy_u32_vec_deinit(&c->batch);
	gospy_u32_vec_deinit(&c->changed);
	gospy_u8_vec_deinit(&c->window);
	label_set_vec_deinit(&c->label_sets);
	gospy_label_vec_deinit(&c->label_pairs);
	gospy_map_deinit(&c->label_index);
	gospy_u64_vec_deinit(&c->bubble_ids);
	gospy_map_deinit(&c->bubble_index);
	gospy_u32_vec_deinit(&c->arguments);
}

/** Whether `[text, end)` sets tracebacklabels, and to what; -1 where it does not. The last setting
 * counts. */
static int labels_setting(const char *text, const char *end)
{
	static const char name[] = "tracebacklabels=";
	int value = -1;

	while ((text = strstr(text, name)) && text < end) {
		text += sizeof(name) - 1;
		value = *text == '1';
	}
	return value;
}

/**
 * Whether tracebacks show labels, as far as the binary decides it: GODEBUG=tracebacklabels is on
 * from Go 1.27 (runtime/runtime1.go) unless the build settings say otherwise, as they do for
 * modules of an older language version (cmd/go's DefaultGODEBUG, internal/godebugs/table.go).
 */
static bool shows_labels(const struct gospy_program *program, const char *godebug)
{
	const char *settings = strstr(program->modinfo, "\tDefaultGODEBUG=");
	const char *end = settings ? strchr(settings, '\n') : NULL;
	int setting = labels_setting(godebug, godebug + strlen(godebug));

	if (setting < 0 && settings)
		setting = labels_setting(settings, end ? end : settings + strlen(settings));
	if (setting >= 0)
		return setting;
	return program->version.minor < 0 || program->version.minor >= 27;
}

/** What was read of the process before: version, module, build id. */
static struct gospy_error *describe_program(struct capture *c)
{
	const struct gospy_program *program = c->program;
	const struct gospy_image *image = program->modules.data[0].image;
	struct gospy_snapshot *s = c->snapshot;
	_cleanup_free_ char *path = NULL, *version = NULL;

	s->arch = program->arch;
	s->pie = image->dynamic;
	s->has_dwarf = program->has_dwarf;
	struct gospy_error *err = gospy_buildinfo_main_module(program->modinfo, &path, &version);
	if (!err)
		err = capture_intern(c, path, &s->main_module);
	if (!err)
		err = capture_intern(c, version, &s->main_version);
	if (!err)
		err = capture_intern(c, program->go_version, &s->go_version);
	if (!err)
		err = capture_intern(c, image->build_id[0] ? image->build_id : image->go_build_id,
				     &s->build_id);
	if (!err)
		err = capture_intern(c, gospy_layout_source_name(program->layout.source),
				     &s->layout);
	for (uint32_t i = 0; !err && i < program->num_warnings; i++)
		err = capture_warn(c, "%s", program->warnings[i]);
	return err;
}

static struct gospy_error *describe_process(struct capture *c, int64_t *ret_clock_offset,
					    uint64_t *ret_frozen_at)
{
	struct gospy_target_info info;
	struct gospy_snapshot *s = c->snapshot;
	struct gospy_error *err = gospy_target_info(c->program->target, &info);

	if (err)
		return err;
	s->pid = info.pid;
	s->exe_deleted = info.exe_deleted;
	s->resident_size = info.resident_size;
	s->traceback_labels = shows_labels(c->program, info.godebug);
	*ret_clock_offset = info.monotonic_offset_ns;
	*ret_frozen_at = info.frozen_at_ns;
	err = capture_intern(c, info.exe, &s->exe);
	if (!err)
		err = capture_intern(c, info.name, &s->name);
	if (!err)
		err = capture_intern(c, info.cgroup, &s->cgroup);
	gospy_target_info_deinit(&info);
	return err;
}

/** The mapped file that holds the module's text, for profiles. */
static struct gospy_error *add_module(struct capture *c, const struct gospy_module *module,
				      const struct gospy_mappings *mappings)
{
	const struct gospy_mapping *mapping = gospy_mappings_find(mappings, module->text);
	struct gospy_snapshot_module row = {.start = module->text, .end = module->etext};
	const char *path = mapping ? gospy_mapping_path(mappings, mapping) : "";

	if (mapping) {
		row.start = mapping->start;
		row.end = mapping->end;
		row.offset = mapping->offset;
	}
	struct gospy_error *err = capture_intern(c, path, &row.path);
	if (!err)
		err = capture_intern(c,
				     module->image->build_id[0] ? module->image->build_id
								: module->image->go_build_id,
				     &row.build_id);
	if (!err && !gospy_snapshot_module_vec_append(&c->snapshot->modules, row))
		return &gospy_enomem;
	return err;
}

static struct gospy_error *describe_modules(struct capture *c)
{
	struct gospy_mappings mappings;
	struct gospy_error *err = gospy_target_mappings(c->program->target, &mappings);

	if (err)
		return err;
	for (size_t i = 0; !err && i < c->program->modules.size; i++)
		err = add_module(c, &c->program->modules.data[i], &mappings);
	gospy_mappings_deinit(&mappings);
	return err;
}

/** Everything that must be of one moment. */
static struct gospy_error *read_process(struct capture *c)
{
	struct gospy_error *err = capture_ms(c);

	if (!err)
		err = capture_processors(c);
	if (!err)
		err = capture_goroutines(c);
	if (!err)
		err = capture_read_labels(c);
	if (!err)
		err = capture_stacks(c);
	/* Those of goroutines that were read again. */
	return err ? err : capture_read_labels(c);
}

/*
 * `auto` is `none` for now and always says so: the only thing that a stop adds is consistency
 * between goroutines, and nothing that is asked of a snapshot yet needs that more than the process
 * needs to run.
 */
static enum gospy_stop_mode resolve_mode(enum gospy_stop_mode mode)
{
	return mode == GOSPY_STOP_AUTO ? GOSPY_STOP_NONE : mode;
}

static struct gospy_error *let_go(struct capture *c)
{
	c->held = false;
	return gospy_target_resume(c->program->target, &c->snapshot->pause_ns);
}

struct gospy_error *capture_mind_pause(struct capture *c)
{
	uint64_t max = c->request->max_pause_ns;

	if (!c->held || !max || gospy_clock_monotonic_ns() - c->held_since_ns < max)
		return NULL;
	struct gospy_error *err = let_go(c);
	if (err)
		return err;
	return capture_warn(c,
			    "the process was let go after %.1f ms (--max-pause); the rest was "
			    "read without a stop",
			    (double)c->snapshot->pause_ns / 1e6);
}

/*
 * Stacks are walked while the process is held: to walk them afterwards all their bytes would have
 * to be kept, and more than half of the time goes into copying them as it is.
 */
static struct gospy_error *read_held(struct capture *c)
{
	/* From before the first thread stops: the wait for the others is part of the pause. */
	c->held_since_ns = gospy_clock_monotonic_ns();
	struct gospy_error *err = gospy_target_stop(c->program->target);

	if (err)
		return err;
	c->held = true;
	err = read_process(c);
	if (!c->held)
		return err;
	struct gospy_error *resume_err = let_go(c);
	if (err) {
		gospy_error_destroy(resume_err);
		return err;
	}
	return resume_err;
}

static struct gospy_error *take(struct capture *c)
{
	struct gospy_snapshot *s = c->snapshot;
	uint64_t frozen_at = 0, start = gospy_clock_monotonic_ns();
	int64_t clock_offset = 0;

	s->time_ns = gospy_clock_realtime_ns();
	s->stop = resolve_mode(c->request->stop);
	struct gospy_error *err = describe_process(c, &clock_offset, &frozen_at);
	if (!err)
		err = gospy_program_refresh(c->program);
	/* Before a stop, which is a state of its own. */
	if (!err)
		err = gospy_target_threads(c->program->target, &s->threads);
	if (err)
		return err;
	c->target_now_ns =
		frozen_at ? frozen_at : gospy_clock_monotonic_ns() + (uint64_t)clock_offset;
	err = s->stop == GOSPY_STOP_PTRACE ? read_held(c) : read_process(c);
	s->duration_ns = gospy_clock_monotonic_ns() - start;
	if (!err)
		err = describe_program(c);
	if (!err)
		err = describe_modules(c);
	return err ? err : capture_finish(c);
}

struct gospy_error *gospy_capture_take(struct gospy_program *program,
				       const struct gospy_capture_request *request,
				       struct gospy_snapshot **ret)
{
	struct gospy_capture_request wanted = *request;
	_cleanup_(capture_deinit) struct capture c = {.program = program, .request = &wanted};

	/* Arguments are of frames. */
	wanted.arguments = request->arguments && request->stacks;
	struct gospy_error *err = gospy_snapshot_create(&c.snapshot);

	if (!err)
		err = gospy_unwind_cache_create(program, &c.cache);
	if (!err)
		err = take(&c);
	if (err)
		return err;
	*ret = take_ptr(c.snapshot);
	return NULL;
}
