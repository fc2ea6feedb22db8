/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <gospy/memory_target.h>

#include "../symbols/pclntab_writer.h"
#include "synthetic_program.h"

#define PROLOGUE 0x10
#define EPILOGUE 0xf0
/** Where a function called the next one. */
#define CALL_OFFSET 0x40

/** internal/abi/symtab.go FuncFlag, Go 1.21. */
enum { FLAG_TOP_FRAME = 1, FLAG_SP_WRITE = 2 };

static const struct {
	const char *name;
	int32_t frame_size;
	uint8_t flag;
} functions[NUM_SYNTHETIC_FUNCTIONS] = {
	[FN_GOEXIT] = {"runtime.goexit", 0, FLAG_TOP_FRAME},
	[FN_MAIN] = {"runtime.main", 64, 0},
	[FN_RUNFINQ] = {"runtime.runfinq", 32, 0},
	[FN_GOPARK] = {"runtime.gopark", 16, 0},
	[FN_SIGPANIC] = {"runtime.sigpanic", 24, 0},
	[FN_SYSTEMSTACK] = {"runtime.systemstack", 0, FLAG_SP_WRITE},
	[FN_SIGTRAMP] = {"runtime.sigtramp", 72, FLAG_TOP_FRAME},
	[FN_SIGHANDLER] = {"runtime.sighandler", 96, 0},
	[FN_GOGO] = {"gogo", 0, FLAG_SP_WRITE},
	[FN_SYSCALL] = {"syscall.Syscall", 40, FLAG_SP_WRITE},
	[FN_WORK] = {"main.work", 48, 0},
	[FN_LEAF] = {"main.leaf", 0, 0},
	[FN_BIG] = {"main.big", 4 << 20, 0},
	[FN_NEGATIVE] = {"main.negative", -32, 0},
	[FN_EXTERNAL] = {"__tsan_read", 0, 0},
	[FN_UNALIGNED] = {"main.unaligned", 4, 0},
	[FN_VFORK] = {"syscall.rawVforkSyscall", -8, 0},
};

uint64_t synthetic_pc(enum synthetic_function function, uint32_t offset)
{
	return SYNTHETIC_TEXT + SYNTHETIC_BIAS + (uint64_t)function * SYNTHETIC_FUNCTION_SIZE +
	       offset;
}

int32_t synthetic_frame_size(enum synthetic_function function)
{
	return functions[function].frame_size;
}

const char *synthetic_name(enum synthetic_function function)
{
	return functions[function].name;
}

static void write_pclntab(struct pcln_bytes *bytes, uint8_t min_instruction)
{
	struct pcln_run frames[NUM_SYNTHETIC_FUNCTIONS][4];
	struct pcln_run lines[NUM_SYNTHETIC_FUNCTIONS][3];
	/* Number 0 of a compilation unit is no file. */
	static const struct pcln_run files[] = {{SYNTHETIC_FUNCTION_SIZE, 1}, {0, 0}};
	struct pcln_spec spec = {
		.version = GOSPY_PCLNTAB_1_20,
		.text = SYNTHETIC_TEXT,
		.min_instruction = min_instruction,
		.num_funcs = NUM_SYNTHETIC_FUNCTIONS,
		.files = {"/src/a.go"},
		.num_files = 1,
	};

	for (size_t i = 0; i < NUM_SYNTHETIC_FUNCTIONS; i++) {
		/* Equal values are one run. */
		const struct pcln_run frameless[] = {{SYNTHETIC_FUNCTION_SIZE, 0}, {0, 0}};
		const struct pcln_run frame[] = {{PROLOGUE, 0},
						 {EPILOGUE, functions[i].frame_size},
						 {SYNTHETIC_FUNCTION_SIZE, 0},
						 {0, 0}};
		/* The line changes right behind the call. */
		const struct pcln_run line[] = {{CALL_OFFSET, (int32_t)(i * 100 + 1)},
						{SYNTHETIC_FUNCTION_SIZE, (int32_t)(i * 100 + 2)},
						{0, 0}};
		if (functions[i].frame_size)
			memcpy(frames[i], frame, sizeof(frame));
		else
			memcpy(frames[i], frameless, sizeof(frameless));
		memcpy(lines[i], line, sizeof(line));
		spec.funcs[i] = (struct pcln_func){
			.name = functions[i].name,
			.size = SYNTHETIC_FUNCTION_SIZE,
			.flag = functions[i].flag,
			.start_line = (uint32_t)(i * 100),
			.pcsp = i == FN_EXTERNAL ? NULL : frames[i],
			.pcfile = files,
			.pcln = lines[i],
		};
		/* Of its arguments the table tells at a place that is not there (FUNCDATA_ArgInfo).
		 */
		if (i == FN_RUNFINQ) {
			static const int64_t funcdata[] = {PCLN_NO_FUNCDATA, PCLN_NO_FUNCDATA,
							   PCLN_NO_FUNCDATA, PCLN_NO_FUNCDATA,
							   PCLN_NO_FUNCDATA, 8};
			memcpy(spec.funcs[i].funcdata, funcdata, sizeof(funcdata));
			spec.funcs[i].num_funcdata = 6;
		}
	}
	pcln_write(bytes, &spec);
}

