/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_IMAGE_H
#define GOSPY_IMAGE_H

/**
 * One binary: an ELF file (later Mach-O) by its segments, and by its sections where it has them.
 * All addresses in this layer are link-time addresses, as the file states them; whoever knows the
 * load bias adds it. An image is immutable after gospy_image_init(), except that the symbol lookup
 * builds its table on first use; one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/error.h>
#include <gospy/source.h>
#include <gospy/vec.h>

/** A loadable segment: memory `[address, address + memory_size)`, of which the first file_size
 * bytes come from `offset`. */
struct gospy_segment {
	uint64_t address;
	uint64_t memory_size;
	uint64_t offset;
	uint64_t file_size;
	bool writable, executable;
};
GOSPY_VEC(gospy_segment_vec, struct gospy_segment);

struct gospy_section {
	/** NUL-terminated name inside the source. */
	const char *name;
	uint64_t address;
	uint64_t offset;
	uint64_t size;
	/** sh_type, sh_flags, sh_link, sh_entsize. */
	uint32_t type;
	uint64_t flags;
	uint32_t link;
	uint64_t entry_size;
};
GOSPY_VEC(gospy_section_vec, struct gospy_section);

/** Machine of the file: values of enum gospy_arch in <gospy/registers.h>, which this layer does not
 * see. */
enum gospy_image_machine {
	GOSPY_IMAGE_OTHER,
	GOSPY_IMAGE_AMD64,
	GOSPY_IMAGE_ARM64,
};

struct gospy_image {
	struct gospy_source source;
	enum gospy_image_machine machine;
	/** Position independent (ET_DYN). */
	bool dynamic;
	/** PT_LOAD, ascending by address. */
	struct gospy_segment_vec segments;
	/** Empty when the headers were stripped. */
	struct gospy_section_vec sections;
	/** GNU build id as lower-case hex, "" when there is none. */
	char build_id[129];
	/** Go's build id (.note.go.buildid), "" when there is none. */
	char go_build_id[257];
	/** Has .debug_info (or .zdebug_info). */
	bool has_dwarf;
	/** Symbols by name, built on first use; private. */
	struct gospy_image_symbols *symbols;
};

/**
 * Reads the headers of the ELF file in `source`, whose ownership is taken on success only (`source`
 * is empty then). Errors: GOSPY_ERROR_BAD_DATA (not ELF, truncated), GOSPY_ERROR_UNSUPPORTED
 * (32-bit, big-endian, another machine; the sentence says which).
 */
GOSPY_CHECKED struct gospy_error *gospy_image_init(struct gospy_image *image,
						   struct gospy_source *source);
void gospy_image_deinit(struct gospy_image *image);

/** `size` bytes at link-time address `address` in place, or NULL where the file does not hold all
 * of them. */
const uint8_t *gospy_image_at(const struct gospy_image *image, uint64_t address, uint64_t size);
/** Bytes of the file from `address` to the end of its segment's file part; 0 when not held. */
uint64_t gospy_image_left(const struct gospy_image *image, uint64_t address);
/** The section called `name`, or NULL. */
const struct gospy_section *gospy_image_section(const struct gospy_image *image, const char *name);
/**
 * Whether it has a section that Go's linker makes in one build mode or another (external linkers
 * keep them), or no section headers to tell. Only the headers are looked at.
 */
bool gospy_image_may_be_go(const struct gospy_image *image);
/** Address of symbol `name` in .symtab, else .dynsym. GOSPY_ERROR_NOT_FOUND. */
GOSPY_CHECKED struct gospy_error *gospy_image_symbol(struct gospy_image *image, const char *name,
						     uint64_t *ret_address);

#endif
