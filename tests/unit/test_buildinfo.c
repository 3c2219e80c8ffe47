/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/corebuild.h"
#include "base/ckd.h"
#include "reader/priv.h"

static void test_versions(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		int minor, patch;
		const char *experiments;
	} cases[] = {
		{"go1.24.4", true, 24, 4, ""},
		{"go1.17", true, 17, 0, ""},
		{"go1.25rc1", true, 25, 0, ""},
		{"go1.27.3-X:norandomizedheapbase64", true, 27, 3, "norandomizedheapbase64"},
		{"go1.22.1 X:nocoverageredesign,rangefunc", true, 22, 1, "nocoverageredesign,rangefunc"},
		{"devel go1.28-abcdef Tue Nov 4 10:00:00 2025 +0000", true, 28, 0, ""},
		{"devel go1.28-abcdef Tue Nov 4 10:00:00 2025 +0000 X:greenteagc", true, 28, 0, "greenteagc"},
		{"go1.22.1 (Red Hat 1.22.1-2.el9)", true, 22, 1, ""},
		{"devel +abcdef", false, -1, 0, ""},
		{"go2.0", false, -1, 0, ""},
		{"go1.", false, -1, 0, ""},
		{"", false, -1, 0, ""},
		{"go1.99999999999", true, 999999, 0, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a = {0};
		struct buildinfo bi = {0};
		assert_int_equal(buildinfo_parse_version(&a, cases[i].text, strlen(cases[i].text), &bi), cases[i].ok);
		assert_int_equal(bi.minor, cases[i].minor);
		assert_int_equal(bi.patch, cases[i].patch);
		assert_string_equal(bi.version, cases[i].text);
		assert_string_equal(bi.experiments, cases[i].experiments);
		arena_free(&a);
	}
}

struct memory {
	const uint8_t *data;
	size_t size;
	uint64_t base;
};

static bool memory_read(const void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct memory *m = ctx;
	if (addr < m->base || !in_range(addr - m->base, n, m->size))
		return false;
	memcpy(buf, m->data + (addr - m->base), n);
	return true;
}

static const char modinfo[] = "path\texample.com/app/cmd/srv\nmod\texample.com/app\tv1.2.3\th1:abc=\n"
	"dep\texample.com/lib\tv0.1.0\th1:def=\nbuild\tGOARCH=amd64\n";

static void test_inline(void **state)
{
	(void)state;
	uint8_t buf[1024];
	size_t size = cb_buildinfo(buf, "go1.24.4", modinfo);
	struct memory m = {buf, size, 0x560000};
	struct arena a = {0};
	struct buildinfo bi = {0};
	assert_true(buildinfo_magic(buf));
	assert_true(buildinfo_decode(&a, memory_read, &m, m.base, false, &bi));
	assert_string_equal(bi.version, "go1.24.4");
	assert_string_equal(bi.main_path, "example.com/app/cmd/srv");
	assert_string_equal(bi.module, "example.com/app@v1.2.3");
	assert_int_equal(bi.minor, 24);
	/* Cut anywhere: no crash; the version alone is enough. */
	size_t version_end = 32 + 1 + strlen("go1.24.4");
	for (size_t n = 0; n < size; n++) {
		uint8_t *part = malloc(n + 1);
		assert_non_null(part);
		memcpy(part, buf, n);
		m.data = part;
		m.size = n;
		assert_int_equal(buildinfo_decode(&a, memory_read, &m, m.base, false, &bi), n >= version_end);
		free(part);
	}
	arena_free(&a);
}

static void test_no_modules(void **state)
{
	(void)state;
	uint8_t buf[256];
	size_t size = cb_buildinfo(buf, "go1.21.0", "path\tcommand-line-arguments\nmod\tnoversion");
	struct memory m = {buf, size, 0};
	struct arena a = {0};
	struct buildinfo bi = {0};
	assert_true(buildinfo_decode(&a, memory_read, &m, 0, false, &bi));
	assert_string_equal(bi.main_path, "command-line-arguments");
	assert_string_equal(bi.module, "noversion");
	/* Text without its fences is ignored. */
	buf[32 + 1 + 8] = 3;
	buf[32 + 1 + 9] = 'a';
	assert_true(buildinfo_decode(&a, memory_read, &m, 0, false, &bi));
	assert_string_equal(bi.main_path, "");
	assert_string_equal(bi.module, "");
	arena_free(&a);
}

/* Before Go 1.18: pointers to string headers, in the byte order that a flag names. */
static void test_pointers(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		for (int be = 0; be <= 1; be++) {
			uint8_t buf[512] = "\xff Go buildinf:";
			const uint64_t base = 0x10000, head = 64, text = 128;
			buf[14] = (uint8_t)word;
			buf[15] = (uint8_t)be;
			cb_store(buf + 16, base + head, word, be);
			cb_store(buf + head, base + text, word, be);
			cb_store(buf + head + word, 9, word, be);
			memcpy(buf + text, "go1.17.13", 9);
			struct memory m = {buf, sizeof(buf), base};
			struct arena a = {0};
			struct buildinfo bi = {0};
			assert_true(buildinfo_decode(&a, memory_read, &m, base, be, &bi));
			assert_string_equal(bi.version, "go1.17.13");
			assert_int_equal(bi.patch, 13);
			assert_string_equal(bi.module, "");
			/* Lengths and pointers that lie. */
			cb_store(buf + head + word, UINT64_MAX, word, be);
			assert_false(buildinfo_decode(&a, memory_read, &m, base, be, &bi));
			cb_store(buf + head + word, 9, word, be);
			cb_store(buf + head, UINT64_MAX - 2, word, be);
			assert_false(buildinfo_decode(&a, memory_read, &m, base, be, &bi));
			cb_store(buf + 16, UINT64_MAX - 2, word, be);
			assert_false(buildinfo_decode(&a, memory_read, &m, base, be, &bi));
			arena_free(&a);
		}
	}
}

static void test_hostile(void **state)
{
	(void)state;
	uint8_t buf[256];
	size_t size = cb_buildinfo(buf, "go1.24.4", "path\tx\nmod\ty\tv1\n");
	struct arena a = {0};
	for (size_t i = 0; i < size; i++) {
		for (unsigned v = 0; v < 256; v += 5) {
			uint8_t old = buf[i];
			struct memory m = {buf, size, 0};
			struct buildinfo bi = {0};
			buf[i] = (uint8_t)v;
			if (buildinfo_decode(&a, memory_read, &m, 0, false, &bi))
				assert_true(bi.version && bi.main_path && bi.module && bi.experiments);
			buf[i] = old;
		}
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions), cmocka_unit_test(test_inline),  cmocka_unit_test(test_no_modules),
		cmocka_unit_test(test_pointers), cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
