/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/* What becomes of Go's values in a Java heap dump, read back with a reader that checks all rules of the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fakebuild.h"
#include "tests/support/hprofread.h"

/* Types that most tests need. */
struct basics {
	const struct hc_type *u8, *i8, *i16, *i32, *i64, *boolean, *f32, *f64, *c128, *string, *eface, *node_ptr, *bytes, *uintptr;
	struct hc_type *node;
	uint32_t c_bytes, c_text, c_node, c_scan, c_noscan;
};

static struct basics basics(struct fb *b)
{
	struct basics t;
	t.u8 = fb_type(b, "uint8", HC_KIND_UINT8, 1, NULL);
	t.i8 = fb_type(b, "int8", HC_KIND_INT8, 1, NULL);
	t.i16 = fb_type(b, "int16", HC_KIND_INT16, 2, NULL);
	t.i32 = fb_type(b, "int32", HC_KIND_INT32, 4, NULL);
	t.i64 = fb_type(b, "int64", HC_KIND_INT64, 8, NULL);
	t.uintptr = fb_type(b, "uintptr", HC_KIND_UINTPTR, 8, NULL);
	t.boolean = fb_type(b, "bool", HC_KIND_BOOL, 1, NULL);
	t.f32 = fb_type(b, "float32", HC_KIND_FLOAT32, 4, NULL);
	t.f64 = fb_type(b, "float64", HC_KIND_FLOAT64, 8, NULL);
	t.c128 = fb_type(b, "complex128", HC_KIND_COMPLEX128, 16, NULL);
	t.string = fb_type(b, "string", HC_KIND_STRING, 16, NULL);
	t.eface = fb_type(b, "interface {}", HC_KIND_INTERFACE, 16, NULL);
	t.node = fb_struct(b, "main.Node");
	t.node_ptr = fb_type(b, "*main.Node", HC_KIND_PTR, 8, t.node);
	t.bytes = fb_type(b, "[]uint8", HC_KIND_SLICE, 24, t.u8);
	fb_field(t.node, "next", t.node_ptr);
	fb_field(t.node, "val", t.i64);
	t.c_bytes = fb_class(b, "[]uint8", t.u8, true, false);
	t.c_text = fb_class(b, "string (bytes)", t.u8, true, true);
	t.c_node = fb_class(b, "main.Node", t.node, false, false);
	t.c_scan = fb_class(b, "(unknown)", NULL, false, false);
	t.c_noscan = fb_class(b, "(unknown noscan)", NULL, false, false);
	fb_root(b, 0, HC_ROOT_ALL, "(roots)", NULL, 0, 0);
	return t;
}

/* A variable of package main that keeps an object alive. */
static void keep(struct fb *b, const struct hc_type *t, uint64_t addr, uint32_t object)
{
	uint32_t package = fb_root(b, 0, HC_ROOT_PACKAGE, "main", NULL, 0, 0);
	uint64_t *word = fb_zero(8);
	*word = fb_addr(b, object);
	fb_root(b, package, HC_ROOT_GLOBAL, "main.kept", t, addr, 8);
	fb_edge(&b->root_edges[b->s.nroots - 1], object, 0);
	fb_memory(b, addr, word, 8);
}

