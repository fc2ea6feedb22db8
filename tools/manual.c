/* SPDX-License-Identifier: MIT */
/* Writes the manual page gospy(1), made from the command table, to standard output. */
#include <stdio.h>
#include <unistd.h>

#include <gospy/command.h>

int main(void)
{
	struct gospy_output output;

	gospy_output_init_fd(&output, STDOUT_FILENO);
	gospy_commands_manual(&output);
	struct gospy_error *err = gospy_output_flush(&output);
	gospy_output_deinit(&output);
	if (!err)
		return 0;
	fprintf(stderr, "manual: %s\n", err->message);
	gospy_error_destroy(err);
	return 1;
}
