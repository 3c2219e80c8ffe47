/* SPDX-License-Identifier: MIT */
/* The graph's life, and questions about single nodes. */
#include <stdlib.h>

#include "graph/priv.h"

struct hc_error *graph_open(const struct heap *h, unsigned threads, struct graph **ret)
{
	if ((uint64_t)h->nslots + h->nroots >= NODE_NONE - EDGE_BLOCK)
		return err_new(HC_E_LIMIT, "the heap has %u object slots and %u roots; at most 2^32 are supported", h->nslots,
		               h->nroots);
	struct graph *g = calloc(1, sizeof(*g));
	struct graph_private *priv = calloc(1, sizeof(*priv));
	if (!g || !priv) {
		free(g);
		free(priv);
		return err_nomem();
	}
	g->heap = h;
	g->nslots = h->nslots;
	g->nroots = h->nroots;
	g->threads = threads ? threads : 1;
	g->priv = priv;
	*ret = g;
	return NULL;
}

void graph_close(struct graph *g)
{
	if (!g)
		return;
	uint64_t n = node_count(g), blocks = n / EDGE_BLOCK + 1, inner = g->priv->inner_cap;
	big_free(g->targets, g->priv->edge_cap * sizeof(*g->targets));
	big_free(g->delta, g->priv->edge_cap * sizeof(*g->delta));
	big_free(g->edge_base, blocks * sizeof(*g->edge_base));
	big_free(g->edge_row, blocks * EDGE_BLOCK * sizeof(*g->edge_row));
	big_free(g->has_edges, bit_words(n) * 8);
	free(g->wide);
	free(g->far);
	big_free(g->live, bit_words(n) * 8);
	big_free(g->tw, (uint64_t)g->nslots * sizeof(*g->tw));
	big_free(g->slack, (uint64_t)g->nslots * sizeof(*g->slack));
	big_free(g->pre, n * sizeof(*g->pre));
	big_free(g->vtx, inner * sizeof(*g->vtx));
	big_free(g->idom, inner * sizeof(*g->idom));
	big_free(g->retained, inner * sizeof(*g->retained));
	big_free(g->retained_objects, inner * sizeof(*g->retained_objects));
	free(g->priv);
	free(g);
}

/* ---- edges of one node ---- */

uint64_t edge_far_word(const struct graph *g, uint64_t edge)
{
	uint64_t lo = 0, hi = g->nfar;
	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2;
		if (g->far[mid].edge <= edge)
			lo = mid;
		else
			hi = mid;
	}
	return g->far[lo].word;
}

uint64_t root_edge_offset(const struct graph *g, uint32_t node, uint64_t edge, uint64_t end)
{
	const struct root *r = &g->heap->roots[node - g->nslots];
	uint64_t targets = end - r->nedges; /* in front of these: child root nodes */
	return edge < targets ? 0 : g->heap->root_edges[r->first_edge + (edge - targets)].offset;
}

void graph_edges_of(const struct graph *g, uint32_t node, struct edge_iter *it)
{
	it->g = g;
	it->node = node;
	it->at = edge_start(g, node);
	it->end = bit_get(g->has_edges, node) ? edge_start(g, node + 1) : it->at;
	it->word = 0;
}

bool graph_edge_next(struct edge_iter *it, uint32_t *target, uint64_t *offset)
{
	const struct graph *g = it->g;
	if (it->at >= it->end)
		return false;
	uint64_t e = it->at++;
	*target = g->targets[e];
	if (node_is_root(g, it->node)) {
		*offset = root_edge_offset(g, it->node, e, it->end);
		return true;
	}
	it->word = g->delta[e] == EDGE_FAR ? edge_far_word(g, e) : it->word + g->delta[e];
	*offset = it->word * g->heap->word;
	return true;
}

/* ---- dominators of one node ---- */

uint32_t graph_idom(const struct graph *g, uint32_t node)
{
	uint32_t p = g->pre[node];
	if (p == NODE_NONE || p == 0)
		return NODE_NONE;
	return g->vtx[p & PRE_LEAF ? p & ~PRE_LEAF : g->idom[p]];
}

uint64_t graph_retained(const struct graph *g, uint32_t node)
{
	uint32_t p = g->pre[node];
	if (p == NODE_NONE)
		return 0;
	if (!(p & PRE_LEAF))
		return g->retained[p];
	return node_is_root(g, node) ? 0 : span_slot_size(g->heap, heap_span_of(g->heap, node));
}

uint64_t graph_retained_objects(const struct graph *g, uint32_t node)
{
	uint32_t p = g->pre[node];
	if (p == NODE_NONE)
		return 0;
	if (!(p & PRE_LEAF))
		return g->retained_objects[p];
	return node_is_root(g, node) ? 0 : 1;
}
