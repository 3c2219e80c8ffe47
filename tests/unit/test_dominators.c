/* SPDX-License-Identifier: MIT */
/* Dominators, retained sizes and the dominator walk against brute force (delete a node, mark again). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../support/heapbuild.h"
#include "graph/graph.h"

enum { MAX_NODES = 512 };

static uint64_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(((seed >> 32) * n) >> 32);
}

static void check(struct hc_error *err)
{
	if (err)
		fail_msg("%s", hc_error_message(err));
}

static struct graph *analyse(struct heap_build *b, unsigned threads)
{
	struct graph *g;
	check(graph_open(hb_finish(b), threads, &g));
	check(graph_edges(g));
	check(graph_mark(g));
	check(graph_dominators(g));
	return g;
}

/* ---- brute force ---- */

/* The graph with nodes numbered without free slots. */
struct plain {
	uint32_t n, root;
	uint32_t *node;  /* number -> node id */
	uint32_t *first; /* n + 1 */
	uint32_t *to;
	uint32_t *stack;
};

static void plain_make(struct plain *p, const struct graph *g)
{
	uint32_t nodes = g->nslots + g->nroots, *number = calloc(nodes, 4), target;
	uint64_t offset;
	p->n = 0;
	p->node = calloc(nodes, 4);
	p->first = calloc(nodes + 1, 4);
	p->stack = calloc(nodes, 4);
	p->to = calloc(g->nedges + g->nroot_edges + 1, 4);
	for (uint32_t v = 0; v < nodes; v++) {
		if (node_is_root(g, v) || bit_get(g->heap->alloc, v)) {
			number[v] = p->n;
			p->node[p->n++] = v;
		}
	}
	p->root = number[g->nslots];
	for (uint32_t i = 0; i < p->n; i++) {
		struct edge_iter it;
		uint32_t e = p->first[i];
		graph_edges_of(g, p->node[i], &it);
		while (graph_edge_next(&it, &target, &offset))
			p->to[e++] = number[target];
		p->first[i + 1] = e;
	}
	free(number);
}

static void plain_free(struct plain *p)
{
	free(p->node);
	free(p->first);
	free(p->to);
	free(p->stack);
}

/* What is reachable from the virtual root if node `without` did not exist. */
static void reach(const struct plain *p, uint32_t without, bool *seen)
{
	uint32_t depth = 0;
	memset(seen, 0, p->n);
	if (p->root == without)
		return;
	seen[p->root] = true;
	p->stack[depth++] = p->root;
	while (depth) {
		uint32_t v = p->stack[--depth];
		for (uint32_t e = p->first[v]; e < p->first[v + 1]; e++) {
			if (!seen[p->to[e]] && p->to[e] != without) {
				seen[p->to[e]] = true;
				p->stack[depth++] = p->to[e];
			}
		}
	}
}

static uint64_t node_size(const struct graph *g, uint32_t node)
{
	return node_is_root(g, node) ? 0 : span_slot_size(g->heap, heap_span_of(g->heap, node));
}

static void check_brute(const struct graph *g)
{
	static bool live[MAX_NODES], left[MAX_NODES][MAX_NODES];
	static uint32_t depth[MAX_NODES];
	struct plain p;
	plain_make(&p, g);
	assert_in_range(p.n, 1, MAX_NODES);
	memset(depth, 0, sizeof(depth));
	reach(&p, NODE_NONE, live);
	for (uint32_t d = 0; d < p.n; d++) {
		reach(&p, d, left[d]);
		for (uint32_t v = 0; v < p.n; v++)
			depth[v] += live[v] && !left[d][v];
	}
	for (uint32_t v = 0; v < p.n; v++) {
		uint64_t bytes = 0, objects = 0;
		uint32_t idom = NODE_NONE, node = p.node[v];
		for (uint32_t o = 0; o < p.n; o++) {
			if (live[o] && !left[v][o]) {
				bytes += node_size(g, p.node[o]);
				objects += !node_is_root(g, p.node[o]);
			}
			if (o != v && live[v] && live[o] && !left[o][v] && (idom == NODE_NONE || depth[o] > depth[idom]))
				idom = o;
		}
		assert_int_equal(g->pre[node] != NODE_NONE, live[v]);
		assert_int_equal(graph_idom(g, node), idom == NODE_NONE ? NODE_NONE : p.node[idom]);
		assert_int_equal(graph_retained(g, node), bytes);
		assert_int_equal(graph_retained_objects(g, node), objects);
	}
	plain_free(&p);
}

