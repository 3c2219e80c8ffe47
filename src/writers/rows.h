/* SPDX-License-Identifier: MIT */
/* Tables of few rows, as CSV or as text for people, from one description of columns and one sequence of cells. */
#ifndef WRITERS_ROWS_H
#define WRITERS_ROWS_H

#include "writers/csv.h"
#include "writers/text.h"
#include "writers/writer.h"

enum table_form { TABLE_CSV, TABLE_TEXT };

/* Rows that a table of text has without --top; CSV has all. */
enum { ROWS_TEXT = 50 };

struct column {
	const char *name; /* the header in CSV: users' scripts rely on it */
	const char *head; /* the heading in text; NULL: not shown there */
	char align;       /* '<' or '>' */
};

struct rows {
	const struct job *job;
	enum table_form form;
	const struct column *columns;
	size_t ncolumns, at; /* the next cell's column */
	uint64_t top, written, left_out;
	char aligns[16];
	struct table table; /* text */
	struct name scratch;
};

/* Writes the header line. At most 16 columns. */
void rows_init(struct rows *r, const struct job *job, enum table_form form, const struct column *columns, size_t n);
/* False: the table is full, and one more row is left out. */
bool rows_more(struct rows *r);
/* The next cell. Bytes and counts are plain numbers in CSV. */
void rows_fit(struct rows *r, const char *text, size_t width); /* CSV: all of it */
void rows_text(struct rows *r, const char *text);
void rows_count(struct rows *r, uint64_t n);
void rows_bytes(struct rows *r, uint64_t n);
void rows_address(struct rows *r, uint64_t address); /* 0: empty */
/* Ends the table; says how many rows are left out (more than rows_more() knows of, if `more`). */
struct hc_error *rows_end(struct rows *r, uint64_t more) HC_MUST_CHECK;

/* For the caller's log: what a table left out, or that it is more than a spreadsheet holds. */
void rows_said(const struct job *job, uint64_t rows, uint64_t left_out);

#endif
