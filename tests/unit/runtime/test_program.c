/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <gospy/memory_target.h>
#include <gospy/program.h>

#include "../target/assert_error.h"
#include "fake_program.h"

/** More reads than this of so small a program mean a walk without an end. */
#define MAX_READS 20000

/** A fake program, the target over it, and the program as gospy sees it. */
struct fixture {
	struct fake_program fake;
	struct gospy_target *target;
	struct gospy_program *program;
};

static void fixture_init(struct fixture *fixture, const struct fake_options *options)
{
	*fixture = (struct fixture){};
	fake_program_init(&fixture->fake, options);
}

/** Opens the program as its bytes are now. */
static struct gospy_error *fixture_open(struct fixture *fixture)
{
	const struct gospy_program_options options = {};

	fixture->target = fake_program_target(&fixture->fake);
	assert_non_null(fixture->target);
	return gospy_program_open(fixture->target, &options, &fixture->program);
}

static void fixture_deinit(struct fixture *fixture)
{
	gospy_program_close(fixture->program);
	gospy_target_destroy(fixture->target);
	fake_program_deinit(&fixture->fake);
}

static void assert_globals(const struct fixture *fixture)
{
	const struct gospy_globals *globals = &fixture->program->globals;
	const struct fake_addresses *at = &fixture->fake.at;

	assert_int_equal(globals->allgs, at->allgs);
	assert_int_equal(globals->allp, at->allp);
	assert_int_equal(globals->allm, at->allm);
	assert_int_equal(globals->sched, at->sched);
	assert_int_equal(globals->wait_reason_strings, at->wait_reason_strings);
}

static bool has_warning(const struct gospy_program *program, const char *words)
{
	for (uint32_t i = 0; i < program->num_warnings; i++) {
		if (strstr(program->warnings[i], words))
			return true;
	}
	return false;
}

static void finds_everything_at(uint64_t bias)
{
	struct fake_options options = fake_defaults;
	struct fixture fixture;

	options.bias = bias;
	fixture_init(&fixture, &options);
	assert_ok(fixture_open(&fixture));
	assert_globals(&fixture);
	const struct gospy_program *program = fixture.program;
	assert_int_equal(program->arch, GOSPY_ARCH_AMD64);
	assert_int_equal(program->confidence, GOSPY_CONFIDENCE_TWO);
	assert_int_equal(program->num_warnings, 0);
	assert_string_equal(program->go_version, "go1.22.5");
	assert_int_equal(program->version.minor, 22);
	assert_int_equal(program->modules.size, 1);
	assert_int_equal(program->modules.data[0].bias, bias);
	assert_int_equal(program->modules.data[0].address, fixture.fake.at.moduledata);
	assert_int_equal(program->modules.data[0].text, fixture.fake.at.text);
	assert_string_equal(program->modules.data[0].name, "");
	fixture_deinit(&fixture);
}

static void finds_everything_in_a_fixed_program(void **state)
{
	(void)state;
	finds_everything_at(0);
}

static void finds_everything_in_a_moved_program(void **state)
{
	(void)state;
	finds_everything_at(UINT64_C(0x555555554000));
}

static void reads_the_layout_from_the_descriptors(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	assert_ok(fixture_open(&fixture));
	const struct gospy_layout *layout = &fixture.program->layout;
	assert_int_equal(layout->source, GOSPY_LAYOUT_TYPES);
	assert_int_equal(layout->g_goid.offset, FAKE_G_GOID);
	assert_int_equal(layout->g_stack_hi.offset, FAKE_G_STACK + 8);
	assert_int_equal(layout->g_sched_pc.offset, 56);
	assert_int_equal(layout->g_parent_goid.offset, -1);
	assert_int_equal(layout->size_m, FAKE_M_SIZE);
	assert_int_equal(layout->m_alllink.offset, FAKE_M_ALLLINK);
	assert_int_equal(layout->p_mcache.offset, FAKE_P_MCACHE);
	/* No descriptor: from the table of Go 1.22. */
	assert_int_equal(layout->sched_maxmcount.offset, FAKE_SCHED_MAXMCOUNT);
	fixture_deinit(&fixture);
}

