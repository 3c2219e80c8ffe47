/* SPDX-License-Identifier: MIT */
/* Text for people: numbers with units, and tables whose columns line up. */
#ifndef WRITERS_TEXT_H
#define WRITERS_TEXT_H

#include "base/arena.h"
#include "base/vec.h"
#include "writers/sink.h"

enum { TEXT_WIDTH = 100, TEXT_NUMBER = 32 };

/* "512.3 MiB", "48 B"; buf has TEXT_NUMBER bytes. All return buf. */
const char *text_bytes(char *buf, uint64_t n);
/* "1,000,000" */
const char *text_count(char *buf, uint64_t n);
/* "12.3": part of whole, as a percentage */
const char *text_percent(char *buf, uint64_t part, uint64_t whole);

/* Text without control characters, cut in the middle to at most width columns ("main.ca...Entry"); from the arena. */
const char *text_fit(struct arena *a, const char *text, size_t width);

/*
 * A table that is printed when it is complete. Columns are described by a string: '<' left, '>' right aligned; the last
 * left-aligned one is cut where the line would be wider than TEXT_WIDTH.
 */
struct table {
	const char *columns;
	size_t ncolumns;
	unsigned indent;
	VEC(const char *) cells;
	struct arena arena;
	bool failed; /* memory ran out: cells are missing */
};

void table_init(struct table *t, const char *columns, unsigned indent);
/* Adds one cell; rows fill up from left to right. The text is copied. */
void table_cell(struct table *t, const char *text);
/* The same, of text_fit(). */
void table_fit(struct table *t, const char *text, size_t width);
void table_bytes(struct table *t, uint64_t n);
void table_count(struct table *t, uint64_t n);
void table_percent(struct table *t, uint64_t part, uint64_t whole);
/* Prints and frees. */
struct hc_error *table_end(struct table *t, struct hc_sink *k) HC_MUST_CHECK;

#endif