static void test_struct(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	struct hc_type *inner = fb_struct(&b, "main.Base"), *rec = fb_struct(&b, "github.com/acme/app.Rec");
	fb_field(inner, "x", t.i32);
	fb_field(inner, "on", t.boolean);
	const struct hc_type *three = fb_array(&b, "[3]int16", t.i16, 3);
	fb_field(rec, "Base", inner);
	fb_field(rec, "ratio", t.f64);
	fb_field(rec, "half", t.f32);
	fb_field(rec, "z", t.c128);
	fb_field(rec, "arr", three);
	fb_field(rec, "list", t.node_ptr);
	fb_field(rec, "data", t.bytes);
	fb_field(rec, "_", t.i8);
	fb_field(rec, "fileName", t.i8);
	uint32_t class = fb_class(&b, "github.com/acme/app.Rec", rec, false, false);
	uint32_t o = fb_object(&b, class, 112, rec->size, 0), n = fb_object(&b, t.c_node, 16, 16, 0);
	uint32_t d = fb_object(&b, t.c_bytes, 32, 30, 0);
	double ratio = 2.5, z[2] = {1.5, -3};
	float half = 0.5f;
	int32_t x = -7;
	int16_t arr[3] = {1, -2, 300};
	fb_put(&b, o, 0, &x, 4);
	fb_put(&b, o, 4, "\1", 1);
	fb_put(&b, o, rec->fields[1].offset, &ratio, 8);
	fb_put(&b, o, rec->fields[2].offset, &half, 4);
	fb_put(&b, o, rec->fields[3].offset, z, 16);
	fb_put(&b, o, rec->fields[4].offset, arr, 6);
	fb_link(&b, o, rec->fields[5].offset, n, 0);
	fb_link(&b, o, rec->fields[6].offset, d, 10);
	fb_word(&b, o, rec->fields[6].offset + 8, 5);
	fb_word(&b, o, rec->fields[6].offset + 16, 20);
	keep(&b, t.node_ptr, 0x5000, o);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	uint64_t id = fb_addr(&b, o), bits;
	assert_string_equal(hr_class(&f, hr_object(&f, id))->raw, "github.com/acme/app.Rec");
	assert_string_equal(hr_class(&f, hr_object(&f, id))->name, "github.com.acme.app.Rec");
	assert_int_equal((int32_t)hr_field(&f, id, "Base$x"), -7);
	assert_int_equal(hr_field(&f, id, "Base$on"), 1);
	memcpy(&bits, &ratio, 8);
	assert_int_equal(hr_field(&f, id, "ratio"), bits);
	assert_int_equal(hr_field(&f, id, "half"), 0x3f000000);
	memcpy(&bits, &z[1], 8);
	assert_int_equal(hr_field(&f, id, "z$im"), bits);
	assert_int_equal(hr_field(&f, id, "arr$_2"), 300);
	assert_int_equal(hr_field(&f, id, "list"), fb_addr(&b, n));
	assert_int_equal(hr_field(&f, id, "data"), fb_addr(&b, d)); /* an interior pointer leads to the object */
	assert_int_equal(hr_field(&f, id, "data$len"), 5);
	assert_int_equal(hr_field(&f, id, "data$cap"), 20);
	assert_true(hr_has_field(&f, id, "_blank7"));
	assert_true(hr_has_field(&f, id, "fileName_") || hr_has_field(&f, id, "fileName"));
	/* One object, one size, in every reader. */
	assert_int_equal(hr_class(&f, hr_object(&f, id))->size, 112);
	assert_int_equal(hr_class(&f, hr_object(&f, id))->mat, 112);
	assert_int_equal(hr_class(&f, hr_object(&f, fb_addr(&b, n)))->mat, 16);
	assert_int_equal(hr_object(&f, fb_addr(&b, d))->n, 30);
	uint64_t v;
	assert_true(hr_static(&f, "main", "kept", &v));
	assert_int_equal(v, id);
	assert_true(hr_static(&f, "github.com.acme.app.Rec", "go$sizeclass", &v));
	assert_int_equal(v, 112);
	assert_true(hr_static(&f, "github.com.acme.app.Rec", "go$waste", &v));
	assert_int_equal(v, 112 - rec->size);
	hp_close(&f);
}

