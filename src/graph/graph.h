/* SPDX-License-Identifier: MIT */
/*
 * Contract of the graph layer: references between objects, reachability, types on objects, dominators, retained
 * sizes. Knows objects, roots and types; no runtime structure, no file format.
 *
 * Nodes: ids below heap.nslots are slots (objects where allocated); heap.nslots + i is heap.roots[i]. The virtual root
 * of everything is node heap.nslots. Edges of a root node: its child root nodes, then its targets.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "heap/heap.h"

#define NODE_NONE UINT32_MAX

/* How an object's type became known, best first. */
enum origin { ORIGIN_UNKNOWN, ORIGIN_EXACT, ORIGIN_PROPAGATED, ORIGIN_INFERRED };

/* The type word of a slot. */
enum {
	TW_TYPE_BITS = 25,
	TW_TYPE_MASK = (1 << TW_TYPE_BITS) - 1, /* type id; all ones = unknown */
	TW_ARRAY = 1 << 25,  /* [count]T with T = the type id: backing arrays of slices, several tiled elements */
	TW_STRBYTES = 1 << 26, /* the bytes of a string ([]uint8 otherwise) */
	TW_ORIGIN_SHIFT = 28, /* 2 bits: enum origin */
};

struct graph {
	const struct heap *heap;
	uint32_t nslots, nroots; /* nodes = nslots + nroots */

	/* Out-edges, in address order; see edges.c for the packing. */
	uint32_t *targets;       /* node ids */
	uint8_t *delta;          /* words since the object's previous edge (or its start); 255 = look it up */
	uint64_t nedges;
	uint64_t *span_base;     /* first edge of each span, nspans + 1 entries */
	uint16_t *row;           /* scan spans with several objects: end of each slot's edges relative to span_base */
	uint64_t *span_row;      /* first entry in row of each span */
	uint32_t *wide_row;      /* the same for spans with more than 65535 edges; see span_row's top bit */
	uint64_t *root_base;     /* first edge of each root node in root_targets, nroots + 1 entries */
	uint32_t *root_targets;
	uint64_t nroot_edges;

	uint64_t *live;          /* bit per slot id */
	uint64_t live_objects, live_bytes;

	uint32_t *tw;            /* type word per slot */
	uint16_t *slack;         /* usable bytes of the slot beyond the typed value; saturates at 65535 */

	/* Dominators. Inner nodes (those with out-edges, reachable) have preorder numbers 0..ninner-1, number 0 is the
	 * virtual root; leaves have none. */
	uint32_t ninner;
	uint32_t *pre;           /* node id -> inner: its preorder number; leaf: preorder number of its dominator;
	                            NODE_NONE: unreachable */
	uint64_t *is_inner;      /* bit per node id */
	uint32_t *vtx;           /* preorder number -> node id */
	uint32_t *idom;          /* preorder number -> preorder number of the immediate dominator; idom[0] = 0 */
	uint64_t *retained;      /* preorder number -> bytes, the node's own included */
	uint32_t *retained_objects; /* preorder number -> objects; may be NULL */

	uint64_t type_conflicts, type_rejected;
	struct graph_private *priv;
	unsigned threads;
};

struct hc_error *graph_open(const struct heap *h, unsigned threads, struct graph **ret) HC_MUST_CHECK; /* empty */
void graph_close(struct graph *g);

/* Stages, in this order; each needs those before it. */
struct hc_error *graph_edges(struct graph *g) HC_MUST_CHECK;      /* edges.c */
struct hc_error *graph_mark(struct graph *g) HC_MUST_CHECK;       /* mark.c: live */
struct hc_error *graph_type(struct graph *g, struct types *t, struct diag *diag) HC_MUST_CHECK; /* typing.c: tw, slack */
struct hc_error *graph_dominators(struct graph *g) HC_MUST_CHECK; /* dominators.c */
/* Shortest reference path tree from the virtual root: parent node per node (NODE_NONE: unreachable, root: itself),
 * nslots + nroots entries, owned by the caller (big_free). */
struct hc_error *graph_bfs_parents(const struct graph *g, uint32_t **ret) HC_MUST_CHECK;

static inline bool node_is_root(const struct graph *g, uint32_t node)
{
	return node >= g->nslots;
}

struct edge_iter {
	const struct graph *g;
	uint32_t node;
	uint64_t at, end;
	uint64_t offset; /* words, of the previous edge */
};

/* The out-edges of a node, in order of source offset. Live and garbage objects alike; none for free slots. */
void graph_edges_of(const struct graph *g, uint32_t node, struct edge_iter *it);
/* Next edge: its target and the byte offset of the pointer in the source (for root nodes: in the root's region). */
bool graph_edge_next(struct edge_iter *it, uint32_t *target, uint64_t *offset);

/* Immediate dominator of a reachable node; NODE_NONE for the virtual root and for unreachable nodes. */
uint32_t graph_idom(const struct graph *g, uint32_t node);
/* Bytes that die with the node (its own included); 0 for unreachable nodes. */
uint64_t graph_retained(const struct graph *g, uint32_t node);

#endif
