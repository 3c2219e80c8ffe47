/* SPDX-License-Identifier: MIT */
/* A checked cursor over bytes of a file or of the process. On failure nothing advances and the caller reports where. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/bits.h"
#include "base/ckd.h"

struct bytes {
	const uint8_t *data;
	size_t size;
	size_t pos;
	bool be;
};

static inline struct bytes bytes_of(const void *data, size_t size, bool be)
{
	struct bytes b = {data, size, 0, be};
	return b;
}

static inline size_t bytes_left(const struct bytes *b)
{
	return b->size - b->pos;
}

static inline bool bytes_take(struct bytes *b, size_t n, const uint8_t **ret)
{
	if (n > bytes_left(b))
		return false;
	*ret = b->data + b->pos;
	b->pos += n;
	return true;
}

static inline bool bytes_skip(struct bytes *b, uint64_t n)
{
	if (n > bytes_left(b))
		return false;
	b->pos += (size_t)n;
	return true;
}

static inline bool bytes_uint(struct bytes *b, unsigned size, uint64_t *ret)
{
	const uint8_t *p;
	if (!bytes_take(b, size, &p))
		return false;
	*ret = load_uint(p, size, b->be);
	return true;
}

static inline bool bytes_u32(struct bytes *b, uint32_t *ret)
{
	uint64_t v;
	if (!bytes_uint(b, 4, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Unsigned LEB128 of at most 64 bits; more is malformed. */
static inline bool bytes_uvarint(struct bytes *b, uint64_t *ret)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 10 && b->pos + i < b->size; i++) {
		uint8_t c = b->data[b->pos + i];
		if (i == 9 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (!(c & 0x80)) {
			b->pos += i + 1;
			*ret = v;
			return true;
		}
	}
	return false;
}

#endif
