/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <gospy/live.h>

#include "assert_error.h"
#include "child.h"

/* Any two that are not root. */
#define USER_A 65530
#define USER_B 65531
#define CAPABILITY(number) (UINT64_C(1) << (number))

/** What a process makes of itself before it is looked at or looks. */
struct role {
	/** 0: stays who it is. */
	uid_t uid;
	/** Capabilities that survive the change of user. */
	uint64_t capabilities;
	bool not_dumpable;
	bool new_userns;
	/** A mount of /proc with hidepid=2. */
	bool hide_pids;
	/** A filter that refuses ptrace. */
	bool no_ptrace;
};

static bool set_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(capabilities >> (32 * i));
	return !syscall(SYS_capset, &header, data);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* A user namespace in which `uid` is root, and nobody else is anybody. */
static bool enter_userns(uid_t uid)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", (unsigned int)uid);
	return !unshare(CLONE_NEWUSER) && write_file("/proc/self/uid_map", map) &&
	       write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/gid_map", map);
}

static bool refuse_ptrace(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* False where the machine does not permit it. */
static bool play(const struct role *role)
{
	if (role->hide_pids &&
	    (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	     mount("proc", "/proc", "proc", 0, "hidepid=2")))
		return false;
	if (role->uid) {
		prctl(PR_SET_KEEPCAPS, role->capabilities != 0, 0, 0, 0);
		if (setgroups(0, NULL) || setresgid(role->uid, role->uid, role->uid) ||
		    setresuid(role->uid, role->uid, role->uid))
			return false;
		if (role->capabilities && !set_capabilities(role->capabilities))
			return false;
		/* A change of user takes the flag away; an exec would give it back. */
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	}
	if (role->new_userns && !enter_userns(role->uid))
		return false;
	if (role->not_dumpable)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return !role->no_ptrace || refuse_ptrace();
}

static void player_body(struct child_pipes pipes, void *argument)
{
	if (!play(argument))
		_exit(77);
	child_ready_and_wait(pipes);
}

/** What the looker tells. */
struct look {
	enum gospy_access_verdict verdict;
	enum gospy_error_code open_code;
	bool opened;
	bool can_read_vm;
	bool can_read_mem;
	bool can_ptrace;
	char reason[512];
	char remedy[512];
};

struct looker {
	struct role role;
	pid_t pid;
};

static void look_body(struct child_pipes pipes, void *argument)
{
	const struct looker *looker = argument;
	struct gospy_target *target = NULL;
	struct gospy_access access = {0};
	struct look look = {0};

	if (!play(&looker->role) || gospy_access_check(looker->pid, &access))
		_exit(77);
	look = (struct look){.verdict = access.verdict,
			     .can_read_vm = access.can_read_vm,
			     .can_read_mem = access.can_read_mem,
			     .can_ptrace = access.can_ptrace};
	snprintf(look.reason, sizeof(look.reason), "%s", access.reason);
	snprintf(look.remedy, sizeof(look.remedy), "%s", access.remedy);
	gospy_access_deinit(&access);
	struct gospy_error *err = gospy_live_open(looker->pid, &target);
	look.opened = !err;
	if (err)
		look.open_code = err->code;
	gospy_error_destroy(err);
	gospy_target_destroy(target);
	child_write(pipes.to_test, &look, sizeof(look));
}

/* What one that plays `looker` sees of one that plays `looked_at`. */
static struct look look_at(struct role looker, struct role looked_at)
{
	struct look look = {0};
	struct child child = child_start(player_body, &looked_at);
	struct looker argument = {.role = looker, .pid = child.pid};

	if (geteuid() || !child_is_ready(&child)) {
		child_end(&child);
		skip(); /* not root, or not permitted here */
	}
	struct child other = child_start(look_body, &argument);
	bool told = child_read(&other, &look, sizeof(look));
	child_join(&other);
	child_end(&child);
	if (!told)
		skip();
	return look;
}

static void assert_refused(const struct look *look, enum gospy_access_verdict verdict,
			   const char *in_reason)
{
	if (look->verdict != verdict || !strstr(look->reason, in_reason))
		fail_msg("verdict %d: %s", (int)look->verdict, look->reason);
	assert_false(look->opened);
	assert_int_equal(look->open_code, GOSPY_ERROR_PERMISSION);
	assert_false(look->can_read_vm || look->can_read_mem || look->can_ptrace);
	assert_true(look->remedy[0] != 0);
}

static void assert_granted(const struct look *look)
{
	if (look->verdict != GOSPY_ACCESS_GRANTED)
		fail_msg("verdict %d: %s", (int)look->verdict, look->reason);
	assert_true(look->opened && look->can_read_vm && look->can_read_mem && look->can_ptrace);
	assert_string_equal(look->remedy, "");
}

static void root_may_look_at_all(void **state)
{
	(void)state;
	const struct role roles[] = {{0},
				     {.uid = USER_A},
				     {.uid = USER_A, .not_dumpable = true},
				     {.new_userns = true},
				     {.uid = USER_A, .new_userns = true}};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		struct look look = look_at((struct role){0}, roles[i]);
		assert_granted(&look);
	}
}

