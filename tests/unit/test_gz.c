/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/gz.h"
#include "base/vec.h"

struct sink {
	VEC(uint8_t) v;
	size_t fail_after; /* bytes; 0: never */
};

static int collect(void *ctx, const void *data, size_t size)
{
	struct sink *s = ctx;
	if (s->fail_after && s->v.len + size > s->fail_after)
		return ENOSPC;
	assert_true(vec_reserve(&s->v, s->v.len + size));
	memcpy(s->v.data + s->v.len, data, size);
	s->v.len += size;
	return 0;
}

static struct sink compress_bytes(const void *data, size_t size, size_t chunk)
{
	struct sink s = {0};
	struct gz_deflate *z;
	assert_null(gz_deflate_new(collect, &s, &z));
	for (size_t at = 0; at < size; at += chunk)
		assert_int_equal(gz_deflate_write(z, (const uint8_t *)data + at, size - at < chunk ? size - at : chunk), 0);
	assert_int_equal(gz_deflate_end(z), 0);
	gz_deflate_free(z);
	return s;
}

static uint8_t *sample(size_t n)
{
	uint8_t *d = malloc(n);
	uint32_t x = 1;
	assert_non_null(d);
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		d[i] = i % 3 ? (uint8_t)(x >> 24) : 0;
	}
	return d;
}

/* Members of at most GZ_BLOCK bytes; the first one's comment says so, as Eclipse MAT looks for it. */
static void test_blocks(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, GZ_BLOCK, GZ_BLOCK + 1, 3000001};
	static const char comment[] = "HPROF BLOCKSIZE=262144";
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *d = sample(sizes[i] + 1);
		struct sink z[3], out = {0};
		memset(z, 0, sizeof(z));
		bool cut;
		for (unsigned threads = 0; threads < 3; threads++) {
			struct gz_deflate *g;
			assert_null(gz_deflate_blocks_new(collect, &z[threads], threads, &g));
			for (size_t at = 0; at < sizes[i]; at += 70001)
				assert_int_equal(gz_deflate_write(g, d + at, sizes[i] - at < 70001 ? sizes[i] - at : 70001), 0);
			assert_int_equal(gz_deflate_end(g), 0);
			gz_deflate_free(g);
			assert_int_equal(z[threads].v.len, z[0].v.len);
			assert_memory_equal(z[threads].v.data, z[0].v.data, z[0].v.len);
		}
		const uint8_t *p = z[0].v.data;
		assert_memory_equal(p, "\x1f\x8b\x08\x10\0\0\0\0", 8); /* deflate, a comment, no time */
		assert_string_equal((const char *)p + 10, comment);
		assert_null(gz_inflate(p, z[0].v.len, collect, &out, &cut));
		assert_false(cut);
		assert_int_equal(out.v.len, sizes[i]);
		if (sizes[i])
			assert_memory_equal(out.v.data, d, sizes[i]);
		/* Each block ends with its length, and the next one begins there without a comment. */
		size_t members = 0;
		for (size_t at = 0; at + 4 <= z[0].v.len; at++)
			members += memcmp(p + at, "\x1f\x8b\x08\0\0\0\0", 7) == 0;
		assert_int_equal(members, sizes[i] ? (sizes[i] - 1) / GZ_BLOCK : 0);
		vec_free(&out.v);
		for (unsigned k = 0; k < 3; k++)
			vec_free(&z[k].v);
		free(d);
	}
}

static void test_blocks_failure(void **state)
{
	(void)state;
	uint8_t *d = sample(5000000);
	struct sink z = {.fail_after = 1000000};
	struct gz_deflate *g;
	assert_null(gz_deflate_blocks_new(collect, &z, 2, &g));
	assert_int_equal(gz_deflate_write(g, d, 5000000), ENOSPC);
	assert_int_equal(gz_deflate_write(g, d, 1), ENOSPC);
	assert_int_equal(gz_deflate_end(g), ENOSPC);
	gz_deflate_free(g);
	gz_deflate_free(NULL);
	vec_free(&z.v);
	free(d);
}

static void test_round_trip(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 4095, 1 << 20, 3000001};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *d = sample(sizes[i] + 1);
		struct sink z = compress_bytes(d, sizes[i], 70001), out = {0};
		bool cut;
		assert_null(gz_inflate(z.v.data, z.v.len, collect, &out, &cut));
		assert_false(cut);
		assert_int_equal(out.v.len, sizes[i]);
		assert_int_equal(sizes[i] ? memcmp(out.v.data, d, sizes[i]) : 0, 0);
		vec_free(&out.v);
		vec_free(&z.v);
		free(d);
	}
}

