/* SPDX-License-Identifier: MIT */
/*
 * The ledger: every mapped byte in one class, and the comparison with the runtime's own counters.
 *
 * Heap arenas are divided by spans and pages; everything else that is mapped is divided by what the kernel says about
 * it (a file or not) and, inside the anonymous part, by the runtime's counters of its own metadata. Address space that
 * is only reserved (no access, as Go reserves its arenas and page summaries) is not mapped memory.
 */
#include <string.h>

#include "api/api.h"

struct sums {
	uint64_t live, exact, propagated, inferred, unknown, slack, garbage;
	uint64_t nlive, nexact, npropagated, ninferred, nunknown, ngarbage;
};

static void sum_objects(const struct hc_snapshot *s, struct sums *t)
{
	const struct heap *h = s->heap;
	const struct graph *g = s->graph;
	memset(t, 0, sizeof(*t));
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *sp = &h->spans[i];
		uint64_t slot = span_slot_size(h, i), usable = span_usable(h, i);
		for (uint32_t id = sp->first; id < sp->first + sp->nelems; id++) {
			if (!bit_get(h->alloc, id))
				continue;
			if (!g || !g->live || !bit_get(g->live, id)) {
				t->garbage += slot;
				t->ngarbage++;
				continue;
			}
			struct hc_object o = {.used = usable};
			uint32_t tw = g->tw ? g->tw[id] : TW_TYPE_MASK, origin = tw >> TW_ORIGIN_SHIFT & 3;
			if ((tw & TW_TYPE_MASK) == TW_TYPE_MASK)
				origin = ORIGIN_UNKNOWN;
			else if (g->slack[id] == UINT16_MAX)
				hc_object_get(s, id, &o);
			else
				o.used = usable > g->slack[id] ? usable - g->slack[id] : 0;
			t->live += o.used;
			t->nlive++;
			t->slack += slot - o.used;
			switch ((enum origin)origin) {
			case ORIGIN_EXACT: t->exact += o.used; t->nexact++; break;
			case ORIGIN_PROPAGATED: t->propagated += o.used; t->npropagated++; break;
			case ORIGIN_INFERRED: t->inferred += o.used; t->ninferred++; break;
			case ORIGIN_UNKNOWN: t->unknown += o.used; t->nunknown++; break;
			}
		}
	}
}

static bool row(struct hc_snapshot *s, const char *name, uint64_t bytes, uint64_t objects)
{
	struct hc_ledger_row r = {name, bytes, objects, 0};
	for (const char *c = name; *c; c++)
		r.depth += *c == '.';
	return vec_push(&s->ledger, r);
}

/* Mapped bytes outside heap arenas: of files, and anonymous. Reserved address space is left out. */
static void sum_mappings(const struct hc_snapshot *s, uint64_t *files, uint64_t *anonymous)
{
	const struct proc *p = s->proc;
	const struct heap *h = s->heap;
	*files = *anonymous = 0;
	for (size_t i = 0; i < p->nsegs; i++) {
		const struct segment *g = &p->segs[i];
		/* gcore of gdb before 15 writes reservations as readable zeros: nothing else is large, anonymous, read-only. */
		bool reserved = !g->flags || (!g->file && g->flags == 4 && g->size > 1 << 20);
		if (g->file && g->source != SEG_ABSENT && g->flags == 0)
			reserved = false;
		if (reserved)
			continue;
		uint64_t arena = 0;
		if (h && g->addr < h->max_addr && g->addr + g->size > h->min_addr) {
			/* Arenas are mapped in whole 4 MiB heap chunks: a segment that starts in an arena is heap. */
			for (uint64_t at = g->addr >> 26; at <= (g->addr + g->size - 1) >> 26; at++) {
				if (at >= 1 << 22 || !h->pages[at])
					continue;
				uint64_t from = at << 26, to = from + (UINT64_C(1) << 26);
				if (from < g->addr)
					from = g->addr;
				if (to > g->addr + g->size)
					to = g->addr + g->size;
				arena += to - from;
			}
		}
		*(g->file ? files : anonymous) += g->size - arena;
	}
}

static uint64_t known(uint64_t v)
{
	return v == UINT64_MAX ? 0 : v;
}

