/* SPDX-License-Identifier: MIT */
/* Go's names as classes, fields and packages of a Java heap dump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "writers/hprof_names.h"

static void test_classes(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		/* Named types keep their package, whose slashes and last dot readers make a tree of. */
		{"main.Page", "main.Page"},
		{"net/http.Server", "net/http.Server"},
		{"github.com/acme/app/store.Entry", "github.com/acme/app/store.Entry"},
		{"gopkg.in/yaml%2ev3.Node", "gopkg.in/yaml%2ev3.Node"},
		{"uint8", "uint8"},
		/* What is in front of a type goes behind its package: it would not be sorted with it otherwise. */
		{"*main.Page", "main.*Page"},
		{"[]github.com/acme/app/store.Entry", "github.com/acme/app/store.[]Entry"},
		{"[]int", "go.[]int"},
		{"[4]*uint8", "go.[4]*uint8"},
		/* Types inside of others have no packages of their own, so no dots either. */
		{"main.Pair[int,github.com/acme/app.Order]", "main.Pair[int,app\xc2\xb7Order]"},
		{"map[string]*github.com/acme/app.Order", "map[string]*app\xc2\xb7Order"},
		{"map[string]interface {}", "map[string]any"},
		{"chan main.Page", "chan main\xc2\xb7Page"},
		{"func(int, ...string) error", "func(int, \xe2\x80\xa6string) error"},
		{"struct { F main.Page }", "struct { F main\xc2\xb7Page }"},
		/* What the runtime keeps maps and channels in, as debug information and as heapconv call it. */
		{"map<string,*main.Page>", "map[string]*main\xc2\xb7Page"},
		{"hash<string,*main.Page>", "map[string]*main\xc2\xb7Page"},
		{"table<string,*main.Page>", "map table[string]*main\xc2\xb7Page"},
		{"*table<string,*main.Page>", "map directory[string]*main\xc2\xb7Page"},
		{"group<main.Pair[int,string],*main.Page>", "map group[main\xc2\xb7Pair[int,string]]*main\xc2\xb7Page"},
		{"noalg.map.group[string]*main.Page", "map group[string]*main\xc2\xb7Page"},
		{"bucket<string,int>", "map bucket[string]int"},
		{"hchan<int>", "chan int"},
		/* Never the name of a Java array, and never none. */
		{"main.T[]", "main.T[]_"},
		{"", "go.unnamed"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct name n = {0};
		assert_true(hprof_class_name(&n, pairs[i][0]));
		if (strcmp(n.text, pairs[i][1]) != 0)
			fail_msg("%s is %s, not %s", pairs[i][0], n.text, pairs[i][1]);
		name_free(&n);
	}
}

static void test_long_names(void **state)
{
	(void)state;
	struct name a = {0}, b = {0};
	char *text = malloc(70000);
	assert_non_null(text);
	memset(text, 'x', 69999);
	memcpy(text, "main.", 5);
	text[69999] = '\0';
	assert_true(hprof_class_name(&a, text));
	text[69998] = 'y';
	assert_true(hprof_class_name(&b, text));
	assert_true(a.len <= NAME_LIMIT && b.len <= NAME_LIMIT);
	assert_string_not_equal(a.text, b.text);
	name_free(&a);
	name_free(&b);
	free(text);
}

static void test_fields(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"next", "next"}, {"a.b", "a_b"}, {"\xc3\xb6l", "\xc3\xb6l"}, {".this", "_this"},
	                                       {"a b[1]<c>", "a_b_1__c_"}, {"$f", "$f"}};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct name n = {0};
		assert_true(hprof_field_put(&n, pairs[i][0]));
		assert_string_equal(n.text, pairs[i][1]);
		name_free(&n);
	}
	assert_true(hprof_field_reserved("fileName"));
	assert_false(hprof_field_reserved("filename"));
}

static void test_packages(void **state)
{
	(void)state;
	static const struct {
		const char *function;
		size_t package, class;
	} cases[] = {
		{"main.main", 4, 4},
		{"net/http.(*conn).serve", 8, 16},
		{"github.com/acme/app.Run.func1", 19, 19},
		{"main.Map[go.shape.int].Get", 4, 4},
		{"main.(*Map[go.shape.int]).Get", 4, 25},
		{"runtime", 0, 0},
		{"", 0, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hprof_package_len(cases[i].function), cases[i].package);
		assert_int_equal(hprof_function_class(cases[i].function), cases[i].class);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_packages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
