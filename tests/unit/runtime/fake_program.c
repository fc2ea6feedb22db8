/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gospy/memory_target.h>

#include "fake_program.h"

/* The file: headers and code, then types and function table, then data; each part page-aligned. */
enum {
	TEXT = 0x0400,
	TEXT_END = 0x1000,
	RODATA = 0x1000,
	STRINGS = 0x1000,
	TYPES = 0x1800,
	TYPES_END = 0x3000,
	PCLNTAB = 0x3000,
	RODATA_END = 0x4000,
	DATA = 0x4000,
	DATA_FILE_END = 0x5000,
	DATA_END = 0x6000,
	/* In the data: */
	BUILDINFO = 0x4000,
	MODULEDATA = 0x4200,
	WAIT_REASONS = 0x4600,
	BUILD_VERSION = 0x4700,
	ALLGS = 0x5100,
	ALLGLEN = 0x5140,
	ALLGPTR = 0x5148,
	ALLP = 0x5200,
	ALLM = 0x5280,
	SCHED = 0x5300,
	M0 = 0x5800,
	G0 = 0x5a00,
};
#define BASE UINT64_C(0x400000)

const struct fake_options fake_defaults = {
	.version = "go1.22.5",
	.buildinfo = true,
	.num_gs = 6,
	.num_ms = 3,
	.num_ps = 2,
	.max_m_count = 10000,
};

/** Link-time and run-time address of a place in the file. */
static uint64_t link_address(uint64_t offset)
{
	return BASE + offset;
}

static uint64_t run_address(const struct fake_program *fake, uint64_t offset)
{
	return BASE + fake->options.bias + offset;
}

static void put(uint8_t *p, uint64_t value, size_t size)
{
	memcpy(p, &value, size);
}

uint8_t *fake_program_memory(struct fake_program *fake, uint64_t address)
{
	if (address >= run_address(fake, DATA) && address < run_address(fake, DATA_END))
		return fake->data + (address - run_address(fake, DATA));
	if (address >= FAKE_HEAP && address < FAKE_HEAP + FAKE_HEAP_SIZE)
		return fake->heap + (address - FAKE_HEAP);
	if (address >= run_address(fake, 0) && address < run_address(fake, RODATA_END))
		return fake->file + (address - run_address(fake, 0));
	return NULL;
}

void fake_program_put(struct fake_program *fake, uint64_t address, uint64_t word)
{
	put(fake_program_memory(fake, address), word, 8);
}

static void put_u32(struct fake_program *fake, uint64_t address, uint32_t value)
{
	put(fake_program_memory(fake, address), value, 4);
}

static void put_headers(struct fake_program *fake)
{
	static const struct {
		uint32_t flags;
		uint64_t start, file_end, end;
	} loads[] = {
		{PF_R | PF_X, 0, TEXT_END, TEXT_END},
		{PF_R, RODATA, RODATA_END, RODATA_END},
		{PF_R | PF_W, DATA, DATA_FILE_END, DATA_END},
	};
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = fake->options.bias ? ET_DYN : ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = link_address(TEXT),
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};

	memcpy(fake->file, &header, sizeof(header));
	for (size_t i = 0; i < 3; i++) {
		Elf64_Phdr load = {
			.p_type = PT_LOAD,
			.p_flags = loads[i].flags,
			.p_offset = loads[i].start,
			.p_vaddr = link_address(loads[i].start),
			.p_filesz = loads[i].file_end - loads[i].start,
			.p_memsz = loads[i].end - loads[i].start,
			.p_align = 0x1000,
		};
		memcpy(fake->file + sizeof(header) + i * sizeof(load), &load, sizeof(load));
	}
}

/** Machine code that is being written. */
struct code {
	uint8_t *start;
	size_t size;
};

/** An instruction of `size` opcode bytes that names data relative to the next one, with a constant
 * or not. */
static void emit(struct code *code, uint32_t opcode, size_t size, uint64_t data,
		 size_t constant_size, uint32_t constant)
{
	uint8_t *p = code->start + code->size;
	uint64_t next = TEXT + code->size + size + 4 + constant_size;

	put(p, opcode, size);
	put(p + size, data - next, 4);
	put(p + size + 4, constant, constant_size);
	code->size += size + 4 + constant_size;
}

static void emit_load(struct code *code, uint64_t data)
{
	emit(code, 0x058b48, 3, data, 0, 0); /* mov rax, [rip+d] */
}

