/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../support/fakeproc.h"
#include "heap/priv.h"
#include "heap/salvage.h"

enum { PAGE_SIZE = 1 << PAGE_SHIFT, A = (int)FP_BASE, B = A + PAGE_SIZE, C = B + PAGE_SIZE };

struct world {
	struct fakeproc fp;
	struct blob blob;
	struct types types;
	struct heap_private priv;
	struct heap h;
	struct salvage s;
	struct type type[2];
};

static char no_experiments[] = "", green[] = "greenteagc";

/* Types: 0 has no pointers, 1 is 24 bytes with some. */
static struct world *world_new(int minor)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	fp_init(&w->fp, ARCH_AMD64, 8, false);
	w->blob.size = 1 << 20;
	w->fp.proc.blob = &w->blob;
	w->fp.proc.build.minor = minor;
	w->fp.proc.build.experiments = no_experiments;
	w->type[0] = (struct type){.name = "uint8", .size = 1, .kind = KIND_UINT8};
	w->type[1] = (struct type){.name = "main.T", .size = 24, .rtype = 0x1234, .kind = KIND_STRUCT};
	w->types.t = w->type;
	w->types.n = 2;
	w->h = (struct heap){.proc = &w->fp.proc, .types = &w->types, .priv = &w->priv, .word = 8};
	w->s.h = &w->h;
	return w;
}

static void world_free(struct world *w)
{
	salvage_free(&w->s);
	free(w);
}

static void found(struct world *w, uint64_t addr, uint64_t size, bool scan)
{
	struct found f = {.addr = addr, .size = size, .type = scan, .count = 1, .scan = scan};
	assert_true(vec_push(&w->s.objects, f));
}

static void spans(struct world *w, const struct known_range *known, size_t n)
{
	struct hc_error *err = salvage_spans(&w->s, known, n);
	assert_null(err);
}

static void check_span(const struct world *w, size_t i, uint64_t base, uint64_t npages, uint64_t slot, uint64_t nelems,
                       bool scan)
{
	assert_true(i < w->s.spans.len);
	const struct salvaged_span *sp = &w->s.spans.data[i];
	assert_true(sp->base == base);
	assert_int_equal(sp->npages, npages);
	assert_int_equal(sp->slot, slot);
	assert_int_equal(sp->nelems, nelems);
	assert_int_equal(sp->scan, scan);
}

/* Size and address tell the span; how many slots it has depends on the release. */
static void test_small(void **state)
{
	static const struct {
		int minor;
		uint64_t scan24, noscan112;
	} row[] = {{21, 341, 73}, {24, 336, 73}, {26, 330, 72}};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_new(row[i].minor);
		found(w, A + 24 * 5, 24, true);
		found(w, A + 24 * 300, 20, true);
		found(w, B + 112 * 3, 100, false);
		spans(w, NULL, 0);
		assert_int_equal(w->s.spans.len, 2);
		check_span(w, 0, A, 1, 24, row[i].scan24, true);
		check_span(w, 1, B, 1, 112, row[i].noscan112, false);
		world_free(w);
	}
}

/* From Go 1.22 on a type word stands in front of larger objects with pointers; very large ones have a span of their own. */
static void test_large(void **state)
{
	(void)state;
	for (int minor = 21; minor <= 22; minor++) {
		struct world *w = world_new(minor);
		uint64_t head = minor >= 22 ? 8 : 0;
		found(w, A + 1024 * 3 + head, 1000, true);
		found(w, B, 40000, true);
		spans(w, NULL, 0);
		assert_int_equal(w->s.spans.len, 2);
		check_span(w, 0, A, 1, 1024, 8, true);
		check_span(w, 1, B, 5, 40960, 1, true);
		assert_true(w->s.spans.data[1].large && w->s.spans.data[1].limit == B + 40000u);
		assert_int_equal(w->s.spans.data[1].type, 0x1234);
		world_free(w);
	}
	/* 32761 bytes have no room for a type word in the largest class. */
	struct world *w = world_new(24);
	found(w, A, 32761, false);
	spans(w, NULL, 0);
	check_span(w, 0, A, 4, 32768, 1, false);
	assert_true(w->s.spans.data[0].large);
	world_free(w);
}

/* What lies inside of an object speaks for no span; what the runtime's descriptors tell is left alone. */
static void test_inside(void **state)
{
	const struct known_range known[] = {{A, B}};
	(void)state;
	struct world *w = world_new(24);
	found(w, A + 48, 24, true); /* in a known span */
	found(w, B + 96 * 2, 90, true);
	found(w, B + 96 * 2 + 8, 16, false);
	spans(w, known, 1);
	assert_int_equal(w->s.spans.len, 1);
	check_span(w, 0, B, 1, 96, 84, true);
	world_free(w);
}

/* A length that was read from a dead variable: bytes in which objects with pointers lie are none. */
static void test_false_claims(void **state)
{
	(void)state;
	struct world *w = world_new(24);
	found(w, A, 3 * PAGE_SIZE, false);
	found(w, B + 24, 24, true);
	found(w, B + 48, 24, true);
	spans(w, NULL, 0);
	assert_int_equal(w->s.spans.len, 1);
	check_span(w, 0, B, 1, 24, 336, true);
	world_free(w);
	/* Where spans overlap, the one that more objects speak for counts. */
	w = world_new(24);
	found(w, A, 24, true);
	found(w, A + 24 * 9, 24, true);
	found(w, A + 4096, 2000, false);
	spans(w, NULL, 0);
	assert_int_equal(w->s.spans.len, 1);
	check_span(w, 0, A, 1, 24, 336, true);
	world_free(w);
	/* An address that no slot has. */
	w = world_new(24);
	found(w, A + 8, 40000, true);
	found(w, C + 8, 90, true);
	spans(w, NULL, 0);
	assert_int_equal(w->s.spans.len, 0);
	world_free(w);
}

/* Green Tea's pages say their class themselves, unless their marks contradict. */
static void test_inline_class(void **state)
{
	(void)state;
	for (int bad = 0; bad <= 2; bad++) {
		struct world *w = world_new(25);
		w->fp.proc.build.experiments = green;
		found(w, A + 16, 8, false); /* a pointer into the middle of something */
		fp_put(&w->fp, A + PAGE_SIZE - 1, 1, bad == 2 ? 67 << 1 : 5 << 1); /* class 5: 48 bytes, with pointers */
		fp_put(&w->fp, A + PAGE_SIZE - INLINE_MARKS + 64 + (bad == 1 ? 21 : 20), 1, 0x80); /* slots 167, 175 of 165 */
		if (!bad)
			fp_put(&w->fp, A + PAGE_SIZE - INLINE_MARKS + 64 + 20, 1, 0x10);
		spans(w, NULL, 0);
		assert_int_equal(w->s.spans.len, 1);
		if (bad)
			check_span(w, 0, A, 1, 16, 504, false);
		else
			check_span(w, 0, A, 1, 48, 165, true);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_false_claims),
		cmocka_unit_test(test_inline_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
