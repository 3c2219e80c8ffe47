/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "types/types_priv.h"

struct fixture {
	struct proc proc;
	struct types *t;
	uint32_t i64, ptr, str, any, node;
};

static void ok(struct hc_error *err)
{
	if (err)
		fail_msg("%s", hc_error_message(err));
}

static void setup(struct fixture *f, int minor)
{
	memset(f, 0, sizeof(*f));
	f->proc.word = 8;
	f->proc.arch = ARCH_AMD64;
	f->proc.build.minor = minor;
	ok(types_open(&f->proc, NULL, &f->t)); /* no executable at all: the table of layouts, and no types */
	assert_int_equal(f->t->n, 0);
}

static uint32_t add(struct fixture *f, const char *name, enum kind kind, uint64_t size, uint32_t elem, uint64_t count)
{
	struct type ty = {.name = name, .kind = (uint8_t)kind, .size = size, .elem = elem, .count = count,
	                  .key = TYPE_NONE, .storage = TYPE_NONE};
	uint32_t id = types_add(f->t, &ty);
	assert_int_not_equal(id, TYPE_NONE);
	return id;
}

static uint32_t add_struct(struct fixture *f, const char *name, uint64_t size, const struct field *fields, uint32_t n)
{
	struct type ty = {.name = name, .kind = KIND_STRUCT, .size = size, .elem = TYPE_NONE, .key = TYPE_NONE,
	                  .storage = TYPE_NONE, .fields = fields, .nfields = n};
	return types_add(f->t, &ty);
}

static void basics(struct fixture *f)
{
	f->i64 = add(f, "int", KIND_INT, 8, TYPE_NONE, 0);
	f->ptr = add(f, "*int", KIND_PTR, 8, f->i64, 0);
	f->str = add(f, "string", KIND_STRING, 16, TYPE_NONE, 0);
	f->any = add(f, "interface {}", KIND_INTERFACE, 16, TYPE_NONE, 0);
}

/* "ptr" for each word: 1 or 0 */
static void check_words(const struct fixture *f, uint32_t id, const char *words)
{
	uint64_t last = 0;
	for (uint64_t i = 0; words[i]; i++) {
		if (types_word_is_ptr(f->t, id, i) != (words[i] == '1'))
			fail_msg("%s word %d", f->t->t[id].name, (int)i);
		last = words[i] == '1' ? i + 1 : last;
	}
	assert_false(types_word_is_ptr(f->t, id, strlen(words)));
	assert_false(types_word_is_ptr(f->t, id, UINT64_MAX));
	assert_true(f->t->t[id].ptr_words >= last);
}

static void test_masks(void **state)
{
	struct fixture f;
	(void)state;
	setup(&f, 24);
	basics(&f);
	const struct field node[] = {{"a", f.i64, 0, false}, {"p", f.ptr, 8, false}, {"s", f.str, 16, false},
	                             {"e", f.any, 32, false}, {"z", f.i64, 48, false}};
	uint32_t n = add_struct(&f, "main.Node", 56, node, 5);
	uint32_t arr = add(&f, "[3]main.Node", KIND_ARRAY, 168, n, 3);
	const struct field outer[] = {{"n", arr, 0, false}, {"q", f.ptr, 168, false}};
	/* parts are added after what holds them, too */
	struct field early[] = {{"x", f.i64, 0, false}, {"late", 0, 8, false}};
	uint32_t first = add_struct(&f, "main.Early", 24, early, 2);
	early[1].type = f.str;
	uint32_t o = add_struct(&f, "main.Outer", 176, outer, 2);
	uint32_t noptr = add(&f, "[9]int", KIND_ARRAY, 72, f.i64, 9);
	uint32_t zero = add(&f, "[0]*int", KIND_ARRAY, 0, f.ptr, 0);
	uint32_t empty = add_struct(&f, "struct {}", 0, NULL, 0);
	ok(types_finish(f.t));
	check_words(&f, f.i64, "0");
	check_words(&f, f.str, "10");
	check_words(&f, f.any, "01"); /* as in the compiler's masks */
	check_words(&f, n, "0110010");
	check_words(&f, arr, "011001001100100110010");
	check_words(&f, o, "0110010011001001100101");
	check_words(&f, first, "010");
	check_words(&f, noptr, "000000000");
	check_words(&f, zero, "");
	check_words(&f, empty, "");
	assert_null(f.t->t[f.ptr].mask);
	assert_int_equal(f.t->t[o].ptr_words, 22);
	assert_false(types_word_is_ptr(f.t, TYPE_NONE, 0));
	types_close(f.t);
}

