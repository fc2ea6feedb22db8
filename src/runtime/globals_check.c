/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/limits.h>

#include "globals.h"

/** Elements of a list that are looked at. */
#define MAX_SAMPLE 256
/** First address that amd64 and arm64 Linux never give to a program. */
#define USER_END (UINT64_C(1) << 56)

/** runtime/runtime2.go: _Gidle ... _Gdeadextra (11, Go 1.26), _Gscan. */
#define STATUS_DEAD 6
#define STATUS_MAX 12
#define STATUS_DEADEXTRA 11
#define STATUS_SCAN 0x1000
/** _Pdead. */
#define PROCESSOR_STATUS_MAX 4

bool gospy_global_is_static(const struct gospy_program *program, uint64_t address)
{
	const struct gospy_module *module = &program->modules.data[0];

	for (size_t i = 0; i < sizeof(module->data) / sizeof(module->data[0]); i++) {
		if (address >= module->data[i].start && address < module->data[i].end)
			return true;
	}
	return false;
}

bool gospy_global_may_point(uint64_t value)
{
	return value >= 4096 && value < USER_END && value % 8 == 0;
}

/** Reads `size` bytes; *ret_done is false, without an error, where that cannot be. */
static struct gospy_error *try_read(const struct gospy_program *program, uint64_t address,
				    void *buffer, size_t size, bool *ret_done)
{
	struct gospy_error *err = gospy_target_read(program->target, address, buffer, size);

	*ret_done = !err;
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	return err;
}

/** The first `size` bytes of each of many objects. */
struct records {
	uint8_t *bytes;
	size_t size;
	struct gospy_read *reads;
};

static void records_deinit(struct records *records)
{
	free(records->bytes);
	free(records->reads);
}

static struct gospy_error *records_init(struct records *records,
					const struct gospy_program *program,
					const uint64_t *addresses, size_t count, size_t size)
{
	*records = (struct records){
		.bytes = calloc(count, size),
		.size = size,
		.reads = calloc(count, sizeof(struct gospy_read)),
	};
	if (!records->bytes || !records->reads)
		return &gospy_enomem;
	for (size_t i = 0; i < count; i++)
		records->reads[i] = (struct gospy_read){
			.address = addresses[i], .size = size, .buffer = records->bytes + i * size};
	return gospy_target_read_many(program->target, records->reads, count);
}

/** Record `i`, or NULL where its object could not be read whole. */
static const uint8_t *record_at(const struct records *records, size_t i)
{
	return records->reads[i].done == records->size ? records->bytes + i * records->size : NULL;
}

/** Bytes to read so that these fields are in. */
#define SPAN(...)                                                                                  \
	gospy_layout_span((const struct gospy_layout_field[]){__VA_ARGS__},                        \
			  sizeof((const struct gospy_layout_field[]){__VA_ARGS__}) /               \
				  sizeof(struct gospy_layout_field))

/** runtime/slice.go: the header of a Go slice. */
struct slice {
	uint64_t data;
	uint64_t length;
	uint64_t capacity;
};

static bool is_empty_slice(const struct slice *slice)
{
	return !slice->data && !slice->length && !slice->capacity;
}

