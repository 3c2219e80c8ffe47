/* SPDX-License-Identifier: MIT */
/*
 * CSV as of RFC 4180, with line feeds: what goes into cells. A cell is quoted only where it must be. Text that a spreadsheet
 * would take for a formula (=, +, -, @ in front) gets a ' in front of it, which spreadsheets take for "this is text"; no name
 * that a Go compiler writes begins so.
 */
#ifndef WRITERS_CSV_H
#define WRITERS_CSV_H

#include <string.h>

#include "writers/names.h"
#include "writers/sink.h"

enum {
	CSV_NUMBER = 20,   /* bytes of the longest number */
	CSV_ADDRESS = 18,  /* of the longest address */
	CSV_TEXT = 32000,  /* spreadsheets hold 32767 in a cell: longer text is cut, with a hash of what it was */
};

/* The cell for a text, quoted where needed; false when memory ran out. */
bool csv_cell(struct name *ret, const char *text);
/* Writes a cell. */
void csv_put(struct hc_sink *k, struct name *scratch, const char *text);

extern const char csv_digits[200]; /* "00", "01", ... "99" */
extern const char csv_hex[16];

/* Both return where the next byte goes. */
static inline char *csv_number(char *p, uint64_t v)
{
	char text[CSV_NUMBER], *t = text + sizeof(text);
	if (v < 10) {
		*p = (char)('0' + v);
		return p + 1;
	}
	for (; v >= 100; v /= 100) {
		t -= 2;
		memcpy(t, csv_digits + 2 * (v % 100), 2);
	}
	if (v >= 10) {
		t -= 2;
		memcpy(t, csv_digits + 2 * v, 2);
	} else {
		*--t = (char)('0' + v);
	}
	size_t n = (size_t)(text + sizeof(text) - t);
	memcpy(p, t, n);
	return p + n;
}

static inline char *csv_address(char *p, uint64_t v)
{
	unsigned nibbles = v ? (67 - (unsigned)__builtin_clzll(v)) / 4 : 1;
	*p++ = '0';
	*p++ = 'x';
	for (unsigned i = nibbles; i-- > 0; v >>= 4)
		p[i] = csv_hex[v & 15];
	return p + nibbles;
}

static inline char *csv_bytes(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

#endif
