/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#include <gospy/live.h>

#include "assert_error.h"
#include "child.h"
#include "target_sample.h"

/** What the children count, shared with them. */
struct counters {
	uint64_t work[8];
	uint64_t signals;
	uint64_t sent;
};
static struct counters *counters;

static int setup(void **state)
{
	(void)state;
	counters = shared_memory(sizeof(*counters));
	return 0;
}

static int reset(void **state)
{
	(void)state;
	memset(counters, 0, sizeof(*counters));
	return 0;
}

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static uint64_t value(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static uint64_t all_work(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < 8; i++)
		sum += value(&counters->work[i]);
	return sum;
}

static void start(child_fn body, void *argument, struct child *child, struct gospy_target **target)
{
	*child = child_start(body, argument);
	assert_true(child_is_ready(child));
	assert_ok(gospy_live_open(child->pid, target));
}

/* Every thread that /proc lists is in a ptrace stop, as /proc itself says. */
static void assert_all_held(struct gospy_target *target, pid_t pid)
{
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};

	assert_ok(gospy_target_threads(target, &threads));
	for (size_t i = 0; i < threads.size; i++) {
		struct gospy_registers registers;
		if (threads.data[i].state == 'Z' || threads.data[i].state == 'X')
			continue;
		assert_int_equal(thread_state(pid, threads.data[i].tid), 't');
		assert_ok(gospy_target_registers(target, threads.data[i].tid, &registers));
		assert_true(registers.pc && registers.sp);
	}
}

static void assert_none_held(struct gospy_target *target, pid_t pid)
{
	_cleanup_(gospy_thread_vec_deinit) struct gospy_thread_vec threads = {0};

	assert_int_equal(tracer_of(pid), 0);
	assert_ok(gospy_target_threads(target, &threads));
	for (size_t i = 0; i < threads.size; i++)
		assert_int_not_equal(threads.data[i].state, 't');
}

static void *work_a_little(void *argument)
{
	count(argument);
	return NULL;
}

/* Bears threads that end at once, for ever. */
static void *churn(void *argument)
{
	for (;;) {
		pthread_t threads[3];
		int started = 0;
		while (started < 3 &&
		       !pthread_create(&threads[started], NULL, work_a_little, argument))
			started++;
		for (int i = 0; i < started; i++)
			pthread_join(threads[i], NULL);
	}
	return NULL;
}

static void churn_body(struct child_pipes pipes, void *argument)
{
	pthread_t thread;

	(void)argument;
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, churn, &counters->work[i]);
	child_ready_and_wait(pipes);
}