/* ---- the walk ---- */

static uint64_t first_pointer(const struct graph *g, uint32_t from, uint32_t to)
{
	struct edge_iter it;
	uint32_t target;
	uint64_t offset;
	graph_edges_of(g, from, &it);
	while (graph_edge_next(&it, &target, &offset))
		if (target == to)
			return offset;
	return VIA_SEVERAL;
}

static void check_walk(const struct graph *g)
{
	uint32_t n = g->nslots + g->nroots, steps = 0, reachable = 0;
	bool *met = calloc(n, 1);
	struct dom_walk w;
	struct dom_step s;
	check(dom_walk_begin(g, &w));
	while (dom_walk_next(&w, &s)) {
		assert_false(met[s.node]);
		met[s.node] = true;
		assert_int_equal(s.dominator, graph_idom(g, s.node));
		if (steps++ == 0) {
			assert_int_equal(s.node, g->nslots);
			assert_int_equal(s.dominator, NODE_NONE);
			continue;
		}
		assert_true(met[s.dominator]);
		if (edge_start(g, s.dominator + 1) - edge_start(g, s.dominator) < 5000) /* the check is quadratic */
			assert_int_equal(s.via, first_pointer(g, s.dominator, s.node));
	}
	dom_walk_end(&w);
	for (uint32_t v = 0; v < n; v++)
		reachable += g->pre[v] != NODE_NONE;
	assert_int_equal(steps, reachable);
	free(met);
}

/* ---- what holds on graphs of any size ---- */

/*
 * Parent property: for each edge (v, w), idom(w) is v or one of its dominators; by intervals of a numbering of the
 * dominator tree. Catches dominators that are too specific; and the root must retain all that is live.
 */
static void check_parent_property(const struct graph *g)
{
	uint32_t n = g->ninner;
	uint32_t *in = calloc(n, 4), *out = calloc(n, 4), *size = calloc(n, 4), *next = calloc(n, 4);
	for (uint32_t k = n; k-- > 0;) {
		size[k]++;
		if (k)
			size[g->idom[k]] += size[k];
	}
	for (uint32_t k = 0; k < n; k++) { /* a dominator's interval is known before those within */
		if (k) {
			assert_true(g->idom[k] < k);
			in[k] = next[g->idom[k]];
			next[g->idom[k]] += size[k];
		}
		next[k] = in[k] + 1;
		out[k] = in[k] + size[k];
	}
	for (uint32_t k = 0; k < n; k++) {
		struct edge_iter it;
		uint32_t target;
		uint64_t offset;
		graph_edges_of(g, g->vtx[k], &it);
		while (graph_edge_next(&it, &target, &offset)) {
			uint32_t p = g->pre[target], d = p & PRE_LEAF ? p & ~PRE_LEAF : g->idom[p];
			if (p == 0)
				continue;
			if (!(in[d] <= in[k] && in[k] < out[d]))
				fail_msg("the dominator of %u does not dominate its referrer %u", target, g->vtx[k]);
		}
	}
	free(in);
	free(out);
	free(size);
	free(next);
	assert_int_equal(graph_retained(g, g->nslots), g->live_bytes);
	assert_int_equal(graph_retained_objects(g, g->nslots), g->live_objects);
}

