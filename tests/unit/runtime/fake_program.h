/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_FAKE_PROGRAM_H
#define GOSPY_FAKE_PROGRAM_H

/**
 * A small Go program that never was: an ELF file with machine code, a function table and type
 * descriptors in the format of Go 1.20, and the memory of a process that runs it, all made from
 * scratch so that a test can bend any byte of it. Its structs have their fields at offsets of no Go
 * release: only who reads the descriptors finds them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gospy/target.h>

#define FAKE_FILE_SIZE 0x5000
#define FAKE_DATA_SIZE 0x2000
#define FAKE_HEAP_SIZE 0x20000
/** Where the heap is. */
#define FAKE_HEAP UINT64_C(0xc000000000)
#define FAKE_MAX_GS 64

struct fake_options {
	/** Added to every address: a position-independent program. */
	uint64_t bias;
	/** "go1.22.5". */
	const char *version;
	/** The version is in the build information, else only in runtime.buildVersion. */
	bool buildinfo;
	/** The build information holds addresses, as up to Go 1.17. */
	bool buildinfo_pointers;
	size_t num_gs, num_ms, num_ps;
	uint32_t max_m_count;
	/** The runtime has not run yet: its lists are empty. */
	bool unborn;
};

/** Addresses of what is in it, run-time. */
struct fake_addresses {
	uint64_t allgs, allp, allm, sched, wait_reason_strings, moduledata, text, types;
	uint64_t g[FAKE_MAX_GS];
	uint64_t m[FAKE_MAX_GS];
	uint64_t p[FAKE_MAX_GS];
};

struct fake_program {
	struct fake_options options;
	struct fake_addresses at;
	/** The file, and the process' copy of the writable segment and its heap. */
	uint8_t file[FAKE_FILE_SIZE];
	uint8_t data[FAKE_DATA_SIZE];
	uint8_t heap[FAKE_HEAP_SIZE];
	/** A memory file with the bytes of `file`; -1 until fake_program_target(). */
	int fd;
};

extern const struct fake_options fake_defaults;

/** Field offsets of its structs. */
enum {
	FAKE_G_STACK = 8,
	FAKE_G_M = 40,
	FAKE_G_STATUS = 136,
	FAKE_G_GOID = 144,
	FAKE_G_SIZE = 512,
	FAKE_M_G0 = 16,
	FAKE_M_ALLLINK = 200,
	FAKE_M_SIZE = 512,
	FAKE_P_ID = 8,
	FAKE_P_STATUS = 12,
	FAKE_P_MCACHE = 64,
	FAKE_P_SIZE = 512,
	/** runtime.schedt of Go 1.22 on amd64, from its DWARF: it has no descriptor. */
	FAKE_SCHED_MIDLE = 32,
	FAKE_SCHED_NMIDLE = 40,
	FAKE_SCHED_MNEXT = 48,
	FAKE_SCHED_MAXMCOUNT = 56,
	FAKE_SCHED_NMFREED = 64,
	FAKE_NUM_WAIT_REASONS = 5,
};

void fake_program_init(struct fake_program *fake, const struct fake_options *options);
void fake_program_deinit(struct fake_program *fake);

/** A target over the bytes as they are now, owned by the caller; NULL where that cannot be made. */
struct gospy_target *fake_program_target(struct fake_program *fake);

/** Where run-time `address` is kept; NULL outside of it. For bending the process' memory. */
uint8_t *fake_program_memory(struct fake_program *fake, uint64_t address);
void fake_program_put(struct fake_program *fake, uint64_t address, uint64_t word);

#endif
