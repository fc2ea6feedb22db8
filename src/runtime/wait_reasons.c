/* SPDX-License-Identifier: MIT */
#include <gospy/text.h>

#include "program_parts.h"

/** g.waitreason is a byte (runtime/runtime2.go waitReason). */
#define MAX_WAIT_REASONS 256
/** "GC worker (active)", ...: no text is near it; a length above it is not that of a wait reason.
 */
#define MAX_WAIT_REASON 256

/** Reads the reason whose string header is `header`; *ret stays NULL for what cannot be one. */
static struct gospy_error *read_reason(struct gospy_target *target, const uint64_t header[2],
				       char **ret)
{
	_cleanup_free_ char *text = NULL;
	struct gospy_error *err =
		gospy_program_read_bytes(target, header[0], header[1], MAX_WAIT_REASON, &text);

	if (gospy_error_catch(&err, GOSPY_ERROR_FAULT) ||
	    gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA))
		return NULL;
	/* All of them are plain text: reading on into the array behind ends here. */
	if (!err && gospy_text_is_printable(text, header[1]))
		*ret = take_ptr(text);
	return err;
}

struct gospy_error *gospy_program_read_wait_reasons(struct gospy_program *program)
{
	uint32_t count = program->globals.num_wait_reasons;
	uint64_t headers[MAX_WAIT_REASONS][2];

	if (!program->globals.wait_reason_strings)
		return NULL;
	if (!count || count > MAX_WAIT_REASONS)
		count = MAX_WAIT_REASONS;
	struct gospy_read read = {
		.address = program->globals.wait_reason_strings,
		.size = count * sizeof(headers[0]),
		.buffer = headers,
	};
	struct gospy_error *err = gospy_target_read_many(program->target, &read, 1);
	if (err)
		return err;
	program->wait_reasons = calloc(count, sizeof(*program->wait_reasons));
	if (!program->wait_reasons)
		return &gospy_enomem;
	for (uint32_t i = 0; i < count && (i + 1) * sizeof(headers[0]) <= read.done; i++) {
		err = read_reason(program->target, headers[i], &program->wait_reasons[i]);
		if (err || !program->wait_reasons[i])
			break;
		program->num_wait_reasons = i + 1;
	}
	return err;
}

const char *gospy_program_wait_reason(const struct gospy_program *program, uint32_t index)
{
	/* runtime/runtime2.go waitReason.String. */
	return index < program->num_wait_reasons ? program->wait_reasons[index]
						 : "unknown wait reason";
}
