/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "frame_rules.h"

const struct gospy_frame_rules *gospy_frame_rules_of(enum gospy_arch arch)
{
	switch (arch) {
	case GOSPY_ARCH_AMD64:
		return &gospy_frame_rules_amd64;
	case GOSPY_ARCH_ARM64:
		return &gospy_frame_rules_arm64;
	default:
		return NULL;
	}
}
