/* SPDX-License-Identifier: MIT */
/* Reachability and shortest paths against plain searches; roots that count only while an object is dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../support/heapbuild.h"
#include "base/pool.h"
#include "graph/graph.h"

static uint64_t seed = 3;

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

static struct graph *marked(struct heap_build *b, unsigned threads)
{
	struct graph *g;
	check(graph_open(hb_finish(b), threads, &g));
	check(graph_edges(g));
	check(graph_mark(g));
	return g;
}

static uint64_t node_count(const struct graph *g)
{
	return (uint64_t)g->nslots + g->nroots;
}

/* Distances from the virtual root, UINT32_MAX where there is no path: a search without any of the graph's tricks. */
static uint32_t *distances(const struct graph *g)
{
	uint32_t *d = malloc(node_count(g) * sizeof(*d)), *queue = malloc(node_count(g) * sizeof(*queue));
	uint64_t head = 0, tail = 0;
	memset(d, 0xff, node_count(g) * sizeof(*d));
	d[g->nslots] = 0;
	queue[tail++] = g->nslots;
	while (head < tail) {
		struct edge_iter it;
		uint32_t t, v = queue[head++];
		uint64_t offset;
		graph_edges_of(g, v, &it);
		while (graph_edge_next(&it, &t, &offset)) {
			if (d[t] == UINT32_MAX) {
				d[t] = d[v] + 1;
				queue[tail++] = t;
			}
		}
	}
	free(queue);
	return d;
}

static void check_marks_and_paths(const struct graph *g)
{
	uint32_t *d = distances(g), *parent, t;
	uint64_t objects = 0, bytes = 0, offset;
	for (uint32_t v = 0; v < node_count(g); v++) {
		assert_int_equal(bit_get(g->live, v), d[v] != UINT32_MAX);
		if (v < g->nslots && d[v] != UINT32_MAX) {
			assert_true(bit_get(g->heap->alloc, v));
			objects++;
			bytes += span_slot_size(g->heap, heap_span_of(g->heap, v));
		}
	}
	assert_int_equal(g->live_objects, objects);
	assert_int_equal(g->live_bytes, bytes);
	check(graph_bfs_parents(g, &parent));
	for (uint32_t v = 0; v < node_count(g); v++) {
		struct edge_iter it;
		bool found = false;
		if (d[v] == UINT32_MAX || v == g->nslots) {
			assert_int_equal(parent[v], d[v] == UINT32_MAX ? NODE_NONE : v);
			continue;
		}
		assert_int_equal(d[parent[v]] + 1, d[v]);
		if (edge_start(g, parent[v] + 1) - edge_start(g, parent[v]) > 1000)
			continue; /* the check is quadratic */
		graph_edges_of(g, parent[v], &it);
		while (!found && graph_edge_next(&it, &t, &offset))
			found = t == v;
		assert_true(found);
	}
	big_free(parent, node_count(g) * sizeof(*parent));
	free(d);
}

/* ---- random heaps ---- */

static void random_heap(struct heap_build *b, uint32_t nodes, uint32_t edges, uint32_t roots)
{
	uint32_t *id = calloc(nodes, sizeof(*id)), *size = calloc(nodes, sizeof(*size));
	for (uint32_t i = 0; i < nodes; i++) {
		size[i] = 1 + random_below(random_below(50) ? 20 : 6000);
		id[i] = hb_alloc(b, 8 * (uint64_t)size[i], random_below(3) == 0);
		if (random_below(8) == 0)
			hb_release(b, hb_alloc(b, 8 * (uint64_t)size[i], false));
	}
	for (uint32_t i = 0; i < edges; i++) {
		uint32_t f = random_below(nodes);
		hb_link(b, id[f], random_below(size[f]), id[random_below(nodes)], 0);
	}
	for (uint32_t i = 0; i < roots; i++) {
		hb_root(b, ROOT_GLOBAL, random_below((uint32_t)b->roots.len));
		for (uint32_t k = random_below(4); k; k--)
			hb_root_edge(b, id[random_below(nodes)], 8 * k);
	}
	free(id);
	free(size);
}

static void random_heaps(void **state)
{
	(void)state;
	static struct heap_build b;
	for (int i = 0; i < 300; i++) {
		uint32_t nodes = i % 50 ? 1 + random_below(500) : 50000;
		hb_init(&b, (uint64_t)nodes * 4096 + (16 << 20));
		random_heap(&b, nodes, random_below(3 * nodes), random_below(8));
		struct graph *g = marked(&b, 1 + (unsigned)i % 3);
		check_marks_and_paths(g);
		graph_close(g);
		hb_deinit(&b);
	}
}

