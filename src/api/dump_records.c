/* SPDX-License-Identifier: MIT */
/* hc_dump() of the records of a heap dump: one a line. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/dump.h"
#include "reader/dump.h"

struct line {
	char text[4096];
	size_t len;
};

HC_PRINTF(2, 3)
static void put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	l->len += n > 0 ? (size_t)n : 0;
	if (l->len >= sizeof(l->text)) { /* long lists are cut */
		l->len = sizeof(l->text) - 1;
		memcpy(l->text + l->len - 3, "...", 3);
	}
}

static void put_text(struct line *l, const uint8_t *text, uint64_t len)
{
	enum { SHOWN = 256 };
	put(l, "\"");
	for (uint64_t i = 0; i < len && i < SHOWN; i++)
		put(l, text[i] < ' ' || text[i] == '"' || text[i] == '\\' || text[i] == 0x7f ? "\\x%02x" : "%c", text[i]);
	put(l, len > SHOWN ? "\"..." : "\"");
}

static void put_numbers(struct line *l, const struct hd_record *r)
{
	unsigned ints = 0, texts = 0;
	const char *name = hd_tag_fields(r->tag);
	for (unsigned i = 0; *name; i++) {
		bool decimal = *name == '#';
		size_t len = strcspn(name += decimal, " ");
		put(l, " %.*s=", (int)len, name);
		name += len + (name[len] == ' ');
		if (hd_tag_text(r->tag, i)) {
			put_text(l, r->text[texts], r->text_len[texts]);
			texts++;
		} else {
			put(l, decimal ? "%" PRIu64 : "%#" PRIx64, r->n[ints++]);
		}
	}
}

static void put_lists(struct line *l, const struct hd_record *r)
{
	const uint8_t *at = r->fields;
	uint64_t offset;
	if (r->mem)
		put(l, " bytes=%" PRIu64, r->mem_len);
	if (at) {
		const char *sep = " pointers=";
		for (; hd_field_next(&at, &offset) && l->len < sizeof(l->text) - 1; sep = ",")
			put(l, "%s%" PRIu64, sep, offset);
	}
	at = r->frames;
	for (uint64_t i = 0; at && i < r->n[2] && l->len < sizeof(l->text) - 1; i++) {
		const uint8_t *text[2];
		uint64_t len[2], number;
		hd_site_frame(&at, text, len, &number);
		put(l, " at=");
		put_text(l, text[0], len[0]);
		put(l, ",");
		put_text(l, text[1], len[1]);
		put(l, ":%" PRIu64, number);
	}
}

void dump_records(struct printer *p)
{
	const struct dump *d = p->s->proc->dump;
	struct line l;
	struct hd_reader r;
	struct hd_record rec;
	bool ok = hd_open(&r, d->data, d->end);
	while (ok && !p->stopped && hd_next(&r, &rec)) {
		l.len = 0;
		put(&l, "%" PRIu64 " %s", rec.at, hd_tag_name(rec.tag));
		put_numbers(&l, &rec);
		put_lists(&l, &rec);
		p->stopped = !p->out(p->ctx, l.text);
	}
	l.len = 0;
	put(&l, "%" PRIu64 " %s", d->end, d->cut ? "(cut)" : hd_tag_name(HD_EOF));
	if (!p->stopped)
		p->out(p->ctx, l.text);
}
