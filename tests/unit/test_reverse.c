/* SPDX-License-Identifier: MIT */
/* References backwards are those forwards, those of roots that count only while their object is dead included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/heapbuild.h"
#include "graph/graph.h"
#include "graph/reverse.h"

static uint64_t seed = 7;

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

static void random_heap(struct heap_build *b, uint32_t nodes, uint32_t edges)
{
	uint32_t *id = calloc(nodes, sizeof(*id));
	assert_non_null(id);
	for (uint32_t i = 0; i < nodes; i++)
		id[i] = hb_alloc(b, 64, random_below(4) == 0);
	for (uint32_t i = 0; i < edges; i++)
		hb_link(b, id[random_below(nodes)], random_below(8), id[random_below(nodes)], 0);
	for (uint32_t i = 0; i < 12; i++) {
		bool waits = random_below(2);
		uint32_t r = hb_root(b, waits ? ROOT_FINALIZER : ROOT_GLOBAL, waits ? 0 : random_below(2));
		b->roots.data[r].object = waits ? id[random_below(nodes)] : OBJ_NONE;
		b->roots.data[r].flags |= waits ? ROOT_F_IF_DEAD : 0;
		for (uint32_t k = random_below(4); k; k--)
			hb_root_edge(b, id[random_below(nodes)], 8 * k);
	}
	free(id);
}

static void check_reverse(const struct graph *g)
{
	struct reverse r;
	uint64_t n = (uint64_t)g->nslots + g->nroots, total = 0, offset;
	check(graph_reverse(g, &r));
	assert_int_equal(r.n, n);
	uint32_t *at = calloc(n + 1, sizeof(*at)), target;
	assert_non_null(at);
	/* Sources ascend: each forward edge is the next entry of its target. */
	for (uint32_t v = 0; v < n; v++) {
		struct edge_iter it;
		graph_edges_of(g, v, &it);
		while (graph_edge_next(&it, &target, &offset)) {
			assert_true(r.start[target] + at[target] < r.start[target + 1]);
			assert_int_equal(r.source[r.start[target] + at[target]++], v);
			total++;
		}
	}
	for (uint32_t v = 0; v < n; v++)
		assert_int_equal(at[v], r.start[v + 1] - r.start[v]);
	assert_int_equal(r.start[n], total);
	free(at);
	reverse_free(&r);
}

static void random_heaps(void **state)
{
	(void)state;
	static struct heap_build b;
	for (uint32_t i = 0; i < 300; i++) {
		struct graph *g;
		uint32_t nodes = 1 + random_below(i % 50 ? 60 : 20000);
		hb_init(&b, 16 << 20);
		random_heap(&b, nodes, random_below(2 * nodes));
		check(graph_open(hb_finish(&b), 1 + i % 3, &g));
		check(graph_edges(g));
		check(graph_mark(g));
		check_reverse(g);
		graph_close(g);
		hb_deinit(&b);
	}
}

static void no_objects(void **state)
{
	(void)state;
	static struct heap_build b;
	struct graph *g;
	hb_init(&b, 1 << 20);
	check(graph_open(hb_finish(&b), 1, &g));
	check(graph_edges(g));
	check(graph_mark(g));
	check_reverse(g);
	graph_close(g);
	hb_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_heaps),
		cmocka_unit_test(no_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