static void holds_threads_that_are_born_and_die_all_the_time(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;

	start(churn_body, NULL, &child, &target);
	for (int i = 0; i < 400; i++) {
		uint64_t paused_ns = 0;
		assert_ok_when_run(gospy_target_stop(target));
		uint64_t work = all_work();
		assert_all_held(target, child.pid);
		assert_true(all_work() == work);
		assert_ok(gospy_target_resume(target, &paused_ns));
		assert_true(paused_ns > 0);
		if (i % 50 == 0)
			for (int j = 0; j < 3; j++)
				assert_true(counter_passes(&counters->work[j],
							   value(&counters->work[j])));
	}
	assert_none_held(target, child.pid);
	int status = child_end(&child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void *nap_for_ever(void *argument)
{
	for (;;) {
		usleep(200);
		count(argument);
	}
	return NULL;
}

static void worker_body(struct child_pipes pipes, void *argument)
{
	pthread_t thread;

	(void)argument;
	pthread_create(&thread, NULL, nap_for_ever, &counters->work[0]);
	pthread_create(&thread, NULL, nap_for_ever, &counters->work[1]);
	child_ready_and_wait(pipes);
}

static void a_stopped_process_stays_stopped(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;
	int status;

	start(worker_body, NULL, &child, &target);
	kill(child.pid, SIGSTOP);
	assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	for (int i = 0; i < 20; i++) {
		uint64_t work = all_work();
		assert_ok_when_run(gospy_target_stop(target));
		assert_all_held(target, child.pid);
		assert_ok(gospy_target_resume(target, NULL));
		assert_true(reaches_state(child.pid, child.pid, 'T'));
		usleep(2000);
		assert_true(all_work() == work);
	}
	/* Its parent hears nothing of it, and can let it go on. */
	assert_int_equal(waitpid(child.pid, &status, WNOHANG | WUNTRACED | WCONTINUED), 0);
	kill(child.pid, SIGCONT);
	assert_true(counter_passes(&counters->work[0], value(&counters->work[0])));
	child_end(&child);
}

static void stop_signals_while_it_is_held_count_afterwards(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;

	start(worker_body, NULL, &child, &target);
	assert_ok_when_run(gospy_target_stop(target));
	kill(child.pid, SIGSTOP);
	assert_ok(gospy_target_resume(target, NULL));
	assert_true(reaches_state(child.pid, child.pid, 'T'));
	assert_ok_when_run(gospy_target_stop(target));
	kill(child.pid, SIGCONT);
	assert_ok(gospy_target_resume(target, NULL));
	assert_true(counter_passes(&counters->work[0], value(&counters->work[0])));
	assert_none_held(target, child.pid);
	child_end(&child);
}

static void trace_body(struct child_pipes pipes, void *argument)
{
	const pid_t *pid = argument;

	if (ptrace(PTRACE_SEIZE, *pid, NULL, NULL))
		_exit(1);
	child_ready_and_wait(pipes);
}

static void names_another_tracer(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_registers registers;
	struct child child;
	char name[32];
	uint8_t byte;

	start(worker_body, NULL, &child, &target);
	struct child tracer = child_start(trace_body, &child.pid);
	assert_true(child_is_ready(&tracer));
	_cleanup_error_ struct gospy_error *err = gospy_target_stop(target);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_PERMISSION);
	snprintf(name, sizeof(name), "process %d (", (int)tracer.pid);
	assert_non_null(strstr(err->message, name));
	/* Nothing else is kept from working, and nothing is left held. */
	assert_ok(gospy_target_read(target, (uintptr_t)&child, &byte, 1));
	assert_ok_when_run(target_sample(target, child.pid, &registers, NULL));
	assert_true(counter_passes(&counters->work[0], value(&counters->work[0])));
	assert_true(counter_passes(&counters->work[1], value(&counters->work[1])));
	assert_int_equal(tracer_of(child.pid), tracer.pid);
	child_end(&tracer);
	assert_ok_when_run(gospy_target_stop(target));
	assert_all_held(target, child.pid);
	child_end(&child);
}

static void copes_with_a_kill_while_it_is_held(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		_cleanup_target_ struct gospy_target *target = NULL;
		struct gospy_registers registers;
		struct child child;
		start(worker_body, NULL, &child, &target);
		assert_ok_when_run(gospy_target_stop(target));
		kill(child.pid, SIGKILL);
		if (i % 2) /* long enough for the dead to be noticed */
			usleep(150000);
		gospy_error_destroy(gospy_target_registers(target, child.pid, &registers));
		assert_ok(gospy_target_resume(target, NULL));
		int status = child_end(&child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_error(gospy_target_stop(target), GOSPY_ERROR_EXITED);
	}
}

/* Has the worker as its own child, and tells when it could be reaped. */
static void parent_body(struct child_pipes pipes, void *argument)
{
	struct child worker = child_start(worker_body, argument);
	int status = 0;

	if (!child_is_ready(&worker))
		_exit(1);
	child_write(pipes.to_test, &worker.pid, sizeof(worker.pid));
	if (waitpid(worker.pid, &status, 0) != worker.pid)
		_exit(2);
	child_write(pipes.to_test, &status, sizeof(status));
}

/* The parent of the killed does not have to wait until we let go. */
static void the_parent_learns_of_a_kill_while_it_is_held(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child parent = child_start(parent_body, NULL);
	pid_t pid = 0;
	int status = 0;

	assert_true(child_read(&parent, &pid, sizeof(pid)));
	assert_ok(gospy_live_open(pid, &target));
	assert_ok_when_run(gospy_target_stop(target));
	kill(pid, SIGKILL);
	assert_true(child_read(&parent, &status, sizeof(status)));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_ok(gospy_target_resume(target, NULL));
	assert_int_equal(child_join(&parent), 0);
}

static void count_signal(int number)
{
	(void)number;
	count(&counters->signals);
}

static void signal_body(struct child_pipes pipes, void *argument)
{
	struct sigaction action = {.sa_handler = count_signal};

	sigaction(SIGRTMIN, &action, NULL);
	worker_body(pipes, argument);
}

/* Real-time signals are queued, so that each one sent is one delivered. */
static void send_signal(pid_t pid)
{
	const union sigval none = {0};

	while (sigqueue(pid, SIGRTMIN, none) && errno == EAGAIN)
		usleep(100);
	count(&counters->sent);
}

static void signals_while_it_is_held_are_all_delivered(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;

	start(signal_body, NULL, &child, &target);
	for (int i = 0; i < 50; i++) {
		assert_ok_when_run(gospy_target_stop(target));
		uint64_t before = value(&counters->signals);
		for (int j = 0; j < 20; j++)
			send_signal(child.pid);
		assert_true(value(&counters->signals) == before);
		assert_ok(gospy_target_resume(target, NULL));
	}
	assert_true(counter_passes(&counters->signals, 50 * 20 - 1));
	usleep(10000);
	assert_int_equal(value(&counters->signals), 50 * 20);
	child_end(&child);
}

/* No such signal waits for any thread of it any more; false after a minute. */
static bool takes_all_signals(pid_t pid)
{
	for (int i = 0; i < 6000; i++) {
		unsigned long long pending = 0;
		char path[64], line[256];
		snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
		FILE *file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "ShdPnd: %llx", &pending) == 1)
				break;
		if (file)
			fclose(file);
		if (!(pending >> (SIGRTMIN - 1) & 1))
			return true;
		usleep(10000);
	}
	return false;
}

