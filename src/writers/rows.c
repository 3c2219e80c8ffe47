/* SPDX-License-Identifier: MIT */
#include "writers/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { INDENT = 2, SPREADSHEET = 1048576 };

static void put_cell(struct rows *r, const char *data, size_t len)
{
	struct hc_sink *k = r->job->sink;
	sink_put(k, data, len);
	r->at = (r->at + 1) % r->ncolumns;
	sink_put(k, r->at ? "," : "\n", 1);
}

/* Text: is the column shown? Else its cell is passed over. */
static bool shown(struct rows *r)
{
	bool is = r->columns[r->at].head != NULL;
	r->at = (r->at + 1) % r->ncolumns;
	return is;
}

void rows_init(struct rows *r, const struct job *job, enum table_form form, const struct column *columns, size_t n)
{
	*r = (struct rows){.job = job, .form = form, .columns = columns, .ncolumns = n};
	r->top = job->opts.top ? job->opts.top : form == TABLE_TEXT ? ROWS_TEXT : UINT64_MAX;
	size_t aligns = 0;
	for (size_t i = 0; i < n && form == TABLE_TEXT; i++)
		if (columns[i].head)
			r->aligns[aligns++] = columns[i].align;
	if (form == TABLE_TEXT)
		table_init(&r->table, r->aligns, INDENT);
	for (size_t i = 0; i < n; i++) {
		if (form == TABLE_CSV)
			put_cell(r, columns[i].name, strlen(columns[i].name));
		else if (columns[i].head)
			table_cell(&r->table, columns[i].head);
	}
}

bool rows_more(struct rows *r)
{
	if (r->written >= r->top || sink_failed(r->job->sink)) {
		r->left_out++;
		return false;
	}
	r->written++;
	return true;
}

void rows_text(struct rows *r, const char *text)
{
	if (r->form == TABLE_TEXT) {
		if (shown(r))
			table_cell(&r->table, text);
		return;
	}
	if (!csv_cell(&r->scratch, text))
		sink_fail(r->job->sink, ENOMEM);
	else
		put_cell(r, r->scratch.text, r->scratch.len);
}

void rows_fit(struct rows *r, const char *text, size_t width)
{
	if (r->form == TABLE_CSV)
		rows_text(r, text);
	else if (shown(r))
		table_fit(&r->table, text, width);
}

static void put_number(struct rows *r, uint64_t n, void (*as_text)(struct table *t, uint64_t n))
{
	char buf[CSV_NUMBER];
	if (r->form == TABLE_CSV)
		put_cell(r, buf, (size_t)(csv_number(buf, n) - buf));
	else if (shown(r))
		as_text(&r->table, n);
}

void rows_count(struct rows *r, uint64_t n)
{
	put_number(r, n, table_count);
}

void rows_bytes(struct rows *r, uint64_t n)
{
	put_number(r, n, table_bytes);
}

void rows_address(struct rows *r, uint64_t address)
{
	char buf[CSV_ADDRESS + 1];
	*(address ? csv_address(buf, address) : buf) = '\0';
	rows_text(r, buf);
}

struct hc_error *rows_end(struct rows *r, uint64_t more)
{
	struct hc_error *err = r->form == TABLE_TEXT ? table_end(&r->table, r->job->sink) : NULL;
	char number[TEXT_NUMBER];
	more += r->left_out;
	if (more && r->form == TABLE_TEXT)
		sink_printf(r->job->sink, "  and %s more; see --top\n", text_count(number, more));
	rows_said(r->job, r->written, more);
	name_free(&r->scratch);
	return err;
}

void rows_said(const struct job *job, uint64_t rows, uint64_t left_out)
{
	if (left_out)
		job_say(job, HC_SEV_INFO, "view %s: %" PRIu64 " rows left out, see --top", job->view, left_out);
	else if (rows >= SPREADSHEET)
		job_say(job, HC_SEV_INFO, "view %s: %" PRIu64 " rows; spreadsheets hold %d, see --top", job->view, rows,
		        SPREADSHEET);
}
