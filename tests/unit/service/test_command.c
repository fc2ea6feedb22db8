/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/command.h>

static void exit_codes_are_those_of_the_manual(void **state)
{
	/* EXIT STATUS of gospy(1): 2 wrong usage, 3 no such process or not a Go program, 4 not
	 * permitted, 1 the rest. */
	static const struct {
		enum gospy_error_code code;
		int exit;
	} cases[] = {
		{GOSPY_ERROR_NO_MEMORY, 1},  {GOSPY_ERROR_OS, 1},
		{GOSPY_ERROR_FAULT, 1},	     {GOSPY_ERROR_BAD_DATA, 1},
		{GOSPY_ERROR_NOT_FOUND, 1},  {GOSPY_ERROR_UNSUPPORTED, 1},
		{GOSPY_ERROR_NO_SYMBOLS, 1}, {GOSPY_ERROR_EXITED, 3},
		{GOSPY_ERROR_PERMISSION, 4}, {GOSPY_ERROR_USAGE, 2},
		{GOSPY_ERROR_NOT_GO, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gospy_error *err = gospy_error_create(cases[i].code, "x");
		assert_int_equal(gospy_exit_of(err), cases[i].exit);
		gospy_error_destroy(err);
	}
}

static void every_option_is_explained_once(void **state)
{
	(void)state;
	for (const struct gospy_option *o = gospy_options; o->name; o++) {
		assert_ptr_equal(gospy_option_get(o->id), o);
		assert_true(*o->help);
		assert_true(!o->words || o->argument);
		for (const struct gospy_option *other = o + 1; other->name; other++) {
			assert_string_not_equal(o->name, other->name);
			assert_true(!o->letter || o->letter != other->letter);
		}
	}
	assert_null(gospy_option_get(GOSPY_OPTION_END)->name);
}

static void check_options(const struct gospy_command *command)
{
	size_t count = 0;

	for (; command->options[count] != GOSPY_OPTION_END; count++) {
		assert_true(count < GOSPY_COMMAND_OPTIONS - 1);
		assert_non_null(gospy_option_get(command->options[count])->name);
		assert_true(gospy_command_takes(command, command->options[count]));
		for (size_t i = 0; i < count; i++)
			assert_int_not_equal(command->options[i], command->options[count]);
	}
	assert_true(gospy_command_takes(command, GOSPY_OPTION_HELP));
	assert_false(gospy_command_takes(command, GOSPY_OPTION_VERSION));
}

/* Each bit of `formats` is a word of --format, and text comes first. */
static void check_formats(const struct gospy_command *command)
{
	const struct gospy_option *format = gospy_option_get(GOSPY_OPTION_FORMAT);
	unsigned known = 0;

	for (const struct gospy_word *w = format->words; w->name; w++) {
		assert_string_equal(w->name, gospy_format_name((enum gospy_format)w->value));
		if (gospy_command_takes_word(command, format, w))
			known |= 1u << w->value;
	}
	assert_int_equal(known, command->formats);
	assert_int_equal(!command->formats, !gospy_command_takes(command, GOSPY_OPTION_FORMAT));
	assert_true(!command->formats || command->formats & 1u << GOSPY_FORMAT_TEXT);
}

static void check_examples(const struct gospy_command *command)
{
	size_t length = strlen(command->name);

	assert_non_null(command->examples[0].line);
	for (const struct gospy_example *e = command->examples; e->line; e++) {
		assert_true(e < command->examples + GOSPY_COMMAND_EXAMPLES - 1);
		assert_memory_equal(e->line, "gospy ", 6);
		assert_memory_equal(e->line + 6, command->name, length);
		assert_true(e->line[6 + length] == ' ' || !e->line[6 + length]);
		assert_true(*e->says);
	}
}

static void every_command_is_whole(void **state)
{
	(void)state;
	for (const struct gospy_command *c = gospy_commands; c->name; c++) {
		assert_ptr_equal(gospy_command_find(c->name), c);
		assert_true(*c->summary && *c->description);
		check_options(c);
		check_formats(c);
		check_examples(c);
	}
	assert_null(gospy_command_find("no such command"));
	assert_null(gospy_command_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes_are_those_of_the_manual),
		cmocka_unit_test(every_option_is_explained_once),
		cmocka_unit_test(every_command_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