static bool is_pointer_slice(const struct slice *slice, uint64_t max)
{
	return gospy_global_may_point(slice->data) && slice->length &&
	       slice->length <= slice->capacity && slice->capacity <= max;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/** Whether all are pointers and no two are the same. */
static bool are_distinct_pointers(const uint64_t *pointers, size_t count)
{
	uint64_t sorted[MAX_SAMPLE];

	memcpy(sorted, pointers, count * sizeof(*pointers));
	qsort(sorted, count, sizeof(*sorted), compare_u64);
	for (size_t i = 0; i < count; i++) {
		if (!gospy_global_may_point(sorted[i]) || (i && sorted[i] == sorted[i - 1]))
			return false;
	}
	return true;
}

/**
 * The first elements of a slice of pointers at `address`; *ret_count is 0 where it cannot be one,
 * *ret_empty tells a nil slice.
 */
static struct gospy_error *read_pointers(const struct gospy_program *program, uint64_t address,
					 uint64_t max, uint64_t pointers[MAX_SAMPLE],
					 size_t *ret_count, bool *ret_empty)
{
	struct slice slice;
	bool done;
	struct gospy_error *err = try_read(program, address, &slice, sizeof(slice), &done);

	*ret_count = 0;
	*ret_empty = false;
	if (err || !done)
		return err;
	*ret_empty = is_empty_slice(&slice);
	if (!is_pointer_slice(&slice, max))
		return NULL;
	size_t count = slice.length < MAX_SAMPLE ? (size_t)slice.length : MAX_SAMPLE;
	err = try_read(program, slice.data, pointers, count * sizeof(*pointers), &done);
	if (!err && done && are_distinct_pointers(pointers, count))
		*ret_count = count;
	return err;
}

static bool is_g(const struct gospy_layout *layout, const uint8_t *record, size_t size)
{
	if (!record)
		return false;
	uint64_t status =
		gospy_layout_load(record, size, layout->g_atomicstatus) & ~(uint64_t)STATUS_SCAN;
	uint64_t lo = gospy_layout_load(record, size, layout->g_stack_lo);
	uint64_t hi = gospy_layout_load(record, size, layout->g_stack_hi);
	bool is_dead = status == STATUS_DEAD || status == STATUS_DEADEXTRA;

	/* A dead one may have given its stack away; its id is that of its last life. */
	return status <= STATUS_MAX &&
	       (int64_t)gospy_layout_load(record, size, layout->g_goid) >= 0 && hi < USER_END &&
	       lo < USER_END && (is_dead ? lo <= hi : lo < hi);
}

/** In a process that runs, a stack may be exchanged while it is looked at: some may seem wrong. */
static enum gospy_check verdict(size_t good, size_t count)
{
	return good && count - good <= count / 8 ? GOSPY_CHECK_RIGHT : GOSPY_CHECK_WRONG;
}

static struct gospy_error *check_allgs(const struct gospy_program *program, uint64_t address,
				       enum gospy_check *ret)
{
	const struct gospy_layout *layout = &program->layout;
	_cleanup_(records_deinit) struct records records = {};
	uint64_t pointers[MAX_SAMPLE];
	size_t count, good = 0;
	bool empty;
	struct gospy_error *err =
		read_pointers(program, address, GOSPY_MAX_GOROUTINES, pointers, &count, &empty);

	*ret = empty ? GOSPY_CHECK_EMPTY : GOSPY_CHECK_WRONG;
	if (err || !count)
		return err;
	err = records_init(&records, program, pointers, count,
			   SPAN(layout->g_atomicstatus, layout->g_stack_lo, layout->g_stack_hi,
				layout->g_goid));
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		good += is_g(layout, record_at(&records, i), records.size);
	*ret = verdict(good, count);
	return NULL;
}

static bool is_p(const struct gospy_layout *layout, const uint8_t *record, size_t size, size_t id)
{
	/* P 0 takes over the cache of the first M (runtime/proc.go procresize) and keeps one for
	 * ever. */
	return record && (uint32_t)gospy_layout_load(record, size, layout->p_id) == id &&
	       (uint32_t)gospy_layout_load(record, size, layout->p_status) <=
		       PROCESSOR_STATUS_MAX &&
	       (id || gospy_global_may_point(gospy_layout_load(record, size, layout->p_mcache)));
}

static struct gospy_error *check_allp(const struct gospy_program *program, uint64_t address,
				      enum gospy_check *ret)
{
	const struct gospy_layout *layout = &program->layout;
	_cleanup_(records_deinit) struct records records = {};
	uint64_t pointers[MAX_SAMPLE];
	size_t count;
	bool empty;
	struct gospy_error *err =
		read_pointers(program, address, GOSPY_MAX_PROCESSORS, pointers, &count, &empty);

	*ret = empty ? GOSPY_CHECK_EMPTY : GOSPY_CHECK_WRONG;
	if (err || !count || gospy_global_is_static(program, pointers[0]))
		return err;
	err = records_init(&records, program, pointers, count,
			   SPAN(layout->p_id, layout->p_status, layout->p_mcache));
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (!is_p(layout, record_at(&records, i), records.size, i))
			return NULL;
	}
	*ret = GOSPY_CHECK_RIGHT;
	return NULL;
}

/** Whether m.g0.m is m itself; an M that is just being made has no g0 yet (runtime/proc.go allocm).
 */
