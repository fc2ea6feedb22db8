/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_PROGRAM_H
#define GOSPY_PROGRAM_H

/**
 * A Go program in a target: its modules, version, layout and the addresses of the runtime's
 * globals. gospy_program_open() does all the finding and validating once; captures then use it
 * again and again. Addresses are run-time addresses of the target unless a name says link-time.
 *
 * Immutable after gospy_program_open(), except gospy_program_refresh(). One thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gospy/buildinfo.h>
#include <gospy/image.h>
#include <gospy/layout.h>
#include <gospy/pclntab.h>
#include <gospy/target.h>

/** One moduledata of the chain (runtime/symtab.go): the program itself, a plugin, a c-shared
 * library. */
struct gospy_module {
	struct gospy_image *image;
	/** Run-time address = link-time address + bias. */
	uint64_t bias;
	/** Address of the moduledata itself. */
	uint64_t address;
	struct gospy_pclntab pclntab;
	/** `[text, etext)` as in moduledata, run-time. */
	uint64_t text, etext;
	/** `[types, etypes)`, run-time. */
	uint64_t types, etypes;
	/** `[start, end)` of noptrdata, data, bss, noptrbss, run-time. */
	struct {
		uint64_t start;
		uint64_t end;
	} data[4];
	/** Parts of a text that is in several sections, for pclntab; NULL: one. Owned. */
	struct gospy_text_section *text_sections;
	/** plugin path or modulename; "" for the program. Owned. */
	char *name;
};

GOSPY_VEC(gospy_module_vec, struct gospy_module);

/** Run-time addresses of runtime globals; 0 where it could not be found and validated. */
struct gospy_globals {
	/** runtime.allgs []*g: the slice header. */
	uint64_t allgs;
	/** runtime.allp []*p. */
	uint64_t allp;
	/** runtime.allm *m: the word that holds the head of the m.alllink chain. */
	uint64_t allm;
	/** runtime.sched schedt. */
	uint64_t sched;
	/** runtime.waitReasonStrings [n]string, and n (0 when not known: then bounded by what looks
	 * like strings). */
	uint64_t wait_reason_strings;
	uint32_t num_wait_reasons;
};

/** How sure a global is. */
enum gospy_confidence {
	GOSPY_CONFIDENCE_NONE,
	/** One method found it and the validator passed. */
	GOSPY_CONFIDENCE_ONE,
	/** Symbol table, or two methods that agree. */
	GOSPY_CONFIDENCE_TWO,
};

struct gospy_program {
	/** Borrowed; must outlive the program. */
	struct gospy_target *target;
	enum gospy_arch arch;
	/** First the module that holds the runtime. A module's address is valid until
	 * gospy_program_close(). */
	struct gospy_module_vec modules;
	/** "go1.22.12". Owned. */
	char *go_version;
	struct gospy_go_version version;
	/** Module information lines, "" when there are none. Owned. */
	char *modinfo;
	struct gospy_layout layout;
	struct gospy_globals globals;
	/** Of the least sure of allgs, allp and allm. */
	enum gospy_confidence confidence;
	/** Wait reasons, index = g.waitreason; owned strings. */
	char **wait_reasons;
	uint32_t num_wait_reasons;
	/** Path of the separate debug file in use, or "". Owned. */
	char *debug_path;
	/** The executable has DWARF itself, or debug_path is set. */
	bool has_dwarf;
	/** What could not be found, one sentence each for the user (newer Go than known, ...).
	 * Owned. */
	char **warnings;
	uint32_t num_warnings;
};

struct gospy_program_options {
	/** --bin FILE: symbols and DWARF of this build of the binary; NULL: none. */
	const char *bin;
};

/**
 * Finds the Go program in `target`. Nothing is stopped. Errors: GOSPY_ERROR_NOT_GO (with what was
 * found instead: "not a Go program", "a 32-bit Go program"), GOSPY_ERROR_NO_SYMBOLS (a Go program
 * whose layout nothing validates: what still holds is said), GOSPY_ERROR_EXITED, _PERMISSION,
 * GOSPY_ERROR_BAD_DATA (--bin).
 */
GOSPY_CHECKED struct gospy_error *gospy_program_open(struct gospy_target *target,
						     const struct gospy_program_options *options,
						     struct gospy_program **ret);
/** Takes NULL. */
void gospy_program_close(struct gospy_program *program);

/** Looks for modules loaded since (plugins). Cheap when there are none. Those known before stay
 * where they are. */
GOSPY_CHECKED struct gospy_error *gospy_program_refresh(struct gospy_program *program);

/** The module whose text holds run-time address `pc`, or NULL. */
const struct gospy_module *gospy_program_module(const struct gospy_program *program, uint64_t pc);

/** The function at run-time address `pc` and its module; GOSPY_ERROR_NOT_FOUND. func->entry is
 * link-time. */
GOSPY_CHECKED struct gospy_error *gospy_program_find_func(const struct gospy_program *program,
							  uint64_t pc, struct gospy_func *ret,
							  const struct gospy_module **ret_module);

/** The text of wait reason `index`; "unknown wait reason" as the runtime says, for others. */
const char *gospy_program_wait_reason(const struct gospy_program *program, uint32_t index);

#endif
