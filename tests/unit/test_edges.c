/* SPDX-License-Identifier: MIT */
/* The extracted edges against a model of what was stored; packing at its limits; any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../support/heapbuild.h"
#include "graph/graph.h"

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

static struct graph *edges_of(struct heap_build *b, unsigned threads)
{
	struct graph *g;
	check(graph_open(hb_finish(b), threads, &g));
	check(graph_edges(g));
	return g;
}

static void expect_edge(struct edge_iter *it, uint32_t target, uint64_t offset)
{
	uint32_t t = 0;
	uint64_t o = 0;
	assert_true(graph_edge_next(it, &t, &o));
	assert_int_equal(t, target);
	assert_int_equal(o, offset);
}

static void expect_end(struct edge_iter *it)
{
	uint32_t t;
	uint64_t o;
	assert_false(graph_edge_next(it, &t, &o));
	assert_false(graph_edge_next(it, &t, &o));
}

/* ---- a model: what each object was told to hold ---- */

struct pointer {
	uint32_t from, to;
	uint64_t word;
};

struct model {
	VEC(uint32_t) objects; /* allocated */
	VEC(uint32_t) words;   /* of each */
	VEC(bool) noscan;
	VEC(uint32_t) freed;
	VEC(struct pointer) pointers; /* by source id and word */
};

static void model_free(struct model *m)
{
	vec_free(&m->objects);
	vec_free(&m->words);
	vec_free(&m->noscan);
	vec_free(&m->freed);
	vec_free(&m->pointers);
}

/* What a word can hold; pointers that count are remembered. */
static void word_store(struct heap_build *b, struct model *m, size_t i, uint64_t word)
{
	uint32_t id = m->objects.data[i], k = random_below(12);
	size_t t = random_below((uint32_t)m->objects.len);
	uint32_t to = m->objects.data[t];
	bool noscan = m->noscan.data[i];
	uint64_t into = random_below(2) ? random_below(m->words.data[t]) * 8 + random_below(8) : 0;
	switch (k) {
	case 0: /* nil */
		hb_store(b, id, word, 0, !noscan);
		return;
	case 1: /* no pointer to the collector, whatever it looks like */
		hb_store(b, id, word, hb_addr(b, to), false);
		return;
	case 2: /* to a free slot */
		if (m->freed.len)
			hb_store(b, id, word, hb_addr(b, m->freed.data[random_below((uint32_t)m->freed.len)]), !noscan);
		return;
	case 3: { /* to no heap at all */
		static const uint64_t odd[] = {1, 8, 0x400000, HB_BASE - 8, HB_BASE - 1, UINT64_MAX, UINT64_MAX - 7,
		                               UINT64_C(1) << 47, UINT64_C(1) << 63, HB_BASE + (UINT64_C(1) << 40)};
		hb_store(b, id, word, odd[random_below(sizeof(odd) / sizeof(odd[0]))], !noscan);
		return;
	}
	default:
		break;
	}
	hb_store(b, id, word, hb_addr(b, to) + into, !noscan);
	struct pointer p = {id, to, word};
	if (!noscan)
		assert_true(vec_push(&m->pointers, p));
}

static int pointer_order(const void *a, const void *b)
{
	const struct pointer *p = a, *q = b;
	if (p->from != q->from)
		return p->from < q->from ? -1 : 1;
	return p->word < q->word ? -1 : p->word > q->word;
}

static uint32_t random_words(void)
{
	switch (random_below(40)) {
	case 0: return 1000 + random_below(3000);         /* around EDGE_FAR and the span's end */
	case 1: return HB_LARGE / 8 + random_below(9000); /* a span of its own */
	case 2: return 200 + random_below(400);
	default: return 1 + random_below(24);
	}
}

