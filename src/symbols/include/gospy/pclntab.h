/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_PCLNTAB_H
#define GOSPY_PCLNTAB_H

/**
 * Go's function table, read in place: functions, files, lines, frame sizes, PCDATA, FUNCDATA and
 * inline trees. Layouts of Go 1.2 (magic 0xfffffffb, up to 1.15), 1.16 (..fa), 1.18 (..f0) and 1.20
 * (..f1, up to 1.27 at least); debug/gosym/pclntab.go and runtime/symtab.go. A table is immutable
 * once its text and funcdata bases are set and may then be used by several threads.
 *
 * pcs and addresses are link-time addresses of the image. A return address must be looked up at
 * pc - 1; that is the caller's decision.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gospy/error.h>
#include <gospy/image.h>

enum gospy_pclntab_version {
	GOSPY_PCLNTAB_1_2,
	GOSPY_PCLNTAB_1_16,
	GOSPY_PCLNTAB_1_18,
	GOSPY_PCLNTAB_1_20,
};

/** A run of bytes and the link-time address of its first one. */
struct gospy_region {
	const uint8_t *data;
	uint64_t address;
	uint64_t size;
};

/** runtime/symtab.go textsect: offsets `[start, end)` are found from `address` on. */
struct gospy_text_section {
	uint64_t start, end;
	uint64_t address;
};

struct gospy_pclntab {
	enum gospy_pclntab_version version;
	/** The table from its magic to the end of what may belong to it. Borrowed from the image.
	 */
	struct gospy_region bytes;
	/** Smallest instruction: 1 on amd64, 4 on arm64. */
	uint8_t min_instruction;
	uint64_t num_functions;
	uint64_t num_files;
	/** Offsets into `bytes` (all 0 in the 1.2 layout but functab and filetab). */
	uint64_t funcnametab, cutab, filetab, pctab, functab;
	/** Start of the text that 1.18+ offsets count from; from moduledata.text for 1.26+, where
	 * the header holds 0. */
	uint64_t text;
	/**
	 * Where text is in several sections (moduledata.textsectmap with more than one entry:
	 * binaries too large for one), they are set by the caller, ascending; none means one.
	 * Borrowed.
	 */
	const struct gospy_text_section *text_sections;
	size_t num_text_sections;
	/** What FUNCDATA offsets (1.18+) count from: moduledata.gofunc to the end of its segment;
	 * empty until set. */
	struct gospy_region gofunc;
	/** Resolves FUNCDATA pointers of the older layouts. Borrowed. */
	const struct gospy_image *image;
	/** Go minor version, when known, for what the magic does not tell (1.12 numbers its tables
	 * otherwise); else -1. */
	int go_minor;
};

/**
 * Finds and checks the table of `image`: by section (.gopclntab, .data.rel.ro.gopclntab,
 * gopclntab), else by scanning the segments for a magic that passes all checks.
 * GOSPY_ERROR_NOT_FOUND.
 */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_find(const struct gospy_image *image,
						     struct gospy_pclntab *ret);

/** Checks the table at `bytes` (magic first) and fills in `ret`. GOSPY_ERROR_BAD_DATA. */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_init(const struct gospy_image *image,
						     struct gospy_region bytes,
						     struct gospy_pclntab *ret);

/** runtime/symtab.go funcID, by meaning: the numbers differ from version to version. */
enum gospy_func_flags {
	/** abi.FuncIDWrapper: hidden in tracebacks unless it calls panic. */
	GOSPY_FUNC_WRAPPER = 1 << 0,
	/** abi.FuncFlagTopFrame (funcflag_TOPFRAME; by name before 1.15): the outermost frame. */
	GOSPY_FUNC_TOP_FRAME = 1 << 1,
	/** abi.FuncFlagSPWrite: the stack pointer is written, unwinding through it is not possible.
	 */
	GOSPY_FUNC_SP_WRITE = 1 << 2,
	/** abi.FuncFlagAsm. */
	GOSPY_FUNC_ASM = 1 << 3,
};

