/* SPDX-License-Identifier: MIT */
#include "base/strtab.h"

#include <string.h>

static uint32_t hash(const char *s, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ (h >> 32));
}

static uint32_t *slot(const struct strtab *t, const char *text, size_t len, uint32_t h)
{
	for (uint32_t i = h;; i++) {
		uint32_t *s = &t->index[i & t->mask];
		if (!*s)
			return s;
		const struct strtab_entry *e = &t->strings.data[*s - 1];
		if (e->hash == h && e->len == len && memcmp(e->text, text, len) == 0)
			return s;
	}
}

static bool grow(struct strtab *t)
{
	uint32_t n = t->index ? (t->mask + 1) * 2 : 256;
	if (!n)
		return false;
	uint32_t *index = calloc(n, sizeof(*index));
	if (!index)
		return false;
	free(t->index);
	t->index = index;
	t->mask = n - 1;
	for (size_t i = 0; i < t->strings.len; i++) {
		uint32_t at = t->strings.data[i].hash;
		while (index[at & t->mask])
			at++;
		index[at & t->mask] = (uint32_t)i + 1;
	}
	return true;
}

bool strtab_add(struct strtab *t, const char *text, size_t len, uint32_t *ret)
{
	if (len > UINT32_MAX || t->strings.len >= UINT32_MAX / 4)
		return false;
	if ((!t->index || t->strings.len * 2 > t->mask) && !grow(t))
		return false;
	uint32_t h = hash(text, len);
	uint32_t *s = slot(t, text, len, h);
	if (!*s) {
		struct strtab_entry e = {arena_strndup(&t->arena, text, len), (uint32_t)len, h};
		if (!e.text || !vec_push(&t->strings, e))
			return false;
		*s = (uint32_t)t->strings.len;
	}
	*ret = *s - 1;
	return true;
}

bool strtab_find(const struct strtab *t, const char *text, size_t len, uint32_t *ret)
{
	if (!t->index)
		return false;
	uint32_t *s = slot(t, text, len, hash(text, len));
	if (!*s)
		return false;
	*ret = *s - 1;
	return true;
}

void strtab_free(struct strtab *t)
{
	vec_free(&t->strings);
	free(t->index);
	t->index = NULL;
	arena_free(&t->arena);
}
