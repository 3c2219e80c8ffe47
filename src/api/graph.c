/* SPDX-License-Identifier: MIT */
/* Public accessors of references and dominators. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

void hc_edges(const struct hc_snapshot *s, hc_node node, struct hc_edge_iter *it)
{
	_Static_assert(sizeof(it->opaque) >= sizeof(struct edge_iter), "hc_edge_iter is too small");
	struct edge_iter e;
	graph_edges_of(s->graph, node, &e);
	it->s = s;
	memcpy(it->opaque, &e, sizeof(e));
}

uint64_t hc_edge_count(const struct hc_snapshot *s, hc_node node)
{
	const struct graph *g = s->graph;
	return bit_get(g->has_edges, node) ? edge_start(g, node + 1) - edge_start(g, node) : 0;
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

uint64_t hc_retained_objects(const struct hc_snapshot *s, hc_node node)
{
	return graph_retained_objects(s->graph, node);
}

_Static_assert(HC_VIA_SEVERAL == VIA_SEVERAL, "the two must agree");

struct hc_error *hc_dom_begin(const struct hc_snapshot *s, struct hc_dom_iter *it)
{
	struct dom_walk *w = malloc(sizeof(*w));
	memset(it, 0, sizeof(*it));
	if (!w)
		return err_nomem();
	struct hc_error *err = dom_walk_begin(s->graph, w);
	if (err) {
		free(w);
		return err;
	}
	it->s = s;
	it->state = w;
	return NULL;
}

void hc_dom_end(struct hc_dom_iter *it)
{
	if (it->state)
		dom_walk_end(it->state);
	free(it->state);
	it->state = NULL;
}

bool hc_dom_next(struct hc_dom_iter *it, struct hc_dom_step *ret)
{
	struct dom_step step;
	if (!dom_walk_next(it->state, &step))
		return false;
	*ret = (struct hc_dom_step){step.node, step.dominator, step.via};
	return true;
}