static struct gospy_error *is_m(const struct gospy_program *program, uint64_t m, bool *ret_is,
				bool *ret_is_new)
{
	const struct gospy_layout *layout = &program->layout;
	uint64_t g0, back = 0;
	bool done;

	*ret_is = *ret_is_new = false;
	if (!gospy_global_may_point(m))
		return NULL;
	struct gospy_error *err =
		try_read(program, m + (uint64_t)layout->m_g0.offset, &g0, sizeof(g0), &done);
	if (err || !done)
		return err;
	if (gospy_global_may_point(g0))
		err = try_read(program, g0 + (uint64_t)layout->g_m.offset, &back, sizeof(back),
			       &done);
	*ret_is = done && back == m;
	*ret_is_new = done && !back;
	return err;
}

/** Follows m.alllink to its end, at most GOSPY_GLOBAL_MAX_COUNTED_MS far. *ret_count is 0 where the
 * chain breaks. */
static struct gospy_error *walk_ms(const struct gospy_program *program, uint64_t head,
				   uint64_t *ret_count, uint64_t *ret_last)
{
	uint64_t m = head, landmark = 0, count = 0;
	uint64_t offset = (uint64_t)program->layout.m_alllink.offset;

	*ret_count = 0;
	while (count < GOSPY_GLOBAL_MAX_COUNTED_MS) {
		uint64_t next;
		bool done;
		if (!gospy_global_may_point(m) || m == landmark)
			return NULL;
		/* Brent's landmark: who meets it again walks in a circle. */
		if (!(count & (count - 1)))
			landmark = m;
		struct gospy_error *err = try_read(program, m + offset, &next, sizeof(next), &done);
		if (err || !done)
			return err;
		count++;
		*ret_last = m;
		if (!next)
			break;
		m = next;
	}
	*ret_count = count;
	return NULL;
}

struct gospy_error *gospy_global_count_ms(const struct gospy_program *program, uint64_t allm,
					  uint64_t *ret)
{
	uint64_t head, last;
	bool done;
	struct gospy_error *err = try_read(program, allm, &head, sizeof(head), &done);

	*ret = 0;
	return err || !done ? err : walk_ms(program, head, ret, &last);
}

static bool is_in_sched(const struct gospy_program *program, uint64_t address)
{
	const struct gospy_layout *layout = &program->layout;
	uint64_t sched = program->globals.sched;
	uint64_t size = SPAN(layout->sched_maxmcount, layout->sched_nmfreed, layout->sched_midle,
			     layout->sched_ngsys);

	return sched && address >= sched && address - sched < size;
}

/** Whether `address` is inside of the M that is the last of every chain, m0. */
static bool is_in_m(const struct gospy_program *program, uint64_t m, uint64_t address)
{
	return address >= m && address - m < program->layout.size_m;
}

static struct gospy_error *check_allm(const struct gospy_program *program, uint64_t address,
				      enum gospy_check *ret)
{
	uint64_t head, count, last = 0;
	bool done, is, is_new;
	struct gospy_error *err = try_read(program, address, &head, sizeof(head), &done);

	*ret = GOSPY_CHECK_WRONG;
	if (err || !done || is_in_sched(program, address))
		return err;
	if (!head) {
		*ret = GOSPY_CHECK_EMPTY;
		return NULL;
	}
	err = is_m(program, head, &is, &is_new);
	if (err || (!is && !is_new))
		return err;
	err = walk_ms(program, head, &count, &last);
	if (err || !count || is_in_m(program, last, address))
		return err;
	/* The first M made is the last of the chain: m0, the only static one. */
	if (count < GOSPY_GLOBAL_MAX_COUNTED_MS && !gospy_global_is_static(program, last))
		return NULL;
	err = is_m(program, last, &is, &is_new);
	if (!err && is)
		*ret = GOSPY_CHECK_RIGHT;
	return err;
}

static bool has_sched_layout(const struct gospy_layout *layout)
{
	return layout->sched_maxmcount.offset >= 0 && layout->sched_mnext.offset >= 0 &&
	       layout->sched_nmfreed.offset >= 0 && layout->sched_nmidle.offset >= 0 &&
	       layout->sched_midle.offset >= 0;
}

