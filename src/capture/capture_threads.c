/* SPDX-License-Identifier: MIT */
#include <gospy/limits.h>

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
		.g0 = gospy_layout_load(data, size, layout->m_g0),
		.gsignal = gospy_layout_load(data, size, layout->m_gsignal),
		.curg = gospy_layout_load(data, size, layout->m_curg),
		.vdso_sp = gospy_layout_load(data, size, layout->m_vdso_sp),
		.vdso_pc = gospy_layout_load(data, size, layout->m_vdso_pc),
		.next = gospy_layout_load(data, size, layout->m_alllink),
		.id = (int64_t)gospy_layout_load(data, size, layout->m_id),
		.tid = (pid_t)gospy_layout_load(data, size, layout->m_procid),
	};
}

static struct gospy_error *add_m(struct capture *c, struct m_row m, bool *ret_known)
{
	uint32_t *entry = gospy_map_entry(&c->m_index, m.address);

	if (!entry)
		return &gospy_enomem;
	*ret_known = *entry != GOSPY_MAP_NONE;
	if (*ret_known)
		return NULL;
	*entry = (uint32_t)c->ms.size;
	return m_row_vec_append(&c->ms, m) ? NULL : &gospy_enomem;
}

/** Bytes of an M that hold every field read. */
static uint32_t m_size(const struct gospy_layout *layout)
{
	const struct gospy_layout_field fields[] = {
		layout->m_g0,	  layout->m_gsignal, layout->m_curg,	layout->m_id,
		layout->m_procid, layout->m_alllink, layout->m_vdso_sp, layout->m_vdso_pc,
	};

	return gospy_layout_span(fields, sizeof(fields) / sizeof(fields[0]));
}

struct gospy_error *capture_read_m(struct capture *c, uint64_t address, struct m_row *ret)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec data = {};
	struct gospy_error *err = read_struct(c, address, m_size(&c->program->layout), &data);

	if (!err)
		*ret = decode_m(&c->program->layout, address, data.data, data.size);
	return err;
}

struct gospy_error *capture_m(struct capture *c, uint64_t address, uint32_t *ret)
{
	uint32_t index = address ? gospy_map_get(&c->m_index, address) : GOSPY_MAP_NONE;
	struct m_row m;
	bool known;

	*ret = index == GOSPY_MAP_NONE ? 0 : index + 1;
	if (*ret || !address || c->ms.size >= GOSPY_MAX_THREADS)
		return NULL;
	/* One that was born since the chain was read. */
	struct gospy_error *err = capture_read_m(c, address, &m);
	if (gospy_error_catch(&err, GOSPY_ERROR_FAULT))
		return NULL;
	if (!err)
		err = add_m(c, m, &known);
	if (!err)
		*ret = (uint32_t)c->ms.size;
	return err;
}

/*
 * Follows runtime.allm. Without a stop an M may be freed meanwhile (allocm, runtime/proc.go): an
 * unreadable one ends the chain, and so does one seen before.
 */
struct gospy_error *capture_ms(struct capture *c)
{
	struct m_row m = {};
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
		err = capture_read_m(c, address, &m);
		if (!err)
			err = add_m(c, m, &known);
		address = m.next;
	}
	gospy_error_catch(&err, GOSPY_ERROR_FAULT);
	return err;
}

static uint32_t p_size(const struct gospy_layout *layout)
{
	const struct gospy_layout_field fields[] = {
		layout->p_id, layout->p_status,	  layout->p_schedtick, layout->p_syscalltick,
		layout->p_m,  layout->p_runqhead, layout->p_runqtail,
	};

	return gospy_layout_span(fields, sizeof(fields) / sizeof(fields[0]));
}

static struct gospy_error *add_processor(struct capture *c, const uint8_t *data, size_t size)
{
	const struct gospy_layout *layout = &c->program->layout;
	uint64_t m = gospy_layout_load(data, size, layout->p_m);
	uint32_t index = m ? gospy_map_get(&c->m_index, m) : GOSPY_MAP_NONE;
	const struct gospy_processor processor = {
		.id = (uint32_t)gospy_layout_load(data, size, layout->p_id),
		.status = (uint32_t)gospy_layout_load(data, size, layout->p_status),
		.schedtick = (uint32_t)gospy_layout_load(data, size, layout->p_schedtick),
		.syscalltick = (uint32_t)gospy_layout_load(data, size, layout->p_syscalltick),
		.m = index == GOSPY_MAP_NONE ? -1 : c->ms.data[index].id,
		.run_queue = (uint32_t)gospy_layout_load(data, size, layout->p_runqtail) -
			     (uint32_t)gospy_layout_load(data, size, layout->p_runqhead),
	};

	if (!gospy_processor_vec_append(&c->snapshot->processors, processor))
		return &gospy_enomem;
	return NULL;
}

struct gospy_error *capture_processors(struct capture *c)
{
	_cleanup_(gospy_u64_vec_deinit) struct gospy_u64_vec list = {};
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec data = {};
	struct gospy_slice header;

	if (!c->program->globals.allp)
		return NULL;
	struct gospy_error *err = capture_list(c, c->program->globals.allp, GOSPY_MAX_PROCESSORS,
					       "processors", &header);
	if (err)
		return err;
	if (!gospy_u64_vec_resize(&list, header.size))
		return &gospy_enomem;
	err = gospy_target_read(c->program->target, header.data, list.data, header.size * 8);
	for (size_t i = 0; !err && i < list.size; i++) {
		err = read_struct(c, list.data[i], p_size(&c->program->layout), &data);
		if (!err)
			err = add_processor(c, data.data, data.size);
	}
	c->snapshot->gomaxprocs = (uint32_t)c->snapshot->processors.size;
	return err;
}
