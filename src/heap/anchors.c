/* SPDX-License-Identifier: MIT */
/*
 * Where the runtime's own variables are: by name where there are names, else by what they look like. A stripped
 * executable (-ldflags=-s) still has moduledata, which bounds the variables' sections; what is looked for there has
 * enough structure of its own to be told from everything else.
 */
#include <inttypes.h>

#include "heap/priv.h"

/* The words of the image that variables may lie in: [data, end) holds bss and both noptr sections behind data. */
struct image_walk {
	const struct heap *h;
	size_t module;
	uint64_t at, end;
};

static void walk_begin(struct image_walk *w, const struct heap *h)
{
	*w = (struct image_walk){.h = h};
}

/* The next word-aligned address of the image's writable part. */
static bool walk_next(struct image_walk *w, uint64_t *ret)
{
	while (w->at >= w->end) {
		if (w->module == w->h->prog->nmodules)
			return false;
		const struct module *m = &w->h->prog->modules[w->module++];
		uint64_t lo = m->noptrdata < m->data ? m->noptrdata : m->data;
		uint64_t hi = m->enoptrbss > m->ebss ? m->enoptrbss : m->ebss;
		/* Bounded: a lie in moduledata must not make this long. */
		if (lo == 0 || hi <= lo || hi - lo > UINT64_C(1) << 32)
			continue;
		w->at = lo & ~(uint64_t)(w->h->word - 1);
		w->end = hi;
		if (!proc_segment(w->h->proc, w->at))
			w->at = w->end;
	}
	*ret = w->at;
	w->at += w->h->word;
	return true;
}

/* ---- mheap_: through its field allspans, a slice of mspans ---- */

static bool looks_like_mspan(const struct heap *h, uint64_t mspan, bool *in_use)
{
	const struct layout *l = &h->types->layout;
	uint64_t start, npages, state;
	if (!mspan || mspan % h->word || !layout_read(l, h->proc, mspan, L_MSPAN_STARTADDR, &start) ||
	    !layout_read(l, h->proc, mspan, L_MSPAN_NPAGES, &npages) || !layout_read(l, h->proc, mspan, L_MSPAN_STATE, &state))
		return false;
	*in_use = state == 1;
	return state <= 2 && start % (1 << PAGE_SHIFT) == 0 && npages < 1 << 30 && (state == 0 || (start && npages));
}

static bool looks_like_mheap(const struct heap *h, uint64_t mheap)
{
	const struct layout *l = &h->types->layout;
	const struct proc *p = h->proc;
	uint64_t at = layout_addr(l, mheap, L_MHEAP_ALLSPANS), list, len, cap, gen, l2;
	if (!proc_word(p, at, &list) || !list || list % h->word || !proc_word(p, at + h->word, &len) || !len ||
	    !proc_word(p, at + 2u * h->word, &cap) || cap < len || cap > UINT32_MAX)
		return false;
	unsigned seen = 0, used = 0;
	for (uint64_t i = 0; i < len && seen < 32; i++) {
		uint64_t mspan;
		bool in_use;
		if (!proc_word(p, list + i * h->word, &mspan) || !looks_like_mspan(h, mspan, &in_use))
			return false;
		seen++;
		used += in_use;
	}
	return used && layout_read(l, p, mheap, L_MHEAP_SWEEPGEN, &gen) && gen % 2 == 0 &&
	       proc_word(p, layout_addr(l, mheap, L_MHEAP_ARENAS), &l2) && l2 && proc_segment(p, l2);
}

uint64_t anchor_mheap(const struct heap *h)
{
	uint64_t at, by_name = types_global_addr(h->types, "runtime.mheap_");
	if (by_name || !layout_has(&h->types->layout, L_MHEAP_ALLSPANS))
		return by_name;
	struct image_walk w;
	for (walk_begin(&w, h); walk_next(&w, &at);)
		if (looks_like_mheap(h, at))
			return at;
	return 0;
}

/* ---- allp: a slice of Ps, each of which knows its index ---- */

static bool looks_like_allp(const struct heap *h, uint64_t at)
{
	const struct layout *l = &h->types->layout;
	uint64_t list, len, cap;
	if (!proc_word(h->proc, at, &list) || heap_find(h, list) == OBJ_NONE || !proc_word(h->proc, at + h->word, &len) ||
	    !len || len > 1 << 16 || !proc_word(h->proc, at + 2u * h->word, &cap) || cap < len || cap > 1 << 20)
		return false;
	for (uint64_t i = 0; i < len; i++) {
		uint64_t pp, id, mcache;
		if (!proc_word(h->proc, list + i * h->word, &pp) || heap_find(h, pp) == OBJ_NONE ||
		    !layout_read(l, h->proc, pp, L_P_ID, &id) || id != i || !layout_read(l, h->proc, pp, L_P_MCACHE, &mcache) ||
		    !mcache || heap_find(h, mcache) != OBJ_NONE || !proc_segment(h->proc, mcache))
			return false;
	}
	return true;
}

