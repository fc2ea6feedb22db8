/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gospy/text.h>

#include "access_rules.h"

enum { ID_REAL, ID_EFFECTIVE, ID_SAVED, ID_FILE_SYSTEM };

/** The texts of a verdict while they are made. */
struct verdict {
	enum gospy_access_verdict verdict;
	char *reason;
	char *remedy;
};

static void cleanup_verdict(struct verdict *verdict)
{
	free(verdict->reason);
	free(verdict->remedy);
}

/* An ephemeral container shares the pod's processes; the sysadmin profile makes it privileged. */
#define KUBECTL_DEBUG                                                                              \
	"kubectl debug -it POD --image=IMAGE_WITH_GOSPY --target=CONTAINER --profile=sysadmin -- " \
	"gospy doctor "

/* The way to the capability that overrides nearly every rule: CAP_SYS_PTRACE. */
static char *remedy_privilege(const struct gospy_access_facts *facts, const char *docker_option)
{
	int pid = (int)facts->pid;

	if (facts->in_container && facts->kubernetes)
		return gospy_text_format(KUBECTL_DEBUG "%d", pid);
	if (facts->in_container)
		return gospy_text_format(
			"docker run --rm -it --pid=container:CONTAINER %s IMAGE_WITH_GOSPY "
			"gospy doctor %d",
			docker_option, pid);
	if (facts->kubernetes)
		return gospy_text_format("sudo gospy doctor %d  # or from afar: " KUBECTL_DEBUG "1",
					 pid);
	return gospy_text_format("sudo gospy doctor %d", pid);
}

static const char *no_capability(const struct gospy_access_facts *facts)
{
	return facts->own.effective >> GOSPY_CAP_SYS_PTRACE & 1 ? "CAP_SYS_PTRACE does not reach it"
								: "gospy has no CAP_SYS_PTRACE";
}

static struct verdict no_proc(const struct gospy_access_facts *facts)
{
	if (!facts->have_proc)
		return (struct verdict){GOSPY_ACCESS_NO_PROC,
					gospy_text_format("/proc is not mounted"),
					gospy_text_format("sudo mount -t proc proc /proc")};
	return (struct verdict){
		GOSPY_ACCESS_NO_PROC,
		gospy_text_format("process %d exists, but /proc hides it from uid %llu (mount "
				  "option hidepid)",
				  (int)facts->pid,
				  (unsigned long long)facts->own.uid[ID_FILE_SYSTEM]),
		gospy_text_format("sudo mount -o remount,hidepid=0 /proc")};
}

static struct verdict no_process(const struct gospy_access_facts *facts)
{
	if (facts->exists)
		return (struct verdict){
			GOSPY_ACCESS_NO_PROCESS,
			gospy_text_format("%d is no process but a thread of process %d",
					  (int)facts->pid, (int)facts->tgid),
			gospy_text_format("gospy doctor %d", (int)facts->tgid)};
	return (struct verdict){GOSPY_ACCESS_NO_PROCESS,
				gospy_text_format("there is no process %d", (int)facts->pid),
				gospy_text_format("gospy ps")};
}

static struct verdict granted(const struct gospy_access_facts *facts)
{
	const char *way = facts->vm_errnum ? "/proc/PID/mem (process_vm_readv is refused)"
					   : "process_vm_readv";

	return (struct verdict){
		GOSPY_ACCESS_GRANTED,
		gospy_text_format("process %d can be read through %s", (int)facts->pid, way),
		gospy_text_format("%s", "")};
}

static struct verdict traced(const struct gospy_access_facts *facts)
{
	return (struct verdict){
		GOSPY_ACCESS_TRACED,
		gospy_text_format(
			"process %d is traced by process %d (%s): it can be read, but not stopped",
			(int)facts->pid, (int)facts->tracer, facts->tracer_name),
		gospy_text_format("gospy dump --stop=none %d", (int)facts->pid)};
}

static struct verdict seccomp(const struct gospy_access_facts *facts)
{
	bool readable = !facts->vm_errnum || !facts->mem_errnum;

	return (struct verdict){
		GOSPY_ACCESS_SECCOMP,
		gospy_text_format(
			"gospy itself runs under a seccomp filter (mode %d) that refuses %s%s",
			facts->seccomp_mode,
			facts->own_vm_errnum ? facts->own_ptrace_errnum
						       ? "process_vm_readv and ptrace"
						       : "process_vm_readv"
					     : "ptrace",
			readable ? ": the process can be read, but not stopped" : ""),
		remedy_privilege(facts, "--security-opt seccomp=unconfined")};
}

