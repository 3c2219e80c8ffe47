/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fakeheap.h"
#include "tests/support/memsink.h"
#include "writers/names.h"
#include "writers/text.h"

static char *page(const struct hc_snapshot *s, uint64_t top)
{
	struct hc_write_opts opts = {.size = sizeof(opts), .top = top};
	struct memsink m = {0};
	assert_null(memsink_view(&m, s, "text", &opts));
	return m.data;
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void check_lines(char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t len = strlen(line);
		if (len > TEXT_WIDTH || line[len - 1] == ' ')
			fail_msg("%zu columns: \"%s\"", len, line);
	}
}

static void test_summary(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(100, 1000);
	char *text = page(&s, 0);
	expect(text, "acme, go1.24.4 amd64, pid 4711, ended by SIGABRT (6)\n");
	expect(text, "  command       /srv/bin/acme -listen :8080\n");
	expect(text, "  executable    /srv/bin/acme (L0: has debug information)\n");
	expect(text, "  goroutines    1 (1 chan receive)\n");
	expect(text, "    heap         5.9 KiB   75.0           Go's heap: all pages of its arenas\n");
	expect(text, "        exact    3.9 KiB   50.0       40  type recorded by the runtime or a variable\n");
	expect(text, "    mapped       7.8 KiB  100.0\n");
	expect(text, "55  equal\n");
	expect(text, "6,016       6,000  differs by 16: one tiny block\n");
	expect(text, "Types known for 80.0 % of live bytes: 80.0 exact, 0.0 propagated, 0.0 inferred; 20.0 unknown\n");
	expect(text, "  Goroutines by what they run ");
	expect(text, "  github.com/acme/store.cache.mu   github.com/acme/store.Cache\n");
	expect(text, "  main.worker.head (goroutine 17)  main.Node\n");
	check_lines(text);
	free(text);
	fake_free(&s);
}

static void test_retained_by_type(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(8, 1000);
	char *text = page(&s, 0);
	/* 8 entries, a slice, a group, 8 values, 7 keys: all below the cache; a list counts once, not 1000 times. */
	expect(text, "40.7 KiB  62.1        1      48 B   0.1  github.com/acme/store.Cache\n");
	expect(text, "23.5 KiB  35.8    1,001  23.5 KiB  35.8  main.Node\n");
	free(text);
	text = page(&s, 2);
	expect(text, "  and 7 other types; -o types.csv has all\n");
	free(text);
	fake_free(&s);
}

static void test_wrong_counter(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_cache(1, 1);
	static const struct hc_check checks[] = {{"HeapObjects", 55, 50, 2, "because"}};
	s.checks = checks;
	s.nchecks = 1;
	s.info.warnings = 3;
	s.info.missing_bytes = 4096;
	char *text = page(&s, 0);
	expect(text, "WRONG by 5");
	expect(text, "3 findings make these figures inexact");
	expect(text, "4.0 KiB of memory is missing");
	free(text);
	fake_free(&s);
}

static void test_hostile(void **state)
{
	(void)state;
	static char big[5001];
	memset(big, 'w', 5000);
	struct hc_snapshot s = fake_cache(4, 4);
	struct hc_class classes[C_COUNT];
	memcpy(classes, fake_classes, sizeof(classes));
	classes[C_NODE].name = "main.\x1b[2J\nNode\xff";
	classes[C_ENTRY].name = big;
	s.classes = classes;
	s.info.exe_path = big;
	s.info.exe_used = big;
	s.info.command = "rm\r\n-rf \x1b[0m";
	s.info.producer = s.info.go_version = s.info.goarch = s.info.main_module = big;
	char *text = page(&s, 0);
	for (const char *p = text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			fail_msg("control character %d", *p);
	free(text);
	fake_free(&s);
}

static void test_empty(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_program();
	s.info = (struct hc_info){.level = HC_LEVEL_NO_EXE};
	s.nledger = s.nchecks = 0;
	s.ngoroutines = 0;
	fake_finish(&s);
	char *text = page(&s, 0);
	expect(text, "a Go program, Go of an unknown version");
	expect(text, "no executable; give it with --exe");
	free(text);
	fake_free(&s);
}

static void test_bytes(void **state)
{
	(void)state;
	static const struct {
		uint64_t n;
		const char *text;
	} want[] = {
		{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {1048523, "1023.9 KiB"},
		{1048525, "1.0 MiB"},
		{1 << 20, "1.0 MiB"}, {UINT64_C(5) << 30, "5.0 GiB"}, {(UINT64_C(1) << 40) - 1, "1.0 TiB"},
		{UINT64_MAX, "16.0 EiB"},
	};
	char buf[TEXT_NUMBER];
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(text_bytes(buf, want[i].n), want[i].text);
}

static void test_numbers(void **state)
{
	(void)state;
	char buf[TEXT_NUMBER];
	assert_string_equal(text_count(buf, 0), "0");
	assert_string_equal(text_count(buf, 999), "999");
	assert_string_equal(text_count(buf, 1000), "1,000");
	assert_string_equal(text_count(buf, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(text_percent(buf, 1, 3), "33.3");
	assert_string_equal(text_percent(buf, 0, 0), "0.0");
}

static void test_fit(void **state)
{
	(void)state;
	struct arena a = {0};
	assert_string_equal(text_fit(&a, "short", 10), "short");
	assert_string_equal(text_fit(&a, "github.com/acme/store.Cache", 17), "gith...tore.Cache");
#define AE "\xc3\xa4" /* two bytes, one column */
	assert_string_equal(text_fit(&a, AE AE AE AE AE AE AE AE AE AE AE AE, 9), AE AE "..." AE AE AE AE);
	arena_free(&a);
}

static void test_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length;
	} want[] = {
		{"a", 1}, {"\x7f", 1}, {"\x80", 0}, {"\xc0\x80", 0}, {"\xc2\x80", 2}, {"\xc2", 0}, {"\xdf\xbf", 2},
		{"\xe0\x80\x80", 0},
		{"\xe0\xa0\x80", 3}, {"\xed\x9f\xbf", 3}, {"\xed\xa0\x80", 0}, {"\xef\xbf\xbf", 3}, {"\xe2\x82", 0},
		{"\xf0\x80\x80\x80", 0},
		{"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4}, {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0},
		{"\xf0\x90\x80", 0}, {"\xff", 0},
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(utf8_length(want[i].text), want[i].length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary),   cmocka_unit_test(test_retained_by_type),
		cmocka_unit_test(test_wrong_counter), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_empty),     cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_numbers),   cmocka_unit_test(test_fit),
		cmocka_unit_test(test_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
