/* SPDX-License-Identifier: MIT */
/* Output made in pieces by several threads, and written in the order of the pieces. */
#ifndef WRITERS_PIECES_H
#define WRITERS_PIECES_H

#include "writers/writer.h"

struct piece {
	char *data;
	size_t len, cap;
	bool failed; /* memory ran out: what is in it is worthless */
};

/* A piece without enough room for n more bytes gets it; NULL when memory ran out. */
char *piece_grow(struct piece *p, size_t n);

/* Where the next n bytes go; NULL when memory ran out. Ends with piece_end(). */
static inline char *piece_room(struct piece *p, size_t n)
{
	return n <= p->cap - p->len ? p->data + p->len : piece_grow(p, n);
}

/* `end`: behind the last byte that was put into the room. */
static inline void piece_end(struct piece *p, const char *end)
{
	p->len = (size_t)(end - p->data);
}

/* Fills piece number i, which is empty. Called by several threads at once, each with a piece of its own. */
typedef void piece_fn(void *ctx, size_t i, struct piece *p);

/* Makes n pieces and writes them, in order. Only want of memory is an error here; the sink keeps its own. */
struct hc_error *pieces_write(const struct job *job, size_t n, piece_fn *fn, void *ctx) HC_MUST_CHECK;

#endif