static void emit_lea(struct code *code, uint64_t data)
{
	emit(code, 0x058d48, 3, data, 0, 0); /* lea rax, [rip+d] */
}

static void emit_byte(struct code *code, uint8_t byte)
{
	code->start[code->size++] = byte;
}

static void code_allgadd(struct code *code)
{
	emit_load(code, ALLGS);
	emit_load(code, ALLGS + 8);
	emit_load(code, ALLGS + 16);
	emit(code, 0x058948, 3, ALLGLEN, 0, 0); /* mov [rip+d], rax */
	emit(code, 0x058948, 3, ALLGPTR, 0, 0);
}

static void code_allp(struct code *code)
{
	emit_load(code, ALLP);
	emit_load(code, ALLP + 8);
}

static void code_mcommoninit(struct code *code)
{
	emit_lea(code, SCHED + FAKE_SCHED_MIDLE - 8);
	emit_lea(code, ALLM);
}

static void code_schedinit(struct code *code)
{
	emit(code, 0x05c7, 2, SCHED + FAKE_SCHED_MAXMCOUNT, 4,
	     10000); /* mov dword [rip+d], 10000 */
	emit_load(code, ALLGS);
	emit_load(code, BUILD_VERSION);
}

static void code_wait_reason(struct code *code)
{
	emit_byte(code, 0x3c); /* cmp al, n */
	emit_byte(code, FAKE_NUM_WAIT_REASONS);
	emit_lea(code, WAIT_REASONS);
}

static void code_main(struct code *code)
{
	emit_byte(code, 0x90);
}

static const struct {
	const char *name;
	void (*code)(struct code *code);
} functions[] = {
	{"runtime.allgadd", code_allgadd},
	{"runtime.preemptall", code_allp},
	{"runtime.gcMarkTinyAllocs", code_allp},
	{"runtime.mcommoninit", code_mcommoninit},
	{"runtime.schedinit", code_schedinit},
	{"runtime.waitReason.String", code_wait_reason},
	{"main.main", code_main},
};
#define NUM_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/** runtime/symtab.go pcHeader of Go 1.20; names, ftab and _func records, no lines. */
static void put_functions(struct fake_program *fake)
{
	struct code code = {.start = fake->file + TEXT};
	uint8_t *table = fake->file + PCLNTAB;
	const uint64_t names = 72, files = 0x400, records = 0x800;
	uint64_t name = names, record = records + NUM_FUNCTIONS * 8 + 8;
	const uint64_t header[] = {NUM_FUNCTIONS, 1,	      link_address(TEXT), names,
				   files,	  files + 16, files + 32,	  records};

	put(table, 0x08010000fffffff1, 8);
	for (size_t i = 0; i < 8; i++)
		put(table + 8 + i * 8, header[i], 8);
	for (size_t i = 0; i < NUM_FUNCTIONS; i++) {
		put(table + records + i * 8, code.size, 4);
		put(table + records + i * 8 + 4, record - records, 4);
		put(table + record, code.size, 4);
		put(table + record + 4, name - names, 4);
		strcpy((char *)table + name, functions[i].name);
		name += strlen(functions[i].name) + 1;
		record += 48;
		functions[i].code(&code);
		emit_byte(&code, 0xc3); /* ret */
		code.size = (code.size + 15) & ~(size_t)15;
	}
	put(table + records + NUM_FUNCTIONS * 8, code.size, 4);
}

/** Type descriptors that are being written (internal/abi/type.go). */
struct types {
	uint8_t *file;
	uint64_t name, type, word, dword, byte;
};

/** A name with its flag byte and length; returns its place. */
static uint64_t put_name(struct types *types, const char *text)
{
	uint64_t at = types->name;

	types->file[at + 1] = (uint8_t)strlen(text);
	memcpy(types->file + at + 2, text, strlen(text));
	types->name += 2 + strlen(text);
	return at;
}

static uint64_t put_type(struct types *types, const char *name, uint64_t size, uint8_t kind,
			 uint64_t extra)
{
	uint64_t at = types->type;
	uint8_t *p = types->file + at;

	put(p, size, 8);
	p[20] = 2 | 4; /* TFlagExtraStar, TFlagNamed */
	p[21] = p[22] = 8;
	p[23] = kind;
	put(p + 40, put_name(types, name) - TYPES, 4);
	types->type += 48 + extra;
	return at;
}

struct fake_field {
	const char *name;
	uint64_t offset;
	/** Bytes, or 0 for a struct type at `type`. */
	uint64_t size;
	uint64_t type;
};

