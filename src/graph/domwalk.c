/* SPDX-License-Identifier: MIT */
/*
 * The dominator tree as a sequence. Sweeping the edges of the inner nodes in preorder meets every node first behind its
 * dominator: the dominator d of t dominates each referrer of t too (or is it), so d comes before that referrer in
 * preorder, and d's own edges to t have been swept before any other's. Hence the first edge met that comes from d has
 * the offset that is wanted, and if the first edge met comes from elsewhere, d does not point to t at all.
 */
#include "graph/priv.h"

enum { NODES_AHEAD = 24, EDGES_AHEAD = 12, TARGETS_NEAR = 4, TARGETS_MAX = 8 };

struct hc_error *dom_walk_begin(const struct graph *g, struct dom_walk *w)
{
	uint64_t *met = big_alloc(bit_words(node_count(g)) * 8);
	if (!met)
		return err_nomem();
	*w = (struct dom_walk){.g = g, .met = met, .number = UINT32_MAX};
	return NULL;
}

void dom_walk_end(struct dom_walk *w)
{
	if (w->met)
		big_free(w->met, bit_words(node_count(w->g)) * 8);
	w->met = NULL;
}

/* Turns to a node, and fetches what later ones will need, stage by stage. */
static void sweep_begin(struct dom_walk *w, uint32_t number)
{
	const struct graph *g = w->g;
	if (number + NODES_AHEAD < g->ninner) {
		row_prefetch(g, g->vtx[number + NODES_AHEAD]);
		uint32_t near = g->vtx[number + TARGETS_NEAR];
		uint64_t e = edge_start(g, g->vtx[number + EDGES_AHEAD]), end = edge_start(g, near + 1);
		__builtin_prefetch(&g->targets[e]);
		__builtin_prefetch(&g->delta[e]);
		e = edge_start(g, near);
		for (unsigned i = 0; i < TARGETS_MAX && e < end; i++, e++)
			__builtin_prefetch(&g->pre[g->targets[e]]);
	}
	w->number = number;
	w->node = g->vtx[number];
	w->edge = edge_start(g, w->node);
	w->end = edge_start(g, w->node + 1);
	w->word = 0;
}

bool dom_walk_next(struct dom_walk *w, struct dom_step *ret)
{
	const struct graph *g = w->g;
	if (w->number == UINT32_MAX) { /* at the virtual root, which nothing points to */
		if (g->ninner == 0)
			return false;
		sweep_begin(w, 0);
		bit_set(w->met, w->node);
		*ret = (struct dom_step){w->node, NODE_NONE, 0};
		return true;
	}
	for (;;) {
		while (w->edge < w->end) {
			uint64_t e = w->edge++;
			if (e + TARGETS_MAX < w->end)
				__builtin_prefetch(&g->pre[g->targets[e + TARGETS_MAX]]);
			uint32_t t = g->targets[e];
			w->word = g->delta[e] == EDGE_FAR ? edge_far_word(g, e) : w->word + g->delta[e];
			if (bit_get(w->met, t))
				continue;
			bit_set(w->met, t);
			uint32_t p = g->pre[t], d = p & PRE_LEAF ? p & ~PRE_LEAF : g->idom[p];
			if (d != w->number)
				*ret = (struct dom_step){t, g->vtx[d], VIA_SEVERAL};
			else if (node_is_root(g, w->node))
				*ret = (struct dom_step){t, w->node, root_edge_offset(g, w->node, e, w->end)};
			else
				*ret = (struct dom_step){t, w->node, w->word * g->heap->word};
			return true;
		}
		if (w->number + 1 >= g->ninner)
			return false;
		sweep_begin(w, w->number + 1);
	}
}
