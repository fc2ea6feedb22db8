/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/command.h>

/** The manual page in mdoc(7): a macro a line, so that text is made safe word by word. */

static void write_escaped(struct gospy_output *output, char c)
{
	/* A dash stays one when it is copied. */
	if (c == '\\')
		gospy_output_string(output, "\\e");
	else if (c == '-')
		gospy_output_string(output, "\\-");
	else
		gospy_output_char(output, c);
}

/** Paragraphs; each sentence on a line of its own, none of which looks like a macro. */
static void write_text(struct gospy_output *output, const char *text)
{
	bool at_start = true;

	while (*text) {
		if (!strncmp(text, "\n\n", 2) || !strncmp(text, ". ", 2)) {
			gospy_output_string(output, *text == '.' ? ".\n" : "\n.Pp\n");
			text += 2;
			at_start = true;
			continue;
		}
		if (at_start && (*text == '.' || *text == '\''))
			gospy_output_string(output, "\\&");
		write_escaped(output, *text++);
		at_start = false;
	}
	gospy_output_char(output, '\n');
}

/** One quoted argument of a macro. */
static void write_argument(struct gospy_output *output, const char *text)
{
	gospy_output_string(output, " \"");
	for (; *text; text++) {
		if (*text == '"')
			gospy_output_string(output, "\\(dq");
		else
			write_escaped(output, *text);
	}
	gospy_output_char(output, '"');
}

static void write_words(struct gospy_output *output, const struct gospy_word *words)
{
	gospy_output_string(output, ".Bl -tag -width \"label:KEY\" -compact\n");
	for (const struct gospy_word *w = words; w->name; w++) {
		gospy_output_format(output, ".It Cm %s\n", w->name);
		write_text(output, w->help);
		if (w == words)
			gospy_output_string(output, "(the default)\n");
	}
	gospy_output_string(output, ".El\n");
}

static void write_option(struct gospy_output *output, const struct gospy_option *option)
{
	gospy_output_string(output, ".It ");
	if (option->letter)
		gospy_output_format(output, "Fl %c , ", option->letter);
	gospy_output_format(output, "Fl \\-%s", option->name);
	if (option->argument)
		gospy_output_format(output, " Ar %s", option->argument);
	gospy_output_char(output, '\n');
	write_text(output, option->help);
	if (option->words)
		write_words(output, option->words);
}

static void write_formats(struct gospy_output *output, const struct gospy_command *command)
{
	const struct gospy_option *format = gospy_option_get(GOSPY_OPTION_FORMAT);
	const char *before = ".Pp\nFormats:";

	if (!command->formats)
		return;
	for (const struct gospy_word *w = format->words; w->name; w++) {
		if (!gospy_command_takes_word(command, format, w))
			continue;
		gospy_output_format(output, "%s\n.Cm %s", before, w->name);
		before = " ,";
	}
	gospy_output_string(output, " .\n");
}

static void write_command(struct gospy_output *output, const struct gospy_command *command)
{
	gospy_output_format(output, ".Ss gospy %s%s%s\n", command->name,
			    *command->operands ? " " : "", command->operands);
	write_text(output, command->description);
	write_formats(output, command);
	gospy_output_string(output, ".Pp\nOptions:\n");
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++)
		gospy_output_format(output, ".Fl \\-%s %s\n", gospy_option_get(*o)->name,
				    o[1] == GOSPY_OPTION_END ? "." : ",");
}

static void write_synopsis(struct gospy_output *output, const struct gospy_command *command)
{
	gospy_output_format(output, ".Nm gospy %s\n", command->name);
	if (command->operands[0] == '[')
		gospy_output_string(output, ".Op Ar TARGET\n");
	else if (*command->operands)
		gospy_output_format(output, ".Ar %s\n", command->operands);
	gospy_output_string(output, ".Op Ar OPTIONS\n");
}

static void write_notes(struct gospy_output *output, const char *macro,
			const struct gospy_note *notes)
{
	gospy_output_string(output, ".Bl -tag -width Ds\n");
	for (; notes->name; notes++) {
		gospy_output_format(output, ".It %s%s\n", macro, notes->name);
		write_text(output, notes->help);
	}
	gospy_output_string(output, ".El\n");
}

static void write_examples(struct gospy_output *output)
{
	gospy_output_string(output, ".Sh EXAMPLES\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++) {
		for (const struct gospy_example *e = c->examples; e->line; e++) {
			write_text(output, e->says);
			gospy_output_string(output, ".Pp\n.Dl");
			write_argument(output, e->line);
			gospy_output_string(output, "\n.Pp\n");
		}
	}
	gospy_output_string(output, "The words\n.Ar PID\nand\n.Ar TARGET\nstand for a process.\n");
}

void gospy_commands_manual(struct gospy_output *output)
{
	gospy_output_string(output,
			    ".\\\" Made from the command table by tools/manual.c; do not edit.\n"
			    ".Dd November 24, 2026\n.Dt GOSPY 1\n.Os\n.Sh NAME\n.Nm gospy\n"
			    ".Nd look into a running Go process from outside\n.Sh SYNOPSIS\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++)
		write_synopsis(output, c);
	gospy_output_string(output,
			    ".Nm gospy\n.Fl \\-help | \\-version\n.Sh DESCRIPTION\n.Nm\nneeds no "
			    "agent in the process, no restart, no rebuild and no symbols.\n");
	write_text(output, gospy_target_help);
	gospy_output_string(output, ".Sh COMMANDS\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++)
		write_command(output, c);
	gospy_output_string(output, ".Sh OPTIONS\n.Bl -tag -width Ds\n");
	for (const struct gospy_option *o = gospy_options; o->name; o++)
		write_option(output, o);
	gospy_output_string(output, ".El\n.Sh FILTERS\n");
	write_text(output, gospy_filter_help);
	gospy_output_string(output, ".Sh ENVIRONMENT\n");
	write_notes(output, "Ev ", gospy_environment);
	gospy_output_string(output, ".Sh EXIT STATUS\n");
	write_notes(output, "", gospy_exits);
	write_examples(output);
	gospy_output_string(output, ".Sh SEE ALSO\n.Xr gdb 1 ,\n.Xr ps 1 ,\n.Xr strace 1 ,\n"
				    ".Xr proc 5\n");
}
