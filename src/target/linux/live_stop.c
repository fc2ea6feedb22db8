/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include <gospy/clock.h>
#include <gospy/limits.h>
#include <gospy/map.h>

#include "live_process.h"
#include "proc.h"
#include "registers.h"
#include "tracer.h"

/** A thread that has not stopped after so long without any other stopping is given up. */
#define PATIENCE_NS UINT64_C(1000000000)
/** Where threads are born faster than they can be caught. */
#define MAX_STOP_NS UINT64_C(5000000000)
/** How long another tracer is waited for. */
#define TRACED_PATIENCE_NS UINT64_C(200000000)
/** Without progress for so long, look for threads that died in ways no wait reports. */
#define QUIET_NS UINT64_C(2000000)
/** The round of back_off() from which on it sleeps. */
#define BACK_OFF_SLEEP 4
/** Passes that find nothing new, but fewer threads than the kernel counts. */
#define MAX_SHORT_PASSES 8

enum tracee_state {
	/** Seized, may run. */
	TRACEE_SEIZED,
	/** Seized and asked to stop. */
	TRACEE_INTERRUPTED,
	TRACEE_STOPPED,
	/** It ended, or is no longer ours. Its number may come back. */
	TRACEE_GONE,
};

struct tracee {
	pid_t tid;
	enum tracee_state state;
	/** The signal that was about to be delivered when it stopped, and must be on detaching; 0
	 * for none. */
	int signal;
	/** It ended, but the tracer has still to let go of what is left of it. */
	bool left_over;
	/** Why there are no registers: 0, or an errno value. */
	int registers_errnum;
	struct gospy_registers registers;
};
GOSPY_VEC(tracee_vec, struct tracee);

struct gospy_hold {
	const struct gospy_live *live;
	struct tracee_vec tracees;
	/** From tid to index in `tracees`. */
	struct gospy_map index;
	/** CLOCK_MONOTONIC before the first thread was asked to stop; 0 before that. */
	uint64_t started_ns;
	/** It failed because somebody else traces a thread. */
	bool traced;
};

static void free_hold(struct gospy_hold *hold)
{
	if (!hold)
		return;
	tracee_vec_deinit(&hold->tracees);
	gospy_map_deinit(&hold->index);
	free(hold);
}

static int detach(const struct tracee *tracee)
{
	return ptrace(PTRACE_DETACH, tracee->tid, NULL, (void *)(intptr_t)tracee->signal) ? errno
											  : 0;
}

/*
 * Takes note of the end of `tracee`: until somebody does it stays a zombie, and its process with
 * it. The end of the first thread is the end of the process, which is its parent's to see. Where
 * that is ourselves nothing may be consumed here; the end of the tracer then hands it over.
 */
static void reap(const struct gospy_live *live, struct tracee *tracee)
{
	struct gospy_proc_stat stat = {.parent = getpid()};
	siginfo_t info;

	tracee->state = TRACEE_GONE;
	tracee->left_over =
		tracee->tid == live->pid &&
		(gospy_proc_stat(live->proc_fd, "stat", &stat) || stat.parent == getpid());
	if (!tracee->left_over)
		waitid(P_PID, (id_t)tracee->tid, &info, WEXITED | WNOHANG | __WALL);
}

static bool is_end(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED || info->si_code == CLD_KILLED ||
	       info->si_code == CLD_DUMPED;
}

/*
 * Looks whether `tracee` stopped or ended. The status of a stop is left in place (WNOWAIT): with it
 * the kernel would forget the signal that a stop before delivery holds back, and if we are killed
 * while we hold the thread, that signal is delivered only if it is still there. To a Go program a
 * lost SIGURG would mean a thread that is never preempted again (runtime/signal_unix.go, preemptM
 * and signalPending, Go 1.14 and later).
 */
