/* SPDX-License-Identifier: MIT */
/* The heap model from heap dumps: spans, masks, bytes, roots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/dumpbuild.h"
#include "../support/dumpopen.h"
#include "reader/dump.h"

static void open_ok(struct opened *o, const struct dumpbuild *b)
{
	struct hc_error *err = open_bytes(o, b->out.data, b->out.len, false);
	if (err)
		fail_msg("%s", hc_error_message(err));
}

static uint32_t span_at(const struct heap *h, uint64_t addr)
{
	uint32_t span = UINT32_MAX;
	heap_find_slot(h, addr, &span);
	return span;
}

static void check_spans(const struct heap *h, uint64_t arena)
{
	static const struct {
		uint64_t base, pages, size, nelems;
		unsigned flags;
	} rows[] = {
		{HDB_A, 1, 48, 8192 / 48, 0},
		{HDB_NOSCAN, 1, 64, 8192 / 64, SPAN_NOSCAN},
		{HDB_MEDIUM, 3, 3072, 8, SPAN_NOSCAN},
		{HDB_LARGE, 5, HDB_LARGE_SIZE, 1, SPAN_LARGE | SPAN_ROUNDED},
	};
	assert_int_equal(h->nspans, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(h->spans[i].base, arena + rows[i].base);
		assert_int_equal(h->info[i].npages, rows[i].pages);
		assert_int_equal(span_slot_size(h, i), rows[i].size);
		assert_int_equal(h->spans[i].nelems, rows[i].nelems);
		assert_int_equal(h->spans[i].flags, rows[i].flags);
		assert_int_equal(span_at(h, arena + rows[i].base + 1), i);
	}
	assert_int_equal(h->totals.alloc_objects, 10);
	assert_int_equal(h->totals.alloc_bytes, h->totals.rt_heap_alloc);
	assert_int_equal(heap_find(h, arena + HDB_A + 3 * 48), OBJ_NONE);
	assert_int_equal(heap_find(h, arena + HDB_MEDIUM), OBJ_NONE);
}

static void check_memory(const struct heap *h, uint64_t arena)
{
	const struct proc *p = h->proc;
	uint64_t w = h->word, stack = arena + HDB_STACK, v, mask[2], avail;
	uint32_t id = heap_find(h, arena + HDB_LARGE + 1);
	assert_true(proc_word(p, arena + HDB_A + 7 * 48, &v));
	assert_int_equal(v, arena + HDB_A);
	assert_true(proc_word(p, stack + 16, &v));
	assert_int_equal(v, arena + HDB_NOSCAN + 64);
	assert_true(proc_word(p, HDB_DATA + 8, &v));
	assert_int_equal(v, arena + HDB_LARGE + 12345);
	assert_true(proc_word(p, arena + HDB_LARGE + HDB_LARGE_SIZE - w, &v));
	assert_int_equal(v, arena + HDB_MEDIUM + 3072);
	assert_false(proc_word(p, arena + HDB_A + 3 * 48, &v));    /* free */
	assert_false(proc_word(p, arena + HDB_A + 48 * 170, &v));  /* behind the last slot */
	assert_false(proc_word(p, stack + 96, &v));
	assert_true(proc_word(p, 0x490000 + w, &v)); /* the type of an itab */
	assert_int_equal(v, 0x480000);
	assert_false(proc_word(p, HDB_DATA - 8, &v));
	assert_non_null(heap_object_view(h, id, 8, &avail));
	assert_int_equal(avail, HDB_LARGE_SIZE - 8);
	assert_true(heap_word_is_ptr(h, id, 2 * w));
	assert_false(heap_word_is_ptr(h, id, 3 * w));
	assert_int_equal(heap_object_mask(h, heap_find(h, arena + HDB_A), 0, mask, 64), 48 / w);
	assert_int_equal(mask[0], 3);
}