static struct gospy_layout_field field(int32_t offset, uint32_t size)
{
	return (struct gospy_layout_field){offset, size};
}

static void fill_layout(struct gospy_layout *layout)
{
	/* All other fields are at -1: this version has none. */
	memset(layout, 0xff, sizeof(*layout));
	layout->g_stack_lo = field(G_STACK_LO, 8);
	layout->g_stack_hi = field(G_STACK_HI, 8);
	layout->g_m = field(G_M, 8);
	layout->g_sched_sp = field(G_SCHED_SP, 8);
	layout->g_sched_pc = field(G_SCHED_PC, 8);
	layout->g_syscallsp = field(G_SYSCALLSP, 8);
	layout->g_syscallpc = field(G_SYSCALLPC, 8);
	layout->g_atomicstatus = field(G_STATUS, 4);
	layout->g_waitreason = field(G_WAITREASON, 1);
	layout->g_tracking_seq = field(G_TRACKING_SEQ, 1);
	layout->g_goid = field(G_GOID, 8);
	layout->g_waitsince = field(G_WAITSINCE, 8);
	layout->g_lockedm = field(G_LOCKEDM, 8);
	layout->g_gopc = field(G_GOPC, 8);
	layout->g_startpc = field(G_STARTPC, 8);
	layout->g_parent_goid = field(G_PARENT_GOID, 8);
	layout->g_labels = field(G_LABELS, 8);
	layout->m_g0 = field(M_G0, 8);
	layout->m_gsignal = field(M_GSIGNAL, 8);
	layout->m_procid = field(M_PROCID, 8);
	layout->m_curg = field(M_CURG, 8);
	layout->m_id = field(M_ID, 8);
	layout->m_alllink = field(M_ALLLINK, 8);
	layout->m_vdso_sp = field(M_VDSO_SP, 8);
	layout->m_vdso_pc = field(M_VDSO_PC, 8);
	layout->p_id = field(P_ID, 4);
	layout->p_status = field(P_STATUS, 4);
	layout->p_schedtick = field(P_SCHEDTICK, 4);
	layout->p_syscalltick = field(P_SYSCALLTICK, 4);
	layout->p_m = field(P_M, 8);
	layout->p_runqhead = field(P_RUNQHEAD, 4);
	layout->p_runqtail = field(P_RUNQTAIL, 4);
	layout->size_m = M_SIZE;
	layout->source = GOSPY_LAYOUT_TYPES;
}

