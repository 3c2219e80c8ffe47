/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/strtab.h"
#include "base/vec.h"

static void test_ckd(void **state)
{
	(void)state;
	uint64_t v = 7;
	assert_true(ckd_add(UINT64_MAX - 1, 1, &v));
	assert_true(v == UINT64_MAX);
	assert_false(ckd_add(UINT64_MAX, 1, &v));
	assert_false(ckd_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &v));
	assert_true(ckd_align(13, 4, &v));
	assert_int_equal(v, 16);
	assert_true(ckd_align(16, 8, &v));
	assert_int_equal(v, 16);
	assert_false(ckd_align(UINT64_MAX - 2, 8, &v));
	assert_true(in_range(0, 0, 0));
	assert_true(in_range(3, 7, 10));
	assert_false(in_range(4, 7, 10));
	assert_false(in_range(UINT64_MAX, 2, 10));
	assert_false(in_range(2, UINT64_MAX, 10));
}

static void test_loads(void **state)
{
	(void)state;
	const uint8_t d[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	assert_int_equal(load16(d + 1, false), 0x0302);
	assert_int_equal(load16(d + 1, true), 0x0203);
	assert_int_equal(load32(d + 1, true), 0x02030405);
	assert_true(load64(d + 1, false) == 0x0908070605040302);
	assert_int_equal(load_uint(d, 1, true), 1);
	assert_int_equal(load_uint(d, 2, true), 0x0102);
	uint64_t set[2] = {0};
	bit_set(set, 64);
	assert_true(bit_get(set, 64) && !bit_get(set, 63));
	bit_clear(set, 64);
	assert_false(bit_get(set, 64));
	assert_int_equal(bit_words(0), 0);
	assert_int_equal(bit_words(65), 2);
}

static void test_bytes(void **state)
{
	(void)state;
	const uint8_t d[] = {0xe5, 0x8e, 0x26, 0x80, 0x80};
	struct bytes b = bytes_of(d, sizeof(d), false);
	uint64_t v;
	assert_true(bytes_uvarint(&b, &v));
	assert_int_equal(v, 624485);
	assert_int_equal(b.pos, 3);
	/* A number that the data ends in does not move the cursor. */
	assert_false(bytes_uvarint(&b, &v));
	assert_false(bytes_uint(&b, 4, &v));
	assert_false(bytes_skip(&b, 3));
	assert_int_equal(b.pos, 3);
	assert_true(bytes_skip(&b, 2));
	assert_int_equal(bytes_left(&b), 0);
	/* 64 bits fit, 65 do not. */
	const uint8_t max[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	b = bytes_of(max, sizeof(max), false);
	assert_true(bytes_uvarint(&b, &v) && v == UINT64_MAX);
	const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	b = bytes_of(over, sizeof(over), false);
	assert_false(bytes_uvarint(&b, &v));
}

static void test_arena(void **state)
{
	(void)state;
	struct arena a = {0};
	char *first = arena_strdup(&a, "first");
	uint8_t *large = arena_alloc(&a, 1 << 20);
	assert_non_null(large);
	assert_int_equal((uintptr_t)large % 16, 0);
	assert_int_equal(large[0] | large[(1 << 20) - 1], 0);
	char *second = arena_printf(&a, "%s-%d", "second", 2);
	for (int i = 0; i < 100000; i++) {
		uint8_t *p = arena_alloc(&a, 3);
		assert_int_equal(p[0] | p[2], 0);
		memset(p, 0xaa, 3);
	}
	assert_string_equal(first, "first");
	assert_string_equal(second, "second-2");
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_free(&a);
}

static void test_vec(void **state)
{
	(void)state;
	VEC(uint32_t) v = {0};
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(vec_push(&v, i * 3));
	assert_int_equal(v.len, 1000);
	assert_int_equal(v.data[999], 2997);
	assert_false(vec_reserve(&v, SIZE_MAX / 2));
	assert_int_equal(v.data[999], 2997);
	vec_free(&v);
	assert_null(v.data);
}

static void test_map(void **state)
{
	(void)state;
	struct map m = {0};
	uint32_t v;
	assert_false(map_get(&m, 1, &v));
	for (uint64_t i = 0; i < 5000; i++)
		assert_true(map_put(&m, i << 32, (uint32_t)i));
	assert_true(map_put(&m, UINT64_MAX, 77));
	assert_true(map_put(&m, 5, 1) && map_put(&m, 5, 2));
	for (uint64_t i = 0; i < 5000; i++)
		assert_true(map_get(&m, i << 32, &v) && v == i);
	assert_true(map_get(&m, UINT64_MAX, &v) && v == 77);
	assert_true(map_get(&m, 5, &v) && v == 2);
	assert_false(map_get(&m, 6, &v));
	map_free(&m);
}

static void test_strtab(void **state)
{
	(void)state;
	struct strtab t = {0};
	uint32_t id;
	char text[16];
	assert_false(strtab_find(&t, "x", 1, &id));
	for (unsigned i = 0; i < 3000; i++) {
		int n = snprintf(text, sizeof(text), "s%u", i % 1500);
		assert_true(strtab_add(&t, text, (size_t)n, &id));
		assert_int_equal(id, i % 1500);
	}
	assert_true(strtab_add(&t, "a\0b", 3, &id));
	assert_int_equal(id, 1500);
	assert_false(strtab_find(&t, "a", 1, &id));
	assert_true(strtab_find(&t, "s7", 2, &id));
	assert_string_equal(strtab_text(&t, id), "s7");
	strtab_free(&t);
}

static void test_err(void **state)
{
	(void)state;
	struct hc_error *e = err_new(HC_E_FORMAT, "%s: %d", "file", 3);
	e = err_wrap(e, "opening %s", "x");
	assert_string_equal(hc_error_message(e), "opening x: file: 3");
	assert_int_equal(hc_error_code(e), HC_E_FORMAT);
	hc_error_free(e);
	e = err_wrap(err_nomem(), "context");
	assert_int_equal(hc_error_code(e), HC_E_NOMEM);
	hc_error_free(e);
	hc_error_free(NULL);
}

static void count_lines(void *ctx, enum hc_severity sev, const char *message)
{
	(void)sev;
	snprintf(ctx, 128, "%s", message);
}

static void test_diag(void **state)
{
	(void)state;
	struct diag d;
	char last[128] = "";
	diag_init(&d, count_lines, last);
	for (int i = 0; i < 5; i++)
		diag_add(&d, HC_SEV_WARNING, "row %d is odd", i);
	diag_add(&d, HC_SEV_INFO, "fact");
	assert_int_equal(d.warnings, 5);
	assert_string_equal(last, "");
	diag_flush(&d);
	assert_string_equal(last, "fact");
	for (int i = 0; i < 3; i++)
		diag_add(&d, HC_SEV_WARNING, "row %d is odd", i);
	diag_flush(&d);
	assert_string_equal(last, "row 0 is odd (and 2 more like it)");
	diag_say(&d, HC_SEV_WARNING, "now");
	assert_string_equal(last, "now");
	assert_int_equal(d.warnings, 9);
	diag_add(NULL, HC_SEV_WARNING, "no diag is fine");
	diag_add(&d, HC_SEV_WARNING, "left over");
	diag_deinit(&d);
	assert_string_equal(last, "now");
}

static void square(void *ctx, size_t job, unsigned worker)
{
	(void)worker;
	((uint64_t *)ctx)[job] = job * job;
}

static void test_pool(void **state)
{
	(void)state;
	enum { JOBS = 1000 };
	static uint64_t out[JOBS];
	pool_run(4, JOBS, square, out);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(out[i], i * i);
	pool_run(1, 0, square, out);
	uint8_t *p = big_alloc(5 << 20);
	assert_non_null(p);
	assert_int_equal(p[0] | p[(5 << 20) - 1], 0);
	big_free(p, 5 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ckd),    cmocka_unit_test(test_loads), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_arena),  cmocka_unit_test(test_vec),   cmocka_unit_test(test_map),
		cmocka_unit_test(test_strtab), cmocka_unit_test(test_err),   cmocka_unit_test(test_diag),
		cmocka_unit_test(test_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