static bool poll_tracee(const struct gospy_live *live, struct tracee *tracee)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)tracee->tid, &info,
		   WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL)) {
		if (errno == EINTR)
			return false;
		tracee->state = TRACEE_GONE;
		return true;
	}
	if (!info.si_pid)
		return false;
	if (is_end(&info)) {
		reap(live, tracee);
	} else {
		/* The high byte: an event, only ever PTRACE_EVENT_STOP. Else a signal held back. */
		tracee->signal = info.si_status >> 8 ? 0 : info.si_status & 0x7f;
		tracee->state = TRACEE_STOPPED;
	}
	return true;
}

/* For those that were held already: a kill ends them all the same. */
static void reap_dead(const struct gospy_live *live, struct tracee *tracee)
{
	siginfo_t info = {0};

	/* Stops of a tracee are reported whether asked for or not. */
	if (tracee->state != TRACEE_GONE &&
	    !waitid(P_PID, (id_t)tracee->tid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) &&
	    info.si_pid && is_end(&info))
		reap(live, tracee);
}

static void reap_all(void *context)
{
	struct gospy_hold *hold = context;

	for (size_t i = 0; i < hold->tracees.size; i++)
		reap_dead(hold->live, &hold->tracees.data[i]);
}

/*
 * The same from another thread of ours, while the tracer may be blocked: PTRACE_SEIZE waits for an
 * exec of the target to end, and the exec waits until all threads but the first are reaped
 * (fs/exec.c, de_thread, under cred_guard_mutex; ptrace(2), under "BUGS").
 */
static void reap_for_exec(void *context)
{
	const struct gospy_live *live = context;
	_cleanup_dir_ DIR *dir = gospy_proc_opendir(live->proc_fd, "task");
	pid_t tid;

	while (dir && (tid = gospy_proc_next_pid(dir))) {
		struct tracee tracee = {.tid = tid};
		if (tid != live->pid)
			reap_dead(live, &tracee);
	}
}

static void look_for_dead(struct gospy_hold *hold)
{
	reap_all(hold);
	for (size_t i = 0; i < hold->tracees.size; i++) {
		struct tracee *tracee = &hold->tracees.data[i];
		if (tracee->state == TRACEE_GONE || tracee->state == TRACEE_STOPPED ||
		    !gospy_proc_has_ended(hold->live->proc_fd, tracee->tid))
			continue;
		tracee->state = TRACEE_GONE;
		tracee->left_over = true;
	}
}

enum seizure {
	SEIZURE_DONE,
	/** It just ended. */
	SEIZURE_ENDED,
	/** Refused for a moment: the program is replacing itself (exec). */
	SEIZURE_AGAIN,
	/** Refused because another process traces it; comes with an error. */
	SEIZURE_TRACED,
};

static struct gospy_error *traced_by(const struct gospy_live *live, pid_t tracer)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tracer);
	if (gospy_proc_read_line(AT_FDCWD, path, name, sizeof(name)))
		snprintf(name, sizeof(name), "?");
	return gospy_error_create(GOSPY_ERROR_PERMISSION,
				  "process %d is traced by process %d (%s), and can have only one "
				  "tracer",
				  (int)live->pid, (int)tracer, name);
}

/* What it means that the kernel refused to let us seize `tid`. */
static struct gospy_error *judge_refusal(const struct gospy_live *live, pid_t tid,
					 enum seizure *ret)
{
	_cleanup_(gospy_access_deinit) struct gospy_access found = {0};
	char path[64], status[4096];
	uint64_t tracer = 0;

	*ret = SEIZURE_ENDED;
	if (gospy_proc_has_ended(live->proc_fd, tid) ||
	    gospy_proc_read_small(live->proc_fd, gospy_proc_task_path(path, tid, "status"), status,
				  sizeof(status)))
		return NULL;
	gospy_proc_status_numbers(status, "TracerPid", 10, &tracer, 1);
	/* A thread of ours that execs takes over the number of the first thread. */
	*ret = SEIZURE_DONE;
	if (tracer == (uint64_t)gettid())
		return NULL;
	*ret = SEIZURE_TRACED;
	if (tracer)
		return traced_by(live, (pid_t)tracer);
	*ret = SEIZURE_AGAIN;
	struct gospy_error *err = gospy_access_check(live->pid, &found);
	/* Its first thread may be one that we have seized already. */
	if (err || found.can_ptrace || found.tracer == gettid())
		return err;
	if (found.tracer)
		*ret = SEIZURE_TRACED;
	return gospy_error_create(GOSPY_ERROR_PERMISSION, "%s", found.reason);
}

