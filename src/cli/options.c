/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <gospy/text.h>

#include "options.h"

/** Return values of getopt_long above those of any letter. */
#define FIRST_LONG 256

/** A number from 1 to `max`. */
static struct gospy_error *parse_number(const char *text, const char *what, uint64_t max,
					uint64_t *ret)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || !value || value > max)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "%s '%s' is not a number from 1 to %llu", what, text,
					  (unsigned long long)max);
	*ret = value;
	return NULL;
}

static struct gospy_error *parse_pid(struct options *options, const char *text)
{
	uint64_t value = 0;
	struct gospy_error *err = parse_number(text, "process id", INT32_MAX, &value);

	if (err)
		return err;
	if (options->pid || options->name)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "one process at a time: '%s' is one too many", text);
	options->pid = (pid_t)value;
	return NULL;
}

static struct gospy_error *parse_name(struct options *options, const char *text)
{
	if (options->pid || options->name)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "one process at a time: '%s' is one too many", text);
	options->name = text;
	return NULL;
}

static struct gospy_error *parse_duration(const char *text, uint64_t *ret_ns)
{
	if (gospy_text_duration(text, ret_ns))
		return NULL;
	return gospy_error_create(GOSPY_ERROR_USAGE, "'%s' is not a duration such as 20ms or 1m30s",
				  text);
}

static bool is_label(const struct gospy_option *option, const char *text)
{
	size_t length = strlen(GOSPY_GROUP_LABEL_PREFIX);

	return option->id == GOSPY_OPTION_GROUP_BY &&
	       !strncmp(text, GOSPY_GROUP_LABEL_PREFIX, length) && text[length];
}

static struct gospy_error *no_such_word(const struct gospy_command *command,
					const struct gospy_option *option, const char *text)
{
	struct gospy_output list;
	const char *before = "";

	gospy_output_init_memory(&list);
	for (const struct gospy_word *w = option->words; w->name; w++) {
		if (!gospy_command_takes_word(command, option, w))
			continue;
		gospy_output_format(&list, "%s%s", before, w->name);
		before = ", ";
	}
	struct gospy_error *err =
		gospy_error_create(GOSPY_ERROR_USAGE, "--%s of gospy %s is one of %s, not '%s'",
				   option->name, command->name, list.data ? list.data : "", text);
	gospy_output_deinit(&list);
	return err;
}

/** The value of `text` among the words of `option`. */
static struct gospy_error *parse_word(const struct gospy_command *command,
				      const struct gospy_option *option, const char *text, int *ret)
{
	if (is_label(option, text)) {
		*ret = GOSPY_VIEW_GROUP_LABEL;
		return NULL;
	}
	for (const struct gospy_word *w = option->words; w->name; w++) {
		if (strcmp(w->name, text) || !gospy_command_takes_word(command, option, w))
			continue;
		*ret = w->value;
		return NULL;
	}
	return no_such_word(command, option, text);
}

static struct gospy_error *apply_word(struct options *options, const struct gospy_option *option,
				      const char *text)
{
	int value = 0;
	struct gospy_error *err = parse_word(options->command, option, text, &value);

	if (err)
		return err;
	switch (option->id) {
	case GOSPY_OPTION_FORMAT:
		options->format = (enum gospy_format)value;
		break;
	case GOSPY_OPTION_STOP:
		options->capture.stop = (enum gospy_stop_mode)value;
		break;
	case GOSPY_OPTION_GROUP_BY:
		options->view.group = (enum gospy_view_group)value;
		if (is_label(option, text))
			options->view.label = text + strlen(GOSPY_GROUP_LABEL_PREFIX);
		options->group_given = true;
		break;
	case GOSPY_OPTION_PC:
		options->view.pc = (enum gospy_view_pc)value;
		break;
	default:
		options->color = (enum gospy_color)value;
	}
	return NULL;
}

static struct gospy_error *parse_filter(struct options *options, const char *text)
{
	options->view.filter = text;
	return gospy_filter_check(text);
}

static struct gospy_error *apply(struct options *options, enum gospy_option_id id, const char *text)
{
	const struct gospy_option *option = gospy_option_get(id);

