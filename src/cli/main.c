/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"

static const struct {
	const char *name;
	command_fn run;
} runners[] = {
	{"ps", command_ps},
	{"summary", command_summary},
	{"dump", command_dump},
	{"doctor", command_doctor},
};

static command_fn runner_of(const struct gospy_command *command)
{
	for (size_t i = 0; i < sizeof(runners) / sizeof(runners[0]); i++) {
		if (!strcmp(runners[i].name, command->name))
			return runners[i].run;
	}
	return NULL;
}

/** Help and version: text that was asked for goes to standard output. */
static int print(void (*write)(struct gospy_output *output))
{
	struct gospy_output output;

	gospy_output_init_fd(&output, STDOUT_FILENO);
	write(&output);
	struct gospy_error *err = gospy_output_flush(&output);
	gospy_output_deinit(&output);
	return err ? message_error(err) : GOSPY_EXIT_OK;
}

static void write_version(struct gospy_output *output)
{
	gospy_output_string(output, "gospy " GOSPY_VERSION "\n");
}

static int print_command_help(const struct gospy_command *command)
{
	struct gospy_output output;

	gospy_output_init_fd(&output, STDOUT_FILENO);
	gospy_command_help(command, &output);
	struct gospy_error *err = gospy_output_flush(&output);
	gospy_output_deinit(&output);
	return err ? message_error(err) : GOSPY_EXIT_OK;
}

static int usage_error(struct gospy_error *err, const struct gospy_command *command)
{
	int code = message_error(err);

	if (code == GOSPY_EXIT_USAGE)
		message("try 'gospy %s%s--help'", command ? command->name : "", command ? " " : "");
	return code;
}

static int run_command(const struct gospy_command *command, int argc, char **argv)
{
	struct options options;
	int code = GOSPY_EXIT_OK;
	struct gospy_error *err = options_parse(&options, command, argc, argv);

	if (!err && options.help)
		return print_command_help(command);
	if (!err)
		err = runner_of(command)(&options, &code);
	return err ? usage_error(err, command) : code;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		struct gospy_output output;
		gospy_output_init_fd(&output, STDERR_FILENO);
		gospy_commands_help(&output);
		gospy_error_destroy(gospy_output_flush(&output));
		gospy_output_deinit(&output);
		return GOSPY_EXIT_USAGE;
	}
	const char *word = argv[1];
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		return print(write_version);
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
		return print(gospy_commands_help);
	const struct gospy_command *command = gospy_command_find(word);
	if (!command)
		return usage_error(
			gospy_error_create(GOSPY_ERROR_USAGE, "there is no command '%s'", word),
			NULL);
	return run_command(command, argc - 1, argv + 1);
}
