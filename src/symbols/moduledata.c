/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/moduledata.h>

/** Offsets of one layout: the pclntab is at 0 in all; gofunc is 0 where there is none. */
struct offsets {
	uint16_t minpc, types, etypes, gofunc, textsectmap, pluginpath, modulename, next;
};

/** runtime/symtab.go of the versions named. */
static const struct offsets go1_12 = {80, 200, 208, 0, 216, 312, 352, 448};
static const struct offsets go1_16 = {160, 280, 288, 0, 296, 392, 432, 528};
static const struct offsets go1_18 = {160, 280, 288, 304, 312, 408, 448, 544};
static const struct offsets go1_20 = {160, 296, 304, 320, 328, 424, 464, 560};
static const struct offsets go1_21 = {160, 296, 304, 320, 328, 424, 488, 584};
static const struct offsets go1_23 = {160, 296, 304, 320, 328, 424, 488, 576};
static const struct offsets go1_26 = {160, 296, 304, 320, 336, 432, 496, 584};
static const struct offsets go1_27 = {160, 296, 312, 344, 360, 408, 472, 560};

static uint64_t word(const uint8_t *bytes, size_t size, uint64_t offset)
{
	return offset + 8 <= size ? gospy_load_u64(bytes + offset) : 0;
}

/** Whether a length stands where 1.20 to 1.26 have etypes: then it is typedesclen of 1.27. */
static bool has_typedesclen(const uint8_t *bytes, size_t size)
{
	return word(bytes, size, 304) < word(bytes, size, 296);
}

/** Whether the end of the pclntab stands at 328, as epclntab of 1.26: above ftab and close to the
 * header. */
static bool has_epclntab(const uint8_t *bytes, size_t size)
{
	uint64_t end = word(bytes, size, 328);

	return end > word(bytes, size, 128) && end - word(bytes, size, 0) < UINT64_C(1) << 31;
}

/** 1.21 and newer have inittasks before modulename, 1.23 dropped one word before next. */
static const struct offsets *newer_than_1_20(const uint8_t *bytes, size_t size, int go_minor)
{
	if (go_minor == 20)
		return &go1_20;
	if (go_minor == 21 || go_minor == 22)
		return &go1_21;
	if (go_minor >= 23 && go_minor <= 25)
		return &go1_23;
	if (has_typedesclen(bytes, size))
		return &go1_27;
	return has_epclntab(bytes, size) ? &go1_26 : &go1_23;
}

static const struct offsets *choose(const uint8_t *bytes, size_t size,
				    enum gospy_pclntab_version version, int go_minor)
{
	switch (version) {
	case GOSPY_PCLNTAB_1_2:
		return &go1_12;
	case GOSPY_PCLNTAB_1_16:
		return &go1_16;
	case GOSPY_PCLNTAB_1_18:
		return &go1_18;
	default:
		return newer_than_1_20(bytes, size, go_minor);
	}
}

/** The slice or string header at `offset`. */
static struct gospy_slice slice_at(const uint8_t *bytes, size_t size, uint64_t offset)
{
	return (struct gospy_slice){word(bytes, size, offset), word(bytes, size, offset + 8)};
}

struct gospy_error *gospy_moduledata_parse(const uint8_t *bytes, size_t size,
					   enum gospy_pclntab_version version, int go_minor,
					   struct gospy_moduledata *ret)
{
	const struct offsets *at = choose(bytes, size, version, go_minor);

	if (size < (size_t)at->next + 8)
		return gospy_error_create(GOSPY_ERROR_BAD_DATA, "moduledata is truncated");
	uint64_t *const run[] = {&ret->minpc, &ret->maxpc,     &ret->text,
				 &ret->etext, &ret->noptrdata, &ret->enoptrdata,
				 &ret->data,  &ret->edata,     &ret->bss,
				 &ret->ebss,  &ret->noptrbss,  &ret->enoptrbss};
	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
		*run[i] = word(bytes, size, at->minpc + i * 8);
	ret->pclntab = word(bytes, size, 0);
	ret->types = word(bytes, size, at->types);
	ret->etypes = word(bytes, size, at->etypes);
	ret->gofunc = at->gofunc ? word(bytes, size, at->gofunc) : 0;
	ret->textsectmap = slice_at(bytes, size, at->textsectmap);
	ret->pluginpath = slice_at(bytes, size, at->pluginpath);
	ret->modulename = slice_at(bytes, size, at->modulename);
	ret->next = word(bytes, size, at->next);
	return NULL;
}

bool gospy_moduledata_valid(const struct gospy_moduledata *module, uint64_t pclntab)
{
	return module->pclntab == pclntab && module->text <= module->minpc &&
	       module->minpc < module->maxpc && module->maxpc <= module->etext &&
	       module->types < module->etypes && module->noptrdata <= module->enoptrdata &&
	       module->data <= module->edata && module->bss <= module->ebss &&
	       module->ebss <= module->noptrbss && module->noptrbss <= module->enoptrbss;
}
