/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fakeproc.h"
#include "types/types.h"

static struct buildinfo release(const char *text)
{
	struct arena a = {0};
	struct buildinfo b;
	assert_true(buildinfo_parse_version(&a, text, strlen(text), &b));
	b.version = NULL; /* it lived in the arena */
	arena_free(&a);
	return b;
}

static struct layout table(const char *version, enum arch arch)
{
	struct layout l;
	struct buildinfo b = release(version);
	bool narrow = arch == ARCH_386 || arch == ARCH_ARM || arch == ARCH_MIPS;
	struct hc_error *err = layout_init(&l, &b, arch, narrow ? 4 : 8, NULL, NULL);
	if (err)
		fail_msg("%s", hc_error_message(err));
	return l;
}

/* Facts read by hand from binaries, not from the table. */
static void test_offsets(void **state)
{
	static const struct {
		const char *version;
		enum arch arch;
		enum layout_field field;
		int32_t off;
	} facts[] = {
		{"go1.17.13", ARCH_AMD64, L_G_ATOMICSTATUS, 144}, {"go1.23.4", ARCH_AMD64, L_G_ATOMICSTATUS, 152},
		{"go1.25.1", ARCH_AMD64, L_G_ATOMICSTATUS, 144},  {"go1.17", ARCH_AMD64, L_MD_RODATA, -1},
		{"go1.18", ARCH_AMD64, L_MD_RODATA, 296},         {"go1.27.3", ARCH_AMD64, L_MD_TYPELINKS, -1},
		{"go1.21.13", ARCH_AMD64, L_MSPAN_SPECIALS, 136}, {"go1.22.0", ARCH_AMD64, L_MSPAN_SPECIALS, 128},
		{"go1.21.13", ARCH_AMD64, L_MSPAN_LARGETYPE, -1}, {"go1.22rc1", ARCH_AMD64, L_MSPAN_LARGETYPE, 152},
		{"go1.19.1", ARCH_AMD64, L_MSPAN_FREEINDEXFORSCAN, -1},
		{"go1.19.4", ARCH_AMD64, L_MSPAN_FREEINDEXFORSCAN, 136},
		{"go1.18.8", ARCH_AMD64, L_MSPAN_FREEINDEXFORSCAN, -1},
		{"go1.18.10", ARCH_AMD64, L_MSPAN_FREEINDEXFORSCAN, 136},
		{"go1.24.5", ARCH_AMD64, L_M_ALLLINK, 328},       {"go1.24.6", ARCH_AMD64, L_M_ALLLINK, 352},
		{"go1.23.11", ARCH_AMD64, L_M_ALLLINK, 328},      {"go1.23.12", ARCH_AMD64, L_M_ALLLINK, 352},
		{"go1.25.0", ARCH_AMD64, L_M_ALLLINK, 344},       {"go1.26.8", ARCH_AMD64, L_M_ALLLINK, 352},
		{"go1.24.4", ARCH_AMD64, L_MHEAP_ARENAS, 66008},  {"go1.24.4", ARCH_ARM64, L_MHEAP_ARENAS, 66072},
		{"go1.24.4", ARCH_RISCV64, L_MHEAP_ARENAS, 66008}, {"go1.26.1", ARCH_ARM64, L_CLEANQ_ALL, 256},
		{"go1.26.1", ARCH_S390X, L_CLEANQ_ALL, 512},      {"go1.26.1", ARCH_LOONG64, L_CLEANQ_ALL, 128},
		{"go1.24.4", ARCH_386, L_MSPAN_STARTADDR, 12},    {"go1.24.4", ARCH_386, L_MSPAN_NELEMS, 26},
		{"go1.24.4", ARCH_386, L_MSPAN_SPANCLASS, 62},    {"go1.24.4", ARCH_386, L_MSPAN_LARGETYPE, 92},
		{"go1.24.4", ARCH_386, L_G_GOID, 84},             {"go1.24.4", ARCH_386, L_G_WAITREASON, 104},
		{"go1.24.4", ARCH_386, L_M_CURG, 108},            {"go1.24.4", ARCH_386, L_M_ALLLINK, 204},
		{"go1.24.4", ARCH_386, L_MD_TYPES, 148},          {"go1.24.4", ARCH_386, L_MD_NEXT, 288},
		{"go1.24.4", ARCH_386, L_MHEAP_ALLSPANS, 180},    {"go1.24.4", ARCH_386, L_MHEAP_ARENAS, 308},
		{"go1.26.8", ARCH_ARM, L_MHEAP_ARENAS, 276},      {"go1.26.8", ARCH_ARM, L_M_CURG, 100},
		{"go1.26.8", ARCH_MIPS, L_MHEAP_ARENAS, 276},     {"go1.26.8", ARCH_MIPS, L_M_CURG, 108},
		{"go1.26.8", ARCH_386, L_CLEANQ_ALL, 128},        {"go1.26.8", ARCH_ARM, L_CLEANQ_ALL, 64},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct layout l = table(facts[i].version, facts[i].arch);
		if (l.f[facts[i].field].off != facts[i].off)
			fail_msg("%s fact %zu: %d, not %d", facts[i].version, i, l.f[facts[i].field].off, facts[i].off);
		assert_false(l.from_dwarf);
	}
}

