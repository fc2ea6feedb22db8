/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_PROCESS_LIST_H
#define GOSPY_PROCESS_LIST_H

/** The Go processes of this machine, for `ps`. */
#include <gospy/output.h>
#include <gospy/target.h>

/** One Go process. Strings are owned, "" when unknown. */
struct gospy_process_row {
	pid_t pid;
	char *go_version;
	char *main_module;
	char *main_version;
	/** First 12 characters of the container's id, as container runtimes show them. */
	char *container;
	/** Short name (comm). */
	char *name;
	char *exe;
	/** Not counting those of the runtime itself. */
	uint64_t goroutines;
	uint64_t threads;
	/** Bytes. */
	uint64_t resident_size;
};
GOSPY_VEC(gospy_process_row_vec, struct gospy_process_row);

struct gospy_process_list {
	/** Ascending by pid. */
	struct gospy_process_row_vec rows;
	/** Processes that may not be looked at, so that it is unknown whether they are Go programs.
	 */
	uint64_t not_permitted;
	/** Go programs that could not be read for another reason. */
	uint64_t failed;
	/** The first of each, 0 when there is none. */
	pid_t first_not_permitted;
	pid_t first_failed;
};

/** Looks through all processes; nothing is stopped. Those that end meanwhile are left out. Free
 * with gospy_process_list_deinit(). */
GOSPY_CHECKED struct gospy_error *gospy_process_list_init(struct gospy_process_list *list);
void gospy_process_list_deinit(struct gospy_process_list *list);

/** As a table, or as {"processes":[...],"not_permitted":N,"failed":N}. */
void gospy_process_list_text(const struct gospy_process_list *list, struct gospy_output *output);
void gospy_process_list_json(const struct gospy_process_list *list, struct gospy_output *output);

/** The short id of the container that a cgroup path names, "" when it names none. Owned by the
 * caller. */
GOSPY_CHECKED struct gospy_error *gospy_container_id(const char *cgroup, char **ret);

#endif
