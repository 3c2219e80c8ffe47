/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "base/pool.h"
#include "tests/support/typeworld.h"

static struct typeworld w;

static int begin(void **state)
{
	(void)state;
	typeworld_init(&w);
	return 0;
}

static int end(void **state)
{
	(void)state;
	typeworld_deinit(&w);
	return 0;
}

/* main.Node {next *main.Node; leaf *main.Leaf}, main.Leaf {a, b int64} */
static uint32_t node_type, leaf_type;

static void nodes(void)
{
	leaf_type = tw_struct(&w, "main.Leaf", "a", w.i64, "b", w.i64, NULL);
	node_type = tw_struct(&w, "main.Node", "next", w.any, "leaf", tw_ptr(&w, leaf_type), NULL);
	struct field *f = arena_alloc(&w.types.arena, 2 * sizeof(*f));
	f[0] = (struct field){"next", tw_ptr(&w, node_type), 0, false};
	f[1] = w.types.t[node_type].fields[1];
	w.types.t[node_type].fields = f;
}

static uint32_t node(void)
{
	uint32_t id = hb_alloc(&w.hb, 16, false);
	hb_store(&w.hb, id, 0, 0, true);
	hb_store(&w.hb, id, 1, 0, true);
	return id;
}

/* ---- propagation ---- */

static void test_list(void **state)
{
	(void)state;
	enum { N = 30000 };
	static uint32_t ids[N];
	nodes();
	for (int i = 0; i < N; i++) { /* each node points back: one sweep over the heap finds a single one */
		ids[i] = node();
		if (i)
			hb_link(&w.hb, ids[i], 0, ids[i - 1], 0);
	}
	uint32_t leaf = hb_alloc(&w.hb, 16, true);
	hb_link(&w.hb, ids[0], 1, leaf, 0);
	tw_point(&w, node_type, hb_addr(&w.hb, ids[N - 1]));
	typeworld_run(&w);
	for (int i = 0; i < N; i++)
		assert_int_equal(tw_type_of(&w, ids[i]), node_type);
	assert_int_equal(tw_origin_of(&w, ids[N - 1]), ORIGIN_EXACT);
	assert_int_equal(tw_origin_of(&w, ids[0]), ORIGIN_PROPAGATED);
	assert_int_equal(tw_type_of(&w, leaf), leaf_type);
	assert_int_equal(w.graph.type_conflicts + w.graph.type_rejected, 0);
}

/* Many objects at once: the waiting ones no longer fit into the ring. */
static void test_wide(void **state)
{
	(void)state;
	enum { N = 40000 };
	static uint32_t ids[N], leaves[N];
	nodes();
	uint32_t row = hb_alloc(&w.hb, N * 8, false);
	for (int i = 0; i < N; i++) {
		ids[i] = node();
		leaves[i] = hb_alloc(&w.hb, 16, true);
	}
	for (int i = 0; i < N; i++) {
		hb_link(&w.hb, ids[i], 1, leaves[N - 1 - i], 0);
		hb_link(&w.hb, row, (uint64_t)i, ids[i], 0);
	}
	uint64_t at = tw_global(&w, tw_slice(&w, tw_ptr(&w, node_type)));
	tw_put(&w, at, hb_addr(&w.hb, row));
	tw_put(&w, at + 8, N);
	tw_put(&w, at + 16, N);
	typeworld_run(&w);
	for (int i = 0; i < N; i++) {
		assert_int_equal(tw_type_of(&w, ids[i]), node_type);
		assert_int_equal(tw_type_of(&w, leaves[i]), leaf_type);
	}
	assert_true(w.graph.tw[row] & TW_ARRAY);
	assert_string_equal(tw_name_of(&w, row), "*main.Node");
	assert_int_equal(w.graph.slack[row], 0);
}