/* Whether `tid` is now a thread of somebody else: one that just ends is in neither place. */
static bool is_foreign(const struct gospy_live *live, pid_t tid)
{
	char path[64], global_path[64];

	snprintf(global_path, sizeof(global_path), "/proc/%d", (int)tid);
	return faccessat(live->proc_fd, gospy_proc_task_path(path, tid, "stat"), F_OK, 0) &&
	       !access(global_path, F_OK);
}

/*
 * Seizes `tid`, which stops for nothing yet. On failure the tracer has to end, for it may have
 * somebody else's thread.
 */
static struct gospy_error *seize(const struct gospy_live *live, pid_t tid, enum seizure *ret)
{
	if (!ptrace(PTRACE_SEIZE, tid, NULL, NULL)) {
		*ret = SEIZURE_DONE;
		if (!is_foreign(live, tid))
			return NULL;
		return gospy_error_os(EAGAIN,
				      "thread %d of process %d ended and its number was taken by "
				      "another",
				      (int)tid, (int)live->pid);
	}
	*ret = SEIZURE_ENDED;
	if (errno == ESRCH)
		return NULL;
	if (errno == EPERM || errno == EACCES)
		return judge_refusal(live, tid, ret);
	return gospy_error_os(errno, "cannot trace thread %d of process %d", (int)tid,
			      (int)live->pid);
}

/* Waits a little longer each time: first only to let the other side run. */
static void back_off(unsigned int round)
{
	unsigned int shift = round < BACK_OFF_SLEEP ? 0 : round - BACK_OFF_SLEEP;
	struct timespec delay = {.tv_nsec = shift < 6 ? 20000L << shift : 1000000};

	if (round < BACK_OFF_SLEEP)
		sched_yield();
	else
		nanosleep(&delay, NULL);
}

/* Where `tid` is or belongs in the table; NULL without memory. A new one is TRACEE_GONE. */
static struct tracee *tracee_entry(struct gospy_hold *hold, pid_t tid)
{
	uint32_t *index = gospy_map_entry(&hold->index, (uint64_t)tid);

	if (!index)
		return NULL;
	if (*index == GOSPY_MAP_NONE) {
		uint32_t at = (uint32_t)hold->tracees.size;
		struct tracee tracee = {.tid = tid, .state = TRACEE_GONE};
		/* The hold is given up then: an index must be there, but nobody reads it. */
		if (at >= GOSPY_MAX_THREADS || !tracee_vec_append(&hold->tracees, tracee)) {
			*index = 0;
			return NULL;
		}
		*index = at;
	}
	return &hold->tracees.data[*index];
}

static struct gospy_error *seize_new_one(struct gospy_hold *hold, pid_t tid, bool *grown)
{
	struct tracee *tracee = tracee_entry(hold, tid);
	enum seizure seizure;

	if (!tracee)
		return &gospy_enomem;
	if (tracee->state != TRACEE_GONE)
		return NULL;
	struct gospy_error *err = seize(hold->live, tid, &seizure);
	hold->traced = err && seizure == SEIZURE_TRACED;
	if (err || seizure == SEIZURE_ENDED)
		return err;
	if (seizure == SEIZURE_AGAIN)
		back_off(BACK_OFF_SLEEP);
	else
		*tracee = (struct tracee){.tid = tid, .state = TRACEE_SEIZED};
	*grown = true;
	return NULL;
}

/* Threads as the kernel counts them; 0 when unknown. */
static uint64_t count_threads(const struct gospy_live *live)
{
	_cleanup_(gospy_u8_vec_deinit) struct gospy_u8_vec status = {0};
	uint64_t count = 0;

	if (!gospy_proc_read(live->proc_fd, "status", &status))
		gospy_proc_status_numbers((const char *)status.data, "Threads", 10, &count, 1);
	return count;
}

