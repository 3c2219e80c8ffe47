/* SPDX-License-Identifier: MIT */
/* Tables as CSV, read by a reader of RFC 4180 that allows nothing else, with names as hostile as they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fakeheap.h"
#include "tests/support/memsink.h"
#include "writers/csv.h"

/* One cell, unquoted in place, NUL-terminated; p is left behind it, at the comma or line feed. */
static char *cell(char **p)
{
	char *from = *p, *to = from;
	if (*from != '"') {
		size_t n = strcspn(from, ",\n");
		for (size_t i = 0; i < n; i++)
			if (from[i] == '"' || from[i] == '\r')
				fail_msg("a bare quote or return in: %.60s", from);
		*p = from + n;
		return from;
	}
	for (char *at = from + 1;; at++) {
		if (!*at)
			fail_msg("no closing quote: %.60s", from);
		if (*at == '"' && *++at != '"') {
			*p = at;
			break;
		}
		*to++ = *at;
	}
	if (**p != ',' && **p != '\n')
		fail_msg("text behind a closing quote: %.60s", *p);
	*to = '\0'; /* before *p: two quotes are gone */
	return from;
}

/* Reads all of a table; returns its rows. Every cell is clean, every row as long as the first. */
static size_t check(char *p, const char *wanted, size_t *found)
{
	size_t columns = 0, rows = 0;
	*found = 0;
	while (*p) {
		size_t n = 0;
		for (;; p++) {
			char *text = cell(&p);
			char stop = *p;
			*p = '\0';
			size_t len = strlen(text);
			assert_true(len <= CSV_TEXT + 1);
			assert_null(strchr("=+-@\t\r", *text ? *text : 'x'));
			for (size_t i = 0; i < len;) {
				size_t u = (unsigned char)text[i] < 0x80 ? 1 : utf8_length(text + i);
				if (!u || (unsigned char)text[i] < 0x20 || text[i] == 0x7f)
					fail_msg("control or invalid bytes in a cell: %.60s", text);
				i += u;
			}
			*found += strcmp(text, wanted) == 0;
			n++;
			if (stop == '\n') {
				p++;
				break;
			}
		}
		columns = columns ? columns : n;
		if (n != columns)
			fail_msg("row %zu has %zu cells, the header %zu", rows + 1, n, columns);
		rows++;
	}
	return rows;
}

static size_t view(const struct hc_snapshot *s, const char *name, uint64_t top, const char *wanted, size_t *found)
{
	struct hc_write_opts opts = {.size = sizeof(opts), .view = name, .top = top, .threads = 1};
	struct memsink m = {0};
	assert_null(memsink_view(&m, s, "csv", &opts));
	assert_true(m.len > 0 && m.data[m.len - 1] == '\n');
	size_t rows = check(m.data, wanted, found);
	free(m.data);
	return rows - 1;
}

static void test_hostile(void **state)
{
	(void)state;
	static char big[40001];
	memset(big, 'w', sizeof(big) - 1);
	memcpy(big, "struct {", 8);
	static const struct {
		const char *name, *cell;
	} names[] = {
		{"main.Map[string,int]", "main.Map[string,int]"},
		{"struct { A int \"json:\\\"a,b\\\"\" }", "struct { A int \"json:\\\"a,b\\\"\" }"},
		{"=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"},
		{"@sum", "'@sum"},
		{"-1+2", "'-1+2"},
		{"two\nlines\r\tand a tab", "two lines  and a tab"},
		{" blanks ", " blanks "},
		{"bad \xff\xc3( utf-8", "bad \xef\xbf\xbd\xef\xbf\xbd( utf-8"},
		{"", ""},
		{big, NULL},
	};
	static const char *const views[] = {"types", "nodes", "edges", "roots", "goroutines", "memory"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct hc_snapshot s = fake_cache(20, 100);
		struct hc_class classes[C_COUNT];
		size_t found;
		memcpy(classes, fake_classes, sizeof(classes));
		classes[C_NODE].name = names[i].name;
		classes[C_NODE].package = names[i].name;
		s.classes = classes;
		for (size_t v = 0; v < sizeof(views) / sizeof(views[0]); v++) {
			view(&s, views[v], 0, names[i].cell ? names[i].cell : "", &found);
			if (names[i].cell && v < 2)
				assert_true(found > 0);
		}
		fake_free(&s);
	}
}

static void test_top(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(20, 100);
	size_t found, all = view(&s, "nodes", 0, "", &found), edges = view(&s, "edges", 0, "", &found);
	assert_true(all > 100 && edges > 100);
	assert_int_equal(view(&s, "nodes", 7, "", &found), 7);
	/* Of a tree of seven nodes: no edge leads to one that is not there. */
	assert_true(view(&s, "edges", 7, "", &found) < 20);
	assert_int_equal(view(&s, "nodes", 1, "ROOT", &found), 1);
	assert_int_equal(found, 1);
	fake_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_top),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
