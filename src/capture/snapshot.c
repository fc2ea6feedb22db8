/* SPDX-License-Identifier: MIT */
#include <gospy/snapshot.h>

const char *gospy_goroutine_status_name(uint8_t status)
{
	static const char *const names[] = {
		[GOSPY_GOROUTINE_IDLE] = "idle",
		[GOSPY_GOROUTINE_RUNNABLE] = "runnable",
		[GOSPY_GOROUTINE_RUNNING] = "running",
		[GOSPY_GOROUTINE_SYSCALL] = "syscall",
		[GOSPY_GOROUTINE_WAITING] = "waiting",
		[GOSPY_GOROUTINE_DEAD] = "dead",
		[GOSPY_GOROUTINE_COPYSTACK] = "copystack",
		[GOSPY_GOROUTINE_PREEMPTED] = "preempted",
		[GOSPY_GOROUTINE_LEAKED] = "leaked",
		[GOSPY_GOROUTINE_DEADEXTRA] = "dead",
	};
	bool known = status < sizeof(names) / sizeof(names[0]) && names[status];

	return known ? names[status] : "unknown";
}

const char *gospy_processor_status_name(uint32_t status)
{
	static const char *const names[] = {"idle", "running", "syscall", "gcstop", "dead"};

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}

const char *gospy_stop_mode_name(enum gospy_stop_mode mode)
{
	static const char *const names[] = {
		[GOSPY_STOP_AUTO] = "auto",
		[GOSPY_STOP_NONE] = "none",
		[GOSPY_STOP_PTRACE] = "ptrace",
	};

	return (size_t)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

struct gospy_error *gospy_snapshot_create(struct gospy_snapshot **ret)
{
	_cleanup_snapshot_ struct gospy_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return &gospy_enomem;
	struct gospy_error *err = gospy_strings_init(&snapshot->strings);
	if (err)
		return err;
	if (!gospy_stack_node_vec_append(&snapshot->nodes, (struct gospy_stack_node){}) ||
	    !gospy_location_vec_append(&snapshot->locations,
				       (struct gospy_location){.module = UINT32_MAX}))
		return &gospy_enomem;
	*ret = take_ptr(snapshot);
	return NULL;
}

/** The columns that every goroutine has, and the bytes of one value. */
#define FOR_EACH_COLUMN(g, do_column)                                                              \
	do_column((g)->id);                                                                        \
	do_column((g)->status);                                                                    \
	do_column((g)->wait_reason);                                                               \
	do_column((g)->wait_ns);                                                                   \
	do_column((g)->thread);                                                                    \
	do_column((g)->parent_id);                                                                 \
	do_column((g)->flags);                                                                     \
	do_column((g)->creator);                                                                   \
	do_column((g)->start);                                                                     \
	do_column((g)->stack);                                                                     \
	do_column((g)->address)

static void free_columns(struct gospy_goroutines *g)
{
	FOR_EACH_COLUMN(g, free);
	free(g->label_start);
	free(g->argument_start);
	free(g->bubble);
}

struct gospy_error *gospy_snapshot_reserve(struct gospy_snapshot *snapshot, uint32_t count)
{
	struct gospy_goroutines g = {};
	size_t room = count ? count : 1;
	bool complete = true;

#define ALLOCATE(column) complete = ((column) = calloc(room, sizeof(*(column)))) && complete
	FOR_EACH_COLUMN(&g, ALLOCATE);
#undef ALLOCATE
	if (!complete) {
		free_columns(&g);
		return &gospy_enomem;
	}
	free_columns(&snapshot->goroutines);
	snapshot->goroutines = g;
	return NULL;
}

void gospy_snapshot_destroy(struct gospy_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free_columns(&snapshot->goroutines);
	gospy_strings_deinit(&snapshot->strings);
	gospy_thread_vec_deinit(&snapshot->threads);
	gospy_processor_vec_deinit(&snapshot->processors);
	gospy_stack_node_vec_deinit(&snapshot->nodes);
	gospy_location_vec_deinit(&snapshot->locations);
	gospy_frame_vec_deinit(&snapshot->frames);
	gospy_label_vec_deinit(&snapshot->label_pairs);
	gospy_u32_vec_deinit(&snapshot->arguments);
	gospy_snapshot_module_vec_deinit(&snapshot->modules);
	gospy_u32_vec_deinit(&snapshot->warnings);
	free(snapshot);
}

const struct gospy_label *gospy_snapshot_labels(const struct gospy_snapshot *snapshot,
						uint32_t index, size_t *ret_count)
{
	const uint32_t *starts = snapshot->goroutines.label_start;

	*ret_count = 0;
	if (!starts || starts[index] >= starts[index + 1] ||
	    starts[index + 1] > snapshot->label_pairs.size)
		return NULL;
	*ret_count = starts[index + 1] - starts[index];
	return snapshot->label_pairs.data + starts[index];
}

bool gospy_snapshot_argument(const struct gospy_snapshot *snapshot, uint32_t index, uint64_t number,
			     uint32_t *ret)
{
	const uint64_t *starts = snapshot->goroutines.argument_start;

	if (!starts || starts[index] > snapshot->arguments.size ||
	    number >= snapshot->arguments.size - starts[index])
		return false;
	*ret = snapshot->arguments.data[starts[index] + number];
	return true;
}
