/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/limits.h>

#include "globals.h"

/** Bytes read at once. Windows overlap by the largest pattern. */
#define WINDOW_SIZE (UINT64_C(1) << 18)
#define PATTERN_SIZE 32
/** A scan that yields more than this has found nothing. */
#define MAX_FOUND 64
/** Static data that is scanned: a program with more of it keeps its own tables there. */
#define MAX_SCANNED (UINT64_C(1) << 28)
/** Words whose pointed-to memory is looked at in one go. */
#define BATCH 512

/**
 * What one scan may cost, in words whose pointed-to memory is looked at; a whole validation costs
 * several. A large server's data has some ten thousand candidates, a hostile one's as many as it
 * likes.
 */
#define MAX_COST 500000
#define CHECK_COST 5

struct scan {
	const struct gospy_program *program;
	enum gospy_global global;
	struct gospy_u64_vec *found;
	uint64_t cost;
	/** Candidates of GOSPY_GLOBAL_ALLM, whose look at memory is dear, until a batch is full. */
	uint64_t addresses[BATCH];
	uint64_t words[BATCH];
	size_t count;
};

static bool may_be_slice(const uint8_t *p, uint64_t min, uint64_t max)
{
	uint64_t length = gospy_load_u64(p + 8), capacity = gospy_load_u64(p + 16);

	return length >= min && length <= capacity && capacity <= max &&
	       gospy_global_may_point(gospy_load_u64(p));
}

static struct gospy_error *spend(struct scan *scan, uint64_t cost)
{
	scan->cost += cost;
	return scan->cost > MAX_COST ? &gospy_stop : NULL;
}

static struct gospy_error *check(struct scan *scan, uint64_t address)
{
	enum gospy_check verdict;
	struct gospy_error *err = spend(scan, CHECK_COST);

	if (!err)
		err = gospy_global_check(scan->program, scan->global, address, &verdict);
	if (err || verdict != GOSPY_CHECK_RIGHT)
		return err;
	if (scan->found->size >= MAX_FOUND)
		return &gospy_stop;
	return gospy_u64_vec_append(scan->found, address) ? NULL : &gospy_enomem;
}

/** Reads the word at words[i] + offset for the whole batch; 0 where it cannot be read. */
static struct gospy_error *follow(const struct scan *scan, const uint64_t words[BATCH],
				  uint64_t offset, uint64_t ret[BATCH])
{
	struct gospy_read reads[BATCH];

	for (size_t i = 0; i < scan->count; i++) {
		ret[i] = 0;
		reads[i] = (struct gospy_read){
			.address = words[i] + offset, .size = 8, .buffer = &ret[i]};
	}
	struct gospy_error *err = gospy_target_read_many(scan->program->target, reads, scan->count);
	for (size_t i = 0; !err && i < scan->count; i++) {
		if (reads[i].done != 8)
			ret[i] = 0;
	}
	return err;
}

/** Of the collected words those that point to an M, whose g0.m points back, go to the validator. */
static struct gospy_error *flush_ms(struct scan *scan)
{
	const struct gospy_layout *layout = &scan->program->layout;
	uint64_t g0s[BATCH], ms[BATCH];
	struct gospy_error *err = follow(scan, scan->words, (uint64_t)layout->m_g0.offset, g0s);

	if (!err)
		err = follow(scan, g0s, (uint64_t)layout->g_m.offset, ms);
	for (size_t i = 0; !err && i < scan->count; i++) {
		if (ms[i] == scan->words[i])
			err = check(scan, scan->addresses[i]);
	}
	scan->count = 0;
	return err;
}

static struct gospy_error *collect_m(struct scan *scan, uint64_t address, uint64_t word)
{
	scan->addresses[scan->count] = address;
	scan->words[scan->count++] = word;
	struct gospy_error *err = spend(scan, 1);
	return !err && scan->count == BATCH ? flush_ms(scan) : err;
}

/** One aligned word of the data, with PATTERN_SIZE bytes at `p`: what needs no other memory decides
 * first. */
static struct gospy_error *look_at(struct scan *scan, uint64_t address, const uint8_t *p)
{
	const struct gospy_layout *layout = &scan->program->layout;

	switch (scan->global) {
	case GOSPY_GLOBAL_ALLGS:
		return may_be_slice(p, 1, GOSPY_MAX_GOROUTINES) ? check(scan, address) : NULL;
	case GOSPY_GLOBAL_ALLP:
		return may_be_slice(p, 1, GOSPY_MAX_PROCESSORS) ? check(scan, address) : NULL;
	case GOSPY_GLOBAL_SCHED:
		if (layout->sched_maxmcount.offset < 0 ||
		    gospy_load_u32(p) != GOSPY_GLOBAL_MAX_M_COUNT)
			return NULL;
		return check(scan, address - (uint64_t)layout->sched_maxmcount.offset);
	case GOSPY_GLOBAL_ALLM:
		return gospy_global_may_point(gospy_load_u64(p))
			       ? collect_m(scan, address, gospy_load_u64(p))
			       : NULL;
	case GOSPY_GLOBAL_WAIT_REASONS:
		return !gospy_load_u64(p + 8) && gospy_load_u64(p + 24) == 17 ? check(scan, address)
									      : NULL;
	case GOSPY_GLOBAL_COUNT:
		break;
	}
	return NULL;
}

/** Scans `[start, end)` up to the first unreadable page. */
static struct gospy_error *scan_range(struct scan *scan, uint8_t *window, uint64_t start,
				      uint64_t end)
{
	uint64_t at = (start + 7) & ~UINT64_C(7);

	while (at + PATTERN_SIZE <= end) {
		struct gospy_read read = {
			.address = at,
			.size = end - at < WINDOW_SIZE ? end - at : WINDOW_SIZE,
			.buffer = window,
		};
		struct gospy_error *err = gospy_target_read_many(scan->program->target, &read, 1);
		if (err)
			return err;
		uint64_t pos = 0;
		for (; !err && pos + PATTERN_SIZE <= read.done; pos += 8)
			err = look_at(scan, at + pos, window + pos);
		if (err)
			return err;
		if (read.done < read.size)
			break;
		at += pos;
	}
	return NULL;
}

struct gospy_error *gospy_globals_scan(const struct gospy_program *program,
				       enum gospy_global global, struct gospy_u64_vec *ret)
{
	const struct gospy_module *module = &program->modules.data[0];
	_cleanup_free_ struct scan *scan = calloc(1, sizeof(*scan));
	_cleanup_free_ uint8_t *window = malloc(WINDOW_SIZE);
	struct gospy_error *err = NULL;
	uint64_t left = MAX_SCANNED;

	if (!scan || !window)
		return &gospy_enomem;
	scan->program = program;
	scan->global = global;
	scan->found = ret;
	for (size_t i = 0; !err && i < sizeof(module->data) / sizeof(module->data[0]); i++) {
		uint64_t start = module->data[i].start, end = module->data[i].end;
		if (end <= start)
			continue;
		if (end - start > left)
			end = start + left;
		left -= end - start;
		err = scan_range(scan, window, start, end);
	}
	if (!err && scan->count)
		err = flush_ms(scan);
	/* What was not seen to the end says nothing: others like it may follow. */
	if (gospy_error_catch(&err, GOSPY_ERROR_STOP))
		ret->size = 0;
	return err;
}