/* Every reference of the heap, as "from+offset>to" relative to the arena. */
static void check_edges(const struct heap *h, uint64_t arena)
{
	static const struct {
		uint64_t from, words, to; /* words: offset in words; of the large object's last one: 0 */
	} want[] = {
		{HDB_A, 0, HDB_A + 2 * 48}, {HDB_A, 1, HDB_NOSCAN + 8}, {HDB_A + 2 * 48, 4, HDB_MEDIUM + 5 * 3072 + 100},
		{HDB_A + 7 * 48, 0, HDB_A}, {HDB_LARGE, 2, HDB_A}, {HDB_LARGE, 0, HDB_MEDIUM + 3072},
	};
	unsigned n = 0;
	for (uint32_t i = 0; i < h->nspans; i++) {
		struct ptr_scan *s = malloc(sizeof(*s));
		assert_non_null(s);
		heap_scan_begin(s, h, i, h->spans[i].first, h->spans[i].first + h->spans[i].nelems);
		while (heap_scan_next(s))
			for (uint32_t k = 0; k < s->n; k++, n++) {
				assert_in_range(n, 0, 5);
				assert_int_equal(span_object_addr(&h->spans[i], s->object[k]), arena + want[n].from);
				assert_int_equal(s->offset[k], n == 5 ? HDB_LARGE_SIZE / (uint64_t)h->word - 1 : want[n].words);
				assert_int_equal(s->value[k], arena + want[n].to);
			}
		free(s);
	}
	assert_int_equal(n, 6);
}

static bool root_to(const struct heap *h, enum root_kind kind, const char *name, uint64_t target)
{
	for (uint32_t i = 0; i < h->nroots; i++) {
		const struct root *r = &h->roots[i];
		for (uint64_t e = r->first_edge; e < r->first_edge + r->nedges; e++)
			if (r->kind == kind && !strcmp(r->name, name) && h->root_edges[e].target == heap_find(h, target))
				return true;
	}
	return false;
}

static void check_roots(const struct heap *h, uint64_t arena)
{
	assert_int_equal(h->ngoroutines, 2);
	assert_int_equal(h->goroutines[0].id, 7);
	assert_int_equal(h->goroutines[0].nframes, 2);
	assert_string_equal(h->goroutines[0].waitreason, "chan receive");
	assert_string_equal(h->goroutines[1].waitreason, "");
	assert_int_equal(h->goroutines[0].stack_hi - h->goroutines[0].stack_lo, 96);
	assert_string_equal(h->frames[1].func->name, "main.main");
	assert_true(root_to(h, ROOT_GLOBAL, "data at 0x500008", arena + HDB_LARGE));
	assert_true(root_to(h, ROOT_FRAME, "main.recv", arena + HDB_NOSCAN + 64));
	assert_true(root_to(h, ROOT_REGISTERS, "(context register)", arena + HDB_A + 7 * 48));
	assert_true(root_to(h, ROOT_DEFER, "defer", arena + HDB_MEDIUM + 7 * 3072));
	assert_true(root_to(h, ROOT_PANIC, "panic", arena + HDB_A + 48));
	assert_true(root_to(h, ROOT_FINQUEUE, "queued finalizer", arena + HDB_NOSCAN));
	assert_true(root_to(h, ROOT_OTHER, "the other", arena + HDB_NOSCAN + 64));
	assert_int_equal(h->nspecials, 2);
	assert_int_equal(h->specials[0].object, heap_find(h, arena + HDB_A + 48));
	assert_int_equal(h->nsites, 1);
	assert_int_equal(h->sites[0].nframes, 2);
	assert_string_equal(h->site_frames[1].file, "b.go");
	assert_int_equal(h->proc->threads[0].tid, 4711);
}