/** Linkers that leave the addresses in the file at zero fill them in when the program is loaded. */
static void reads_descriptors_from_the_process(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	fixture.target = fake_program_target(&fixture.fake);
	assert_non_null(fixture.target);
	uint8_t *types = fake_program_memory(&fixture.fake, fixture.fake.at.types);
	memset(types, 0, 0x1000);
	gospy_target_destroy(fixture.target);
	/* The process keeps what the file has lost. */
	struct fake_program whole;
	fake_program_init(&whole, &fake_defaults);
	fixture.target = fake_program_target(&fixture.fake);
	assert_non_null(fixture.target);
	assert_ok(gospy_memory_target_add(fixture.target, whole.at.types,
					  fake_program_memory(&whole, whole.at.types), 0x1000,
					  GOSPY_MAPPING_READ, "", 0));
	const struct gospy_program_options options = {};
	assert_ok(gospy_program_open(fixture.target, &options, &fixture.program));
	assert_int_equal(fixture.program->layout.source, GOSPY_LAYOUT_TYPES);
	assert_globals(&fixture);
	fake_program_deinit(&whole);
	fixture_deinit(&fixture);
}

static void reads_the_wait_reasons(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->num_wait_reasons, FAKE_NUM_WAIT_REASONS);
	assert_string_equal(gospy_program_wait_reason(fixture.program, 0), "");
	assert_string_equal(gospy_program_wait_reason(fixture.program, 1), "GC assist marking");
	assert_string_equal(gospy_program_wait_reason(fixture.program, 4), "the fifth");
	assert_string_equal(gospy_program_wait_reason(fixture.program, 5), "unknown wait reason");
	assert_string_equal(gospy_program_wait_reason(fixture.program, UINT32_MAX),
			    "unknown wait reason");
	fixture_deinit(&fixture);
}

static void caps_wait_reasons(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	fake_program_put(&fixture.fake, fixture.fake.at.wait_reason_strings + 3 * 16 + 8,
			 UINT64_C(1) << 60);
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->num_wait_reasons, 3);
	fixture_deinit(&fixture);
}

static void assert_version(const struct fake_options *options, const char *version, int minor)
{
	struct fixture fixture;

	fixture_init(&fixture, options);
	assert_ok(fixture_open(&fixture));
	assert_string_equal(fixture.program->go_version, version);
	assert_int_equal(fixture.program->version.minor, minor);
	fixture_deinit(&fixture);
}

static void finds_the_version_in_every_place(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;

	options.version = "go1.22.7";
	assert_version(&options, "go1.22.7", 22);
	options.buildinfo_pointers = true;
	assert_version(&options, "go1.22.7", 22);
	options.bias = UINT64_C(0x7f0000000000);
	assert_version(&options, "go1.22.7", 22);
	options.buildinfo = false;
	assert_version(&options, "go1.22.7", 22);
}

static void goes_on_with_a_newer_version(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;
	struct fixture fixture;

	options.version = "go1.99.1";
	fixture_init(&fixture, &options);
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->globals.allgs, fixture.fake.at.allgs);
	assert_int_equal(fixture.program->globals.allp, fixture.fake.at.allp);
	assert_int_equal(fixture.program->globals.allm, fixture.fake.at.allm);
	assert_int_equal(fixture.program->layout.g_goid.offset, FAKE_G_GOID);
	assert_true(has_warning(fixture.program, "go1.99.1 is newer"));
	/* The table of 1.27 is not right for it, and the process shows that. */
	assert_int_equal(fixture.program->globals.sched, 0);
	assert_true(has_warning(fixture.program, "runtime.sched was not found"));
	fixture_deinit(&fixture);
}

static void goes_on_with_an_unreleased_version(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;
	struct fixture fixture;

	options.version = "devel +1234567890 Mon";
	fixture_init(&fixture, &options);
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->globals.allgs, fixture.fake.at.allgs);
	assert_true(has_warning(fixture.program, "devel +1234567890 Mon"));
	fixture_deinit(&fixture);
}