static uint64_t field_type(const struct types *types, const struct fake_field *field)
{
	if (!field->size)
		return field->type;
	return field->size == 8 ? types->word : field->size == 4 ? types->dword : types->byte;
}

static uint64_t put_struct(struct types *types, const char *name, uint64_t size,
			   const struct fake_field *fields, size_t count)
{
	uint64_t package = put_name(types, "runtime");
	uint64_t at = put_type(types, name, size, 25, 32);
	uint64_t list = types->type;

	put(types->file + at + 48, link_address(package), 8);
	put(types->file + at + 56, link_address(list), 8);
	put(types->file + at + 64, count, 8);
	put(types->file + at + 72, count, 8);
	types->type += count * 24;
	for (size_t i = 0; i < count; i++) {
		put(types->file + list + i * 24, link_address(put_name(types, fields[i].name)), 8);
		put(types->file + list + i * 24 + 8, link_address(field_type(types, &fields[i])),
		    8);
		put(types->file + list + i * 24 + 16, fields[i].offset, 8);
	}
	return at;
}

#define PUT_STRUCT(types, name, size, fields)                                                      \
	put_struct(types, name, size, fields, sizeof(fields) / sizeof(fields[0]))

static void put_types(struct fake_program *fake)
{
	struct types types = {.file = fake->file, .name = TYPES + 8, .type = TYPES + 0x800};

	types.word = put_type(&types, "*uint64", 8, 11, 0);
	types.dword = put_type(&types, "*uint32", 4, 10, 0);
	types.byte = put_type(&types, "*uint8", 1, 8, 0);

	const struct fake_field stack_fields[] = {{"lo", 0, 8, 0}, {"hi", 8, 8, 0}};
	uint64_t stack = PUT_STRUCT(&types, "*runtime.stack", 16, stack_fields);
	const struct fake_field gobuf_fields[] = {
		{"sp", 0, 8, 0}, {"pc", 8, 8, 0}, {"bp", 16, 8, 0}};
	uint64_t gobuf = PUT_STRUCT(&types, "*runtime.gobuf", 24, gobuf_fields);
	const struct fake_field g_fields[] = {
		{"stack", FAKE_G_STACK, 0, stack},
		{"m", FAKE_G_M, 8, 0},
		{"sched", 48, 0, gobuf},
		{"syscallsp", 80, 8, 0},
		{"syscallpc", 88, 8, 0},
		{"atomicstatus", FAKE_G_STATUS, 4, 0},
		{"goid", FAKE_G_GOID, 8, 0},
		{"waitsince", 160, 8, 0},
		{"waitreason", 168, 1, 0},
		{"lockedm", 176, 8, 0},
		{"gopc", 184, 8, 0},
		{"startpc", 192, 8, 0},
		{"labels", 200, 8, 0},
		{"waiting", 208, 8, 0},
	};
	PUT_STRUCT(&types, "*runtime.g", FAKE_G_SIZE, g_fields);
	const struct fake_field m_fields[] = {
		{"g0", FAKE_M_G0, 8, 0}, {"gsignal", 24, 8, 0},
		{"procid", 32, 8, 0},	 {"curg", 40, 8, 0},
		{"p", 48, 8, 0},	 {"id", 56, 8, 0},
		{"lockedg", 64, 8, 0},	 {"alllink", FAKE_M_ALLLINK, 8, 0},
	};
	PUT_STRUCT(&types, "*runtime.m", FAKE_M_SIZE, m_fields);
	const struct fake_field p_fields[] = {
		{"id", FAKE_P_ID, 4, 0}, {"status", FAKE_P_STATUS, 4, 0},
		{"schedtick", 16, 4, 0}, {"syscalltick", 20, 4, 0},
		{"m", 24, 8, 0},	 {"mcache", FAKE_P_MCACHE, 8, 0},
		{"runqhead", 100, 4, 0}, {"runqtail", 104, 4, 0},
	};
	PUT_STRUCT(&types, "*runtime.p", FAKE_P_SIZE, p_fields);
}

/** A word of the data segment: the same in the file, but for addresses, which the loader moves. */
static void put_data(struct fake_program *fake, uint64_t at, uint64_t value, bool is_address)
{
	put(fake->file + at, value, 8);
	put(fake->data + (at - DATA), value + (is_address ? fake->options.bias : 0), 8);
}