/* After the storm. One more may have been sent than its sender lived to count. */
static void assert_all_delivered(pid_t pid)
{
	uint64_t sent = value(&counters->sent);

	assert_true(takes_all_signals(pid));
	assert_true(!sent || counter_passes(&counters->signals, sent - 1));
	usleep(20000);
	assert_in_range(value(&counters->signals), sent, sent + 1);
}

static void storm_body(struct child_pipes pipes, void *argument)
{
	const pid_t *pid = argument;
	char byte = 'r';

	child_write(pipes.to_test, &byte, 1);
	for (;;)
		send_signal(*pid);
}

/* Stops that fall between the taking of a signal and its delivery give it back. */
static void signals_that_come_all_the_time_are_all_delivered(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;

	start(signal_body, NULL, &child, &target);
	struct child storm = child_start(storm_body, &child.pid);
	assert_true(child_is_ready(&storm));
	assert_true(counter_passes(&counters->signals, 100));
	for (int i = 0; i < 300; i++) {
		assert_ok_when_run(gospy_target_stop(target));
		assert_ok(gospy_target_resume(target, NULL));
		if (i % 10 == 0)
			assert_true(counter_passes(&counters->signals, value(&counters->signals)));
	}
	child_end(&storm);
	assert_all_delivered(child.pid);
	child_end(&child);
}

static void stopper_body(struct child_pipes pipes, void *argument)
{
	const pid_t *pid = argument;
	struct gospy_target *target;
	char byte = 'r';

	if (gospy_live_open(*pid, &target))
		_exit(1);
	child_write(pipes.to_test, &byte, 1);
	for (;;) {
		struct gospy_registers registers;
		struct gospy_error *err = gospy_target_stop(target);
		if (err && err->errnum != EBUSY)
			_exit(2);
		gospy_error_destroy(err);
		if (gospy_target_resume(target, NULL))
			_exit(2);
		gospy_error_destroy(target_sample(target, *pid, &registers, NULL));
	}
}