static void knows_a_program_that_has_only_just_begun(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;
	struct fixture fixture;

	options.unborn = true;
	fixture_init(&fixture, &options);
	assert_ok(fixture_open(&fixture));
	assert_globals(&fixture);
	assert_int_equal(fixture.program->confidence, GOSPY_CONFIDENCE_ONE);
	assert_int_equal(fixture.program->num_warnings, 0);
	fixture_deinit(&fixture);
}

static void knows_the_smallest_program(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;
	struct fixture fixture;

	options.num_gs = options.num_ms = options.num_ps = 1;
	options.max_m_count = 777; /* debug.SetMaxThreads */
	fixture_init(&fixture, &options);
	assert_ok(fixture_open(&fixture));
	assert_globals(&fixture);
	assert_int_equal(fixture.program->confidence, GOSPY_CONFIDENCE_TWO);
	fixture_deinit(&fixture);
}

/** Takes the code of every anchor away, so that only the scan is left. */
static void forget_anchors(struct fake_program *fake)
{
	memset(fake_program_memory(fake, fake->at.text), 0xc3, 0x200);
}

static void scans_where_the_code_tells_nothing(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	forget_anchors(&fixture.fake);
	assert_ok(fixture_open(&fixture));
	assert_globals(&fixture);
	assert_int_equal(fixture.program->confidence, GOSPY_CONFIDENCE_ONE);
	fixture_deinit(&fixture);
}

static void does_not_guess_between_two(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	forget_anchors(&fixture.fake);
	for (uint64_t i = 0; i < 3; i++) {
		uint64_t word;
		memcpy(&word, fake_program_memory(&fixture.fake, fixture.fake.at.allp + i * 8), 8);
		fake_program_put(&fixture.fake, fixture.fake.at.allp + 0x40 + i * 8, word);
	}
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->globals.allp, 0);
	assert_int_equal(fixture.program->globals.allgs, fixture.fake.at.allgs);
	assert_true(has_warning(fixture.program, "runtime.allp was not found (several"));
	fixture_deinit(&fixture);
}

static void finds_functions(void **state)
{
	(void)state;
	struct fake_options options = fake_defaults;
	const struct gospy_module *module = NULL;
	struct fixture fixture;
	struct gospy_func func;

	options.bias = UINT64_C(0x10000000);
	fixture_init(&fixture, &options);
	assert_ok(fixture_open(&fixture));
	uint64_t text = fixture.fake.at.text;
	assert_ok(gospy_program_find_func(fixture.program, text, &func, &module));
	assert_string_equal(func.name, "runtime.allgadd");
	assert_ptr_equal(module, &fixture.program->modules.data[0]);
	assert_ok(gospy_program_find_func(fixture.program, text + func.end - func.entry, &func,
					  &module));
	assert_string_equal(func.name, "runtime.preemptall");
	assert_error(gospy_program_find_func(fixture.program, text - 1, &func, &module),
		     GOSPY_ERROR_NOT_FOUND);
	assert_error(gospy_program_find_func(fixture.program, UINT64_MAX, &func, &module),
		     GOSPY_ERROR_NOT_FOUND);
	assert_null(gospy_program_module(fixture.program, 0));
	fixture_deinit(&fixture);
}

/** A text in two parts, the second 0x100 bytes further on than its offsets say. */
static void finds_functions_in_a_split_text(void **state)
{
	(void)state;
	const struct gospy_module *module = NULL;
	const uint64_t list = FAKE_HEAP + 0x1f000;
	struct fixture fixture;
	struct gospy_func func;

	fixture_init(&fixture, &fake_defaults);
	struct fake_program *fake = &fixture.fake;
	const uint64_t words[] = {0, 0x30, fake->at.text, 0x30, 0x1000, fake->at.text + 0x130};
	for (size_t i = 0; i < 6; i++)
		fake_program_put(fake, list + i * 8, words[i]);
	fake_program_put(fake, fake->at.moduledata + 328, list);
	fake_program_put(fake, fake->at.moduledata + 336, 2);
	assert_ok(fixture_open(&fixture));
	assert_ok(gospy_program_find_func(fixture.program, fake->at.text + 8, &func, &module));
	assert_string_equal(func.name, "runtime.allgadd");
	assert_ok(gospy_program_find_func(fixture.program, fake->at.text + 0x138, &func, &module));
	assert_string_equal(func.name, "runtime.preemptall");
	fixture_deinit(&fixture);
}

