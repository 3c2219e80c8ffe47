/* SPDX-License-Identifier: MIT */
/* Shortest reference paths as a sequence: the tree of bfs.c, node by node, with the pointers that its branches go through. */
#include "graph/priv.h"

enum { ROWS_AHEAD = 24, TARGETS_AHEAD = 10, TARGETS_MAX = 8 };

struct hc_error *bfs_walk_begin(const struct graph *g, struct bfs_walk *w)
{
	uint64_t n = node_count(g), bits = bit_words(n) * 8;
	*w = (struct bfs_walk){.g = g, .met = big_alloc(bits), .sorting = big_alloc(bits)};
	w->queue = big_alloc((n + 1) * sizeof(*w->queue)); /* only what is used of it costs memory */
	if (w->met && w->sorting && w->queue)
		return NULL;
	bfs_walk_end(w);
	return err_nomem();
}

void bfs_walk_end(struct bfs_walk *w)
{
	uint64_t n = node_count(w->g);
	big_free(w->met, bit_words(n) * 8);
	big_free(w->sorting, bit_words(n) * 8);
	big_free(w->queue, (n + 1) * sizeof(*w->queue));
	w->met = w->sorting = NULL;
	w->queue = NULL;
}

/* Turns to the next node whose edges are to be swept, and fetches what later ones will need; false at the end. */
static bool sweep_begin(struct bfs_walk *w)
{
	const struct graph *g = w->g;
	if (w->head >= w->tail)
		return false;
	if (w->head == w->level_end) {
		w->depth++;
		w->level_end = w->tail;
		bfs_level_sort(g, w->queue + w->head, w->tail - w->head, w->sorting);
	}
	if (w->head + ROWS_AHEAD < w->tail)
		row_prefetch(g, w->queue[w->head + ROWS_AHEAD]);
	if (w->head + TARGETS_AHEAD < w->tail) {
		uint64_t e = edge_start(g, w->queue[w->head + TARGETS_AHEAD]);
		__builtin_prefetch(&g->targets[e]);
		__builtin_prefetch(&g->delta[e]);
	}
	w->node = w->queue[w->head++];
	w->edge = edge_start(g, w->node);
	w->end = edge_start(g, w->node + 1);
	w->word = 0;
	return true;
}

bool bfs_walk_next(struct bfs_walk *w, struct bfs_step *ret)
{
	const struct graph *g = w->g;
	if (!w->tail) {
		if (!g->nroots)
			return false;
		bit_set(w->met, g->nslots);
		w->queue[w->tail++] = g->nslots;
		*ret = (struct bfs_step){g->nslots, NODE_NONE, 0, 0};
		return true;
	}
	for (;;) {
		while (w->edge < w->end) {
			uint64_t e = w->edge++, offset;
			if (e + TARGETS_MAX < w->end)
				__builtin_prefetch(&w->met[g->targets[e + TARGETS_MAX] >> 6]);
			uint32_t t = g->targets[e];
			w->word = g->delta[e] == EDGE_FAR ? edge_far_word(g, e) : w->word + g->delta[e];
			if (bit_get(w->met, t))
				continue;
			bit_set(w->met, t);
			if (bit_get(g->has_edges, t))
				w->queue[w->tail++] = t;
			offset = node_is_root(g, w->node) ? root_edge_offset(g, w->node, e, w->end) : w->word * g->heap->word;
			*ret = (struct bfs_step){t, w->node, w->depth, offset};
			return true;
		}
		if (!sweep_begin(w))
			return false;
	}
}
