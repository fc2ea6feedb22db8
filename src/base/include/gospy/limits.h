/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_LIMITS_H
#define GOSPY_LIMITS_H

/**
 * Caps on everything whose size comes from outside. A number above its cap is an error
 * (GOSPY_ERROR_BAD_DATA), found before memory is asked for or a loop is begun.
 */
#include <stdint.h>

/** Goroutines of one process: ten million live ones use over 20 GB of stacks. */
#define GOSPY_MAX_GOROUTINES UINT64_C(50000000)
/** Threads of one process: the kernel's PID_MAX_LIMIT on 64-bit. */
#define GOSPY_MAX_THREADS UINT64_C(4194304)
/** Processors (P): runtime's _MaxGomaxprocs is 1024 up to Go 1.9; unlimited since, so a generous
 * cap. */
#define GOSPY_MAX_PROCESSORS UINT64_C(65536)
/** Frames of one stack: a stack of Go's 1 GB maximum with the smallest frame (16 bytes). */
#define GOSPY_MAX_FRAMES UINT64_C(67108864)
/** Bytes of one goroutine stack: runtime's maxstacksize is 1 GB on 64-bit, doubled by
 * maxstackceiling. */
#define GOSPY_MAX_STACK_SIZE UINT64_C(2147483648)
/** Modules (moduledata chain): the program and its plugins. */
#define GOSPY_MAX_MODULES UINT64_C(4096)
/** Functions of one pclntab. */
#define GOSPY_MAX_FUNCTIONS UINT64_C(16777216)
/** Depth of calls inlined into one place. */
#define GOSPY_MAX_INLINE_DEPTH UINT64_C(1000)
/** Fields of one struct type. */
#define GOSPY_MAX_FIELDS UINT64_C(65536)
/** Bytes of one name: a function, file, type or field. */
#define GOSPY_MAX_NAME UINT64_C(65536)
/** Bytes of one string of the target that is shown (wait reason, version, label). */
#define GOSPY_MAX_STRING UINT64_C(65536)
/** Bytes of the module lines of build information: the largest programs known have some 100 KB. */
#define GOSPY_MAX_MODINFO UINT64_C(16777216)
/** Profiler labels of one goroutine. */
#define GOSPY_MAX_LABELS UINT64_C(1024)
/** ELF segments and sections. */
#define GOSPY_MAX_SEGMENTS UINT64_C(65535)
#define GOSPY_MAX_SECTIONS UINT64_C(1048576)
/** Mappings of one process: far above vm.max_map_count's usual settings. */
#define GOSPY_MAX_MAPPINGS UINT64_C(16777216)
/** Bytes of one decompressed debug section. */
#define GOSPY_MAX_SECTION_SIZE UINT64_C(8589934592)
/** Argument words of one frame that are shown: runtime/traceback.go prints at most 10. */
#define GOSPY_MAX_ARGUMENTS UINT64_C(10)

#endif
