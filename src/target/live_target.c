/* SPDX-License-Identifier: MIT */
#include "live_target.h"

const struct gospy_target_ops gospy_live_ops = {
	.kind = "live",
	.destroy = gospy_live_destroy,
	.read_many = gospy_live_read_many,
	.mappings = gospy_live_mappings,
	.threads = gospy_live_threads,
	.registers = gospy_live_registers,
	.stop = gospy_live_stop,
	.resume = gospy_live_resume,
	.inspect = gospy_live_inspect,
	.open_exe = gospy_live_open_exe,
	.open_mapping = gospy_live_open_mapping,
	.open_root = gospy_live_open_root,
	.info = gospy_live_info,
};

void gospy_access_deinit(struct gospy_access *access)
{
	free(access->reason);
	free(access->remedy);
	memset(access, 0, sizeof(*access));
}