static bool fill_module(struct synthetic_program *s)
{
	const uint64_t text_size = (uint64_t)NUM_SYNTHETIC_FUNCTIONS * SYNTHETIC_FUNCTION_SIZE;
	struct gospy_region bytes = {s->pclntab->data, 0x500000, s->pclntab->size};

	s->module.image = &s->image;
	s->module.bias = SYNTHETIC_BIAS;
	s->module.text = SYNTHETIC_TEXT + SYNTHETIC_BIAS;
	s->module.etext = s->module.text + text_size;
	struct gospy_error *err = gospy_pclntab_init(&s->image, bytes, &s->module.pclntab);
	gospy_error_destroy(err);
	if (err)
		return false;
	s->module.pclntab.text = SYNTHETIC_TEXT;
	s->module.pclntab.go_minor = 22;
	/* A moduledata of zeroes, which nothing comes after. */
	s->module.address = synthetic_alloc(s, 1024);
	return gospy_module_vec_append(&s->program.modules, s->module);
}

bool synthetic_init(struct synthetic_program *s, enum gospy_arch arch, size_t arena_size)
{
	static char version[] = "go1.22.5", none[] = "", receive[] = "chan receive",
		    select[] = "select";
	static char *reasons[] = {none, receive, select};

	memset(s, 0, sizeof(*s));
	s->arena = calloc(1, arena_size);
	s->arena_size = arena_size;
	s->pclntab = calloc(1, sizeof(*s->pclntab));
	if (!s->arena || !s->pclntab)
		return false;
	write_pclntab(s->pclntab, arch == GOSPY_ARCH_ARM64 ? 4 : 1);
	s->program.arch = arch;
	s->program.go_version = version;
	s->program.version = (struct gospy_go_version){1, 22, 5};
	s->program.modinfo = s->program.debug_path = none;
	s->program.wait_reasons = reasons;
	s->program.num_wait_reasons = sizeof(reasons) / sizeof(reasons[0]);
	fill_layout(&s->program.layout);
	s->program.globals.allgs = synthetic_alloc(s, 24);
	s->program.globals.allp = synthetic_alloc(s, 24);
	s->program.globals.allm = synthetic_alloc(s, 8);
	return fill_module(s);
}

void synthetic_deinit(struct synthetic_program *s)
{
	gospy_module_vec_deinit(&s->program.modules);
	free(s->pclntab);
	free(s->arena);
	memset(s, 0, sizeof(*s));
}

uint64_t synthetic_alloc(struct synthetic_program *s, size_t size)
{
	size_t at = s->used;

	assert(size <= s->arena_size - at);
	s->used += (size + 15) & ~(size_t)15;
	return SYNTHETIC_ARENA + at;
}

uint8_t *synthetic_at(struct synthetic_program *s, uint64_t address)
{
	return address >= SYNTHETIC_ARENA && address - SYNTHETIC_ARENA + 8 <= s->arena_size
		       ? s->arena + (address - SYNTHETIC_ARENA)
		       : NULL;
}

void synthetic_put(struct synthetic_program *s, uint64_t address, uint64_t word)
{
	assert(synthetic_at(s, address));
	memcpy(synthetic_at(s, address), &word, sizeof(word));
}

void synthetic_put_u32(struct synthetic_program *s, uint64_t address, uint32_t value)
{
	assert(synthetic_at(s, address));
	memcpy(synthetic_at(s, address), &value, sizeof(value));
}

void synthetic_put_u8(struct synthetic_program *s, uint64_t address, uint8_t value)
{
	assert(synthetic_at(s, address));
	*synthetic_at(s, address) = value;
}

uint64_t synthetic_g(struct synthetic_program *s, uint64_t goid, size_t stack_size)
{
	uint64_t g = synthetic_alloc(s, G_SIZE);
	uint64_t stack = stack_size ? synthetic_alloc(s, stack_size) : 0;

	assert(s->num_gs < SYNTHETIC_MAX_GS);
	s->gs[s->num_gs++] = g;
	synthetic_put(s, g + G_STACK_LO, stack);
	synthetic_put(s, g + G_STACK_HI, stack + stack_size);
	synthetic_put_u32(s, g + G_STATUS, 4);
	synthetic_put_u8(s, g + G_WAITREASON, 1);
	synthetic_put(s, g + G_GOID, goid);
	synthetic_put(s, g + G_STARTPC, synthetic_pc(FN_WORK, 0));
	synthetic_put(s, g + G_GOPC, synthetic_pc(FN_MAIN, CALL_OFFSET));
	return g;
}

