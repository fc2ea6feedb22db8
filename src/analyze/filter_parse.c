/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <gospy/text.h>

#include "filter.h"

/** What values a field takes. */
enum value_kind {
	VALUE_STRING,
	VALUE_STATUS,
	VALUE_NUMBER,
	VALUE_DURATION,
	VALUE_TRUTH,
};

struct field_name {
	const char *name;
	enum gospy_filter_field field;
	enum value_kind kind;
};

static const struct field_name fields[] = {
	{"id", GOSPY_FILTER_ID, VALUE_NUMBER},
	{"status", GOSPY_FILTER_STATUS, VALUE_STATUS},
	{"state", GOSPY_FILTER_STATUS, VALUE_STATUS},
	{"reason", GOSPY_FILTER_REASON, VALUE_STRING},
	{"func", GOSPY_FILTER_FUNC, VALUE_STRING},
	{"file", GOSPY_FILTER_FILE, VALUE_STRING},
	{"current", GOSPY_FILTER_CURRENT, VALUE_STRING},
	{"start", GOSPY_FILTER_START, VALUE_STRING},
	{"creator", GOSPY_FILTER_CREATOR, VALUE_STRING},
	{"caller", GOSPY_FILTER_CREATOR, VALUE_STRING},
	{"wait", GOSPY_FILTER_WAIT, VALUE_DURATION},
	{"thread", GOSPY_FILTER_THREAD, VALUE_NUMBER},
	{"parent", GOSPY_FILTER_PARENT, VALUE_NUMBER},
	{"locked", GOSPY_FILTER_LOCKED, VALUE_TRUTH},
	{"system", GOSPY_FILTER_SYSTEM, VALUE_TRUTH},
	{"torn", GOSPY_FILTER_TORN, VALUE_TRUTH},
};

static const struct field_name label_field = {"label", GOSPY_FILTER_LABEL, VALUE_STRING};

#define LABEL_PREFIX "label."

/** On the operator stack beside GOSPY_FILTER_AND, _OR and _NOT. */
#define PARENTHESIS (UINT32_MAX - 3)

struct parser {
	struct gospy_filter *filter;
	const char *text;
	size_t pos;
	uint32_t operators[GOSPY_FILTER_MAX_DEPTH];
	size_t num_operators;
};

/** A word or a quoted string, unescaped. */
struct token {
	char *text;
	size_t size;
	size_t pos;
	bool quoted;
};

static void token_deinit(struct token *token)
{
	free(token->text);
}

/** "filter: <what> at column <n>", columns counted in characters from 1. */
static struct gospy_error *fail(const struct parser *parser, size_t pos, const char *what)
{
	size_t column = 1;

	for (size_t i = 0; i < pos; i++)
		column += ((unsigned char)parser->text[i] & 0xc0) != 0x80;
	return gospy_error_create(GOSPY_ERROR_USAGE, "filter: %s at column %zu", what, column);
}

static void skip_space(struct parser *parser)
{
	while (isspace((unsigned char)parser->text[parser->pos]))
		parser->pos++;
}

