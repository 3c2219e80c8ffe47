/* SPDX-License-Identifier: MIT */
/*
 * Reachability: what the collector would mark from the same roots. Depth first as far as locality goes, but through a
 * queue of nodes whose rows and targets are being fetched: two to three times as fast as breadth first.
 */
#include <string.h>

#include "graph/priv.h"

enum { FETCHING = 32 }; /* a power of two */

struct marker {
	struct graph *g;
	uint32_t *stack; /* marked nodes with out-edges */
	uint64_t depth;
};

static void targets_mark(struct marker *m, uint32_t node)
{
	struct graph *g = m->g;
	for (uint64_t e = edge_start(g, node), end = edge_start(g, node + 1); e < end; e++) {
		uint32_t t = g->targets[e];
		if (bit_get(g->live, t))
			continue;
		bit_set(g->live, t);
		if (bit_get(g->has_edges, t))
			m->stack[m->depth++] = t;
	}
}

static bool waits_for_object(const struct graph *g, uint32_t node)
{
	return node_is_root(g, node) && g->heap->roots[node - g->nslots].flags & ROOT_F_IF_DEAD;
}

/* Until the stack is empty. Roots that depend on an object being dead are left to conditional_roots(). */
static void drain(struct marker *m)
{
	const struct graph *g = m->g;
	uint32_t fetching[FETCHING], left = 0;
	memset(fetching, 0xff, sizeof(fetching));
	for (uint32_t at = 0; m->depth || left; at = (at + 1) % FETCHING) {
		uint32_t node = fetching[at], half = fetching[(at + FETCHING / 2) % FETCHING];
		fetching[at] = NODE_NONE;
		if (m->depth) {
			fetching[at] = m->stack[--m->depth];
			row_prefetch(g, fetching[at]);
			left++;
		}
		if (half != NODE_NONE)
			__builtin_prefetch(&g->targets[edge_start(g, half)]);
		if (node != NODE_NONE) {
			left--;
			if (!waits_for_object(g, node))
				targets_mark(m, node);
		}
	}
}

/*
 * What the object of a finalizer points to is kept alive by the finalizer only if the object is not alive anyway. In that
 * case the root's edges go: else the object would not own what it points to. (They become edges of the root to itself,
 * since rows are packed.) One after the other, for one such object may keep another.
 */
static void conditional_roots(struct marker *m)
{
	struct graph *g = m->g;
	const struct heap *h = g->heap;
	for (uint32_t i = 0; i < g->nroots; i++) {
		const struct root *r = &h->roots[i];
		uint32_t node = g->nslots + i;
		if (!(r->flags & ROOT_F_IF_DEAD) || !bit_get(g->has_edges, node))
			continue;
		if (r->object == OBJ_NONE || !bit_get(g->live, r->object)) {
			targets_mark(m, node);
			drain(m);
			continue;
		}
		bit_clear(g->has_edges, node);
		for (uint64_t e = edge_start(g, node), end = edge_start(g, node + 1); e < end; e++)
			g->targets[e] = node;
	}
}

/* Bits [from, to) of the set that are 1. */
static uint64_t bits_count(const uint64_t *set, uint64_t from, uint64_t to)
{
	uint64_t n = 0;
	for (uint64_t i = from; i < to;) {
		uint64_t word = set[i >> 6] >> (i & 63), left = 64 - (i & 63);
		if (to - i < left) {
			left = to - i;
			word &= (UINT64_C(1) << left) - 1;
		}
		n += (uint64_t)__builtin_popcountll(word);
		i += left;
	}
	return n;
}

struct hc_error *graph_mark(struct graph *g)
{
	uint64_t n = node_count(g), inner = bits_count(g->has_edges, 0, n);
	struct marker m = {.g = g, .stack = big_alloc(inner * sizeof(*m.stack))};
	g->live = big_alloc(bit_words(n) * 8);
	if (!m.stack || !g->live) {
		big_free(m.stack, inner * sizeof(*m.stack));
		return err_nomem();
	}
	if (g->nroots) {
		bit_set(g->live, g->nslots);
		targets_mark(&m, g->nslots);
		drain(&m);
		conditional_roots(&m);
	}
	big_free(m.stack, inner * sizeof(*m.stack));
	for (uint32_t i = 0; i < g->heap->nspans; i++) {
		const struct span *s = &g->heap->spans[i];
		uint64_t live = bits_count(g->live, s->first, (uint64_t)s->first + s->nelems);
		g->live_objects += live;
		g->live_bytes += live * span_slot_size(g->heap, i);
	}
	return NULL;
}
