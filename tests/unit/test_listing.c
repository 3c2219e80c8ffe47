/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/fakeheap.h"
#include "writers/listing.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/heapconv-listing-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_dir(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Line `n` of a listed file, without blanks at its ends; "" beyond the end. */
static const char *line_of(const char *file, uint32_t n)
{
	static char line[512];
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	line[0] = '\0';
	while (n-- > 0)
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return line + strspn(line, " ");
}

static void expect_line(const char *file, uint32_t n, const char *start)
{
	const char *have = line_of(file, n);
	if (strncmp(have, start, strlen(start)) != 0)
		fail_msg("%s:%u is \"%s\", not \"%s\"", file, (unsigned)n, have, start);
}

/* Whatever listing_type() and listing_field() say is what is on that line. */
static void test_lines_agree_with_text(void **state)
{
	(void)state;
	static const struct {
		const struct hc_type *type;
		uint64_t offset;
		const char *line;
	} want[] = {
		{&t_cache, 0, "mu "},
		{&t_cache, 8, "entries map[string]*store.Entry // 8 + 8"},
		{&t_cache, 39, "lru "},
		{&t_cache, 3, "// reached through several fields"},
		{&t_cache, 40, "// reached through several fields"},
		{&t_cache, HC_VIA_SEVERAL, "// reached through several fields"},
		{&t_group, 0, "ctrl "},
		{&t_group, 8, "key "},
		{&t_group, 8 + 24 * 5 + 15, "key "},
		{&t_group, 8 + 16, "elem "},
		{&t_group, 8 + 24 * 7 + 23, "elem "},
		{&t_group, HC_VIA_SEVERAL, "// reached through several fields"},
		{&t_node, 8, "prev *main.Node"},
	};
	struct hc_snapshot s = fake_program();
	struct listing *l;
	const char *file;
	uint32_t line;
	assert_null(listing_new(&s, &l));
	assert_null(listing_write(l, dir));
	for (uint32_t i = 0; i < s.ntypes; i++) {
		char head[256];
		assert_null(listing_type(l, s.types[i], &file, &line));
		snprintf(head, sizeof(head), "type %s ", s.types[i]->name);
		expect_line(file, line, head);
	}
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_null(listing_type(l, want[i].type, &file, &line));
		expect_line(file, line + listing_field(l, want[i].type, want[i].offset), want[i].line);
	}
	listing_free(l);
	fake_finish(&s);
	fake_free(&s);
}

static void test_files(void **state)
{
	(void)state;
	static const struct {
		const char *package, *file;
	} want[] = {
		{"main", "main/types.go"},
		{"github.com/acme/store", "github.com/acme/store/types.go"},
		{"", "builtin/types.go"},
		{"not/seen", "not/seen/types.go"},
		{"/etc/passwd", "etc/passwd/types.go"},
		{"../x", "__/x/types.go"},
		{"a/./b/../c//", "a/_/b/__/c/types.go"},
		{"...", ".../types.go"},
		{"a\nb\x01", "a b /types.go"},
	};
	struct hc_snapshot s = fake_program();
	struct listing *l;
	const char *file;
	assert_null(listing_new(&s, &l));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_null(listing_file(l, want[i].package, &file));
		assert_string_equal(file, want[i].file);
	}
	listing_free(l);
}

/* Lines do not depend on which types are asked for, or in which order. */
static void test_stable_lines(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_program();
	struct listing *a, *b;
	const char *file;
	uint32_t line_a, line_b;
	assert_null(listing_new(&s, &a));
	assert_null(listing_new(&s, &b));
	for (uint32_t i = 0; i < s.ntypes; i++)
		assert_null(listing_type(a, s.types[i], &file, &line_a));
	for (uint32_t i = s.ntypes; i-- > 0;) {
		assert_null(listing_type(b, s.types[i], &file, &line_b));
		assert_null(listing_type(a, s.types[i], &file, &line_a));
		assert_int_equal(line_a, line_b);
	}
	listing_free(a);
	listing_free(b);
}

/* Nor on types that were made for the heap at hand: they come last. */
static void test_synthetic_last(void **state)
{
	(void)state;
	static const struct hc_type made = {"a<made>", "main", HC_KIND_STRUCT, 24, 0, NULL, NULL, node_fields, 3};
	static const struct hc_type *const without[] = {&t_node, &t_node_ptr};
	static const struct hc_type *const with[] = {&made, &t_node, &t_node_ptr};
	struct hc_snapshot s = fake_program(), more = fake_program();
	struct listing *a, *b;
	const char *file;
	uint32_t line_a, line_b, last;
	s.types = without;
	s.ntypes = 2;
	more.types = with;
	more.ntypes = 3;
	assert_null(listing_new(&s, &a));
	assert_null(listing_new(&more, &b));
	assert_null(listing_type(b, &made, &file, &last));
	for (uint32_t i = 0; i < s.ntypes; i++) {
		assert_null(listing_type(a, without[i], &file, &line_a));
		assert_null(listing_type(b, without[i], &file, &line_b));
		assert_int_equal(line_a, line_b);
		assert_true(line_b < last);
	}
	listing_free(a);
	listing_free(b);
}

/* Structs in structs in structs: opened up to a limit, with lines that still agree. */
static void test_nested(void **state)
{
	(void)state;
	enum { LEVELS = 12, FIELDS = 60 };
	static struct hc_type types[LEVELS];
	static struct hc_field fields[LEVELS][FIELDS];
	static char names[FIELDS][8];
	const struct hc_type *table[LEVELS];
	uint64_t size = 8;
	for (int level = 0; level < LEVELS; level++) {
		for (uint32_t i = 0; i < FIELDS; i++) {
			snprintf(names[i], sizeof(names[i]), "f%u", (unsigned)i);
			fields[level][i] = (struct hc_field){names[i], level ? &types[level - 1] : &t_entry_ptr,
			                                     i * size, false};
		}
		size *= level < 6 ? FIELDS : 1;
		types[level] = (struct hc_type){"struct { deep }", "main", HC_KIND_STRUCT, size, 0, NULL, NULL,
		                                fields[level], FIELDS};
		table[level] = &types[level];
	}
	struct hc_snapshot s = fake_program();
	s.types = table;
	s.ntypes = LEVELS;
	struct listing *l;
	const char *file;
	uint32_t line;
	assert_null(listing_new(&s, &l));
	assert_null(listing_write(l, dir));
	for (int level = 0; level < LEVELS; level++) {
		assert_null(listing_type(l, &types[level], &file, &line));
		expect_line(file, line, "type struct { deep } struct {");
		expect_line(file, line + listing_field(l, &types[level], 0), "f0 ");
		expect_line(file, line + listing_field(l, &types[level], HC_VIA_SEVERAL), "// reached");
	}
	listing_free(l);
}

static void test_unwritable(void **state)
{
	(void)state;
	struct hc_snapshot s = fake_program();
	struct listing *l;
	char path[128];
	snprintf(path, sizeof(path), "%s/file", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_null(listing_new(&s, &l));
	struct hc_error *err = listing_write(l, path);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_IO);
	assert_non_null(strstr(hc_error_message(err), path));
	hc_error_free(err);
	listing_free(l);
}

int main(void)
{
#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_lines_agree_with_text),
		WITH_DIR(test_nested),
		WITH_DIR(test_unwritable),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_stable_lines),
		cmocka_unit_test(test_synthetic_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
