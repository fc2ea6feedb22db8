/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <gospy/error.h>
#include <gospy/text.h>

static char enomem_message[] = "out of memory";
static char stop_message[] = "stopped";

struct gospy_error gospy_enomem = {.code = GOSPY_ERROR_NO_MEMORY, .message = enomem_message};
struct gospy_error gospy_stop = {.code = GOSPY_ERROR_STOP, .message = stop_message};

static bool is_static(const struct gospy_error *err)
{
	return err == &gospy_enomem || err == &gospy_stop;
}

GOSPY_PRINTF(2, 0)
static struct gospy_error *error_from(struct gospy_error fields, const char *format, va_list args)
{
	struct gospy_error *err = malloc(sizeof(*err));

	if (!err)
		return &gospy_enomem;
	*err = fields;
	err->message = gospy_text_vformat(format, args);
	if (!err->message) {
		free(err);
		return &gospy_enomem;
	}
	return err;
}

struct gospy_error *gospy_error_create(enum gospy_error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gospy_error *err = error_from((struct gospy_error){.code = code}, format, args);
	va_end(args);
	return err;
}

static enum gospy_error_code code_of_errno(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return GOSPY_ERROR_PERMISSION;
	case ESRCH:
		return GOSPY_ERROR_EXITED;
	case ENOMEM:
		return GOSPY_ERROR_NO_MEMORY;
	default:
		return GOSPY_ERROR_OS;
	}
}

struct gospy_error *gospy_error_os(int errnum, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gospy_error *err =
		error_from((struct gospy_error){.code = code_of_errno(errnum), .errnum = errnum},
			   format, args);
	va_end(args);
	return err;
}

struct gospy_error *gospy_error_fault(uint64_t address, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gospy_error *err = error_from(
		(struct gospy_error){.code = GOSPY_ERROR_FAULT, .address = address}, format, args);
	va_end(args);
	return err;
}

struct gospy_error *gospy_error_wrap(struct gospy_error *err, const char *format, ...)
{
	va_list args;

	if (!err || is_static(err))
		return err;
	va_start(args, format);
	_cleanup_free_ char *context = gospy_text_vformat(format, args);
	va_end(args);
	char *message = context ? gospy_text_format("%s: %s", context, err->message) : NULL;
	if (!message)
		return err;
	free(err->message);
	err->message = message;
	return err;
}

void gospy_error_destroy(struct gospy_error *err)
{
	if (!err || is_static(err))
		return;
	free(err->message);
	free(err);
}

bool gospy_error_catch(struct gospy_error **err, enum gospy_error_code code)
{
	if (!*err || (*err)->code != code)
		return false;
	gospy_error_destroy(*err);
	*err = NULL;
	return true;
}

char *gospy_error_string(const struct gospy_error *err)
{
	if (!err->errnum)
		return strdup(err->message);
	return gospy_text_format("%s: %s", err->message, strerror(err->errnum));
}
