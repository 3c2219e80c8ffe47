/* SPDX-License-Identifier: MIT */
/* Typing of containers, of known library types, and by inference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/pool.h"
#include "tests/support/typeworld.h"

static struct typeworld w;
static uint32_t leaf_type; /* {a, b, c int64}: no pointers */
static uint32_t pair_type; /* {p *Leaf; n int64} */

static int begin(void **state)
{
	(void)state;
	typeworld_init(&w);
	leaf_type = tw_struct(&w, "main.Leaf", "a", w.i64, "b", w.i64, "c", w.i64, NULL);
	pair_type = tw_struct(&w, "main.Pair", "p", tw_ptr(&w, leaf_type), "n", w.i64, NULL);
	w.types.t[leaf_type].rtype = w.types.t[pair_type].rtype = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	typeworld_deinit(&w);
	return 0;
}

/* An object of `size` bytes with pointers where the bits of mask are. */
static uint32_t object(uint64_t size, uint64_t mask)
{
	uint32_t id = hb_alloc(&w.hb, size, mask == 0);
	for (unsigned i = 0; i < 64; i++)
		if (mask >> i & 1)
			hb_store(&w.hb, id, i, 0, true);
	return id;
}

static uint32_t leaf(uint32_t from, uint64_t word)
{
	uint32_t id = object(24, 0);
	hb_link(&w.hb, from, word, id, 0);
	return id;
}

static uint32_t container(const char *name, enum kind kind, uint32_t key, uint32_t elem, uint32_t storage)
{
	struct type t = {.name = name, .kind = (uint8_t)kind, .size = 8, .key = key, .elem = elem, .storage = storage};
	return tw_must(types_add(&w.types, &t));
}

/* ---- maps of Go 1.24 ---- */

/* map[int64]*Leaf: its storage and its group, with one slot for brevity. */
static uint32_t swiss_map(uint32_t *group)
{
	uint32_t u64 = tw_scalar(&w, "uint64", KIND_UINT64, 8);
	*group = tw_struct(&w, "noalg.map.group[int64]*main.Leaf", "ctrl", u64, "key", w.i64,
	                   "elem", tw_ptr(&w, leaf_type), NULL);
	uint32_t groups = tw_struct(&w, "groupReference<int64,*main.Leaf>", "data", tw_ptr(&w, *group),
	                            "lengthMask", u64, NULL);
	uint32_t table = tw_struct(&w, "table<int64,*main.Leaf>", "used", u64, "index", w.i64, "groups", groups, NULL);
	uint32_t map = tw_struct(&w, "map<int64,*main.Leaf>", "used", u64, "seed", w.uptr, "dirPtr",
	                         tw_ptr(&w, tw_ptr(&w, table)), "dirLen", w.i64, "rest", w.i64, "clearSeq", u64, NULL);
	return container("map[int64]*main.Leaf", KIND_MAP, w.i64, tw_ptr(&w, leaf_type), map);
}

static void test_small_map(void **state)
{
	(void)state;
	uint32_t group, map = swiss_map(&group);
	uint32_t header = object(48, 1 << 2), slots = object(24, 1 << 2), value = leaf(slots, 2);
	hb_link(&w.hb, header, 2, slots, 0);
	tw_put(&w, tw_global(&w, map), hb_addr(&w.hb, header));
	typeworld_run(&w);
	assert_string_equal(tw_name_of(&w, header), "map<int64,*main.Leaf>");
	assert_int_equal(tw_type_of(&w, slots), group);
	assert_false(w.graph.tw[slots] & TW_ARRAY);
	assert_int_equal(tw_type_of(&w, value), leaf_type);
}

