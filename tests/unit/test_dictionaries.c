/* SPDX-License-Identifier: MIT */
/* Dictionaries of generic functions: found by their symbols, and what they say of shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/pool.h"
#include "tests/support/typeworld.h"

enum { BIAS = 0x1000 };

static struct typeworld w;
static struct exe_symbol symbols[] = { /* sorted by value */
	{"main..dict.F[int]", 0x100, 16, 1},
	{"main..dict.F[main.A]", 0x110, 16, 1},
	{"main..dict.G[*main.A,string]", 0x120, 16, 1},
	{"main..dict.G[*main.B,string]", 0x130, 16, 1},
	{"main..dict.G[*main.B,int]", 0x140, 16, 1},
	{"main..dict.Tree[main.Id]", 0x150, 16, 1},
	{"main..dict.(*Old[string]).Put", 0x160, 16, 1},
	{"example.com/a/b..dict.F[map[string]int]", 0x170, 16, 1},
};
static struct exe exe = {.symbols = symbols, .nsymbols = sizeof(symbols) / sizeof(symbols[0])};
static struct module_file file = {.exe = &exe, .bias = BIAS, .main = true};

static uint32_t named(const char *name, const char *pkg, uint32_t type)
{
	w.types.t[type].name = name;
	w.types.t[type].pkg = pkg;
	return type;
}