	if (option->words)
		return apply_word(options, option, text);
	switch (id) {
	case GOSPY_OPTION_PID:
		return parse_pid(options, text);
	case GOSPY_OPTION_NAME:
		return parse_name(options, text);
	case GOSPY_OPTION_JSON:
		options->format = GOSPY_FORMAT_JSON;
		break;
	case GOSPY_OPTION_OUTPUT:
		options->output = text;
		break;
	case GOSPY_OPTION_NON_BLOCKING:
		options->capture.stop = GOSPY_STOP_NONE;
		break;
	case GOSPY_OPTION_MAX_PAUSE:
		return parse_duration(text, &options->capture.max_pause_ns);
	case GOSPY_OPTION_BIN:
		options->bin = text;
		break;
	case GOSPY_OPTION_FILTER:
		return parse_filter(options, text);
	case GOSPY_OPTION_LIMIT:
		return parse_number(text, "limit", UINT32_MAX, &options->view.limit);
	case GOSPY_OPTION_SYSTEM:
		options->view.system = true;
		break;
	case GOSPY_OPTION_QUIET:
		options->quiet = true;
		break;
	case GOSPY_OPTION_VERBOSE:
		options->verbose = true;
		break;
	case GOSPY_OPTION_HELP:
		options->help = true;
		break;
	default:
		break;
	}
	return NULL;
}

/** What getopt_long reads, made from the command's part of the table. */
struct getopt_tables {
	char letters[2 * GOSPY_COMMAND_OPTIONS + 2];
	struct option longs[GOSPY_COMMAND_OPTIONS + 1];
};

static void make_tables(const struct gospy_command *command, struct getopt_tables *tables)
{
	size_t num_letters = 0;

	memset(tables, 0, sizeof(*tables));
	tables->letters[num_letters++] = ':';
	for (size_t i = 0; command->options[i] != GOSPY_OPTION_END; i++) {
		const struct gospy_option *option = gospy_option_get(command->options[i]);
		tables->longs[i] = (struct option){
			option->name, option->argument ? required_argument : no_argument, NULL,
			FIRST_LONG + (int)option->id};
		if (!option->letter)
			continue;
		tables->letters[num_letters++] = option->letter;
		if (option->argument)
			tables->letters[num_letters++] = ':';
	}
}

static enum gospy_option_id id_of(const struct gospy_command *command, int found)
{
	if (found >= FIRST_LONG)
		return (enum gospy_option_id)(found - FIRST_LONG);
	for (const enum gospy_option_id *o = command->options; *o != GOSPY_OPTION_END; o++) {
		if (gospy_option_get(*o)->letter == found)
			return *o;
	}
	return GOSPY_OPTION_END;
}

/** What getopt_long did not take: it leaves the letter in optopt, FIRST_LONG and more for a long
 * option whose argument is the matter, 0 for one that is none. */
static struct gospy_error *bad_option(const struct gospy_command *command, int found, char **argv)
{
	if (optopt >= FIRST_LONG)
		return gospy_error_create(
			GOSPY_ERROR_USAGE, "option --%s %s",
			gospy_option_get((enum gospy_option_id)(optopt - FIRST_LONG))->name,
			found == ':' ? "needs an argument" : "takes no argument");
	if (found == ':')
		return gospy_error_create(GOSPY_ERROR_USAGE, "option -%c needs an argument",
					  optopt);
	if (optopt)
		return gospy_error_create(GOSPY_ERROR_USAGE, "gospy %s has no option -%c",
					  command->name, optopt);
	return gospy_error_create(GOSPY_ERROR_USAGE, "gospy %s has no option %s", command->name,
				  argv[optind - 1]);
}

static struct gospy_error *parse_operands(struct options *options, int argc, char **argv)
{
	if (argc - optind > options->command->max_operands)
		return gospy_error_create(GOSPY_ERROR_USAGE, "'%s' is one argument too many",
					  argv[optind + options->command->max_operands]);
	if (optind < argc)
		return parse_pid(options, argv[optind]);
	if (!strcmp(options->command->operands, "TARGET") && !options->pid && !options->name)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "which process? give its id, or --name");
	return NULL;
}

struct gospy_error *options_parse(struct options *options, const struct gospy_command *command,
				  int argc, char **argv)
{
	struct options parsed = {.command = command};
	struct getopt_tables tables;
	struct gospy_error *err = NULL;
	int found;

	make_tables(command, &tables);
	optind = 0;
	opterr = 0;
	while (!err && !parsed.help &&
	       (found = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) >= 0) {
		if (found == '?' || found == ':')
			return bad_option(command, found, argv);
		err = apply(&parsed, id_of(command, found), optarg);
	}
	if (!err && !parsed.help)
		err = parse_operands(&parsed, argc, argv);
	if (err)
		return err;
	*options = parsed;
	return NULL;
}
