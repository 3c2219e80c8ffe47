/* SPDX-License-Identifier: MIT */
/* Targets, paths and what dies without a reference, on small random graphs against all there is by brute force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/fakequery.h"

enum { N = 8, ROOTS = 4, DEGREE = 3, PATHS_MAX = 5000, ROUNDS = 300 };

static const struct hc_type t_int = {"int", "", HC_KIND_INT, 8, 0, NULL, NULL, NULL, 0};
extern const struct hc_type t_n;
static const struct hc_type t_nptr = {"*main.N", "main", HC_KIND_PTR, 8, 0, &t_n, NULL, NULL, 0};
static const struct hc_field fields[] = {{"a", &t_nptr, 0, false}, {"b", &t_nptr, 8, false}, {"c", &t_nptr, 16, false}};
const struct hc_type t_n = {"main.N", "main", HC_KIND_STRUCT, 24, 0, NULL, NULL, fields, 3};
static const struct hc_type *const types[] = {&t_int, &t_nptr, &t_n};
static const struct hc_class classes[] = {{"main.N", "main", &t_n, false, false},
                                          {"main.Named", "main", &t_n, false, false}};

struct graph {
	struct hc_snapshot s;
	struct fake_object objects[N];
	struct fake_content contents[N];
	struct hc_edge edges[N][DEGREE];
	struct hc_root roots[ROOTS];
	struct fake_root_edges root_edges[ROOTS];
	struct hc_edge first[ROOTS], of_root[ROOTS][2];
	uint64_t words[N][DEGREE];
};

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Marks what can be reached, past one pointer; by N for none. */
static void reach(const struct graph *g, uint32_t without, uint64_t offset, bool *live)
{
	memset(live, 0, N * sizeof(*live));
	for (int round = 0; round <= N; round++) {
		for (int r = 1; r < ROOTS; r++)
			for (uint32_t i = 0; i < g->root_edges[r].nedges; i++)
				live[g->of_root[r][i].target] = true;
		for (uint32_t i = 0; i < N; i++)
			for (uint32_t e = 0; live[i] && e < g->contents[i].nedges; e++)
				if (i != without || g->edges[i][e].offset != offset)
					live[g->edges[i][e].target] = true;
	}
}

static void graph_make(struct graph *g, uint32_t seed)
{
	static const char *const names[ROOTS] = {"(roots)", "main.x", "main.y", "main.z"};
	bool live[N];
	memset(g, 0, sizeof(*g));
	for (uint32_t i = 0; i < N; i++) {
		g->objects[i] = (struct fake_object){.class = i == 3 ? 1 : 0, .slot = 32, .used = 24,
		                                     .dominator = FAKE_ROOT(0)};
		g->contents[i] = (struct fake_content){.addr = 0x1000 + 64 * i, .bytes = (const uint8_t *)g->words[i],
		                                       .edges = g->edges[i]};
		for (uint32_t k = 0; k < DEGREE; k++) {
			if (random_next(&seed) % 3 == 0)
				continue;
			uint32_t to = random_next(&seed) % N;
			g->edges[i][g->contents[i].nedges++] = (struct hc_edge){to, 8 * k};
			g->words[i][k] = 0x1000 + 64 * to;
		}
		g->objects[i].pointers = g->contents[i].nedges;
	}
	for (uint32_t r = 0; r < ROOTS; r++) {
		g->roots[r] = (struct hc_root){.parent = FAKE_ROOT(0), .kind = r ? HC_ROOT_GLOBAL : HC_ROOT_ALL,
		                               .name = names[r],
		                               .type = r ? &t_nptr : NULL, .addr = r ? 0x100 * r : 0, .size = r ?
			16 : 0,
		                               .goroutine = HC_NO_INDEX, .frame = HC_NO_INDEX};
		g->first[r] = (struct hc_edge){N + r + 1, 0};
		g->root_edges[r].edges = r ? g->of_root[r] : g->first;
		g->root_edges[r].nedges = r ? random_next(&seed) % 3 : ROOTS - 1;
		for (uint32_t i = 0; i < 2; i++)
			g->of_root[r][i] = (struct hc_edge){random_next(&seed) % N, 8 * i};
	}
	g->s = (struct hc_snapshot){.types = types, .ntypes = 3, .classes = classes, .nclasses = 2,
	                            .objects = g->objects, .nobjects = N,
	                            .roots = g->roots, .nroots = ROOTS, .contents = g->contents,
		.root_edges = g->root_edges};
	reach(g, N, 0, live);
	for (uint32_t i = 0; i < N; i++)
		g->objects[i].dead = !live[i];
	fake_finish(&g->s);
}