static void test_strings(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	struct hc_type *pair = fb_struct(&b, "main.Pair");
	static const char *const names[] = {"whole", "part", "rodata", "empty", "nil", "same", "odd", "gone"};
	for (size_t i = 0; i < 8; i++)
		fb_field(pair, names[i], t.string);
	uint32_t class = fb_class(&b, "main.Pair", pair, false, false);
	uint32_t o = fb_object(&b, class, 128, 128, 0), text = fb_object(&b, t.c_text, 32, 19, HC_OBJ_STRING);
	uint32_t node = fb_object(&b, t.c_node, 16, 16, 0);
	fb_put(&b, text, 0, "the quick brown fox", 19);
	fb_put(&b, node, 8, "inside!", 7);
	fb_memory(&b, 0x4000, "constant", 8);
	fb_link(&b, o, 0, text, 0);
	fb_word(&b, o, 8, 19);
	fb_link(&b, o, 16, text, 4);
	fb_word(&b, o, 24, 5);
	fb_word(&b, o, 32, 0x4000);
	fb_word(&b, o, 40, 8);
	fb_word(&b, o, 48, 0x4000);
	fb_link(&b, o, 80, text, 0);
	fb_word(&b, o, 88, 19);
	fb_link(&b, o, 96, node, 8);
	fb_word(&b, o, 104, 7);
	fb_word(&b, o, 112, 0x123456);
	fb_word(&b, o, 120, UINT64_C(1) << 60);
	keep(&b, t.node_ptr, 0x5000, o);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	uint64_t id = fb_addr(&b, o);
	hr_text_is(&f, id, "whole", "the quick brown fox");
	hr_text_is(&f, id, "part", "quick");
	hr_text_is(&f, id, "rodata", "constant");
	hr_text_is(&f, id, "empty", "");
	hr_text_is(&f, id, "nil", "");
	hr_text_is(&f, id, "odd", "inside!");
	hr_text_is(&f, id, "gone", "");
	/* Equal headers share an object; the bytes are those of the heap. */
	assert_int_equal(hr_field(&f, id, "whole"), hr_field(&f, id, "same"));
	assert_int_equal(hr_field(&f, hr_field(&f, id, "part"), "value"), fb_addr(&b, text));
	assert_int_equal(hr_field(&f, hr_field(&f, id, "odd"), "of"), fb_addr(&b, node));
	hp_close(&f);
	hr_dump(&f, &b.s, (struct hc_write_opts){.hprof_no_contents = true});
	hr_text_is(&f, id, "whole", "");
	for (uint64_t i = 0; i + 5 < f.size; i++)
		assert_memory_not_equal(f.data + i, "quick", 5);
	hp_close(&f);
	hr_dump(&f, &b.s, (struct hc_write_opts){.hprof_raw_strings = true});
	assert_int_equal(hr_field(&f, id, "part"), fb_addr(&b, text));
	assert_int_equal(hr_field(&f, id, "part$len"), 5);
	assert_int_equal(hr_field(&f, id, "gone$len"), INT32_MAX);
	hp_close(&f);
}

static void test_interfaces(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	struct hc_type *two = fb_struct(&b, "main.Two");
	fb_field(two, "heap", t.eface);
	fb_field(two, "constant", t.eface);
	fb_field(two, "nothing", t.eface);
	uint32_t class = fb_class(&b, "main.Two", two, false, false);
	uint32_t o = fb_object(&b, class, 48, 48, 0), n = fb_object(&b, t.c_node, 16, 16, 0);
	static const int8_t minus = -5;
	fb_memory(&b, 0x4000, &minus, 1);
	b.s.dynamic = t.i8;
	fb_word(&b, o, 0, 0x7777);
	fb_link(&b, o, 8, n, 0);
	fb_word(&b, o, 16, 0x7777);
	fb_word(&b, o, 24, 0x4000);
	keep(&b, t.node_ptr, 0x5000, o);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	uint64_t id = fb_addr(&b, o);
	assert_int_equal(hr_field(&f, id, "heap"), fb_addr(&b, n));
	assert_int_equal((int64_t)hr_field(&f, hr_field(&f, id, "constant"), "number"), -5);
	hr_text_is(&f, hr_field(&f, id, "constant"), "type", "int8");
	assert_int_equal(hr_field(&f, id, "nothing"), 0);
	hp_close(&f);
}