/** Chains a second module behind the first: a copy of its moduledata, whose `next` is given. */
static uint64_t chain_module(struct fixture *fixture, uint64_t next)
{
	struct fake_program *fake = &fixture->fake;
	uint64_t first = fake->at.moduledata, second = fake->at.wait_reason_strings + 0x200;

	memcpy(fake_program_memory(fake, second), fake_program_memory(fake, first), 592);
	fake_program_put(fake, second + 424, FAKE_HEAP + 0x1f000);
	fake_program_put(fake, second + 432, 7);
	memcpy(fake_program_memory(fake, FAKE_HEAP + 0x1f000), "example", 7);
	fake_program_put(fake, second + 584, next == UINT64_MAX ? second : next);
	fake_program_put(fake, first + 584, second);
	return second;
}

static void follows_the_chain_of_modules(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	uint64_t second = chain_module(&fixture, 0);
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->modules.size, 2);
	assert_int_equal(fixture.program->modules.data[1].address, second);
	assert_string_equal(fixture.program->modules.data[1].name, "example");
	fixture_deinit(&fixture);
}

static void finds_modules_loaded_since(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	assert_ok(fixture_open(&fixture));
	const struct gospy_module *first = &fixture.program->modules.data[0];
	assert_ok(gospy_program_refresh(fixture.program));
	assert_int_equal(fixture.program->modules.size, 1);
	uint64_t second = chain_module(&fixture, 0);
	assert_ok(gospy_memory_target_add(
		fixture.target, second & ~UINT64_C(4095),
		fake_program_memory(&fixture.fake, second & ~UINT64_C(4095)), 4096,
		GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE, "", 0));
	assert_ok(gospy_memory_target_add(fixture.target, FAKE_HEAP, fixture.fake.heap,
					  sizeof(fixture.fake.heap),
					  GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE, "", 0));
	assert_ok(gospy_program_refresh(fixture.program));
	assert_int_equal(fixture.program->modules.size, 2);
	assert_ptr_equal(first, &fixture.program->modules.data[0]);
	assert_string_equal(fixture.program->modules.data[1].name, "example");
	fixture_deinit(&fixture);
}

static void refuses_a_chain_without_end(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	chain_module(&fixture, UINT64_MAX);
	assert_error(fixture_open(&fixture), GOSPY_ERROR_BAD_DATA);
	assert_true(gospy_memory_target_reads(fixture.target) < MAX_READS);
	fixture_deinit(&fixture);
}

static void says_which_module_cannot_be_read(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	fake_program_put(&fixture.fake, fixture.fake.at.moduledata + 584, UINT64_C(0x123450));
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->modules.size, 1);
	assert_true(has_warning(fixture.program, "0x123450"));
	assert_globals(&fixture);
	fixture_deinit(&fixture);
}

/** What a process may have in the place of its lists. */
static const uint64_t hostile[] = {
	1,	   8,	       0x1000,	       UINT64_C(0x7ffffffff000), UINT64_C(1) << 60,
	INT64_MAX, UINT64_MAX, UINT64_MAX - 7,
};
#define NUM_HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

/** Whatever the word at `address` is, opening ends, soon and without a wrong place for allgs. */
static void assert_survives(uint64_t (*place)(const struct fake_program *fake))
{
	for (size_t i = 0; i < NUM_HOSTILE; i++) {
		struct fixture fixture;
		fixture_init(&fixture, &fake_defaults);
		fake_program_put(&fixture.fake, place(&fixture.fake), hostile[i]);
		struct gospy_error *err = fixture_open(&fixture);
		assert_true(gospy_memory_target_reads(fixture.target) < MAX_READS);
		if (!err)
			assert_int_equal(fixture.program->globals.allgs, fixture.fake.at.allgs);
		gospy_error_destroy(err);
		fixture_deinit(&fixture);
	}
}