static void test_larger_wins(void **state)
{
	(void)state;
	nodes();
	uint32_t outer = tw_struct(&w, "main.Outer", "node", node_type, "n", w.i64, NULL);
	for (int order = 0; order < 2; order++) {
		uint32_t id = hb_alloc(&w.hb, 24, false);
		hb_store(&w.hb, id, 0, 0, true);
		hb_store(&w.hb, id, 1, 0, true);
		tw_point(&w, order ? outer : node_type, hb_addr(&w.hb, id));
		tw_point(&w, order ? node_type : outer, hb_addr(&w.hb, id));
		typeworld_run(&w);
		assert_int_equal(tw_type_of(&w, id), outer);
		assert_int_equal(w.graph.type_conflicts, 0);
	}
}

static void test_conflict_is_counted(void **state)
{
	(void)state;
	uint32_t a = tw_struct(&w, "main.A", "x", w.i64, "y", w.i64, NULL);
	uint32_t b = tw_struct(&w, "main.B", "x", w.uptr, "y", w.uptr, NULL);
	uint32_t id = hb_alloc(&w.hb, 16, true);
	tw_point(&w, b, hb_addr(&w.hb, id));
	tw_point(&w, a, hb_addr(&w.hb, id));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, id), a); /* the lower number, in any order */
	assert_int_equal(w.graph.type_conflicts, 1);
}

/* ---- what does not fit is not believed ---- */

static void test_mask_decides(void **state)
{
	(void)state;
	nodes();
	uint32_t wrong = hb_alloc(&w.hb, 16, false), noscan = hb_alloc(&w.hb, 16, true);
	uint32_t small = hb_alloc(&w.hb, 8, false);
	hb_store(&w.hb, wrong, 1, 0, true); /* no pointer in front */
	hb_store(&w.hb, small, 0, 0, true);
	tw_point(&w, node_type, hb_addr(&w.hb, wrong));
	tw_point(&w, node_type, hb_addr(&w.hb, noscan));
	tw_point(&w, node_type, hb_addr(&w.hb, small));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, wrong), TYPE_NONE);
	assert_int_equal(tw_type_of(&w, noscan), TYPE_NONE);
	assert_int_equal(tw_type_of(&w, small), TYPE_NONE);
	assert_int_equal(w.graph.type_rejected, 3);
}

/* A pointer to the first field of something that nothing names: its size class is another one. */
static void test_prefix_is_not_the_whole(void **state)
{
	(void)state;
	nodes();
	uint32_t id = hb_alloc(&w.hb, 96, false);
	hb_store(&w.hb, id, 0, 0, true);
	hb_store(&w.hb, id, 1, 0, true);
	tw_point(&w, node_type, hb_addr(&w.hb, id));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, id), TYPE_NONE);
}

static void test_free_slots_have_none(void **state)
{
	(void)state;
	nodes();
	uint32_t id = node();
	hb_release(&w.hb, id);
	tw_point(&w, node_type, hb_addr(&w.hb, id));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, id), TYPE_NONE);
}

/* ---- strings and slices ---- */

static void string_at(uint64_t at, uint64_t ptr, uint64_t len)
{
	tw_put(&w, at, ptr);
	tw_put(&w, at + 8, len);
}

static void test_strings(void **state)
{
	(void)state;
	uint32_t exact = hb_alloc(&w.hb, 48, true), part = hb_alloc(&w.hb, 96, true);
	uint32_t large = hb_alloc(&w.hb, 40000, true);
	string_at(tw_global(&w, w.string), hb_addr(&w.hb, exact), 35);
	string_at(tw_global(&w, w.string), hb_addr(&w.hb, exact) + 5, 10);
	string_at(tw_global(&w, w.string), hb_addr(&w.hb, part) + 10, 20);
	string_at(tw_global(&w, w.string), hb_addr(&w.hb, large), 100);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, exact), w.u8);
	assert_true(w.graph.tw[exact] & TW_STRBYTES);
	assert_int_equal(w.graph.slack[exact], 48 - 35);
	assert_true(w.graph.tw[part] & TW_STRBYTES);
	assert_int_equal(w.graph.slack[part], 96 - 81); /* less would have got a smaller slot */
	assert_true(w.graph.tw[large] & TW_STRBYTES);
	assert_int_equal(w.graph.slack[large], 0);
}