/*
 * One pass over the threads. `*ret_grown`: there were new ones, or ones to be tried again;
 * `*ret_short`: fewer were listed than there are, which happens where some die while the folder is
 * read.
 */
static struct gospy_error *seize_new(struct gospy_hold *hold, bool *ret_grown, bool *ret_short)
{
	_cleanup_dir_ DIR *dir = gospy_proc_opendir(hold->live->proc_fd, "task");
	struct gospy_error *err = NULL;
	uint64_t listed = 0;
	pid_t tid;

	if (!dir)
		return gospy_live_error(hold->live, errno, "the threads");
	*ret_grown = false;
	while (!err && (tid = gospy_proc_next_pid(dir))) {
		listed++;
		err = seize_new_one(hold, tid, ret_grown);
	}
	*ret_short = listed < count_threads(hold->live);
	return err;
}

static void interrupt_new(struct gospy_hold *hold)
{
	if (!hold->started_ns)
		hold->started_ns = gospy_clock_monotonic_ns();
	for (size_t i = 0; i < hold->tracees.size; i++) {
		struct tracee *tracee = &hold->tracees.data[i];
		if (tracee->state != TRACEE_SEIZED)
			continue;
		/* Fails only for one that ended, which the wait finds out. */
		ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
		tracee->state = TRACEE_INTERRUPTED;
	}
}

/* Polls those that have not stopped; one of them, or NULL. */
static const struct tracee *poll_all(struct gospy_hold *hold, bool *ret_progress)
{
	const struct tracee *pending = NULL;

	*ret_progress = false;
	for (size_t i = 0; i < hold->tracees.size; i++) {
		struct tracee *tracee = &hold->tracees.data[i];
		if (tracee->state != TRACEE_INTERRUPTED)
			continue;
		if (poll_tracee(hold->live, tracee))
			*ret_progress = true;
		else
			pending = tracee;
	}
	return pending;
}

static struct gospy_error *stuck(const struct gospy_live *live, pid_t tid)
{
	struct gospy_proc_stat stat = {.state = '?'};
	char path[64];

	if (gospy_proc_stat(live->proc_fd, gospy_proc_task_path(path, tid, "stat"), &stat))
		stat.state = '?';
	return gospy_error_os(EBUSY, "thread %d of process %d (state %c) does not stop", (int)tid,
			      (int)live->pid, stat.state);
}

/* Never a blocking wait: a target that dies may leave no status of the thread that is waited for.
 */
static struct gospy_error *wait_until_stopped(struct gospy_hold *hold)
{
	uint64_t quiet_since = gospy_clock_monotonic_ns();

	for (unsigned int round = 0;; round++) {
		bool progress;
		const struct tracee *pending = poll_all(hold, &progress);
		if (!pending)
			return NULL;
		uint64_t now = gospy_clock_monotonic_ns();
		if (progress) {
			quiet_since = now;
			round = 0;
		}
		if (now - quiet_since > PATIENCE_NS || now - hold->started_ns > MAX_STOP_NS)
			return stuck(hold->live, pending->tid);
		if (now - quiet_since > QUIET_NS)
			look_for_dead(hold);
		back_off(round);
	}
}

/*
 * Reads the registers of all, which also proves that all are held: a thread that execs takes the
 * number of the first one, and a kill takes a thread out of its stop. `*ret_num` are held.
 */
static bool fetch_registers(struct gospy_hold *hold, size_t *ret_num)
{
	bool all_held = true;

	*ret_num = 0;
	for (size_t i = 0; i < hold->tracees.size; i++) {
		struct tracee *tracee = &hold->tracees.data[i];
		if (tracee->state != TRACEE_STOPPED)
			continue;
		tracee->registers_errnum = gospy_registers_fetch(tracee->tid, &tracee->registers);
		if (tracee->registers_errnum == ESRCH) {
			tracee->state = TRACEE_SEIZED;
			all_held = false;
		} else {
			++*ret_num;
		}
	}
	return all_held;
}