static void a_killed_stopper_leaves_no_trace(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;

	start(signal_body, NULL, &child, &target);
	struct child storm = child_start(storm_body, &child.pid);
	assert_true(child_is_ready(&storm));
	assert_true(counter_passes(&counters->signals, 100));
	srand(3);
	for (int i = 0; i < 60; i++) {
		struct child stopper = child_start(stopper_body, &child.pid);
		assert_true(child_is_ready(&stopper));
		usleep((useconds_t)(rand() % 10000));
		int status = child_end(&stopper);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		for (int j = 0; j < 2; j++)
			assert_true(counter_passes(&counters->work[j], value(&counters->work[j])));
		assert_none_held(target, child.pid);
	}
	child_end(&storm);
	assert_all_delivered(child.pid);
	child_end(&child);
}

static void *vfork_and_sleep(void *argument)
{
	const struct timespec *delay = argument;

	/* A vfork in which the child sleeps: the parent waits where nothing wakes it. */
	pid_t pid = vfork();
	if (!pid) {
		nanosleep(delay, NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

static void vfork_body(struct child_pipes pipes, void *argument)
{
	pthread_t thread, sleeper;

	pthread_create(&thread, NULL, nap_for_ever, &counters->work[0]);
	pthread_create(&sleeper, NULL, vfork_and_sleep, argument);
	/* No ready until one of the threads sleeps uninterruptibly. */
	usleep(50000);
	child_ready_and_wait(pipes);
}

static void gives_up_a_thread_that_does_not_stop(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct timespec delay = {.tv_sec = 4};
	struct child child;

	start(vfork_body, &delay, &child, &target);
	_cleanup_error_ struct gospy_error *err = gospy_target_stop(target);
	assert_non_null(err);
	assert_int_equal(err->code, GOSPY_ERROR_OS);
	assert_int_equal(err->errnum, EBUSY);
	assert_none_held(target, child.pid);
	assert_true(counter_passes(&counters->work[0], value(&counters->work[0])));
	/* Once it is through it can be held like any other. */
	for (int i = 0; i < 10; i++) {
		gospy_error_destroy(err);
		err = gospy_target_stop(target);
		if (!err)
			break;
	}
	assert_null(err);
	assert_all_held(target, child.pid);
	assert_ok(gospy_target_resume(target, NULL));
	child_end(&child);
}

/* Started anew by itself as "exec-churn": a few threads, one of which replaces the whole program.
 */
static void *exec_again(void *argument)
{
	char *const argv[] = {(char[]){"exec-churn"}, argument, NULL};

	usleep(3000);
	execv("/proc/self/exe", argv);
	_exit(1);
}

static void exec_churn(char *parent)
{
	pthread_t thread;
	uint64_t ignored = 0;

	/* Another thread's exec takes the first one's wish away, so that it is made again. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != atoi(parent))
		return;
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, nap_for_ever, &ignored);
	pthread_create(&thread, NULL, exec_again, parent);
	for (;;)
		pause();
}

static void exec_body(struct child_pipes pipes, void *argument)
{
	char byte = 'r';

	child_write(pipes.to_test, &byte, 1);
	exec_again(argument);
}

static void copes_with_a_program_that_execs_all_the_time(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct child child;
	char parent[16];
	int held = 0;

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	start(exec_body, parent, &child, &target);
	for (int i = 0; i < 300; i++) {
		assert_ok_when_run(gospy_target_stop(target));
		assert_all_held(target, child.pid);
		held++;
		assert_ok(gospy_target_resume(target, NULL));
		usleep((useconds_t)(i % 7 * 500));
	}
	assert_int_equal(held, 300);
	assert_true(tracer_of(child.pid) == 0);
	int status = child_end(&child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/** The only code of its section, so that its bounds are known. */
#define ALONE                                                                                      \
	__attribute__((section("spin_section"), noinline, no_sanitize("address", "undefined")))

ALONE static void spin(volatile uint64_t *counter)
{
	while (*counter != UINT64_MAX)
		*counter = *counter + 1;
}
extern const char __start_spin_section[], __stop_spin_section[];

/** What the spinning thread says of itself. */
struct spinner {
	pid_t tid;
	uint64_t tls;
	uint64_t stack_start;
	uint64_t stack_end;
};
static struct spinner *spinner;
/** Lies in the frame that called spin(). */
#define MARKER UINT64_C(0x5ca1ab1e0ddba115)

static void *start_spinning(void *argument)
{
	volatile uint64_t marker = MARKER;
	pthread_attr_t attributes;
	void *stack;
	size_t size;

	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &stack, &size);
	pthread_attr_destroy(&attributes);
	*spinner = (struct spinner){.tid = (pid_t)syscall(SYS_gettid),
				    .tls = (uint64_t)pthread_self(),
				    .stack_start = (uint64_t)(uintptr_t)stack,
				    .stack_end = (uint64_t)(uintptr_t)stack + size};
	spin(argument);
	return (void *)(uintptr_t)marker;
}

static void spin_body(struct child_pipes pipes, void *argument)
{
	pthread_t thread;

	(void)argument;
	pthread_create(&thread, NULL, start_spinning, &counters->work[0]);
	while (!value(&counters->work[0]))
		usleep(1000);
	child_ready_and_wait(pipes);
}

static void assert_spins(const struct gospy_registers *registers)
{
	assert_in_range(registers->pc, (uintptr_t)__start_spin_section,
			(uintptr_t)__stop_spin_section);
	assert_in_range(registers->sp, spinner->stack_start, spinner->stack_end);
	/* Only there is the pointer of the C library the register itself. */
	if (registers->arch == GOSPY_ARCH_AMD64)
		assert_true(registers->tls == spinner->tls);
}

static bool has_marker(const struct gospy_read *stack)
{
	static const uint64_t marker = MARKER;

	return memmem(stack->buffer, stack->done, &marker, sizeof(marker)) != NULL;
}

static void samples_a_stack_with_its_thread(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_registers registers = {0};
	uint8_t buffer[8192];
	struct child child;

	spinner = shared_memory(sizeof(*spinner));
	start(spin_body, NULL, &child, &target);
	assert_true(reaches_state(child.pid, child.pid, 'S'));
	for (int held = 0; held < 2; held++) {
		struct gospy_read stack = {.buffer = buffer, .size = sizeof(buffer)};
		if (held)
			assert_ok_when_run(gospy_target_stop(target));
		memset(buffer, 0, sizeof(buffer));
		assert_ok_when_run(target_sample(target, spinner->tid, &registers, &stack));
		assert_spins(&registers);
		assert_true(stack.address == registers.sp);
		assert_true(stack.done > 0);
		assert_true(has_marker(&stack));
		/* One that sleeps: the same from a read of its own. */
		uint8_t expected[sizeof(buffer)];
		assert_ok_when_run(target_sample(target, child.pid, &registers, &stack));
		assert_true(stack.address == registers.sp);
		assert_ok(gospy_target_read(target, registers.sp, expected, stack.done));
		assert_memory_equal(buffer, expected, stack.done);
		assert_ok(gospy_target_resume(target, NULL));
	}
	child_end(&child);
	munmap(spinner, sizeof(*spinner));
}

static void samples_where_a_thread_is(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_registers registers;
	struct child child;

	spinner = shared_memory(sizeof(*spinner));
	start(spin_body, NULL, &child, &target);
	for (int i = 0; i < 200; i++) {
		assert_ok_when_run(target_sample(target, spinner->tid, &registers, NULL));
		assert_spins(&registers);
		/* Asleep in a system call it need not be stopped. */
		assert_ok_when_run(target_sample(target, child.pid, &registers, NULL));
		assert_true(registers.pc && registers.sp);
		assert_false(registers.sp >= spinner->stack_start &&
			     registers.sp < spinner->stack_end);
	}
	assert_none_held(target, child.pid);
	assert_true(counter_passes(&counters->work[0], value(&counters->work[0])));
	assert_ok_when_run(gospy_target_stop(target));
	assert_ok(gospy_target_registers(target, spinner->tid, &registers));
	assert_spins(&registers);
	assert_ok_when_run(target_sample(target, spinner->tid, &registers, NULL));
	assert_spins(&registers);
	assert_ok(gospy_target_resume(target, NULL));
	assert_error(target_sample(target, 0, &registers, NULL), GOSPY_ERROR_NOT_FOUND);
	assert_error(target_sample(target, getpid(), &registers, NULL), GOSPY_ERROR_NOT_FOUND);
	child_end(&child);
	munmap(spinner, sizeof(*spinner));
}

static void samples_give_signals_back(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	struct gospy_registers registers;
	struct child child;

	start(signal_body, NULL, &child, &target);
	struct child storm = child_start(storm_body, &child.pid);
	assert_true(child_is_ready(&storm));
	assert_true(counter_passes(&counters->signals, 100));
	for (int i = 0; i < 500; i++)
		assert_ok_when_run(target_sample(target, child.pid, &registers, NULL));
	child_end(&storm);
	assert_all_delivered(child.pid);
	child_end(&child);
}

static void a_destroyed_target_lets_go(void **state)
{
	(void)state;
	struct gospy_target *target = NULL;
	struct child child;

	start(worker_body, NULL, &child, &target);
	assert_ok_when_run(gospy_target_stop(target));
	gospy_target_destroy(target);
	assert_int_equal(tracer_of(child.pid), 0);
	assert_true(counter_passes(&counters->work[0], value(&counters->work[0])));
	child_end(&child);
}

static void threads_on_every_processor_are_held(void **state)
{
	(void)state;
	struct gospy_target *target = NULL;
	struct child child;

	start(spin_body, (spinner = shared_memory(sizeof(*spinner))), &child, &target);
	for (int i = 0; i < 100; i++) {
		assert_ok_when_run(gospy_target_stop(target));
		uint64_t work = value(&counters->work[0]);
		assert_all_held(target, child.pid);
		assert_true(value(&counters->work[0]) == work);
		assert_ok(gospy_target_resume(target, NULL));
	}
	gospy_target_destroy(target);
	child_end(&child);
	munmap(spinner, sizeof(*spinner));
}

static void cannot_stop_itself(void **state)
{
	(void)state;
	_cleanup_target_ struct gospy_target *target = NULL;
	uint64_t word = 0, expected = 0x1122334455667788;

	assert_ok(gospy_live_open(getpid(), &target));
	assert_error(gospy_target_stop(target), GOSPY_ERROR_UNSUPPORTED);
	assert_ok(gospy_target_read_u64(target, (uintptr_t)&expected, &word));
	assert_true(word == expected);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(holds_threads_that_are_born_and_die_all_the_time, reset),
		cmocka_unit_test_setup(a_stopped_process_stays_stopped, reset),
		cmocka_unit_test_setup(stop_signals_while_it_is_held_count_afterwards, reset),
		cmocka_unit_test_setup(names_another_tracer, reset),
		cmocka_unit_test_setup(copes_with_a_kill_while_it_is_held, reset),
		cmocka_unit_test_setup(the_parent_learns_of_a_kill_while_it_is_held, reset),
		cmocka_unit_test_setup(signals_while_it_is_held_are_all_delivered, reset),
		cmocka_unit_test_setup(signals_that_come_all_the_time_are_all_delivered, reset),
		cmocka_unit_test_setup(a_killed_stopper_leaves_no_trace, reset),
		cmocka_unit_test_setup(gives_up_a_thread_that_does_not_stop, reset),
		cmocka_unit_test_setup(copes_with_a_program_that_execs_all_the_time, reset),
		cmocka_unit_test_setup(samples_where_a_thread_is, reset),
		cmocka_unit_test_setup(samples_a_stack_with_its_thread, reset),
		cmocka_unit_test_setup(samples_give_signals_back, reset),
		cmocka_unit_test_setup(a_destroyed_target_lets_go, reset),
		cmocka_unit_test_setup(threads_on_every_processor_are_held, reset),
		cmocka_unit_test_setup(cannot_stop_itself, reset),
	};

	if (argc == 2 && !strcmp(argv[0], "exec-churn")) {
		exec_churn(argv[1]);
		return 1;
	}
	return cmocka_run_group_tests(tests, setup, NULL);
}
