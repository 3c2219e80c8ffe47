/* SPDX-License-Identifier: MIT */
/* gzip and zlib: damaged streams end early, well-formed ones come back as they went in. */
#include "base/gz.h"
#include "tests/fuzz/fuzz.h"

struct sum {
	uint64_t bytes;
	uint32_t stop_at;
	uint8_t *data;
	size_t len, cap;
};

static int sum_write(void *ctx, const void *data, size_t size)
{
	struct sum *s = ctx;
	(void)data;
	FUZZ_EXPECT(size);
	s->bytes += size;
	return s->stop_at && s->bytes >= s->stop_at ? 28 : 0;
}

static int keep(void *ctx, const void *data, size_t size)
{
	struct sum *s = ctx;
	FUZZ_EXPECT(size <= s->cap - s->len);
	memcpy(s->data + s->len, data, size);
	s->len += size;
	return 0;
}

static void round_trip(const uint8_t *data, size_t size)
{
	struct sum packed = {.cap = size + 1024, .data = malloc(size + 1024)}, plain = {.cap = size, .data = malloc(size + 1)};
	struct gz_deflate *z;
	bool cut = true;
	FUZZ_EXPECT(packed.data && plain.data);
	fuzz_error(gz_deflate_new(keep, &packed, &z));
	FUZZ_EXPECT(gz_deflate_write(z, data, size) == 0 && gz_deflate_end(z) == 0);
	gz_deflate_free(z);
	fuzz_error(gz_inflate(packed.data, packed.len, keep, &plain, &cut));
	FUZZ_EXPECT(!cut && plain.len == size && memcmp(plain.data, data, size) == 0);
	fuzz_error(gz_inflate(packed.data, packed.len - 1, sum_write, &(struct sum){0}, &cut));
	FUZZ_EXPECT(cut);
	free(packed.data);
	free(plain.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_take(&data, &size), out[512];
	struct sum s = {.stop_at = how & 1 ? 64 : 0};
	bool cut = false;
	struct hc_error *err = gz_inflate(data, size, sum_write, &s, &cut);
	FUZZ_EXPECT(s.bytes <= 1032 * (uint64_t)size + 64); /* the most that deflate's encoding yields */
	FUZZ_EXPECT(!err || s.stop_at);
	hc_error_free(err);
	gz_zlib(data, size, out, how * 2u);
	if (how & 2)
		round_trip(data, size);
	return 0;
}