/* The iterative algorithm of Cooper, Harvey and Kennedy: another answer for graphs that are too large for brute force. */
static void check_iterative(const struct graph *g)
{
	uint32_t n = g->nslots + g->nroots;
	uint32_t *idom = malloc(n * sizeof(*idom)); /* node id -> preorder number of the dominator, of inner nodes */
	memset(idom, 0xff, n * sizeof(*idom));
	idom[g->nslots] = 0;
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t k = 0; k < g->ninner; k++) { /* preorder converges, too, only later */
			struct edge_iter it;
			uint32_t target;
			uint64_t offset;
			graph_edges_of(g, g->vtx[k], &it);
			while (graph_edge_next(&it, &target, &offset)) {
				uint32_t a = idom[target], b = k;
				if (target == g->nslots)
					continue;
				while (a != NODE_NONE && a != b) {
					if (a > b)
						a = idom[g->vtx[a]];
					else
						b = idom[g->vtx[b]];
				}
				if (b != idom[target]) {
					idom[target] = b;
					changed = true;
				}
			}
		}
	}
	for (uint32_t v = 0; v < n; v++) {
		if (idom[v] == NODE_NONE)
			assert_int_equal(g->pre[v], NODE_NONE);
		else if (v != g->nslots)
			assert_int_equal(graph_idom(g, v), g->vtx[idom[v]]);
	}
	free(idom);
}

/* ---- random graphs ---- */

struct shape {
	uint32_t nodes, edges, roots;
	unsigned leaf_percent, local; /* local: targets are that near, 0: anywhere */
};

/* Object i gets room for its out-edges, nil words between them now and then; leaves are noscan half of the time. */
static void random_heap(struct heap_build *b, const struct shape *s)
{
	uint32_t *id = calloc(s->nodes, 4), *from = calloc(s->edges + 1, 4), *degree = calloc(s->nodes, 4);
	bool *leaf = calloc(s->nodes, 1);
	for (uint32_t i = 0; i < s->nodes; i++)
		leaf[i] = random_below(100) < s->leaf_percent;
	for (uint32_t e = 0; e < s->edges; e++) {
		from[e] = random_below(s->nodes);
		if (!leaf[from[e]])
			degree[from[e]]++;
	}
	for (uint32_t i = 0; i < s->nodes; i++) {
		id[i] = hb_alloc(b, 8 * (uint64_t)(degree[i] + random_below(3) + !degree[i]), leaf[i] && random_below(2));
		if (random_below(8) == 0)
			hb_release(b, hb_alloc(b, 8 * (uint64_t)(1 + random_below(4)), false));
		degree[i] = 0;
	}
	for (uint32_t e = 0; e < s->edges; e++) {
		uint32_t f = from[e], to = s->local ? (f + random_below(2 * s->local + 1) + s->nodes - s->local) % s->nodes
		                                    : random_below(s->nodes);
		if (!leaf[f])
			hb_link(b, id[f], degree[f]++, id[to], 0);
	}
	uint32_t parent = 0;
	for (uint32_t r = 0; r < s->roots; r++) {
		uint32_t node = hb_root(b, ROOT_GLOBAL, random_below(2) ? parent : 0);
		for (uint32_t k = random_below(3); k > 0; k--)
			hb_root_edge(b, id[random_below(s->nodes)], 8 * k);
		if (random_below(2))
			parent = node;
	}
	free(id);
	free(from);
	free(degree);
	free(leaf);
}

static void small_random_graphs(void **state)
{
	(void)state;
	static struct heap_build b;
	for (int i = 0; i < 4000; i++) {
		struct shape s = {.nodes = 1 + random_below(i % 8 ? 24 : 200)};
		s.edges = random_below(s.nodes * (1 + random_below(4)));
		s.roots = random_below(6);
		s.leaf_percent = random_below(60);
		s.local = random_below(2) ? 1 + random_below(3) : 0;
		if (s.local >= s.nodes)
			s.local = 0;
		hb_init(&b, 4 << 20);
		random_heap(&b, &s);
		struct graph *g = analyse(&b, 1);
		check_brute(g);
		check_walk(g);
		check_parent_property(g);
		check_iterative(g);
		graph_close(g);
		hb_deinit(&b);
	}
}

