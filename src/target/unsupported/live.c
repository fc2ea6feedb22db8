/* SPDX-License-Identifier: MIT */
#include "../live_target.h"
#include "unsupported.h"

struct gospy_error *gospy_live_open(pid_t pid, struct gospy_target **ret)
{
	(void)pid;
	(void)ret;
	return gospy_unsupported("looking into running processes");
}

void gospy_live_destroy(struct gospy_target *target)
{
	(void)target;
}

struct gospy_error *gospy_live_read_many(struct gospy_target *target, struct gospy_read *reads,
					 size_t num_reads)
{
	(void)target;
	(void)reads;
	(void)num_reads;
	return gospy_unsupported("reading memory");
}

struct gospy_error *gospy_live_mappings(struct gospy_target *target, struct gospy_mappings *ret)
{
	(void)target;
	(void)ret;
	return gospy_unsupported("reading mappings");
}

struct gospy_error *gospy_live_open_exe(struct gospy_target *target, int *ret_fd)
{
	(void)target;
	(void)ret_fd;
	return gospy_unsupported("opening executables");
}

struct gospy_error *gospy_live_open_mapping(struct gospy_target *target,
					    const struct gospy_mapping *mapping, const char *path,
					    int *ret_fd)
{
	(void)target;
	(void)mapping;
	(void)path;
	(void)ret_fd;
	return gospy_unsupported("opening mapped files");
}

struct gospy_error *gospy_live_open_root(struct gospy_target *target, int *ret_fd)
{
	(void)target;
	(void)ret_fd;
	return gospy_unsupported("opening root directories");
}