/** The beginning of a schedt, as far as the fields that are looked at; owned by the caller. */
static struct gospy_error *read_sched(const struct gospy_program *program, uint64_t address,
				      uint8_t **ret, size_t *ret_size)
{
	const struct gospy_layout *layout = &program->layout;
	size_t size = SPAN(layout->sched_maxmcount, layout->sched_mnext, layout->sched_nmfreed,
			   layout->sched_nmidle, layout->sched_midle);
	_cleanup_free_ uint8_t *bytes = malloc(size);
	bool done;

	*ret = NULL;
	if (!bytes)
		return &gospy_enomem;
	struct gospy_error *err = try_read(program, address, bytes, size, &done);
	if (!err && done) {
		*ret = take_ptr(bytes);
		*ret_size = size;
	}
	return err;
}

struct gospy_error *gospy_global_sched_ms(const struct gospy_program *program, uint64_t sched,
					  uint64_t *ret)
{
	const struct gospy_layout *layout = &program->layout;
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size;

	*ret = 0;
	if (!sched || !has_sched_layout(layout))
		return NULL;
	struct gospy_error *err = read_sched(program, sched, &bytes, &size);
	if (bytes)
		*ret = gospy_layout_load(bytes, size, layout->sched_mnext) -
		       gospy_layout_load(bytes, size, layout->sched_nmfreed);
	return err;
}

static struct gospy_error *check_sched(const struct gospy_program *program, uint64_t address,
				       enum gospy_check *ret)
{
	const struct gospy_layout *layout = &program->layout;
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size;
	bool is, is_new;

	*ret = GOSPY_CHECK_WRONG;
	if (!has_sched_layout(layout))
		return NULL;
	struct gospy_error *err = read_sched(program, address, &bytes, &size);
	if (err || !bytes)
		return err;
	uint64_t made = gospy_layout_load(bytes, size, layout->sched_mnext);
	uint64_t freed = gospy_layout_load(bytes, size, layout->sched_nmfreed);
	uint64_t limit = gospy_layout_load(bytes, size, layout->sched_maxmcount);
	uint64_t idle = gospy_layout_load(bytes, size, layout->sched_nmidle);
	uint64_t head = gospy_layout_load(bytes, size, layout->sched_midle);
	if (!made && !freed && !idle && !head) {
		*ret = GOSPY_CHECK_EMPTY;
		return NULL;
	}
	/* runtime/proc.go checkmcount: a program with more than maxmcount Ms is ended. */
	if (!made || freed >= made || made - freed > limit || made - freed > GOSPY_MAX_THREADS ||
	    limit > INT32_MAX || idle > made - freed)
		return NULL;
	if (head) {
		err = is_m(program, head, &is, &is_new);
		if (err || !is)
			return err;
	}
	*ret = GOSPY_CHECK_RIGHT;
	return NULL;
}

/** runtime/runtime2.go: waitReasonZero is "", waitReasonGCAssistMarking the second, in every
 * version since 1.12. */
static struct gospy_error *check_wait_reasons(const struct gospy_program *program, uint64_t address,
					      enum gospy_check *ret)
{
	static const char second[] = "GC assist marking";
	uint64_t headers[4];
	char text[sizeof(second) - 1];
	bool done;
	struct gospy_error *err = try_read(program, address, headers, sizeof(headers), &done);

	*ret = GOSPY_CHECK_WRONG;
	if (err || !done || headers[1] || headers[3] != sizeof(text))
		return err;
	err = try_read(program, headers[2], text, sizeof(text), &done);
	if (!err && done && !memcmp(text, second, sizeof(text)))
		*ret = GOSPY_CHECK_RIGHT;
	return err;
}

struct gospy_error *gospy_global_check(const struct gospy_program *program,
				       enum gospy_global global, uint64_t address,
				       enum gospy_check *ret)
{
	switch (global) {
	case GOSPY_GLOBAL_ALLGS:
		return check_allgs(program, address, ret);
	case GOSPY_GLOBAL_ALLP:
		return check_allp(program, address, ret);
	case GOSPY_GLOBAL_SCHED:
		return check_sched(program, address, ret);
	case GOSPY_GLOBAL_ALLM:
		return check_allm(program, address, ret);
	case GOSPY_GLOBAL_WAIT_REASONS:
		return check_wait_reasons(program, address, ret);
	case GOSPY_GLOBAL_COUNT:
		break;
	}
	*ret = GOSPY_CHECK_WRONG;
	return NULL;
}