static void test_arrays(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	uint32_t c_ptrs = fb_class(&b, "[]*main.Node", t.node_ptr, true, false);
	uint32_t c_ints = fb_class(&b, "[]int32", t.i32, true, false), c_nodes = fb_class(&b, "[]main.Node", t.node, true, false);
	uint32_t few = fb_object(&b, c_ptrs, 32, 24, 0), many = fb_object(&b, c_ptrs, 2048, 1600, 0);
	uint32_t many2 = fb_object(&b, c_ptrs, 2048, 2048, 0); /* packed behind `many`, as Java's would not be */
	uint32_t ints = fb_object(&b, c_ints, 64, 60, 0), one = fb_object(&b, c_ints, 16, 12, 0);
	uint32_t nodes = fb_object(&b, c_nodes, 64, 48, 0), big = fb_object(&b, c_nodes, 40960, 40000, HC_OBJ_LARGE);
	uint32_t last = fb_object(&b, t.c_node, 16, 16, 0);
	fb_link(&b, few, 8, many, 0);
	fb_link(&b, few, 16, many2, 8);
	fb_link(&b, many, 0, ints, 4);
	fb_link(&b, many, 1592, nodes, 16);
	fb_link(&b, many2, 0, one, 0);
	fb_link(&b, many2, 2040, big, 30000);
	int32_t values[3] = {1, 2, -3};
	fb_put(&b, ints, 0, values, 12);
	fb_link(&b, nodes, 32, nodes, 0);
	fb_word(&b, nodes, 40, 77);
	fb_link(&b, big, 39984, last, 0);
	fb_word(&b, big, 39992, 99);
	keep(&b, t.node_ptr, 0x5000, few);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	const struct hp_object *o = hr_object(&f, fb_addr(&b, few));
	assert_string_equal(hr_class(&f, o)->name, "main.*Node{4}");
	assert_int_equal(hr_field(&f, fb_addr(&b, few), "_1"), fb_addr(&b, many));
	assert_int_equal(hr_class(&f, o)->mat, 32);
	o = hr_object(&f, fb_addr(&b, many));
	assert_int_equal(o->kind, HP_OBJ_ARRAY);
	assert_int_equal(o->n, 200);
	assert_string_equal(hr_class(&f, o)->name, "main.*Node[]");
	assert_int_equal(hp_u64(&f, o->offset), fb_addr(&b, ints));
	assert_int_equal(hp_u64(&f, o->offset + 8 * 199), fb_addr(&b, nodes));
	o = hr_object(&f, fb_addr(&b, ints));
	assert_int_equal(o->type, 10);
	assert_int_equal(o->n, 15);
	assert_int_equal((int32_t)hp_u32(&f, o->offset + 8), -3);
	assert_string_equal(hr_class(&f, hr_object(&f, fb_addr(&b, one)))->name, "int32{4}");
	assert_int_equal(hr_field(&f, fb_addr(&b, nodes), "_2$next"), fb_addr(&b, nodes));
	assert_int_equal(hr_field(&f, fb_addr(&b, nodes), "_2$val"), 77);
	/* 40,000 bytes are three instances; what points to the middle points to the first. */
	o = hr_object(&f, fb_addr(&b, many2));
	assert_int_equal(hp_u64(&f, o->offset + 8 * 255), fb_addr(&b, big));
	o = hr_object(&f, hr_field(&f, fb_addr(&b, big), "chunks"));
	assert_int_equal(o->n, 2);
	uint64_t size = hr_class(&f, hr_object(&f, fb_addr(&b, big)))->size;
	for (uint64_t i = 0; i < o->n; i++)
		size += hr_class(&f, hr_object(&f, hp_u64(&f, o->offset + 8 * i)))->size;
	assert_int_equal(size, 40960);
	uint64_t tail = hp_u64(&f, o->offset + 8);
	char name[32];
	snprintf(name, sizeof(name), "_%u$val", (unsigned)((39984 - (tail - fb_addr(&b, big))) / 16));
	assert_int_equal(hr_field(&f, tail, name), 99);
	hp_close(&f);
}

static void test_untyped(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	uint32_t small = fb_object(&b, t.c_scan, 32, 32, 0), large = fb_object(&b, t.c_scan, 4096, 4096, 0);
	uint32_t word = fb_object(&b, t.c_noscan, 8, 8, 0), tiny = fb_object(&b, t.c_noscan, 16, 16, HC_OBJ_TINY);
	uint32_t blob = fb_object(&b, t.c_noscan, 96, 96, 0);
	fb_link(&b, small, 8, large, 64);
	fb_link(&b, small, 16, word, 0);
	fb_link(&b, large, 0, tiny, 3);
	fb_link(&b, large, 4088, blob, 0);
	fb_word(&b, word, 0, 42);
	fb_put(&b, blob, 0, "readable", 8);
	keep(&b, t.node_ptr, 0x5000, small);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	assert_int_equal(hr_field(&f, fb_addr(&b, small), "w8"), fb_addr(&b, large));
	assert_int_equal(hr_class(&f, hr_object(&f, fb_addr(&b, small)))->mat, 32);
	const struct hp_object *o = hr_object(&f, fb_addr(&b, large));
	assert_int_equal(o->n, 512);
	assert_int_equal(hp_u64(&f, o->offset + 8 * 511), fb_addr(&b, blob));
	assert_int_equal(hr_field(&f, fb_addr(&b, word), "w0"), 42);
	assert_int_equal(hr_object(&f, fb_addr(&b, tiny))->n, 16);
	o = hr_object(&f, fb_addr(&b, blob));
	assert_int_equal(o->type, 8);
	assert_memory_equal(f.data + o->offset, "readable", 8);
	hp_close(&f);
}