static void model_make(struct heap_build *b, struct model *m, uint32_t objects)
{
	hb_init(b, (uint64_t)objects * 8192 + (64 << 20));
	for (uint32_t i = 0; i < objects; i++) {
		uint32_t words = random_words();
		bool noscan = random_below(3) == 0;
		uint32_t id = hb_alloc(b, words * 8, noscan);
		if (random_below(6) == 0) {
			hb_release(b, id);
			hb_store(b, id, 0, HB_BASE, !noscan); /* what a free slot holds is no edge */
			assert_true(vec_push(&m->freed, id));
			continue;
		}
		assert_true(vec_push(&m->objects, id) && vec_push(&m->words, words) && vec_push(&m->noscan, noscan));
	}
	for (size_t i = 0; i < m->objects.len; i++)
		for (uint64_t w = 0; w < m->words.data[i]; w += 1 + (random_below(3) ? 0 : random_below(400)))
			word_store(b, m, i, w);
	qsort(m->pointers.data, m->pointers.len, sizeof(struct pointer), pointer_order);
}

static void model_check(const struct graph *g, const struct model *m)
{
	size_t at = 0;
	assert_int_equal(g->nedges, m->pointers.len);
	for (uint32_t id = 0; id < g->nslots; id++) {
		struct edge_iter it;
		size_t first = at;
		graph_edges_of(g, id, &it);
		for (; at < m->pointers.len && m->pointers.data[at].from == id; at++)
			expect_edge(&it, m->pointers.data[at].to, m->pointers.data[at].word * 8);
		expect_end(&it);
		assert_int_equal(bit_get(g->has_edges, id), at > first);
	}
	assert_int_equal(at, m->pointers.len);
}

static void random_heaps(void **state)
{
	(void)state;
	static struct heap_build b;
	for (int i = 0; i < 60; i++) {
		struct model m = {0};
		model_make(&b, &m, i % 10 ? 1 + random_below(300) : 3000);
		struct graph *g = edges_of(&b, 1 + (unsigned)i % 4);
		model_check(g, &m);
		graph_close(g);
		hb_deinit(&b);
		model_free(&m);
	}
}

static void assert_same(const struct graph *a, const struct graph *b)
{
	uint64_t nodes = (uint64_t)a->nslots + a->nroots, edges = a->nedges + a->nroot_edges;
	assert_int_equal(a->nedges, b->nedges);
	assert_int_equal(a->nroot_edges, b->nroot_edges);
	assert_int_equal(a->nfar, b->nfar);
	assert_memory_equal(a->targets, b->targets, edges * sizeof(*a->targets));
	assert_memory_equal(a->delta, b->delta, edges);
	assert_memory_equal(a->has_edges, b->has_edges, bit_words(nodes) * 8);
	assert_memory_equal(a->edge_base, b->edge_base, (nodes / EDGE_BLOCK + 1) * sizeof(*a->edge_base));
	for (uint64_t i = 0; i <= nodes; i++)
		assert_int_equal(edge_start(a, (uint32_t)i), edge_start(b, (uint32_t)i));
	for (uint64_t i = 0; i < a->nfar; i++) {
		assert_int_equal(a->far[i].edge, b->far[i].edge);
		assert_int_equal(a->far[i].word, b->far[i].word);
	}
}

/* Many chunks, some of them too large for a stage: whoever does what, the result is the same. */
static void threads_agree(void **state)
{
	(void)state;
	static struct heap_build b;
	struct model m = {0};
	model_make(&b, &m, 20000);
	for (int i = 0; i < 5; i++) {
		uint32_t huge = hb_alloc(&b, 9 << 20, i == 3);
		for (uint64_t w = 0; w < 9 << 17; w += 1 + random_below(5000)) {
			struct pointer p = {huge, m.objects.data[random_below((uint32_t)m.objects.len)], w};
			hb_store(&b, huge, w, hb_addr(&b, p.to), i != 3);
			if (i != 3)
				assert_true(vec_push(&m.pointers, p));
		}
		hb_link(&b, hb_alloc(&b, 64, false), 3, huge, 777); /* unknown to the model: counted below */
	}
	qsort(m.pointers.data, m.pointers.len, sizeof(struct pointer), pointer_order);
	struct graph *one = edges_of(&b, 1);
	assert_int_equal(one->nedges, m.pointers.len + 5);
	assert_true(one->nfar > 100);
	for (unsigned threads = 2; threads <= 8; threads++) {
		struct graph *g = edges_of(&b, threads);
		assert_same(one, g);
		graph_close(g);
	}
	graph_close(one);
	hb_deinit(&b);
	model_free(&m);
}

