/* SPDX-License-Identifier: MIT */
/*
 * Depth-first numbering for the dominators, and in the same pass all that they need to know about edges, so that no edge
 * is looked at twice. Of an edge from v to w:
 *   - tree edges become par;
 *   - forward edges (v an ancestor of w) can be settled at once: v is a candidate for w's semidominator;
 *   - back and cross edges go to a log, and so do further references to a leaf that was met before.
 * Leaves are not numbered: they dominate nothing.
 */
#include "graph/priv.h"

enum {
	CURSOR_BITS = 40, /* edge index; above it: the edges left */
	CURSOR_LEFT = (1 << (64 - CURSOR_BITS)) - 1, /* that many or more */
	FETCH = 8,
};

struct cursor {
	uint64_t at, end;
};

static inline uint64_t cursor_pack(struct cursor c)
{
	uint64_t left = c.end - c.at;
	return c.at | (left < CURSOR_LEFT ? left : CURSOR_LEFT) << CURSOR_BITS;
}

static inline struct cursor cursor_unpack(const struct dominators *d, uint64_t packed, uint32_t number)
{
	struct cursor c = {.at = packed & (EDGES_MAX - 1)};
	uint64_t left = packed >> CURSOR_BITS;
	c.end = left < CURSOR_LEFT ? c.at + left : edge_start(d->g, d->vtx[number] + 1);
	return c;
}

PREFETCHER target_prefetch(const struct dominators *d, uint32_t t)
{
	__builtin_prefetch(&d->pre[t]);
	__builtin_prefetch(&d->g->edge_row[t]);
}

static inline struct cursor node_enter(struct dominators *d, uint32_t node, uint32_t number, uint32_t parent)
{
	d->pre[node] = number;
	d->vtx[number] = node;
	d->par[number] = d->semi[number] = parent;
	struct cursor c = {edge_start(d->g, node), edge_start(d->g, node + 1)};
	for (uint64_t e = c.at; e < c.end && e < c.at + FETCH; e++)
		target_prefetch(d, d->g->targets[e]);
	return c;
}

void dominators_dfs(struct dominators *d)
{
	const uint32_t *targets = d->g->targets;
	uint32_t v = 0;
	uint64_t depth = 0;
	struct cursor c = node_enter(d, d->g->nslots, 0, 0);
	d->n = 1;
	d->nback = 1;
	for (;;) {
		if (c.at == c.end) {
			if (v == 0)
				return;
			v = d->par[v];
			c = cursor_unpack(d, d->stack[--depth], v);
			continue;
		}
		uint32_t t = targets[c.at++], w = d->pre[t];
		if (c.at + FETCH <= c.end)
			target_prefetch(d, targets[c.at + FETCH - 1]);
		if (w == (uint32_t)PRE_NEW_INNER) {
			d->stack[depth++] = cursor_pack(c);
			c = node_enter(d, t, d->n, v);
			v = d->n++;
		} else if (w == (uint32_t)PRE_NEW_LEAF) {
			d->pre[t] = PRE_LEAF | v;
		} else if (w & PRE_LEAF) {
			if (w != (PRE_LEAF | v)) {
				d->leaf[-1] = (struct leaf_edge){v, t};
				d->leaf--;
				d->nleaf++;
			}
		} else if (w < v) {
			d->back[d->nback++] = (struct back_edge){v, w};
		} else if (d->semi[w] > v) {
			d->semi[w] = v; /* w > v was met in v's subtree; w == v is a reference to itself: semi[v] < v */
		}
	}
}
