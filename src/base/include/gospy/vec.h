/* SPDX-License-Identifier: MIT */
#ifndef GOSPY_VEC_H
#define GOSPY_VEC_H

/**
 * Growing arrays with recoverable lack of memory. GOSPY_VEC(name, type) defines `struct name`
 * with `data` (owned, NULL while empty), `size` and `capacity` (both in elements), and:
 *
 *   void name_deinit(struct name *v)                      frees; v is empty again
 *   bool name_reserve(struct name *v, size_t capacity)    false: no memory, v unchanged
 *   bool name_append(struct name *v, type element)        copied; false: no memory, v unchanged
 *   bool name_resize(struct name *v, size_t size)         new elements are zero
 *
 * A zeroed struct is an empty vector. Pointers into `data` are valid until the next call that may
 * grow it. Used by one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** The capacity to grow to so that `needed` fits; 0 where that overflows `element_size`. */
static inline size_t gospy_vec_capacity(size_t capacity, size_t needed, size_t element_size)
{
	size_t grown = capacity < 8 ? 8 : capacity + capacity / 2;

	if (grown < needed)
		grown = needed;
	return grown > SIZE_MAX / 2 / element_size ? 0 : grown;
}

#define GOSPY_VEC(name, type)                                                                      \
	struct name {                                                                              \
		type *data;                                                                        \
		size_t size;                                                                       \
		size_t capacity;                                                                   \
	};                                                                                         \
	static inline void name##_deinit(struct name *v)                                           \
	{                                                                                          \
		free(v->data);                                                                     \
		memset(v, 0, sizeof(*v));                                                          \
	}                                                                                          \
	__attribute__((__unused__, __warn_unused_result__)) static inline bool name##_reserve(     \
		struct name *v, size_t capacity)                                                   \
	{                                                                                          \
		if (capacity <= v->capacity)                                                       \
			return true;                                                               \
		size_t grown = gospy_vec_capacity(v->capacity, capacity, sizeof(type));            \
		type *data = grown ? realloc(v->data, grown * sizeof(type)) : NULL;                \
		if (!data)                                                                         \
			return false;                                                              \
		v->data = data;                                                                    \
		v->capacity = grown;                                                               \
		return true;                                                                       \
	}                                                                                          \
	__attribute__((__unused__, __warn_unused_result__)) static inline bool name##_append(      \
		struct name *v, type element)                                                      \
	{                                                                                          \
		if (v->size == v->capacity && !name##_reserve(v, v->size + 1))                     \
			return false;                                                              \
		v->data[v->size++] = element;                                                      \
		return true;                                                                       \
	}                                                                                          \
	__attribute__((__unused__, __warn_unused_result__)) static inline bool name##_resize(      \
		struct name *v, size_t size)                                                       \
	{                                                                                          \
		if (!name##_reserve(v, size))                                                      \
			return false;                                                              \
		if (size > v->size)                                                                \
			memset(v->data + v->size, 0, (size - v->size) * sizeof(type));             \
		v->size = size;                                                                    \
		return true;                                                                       \
	}                                                                                          \
	_Static_assert(1, "")

GOSPY_VEC(gospy_u8_vec, uint8_t);
GOSPY_VEC(gospy_u32_vec, uint32_t);
GOSPY_VEC(gospy_u64_vec, uint64_t);

#endif
