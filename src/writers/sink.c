/* SPDX-License-Identifier: MIT */
#include "writers/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/gz.h"
#include "base/pool.h"
#include "writers/outfile.h"

enum { PRINTF_MAX = 1000 };

static struct hc_error *sink_new(struct outfile *file, hc_write_fn *fn, void *ctx, enum hc_compression c,
                                 struct hc_sink **ret)
{
	struct hc_sink *k = calloc(1, sizeof(*k));
	uint8_t *buf = malloc(SINK_BUFFER);
	struct hc_error *err = k && buf ? NULL : err_nomem();
	if (!err && c == HC_GZIP)
		err = gz_deflate_new(fn, ctx, &k->gz);
	if (!err && c == HC_GZIP_BLOCKS)
		err = gz_deflate_blocks_new(fn, ctx, pool_threads(), &k->gz);
	if (err) {
		free(buf);
		free(k);
		outfile_free(file);
		return err;
	}
	k->buf = buf;
	k->file = file;
	k->fn = fn;
	k->fn_ctx = ctx;
	*ret = k;
	return NULL;
}

struct hc_error *hc_sink_file(const char *path, enum hc_compression c, struct hc_sink **ret)
{
	struct outfile *file;
	struct hc_error *err = outfile_open(path, &file);
	if (err)
		return err;
	return sink_new(file, outfile_write, file, c, ret);
}

struct hc_error *hc_sink_fn(hc_write_fn *fn, void *ctx, enum hc_compression c, struct hc_sink **ret)
{
	return sink_new(NULL, fn, ctx, c, ret);
}

static void pass_on(struct hc_sink *k, const void *data, size_t size)
{
	if (!k->error && size)
		k->error = k->gz ? gz_deflate_write(k->gz, data, size) : k->fn(k->fn_ctx, data, size);
	k->flushed += size;
}

void sink_flush(struct hc_sink *k)
{
	pass_on(k, k->buf, k->len);
	k->len = 0;
}

void sink_put_long(struct hc_sink *k, const void *data, size_t size)
{
	sink_flush(k);
	if (size >= SINK_BUFFER) {
		pass_on(k, data, size);
		return;
	}
	memcpy(k->buf, data, size);
	k->len = size;
}

void sink_printf(struct hc_sink *k, const char *fmt, ...)
{
	char text[PRINTF_MAX + 1];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		sink_put(k, text, n < PRINTF_MAX ? (size_t)n : PRINTF_MAX);
}

struct hc_error *sink_error(const struct hc_sink *k)
{
	const char *name = k->file ? outfile_name(k->file) : "output";
	if (!k->error)
		return NULL;
	if (k->error == ENOMEM)
		return err_nomem();
	if (k->error == ENOSPC || k->error == EDQUOT)
		return err_new(HC_E_IO,
		               "%s: write failed after %llu bytes: %s; free some space or write to another file system",
		               name, (unsigned long long)sink_count(k), strerror(k->error));
	return err_new(HC_E_IO, "%s: write failed: %s", name, strerror(k->error));
}

static void sink_free(struct hc_sink *k)
{
	gz_deflate_free(k->gz);
	outfile_free(k->file);
	free(k->buf);
	free(k);
}

struct hc_error *hc_sink_finish(struct hc_sink *k)
{
	if (!k->finished) {
		sink_flush(k);
		if (!k->error && k->gz)
			k->error = gz_deflate_end(k->gz);
		k->finished = true;
		gz_deflate_free(k->gz);
		free(k->buf);
		k->gz = NULL;
		k->buf = NULL;
	}
	return sink_error(k);
}

struct hc_error *hc_sink_close(struct hc_sink *k)
{
	struct hc_error *err = hc_sink_finish(k);
	if (!err && k->file) {
		k->error = outfile_commit(k->file);
		err = sink_error(k);
	}
	sink_free(k);
	return err;
}

void hc_sink_abort(struct hc_sink *k)
{
	if (k)
		sink_free(k);
}
