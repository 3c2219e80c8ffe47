/* SPDX-License-Identifier: MIT */
/*
 * The writers' side of a sink: buffered bytes with a sticky error, so that writers need not look after every call.
 * After a failure everything is ignored; long loops ask sink_failed() now and then.
 */
#ifndef WRITERS_SINK_H
#define WRITERS_SINK_H

#include <stdbool.h>
#include <string.h>

#include "heapconv/write.h"

enum { SINK_BUFFER = 256 << 10 };

struct hc_sink {
	size_t len; /* bytes in buf */
	int error;  /* errno value of the first failure; 0: none */
	bool finished; /* nothing more is to be written; the buffer is gone */
	uint64_t flushed;
	uint8_t *buf;
	struct outfile *file; /* one of these two is the destination */
	hc_write_fn *fn;
	void *fn_ctx;
	struct gz_deflate *gz; /* NULL: plain */
};

/* Hands the buffer on; for the functions below. */
void sink_flush(struct hc_sink *k);
void sink_put_long(struct hc_sink *k, const void *data, size_t size);

static inline void sink_put(struct hc_sink *k, const void *data, size_t size)
{
	if (size > SINK_BUFFER - k->len) {
		sink_put_long(k, data, size);
		return;
	}
	if (size) {
		memcpy(k->buf + k->len, data, size);
		k->len += size;
	}
}

static inline void sink_puts(struct hc_sink *k, const char *text)
{
	sink_put(k, text, strlen(text));
}

/* One piece of at most 1000 bytes; longer text is cut. */
void sink_printf(struct hc_sink *k, const char *fmt, ...) HC_PRINTF(2, 3);

/* Bytes written so far, before compression. */
static inline uint64_t sink_count(const struct hc_sink *k)
{
	return k->flushed + k->len;
}

static inline bool sink_failed(const struct hc_sink *k)
{
	return k->error != 0;
}

/* For writers that fail themselves: an errno value that ends the work; ENOMEM when memory ran out. */
static inline void sink_fail(struct hc_sink *k, int error)
{
	if (!k->error)
		k->error = error;
}

/* What went wrong, with the file's name; NULL while nothing did. */
struct hc_error *sink_error(const struct hc_sink *k) HC_MUST_CHECK;

#endif