static void large_random_graphs(void **state)
{
	(void)state;
	static struct heap_build b;
	for (unsigned i = 0; i < 12; i++) {
		struct shape s = {.nodes = 100000, .edges = 100000 + 40000 * i, .roots = 1 + 20 * (i % 3),
		                  .leaf_percent = 10 * (i % 5), .local = i % 4 * 50};
		hb_init(&b, 64 << 20);
		random_heap(&b, &s);
		struct graph *g = analyse(&b, 1 + i % 3);
		check_walk(g);
		check_parent_property(g);
		check_iterative(g);
		graph_close(g);
		hb_deinit(&b);
	}
}

/* ---- shapes that break recursion, stacks and short cuts ---- */

/*
 * A doubly linked list of n elements, all of which point to one leaf (of which the head is the dominator); the tail points
 * to a hub with m children, to which the root has a second way. Climbing step by step takes n^2 + n m steps.
 */
static void list_and_hub(uint32_t n, uint32_t m, bool second_way)
{
	static struct heap_build b;
	hb_init(&b, (uint64_t)n * 36 + (uint64_t)m * 40 + (8 << 20));
	uint32_t root = hb_root(&b, ROOT_GLOBAL, 0), leaf = hb_alloc(&b, 24, true), prev = OBJ_NONE, head = OBJ_NONE;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t e = hb_alloc(&b, 32, false);
		hb_link(&b, e, 3, leaf, 8);
		if (prev == OBJ_NONE) {
			head = e;
		} else {
			hb_link(&b, prev, 0, e, 0);
			hb_link(&b, e, 1, prev, 0);
		}
		prev = e;
	}
	uint32_t hub = hb_alloc(&b, 8 * (uint64_t)m, false), other = hb_alloc(&b, 8 * (uint64_t)m, false);
	hb_link(&b, prev, 0, hub, 0);
	for (uint32_t i = 0; i < m; i++) {
		uint32_t child = hb_alloc(&b, 16, false);
		hb_link(&b, child, 0, child, 0);
		hb_link(&b, hub, i, child, 0);
		hb_link(&b, other, i, child, 0);
	}
	(void)root;
	hb_root_edge(&b, head, 0);
	if (second_way)
		hb_root_edge(&b, other, 8);
	struct graph *g = analyse(&b, 2);
	assert_int_equal(graph_idom(g, leaf), head);
	assert_int_equal(graph_idom(g, hub), prev);
	assert_int_equal(graph_idom(g, prev - 1), prev - 2);
	for (uint32_t i = 0; i < m; i++) {
		uint32_t target;
		uint64_t offset;
		struct edge_iter it;
		graph_edges_of(g, hub, &it);
		assert_true(graph_edge_next(&it, &target, &offset));
		assert_int_equal(graph_idom(g, target), second_way ? g->nslots + root : hub);
	}
	uint64_t size = span_slot_size(g->heap, heap_span_of(g->heap, hub));
	assert_int_equal(graph_retained(g, hub), size + (second_way ? 0 : 16 * (uint64_t)m));
	assert_int_equal(graph_retained_objects(g, prev), 2 + (second_way ? 0 : m));
	assert_int_equal(graph_retained(g, head), 32 * (uint64_t)n + 24 + graph_retained(g, hub));
	check_parent_property(g);
	graph_close(g);
	hb_deinit(&b);
}

static void deep_lists(void **state)
{
	(void)state;
	list_and_hub(5000000, 100, true);
	list_and_hub(1000000, 1000000, true);
	list_and_hub(1000000, 1000000, false);
}

