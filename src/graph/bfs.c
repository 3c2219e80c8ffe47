/* SPDX-License-Identifier: MIT */
/*
 * Shortest reference paths: a breadth-first tree from the virtual root. Large levels are put in order of address first:
 * then rows are read in sequence, and which of several shortest paths is taken does not look arbitrary.
 */
#include <string.h>

#include "graph/priv.h"

enum { ROWS_AHEAD = 24, TARGETS_AHEAD = 10 };

/* Sorts n distinct nodes by way of a bit set, which is clear before and after. */
static void level_sort(uint32_t *queue, uint64_t n, uint64_t *bits, uint64_t nwords)
{
	for (uint64_t i = 0; i < n; i++)
		bit_set(bits, queue[i]);
	for (uint64_t i = 0; i < nwords; i++) {
		for (uint64_t word = bits[i]; word; word &= word - 1)
			*queue++ = (uint32_t)(i * 64 + (unsigned)__builtin_ctzll(word));
		bits[i] = 0;
	}
}

static void tree_grow(const struct graph *g, uint32_t *parent, uint32_t *queue, uint64_t *bits)
{
	uint64_t n = node_count(g), head = 0, tail = 0, level = 1;
	parent[g->nslots] = g->nslots;
	queue[tail++] = g->nslots;
	while (head < tail) {
		if (head == level) {
			level = tail;
			if (tail - head > n / 256)
				level_sort(queue + head, tail - head, bits, bit_words(n));
		}
		if (head + ROWS_AHEAD < tail)
			row_prefetch(g, queue[head + ROWS_AHEAD]);
		if (head + TARGETS_AHEAD < tail)
			__builtin_prefetch(&g->targets[edge_start(g, queue[head + TARGETS_AHEAD])]);
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
}

struct hc_error *graph_bfs_parents(const struct graph *g, uint32_t **ret)
{
	uint64_t n = node_count(g);
	uint32_t *parent = big_alloc(n * sizeof(*parent));
	uint32_t *queue = big_alloc(n * sizeof(*queue)); /* nodes with out-edges */
	uint64_t *bits = big_alloc(bit_words(n) * 8);
	bool ok = parent && queue && bits;
	if (ok) {
		memset(parent, 0xff, n * sizeof(*parent));
		if (g->nroots)
			tree_grow(g, parent, queue, bits);
		*ret = parent;
	} else {
		big_free(parent, n * sizeof(*parent));
	}
	big_free(queue, n * sizeof(*queue));
	big_free(bits, bit_words(n) * 8);
	return ok ? NULL : err_nomem();
}
