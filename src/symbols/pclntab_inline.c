/* SPDX-License-Identifier: MIT */
#include <gospy/cleanup.h>

#include "pclntab_private.h"

/* Each inlined call costs a walk over the function's tables: a long function must not be deep as
 * well. */
#define MAX_WORK UINT64_C(4194304)

/** One entry of FUNCDATA_InlTree: runtime/symtab.go inlinedCall, from 1.21 on runtime/symtabinl.go.
 */
struct inlined_call {
	uint8_t func_id;
	uint32_t name;
	/** Offset from the function's entry of an instruction whose line is that of the call. */
	uint32_t parent_pc;
	uint32_t start_line;
};

/** Numbers of the tables: runtime/symtab.go, Go 1.12; 1.13 to 1.15; 1.16 to 1.27. */
static void tree_numbers(const struct gospy_pclntab *table, uint32_t *ret_pcdata,
			 uint32_t *ret_funcdata)
{
	if (table->version != GOSPY_PCLNTAB_1_2) {
		*ret_pcdata = 2;
		*ret_funcdata = 3;
	} else if (table->go_minor == 12) {
		*ret_pcdata = 1;
		*ret_funcdata = 2;
	} else {
		*ret_pcdata = 2;
		*ret_funcdata = 4;
	}
}

/** Up to 1.19 an entry has 20 bytes, from 1.20 on 16. */
static bool read_call(const struct gospy_pclntab *table, const struct gospy_region *tree,
		      uint32_t index, struct inlined_call *ret)
{
	struct gospy_cursor c = gospy_cursor_make("an inline tree", tree->data, tree->size);

	if (table->version == GOSPY_PCLNTAB_1_20) {
		gospy_cursor_seek(&c, (uint64_t)index * 16);
		ret->func_id = gospy_cursor_u8(&c);
		gospy_cursor_skip(&c, 3);
		ret->name = gospy_cursor_u32(&c);
		ret->parent_pc = gospy_cursor_u32(&c);
		ret->start_line = gospy_cursor_u32(&c);
	} else {
		gospy_cursor_seek(&c, (uint64_t)index * 20 + 2);
		ret->func_id = gospy_cursor_u8(&c);
		gospy_cursor_skip(&c, 9);
		ret->name = gospy_cursor_u32(&c);
		ret->parent_pc = gospy_cursor_u32(&c);
		ret->start_line = 0;
	}
	return !c.failed;
}

GOSPY_CHECKED static struct gospy_error *bad_tree(const struct gospy_func *func)
{
	return gospy_error_create(GOSPY_ERROR_BAD_DATA, "the inline tree of %s is malformed",
				  func->name);
}

GOSPY_CHECKED static struct gospy_error *add_frame(const struct gospy_pclntab *table,
						   const struct gospy_func *func, uint64_t pc,
						   struct gospy_source_frame frame,
						   struct gospy_source_frame_vec *frames)
{
	gospy_func_line(table, func, pc, &frame.file, &frame.line);
	return gospy_source_frame_vec_append(frames, frame) ? NULL : &gospy_enomem;
}

static uint64_t max_depth(const struct gospy_func *func)
{
	uint64_t depth = MAX_WORK / (func->end - func->entry + 1) + 16;

	return depth < GOSPY_MAX_INLINE_DEPTH ? depth : GOSPY_MAX_INLINE_DEPTH;
}

/**
 * Appends the calls inlined at `*pc`, innermost first, and moves it to the place in the function
 * itself. Each step asks the pc table again, as the traceback of every version does
 * (runtime/traceback.go), whatever the parent fields of the older trees say.
 */
GOSPY_CHECKED static struct gospy_error *add_inlined(const struct gospy_pclntab *table,
						     const struct gospy_func *func, uint64_t *pc,
						     struct gospy_source_frame_vec *frames)
{
	uint64_t limit = max_depth(func);
	uint32_t pcdata, funcdata;
	int32_t before = INT32_MAX;
	struct gospy_region tree;

	tree_numbers(table, &pcdata, &funcdata);
	for (uint64_t depth = 0; depth < limit; depth++) {
		int32_t index;
		struct gospy_error *err = gospy_func_pcdata(table, func, pcdata, *pc, &index);
		if (err || index < 0)
			return err;
		if (depth == 0)
			err = gospy_func_funcdata(table, func, funcdata, &tree);
		if (err || !tree.data)
			return err;

		/* A parent stands before its children: cmd/internal/obj/pcln.go addBranch. */
		struct inlined_call call;
		if (index >= before || !read_call(table, &tree, (uint32_t)index, &call))
			return bad_tree(func);
		struct gospy_source_frame frame = {
			.function = gospy_pclntab_name(table, call.name),
			.start_line = call.start_line,
			.flags = gospy_pclntab_is_wrapper(table, call.func_id) ? GOSPY_FUNC_WRAPPER
									       : 0,
			.inlined = true};
		if (!frame.function || call.parent_pc >= func->end - func->entry)
			return bad_tree(func);
		err = add_frame(table, func, *pc, frame, frames);
		if (err)
			return err;
		*pc = func->entry + call.parent_pc;
		before = index;
	}
	return bad_tree(func);
}

struct gospy_error *gospy_pclntab_frames(const struct gospy_pclntab *table, uint64_t pc,
					 struct gospy_source_frame_vec *ret)
{
	size_t before = ret->size;
	struct gospy_func func;
	struct gospy_error *err = gospy_pclntab_find_func(table, pc, &func);

	if (err)
		return err;
	err = add_inlined(table, &func, &pc, ret);
	if (!err) {
		struct gospy_source_frame frame = {
			.function = func.name, .start_line = func.start_line, .flags = func.flags};
		err = add_frame(table, &func, pc, frame, ret);
	}
	if (err) {
		ret->size = before;
		return err;
	}
	ret->size -= before;
	memmove(ret->data, ret->data + before, ret->size * sizeof(*ret->data));
	return NULL;
}

struct gospy_error *gospy_func_outer_pc(const struct gospy_pclntab *table,
					const struct gospy_func *func, uint64_t pc, uint64_t *ret)
{
	_cleanup_(gospy_source_frame_vec_deinit) struct gospy_source_frame_vec frames = {};
	struct gospy_error *err = add_inlined(table, func, &pc, &frames);

	if (err)
		return err;
	*ret = pc;
	return NULL;
}
