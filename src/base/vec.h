/* SPDX-License-Identifier: MIT */
/* Typed growable arrays with checked growth: VEC(struct foo) v = {0}; if (!vec_push(&v, x)) return err_nomem(); */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VEC(T)                                                                                                         \
	struct {                                                                                                       \
		T *data;                                                                                               \
		size_t len, cap;                                                                                       \
	}

/* Room for `want` elements of `elem` bytes; false when memory ran out (the vector is unchanged). */
static inline bool vec_grow(void *datap, size_t *cap, size_t elem, size_t want)
{
	void *data; /* copied in and out: *datap is a T *, which must not be accessed as a void * */
	if (want <= *cap)
		return true;
	size_t n = *cap ? *cap : 8, bytes;
	while (n < want) {
		if (n > SIZE_MAX / 2)
			return false;
		n *= 2;
	}
	if (__builtin_mul_overflow(n, elem, &bytes))
		return false;
	memcpy(&data, datap, sizeof(data));
	void *p = realloc(data, bytes);
	if (!p)
		return false;
	memcpy(datap, &p, sizeof(p));
	*cap = n;
	return true;
}

#define vec_reserve(v, want) vec_grow(&(v)->data, &(v)->cap, sizeof(*(v)->data), (want))
#define vec_push(v, value) (vec_reserve((v), (v)->len + 1) ? ((v)->data[(v)->len++] = (value), true) : false)
#define vec_free(v) (free((v)->data), (v)->data = NULL, (v)->len = (v)->cap = 0)

#endif