/* ---- paths ---- */

struct all_paths {
	size_t length[PATHS_MAX], n;
};

/* Every path without a loop from a root to the target, by its number of references; several pointers count once. */
static void all_from(const struct graph *g, uint32_t node, uint32_t target, uint32_t seen, size_t length,
                     struct all_paths *ret)
{
	bool done[N] = {false};
	if (node == target) {
		assert_true(ret->n < PATHS_MAX);
		ret->length[ret->n++] = length;
		return;
	}
	for (uint32_t e = 0; e < g->contents[node].nedges; e++) {
		uint32_t to = g->edges[node][e].target;
		if (done[to] || seen >> to & 1)
			continue;
		done[to] = true;
		all_from(g, to, target, seen | 1u << to, length + 1, ret);
	}
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

static struct all_paths *all(const struct graph *g, uint32_t target)
{
	struct all_paths *ret = calloc(1, sizeof(*ret));
	assert_non_null(ret);
	for (uint32_t r = 1; r < ROOTS; r++)
		for (uint32_t i = 0; i < g->root_edges[r].nedges; i++)
			if (i == 0 || g->of_root[r][0].target != g->of_root[r][1].target)
				all_from(g, g->of_root[r][i].target, target, 1u << g->of_root[r][i].target, 1, ret);
	qsort(ret->length, ret->n, sizeof(*ret->length), by_size);
	return ret;
}

static void check_path(const struct graph *g, struct hc_path p, uint32_t target)
{
	uint32_t seen = 0;
	assert_true(p.steps[0].node >= N);
	assert_int_equal(p.steps[p.n - 1].node, target);
	for (size_t i = 0; i + 1 < p.n; i++) {
		struct hc_edge_iter it;
		struct hc_edge e;
		bool found = false;
		assert_true(i == 0 || p.steps[i].node < N);
		hc_edges(&g->s, p.steps[i].node, &it);
		while (hc_edge_next(&it, &e))
			found |= e.offset == p.steps[i].offset && e.target == p.steps[i + 1].node;
		assert_true(found);
		assert_false(seen >> p.steps[i].node & 1);
		seen |= 1u << p.steps[i].node;
	}
}

static bool same_path(struct hc_path a, struct hc_path b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.steps[i].node != b.steps[i].node)
			return false;
	return true;
}

static struct hc_set *target_of(const struct graph *g, uint32_t node)
{
	char text[32];
	struct hc_set *set;
	snprintf(text, sizeof(text), "0x%x", 0x1000 + 64 * node);
	assert_null(hc_target_open(&g->s, text, &set, NULL));
	assert_int_equal(hc_set_count(set), 1);
	assert_true(hc_set_has(set, node));
	return set;
}