static void test_map_with_tables(void **state)
{
	(void)state;
	uint32_t group, map = swiss_map(&group);
	uint32_t header = object(48, 1 << 2), dir = object(16, 3), table = object(32, 1 << 2);
	uint32_t slots = object(96, 0x924), value = leaf(slots, 11);
	hb_link(&w.hb, header, 2, dir, 0);
	hb_store(&w.hb, header, 3, 2, false);
	hb_link(&w.hb, dir, 0, table, 0);
	hb_link(&w.hb, dir, 1, table, 0);
	hb_link(&w.hb, table, 2, slots, 0);
	hb_store(&w.hb, table, 3, 3, false);
	tw_put(&w, tw_global(&w, map), hb_addr(&w.hb, header));
	typeworld_run(&w);
	assert_string_equal(tw_name_of(&w, dir), "*table<int64,*main.Leaf>");
	assert_string_equal(tw_name_of(&w, table), "table<int64,*main.Leaf>");
	assert_int_equal(tw_type_of(&w, slots), group);
	assert_true(w.graph.tw[slots] & TW_ARRAY);
	assert_int_equal(w.graph.slack[slots], 0);
	assert_int_equal(tw_type_of(&w, value), leaf_type);
}

/* ---- maps before ---- */

/* Keys and elements without pointers: the buckets have none, overflow buckets hang on hmap.extra. */
static void test_hash_without_pointers(void **state)
{
	(void)state;
	uint32_t eight = tw_array(&w, "[8]int64", w.i64, 8);
	uint32_t bucket = tw_struct(&w, "bucket<int64,int64>", "tophash", w.i64, "keys", eight, "values", eight,
	                            "overflow", w.any, NULL);
	uint32_t extra = tw_struct(&w, "runtime.mapextra", "overflow", w.any, "oldoverflow", w.any,
	                           "nextOverflow", w.any, NULL);
	uint32_t bytes = tw_struct(&w, "runtime.hmapbytes", "flagsB", w.i64, NULL);
	uint32_t hash = tw_struct(&w, "hash<int64,int64>", "count", w.i64, "word", bytes, "buckets", tw_ptr(&w, bucket),
	                          "oldbuckets", tw_ptr(&w, bucket), "nevacuate", w.uptr,
	                          "extra", tw_ptr(&w, extra), NULL);
	struct field *f = arena_alloc(&w.types.arena, 8 * sizeof(*f));
	memcpy(f, w.types.t[hash].fields, 6 * sizeof(*f));
	f[6] = f[5];
	f[5] = f[4];
	f[4] = f[3];
	f[3] = f[2];
	f[1] = (struct field){"flags", w.u8, 8, false};
	f[2] = (struct field){"B", w.u8, 9, false};
	f[3] = (struct field){"buckets", tw_ptr(&w, bucket), 16, false};
	f[4] = (struct field){"oldbuckets", tw_ptr(&w, bucket), 24, false};
	f[5] = (struct field){"nevacuate", w.uptr, 32, false};
	f[6] = (struct field){"extra", tw_ptr(&w, extra), 40, false};
	w.types.t[hash].fields = f;
	w.types.t[hash].nfields = 7;
	uint32_t map = container("map[int64]int64", KIND_MAP, w.i64, w.i64, hash);
	uint32_t header = object(48, 0x2c), buckets = object(288, 0), more = object(144, 0);
	uint32_t links = object(24, 7), slice = object(24, 1), list = object(8, 1);
	hb_store(&w.hb, header, 1, 1 << 8, false); /* B = 1 */
	hb_link(&w.hb, header, 2, buckets, 0);
	hb_link(&w.hb, header, 5, links, 0);
	hb_link(&w.hb, links, 0, slice, 0);
	hb_link(&w.hb, slice, 0, list, 0);
	hb_store(&w.hb, slice, 1, 1, false);
	hb_store(&w.hb, slice, 2, 1, false);
	hb_link(&w.hb, list, 0, more, 0);
	tw_put(&w, tw_global(&w, map), hb_addr(&w.hb, header));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, header), hash);
	assert_int_equal(tw_type_of(&w, buckets), bucket);
	assert_true(w.graph.tw[buckets] & TW_ARRAY);
	assert_int_equal(tw_type_of(&w, links), extra);
	assert_string_equal(tw_name_of(&w, slice), "[]*bucket<int64,int64>");
	assert_string_equal(tw_name_of(&w, list), "*bucket<int64,int64>");
	assert_int_equal(tw_type_of(&w, more), bucket);
	assert_int_equal(w.graph.type_rejected + w.graph.type_conflicts, 0);
}

