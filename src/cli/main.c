/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
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

/** Help of `command`, or of all: text that was asked for goes to standard output. */
static int print_help(const struct gospy_command *command, int fd)
{
	struct gospy_output output;

	gospy_output_init_fd(&output, fd);
	if (command)
		gospy_command_help(command, &output);
	else
		gospy_commands_help(&output);
	struct gospy_error *err = gospy_output_flush(&output);
	gospy_output_deinit(&output);
	return err ? message_error(err, NULL) : GOSPY_EXIT_OK;
}

static int print_version(void)
{
	struct gospy_output output;

	gospy_output_init_fd(&output, STDOUT_FILENO);
	gospy_output_string(&output, "gospy " GOSPY_VERSION "\n");
	struct gospy_error *err = gospy_output_flush(&output);
	gospy_output_deinit(&output);
	return err ? message_error(err, NULL) : GOSPY_EXIT_OK;
}

static int usage_error(struct gospy_error *err, const struct gospy_command *command)
{
	char advice[64];

	snprintf(advice, sizeof(advice), "try 'gospy %s%s--help'", command ? command->name : "",
		 command ? " " : "");
	return message_error(err, err->code == GOSPY_ERROR_USAGE ? advice : NULL);
}

static int run_command(const struct gospy_command *command, int argc, char **argv)
{
	struct options options;
	int code = GOSPY_EXIT_OK;
	struct gospy_error *err = options_parse(&options, command, argc, argv);

	if (err)
		return usage_error(err, command);
	if (options.help)
		return print_help(command, STDOUT_FILENO);
	err = runner_of(command)(&options, &code);
	return err ? message_error(err, NULL) : code;
}

static int no_command(const char *word)
{
	return usage_error(gospy_error_create(GOSPY_ERROR_USAGE, "%s '%s'",
					      *word == '-' ? "first comes a command, not"
							   : "there is no command",
					      word),
			   NULL);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

/**
 * Makes sure that descriptors 0 to 2 are taken: a file of the process, opened later as one of them,
 * must not be what a result or a message is written to.
 */
static bool guard_descriptors(void)
{
	int fd;

	do {
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	if (!guard_descriptors())
		return GOSPY_EXIT_FAILED;
	/* Whoever started this may have it ignored, but a closed pipe is to be a quiet end. */
	signal(SIGPIPE, SIG_DFL);
	/* A file that may not grow is an error to be told. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		print_help(NULL, STDERR_FILENO);
		return GOSPY_EXIT_USAGE;
	}
	if (is_one_of(argv[1], "--version", "-V"))
		return print_version();
	bool help = is_one_of(argv[1], "--help", "-h") || !strcmp(argv[1], "help");
	if (help && argc == 2)
		return print_help(NULL, STDOUT_FILENO);
	const char *word = argv[help ? 2 : 1];
	const struct gospy_command *command = gospy_command_find(word);
	if (!command)
		return no_command(word);
	return help ? print_help(command, STDOUT_FILENO) : run_command(command, argc - 1, argv + 1);
}
