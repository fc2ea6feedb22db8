/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/function_name.h>

/** What lies between the type arguments of a generic type and those of its generic method. */
struct split_name {
	const char *first_end;
	const char *second;
	bool malformed;
};

/** The part of funcNamePiecesForPrint that came with Go 1.27; `[open, close]` are the outer
 * brackets. */
static struct split_name split_name(const char *open, const char *close)
{
	struct split_name split = {};
	int depth = 1;

	if (!memchr(open + 1, '[', (size_t)(close - open - 1)))
		return split;
	for (const char *p = open + 1; p < close && depth >= 0 && !split.second; p++) {
		if (*p == '[' && ++depth == 1)
			split.second = p;
		else if (*p == ']' && --depth == 0)
			split.first_end = p;
	}
	split.malformed = depth != 1 || !split.first_end != !split.second;
	return split;
}

void gospy_function_name_print(const char *name, int minor, struct gospy_output *output)
{
	const char *open = strchr(name, '['), *close = open ? strrchr(open, ']') : NULL;
	struct split_name split = {};

	if (close && (minor < 0 || minor >= 27))
		split = split_name(open, close);
	if (!close || split.malformed) {
		gospy_output_string(output, name);
		return;
	}
	gospy_output_write(output, name, (size_t)(open - name));
	gospy_output_string(output, "[...]");
	if (split.second) {
		gospy_output_write(output, split.first_end + 1,
				   (size_t)(split.second - split.first_end - 1));
		gospy_output_string(output, "[...]");
	}
	gospy_output_string(output, close + 1);
}
