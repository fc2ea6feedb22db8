/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/read_plan.h>

#include "capture_private.h"

/** A g, m or p is never larger (Go 1.27: 456, 1832 and 15920 bytes). */
#define MAX_STRUCT_SIZE 65536

static struct gospy_error *read_struct(struct capture *c, uint64_t address, uint32_t size,
				       struct gospy_u8_vec *ret)
{
	if (size > MAX_STRUCT_SIZE)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "a runtime structure is too large");
	if (!gospy_u8_vec_resize(ret, size))
		return &gospy_enomem;
	return gospy_target_read(c->program->target, address, ret->data, size);
}

static struct m_row decode_m(const struct gospy_layout *layout, uint64_t address,
			     const uint8_t *data, size_t size)
{
	return (struct m_row){
		.address = address,
		.g0 = capture_field(data, size, layout->m_g0),
		.curg = capture_field(data, size, layout->m_curg),
		.p = capture_field(data, size, layout->m_p),
		.vdso_sp = capture_field(data, size, layout->m_vdso_sp),
		.vdso_pc = capture_field(data, size, layout->m_vdso_pc),
		.id = (int64_t)capture_field(data, size, layout->m_id),
		.tid = (pid_t)capture_field(data, size, layout->m_procid),
	};
}

static struct gospy_error *add_m(struct capture *c, uint64_t address, const uint8_t *data,
				 size_t size, bool *ret_known)
{
	uint32_t *entry = gospy_map_entry(&c->m_index, address);

	if (!entry)
		return &gospy_enomem;
	*ret_known = *entry != GOSPY_MAP_NONE;
	if (*ret_known)
		return NULL;
	*entry = (uint32_t)c->ms.size;
	if (!m_row_vec_append(&c->ms, decode_m(&c->program->layout, address, data, size)))
		return &gospy_enomem;
	return NULL;
}

/*
 * Follows runtime.allm. Ms are freed in mode none too (dropm, allocm, Go 1.21 and later keep
 * them): an unreadable one ends the chain, and so does one seen before.
 */
struct gospy_error *capture_ms(struct capture *c)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec data = {};
	uint64_t address = 0;
	bool known = false;

	if (!c->program->globals.allm)
		return NULL;
	struct gospy_error *err =
		gospy_target_read_u64(c->program->target, c->program->globals.allm, &address);
	while (!err && address && !known) {
		if (c->ms.size >= GOSPY_MAX_THREADS)
			return gospy_error_create(GOSPY_ERROR_BAD_DATA,
						  "the list of threads has no end");
		err = read_struct(c, address, c->program->layout.size_m, &data);
		if (!err)
			err = add_m(c, address, data.data, data.size, &known);
		if (!err)
			address = capture_field(data.data, data.size, c->program->layout.m_alllink);
	}
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	return err;
}

static struct gospy_error *add_processor(struct capture *c, const uint8_t *data, size_t size)
{
	const struct gospy_layout *layout = &c->program->layout;
	uint64_t m = capture_field(data, size, layout->p_m);
	uint32_t index = m ? gospy_map_get(&c->m_index, m) : GOSPY_MAP_NONE;
	const struct gospy_processor processor = {
		.id = (uint32_t)capture_field(data, size, layout->p_id),
		.status = (uint32_t)capture_field(data, size, layout->p_status),
		.schedtick = (uint32_t)capture_field(data, size, layout->p_schedtick),
		.syscalltick = (uint32_t)capture_field(data, size, layout->p_syscalltick),
		.m = index == GOSPY_MAP_NONE ? -1 : c->ms.data[index].id,
		.run_queue = (uint32_t)capture_field(data, size, layout->p_runqtail) -
			     (uint32_t)capture_field(data, size, layout->p_runqhead),
	};

	if (!gospy_processor_vec_append(&c->snapshot->processors, processor))
		return &gospy_enomem;
	return NULL;
}

struct gospy_error *capture_processors(struct capture *c)
{
	_cleanup_(gospy_u64_vec_deinit) struct gospy_u64_vec list = {};
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec data = {};
	uint64_t header[2];

	if (!c->program->globals.allp)
		return NULL;
	struct gospy_error *err = gospy_target_read(c->program->target, c->program->globals.allp,
						    header, sizeof(header));
	if (err)
		return err;
	if (header[1] > GOSPY_MAX_PROCESSORS)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA,
					  "the list of processors claims %llu entries",
					  (unsigned long long)header[1]);
	if (!gospy_u64_vec_resize(&list, header[1]))
		return &gospy_enomem;
	err = gospy_target_read(c->program->target, header[0], list.data, header[1] * 8);
	for (size_t i = 0; !err && i < list.size; i++) {
		err = read_struct(c, list.data[i], c->program->layout.size_p, &data);
		if (!err)
			err = add_processor(c, data.data, data.size);
	}
	c->snapshot->gomaxprocs = (uint32_t)c->snapshot->processors.size;
	return err;
}
