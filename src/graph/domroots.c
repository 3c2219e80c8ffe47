/* SPDX-License-Identifier: MIT */
/* Which root keeps each node alive: the nearest one among its dominators. */
#include "graph/priv.h"

struct hc_error *graph_dom_roots(const struct graph *g, uint32_t **ret)
{
	uint64_t n = node_count(g), inner_size = (uint64_t)g->ninner * sizeof(uint32_t);
	uint32_t *inner = big_alloc(inner_size), *out = big_alloc(n * sizeof(*out));
	if (!inner || !out) {
		big_free(inner, inner_size);
		big_free(out, n * sizeof(*out));
		return err_nomem();
	}
	/* In preorder a dominator comes first. */
	for (uint32_t p = 0; p < g->ninner; p++)
		inner[p] = node_is_root(g, g->vtx[p]) ? g->vtx[p] - g->nslots : inner[g->idom[p]];
	for (uint64_t i = 0; i < n; i++) {
		uint32_t p = g->pre[i];
		if (p == NODE_NONE)
			out[i] = NODE_NONE;
		else
			out[i] = i >= g->nslots ? (uint32_t)i - g->nslots : inner[p & ~PRE_LEAF];
	}
	big_free(inner, inner_size);
	*ret = out;
	return NULL;
}
