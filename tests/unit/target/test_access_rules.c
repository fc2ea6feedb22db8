/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>

#include "assert_error.h"
#include "linux/access_rules.h"

#define SYS_PTRACE (UINT64_C(1) << GOSPY_CAP_SYS_PTRACE)

static struct gospy_credentials user(uint64_t id, uint64_t capabilities)
{
	return (struct gospy_credentials){.uid = {id, id, id, id},
					  .gid = {id, id, id, id},
					  .effective = capabilities,
					  .permitted = capabilities};
}

/* Process 7 of uid 1000, looked at by uid 1000, without privilege, Yama or filter: refused. */
static struct gospy_access_facts refused(void)
{
	return (struct gospy_access_facts){
		.pid = 7,
		.tgid = 7,
		.have_proc = true,
		.exists = true,
		.visible = true,
		.own = user(1000, 0),
		.its = user(1000, 0),
		.yama_scope = -1,
		.vm_errnum = EPERM,
		.mem_errnum = EACCES,
	};
}

static void check(const struct gospy_access_facts *facts, enum gospy_access_verdict verdict,
		  const char *in_reason, const char *remedy)
{
	_cleanup_(gospy_access_deinit) struct gospy_access access = {0};

	assert_ok(gospy_access_judge(facts, &access));
	if (access.verdict != verdict || !strstr(access.reason, in_reason) ||
	    strcmp(access.remedy, remedy))
		fail_msg("verdict %d, \"%s\", \"%s\"", (int)access.verdict, access.reason,
			 access.remedy);
	/* One sentence, one line. */
	assert_null(strchr(access.reason, '\n'));
	assert_null(strchr(access.remedy, '\n'));
	assert_int_not_equal(access.reason[strlen(access.reason) - 1], '.');
}

static void the_process_is_there_at_all(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.have_proc = false;
	check(&facts, GOSPY_ACCESS_NO_PROC, "not mounted", "sudo mount -t proc proc /proc");
	facts = refused();
	facts.visible = false;
	check(&facts, GOSPY_ACCESS_NO_PROC, "process 7 exists, but /proc hides it from uid 1000",
	      "sudo mount -o remount,hidepid=0 /proc");
	facts.exists = false;
	check(&facts, GOSPY_ACCESS_NO_PROCESS, "there is no process 7", "gospy ps");
	facts = refused();
	facts.tgid = 5;
	check(&facts, GOSPY_ACCESS_NO_PROCESS, "thread of process 5", "gospy doctor 5");
	facts = refused();
	facts.zombie = true;
	check(&facts, GOSPY_ACCESS_ZOMBIE, "zombie", "");
	facts.kernel_thread = true;
	check(&facts, GOSPY_ACCESS_KERNEL_THREAD, "kernel thread", "");
}

static void another_user(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.own = user(1001, 0);
	check(&facts, GOSPY_ACCESS_USER,
	      "process 7 belongs to uid 1000 gid 1000, gospy runs as uid 1001 gid 1001",
	      "sudo gospy doctor 7");
	/* One saved group id is enough to be another user. */
	facts = refused();
	facts.its.gid[2] = 5;
	check(&facts, GOSPY_ACCESS_USER, "gid 1000", "sudo gospy doctor 7");
	facts.in_container = true;
	check(&facts, GOSPY_ACCESS_USER, "uid 1000",
	      "docker run --rm -it --pid=container:CONTAINER --cap-add=SYS_PTRACE IMAGE_WITH_GOSPY "
	      "gospy doctor 7");
	facts.kubernetes = true;
	check(&facts, GOSPY_ACCESS_USER, "uid 1000",
	      "kubectl debug -it POD --image=IMAGE_WITH_GOSPY --target=CONTAINER "
	      "--profile=sysadmin -- gospy doctor 7");
}

static void another_user_namespace(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.own = user(0, SYS_PTRACE);
	facts.userns = GOSPY_USERNS_OTHER;
	check(&facts, GOSPY_ACCESS_USER_NAMESPACE, "CAP_SYS_PTRACE does not count",
	      "sudo nsenter --user --target 7 gospy doctor 7");
	/* The same user on the outside, and still not below. */
	facts.own = user(1000, 0);
	check(&facts, GOSPY_ACCESS_USER_NAMESPACE, "has no CAP_SYS_PTRACE",
	      "sudo nsenter --user --target 7 gospy doctor 7");
}

static void not_dumpable(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.not_dumpable = true;
	check(&facts, GOSPY_ACCESS_DUMPABLE, "process 7 of uid 1000 is not dumpable",
	      "sudo gospy doctor 7");
}

static void more_capabilities(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.its.permitted = 0x400;
	check(&facts, GOSPY_ACCESS_CAPABILITIES,
	      "process 7 has cap_net_bind_service that gospy lacks",
	      "sudo setcap cap_sys_ptrace+ep \"$(command -v gospy)\"");
	/* Those that we have as well are no obstacle. */
	facts.own.permitted = 0x400;
	facts.yama_scope = 1;
	check(&facts, GOSPY_ACCESS_YAMA, "", "sudo sysctl kernel.yama.ptrace_scope=0");
	facts.its.permitted = 0xc00;
	check(&facts, GOSPY_ACCESS_CAPABILITIES, "process 7 has cap_net_broadcast that",
	      "sudo setcap cap_sys_ptrace+ep \"$(command -v gospy)\"");
	/* Several, and one newer than this code. */
	facts.its.permitted = UINT64_C(0x120000000c00);
	check(&facts, GOSPY_ACCESS_CAPABILITIES, "cap_net_broadcast and 2 more capabilities that",
	      "sudo setcap cap_sys_ptrace+ep \"$(command -v gospy)\"");
	facts.its.permitted = UINT64_C(1) << 63;
	check(&facts, GOSPY_ACCESS_CAPABILITIES, "process 7 has capability 63 that",
	      "sudo setcap cap_sys_ptrace+ep \"$(command -v gospy)\"");
}