static uint64_t slice_at(uint64_t at, uint64_t ptr, uint64_t len, uint64_t cap)
{
	tw_put(&w, at, ptr);
	tw_put(&w, at + 8, len);
	tw_put(&w, at + 16, cap);
	return at;
}

static void test_slices(void **state)
{
	(void)state;
	nodes();
	uint32_t slice = tw_slice(&w, node_type), bytes = tw_slice(&w, w.u8);
	uint32_t a = hb_alloc(&w.hb, 96, false), b = hb_alloc(&w.hb, 96, false), c = hb_alloc(&w.hb, 208, true);
	for (unsigned i = 0; i < 12; i++) {
		hb_store(&w.hb, a, i, 0, true);
		if (i < 8)
			hb_store(&w.hb, b, i, 0, true);
	}
	slice_at(tw_global(&w, slice), hb_addr(&w.hb, a) + 64, 1, 2); /* the end of six */
	slice_at(tw_global(&w, slice), hb_addr(&w.hb, b), 1, 6);     /* the object has pointers in four only */
	slice_at(tw_global(&w, bytes), hb_addr(&w.hb, c), 3, 200);
	slice_at(tw_global(&w, bytes), hb_addr(&w.hb, c), 3, 2000);
	slice_at(tw_global(&w, bytes), hb_addr(&w.hb, c), 30, 20);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, a), node_type);
	assert_true(w.graph.tw[a] & TW_ARRAY);
	assert_int_equal(w.graph.slack[a], 0);
	assert_int_equal(tw_type_of(&w, b), TYPE_NONE);
	assert_int_equal(tw_type_of(&w, c), w.u8);
	assert_false(w.graph.tw[c] & TW_STRBYTES);
	assert_int_equal(w.graph.slack[c], 8);
	assert_int_equal(w.graph.type_rejected, 2); /* b, and the capacity of 2000 */
}

/* ---- interfaces ---- */

static void test_interfaces(void **state)
{
	(void)state;
	nodes();
	uint32_t pointer = tw_ptr(&w, node_type), boxed = hb_alloc(&w.hb, 16, true), direct = node();
	tw_descriptor(&w, leaf_type, 0x500000);
	tw_descriptor(&w, pointer, 0x500100);
	uint64_t at = tw_global(&w, w.eface);
	tw_put(&w, at, 0x500000);
	tw_put(&w, at + 8, hb_addr(&w.hb, boxed));
	at = tw_global(&w, w.eface);
	tw_put(&w, at, 0x500100);
	tw_put(&w, at + 8, hb_addr(&w.hb, direct));
	at = tw_global(&w, w.eface); /* no type there */
	tw_put(&w, at, 0x500200);
	tw_put(&w, at + 8, hb_addr(&w.hb, direct));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, boxed), leaf_type);
	assert_int_equal(tw_type_of(&w, direct), node_type);
	assert_int_equal(tw_origin_of(&w, boxed), ORIGIN_EXACT);
}

/* ---- outside the heap ---- */

static void test_statics(void **state)
{
	(void)state;
	nodes();
	uint32_t id = node();
	uint64_t first = tw_static(&w, 16), second = tw_static(&w, 16);
	tw_put(&w, first, second); /* a ring of two */
	tw_put(&w, second, first);
	uint32_t leaf = hb_alloc(&w.hb, 16, true);
	tw_put(&w, second + 8, hb_addr(&w.hb, leaf));
	tw_point(&w, node_type, first);
	(void)id;
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, leaf), leaf_type);
	assert_int_equal(tw_origin_of(&w, leaf), ORIGIN_PROPAGATED);
}

/* ---- tiny blocks ---- */

