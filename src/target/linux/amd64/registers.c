/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "../registers.h"

/* arch/x86/include/asm/user_64.h, struct user_regs_struct: 27 words. */
enum {
	WORD_R14 = 1,
	WORD_R12 = 3,
	WORD_RBP = 4,
	WORD_RIP = 16,
	WORD_RSP = 19,
	WORD_FS_BASE = 21,
	NUM_WORDS = 27,
};

const enum gospy_arch gospy_registers_arch = GOSPY_ARCH_AMD64;

int gospy_registers_decode(const void *regset, size_t size, struct gospy_registers *ret)
{
	uint64_t words[NUM_WORDS];

	if (size != sizeof(words))
		return ENOTSUP;
	memcpy(words, regset, sizeof(words));
	*ret = (struct gospy_registers){
		.arch = GOSPY_ARCH_AMD64,
		.pc = words[WORD_RIP],
		.sp = words[WORD_RSP],
		.fp = words[WORD_RBP],
		.lr = words[WORD_R12],
		.g = words[WORD_R14],
		.tls = words[WORD_FS_BASE],
	};
	return 0;
}

int gospy_registers_fetch(pid_t tid, struct gospy_registers *ret)
{
	uint64_t words[NUM_WORDS];
	struct iovec iovec = {words, sizeof(words)};

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iovec))
		return errno;
	return gospy_registers_decode(words, iovec.iov_len, ret);
}
