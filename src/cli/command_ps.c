/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include <gospy/process_list.h>

#include "commands.h"
#include "message.h"
#include "result.h"

static void say_left_out(const struct gospy_process_list *list)
{
	if (list->not_permitted)
		message("%llu process%s could not be looked at: not permitted; %ssee gospy doctor "
			"%d",
			(unsigned long long)list->not_permitted,
			list->not_permitted == 1 ? "" : "es", geteuid() ? "run as root, or " : "",
			(int)list->first_not_permitted);
	if (list->failed)
		message("%llu Go process%s could not be read; see gospy doctor %d",
			(unsigned long long)list->failed, list->failed == 1 ? "" : "es",
			(int)list->first_failed);
}

struct gospy_error *command_ps(const struct options *options, int *ret_exit)
{
	_cleanup_(result_deinit) struct result result = {.fd = -1};
	struct gospy_process_list list = {};
	struct gospy_error *err = result_open(&result, options->output);

	if (!err)
		err = gospy_process_list_init(&list);
	if (err)
		return err;
	if (options->format == GOSPY_FORMAT_JSON)
		gospy_process_list_json(&list, &result.output);
	else
		gospy_process_list_text(&list, &result.output);
	err = result_commit(&result);
	if (!err && !options->quiet)
		say_left_out(&list);
	if (list.failed)
		*ret_exit = GOSPY_EXIT_PARTLY;
	gospy_process_list_deinit(&list);
	return err;
}
