/* SPDX-License-Identifier: MIT */
/*
 * Values outside the heap: composites that the linker laid out in data, package variables that pointers lead to,
 * variables on stacks. Each is looked at once per type; none gets a type of its own, they only pass types on.
 */
#include <stdlib.h>

#include "base/ckd.h"
#include "graph/typing_priv.h"

static int range_cmp(const void *a, const void *b)
{
	const struct addr_range *x = a, *y = b;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static bool range_add(struct typing *ty, uint64_t lo, uint64_t hi)
{
	struct addr_range r = {lo, hi};
	if (lo >= hi)
		return true;
	ty->region_budget += 8 * (hi - lo);
	return vec_push(&ty->ranges, r);
}

/*
 * Data segments and stacks. Read-only data holds no pointers into the heap, and memory that the runtime got from the
 * system for itself is none of the program's.
 */
bool typing_regions_init(struct typing *ty)
{
	const struct heap *h = ty->h;
	ty->region_cache = calloc(REGION_CACHE, sizeof(*ty->region_cache));
	bool ok = ty->region_cache != NULL;
	for (size_t i = 0; ok && i < h->prog->nmodules; i++) {
		const struct module *m = &h->prog->modules[i];
		ok = range_add(ty, m->data, m->edata) && range_add(ty, m->bss, m->ebss);
	}
	for (uint32_t i = 0; ok && i < h->ngoroutines; i++)
		ok = range_add(ty, h->goroutines[i].stack_lo, h->goroutines[i].stack_hi);
	if (ok && ty->ranges.len)
		qsort(ty->ranges.data, ty->ranges.len, sizeof(*ty->ranges.data), range_cmp);
	return ok;
}

/* Bytes from addr to the end of the range that it is in; 0 = in none. */
static uint64_t range_left(const struct typing *ty, uint64_t addr)
{
	size_t lo = 0, hi = ty->ranges.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (ty->ranges.data[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < ty->ranges.data[lo - 1].hi ? ty->ranges.data[lo - 1].hi - addr : 0;
}

void region_add(struct typing *ty, const struct claim *c)
{
	uint64_t size = ty->t->t[c->type].size, count = c->bytes / size;
	uint64_t key = c->addr + c->type * UINT64_C(0x9e3779b97f4a7c15);
	struct region *cached = &ty->region_cache[(key >> 17 ^ key >> 3) % REGION_CACHE];
	if (cached->addr == c->addr && cached->type == c->type && cached->count >= count)
		return;
	uint64_t left = range_left(ty, c->addr);
	if (!count || left < size)
		return;
	if (count > left / size)
		count = left / size;
	uint32_t seen, known = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
	struct region r = {c->addr, count, c->type, c->flags & (CLAIM_ARRAY | CLAIM_INFER)};
	*cached = r;
	if (map_get(&ty->region_seen, key, &seen) && seen >= known)
		return;
	if (count * size > ty->region_budget)
		return;
	ty->region_budget -= count * size;
	if (!map_put(&ty->region_seen, key, known) || !vec_push(&ty->regions, r))
		ty->nomem = true;
}

void regions_scan(struct typing *ty)
{
	while (ty->region_at < ty->regions.len) {
		struct region r = ty->regions.data[ty->region_at++];
		values_scan(ty, r.type, r.addr, r.count, r.flags & CLAIM_INFER);
	}
	ty->regions.len = ty->region_at = 0;
}