static uint64_t place_of_allgs(const struct fake_program *fake)
{
	return fake->at.allgs;
}
static uint64_t place_of_allgs_length(const struct fake_program *fake)
{
	return fake->at.allgs + 8;
}
static uint64_t place_of_allp_length(const struct fake_program *fake)
{
	return fake->at.allp + 8;
}
static uint64_t place_of_allm(const struct fake_program *fake)
{
	return fake->at.allm;
}
static uint64_t place_of_alllink(const struct fake_program *fake)
{
	return fake->at.m[1] + FAKE_M_ALLLINK;
}
static uint64_t place_of_g0(const struct fake_program *fake)
{
	return fake->at.m[2] + FAKE_M_G0;
}
static uint64_t place_of_mnext(const struct fake_program *fake)
{
	return fake->at.sched + FAKE_SCHED_MNEXT;
}
static uint64_t place_of_etypes(const struct fake_program *fake)
{
	return fake->at.moduledata + 304;
}
static uint64_t place_of_next(const struct fake_program *fake)
{
	return fake->at.moduledata + 584;
}
static uint64_t place_of_enoptrbss(const struct fake_program *fake)
{
	return fake->at.moduledata + 248;
}
static uint64_t place_of_reason(const struct fake_program *fake)
{
	return fake->at.wait_reason_strings + 24;
}

static void survives_hostile_words(void **state)
{
	(void)state;
	uint64_t (*const places[])(const struct fake_program *) = {
		place_of_allgs,	  place_of_allgs_length, place_of_allp_length, place_of_allm,
		place_of_alllink, place_of_g0,		 place_of_mnext,       place_of_etypes,
		place_of_next,	  place_of_enoptrbss,	 place_of_reason,
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_survives(places[i]);
}

/** 8 MB of what may be lists of goroutines, none of which is one: the search gives up in time. */
static void gives_up_a_search_without_end(void **state)
{
	(void)state;
	const struct gospy_program_options options = {};
	const uint64_t start = UINT64_C(0x10000000), size = UINT64_C(8) << 20;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	forget_anchors(&fixture.fake);
	fake_program_put(&fixture.fake, fixture.fake.at.moduledata + 240, start);
	fake_program_put(&fixture.fake, fixture.fake.at.moduledata + 248, start + size);
	_cleanup_free_ uint64_t *words = calloc(size, 1);
	assert_non_null(words);
	for (size_t i = 0; i + 3 <= size / 8; i += 3) {
		words[i] = start + 8;
		words[i + 1] = words[i + 2] = 1;
	}
	fixture.target = fake_program_target(&fixture.fake);
	assert_non_null(fixture.target);
	assert_ok(gospy_memory_target_add(fixture.target, start, words, size,
					  GOSPY_MAPPING_READ | GOSPY_MAPPING_WRITE, "", 0));
	assert_error(gospy_program_open(fixture.target, &options, &fixture.program),
		     GOSPY_ERROR_NO_SYMBOLS);
	/* 100,000 candidates, each time that another source of the layout is tried. */
	assert_true(gospy_memory_target_reads(fixture.target) < 1000000);
	fixture_deinit(&fixture);
}

static void refuses_a_circle_of_ms(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	fake_program_put(&fixture.fake, fixture.fake.at.m[0] + FAKE_M_ALLLINK,
			 fixture.fake.at.m[2]);
	assert_ok(fixture_open(&fixture));
	assert_int_equal(fixture.program->globals.allm, 0);
	assert_true(has_warning(fixture.program, "runtime.allm"));
	assert_true(gospy_memory_target_reads(fixture.target) < MAX_READS);
	fixture_deinit(&fixture);
}

static void refuses_goroutines_that_are_none(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	for (size_t i = 0; i < fake_defaults.num_gs; i++)
		fake_program_put(&fixture.fake, fixture.fake.at.g[i] + FAKE_G_STATUS, 0x77);
	assert_error(fixture_open(&fixture), GOSPY_ERROR_NO_SYMBOLS);
	assert_null(fixture.program);
	fixture_deinit(&fixture);
}

static void says_when_there_is_no_module_data(void **state)
{
	(void)state;
	struct fixture fixture;

	fixture_init(&fixture, &fake_defaults);
	fake_program_put(&fixture.fake, fixture.fake.at.moduledata, 0);
	assert_error(fixture_open(&fixture), GOSPY_ERROR_NO_SYMBOLS);
	fixture_deinit(&fixture);
}

/** Whichever read is the first that the process does not live to see. */
static void ends_when_the_process_does(void **state)
{
	(void)state;
	const struct gospy_program_options options = {};
	bool opened = false;
	uint64_t nth = 0;

	while (!opened && nth++ < MAX_READS) {
		struct fixture fixture;
		fixture_init(&fixture, &fake_defaults);
		fixture.target = fake_program_target(&fixture.fake);
		assert_non_null(fixture.target);
		gospy_memory_target_fail_nth(fixture.target, nth);
		struct gospy_error *err =
			gospy_program_open(fixture.target, &options, &fixture.program);
		opened = !err;
		if (err)
			assert_int_equal(err->code, GOSPY_ERROR_EXITED);
		gospy_error_destroy(err);
		fixture_deinit(&fixture);
	}
	assert_true(opened);
	assert_true(nth > 10);
}

/** Opens a target whose executable is the file at `path` and returns the sentence. */
static void assert_not_go(const char *path, const char *words)
{
	const struct gospy_program_options options = {};
	struct gospy_program *program = NULL;
	struct gospy_target *target;

	assert_ok(gospy_memory_target_create(GOSPY_ARCH_AMD64, &target));
	assert_ok(gospy_memory_target_set_exe(target, path));
	struct gospy_error *err = gospy_program_open(target, &options, &program);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_NOT_GO);
	if (!strstr(err->message, words))
		fail_msg("\"%s\" does not say \"%s\"", err->message, words);
	gospy_error_destroy(err);
	gospy_target_destroy(target);
}

