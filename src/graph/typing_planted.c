/* SPDX-License-Identifier: MIT */
/*
 * Names that a program planted in its own objects: a number of its choice in the first word. They serve objects that nothing
 * else names, above all in heap dumps without the executable.
 */
#include <stdlib.h>

#include "base/pool.h"
#include "graph/graph.h"

enum { PLANTED_BYTES = 8 }; /* on 32-bit systems, too */

/* Objects of one name and size. */
struct planted_kind {
	uint32_t name;  /* index in the list */
	uint32_t type;
	uint64_t usable;
	uint64_t *mask; /* where any of them has a pointer */
};

struct planting {
	struct graph *g;
	struct types *t;
	const struct planted *list; /* sorted by value */
	size_t n;
	VEC(struct planted_kind) kinds;
	struct map by_key; /* name and size -> index in kinds */
};

static const struct planted *planted_find(const struct planting *p, uint64_t value)
{
	size_t lo = 0, hi = p->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->list[mid].value < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n && p->list[lo].value == value ? &p->list[lo] : NULL;
}

static struct planted_kind *kind_get(struct planting *p, uint32_t name, uint64_t usable)
{
	uint32_t at;
	uint64_t key = (uint64_t)name * UINT64_C(0x9e3779b97f4a7c15) ^ usable;
	if (map_get(&p->by_key, key, &at) && p->kinds.data[at].name == name && p->kinds.data[at].usable == usable)
		return &p->kinds.data[at];
	struct type ty = {.name = p->list[name].name, .size = usable, .elem = TYPE_NONE, .key = TYPE_NONE, .storage = TYPE_NONE,
	                  .kind = KIND_STRUCT, .flags = TYPE_F_SYNTHETIC | TYPE_F_OPAQUE};
	uint64_t words = usable / p->t->proc->word;
	struct planted_kind k = {name, types_add(p->t, &ty), usable, arena_alloc(&p->t->arena, (bit_words(words) + 1) * 8)};
	if (k.type == TYPE_NONE || k.type >= TW_TYPE_MASK || !k.mask || !vec_push(&p->kinds, k) ||
	    !map_put(&p->by_key, key, (uint32_t)p->kinds.len - 1))
		return NULL;
	p->t->t[k.type].mask = k.mask;
	return &p->kinds.data[p->kinds.len - 1];
}

/* The type has a pointer wherever one of its objects has. */
static void mask_widen(struct planting *p, const struct planted_kind *k, uint32_t id)
{
	enum { STEP = 16 };
	uint64_t words = k->usable / p->t->proc->word, bits[STEP];
	struct type *ty = &p->t->t[k->type];
	for (uint64_t from = 0; from < words; from += 64 * STEP) {
		uint64_t n = heap_object_mask(p->g->heap, id, from, bits, 64 * STEP);
		for (uint64_t i = 0; i * 64 < n; i++) {
			if (!bits[i])
				continue;
			k->mask[from / 64 + i] |= bits[i];
			uint64_t end = from + i * 64 + 64 - (uint64_t)__builtin_clzll(bits[i]);
			ty->ptr_words = end > ty->ptr_words ? end : ty->ptr_words;
		}
	}
}

static bool object_name(struct planting *p, uint32_t span, uint32_t id)
{
	const struct heap *h = p->g->heap;
	uint64_t avail;
	uint32_t origin = p->g->tw[id] >> TW_ORIGIN_SHIFT & 3;
	if (origin != ORIGIN_UNKNOWN && origin != ORIGIN_INFERRED)
		return true;
	const uint8_t *d = heap_object_view(h, id, 0, &avail);
	if (!d || avail < PLANTED_BYTES)
		return true;
	const struct planted *name = planted_find(p, load64(d, h->be));
	if (!name)
		return true;
	struct planted_kind *k = kind_get(p, (uint32_t)(name - p->list), span_usable(h, span));
	if (!k)
		return false;
	if (!(h->spans[span].flags & SPAN_NOSCAN))
		mask_widen(p, k, id);
	p->g->tw[id] = k->type | (uint32_t)ORIGIN_INFERRED << TW_ORIGIN_SHIFT;
	p->g->slack[id] = 0;
	return true;
}

struct hc_error *graph_name_planted(struct graph *g, struct types *t, const struct planted *list, size_t n)
{
	struct planting p = {.g = g, .t = t, .list = list, .n = n};
	const struct heap *h = g->heap;
	bool ok = true;
	for (uint32_t i = 0; ok && i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		for (uint32_t id = s->first; ok && id < s->first + s->nelems; id++)
			if (bit_get(h->alloc, id))
				ok = object_name(&p, i, id);
	}
	vec_free(&p.kinds);
	map_free(&p.by_key);
	return ok ? types_finish(t) : err_nomem();
}
