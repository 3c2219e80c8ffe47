/* SPDX-License-Identifier: MIT */
/*
 * The edges: one linear scan over all spans, which is several times faster than chasing pointers and leaves a compressed
 * row graph behind.
 *
 * The ids are cut into chunks at multiples of EDGE_BLOCK. A worker scans a chunk into a stage of its own, waits for its
 * turn to learn where the chunk's edges go, and copies them there; so the result is in id order whoever did what, and
 * is held only once. Chunks that would outgrow a stage (those with giant objects) wait first and are written in place.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "graph/priv.h"

enum {
	CHUNK_BYTES = 1 << 20, /* of objects with pointers: small enough for its edges to stay in the cache */
	CHUNK_IDS = 1 << 18,
	STAGE_EDGES = 1 << 20,
};

struct chunk {
	uint32_t from; /* first id */
	uint32_t span; /* that it lies in */
	uint64_t words; /* upper bound of the edges */
};

struct wide_block {
	uint32_t block;
	uint64_t start[EDGE_BLOCK];
};

/* What a worker finds in a chunk; positions count from the chunk's first edge. */
struct stage {
	uint32_t *targets;
	uint8_t *delta;
	uint64_t nedges;
	uint64_t word; /* of the last edge's pointer */
	uint32_t node; /* the next one whose start is not known yet */
	uint64_t start[EDGE_BLOCK]; /* of the nodes of the current block */
	VEC(struct wide_block) wide;
	VEC(struct far_edge) far;
	uint32_t *own_targets; /* the stage's own room, for STAGE_EDGES */
	uint8_t *own_delta;
	bool nomem;
	struct ptr_scan scan;
	uint32_t id[SCAN_BATCH];
};

struct extract {
	struct graph *g;
	VEC(struct chunk) chunks;
	uint32_t *first_child, *next_child; /* root nodes; 0: none */
	struct stage *stages;
	pthread_mutex_t lock; /* of all below, and of g->nedges, wide, far */
	pthread_cond_t placed;
	size_t turn; /* chunks whose place is known */
	uint64_t nedges;
	uint64_t nroot_edges; /* set by the last chunk */
	VEC(uint64_t) wide;
	VEC(struct far_edge) far;
	bool nomem;
};

/* ---- addresses to ids ---- */

static inline uint32_t page_span(const struct heap *h, uint64_t addr)
{
	if (addr - h->min_addr >= h->max_addr - h->min_addr)
		return UINT32_MAX;
	const uint32_t *page = h->pages[addr >> 26];
	return page ? page[(addr >> 13) & 8191] : UINT32_MAX;
}

/* heap_find() for a batch: the misses of the three tables overlap. */
static void find_batch(const struct heap *h, const uint64_t *value, uint32_t n, uint32_t *id)
{
	for (uint32_t i = 0; i < n; i++) {
		id[i] = page_span(h, value[i]);
		if (id[i] != UINT32_MAX)
			__builtin_prefetch(&h->spans[id[i]]);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (id[i] == UINT32_MAX)
			continue;
		const struct span *s = &h->spans[id[i]];
		uint64_t off = value[i] - s->base;
		id[i] = off < s->limit - s->base ? s->first + (uint32_t)((off * s->magic) >> 32) : OBJ_NONE;
		if (id[i] != OBJ_NONE)
			__builtin_prefetch(&h->alloc[id[i] >> 6]);
	}
	for (uint32_t i = 0; i < n; i++)
		if (id[i] != OBJ_NONE && !bit_get(h->alloc, id[i]))
			id[i] = OBJ_NONE;
}

/* ---- one chunk ---- */

/* The starts of a block's nodes (all but the last block have EDGE_BLOCK of them) are known: packs them. */
static void block_pack(struct graph *g, struct stage *st)
{
	uint32_t block = (st->node - 1) / EDGE_BLOCK, n = (st->node - 1) % EDGE_BLOCK + 1;
	uint64_t base = st->start[0];
	g->edge_base[block] = base;
	if (st->start[n - 1] - base <= UINT16_MAX) {
		for (uint32_t i = 0; i < n; i++)
			g->edge_row[(uint64_t)block * EDGE_BLOCK + i] = (uint16_t)(st->start[i] - base);
		return;
	}
	struct wide_block w = {.block = block};
	memcpy(w.start, st->start, n * sizeof(w.start[0]));
	if (!vec_push(&st->wide, w))
		st->nomem = true;
}

/* The nodes up to `node` that have not begun yet begin behind the edges so far. */
static inline void nodes_begin(struct graph *g, struct stage *st, uint32_t node)
{
	while (st->node <= node) {
		st->start[st->node % EDGE_BLOCK] = st->nedges;
		if (++st->node % EDGE_BLOCK == 0)
			block_pack(g, st);
	}
}

static void far_add(struct stage *st)
{
	struct far_edge f = {st->nedges, st->word};
	if (!vec_push(&st->far, f))
		st->nomem = true;
}

