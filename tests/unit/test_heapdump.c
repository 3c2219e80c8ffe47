/* SPDX-License-Identifier: MIT */
/* Records of heap dumps, well-formed, cut and damaged. */
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

static void test_records(void **state)
{
	static const unsigned count[HD_NTAGS] = {
		[HD_OBJECT] = 10, [HD_OTHERROOT] = 1, [HD_TYPE] = 1, [HD_GOROUTINE] = 2, [HD_FRAME] = 2, [HD_PARAMS] = 1,
		[HD_FINALIZER] = 1, [HD_ITAB] = 1, [HD_THREAD] = 1, [HD_MEMSTATS] = 1, [HD_QUEUEDFIN] = 1, [HD_DATA] = 1,
		[HD_BSS] = 1, [HD_DEFER] = 1, [HD_PANIC] = 1, [HD_MEMPROF] = 1, [HD_SAMPLE] = 1};
	(void)state;
	struct dumpbuild b;
	struct hd_reader r;
	struct hd_record rec;
	unsigned seen[HD_NTAGS] = {0};
	hdb_init(&b, 8, false);
	hdb_sample(&b, "amd64", "go1.21.5");
	assert_true(hd_open(&r, b.out.data, b.out.len));
	while (hd_next(&r, &rec)) {
		seen[rec.tag]++;
		if (rec.tag == HD_FRAME && !rec.n[1]) {
			assert_int_equal(rec.n[0], hdb_arena(&b) + HDB_STACK);
			assert_int_equal(rec.n[4], 0x401050);
			assert_int_equal(rec.mem_len, 64);
			assert_int_equal(rec.text_len[0], 9);
			assert_memory_equal(rec.text[0], "main.recv", 9);
		}
		if (rec.tag == HD_MEMPROF) {
			const uint8_t *at = rec.frames, *text[2];
			uint64_t len[2], line;
			hd_site_frame(&at, text, len, &line);
			hd_site_frame(&at, text, len, &line);
			assert_memory_equal(text[1], "b.go", 4);
			assert_int_equal(line, 3);
			assert_int_equal(rec.n[3], 5);
		}
	}
	assert_false(r.cut);
	assert_null(r.damage);
	assert_int_equal(r.at, b.out.len - 1);
	for (unsigned i = 0; i < HD_NTAGS; i++)
		assert_int_equal(seen[i], count[i]);
	assert_false(hd_open(&r, b.out.data, 15));
	assert_false(hd_open(&r, (const uint8_t *)"go1.6 heap dump\n", 16));
	hdb_free(&b);
}

/* A file that ends early is cut, not damaged, wherever it ends; what comes before is as in the whole file. */
static void test_cut(void **state)
{
	(void)state;
	struct dumpbuild b;
	unsigned last = 0;
	hdb_init(&b, 8, false);
	hdb_sample(&b, "amd64", "go1.21.5");
	for (size_t n = 16; n <= b.out.len; n++) {
		uint8_t *copy = malloc(n); /* of its own, so that reading beyond is seen */
		struct hd_reader r;
		struct hd_record rec;
		unsigned records = 0;
		assert_non_null(copy);
		memcpy(copy, b.out.data, n);
		assert_true(hd_open(&r, copy, n));
		while (hd_next(&r, &rec))
			records++;
		assert_null(r.damage);
		assert_int_equal(r.cut, n < b.out.len);
		assert_in_range(records, last, last + 1);
		last = records;
		free(copy);
	}
	hdb_free(&b);
}

static void test_damage(void **state)
{
	static const struct {
		const char *what;
		size_t size, offset; /* of the number that is wrong, behind the header */
		uint8_t bytes[24];
	} rows[] = {
		{"kind of record", 1, 0, {18}},
		{"64 bits", 12, 1, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0}},
		{"64 bits", 12, 1, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}},
		{"length", 12, 2, {1, 8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0}}, /* 2^60 bytes of memory */
		{"length", 8, 1, {2, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0}},                       /* 2^32 bytes of text */
		{"kind of field", 16, 11, {1, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 0, 0, 0, 0}},
		{"kind of field", 24, 13, {1, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 9, 0}},
		{"number of frames", 8, 3, {16, 1, 1, 0x80, 0x80, 0x80, 0x80, 1}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dumpbuild b;
		struct opened o;
		char offset[32];
		hdb_init(&b, 8, false);
		hdb_params(&b, "amd64", "go1.21.5");
		hdb_object(&b, hdb_arena(&b), 64, NULL, 0);
		snprintf(offset, sizeof(offset), "at offset %zu,", b.out.len + rows[i].offset);
		hdb_bytes(&b, rows[i].bytes, rows[i].size);
		struct hc_error *err = open_bytes(&o, b.out.data, b.out.len, false);
		assert_non_null(err);
		assert_int_equal(hc_error_code(err), HC_E_FORMAT);
		if (!strstr(hc_error_message(err), rows[i].what) || !strstr(hc_error_message(err), offset))
			fail_msg("row %zu: %s (expected %s)", i, hc_error_message(err), offset);
		hc_error_free(err);
		close_all(&o);
		assert_null(open_bytes(&o, b.out.data, b.out.len, true)); /* --force: what comes before */
		assert_int_equal(o.heap->totals.alloc_objects, 1);
		assert_true(o.diag.warnings > 0);
		close_all(&o);
		hdb_free(&b);
	}
}

