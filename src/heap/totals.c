/* SPDX-License-Identifier: MIT */
/*
 * Where the bytes are: slots, spans, free pages; and the runtime's own counters, which the ledger is checked against.
 *
 * The runtime keeps its heap statistics as per-generation deltas (runtime/mstats.go, consistentHeapStats since Go 1.16)
 * whose sum over the three generations is the total, apart from the spans that Ps have cached: up to 1.18 these count as
 * if they were full, from 1.19 on as they were when they were cached.
 */
#include <stdlib.h>

#include "heap/priv.h"

enum { NSPANCLASSES = 2 * NCLASSES };

static uint64_t popcount_range(const uint64_t *set, uint64_t from, uint64_t n)
{
	uint64_t c = 0;
	for (uint64_t i = from; i < from + n;) {
		uint64_t off = i & 63, take = 64 - off;
		if (take > from + n - i)
			take = from + n - i;
		uint64_t w = set[i >> 6] >> off;
		if (take < 64)
			w &= (UINT64_C(1) << take) - 1;
		c += (uint64_t)__builtin_popcountll(w);
		i += take;
	}
	return c;
}

static int by_base(const void *a, const void *b)
{
	const struct manual_span *x = a, *y = b;
	return x->base < y->base ? -1 : x->base > y->base;
}

static struct manual_span *manual_find(struct heap *h, uint64_t addr)
{
	struct manual_span *m = h->priv->manual.data;
	size_t lo = 0, hi = h->priv->manual.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m[mid].base <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr - m[lo - 1].base < m[lo - 1].npages << PAGE_SHIFT ? &m[lo - 1] : NULL;
}

void heap_count_spans(struct heap *h)
{
	struct memory_totals *t = &h->totals;
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		uint64_t size = span_slot_size(h, i), n = popcount_range(h->alloc, s->first, s->nelems);
		uint64_t bytes = h->info[i].npages << PAGE_SHIFT;
		t->heap_span_bytes += bytes;
		t->slots_bytes += size * s->nelems;
		t->alloc_objects += n;
		t->alloc_bytes += n * size;
		t->free_slot_bytes += (s->nelems - n) * size;
		t->span_tail_bytes += bytes - size * s->nelems;
		t->user_arena_bytes += s->flags & SPAN_USERARENA ? bytes : 0;
		if (!h->info[i].data && !h->content) {
			for (uint64_t at = 0; at < bytes; at += 1 << PAGE_SHIFT) {
				uint64_t avail;
				if (!proc_view(h->proc, s->base + at, &avail))
					t->missing_bytes += 1 << PAGE_SHIFT;
			}
		}
	}
	if (h->priv->manual.len)
		qsort(h->priv->manual.data, h->priv->manual.len, sizeof(*h->priv->manual.data), by_base);
	for (uint32_t i = 0; i < h->ngoroutines; i++) {
		struct manual_span *m = manual_find(h, h->goroutines[i].stack_lo);
		if (m)
			m->stack = true;
	}
	for (size_t k = 0; k < h->priv->manual.len; k++) {
		const struct manual_span *m = &h->priv->manual.data[k];
		*(m->stack ? &t->stack_span_bytes : &t->manual_span_bytes) += m->npages << PAGE_SHIFT;
	}
}

/* ---- the page allocator (runtime/mpagealloc.go): bitmaps of 4 MiB chunks ---- */

enum { CHUNK_SHIFT = 22, CHUNK_PAGES = 512 };

/*
 * Free pages [from, to) of a chunk; a range in use may begin inside a chunk. Allocation clears the scavenged bit, so pages
 * with both bits are those that Go 1.26 sets aside to randomise the heap's start (mheap.grow): never touched.
 */
static void count_chunk(struct heap *h, uint64_t data, unsigned from, unsigned to)
{
	uint64_t w[16]; /* pallocBits [8]uint64, scavenged [8]uint64 */
	uint8_t raw[sizeof(w)];
	if (!proc_read(h->proc, data, raw, sizeof(raw)))
		return;
	for (int i = 0; i < 16; i++)
		w[i] = load64(raw + i * 8, h->be);
	for (unsigned page = from; page < to; page++) {
		if (bit_get(w + 8, page))
			h->totals.released_page_bytes += 1 << PAGE_SHIFT;
		else if (!bit_get(w, page))
			h->totals.free_page_bytes += 1 << PAGE_SHIFT;
	}
}

