/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include <gospy/cleanup.h>

#include "profile.pb-c.h"
#include "render_common.h"

/**
 * The goroutine profile: one sample for each stack and set of labels, its value the number of
 * goroutines. It is written piece by piece: the encodings of two messages one after the other are
 * the encoding of the two merged, so each sample, location, function and string is a Profile of its
 * own.
 */
struct profile {
	const struct gospy_snapshot *snapshot;
	struct gospy_output *output;
	z_stream gzip;
	bool gzip_open;
	/** One encoded piece. */
	struct gospy_u8_vec piece;
	/** String table of the profile. */
	struct gospy_strings strings;
	/** Which locations were written; their ids are their numbers in the snapshot. */
	uint8_t *written;
	/** Ids, from 1, by (function, file). */
	struct gospy_map functions;
	/** Number of a sample by (label set, stack); label sets are told apart by the bytes of
	 * their pairs. */
	struct gospy_map samples;
	struct gospy_strings label_sets;
	/** Of each sample: a goroutine that has it, and how many do. */
	struct gospy_u32_vec first;
	struct gospy_u32_vec counts;
};

static void profile_deinit(struct profile *profile)
{
	if (profile->gzip_open)
		deflateEnd(&profile->gzip);
	gospy_u8_vec_deinit(&profile->piece);
	gospy_strings_deinit(&profile->strings);
	free(profile->written);
	gospy_map_deinit(&profile->functions);
	gospy_map_deinit(&profile->samples);
	gospy_strings_deinit(&profile->label_sets);
	gospy_u32_vec_deinit(&profile->first);
	gospy_u32_vec_deinit(&profile->counts);
}

