/* SPDX-License-Identifier: MIT */
#include <gospy/target.h>

static struct gospy_error *unsupported(const struct gospy_target *target, const char *what)
{
	return gospy_error_create(GOSPY_ERROR_UNSUPPORTED, "a %s target has no %s",
				  target->ops->kind, what);
}

void gospy_target_destroy(struct gospy_target *target)
{
	if (target)
		target->ops->destroy(target);
}

struct gospy_error *gospy_target_read_many(struct gospy_target *target, struct gospy_read *reads,
					   size_t num_reads)
{
	if (!num_reads)
		return NULL;
	return target->ops->read_many(target, reads, num_reads);
}

struct gospy_error *gospy_target_read(struct gospy_target *target, uint64_t address, void *buffer,
				      size_t size)
{
	struct gospy_read read = {.address = address, .size = size, .buffer = buffer};
	struct gospy_error *err = gospy_target_read_many(target, &read, 1);

	if (err || read.done == size)
		return err;
	return gospy_error_fault(
		address + read.done, "cannot read %zu bytes at 0x%llx: memory ends at 0x%llx", size,
		(unsigned long long)address, (unsigned long long)(address + read.done));
}

struct gospy_error *gospy_target_read_u64(struct gospy_target *target, uint64_t address,
					  uint64_t *ret)
{
	uint64_t value;
	struct gospy_error *err = gospy_target_read(target, address, &value, sizeof(value));

	if (!err)
		*ret = value;
	return err;
}

struct gospy_error *gospy_target_mappings(struct gospy_target *target, struct gospy_mappings *ret)
{
	if (!target->ops->mappings)
		return unsupported(target, "mappings");
	return target->ops->mappings(target, ret);
}

struct gospy_error *gospy_target_threads(struct gospy_target *target, struct gospy_thread_vec *ret)
{
	if (!target->ops->threads)
		return unsupported(target, "threads");
	return target->ops->threads(target, ret);
}

struct gospy_error *gospy_target_stop(struct gospy_target *target)
{
	if (!target->ops->stop)
		return unsupported(target, "way to be stopped");
	return target->ops->stop(target);
}

struct gospy_error *gospy_target_resume(struct gospy_target *target, uint64_t *ret_paused_ns)
{
	uint64_t paused_ns = 0;

	if (!target->ops->resume)
		return unsupported(target, "way to be stopped");
	struct gospy_error *err = target->ops->resume(target, &paused_ns);
	if (!err && ret_paused_ns)
		*ret_paused_ns = paused_ns;
	return err;
}

struct gospy_error *gospy_target_registers(struct gospy_target *target, pid_t tid,
					   struct gospy_registers *ret)
{
	if (!target->ops->registers)
		return unsupported(target, "registers");
	return target->ops->registers(target, tid, ret);
}

struct gospy_error *gospy_target_inspect(struct gospy_target *target, pid_t tid,
					 gospy_inspect_fn inspect, void *context)
{
	if (!target->ops->inspect)
		return unsupported(target, "registers");
	return target->ops->inspect(target, tid, inspect, context);
}

struct gospy_error *gospy_target_open_exe(struct gospy_target *target, int *ret_fd)
{
	if (!target->ops->open_exe)
		return unsupported(target, "executable");
	return target->ops->open_exe(target, ret_fd);
}

struct gospy_error *gospy_target_open_mapping(struct gospy_target *target,
					      const struct gospy_mapping *mapping, const char *path,
					      int *ret_fd)
{
	if (!target->ops->open_mapping)
		return unsupported(target, "mapped files");
	return target->ops->open_mapping(target, mapping, path, ret_fd);
}

struct gospy_error *gospy_target_open_root(struct gospy_target *target, int *ret_fd)
{
	if (!target->ops->open_root)
		return unsupported(target, "root directory");
	return target->ops->open_root(target, ret_fd);
}

struct gospy_error *gospy_target_info(struct gospy_target *target, struct gospy_target_info *ret)
{
	if (!target->ops->info)
		return unsupported(target, "process");
	return target->ops->info(target, ret);
}

void gospy_target_info_deinit(struct gospy_target_info *info)
{
	free(info->exe);
	free(info->name);
	free(info->cgroup);
	free(info->godebug);
	memset(info, 0, sizeof(*info));
}