/* The same user by all ids: real, effective and saved of the target against our one. */
static bool same_ids(const struct gospy_access_facts *facts, int own)
{
	for (int i = ID_REAL; i <= ID_SAVED; i++)
		if (facts->its.uid[i] != facts->own.uid[own] ||
		    facts->its.gid[i] != facts->own.gid[own])
			return false;
	return true;
}

static struct verdict other_user(const struct gospy_access_facts *facts)
{
	return (struct verdict){
		GOSPY_ACCESS_USER,
		gospy_text_format("process %d belongs to uid %llu gid %llu, gospy runs as uid %llu "
				  "gid %llu and "
				  "has no CAP_SYS_PTRACE",
				  (int)facts->pid, (unsigned long long)facts->its.uid[ID_EFFECTIVE],
				  (unsigned long long)facts->its.gid[ID_EFFECTIVE],
				  (unsigned long long)facts->own.uid[ID_FILE_SYSTEM],
				  (unsigned long long)facts->own.gid[ID_FILE_SYSTEM]),
		remedy_privilege(facts, "--cap-add=SYS_PTRACE")};
}

static struct verdict other_namespace(const struct gospy_access_facts *facts)
{
	char *remedy =
		facts->in_container
			? remedy_privilege(facts, "--userns=host --cap-add=SYS_PTRACE")
			: gospy_text_format("sudo nsenter --user --target %d gospy doctor %d",
					    (int)facts->pid, (int)facts->pid);

	return (struct verdict){GOSPY_ACCESS_USER_NAMESPACE,
				gospy_text_format("process %d (uid %llu) lives in a user namespace "
						  "that is not below gospy's, "
						  "where %s",
						  (int)facts->pid,
						  (unsigned long long)facts->its.uid[ID_EFFECTIVE],
						  facts->own.effective >> GOSPY_CAP_SYS_PTRACE & 1
							  ? "gospy's CAP_SYS_PTRACE does not count"
							  : "gospy has no CAP_SYS_PTRACE"),
				remedy};
}

static struct verdict not_dumpable(const struct gospy_access_facts *facts)
{
	return (struct verdict){
		GOSPY_ACCESS_DUMPABLE,
		gospy_text_format(
			"process %d of uid %llu is not dumpable (its /proc files belong to root: "
			"set-id, "
			"file capabilities, an unreadable executable or prctl), and %s",
			(int)facts->pid, (unsigned long long)facts->its.uid[ID_EFFECTIVE],
			no_capability(facts)),
		remedy_privilege(facts, "--cap-add=SYS_PTRACE")};
}

/* linux/capability.h, by number. */
static const char *const capability_names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};
#define NUM_CAPABILITIES (sizeof(capability_names) / sizeof(capability_names[0]))

/* "cap_kill and 3 more". */
static void name_capabilities(uint64_t set, char *buffer, size_t size)
{
	unsigned int first = (unsigned int)__builtin_ctzll(set);
	int more = __builtin_popcountll(set) - 1, n;

	if (first < NUM_CAPABILITIES)
		n = snprintf(buffer, size, "cap_%s", capability_names[first]);
	else
		n = snprintf(buffer, size, "capability %u", first);
	if (more && n > 0 && (size_t)n < size)
		snprintf(buffer + n, size - (size_t)n, " and %d more capabilities", more);
}

static struct verdict capabilities(const struct gospy_access_facts *facts, uint64_t missing)
{
	char names[96];

	name_capabilities(missing, names, sizeof(names));
	return (struct verdict){
		GOSPY_ACCESS_CAPABILITIES,
		gospy_text_format("process %d has %s that gospy lacks, and %s", (int)facts->pid,
				  names, no_capability(facts)),
		facts->in_container || !facts->own.uid[ID_FILE_SYSTEM]
			? remedy_privilege(facts, "--cap-add=SYS_PTRACE")
			: gospy_text_format(
				  "sudo setcap cap_sys_ptrace+ep \"$(command -v gospy)\"")};
}

static struct verdict yama(const struct gospy_access_facts *facts)
{
	static const char *const meanings[] = {"anybody may trace", "only a parent may trace",
					       "only CAP_SYS_PTRACE may trace",
					       "nobody may trace until a reboot"};