static void scan_span(struct graph *g, struct stage *st, uint32_t span, uint32_t from, uint32_t to)
{
	struct ptr_scan *scan = &st->scan;
	heap_scan_begin(scan, g->heap, span, from, to);
	while (heap_scan_next(scan)) {
		find_batch(g->heap, scan->value, scan->n, st->id);
		for (uint32_t i = 0; i < scan->n; i++) {
			if (st->id[i] == OBJ_NONE)
				continue;
			uint32_t source = scan->object[i];
			if (st->node <= source) {
				nodes_begin(g, st, source);
				bit_set(g->has_edges, source);
				st->word = 0;
			}
			uint64_t gap = scan->offset[i] - st->word;
			st->word = scan->offset[i];
			if (gap >= EDGE_FAR) {
				far_add(st);
				gap = EDGE_FAR;
			}
			st->targets[st->nedges] = st->id[i];
			st->delta[st->nedges++] = (uint8_t)gap;
		}
	}
}

/* The root nodes follow the slots, so they are part of the last chunk. */
static void scan_roots(struct extract *x, struct stage *st)
{
	struct graph *g = x->g;
	const struct heap *h = g->heap;
	nodes_begin(g, st, g->nslots);
	x->nroot_edges = st->nedges;
	for (uint32_t i = 0; i < g->nroots; i++) {
		const struct root *r = &h->roots[i];
		nodes_begin(g, st, g->nslots + i);
		if (r->nedges || x->first_child[i])
			bit_set(g->has_edges, g->nslots + i);
		for (uint32_t c = x->first_child[i]; c; c = x->next_child[c]) {
			st->targets[st->nedges] = g->nslots + c;
			st->delta[st->nedges++] = 0;
		}
		for (uint64_t e = 0; e < r->nedges; e++) {
			st->targets[st->nedges] = h->root_edges[r->first_edge + e].target;
			st->delta[st->nedges++] = 0;
		}
	}
	x->nroot_edges = st->nedges - x->nroot_edges;
	nodes_begin(g, st, g->nslots + g->nroots);
	if (st->node % EDGE_BLOCK)
		block_pack(g, st);
}

static uint64_t turn_wait(struct extract *x, size_t c)
{
	pthread_mutex_lock(&x->lock);
	while (x->turn != c)
		pthread_cond_wait(&x->placed, &x->lock);
	uint64_t start = x->nedges;
	pthread_mutex_unlock(&x->lock);
	return start;
}

/* Decides, in the order of the chunks, where the edges go, and keeps what is rare. Returns the first edge's index. */
static uint64_t chunk_place(struct extract *x, size_t c, struct stage *st)
{
	uint64_t start = turn_wait(x, c);
	pthread_mutex_lock(&x->lock);
	bool ok = !st->nomem;
	for (size_t i = 0; ok && i < st->wide.len; i++) {
		x->g->edge_base[st->wide.data[i].block] = EDGE_WIDE | x->wide.len;
		for (size_t k = 0; ok && k < EDGE_BLOCK; k++)
			ok = vec_push(&x->wide, st->wide.data[i].start[k] + start);
	}
	for (size_t i = 0; ok && i < st->far.len; i++) {
		struct far_edge f = {st->far.data[i].edge + start, st->far.data[i].word};
		ok = vec_push(&x->far, f);
	}
	if (!ok)
		x->nomem = true;
	x->nedges += st->nedges;
	x->turn++;
	pthread_cond_broadcast(&x->placed);
	pthread_mutex_unlock(&x->lock);
	return start;
}

static void chunk_extract(void *ctx, size_t c, unsigned worker)
{
	struct extract *x = ctx;
	struct graph *g = x->g;
	const struct heap *h = g->heap;
	const struct chunk *ch = &x->chunks.data[c];
	struct stage *st = &x->stages[worker];
	bool last = c + 1 == x->chunks.len, in_place = ch->words > STAGE_EDGES;
	uint32_t to = last ? g->nslots : ch[1].from;
	uint64_t start = in_place ? turn_wait(x, c) : 0;
	st->targets = in_place ? g->targets + start : st->own_targets;
	st->delta = in_place ? g->delta + start : st->own_delta;
	st->nedges = 0;
	st->node = ch->from;
	st->wide.len = st->far.len = 0;
	for (uint32_t i = ch->span; i < h->nspans && h->spans[i].first < to; i++) {
		const struct span *s = &h->spans[i];
		uint32_t a = s->first > ch->from ? s->first : ch->from, b = s->first + s->nelems;
		if (!(s->flags & SPAN_NOSCAN))
			scan_span(g, st, i, a, b < to ? b : to);
	}
	if (last)
		scan_roots(x, st);
	else
		nodes_begin(g, st, to - 1);
	uint32_t end = (st->node + EDGE_BLOCK - 1) / EDGE_BLOCK;
	start = chunk_place(x, c, st);
	for (uint32_t b = ch->from / EDGE_BLOCK; b < end; b++)
		if (!(g->edge_base[b] & EDGE_WIDE))
			g->edge_base[b] += start;
	if (!in_place && st->nedges) {
		memcpy(g->targets + start, st->targets, st->nedges * sizeof(*g->targets));
		memcpy(g->delta + start, st->delta, st->nedges * sizeof(*g->delta));
	}
}

