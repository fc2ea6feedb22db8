/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>

#include <gospy/clock.h>
#include <gospy/memory_target.h>

#include "mappings.h"

/** Bytes that can be read: what later segments left of one segment. */
struct range {
	uint64_t start;
	uint64_t end;
	const uint8_t *data;
	/** Number of the segment. */
	size_t segment;
};
GOSPY_VEC(range_vec, struct range);

struct segment {
	uint64_t address;
	uint8_t *data;
	uint32_t flags;
	char *path;
	uint64_t offset;
};
GOSPY_VEC(segment_vec, struct segment);

struct memory_thread {
	struct gospy_thread thread;
	struct gospy_registers registers;
};
GOSPY_VEC(memory_thread_vec, struct memory_thread);

struct gospy_memory_target {
	struct gospy_target target;
	enum gospy_arch arch;
	struct segment_vec segments;
	/** Ascending, without overlap. */
	struct range_vec ranges;
	struct memory_thread_vec threads;
	struct gospy_u64_vec failing;
	char *exe;
	uint64_t frozen_at_ns;
	/** CLOCK_MONOTONIC of the stop, 0 while it runs. */
	uint64_t stopped_at_ns;
	/** Reads may come from several threads: only through atomics. */
	uint64_t reads;
	uint64_t failing_read;
};

static struct gospy_memory_target *memory_target(const struct gospy_target *target)
{
	return (struct gospy_memory_target *)(uintptr_t)target;
}

static void memory_destroy(struct gospy_target *target)
{
	struct gospy_memory_target *memory = memory_target(target);

	for (size_t i = 0; i < memory->segments.size; i++) {
		free(memory->segments.data[i].data);
		free(memory->segments.data[i].path);
	}
	segment_vec_deinit(&memory->segments);
	range_vec_deinit(&memory->ranges);
	memory_thread_vec_deinit(&memory->threads);
	gospy_u64_vec_deinit(&memory->failing);
	free(memory->exe);
	free(memory);
}

/* The first range that ends behind `address`. */
static size_t find_range(const struct gospy_memory_target *memory, uint64_t address)
{
	size_t low = 0, high = memory->ranges.size;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memory->ranges.data[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How much of [address, address + size) lies before the first injected fault. */
static size_t size_before_fault(const struct gospy_memory_target *memory, uint64_t address,
				size_t size)
{
	for (size_t i = 0; i < memory->failing.size; i++) {
		uint64_t distance = memory->failing.data[i] - address;
		if (distance < size)
			size = (size_t)distance;
	}
	return size;
}

static void read_one(const struct gospy_memory_target *memory, struct gospy_read *read)
{
	size_t size = size_before_fault(memory, read->address, read->size);

	read->done = 0;
	for (size_t i = find_range(memory, read->address);
	     i < memory->ranges.size && read->done < size; i++) {
		const struct range *range = &memory->ranges.data[i];
		uint64_t at = read->address + read->done;
		if (at < range->start || at < read->address)
			break;
		size_t n = size - read->done;
		if (n > range->end - at)
			n = (size_t)(range->end - at);
		memcpy((uint8_t *)read->buffer + read->done, range->data + (at - range->start), n);
		read->done += n;
	}
}

static struct gospy_error *memory_read_many(struct gospy_target *target, struct gospy_read *reads,
					    size_t num_reads)
{
	struct gospy_memory_target *memory = memory_target(target);
	uint64_t number = __atomic_add_fetch(&memory->reads, 1, __ATOMIC_RELAXED);

	if (number == __atomic_load_n(&memory->failing_read, __ATOMIC_RELAXED))
		return gospy_error_create(GOSPY_ERROR_EXITED, "the process has ended");
	for (size_t i = 0; i < num_reads; i++)
		read_one(memory, &reads[i]);
	return NULL;
}

static struct gospy_error *memory_mappings(struct gospy_target *target, struct gospy_mappings *ret)
{
	const struct gospy_memory_target *memory = memory_target(target);
	_cleanup_(gospy_mappings_deinit) struct gospy_mappings mappings = {0};

	for (size_t i = 0; i < memory->ranges.size; i++) {
		const struct range *range = &memory->ranges.data[i];
		const struct segment *segment = &memory->segments.data[range->segment];
		struct gospy_mapping mapping = {
			.start = range->start,
			.end = range->end,
			.offset = segment->offset + (range->start - segment->address),
			.flags = segment->flags,
			.device = segment->path[0] == '/',
			.inode = segment->path[0] == '/',
		};
		struct gospy_error *err = gospy_mappings_append(&mappings, mapping, segment->path,
								strlen(segment->path));
		if (err)
			return err;
	}
	*ret = mappings;
	mappings = (struct gospy_mappings){0};
	return NULL;
}

static struct gospy_error *memory_threads(struct gospy_target *target, struct gospy_thread_vec *ret)
{
	const struct gospy_memory_target *memory = memory_target(target);
	struct gospy_thread_vec threads = {0};

	if (!gospy_thread_vec_resize(&threads, memory->threads.size))
		return &gospy_enomem;
	for (size_t i = 0; i < threads.size; i++)
		threads.data[i] = memory->threads.data[i].thread;
	gospy_thread_vec_deinit(ret);
	*ret = threads;
	return NULL;
}

static struct gospy_error *find_registers(struct gospy_target *target, pid_t tid,
					  struct gospy_registers *ret)
{
	const struct gospy_memory_target *memory = memory_target(target);

	for (size_t i = 0; i < memory->threads.size; i++) {
		if (memory->threads.data[i].thread.tid != tid)
			continue;
		*ret = memory->threads.data[i].registers;
		return NULL;
	}
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "there is no thread %d", (int)tid);
}

static struct gospy_error *memory_registers(struct gospy_target *target, pid_t tid,
					    struct gospy_registers *ret)
{
	if (!memory_target(target)->stopped_at_ns)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "thread %d is not held", (int)tid);
	return find_registers(target, tid, ret);
}

