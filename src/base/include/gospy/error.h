/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_ERROR_H
#define GOSPY_ERROR_H

/**
 * Errors. Every function that can fail returns `struct gospy_error *`: NULL is success; anything
 * else is owned by the caller, who frees it with gospy_error_destroy(), hands it on, or swallows
 * one kind of it with gospy_error_catch(). Outputs of a failed function are untouched.
 * Headers name the codes that a caller may want to tell apart; whatever allocates may also run out
 * of memory (GOSPY_ERROR_NO_MEMORY), and what asks the operating system may be refused
 * (GOSPY_ERROR_OS).
 *
 * No function here fails: where there is no memory for an error, gospy_enomem is returned in its
 * place. Errors belong to one thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include <gospy/cleanup.h>

enum gospy_error_code {
	/** No memory. */
	GOSPY_ERROR_NO_MEMORY,
	/** The operating system refused: `errnum` says why. */
	GOSPY_ERROR_OS,
	/** Target memory at `address` cannot be read. */
	GOSPY_ERROR_FAULT,
	/** Bytes from outside that cannot be what they claim to be. */
	GOSPY_ERROR_BAD_DATA,
	/** What was asked for is not there. */
	GOSPY_ERROR_NOT_FOUND,
	/** Right as it is, but not something this build or machine can do. */
	GOSPY_ERROR_UNSUPPORTED,
	/** The binary lacks the information that is needed. */
	GOSPY_ERROR_NO_SYMBOLS,
	/** No such process, or it went away meanwhile. */
	GOSPY_ERROR_EXITED,
	/** The process or file may not be looked at. */
	GOSPY_ERROR_PERMISSION,
	/** The caller's words are off (command line, filter expression). */
	GOSPY_ERROR_USAGE,
	/** The process is not a Go program. */
	GOSPY_ERROR_NOT_GO,
	/** Not a failure: a callback asks to end the iteration. */
	GOSPY_ERROR_STOP,
};

struct gospy_error {
	enum gospy_error_code code;
	/** errno value for GOSPY_ERROR_OS and GOSPY_ERROR_PERMISSION, else 0. */
	int errnum;
	/** Target address for GOSPY_ERROR_FAULT, else 0. */
	uint64_t address;
	/** One sentence without a final full stop; for errnum without its text. Never NULL. */
	char *message;
};

#define GOSPY_CHECKED __attribute__((__warn_unused_result__))
#define GOSPY_PRINTF(fmt, args) __attribute__((__format__(__printf__, fmt, args)))

/** Static errors: valid for ever, need no gospy_error_destroy(), may be given to it. */
extern struct gospy_error gospy_enomem;
extern struct gospy_error gospy_stop;

/** Makes an error from a format as of printf. */
GOSPY_CHECKED GOSPY_PRINTF(2, 3) struct gospy_error *gospy_error_create(enum gospy_error_code code,
									const char *format, ...);

/**
 * Makes an error from an errno value and a sentence that names what was tried and on what path.
 * The code is GOSPY_ERROR_PERMISSION for EPERM and EACCES, GOSPY_ERROR_EXITED for ESRCH,
 * GOSPY_ERROR_NO_MEMORY for ENOMEM, else GOSPY_ERROR_OS.
 */
GOSPY_CHECKED GOSPY_PRINTF(2, 3) struct gospy_error *gospy_error_os(int errnum, const char *format,
								    ...);

/** Makes a GOSPY_ERROR_FAULT for target memory at `address`. */
GOSPY_CHECKED GOSPY_PRINTF(2, 3) struct gospy_error *gospy_error_fault(uint64_t address,
								       const char *format, ...);

/** Puts "context: " before the message of `err`, which is consumed. NULL stays NULL. */
GOSPY_CHECKED GOSPY_PRINTF(2, 3) struct gospy_error *gospy_error_wrap(struct gospy_error *err,
								      const char *format, ...);

/** Frees `err`. Takes NULL and the static errors. */
void gospy_error_destroy(struct gospy_error *err);

/** If `*err` has `code`, destroys it, sets it to NULL and returns true. */
bool gospy_error_catch(struct gospy_error **err, enum gospy_error_code code);

/** The whole sentence: the message, and for an errnum its text. Owned by the caller, NULL without
 * memory. */
char *gospy_error_string(const struct gospy_error *err);

static inline void gospy_cleanup_error(struct gospy_error **err)
{
	gospy_error_destroy(*err);
}

#define _cleanup_error_ _cleanup_(gospy_cleanup_error)

#endif
