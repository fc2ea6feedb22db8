/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <gospy/command.h>

/** Columns of a terminal that help is laid out for, and where explanations begin. */
#define WIDTH 80
#define COLUMN 22
#define WORD_COLUMN 34

/** Writes `text` in lines of WIDTH, all but the first indented by `indent`; `at` is the column it
 * begins in. */
static void write_wrapped(struct gospy_output *output, const char *text, int indent, int at)
{
	while (*text) {
		int length = (int)strcspn(text, " \n");
		if (at > indent && at + 1 + length > WIDTH) {
			gospy_output_format(output, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			gospy_output_char(output, ' ');
			at++;
		}
		gospy_output_write(output, text, (size_t)length);
		at += length;
		text += length;
		if (!strncmp(text, "\n\n", 2)) {
			gospy_output_format(output, "\n\n%*s", indent, "");
			at = indent;
		}
		text += strspn(text, " \n");
	}
	gospy_output_char(output, '\n');
}

/** "  name     help", where the help begins in `column`. */
static void write_item(struct gospy_output *output, const char *name, int column, const char *help)
{
	if ((int)strlen(name) >= column - 1)
		gospy_output_format(output, "%s\n%*s", name, column, "");
	else
		gospy_output_format(output, "%-*s", column, name);
	write_wrapped(output, help, column, column);
}

static void write_words(struct gospy_output *output, const struct gospy_command *command,
			const struct gospy_option *option)
{
	char text[64];
	bool first = true;

	for (const struct gospy_word *w = option->words; w && w->name; w++) {
		if (!gospy_command_takes_word(command, option, w))
			continue;
		snprintf(text, sizeof(text), "%*s%s%s", COLUMN + 2, "", w->name, first ? " *" : "");
		write_item(output, text, WORD_COLUMN + 2, w->help);
		first = false;
	}
}

static void write_option(struct gospy_output *output, const struct gospy_command *command,
			 const struct gospy_option *option)
{
	char letter[8] = "", text[64];

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c,", option->letter);
	snprintf(text, sizeof(text), "  %3s --%s%s%s", letter, option->name,
		 option->argument ? " " : "", option->argument ? option->argument : "");
	write_item(output, text, COLUMN, option->help);
	write_words(output, command, option);
}

static void write_notes(struct gospy_output *output, const char *head,
			const struct gospy_note *notes)
{
	char text[64];

	gospy_output_format(output, "\n%s:\n", head);
	for (; notes->name; notes++) {
		snprintf(text, sizeof(text), "  %s", notes->name);
		write_item(output, text, strlen(notes->name) == 1 ? 5 : COLUMN, notes->help);
	}
}

static bool has_words(const struct gospy_command *command)
{
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++) {
		if (gospy_option_get(*o)->words)
			return true;
	}
	return false;
}

void gospy_commands_help(struct gospy_output *output)
{
	char text[64];

	gospy_output_string(output, "Usage: gospy COMMAND [TARGET] [OPTIONS]\n"
				    "       gospy --help | --version\n\n"
				    "Looks into a running Go process from outside: no agent, no "
				    "restart, no symbols.\n\nCommands:\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++) {
		snprintf(text, sizeof(text), "  %s", c->name);
		write_item(output, text, 12, c->summary);
	}
	gospy_output_char(output, '\n');
	write_wrapped(output, gospy_target_help, 0, 0);
	write_notes(output, "Exit codes", gospy_exits);
	gospy_output_string(output, "\n'gospy COMMAND --help' tells more of a command.\n");
}

void gospy_command_help(const struct gospy_command *command, struct gospy_output *output)
{
	gospy_output_format(output, "Usage: gospy %s %s%s[OPTIONS]\n\ngospy %s:", command->name,
			    command->operands, *command->operands ? " " : "", command->name);
	write_wrapped(output, command->summary, 0, 7 + (int)strlen(command->name));
	gospy_output_char(output, '\n');
	write_wrapped(output, command->description, 0, 0);
	if (*command->operands) {
		gospy_output_char(output, '\n');
		write_wrapped(output, gospy_target_help, 0, 0);
	}
	gospy_output_format(output, "\nOptions%s:\n",
			    has_words(command) ? " (* is the default)" : "");
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++)
		write_option(output, command, gospy_option_get(*o));
	if (gospy_command_takes(command, GOSPY_OPTION_FILTER)) {
		gospy_output_string(output, "\nFilters:");
		write_wrapped(output, gospy_filter_help, 0, 8);
	}
	gospy_output_string(output, "\nExamples:\n");
	for (const struct gospy_example *e = command->examples; e->line; e++)
		gospy_output_format(output, "  %s\n      %s\n", e->line, e->says);
	write_notes(output, "Exit codes", gospy_exits);
}
