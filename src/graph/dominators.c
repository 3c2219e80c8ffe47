/* SPDX-License-Identifier: MIT */
/*
 * Dominators by the semi-NCA algorithm (Georgiadis 2005: semidominators as Lengauer and Tarjan find them, then
 * immediate dominators by climbing the tree made so far), on preorder numbers, in arrays that are overlaid as the
 * phases go: 16 bytes per inner node, and 8 per edge that is neither a tree edge nor a forward edge.
 *
 * Climbing is short in real heaps, but quadratic in bad ones (a long list all of whose nodes point to one string), so
 * from some length on it takes the jump pointers of E. W. Myers' skew-binary lists, which make it logarithmic.
 */
#include "graph/priv.h"

#include <string.h>

struct jump {
	uint32_t to; /* an ancestor in the dominator tree */
	uint32_t depth;
};

enum { AHEAD = 64, SHORT_CLIMB = 64 };

/* ---- semidominators ---- */

/*
 * The smallest semidominator on the forest path from v up to the nodes that are not processed yet (w and below), the
 * path being compressed on the way. Pointers are turned round on the way up, so that no stack is needed.
 */
static uint32_t forest_eval(struct forest_node *f, uint32_t v, uint32_t w)
{
	uint32_t below = 0, up;
	while ((up = f[v].anc) > w) {
		f[v].anc = below;
		below = v;
		v = up;
	}
	uint32_t best = f[v].label;
	while (below) {
		v = below;
		below = f[v].anc;
		f[v].anc = up;
		if (f[v].label > best)
			f[v].label = best;
		else
			best = f[v].label;
	}
	return best;
}

/* Chains the logged edges by their target; the chains begin in the labels, which are not needed before. */
static void back_edges_chain(struct dominators *d)
{
	struct forest_node *f = d->forest;
	for (uint32_t k = 0; k < d->n; k++)
		f[k] = (struct forest_node){.anc = d->par[k]};
	for (uint64_t i = 1; i < d->nback; i++) {
		if (i + AHEAD < d->nback)
			__builtin_prefetch(&f[d->back[i + AHEAD].w], 1);
		uint32_t *first = &f[d->back[i].w].label;
		d->back[i].w = *first;
		*first = (uint32_t)i;
	}
}

static void semidominators(struct dominators *d)
{
	struct forest_node *f = d->forest;
	for (uint32_t w = d->n - 1; w > 0; w--) {
		if (w > 2 * AHEAD) { /* whether a chain is empty can't be predicted: entry 0 is fetched then */
			__builtin_prefetch(&d->back[f[w - 2 * AHEAD].label]);
			__builtin_prefetch(&f[d->back[f[w - AHEAD].label].v]);
		}
		uint32_t semi = d->semi[w];
		for (uint32_t i = f[w].label; i; i = d->back[i].w) {
			uint32_t s = forest_eval(f, d->back[i].v, w);
			if (s < semi)
				semi = s;
		}
		d->semi[w] = f[w].label = semi;
	}
}

/* ---- the tree ---- */

static void jump_add(struct jump *j, const uint32_t *idom, uint32_t w)
{
	uint32_t p = idom[w], q = j[p].to;
	bool twice = j[p].depth - j[q].depth == j[q].depth - j[j[q].to].depth;
	j[w] = (struct jump){twice ? j[q].to : p, j[p].depth + 1};
}

static void jumps_build(struct jump *j, const uint32_t *idom, uint32_t n)
{
	j[0] = (struct jump){0, 0};
	for (uint32_t w = 1; w < n; w++)
		jump_add(j, idom, w);
}

/* semi[] becomes idom[], in preorder: what is above w is done already. */
static void immediate_dominators(struct dominators *d)
{
	uint32_t *idom = d->semi;
	bool jumps = false;
	for (uint32_t w = 1; w < d->n; w++) {
		uint32_t x = d->par[w], s = idom[w];
		for (unsigned i = 0; x > s && i < SHORT_CLIMB; i++)
			x = idom[x];
		if (x > s && !jumps) {
			jumps_build(d->jump, idom, w);
			jumps = true;
		}
		while (x > s)
			x = d->jump[x].to > s ? d->jump[x].to : idom[x];
		idom[w] = x;
		if (jumps)
			jump_add(d->jump, idom, w);
	}
}

static uint32_t jump_nca(const struct jump *j, const uint32_t *idom, uint32_t a, uint32_t b)
{
	if (j[a].depth < j[b].depth) {
		uint32_t t = a;
		a = b;
		b = t;
	}
	while (j[a].depth > j[b].depth)
		a = j[j[a].to].depth >= j[b].depth ? j[a].to : idom[a];
	while (a != b) { /* nodes of the same depth jump equally far */
		bool far = j[a].to != j[b].to;
		a = far ? j[a].to : idom[a];
		b = far ? j[b].to : idom[b];
	}
	return a;
}

