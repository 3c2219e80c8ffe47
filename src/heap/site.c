/* SPDX-License-Identifier: MIT */
/* Where sampled objects were allocated, in cores: the call stack behind the header of a bucket of the memory profile. */
#include "heap/heap.h"

enum { MAX_STACK = 1024 }; /* runtime: profstackdepth may be raised to that */

const struct special *heap_sample(const struct heap *h, uint32_t id)
{
	uint32_t lo = 0, hi = h->nspecials;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->specials[mid].object < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->nspecials && h->specials[lo].object == id; lo++)
		if (h->specials[lo].kind == SPECIAL_PROFILE)
			return &h->specials[lo];
	return NULL;
}

size_t heap_site_pcs(const struct heap *h, const struct special *s, uint64_t *out, size_t max)
{
	const struct layout *l = &h->types->layout;
	uint64_t n, stk;
	size_t i = 0;
	if (h->sites || !s->arg || !layout_read(l, h->proc, s->arg, L_BUCKET_NSTK, &n) || n > MAX_STACK)
		return 0;
	stk = layout_addr(l, s->arg, L_BUCKET_NSTK) + h->word; /* nstk is the header's last field */
	for (; i < n && i < max; i++)
		if (!proc_word(h->proc, stk + i * h->word, &out[i]))
			break;
	return i;
}

const struct alloc_site *heap_site(const struct heap *h, uint64_t bucket)
{
	uint32_t lo = 0, hi = h->nsites;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->sites[mid].bucket < bucket)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->nsites && h->sites[lo].bucket == bucket ? &h->sites[lo] : NULL;
}
