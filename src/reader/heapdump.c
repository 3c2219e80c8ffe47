/* SPDX-License-Identifier: MIT */
#include "reader/heapdump.h"

#include "base/bytes.h"

/* Shapes: i number, s string, m memory, f pointer fields. Two records have loops and are read by functions of their own. */
static const struct {
	const char *name, *shape;
} hd_shape[HD_NTAGS] = {
	[HD_EOF] = {"end", ""},
	[HD_OBJECT] = {"object", "imf"},           /* address, contents, fields */
	[HD_OTHERROOT] = {"other root", "si"},     /* description, pointer */
	[HD_TYPE] = {"type", "iisi"},              /* address, size, name, data word is a pointer */
	[HD_GOROUTINE] = {"goroutine", "iiiiiiiisiiii"}, /* g, sp, id, gopc, status, system, background, waitsince, reason,
	                                               ctxt, m, defer, panic */
	[HD_FRAME] = {"stack frame", "iiimiiisf"}, /* sp, depth, child sp, contents, entry, pc, continuation pc, name, fields */
	[HD_PARAMS] = {"parameters", "iiiissi"},   /* big endian, pointer size, arena start, end, arch, version, cpus */
	[HD_FINALIZER] = {"finalizer", "iiiii"},   /* object, fn, fn's pc, fint, ot */
	[HD_ITAB] = {"itab", "ii"},                /* address, type */
	[HD_THREAD] = {"thread", "iii"},           /* m, id, os id */
	[HD_MEMSTATS] = {"memory statistics", NULL},
	[HD_QUEUEDFIN] = {"queued finalizer", "iiiii"},
	[HD_DATA] = {"data", "imf"},
	[HD_BSS] = {"bss", "imf"},
	[HD_DEFER] = {"defer", "iiiiiii"},         /* address, g, sp, pc, fn, fn's pc, link */
	[HD_PANIC] = {"panic", "iiiiii"},          /* address, g, type, data, 0, link */
	[HD_MEMPROF] = {"allocation site", NULL},
	[HD_SAMPLE] = {"sampled allocation", "ii"}, /* object, site */
};

const char *hd_tag_name(enum hd_tag tag)
{
	return (unsigned)tag < HD_NTAGS ? hd_shape[tag].name : "unknown";
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

/* Fast: almost all numbers of a dump are one to six bytes long. */
static inline bool uvarint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;
	const uint8_t *s = *p;
	for (unsigned shift = 0; s < end; shift += 7) {
		uint8_t c = *s++;
		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			*p = s;
			return true;
		}
	}
	return false;
}

bool hd_field_next(const uint8_t **at, const uint8_t *end, uint64_t *offset)
{
	uint64_t kind;
	return uvarint(at, end, &kind) && kind != 0 && uvarint(at, end, offset);
}

static bool block(const uint8_t **p, const uint8_t *end, const uint8_t **data, uint64_t *len)
{
	if (!uvarint(p, end, len) || *len > (uint64_t)(end - *p))
		return false;
	*data = *p;
	*p += *len;
	return true;
}

static bool fields_skip(const uint8_t **p, const uint8_t *end)
{
	uint64_t kind, offset;
	for (;;) {
		if (!uvarint(p, end, &kind))
			return false;
		if (kind == 0)
			return true;
		if (kind > 3 || !uvarint(p, end, &offset))
			return false;
	}
}

static bool memstats_read(const uint8_t **p, const uint8_t *end, struct hd_record *r)
{
	uint64_t skipped;
	for (int i = 0; i < 24; i++)
		if (!uvarint(p, end, &r->n[i]))
			return false;
	for (int i = 0; i < 256; i++)
		if (!uvarint(p, end, &skipped))
			return false;
	return uvarint(p, end, &r->n[24]); /* NumGC */
}

static bool memprof_read(const uint8_t **p, const uint8_t *end, struct hd_record *r)
{
	const uint8_t *text;
	uint64_t len, line;
	if (!uvarint(p, end, &r->n[0]) || !uvarint(p, end, &r->n[1]) || !uvarint(p, end, &r->n[2]))
		return false;
	r->frames = *p;
	for (uint64_t i = 0; i < r->n[2]; i++)
		if (!block(p, end, &text, &len) || !block(p, end, &text, &len) || !uvarint(p, end, &line))
			return false;
	return uvarint(p, end, &r->n[3]) && uvarint(p, end, &r->n[4]); /* allocs, frees */
}

static bool shape_read(const char *shape, const uint8_t **p, const uint8_t *end, struct hd_record *r)
{
	unsigned ints = 0, texts = 0;
	for (const char *s = shape; *s; s++) {
		bool ok = false;
		switch (*s) {
		case 'i': ok = uvarint(p, end, &r->n[ints++]); break;
		case 's': ok = block(p, end, &r->text[texts], &r->text_len[texts]); texts++; break;
		case 'm': ok = block(p, end, &r->mem, &r->mem_len); break;
		case 'f': r->fields = *p; ok = fields_skip(p, end); break;
		default: break;
		}
		if (!ok)
			return false;
	}
	return true;
}

bool hd_next(struct hd_reader *r, struct hd_record *ret)
{
	const uint8_t *p = r->data + r->at, *end = r->data + r->size;
	uint64_t tag;
	if (r->cut || r->damage)
		return false;
	ret->at = r->at;
	ret->mem = ret->fields = ret->frames = NULL;
	ret->mem_len = 0;
	if (!uvarint(&p, end, &tag)) {
		r->cut = true;
		return false;
	}
	if (tag >= HD_NTAGS) {
		r->damage = "unknown record kind";
		return false;
	}
	ret->tag = (enum hd_tag)tag;
	if (tag == HD_EOF)
		return false;
	bool ok = tag == HD_MEMSTATS ? memstats_read(&p, end, ret)
	        : tag == HD_MEMPROF ? memprof_read(&p, end, ret) : shape_read(hd_shape[tag].shape, &p, end, ret);
	if (!ok) {
		r->cut = true;
		return false;
	}
	r->at = (uint64_t)(p - r->data);
	return true;
}
