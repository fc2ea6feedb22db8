/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "../registers.h"

/* arch/arm64/include/uapi/asm/ptrace.h, struct user_pt_regs: x0 to x30, sp, pc, pstate. */
enum {
	WORD_X28 = 28,
	WORD_X29 = 29,
	WORD_X30 = 30,
	WORD_SP = 31,
	WORD_PC = 32,
	NUM_WORDS = 34,
};

const enum gospy_arch gospy_registers_arch = GOSPY_ARCH_ARM64;

int gospy_registers_decode(const void *regset, size_t size, struct gospy_registers *ret)
{
	uint64_t words[NUM_WORDS];

	if (size != sizeof(words))
		return ENOTSUP;
	memcpy(words, regset, sizeof(words));
	*ret = (struct gospy_registers){
		.arch = GOSPY_ARCH_ARM64,
		.pc = words[WORD_PC],
		.sp = words[WORD_SP],
		.fp = words[WORD_X29],
		.lr = words[WORD_X30],
		.g = words[WORD_X28],
	};
	return 0;
}

int gospy_registers_fetch(pid_t tid, struct gospy_registers *ret)
{
	uint64_t words[NUM_WORDS], tls[2] = {0};
	struct iovec iovec = {words, sizeof(words)}, tls_iovec = {tls, sizeof(tls)};
	struct gospy_registers registers;

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iovec))
		return errno;
	int errnum = gospy_registers_decode(words, iovec.iov_len, &registers);
	if (errnum)
		return errnum;
	/* tpidr_el0, and since Linux 6.2 tpidr2_el0 where there is SME. */
	if (ptrace(PTRACE_GETREGSET, tid, NT_ARM_TLS, &tls_iovec))
		return errno;
	registers.tls = tls[0];
	*ret = registers;
	return 0;
}
