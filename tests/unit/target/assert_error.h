/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_ASSERT_ERROR_H
#define GOSPY_ASSERT_ERROR_H

/** Asserts about the errors of gospy, to be included behind <cmocka.h>. */
#include <errno.h>

#include <gospy/error.h>

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		struct gospy_error *assert_err_ = (call);                                          \
		if (assert_err_)                                                                   \
			fail_msg("%s: %s", #call, assert_err_->message);                           \
	} while (0)

/** For what holds a thread, which a busy machine may not let run within the second that gospy
 * waits. */
#define assert_ok_when_run(call)                                                                   \
	do {                                                                                       \
		struct gospy_error *assert_busy_ = (call);                                         \
		for (int i_ = 0; i_ < 60 && assert_busy_ && assert_busy_->errnum == EBUSY; i_++) { \
			gospy_error_destroy(assert_busy_);                                         \
			assert_busy_ = (call);                                                     \
		}                                                                                  \
		assert_ok(assert_busy_);                                                           \
	} while (0)

#define assert_error(call, expected_code)                                                          \
	do {                                                                                       \
		_cleanup_error_ struct gospy_error *assert_err_ = (call);                          \
		assert_non_null(assert_err_);                                                      \
		if (assert_err_->code != (expected_code))                                          \
			fail_msg("%s: code %d: %s", #call, (int)assert_err_->code,                 \
				 assert_err_->message);                                            \
	} while (0)

#endif