static void count_pages(struct heap *h)
{
	const struct layout *l = &h->types->layout;
	const struct proc *p = h->proc;
	if (!layout_has(l, L_MHEAP_PAGES))
		return;
	uint64_t pages = layout_addr(l, h->priv->mheap, L_MHEAP_PAGES), ranges, n, word = h->word;
	uint64_t in_use = layout_addr(l, pages, L_PAGES_INUSE);
	if (!proc_word(p, in_use, &ranges) || !proc_word(p, in_use + word, &n))
		return;
	uint64_t budget = p->blob->size / 64 + 1024; /* chunk records that can exist */
	for (uint64_t i = 0; i < n && budget; i++) {
		uint64_t from, to, l2 = 0, l1_of = UINT64_MAX;
		if (!proc_word(p, ranges + i * 2 * word, &from) || !proc_word(p, ranges + (i * 2 + 1) * word, &to) || to < from)
			return;
		h->totals.arena_bytes += to - from;
		for (uint64_t at = from, next; at < to && budget; at = next, budget--) {
			uint64_t chunk = arena_offset(h, at) >> CHUNK_SHIFT;
			unsigned first = (unsigned)(at >> PAGE_SHIFT) & (CHUNK_PAGES - 1), last = CHUNK_PAGES;
			next = ((at >> CHUNK_SHIFT) + 1) << CHUNK_SHIFT;
			if (to < next)
				last = (unsigned)(to >> PAGE_SHIFT) & (CHUNK_PAGES - 1);
			if (chunk >> 13 != l1_of) { /* always 0 on 32-bit ports: they have one table of 1024 chunks */
				l1_of = chunk >> 13;
				if (l1_of >= 8192 || !proc_word(p, layout_addr(l, pages, L_PAGES_CHUNKS) + l1_of * word, &l2))
					return;
			}
			if (l2)
				count_chunk(h, l2 + (chunk & 8191) * 128, first, last);
		}
	}
}

/* ---- per-P caches ---- */

/* Pages that a P took from the page allocator but has not used. */
static void count_page_cache(struct heap *h, uint64_t pp)
{
	const struct layout *l = &h->types->layout;
	uint64_t at = layout_addr(l, pp, L_P_PCACHE), cache, scav;
	if (!layout_read(l, h->proc, at, L_PCACHE_CACHE, &cache) || !layout_read(l, h->proc, at, L_PCACHE_SCAV, &scav))
		return;
	h->totals.released_page_bytes += (uint64_t)__builtin_popcountll(cache & scav) << PAGE_SHIFT;
	h->totals.free_page_bytes += (uint64_t)__builtin_popcountll(cache & ~scav) << PAGE_SHIFT;
}

/* What the runtime's counters miss of the spans that this P has cached. */
static void count_cached_spans(struct heap *h, uint64_t mcache, uint64_t *objects, uint64_t *bytes)
{
	const struct layout *l = &h->types->layout;
	const struct proc *p = h->proc;
	for (unsigned c = 2; c < NSPANCLASSES; c++) {
		uint64_t mspan, start, before, span_class;
		uint32_t i;
		if (!proc_word(p, layout_addr(l, mcache, L_MCACHE_ALLOC) + c * h->word, &mspan) || !mspan ||
		    !layout_read(l, p, mspan, L_MSPAN_STARTADDR, &start) || !start ||
		    !layout_read(l, p, mspan, L_MSPAN_SPANCLASS, &span_class) || span_class != c ||
		    heap_find_slot(h, start, &i) == OBJ_NONE || h->info[i].mspan != mspan)
			continue;
		uint64_t n = popcount_range(h->alloc, h->spans[i].first, h->spans[i].nelems);
		if (!layout_read(l, p, mspan, L_MSPAN_ALLOCCOUNTBEFORECACHE, &before))
			before = h->spans[i].nelems;
		*objects += n - before;
		*bytes += (n - before) * h->spans[i].elemsize;
	}
}

bool stats_sum(const struct heap *h, uint64_t at, const struct stats_shape *shape, int64_t sum[STATS_MAX_WORDS])
{
	for (unsigned i = 0; i < shape->stride; i++) {
		uint64_t total = 0, v;
		for (unsigned gen = 0; gen < 3; gen++) {
			if (!proc_u64(h->proc, at + (gen * shape->stride + i) * 8, &v))
				return false;
			total += v;
		}
		sum[i] = (int64_t)total;
	}
	return true;
}

void heap_forget_counters(struct heap *h)
{
	struct memory_totals *t = &h->totals;
	t->rt_heap_objects = t->rt_heap_alloc = t->rt_stacks_inuse = t->rt_heap_inuse = t->rt_heap_released = UINT64_MAX;
	t->rt_heap_sys = t->rt_mspan_sys = t->rt_mcache_sys = t->rt_buckhash_sys = t->rt_gc_sys = t->rt_other_sys = UINT64_MAX;
	t->rt_stacks_sys = t->rt_manual_inuse = UINT64_MAX;
}

