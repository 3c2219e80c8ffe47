/* SPDX-License-Identifier: MIT */
/*
 * Heap arenas: mheap_.arenas[l1][l2] -> heapArena, the metadata of 4 or 64 MiB of address space. Needed for the pointer
 * bitmap of Go up to 1.21 and for the page bits that tell Green Tea spans (1.25 and later). Only arenas that hold spans
 * are looked up, so the list of arenas in mheap_ (renamed in 1.25) is not needed.
 */
#include <stdlib.h>

#include "heap/priv.h"

enum { COPY_SLACK = 64 << 20 }; /* bytes of metadata in pieces that even the smallest snapshot may have copied */

static int by_index(const void *a, const void *b)
{
	const struct arena_meta *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

const struct arena_meta *arena_find(const struct heap *h, uint64_t addr)
{
	const struct arena_meta *a = h->priv->arenas;
	uint64_t index = addr >> arena_shift(h);
	size_t lo = 0, hi = h->priv->narenas;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (a[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->priv->narenas && a[lo].index == index ? &a[lo] : NULL;
}

/* A piece of metadata as one run of bytes: a view where it is contiguous, else a copy with zeros for what is missing. */
static const uint8_t *whole(struct heap *h, uint64_t addr, size_t size, uint64_t *budget)
{
	uint64_t avail;
	const uint8_t *view = proc_view(h->proc, addr, &avail);
	if (view && avail >= size)
		return view;
	if (size > *budget) {
		diag_add(h->diag, HC_SEV_WARNING, "heap arena metadata from %#llx on is left out: more of it would be read than the "
		         "snapshot holds", (unsigned long long)addr);
		return NULL;
	}
	*budget -= size;
	uint8_t *copy = arena_alloc(&h->arena, size);
	if (!copy)
		return NULL;
	for (size_t at = 0; at < size;) {
		view = proc_view(h->proc, addr + at, &avail);
		size_t n = view ? (avail < size - at ? (size_t)avail : size - at) : 4096;
		if (n > size - at)
			n = size - at;
		if (view)
			memcpy(copy + at, view, n);
		else
			diag_add(h->diag, HC_SEV_WARNING,
			         "heap arena metadata at %#llx is not in the snapshot: pointers of its objects are unknown",
			         (unsigned long long)(addr + at));
		at += n;
	}
	return copy;
}

static bool arena_load(struct heap *h, uint64_t l2, struct arena_meta *a, uint64_t *budget)
{
	const struct layout *l = &h->types->layout;
	unsigned shift = arena_shift(h);
	uint64_t entry = arena_offset(h, a->index << shift) >> shift;
	size_t words = ((size_t)1 << shift) / h->word, pages = (size_t)1 << (shift - PAGE_SHIFT);
	if (!proc_word(h->proc, l2 + entry * h->word, &a->addr) || !a->addr)
		return false;
	/* GOEXPERIMENT=noallocheaders (1.22): at the start of heapArena (heapArenaPtrScalar), as before. */
	bool embedded = l->minor == 22 && !span_rules_of(h->proc).headers;
	if (layout_has(l, L_HARENA_BITMAP) || embedded) /* two bits a word up to 1.19, then one */
		a->bitmap = whole(h, embedded ? a->addr : layout_addr(l, a->addr, L_HARENA_BITMAP),
		                  l->minor <= 19 ? words / 4 : words / 8, budget);
	if (layout_has(l, L_HARENA_PAGEUSESPANINLINEMARKBITS))
		a->inlinemarks = whole(h, layout_addr(l, a->addr, L_HARENA_PAGEUSESPANINLINEMARKBITS), pages / 8, budget);
	return true;
}

struct hc_error *arenas_load(struct heap *h)
{
	struct heap_private *priv = h->priv;
	const struct layout *l = &h->types->layout;
	VEC(struct arena_meta) arenas = {0};
	uint64_t l2;
	unsigned shift = arena_shift(h);
	/* linux uses one L1 entry (arenaL1Bits is 0): mheap_.arenas[0] points to the L2 array. */
	if (!layout_has(l, L_MHEAP_ARENAS) || !proc_word(h->proc, layout_addr(l, priv->mheap, L_MHEAP_ARENAS), &l2))
		return err_new(HC_E_TRUNCATED, "%s: runtime.mheap_.arenas at %#llx is not in the snapshot", h->proc->blob->path,
		               (unsigned long long)priv->mheap);
	uint64_t last = UINT64_MAX, budget = COPY_SLACK + 4 * h->proc->blob->size;
	for (uint32_t i = 0; i < h->nspans; i++) {
		uint64_t from = h->spans[i].base >> shift, to = (h->spans[i].limit - 1) >> shift;
		for (uint64_t g = from; g <= to; g++) {
			if (g == last)
				continue;
			last = g;
			struct arena_meta a = {.index = g};
			if (!arena_load(h, l2, &a, &budget)) {
				diag_add(h->diag, HC_SEV_WARNING, "the heap arena of %#llx has no metadata in the snapshot",
				         (unsigned long long)(g << shift));
				continue;
			}
			if (!vec_push(&arenas, a)) {
				vec_free(&arenas);
				return err_nomem();
			}
		}
	}
	if (arenas.len)
		qsort(arenas.data, arenas.len, sizeof(*arenas.data), by_index);
	priv->arenas = arenas.data;
	priv->narenas = arenas.len;
	return NULL;
}
