/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_CLEANUP_H
#define GOSPY_CLEANUP_H

/**
 * Scope guards: a variable declared with one of these is released when its scope ends, however it
 * ends. They are the first choice; `goto out` is for functions that unwind several steps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** Calls `fn(&variable)` when the variable goes out of scope. */
#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

/** Hands the value of a guarded pointer on and empties the guard. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__auto_type take_ptr_value_ = (p);                                                 \
		(p) = NULL;                                                                        \
		take_ptr_value_;                                                                   \
	})

/** Hands a guarded file descriptor on and empties the guard. */
#define take_fd(fd)                                                                                \
	({                                                                                         \
		int take_fd_value_ = (fd);                                                         \
		(fd) = -1;                                                                         \
		take_fd_value_;                                                                    \
	})

static inline void gospy_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void gospy_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void gospy_cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define _cleanup_free_ _cleanup_(gospy_cleanup_free)
#define _cleanup_close_ _cleanup_(gospy_cleanup_close)
#define _cleanup_fclose_ _cleanup_(gospy_cleanup_fclose)

#endif
