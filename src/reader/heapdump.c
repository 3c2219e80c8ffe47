/* SPDX-License-Identifier: MIT */
#include "reader/heapdump.h"

#include <string.h>

/* No object is larger, no text longer: such a length is damage even where the file may have been cut. */
#define MEMORY_MAX (UINT64_C(1) << 48)
#define TEXT_MAX (UINT64_C(1) << 24)
#define SITE_FRAMES_MAX (UINT64_C(1) << 16)

/*
 * Shapes: i number, s string, m memory, f pointer fields. Two records have loops and are read by functions of their own.
 * Names are of the numbers and strings, in their order; # says that people want to see it in decimal.
 */
static const struct {
	const char *name, *shape, *fields;
} hd_shape[HD_NTAGS] = {
	[HD_EOF] = {"end", "", ""},
	[HD_OBJECT] = {"object", "imf", "addr"},
	[HD_OTHERROOT] = {"otherroot", "si", "description pointer"},
	[HD_TYPE] = {"type", "iisi", "addr #size name #indirect"},
	[HD_GOROUTINE] = {"goroutine", "iiiiiiiisiiii",
	                  "g sp #id gopc #status #system #background #waitsince reason context m defer panic"},
	[HD_FRAME] = {"frame", "iiimiiisf", "sp #depth child entry pc continuation function"},
	[HD_PARAMS] = {"params", "iiiissi", "#bigendian #pointersize arenastart arenaend arch version #cpus"},
	[HD_FINALIZER] = {"finalizer", "iiiii", "object fn pc argtype objecttype"},
	[HD_ITAB] = {"itab", "ii", "addr type"},
	[HD_THREAD] = {"thread", "iii", "m #id #tid"},
	[HD_MEMSTATS] = {"memstats", NULL,
	                 "#Alloc #TotalAlloc #Sys #Lookups #Mallocs #Frees #HeapAlloc #HeapSys #HeapIdle #HeapInuse "
	                 "#HeapReleased #HeapObjects #StackInuse #StackSys #MSpanInuse #MSpanSys #MCacheInuse #MCacheSys "
	                 "#BuckHashSys #GCSys #OtherSys #NextGC #LastGC #PauseTotalNs #NumGC"},
	[HD_QUEUEDFIN] = {"queuedfinalizer", "iiiii", "object fn pc argtype objecttype"},
	[HD_DATA] = {"data", "imf", "addr"},
	[HD_BSS] = {"bss", "imf", "addr"},
	[HD_DEFER] = {"defer", "iiiiiii", "addr g sp pc fn fnpc link"},
	[HD_PANIC] = {"panic", "iiiiii", "addr g type data defer link"},
	[HD_MEMPROF] = {"site", NULL, "bucket #size #frames #allocs #frees"},
	[HD_SAMPLE] = {"sample", "ii", "object bucket"},
};

const char *hd_tag_name(enum hd_tag tag)
{
	return (unsigned)tag < HD_NTAGS ? hd_shape[tag].name : "unknown";
}

const char *hd_tag_fields(enum hd_tag tag)
{
	return (unsigned)tag < HD_NTAGS ? hd_shape[tag].fields : "";
}

bool hd_tag_text(enum hd_tag tag, unsigned i)
{
	const char *s = (unsigned)tag < HD_NTAGS && hd_shape[tag].shape ? hd_shape[tag].shape : "";
	for (; *s; s++)
		if (*s == 's' || *s == 'i')
			if (!i--)
				return *s == 's';
	return false;
}

bool hd_open(struct hd_reader *r, const uint8_t *data, uint64_t size)
{
	static const char magic[] = "go1.7 heap dump\n";
	memset(r, 0, sizeof(*r));
	if (size < sizeof(magic) - 1 || memcmp(data, magic, sizeof(magic) - 1) != 0)
		return false;
	r->data = data;
	r->size = size;
	r->at = sizeof(magic) - 1;
	return true;
}

/* ---- numbers, blocks, lists: all false at the end of the file or at damage ---- */

struct cursor {
	struct hd_reader *r;
	const uint8_t *p, *end;
};

static bool ended(const struct cursor *c)
{
	c->r->cut = true;
	return false;
}

static bool damaged(const struct cursor *c, const uint8_t *at, const char *what)
{
	c->r->damage = what;
	c->r->bad_at = (uint64_t)(at - c->r->data);
	return false;
}

static bool uvarint_slow(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;
	const uint8_t *s = c->p;
	for (unsigned shift = 0; s < c->end; shift += 7) {
		uint8_t b = *s++;
		if (shift == 63 && b > 1)
			return damaged(c, c->p, "a number of more than 64 bits");
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			c->p = s;
			return true;
		}
	}
	return ended(c);
}

static inline bool uvarint(struct cursor *c, uint64_t *ret)
{
	if (c->p < c->end && !(*c->p & 0x80)) {
		*ret = *c->p++;
		return true;
	}
	return uvarint_slow(c, ret);
}

static bool block(struct cursor *c, uint64_t max, const uint8_t **data, uint64_t *len)
{
	const uint8_t *at = c->p;
	if (!uvarint(c, len))
		return false;
	if (*len >= max)
		return damaged(c, at, "an impossible length");
	if (*len > (uint64_t)(c->end - c->p))
		return ended(c);
	*data = c->p;
	c->p += *len;
	return true;
}