/* ---- channels ---- */

static uint32_t chan_type(const char *elem_name, uint32_t elem)
{
	char *name = arena_printf(&w.types.arena, "hchan<%s>", elem_name);
	uint32_t hchan = tw_struct(&w, name, "qcount", w.i64, "dataqsiz", w.i64, "buf", w.any, "elemsize", w.i64,
	                           "elemtype", w.any, "sendx", w.i64, "recvx", w.i64, "recvq", w.any,
	                           "recvq.last", w.any, "sendq", w.any, "sendq.last", w.any, "lock", w.i64, NULL);
	return container(arena_printf(&w.types.arena, "chan %s", elem_name), KIND_CHAN, TYPE_NONE, elem, hchan);
}

static void test_chan(void **state)
{
	(void)state;
	uint32_t type = chan_type("main.Pair", pair_type);
	uint32_t chan = object(96, 0x794), buf = object(48, 0x15), value = leaf(buf, 4);
	hb_store(&w.hb, chan, 1, 3, false);
	hb_link(&w.hb, chan, 2, buf, 0);
	tw_put(&w, tw_global(&w, type), hb_addr(&w.hb, chan));
	typeworld_run(&w);
	assert_string_equal(tw_name_of(&w, chan), "hchan<main.Pair>");
	assert_int_equal(tw_type_of(&w, buf), pair_type);
	assert_true(w.graph.tw[buf] & TW_ARRAY);
	assert_int_equal(tw_type_of(&w, value), leaf_type);
}

/* Elements without pointers are in the channel's own object, which has none then. */
static void test_chan_with_its_buffer(void **state)
{
	(void)state;
	uint32_t type = chan_type("int64", w.i64), chan = object(144, 0);
	hb_store(&w.hb, chan, 1, 5, false);
	hb_store(&w.hb, chan, 2, hb_addr(&w.hb, chan) + 96, false);
	tw_put(&w, tw_global(&w, type), hb_addr(&w.hb, chan));
	typeworld_run(&w);
	assert_string_equal(tw_name_of(&w, chan), "hchan<int64>");
	assert_int_equal(w.graph.slack[chan], 144 - 96 - 40);
	assert_int_equal(w.graph.type_rejected + w.graph.type_conflicts, 0);
}

/* ---- the standard library ---- */

static void test_atomic_pointer(void **state)
{
	(void)state;
	uint32_t mark = tw_array(&w, "[0]*main.Leaf", tw_ptr(&w, leaf_type), 0);
	uint32_t atomic = tw_struct(&w, "sync/atomic.Pointer[main.Leaf]", "_", mark, "v", w.any, NULL);
	uint32_t id = object(24, 0);
	tw_put(&w, tw_global(&w, atomic), hb_addr(&w.hb, id));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, id), leaf_type);
}

static void test_pool(void **state)
{
	(void)state;
	uint32_t local = tw_struct(&w, "sync.poolLocal", "private", w.eface, "shared", w.any, "pad", w.i64, NULL);
	uint32_t pool = tw_struct(&w, "sync.Pool", "local", w.any, "localSize", w.uptr, "victim", w.any,
	                          "victimSize", w.uptr, NULL);
	uint32_t locals = object(96, 0x666), kept = object(24, 0);
	tw_descriptor(&w, leaf_type, 0x500000);
	hb_store(&w.hb, locals, 4, 0x500000, false);
	hb_link(&w.hb, locals, 5, kept, 0);
	uint64_t at = tw_global(&w, pool);
	tw_put(&w, at, hb_addr(&w.hb, locals));
	tw_put(&w, at + 8, 3);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, locals), local);
	assert_int_equal(w.graph.slack[locals], 0);
	assert_int_equal(tw_type_of(&w, kept), leaf_type);
}