static void test_map_group(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	struct hc_type *slot = fb_struct(&b, "noalg.struct { key int64; elem *main.Node }");
	struct hc_type *group = fb_struct(&b, "noalg.map.group[int64]*main.Node");
	const struct hc_type *ctrl = fb_type(&b, "uint64", HC_KIND_UINT64, 8, NULL);
	fb_field(slot, "key", t.i64);
	fb_field(slot, "elem", t.node_ptr);
	fb_field(group, "ctrl", ctrl);
	fb_field(group, "slots", fb_array(&b, "noalg.[8]struct { key int64; elem *main.Node }", slot, 8));
	uint32_t class = fb_class(&b, "noalg.map.group[int64]*main.Node", group, false, false);
	uint32_t o = fb_object(&b, class, 144, 136, 0), n = fb_object(&b, t.c_node, 16, 16, 0);
	static const uint8_t bytes[8] = {0x80, 0x11, 0x80, 0xfe, 0x80, 0x80, 0x80, 0x7f};
	fb_put(&b, o, 0, bytes, 8);
	for (uint64_t i = 0; i < 8; i++)
		fb_word(&b, o, 8 + 16 * i, 100 + i);
	fb_link(&b, o, 8 + 16 + 8, n, 0);
	keep(&b, t.node_ptr, 0x5000, o);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	uint64_t id = fb_addr(&b, o);
	assert_string_equal(hr_class(&f, hr_object(&f, id))->raw, "map group[int64]*main\xc2\xb7Node");
	assert_int_equal(hr_field(&f, id, "_0$key"), 0);
	assert_int_equal(hr_field(&f, id, "_1$key"), 101);
	assert_int_equal(hr_field(&f, id, "_1$elem"), fb_addr(&b, n));
	assert_int_equal(hr_field(&f, id, "_3$key"), 0); /* deleted */
	assert_int_equal(hr_field(&f, id, "_7$key"), 107);
	assert_true(hr_has_field(&f, id, "ctrl"));
	hp_close(&f);
}

static void test_statics(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	uint32_t n = fb_object(&b, t.c_node, 16, 16, 0), text = fb_object(&b, t.c_text, 16, 5, HC_OBJ_STRING);
	uint32_t other = fb_object(&b, t.c_node, 16, 16, 0);
	fb_put(&b, text, 0, "hello", 5);
	uint32_t package = fb_root(&b, 0, HC_ROOT_PACKAGE, "github.com/acme/store", NULL, 0, 0);
	uint64_t words[] = {fb_addr(&b, text), 5, fb_addr(&b, n), 3, 9, fb_addr(&b, n), 1234, fb_addr(&b, n)};
	fb_memory(&b, 0x5000, words, sizeof(words));
	uint32_t r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.name", t.string, 0x5000, 16);
	fb_edge(&b.root_edges[r], text, 0);
	r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.list", t.bytes, 0x5010, 24);
	fb_edge(&b.root_edges[r], n, 0);
	r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.first", t.node, 0x5028, 16);
	fb_edge(&b.root_edges[r], n, 0);
	r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.gap", NULL, 0x5038, 8);
	fb_edge(&b.root_edges[r], n, 0);
	static uint64_t pair[4];
	pair[2] = fb_addr(&b, text);
	pair[3] = 5;
	fb_memory(&b, 0x6000, pair, sizeof(pair));
	r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.pair (static)", t.string, 0x6000, 32);
	fb_edge(&b.root_edges[r], text, 16);
	/* Two values that one variable was given; the second has its alignment behind it. */
	r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.twin (static)", t.node, 0x7000, 16);
	fb_edge(&b.root_edges[r], n, 0);
	r = fb_root(&b, package, HC_ROOT_GLOBAL, "github.com/acme/store.twin (static)", t.node, 0x7010, 24);
	fb_edge(&b.root_edges[r], n, 0);
	/* A pointer from the heap to a variable leads to the variable. */
	fb_word(&b, n, 0, 0x5028);
	fb_link(&b, n, 8, other, 0);
	b.objects[n].pointers = 1;
	struct hc_write_opts opts = {0};
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), opts);
	uint64_t v;
	assert_true(hr_static(&f, "github.com.acme.store", "name", &v));
	char *got = hp_java_string(&f, v);
	assert_string_equal(got, "hello");
	free(got);
	assert_true(hr_static(&f, "github.com.acme.store", "list$cap", &v));
	assert_int_equal(v, 9);
	assert_true(hr_static(&f, "github.com.acme.store", "first", &v));
	assert_int_equal(v, 0x5028);
	assert_string_equal(hr_class(&f, hr_object(&f, 0x5028))->name, "main.Node (static)");
	assert_int_equal(hr_field(&f, 0x5028, "next"), fb_addr(&b, n));
	assert_int_equal(hr_field(&f, 0x5028, "val"), 1234);
	assert_int_equal(hr_field(&f, fb_addr(&b, n), "next"), 0x5028);
	/* Two strings in a row under one name. */
	assert_true(hr_static(&f, "github.com.acme.store", "pair", &v));
	assert_string_equal(hr_class(&f, hr_object(&f, v))->name, "string{2} (static)");
	hr_text_is(&f, v, "_1", "hello");
	assert_true(hr_static(&f, "github.com.acme.store", "twin$static_7000", &v));
	assert_true(hr_static(&f, "github.com.acme.store", "twin$static_7010", &v));
	assert_string_equal(hr_class(&f, hr_object(&f, v))->name, "main.Node (static)");
	assert_true(hr_static(&f, "github.com.acme.store", "gap", &v));
	assert_int_equal(hr_object(&f, v)->kind, HP_OBJ_ARRAY);
	hp_close(&f);
}