/* ---- packing ---- */

/* Small objects around one with n pointers, with `front` other ones before: whether the block's starts fit 16 bits. */
static void wide_block(uint32_t n, uint32_t front)
{
	static struct heap_build b;
	uint32_t small[80];
	hb_init(&b, 64 << 20);
	for (uint32_t i = 0; i < front; i++) {
		uint32_t id = hb_alloc(&b, 40000, false); /* spans of their own: ids follow each other */
		hb_link(&b, id, i, id, 0);
	}
	for (uint32_t i = 0; i < 40; i++)
		small[i] = hb_alloc(&b, 40000, false);
	uint32_t big = hb_alloc(&b, 8 * (uint64_t)n, false);
	for (uint32_t i = 40; i < 80; i++)
		small[i] = hb_alloc(&b, 40000, false);
	for (uint32_t i = 0; i < n; i++)
		hb_link(&b, big, i, small[i % 80], i % 7);
	for (uint32_t i = 0; i < 80; i += 2) {
		hb_link(&b, small[i], i, big, 8);
		hb_link(&b, small[i], 254 + 2 * i, small[i], 0); /* 254 words further and more: around EDGE_FAR */
		hb_link(&b, small[i], 4000, small[79], 0);
	}
	uint32_t root = hb_root(&b, ROOT_GLOBAL, 0);
	hb_root_edge(&b, big, 16);
	struct graph *g = edges_of(&b, 2);
	struct edge_iter it;
	assert_int_equal(g->nedges, front + n + 40 * 3);
	assert_int_equal(big, front + 40);
	/* Where the block's last node starts: behind 20 of the small ones in front of the big one and 11 behind it. */
	assert_int_equal((g->edge_base[big / EDGE_BLOCK] & EDGE_WIDE) != 0, n + (20 + 11) * 3 > UINT16_MAX);
	graph_edges_of(g, big, &it);
	for (uint32_t i = 0; i < n; i++)
		expect_edge(&it, small[i % 80], 8 * (uint64_t)i);
	expect_end(&it);
	for (uint32_t i = 0; i < 80; i++) {
		graph_edges_of(g, small[i], &it);
		if (i % 2 == 0) {
			expect_edge(&it, big, 8 * (uint64_t)i);
			expect_edge(&it, small[i], 8 * (254 + 2 * (uint64_t)i));
			expect_edge(&it, small[79], 8 * 4000);
		}
		expect_end(&it);
	}
	for (uint32_t i = 0; i < front; i++) {
		graph_edges_of(g, i, &it);
		expect_edge(&it, i, 8 * (uint64_t)i);
		expect_end(&it);
	}
	graph_edges_of(g, g->nslots + root, &it);
	expect_edge(&it, big, 16);
	expect_end(&it);
	graph_close(g);
	hb_deinit(&b);
}

static void wide_blocks(void **state)
{
	(void)state;
	for (uint32_t n = UINT16_MAX - 97; n < UINT16_MAX - 85; n++)
		wide_block(n, n % 2 * EDGE_BLOCK); /* in the first chunk, and in a later one */
	wide_block(UINT16_MAX, 3 * EDGE_BLOCK);
	wide_block(5000, 0);
	wide_block(2000000, 0);
	wide_block(2000000, EDGE_BLOCK);
}

