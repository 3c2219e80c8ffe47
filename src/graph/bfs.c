/* SPDX-License-Identifier: MIT */
/*
 * Shortest reference paths: a breadth-first tree from the virtual root. Large levels are put in order of address first:
 * then rows are read in sequence, and which of several shortest paths is taken does not look arbitrary.
 */
#include <string.h>

#include "graph/priv.h"

enum { ROWS_AHEAD = 24, TARGETS_AHEAD = 10 };

void bfs_level_sort(const struct graph *g, uint32_t *queue, uint64_t n, uint64_t *bits)
{
	uint64_t nwords = bit_words(node_count(g));
	if (n <= node_count(g) / 256)
		return;
	for (uint64_t i = 0; i < n; i++)
		bit_set(bits, queue[i]);
	for (uint64_t i = 0; i < nwords; i++) {
		for (uint64_t word = bits[i]; word; word &= word - 1)
			*queue++ = (uint32_t)(i * 64 + (unsigned)__builtin_ctzll(word));
		bits[i] = 0;
	}
}

/* Fills `out` with each reached node's parent, or its depth. */
static inline __attribute__((always_inline)) void tree_grow(const struct graph *g, uint32_t *out, uint32_t *queue,
                                                            uint64_t *bits, bool depths)
{
	uint64_t head = 0, tail = 0, level = 1;
	uint32_t depth = 1;
	out[g->nslots] = depths ? 0 : g->nslots;
	queue[tail++] = g->nslots;
	while (head < tail) {
		if (head == level) {
			level = tail;
			depth++;
			bfs_level_sort(g, queue + head, tail - head, bits);
		}
		if (head + ROWS_AHEAD < tail)
			row_prefetch(g, queue[head + ROWS_AHEAD]);
		if (head + TARGETS_AHEAD < tail)
			__builtin_prefetch(&g->targets[edge_start(g, queue[head + TARGETS_AHEAD])]);
		uint32_t node = queue[head++];
		for (uint64_t e = edge_start(g, node), end = edge_start(g, node + 1); e < end; e++) {
			uint32_t t = g->targets[e];
			if (out[t] != NODE_NONE)
				continue;
			out[t] = depths ? depth : node;
			if (bit_get(g->has_edges, t))
				queue[tail++] = t;
		}
	}
}

static void grow_parents(const struct graph *g, uint32_t *out, uint32_t *queue, uint64_t *bits)
{
	tree_grow(g, out, queue, bits, false);
}

static void grow_depths(const struct graph *g, uint32_t *out, uint32_t *queue, uint64_t *bits)
{
	tree_grow(g, out, queue, bits, true);
}

typedef void grow_fn(const struct graph *g, uint32_t *out, uint32_t *queue, uint64_t *bits);

static struct hc_error *search(const struct graph *g, grow_fn *grow, uint32_t **ret)
{
	uint64_t n = node_count(g);
	uint32_t *out = big_alloc(n * sizeof(*out));
	uint32_t *queue = big_alloc(n * sizeof(*queue)); /* nodes with out-edges */
	uint64_t *bits = big_alloc(bit_words(n) * 8);
	bool ok = out && queue && bits;
	if (ok) {
		memset(out, 0xff, n * sizeof(*out));
		if (g->nroots)
			grow(g, out, queue, bits);
		*ret = out;
	} else {
		big_free(out, n * sizeof(*out));
	}
	big_free(queue, n * sizeof(*queue));
	big_free(bits, bit_words(n) * 8);
	return ok ? NULL : err_nomem();
}

struct hc_error *graph_bfs_parents(const struct graph *g, uint32_t **ret)
{
	return search(g, grow_parents, ret);
}

struct hc_error *graph_bfs_depths(const struct graph *g, uint32_t **ret)
{
	return search(g, grow_depths, ret);
}
