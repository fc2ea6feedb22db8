/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

/** Return values of getopt_long above those of any letter. */
#define FIRST_LONG 256

static struct gospy_error *parse_number(const char *text, const char *what, uint64_t max,
					uint64_t *ret)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value > max)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "%s '%s' is not a number from 0 to %llu", what, text,
					  (unsigned long long)max);
	*ret = value;
	return NULL;
}

static struct gospy_error *parse_pid(const char *text, pid_t *ret)
{
	uint64_t value = 0;
	struct gospy_error *err = parse_number(text, "process id", INT32_MAX, &value);

	if (!err && !value)
		return gospy_error_create(GOSPY_ERROR_USAGE, "there is no process 0");
	if (!err)
		*ret = (pid_t)value;
	return err;
}

static double unit_of(const char *text, size_t length)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) == length && !memcmp(units[i].name, text, length))
			return units[i].ns;
	}
	return 0;
}

struct gospy_error *options_duration(const char *text, uint64_t *ret_ns)
{
	double total = 0;
	const char *at = text;

	do {
		char *end;
		double value = *at >= '0' && *at <= '9' ? strtod(at, &end) : -1;
		size_t length = value < 0 ? 0 : strspn(end, "nuhms");
		double unit = value < 0 ? 0 : unit_of(end, length);
		if (!(unit > 0))
			return gospy_error_create(GOSPY_ERROR_USAGE,
						  "'%s' is not a duration such as 20ms or 1m30s",
						  text);
		total += value * unit;
		at = end + length;
	} while (*at);
	if (!(total < 9e18))
		return gospy_error_create(GOSPY_ERROR_USAGE, "the duration '%s' is too long", text);
	*ret_ns = (uint64_t)total;
	return NULL;
}

struct word {
	const char *name;
	int value;
};

/** The value of `text` among `words`, which end with a NULL name. */
static struct gospy_error *parse_word(const char *text, const char *what, const struct word *words,
				      int *ret)
{
	for (const struct word *w = words; w->name; w++) {
		if (!strcmp(w->name, text)) {
			*ret = w->value;
			return NULL;
		}
	}
	struct gospy_output list;
	gospy_output_init_memory(&list);
	for (const struct word *w = words; w->name; w++)
		gospy_output_format(&list, "%s%s",
				    w == words	? ""
				    : w[1].name ? ", "
						: " or ",
				    w->name);
	struct gospy_error *err = gospy_error_create(GOSPY_ERROR_USAGE, "unknown %s '%s': %s", what,
						     text, list.data ? list.data : "");
	gospy_output_deinit(&list);
	return err;
}

static struct gospy_error *parse_stop(struct options *options, const char *text)
{
	static const struct word words[] = {{"auto", GOSPY_STOP_AUTO},
					    {"none", GOSPY_STOP_NONE},
					    {"ptrace", GOSPY_STOP_PTRACE},
					    {NULL, 0}};
	int value = 0;
	struct gospy_error *err = parse_word(text, "stop mode", words, &value);

	if (!err)
		options->capture.stop = (enum gospy_stop_mode)value;
	return err;
}

static struct gospy_error *parse_group(struct options *options, const char *text)
{
	static const struct word words[] = {
		{"stack", GOSPY_VIEW_GROUP_STACK},   {"function", GOSPY_VIEW_GROUP_FUNCTION},
		{"state", GOSPY_VIEW_GROUP_STATE},   {"creator", GOSPY_VIEW_GROUP_CREATOR},
		{"thread", GOSPY_VIEW_GROUP_THREAD}, {"label:KEY", GOSPY_VIEW_GROUP_LABEL},
		{"none", GOSPY_VIEW_GROUP_NONE},     {NULL, 0}};
	int value = GOSPY_VIEW_GROUP_LABEL;
	struct gospy_error *err = NULL;

	if (!strncmp(text, "label:", 6) && text[6])
		options->view.label = text + 6;
	else
		err = parse_word(text, "group key", words, &value);
	if (err)
		return err;
	options->view.group = (enum gospy_view_group)value;
	options->group_given = true;
	return NULL;
}