static void test_model(void **state)
{
	static const struct {
		const char *goarch, *version;
		unsigned word;
		bool be;
	} rows[] = {{"amd64", "go1.21.5", 8, false}, {"386", "go1.17", 4, false}, {"s390x", "go1.20", 8, true},
	            {"mips", "go1.12", 4, true},     {"wasm", "go1.7", 8, false}, {"pdp11", "", 8, false}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dumpbuild b;
		struct opened o;
		hdb_init(&b, rows[i].word, rows[i].be);
		hdb_sample(&b, rows[i].goarch, rows[i].version);
		open_ok(&o, &b);
		assert_string_equal(o.proc->producer, "debug.WriteHeapDump");
		assert_string_equal(o.proc->build.version, rows[i].version);
		assert_int_equal(o.proc->be, rows[i].be);
		assert_int_equal(o.diag.warnings, 1); /* no executable */
		check_spans(o.heap, hdb_arena(&b));
		check_memory(o.heap, hdb_arena(&b));
		check_edges(o.heap, hdb_arena(&b));
		check_roots(o.heap, hdb_arena(&b));
		close_all(&o);
		hdb_free(&b);
	}
}

/*
 * What the ends of spans hold from Go 1.22 on are no objects: pointer bits (a bit per word) of spans with pointers, and
 * 128 bytes of mark bits in all spans of 16 to 512 bytes with Green Tea.
 */
static void test_phantoms(void **state)
{
	static const struct {
		const char *version;
		unsigned word;
		uint64_t size;
		bool scan;
		unsigned slots;
	} rows[] = {
		{"go1.21.9", 8, 48, true, 170},  {"go1.22.1", 8, 48, true, 168}, {"go1.22.1", 8, 64, false, 128},
		{"go1.26.1", 8, 48, true, 165},  {"go1.26.1", 8, 64, false, 126}, {"go1.26.1", 8, 8, true, 1008},
		{"go1.26.1", 8, 576, true, 14},  {"go1.26.1-X:nogreenteagc", 8, 48, true, 168},
		{"go1.25.3", 8, 64, false, 128}, {"go1.25.3 X:greenteagc", 8, 64, false, 126},
		{"go1.22.1 X:noallocheaders", 8, 48, true, 170}, {"go1.22.1", 4, 48, true, 165}, {"go1.22.1", 4, 144, true, 56},
		{"devel go1.28-abcdef Mon", 8, 48, true, 165},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dumpbuild b;
		struct opened o;
		hdb_init(&b, rows[i].word, false);
		hdb_params(&b, rows[i].word == 8 ? "amd64" : "386", rows[i].version);
		for (uint64_t at = 0; at + rows[i].size <= 8192; at += rows[i].size) {
			struct hdb_word w = {8, 0};
			if (rows[i].size == 8)
				w.offset = 0;
			hdb_object(&b, hdb_arena(&b) + at, rows[i].size, &w, rows[i].scan);
		}
		hdb_memstats(&b, rows[i].slots, rows[i].slots * rows[i].size, 8192);
		hdb_end(&b);
		open_ok(&o, &b);
		assert_int_equal(o.heap->totals.alloc_objects, rows[i].slots);
		assert_int_equal(o.heap->spans[0].nelems, rows[i].slots);
		assert_int_equal(o.diag.warnings, 1);
		close_all(&o);
		hdb_free(&b);
	}
}

