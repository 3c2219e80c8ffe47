/* SPDX-License-Identifier: MIT */
/*
 * Contract of the graph layer: references between objects, reachability, types on objects, dominators, retained
 * sizes. Knows objects, roots and types; no runtime structure, no file format.
 *
 * Nodes: ids below heap.nslots are slots (objects where allocated); heap.nslots + i is heap.roots[i]. The virtual root
 * of everything is node heap.nslots. Edges of a root node: its child root nodes, then its targets (none for the
 * ROOT_F_IF_DEAD roots of objects that are reachable without them).
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

enum { EDGE_BLOCK = 64, EDGE_FAR = 255 };
#define EDGE_WIDE (UINT64_C(1) << 63)
#define PRE_LEAF (UINT32_C(1) << 31)

/* Where the pointer of an edge is whose delta says EDGE_FAR. */
struct far_edge {
	uint64_t edge; /* index in targets */
	uint64_t word; /* of the object */
};

/* Objects whose type the allocator recorded: what propagation says of them when the record is hidden from it. */
struct typing_stats {
	uint64_t hidden_agree, hidden_differ, hidden_silent;
};

struct graph {
	const struct heap *heap;
	uint32_t nslots, nroots; /* nodes = nslots + nroots */

	/*
	 * Out-edges of all nodes, one node after the other: heap edges in order of address, then those of the root nodes.
	 * The edges of node i are [edge_start(i), edge_start(i + 1)); see edges.c for how they are found.
	 */
	uint32_t *targets;       /* node ids */
	uint8_t *delta;          /* heap edges: words since the object's previous edge (or its start); EDGE_FAR: see far */
	uint64_t nedges, nroot_edges; /* of objects; of root nodes, whose edges follow in targets */
	uint64_t *edge_base;     /* per EDGE_BLOCK nodes: the first one's edge_start; EDGE_WIDE set: an index in wide */
	uint16_t *edge_row;      /* per node: edge_start, from edge_base on */
	uint64_t *wide;          /* edge_start of the EDGE_BLOCK nodes of blocks with more than 65535 edges */
	struct far_edge *far;    /* sorted by edge */
	uint64_t nfar;
	uint64_t *has_edges;     /* bit per node */

	uint64_t *live;          /* bit per slot id */
	uint64_t live_objects, live_bytes;

	uint32_t *tw;            /* type word per slot */
	uint16_t *slack;         /* usable bytes of the slot beyond the typed value; saturates at 65535 */

	/*
	 * Dominators. Reachable nodes with out-edges are inner nodes and have preorder numbers 0..ninner-1, in which number
	 * 0 is the virtual root and a dominator comes before what it dominates; the other reachable nodes are leaves.
	 */
	uint32_t ninner;
	uint32_t *pre;           /* per node: inner: its preorder number; leaf: PRE_LEAF | the number of its dominator;
	                            NODE_NONE: unreachable */
	uint32_t *vtx;           /* preorder number -> node id */
	uint32_t *idom;          /* preorder number -> preorder number of the immediate dominator; idom[0] = 0 */
	uint64_t *retained;      /* preorder number -> bytes, the node's own included */
	uint32_t *retained_objects; /* preorder number -> objects, the node included unless it is a root node */

	uint64_t type_conflicts, type_rejected;
	struct typing_stats typing;
	struct graph_private *priv;
	unsigned threads;
};

struct hc_error *graph_open(const struct heap *h, unsigned threads, struct graph **ret) HC_MUST_CHECK; /* empty */
void graph_close(struct graph *g);

/* Stages, in this order; each needs those before it, but graph_type() and graph_dominators() may run at the same time. */
struct hc_error *graph_edges(struct graph *g) HC_MUST_CHECK;      /* edges.c */
struct hc_error *graph_mark(struct graph *g) HC_MUST_CHECK;       /* mark.c: live */
struct hc_error *graph_type(struct graph *g, struct types *t, struct diag *diag) HC_MUST_CHECK; /* typing.c: tw, slack */
struct hc_error *graph_dominators(struct graph *g) HC_MUST_CHECK; /* dominators.c */
/* After graph_type(): objects without a certain type whose first 8 bytes hold one of these numbers get its name
 * (typing_planted.c). Sorted by value. */
struct planted {
	uint64_t value;
	const char *name; /* outlives the types */
};
struct hc_error *graph_name_planted(struct graph *g, struct types *t, const struct planted *list, size_t n) HC_MUST_CHECK;
/* Shortest reference path tree from the virtual root: parent node per node (NODE_NONE: unreachable, root: itself),
 * nslots + nroots entries, owned by the caller (big_free). */
