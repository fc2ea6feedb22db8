/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gospy/process_list.h>

#define ID "4f9d1f6c2ab0e3d75c8a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405aa"

/* Paths as the runtimes make them: their cgroup drivers' documentation and /proc/self/cgroup. */
static void container_ids_are_found_in_cgroups(void **state)
{
	static const struct {
		const char *cgroup;
		const char *id;
	} cases[] = {
		{"/docker/" ID, "4f9d1f6c2ab0"},
		{"/system.slice/docker-" ID ".scope", "4f9d1f6c2ab0"},
		{"/machine.slice/libpod-" ID ".scope/container", "4f9d1f6c2ab0"},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7c1f.slice/"
		 "cri-containerd-" ID ".scope",
		 "4f9d1f6c2ab0"},
		{"/kubepods/besteffort/pod5d3c2e1a-0b9f-4c56-9a2e-8e4c7f3b1d20/" ID,
		 "4f9d1f6c2ab0"},
		{"/user.slice/user-1000.slice/session-3.scope", ""},
		{"/", ""},
		{"", ""},
		/* A digit less, a digit more: no id. */
		{"/docker/4f9d1f6c2ab0e3d75c8a1b2c3d4e5f60718293a4b5c6d7e8f9000102030405a", ""},
		{"/docker/" ID "b", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *id = NULL;
		assert_null(gospy_container_id(cases[i].cgroup, &id));
		assert_string_equal(id, cases[i].id);
		free(id);
	}
}

static struct gospy_process_row sample_row(void)
{
	char exe[] = "/srv/shop", name[] = "sh\033op", version[] = "go1.22.12", module[] = "shop";

	return (struct gospy_process_row){
		.pid = 4711,
		.go_version = strdup(version),
		.main_module = strdup(module),
		.main_version = strdup(""),
		.container = strdup("4f9d1f6c2ab0"),
		.name = strdup(name),
		.exe = strdup(exe),
		.goroutines = 12,
		.threads = 7,
		.resident_size = (uint64_t)5 << 20,
	};
}

static void tables_line_up_and_are_safe(void **state)
{
	static const char expected[] = " PID  GO         MODULE  VERSION  GOROUTINES  THREADS  RSS "
				       " CONTAINER     COMMAND\n"
				       "4711  go1.22.12  shop    -                12        7   5M "
				       " 4f9d1f6c2ab0  sh\\x1bop\n";
	struct gospy_process_list list = {};
	struct gospy_output output;

	(void)state;
	assert_true(gospy_process_row_vec_append(&list.rows, sample_row()));
	gospy_output_init_memory(&output);
	gospy_process_list_text(&list, &output);
	assert_string_equal(output.data, expected);
	gospy_output_deinit(&output);
	gospy_process_list_deinit(&list);
}

static void json_has_numbers_and_strings(void **state)
{
	static const char expected[] =
		"{\"processes\":[{\"pid\":4711,\"go_version\":\"go1.22.12\",\"main_module\":"
		"\"shop\","
		"\"main_version\":\"\",\"goroutines\":12,\"threads\":7,\"rss\":5242880,"
		"\"container\":\"4f9d1f6c2ab0\",\"name\":\"sh\\u001bop\",\"exe\":\"/srv/shop\"}],"
		"\"not_permitted\":3,\"failed\":1}\n";
	struct gospy_process_list list = {.not_permitted = 3, .failed = 1};
	struct gospy_output output;

	(void)state;
	assert_true(gospy_process_row_vec_append(&list.rows, sample_row()));
	gospy_output_init_memory(&output);
	gospy_process_list_json(&list, &output);
	assert_string_equal(output.data, expected);
	gospy_output_deinit(&output);
	gospy_process_list_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container_ids_are_found_in_cgroups),
		cmocka_unit_test(tables_line_up_and_are_safe),
		cmocka_unit_test(json_has_numbers_and_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
