/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_ASSERT_ERROR_H
#define GOSPY_ASSERT_ERROR_H

/** Asserts about the errors of gospy, to be included behind <cmocka.h>. */
#include <gospy/error.h>

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		struct gospy_error *assert_err_ = (call);                                          \
		if (assert_err_)                                                                   \
			fail_msg("%s: %s", #call, assert_err_->message);                           \
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