	return (struct verdict){
		GOSPY_ACCESS_YAMA,
		gospy_text_format("kernel.yama.ptrace_scope is %d: %s", facts->yama_scope,
				  facts->yama_scope <= 3 ? meanings[facts->yama_scope]
							 : "unknown level"),
		facts->yama_scope >= 3
			? gospy_text_format("echo kernel.yama.ptrace_scope=1 | sudo tee "
					    "/etc/sysctl.d/99-gospy.conf && sudo reboot")
			: gospy_text_format("sudo sysctl kernel.yama.ptrace_scope=0")};
}

static struct verdict security_module(const struct gospy_access_facts *facts)
{
	bool selinux = strchr(facts->own_label, ':') != NULL;
	char *remedy;

	if (facts->in_container || facts->kubernetes)
		remedy = remedy_privilege(facts, selinux ? "--security-opt label=disable"
							 : "--security-opt apparmor=unconfined");
	else
		remedy = selinux ? gospy_text_format("sudo setsebool -P deny_ptrace off")
				 : gospy_text_format("sudo dmesg | grep -i -e apparmor -e avc");
	/* Of no module of the two there is no label. */
	_cleanup_free_ char *labels = gospy_text_format(" (its label \"%s\", ours \"%s\")",
							facts->label, facts->own_label);
	bool any = labels && (*facts->label || *facts->own_label);
	return (struct verdict){
		GOSPY_ACCESS_LSM,
		gospy_text_format(
			"nothing else forbids a look at process %d, yet the kernel refuses (%s): a "
			"security module does, as AppArmor, SELinux or Landlock%s",
			(int)facts->pid, strerror(facts->vm_errnum), any ? labels : ""),
		remedy};
}

/* What refuses every way in, in the order in which the kernel asks. */
static struct verdict find_obstacle(const struct gospy_access_facts *facts)
{
	bool have_capability = facts->own.effective >> GOSPY_CAP_SYS_PTRACE & 1;
	uint64_t missing = facts->its.permitted & ~facts->own.permitted;

	if (!facts->capable) {
		if (!same_ids(facts, ID_REAL) && !same_ids(facts, ID_FILE_SYSTEM))
			return have_capability ? other_namespace(facts) : other_user(facts);
		if (facts->not_dumpable)
			return not_dumpable(facts);
		if (facts->userns != GOSPY_USERNS_SAME)
			return other_namespace(facts);
		if (missing)
			return capabilities(facts, missing);
	}
	if (facts->yama_scope >= 3 || (facts->yama_scope == 2 && !facts->capable) ||
	    (facts->yama_scope == 1 && !facts->capable && !facts->descendant))
		return yama(facts);
	if (facts->own_vm_errnum)
		return seccomp(facts);
	return security_module(facts);
}

static struct verdict judge(const struct gospy_access_facts *facts)
{
	if (!facts->have_proc || (facts->exists && !facts->visible))
		return no_proc(facts);
	if (!facts->exists || facts->tgid != facts->pid)
		return no_process(facts);
	if (facts->kernel_thread)
		return (struct verdict){
			GOSPY_ACCESS_KERNEL_THREAD,
			gospy_text_format("process %d is a kernel thread: it has no memory of "
					  "its own",
					  (int)facts->pid),
			gospy_text_format("%s", "")};
	if (facts->zombie || facts->vm_errnum == ESRCH)
		return (struct verdict){
			GOSPY_ACCESS_ZOMBIE,
			gospy_text_format("process %d has ended already and waits for its "
					  "parent to take note (zombie)",
					  (int)facts->pid),
			gospy_text_format("%s", "")};
	if (facts->vm_errnum && facts->mem_errnum)
		return find_obstacle(facts);
	if (facts->tracer)
		return traced(facts);
	return facts->own_ptrace_errnum ? seccomp(facts) : granted(facts);
}

struct gospy_error *gospy_access_judge(const struct gospy_access_facts *facts,
				       struct gospy_access *ret)
{
	_cleanup_(cleanup_verdict) struct verdict verdict = judge(facts);
	bool there = verdict.verdict == GOSPY_ACCESS_GRANTED ||
		     verdict.verdict > GOSPY_ACCESS_KERNEL_THREAD;

	if (!verdict.reason || !verdict.remedy)
		return &gospy_enomem;
	*ret = (struct gospy_access){
		.verdict = verdict.verdict,
		.reason = take_ptr(verdict.reason),
		.remedy = take_ptr(verdict.remedy),
		.can_read_vm = there && !facts->vm_errnum,
		.can_read_mem = there && !facts->mem_errnum,
		.can_ptrace = there && (!facts->vm_errnum || !facts->mem_errnum) &&
			      !facts->tracer && !facts->own_ptrace_errnum && !facts->is_self,
		.tracer = facts->tracer,
	};
	return NULL;
}