uint64_t anchor_allp(const struct heap *h)
{
	uint64_t at, by_name = types_global_addr(h->types, "runtime.allp");
	if (by_name)
		return by_name;
	struct image_walk w;
	for (walk_begin(&w, h); walk_next(&w, &at);)
		if (looks_like_allp(h, at))
			return at;
	return 0;
}

/* ---- memstats: its heap statistics add up to the spans that are in use ---- */

/* Totals of a heapStatsDelta over its three generations, as totals.c adds them up, that could be a heap's. */
static bool looks_like_heapstats(const struct heap *h, uint64_t at, const struct stats_shape *shape, uint64_t heap_inuse)
{
	uint64_t inuse = 0, v;
	for (unsigned gen = 0; gen < 3; gen++) {
		if (!proc_u64(h->proc, at + (gen * shape->stride + 2) * 8, &v))
			return false;
		inuse += v;
	}
	if (inuse != heap_inuse)
		return false;
	int64_t sum[STATS_MAX_WORDS];
	if (!stats_sum(h, at, shape, sum))
		return false;
	const int64_t *allocs = &sum[shape->tiny + 3], *frees = allocs + NCLASSES + 2;
	for (unsigned i = 0; i < NCLASSES; i++)
		if (allocs[i] < frees[i] || frees[i] < 0 || allocs[i] >> ADDR_BITS)
			return false;
	return sum[0] >= sum[2] && sum[0] >> ADDR_BITS == 0 && sum[1] >= 0 && sum[3] >= 0;
}

/*
 * Where one generation is all zeros, three sets that begin one set earlier or later add up to the same. What the
 * runtime has mapped for itself, elsewhere in the struct, is never nothing.
 */
static bool looks_like_memstats(const struct heap *h, uint64_t at)
{
	static const enum layout_field sizes[] = {L_MSTATS_MSPANSYS, L_MSTATS_MCACHESYS, L_MSTATS_GCMISCSYS};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t v;
		if (!layout_read(&h->types->layout, h->proc, at, sizes[i], &v) || !v || v >> ADDR_BITS)
			return false;
	}
	return true;
}

uint64_t anchor_memstats(const struct heap *h, const struct stats_shape *shape, uint64_t heap_inuse)
{
	const struct layout *l = &h->types->layout;
	uint64_t at, by_name = types_global_addr(h->types, "runtime.memstats");
	if (by_name || !layout_has(l, L_MSTATS_HEAPSTATS) || !heap_inuse)
		return by_name;
	struct image_walk w;
	for (walk_begin(&w, h); walk_next(&w, &at);)
		if (looks_like_heapstats(h, at, shape, heap_inuse) &&
		    looks_like_memstats(h, at - (uint64_t)l->f[L_MSTATS_HEAPSTATS].off))
			return at - (uint64_t)l->f[L_MSTATS_HEAPSTATS].off;
	return 0;
}

/* ---- queues: chains of off-heap blocks that count their entries ---- */

static bool looks_like_funcval(const struct heap *h, uint64_t addr)
{
	uint64_t pc;
	struct func f;
	return proc_word(h->proc, addr, &pc) && program_func_entry(h->prog, pc, &f);
}

/*
 * Finalizers name the type of their object, a descriptor of the program or made by reflect; the cleanups that Go 1.24
 * (alone) put into the same queue name none.
 */
static bool entry_type_fits(const struct heap *h, uint64_t entry, const struct queue_shape *q)
{
	uint64_t type;
	return !q->type || (proc_word(h->proc, entry + q->type, &type) &&
	                    ((!type && h->types->layout.minor == 24) || program_module_of_type(h->prog, type) || heap_find(h, type) != OBJ_NONE));
}

/* Entries of the whole chain if everything in it fits, else 0. */
static uint64_t chain_entries(const struct heap *h, uint64_t block, const struct queue_shape *q, uint64_t *steps)
{
	const struct layout *l = &h->types->layout;
	uint64_t total = 0, next, n;
	for (unsigned budget = 1 << 16; block && budget && *steps; budget--, block = next) {
		--*steps;
		if (block % h->word || heap_find(h, block) != OBJ_NONE || !layout_read(l, h->proc, block, q->count, &n) ||
		    n > q->max || !layout_read(l, h->proc, block, q->alllink, &next))
			return 0;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t fn, at = layout_addr(l, block, q->entries) + i * q->stride + q->fn;
			if (!proc_word(h->proc, at, &fn))
				return 0;
			if (!fn)
				continue; /* taken out to be run */
			if (!looks_like_funcval(h, fn) || !entry_type_fits(h, at - q->fn, q))
				return 0;
			total++;
		}
	}
	return total;
}

uint64_t anchor_queue(const struct heap *h, const struct queue_shape *q)
{
	uint64_t at, block, best = 0, found = 0;
	uint64_t steps = proc_bytes(h->proc) / 4; /* blocks: many words may lead into one long chain */
	struct image_walk w;
	for (walk_begin(&w, h); walk_next(&w, &at);) {
		if (!proc_word(h->proc, at, &block) || !block || !proc_segment(h->proc, block))
			continue;
		uint64_t n = chain_entries(h, block, q, &steps);
		if (n > best) {
			best = n;
			found = block;
		}
	}
	return found;
}
