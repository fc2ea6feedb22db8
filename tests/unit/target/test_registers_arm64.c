/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "linux/registers.h"

#ifdef __aarch64__
#include <sys/user.h>
#define WORD(name) (offsetof(struct user_regs_struct, name) / 8)
_Static_assert(WORD(regs) == 0 && WORD(sp) == 31 && WORD(pc) == 32 &&
		       sizeof(struct user_regs_struct) == 34 * 8,
	       "the test expects what the system's headers say");
#endif

static void takes_each_register_from_its_place(void **state)
{
	(void)state;
	uint64_t words[34];
	struct gospy_registers registers = {0};

	for (uint64_t i = 0; i < 34; i++)
		words[i] = 1000 + i;
	assert_int_equal(gospy_registers_decode(words, sizeof(words), &registers), 0);
	assert_int_equal(registers.arch, GOSPY_ARCH_ARM64);
	assert_int_equal(registers.g, 1028);
	assert_int_equal(registers.fp, 1029);
	assert_int_equal(registers.pc, 1032);
	assert_int_equal(registers.sp, 1031);
	assert_int_equal(registers.tls, 0);
	assert_int_equal(registers.lr, 1030);
}

/* 18 words of 4 bytes: a 32-bit thread on a 64-bit kernel. */
static void refuses_32_bit_threads(void **state)
{
	(void)state;
	uint32_t words[18] = {0};
	struct gospy_registers registers = {.pc = 7};

	assert_int_equal(gospy_registers_decode(words, sizeof(words), &registers), ENOTSUP);
	assert_int_equal(registers.pc, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_each_register_from_its_place),
		cmocka_unit_test(refuses_32_bit_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