static void test_garbage(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	uint32_t live = fb_object(&b, t.c_node, 16, 16, 0), dead = fb_object(&b, t.c_node, 16, 16, 0);
	fb_link(&b, dead, 0, live, 0);
	b.objects[dead].dead = true;
	keep(&b, t.node_ptr, 0x5000, live);
	uint32_t i;
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	assert_false(hp_table_get(&f.object_at, fb_addr(&b, dead), &i));
	hp_close(&f);
	hr_dump(&f, &b.s, (struct hc_write_opts){.garbage = true});
	assert_int_equal(hr_field(&f, fb_addr(&b, dead), "next"), fb_addr(&b, live));
	hp_close(&f);
}

/* Words of hostile types and bytes must not break the dump. */
static void test_hostile(void **state)
{
	(void)state;
	struct fb b = {0};
	struct basics t = basics(&b);
	struct hc_type *deep[40], *wide = fb_struct(&b, "main.Wide \xff\n[]"), *empty = fb_struct(&b, "");
	for (unsigned i = 0; i < 40; i++) {
		deep[i] = fb_struct(&b, "main.Deep");
		fb_field(deep[i], "f", i ? deep[i - 1] : t.node);
	}
	fb_field(wide, "ptrs", fb_array(&b, "[6000]*main.Node", t.node_ptr, 6000));
	fb_field(wide, "more", fb_array(&b, "[100000]int64", t.i64, 100000));
	fb_field(empty, "", t.i64);
	uint32_t c_deep = fb_class(&b, "main.Deep", deep[39], false, false);
	uint32_t c_wide = fb_class(&b, "main.Wide", wide, false, false), c_empty = fb_class(&b, "", empty, true, false);
	uint32_t o = fb_object(&b, c_deep, 16, 16, 0), w = fb_object(&b, c_wide, 851968, wide->size, HC_OBJ_LARGE);
	uint32_t e = fb_object(&b, c_empty, 64, 64, 0), lie = fb_object(&b, t.c_node, 16, 16, 0);
	fb_link(&b, o, 0, w, 0);
	fb_link(&b, w, 47992, e, 0);
	fb_word(&b, lie, 0, UINT64_MAX);
	b.bytes[lie] = NULL;
	b.contents[lie].bytes = NULL; /* not in the snapshot, but its references are known */
	fb_link(&b, lie, 0, o, 0);
	keep(&b, t.node_ptr, 0x5000, lie);
	struct hp_file f;
	hr_dump(&f, fb_finish(&b), (struct hc_write_opts){0});
	assert_int_equal(hr_field(&f, fb_addr(&b, lie), "next"), fb_addr(&b, o));
	const struct hp_object *wo = hr_object(&f, fb_addr(&b, w));
	assert_int_equal(wo->kind, HP_OBJ_ARRAY); /* too many references for fields */
	assert_int_equal(hp_u64(&f, wo->offset + 47992), fb_addr(&b, e));
	hp_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_struct, fb_teardown),
		cmocka_unit_test_teardown(test_strings, fb_teardown),
		cmocka_unit_test_teardown(test_interfaces, fb_teardown),
		cmocka_unit_test_teardown(test_arrays, fb_teardown),
		cmocka_unit_test_teardown(test_untyped, fb_teardown),
		cmocka_unit_test_teardown(test_map_group, fb_teardown),
		cmocka_unit_test_teardown(test_statics, fb_teardown),
		cmocka_unit_test_teardown(test_garbage, fb_teardown),
		cmocka_unit_test_teardown(test_hostile, fb_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