static void test_tiny(void **state)
{
	(void)state;
	uint32_t i32 = tw_scalar(&w, "int32", KIND_INT32, 4);
	uint32_t same = hb_alloc(&w.hb, 16, true), mixed = hb_alloc(&w.hb, 16, true), whole = hb_alloc(&w.hb, 16, true);
	uint32_t late = hb_alloc(&w.hb, 16, true);
	for (size_t i = 0; i < w.hb.spans.len; i++)
		w.hb.spans.data[i].flags |= SPAN_TINY;
	uint32_t pair = tw_struct(&w, "main.Pair", "a", w.i64, "b", w.i64, NULL);
	tw_point(&w, i32, hb_addr(&w.hb, same) + 4);
	tw_point(&w, i32, hb_addr(&w.hb, same));
	tw_point(&w, i32, hb_addr(&w.hb, mixed));
	string_at(tw_global(&w, w.string), hb_addr(&w.hb, mixed) + 4, 7);
	tw_point(&w, w.i64, hb_addr(&w.hb, whole) + 8);
	tw_point(&w, pair, hb_addr(&w.hb, whole));
	tw_point(&w, w.i64, hb_addr(&w.hb, late) + 8);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, same), i32);
	assert_int_equal(w.graph.slack[same], 8);
	assert_string_equal(tw_name_of(&w, mixed), "(tiny values)");
	assert_int_equal(tw_origin_of(&w, mixed), ORIGIN_INFERRED);
	assert_int_equal(w.graph.slack[mixed], 16 - 11);
	assert_int_equal(tw_type_of(&w, whole), pair);
	assert_string_equal(tw_name_of(&w, late), "(tiny values)"); /* the first half may be anything */
	assert_int_equal(w.graph.type_conflicts, 0);
}

/* The bytes of short slices lie in tiny blocks, too. */
static void test_tiny_row(void **state)
{
	(void)state;
	uint32_t row = hb_alloc(&w.hb, 16, true);
	for (size_t i = 0; i < w.hb.spans.len; i++)
		w.hb.spans.data[i].flags |= SPAN_TINY;
	uint64_t at = tw_global(&w, tw_slice(&w, w.u8));
	tw_put(&w, at, hb_addr(&w.hb, row));
	tw_put(&w, at + 8, 3);
	tw_put(&w, at + 16, 5);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, row), w.u8);
	assert_true(w.graph.tw[row] & TW_ARRAY);
	assert_int_equal(w.graph.slack[row], 11);
}

/* ---- the same twice ---- */

static uint64_t rng = 88172645463325252u;

static uint64_t rnd(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % n;
}

/*
 * Memory full of nonsense: nothing may be typed against its size or mask, and the result depends on nothing but the
 * memory.
 */
static void nonsense(unsigned seed)
{
	enum { N = 400, NTYPES = 40, NGLOBALS = 30 };
	static const uint16_t sizes[] = {8, 16, 24, 32, 48, 64, 96, 128, 208, 512, 40000};
	uint32_t ids[N], types[NTYPES];
	rng = 88172645463325252u + seed * 7919u;
	for (unsigned i = 0; i < NTYPES; i++) {
		uint32_t prev = i ? types[rnd(i)] : w.i64;
		char name[32];
		snprintf(name, sizeof(name), "main.T%u", i);
		switch (rnd(6)) {
		case 0: types[i] = tw_ptr(&w, prev); break;
		case 1: types[i] = tw_slice(&w, prev); break;
		case 2: types[i] = tw_array(&w, name, prev, rnd(4)); break;
		case 3: types[i] = tw_struct(&w, name, "a", prev, "b", i ? types[rnd(i)] : w.string, NULL); break;
		case 4: types[i] = rnd(2) ? w.string : w.eface; break;
		default: types[i] = tw_struct(&w, name, "a", w.i64, "p", tw_ptr(&w, prev), NULL); break;
		}
		if (w.types.t[types[i]].kind == KIND_STRUCT)
			tw_descriptor(&w, types[i], 0x500000 + i * 64);
	}
	for (unsigned i = 0; i < N; i++)
		ids[i] = hb_alloc(&w.hb, sizes[rnd(i % 50 ? 10 : 11)], rnd(3) == 0);
	hb_finish(&w.hb);
	for (unsigned i = 0; i < N; i++) {
		uint32_t span = heap_span_of(&w.hb.heap, ids[i]);
		bool scan = !(w.hb.heap.spans[span].flags & SPAN_NOSCAN);
		for (uint64_t word = 0; word < span_usable(&w.hb.heap, span) / 8 && word < 64; word++) {
			uint64_t target = hb_addr(&w.hb, ids[rnd(N)]) + (rnd(3) ? 0 : rnd(64));
			uint64_t other = rnd(2) ? 0x500000 + rnd(NTYPES) * 64 : rnd(UINT64_C(1) << rnd(40));
			hb_store(&w.hb, ids[i], word, rnd(3) ? target : other, scan && rnd(2));
		}
	}
	for (unsigned i = 0; i < NGLOBALS; i++) {
		uint64_t at = tw_global(&w, types[rnd(NTYPES)]);
		for (uint64_t k = 0; k < w.globals[w.types.nglobals - 1].size; k += 8)
			tw_put(&w, at + k, rnd(3) ? hb_addr(&w.hb, ids[rnd(N)]) : rnd(1 << 20));
	}
}