static bool is_word_char(char c)
{
	return c && !isspace((unsigned char)c) && !strchr("()!=<>&|~\"'", c);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

static struct gospy_error *read_word(struct parser *parser, struct token *ret)
{
	size_t start = parser->pos;

	while (is_word_char(parser->text[parser->pos]))
		parser->pos++;
	ret->pos = start;
	ret->size = parser->pos - start;
	ret->text = strndup(parser->text + start, ret->size);
	return ret->text ? NULL : &gospy_enomem;
}

/** Within "..." a backslash stands before a quote or a backslash; '...' is taken as it is. */
static struct gospy_error *read_string(struct parser *parser, struct token *ret)
{
	const char *text = parser->text;
	size_t start = parser->pos, pos = start + 1, size = 0;
	_cleanup_free_ char *buffer = malloc(strlen(text + start) + 1);

	if (!buffer)
		return &gospy_enomem;
	for (; text[pos] != text[start]; pos++) {
		if (!text[pos])
			return fail(parser, start, "the quote is not closed");
		if (text[start] == '"' && text[pos] == '\\' &&
		    (text[pos + 1] == '"' || text[pos + 1] == '\\'))
			pos++;
		buffer[size++] = text[pos];
	}
	buffer[size] = 0;
	parser->pos = pos + 1;
	*ret = (struct token){take_ptr(buffer), size, start, true};
	return NULL;
}

/** A value or bare word; GOSPY_ERROR_USAGE saying that `what` is expected where there is none. */
static struct gospy_error *read_token(struct parser *parser, const char *what, struct token *ret)
{
	skip_space(parser);
	if (is_quote(parser->text[parser->pos]))
		return read_string(parser, ret);
	if (!is_word_char(parser->text[parser->pos]))
		return fail(parser, parser->pos, what);
	return read_word(parser, ret);
}

/** Reads a comparison operator if one comes next. */
static bool read_compare(struct parser *parser, enum gospy_filter_compare *ret)
{
	static const struct {
		const char *text;
		enum gospy_filter_compare compare;
	} operators[] = {
		{"==", GOSPY_FILTER_EQ},	{"!=", GOSPY_FILTER_NE}, {"=~", GOSPY_FILTER_MATCH},
		{"!~", GOSPY_FILTER_NOT_MATCH}, {"<=", GOSPY_FILTER_LE}, {">=", GOSPY_FILTER_GE},
		{"<", GOSPY_FILTER_LT},		{">", GOSPY_FILTER_GT},	 {"=", GOSPY_FILTER_EQ},
		{"~", GOSPY_FILTER_MATCH},
	};

	skip_space(parser);
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		size_t size = strlen(operators[i].text);
		if (strncmp(parser->text + parser->pos, operators[i].text, size) == 0) {
			parser->pos += size;
			*ret = operators[i].compare;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) ||
		    __builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

/** "0" needs no unit. */
static bool parse_duration(const char *text, uint64_t *ret)
{
	if (strcmp(text, "0") != 0)
		return gospy_text_duration(text, ret);
	*ret = 0;
	return true;
}

static bool parse_truth(const char *text, uint64_t *ret)
{
	bool yes = strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "false") != 0)
		return false;
	*ret = yes;
	return true;
}

static bool is_status(const char *text)
{
	for (uint8_t i = 0; i < 16; i++) {
		if (strcmp(gospy_goroutine_status_name(i), text) == 0)
			return true;
	}
	return false;
}

static struct gospy_error *compile_regex(const struct parser *parser,
					 struct gospy_filter_leaf *leaf, size_t pos)
{
	char text[128], message[160];
	const char *trouble = gospy_filter_regex_trouble(leaf->string);

	if (trouble)
		return fail(parser, pos, trouble);
	int code = regcomp(&leaf->regex, leaf->string, REG_EXTENDED | REG_NOSUB);
	leaf->has_regex = code == 0;
	if (code == 0)
		return NULL;
	if (code == REG_ESPACE)
		return &gospy_enomem;
	regerror(code, NULL, text, sizeof(text));
	snprintf(message, sizeof(message), "bad regular expression (%s)", text);
	return fail(parser, pos, message);
}

/** Reads `token` as a value of `kind` into the leaf. */
static struct gospy_error *set_value(const struct parser *parser, enum value_kind kind,
				     struct gospy_filter_leaf *leaf, struct token *token)
{
	bool regex = leaf->compare == GOSPY_FILTER_MATCH || leaf->compare == GOSPY_FILTER_NOT_MATCH;

	if (kind == VALUE_NUMBER && !parse_number(token->text, &leaf->number))
		return fail(parser, token->pos, "expected a number");
	if (kind == VALUE_DURATION && !parse_duration(token->text, &leaf->number))
		return fail(parser, token->pos, "expected a duration such as 1h30m, 5s or 250ms");
	if (kind == VALUE_TRUTH && !parse_truth(token->text, &leaf->number))
		return fail(parser, token->pos, "expected true or false");
	if (kind == VALUE_STATUS && !regex && !is_status(token->text))
		return fail(parser, token->pos, "unknown status");
	leaf->string_size = token->size;
	leaf->string = take_ptr(token->text);
	return regex ? compile_regex(parser, leaf, token->pos) : NULL;
}

