/* SPDX-License-Identifier: MIT */
/* Public accessors of references and dominators. */
#include <string.h>

#include "api/api.h"
#include "base/pool.h"

void hc_edges(const struct hc_snapshot *s, hc_node node, struct hc_edge_iter *it)
{
	_Static_assert(sizeof(it->opaque) >= sizeof(struct edge_iter), "hc_edge_iter is too small");
	struct edge_iter e;
	graph_edges_of(s->graph, node, &e);
	it->s = s;
	memcpy(it->opaque, &e, sizeof(e));
}

bool hc_edge_next(struct hc_edge_iter *it, struct hc_edge *ret)
{
	struct edge_iter e;
	memcpy(&e, it->opaque, sizeof(e));
	bool more = graph_edge_next(&e, &ret->target, &ret->offset);
	memcpy(it->opaque, &e, sizeof(e));
	return more;
}

hc_node hc_dominator(const struct hc_snapshot *s, hc_node node)
{
	return graph_idom(s->graph, node);
}

uint64_t hc_retained(const struct hc_snapshot *s, hc_node node)
{
	return graph_retained(s->graph, node);
}

/*
 * The walk: inner nodes in preorder; when a node's turn comes, its edges are followed, and every target that it
 * dominates immediately is given out with the edge's offset. What nobody points to from its dominator comes out when its
 * own turn comes (inner nodes), or at the end (leaves).
 */
struct dom_state {
	uint64_t *seen; /* bit per node */
	uint64_t nbits;
	struct edge_iter edges;
	uint32_t at;    /* preorder number whose edges are being followed */
	uint32_t next;  /* preorder number whose turn is next */
	uint32_t leaf;  /* node id for the final sweep */
	bool in_edges;
};

struct hc_error *hc_dom_begin(const struct hc_snapshot *s, struct hc_dom_iter *it)
{
	const struct graph *g = s->graph;
	memset(it, 0, sizeof(*it));
	it->s = s;
	struct dom_state *d = big_alloc(sizeof(*d));
	if (!d)
		return err_nomem();
	d->nbits = (uint64_t)g->nslots + g->nroots;
	d->seen = big_alloc(bit_words(d->nbits) * 8);
	if (!d->seen) {
		big_free(d, sizeof(*d));
		return err_nomem();
	}
	it->state = d;
	return NULL;
}

void hc_dom_end(struct hc_dom_iter *it)
{
	struct dom_state *d = it->state;
	if (!d)
		return;
	big_free(d->seen, bit_words(d->nbits) * 8);
	big_free(d, sizeof(*d));
	it->state = NULL;
}

/* Is t, a target of an edge of the inner node with preorder number at, immediately dominated by it? */
static inline bool dominated_by(const struct graph *g, uint32_t t, uint32_t at)
{
	uint32_t pre = g->pre[t];
	if (pre == NODE_NONE)
		return false;
	return bit_get(g->is_inner, t) ? pre != 0 && g->idom[pre] == at : pre == at;
}

bool hc_dom_next(struct hc_dom_iter *it, struct hc_dom_step *ret)
{
	const struct graph *g = it->s->graph;
	struct dom_state *d = it->state;
	for (;;) {
		uint32_t target;
		uint64_t offset;
		while (d->in_edges && graph_edge_next(&d->edges, &target, &offset)) {
			if (!dominated_by(g, target, d->at) || bit_get(d->seen, target))
				continue;
			bit_set(d->seen, target);
			*ret = (struct hc_dom_step){target, g->vtx[d->at], offset};
			return true;
		}
		d->in_edges = false;
		if (d->next >= g->ninner)
			break;
		d->at = d->next++;
		d->in_edges = true;
		uint32_t node = g->vtx[d->at];
		graph_edges_of(g, node, &d->edges);
		if (!bit_get(d->seen, node)) {
			bit_set(d->seen, node);
			*ret = (struct hc_dom_step){node, d->at ? g->vtx[g->idom[d->at]] : HC_NODE_NONE, HC_VIA_SEVERAL};
			return true;
		}
	}
	for (; d->leaf < g->nslots; d->leaf++) {
		if (!bit_get(g->live, d->leaf)) {
			if (!g->live[d->leaf >> 6])
				d->leaf |= 63;
			continue;
		}
		if (bit_get(d->seen, d->leaf) || g->pre[d->leaf] == NODE_NONE)
			continue;
		*ret = (struct hc_dom_step){d->leaf, graph_idom(g, d->leaf), HC_VIA_SEVERAL};
		d->leaf++;
		return true;
	}
	return false;
}