static void check_sane(void)
{
	const struct heap *h = &w.hb.heap;
	for (uint32_t id = 0; id < h->nslots; id++) {
		uint32_t type = tw_type_of(&w, id), span = heap_span_of(h, id);
		uint64_t usable = span_usable(h, span), used = usable - w.graph.slack[id];
		if (type == TYPE_NONE)
			continue;
		assert_true(bit_get(h->alloc, id));
		assert_true(w.types.t[type].size <= usable);
		assert_true(w.graph.slack[id] <= usable);
		assert_true(tw_origin_of(&w, id) != ORIGIN_UNKNOWN);
		if (w.graph.tw[id] & (TW_STRBYTES | TW_ARRAY) && w.types.t[type].size)
			assert_int_equal(used % w.types.t[type].size, 0);
		for (uint64_t i = 0; i < usable / 8; i++) {
			uint64_t words = w.types.t[type].size / 8;
			bool want = i < used / 8 && words && types_word_is_ptr(&w.types, type, i % words);
			assert_int_equal(heap_word_is_ptr(h, id, i * 8), want);
		}
	}
}

static void test_nonsense(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 60; seed++) {
		nonsense(seed);
		typeworld_run(&w);
		check_sane();
		uint64_t n = w.hb.heap.nslots;
		uint32_t *tw = malloc(n * sizeof(*tw));
		assert_non_null(tw);
		memcpy(tw, w.graph.tw, n * sizeof(*tw));
		typeworld_deinit(&w);
		typeworld_init(&w);
		nonsense(seed);
		typeworld_run(&w);
		assert_memory_equal(tw, w.graph.tw, n * sizeof(*tw));
		free(tw);
		typeworld_deinit(&w);
		typeworld_init(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, begin, end),
		cmocka_unit_test_setup_teardown(test_wide, begin, end),
		cmocka_unit_test_setup_teardown(test_larger_wins, begin, end),
		cmocka_unit_test_setup_teardown(test_conflict_is_counted, begin, end),
		cmocka_unit_test_setup_teardown(test_mask_decides, begin, end),
		cmocka_unit_test_setup_teardown(test_prefix_is_not_the_whole, begin, end),
		cmocka_unit_test_setup_teardown(test_free_slots_have_none, begin, end),
		cmocka_unit_test_setup_teardown(test_strings, begin, end),
		cmocka_unit_test_setup_teardown(test_slices, begin, end),
		cmocka_unit_test_setup_teardown(test_interfaces, begin, end),
		cmocka_unit_test_setup_teardown(test_statics, begin, end),
		cmocka_unit_test_setup_teardown(test_tiny, begin, end),
		cmocka_unit_test_setup_teardown(test_tiny_row, begin, end),
		cmocka_unit_test_setup_teardown(test_nonsense, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