/* Free stacks and those of threads have no goroutine that would tell them from the collector's work buffers: the counter does. */
static void split_manual(struct memory_totals *t)
{
	uint64_t all = t->stack_span_bytes + t->manual_span_bytes;
	if (t->rt_manual_inuse != all || t->rt_stacks_inuse < t->stack_span_bytes || t->rt_stacks_inuse > all)
		return;
	t->stack_span_bytes = t->rt_stacks_inuse;
	t->manual_span_bytes = all - t->rt_stacks_inuse;
}

static void runtime_counters(struct heap *h)
{
	struct memory_totals *t = &h->totals;
	const struct layout *l = &h->types->layout;
	const struct proc *p = h->proc;
	uint64_t allp = anchor_allp(h), ps, nps;
	heap_forget_counters(h);
	if (!allp || !proc_word(p, allp, &ps) || !proc_word(p, allp + h->word, &nps) || nps > 1 << 20)
		return;
	uint64_t objects = 0, bytes = 0; /* modulo 2^64: damaged counters are no reason to stop */
	for (uint64_t i = 0; i < nps; i++) {
		uint64_t pp, mcache;
		if (!proc_word(p, ps + i * h->word, &pp))
			return;
		count_page_cache(h, pp);
		if (layout_read(l, p, pp, L_P_MCACHE, &mcache) && mcache)
			count_cached_spans(h, mcache, &objects, &bytes);
	}
	/*
	 * {stats [3]heapStatsDelta, gen, lock}: patch releases of 1.17 and 1.18 changed the size, and what was as wide as a
	 * pointer became 64 bits wide. inPtrScalarBits went in 1.25.
	 */
	uint32_t size = layout_has(l, L_MSTATS_HEAPSTATS) ? l->f[L_MSTATS_HEAPSTATS].size : 0, rest = 2u * h->word;
	const struct stats_shape stats = {size > rest ? (size - rest) / 24 : 0, l->minor >= 25 ? 5 : 6}, *shape = &stats;
	if ((size - rest) % 24)
		return;
	if (shape->stride < shape->tiny + 5 + 2 * NCLASSES || shape->stride > STATS_MAX_WORDS)
		return;
	uint64_t memstats = anchor_memstats(h, shape, t->heap_span_bytes);
	if (!memstats || !layout_has(l, L_MSTATS_HEAPSTATS))
		return;
	layout_read(l, p, memstats, L_MSTATS_STACKSSYS, &t->rt_stacks_sys);
	layout_read(l, p, memstats, L_MSTATS_MSPANSYS, &t->rt_mspan_sys);
	layout_read(l, p, memstats, L_MSTATS_MCACHESYS, &t->rt_mcache_sys);
	layout_read(l, p, memstats, L_MSTATS_BUCKHASHSYS, &t->rt_buckhash_sys);
	layout_read(l, p, memstats, L_MSTATS_GCMISCSYS, &t->rt_gc_sys);
	layout_read(l, p, memstats, L_MSTATS_OTHERSYS, &t->rt_other_sys);
	int64_t sum[STATS_MAX_WORDS];
	unsigned tiny = shape->tiny;
	if (!stats_sum(h, layout_addr(l, memstats, L_MSTATS_HEAPSTATS), shape, sum))
		return;
	/* After tinyAllocCount: largeAlloc, largeAllocCount, smallAllocCount[68], largeFree, largeFreeCount, smallFreeCount[68] */
	const int64_t *large = &sum[tiny + 1], *small = &sum[tiny + 3];
	const int64_t *large_free = &sum[tiny + 3 + NCLASSES], *small_free = &sum[tiny + 5 + NCLASSES];
	objects += (uint64_t)large[1] - (uint64_t)large_free[1];
	bytes += (uint64_t)large[0] - (uint64_t)large_free[0];
	for (int c = 0; c < NCLASSES; c++) {
		uint64_t n = (uint64_t)small[c] - (uint64_t)small_free[c];
		objects += n;
		bytes += n * size_classes[c].size;
	}
	t->rt_heap_objects = objects;
	t->rt_heap_alloc = bytes;
	t->rt_heap_released = (uint64_t)sum[1];
	t->rt_heap_inuse = (uint64_t)sum[2];
	t->rt_stacks_inuse = (uint64_t)sum[3];
	t->rt_heap_sys = (uint64_t)sum[0];
	t->rt_manual_inuse = (uint64_t)sum[3] + (uint64_t)sum[4] + (tiny == 6 ? (uint64_t)sum[5] : 0);
	split_manual(t);
}

struct hc_error *heap_load_totals(struct heap *h)
{
	h->totals.moving_threads = h->proc->nthreads + 1;
	heap_count_spans(h);
	count_pages(h);
	runtime_counters(h);
	return NULL;
}