static void put_string(struct fake_program *fake, uint64_t header, uint64_t *text,
		       const char *value)
{
	memcpy(fake->file + *text, value, strlen(value));
	put_data(fake, header, value[0] ? link_address(*text) : 0, value[0] != '\0');
	put_data(fake, header + 8, strlen(value), false);
	*text += strlen(value);
}

static void put_strings(struct fake_program *fake)
{
	static const char *const reasons[FAKE_NUM_WAIT_REASONS] = {
		"", "GC assist marking", "IO wait", "chan receive (nil chan)", "the fifth"};
	uint64_t text = STRINGS;

	for (uint64_t i = 0; i < FAKE_NUM_WAIT_REASONS; i++)
		put_string(fake, WAIT_REASONS + i * 16, &text, reasons[i]);
	put_string(fake, BUILD_VERSION, &text, fake->options.version);
}

/** debug/buildinfo: 32 bytes of header, then the strings, or their addresses at 16. */
static void put_buildinfo(struct fake_program *fake)
{
	uint8_t info[128] = "\xff Go buildinf:\x08";
	const char *version = fake->options.version;

	if (!fake->options.buildinfo)
		return;
	memcpy(fake->file + BUILDINFO, info, 16);
	if (fake->options.buildinfo_pointers) {
		memcpy(fake->data, fake->file + BUILDINFO, 16);
		put_data(fake, BUILDINFO + 16, link_address(BUILD_VERSION), true);
		return;
	}
	fake->file[BUILDINFO + 15] = 2;
	fake->file[BUILDINFO + 32] = (uint8_t)strlen(version);
	memcpy(fake->file + BUILDINFO + 33, version, strlen(version));
	memcpy(fake->data, fake->file + BUILDINFO, 128);
}

