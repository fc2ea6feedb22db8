/* SPDX-License-Identifier: MIT */
#include <gospy/json.h>
#include <gospy/text.h>

void gospy_json_init(struct gospy_json *json, struct gospy_output *output)
{
	*json = (struct gospy_json){.output = output};
}

/** Whether the byte at `p` may stand in a JSON string as it is, being plain ASCII. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void write_escape(struct gospy_output *output, unsigned char c)
{
	const char *short_form = c == '"'    ? "\\\""
				 : c == '\\' ? "\\\\"
				 : c == '\n' ? "\\n"
				 : c == '\t' ? "\\t"
					     : NULL;

	if (short_form)
		gospy_output_string(output, short_form);
	else
		gospy_output_format(output, "\\u%04x", c);
}

static void write_quoted(struct gospy_output *output, const char *string)
{
	const unsigned char *p = (const unsigned char *)string;

	gospy_output_char(output, '"');
	while (*p) {
		const unsigned char *start = p;
		size_t length = 1;
		uint32_t point;
		while (is_plain(*p) || (*p >= 0x80 && (length = gospy_text_decode(p, 4, &point))))
			p += *p >= 0x80 ? length : 1;
		gospy_output_write(output, start, (size_t)(p - start));
		if (*p >= 0x80) {
			gospy_output_string(output, "\xef\xbf\xbd");
			p++;
		} else if (*p) {
			write_escape(output, *p++);
		}
	}
	gospy_output_char(output, '"');
}

/** The comma and the key before a value. */
static void begin(struct gospy_json *json, const char *key)
{
	if (json->filled[json->depth])
		gospy_output_char(json->output, ',');
	json->filled[json->depth] = true;
	if (key) {
		write_quoted(json->output, key);
		gospy_output_char(json->output, ':');
	}
}

static void open_nested(struct gospy_json *json, const char *key, char c)
{
	begin(json, key);
	gospy_output_char(json->output, c);
	if (json->depth < GOSPY_JSON_DEPTH - 1)
		json->depth++;
	json->filled[json->depth] = false;
}

static void close_nested(struct gospy_json *json, char c)
{
	gospy_output_char(json->output, c);
	if (json->depth > 0)
		json->depth--;
}

void gospy_json_object(struct gospy_json *json, const char *key)
{
	open_nested(json, key, '{');
}

void gospy_json_object_end(struct gospy_json *json)
{
	close_nested(json, '}');
}

void gospy_json_array(struct gospy_json *json, const char *key)
{
	open_nested(json, key, '[');
}

void gospy_json_array_end(struct gospy_json *json)
{
	close_nested(json, ']');
}

void gospy_json_string(struct gospy_json *json, const char *key, const char *value)
{
	begin(json, key);
	write_quoted(json->output, value);
}

void gospy_json_u64(struct gospy_json *json, const char *key, uint64_t value)
{
	begin(json, key);
	gospy_output_u64(json->output, value);
}

void gospy_json_i64(struct gospy_json *json, const char *key, int64_t value)
{
	begin(json, key);
	if (value < 0)
		gospy_output_char(json->output, '-');
	gospy_output_u64(json->output, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void gospy_json_bool(struct gospy_json *json, const char *key, bool value)
{
	gospy_json_raw(json, key, value ? "true" : "false", value ? 4 : 5);
}

void gospy_json_null(struct gospy_json *json, const char *key)
{
	gospy_json_raw(json, key, "null", 4);
}

void gospy_json_raw(struct gospy_json *json, const char *key, const void *data, size_t size)
{
	begin(json, key);
	gospy_output_write(json->output, data, size);
}

void gospy_json_address(struct gospy_json *json, const char *key, uint64_t value)
{
	begin(json, key);
	gospy_output_char(json->output, '"');
	gospy_output_hex(json->output, value);
	gospy_output_char(json->output, '"');
}