struct hc_error *graph_bfs_parents(const struct graph *g, uint32_t **ret) HC_MUST_CHECK;
/* Likewise: how many edges each node is away from the virtual root (NODE_NONE: unreachable). */
struct hc_error *graph_bfs_depths(const struct graph *g, uint32_t **ret) HC_MUST_CHECK;

static inline bool node_is_root(const struct graph *g, uint32_t node)
{
	return node >= g->nslots;
}

static inline bool node_is_inner(const struct graph *g, uint32_t node)
{
	return !(g->pre[node] & PRE_LEAF);
}

/* Index in targets of the node's first edge; good for one node beyond the last. */
static inline uint64_t edge_start(const struct graph *g, uint32_t node)
{
	uint64_t base = g->edge_base[node / EDGE_BLOCK];
	if (__builtin_expect((base & EDGE_WIDE) != 0, 0))
		return g->wide[(base & ~EDGE_WIDE) + node % EDGE_BLOCK];
	return base + g->edge_row[node];
}

struct edge_iter {
	const struct graph *g;
	uint32_t node;
	uint64_t at, end; /* in targets */
	uint64_t word;    /* of the previous edge */
};

/* The out-edges of a node, in order of source offset. Live and garbage objects alike; none for free slots. */
void graph_edges_of(const struct graph *g, uint32_t node, struct edge_iter *it);
/* Next edge: its target and the byte offset of the pointer in the source (for root nodes: in the root's region). */
bool graph_edge_next(struct edge_iter *it, uint32_t *target, uint64_t *offset);

/* Immediate dominator of a reachable node; NODE_NONE for the virtual root and for unreachable nodes. */
uint32_t graph_idom(const struct graph *g, uint32_t node);
/* Bytes that die with the node (its own included); 0 for unreachable nodes. */
uint64_t graph_retained(const struct graph *g, uint32_t node);
/* Objects that die with the node (itself included). */
uint64_t graph_retained_objects(const struct graph *g, uint32_t node);

/*
 * All reachable nodes, a dominator always before what it dominates, direct references of a node in order of offset: one
 * sweep over the edges in preorder (domwalk.c). Needs one bit per node.
 */
struct dom_step {
	uint32_t node, dominator; /* the virtual root's dominator is NODE_NONE */
	uint64_t via; /* offset in the dominator of the first pointer to the node; VIA_SEVERAL: it has none */
};
#define VIA_SEVERAL UINT64_MAX

struct dom_walk {
	const struct graph *g;
	uint64_t *met;       /* bit per node: was returned */
	uint32_t number;     /* preorder number of the node whose edges are being swept; UINT32_MAX: not begun */
	uint32_t node;
	uint64_t edge, end;  /* in targets */
	uint64_t word;       /* of the previous edge */
};
struct hc_error *dom_walk_begin(const struct graph *g, struct dom_walk *w) HC_MUST_CHECK;
bool dom_walk_next(struct dom_walk *w, struct dom_step *ret);
void dom_walk_end(struct dom_walk *w);

/* All reachable nodes in order of their distance from the virtual root (bfswalk.c). Needs 2 bits and 4 bytes per node. */
struct bfs_step {
	uint32_t node, from; /* first reached from; NODE_NONE for the virtual root */
	uint32_t depth;      /* references from the virtual root, those between root nodes included */
	uint64_t via;        /* offset in `from` of the pointer */
};

struct bfs_walk {
	const struct graph *g;
	uint64_t *met, *sorting; /* bit per node: was returned; clear */
	uint32_t *queue; /* nodes whose edges are still to be swept: [head, tail) */
	uint64_t head, tail;
	uint64_t level_end; /* in queue: the first node that is further away than `node` */
	uint32_t node, depth; /* whose edges are being swept; of what they lead to */
	uint64_t edge, end; /* of its edges: the next one; behind the last */
	uint64_t word;   /* of the edge before */
};
struct hc_error *bfs_walk_begin(const struct graph *g, struct bfs_walk *w) HC_MUST_CHECK;
bool bfs_walk_next(struct bfs_walk *w, struct bfs_step *ret);
void bfs_walk_end(struct bfs_walk *w);

/* For each node the index of the root that is nearest to it among its dominators, a root's own; NODE_NONE: unreachable.
 * nslots + nroots entries, owned by the caller (big_free). */
struct hc_error *graph_dom_roots(const struct graph *g, uint32_t **ret) HC_MUST_CHECK; /* domroots.c */

#endif
