/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_JSON_H
#define GOSPY_JSON_H

/**
 * A streaming JSON writer: commas, quoting and nesting are its job, memory is constant. Strings of
 * the target that are not UTF-8 get U+FFFD for each bad byte, so that the output always parses.
 */
#include <gospy/output.h>

#define GOSPY_JSON_DEPTH 32

struct gospy_json {
	struct gospy_output *output;
	int depth;
	/** Whether the object or array at each depth has a member yet. */
	bool filled[GOSPY_JSON_DEPTH];
};

void gospy_json_init(struct gospy_json *json, struct gospy_output *output);
void gospy_json_object(struct gospy_json *json, const char *key);
void gospy_json_object_end(struct gospy_json *json);
void gospy_json_array(struct gospy_json *json, const char *key);
void gospy_json_array_end(struct gospy_json *json);
/** In all of these `key` is NULL inside an array. */
void gospy_json_string(struct gospy_json *json, const char *key, const char *value);
void gospy_json_u64(struct gospy_json *json, const char *key, uint64_t value);
void gospy_json_i64(struct gospy_json *json, const char *key, int64_t value);
void gospy_json_bool(struct gospy_json *json, const char *key, bool value);
void gospy_json_null(struct gospy_json *json, const char *key);
/** A value that is JSON already. */
void gospy_json_raw(struct gospy_json *json, const char *key, const void *data, size_t size);
/** An address: "0x..." */
void gospy_json_address(struct gospy_json *json, const char *key, uint64_t value);

#endif
