/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gospy/error.h>

static void says_what_and_where(void **state)
{
	(void)state;
	_cleanup_error_ struct gospy_error *err =
		gospy_error_fault(UINT64_C(0xc000000000), "cannot read %d bytes", 8);

	assert_int_equal(err->code, GOSPY_ERROR_FAULT);
	assert_true(err->address == UINT64_C(0xc000000000));
	assert_int_equal(err->errnum, 0);
	assert_string_equal(err->message, "cannot read 8 bytes");
}

static void classes_of_errno_values(void **state)
{
	(void)state;
	static const struct {
		int errnum;
		enum gospy_error_code code;
	} cases[] = {
		{EPERM, GOSPY_ERROR_PERMISSION}, {EACCES, GOSPY_ERROR_PERMISSION},
		{ESRCH, GOSPY_ERROR_EXITED},	 {ENOMEM, GOSPY_ERROR_NO_MEMORY},
		{ENOENT, GOSPY_ERROR_OS},	 {EIO, GOSPY_ERROR_OS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_error_ struct gospy_error *err = gospy_error_os(cases[i].errnum, "no");
		assert_int_equal(err->code, cases[i].code);
		assert_int_equal(err->errnum, cases[i].errnum);
	}
}

static void puts_the_text_of_errno_behind(void **state)
{
	(void)state;
	_cleanup_error_ struct gospy_error *err = gospy_error_os(ENOENT, "cannot open %s", "/x");
	_cleanup_free_ char *text = gospy_error_string(err);

	assert_string_equal(err->message, "cannot open /x");
	assert_string_equal(text, "cannot open /x: No such file or directory");
}

static void wraps_what_went_wrong(void **state)
{
	(void)state;
	_cleanup_error_ struct gospy_error *err = gospy_error_wrap(
		gospy_error_create(GOSPY_ERROR_BAD_DATA, "it is short"), "file %d", 7);

	assert_int_equal(err->code, GOSPY_ERROR_BAD_DATA);
	assert_string_equal(err->message, "file 7: it is short");
	assert_null(gospy_error_wrap(NULL, "nothing"));
	assert_ptr_equal(gospy_error_wrap(&gospy_enomem, "x"), &gospy_enomem);
	assert_string_equal(gospy_enomem.message, "out of memory");
}

static void catches_one_kind(void **state)
{
	(void)state;
	struct gospy_error *err = gospy_error_create(GOSPY_ERROR_NOT_FOUND, "none");

	assert_false(gospy_error_catch(&err, GOSPY_ERROR_BAD_DATA));
	assert_non_null(err);
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
	assert_null(err);
	assert_false(gospy_error_catch(&err, GOSPY_ERROR_NOT_FOUND));
	err = &gospy_stop;
	assert_true(gospy_error_catch(&err, GOSPY_ERROR_STOP));
	gospy_error_destroy(NULL);
	gospy_error_destroy(&gospy_stop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_and_where),
		cmocka_unit_test(classes_of_errno_values),
		cmocka_unit_test(puts_the_text_of_errno_behind),
		cmocka_unit_test(wraps_what_went_wrong),
		cmocka_unit_test(catches_one_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
