/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <gospy/capture.h>
#include <gospy/json.h>
#include <gospy/live.h>
#include <gospy/map.h>
#include <gospy/process_list.h>

/** Hexadecimal digits of a container's id, and how many of them are shown. */
#define CONTAINER_ID 64
#define CONTAINER_SHORT 12

static void row_deinit(struct gospy_process_row *row)
{
	free(row->go_version);
	free(row->main_module);
	free(row->main_version);
	free(row->container);
	free(row->name);
	free(row->exe);
}

void gospy_process_list_deinit(struct gospy_process_list *list)
{
	for (size_t i = 0; i < list->rows.size; i++)
		row_deinit(&list->rows.data[i]);
	gospy_process_row_vec_deinit(&list->rows);
}

struct gospy_error *gospy_container_id(const char *cgroup, char **ret)
{
	size_t digits = 0;
	char *id;

	for (const char *p = cgroup; *p; p++) {
		digits = isxdigit((unsigned char)*p) ? digits + 1 : 0;
		if (digits == CONTAINER_ID && !isxdigit((unsigned char)p[1])) {
			id = strndup(p + 1 - CONTAINER_ID, CONTAINER_SHORT);
			goto out;
		}
	}
	id = strdup("");
out:
	if (!id)
		return &gospy_enomem;
	*ret = id;
	return NULL;
}

/** What cannot be read is no Go program. Lack of memory is another matter. */
static struct gospy_error *unless_fatal(struct gospy_error *err)
{
	if (!err || err->code == GOSPY_ERROR_NO_MEMORY)
		return err;
	gospy_error_destroy(err);
	return NULL;
}

/** Whether an ELF file may be a Go program; reads little more than its headers. */
static struct gospy_error *check_file(int fd, bool *ret)
{
	struct gospy_source source;
	struct gospy_image image;
	struct gospy_error *err = gospy_source_init_map(&source, fd, "executable");

	if (err)
		return unless_fatal(err);
	err = gospy_image_init(&image, &source);
	if (err) {
		gospy_source_deinit(&source);
		return unless_fatal(err);
	}
	*ret = gospy_image_may_be_go(&image);
	gospy_image_deinit(&image);
	return NULL;
}

static struct gospy_error *check_exe(struct gospy_target *target, bool *ret)
{
	_cleanup_close_ int fd = -1;
	struct gospy_error *err = gospy_target_open_exe(target, &fd);

	return err ? err : check_file(fd, ret);
}

/** Whether libraries may be Go, by device and inode: all processes share them. */
struct file_cache {
	struct gospy_map known;
};

static struct gospy_error *check_library(struct gospy_target *target, struct file_cache *cache,
					 const struct gospy_mapping *mapping, const char *path,
					 bool *ret)
{
	uint64_t key = mapping->inode ^ mapping->device << 40;
	uint32_t known = gospy_map_get(&cache->known, key);
	_cleanup_close_ int fd = -1;

	if (known != GOSPY_MAP_NONE) {
		*ret = known;
		return NULL;
	}
	struct gospy_error *err = gospy_target_open_mapping(target, mapping, path, &fd);
	if (err)
		return unless_fatal(err);
	err = check_file(fd, ret);
	if (err)
		return err;
	uint32_t *entry = gospy_map_entry(&cache->known, key);
	if (!entry)
		return &gospy_enomem;
	*entry = *ret;
	return NULL;
}

/** A Go library in a program of another language. */
static struct gospy_error *check_libraries(struct gospy_target *target, struct file_cache *cache,
					   bool *ret)
{
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {};
	struct gospy_error *err = gospy_target_mappings(target, &mappings);

	for (size_t i = 0; !err && !*ret && i < mappings.list.size; i++) {
		const struct gospy_mapping *mapping = &mappings.list.data[i];
		if ((mapping->flags & GOSPY_MAPPING_EXEC) && mapping->inode)
			err = check_library(target, cache, mapping,
					    gospy_mapping_path(&mappings, mapping), ret);
	}
	return err;
}