/*
 * Whether a pass that found nothing new proves that all are held. Nobody held, while the process is
 * alive: an exec is on its way, whose thread was at no number when the folder was read.
 */
static bool is_held(struct gospy_hold *hold, bool *ret_ended)
{
	size_t num_held;

	*ret_ended = false;
	if (!fetch_registers(hold, &num_held))
		return false;
	*ret_ended = !num_held && !gospy_live_alive(hold->live);
	return num_held || *ret_ended;
}

static struct gospy_error *hold_all(struct gospy_hold *hold)
{
	int short_passes = 0;
	bool ended;

	for (;;) {
		bool grown = false, short_list = false;
		struct gospy_error *err = seize_new(hold, &grown, &short_list);
		if (err)
			return err;
		if (!grown && (!short_list || ++short_passes > MAX_SHORT_PASSES) &&
		    is_held(hold, &ended))
			return ended ? gospy_live_ended(hold->live) : NULL;
		if (!grown)
			back_off(BACK_OFF_SLEEP);
		interrupt_new(hold);
		err = wait_until_stopped(hold);
		if (err)
			return err;
		if (gospy_clock_monotonic_ns() - hold->started_ns > MAX_STOP_NS)
			return gospy_error_os(EBUSY, "process %d changes too fast to be held",
					      (int)hold->live->pid);
	}
}

/* Lets go what is stopped; false where something is left that only the tracer's end lets go. */
static bool let_go(struct gospy_hold *hold)
{
	bool all = true;

	for (size_t i = 0; i < hold->tracees.size; i++) {
		struct tracee *tracee = &hold->tracees.data[i];
		if (tracee->state == TRACEE_STOPPED && !detach(tracee))
			continue;
		if (tracee->state != TRACEE_GONE || tracee->left_over)
			all = false;
	}
	return all;
}

struct stop_job {
	struct gospy_hold *hold;
	struct gospy_error *err;
	bool clean;
};

static void run_stop(void *context)
{
	struct stop_job *job = context;

	job->err = hold_all(job->hold);
	job->clean = !job->err;
	if (job->err)
		let_go(job->hold);
}

static void run_resume(void *context)
{
	struct stop_job *job = context;

	job->clean = let_go(job->hold);
}

static struct gospy_error *need_tracer(struct gospy_live *live)
{
	return live->tracer ? NULL : gospy_tracer_create(&live->tracer);
}

static void end_tracer(struct gospy_live *live)
{
	gospy_tracer_destroy(live->tracer);
	live->tracer = NULL;
}

/* `*ret_traced`: it failed because somebody else traces a thread. */
static struct gospy_error *stop_once(struct gospy_live *live, bool *ret_traced)
{
	*ret_traced = false;
	struct gospy_error *err = need_tracer(live);
	if (err)
		return err;
	struct stop_job job = {.hold = calloc(1, sizeof(*job.hold))};
	if (!job.hold)
		return &gospy_enomem;
	job.hold->live = live;
	gospy_tracer_run(live->tracer, run_stop, &job, reap_for_exec, live);
	if (!job.clean)
		end_tracer(live);
	if (job.err) {
		*ret_traced = job.hold->traced;
		free_hold(job.hold);
		return job.err;
	}
	live->hold = job.hold;
	gospy_tracer_set_idle(live->tracer, reap_all, live->hold);
	return NULL;
}

/*
 * Who traces a thread may be another gospy that has a look at that one: it lets go within
 * microseconds, or, where it stops the whole process, within its capture.
 */
struct gospy_error *gospy_live_stop(struct gospy_target *target)
{
	struct gospy_live *live = gospy_live_of(target);
	uint64_t since = gospy_clock_monotonic_ns();
	struct gospy_error *err = NULL;
	bool traced = true;

	if (live->hold)
		return NULL;
	if (live->pid == getpid())
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED, "gospy cannot stop itself");
	for (unsigned int round = 0;
	     traced && gospy_clock_monotonic_ns() - since < TRACED_PATIENCE_NS; round++) {
		gospy_error_destroy(err);
		if (round)
			back_off(round);
		err = stop_once(live, &traced);
	}
	return err;
}

