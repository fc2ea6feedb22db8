/* SPDX-License-Identifier: MIT */
#include "operands.h"

struct gospy_error *gospy_operands_read(enum gospy_arch arch, const uint8_t *code, size_t size,
					uint64_t address, struct gospy_operand_vec *ret)
{
	static const gospy_operands_fn of_arch[] = {
		[GOSPY_ARCH_AMD64] = gospy_operands_amd64,
		[GOSPY_ARCH_ARM64] = gospy_operands_arm64,
	};

	if ((size_t)arch >= sizeof(of_arch) / sizeof(of_arch[0]) || !of_arch[arch])
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED,
					  "machine code of this processor cannot be read");
	return of_arch[arch](code, size, address, ret);
}
