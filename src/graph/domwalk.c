/* SPDX-License-Identifier: MIT */
/*
 * The dominator tree as a sequence. Sweeping the edges of the inner nodes in preorder meets every node first behind its
 * dominator: the dominator d of t dominates each referrer of t too (or is it), so d comes before that referrer in
 * preorder, and d's own edges to t have been swept before any other's. Hence the first edge met that comes from d has
 * the offset that is wanted, and if the first edge met comes from elsewhere, d does not point to t at all.
 */
#include "graph/priv.h"

enum { NODES_AHEAD = 12, EDGES_AHEAD = 6 };

struct hc_error *dom_walk_begin(const struct graph *g, struct dom_walk *w)
{
	uint64_t *met = big_alloc(bit_words(node_count(g)) * 8);
	if (!met)
		return err_nomem();
	*w = (struct dom_walk){.g = g, .met = met, .at = UINT32_MAX};
	return NULL;
}

void dom_walk_end(struct dom_walk *w)
{
	if (w->met)
		big_free(w->met, bit_words(node_count(w->g)) * 8);
	w->met = NULL;
}

static void sweep_prefetch(const struct graph *g, uint32_t k)
{
	if (k + NODES_AHEAD < g->ninner)
		__builtin_prefetch(&g->edge_row[g->vtx[k + NODES_AHEAD]]);
	if (k + EDGES_AHEAD < g->ninner) {
		uint64_t e = edge_start(g, g->vtx[k + EDGES_AHEAD]);
		__builtin_prefetch(&g->targets[e]);
		__builtin_prefetch(&g->delta[e]);
	}
}

bool dom_walk_next(struct dom_walk *w, struct dom_step *ret)
{
	const struct graph *g = w->g;
	uint32_t target;
	uint64_t offset;
	if (w->at == UINT32_MAX) { /* at the virtual root, which nothing points to */
		if (g->ninner == 0)
			return false;
		w->at = 0;
		graph_edges_of(g, g->vtx[0], &w->it);
		bit_set(w->met, g->vtx[0]);
		*ret = (struct dom_step){g->vtx[0], NODE_NONE, 0};
		return true;
	}
	for (;;) {
		while (graph_edge_next(&w->it, &target, &offset)) {
			if (bit_get(w->met, target))
				continue;
			bit_set(w->met, target);
			uint32_t p = g->pre[target], d = p & PRE_LEAF ? p & ~PRE_LEAF : g->idom[p];
			*ret = (struct dom_step){target, g->vtx[d], d == w->at ? offset : VIA_SEVERAL};
			return true;
		}
		if (w->at + 1 >= g->ninner)
			return false;
		w->at++;
		sweep_prefetch(g, w->at);
		graph_edges_of(g, g->vtx[w->at], &w->it);
	}
}