static void check_paths(const struct graph *g, uint32_t target, uint64_t max)
{
	struct hc_referrers *refs;
	struct hc_paths *paths;
	struct hc_set *set = target_of(g, target);
	assert_null(hc_referrers_open(&g->s, &refs));
	assert_null(hc_paths_open(&g->s, refs, set, max, &paths));
	struct all_paths *wanted = all(g, target);
	size_t n = hc_paths_count(paths);
	assert_false(hc_paths_cut(paths));
	assert_int_equal(n, wanted->n < max ? wanted->n : max);
	for (size_t i = 0; i < n; i++) {
		struct hc_path p = hc_paths_at(paths, i);
		check_path(g, p, target);
		assert_int_equal(p.n - 1, wanted->length[i]);
		for (size_t j = 0; j < i; j++)
			assert_false(same_path(p, hc_paths_at(paths, j)));
	}
	const hc_node *anchors;
	uint64_t nanchors = hc_paths_anchors(paths, &anchors);
	assert_int_equal(nanchors == 0, wanted->n == 0);
	for (uint64_t i = 0; i < nanchors; i++) {
		assert_true(anchors[i] > N);
		if (i == 0)
			assert_int_equal(hc_paths_distance(paths, anchors[0]), wanted->length[0]);
		else
			assert_true(hc_paths_distance(paths, anchors[i]) >= hc_paths_distance(paths, anchors[i - 1]));
	}
	free(wanted);
	hc_paths_close(paths);
	hc_referrers_close(refs);
	hc_set_close(set);
}

/* All paths when there is room for them: those that are asked for are the shortest. */
static void test_paths(void **state)
{
	(void)state;
	static struct graph g;
	for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
		graph_make(&g, seed);
		for (uint32_t target = 0; target < N; target++) {
			check_paths(&g, target, PATHS_MAX);
			check_paths(&g, target, 3);
		}
		free(g.s.retained);
	}
}

static void test_dead_without(void **state)
{
	(void)state;
	static struct graph g;
	bool before[N], after[N];
	for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
		graph_make(&g, seed);
		reach(&g, N, 0, before);
		for (uint32_t i = 0; i < N; i++) {
			for (uint64_t offset = 0; offset < 24; offset += 8) {
				struct hc_set *dead;
				uint64_t n = 0;
				reach(&g, i, offset, after);
				assert_null(hc_dead_without(&g.s, i, offset, 8, &dead));
				for (uint32_t k = 0; k < N; k++) {
					assert_int_equal(hc_set_has(dead, k), before[k] && !after[k]);
					n += before[k] && !after[k];
				}
				assert_int_equal(hc_set_count(dead), n);
				hc_set_close(dead);
			}
		}
		free(g.s.retained);
	}
}

/* ---- targets ---- */

static void expect_target(const struct graph *g, const char *text, hc_node node, uint64_t offset, uint64_t size)
{
	struct hc_set *set;
	struct hc_target_field f;
	struct hc_error *err = hc_target_open(&g->s, text, &set, &f);
	if (err)
		fail_msg("%s", hc_error_message(err));
	assert_int_equal(hc_set_count(set), 1);
	assert_int_equal(hc_set_next(set, 0), node);
	assert_int_equal(hc_set_next(set, node + 1), HC_NODE_NONE);
	assert_int_equal(f.offset, offset);
	assert_int_equal(f.size, size);
	hc_set_close(set);
}

static void expect_refused(const struct graph *g, const char *text, struct hc_target_field *f)
{
	struct hc_set *set;
	struct hc_error *err = hc_target_open(&g->s, text, &set, f);
	if (!err)
		fail_msg("'%s' was accepted", text);
	assert_int_equal(hc_error_code(err), HC_E_ARG);
	hc_error_free(err);
}