static void test_long_arrays(void **state)
{
	struct fixture f;
	(void)state;
	setup(&f, 24);
	basics(&f);
	uint32_t row = add(&f, "[5000]string", KIND_ARRAY, 80000, f.str, 5000);
	uint32_t grid = add(&f, "[1000][5000]string", KIND_ARRAY, 80000000, row, 1000);
	const struct field in[] = {{"n", f.i64, 0, false}, {"row", row, 8, false}, {"p", f.ptr, 80008, false}};
	uint32_t s = add_struct(&f, "main.Table", 80016, in, 3);
	ok(types_finish(f.t));
	assert_true(f.t->t[row].mask_by_elem && f.t->t[grid].mask_by_elem);
	assert_int_equal(f.t->t[grid].ptr_words, 9999999);
	assert_true(types_word_is_ptr(f.t, grid, 9999998));
	assert_false(types_word_is_ptr(f.t, grid, 9999999));
	assert_false(types_word_is_ptr(f.t, grid, 9999997));
	assert_true(types_word_is_ptr(f.t, s, 1));
	assert_false(types_word_is_ptr(f.t, s, 2));
	assert_true(types_word_is_ptr(f.t, s, 10001));
	assert_true(f.t->mask_bits < 20000);
	types_close(f.t);
}

/* What only damaged debug information says. */
static void test_nonsense(void **state)
{
	struct fixture f;
	(void)state;
	setup(&f, 24);
	basics(&f);
	struct field self[] = {{"self", 0, 0, false}};
	uint32_t loop = add_struct(&f, "main.Loop", 8, self, 1);
	self[0].type = loop;
	struct field ab[] = {{"b", 0, 0, false}}, ba[] = {{"a", 0, 0, false}};
	uint32_t a = add_struct(&f, "main.A", 8, ab, 1), b = add_struct(&f, "main.B", 8, ba, 1);
	ab[0].type = b;
	ba[0].type = a;
	uint32_t ring = add(&f, "[1]ring", KIND_ARRAY, 8, 0, 1);
	f.t->t[ring].elem = ring;
	const struct field beyond[] = {{"p", f.ptr, 8, false}};
	uint32_t out = add_struct(&f, "main.Beyond", 8, beyond, 1);
	const struct field skewed[] = {{"p", f.ptr, 3, false}};
	uint32_t odd = add_struct(&f, "main.Skewed", 16, skewed, 1);
	const struct field back[] = {{"p", f.ptr, 8, false}, {"q", f.ptr, 0, false}};
	uint32_t order = add_struct(&f, "main.Back", 16, back, 2);
	const struct field unknown[] = {{"p", 1000000, 0, false}};
	uint32_t none = add_struct(&f, "main.None", 16, unknown, 1);
	uint32_t count = add(&f, "[9]*int", KIND_ARRAY, 8, f.ptr, 9);
	uint32_t wrap = add(&f, "[many]*int", KIND_ARRAY, 8, f.ptr, UINT64_C(1) << 61 | 1);
	uint32_t small = add(&f, "tiny", KIND_STRING, 4, TYPE_NONE, 0);
	uint32_t far = add(&f, "[n]*int", KIND_ARRAY, UINT64_C(1) << 60, f.ptr, UINT64_C(1) << 57);
	const struct field huge[] = {{"far", far, 0, false}};
	uint32_t vast = add_struct(&f, "main.Vast", UINT64_C(1) << 60, huge, 1);
	ok(types_finish(f.t));
	const uint32_t bad[] = {loop, ring, out, odd, order, none, count, wrap, vast};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!(f.t->t[bad[i]].flags & TYPE_F_OPAQUE) || f.t->t[bad[i]].ptr_words || f.t->t[bad[i]].nfields)
			fail_msg("%s", f.t->t[bad[i]].name);
	}
	assert_true((f.t->t[a].flags | f.t->t[b].flags) & TYPE_F_OPAQUE); /* the ring is broken somewhere */
	assert_int_equal(f.t->t[small].ptr_words, 0);
	assert_true(f.t->t[far].mask_by_elem);
	assert_true(types_word_is_ptr(f.t, far, (UINT64_C(1) << 57) - 1));
	types_close(f.t);
}

static bool direct_in(int minor, uint32_t (*make)(struct fixture *f))
{
	struct fixture f;
	setup(&f, minor);
	basics(&f);
	uint32_t id = make(&f);
	ok(types_finish(f.t));
	bool direct = f.t->t[id].flags & TYPE_F_DIRECT;
	types_close(f.t);
	return direct;
}

static uint32_t make_ptr(struct fixture *f) { return f->ptr; }
static uint32_t make_int(struct fixture *f) { return f->i64; }
static uint32_t make_str(struct fixture *f) { return f->str; }
static uint32_t make_map(struct fixture *f) { return add(f, "map[int]int", KIND_MAP, 8, f->i64, 0); }
static uint32_t make_array(struct fixture *f)
{
	return add(f, "[1]*int", KIND_ARRAY, 8, f->ptr, 1);
}

static uint32_t make_box(struct fixture *f)
{
	static struct field box[1];
	box[0] = (struct field){"p", make_array(f), 0, false};
	return add_struct(f, "main.Box", 8, box, 1);
}

static uint32_t make_padded(struct fixture *f)
{
	static struct field padded[2];
	padded[0] = (struct field){"_", add_struct(f, "struct {}", 0, NULL, 0), 0, false};
	padded[1] = (struct field){"p", f->ptr, 0, false};
	return add_struct(f, "main.Padded", 8, padded, 2);
}