/* *node is the first field of entry and of indirect; a bool says of which. */
static void test_trie(void **state)
{
	(void)state;
	uint32_t flag = tw_scalar(&w, "bool", KIND_BOOL, 1);
	uint32_t node = tw_struct(&w, "unique.node[string]", "isEntry", flag, NULL);
	w.types.t[node].size = 1;
	uint32_t entry = tw_struct(&w, "unique.entry[string]", "node", node, "overflow", w.any, "key", w.any,
	                           "hash", w.uptr, NULL);
	uint32_t inner = tw_struct(&w, "unique.indirect[string]", "node", node, "parent", w.any, "children",
	                           tw_array(&w, "[2]*unique.node[string]", tw_ptr(&w, node), 2), NULL);
	uint32_t root = object(32, 0xe), child = object(32, 0xe), last = object(32, 6);
	hb_link(&w.hb, root, 2, child, 0);
	hb_link(&w.hb, child, 3, last, 0);
	hb_store(&w.hb, last, 0, 1, false);
	tw_point(&w, inner, hb_addr(&w.hb, root));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, child), inner);
	assert_int_equal(tw_type_of(&w, last), entry);
}

/* ---- inference ---- */

/* An array of which only a pointer into the middle is known, to a field. */
static void test_row_by_a_field(void **state)
{
	(void)state;
	/* 40 bytes, pointers in words 0 and 2 */
	uint32_t rec = tw_struct(&w, "main.Rec", "name", w.string, "pair", pair_type, "n", w.i64, NULL);
	tw_slice(&w, rec);
	uint64_t mask = 0;
	for (unsigned i = 0; i < 10; i++)
		mask |= UINT64_C(5) << (5 * i);
	uint32_t row = object(416, mask), value = leaf(row, 9 * 5 + 2);
	tw_point(&w, pair_type, hb_addr(&w.hb, row) + 3 * 40 + 16);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, row), rec);
	assert_true(w.graph.tw[row] & TW_ARRAY);
	assert_int_equal(w.graph.slack[row], 16);
	assert_int_equal(tw_origin_of(&w, row), ORIGIN_INFERRED);
	assert_int_equal(tw_type_of(&w, value), leaf_type);
	assert_int_equal(tw_origin_of(&w, value), ORIGIN_INFERRED);
}

static void test_two_that_fit_are_none(void **state)
{
	(void)state;
	uint32_t a = tw_struct(&w, "main.A", "n", w.i64, "pair", pair_type, "m", w.i64, "k", w.i64, NULL);
	uint32_t b = tw_struct(&w, "main.B", "m", w.i64, "pair", pair_type, "x", w.uptr, "k", w.i64, NULL);
	w.types.t[a].rtype = 0x500000;
	uint32_t one = object(48, 2);
	tw_descriptor(&w, a, 0x500000);
	tw_point(&w, pair_type, hb_addr(&w.hb, one) + 8);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, one), a); /* b has no descriptor: it is never allocated */
	w.types.t[b].rtype = 0x500100;
	tw_descriptor(&w, b, 0x500100);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, one), TYPE_NONE);
}

/* What the pointers lead to tells types of one shape apart. */
static void test_contents_decide(void **state)
{
	(void)state;
	uint32_t other = tw_struct(&w, "main.Other", "x", w.string, "n", w.i64, NULL);
	uint32_t a = tw_struct(&w, "main.A", "n", w.i64, "p", tw_ptr(&w, leaf_type), "m", w.i64, "k", w.i64, NULL);
	uint32_t b = tw_struct(&w, "main.B", "n", w.i64, "p", tw_ptr(&w, other), "m", w.i64, "k", w.i64, NULL);
	w.types.t[a].rtype = 0x500000;
	w.types.t[b].rtype = 0x500100;
	tw_descriptor(&w, a, 0x500000);
	tw_descriptor(&w, b, 0x500100);
	uint32_t one = object(32, 2), two = object(32, 2), value = object(24, 0);
	hb_link(&w.hb, one, 1, value, 0);
	tw_point(&w, leaf_type, hb_addr(&w.hb, value));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, one), a);
	assert_int_equal(tw_origin_of(&w, one), ORIGIN_INFERRED);
	assert_int_equal(tw_type_of(&w, two), TYPE_NONE);
}

