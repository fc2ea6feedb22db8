/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "linux/registers.h"

#ifdef __x86_64__
#include <sys/user.h>
#define WORD(name) (offsetof(struct user_regs_struct, name) / 8)
_Static_assert(WORD(r14) == 1 && WORD(r12) == 3 && WORD(rbp) == 4 && WORD(rip) == 16 &&
		       WORD(rsp) == 19 && WORD(fs_base) == 21 &&
		       sizeof(struct user_regs_struct) == 27 * 8,
	       "the test expects what the system's headers say");
#endif

static void takes_each_register_from_its_place(void **state)
{
	(void)state;
	uint64_t words[27];
	struct gospy_registers registers = {0};

	for (uint64_t i = 0; i < 27; i++)
		words[i] = 1000 + i;
	assert_int_equal(gospy_registers_decode(words, sizeof(words), &registers), 0);
	assert_int_equal(registers.arch, GOSPY_ARCH_AMD64);
	assert_int_equal(registers.g, 1001);
	assert_int_equal(registers.fp, 1004);
	assert_int_equal(registers.pc, 1016);
	assert_int_equal(registers.sp, 1019);
	assert_int_equal(registers.tls, 1021);
	assert_int_equal(registers.lr, 1003);
}

/* 17 words of 4 bytes: a 32-bit thread on a 64-bit kernel. */
static void refuses_32_bit_threads(void **state)
{
	(void)state;
	uint32_t words[17] = {0};
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
