/* SPDX-License-Identifier: MIT */
#include "base/gz.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/pool.h"

enum {
	OUT_SIZE = 256 << 10,
	GZIP_WINDOW = 15 + 16, /* zlib: the largest window, gzip framing */
	MEM_LEVEL = 8,
};

/* z_stream counts in unsigned int: larger input is fed in pieces. */
#define IN_MAX (UINT_MAX / 2)

struct inflate {
	z_stream z;
	const uint8_t *in;
	size_t left; /* input not yet given to zlib */
	uint8_t *buf;
	gz_out_fn *out;
	void *ctx;
};

static void inflate_feed(struct inflate *f)
{
	size_t n = f->left < IN_MAX ? f->left : IN_MAX;
	f->z.next_in = f->in;
	f->z.avail_in = (unsigned)n;
	f->in += n;
	f->left -= n;
}

/* Hands over what zlib produced; returns out's verdict. */
static int inflate_drain(struct inflate *f)
{
	size_t n = OUT_SIZE - f->z.avail_out;
	int e = n ? f->out(f->ctx, f->buf, n) : 0;
	f->z.next_out = f->buf;
	f->z.avail_out = OUT_SIZE;
	return e;
}

/* After a member: is there another one? What follows and is no gzip header is padding, which gzip(1) ignores too. */
static bool inflate_next_member(struct inflate *f)
{
	uint8_t head[2];
	size_t have = 0;
	for (size_t i = 0; i < f->z.avail_in && have < 2; i++)
		head[have++] = f->z.next_in[i];
	for (size_t i = 0; i < f->left && have < 2; i++)
		head[have++] = f->in[i];
	return have == 2 && head[0] == 0x1f && head[1] == 0x8b && inflateReset(&f->z) == Z_OK;
}

/* 0, an errno value of out, or -1 when memory ran out. */
static int inflate_run(struct inflate *f, bool *cut)
{
	for (;;) {
		if (!f->z.avail_in && f->left)
			inflate_feed(f);
		int rc = inflate(&f->z, Z_NO_FLUSH);
		if (rc == Z_MEM_ERROR)
			return -1;
		bool stuck = rc == Z_BUF_ERROR && !f->z.avail_in && !f->left && f->z.avail_out;
		if (!f->z.avail_out || rc == Z_STREAM_END || stuck || (rc != Z_OK && rc != Z_BUF_ERROR)) {
			int e = inflate_drain(f);
			if (e)
				return e;
		}
		if (rc == Z_STREAM_END) {
			if (!inflate_next_member(f))
				return 0;
		} else if (stuck || (rc != Z_OK && rc != Z_BUF_ERROR)) {
			*cut = true;
			return 0;
		}
	}
}

struct hc_error *gz_inflate(const void *data, size_t size, gz_out_fn *out, void *ctx, bool *cut)
{
	struct inflate f = {.in = data, .left = size, .out = out, .ctx = ctx};
	*cut = false;
	f.buf = malloc(OUT_SIZE);
	if (!f.buf)
		return err_nomem();
	if (inflateInit2(&f.z, GZIP_WINDOW) != Z_OK) {
		free(f.buf);
		return err_nomem();
	}
	f.z.next_out = f.buf;
	f.z.avail_out = OUT_SIZE;
	int e = inflate_run(&f, cut);
	inflateEnd(&f.z);
	free(f.buf);
	if (e < 0)
		return err_nomem();
	return e ? err_new(HC_E_IO, "writing decompressed data: %s", strerror(e)) : NULL;
}

uint32_t gz_crc32(const void *data, size_t size)
{
	return (uint32_t)crc32_z(crc32(0, NULL, 0), data, size);
}

bool gz_zlib(const void *data, size_t size, void *out, size_t out_size)
{
	uLongf n = (uLongf)out_size;
	return uncompress(out, &n, data, (uLong)size) == Z_OK && n == out_size;
}

/*
 * Blocks of the same length, compressed by several threads, each a member of its own: HotSpot's convention for heap dumps.
 * The comment in the first member says how long they are; readers that know it (Eclipse MAT) jump to any place.
 */
struct blocks {
	unsigned nthreads, nz;
	size_t len;      /* bytes collected */
	bool begun;      /* the first member is written */
	z_stream *z;     /* by worker */
	uint8_t *in;     /* BATCH blocks per thread */
	uint8_t *packed; /* the same, each with room for `bound` bytes */
	size_t bound;
	size_t *packed_len; /* 0: failed */
};

enum { BATCH = 4 };

struct gz_deflate {
	z_stream z;
	gz_out_fn *out;
	void *ctx;
	int error; /* sticky */
	struct blocks *blocks; /* NULL: one member; z is not used otherwise */
	uint8_t buf[OUT_SIZE];
};

static bool stream_init(z_stream *z)
{
	return deflateInit2(z, 1, Z_DEFLATED, GZIP_WINDOW, MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
}

struct hc_error *gz_deflate_new(gz_out_fn *out, void *ctx, struct gz_deflate **ret)
{
	struct gz_deflate *g = calloc(1, sizeof(*g));
	if (!g)
		return err_nomem();
	g->out = out;
	g->ctx = ctx;
	if (!stream_init(&g->z)) {
		free(g);
		return err_nomem();
	}
	*ret = g;
	return NULL;
}

static void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	while (b->nz > 0)
		deflateEnd(&b->z[--b->nz]);
	free(b->z);
	free(b->in);
	free(b->packed);
	free(b->packed_len);
	free(b);
}

