/* SPDX-License-Identifier: MIT */
/* Shortest reference paths: a breadth-first tree from the virtual root. */
#include <string.h>

#include "graph/priv.h"

struct hc_error *graph_bfs_parents(const struct graph *g, uint32_t **ret)
{
	uint64_t n = node_count(g), head = 0, tail = 0;
	uint32_t *parent = big_alloc(n * sizeof(*parent));
	uint32_t *queue = big_alloc(n * sizeof(*queue)); /* nodes with out-edges */
	if (!parent || !queue) {
		big_free(parent, n * sizeof(*parent));
		big_free(queue, n * sizeof(*queue));
		return err_nomem();
	}
	memset(parent, 0xff, n * sizeof(*parent));
	if (g->nroots) {
		parent[g->nslots] = g->nslots;
		queue[tail++] = g->nslots;
	}
	while (head < tail) {
		queue_prefetch(g, queue, head, tail);
		uint32_t node = queue[head++];
		for (uint64_t e = edge_start(g, node), end = edge_start(g, node + 1); e < end; e++) {
			uint32_t t = g->targets[e];
			if (parent[t] != NODE_NONE)
				continue;
			parent[t] = node;
			if (bit_get(g->has_edges, t))
				queue[tail++] = t;
		}
	}
	big_free(queue, n * sizeof(*queue));
	*ret = parent;
	return NULL;
}
