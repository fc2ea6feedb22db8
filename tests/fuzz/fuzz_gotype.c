/* SPDX-License-Identifier: MIT */
#include <gospy/cursor.h>
#include <gospy/gotype.h>

#include "fuzz.h"

/** Input: Go minor version, seven bytes of no meaning, the address of the region, the region. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"runtime.g", "runtime.m", "runtime.p",
					    "internal/runtime/atomic.Uint32", "main.T"};
	struct gospy_structure found[5] = {{0}};
	struct gospy_structure_vec all = {0};

	if (size < 16)
		return 0;
	struct gospy_gotypes types = {.types = {data + 16, gospy_load_u64(data + 8), size - 16},
				      .go_minor = data[0] % 40};
	fuzz_ok(gospy_gotypes_find_structs(&types, names, 5, found));
	for (size_t i = 0; i < 5; i++)
		gospy_structure_deinit(&found[i]);
	fuzz_ok(gospy_gotypes_all_structs(&types, &all));
	gospy_structure_vec_destroy_all(&all);
	(void)gospy_gotypes_guess_minor(types.types);
	return 0;
}
