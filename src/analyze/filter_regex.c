/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "filter.h"

/** Longest expression, and the most characters that it may come to once its repetitions are
 * unrolled. */
#define MAX_SIZE 256
#define MAX_UNROLLED 4096

/** What an expression costs to compile: regcomp copies what is repeated, and copies within copies.
 */
struct cost {
	/** Of what stands before the open parentheses, and of what is in the innermost. */
	uint64_t outer[MAX_SIZE + 1];
	size_t depth;
	uint64_t sum;
	/** The last of `sum`: what a repetition applies to. */
	uint64_t atom;
};

static void add(struct cost *cost, uint64_t atom)
{
	cost->atom = atom;
	cost->sum += atom;
}

static void repeat(struct cost *cost, uint64_t times)
{
	uint64_t atom = cost->atom ? cost->atom : 1;

	if (times > MAX_UNROLLED || atom > MAX_UNROLLED)
		times = atom = MAX_UNROLLED + 1;
	cost->sum -= cost->atom;
	add(cost, atom * (times ? times : 1));
}

static void open_group(struct cost *cost)
{
	cost->outer[cost->depth++] = cost->sum;
	cost->sum = cost->atom = 0;
}

static void close_group(struct cost *cost)
{
	uint64_t group = cost->sum;

	if (!cost->depth)
		return;
	cost->sum = cost->outer[--cost->depth];
	add(cost, group ? group : 1);
}

/** The last byte of the bracket expression that begins at `p`. */
static const char *skip_bracket(const char *p)
{
	const char *end = p[1] == '^' ? p + 2 : p + 1;

	/* A bracket that comes first is one of the characters. */
	for (end += *end == ']'; *end && *end != ']'; end++) {
		const char *close = NULL;
		if (*end == '[' && end[1] && strchr(":.=", end[1]))
			close = strchr(end + 2, end[1]);
		if (close && close[1] == ']')
			end = close + 1;
	}
	return *end ? end : end - 1;
}

/** Copies that "{n}", "{n,}" or "{n,m}" at `p` asks for; its last byte in `*ret_end`. */
static uint64_t read_interval(const char *p, const char **ret_end)
{
	uint64_t numbers[2] = {0, 0};
	size_t at = 0;

	for (p++; isdigit((unsigned char)*p) || (*p == ',' && at == 0); p++) {
		if (*p == ',')
			at = 1;
		else if (numbers[at] <= MAX_UNROLLED)
			numbers[at] = numbers[at] * 10 + (uint64_t)(*p - '0');
	}
	*ret_end = *p == '}' ? p : p - 1;
	return numbers[1] > numbers[0] ? numbers[1] : numbers[0] + at;
}

const char *gospy_filter_regex_trouble(const char *pattern)
{
	struct cost cost = {};

	if (strlen(pattern) > MAX_SIZE)
		return "the regular expression is too long";
	for (const char *p = pattern; *p; p++) {
		if (*p == '\\' && isdigit((unsigned char)p[1]))
			return "the regular expression has a back-reference, which is not "
			       "supported";
		if (*p == '(') {
			open_group(&cost);
		} else if (*p == ')') {
			close_group(&cost);
		} else if (*p == '+') {
			repeat(&cost, 2);
		} else if (*p == '{') {
			repeat(&cost, read_interval(p, &p));
		} else {
			add(&cost, 1);
			if (*p == '[')
				p = skip_bracket(p);
			else if (*p == '\\' && p[1])
				p++;
		}
		if (cost.sum > MAX_UNROLLED)
			return "the regular expression repeats too often";
	}
	return NULL;
}