/** A g that is not in the list: one of the M's own. */
static uint64_t own_g(struct synthetic_program *s, size_t stack_size)
{
	uint64_t g = synthetic_g(s, 0, stack_size);

	s->num_gs--;
	synthetic_put_u32(s, g + G_STATUS, 2);
	return g;
}

uint64_t synthetic_m(struct synthetic_program *s, uint32_t tid)
{
	uint64_t m = synthetic_alloc(s, M_SIZE);

	synthetic_put(s, m + M_G0, own_g(s, 4096));
	synthetic_put(s, m + M_GSIGNAL, own_g(s, 8192));
	synthetic_put(s, m + M_PROCID, tid);
	synthetic_put(s, m + M_ID, tid - 100);
	synthetic_put(s, m + M_ALLLINK, s->last_m);
	s->last_m = m;
	return m;
}

void synthetic_p(struct synthetic_program *s, uint64_t address, uint32_t id, uint64_t m)
{
	synthetic_put_u32(s, address + P_ID, id);
	synthetic_put_u32(s, address + P_STATUS, m ? 1 : 0);
	synthetic_put_u32(s, address + P_SCHEDTICK, 642);
	synthetic_put_u32(s, address + P_SYSCALLTICK, 81);
	synthetic_put(s, address + P_M, m);
	synthetic_put_u32(s, address + P_RUNQHEAD, UINT32_MAX);
	synthetic_put_u32(s, address + P_RUNQTAIL, 2);
}

uint64_t synthetic_frames(struct synthetic_program *s, uint64_t hi,
			  const enum synthetic_function *list, size_t count, uint64_t outer)
{
	uint64_t sp = hi, caller = outer;

	for (size_t i = count; i-- > 0;) {
		/* amd64: the call pushes the return address, the function takes its frame below. */
		sp -= 8;
		synthetic_put(s, sp, caller);
		sp -= (uint64_t)(int64_t)functions[list[i]].frame_size;
		caller = synthetic_pc(list[i], CALL_OFFSET);
	}
	return sp;
}

uint64_t synthetic_stack(struct synthetic_program *s, uint64_t g,
			 const enum synthetic_function *list, size_t count)
{
	uint64_t hi;

	memcpy(&hi, synthetic_at(s, g + G_STACK_HI), sizeof(hi));
	uint64_t sp = synthetic_frames(s, hi - 32, list, count, synthetic_pc(FN_GOEXIT, 1));
	synthetic_put(s, g + G_SCHED_SP, sp);
	synthetic_put(s, g + G_SCHED_PC, synthetic_pc(list[0], CALL_OFFSET));
	return sp;
}

static void put_slice(struct synthetic_program *s, uint64_t header, const uint64_t *elements,
		      size_t count)
{
	uint64_t list = synthetic_alloc(s, count * 8 + 8);

	synthetic_put(s, header, list);
	synthetic_put(s, header + 8, count);
	synthetic_put(s, header + 16, count);
	for (size_t i = 0; i < count; i++)
		synthetic_put(s, list + i * 8, elements[i]);
}

void synthetic_finish(struct synthetic_program *s, const uint64_t *ps, size_t num_ps)
{
	put_slice(s, s->program.globals.allgs, s->gs, s->num_gs);
	put_slice(s, s->program.globals.allp, ps, num_ps);
	synthetic_put(s, s->program.globals.allm, s->last_m);
}

struct gospy_target *synthetic_target(struct synthetic_program *s)
{
	struct gospy_target *target = NULL;
	struct gospy_error *err = gospy_memory_target_create(s->program.arch, &target);

	if (!err)
		err = gospy_memory_target_add(target, SYNTHETIC_ARENA, s->arena, s->arena_size,
					      GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE, "", 0);
	if (!err) {
		s->program.target = target;
		return target;
	}
	gospy_error_destroy(err);
	gospy_target_destroy(target);
	return NULL;
}