static struct gospy_error *memory_inspect(struct gospy_target *target, pid_t tid,
					  gospy_inspect_fn inspect, void *context)
{
	struct gospy_registers registers;
	struct gospy_error *err = find_registers(target, tid, &registers);

	return err ? err : inspect(context, &registers);
}

static struct gospy_error *memory_stop(struct gospy_target *target)
{
	struct gospy_memory_target *memory = memory_target(target);

	if (!memory->stopped_at_ns)
		memory->stopped_at_ns = gospy_clock_monotonic_ns();
	return NULL;
}

static struct gospy_error *memory_resume(struct gospy_target *target, uint64_t *ret_paused_ns)
{
	struct gospy_memory_target *memory = memory_target(target);

	if (memory->stopped_at_ns)
		*ret_paused_ns = gospy_clock_monotonic_ns() - memory->stopped_at_ns;
	memory->stopped_at_ns = 0;
	return NULL;
}

static struct gospy_error *memory_open_exe(struct gospy_target *target, int *ret_fd)
{
	const struct gospy_memory_target *memory = memory_target(target);

	if (!memory->exe)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "there is no executable");
	int fd = open(memory->exe, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return gospy_error_os(errno, "cannot open %s", memory->exe);
	*ret_fd = fd;
	return NULL;
}

static struct gospy_error *memory_open_mapping(struct gospy_target *target,
					       const struct gospy_mapping *mapping,
					       const char *path, int *ret_fd)
{
	if (!mapping->inode)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "no file is mapped at 0x%llx (%s)",
					  (unsigned long long)mapping->start, path);
	return memory_open_exe(target, ret_fd);
}

static struct gospy_error *memory_info(struct gospy_target *target, struct gospy_target_info *ret)
{
	const struct gospy_memory_target *memory = memory_target(target);
	_cleanup_(gospy_target_info_deinit) struct gospy_target_info info = {
		.frozen_at_ns = memory->frozen_at_ns,
		.exe = strdup(memory->exe ? memory->exe : ""),
		.name = strdup("fake"),
		.cgroup = strdup(""),
		.godebug = strdup(""),
	};

	if (!info.exe || !info.name || !info.cgroup || !info.godebug)
		return &gospy_enomem;
	for (size_t i = 0; i < memory->ranges.size; i++)
		info.resident_size += memory->ranges.data[i].end - memory->ranges.data[i].start;
	*ret = info;
	info = (struct gospy_target_info){0};
	return NULL;
}

static const struct gospy_target_ops memory_ops = {
	.kind = "fake",
	.destroy = memory_destroy,
	.read_many = memory_read_many,
	.mappings = memory_mappings,
	.threads = memory_threads,
	.registers = memory_registers,
	.stop = memory_stop,
	.resume = memory_resume,
	.inspect = memory_inspect,
	.open_exe = memory_open_exe,
	.open_mapping = memory_open_mapping,
	.info = memory_info,
};

