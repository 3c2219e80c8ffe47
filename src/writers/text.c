/* SPDX-License-Identifier: MIT */
#include "writers/text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "writers/names.h"

enum { MAX_COLUMNS = 16, GAP = 2 };

const char *text_bytes(char *buf, uint64_t n)
{
	static const char units[][4] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	if (n < 1024) {
		snprintf(buf, TEXT_NUMBER, "%" PRIu64 " B", n);
		return buf;
	}
	unsigned u = 0;
	/* From 1023.95 of a unit on, rounding to tenths would show 1024.0 of it. */
	while (u < 5 && n >> (10 * u) >= 1048525)
		u++;
	n >>= 10 * u;
	unsigned tenths = (unsigned)(n / 1024 * 10 + (n % 1024 * 10 + 512) / 1024);
	snprintf(buf, TEXT_NUMBER, "%u.%u %.3s", tenths / 10, tenths % 10, units[u]);
	return buf;
}

const char *text_count(char *buf, uint64_t n)
{
	char digits[TEXT_NUMBER];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), out = 0;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

const char *text_percent(char *buf, uint64_t part, uint64_t whole)
{
	double p = whole ? 100.0 * (double)part / (double)whole : 0;
	snprintf(buf, TEXT_NUMBER, "%.1f", p);
	return buf;
}

/* Columns that text takes, near enough: code points. */
static size_t columns_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first n code points. */
static size_t bytes_of_columns(const char *text, size_t n)
{
	size_t i = 0;
	while (text[i] && n-- > 0)
		i += utf8_length(text + i);
	return i;
}

const char *text_fit(struct arena *a, const char *text, size_t width)
{
	struct name n = {0};
	const char *ret = NULL;
	if (name_clean(&n, text)) {
		size_t have = columns_of(n.text);
		if (have <= width || width < 8) {
			ret = arena_strdup(a, n.text);
		} else {
			/* The end of a name says more than its beginning, which is often a directory. */
			size_t head = (width - 3) / 3, tail = width - 3 - head;
			ret = arena_printf(a, "%.*s...%s", (int)bytes_of_columns(n.text, head), n.text,
			                   n.text + bytes_of_columns(n.text, have - tail));
		}
	}
	name_free(&n);
	return ret;
}

void table_init(struct table *t, const char *columns, unsigned indent)
{
	*t = (struct table){.columns = columns, .ncolumns = strlen(columns), .indent = indent};
}

void table_cell(struct table *t, const char *text)
{
	struct name n = {0};
	const char *copy = name_clean(&n, text) ? arena_strdup(&t->arena, n.text) : NULL;
	name_free(&n);
	if (!copy || !vec_push(&t->cells, copy))
		t->failed = true;
}

void table_fit(struct table *t, const char *text, size_t width)
{
	const char *fitted = text_fit(&t->arena, text, width);
	if (!fitted || !vec_push(&t->cells, fitted))
		t->failed = true;
}

void table_bytes(struct table *t, uint64_t n)
{
	char buf[TEXT_NUMBER];
	table_cell(t, text_bytes(buf, n));
}

void table_count(struct table *t, uint64_t n)
{
	char buf[TEXT_NUMBER];
	table_cell(t, text_count(buf, n));
}

void table_percent(struct table *t, uint64_t part, uint64_t whole)
{
	char buf[TEXT_NUMBER];
	table_cell(t, text_percent(buf, part, whole));
}

/* Blanks are held back until text follows them: no line ends with any. */
static void put_cell(struct hc_sink *k, const char *text, size_t width, bool right, size_t *blanks)
{
	size_t have = columns_of(text), pad = have < width ? width - have : 0;
	if (*text) {
		sink_printf(k, "%*s", (int)(*blanks + (right ? pad : 0)), "");
		sink_puts(k, text);
		*blanks = right ? GAP : GAP + pad;
	} else {
		*blanks += width + GAP;
	}
}

struct hc_error *table_end(struct table *t, struct hc_sink *k)
{
	size_t width[MAX_COLUMNS] = {0}, total = t->indent, flexible = 0;
	size_t rows = t->ncolumns ? t->cells.len / t->ncolumns : 0;
	for (size_t i = 0; i < rows * t->ncolumns; i++) {
		size_t c = i % t->ncolumns, n = columns_of(t->cells.data[i]);
		if (n > width[c])
			width[c] = n;
	}
	for (size_t c = 0; c < t->ncolumns; c++) {
		total += width[c] + (c ? GAP : 0);
		if (t->columns[c] == '<')
			flexible = c;
	}
	if (total > TEXT_WIDTH && t->columns[flexible] == '<') {
		size_t over = total - TEXT_WIDTH;
		width[flexible] = width[flexible] > over + 8 ? width[flexible] - over : 8;
	}
	for (size_t r = 0; r < rows && !t->failed; r++) {
		size_t blanks = t->indent;
		for (size_t c = 0; c < t->ncolumns; c++) {
			const char *text = t->cells.data[r * t->ncolumns + c];
			if (c == flexible && columns_of(text) > width[c])
				text = text_fit(&t->arena, text, width[c]);
			t->failed |= !text;
			put_cell(k, text ? text : "", width[c], t->columns[c] == '>', &blanks);
		}
		sink_puts(k, "\n");
	}
	bool failed = t->failed;
	vec_free(&t->cells);
	arena_free(&t->arena);
	return failed ? err_nomem() : NULL;
}
