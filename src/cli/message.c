/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <gospy/command.h>
#include <gospy/text.h>

#include "message.h"

/** The one message that needs no memory. */
static void say_out_of_memory(void)
{
	static const char text[] = "gospy: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		return;
}

void message(const char *format, ...)
{
	struct gospy_output output;
	va_list args;

	va_start(args, format);
	_cleanup_free_ char *text = gospy_text_vformat(format, args);
	va_end(args);
	if (!text) {
		say_out_of_memory();
		return;
	}
	gospy_output_init_fd(&output, STDERR_FILENO);
	gospy_output_string(&output, "gospy: ");
	gospy_output_escaped(&output, text, strlen(text));
	gospy_output_char(&output, '\n');
	struct gospy_error *err = gospy_output_flush(&output);
	if (err && err->code == GOSPY_ERROR_NO_MEMORY)
		say_out_of_memory();
	gospy_error_destroy(err);
	gospy_output_deinit(&output);
}

int message_error(struct gospy_error *err, const char *advice)
{
	_cleanup_free_ char *text = gospy_error_string(err);
	int code = (int)gospy_exit_of(err);

	message("%s%s%s", text ? text : err->message, advice ? "; " : "", advice ? advice : "");
	gospy_error_destroy(err);
	return code;
}
