/* SPDX-License-Identifier: MIT */
/* Bit sets and loads of either byte order from bytes of any alignment. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool bit_get(const uint64_t *set, uint64_t i)
{
	return (set[i >> 6] >> (i & 63)) & 1;
}

static inline void bit_set(uint64_t *set, uint64_t i)
{
	set[i >> 6] |= UINT64_C(1) << (i & 63);
}

static inline void bit_clear(uint64_t *set, uint64_t i)
{
	set[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

static inline size_t bit_words(uint64_t nbits)
{
	return (size_t)((nbits + 63) / 64);
}

static inline uint16_t load16(const void *p, bool be)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return be ? __builtin_bswap16(v) : v;
}

static inline uint32_t load32(const void *p, bool be)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return be ? __builtin_bswap32(v) : v;
}

static inline uint64_t load64(const void *p, bool be)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return be ? __builtin_bswap64(v) : v;
}

/* 64 bits of a set that is kept in words of `word` bytes (4 or 8), the first bit of each being its lowest. */
static inline uint64_t load_bits(const void *p, unsigned word, bool be)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	if (be) {
		v = __builtin_bswap64(v);
		if (word == 4)
			v = v << 32 | v >> 32;
	}
	return v;
}

/* A word of `size` bytes (1, 2, 4 or 8), zero-extended. */
static inline uint64_t load_uint(const void *p, unsigned size, bool be)
{
	switch (size) {
	case 1: return *(const uint8_t *)p;
	case 2: return load16(p, be);
	case 4: return load32(p, be);
	default: return load64(p, be);
	}
}

#endif
