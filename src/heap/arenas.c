/* SPDX-License-Identifier: MIT */
/*
 * Heap arenas: mheap_.arenas[l1][l2] -> heapArena, the metadata of 64 MiB of address space. Needed for the pointer
 * bitmap of Go up to 1.21 and for the page bits that tell Green Tea spans (1.25 and later). Only arenas that hold spans
 * are looked up, so the list of arenas in mheap_ (renamed in 1.25) is not needed.
 */
#include <stdlib.h>

#include "heap/priv.h"

enum {
	BITMAP_2BIT = 2 << 20, /* bytes per arena, <= 1.19 */
	BITMAP_1BIT = 1 << 20, /* 1.20, 1.21 */
	COPY_SLACK = 64 << 20, /* bytes of metadata in pieces that even the smallest snapshot may have copied */
};

static int by_granule(const void *a, const void *b)
{
	const struct arena_meta *x = a, *y = b;
	return x->granule < y->granule ? -1 : x->granule > y->granule;
}

const struct arena_meta *arena_find(const struct heap *h, uint64_t addr)
{
	const struct arena_meta *a = h->priv->arenas;
	uint64_t granule = addr >> GRANULE_SHIFT;
	size_t lo = 0, hi = h->priv->narenas;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (a[mid].granule < granule)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->priv->narenas && a[lo].granule == granule ? &a[lo] : NULL;
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

/* The arena base offset: malloc.go, arenaBaseOffset: amd64 sign-extends its addresses, everyone else counts from 0. */
static uint64_t arena_index(const struct heap *h, uint64_t addr)
{
	uint64_t offset = h->proc->arch == ARCH_AMD64 ? UINT64_C(0xffff800000000000) : 0;
	unsigned shift = h->word == 8 ? GRANULE_SHIFT : 22; /* 4 MiB arenas on 32-bit platforms */
	return (addr - offset) >> shift;
}

static bool arena_load(struct heap *h, uint64_t l2, struct arena_meta *a, uint64_t *budget)
{
	const struct layout *l = &h->types->layout;
	uint64_t addr = a->granule << GRANULE_SHIFT;
	if (!proc_word(h->proc, l2 + arena_index(h, addr) * h->word, &a->addr) || !a->addr)
		return false;
	/* GOEXPERIMENT=noallocheaders (1.22): at the start of heapArena (heapArenaPtrScalar), as before. */
	bool embedded = l->minor == 22 && !span_rules_of(h->proc).headers;
	if (layout_has(l, L_HARENA_BITMAP) || embedded)
		a->bitmap = whole(h, embedded ? a->addr : layout_addr(l, a->addr, L_HARENA_BITMAP),
		                  l->minor <= 19 ? BITMAP_2BIT : BITMAP_1BIT, budget);
	if (layout_has(l, L_HARENA_PAGEUSESPANINLINEMARKBITS))
		a->inlinemarks = whole(h, layout_addr(l, a->addr, L_HARENA_PAGEUSESPANINLINEMARKBITS), GRANULE_PAGES / 8, budget);
	return true;
}

struct hc_error *arenas_load(struct heap *h)
{
	struct heap_private *priv = h->priv;
	const struct layout *l = &h->types->layout;
	VEC(struct arena_meta) arenas = {0};
	uint64_t l2;
	/* linux uses one L1 entry (arenaL1Bits is 0): mheap_.arenas[0] points to the L2 array. */
	if (!layout_has(l, L_MHEAP_ARENAS) || !proc_word(h->proc, layout_addr(l, priv->mheap, L_MHEAP_ARENAS), &l2))
		return err_new(HC_E_TRUNCATED, "%s: runtime.mheap_.arenas at %#llx is not in the snapshot", h->proc->blob->path,
		               (unsigned long long)priv->mheap);
	uint64_t last = UINT64_MAX, budget = COPY_SLACK + 4 * h->proc->blob->size;
	for (uint32_t i = 0; i < h->nspans; i++) {
		uint64_t from = h->spans[i].base >> GRANULE_SHIFT, to = (h->spans[i].limit - 1) >> GRANULE_SHIFT;
		for (uint64_t g = from; g <= to; g++) {
			if (g == last)
				continue;
			last = g;
			struct arena_meta a = {.granule = g};
			if (!arena_load(h, l2, &a, &budget)) {
				diag_add(h->diag, HC_SEV_WARNING, "the heap arena of %#llx has no metadata in the snapshot",
				         (unsigned long long)(g << GRANULE_SHIFT));
				continue;
			}
			if (!vec_push(&arenas, a)) {
				vec_free(&arenas);
				return err_nomem();
			}
		}
	}
	if (arenas.len)
		qsort(arenas.data, arenas.len, sizeof(*arenas.data), by_granule);
	priv->arenas = arenas.data;
	priv->narenas = arenas.len;
	return NULL;
}
