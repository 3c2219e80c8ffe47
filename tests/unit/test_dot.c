/* SPDX-License-Identifier: MIT */
/* DOT: well-formed whatever the names are, bounded, the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fakeheap.h"
#include "tests/support/fakequery.h"
#include "tests/support/memsink.h"

static char *dot(const struct hc_snapshot *s, const char *view, uint64_t top, const char *target)
{
	struct hc_write_opts opts = {.size = sizeof(opts), .view = view, .top = top, .target = target};
	struct memsink m = {0};
	struct hc_error *err = memsink_view(&m, s, "dot", &opts);
	if (err)
		fail_msg("%s: %s", view, hc_error_message(err));
	return m.data;
}

/*
 * Quoted strings end, are short enough for graphviz, and hold neither raw control characters nor entities of their own.
 */
static void check_syntax(const char *text)
{
	size_t quoted = 0;
	bool in = false;
	assert_memory_equal(text, "digraph heap {\n", 15);
	for (const char *p = text; *p; p++) {
		if (*p == '"') {
			in = !in;
			quoted = 0;
		} else if (in && *p == '\\') {
			assert_non_null(strchr("\"\\n", p[1]));
			p++;
		} else if (in) {
			assert_true((unsigned char)*p >= 0x20);
			if (*p == '&')
				assert_memory_equal(p, "&amp;", 5);
			assert_true(++quoted < 16384);
		}
	}
	assert_false(in);
	assert_string_equal(text + strlen(text) - 4, ";\n}\n");
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in:\n%s", part, text);
}

static void test_retained(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(100, 1000);
	char *text = dot(&s, "retained", 0, NULL), *again = dot(&s, "retained", 0, NULL);
	check_syntax(text);
	assert_string_equal(text, again);
	expect(text, "github.com/acme/store.Cache");
	expect(text, "shape=hexagon");
	free(again);
	free(text);
	text = dot(&s, "retained", 5, NULL);
	check_syntax(text);
	/* A tree: one arrow less than nodes; the rests of nodes come with one each. */
	assert_int_equal(count(text, " -> "), 5 - 1 + count(text, "-> \"rest"));
	free(text);
	fake_free(&s);
}

static void test_types(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(100, 1000);
	char *text = dot(&s, "types", 3, NULL);
	check_syntax(text);
	expect(text, "label=\"3 of ");
	assert_int_equal(count(text, "shape=note"), 3);
	free(text);
	fake_free(&s);
}

static void test_queries(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(20, 20);
	static const char *const views[] = {"paths", "owners"};
	for (size_t i = 0; i < 2; i++) {
		char *text = dot(&s, views[i], 0, "main.Node");
		check_syntax(text);
		expect(text, "main.Node");
		free(text);
	}
	struct hc_write_opts opts = {.size = sizeof(opts), .view = "paths"};
	struct memsink m = {0};
	struct hc_error *err = memsink_view(&m, &s, "dot", &opts);
	assert_non_null(err);
	assert_non_null(strstr(hc_error_message(err), "--target"));
	hc_error_free(err);
	free(m.data);
	fake_free(&s);
}

static void test_hostile_names(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(100, 1000);
	static struct hc_class classes[C_COUNT];
	static char longest[40001];
	memset(longest, 'x', sizeof(longest) - 1);
	static const char *const names[] = {"\"", "\\", "\\N\\G\\l", "a\nb\r\tc", "&lt;\"&amp;", "\xff\xfe\x80", "=1+1",
	                                    longest, ""};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memcpy(classes, s.classes, sizeof(classes));
		for (size_t c = 0; c < C_COUNT; c++)
			classes[c].name = names[i];
		s.classes = classes;
		char *text = dot(&s, "retained", 0, NULL);
		check_syntax(text);
		free(text);
		text = dot(&s, "types", 0, NULL);
		check_syntax(text);
		free(text);
		s.classes = fake_classes;
	}
	fake_free(&s);
}

/* Every failing write is reported. */
static void test_full_disk(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(100, 1000);
	struct hc_write_opts opts = {.size = sizeof(opts)};
	struct memsink m = {.fail_at = 100};
	struct hc_error *err = memsink_view(&m, &s, "dot", &opts);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_IO);
	hc_error_free(err);
	free(m.data);
	fake_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retained), cmocka_unit_test(test_types), cmocka_unit_test(test_queries),
		cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