/* Chains with side entrances: dominator paths longer than the step limit, with all kinds of junctions. */
static void deep_random_chains(void **state)
{
	(void)state;
	static struct heap_build b;
	static uint32_t id[20000];
	for (int round = 0; round < 20; round++) {
		uint32_t n = 2000 + random_below(18000), chains = 1 + random_below(4), jumps = random_below(200);
		hb_init(&b, 16 << 20);
		hb_root(&b, ROOT_GLOBAL, 0);
		for (uint32_t i = 0; i < n; i++)
			id[i] = hb_alloc(&b, 48, false);
		for (uint32_t i = 0; i < n; i++) {
			if (i < chains)
				hb_root_edge(&b, id[i], 8 * i);
			if (i + chains < n)
				hb_link(&b, id[i], round % 2 ? 0 : 4, id[i + chains], 0);
		}
		for (uint32_t i = 0; i < jumps; i++)
			hb_link(&b, id[random_below(n)], 1 + random_below(2), id[random_below(n)], 0);
		for (uint32_t i = 0; i < 300; i++) {
			uint32_t leaf = hb_alloc(&b, 8, true);
			for (uint32_t k = 1 + random_below(4); k > 0; k--)
				hb_link(&b, id[random_below(n)], 3 + 2 * random_below(2), leaf, 0);
		}
		struct graph *g = analyse(&b, 1);
		check_iterative(g);
		check_walk(g);
		check_parent_property(g);
		graph_close(g);
		hb_deinit(&b);
	}
}

/* One object with 20 million pointers: more than a cursor of the search counts, and more edges than a stage holds. */
static void wide_object(void **state)
{
	(void)state;
	static struct heap_build b;
	enum { N = 20 << 20 };
	hb_init(&b, (uint64_t)N * 8 + (64 << 20));
	uint32_t wide = hb_alloc(&b, (N + 1) * UINT64_C(8), false), first = OBJ_NONE, last = OBJ_NONE;
	uint32_t end = hb_alloc(&b, 24, false);
	hb_link(&b, wide, N, end, 0); /* nothing else points there */
	hb_link(&b, end, 0, wide, 0);
	for (uint32_t i = 0; i < 1 << 20; i++) {
		last = hb_alloc(&b, 16, i % 2);
		if (i == 0)
			first = last;
		if (i % 2 == 0)
			hb_link(&b, last, 1, wide, 8);
		for (uint32_t k = 0; k < 20; k++)
			hb_link(&b, wide, k << 20 | i, last, 0);
	}
	hb_root(&b, ROOT_GLOBAL, 0);
	hb_root_edge(&b, wide, 0);
	struct graph *g = analyse(&b, 2);
	assert_int_equal(g->nedges, N + (1 << 19) + 2);
	assert_int_equal(graph_idom(g, end), wide);
	assert_int_equal(graph_idom(g, first), wide);
	assert_int_equal(graph_idom(g, last), wide);
	assert_int_equal(graph_retained(g, wide), g->live_bytes);
	check_walk(g);
	check_parent_property(g);
	graph_close(g);
	hb_deinit(&b);
}

static void nothing_at_all(void **state)
{
	(void)state;
	static struct heap_build b;
	hb_init(&b, 1 << 20);
	struct graph *g = analyse(&b, 1);
	assert_int_equal(g->ninner, 1);
	assert_int_equal(graph_idom(g, 0), NODE_NONE);
	assert_int_equal(graph_retained(g, 0), 0);
	check_walk(g);
	graph_close(g);
	hb_alloc(&b, 64, false); /* garbage only */
	g = analyse(&b, 1);
	assert_int_equal(g->ninner, 1);
	assert_int_equal(graph_idom(g, 0), NODE_NONE);
	assert_int_equal(graph_retained_objects(g, g->nslots), 0);
	check_walk(g);
	graph_close(g);
	hb_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_at_all),       cmocka_unit_test(small_random_graphs),
		cmocka_unit_test(large_random_graphs),  cmocka_unit_test(deep_random_chains),
		cmocka_unit_test(deep_lists),           cmocka_unit_test(wide_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
