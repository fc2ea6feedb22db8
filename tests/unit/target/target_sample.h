/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_TARGET_SAMPLE_H
#define GOSPY_TARGET_SAMPLE_H

/** The simplest thing that can be done with a thread while it is looked at. */
#include <gospy/target.h>

struct sample {
	struct gospy_target *target;
	struct gospy_registers registers;
	/** NULL for none. */
	struct gospy_read *stack;
};

static struct gospy_error *take_sample(void *context, const struct gospy_registers *registers)
{
	struct sample *sample = context;

	sample->registers = *registers;
	if (!sample->stack)
		return NULL;
	sample->stack->address = registers->sp;
	return gospy_target_read_many(sample->target, sample->stack, 1);
}

/** Its registers, and from sp on as much as there is room for in `stack`, which may be NULL. */
__attribute__((__unused__)) static struct gospy_error *target_sample(struct gospy_target *target,
								     pid_t tid,
								     struct gospy_registers *ret,
								     struct gospy_read *stack)
{
	struct sample sample = {.target = target, .stack = stack};
	struct gospy_error *err = gospy_target_inspect(target, tid, take_sample, &sample);

	if (!err)
		*ret = sample.registers;
	return err;
}

#endif