/* Where Yama is, nobody but a parent may: then that is the answer. */
static void a_user_may_look_at_their_own(void **state)
{
	(void)state;
	struct look look = look_at((struct role){.uid = USER_A}, (struct role){.uid = USER_A});

	if (look.verdict == GOSPY_ACCESS_YAMA)
		skip();
	assert_granted(&look);
}

static void a_user_may_not_look_at_others(void **state)
{
	(void)state;
	struct look look = look_at((struct role){.uid = USER_A}, (struct role){.uid = USER_B});

	assert_refused(&look, GOSPY_ACCESS_USER, "uid 65531 gid 65531, gospy runs as uid 65530");
	look = look_at((struct role){.uid = USER_A}, (struct role){0});
	assert_refused(&look, GOSPY_ACCESS_USER, "belongs to uid 0 ");
}

static void the_capability_opens_the_way(void **state)
{
	(void)state;
	const struct role capable = {.uid = USER_A, .capabilities = CAPABILITY(CAP_SYS_PTRACE)};
	const struct role roles[] = {{.uid = USER_B}, {.uid = USER_A, .not_dumpable = true}};

	for (size_t i = 0; i < 2; i++) {
		struct look look = look_at(capable, roles[i]);
		assert_int_equal(look.verdict, GOSPY_ACCESS_GRANTED);
		assert_true(look.opened && look.can_read_vm && look.can_ptrace);
		/* The file is another user's: that needs CAP_DAC_OVERRIDE on top. */
		assert_false(look.can_read_mem);
	}
}

static void not_everything_is_dumpable(void **state)
{
	(void)state;
	struct look look = look_at((struct role){.uid = USER_A},
				   (struct role){.uid = USER_A, .not_dumpable = true});

	assert_refused(&look, GOSPY_ACCESS_DUMPABLE, "of uid 65530 is not dumpable");
}

static void more_capabilities_are_an_obstacle(void **state)
{
	(void)state;
	struct role bind = {.uid = USER_A, .capabilities = CAPABILITY(CAP_NET_BIND_SERVICE)};
	struct look look = look_at((struct role){.uid = USER_A}, bind);

	assert_refused(&look, GOSPY_ACCESS_CAPABILITIES,
		       "has cap_net_bind_service that gospy lacks");
	look = look_at(bind, bind);
	if (look.verdict != GOSPY_ACCESS_YAMA)
		assert_granted(&look);
}

static void capabilities_end_at_the_user_namespace(void **state)
{
	(void)state;
	struct look look = look_at((struct role){.new_userns = true}, (struct role){0});

	assert_refused(&look, GOSPY_ACCESS_USER_NAMESPACE, "user namespace");
	look = look_at((struct role){.new_userns = true}, (struct role){.new_userns = true});
	assert_refused(&look, GOSPY_ACCESS_USER_NAMESPACE, "user namespace");
	/* Who made a namespace has every capability in it. */
	look = look_at((struct role){.uid = USER_A},
		       (struct role){.uid = USER_A, .new_userns = true});
	assert_granted(&look);
}