static void test_deterministic(void **state)
{
	(void)state;
	uint8_t *d = sample(500000);
	struct sink a = compress_bytes(d, 500000, 500000), b = compress_bytes(d, 500000, 999);
	assert_int_equal(a.v.len, b.v.len);
	assert_memory_equal(a.v.data, b.v.data, a.v.len);
	/* No time stamp. */
	assert_int_equal(a.v.data[4] | a.v.data[5] | a.v.data[6] | a.v.data[7], 0);
	vec_free(&a.v);
	vec_free(&b.v);
	free(d);
}

static void test_members(void **state)
{
	(void)state;
	struct sink a = compress_bytes("hello ", 6, 6), b = compress_bytes("world", 5, 5), out = {0};
	bool cut;
	collect(&a, b.v.data, b.v.len);
	assert_null(gz_inflate(a.v.data, a.v.len, collect, &out, &cut));
	assert_false(cut);
	assert_int_equal(out.v.len, 11);
	assert_memory_equal(out.v.data, "hello world", 11);
	/* Padding after the last member is not part of the data. */
	collect(&a, "\0\0\0\0", 4);
	out.v.len = 0;
	assert_null(gz_inflate(a.v.data, a.v.len, collect, &out, &cut));
	assert_false(cut);
	assert_int_equal(out.v.len, 11);
	vec_free(&a.v);
	vec_free(&b.v);
	vec_free(&out.v);
}

static void test_cut_everywhere(void **state)
{
	(void)state;
	uint8_t *d = sample(3000);
	struct sink z = compress_bytes(d, 3000, 3000);
	size_t best = 0;
	for (size_t n = 0; n < z.v.len; n++) {
		struct sink out = {0};
		bool cut = false;
		uint8_t *part = malloc(n + 1); /* so that a sanitizer sees reads past the end */
		assert_non_null(part);
		memcpy(part, z.v.data, n);
		assert_null(gz_inflate(part, n, collect, &out, &cut));
		assert_true(cut);
		assert_true(out.v.len <= 3000);
		assert_int_equal(out.v.len ? memcmp(out.v.data, d, out.v.len) : 0, 0);
		assert_true(out.v.len >= best);
		best = out.v.len;
		vec_free(&out.v);
		free(part);
	}
	assert_int_equal(best, 3000);
	vec_free(&z.v);
	free(d);
}

static void test_damaged(void **state)
{
	(void)state;
	uint8_t *d = sample(3000);
	struct sink z = compress_bytes(d, 3000, 3000);
	for (size_t i = 0; i < z.v.len; i++) {
		struct sink out = {0};
		bool cut = false;
		z.v.data[i] ^= 0x55;
		assert_null(gz_inflate(z.v.data, z.v.len, collect, &out, &cut));
		if (i >= z.v.len - 8)
			assert_true(cut); /* checksum and length are looked at */
		z.v.data[i] ^= 0x55;
		vec_free(&out.v);
	}
	vec_free(&z.v);
	free(d);
}

static void test_output_fails(void **state)
{
	(void)state;
	uint8_t *d = sample(1 << 20);
	struct sink z = compress_bytes(d, 1 << 20, 1 << 20), out = {.fail_after = 300000};
	bool cut;
	struct hc_error *e = gz_inflate(z.v.data, z.v.len, collect, &out, &cut);
	assert_non_null(e);
	assert_int_equal(hc_error_code(e), HC_E_IO);
	assert_non_null(strstr(hc_error_message(e), strerror(ENOSPC)));
	hc_error_free(e);
	struct sink full = {.fail_after = 100};
	struct gz_deflate *g;
	assert_null(gz_deflate_new(collect, &full, &g));
	gz_deflate_write(g, d, 1 << 20);
	assert_int_equal(gz_deflate_end(g), ENOSPC);
	assert_int_equal(gz_deflate_end(g), ENOSPC);
	gz_deflate_free(g);
	vec_free(&full.v);
	vec_free(&out.v);
	vec_free(&z.v);
	free(d);
}

static void test_crc(void **state)
{
	(void)state;
	assert_int_equal(gz_crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(gz_crc32("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_deterministic), cmocka_unit_test(test_members),
		cmocka_unit_test(test_blocks),         cmocka_unit_test(test_blocks_failure),
		cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_damaged),       cmocka_unit_test(test_output_fails),
		cmocka_unit_test(test_crc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