static void test_targets(void **state)
{
	(void)state;
	static struct graph g;
	static const char *const bad[] = {"", "0x1", "0x", "12q", "0x1000.d", "0x1000.a.q", "0x1000[1]", "0x1000+3",
	                                  "0x1000+24",
	                                  "0x1000+", "nothing", "(", "main.x.a[", "0x99999999999999999999", "0x1000.",
		"0x1000[", "0x1000[-1]"};
	struct hc_target_field f;
	struct hc_set *set;
	graph_make(&g, 1);
	expect_target(&g, "0x1000", 0, 0, 0);
	expect_target(&g, "4096", 0, 0, 0);
	expect_target(&g, "0x1017", 0, 0, 0);
	expect_target(&g, "0x1040.b", 1, 8, 8);
	expect_target(&g, "0x1040+16", 1, 16, 8);
	expect_target(&g, "main.y", N + 2, 0, 0);
	expect_target(&g, "main.y+8", N + 2, 8, 8);
	expect_target(&g, "0x205", N + 2, 0, 0);
	expect_target(&g, "main.Named", 3, 0, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_refused(&g, bad[i], &f);
	expect_refused(&g, "0x1040.b", NULL);
	expect_refused(&g, NULL, NULL);
	assert_null(hc_target_open(&g.s, "N$|Named", &set, NULL));
	assert_int_equal(hc_set_count(set), N);
	hc_set_close(set);
	assert_null(hc_target_open(&g.s, "main.N", &set, NULL)); /* exactly: not main.Named */
	assert_int_equal(hc_set_count(set), N - 1);
	assert_false(hc_set_has(set, 3));
	assert_int_equal(hc_set_next(set, 3), 4);
	hc_set_close(set);
	free(g.s.retained);
}

/* A field of a pointer is one of what it points to. */
static void test_field_through_pointer(void **state)
{
	(void)state;
	static struct graph g;
	struct fake_memory memory[N];
	graph_make(&g, 1);
	for (uint32_t i = 0; i < N; i++)
		memory[i] = (struct fake_memory){0x1000 + 64 * i, 24, g.words[i]};
	g.s.memory = memory;
	g.s.nmemory = N;
	g.words[2][1] = 0x1000 + 64 * 5;
	g.words[2][2] = 0;
	expect_target(&g, "0x1080.b.c", 5, 16, 8);
	struct hc_target_field f;
	expect_refused(&g, "0x1080.c.a", &f);
	free(g.s.retained);
}

/*
 * An object with a finalizer that its own pointers lead back to; its child is kept by the finalizer in the ordinary
 * way.
 */
static void test_finalizer_cycle(void **state)
{
	(void)state;
	static struct graph g;
	memset(&g, 0, sizeof(g));
	graph_make(&g, 1);
	free(g.s.retained);
	memset(&g.s.info, 0, sizeof(g.s.info));
	g.s.nobjects = 2;
	g.s.nroots = 2;
	g.objects[0] = (struct fake_object){.slot = 32, .used = 24, .pointers = 1, .dominator = FAKE_ROOT(1)};
	g.objects[1] = (struct fake_object){.slot = 32, .used = 24, .pointers = 1, .dominator = 0};
	g.contents[0].nedges = g.contents[1].nedges = 1;
	g.contents[1].flags = HC_OBJ_FINALIZER;
	g.edges[0][0] = (struct hc_edge){1, 8};
	g.edges[1][0] = g.of_root[1][0] = (struct hc_edge){0, 16};
	g.root_edges[1].nedges = 1;
	g.first[0] = (struct hc_edge){3, 0};
	g.root_edges[0].nedges = 1;
	g.roots[0].parent = g.roots[1].parent = FAKE_ROOT(0);
	g.roots[1].kind = HC_ROOT_FINALIZER;
	fake_finish(&g.s);
	assert_int_equal(hc_kept_by(&g.s, 1), HC_KEPT_CYCLE);
	assert_int_equal(hc_kept_by(&g.s, 0), HC_KEPT_FINALIZER);
	g.of_root[1][0].offset = 0; /* another object's finalizer */
	assert_int_equal(hc_kept_by(&g.s, 1), HC_KEPT_FINALIZER);
	g.roots[1].kind = HC_ROOT_CLEANUP;
	assert_int_equal(hc_kept_by(&g.s, 1), HC_KEPT_CLEANUP);
	g.roots[1].kind = HC_ROOT_GLOBAL;
	assert_int_equal(hc_kept_by(&g.s, 1), HC_KEPT_ORDINARY);
	free(g.s.retained);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_dead_without),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_field_through_pointer),
		cmocka_unit_test(test_finalizer_cycle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