/* A leaf's dominator is the nearest common ancestor of its referrers, exactly, for it dominates nothing itself. */
static void leaf_dominators(struct dominators *d)
{
	const uint32_t *idom = d->semi;
	bool jumps = false;
	for (uint64_t i = d->nleaf; i > 0; i--) {
		if (i > AHEAD)
			__builtin_prefetch(&d->pre[d->leaf[i - 1 - AHEAD].leaf], 1);
		const struct leaf_edge *e = &d->leaf[i - 1];
		uint32_t a = d->pre[e->leaf] & ~PRE_LEAF, b = e->v;
		for (unsigned k = 0; a != b && k < SHORT_CLIMB; k++) {
			if (a > b)
				a = idom[a];
			else
				b = idom[b];
		}
		if (a != b && !jumps) {
			jumps_build(d->jump, idom, d->n);
			jumps = true;
		}
		if (a != b)
			a = jump_nca(d->jump, idom, a, b);
		d->pre[e->leaf] = PRE_LEAF | a;
	}
}

/* ---- sizes ---- */

static void retained_sum(struct dominators *d)
{
	const struct heap *h = d->g->heap;
	uint64_t *bytes = d->retained;
	uint32_t *objects = d->par;
	memset(bytes, 0, d->n * sizeof(*bytes));
	memset(objects, 0, d->n * sizeof(*objects));
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		uint64_t size = span_slot_size(h, i);
		for (uint32_t id = s->first; id < s->first + s->nelems; id++) {
			uint32_t p = d->pre[id];
			if (p >= (uint32_t)PRE_NEW_LEAF) {
				d->pre[id] = NODE_NONE;
				continue;
			}
			bytes[p & ~PRE_LEAF] += size;
			objects[p & ~PRE_LEAF]++;
		}
	}
	for (uint32_t w = d->n - 1; w > 0; w--) {
		bytes[d->semi[w]] += bytes[w];
		objects[d->semi[w]] += objects[w];
	}
}

/* ---- the whole ---- */

enum { INIT_NODES = 1 << 20 };

static void pre_init(void *ctx, size_t job, unsigned worker)
{
	struct dominators *d = ctx;
	uint64_t from = (uint64_t)job * INIT_NODES, to = from + INIT_NODES, n = node_count(d->g);
	(void)worker;
	for (uint64_t i = from; i < to && i < n; i++)
		d->pre[i] = bit_get(d->g->has_edges, i) ? (uint32_t)PRE_NEW_INNER : (uint32_t)PRE_NEW_LEAF;
}

static uint64_t inner_count(const struct graph *g)
{
	uint64_t n = 1; /* the virtual root, which is one even without edges */
	for (size_t i = 0; i < bit_words(node_count(g)); i++)
		n += (uint64_t)__builtin_popcountll(g->has_edges[i]);
	return n;
}

static bool arrays_alloc(struct dominators *d)
{
	struct graph *g = d->g;
	g->pre = d->pre = big_alloc(node_count(g) * sizeof(*d->pre));
	g->vtx = d->vtx = big_alloc(d->cap * sizeof(*d->vtx));
	g->idom = d->semi = big_alloc(d->cap * sizeof(*d->semi));
	g->retained_objects = d->par = big_alloc(d->cap * sizeof(*d->par));
	g->retained = d->retained = big_alloc(d->cap * sizeof(*d->retained));
	d->back = big_alloc(d->log_cap * sizeof(*d->back));
	if (!d->pre || !d->vtx || !d->semi || !d->par || !d->retained || !d->back)
		return false;
	d->leaf = (struct leaf_edge *)(void *)(d->back + d->log_cap);
	return true;
}

struct hc_error *graph_dominators(struct graph *g)
{
	struct dominators d = {.g = g, .cap = inner_count(g), .log_cap = g->nedges + g->nroot_edges + 1};
	struct hc_error *err = NULL;
	if (d.cap >= PRE_LEAF - 2)
		return err_new(HC_E_LIMIT, "the heap has more than 2^31 objects with pointers: dominators are not supported");
	g->priv->inner_cap = d.cap;
	if (!arrays_alloc(&d)) {
		err = err_nomem();
	} else if (g->nroots) {
		pool_run(g->threads, (size_t)(node_count(g) / INIT_NODES + 1), pre_init, &d);
		dominators_dfs(&d);
		if (d.nback >= UINT32_MAX)
			err = err_new(HC_E_LIMIT, "the heap is too entangled: more than 2^32 references to objects that others "
			              "refer to as well; dominators are not supported");
	}
	if (!err && g->nroots) {
		back_edges_chain(&d);
		semidominators(&d);
		immediate_dominators(&d);
		leaf_dominators(&d);
		retained_sum(&d);
		g->ninner = d.n;
	}
	big_free(d.back, d.log_cap * sizeof(*d.back));
	return err;
}