struct gospy_error *gospy_live_resume(struct gospy_target *target, uint64_t *ret_paused_ns)
{
	struct gospy_live *live = gospy_live_of(target);
	struct stop_job job = {.hold = live->hold};

	if (!live->hold)
		return NULL;
	gospy_tracer_set_idle(live->tracer, NULL, NULL);
	gospy_tracer_run(live->tracer, run_resume, &job, NULL, NULL);
	if (!job.clean)
		end_tracer(live);
	*ret_paused_ns = gospy_clock_monotonic_ns() - live->hold->started_ns;
	free_hold(live->hold);
	live->hold = NULL;
	return NULL;
}

/* The tracee `tid` if it is held; NULL otherwise. */
static const struct tracee *find_held(const struct gospy_live *live, pid_t tid)
{
	uint32_t index =
		live->hold ? gospy_map_get(&live->hold->index, (uint64_t)tid) : GOSPY_MAP_NONE;

	if (index == GOSPY_MAP_NONE || live->hold->tracees.data[index].state != TRACEE_STOPPED)
		return NULL;
	return &live->hold->tracees.data[index];
}

static struct gospy_error *no_registers(pid_t tid, int errnum)
{
	if (errnum == ENOTSUP)
		return gospy_error_create(GOSPY_ERROR_UNSUPPORTED,
					  "the registers of thread %d are not those of a 64-bit "
					  "program of this machine",
					  (int)tid);
	return gospy_error_os(errnum, "cannot read the registers of thread %d", (int)tid);
}

struct gospy_error *gospy_live_registers(struct gospy_target *target, pid_t tid,
					 struct gospy_registers *ret)
{
	const struct tracee *tracee = find_held(gospy_live_of(target), tid);

	if (!tracee)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "thread %d is not held", (int)tid);
	if (tracee->registers_errnum)
		return no_registers(tid, tracee->registers_errnum);
	*ret = tracee->registers;
	return NULL;
}

/** How /proc/PID/task/TID/syscall describes a thread (proc_pid_syscall(5)). */
enum syscall_state {
	SYSCALL_UNKNOWN,
	SYSCALL_RUNNING,
	/** Asleep, but not in a system call. */
	SYSCALL_OUTSIDE,
	SYSCALL_INSIDE,
};

/* Also the whole text, which tells one sleep from another. */
static enum syscall_state read_syscall(const struct gospy_live *live, pid_t tid, char text[256],
				       struct gospy_registers *ret)
{
	unsigned long long sp, pc;
	char path[64];
	int number;

	if (gospy_proc_read_small(live->proc_fd, gospy_proc_task_path(path, tid, "syscall"), text,
				  256))
		return SYSCALL_UNKNOWN;
	if (!strncmp(text, "running", 7))
		return SYSCALL_RUNNING;
	bool inside = sscanf(text, "%d %*x %*x %*x %*x %*x %*x %llx %llx", &number, &sp, &pc) == 3;
	if (!inside && sscanf(text, "%d %llx %llx", &number, &sp, &pc) != 3)
		return SYSCALL_UNKNOWN;
	*ret = (struct gospy_registers){.arch = gospy_registers_arch, .pc = pc, .sp = sp};
	return inside ? SYSCALL_INSIDE : SYSCALL_OUTSIDE;
}

/** What is done with a thread while it is at one place. */
struct look {
	gospy_inspect_fn inspect;
	void *context;
};

struct inspect_job {
	const struct gospy_live *live;
	const struct look *look;
	struct tracee tracee;
	struct gospy_error *err;
	bool clean;
};

static void wait_for_one(const struct gospy_live *live, struct tracee *tracee)
{
	uint64_t since = gospy_clock_monotonic_ns();

	for (unsigned int round = 0; !poll_tracee(live, tracee); round++) {
		if (gospy_clock_monotonic_ns() - since > PATIENCE_NS)
			return;
		back_off(round);
	}
}