/* ---- the whole ---- */

static bool chunks_cut(struct extract *x)
{
	const struct heap *h = x->g->heap;
	struct chunk c = {0};
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		uint64_t each = s->flags & SPAN_NOSCAN ? 0 : span_usable(h, i) / h->word;
		uint32_t end = s->first + s->nelems;
		for (uint32_t id = s->first, next; id < end; id = next) {
			next = id | (EDGE_BLOCK - 1);
			next = next < end ? next + 1 : end;
			c.words += (next - id) * each;
			if (next % EDGE_BLOCK || (c.words < CHUNK_BYTES / 8 && next - c.from < CHUNK_IDS))
				continue;
			if (!vec_push(&x->chunks, c))
				return false;
			c = (struct chunk){.from = next, .span = next < end ? i : i + 1};
		}
	}
	c.words += (uint64_t)h->nroots + h->nroot_edges;
	return vec_push(&x->chunks, c);
}

/* Children of root nodes as lists in ascending order; a parent's index is smaller than its children's. */
static bool children_link(struct extract *x)
{
	const struct heap *h = x->g->heap;
	x->first_child = calloc((size_t)h->nroots + 1, sizeof(*x->first_child));
	x->next_child = calloc((size_t)h->nroots + 1, sizeof(*x->next_child));
	if (!x->first_child || !x->next_child)
		return false;
	for (uint32_t i = h->nroots; i > 1; i--) {
		uint32_t parent = h->roots[i - 1].parent;
		x->next_child[i - 1] = x->first_child[parent];
		x->first_child[parent] = i - 1;
	}
	return true;
}

static bool arrays_alloc(struct extract *x)
{
	struct graph *g = x->g;
	uint64_t n = node_count(g), blocks = n / EDGE_BLOCK + 1;
	for (size_t i = 0; i < x->chunks.len; i++)
		g->priv->edge_cap += x->chunks.data[i].words;
	/* Only what is written costs memory: the bound counts every word of every object. */
	g->targets = big_alloc(g->priv->edge_cap * sizeof(*g->targets));
	g->delta = big_alloc(g->priv->edge_cap * sizeof(*g->delta));
	g->edge_base = big_alloc(blocks * sizeof(*g->edge_base));
	g->edge_row = big_alloc(blocks * EDGE_BLOCK * sizeof(*g->edge_row));
	g->has_edges = big_alloc(bit_words(n) * 8);
	x->stages = calloc(g->threads, sizeof(*x->stages));
	if (!g->targets || !g->delta || !g->edge_base || !g->edge_row || !g->has_edges || !x->stages)
		return false;
	for (unsigned i = 0; i < g->threads; i++) {
		x->stages[i].own_targets = big_alloc(STAGE_EDGES * sizeof(*g->targets));
		x->stages[i].own_delta = big_alloc(STAGE_EDGES * sizeof(*g->delta));
		if (!x->stages[i].own_targets || !x->stages[i].own_delta)
			return false;
	}
	return true;
}

static void extract_free(struct extract *x)
{
	for (unsigned i = 0; x->stages && i < x->g->threads; i++) {
		struct stage *st = &x->stages[i];
		big_free(st->own_targets, STAGE_EDGES * sizeof(*st->targets));
		big_free(st->own_delta, STAGE_EDGES * sizeof(*st->delta));
		vec_free(&st->wide);
		vec_free(&st->far);
	}
	free(x->stages);
	free(x->first_child);
	free(x->next_child);
	vec_free(&x->chunks);
	vec_free(&x->wide);
	vec_free(&x->far);
	pthread_mutex_destroy(&x->lock);
	pthread_cond_destroy(&x->placed);
}

struct hc_error *graph_edges(struct graph *g)
{
	struct extract x = {.g = g, .lock = PTHREAD_MUTEX_INITIALIZER, .placed = PTHREAD_COND_INITIALIZER};
	struct hc_error *err = NULL;
	if (!chunks_cut(&x) || !children_link(&x) || !arrays_alloc(&x)) {
		extract_free(&x);
		return err_nomem();
	}
	pool_run(g->threads, x.chunks.len, chunk_extract, &x);
	if (x.nomem)
		err = err_nomem();
	else if (x.nedges > EDGES_MAX)
		err = err_new(HC_E_LIMIT, "the heap has %" PRIu64 " references; at most 2^40 are supported", x.nedges);
	g->nroot_edges = x.nroot_edges;
	g->nedges = x.nedges - x.nroot_edges;
	g->wide = x.wide.data;
	g->far = x.far.data;
	g->nfar = x.far.len;
	memset(&x.wide, 0, sizeof(x.wide));
	memset(&x.far, 0, sizeof(x.far));
	extract_free(&x);
	return err;
}