static struct hc_error *checks(struct hc_snapshot *s)
{
	const struct memory_totals *t = &s->heap->totals;
	/* A thread caught in malloc has taken a slot before the counters say so, or the other way round. */
	static const char *const moving = "a thread may be stopped in the middle of an allocation";
	static const char *const lost = "span descriptors are missing";
	uint64_t threads = t->moving_threads;
	const struct hc_check all[] = {
		{"HeapObjects", t->alloc_objects + t->condemned_objects, t->rt_heap_objects, threads, moving},
		{"HeapAlloc", t->alloc_bytes + t->condemned_bytes, t->rt_heap_alloc, threads * 32768, moving},
		{"HeapInuse", t->heap_span_bytes, t->rt_heap_inuse, 0, "exact"},
		{"ManualInuse", t->stack_span_bytes + t->manual_span_bytes, t->rt_manual_inuse, 0, "exact"},
		{"HeapReleased", t->released_page_bytes, t->rt_heap_released, 0, "exact"},
		{"HeapMapped", t->heap_span_bytes + t->stack_span_bytes + t->manual_span_bytes + t->free_page_bytes +
		 t->released_page_bytes, t->arena_bytes ? t->arena_bytes + t->user_arena_bytes : UINT64_MAX, 0, "exact"},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct hc_check c = all[i];
		if (t->lost_spans) {
			c.tolerance = UINT64_MAX;
			c.why = lost;
		}
		if (c.runtime != UINT64_MAX && !vec_push(&s->checks, c))
			return err_nomem();
	}
	return NULL;
}

struct hc_error *api_ledger(struct hc_snapshot *s)
{
	const struct memory_totals *t = &s->heap->totals;
	struct sums o;
	sum_objects(s, &o);
	uint64_t files, anonymous;
	sum_mappings(s, &files, &anonymous);
	anonymous += t->unseen_bytes;
	uint64_t meta = known(t->rt_mspan_sys) + known(t->rt_mcache_sys) + known(t->rt_buckhash_sys) + known(t->rt_gc_sys) +
	                known(t->rt_other_sys);
	if (meta > anonymous)
		meta = anonymous;
	uint64_t heap = o.live + o.slack + o.garbage + t->free_slot_bytes + t->span_tail_bytes + t->free_page_bytes +
	                t->released_page_bytes;
	bool ok = row(s, "heap", heap, o.nlive + o.ngarbage) && row(s, "heap.live", o.live, o.nlive) &&
	          row(s, "heap.live.exact", o.exact, o.nexact) && row(s, "heap.live.propagated", o.propagated, o.npropagated) &&
	          row(s, "heap.live.inferred", o.inferred, o.ninferred) &&
	          row(s, "heap.live.unknown", o.unknown, o.nunknown) && row(s, "heap.slack", o.slack, 0) &&
	          row(s, "heap.garbage", o.garbage, o.ngarbage) && row(s, "heap.free", t->free_slot_bytes, 0) &&
	          row(s, "heap.tails", t->span_tail_bytes, 0) && row(s, "heap.idle", t->free_page_bytes, 0) &&
	          row(s, "heap.released", t->released_page_bytes, 0) &&
	          row(s, "stacks", t->stack_span_bytes, s->heap->ngoroutines) &&
	          row(s, "runtime", t->manual_span_bytes + meta, 0) && row(s, "runtime.work", t->manual_span_bytes, 0) &&
	          row(s, "runtime.metadata", meta, 0) && row(s, "files", files, 0) &&
	          row(s, "other", anonymous - meta, 0);
	if (!ok)
		return err_nomem();
	s->info.objects = t->alloc_objects;
	s->info.object_bytes = t->alloc_bytes;
	s->info.live_objects = o.nlive;
	s->info.live_bytes = o.live + o.slack;
	return checks(s);
}

size_t hc_ledger_count(const struct hc_snapshot *s)
{
	return s->ledger.len;
}

struct hc_ledger_row hc_ledger_at(const struct hc_snapshot *s, size_t i)
{
	return s->ledger.data[i];
}

size_t hc_check_count(const struct hc_snapshot *s)
{
	return s->checks.len;
}

struct hc_check hc_check_at(const struct hc_snapshot *s, size_t i)
{
	return s->checks.data[i];
}