static void test_bytes_of_untyped_slices(void **state)
{
	(void)state;
	static const char text[] = "a text of more than forty-eight bytes, so that it is likely";
	uint32_t holder = object(96, 1 | 1 << 4), bytes = object(1024, 0), str = object(64, 0), number = object(64, 0);
	hb_link(&w.hb, holder, 0, bytes, 0);
	hb_store(&w.hb, holder, 1, 17, false);
	hb_store(&w.hb, holder, 2, 1000, false);
	hb_link(&w.hb, holder, 4, str, 0);
	hb_store(&w.hb, holder, 5, sizeof(text) - 1, false);
	for (unsigned i = 0; i < sizeof(text) / 8; i++) {
		uint64_t word;
		memcpy(&word, text + i * 8, 8);
		hb_store(&w.hb, str, i, word, false);
	}
	hb_store(&w.hb, str, sizeof(text) / 8, 0x796c656b6961, false);
	uint32_t other = object(96, 1);
	hb_link(&w.hb, other, 0, number, 0);
	hb_store(&w.hb, other, 1, 60, false); /* a length, but no text */
	hb_store(&w.hb, number, 0, 1, false);
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, bytes), w.u8);
	assert_int_equal(w.graph.slack[bytes], 24);
	assert_int_equal(tw_origin_of(&w, bytes), ORIGIN_INFERRED);
	assert_true(w.graph.tw[str] & TW_STRBYTES);
	assert_int_equal(tw_type_of(&w, number), TYPE_NONE);
}

/* ---- tables of the runtime ---- */

/* They say their own length: {mask; (mask + 1) * {typ, itab}}. */
static void test_runtime_table(void **state)
{
	(void)state;
	uint32_t entry = tw_struct(&w, "internal/abi.TypeAssertCacheEntry", "Typ", w.uptr, "Itab", w.uptr, NULL);
	uint32_t cache = tw_struct(&w, "internal/abi.TypeAssertCache", "Mask", w.uptr, "Entries",
	                           tw_array(&w, "[1]internal/abi.TypeAssertCacheEntry", entry, 1), NULL);
	uint32_t four = object(80, 0), wrong = object(80, 0);
	hb_store(&w.hb, four, 0, 3, false);
	hb_store(&w.hb, wrong, 0, 1000, false);
	tw_point(&w, cache, hb_addr(&w.hb, four));
	tw_point(&w, cache, hb_addr(&w.hb, wrong));
	typeworld_run(&w);
	assert_int_equal(tw_type_of(&w, four), cache);
	assert_int_equal(w.graph.slack[four], 80 - 72);
	assert_int_equal(tw_type_of(&w, wrong), TYPE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_small_map, begin, end),
		cmocka_unit_test_setup_teardown(test_map_with_tables, begin, end),
		cmocka_unit_test_setup_teardown(test_hash_without_pointers, begin, end),
		cmocka_unit_test_setup_teardown(test_chan, begin, end),
		cmocka_unit_test_setup_teardown(test_chan_with_its_buffer, begin, end),
		cmocka_unit_test_setup_teardown(test_atomic_pointer, begin, end),
		cmocka_unit_test_setup_teardown(test_pool, begin, end),
		cmocka_unit_test_setup_teardown(test_trie, begin, end),
		cmocka_unit_test_setup_teardown(test_row_by_a_field, begin, end),
		cmocka_unit_test_setup_teardown(test_two_that_fit_are_none, begin, end),
		cmocka_unit_test_setup_teardown(test_contents_decide, begin, end),
		cmocka_unit_test_setup_teardown(test_bytes_of_untyped_slices, begin, end),
		cmocka_unit_test_setup_teardown(test_runtime_table, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