/* Levels that are large, small, large again, in orders of address that have nothing to do with the order of discovery. */
static void deep_and_wide(void **state)
{
	(void)state;
	static struct heap_build b;
	enum { N = 200000, CHAIN = 300000 };
	static uint32_t leaf[N];
	hb_init(&b, 256 << 20);
	uint32_t array = hb_alloc(&b, N * 8, false), list = OBJ_NONE, head = OBJ_NONE;
	for (uint32_t i = 0; i < N; i++)
		leaf[i] = hb_alloc(&b, 48, false);
	for (uint32_t i = 0; i < N; i++)
		hb_link(&b, array, i, leaf[(i * UINT64_C(7919)) % N], 0);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t two = hb_alloc(&b, 16, false);
		hb_link(&b, leaf[i], 1, two, 0);
		hb_link(&b, leaf[i], 3, leaf[(i + 1) % N], 8);
		hb_link(&b, two, 0, leaf[random_below(N)], 8);
		hb_link(&b, two, 1, hb_alloc(&b, 16, true), 0);
	}
	for (uint32_t i = 0; i < CHAIN; i++) {
		uint32_t e = hb_alloc(&b, 24, false);
		if (list == OBJ_NONE)
			head = e;
		else
			hb_link(&b, list, 1, e, 0);
		list = e;
	}
	hb_link(&b, list, 1, array, 0);
	hb_root(&b, ROOT_GLOBAL, 0);
	hb_root_edge(&b, head, 0);
	struct graph *g = marked(&b, 2);
	assert_int_equal(g->live_objects, 1 + 3 * N + CHAIN);
	check_marks_and_paths(g);
	graph_close(g);
	hb_deinit(&b);
}

/* ---- roots that count only while their object is dead ---- */

static uint32_t finalizer_contents(struct heap_build *b, uint32_t object, uint32_t target)
{
	uint32_t r = hb_root(b, ROOT_FINALIZER, 0);
	b->roots.data[r].flags |= ROOT_F_IF_DEAD;
	b->roots.data[r].object = object;
	hb_root_edge(b, target, 0);
	hb_root_edge(b, target, 8);
	return r;
}

static uint32_t edge_count(const struct graph *g, uint32_t node)
{
	struct edge_iter it;
	uint32_t n = 0, t;
	uint64_t offset;
	graph_edges_of(g, node, &it);
	while (graph_edge_next(&it, &t, &offset))
		n++;
	return n;
}

static void conditional_roots(void **state)
{
	(void)state;
	static struct heap_build b;
	hb_init(&b, 1 << 20);
	uint32_t alive = hb_alloc(&b, 32, false), kept = hb_alloc(&b, 32, true);
	uint32_t dead = hb_alloc(&b, 32, false), saved = hb_alloc(&b, 32, false), deep = hb_alloc(&b, 32, true);
	uint32_t ring1 = hb_alloc(&b, 32, false), ring2 = hb_alloc(&b, 32, false);
	uint32_t later = hb_alloc(&b, 32, false), lost = hb_alloc(&b, 32, false), extra = hb_alloc(&b, 32, true);
	hb_link(&b, alive, 0, kept, 0);
	hb_link(&b, dead, 0, saved, 0);
	hb_link(&b, saved, 0, deep, 0);
	hb_link(&b, saved, 1, later, 0);
	hb_link(&b, ring1, 0, ring2, 0);
	hb_link(&b, ring2, 0, ring1, 0);
	hb_link(&b, later, 0, extra, 0);
	uint32_t of_alive = finalizer_contents(&b, alive, kept); /* comes before the root that keeps the object */
	uint32_t of_dead = finalizer_contents(&b, dead, saved);
	uint32_t of_ring = finalizer_contents(&b, ring1, ring2); /* keeps its own object: never collected, as in Go */
	uint32_t of_later = finalizer_contents(&b, later, extra); /* alive only through an earlier root of this kind */
	hb_root(&b, ROOT_GLOBAL, 0);
	hb_root_edge(&b, alive, 0);
	struct graph *g = marked(&b, 1);
	const uint32_t live[] = {alive, kept, saved, deep, ring1, ring2, later, extra};
	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
		assert_true(bit_get(g->live, live[i]));
	assert_false(bit_get(g->live, dead));
	assert_false(bit_get(g->live, lost));
	assert_int_equal(g->live_objects, 8);
	assert_int_equal(edge_count(g, g->nslots + of_alive), 0);
	assert_int_equal(edge_count(g, g->nslots + of_dead), 2);
	assert_int_equal(edge_count(g, g->nslots + of_ring), 2);
	assert_int_equal(edge_count(g, g->nslots + of_later), 0);
	/* Those who sweep the edges without asking for nodes do not meet the pointer either. */
	for (uint64_t e = edge_start(g, g->nslots + of_alive); e < edge_start(g, g->nslots + of_alive + 1); e++)
		assert_int_not_equal(g->targets[e], kept);
	check(graph_dominators(g));
	assert_int_equal(graph_idom(g, kept), alive);
	assert_int_equal(graph_idom(g, saved), g->nslots + of_dead);
	assert_int_equal(graph_idom(g, ring2), g->nslots + of_ring);
	assert_int_equal(graph_idom(g, ring1), ring2);
	assert_int_equal(graph_idom(g, extra), later);
	assert_int_equal(graph_idom(g, g->nslots + of_alive), g->nslots);
	assert_int_equal(graph_retained(g, g->nslots + of_alive), 0);
	assert_int_equal(graph_retained(g, g->nslots), g->live_bytes);
	check_marks_and_paths(g);
	graph_close(g);
	hb_deinit(&b);
}

static void nothing_alive(void **state)
{
	(void)state;
	static struct heap_build b;
	hb_init(&b, 1 << 20);
	uint32_t x = hb_alloc(&b, 16, false);
	hb_link(&b, x, 0, x, 0);
	struct graph *g = marked(&b, 1);
	assert_int_equal(g->live_objects, 0);
	assert_int_equal(g->live_bytes, 0);
	check_marks_and_paths(g);
	graph_close(g);
	hb_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_heaps),
		cmocka_unit_test(deep_and_wide),
		cmocka_unit_test(conditional_roots),
		cmocka_unit_test(nothing_alive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
