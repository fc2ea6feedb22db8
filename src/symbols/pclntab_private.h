/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_PCLNTAB_PRIVATE_H
#define GOSPY_PCLNTAB_PRIVATE_H

/** What the parts of the pclntab reader share. */
#include <gospy/cursor.h>
#include <gospy/limits.h>
#include <gospy/pclntab.h>

/** Where the fields of runtime/runtime2.go _func are; 0 for those that a layout does not have. */
struct gospy_func_layout {
	uint8_t entry_size;
	uint8_t name, args, defer_return, pcsp, pcfile, pcln, num_pcdata;
	uint8_t cu_offset, start_line, func_id, flag, num_funcdata;
	uint8_t size;
};

const struct gospy_func_layout *gospy_pclntab_func_layout(const struct gospy_pclntab *table);

/** Entry `index` of the table of functions: pc as it stands there (an offset from 1.18 on), and
 * record. */
struct gospy_functab_entry {
	uint64_t pc;
	/** Offset into the table's bytes; beyond them for a hole between text sections. */
	uint64_t record;
};

/** `index` must be below num_functions. */
struct gospy_functab_entry gospy_pclntab_entry(const struct gospy_pclntab *table, uint64_t index);

/** The NUL-terminated string at `offset` of the table's bytes, or NULL. */
const char *gospy_pclntab_string(const struct gospy_pclntab *table, uint64_t offset);
/** The function name whose offset a record or an inline tree holds, or NULL. */
const char *gospy_pclntab_name(const struct gospy_pclntab *table, uint32_t name_offset);

/** Whether `func_id` is that of a wrapper; see gospy_func_flags. */
bool gospy_pclntab_is_wrapper(const struct gospy_pclntab *table, uint8_t func_id);

/** File and line of `pc` without regard to inlining; "?" and 0 as the runtime says when not known.
 */
void gospy_func_line(const struct gospy_pclntab *table, const struct gospy_func *func, uint64_t pc,
		     const char **ret_file, uint32_t *ret_line);

#endif
