/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <gospy/arguments.h>
#include <gospy/cursor.h>
#include <gospy/limits.h>

/* internal/abi/symtab.go, Go 1.27; the same numbers in runtime/symtab.go since 1.17 and 1.18. */
#define FUNCDATA_ARG_INFO 5
#define FUNCDATA_ARG_LIVE_INFO 6
#define PCDATA_ARG_LIVE_INDEX 3

/* The "instructions" of FUNCDATA_ArgInfo: internal/abi/symtab.go TraceArgs..., Go 1.27, and
 * printArgs of runtime/traceback.go since 1.17. Anything below is an offset, followed by a size. */
enum {
	ARGS_END = 0xff,
	ARGS_START_AGGREGATE = 0xfe,
	ARGS_END_AGGREGATE = 0xfd,
	ARGS_DOTDOTDOT = 0xfc,
	ARGS_OFFSET_TOO_LARGE = 0xfb,
};

/* abi.TraceArgsMaxLen: (5 levels * 3 + 2) * 10 arguments + 1. */
#define ARGS_MAX_LENGTH 171

/* sys.MinFrameSize: on arm64 the callee's saved link register lies below its caller's arguments. */
#define ARM64_MIN_FRAME_SIZE 8

/** The bytes above the frame: `[argp, ...)` as far as they are at hand. */
struct argument_area {
	uint64_t argp;
	const struct gospy_stack_window *window;
};

/** Which spill slots of register arguments hold what they held at entry. */
struct argument_liveness {
	struct gospy_region bits;
	int32_t index;
	/** Slots at lower offsets are always live. */
	uint8_t start_offset;
};

static bool read_argument(const struct argument_area *area, uint64_t offset, uint8_t size,
			  uint64_t *ret)
{
	const struct gospy_stack_window *window = area->window;
	uint64_t address = area->argp + offset;

	if (!size || size > 8 || address < window->address ||
	    address - window->address > window->size ||
	    size > window->size - (address - window->address))
		return false;
	uint64_t value = 0;
	memcpy(&value, window->data + (address - window->address), size);
	*ret = value;
	return true;
}

static void write_argument(const struct argument_area *area, uint64_t offset, uint8_t size,
			   struct gospy_output *output)
{
	uint64_t value;

	if (read_argument(area, offset, size, &value))
		gospy_output_hex(output, value);
	else
		gospy_output_char(output, '_');
}

/** The argument words up to Go 1.16 (gentraceback): a size not known counts as a huge one. */
static void write_words(const struct gospy_func *func, const struct argument_area *area,
			struct gospy_output *output)
{
	uint64_t num_words = (uint64_t)(int64_t)func->args_size / 8;

	for (uint64_t i = 0; i < num_words; i++) {
		if (i)
			gospy_output_string(output, ", ");
		if (i == GOSPY_MAX_ARGUMENTS) {
			gospy_output_string(output, "...");
			break;
		}
		write_argument(area, i * 8, 8, output);
	}
}

/** printArgs' isLive (runtime/traceback.go, Go 1.18). */
static bool is_live(const struct argument_liveness *liveness, uint8_t offset, uint8_t slot)
{
	if (!liveness->bits.size || liveness->index <= 0 || offset < liveness->start_offset)
		return true;
	uint64_t at = (uint64_t)liveness->index + slot / 8;
	return at >= liveness->bits.size || liveness->bits.data[at] >> slot % 8 & 1;
}

/** Follows FUNCDATA_ArgInfo as printArgs does. */
static void write_typed(const struct gospy_region *info, const struct argument_liveness *liveness,
			const struct argument_area *area, struct gospy_output *output)
{
	struct gospy_cursor cursor =
		gospy_cursor_make("argument info", info->data,
				  info->size < ARGS_MAX_LENGTH ? info->size : ARGS_MAX_LENGTH);
	bool start = true;
	uint8_t slot = 0;

	for (;;) {
		uint8_t op = gospy_cursor_u8(&cursor);
		if (cursor.failed || op == ARGS_END)
			return;
		if (op != ARGS_END_AGGREGATE && !start)
			gospy_output_string(output, ", ");
		start = op == ARGS_START_AGGREGATE;
		if (op == ARGS_START_AGGREGATE) {
			gospy_output_char(output, '{');
		} else if (op == ARGS_END_AGGREGATE) {
			gospy_output_char(output, '}');
		} else if (op == ARGS_DOTDOTDOT) {
			gospy_output_string(output, "...");
		} else if (op == ARGS_OFFSET_TOO_LARGE) {
			gospy_output_char(output, '_');
		} else {
			write_argument(area, op, gospy_cursor_u8(&cursor), output);
			if (!is_live(liveness, op, slot))
				gospy_output_char(output, '?');
			slot += op >= liveness->start_offset;
		}
	}
}

/** Where liveness is looked up: up to Go 1.20 gentraceback had moved on to the place of the
 * outermost inlined call by then. */
static struct gospy_error *liveness_pc(int minor, const struct gospy_pc_info *info, uint64_t *ret)
{
	uint64_t pc = gospy_pc_info_lookup_pc(info);

	if (minor >= 0 && minor <= 20)
		return gospy_func_outer_pc(&info->module->pclntab, &info->func, pc, ret);
	*ret = pc;
	return NULL;
}

static struct gospy_error *read_liveness(int minor, const struct gospy_pc_info *info,
					 struct argument_liveness *ret)
{
	const struct gospy_pclntab *table = &info->module->pclntab;
	struct argument_liveness liveness = {.start_offset = 0xff};
	uint64_t pc;

	struct gospy_error *err =
		gospy_func_funcdata(table, &info->func, FUNCDATA_ARG_LIVE_INFO, &liveness.bits);
	if (!err && liveness.bits.size) {
		liveness.start_offset = liveness.bits.data[0];
		err = liveness_pc(minor, info, &pc);
		if (!err)
			err = gospy_func_pcdata(table, &info->func, PCDATA_ARG_LIVE_INDEX, pc,
						&liveness.index);
	}
	if (err)
		return err;
	*ret = liveness;
	return NULL;
}

struct gospy_error *gospy_arguments_write(const struct gospy_program *program,
					  const struct gospy_pc_info *info, uint64_t cfa,
					  const struct gospy_stack_window *window,
					  struct gospy_output *output)
{
	struct argument_area area = {.argp = cfa, .window = window};
	struct argument_liveness liveness = {.start_offset = 0xff};
	struct gospy_region typed = {};
	int minor = program->version.minor;

	if (program->arch == GOSPY_ARCH_ARM64)
		area.argp += ARM64_MIN_FRAME_SIZE;
	if (!info->module || info->action == GOSPY_UNWIND_FOREIGN)
		return NULL;
	if (minor >= 0 && minor < 17) {
		write_words(&info->func, &area, output);
		return NULL;
	}
	struct gospy_error *err =
		gospy_func_funcdata(&info->module->pclntab, &info->func, FUNCDATA_ARG_INFO, &typed);
	if (!err && (minor < 0 || minor >= 18))
		err = read_liveness(minor, info, &liveness);
	if (err)
		return err;
	write_typed(&typed, &liveness, &area, output);
	return NULL;
}
