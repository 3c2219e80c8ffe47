/* SPDX-License-Identifier: MIT */
#include "tests/support/dwarfbuild.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { /* DWARF constants that the builder itself needs */
	TAG_COMPILE_UNIT = 0x11, AT_NAME = 0x03, AT_LOW_PC = 0x11, AT_HIGH_PC = 0x12, AT_LANGUAGE = 0x13, UT_COMPILE = 1,
	LLE_OFFSET_PAIR = 4, LLE_BASE_ADDRESS = 6, RLE_OFFSET_PAIR = 4, RLE_BASE_ADDRESS = 5,
};

static const uint8_t form_code[] = {
	[DB_STRING] = 0x08, [DB_UDATA] = 0x0f, [DB_SDATA] = 0x0d, [DB_ADDR] = 0x01, [DB_REF] = 0x10, [DB_FLAG] = 0x0c,
	[DB_EXPR] = 0x18, [DB_SECOFF] = 0x17, [DB_DATA8] = 0x07,
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

#define put_bytes(v, p, n)                                                                                             \
	do {                                                                                                           \
		check(vec_reserve(v, (v)->len + (n)));                                                                 \
		if (n)                                                                                                 \
			memcpy((v)->data + (v)->len, p, n);                                                            \
		(v)->len += (n);                                                                                       \
	} while (0)

#define put_uint(b, v, value, size)                                                                                    \
	do {                                                                                                           \
		uint8_t t_[8];                                                                                         \
		cb_store(t_, value, size, (b)->be);                                                                    \
		put_bytes(v, t_, (size_t)(size));                                                                      \
	} while (0)

static size_t leb(uint8_t *out, uint64_t v, bool sign)
{
	size_t n = 0;
	for (;;) {
		uint8_t c = v & 0x7f;
		int64_t rest = sign ? (int64_t)v >> 7 : (int64_t)(v >> 7);
		v = (uint64_t)rest;
		bool last = sign ? (rest == 0 && !(c & 0x40)) || (rest == -1 && (c & 0x40)) : rest == 0;
		out[n++] = (uint8_t)(c | (last ? 0 : 0x80));
		if (last)
			return n;
	}
}

#define put_leb(v, value, sign)                                                                                        \
	do {                                                                                                           \
		uint8_t l_[10];                                                                                        \
		size_t n_ = leb(l_, value, sign);                                                                      \
		put_bytes(v, l_, n_);                                                                                  \
	} while (0)

void db_init(struct dwarfbuild *b, unsigned version, unsigned word, bool be)
{
	memset(b, 0, sizeof(*b));
	b->version = version;
	b->word = word;
	b->be = be;
	check(vec_push(&b->labels, 0));
	if (version >= 5) { /* headers of the list sections: length (set at the end), version, sizes, no offsets */
		static const uint8_t zero[4];
		put_bytes(&b->loc, zero, 4);
		put_bytes(&b->ranges, zero, 4);
		put_uint(b, &b->loc, 5, 2);
		put_uint(b, &b->ranges, 5, 2);
		put_uint(b, &b->loc, word, 1);
		put_uint(b, &b->ranges, word, 1);
		put_uint(b, &b->loc, 0, 1);
		put_uint(b, &b->ranges, 0, 1);
		put_bytes(&b->loc, zero, 4);
		put_bytes(&b->ranges, zero, 4);
	}
}

void db_free(struct dwarfbuild *b)
{
	vec_free(&b->info);
	vec_free(&b->abbrev);
	vec_free(&b->loc);
	vec_free(&b->ranges);
	vec_free(&b->labels);
	free(b->fixups);
	for (size_t i = 0; i < b->owned.len; i++)
		free(b->owned.data[i]);
	vec_free(&b->owned);
}

uint64_t db_label(struct dwarfbuild *b)
{
	check(vec_push(&b->labels, 0));
	return b->labels.len - 1;
}

static void put_attr(struct dwarfbuild *b, const struct db_attr *a)
{
	switch (a->form) {
	case DB_STRING: put_bytes(&b->info, a->text, strlen(a->text) + 1); break;
	case DB_UDATA: put_leb(&b->info, a->value, false); break;
	case DB_SDATA: put_leb(&b->info, a->value, true); break;
	case DB_ADDR: put_uint(b, &b->info, a->value, b->word); break;
	case DB_FLAG: put_uint(b, &b->info, a->value, 1); break;
	case DB_DATA8: put_uint(b, &b->info, a->value, 8); break;
	case DB_SECOFF: put_uint(b, &b->info, a->value, 4); break;
	case DB_REF:
		check(vec_grow(&b->fixups, &b->capfixups, sizeof(*b->fixups), b->nfixups + 1));
		b->fixups[b->nfixups++] = (struct db_fixup){b->info.len, a->value};
		put_uint(b, &b->info, 0, 4);
		break;
	case DB_EXPR:
		put_leb(&b->info, a->value, false);
		put_bytes(&b->info, a->text, (size_t)a->value);
		break;
	}
}

/* One abbreviation per entry: wasteful, and as valid as any other. */
void db_die(struct dwarfbuild *b, uint64_t label, unsigned tag, bool children, const struct db_attr *attrs, size_t n)
{
	put_leb(&b->abbrev, ++b->nabbrev, false);
	put_leb(&b->abbrev, tag, false);
	put_uint(b, &b->abbrev, children, 1);
	if (label)
		b->labels.data[label] = b->info.len;
	put_leb(&b->info, b->nabbrev, false);
	for (size_t i = 0; i < n; i++) {
		put_leb(&b->abbrev, attrs[i].name, false);
		put_leb(&b->abbrev, form_code[attrs[i].form], false);
		put_attr(b, &attrs[i]);
	}
	put_uint(b, &b->abbrev, 0, 2);
}

void db_end(struct dwarfbuild *b)
{
	put_uint(b, &b->info, 0, 1);
}

void db_unit(struct dwarfbuild *b, const char *name, unsigned lang, uint64_t low, uint64_t high)
{
	b->unit = b->info.len;
	put_uint(b, &b->info, 0, 4); /* length, at the end */
	put_uint(b, &b->info, b->version, 2);
	if (b->version >= 5) {
		put_uint(b, &b->info, UT_COMPILE, 1);
		put_uint(b, &b->info, b->word, 1);
		put_uint(b, &b->info, 0, 4);
	} else {
		put_uint(b, &b->info, 0, 4);
		put_uint(b, &b->info, b->word, 1);
	}
	const struct db_attr attrs[] = {
		{AT_NAME, DB_STRING, 0, name}, {AT_LANGUAGE, DB_UDATA, lang, NULL}, {AT_LOW_PC, DB_ADDR, low, NULL},
		{AT_HIGH_PC, b->version >= 5 ? DB_DATA8 : DB_ADDR, b->version >= 5 ? high - low : high, NULL},
	};
	db_die(b, 0, TAG_COMPILE_UNIT, true, attrs, low ? 4 : 2);
}

void db_unit_end(struct dwarfbuild *b)
{
	db_end(b);
	cb_store(b->info.data + b->unit, b->info.len - b->unit - 4, 4, b->be);
}

uint64_t db_loc_begin(struct dwarfbuild *b, uint64_t base)
{
	uint64_t at = b->loc.len;
	if (b->version >= 5)
		put_uint(b, &b->loc, LLE_BASE_ADDRESS, 1);
	else
		put_uint(b, &b->loc, UINT64_MAX, b->word);
	put_uint(b, &b->loc, base, b->word);
	return at;
}

void db_loc_entry(struct dwarfbuild *b, uint64_t lo, uint64_t hi, const char *expr, size_t n)
{
	if (b->version >= 5) {
		put_uint(b, &b->loc, LLE_OFFSET_PAIR, 1);
		put_leb(&b->loc, lo, false);
		put_leb(&b->loc, hi, false);
		put_leb(&b->loc, n, false);
	} else {
		put_uint(b, &b->loc, lo, b->word);
		put_uint(b, &b->loc, hi, b->word);
		put_uint(b, &b->loc, n, 2);
	}
	put_bytes(&b->loc, expr, n);
}

void db_loc_end(struct dwarfbuild *b)
{
	put_uint(b, &b->loc, 0, b->version >= 5 ? 1 : b->word);
	if (b->version < 5)
		put_uint(b, &b->loc, 0, b->word);
}

uint64_t db_range_begin(struct dwarfbuild *b, uint64_t base)
{
	uint64_t at = b->ranges.len;
	if (b->version >= 5)
		put_uint(b, &b->ranges, RLE_BASE_ADDRESS, 1);
	else
		put_uint(b, &b->ranges, UINT64_MAX, b->word);
	put_uint(b, &b->ranges, base, b->word);
	return at;
}

void db_range_entry(struct dwarfbuild *b, uint64_t lo, uint64_t hi)
{
	if (b->version >= 5) {
		put_uint(b, &b->ranges, RLE_OFFSET_PAIR, 1);
		put_leb(&b->ranges, lo, false);
		put_leb(&b->ranges, hi, false);
	} else {
		put_uint(b, &b->ranges, lo, b->word);
		put_uint(b, &b->ranges, hi, b->word);
	}
}

void db_range_end(struct dwarfbuild *b)
{
	put_uint(b, &b->ranges, 0, b->version >= 5 ? 1 : b->word);
	if (b->version < 5)
		put_uint(b, &b->ranges, 0, b->word);
}

/* The corebuild copies a section's bytes when it builds: what is made here lives until then, and is freed by db_free(). */
static void add_section(struct dwarfbuild *b, struct corebuild *cb, const char *const names[2], const db_buffer *from,
                        const char *compress)
{
	struct cb_section s = {.name = names[0], .type = SHT_PROGBITS, .data = from->data, .size = from->len};
	if (*compress && from->len) {
		size_t header = *compress == 'z' ? 12 : cb->word == 8 ? 24 : 12;
		uLongf n = compressBound(from->len);
		uint8_t *out = calloc(1, header + n);
		check(out && compress2(out + header, &n, from->data, from->len, 6) == Z_OK);
		if (*compress == 'z') {
			memcpy(out, "ZLIB", 4);
			cb_store(out + 4, from->len, 8, true);
			s.name = names[1];
		} else {
			cb_store(out, 1, 4, cb->be);
			cb_store(out + (cb->word == 8 ? 8 : 4), from->len, cb->word, cb->be);
			s.flags = SHF_COMPRESSED;
		}
		s.data = out;
		s.size = header + n;
		check(vec_push(&b->owned, out));
	}
	if (s.size)
		check(vec_push(&cb->sections, s));
}

void db_sections(struct dwarfbuild *b, struct corebuild *cb, const char *compress)
{
	static const char *const names[][2] = {
		{".debug_info", ".zdebug_info"}, {".debug_abbrev", ".zdebug_abbrev"}, {".debug_loc", ".zdebug_loc"},
		{".debug_loclists", ".zdebug_loclists"}, {".debug_ranges", ".zdebug_ranges"},
		{".debug_rnglists", ".zdebug_rnglists"},
	};
	bool v5 = b->version >= 5;
	for (size_t i = 0; i < b->nfixups; i++)
		cb_store(b->info.data + b->fixups[i].at, b->labels.data[b->fixups[i].label], 4, b->be);
	put_uint(b, &b->abbrev, 0, 1);
	if (v5) {
		cb_store(b->loc.data, b->loc.len - 4, 4, b->be);
		cb_store(b->ranges.data, b->ranges.len - 4, 4, b->be);
	}
	add_section(b, cb, names[0], &b->info, compress);
	add_section(b, cb, names[1], &b->abbrev, compress);
	add_section(b, cb, names[v5 ? 3 : 2], &b->loc, compress);
	add_section(b, cb, names[v5 ? 5 : 4], &b->ranges, compress);
}
