/* SPDX-License-Identifier: MIT */
/* Shared by the files of the graph layer only. */
#ifndef GRAPH_PRIV_H
#define GRAPH_PRIV_H

#include "base/bits.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/vec.h"
#include "graph/graph.h"

/* More would not fit the cursors of the depth-first search (dfs.c); 2^40 edges need 5 TB. */
#define EDGES_MAX (UINT64_C(1) << 40)

struct graph_private {
	uint64_t edge_cap;  /* entries that targets and delta have room for */
	uint64_t inner_cap; /* entries of vtx, idom, retained */
};

static inline uint64_t node_count(const struct graph *g)
{
	return (uint64_t)g->nslots + g->nroots;
}

/* Where the pointer of an edge with EDGE_FAR is, in words from the object's start. */
uint64_t edge_far_word(const struct graph *g, uint64_t edge);
/* Offset in a root's region of one of the root node's edges, which end at `end`. */
uint64_t root_edge_offset(const struct graph *g, uint32_t node, uint64_t edge, uint64_t end);

/* Inlined by force: gcc 12 takes functions that only prefetch for pure ones, and drops calls to them. */
#define PREFETCHER static inline __attribute__((always_inline)) void

PREFETCHER row_prefetch(const struct graph *g, uint32_t node)
{
	__builtin_prefetch(&g->edge_base[node / EDGE_BLOCK]);
	__builtin_prefetch(&g->edge_row[node]);
}

/* Puts a level of a breadth-first search, if it is large, in order of nodes by way of a bit set, clear before and after. */
void bfs_level_sort(const struct graph *g, uint32_t *queue, uint64_t n, uint64_t *bits);

/* ---- dominators: dfs.c numbers the nodes, dominators.c does the rest ---- */

/* Preorder numbers throughout. */
struct forest_node {
	uint32_t anc;   /* an ancestor in the depth-first tree */
	uint32_t label; /* the smallest semidominator from here up to, but without, anc; before that: the node's list */
};

/* A reference that is no tree edge, from v to an inner node w < v; later chained by w. */
struct back_edge {
	uint32_t v;
	uint32_t w; /* then: index of the next one with the same w */
};

struct leaf_edge {
	uint32_t v;
	uint32_t leaf; /* node id */
};

struct dominators {
	struct graph *g;
	uint32_t n;       /* inner nodes */
	uint64_t cap;     /* room in the arrays below */
	uint32_t *pre;    /* see struct graph */
	uint32_t *vtx;
	uint32_t *par;    /* in the depth-first tree; in the end g->retained_objects */
	uint32_t *semi;   /* dfs(): smallest referrer that is an ancestor; then semidominator; then immediate dominator */
	union {
		uint64_t *stack;            /* of dfs() */
		struct forest_node *forest; /* of the semidominators */
		struct jump *jump;          /* of the finished tree */
		uint64_t *retained;         /* in the end g->retained */
	};
	uint64_t log_cap; /* room in the two logs: one grows up, the other one down */
	struct back_edge *back; /* from 1 on; 0 ends a chain */
	uint64_t nback;   /* entry 0 included */
	struct leaf_edge *leaf; /* second and later references to leaves; the newest one is leaf[0] */
	uint64_t nleaf;
};

/* Fills pre, vtx, par, semi and the two logs. A leaf's pre is its first referrer's number. */
void dominators_dfs(struct dominators *d);

/* Before the depth-first search: not met yet. */
enum { PRE_NEW_INNER = -1, PRE_NEW_LEAF = -2 };

#endif