/* From Go 1.22 on larger slots with pointers begin with a type word; the object is what follows. */
static void test_headers(void **state)
{
	static const struct {
		const char *version;
		unsigned word;
		uint64_t size;
		bool header;
	} rows[] = {
		{"go1.21.9", 8, 640, false}, {"go1.22.1", 8, 512, false}, {"go1.22.1", 8, 640, true}, {"go1.22.1", 4, 128, false},
		{"go1.22.1", 4, 144, true},  {"go1.24.1", 8, 28672, true}, {"go1.24.1", 8, 32768, true},
		{"go1.24.1", 8, 40960, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dumpbuild b;
		struct opened o;
		hdb_init(&b, rows[i].word, false);
		hdb_params(&b, rows[i].word == 8 ? "amd64" : "386", rows[i].version);
		HDB_INTS(&b, HD_TYPE, 0x481000, 8);
		hdb_text(&b, "main.T");
		hdb_int(&b, 1);
		uint64_t arena = hdb_arena(&b), avail, v;
		HDB_INTS(&b, HD_OBJECT, arena); /* the type word is no pointer field */
		struct dumpbuild body;
		hdb_init(&body, rows[i].word, false);
		size_t head = body.out.len;
		hdb_block(&body, rows[i].size, HDB_WORDS({0, 0x480000}, {16, arena + 24}));
		body.out.len -= 5; /* drops the fields: {1, 0}, {1, 16}, 0 */
		hdb_bytes(&b, body.out.data + head, body.out.len - head);
		HDB_INTS(&b, 1, 16, 0);
		hdb_end(&b);
		open_ok(&o, &b);
		uint32_t id = heap_find(o.heap, arena);
		uint64_t start = rows[i].header ? 8 : 0;
		assert_int_equal(span_object_addr(&o.heap->spans[0], id), arena + start);
		assert_int_equal(span_usable(o.heap, 0), rows[i].size - start);
		assert_true(heap_word_is_ptr(o.heap, id, 16 - start));
		assert_false(heap_word_is_ptr(o.heap, id, 8 - start));
		const uint8_t *d = heap_object_view(o.heap, id, 16 - start, &avail);
		assert_non_null(d);
		assert_int_equal(load_uint(d, rows[i].word, false), arena + 24);
		assert_true(proc_word(o.proc, arena, &v));
		assert_int_equal(v, 0x480000);
		hdb_free(&body);
		close_all(&o);
		hdb_free(&b);
	}
}

/* Records that no Go program writes: counted, said, left out. */
static void test_odd(void **state)
{
	(void)state;
	struct dumpbuild b;
	struct opened o;
	hdb_init(&b, 8, false);
	hdb_params(&b, "amd64", "go1.20");
	uint64_t arena = hdb_arena(&b);
	hdb_object(&b, arena + 64, 64, HDB_WORDS({0, arena}));
	hdb_object(&b, arena + 64, 64, HDB_WORDS({8, arena}));  /* twice */
	hdb_object(&b, arena + 129, 64, NULL, 0);              /* at an odd address */
	hdb_object(&b, arena + 200, 64, NULL, 0);              /* between slots */
	hdb_object(&b, arena + 256, 48, NULL, 0);              /* another size in the same page */
	hdb_object(&b, arena + 8192, 0, NULL, 0);              /* of no size */
	hdb_object(&b, arena + 8192, 40000, NULL, 0);          /* large, but not in pages */
	hdb_object(&b, (UINT64_C(1) << 48) - 8192, 64, HDB_WORDS({0, 1})); /* at the end of the address space */
	hdb_object(&b, UINT64_C(1) << 48, 64, NULL, 0);        /* behind it */
	HDB_INTS(&b, HD_OBJECT, arena + 16384);                /* fields outside of the object, and between words */
	uint8_t eight[8] = {0};
	hdb_int(&b, 8), hdb_bytes(&b, eight, 8);
	HDB_INTS(&b, 1, 0, 1, 4, 1, 8, 1, UINT64_MAX, 0);
	hdb_end(&b);
	open_ok(&o, &b);
	assert_int_equal(o.heap->totals.alloc_objects, 3);
	assert_true(heap_word_is_ptr(o.heap, heap_find(o.heap, arena + 64), 0));
	assert_false(heap_word_is_ptr(o.heap, heap_find(o.heap, arena + 64), 8));
	assert_true(heap_word_is_ptr(o.heap, heap_find(o.heap, arena + 16384), 0));
	assert_int_equal(heap_find(o.heap, arena + 256), OBJ_NONE);
	close_all(&o);
	hdb_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_phantoms),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_odd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
