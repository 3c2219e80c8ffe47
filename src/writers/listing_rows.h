/* SPDX-License-Identifier: MIT */
/*
 * The lines of one type in the listing, in order. Fields that are anonymous structs, or arrays of them, are opened up,
 * as they would be in Go source: that is where map storage has its keys and values. The one place that decides what
 * is on which line, for counting, for finding and for printing.
 */
#ifndef WRITERS_LISTING_ROWS_H
#define WRITERS_LISTING_ROWS_H

#include "heapconv/heapconv.h"

enum row_kind {
	ROW_HEAD,    /* "type T struct {", or all there is of a type without fields */
	ROW_FIELD,
	ROW_OPEN,    /* a field whose struct follows */
	ROW_CLOSE,   /* "}" of such a field */
	ROW_SEVERAL, /* the line for what several fields lead to */
	ROW_END      /* "}" and a blank line, counted as two */
};

enum { ROW_LEVELS = 4 };

struct row {
	enum row_kind kind;
	unsigned level;        /* of nesting; 0: fields of the type itself */
	struct hc_field field; /* ROW_FIELD, ROW_OPEN; the offset counts from the start of the type */
	bool covers;           /* ROW_FIELD, ROW_OPEN: this is where the wanted offset is */
};

struct rows {
	const struct hc_snapshot *s;
	const struct hc_type *type;
	uint32_t line; /* of the next row, below the type's first line */
	unsigned depth; /* levels entered */
	bool started, several, ended;
	struct {
		const struct hc_type *type;
		uint32_t next, count;
		uint64_t base;   /* of the (first) struct in the type */
		uint64_t wanted; /* offset in the struct; HC_VIA_SEVERAL: elsewhere */
	} at[ROW_LEVELS];
};

void rows_begin(struct rows *r, const struct hc_snapshot *s, const struct hc_type *t, uint64_t wanted);
bool rows_next(struct rows *r, struct row *ret);

/* Is the type listed with its fields, rather than on a single line? */
bool rows_has_fields(const struct hc_type *t);

#endif