static void tells_programs_of_other_languages(void **state)
{
	(void)state;
	assert_not_go("/proc/self/exe", "no Go function table in /proc/self/exe");
	assert_not_go("/etc/passwd", "not a Go program");
}

static void tells_32_bit_programs(void **state)
{
	(void)state;
	Elf32_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
	};
	char path[64];
	int fd = memfd_create("386", MFD_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(write(fd, &header, sizeof(header)), sizeof(header));
	assert_not_go(path, "32-bit program of another language");
	assert_int_equal(write(fd, "\0.gopclntab", 12), 12);
	assert_not_go(path, "a 32-bit Go program");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_everything_in_a_fixed_program),
		cmocka_unit_test(finds_everything_in_a_moved_program),
		cmocka_unit_test(reads_the_layout_from_the_descriptors),
		cmocka_unit_test(reads_descriptors_from_the_process),
		cmocka_unit_test(reads_the_wait_reasons),
		cmocka_unit_test(caps_wait_reasons),
		cmocka_unit_test(finds_the_version_in_every_place),
		cmocka_unit_test(goes_on_with_a_newer_version),
		cmocka_unit_test(goes_on_with_an_unreleased_version),
		cmocka_unit_test(knows_a_program_that_has_only_just_begun),
		cmocka_unit_test(knows_the_smallest_program),
		cmocka_unit_test(scans_where_the_code_tells_nothing),
		cmocka_unit_test(does_not_guess_between_two),
		cmocka_unit_test(finds_functions),
		cmocka_unit_test(finds_functions_in_a_split_text),
		cmocka_unit_test(follows_the_chain_of_modules),
		cmocka_unit_test(finds_modules_loaded_since),
		cmocka_unit_test(refuses_a_chain_without_end),
		cmocka_unit_test(says_which_module_cannot_be_read),
		cmocka_unit_test(survives_hostile_words),
		cmocka_unit_test(gives_up_a_search_without_end),
		cmocka_unit_test(refuses_a_circle_of_ms),
		cmocka_unit_test(refuses_goroutines_that_are_none),
		cmocka_unit_test(says_when_there_is_no_module_data),
		cmocka_unit_test(ends_when_the_process_does),
		cmocka_unit_test(tells_programs_of_other_languages),
		cmocka_unit_test(tells_32_bit_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