/** One function, `[entry, end)`. */
struct gospy_func {
	/** Index in the table, ascending with entry. */
	uint32_t index;
	uint64_t entry;
	uint64_t end;
	/** Name as in the table, generic type arguments as "[...]". Borrowed from the image,
	 * NUL-terminated. */
	const char *name;
	/** Bytes of arguments on the stack (old ABI: and results); -2147483648 (ArgsSizeUnknown)
	 * for assembly. */
	int32_t args_size;
	/** Raw funcID; see gospy_func_flags for what is portable. */
	uint8_t func_id;
	uint32_t flags;
	/** Line of the `func` keyword, 1.20+; else 0. */
	uint32_t start_line;
	/** Offset of the _func record in `bytes`; for the functions below. */
	uint64_t record;
	uint32_t num_pcdata;
	uint32_t num_funcdata;
	uint32_t pcsp, pcfile, pcln, cu_offset;
	/** Offset of deferreturn's call from entry, 0: none. */
	uint32_t defer_return;
};

/**
 * The function at `index`; GOSPY_ERROR_BAD_DATA. This and all look-ups below give
 * GOSPY_ERROR_NO_SYMBOLS while the table's text is needed but not set.
 */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_func(const struct gospy_pclntab *table,
						     uint64_t index, struct gospy_func *ret);
/** The function that holds `pc`; GOSPY_ERROR_NOT_FOUND outside of all. Binary search. */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_find_func(const struct gospy_pclntab *table,
							  uint64_t pc, struct gospy_func *ret);
/** The function called `name` exactly; linear over the names. GOSPY_ERROR_NOT_FOUND. */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_find_name(const struct gospy_pclntab *table,
							  const char *name, struct gospy_func *ret);
/** Many names in one pass: found[i] tells whether ret[i] was filled in. */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_find_names(const struct gospy_pclntab *table,
							   const char *const *names,
							   size_t num_names, struct gospy_func *ret,
							   bool *found);

/**
 * Bytes that the frame occupies at `pc` (pcsp): between sp and the return address on amd64.
 * GOSPY_ERROR_NOT_FOUND where the function has no such table, or the table does not reach to `pc`.
 */
GOSPY_CHECKED struct gospy_error *gospy_func_frame_size(const struct gospy_pclntab *table,
							const struct gospy_func *func, uint64_t pc,
							int32_t *ret);
/** Value of PCDATA table `number` at `pc`; -1 where the function has no such table. */
GOSPY_CHECKED struct gospy_error *gospy_func_pcdata(const struct gospy_pclntab *table,
						    const struct gospy_func *func, uint32_t number,
						    uint64_t pc, int32_t *ret);
/**
 * FUNCDATA `number` in place up to the end of what the file holds; an empty region where there is
 * none. GOSPY_ERROR_NO_SYMBOLS where the table's gofunc is not set but needed,
 * GOSPY_ERROR_BAD_DATA.
 */
GOSPY_CHECKED struct gospy_error *gospy_func_funcdata(const struct gospy_pclntab *table,
						      const struct gospy_func *func,
						      uint32_t number, struct gospy_region *ret);

/** One logical frame at a pc: the function itself or one inlined into it. Strings borrowed from the
 * image. */
struct gospy_source_frame {
	const char *function;
	const char *file;
	uint32_t line;
	uint32_t start_line;
	/** enum gospy_func_flags. */
	uint32_t flags;
	/** It was inlined into the next one. */
	bool inlined;
};

GOSPY_VEC(gospy_source_frame_vec, struct gospy_source_frame);

/**
 * The logical frames at `pc`, innermost first; the last one is the function itself and has inlined
 * == false. `ret` is replaced. At most GOSPY_MAX_INLINE_DEPTH. Where the table does not tell, file
 * is
 * "?" and line 0, as the runtime prints it.
 */
GOSPY_CHECKED struct gospy_error *gospy_pclntab_frames(const struct gospy_pclntab *table,
						       uint64_t pc,
						       struct gospy_source_frame_vec *ret);

/**
 * The place in `func` itself of the outermost call that is inlined at `pc`; `pc` where none is.
 * Both link-time.
 */
GOSPY_CHECKED struct gospy_error *gospy_func_outer_pc(const struct gospy_pclntab *table,
						      const struct gospy_func *func, uint64_t pc,
						      uint64_t *ret);

#endif