static bool compare_applies(enum value_kind kind, enum gospy_filter_compare compare)
{
	bool is_string = kind == VALUE_STRING || kind == VALUE_STATUS;

	switch (compare) {
	case GOSPY_FILTER_MATCH:
	case GOSPY_FILTER_NOT_MATCH:
	case GOSPY_FILTER_CONTAINS:
		return is_string;
	case GOSPY_FILTER_LT:
	case GOSPY_FILTER_LE:
	case GOSPY_FILTER_GT:
	case GOSPY_FILTER_GE:
		return kind == VALUE_NUMBER || kind == VALUE_DURATION;
	default:
		return true;
	}
}

/** Takes over the leaf, also on failure. */
static struct gospy_error *add_leaf(struct parser *parser, struct gospy_filter_leaf *leaf)
{
	struct gospy_filter *filter = parser->filter;

	if (filter->program.size >= GOSPY_FILTER_MAX_PROGRAM)
		return fail(parser, parser->pos, "the expression is too long");
	if (!gospy_u32_vec_append(&filter->program, (uint32_t)filter->leaves.size))
		return &gospy_enomem;
	if (!gospy_filter_leaf_vec_append(&filter->leaves, *leaf))
		return &gospy_enomem;
	*leaf = (struct gospy_filter_leaf){};
	return NULL;
}

static const struct field_name *find_field(const struct token *word)
{
	if (word->quoted)
		return NULL;
	if (strncmp(word->text, LABEL_PREFIX, strlen(LABEL_PREFIX)) == 0)
		return &label_field;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (strcmp(fields[i].name, word->text) == 0)
			return &fields[i];
	}
	return NULL;
}

/** The key behind "label.": the rest of the word, or a quoted string right behind the dot. */
static struct gospy_error *read_label_key(struct parser *parser, const struct token *word,
					  struct gospy_filter_leaf *leaf)
{
	_cleanup_(token_deinit) struct token key = {};
	const char *rest = word->text + strlen(LABEL_PREFIX);

	if (*rest) {
		leaf->label = strdup(rest);
		return leaf->label ? NULL : &gospy_enomem;
	}
	if (!is_quote(parser->text[parser->pos]))
		return fail(parser, parser->pos, "expected the key of a label");
	struct gospy_error *err = read_string(parser, &key);
	if (!err)
		leaf->label = take_ptr(key.text);
	return err;
}

/** A field that stands alone: a truth that holds, a label that is there; else a part of a function.
 */
static struct gospy_error *parse_alone(struct parser *parser, const struct field_name *field,
				       struct token *word, struct gospy_filter_leaf *leaf)
{
	if (field && field->kind == VALUE_TRUTH) {
		leaf->field = field->field;
		leaf->number = 1;
	} else if (field == &label_field) {
		leaf->compare = GOSPY_FILTER_NE;
		leaf->string = strdup("");
		if (!leaf->string)
			return &gospy_enomem;
	} else {
		leaf->field = GOSPY_FILTER_FUNC;
		leaf->compare = GOSPY_FILTER_CONTAINS;
		leaf->string_size = word->size;
		leaf->string = take_ptr(word->text);
	}
	return add_leaf(parser, leaf);
}

/** "field op value", or a bare word or string. */
static struct gospy_error *parse_comparison(struct parser *parser)
{
	_cleanup_(token_deinit) struct token word = {}, value = {};
	_cleanup_(gospy_filter_leaf_deinit) struct gospy_filter_leaf leaf = {};
	struct gospy_error *err = read_token(parser, "expected a condition", &word);