/* ---- all of it, over broken bytes ---- */

static void test_cut_open(void **state)
{
	(void)state;
	struct dumpbuild b;
	uint64_t objects = 0;
	hdb_init(&b, 8, false);
	hdb_sample(&b, "amd64", "go1.24.1");
	for (size_t n = 1; n < b.out.len; n += n < 600 || b.out.len - n < 4000 ? 1 : 97) {
		uint8_t *copy = malloc(n);
		struct opened o;
		assert_non_null(copy);
		memcpy(copy, b.out.data, n);
		struct hc_error *err = open_bytes(&o, copy, n, false);
		if (err) {
			assert_int_equal(objects, 0);
			assert_in_range(hc_error_code(err), HC_E_FORMAT, HC_E_TRUNCATED);
			hc_error_free(err);
		} else {
			assert_true(o.diag.warnings >= 2); /* no executable; cut */
			assert_true(o.heap->totals.alloc_objects >= objects);
			objects = o.heap->totals.alloc_objects;
		}
		close_all(&o);
		free(copy);
	}
	assert_int_equal(objects, 10);
	hdb_free(&b);
}

static uint32_t rng_next(uint32_t *s)
{
	*s = *s * 1664525 + 1013904223;
	return *s >> 8;
}

/* Nothing but an answer or an error comes of any bytes; the sanitizers watch. */
static void test_mutations(void **state)
{
	(void)state;
	struct dumpbuild b;
	uint32_t rng = 1;
	unsigned opened = 0, refused = 0;
	for (unsigned i = 0; i < 3000; i++) {
		struct opened o;
		hdb_init(&b, i & 1 ? 4 : 8, i & 2);
		hdb_sample(&b, "amd64", i & 4 ? "go1.27.1" : "go1.20");
		/* Most of the bytes are the contents of the large object: leave these alone. */
		size_t skip = HDB_LARGE_SIZE + 64;
		for (unsigned k = 0; k < 1 + (i & 7); k++) {
			size_t at = rng_next(&rng) % (b.out.len - skip);
			at = at < 90 ? at : at + skip;
			b.out.data[at < b.out.len ? at : 20] = (uint8_t)(i & 8 ? rng_next(&rng) : 1u << (rng_next(&rng) & 7));
		}
		struct hc_error *err = open_bytes(&o, b.out.data, b.out.len, i & 16);
		opened += !err;
		refused += err != NULL;
		hc_error_free(err);
		close_all(&o);
		hdb_free(&b);
	}
	assert_true(opened > 300);
	if (refused < 50)
		fail_msg("only %u of %u were refused", refused, refused + opened);
}

/* One object in each 64 MiB, or a small one in each page, would cost far more than the file has bytes. */
static void test_sparse(void **state)
{
	static const struct {
		uint64_t step, size;
		unsigned n;
		const char *what;
	} rows[] = {{1 << 26, 64, 4000, "address space"}, {8192, 8, 40000, "slots"}};
	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct dumpbuild b;
		struct opened o;
		hdb_init(&b, 8, false);
		hdb_params(&b, "amd64", "go1.20");
		for (unsigned i = 0; i < rows[r].n; i++)
			hdb_object(&b, 0x10000 + i * rows[r].step, rows[r].size, NULL, 0);
		hdb_end(&b);
		struct hc_error *err = open_bytes(&o, b.out.data, b.out.len, false);
		assert_non_null(err);
		assert_int_equal(hc_error_code(err), HC_E_FORMAT);
		assert_non_null(strstr(hc_error_message(err), rows[r].what));
		hc_error_free(err);
		close_all(&o);
		hdb_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),  cmocka_unit_test(test_cut),       cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut_open), cmocka_unit_test(test_mutations), cmocka_unit_test(test_sparse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