/* No field lies on another one of the same struct, in any release. */
static void test_consistent(void **state)
{
	static const char *const versions[] = {"go1.17", "go1.18", "go1.19", "go1.20", "go1.21", "go1.22",
	                                       "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"};
	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		for (int narrow = 0; narrow < 2; narrow++) {
			struct layout l = table(versions[i], narrow ? ARCH_386 : ARCH_AMD64);
			assert_true(layout_has(&l, L_MD_TYPES));
			assert_true(layout_has(&l, L_G_GOID));
			assert_int_equal(l.f[L_MD_TYPES].size, narrow ? 4 : 8);
			for (unsigned f = L_MSPAN_NEXT; f < L_MSPAN_LARGETYPE; f++) {
				for (unsigned g = f + 1; g <= L_MSPAN_LARGETYPE; g++) {
					if (l.f[f].off < 0 || l.f[g].off < 0)
						continue;
					assert_true(l.f[f].off + (int32_t)l.f[f].size <= l.f[g].off ||
					            l.f[g].off + (int32_t)l.f[g].size <= l.f[f].off);
				}
			}
		}
	}
}

static void refused(const char *version, enum arch arch, uint8_t word, const char *text)
{
	struct layout l;
	struct buildinfo b = release(version);
	b.version = (char *)(uintptr_t)version;
	struct hc_error *err = layout_init(&l, &b, arch, word, NULL, NULL);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_UNSUPPORTED);
	if (!strstr(hc_error_message(err), text) || !strstr(hc_error_message(err), version))
		fail_msg("%s", hc_error_message(err));
	hc_error_free(err);
}

static void test_refusals(void **state)
{
	(void)state;
	refused("go1.16.15", ARCH_AMD64, 8, "oldest");
	refused("go1.28", ARCH_AMD64, 8, "--exe");
	refused("go1.16.15", ARCH_386, 4, "oldest");
	refused("go1.28", ARCH_386, 4, "--exe");
	struct layout l;
	struct buildinfo none = {.minor = -1};
	struct hc_error *err = layout_init(&l, &none, ARCH_AMD64, 8, NULL, NULL);
	assert_non_null(err);
	assert_non_null(strstr(hc_error_message(err), "unknown version"));
	hc_error_free(err);
}

static void test_read(void **state)
{
	static struct fakeproc f;
	struct layout l = table("go1.24.13", ARCH_AMD64);
	uint64_t v = 0;
	(void)state;
	fp_init(&f, ARCH_AMD64, 8, false);
	fp_put(&f, FP_BASE + 160, 8, 0x1122334455667788); /* g.goid of 1.24 */
	assert_true(layout_read(&l, &f.proc, FP_BASE, L_G_GOID, &v));
	assert_true(v == 0x1122334455667788);
	fp_put(&f, FP_BASE + 99, 1, 0xfe); /* mspan.state */
	assert_true(layout_read(&l, &f.proc, FP_BASE, L_MSPAN_STATE, &v));
	assert_int_equal(v, 0xfe);
	assert_false(layout_read(&l, &f.proc, FP_BASE, L_HARENA_BITMAP, &v));  /* no such field in 1.24 */
	assert_false(layout_read(&l, &f.proc, FP_BASE, L_MD_FUNCNAMETAB, &v)); /* a slice is no integer */
	assert_false(layout_read(&l, &f.proc, FP_BASE + FP_SIZE - 160, L_G_GOID, &v));
	assert_int_equal(layout_addr(&l, 0x1000, L_G_GOID), 0x10a0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets), cmocka_unit_test(test_consistent), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
