/* SPDX-License-Identifier: MIT */
/* References backwards, made on demand: a counting sort of all edges by target. */
#include <inttypes.h>

#include "graph/priv.h"
#include "graph/reverse.h"

enum { AHEAD = 32 };

static void count_targets(const struct graph *g, struct reverse *r)
{
	for (uint64_t e = 0; e < g->nedges; e++) {
		if (e + AHEAD < g->nedges)
			__builtin_prefetch(&r->start[g->targets[e + AHEAD]], 1);
		r->start[g->targets[e]]++;
	}
	/* Roots that wait for their object's death have edges in the rows that do not count. */
	for (uint64_t node = g->nslots; node < r->n; node++)
		if (bit_get(g->has_edges, node))
			for (uint64_t e = edge_start(g, (uint32_t)node); e < edge_start(g, (uint32_t)node + 1); e++)
				r->start[g->targets[e]]++;
	uint32_t sum = 0;
	for (uint64_t i = 0; i <= r->n; i++)
		r->start[i] = sum += r->start[i];
}

/* Backwards, so that every node's referrers end up in ascending order and start[] where they begin. */
static void place_sources(const struct graph *g, struct reverse *r)
{
	for (uint64_t node = r->n; node-- > 0;) {
		if (!bit_get(g->has_edges, node))
			continue;
		uint64_t from = edge_start(g, (uint32_t)node);
		for (uint64_t e = edge_start(g, (uint32_t)node + 1); e-- > from;) {
			if (e >= AHEAD)
				__builtin_prefetch(&r->start[g->targets[e - AHEAD]], 1);
			r->source[--r->start[g->targets[e]]] = (uint32_t)node;
		}
	}
}

struct hc_error *graph_reverse(const struct graph *g, struct reverse *r)
{
	memset(r, 0, sizeof(*r));
	r->n = node_count(g);
	r->nedges = g->nedges + g->nroot_edges;
	if (r->nedges >= UINT32_MAX)
		return err_new(HC_E_LIMIT,
		               "the heap has %" PRIu64 " references; --target's queries support at most 2^32",
		               r->nedges);
	r->start = big_alloc((r->n + 1) * sizeof(*r->start));
	r->source = big_alloc((r->nedges + 1) * sizeof(*r->source));
	if (!r->start || !r->source) {
		reverse_free(r);
		return err_nomem();
	}
	count_targets(g, r);
	place_sources(g, r);
	return NULL;
}

void reverse_free(struct reverse *r)
{
	big_free(r->start, (r->n + 1) * sizeof(*r->start));
	big_free(r->source, (r->nedges + 1) * sizeof(*r->source));
	memset(r, 0, sizeof(*r));
}
