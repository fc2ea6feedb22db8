/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_REGISTERS_H
#define GOSPY_REGISTERS_H

#include <stdint.h>

/** The processor architectures gospy knows. */
enum gospy_arch {
	GOSPY_ARCH_UNKNOWN,
	GOSPY_ARCH_AMD64,
	GOSPY_ARCH_ARM64,
};

/**
 * General registers of one stopped thread, by role. What a machine does not have is 0.
 * amd64: fp = rbp, lr = r12 (where rawVforkSyscall keeps its return address while the child uses
 * the stack, syscall/asm_linux_amd64.s, Go 1.12 to 1.27; nothing otherwise), g = r14 (Go's
 * ABIInternal since 1.17), tls = fs_base. arm64: fp = x29, lr = x30, g = x28, tls = tpidr_el0.
 */
struct gospy_registers {
	enum gospy_arch arch;
	uint64_t pc;
	uint64_t sp;
	uint64_t fp;
	uint64_t lr;
	uint64_t g;
	uint64_t tls;
};

#endif