static int begin(void **state)
{
	(void)state;
	typeworld_init(&w);
	w.proc.modules = &file;
	w.proc.nmodules = 1;
	uint32_t a = tw_struct(&w, "main.A", "p", tw_ptr(&w, w.i64), "n", w.i64, NULL);
	uint32_t b = tw_struct(&w, "main.B", "q", tw_ptr(&w, w.i64), "n", w.i64, NULL);
	named("main.A", "main", a);
	named("main.B", "main", b);
	named("main.Id", "main", tw_scalar(&w, "main.Id", KIND_INT64, 8));
	tw_scalar(&w, "go.shape.int64", KIND_INT64, 8);
	tw_struct(&w, "go.shape.struct { main.p *int64; main.n int64 }", "p", tw_ptr(&w, w.i64), "n", w.i64, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	vec_free(&w.types.dictionaries);
	typeworld_deinit(&w);
	return 0;
}

static void test_fit(void **state)
{
	(void)state;
	const struct types *t = &w.types;
	assert_true(types_shapes_fit(t, "go.shape.int]", "int]"));
	assert_true(types_shapes_fit(t, "go.shape.int64]", "main.Id]"));
	assert_true(types_shapes_fit(t, "go.shape.*uint8,string]", "*main.A,string]"));
	assert_true(types_shapes_fit(t, "go.shape.struct { main.p *int64; main.n int64 }]", "main.A]"));
	assert_true(types_shapes_fit(t, "go.shape.int64", "nobody.Knows"));
	assert_false(types_shapes_fit(t, "go.shape.struct { main.p *int64; main.n int64 }]", "main.B]")); /* other fields */
	assert_false(types_shapes_fit(t, "go.shape.int64]", "main.A]"));
	assert_false(types_shapes_fit(t, "go.shape.*uint8,string]", "*main.A,int]"));
	assert_false(types_shapes_fit(t, "go.shape.*uint8,string]", "*main.A]"));
	assert_false(types_shapes_fit(t, "go.shape.*uint8]", "*main.A,string]"));
	assert_false(types_shapes_fit(t, "go.shape.*uint8]", "main.A]"));
	w.types.layout.minor = 18; /* numbered */
	assert_true(types_shapes_fit(t, "go.shape.int64_0]", "main.Id]"));
	assert_false(types_shapes_fit(t, "go.shape.int64_0]", "main.A]"));
}

static void test_dictionary(void **state)
{
	(void)state;
	struct types *t = &w.types;
	assert_int_equal(types_dictionary(t, "main.F[go.shape.int]"), BIAS + 0x100);
	assert_int_equal(types_dictionary(t, "main.F[go.shape.struct { main.p *int64; main.n int64 }].func1"), BIAS + 0x110);
	assert_int_equal(types_dictionary(t, "main.G[go.shape.*uint8,go.shape.string]"), 0); /* two */
	assert_int_equal(types_dictionary(t, "main.G[go.shape.*uint8,go.shape.int]"), BIAS + 0x140);
	assert_int_equal(types_dictionary(t, "main.(*Tree[go.shape.int64]).Walk"), BIAS + 0x150);
	assert_int_equal(types_dictionary(t, "main.Tree[go.shape.int64].Len.func2"), BIAS + 0x150);
	assert_int_equal(types_dictionary(t, "main.(*Old[go.shape.string]).Put.func1"), BIAS + 0x160);
	assert_int_equal(types_dictionary(t, "main.(*Old[go.shape.string]).Puts"), 0);
	assert_int_equal(types_dictionary(t, "example.com/a/b.F[go.shape.map[string]int]"), BIAS + 0x170);
	assert_int_equal(types_dictionary(t, "main.H[go.shape.int]"), 0);
	assert_int_equal(types_dictionary(t, "main.F[int]"), 0);
	assert_int_equal(types_dictionary(t, "main.F"), 0);
	assert_int_equal(types_dictionary(t, "main.F[go.shape.int"), 0);
	assert_int_equal(types_dictionary(t, "[go.shape.int]"), 0);
	assert_int_equal(types_dictionary(t, ""), 0);
}

static void test_args(void **state)
{
	(void)state;
	const char *func = "main.G[go.shape.*uint8,go.shape.string].func1";
	assert_string_equal(types_dictionary_args(&w.types, func, BIAS + 0x130), "*main.B,string]");
	assert_null(types_dictionary_args(&w.types, func, BIAS + 0x138)); /* inside */
	assert_null(types_dictionary_args(&w.types, func, BIAS + 0x140)); /* of another instance */
	assert_null(types_dictionary_args(&w.types, func, BIAS + 0x100)); /* of another function */
	assert_null(types_dictionary_args(&w.types, "main.f", BIAS + 0x130));
}

static void test_unshaped(void **state)
{
	(void)state;
	const char *func = "main.F[go.shape.int64,go.shape.*uint8]";
	uint32_t shape = tw_struct(&w, "main.Tree[go.shape.int64]", "v", w.i64, NULL);
	uint32_t real = tw_struct(&w, "main.Tree[main.Id]", "v", w.i64, NULL);
	uint32_t pair = tw_struct(&w, "main.Pair[go.shape.*uint8]", "v", w.i64, NULL);
	uint32_t rows = tw_slice(&w, tw_ptr(&w, shape));
	assert_int_equal(types_unshaped(&w.types, shape, func, "main.Id,*main.A]"), real);
	assert_string_equal(w.types.t[types_unshaped(&w.types, rows, func, "main.Id,*main.A]")].name, "[]*main.Tree[main.Id]");
	assert_int_equal(types_unshaped(&w.types, w.i64, func, "main.Id,*main.A]"), w.i64);
	assert_int_equal(types_unshaped(&w.types, pair, func, "main.Id,*main.A]"), pair); /* no such type */
	assert_int_equal(types_unshaped(&w.types, shape, "main.F", "main.Id]"), shape);
	assert_int_equal(types_unshaped(&w.types, shape, func, "main.Id]"), shape); /* arguments are missing */
	tw_struct(&w, "main.Pair[*main.A]", "v", w.i64, "more", w.i64, NULL);
	assert_int_equal(types_unshaped(&w.types, pair, func, "main.Id,*main.A]"), pair); /* of another size */
	/* a pointer may be *T as well as T, and a slice []T */
	tw_struct(&w, "main.Two[*main.A]", "v", w.i64, NULL);
	uint32_t two = tw_struct(&w, "main.Two[go.shape.*uint8]", "v", w.i64, NULL);
	assert_int_equal(types_unshaped(&w.types, two, "main.F[go.shape.*uint8]", "*main.A]"), two);
	tw_struct(&w, "main.Tree[main.Ids]", "v", w.i64, NULL);
	uint32_t row = tw_struct(&w, "main.Tree[go.shape.[]int64]", "v", w.i64, NULL);
	assert_int_equal(types_unshaped(&w.types, row, "main.F[go.shape.int64,go.shape.[]int64]", "int64,main.Ids]"), row);
	assert_string_equal(w.types.t[types_unshaped(&w.types, row, "main.F[go.shape.[]int64]", "main.Ids]")].name,
	                    "main.Tree[main.Ids]");
	uint32_t longer = tw_struct(&w, "main.Tree[go.shape.int64x]", "v", w.i64, NULL);
	assert_int_equal(types_unshaped(&w.types, longer, "main.F[go.shape.int64]", "main.Id]"), longer);
	/* one shape for two parameters, which differ */
	assert_int_equal(types_unshaped(&w.types, shape, "main.F[go.shape.int64,go.shape.int64]", "main.Id,int64]"), shape);
}

static void test_entries(void **state)
{
	(void)state;
	uint32_t real = types_by_name(&w.types, "main.A");
	uint32_t shape = types_by_name(&w.types, "go.shape.struct { main.p *int64; main.n int64 }");
	uint32_t two = tw_struct(&w, "main.Two", "n", w.i64, "p", tw_ptr(&w, w.i64), NULL);
	uint64_t dict = tw_static(&w, 32);
	tw_descriptor(&w, real, 0x500100);
	tw_descriptor(&w, two, 0x500200);
	tw_put(&w, dict + 8, 0x500100);
	tw_put(&w, dict + 16, 0x500200);
	typeworld_run(&w);
	assert_int_equal(types_in_dictionary(&w.types, dict, 1, shape), real);
	assert_int_equal(types_in_dictionary(&w.types, dict, 2, shape), shape); /* its pointers are elsewhere */
	assert_int_equal(types_in_dictionary(&w.types, dict, 0, shape), shape);
	assert_int_equal(types_in_dictionary(&w.types, dict, 1, w.i64), w.i64);
	assert_int_equal(types_in_dictionary(&w.types, 0, 1, shape), shape);
	assert_int_equal(types_in_dictionary(&w.types, UINT64_MAX - 4, INT32_MAX, shape), shape);
	assert_int_equal(types_in_dictionary(&w.types, dict, 1, TYPE_NONE), TYPE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fit, begin, end),
		cmocka_unit_test_setup_teardown(test_dictionary, begin, end),
		cmocka_unit_test_setup_teardown(test_args, begin, end),
		cmocka_unit_test_setup_teardown(test_unshaped, begin, end),
		cmocka_unit_test_setup_teardown(test_entries, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
