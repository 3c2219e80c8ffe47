/* SPDX-License-Identifier: MIT */
/* A sink into memory, which can be told to fail after some bytes. */
#ifndef TESTS_MEMSINK_H
#define TESTS_MEMSINK_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "heapconv/write.h"

struct memsink {
	char *data; /* NUL-terminated */
	size_t len;
	size_t fail_at; /* 0: never */
};

static inline int memsink_write(void *ctx, const void *data, size_t size)
{
	struct memsink *m = ctx;
	if (m->fail_at && m->len + size > m->fail_at)
		return ENOSPC;
	char *p = realloc(m->data, m->len + size + 1);
	if (!p)
		return ENOMEM;
	memcpy(p + m->len, data, size);
	m->data = p;
	m->len += size;
	p[m->len] = '\0';
	return 0;
}

/* Writes one view into memory; the first error of hc_write() and hc_sink_close(). */
static inline struct hc_error *memsink_view(struct memsink *m, const struct hc_snapshot *s, const char *format,
                                            const struct hc_write_opts *opts)
{
	struct hc_sink *k;
	struct hc_error *err = hc_sink_fn(memsink_write, m, HC_PLAIN, &k);
	if (err)
		return err;
	err = hc_write(s, hc_format_named(format), opts, k);
	struct hc_error *closing = hc_sink_close(k);
	if (!err)
		return closing;
	hc_error_free(closing);
	return err;
}

#endif