static struct gospy_error *copy(const struct gospy_snapshot *s, uint32_t id, char **ret)
{
	*ret = strdup(gospy_snapshot_string(s, id));
	return *ret ? NULL : &gospy_enomem;
}

static struct gospy_error *fill_row(const struct gospy_snapshot *s, struct gospy_process_row *row)
{
	struct gospy_error *err = copy(s, s->go_version, &row->go_version);

	row->pid = s->pid;
	row->resident_size = s->resident_size;
	row->threads = s->threads.size;
	for (uint32_t i = 0; i < s->goroutines.count; i++)
		row->goroutines += !(s->goroutines.flags[i] & GOSPY_GOROUTINE_SYSTEM);
	if (!err)
		err = copy(s, s->main_module, &row->main_module);
	if (!err)
		err = copy(s, s->main_version, &row->main_version);
	if (!err)
		err = copy(s, s->name, &row->name);
	if (!err)
		err = copy(s, s->exe, &row->exe);
	if (!err)
		err = gospy_container_id(gospy_snapshot_string(s, s->cgroup), &row->container);
	return err;
}

static struct gospy_error *look_into(struct gospy_target *target, struct gospy_process_list *list)
{
	const struct gospy_program_options options = {};
	const struct gospy_capture_request request = {.stop = GOSPY_STOP_NONE, .passive = true};
	_cleanup_snapshot_ struct gospy_snapshot *snapshot = NULL;
	struct gospy_program *program = NULL;
	struct gospy_process_row row = {};
	struct gospy_error *err = gospy_program_open(target, &options, &program);

	if (!err)
		err = gospy_capture_take(program, &request, &snapshot);
	gospy_program_close(program);
	if (!err)
		err = fill_row(snapshot, &row);
	if (!err && !gospy_process_row_vec_append(&list->rows, row))
		err = &gospy_enomem;
	if (err)
		row_deinit(&row);
	return err;
}

static struct gospy_error *try_look(pid_t pid, struct file_cache *cache,
				    struct gospy_process_list *list, bool *ret_is_go)
{
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_error *err = gospy_live_open(pid, &target);

	if (!err)
		err = check_exe(target, ret_is_go);
	if (!err && !*ret_is_go)
		err = check_libraries(target, cache, ret_is_go);
	return !err && *ret_is_go ? look_into(target, list) : err;
}

static struct gospy_error *look_at(pid_t pid, struct file_cache *cache,
				   struct gospy_process_list *list)
{
	bool is_go = false;
	struct gospy_error *err = try_look(pid, cache, list, &is_go);

	/* It may have replaced its program meanwhile: the new one is looked at then. */
	if (err && is_go && err->code != GOSPY_ERROR_PERMISSION) {
		gospy_error_destroy(err);
		is_go = false;
		err = try_look(pid, cache, list, &is_go);
	}
	if (gospy_error_catch(&err, GOSPY_ERROR_EXITED) ||
	    gospy_error_catch(&err, GOSPY_ERROR_NOT_GO))
		return NULL;
	if (gospy_error_catch(&err, GOSPY_ERROR_PERMISSION)) {
		if (!list->not_permitted++)
			list->first_not_permitted = pid;
		return NULL;
	}
	if (!err || err->code == GOSPY_ERROR_NO_MEMORY)
		return err;
	gospy_error_destroy(err);
	if (is_go && !list->failed++)
		list->first_failed = pid;
	return NULL;
}

struct gospy_error *gospy_process_list_init(struct gospy_process_list *list)
{
	_cleanup_(gospy_pid_vec_deinit) struct gospy_pid_vec pids = {};
	struct gospy_process_list made = {};
	struct file_cache cache = {};
	struct gospy_error *err = gospy_live_list(&pids);

	for (size_t i = 0; !err && i < pids.size; i++)
		err = look_at(pids.data[i], &cache, &made);
	gospy_map_deinit(&cache.known);
	if (err) {
		gospy_process_list_deinit(&made);
		return err;
	}
	*list = made;
	return NULL;
}