/** runtime/symtab.go moduledata of Go 1.20 to 1.25, as far as it is read. */
static void put_moduledata(struct fake_program *fake)
{
	static const struct {
		uint64_t at, place;
	} words[] = {
		{0, PCLNTAB},  {128, PCLNTAB + 0x800}, {160, TEXT},   {168, TEXT_END},
		{176, TEXT},   {184, TEXT_END},	       {192, DATA},   {200, 0x4800},
		{208, 0x4800}, {216, DATA_FILE_END},   {224, 0x5000}, {232, 0x5800},
		{240, 0x5800}, {248, DATA_END},	       {296, TYPES},  {304, TYPES_END},
		{312, RODATA}, {320, RODATA},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		put_data(fake, MODULEDATA + words[i].at, link_address(words[i].place), true);
	fake->at.moduledata = run_address(fake, MODULEDATA);
}

/** Objects of 512 bytes, one after the other; pointer lists and stacks behind them. */
static uint64_t heap_object(size_t kind, size_t i)
{
	return FAKE_HEAP + 0x2000 + (kind * FAKE_MAX_GS + i) * 512;
}

static void put_g(struct fake_program *fake, uint64_t g, size_t i)
{
	bool dead = i % 4 == 3;

	fake_program_put(fake, g + FAKE_G_STACK, dead ? 0 : FAKE_HEAP + 0x1a000 + i * 0x100);
	fake_program_put(fake, g + FAKE_G_STACK + 8, dead ? 0 : FAKE_HEAP + 0x1a100 + i * 0x100);
	put_u32(fake, g + FAKE_G_STATUS, dead ? 6 : 4);
	fake_program_put(fake, g + FAKE_G_GOID, i + 1);
}

static void put_ms(struct fake_program *fake)
{
	for (size_t i = 0; i < fake->options.num_ms; i++) {
		uint64_t m = i ? heap_object(1, i) : run_address(fake, M0);
		uint64_t g0 = i ? heap_object(2, i) : run_address(fake, G0);
		fake->at.m[i] = m;
		fake_program_put(fake, m + FAKE_M_G0, g0);
		fake_program_put(fake, g0 + FAKE_G_M, m);
		fake_program_put(fake, m + FAKE_M_ALLLINK, i ? fake->at.m[i - 1] : 0);
	}
	fake_program_put(fake, fake->at.allm, fake->at.m[fake->options.num_ms - 1]);
	fake_program_put(fake, fake->at.sched + FAKE_SCHED_MNEXT, fake->options.num_ms + 1);
	fake_program_put(fake, fake->at.sched + FAKE_SCHED_NMFREED, 1);
	put_u32(fake, fake->at.sched + FAKE_SCHED_MAXMCOUNT, fake->options.max_m_count);
	put_u32(fake, fake->at.sched + FAKE_SCHED_NMIDLE, 1);
	fake_program_put(fake, fake->at.sched + FAKE_SCHED_MIDLE, fake->at.m[0]);
}

/** A slice of pointers whose elements are at `list`. */
static void put_slice(struct fake_program *fake, uint64_t header, uint64_t list,
		      const uint64_t *elements, size_t count)
{
	fake_program_put(fake, header, list);
	fake_program_put(fake, header + 8, count);
	fake_program_put(fake, header + 16, count);
	for (size_t i = 0; i < count; i++)
		fake_program_put(fake, list + i * 8, elements[i]);
}

static void put_process(struct fake_program *fake)
{
	const struct fake_options *options = &fake->options;

	if (options->unborn)
		return;
	for (size_t i = 0; i < options->num_gs; i++) {
		fake->at.g[i] = heap_object(0, i);
		put_g(fake, fake->at.g[i], i);
	}
	put_slice(fake, fake->at.allgs, FAKE_HEAP, fake->at.g, options->num_gs);
	fake_program_put(fake, run_address(fake, ALLGLEN), options->num_gs);
	fake_program_put(fake, run_address(fake, ALLGPTR), FAKE_HEAP);
	for (size_t i = 0; i < options->num_ps; i++) {
		uint64_t p = fake->at.p[i] = heap_object(0, 40 + i);
		put_u32(fake, p + FAKE_P_ID, (uint32_t)i);
		fake_program_put(fake, p + FAKE_P_MCACHE, FAKE_HEAP + 0x1ff00);
	}
	put_slice(fake, fake->at.allp, FAKE_HEAP + 0x1000, fake->at.p, options->num_ps);
	put_ms(fake);
}

void fake_program_init(struct fake_program *fake, const struct fake_options *options)
{
	memset(fake, 0, sizeof(*fake));
	fake->fd = -1;
	fake->options = *options;
	fake->at.allgs = run_address(fake, ALLGS);
	fake->at.allp = run_address(fake, ALLP);
	fake->at.allm = run_address(fake, ALLM);
	fake->at.sched = run_address(fake, SCHED);
	fake->at.wait_reason_strings = run_address(fake, WAIT_REASONS);
	fake->at.text = run_address(fake, TEXT);
	fake->at.types = run_address(fake, TYPES);
	put_headers(fake);
	put_functions(fake);
	put_types(fake);
	put_strings(fake);
	put_buildinfo(fake);
	put_moduledata(fake);
	put_process(fake);
}

void fake_program_deinit(struct fake_program *fake)
{
	if (fake->fd >= 0)
		close(fake->fd);
	fake->fd = -1;
}

static bool write_file(struct fake_program *fake, char path[64])
{
	if (fake->fd < 0)
		fake->fd = memfd_create("fake", MFD_CLOEXEC);
	snprintf(path, 64, "/proc/self/fd/%d", fake->fd);
	return fake->fd >= 0 &&
	       pwrite(fake->fd, fake->file, sizeof(fake->file), 0) == sizeof(fake->file);
}

static struct gospy_error *add_memory(struct fake_program *fake, struct gospy_target *target,
				      const char *path)
{
	struct gospy_error *err =
		gospy_memory_target_add(target, run_address(fake, 0), fake->file, TEXT_END,
					GOSPY_MAPPING_READ | GOSPY_MAPPING_EXEC, path, 0);

	if (!err)
		err = gospy_memory_target_add(target, run_address(fake, RODATA),
					      fake->file + RODATA, RODATA_END - RODATA,
					      GOSPY_MAPPING_READ, path, RODATA);
	if (!err)
		err = gospy_memory_target_add(target, run_address(fake, DATA), fake->data,
					      sizeof(fake->data),
					      GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE, path, DATA);
	if (!err)
		err = gospy_memory_target_add(target, FAKE_HEAP, fake->heap, sizeof(fake->heap),
					      GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE, "", 0);
	return err;
}

struct gospy_target *fake_program_target(struct fake_program *fake)
{
	struct gospy_target *target = NULL;
	char path[64];
	struct gospy_error *err = write_file(fake, path)
					  ? gospy_memory_target_create(GOSPY_ARCH_AMD64, &target)
					  : NULL;

	if (!err && target)
		err = gospy_memory_target_set_exe(target, path);
	if (!err && target)
		err = add_memory(fake, target, path);
	if (err) {
		gospy_error_destroy(err);
		gospy_target_destroy(target);
		return NULL;
	}
	return target;
}
