/* SPDX-License-Identifier: MIT */
/* Checked arithmetic on sizes and addresses that come from a file. True means: the result is good. */
#ifndef BASE_CKD_H
#define BASE_CKD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ckd_add(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}

static inline bool ckd_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}

static inline bool ckd_size(uint64_t v, size_t *ret)
{
	*ret = (size_t)v;
	return *ret == v;
}

/* Rounds up to a multiple of align, a power of two. */
static inline bool ckd_align(uint64_t v, uint64_t align, uint64_t *ret)
{
	uint64_t t;
	if (!ckd_add(v, align - 1, &t))
		return false;
	*ret = t & ~(align - 1);
	return true;
}

/* Is [off, off+len) inside [0, size)? Never forms off+len. */
static inline bool in_range(uint64_t off, uint64_t len, uint64_t size)
{
	return len <= size && off <= size - len;
}

#endif
