/* SPDX-License-Identifier: MIT */
#include "writers/csv.h"

#include <errno.h>

#include "base/vec.h"

const char csv_digits[200] = {
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"};
const char csv_hex[16] = {"0123456789abcdef"};

/* Puts a quote in front and behind, and doubles those inside. */
static bool quote(struct name *n)
{
	size_t quotes = 2;
	for (size_t i = 0; i < n->len; i++)
		quotes += n->text[i] == '"';
	if (!vec_grow(&n->text, &n->cap, 1, n->len + quotes + 1))
		return false;
	size_t to = n->len + quotes;
	n->text[to] = '\0';
	n->text[--to] = '"';
	for (size_t i = n->len; i-- > 0;) {
		n->text[--to] = n->text[i];
		if (n->text[i] == '"')
			n->text[--to] = '"';
	}
	n->text[--to] = '"';
	n->len += quotes;
	return true;
}

static bool prepend(struct name *n, char c)
{
	if (!vec_grow(&n->text, &n->cap, 1, n->len + 2))
		return false;
	memmove(n->text + 1, n->text, n->len + 1);
	n->text[0] = c;
	n->len++;
	return true;
}

bool csv_cell(struct name *ret, const char *text)
{
	if (!name_clean(ret, text))
		return false;
	name_cut(ret, CSV_TEXT);
	if (!ret->len)
		return true;
	if (strchr("=+-@", ret->text[0]) && !prepend(ret, '\''))
		return false;
	if (strpbrk(ret->text, ",\"\r\n") || ret->text[0] == ' ' || ret->text[ret->len - 1] == ' ')
		return quote(ret);
	return true;
}

void csv_put(struct hc_sink *k, struct name *scratch, const char *text)
{
	if (csv_cell(scratch, text))
		sink_put(k, scratch->text, scratch->len);
	else
		sink_fail(k, ENOMEM);
}
