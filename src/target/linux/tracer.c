/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "tracer.h"

#define IDLE_INTERVAL_NS 100000000L
#define WATCH_INTERVAL_NS 20000000L

struct gospy_tracer {
	pthread_t thread;
	pid_t tid;
	pthread_mutex_t mutex;
	/** Signalled when any of the fields below changes. */
	pthread_cond_t changed;
	gospy_tracer_fn job;
	void *job_context;
	gospy_tracer_fn idle;
	void *idle_context;
	bool ending;
};

/* Waits for a signal at most so long; false when the time is over. The mutex is held. */
static bool wait_for(struct gospy_tracer *tracer, long interval_ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += interval_ns;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return !pthread_cond_timedwait(&tracer->changed, &tracer->mutex, &until);
}

/* Waits for a job, an end, or the time for the idle work. The mutex is held. */
static void wait_for_change(struct gospy_tracer *tracer)
{
	if (!tracer->idle)
		pthread_cond_wait(&tracer->changed, &tracer->mutex);
	else if (!wait_for(tracer, IDLE_INTERVAL_NS) && tracer->idle)
		tracer->idle(tracer->idle_context);
}

static void *run_thread(void *argument)
{
	struct gospy_tracer *tracer = argument;

	/* The default slack of 50 us would be paid by the target for each wait while it is held. */
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	pthread_mutex_lock(&tracer->mutex);
	tracer->tid = gettid();
	while (!tracer->ending) {
		if (!tracer->job) {
			wait_for_change(tracer);
			continue;
		}
		pthread_mutex_unlock(&tracer->mutex);
		tracer->job(tracer->job_context);
		pthread_mutex_lock(&tracer->mutex);
		tracer->job = NULL;
		pthread_cond_broadcast(&tracer->changed);
	}
	pthread_mutex_unlock(&tracer->mutex);
	return NULL;
}

static int init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int errnum = pthread_condattr_init(&attributes);

	if (errnum)
		return errnum;
	errnum = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!errnum)
		errnum = pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
	return errnum;
}

static int start_thread(struct gospy_tracer *tracer)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int errnum = pthread_create(&tracer->thread, NULL, run_thread, tracer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errnum;
}

struct gospy_error *gospy_tracer_create(struct gospy_tracer **ret)
{
	struct gospy_tracer *tracer = calloc(1, sizeof(*tracer));

	if (!tracer)
		return &gospy_enomem;
	int errnum = pthread_mutex_init(&tracer->mutex, NULL);
	if (errnum)
		goto out_free;
	errnum = init_condition(&tracer->changed);
	if (errnum)
		goto out_mutex;
	errnum = start_thread(tracer);
	if (errnum)
		goto out_condition;
	*ret = tracer;
	return NULL;

out_condition:
	pthread_cond_destroy(&tracer->changed);
out_mutex:
	pthread_mutex_destroy(&tracer->mutex);
out_free:
	free(tracer);
	return gospy_error_os(errnum, "cannot start a thread");
}

/*
 * The kernel lets go of the tracees after it has woken up who joins the thread (kernel/exit.c,
 * do_exit: exit_mm comes before exit_notify), but before its number is free.
 */
static void wait_until_gone(pid_t tid)
{
	const struct timespec delay = {.tv_nsec = 20000};

	for (int i = 0; i < 50000 && !syscall(SYS_tgkill, getpid(), tid, 0); i++)
		nanosleep(&delay, NULL);
}

void gospy_tracer_destroy(struct gospy_tracer *tracer)
{
	if (!tracer)
		return;
	pthread_mutex_lock(&tracer->mutex);
	tracer->ending = true;
	pthread_cond_broadcast(&tracer->changed);
	pthread_mutex_unlock(&tracer->mutex);
	pthread_join(tracer->thread, NULL);
	if (tracer->tid)
		wait_until_gone(tracer->tid);
	pthread_cond_destroy(&tracer->changed);
	pthread_mutex_destroy(&tracer->mutex);
	free(tracer);
}

void gospy_tracer_run(struct gospy_tracer *tracer, gospy_tracer_fn job, void *context,
		      gospy_tracer_fn watch, void *watch_context)
{
	pthread_mutex_lock(&tracer->mutex);
	tracer->job_context = context;
	tracer->job = job;
	pthread_cond_broadcast(&tracer->changed);
	while (tracer->job) {
		if (wait_for(tracer, WATCH_INTERVAL_NS) || !watch)
			continue;
		pthread_mutex_unlock(&tracer->mutex);
		watch(watch_context);
		pthread_mutex_lock(&tracer->mutex);
	}
	pthread_mutex_unlock(&tracer->mutex);
}

void gospy_tracer_set_idle(struct gospy_tracer *tracer, gospy_tracer_fn idle, void *context)
{
	pthread_mutex_lock(&tracer->mutex);
	tracer->idle = idle;
	tracer->idle_context = context;
	pthread_cond_broadcast(&tracer->changed);
	pthread_mutex_unlock(&tracer->mutex);
}