	if (err)
		return err;
	const struct field_name *field = find_field(&word);
	leaf.field = field ? field->field : GOSPY_FILTER_FUNC;
	if (field == &label_field)
		err = read_label_key(parser, &word, &leaf);
	if (err)
		return err;
	size_t before = parser->pos;
	if (!read_compare(parser, &leaf.compare)) {
		parser->pos = before;
		return parse_alone(parser, field, &word, &leaf);
	}
	if (!field)
		return fail(parser, word.pos, "unknown field");
	if (!compare_applies(field->kind, leaf.compare))
		return fail(parser, word.pos, "this comparison does not apply to the field");
	err = read_token(parser, "expected a value", &value);
	if (!err)
		err = set_value(parser, field->kind, &leaf, &value);
	return err ? err : add_leaf(parser, &leaf);
}

static struct gospy_error *push(struct parser *parser, uint32_t op)
{
	if (parser->num_operators == GOSPY_FILTER_MAX_DEPTH)
		return fail(parser, parser->pos, "nested too deeply");
	parser->operators[parser->num_operators++] = op;
	return NULL;
}

/** Moves operators that bind at least as tightly as `op` from the stack to the program. */
static struct gospy_error *reduce(struct parser *parser, uint32_t op)
{
	struct gospy_u32_vec *program = &parser->filter->program;

	while (parser->num_operators) {
		/* '!' binds tightest, then '&&', then '||'; the last two from the left. */
		uint32_t top = parser->operators[parser->num_operators - 1];
		if (top == PARENTHESIS || (top == GOSPY_FILTER_OR && op == GOSPY_FILTER_AND))
			break;
		if (program->size >= GOSPY_FILTER_MAX_PROGRAM)
			return fail(parser, parser->pos, "the expression is too long");
		if (!gospy_u32_vec_append(program, top))
			return &gospy_enomem;
		parser->num_operators--;
	}
	return NULL;
}

/** "!" and "(" as often as they come, then one condition. */
static struct gospy_error *parse_operand(struct parser *parser)
{
	for (;;) {
		skip_space(parser);
		char c = parser->text[parser->pos];
		if (c != '!' && c != '(')
			return parse_comparison(parser);
		struct gospy_error *err = push(parser, c == '!' ? GOSPY_FILTER_NOT : PARENTHESIS);
		if (err)
			return err;
		parser->pos++;
	}
}

static struct gospy_error *close_parenthesis(struct parser *parser)
{
	struct gospy_error *err = reduce(parser, GOSPY_FILTER_OR);

	if (err)
		return err;
	if (!parser->num_operators)
		return fail(parser, parser->pos, "')' without '('");
	parser->num_operators--;
	parser->pos++;
	return NULL;
}

/** Closing parentheses, then "&&", "||" or the end, which sets `*ret_more` to false. */
static struct gospy_error *parse_operator(struct parser *parser, bool *ret_more)
{
	for (;;) {
		skip_space(parser);
		const char *at = parser->text + parser->pos;
		if (*at == ')') {
			struct gospy_error *err = close_parenthesis(parser);
			if (err)
				return err;
			continue;
		}
		*ret_more = *at != 0;
		if (!*at)
			return NULL;
		uint32_t op = strncmp(at, "&&", 2) == 0	  ? GOSPY_FILTER_AND
			      : strncmp(at, "||", 2) == 0 ? GOSPY_FILTER_OR
							  : 0;
		if (!op)
			return fail(parser, parser->pos, "expected '&&' or '||'");
		struct gospy_error *err = reduce(parser, op);
		if (err)
			return err;
		parser->pos += 2;
		return push(parser, op);
	}
}

struct gospy_error *gospy_filter_parse(struct gospy_filter *filter, const char *expression)
{
	struct parser parser = {.filter = filter, .text = expression};
	struct gospy_error *err;
	bool more = true;

	while (more) {
		err = parse_operand(&parser);
		if (!err)
			err = parse_operator(&parser, &more);
		if (err)
			return err;
	}
	err = reduce(&parser, GOSPY_FILTER_OR);
	if (!err && parser.num_operators)
		err = fail(&parser, parser.pos, "expected ')'");
	return err;
}