#define NUM_COLUMNS 9

/** One cell as text, in `text` or pointing into the row. */
static const char *cell(const struct gospy_process_row *row, int column, char text[32])
{
	const char *strings[NUM_COLUMNS] = {[1] = row->go_version,
					    [2] = row->main_module,
					    [3] = row->main_version,
					    [7] = row->container,
					    [8] = row->name};
	const uint64_t numbers[NUM_COLUMNS] = {[0] = (uint64_t)row->pid,
					       [4] = row->goroutines,
					       [5] = row->threads,
					       [6] = row->resident_size >> 20};

	if (strings[column])
		return *strings[column] ? strings[column] : "-";
	snprintf(text, 32, column == 6 ? "%lluM" : "%llu", (unsigned long long)numbers[column]);
	return text;
}

static bool is_number(int column)
{
	return column == 0 || (column >= 4 && column <= 6);
}

static void write_cell(struct gospy_output *output, const char *text, size_t width, bool right,
		       bool last)
{
	size_t length = strlen(text);
	int padding = length < width ? (int)(width - length) : 0;

	if (right)
		gospy_output_format(output, "%*s", padding, "");
	gospy_output_escaped(output, text, length);
	if (!right && !last)
		gospy_output_format(output, "%*s", padding, "");
	gospy_output_string(output, last ? "\n" : "  ");
}

void gospy_process_list_text(const struct gospy_process_list *list, struct gospy_output *output)
{
	static const char *const heads[NUM_COLUMNS] = {"PID",	  "GO",		"MODULE",
						       "VERSION", "GOROUTINES", "THREADS",
						       "RSS",	  "CONTAINER",	"COMMAND"};
	size_t widths[NUM_COLUMNS];
	char text[32];

	for (int column = 0; column < NUM_COLUMNS; column++) {
		widths[column] = strlen(heads[column]);
		for (size_t i = 0; i < list->rows.size; i++) {
			size_t length = strlen(cell(&list->rows.data[i], column, text));
			if (length > widths[column])
				widths[column] = length;
		}
	}
	for (int column = 0; column < NUM_COLUMNS; column++)
		write_cell(output, heads[column], widths[column], is_number(column),
			   column == NUM_COLUMNS - 1);
	for (size_t i = 0; i < list->rows.size; i++) {
		for (int column = 0; column < NUM_COLUMNS; column++)
			write_cell(output, cell(&list->rows.data[i], column, text), widths[column],
				   is_number(column), column == NUM_COLUMNS - 1);
	}
}

void gospy_process_list_json(const struct gospy_process_list *list, struct gospy_output *output)
{
	struct gospy_json json;

	gospy_json_init(&json, output);
	gospy_json_object(&json, NULL);
	gospy_json_array(&json, "processes");
	for (size_t i = 0; i < list->rows.size; i++) {
		const struct gospy_process_row *row = &list->rows.data[i];
		gospy_json_object(&json, NULL);
		gospy_json_i64(&json, "pid", row->pid);
		gospy_json_string(&json, "go_version", row->go_version);
		gospy_json_string(&json, "main_module", row->main_module);
		gospy_json_string(&json, "main_version", row->main_version);
		gospy_json_u64(&json, "goroutines", row->goroutines);
		gospy_json_u64(&json, "threads", row->threads);
		gospy_json_u64(&json, "rss", row->resident_size);
		gospy_json_string(&json, "container", row->container);
		gospy_json_string(&json, "name", row->name);
		gospy_json_string(&json, "exe", row->exe);
		gospy_json_object_end(&json);
	}
	gospy_json_array_end(&json);
	gospy_json_u64(&json, "not_permitted", list->not_permitted);
	gospy_json_u64(&json, "failed", list->failed);
	gospy_json_object_end(&json);
	gospy_output_char(output, '\n');
}