static void test_direct(void **state)
{
	(void)state;
	for (int minor = 17; minor <= 27; minor++) {
		assert_true(direct_in(minor, make_ptr));
		assert_true(direct_in(minor, make_map));
		assert_true(direct_in(minor, make_array));
		assert_true(direct_in(minor, make_box));
		assert_false(direct_in(minor, make_int));
		assert_false(direct_in(minor, make_str));
		assert_int_equal(direct_in(minor, make_padded), minor >= 26);
	}
}

static void test_derived(void **state)
{
	struct fixture f;
	(void)state;
	setup(&f, 24);
	basics(&f);
	ok(types_finish(f.t));
	uint32_t before = f.t->n;
	assert_int_equal(types_ptr_to(f.t, f.i64), f.ptr); /* the program's own */
	assert_int_equal(f.t->n, before);
	uint32_t p = types_ptr_to(f.t, f.str), s = types_slice_of(f.t, f.str);
	assert_string_equal(f.t->t[p].name, "*string");
	assert_true(f.t->t[p].flags & TYPE_F_SYNTHETIC);
	assert_true(f.t->t[p].flags & TYPE_F_DIRECT);
	assert_string_equal(f.t->t[s].name, "[]string");
	assert_int_equal(f.t->t[s].size, 24);
	assert_int_equal(f.t->t[s].nfields, 3);
	assert_int_equal(f.t->t[s].fields[0].type, p);
	check_words(&f, s, "100");
	assert_int_equal(types_slice_of(f.t, f.str), s);
	assert_int_equal(types_ptr_to(f.t, f.str), p);
	assert_int_equal(types_by_name(f.t, "[]string"), s);
	assert_int_equal(types_by_name(f.t, "[]strin"), TYPE_NONE);
	assert_int_equal(types_ptr_to(f.t, TYPE_NONE), TYPE_NONE);
	assert_int_equal(types_slice_of(f.t, 999), TYPE_NONE);
	types_close(f.t);
}

static void test_rtypes(void **state)
{
	struct fixture f;
	uint32_t id;
	(void)state;
	setup(&f, 24);
	basics(&f);
	struct type ty = {.name = "main.Own", .kind = KIND_INT, .size = 8, .elem = TYPE_NONE, .rtype = 0x5000};
	uint32_t own = types_add(f.t, &ty);
	f.t->rtype_offs.data[f.ptr] = 0x40;
	f.t->rtype_offs.data[f.str] = 0x80;
	assert_true(types_set_rtype_base(f.t, 0x7000));
	assert_true(map_get(&f.t->by_rtype, 0x7040, &id));
	assert_int_equal(id, f.ptr);
	assert_int_equal(f.t->t[f.str].rtype, 0x7080);
	assert_int_equal(f.t->t[f.i64].rtype, 0);
	assert_true(map_get(&f.t->by_rtype, 0x5000, &id));
	assert_int_equal(id, own);
	types_close(f.t);
}

static void test_names(void **state)
{
	static const struct {
		const char *escaped, *plain, *pkg;
	} names[] = {
		{"main.Node", "main.Node", "main"},
		{"gopkg.in/yaml%2ev3.Node", "gopkg.in/yaml.v3.Node", "gopkg.in/yaml.v3"},
		{"example.com/a.b/c.T", "example.com/a.b/c.T", "example.com/a.b/c"},
		{"main.Pair[string,*gopkg.in/yaml%2ev3.Node]", "main.Pair[string,*gopkg.in/yaml.v3.Node]", "main"},
		{"[]gopkg.in/yaml%2ev3.Node", "[]gopkg.in/yaml.v3.Node", ""},
		{"*main.Node", "*main.Node", ""},
		{"map[string]main.Node", "map[string]main.Node", ""},
		{"func(main.Node) int", "func(main.Node) int", ""},
		{"chan main.Node", "chan main.Node", ""},
		{"struct { X int \"json:\\\"a%2eb\\\"\" }", "struct { X int \"json:\\\"a%2eb\\\"\" }", ""},
		{"map<string,main.Node>", "map<string,main.Node>", ""},
		{"noalg.map.group[string]main.Node", "noalg.map.group[string]main.Node", ""},
		{"go.shape.int", "go.shape.int", ""},
		{"main.local\xc2\xb7""1", "main.local\xc2\xb7""1", "main"},
		{"error", "error", ""},
		{"a%2", "a%2", ""}, {"%zz.x", "%zz.x", "%zz"}, {"", "", ""}, {"%25%2e", "%.", ""},
	};
	struct fixture f;
	(void)state;
	setup(&f, 24);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(name_plain(f.t, names[i].escaped), names[i].plain);
		assert_string_equal(name_package(f.t, names[i].escaped), names[i].pkg);
	}
	types_close(f.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),   cmocka_unit_test(test_long_arrays), cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_direct),  cmocka_unit_test(test_derived),     cmocka_unit_test(test_rtypes),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