static struct gospy_error *parse_pc(struct options *options, const char *text)
{
	static const struct word words[] = {{"start", GOSPY_VIEW_PC_START},
					    {"caller", GOSPY_VIEW_PC_CALLER},
					    {"current", GOSPY_VIEW_PC_CURRENT},
					    {NULL, 0}};
	int value = 0;
	struct gospy_error *err = parse_word(text, "function to show", words, &value);

	if (!err)
		options->view.pc = (enum gospy_view_pc)value;
	return err;
}

static struct gospy_error *parse_filter(struct options *options, const char *text)
{
	options->view.filter = text;
	return gospy_filter_check(text);
}

static struct gospy_error *apply(struct options *options, enum gospy_option_id id, const char *text)
{
	switch (id) {
	case GOSPY_OPTION_PID:
		return parse_pid(text, &options->pid);
	case GOSPY_OPTION_NAME:
		options->name = text;
		return NULL;
	case GOSPY_OPTION_FORMAT:
		options->format_name = text;
		return gospy_format_parse(text, &options->format);
	case GOSPY_OPTION_JSON:
		options->format_name = "json";
		options->format = GOSPY_FORMAT_JSON;
		return NULL;
	case GOSPY_OPTION_OUTPUT:
		options->output = text;
		return NULL;
	case GOSPY_OPTION_STOP:
		return parse_stop(options, text);
	case GOSPY_OPTION_NON_BLOCKING:
		options->capture.stop = GOSPY_STOP_NONE;
		return NULL;
	case GOSPY_OPTION_MAX_PAUSE:
		return options_duration(text, &options->capture.max_pause_ns);
	case GOSPY_OPTION_BIN:
		options->bin = text;
		return NULL;
	case GOSPY_OPTION_FILTER:
		return parse_filter(options, text);
	case GOSPY_OPTION_GROUP_BY:
		return parse_group(options, text);
	case GOSPY_OPTION_LIMIT:
		return parse_number(text, "limit", UINT32_MAX, &options->view.limit);
	case GOSPY_OPTION_PC:
		return parse_pc(options, text);
	case GOSPY_OPTION_SYSTEM:
		options->view.system = options->capture.system = true;
		return NULL;
	case GOSPY_OPTION_QUIET:
		options->quiet = true;
		return NULL;
	case GOSPY_OPTION_VERBOSE:
		options->verbose = true;
		return NULL;
	case GOSPY_OPTION_HELP:
		options->help = true;
		return NULL;
	case GOSPY_OPTION_VERSION:
		options->version = true;
		return NULL;
	case GOSPY_OPTION_END:
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

static struct gospy_error *bad_option(int found, char **argv)
{
	const char *what = found == ':' ? "needs an argument" : "is unknown or ambiguous here";

	if (optopt && optopt < FIRST_LONG && argv[optind - 1][1] != '-')
		return gospy_error_create(GOSPY_ERROR_USAGE, "option -%c %s", optopt, what);
	return gospy_error_create(GOSPY_ERROR_USAGE, "option %s %s", argv[optind - 1], what);
}

static struct gospy_error *check(const struct options *options)
{
	if (options->help)
		return NULL;
	if (options->pid && options->name)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "a process id and --name exclude each other");
	if (!strcmp(options->command->operands, "TARGET") && !options->pid && !options->name)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "which process? give its id or --name");
	if (strcmp(options->command->name, "dump") && options->format != GOSPY_FORMAT_TEXT &&
	    options->format != GOSPY_FORMAT_JSON)
		return gospy_error_create(GOSPY_ERROR_USAGE,
					  "gospy %s has no format '%s': text or json",
					  options->command->name, options->format_name);
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
	while (!err && (found = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) >= 0) {
		if (found == '?' || found == ':')
			return bad_option(found, argv);
		err = apply(&parsed, id_of(command, found), optarg);
	}
	if (!err && argc - optind > command->max_operands)
		return gospy_error_create(GOSPY_ERROR_USAGE, "'%s' is one argument too many",
					  argv[optind + command->max_operands]);
	if (!err && optind < argc)
		err = parse_pid(argv[optind], &parsed.pid);
	if (!err)
		err = check(&parsed);
	if (err)
		return err;
	*options = parsed;
	return NULL;
}