static void far_edges(void **state)
{
	(void)state;
	static struct heap_build b;
	static const uint64_t words[] = {0, 254, 509, 764, 1020, 1275, 1531, 3000000, 3000001, 3999999};
	hb_init(&b, 64 << 20);
	uint32_t small = hb_alloc(&b, 16, true), big = hb_alloc(&b, 32000000, false);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hb_link(&b, big, words[i], small, 0);
	struct graph *g = edges_of(&b, 2);
	struct edge_iter it;
	graph_edges_of(g, big, &it);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		expect_edge(&it, small, words[i] * 8);
	expect_end(&it);
	assert_int_equal(g->nfar, 7); /* gaps of 255 and more */
	graph_close(g);
	hb_deinit(&b);
}

/* ---- roots ---- */

static void root_nodes(void **state)
{
	(void)state;
	static struct heap_build b;
	for (uint32_t pad = 0; pad < 3; pad++) { /* the root nodes begin anywhere in a block */
		hb_init(&b, 1 << 20);
		uint32_t x = hb_alloc(&b, 8192 / (pad + 1), false), y = hb_alloc(&b, 64, true), node;
		uint32_t group = hb_root(&b, ROOT_GROUP, 0), empty = hb_root(&b, ROOT_GROUP, 0);
		uint32_t second = hb_root(&b, ROOT_GLOBAL, group);
		hb_root_edge(&b, y, 24);
		hb_root_edge(&b, x, 8);
		hb_root_edge(&b, x, UINT32_MAX);
		uint32_t third = hb_root(&b, ROOT_GLOBAL, group);
		hb_root_edge(&b, x, 0);
		uint32_t child = hb_root(&b, ROOT_LOCAL, third);
		hb_root_edge(&b, x, 40);
		uint32_t last = hb_root(&b, ROOT_GROUP, 0);
		struct graph *g = edges_of(&b, 1);
		struct edge_iter it;
		node = g->nslots;
		assert_int_equal(g->nedges, 0);
		assert_int_equal(g->nroot_edges, 6 + 5);
		graph_edges_of(g, node, &it);
		expect_edge(&it, node + group, 0);
		expect_edge(&it, node + empty, 0);
		expect_edge(&it, node + last, 0);
		expect_end(&it);
		graph_edges_of(g, node + group, &it);
		expect_edge(&it, node + second, 0);
		expect_edge(&it, node + third, 0);
		expect_end(&it);
		graph_edges_of(g, node + empty, &it);
		expect_end(&it);
		graph_edges_of(g, node + second, &it);
		expect_edge(&it, y, 24);
		expect_edge(&it, x, 8);
		expect_edge(&it, x, UINT32_MAX);
		expect_end(&it);
		graph_edges_of(g, node + third, &it); /* child root nodes first */
		expect_edge(&it, node + child, 0);
		expect_edge(&it, x, 0);
		expect_end(&it);
		graph_edges_of(g, node + child, &it);
		expect_edge(&it, x, 40);
		expect_end(&it);
		graph_edges_of(g, node + last, &it);
		expect_end(&it);
		graph_close(g);
		hb_deinit(&b);
	}
}

static void no_heap(void **state)
{
	(void)state;
	static struct heap_build b;
	hb_init(&b, 1 << 20);
	struct graph *g = edges_of(&b, 4);
	struct edge_iter it;
	assert_int_equal(g->nedges, 0);
	graph_edges_of(g, 0, &it); /* ROOT_ALL */
	expect_end(&it);
	graph_close(g);
	hb_deinit(&b);
	graph_close(NULL);
}

static void too_many_nodes(void **state)
{
	(void)state;
	struct heap h = {.nslots = UINT32_MAX - 10, .nroots = 100};
	struct graph *g = NULL;
	struct hc_error *err = graph_open(&h, 1, &g);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_LIMIT);
	assert_null(g);
	hc_error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_heaps), cmocka_unit_test(threads_agree), cmocka_unit_test(wide_blocks),
		cmocka_unit_test(far_edges),    cmocka_unit_test(root_nodes),    cmocka_unit_test(no_heap),
		cmocka_unit_test(too_many_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