struct hc_error *gz_deflate_blocks_new(gz_out_fn *out, void *ctx, unsigned threads, struct gz_deflate **ret)
{
	struct gz_deflate *g = calloc(1, sizeof(*g));
	struct blocks *b = calloc(1, sizeof(*b));
	if (!g || !b) {
		free(g);
		free(b);
		return err_nomem();
	}
	g->out = out;
	g->ctx = ctx;
	g->blocks = b;
	b->nthreads = threads ? threads : 1;
	size_t n = (size_t)b->nthreads * BATCH;
	b->z = calloc(b->nthreads, sizeof(*b->z));
	while (b->z && b->nz < b->nthreads && stream_init(&b->z[b->nz]))
		b->nz++;
	b->bound = b->nz ? deflateBound(&b->z[0], GZ_BLOCK) + 64 : 0; /* and the comment */
	b->in = malloc(n * GZ_BLOCK);
	b->packed = malloc(n * b->bound + 1);
	b->packed_len = calloc(n, sizeof(*b->packed_len));
	if (b->nz < b->nthreads || !b->in || !b->packed || !b->packed_len) {
		gz_deflate_free(g);
		return err_nomem();
	}
	*ret = g;
	return NULL;
}

static void block_deflate(void *ctx, size_t job, unsigned worker)
{
	static char comment[] = "HPROF BLOCKSIZE=262144";
	_Static_assert(GZ_BLOCK == 262144, "the comment says so");
	struct blocks *b = ctx;
	z_stream *z = &b->z[worker];
	gz_header first = {.comment = (Bytef *)comment, .os = 3 /* what zlib writes for Unix */};
	size_t n = b->len - job * GZ_BLOCK;
	b->packed_len[job] = 0;
	if (deflateReset(z) != Z_OK || deflateSetHeader(z, job == 0 && !b->begun ? &first : NULL) != Z_OK)
		return;
	z->next_in = b->in + job * GZ_BLOCK;
	z->avail_in = (unsigned)(n < GZ_BLOCK ? n : GZ_BLOCK);
	z->next_out = b->packed + job * b->bound;
	z->avail_out = (unsigned)b->bound;
	if (deflate(z, Z_FINISH) == Z_STREAM_END)
		b->packed_len[job] = b->bound - z->avail_out;
	deflateSetHeader(z, NULL); /* it is gone when this function returns */
}

static int blocks_flush(struct gz_deflate *g)
{
	struct blocks *b = g->blocks;
	size_t n = b->len ? (b->len + GZ_BLOCK - 1) / GZ_BLOCK : !b->begun; /* without bytes there is still a member */
	pool_run(b->nthreads < n ? b->nthreads : (unsigned)n, n, block_deflate, b);
	for (size_t i = 0; i < n && !g->error; i++)
		g->error = b->packed_len[i] ? g->out(g->ctx, b->packed + i * b->bound, b->packed_len[i]) : EINVAL;
	b->begun = true;
	b->len = 0;
	return g->error;
}

static int blocks_write(struct gz_deflate *g, const void *data, size_t size)
{
	struct blocks *b = g->blocks;
	size_t room = (size_t)b->nthreads * BATCH * GZ_BLOCK;
	const uint8_t *p = data;
	while (size && !g->error) {
		size_t n = size < room - b->len ? size : room - b->len;
		memcpy(b->in + b->len, p, n);
		b->len += n;
		p += n;
		size -= n;
		if (b->len == room)
			blocks_flush(g);
	}
	return g->error;
}

static int deflate_run(struct gz_deflate *g, int flush)
{
	int rc = Z_OK;
	do {
		g->z.next_out = g->buf;
		g->z.avail_out = OUT_SIZE;
		rc = deflate(&g->z, flush);
		if (rc == Z_STREAM_ERROR)
			return g->error = EINVAL;
		size_t n = OUT_SIZE - g->z.avail_out;
		if (n && (g->error = g->out(g->ctx, g->buf, n)))
			return g->error;
	} while (flush == Z_FINISH ? rc != Z_STREAM_END : g->z.avail_in > 0);
	return 0;
}

int gz_deflate_write(struct gz_deflate *g, const void *data, size_t size)
{
	const uint8_t *p = data;
	if (g->blocks)
		return blocks_write(g, data, size);
	while (size && !g->error) {
		size_t n = size < IN_MAX ? size : IN_MAX;
		g->z.next_in = p;
		g->z.avail_in = (unsigned)n;
		deflate_run(g, Z_NO_FLUSH);
		p += n;
		size -= n;
	}
	return g->error;
}

int gz_deflate_end(struct gz_deflate *g)
{
	if (!g->error && g->blocks)
		return g->blocks->len || !g->blocks->begun ? blocks_flush(g) : 0;
	if (!g->error) {
		g->z.next_in = NULL;
		g->z.avail_in = 0;
		deflate_run(g, Z_FINISH);
	}
	return g->error;
}

void gz_deflate_free(struct gz_deflate *g)
{
	if (!g)
		return;
	if (!g->blocks)
		deflateEnd(&g->z);
	blocks_free(g->blocks);
	free(g);
}
