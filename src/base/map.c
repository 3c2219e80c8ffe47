/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <stdlib.h>

struct map_slot {
	uint64_t key;
	uint32_t value;
	uint32_t used;
};

static uint64_t hash(uint64_t k)
{
	k ^= k >> 32;
	k *= UINT64_C(0x9e3779b97f4a7c15);
	return k ^ (k >> 29);
}

static struct map_slot *find(const struct map *m, uint64_t key)
{
	for (uint64_t i = hash(key);; i++) {
		struct map_slot *s = &m->slots[i & m->mask];
		if (!s->used || s->key == key)
			return s;
	}
}

static bool grow(struct map *m)
{
	uint64_t n = m->slots ? (m->mask + 1) * 2 : 64;
	if (n > SIZE_MAX / sizeof(struct map_slot))
		return false;
	struct map bigger = {calloc((size_t)n, sizeof(struct map_slot)), n - 1, m->len};
	if (!bigger.slots)
		return false;
	for (uint64_t i = 0; m->slots && i <= m->mask; i++)
		if (m->slots[i].used)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return true;
}

bool map_put(struct map *m, uint64_t key, uint32_t value)
{
	if ((!m->slots || m->len * 2 > m->mask) && !grow(m))
		return false;
	struct map_slot *s = find(m, key);
	if (!s->used) {
		s->used = 1;
		s->key = key;
		m->len++;
	}
	s->value = value;
	return true;
}

bool map_get(const struct map *m, uint64_t key, uint32_t *ret)
{
	if (!m->slots)
		return false;
	const struct map_slot *s = find(m, key);
	if (!s->used)
		return false;
	*ret = s->value;
	return true;
}

void map_free(struct map *m)
{
	free(m->slots);
	m->slots = NULL;
	m->mask = m->len = 0;
}
