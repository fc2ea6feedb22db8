/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <gospy/command.h>

/** Columns of a terminal that help is laid out for, and where explanations begin. */
#define WIDTH 80
#define COLUMN 26

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

static void write_option(struct gospy_output *output, const struct gospy_option *option)
{
	char text[64];
	int n = option->letter
			? snprintf(text, sizeof(text), "  -%c, --%s", option->letter, option->name)
			: snprintf(text, sizeof(text), "      --%s", option->name);

	if (option->argument)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s", option->argument);
	if (n >= COLUMN)
		gospy_output_format(output, "%s\n%*s", text, COLUMN, "");
	else
		gospy_output_format(output, "%-*s", COLUMN, text);
	write_wrapped(output, option->help, COLUMN, COLUMN);
}

static const char target_help[] =
	"TARGET is a process id, or --pid PID, or --name NAME. Exit codes: 0 all well; 1 failed; 2 "
	"wrong usage; 3 no such process, or not a Go program; 4 not permitted; 5 done, but partly.";

void gospy_commands_help(struct gospy_output *output)
{
	gospy_output_string(output, "Usage: gospy COMMAND [TARGET] [OPTIONS]\n\n"
				    "Looks into a running Go process from outside: no agent, no "
				    "restart, no symbols.\n\nCommands:\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++) {
		gospy_output_format(output, "  %-10s", c->name);
		write_wrapped(output, c->summary, 12, 12);
	}
	gospy_output_char(output, '\n');
	write_wrapped(output, target_help, 0, 0);
	gospy_output_string(output, "\n'gospy COMMAND --help' tells more of a command.\n");
}

void gospy_command_help(const struct gospy_command *command, struct gospy_output *output)
{
	gospy_output_format(output, "Usage: gospy %s %s%s[OPTIONS]\n\n", command->name,
			    command->operands, *command->operands ? " " : "");
	write_wrapped(output, command->summary, 0, 0);
	gospy_output_char(output, '\n');
	write_wrapped(output, command->description, 0, 0);
	gospy_output_string(output, "\nOptions:\n");
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++)
		write_option(output, gospy_option_get(*o));
	gospy_output_string(output, "\nExamples:\n");
	for (const struct gospy_example *e = command->examples; e->line; e++)
		gospy_output_format(output, "  %s\n      %s\n", e->line, e->says);
	gospy_output_char(output, '\n');
	write_wrapped(output, target_help, 0, 0);
}

/** Text of a manual page: a line that begins with a point or a quote would be a request. */
static void write_roff(struct gospy_output *output, const char *text)
{
	bool at_start = true;

	for (; *text; text++) {
		if (!strncmp(text, "\n\n", 2)) {
			gospy_output_string(output, "\n.Pp\n");
			text++;
			at_start = true;
			continue;
		}
		if (at_start && (*text == '.' || *text == '\''))
			gospy_output_string(output, "\\&");
		if (*text == '\\')
			gospy_output_string(output, "\\e");
		else if (*text == '-')
			gospy_output_string(output, "\\-");
		else
			gospy_output_char(output, *text);
		at_start = *text == '\n';
	}
	gospy_output_char(output, '\n');
}

static void write_manual_option(struct gospy_output *output, const struct gospy_option *option)
{
	gospy_output_string(output, ".It ");
	if (option->letter)
		gospy_output_format(output, "Fl %c , ", option->letter);
	gospy_output_format(output, "Fl \\-%s", option->name);
	if (option->argument)
		gospy_output_format(output, " Ar %s", option->argument);
	gospy_output_char(output, '\n');
	write_roff(output, option->help);
}

static void write_manual_command(struct gospy_output *output, const struct gospy_command *command)
{
	gospy_output_format(output, ".Ss gospy %s %s\n", command->name, command->operands);
	write_roff(output, command->description);
	gospy_output_string(output, ".Pp\nOptions:\n");
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++)
		gospy_output_format(output, ".Fl \\-%s%s\n", gospy_option_get(*o)->name,
				    o[1] == GOSPY_OPTION_END ? "." : " ,");
	gospy_output_string(output, ".Pp\nExamples:\n.Bl -tag -width Ds\n");
	for (const struct gospy_example *e = command->examples; e->line; e++) {
		gospy_output_string(output, ".It Li \"");
		for (const char *p = e->line; *p; p++) {
			if (*p == '"')
				gospy_output_string(output, "\\(dq");
			else if (*p == '-')
				gospy_output_string(output, "\\-");
			else
				gospy_output_char(output, *p);
		}
		gospy_output_string(output, "\"\n");
		write_roff(output, e->says);
	}
	gospy_output_string(output, ".El\n");
}

void gospy_commands_manual(struct gospy_output *output)
{
	gospy_output_string(output,
			    ".\\\" Made from the command table by tools/manual.c; do not edit.\n"
			    ".Dd $Mdocdate$\n.Dt GOSPY 1\n.Os\n.Sh NAME\n.Nm gospy\n"
			    ".Nd look into a running Go process from outside\n.Sh SYNOPSIS\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++)
		gospy_output_format(output, ".Nm gospy %s\n%s%s%s.Op Ar OPTIONS\n", c->name,
				    *c->operands ? ".Ar " : "", c->operands,
				    *c->operands ? "\n" : "");
	gospy_output_string(output,
			    ".Sh DESCRIPTION\n.Nm\nneeds no agent in the process, no restart, no "
			    "rebuild and no symbols.\n.Sh COMMANDS\n");
	for (const struct gospy_command *c = gospy_commands; c->name; c++)
		write_manual_command(output, c);
	gospy_output_string(output, ".Sh OPTIONS\n.Bl -tag -width Ds\n");
	for (const struct gospy_option *o = gospy_options; o->name; o++)
		write_manual_option(output, o);
	gospy_output_string(output, ".El\n.Sh EXIT STATUS\n");
	write_roff(output, target_help);
}