static void yama(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.yama_scope = 1;
	check(&facts, GOSPY_ACCESS_YAMA, "ptrace_scope is 1: only a parent may trace",
	      "sudo sysctl kernel.yama.ptrace_scope=0");
	facts.descendant = true;
	check(&facts, GOSPY_ACCESS_LSM, "", "sudo dmesg | grep -i -e apparmor -e avc");
	facts.yama_scope = 2;
	check(&facts, GOSPY_ACCESS_YAMA, "ptrace_scope is 2",
	      "sudo sysctl kernel.yama.ptrace_scope=0");
	facts.capable = true;
	check(&facts, GOSPY_ACCESS_LSM, "", "sudo dmesg | grep -i -e apparmor -e avc");
	facts.yama_scope = 3;
	check(&facts, GOSPY_ACCESS_YAMA, "nobody may trace until a reboot",
	      "echo kernel.yama.ptrace_scope=1 | sudo tee /etc/sysctl.d/99-gospy.conf && sudo "
	      "reboot");
}

static void our_own_filter(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	facts.own_vm_errnum = EPERM;
	facts.seccomp_mode = 2;
	facts.in_container = true;
	check(&facts, GOSPY_ACCESS_SECCOMP, "seccomp filter (mode 2) that refuses process_vm_readv",
	      "docker run --rm -it --pid=container:CONTAINER --security-opt seccomp=unconfined "
	      "IMAGE_WITH_GOSPY gospy doctor 7");
	/* ptrace alone: reading works all the same. */
	facts.vm_errnum = facts.own_vm_errnum = 0;
	facts.own_ptrace_errnum = EPERM;
	check(&facts, GOSPY_ACCESS_SECCOMP,
	      "refuses ptrace: the process can be read, but not stopped",
	      "docker run --rm -it --pid=container:CONTAINER --security-opt seccomp=unconfined "
	      "IMAGE_WITH_GOSPY gospy doctor 7");
}

static void a_security_module(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	_cleanup_(gospy_access_deinit) struct gospy_access access = {0};
	assert_ok(gospy_access_judge(&facts, &access));
	assert_null(strstr(access.reason, "label"));
	snprintf(facts.label, sizeof(facts.label), "docker-default (enforce)");
	snprintf(facts.own_label, sizeof(facts.own_label), "unconfined");
	check(&facts, GOSPY_ACCESS_LSM,
	      "its label \"docker-default (enforce)\", ours \"unconfined\"",
	      "sudo dmesg | grep -i -e apparmor -e avc");
	snprintf(facts.own_label, sizeof(facts.own_label), "user_u:user_r:user_t:s0");
	check(&facts, GOSPY_ACCESS_LSM, "user_t", "sudo setsebool -P deny_ptrace off");
	facts.in_container = facts.kubernetes = true;
	check(&facts, GOSPY_ACCESS_LSM, "user_t",
	      "kubectl debug -it POD --image=IMAGE_WITH_GOSPY --target=CONTAINER "
	      "--profile=sysadmin -- gospy doctor 7");
}

static void check_ways(const struct gospy_access_facts *facts, bool vm, bool mem, bool ptrace)
{
	_cleanup_(gospy_access_deinit) struct gospy_access access = {0};

	assert_ok(gospy_access_judge(facts, &access));
	assert_int_equal(access.can_read_vm, vm);
	assert_int_equal(access.can_read_mem, mem);
	assert_int_equal(access.can_ptrace, ptrace);
	assert_int_equal(access.tracer, facts->tracer);
}

static void says_which_ways_work(void **state)
{
	(void)state;
	struct gospy_access_facts facts = refused();

	check_ways(&facts, false, false, false);
	facts.vm_errnum = facts.mem_errnum = 0;
	check_ways(&facts, true, true, true);
	check(&facts, GOSPY_ACCESS_GRANTED, "process_vm_readv", "");
	facts.vm_errnum = ENOSYS;
	check_ways(&facts, false, true, true);
	check(&facts, GOSPY_ACCESS_GRANTED, "/proc/PID/mem", "");
	facts.vm_errnum = 0;
	facts.tracer = 99;
	snprintf(facts.tracer_name, sizeof(facts.tracer_name), "strace");
	check_ways(&facts, true, true, false);
	check(&facts, GOSPY_ACCESS_TRACED, "process 7 is traced by process 99 (strace)",
	      "gospy dump --stop=none 7");
	facts.tracer = 0;
	facts.is_self = true;
	check_ways(&facts, true, true, false);
	facts.is_self = false;
	facts.zombie = true;
	check_ways(&facts, false, false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_process_is_there_at_all),
		cmocka_unit_test(another_user),
		cmocka_unit_test(another_user_namespace),
		cmocka_unit_test(not_dumpable),
		cmocka_unit_test(more_capabilities),
		cmocka_unit_test(yama),
		cmocka_unit_test(our_own_filter),
		cmocka_unit_test(a_security_module),
		cmocka_unit_test(says_which_ways_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