/* Kind 1 is a pointer; 2 and 3 (interfaces) are reserved and never written. */
static bool fields_skip(struct cursor *c)
{
	enum { PAIR_MAX = 11, KIND_MAX = 3 };
	const uint8_t *p = c->p;
	while ((size_t)(c->end - p) >= PAIR_MAX) {
		if (!*p) {
			c->p = p + 1;
			return true;
		}
		if (*p > KIND_MAX)
			return damaged(c, p, "an unknown kind of field");
		if (p[1] & 0x80) {
			uint64_t offset;
			c->p = p + 1;
			if (!uvarint_slow(c, &offset))
				return false;
			p = c->p;
		} else {
			p += 2;
		}
	}
	for (c->p = p;;) {
		uint64_t kind, offset;
		const uint8_t *at = c->p;
		if (!uvarint(c, &kind))
			return false;
		if (!kind)
			return true;
		if (kind > KIND_MAX)
			return damaged(c, at, "an unknown kind of field");
		if (!uvarint(c, &offset))
			return false;
	}
}

/* What has been checked needs no bounds. */
static uint64_t number(const uint8_t **at)
{
	uint64_t v = 0;
	const uint8_t *s = *at;
	unsigned shift = 0;
	for (; *s & 0x80; shift += 7)
		v |= (uint64_t)(*s++ & 0x7f) << shift;
	v |= (uint64_t)*s++ << shift;
	*at = s;
	return v;
}

bool hd_field_next(const uint8_t **at, uint64_t *offset)
{
	if (!number(at))
		return false;
	*offset = number(at);
	return true;
}

void hd_site_frame(const uint8_t **at, const uint8_t *text[2], uint64_t text_len[2], uint64_t *line)
{
	for (unsigned i = 0; i < 2; i++) {
		text_len[i] = number(at);
		text[i] = *at;
		*at += text_len[i];
	}
	*line = number(at);
}

/* ---- records ---- */

static bool memstats_read(struct cursor *c, struct hd_record *r)
{
	enum { PAUSES = 256 };
	uint64_t skipped;
	for (int i = 0; i < HD_MEMSTATS_INTS; i++)
		if (!uvarint(c, &r->n[i]))
			return false;
	for (int i = 0; i < PAUSES; i++)
		if (!uvarint(c, &skipped))
			return false;
	return uvarint(c, &r->n[HD_MEMSTATS_INTS]); /* NumGC */
}

static bool memprof_read(struct cursor *c, struct hd_record *r)
{
	const uint8_t *text, *at;
	uint64_t len, line;
	if (!uvarint(c, &r->n[0]) || !uvarint(c, &r->n[1]))
		return false;
	at = c->p;
	if (!uvarint(c, &r->n[2]))
		return false;
	if (r->n[2] > SITE_FRAMES_MAX)
		return damaged(c, at, "an impossible number of frames");
	r->frames = c->p;
	for (uint64_t i = 0; i < r->n[2]; i++)
		if (!block(c, TEXT_MAX, &text, &len) || !block(c, TEXT_MAX, &text, &len) || !uvarint(c, &line))
			return false;
	return uvarint(c, &r->n[3]) && uvarint(c, &r->n[4]); /* allocs, frees */
}

static bool shape_read(const char *shape, struct cursor *c, struct hd_record *r)
{
	unsigned ints = 0, texts = 0;
	for (const char *s = shape; *s; s++) {
		bool ok = false;
		switch (*s) {
		case 'i': ok = uvarint(c, &r->n[ints++]); break;
		case 's': ok = block(c, TEXT_MAX, &r->text[texts], &r->text_len[texts]); texts++; break;
		case 'm': ok = block(c, MEMORY_MAX, &r->mem, &r->mem_len); break;
		case 'f': r->fields = c->p; ok = fields_skip(c); break;
		default: break;
		}
		if (!ok)
			return false;
	}
	return true;
}

static bool record_read(struct cursor *c, struct hd_record *r)
{
	switch (r->tag) {
	case HD_OBJECT:
		if (!uvarint(c, &r->n[0]) || !block(c, MEMORY_MAX, &r->mem, &r->mem_len))
			return false;
		r->fields = c->p;
		return fields_skip(c);
	case HD_MEMSTATS:
		return memstats_read(c, r);
	case HD_MEMPROF:
		return memprof_read(c, r);
	case HD_EOF: case HD_OTHERROOT: case HD_TYPE: case HD_GOROUTINE: case HD_FRAME: case HD_PARAMS: case HD_FINALIZER:
	case HD_ITAB: case HD_THREAD: case HD_QUEUEDFIN: case HD_DATA: case HD_BSS: case HD_DEFER: case HD_PANIC:
	case HD_SAMPLE: case HD_NTAGS:
		break;
	}
	return shape_read(hd_shape[r->tag].shape, c, r);
}

bool hd_next(struct hd_reader *r, struct hd_record *ret)
{
	struct cursor c = {r, r->data + r->at, r->data + r->size};
	uint64_t tag;
	if (r->cut || r->damage)
		return false;
	ret->at = r->at;
	ret->mem = ret->fields = ret->frames = NULL;
	ret->text[0] = ret->text[1] = NULL;
	ret->mem_len = ret->text_len[0] = ret->text_len[1] = 0;
	if (!uvarint(&c, &tag))
		return false;
	if (tag >= HD_NTAGS)
		return damaged(&c, r->data + r->at, "an unknown kind of record");
	ret->tag = (enum hd_tag)tag;
	if (tag == HD_EOF || !record_read(&c, ret))
		return false;
	r->at = (uint64_t)(c.p - r->data);
	return true;
}