static void run_inspect(void *context)
{
	struct inspect_job *job = context;
	struct tracee *tracee = &job->tracee;
	enum seizure seizure;

	tracee->state = TRACEE_GONE;
	job->err = seize(job->live, tracee->tid, &seizure);
	job->clean = !job->err;
	if (job->err || seizure != SEIZURE_DONE)
		return;
	tracee->state = TRACEE_INTERRUPTED;
	ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
	wait_for_one(job->live, tracee);
	if (tracee->state == TRACEE_STOPPED) {
		tracee->registers_errnum = gospy_registers_fetch(tracee->tid, &tracee->registers);
		if (!tracee->registers_errnum)
			job->err = job->look->inspect(job->look->context, &tracee->registers);
		job->clean = !detach(tracee);
	} else {
		job->clean = tracee->state == TRACEE_GONE && !tracee->left_over;
	}
}

/* Holds one thread, and only for as long as it is looked at. */
static struct gospy_error *inspect_held(struct gospy_live *live, pid_t tid, const struct look *look)
{
	struct inspect_job job = {.live = live, .look = look, .tracee = {.tid = tid}};
	struct gospy_error *err = need_tracer(live);

	if (err)
		return err;
	gospy_tracer_run(live->tracer, run_inspect, &job, reap_for_exec, live);
	if (!job.clean)
		end_tracer(live);
	if (job.err)
		return job.err;
	if (job.tracee.state == TRACEE_INTERRUPTED)
		return stuck(live, tid);
	if (job.tracee.state == TRACEE_GONE || job.tracee.registers_errnum == ESRCH)
		return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "thread %d has ended", (int)tid);
	if (job.tracee.registers_errnum)
		return no_registers(tid, job.tracee.registers_errnum);
	return NULL;
}

/*
 * A thread that sleeps, from `at_least` on, need not be held. `*ret_done` is false where it does
 * not, or did not all the while: what was read of it is then of no use.
 */
static struct gospy_error *inspect_asleep(struct gospy_live *live, pid_t tid,
					  enum syscall_state at_least, const struct look *look,
					  bool *ret_done)
{
	char before[256], after[256];
	struct gospy_registers registers, again;

	*ret_done = false;
	if (read_syscall(live, tid, before, &registers) < at_least)
		return NULL;
	struct gospy_error *err = look->inspect(look->context, &registers);
	if (!err)
		*ret_done = read_syscall(live, tid, after, &again) >= at_least &&
			    !strcmp(before, after);
	return err;
}

/* Of this process and no other: the number of a thread is given to the kernel as it is. */
static struct gospy_error *check_thread(const struct gospy_live *live, pid_t tid)
{
	if (tid > 0 && !gospy_proc_has_ended(live->proc_fd, tid))
		return NULL;
	if (!gospy_live_alive(live))
		return gospy_live_ended(live);
	return gospy_error_create(GOSPY_ERROR_NOT_FOUND, "there is no thread %d in process %d",
				  (int)tid, (int)live->pid);
}

static struct gospy_error *inspect_free(struct gospy_live *live, pid_t tid, const struct look *look)
{
	struct gospy_error *err = check_thread(live, tid);
	bool done = false;

	if (!err)
		err = inspect_asleep(live, tid, SYSCALL_INSIDE, look, &done);
	if (err || done)
		return err;
	struct gospy_error *held_err = inspect_held(live, tid, look);
	if (!held_err || held_err->code == GOSPY_ERROR_NOT_FOUND)
		return held_err;
	err = inspect_asleep(live, tid, SYSCALL_OUTSIDE, look, &done);
	if (!err && !done)
		return held_err;
	gospy_error_destroy(held_err);
	return err;
}

struct gospy_error *gospy_live_inspect(struct gospy_target *target, pid_t tid,
				       gospy_inspect_fn inspect, void *context)
{
	struct gospy_live *live = gospy_live_of(target);
	const struct look look = {inspect, context};
	struct gospy_registers registers;

	if (!live->hold)
		return inspect_free(live, tid, &look);
	struct gospy_error *err = gospy_live_registers(target, tid, &registers);
	return err ? err : inspect(context, &registers);
}