static void proc_may_hide_processes(void **state)
{
	(void)state;
	struct look look = look_at((struct role){.uid = USER_A, .hide_pids = true},
				   (struct role){.uid = USER_B});

	assert_refused(&look, GOSPY_ACCESS_NO_PROC, "hides it from uid 65530");
}

static void a_filter_may_leave_only_reading(void **state)
{
	(void)state;
	struct look look = look_at((struct role){.no_ptrace = true}, (struct role){0});

	assert_int_equal(look.verdict, GOSPY_ACCESS_SECCOMP);
	assert_true(look.opened && look.can_read_vm && look.can_read_mem);
	assert_false(look.can_ptrace);
}

static enum gospy_access_verdict verdict_on(pid_t pid)
{
	_cleanup_(gospy_access_deinit) struct gospy_access access = {0};

	assert_ok(gospy_access_check(pid, &access));
	return access.verdict;
}

static void names_what_is_no_process(void **state)
{
	(void)state;
	struct role role = {0};
	struct child child = child_start(player_body, &role);
	pid_t pid = child.pid;

	assert_true(child_is_ready(&child));
	kill(pid, SIGKILL);
	assert_true(reaches_state(pid, pid, 'Z'));
	assert_int_equal(verdict_on(pid), GOSPY_ACCESS_ZOMBIE);
	child_end(&child);
	assert_int_equal(verdict_on(pid), GOSPY_ACCESS_NO_PROCESS);
	assert_int_equal(verdict_on(0), GOSPY_ACCESS_NO_PROCESS);
	assert_int_equal(verdict_on(-1), GOSPY_ACCESS_NO_PROCESS);
}

static void *wait_for_byte(void *argument)
{
	char byte;

	return read(*(int *)argument, &byte, 1) == 1 ? argument : NULL;
}

static void names_threads(void **state)
{
	(void)state;
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};
	_cleanup_target_ struct gospy_target *target = NULL;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_byte, &fds[0]), 0);
	assert_ok(gospy_live_open(getpid(), &target));
	assert_ok(gospy_target_threads(target, &threads));
	for (size_t i = 0; i < threads.size; i++)
		assert_int_equal(verdict_on(threads.data[i].tid),
				 threads.data[i].tid == getpid() ? GOSPY_ACCESS_GRANTED
								 : GOSPY_ACCESS_NO_PROCESS);
	assert_true(threads.size >= 2);
	assert_int_equal(write(fds[1], "x", 1), 1);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
}

static void trace_body(struct child_pipes pipes, void *argument)
{
	const pid_t *pid = argument;

	if (ptrace(PTRACE_SEIZE, *pid, NULL, NULL))
		_exit(1);
	child_ready_and_wait(pipes);
}

static void names_the_tracer(void **state)
{
	(void)state;
	_cleanup_(gospy_access_deinit) struct gospy_access access = {0};
	struct role role = {0};
	struct child child = child_start(player_body, &role);

	assert_true(child_is_ready(&child));
	struct child tracer = child_start(trace_body, &child.pid);
	assert_true(child_is_ready(&tracer));
	assert_ok(gospy_access_check(child.pid, &access));
	assert_int_equal(access.verdict, GOSPY_ACCESS_TRACED);
	assert_int_equal(access.tracer, tracer.pid);
	assert_true(access.can_read_vm && access.can_read_mem);
	assert_false(access.can_ptrace);
	assert_non_null(strstr(access.reason, "test_access"));
	child_end(&tracer);
	child_end(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_may_look_at_all),
		cmocka_unit_test(a_user_may_look_at_their_own),
		cmocka_unit_test(a_user_may_not_look_at_others),
		cmocka_unit_test(the_capability_opens_the_way),
		cmocka_unit_test(not_everything_is_dumpable),
		cmocka_unit_test(more_capabilities_are_an_obstacle),
		cmocka_unit_test(capabilities_end_at_the_user_namespace),
		cmocka_unit_test(proc_may_hide_processes),
		cmocka_unit_test(a_filter_may_leave_only_reading),
		cmocka_unit_test(names_what_is_no_process),
		cmocka_unit_test(names_threads),
		cmocka_unit_test(names_the_tracer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