struct gospy_error *gospy_memory_target_create(enum gospy_arch arch, struct gospy_target **ret)
{
	struct gospy_memory_target *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return &gospy_enomem;
	memory->target.ops = &memory_ops;
	memory->arch = arch;
	memory->frozen_at_ns = gospy_clock_monotonic_ns();
	*ret = &memory->target;
	return NULL;
}

/*
 * Replaces the ranges [first, last) by `num` others.
 */
static bool replace_ranges(struct range_vec *ranges, size_t first, size_t last,
			   const struct range *with, size_t num)
{
	size_t behind = ranges->size - last;

	if (!range_vec_reserve(ranges, first + num + behind))
		return false;
	memmove(ranges->data + first + num, ranges->data + last, behind * sizeof(*with));
	memcpy(ranges->data + first, with, num * sizeof(*with));
	ranges->size = first + num + behind;
	return true;
}

/* Puts `range` over what is there: at most a beginning and an end of older ranges survive. */
static bool lay_range(struct gospy_memory_target *memory, struct range range)
{
	size_t first = find_range(memory, range.start), last = first, num = 0;
	struct range pieces[3];
	const struct range *old = memory->ranges.data;

	while (last < memory->ranges.size && old[last].start < range.end)
		last++;
	if (last > first && old[first].start < range.start) {
		pieces[num] = old[first];
		pieces[num++].end = range.start;
	}
	pieces[num++] = range;
	if (last > first && old[last - 1].end > range.end) {
		pieces[num] = old[last - 1];
		pieces[num].data += range.end - pieces[num].start;
		pieces[num++].start = range.end;
	}
	return replace_ranges(&memory->ranges, first, last, pieces, num);
}

static struct gospy_error *add_segment(struct gospy_memory_target *memory, struct segment segment,
				       size_t size)
{
	struct range range = {segment.address, segment.address + size, segment.data,
			      memory->segments.size};

	if (!segment.data || !segment.path || !segment_vec_append(&memory->segments, segment)) {
		free(segment.data);
		free(segment.path);
		return &gospy_enomem;
	}
	if (!lay_range(memory, range)) {
		memory->segments.size--;
		free(segment.data);
		free(segment.path);
		return &gospy_enomem;
	}
	return NULL;
}

struct gospy_error *gospy_memory_target_add(struct gospy_target *target, uint64_t address,
					    const void *data, size_t size, uint32_t mapping_flags,
					    const char *path, uint64_t offset)
{
	if (!size)
		return NULL;
	if (size > UINT64_MAX - address)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "a segment reaches past the end of the address space");
	struct segment segment = {
		.address = address,
		.data = malloc(size),
		.flags = mapping_flags,
		.path = strdup(path ? path : ""),
		.offset = offset,
	};
	if (segment.data)
		memcpy(segment.data, data, size);
	return add_segment(memory_target(target), segment, size);
}

struct gospy_error *gospy_memory_target_add_thread(struct gospy_target *target, pid_t tid,
						   char state,
						   const struct gospy_registers *registers)
{
	struct gospy_memory_target *memory = memory_target(target);
	struct memory_thread thread = {.thread = {.tid = tid, .state = state},
				       .registers = *registers};

	thread.registers.arch = memory->arch;
	return memory_thread_vec_append(&memory->threads, thread) ? NULL : &gospy_enomem;
}

struct gospy_error *gospy_memory_target_set_exe(struct gospy_target *target, const char *path)
{
	struct gospy_memory_target *memory = memory_target(target);
	char *exe = strdup(path);

	if (!exe)
		return &gospy_enomem;
	free(memory->exe);
	memory->exe = exe;
	return NULL;
}

void gospy_memory_target_set_frozen_at(struct gospy_target *target, uint64_t frozen_at_ns)
{
	memory_target(target)->frozen_at_ns = frozen_at_ns;
}

struct gospy_error *gospy_memory_target_fail_at(struct gospy_target *target, uint64_t address)
{
	return gospy_u64_vec_append(&memory_target(target)->failing, address) ? NULL
									      : &gospy_enomem;
}

void gospy_memory_target_fail_nth(struct gospy_target *target, uint64_t n)
{
	struct gospy_memory_target *memory = memory_target(target);
	uint64_t reads = __atomic_load_n(&memory->reads, __ATOMIC_RELAXED);

	__atomic_store_n(&memory->failing_read, n ? reads + n : 0, __ATOMIC_RELAXED);
}

uint64_t gospy_memory_target_reads(const struct gospy_target *target)
{
	return __atomic_load_n(&memory_target(target)->reads, __ATOMIC_RELAXED);
}