static struct gospy_error *profile_init(struct profile *profile, struct gospy_renderer *renderer)
{
	*profile = (struct profile){.snapshot = renderer->snapshot, .output = renderer->output};
	profile->written = calloc(renderer->snapshot->locations.size + 1, 1);
	if (!profile->written)
		return &gospy_enomem;
	/* 16 more than the largest window asks for a gzip header. */
	if (deflateInit2(&profile->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return &gospy_enomem;
	profile->gzip_open = true;
	struct gospy_error *err = gospy_strings_init(&profile->strings);
	return err ? err : gospy_strings_init(&profile->label_sets);
}

/** Compresses `size` bytes at `data` to the output; `flush` is Z_NO_FLUSH or, at the end, Z_FINISH.
 */
static void compress_bytes(struct profile *profile, uint8_t *data, size_t size, int flush)
{
	unsigned char buffer[4096];

	profile->gzip.next_in = data;
	profile->gzip.avail_in = (uInt)size;
	do {
		profile->gzip.next_out = buffer;
		profile->gzip.avail_out = sizeof(buffer);
		deflate(&profile->gzip, flush);
		gospy_output_write(profile->output, buffer,
				   sizeof(buffer) - profile->gzip.avail_out);
	} while (profile->gzip.avail_out == 0);
}

static struct gospy_error *write_piece(struct profile *profile,
				       const Gospy__Profile__Profile *piece)
{
	size_t size = gospy__profile__profile__get_packed_size(piece);

	if (size > UINT32_MAX || !gospy_u8_vec_resize(&profile->piece, size))
		return &gospy_enomem;
	gospy__profile__profile__pack(piece, profile->piece.data);
	compress_bytes(profile, profile->piece.data, size, Z_NO_FLUSH);
	return NULL;
}

static struct gospy_error *intern(struct profile *profile, const char *text, int64_t *ret)
{
	uint32_t id;
	struct gospy_error *err = gospy_strings_intern(&profile->strings, text, strlen(text), &id);

	if (!err)
		*ret = id;
	return err;
}

/** The profile's number for string `id` of the snapshot. */
static struct gospy_error *intern_string(struct profile *profile, uint32_t id, int64_t *ret)
{
	return intern(profile, gospy_snapshot_string(profile->snapshot, id), ret);
}

static struct gospy_error *write_head(struct profile *profile)
{
	const struct gospy_snapshot *snapshot = profile->snapshot;
	Gospy__Profile__Profile piece = GOSPY__PROFILE__PROFILE__INIT;
	Gospy__Profile__ValueType type = GOSPY__PROFILE__VALUE_TYPE__INIT;
	Gospy__Profile__ValueType *types[] = {&type};
	int64_t comments[2];
	char pid[32];

	snprintf(pid, sizeof(pid), "pid %d", snapshot->pid);
	struct gospy_error *err = intern(profile, "goroutine", &type.type);
	if (!err)
		err = intern(profile, "count", &type.unit);
	if (!err)
		err = intern(profile, pid, &comments[0]);
	if (!err)
		err = intern_string(profile, snapshot->go_version, &comments[1]);
	if (err)
		return err;
	piece.n_sample_type = 1;
	piece.sample_type = types;
	piece.period_type = &type;
	piece.period = 1;
	piece.default_sample_type = type.type;
	piece.time_nanos = (int64_t)snapshot->time_ns;
	piece.duration_nanos = (int64_t)snapshot->duration_ns;
	piece.n_comment = 2;
	piece.comment = comments;
	return write_piece(profile, &piece);
}

static struct gospy_error *write_mapping(struct profile *profile, uint64_t id,
					 const struct gospy_snapshot_module *module)
{
	Gospy__Profile__Profile piece = GOSPY__PROFILE__PROFILE__INIT;
	Gospy__Profile__Mapping mapping = GOSPY__PROFILE__MAPPING__INIT;
	Gospy__Profile__Mapping *mappings[] = {&mapping};

	mapping.id = id;
	mapping.memory_start = module->start;
	mapping.memory_limit = module->end;
	mapping.file_offset = module->offset;
	mapping.has_functions = mapping.has_filenames = true;
	mapping.has_line_numbers = mapping.has_inline_frames = true;
	struct gospy_error *err = intern_string(profile, module->path, &mapping.filename);
	if (!err)
		err = intern_string(profile, module->build_id, &mapping.build_id);
	if (err)
		return err;
	piece.n_mapping = 1;
	piece.mapping = mappings;
	return write_piece(profile, &piece);
}

/** Mapping ids are module numbers plus one. Without any module, the executable is all there is. */
static struct gospy_error *write_mappings(struct profile *profile)
{
	const struct gospy_snapshot *snapshot = profile->snapshot;
	struct gospy_snapshot_module exe = {.path = snapshot->exe, .build_id = snapshot->build_id};
	struct gospy_error *err = NULL;

	if (!snapshot->modules.size)
		return write_mapping(profile, 1, &exe);
	for (size_t i = 0; i < snapshot->modules.size && !err; i++)
		err = write_mapping(profile, i + 1, &snapshot->modules.data[i]);
	return err;
}

/** 0, no mapping, for what is in no module. */
static uint64_t mapping_id(const struct gospy_snapshot *snapshot, uint32_t module)
{
	if (!snapshot->modules.size)
		return 1;
	return module < snapshot->modules.size ? (uint64_t)module + 1 : 0;
}

/** The id of the function of `frame`, which is written if it is new. */
static struct gospy_error *function_id(struct profile *profile, const struct gospy_frame *frame,
				       uint64_t *ret)
{
	Gospy__Profile__Profile piece = GOSPY__PROFILE__PROFILE__INIT;
	Gospy__Profile__Function function = GOSPY__PROFILE__FUNCTION__INIT;
	Gospy__Profile__Function *functions[] = {&function};
	uint32_t *id =
		gospy_map_entry(&profile->functions, (uint64_t)frame->function << 32 | frame->file);

	if (!id)
		return &gospy_enomem;
	if (*id != GOSPY_MAP_NONE) {
		*ret = *id;
		return NULL;
	}
	*id = (uint32_t)profile->functions.size;
	*ret = function.id = *id;
	function.start_line = frame->start_line;
	struct gospy_error *err = intern_string(profile, frame->function, &function.name);
	if (!err)
		err = intern_string(profile, frame->file, &function.filename);
	if (err)
		return err;
	function.system_name = function.name;
	piece.n_function = 1;
	piece.function = functions;
	return write_piece(profile, &piece);
}

/** Lines of one location, and the pointers to them that the encoder wants. */
struct line_list {
	Gospy__Profile__Line *lines;
	Gospy__Profile__Line **pointers;
	size_t size;
};

static void line_list_deinit(struct line_list *list)
{
	free(list->lines);
	free(list->pointers);
}

static struct gospy_error *make_lines(struct profile *profile, const struct gospy_frame *frames,
				      uint32_t count, struct line_list *list)
{
	list->lines = calloc(count + 1, sizeof(*list->lines));
	list->pointers = calloc(count + 1, sizeof(*list->pointers));
	if (!list->lines || !list->pointers)
		return &gospy_enomem;
	for (uint32_t i = 0; i < count; i++) {
		Gospy__Profile__Line *line = &list->lines[list->size];
		if (frames[i].flags & GOSPY_FRAME_WRAPPER)
			continue;
		gospy__profile__line__init(line);
		list->pointers[list->size++] = line;
		line->line = frames[i].line;
		struct gospy_error *err = function_id(profile, &frames[i], &line->function_id);
		if (err)
			return err;
	}
	return NULL;
}

static struct gospy_error *write_location(struct profile *profile, uint32_t number)
{
	const struct gospy_location *l = &profile->snapshot->locations.data[number];
	_cleanup_(line_list_deinit) struct line_list list = {};
	Gospy__Profile__Profile piece = GOSPY__PROFILE__PROFILE__INIT;
	Gospy__Profile__Location location = GOSPY__PROFILE__LOCATION__INIT;
	Gospy__Profile__Location *locations[] = {&location};
	uint32_t count;
	const struct gospy_frame *frames =
		gospy_stack_walk_frames(profile->snapshot, number, &count);

	if (profile->written[number])
		return NULL;
	profile->written[number] = 1;
	struct gospy_error *err = make_lines(profile, frames, count, &list);
	if (err)
		return err;
	location.id = number;
	location.mapping_id = mapping_id(profile->snapshot, l->module);
	/* pprof wants an address inside of the call, as runtime/pprof writes it. */
	location.address = l->exact || !l->pc ? l->pc : l->pc - 1;
	location.n_line = list.size;
	location.line = list.pointers;
	piece.n_location = 1;
	piece.location = locations;
	return write_piece(profile, &piece);
}

/** Whether nothing of the location is left without compiler-made wrappers, which profiles leave
 * out. */
static bool is_wrapper_alone(const struct gospy_stack_walk *walk)
{
	for (uint32_t i = 0; i < walk->num_frames; i++) {
		if (!(walk->frames[i].flags & GOSPY_FRAME_WRAPPER))
			return false;
	}
	return true;
}

/** Appends the location ids of a stack, innermost first; locations not yet written are. */
static struct gospy_error *collect_locations(struct profile *profile, uint32_t node,
					     struct gospy_u64_vec *ids)
{
	struct gospy_stack_walk walk;

	gospy_stack_walk_init(&walk, profile->snapshot, node);
	while (gospy_stack_walk_next(&walk)) {
		if (is_wrapper_alone(&walk))
			continue;
		if (!gospy_u64_vec_append(ids, walk.location))
			return &gospy_enomem;
		struct gospy_error *err = write_location(profile, walk.location);
		if (err)
			return err;
	}
	return NULL;
}

static struct gospy_error *count_sample(struct profile *profile, uint32_t index)
{
	size_t num_labels;
	const struct gospy_label *labels =
		gospy_snapshot_labels(profile->snapshot, index, &num_labels);
	uint32_t set = 0;
	struct gospy_error *err = NULL;

	if (num_labels)
		err = gospy_strings_intern(&profile->label_sets, labels,
					   num_labels * sizeof(*labels), &set);
	if (err)
		return err;
	uint32_t *sample =
		gospy_map_entry(&profile->samples,
				(uint64_t)set << 32 | profile->snapshot->goroutines.stack[index]);
	if (!sample)
		return &gospy_enomem;
	if (*sample == GOSPY_MAP_NONE) {
		*sample = (uint32_t)profile->counts.size;
		if (!gospy_u32_vec_append(&profile->first, index) ||
		    !gospy_u32_vec_append(&profile->counts, 0))
			return &gospy_enomem;
	}
	profile->counts.data[*sample]++;
	return NULL;
}

/** Labels of one sample, and the pointers to them that the encoder wants. */
struct label_list {
	Gospy__Profile__Label *labels;
	Gospy__Profile__Label **pointers;
	size_t count;
};

static void label_list_deinit(struct label_list *list)
{
	free(list->labels);
	free(list->pointers);
}

static struct gospy_error *make_labels(struct profile *profile, uint32_t index,
				       struct label_list *list)
{
	const struct gospy_label *labels =
		gospy_snapshot_labels(profile->snapshot, index, &list->count);
	struct gospy_error *err = NULL;

	list->labels = calloc(list->count + 1, sizeof(*list->labels));
	list->pointers = calloc(list->count + 1, sizeof(*list->pointers));
	if (!list->labels || !list->pointers)
		return &gospy_enomem;
	for (size_t i = 0; i < list->count && !err; i++) {
		gospy__profile__label__init(&list->labels[i]);
		list->pointers[i] = &list->labels[i];
		err = intern_string(profile, labels[i].key, &list->labels[i].key);
		if (!err)
			err = intern_string(profile, labels[i].value, &list->labels[i].str);
	}
	return err;
}

static struct gospy_error *write_sample(struct profile *profile, uint32_t index, int64_t count)
{
	_cleanup_(label_list_deinit) struct label_list list = {};
	_cleanup_(gospy_u64_vec_deinit) struct gospy_u64_vec ids = {};
	Gospy__Profile__Profile piece = GOSPY__PROFILE__PROFILE__INIT;
	Gospy__Profile__Sample sample = GOSPY__PROFILE__SAMPLE__INIT;
	Gospy__Profile__Sample *samples[] = {&sample};
	struct gospy_error *err = make_labels(profile, index, &list);

	if (!err)
		err = collect_locations(profile, profile->snapshot->goroutines.stack[index], &ids);
	if (err)
		return err;
	sample.n_location_id = ids.size;
	sample.location_id = ids.data;
	sample.n_value = 1;
	sample.value = &count;
	sample.n_label = list.count;
	sample.label = list.pointers;
	piece.n_sample = 1;
	piece.sample = samples;
	return write_piece(profile, &piece);
}

static struct gospy_error *write_samples(struct profile *profile, const struct gospy_view *view)
{
	struct gospy_error *err = NULL;

	for (size_t i = 0; i < view->order.size && !err; i++)
		err = count_sample(profile, view->order.data[i]);
	for (size_t i = 0; i < profile->counts.size && !err; i++)
		err = write_sample(profile, profile->first.data[i], profile->counts.data[i]);
	return err;
}

static struct gospy_error *write_string_table(struct profile *profile)
{
	struct gospy_error *err = NULL;

	for (uint32_t i = 0; i < gospy_strings_count(&profile->strings) && !err; i++) {
		_cleanup_free_ char *copy = strdup(gospy_string(&profile->strings, i));
		Gospy__Profile__Profile piece = GOSPY__PROFILE__PROFILE__INIT;
		if (!copy)
			return &gospy_enomem;
		piece.n_string_table = 1;
		piece.string_table = &copy;
		err = write_piece(profile, &piece);
	}
	return err;
}

struct gospy_error *gospy_render_pprof(struct gospy_renderer *renderer)
{
	_cleanup_(profile_deinit) struct profile profile = {};
	struct gospy_error *err = profile_init(&profile, renderer);

	if (!err)
		err = write_head(&profile);
	if (!err)
		err = write_mappings(&profile);
	if (!err)
		err = write_samples(&profile, renderer->view);
	if (!err)
		err = write_string_table(&profile);
	if (!err)
		compress_bytes(&profile, NULL, 0, Z_FINISH);
	return err;
}
