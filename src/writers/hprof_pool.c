/* SPDX-License-Identifier: MIT */
/*
 * Strings and constants as objects. A string whose bytes are an object refers to it, and says where in it the text is;
 * the bytes of others are copied. Readers that know java.lang.String but not its offset (VisualVM, shark) show the
 * whole object.
 */
#include "writers/hprof.h"

static void put_bytes(struct hprof *h, uint64_t id, const void *data, uint32_t n)
{
	uint8_t *p = hprof_sub(&h->out, HPROF_PRIM_ARRAY_HEAD + n);
	p = hprof_prim_array_head(p, id, HPROF_BYTE, n);
	if (h->no_contents)
		memset(p, 0, n);
	else if (n)
		memcpy(p, data, n);
	hprof_count_array(h, n, HPROF_BYTE, true);
}

/* The fields of a java.lang.String. */
static uint8_t *put_string_fields(uint8_t *p, uint64_t value, uint64_t offset, uint64_t count)
{
	p = be64(p, value);
	*p++ = 0;
	p = be32(p, offset > INT32_MAX ? INT32_MAX : (uint32_t)offset);
	return be32(p, count > INT32_MAX ? INT32_MAX : (uint32_t)count);
}

/* Copies what is in the snapshot of a string's bytes; the number of bytes. */
static uint32_t put_copy(struct hprof *h, uint64_t id, uint64_t addr, uint64_t len)
{
	uint8_t buf[HPROF_COPY_MAX];
	uint32_t n = len > sizeof(buf) ? (uint32_t)sizeof(buf) : (uint32_t)len;
	if (n && !hc_read_memory(h->s, addr, buf, n))
		n = 0;
	h->totals.cut += n < len;
	put_bytes(h, id, buf, n);
	return n;
}

static void put_string(struct hprof *h, const struct pool_pending *from, const struct pool_entry *e)
{
	uint64_t id = HPROF_ID_POOL + 8 * ((uint64_t)from->entry + 1), bytes = HPROF_ID_BYTES + 8 * ((uint64_t)from->entry + 1);
	struct hc_object o;
	uint32_t variant = from->target != HC_NODE_NONE && hc_object_get(h->s, from->target, &o) ? hprof_variant(h, &o) : UINT32_MAX;
	if (variant < h->variants.len) {
		const struct variant *v = &h->variants.data[variant];
		if (v->shape == SHAPE_NUMBERS && v->number == HPROF_BYTE) {
			/* What a dead variable says of its string may reach beyond the object. */
			uint64_t at = e->addr - o.addr < o.used ? e->addr - o.addr : o.used;
			uint64_t count = e->key < o.used - at ? e->key : o.used - at;
			put_string_fields(hprof_instance(h, id, KNOWN_STRING), o.addr, at, count);
			hprof_count_instance(h, KNOWN_STRING, true);
			return;
		}
	}
	uint64_t n = put_copy(h, bytes, e->addr, e->key);
	uint32_t class = KNOWN_STRING;
	uint8_t *p;
	if (from->target != HC_NODE_NONE) { /* part of an object that is no array of bytes */
		class = KNOWN_TEXT;
		p = be64(hprof_instance(h, id, class), hc_node_addr(h->s, from->target));
	} else {
		p = hprof_instance(h, id, class);
	}
	put_string_fields(p, bytes, 0, n);
	hprof_count_instance(h, class, true);
}

static void put_const(struct hprof *h, const struct pool_pending *at, const struct pool_entry *e)
{
	uint64_t id = HPROF_ID_POOL + 8 * ((uint64_t)at->entry + 1), bytes = HPROF_ID_BYTES + 8 * ((uint64_t)at->entry + 1);
	const struct hc_type *t = hc_type_at(h->s, (uint32_t)(e->key & ~POOL_CONST_KEY));
	enum hc_kind kind = hc_type_kind(t);
	uint64_t text = 0, number = 0, words[2] = {0}, size = hc_type_size(t);
	uint8_t raw[16] = {0};
	double real = 0;
	if (size <= sizeof(raw) && hc_read_memory(h->s, e->addr, raw, (size_t)size)) {
		words[0] = load_uint(raw, size >= 8 ? h->word : (unsigned)size, h->be);
		words[1] = load_uint(raw + h->word, h->word, h->be);
	}
	if (kind == HC_KIND_STRING) {
		uint64_t n = put_copy(h, bytes, words[0], words[1]);
		text = hprof_new_id(h, 0);
		put_string_fields(hprof_instance(h, text, KNOWN_STRING), bytes, 0, n);
		hprof_count_instance(h, KNOWN_STRING, true);
	} else if (kind == HC_KIND_FLOAT64) {
		memcpy(&real, words, sizeof(real));
	} else if (kind == HC_KIND_FLOAT32) {
		uint32_t bits = (uint32_t)words[0];
		float f;
		memcpy(&f, &bits, sizeof(f));
		real = (double)f;
	} else {
		unsigned shift = size < 8 && kind >= HC_KIND_INT && kind <= HC_KIND_INT64 ? 64 - 8 * (unsigned)size : 0;
		number = (uint64_t)((int64_t)(words[0] << shift) >> shift);
	}
	uint64_t name = hprof_text(h, hc_type_name(t), true), bits;
	if (h->no_contents)
		number = 0, real = 0;
	memcpy(&bits, &real, sizeof(bits));
	uint8_t *p = hprof_instance(h, id, KNOWN_CONST);
	be64(be64(be64(be64(p, name), text), number), bits);
	hprof_count_instance(h, KNOWN_CONST, true);
}

void hprof_flush_pool(struct hprof *h)
{
	struct pool *p = &h->pool;
	for (size_t i = 0; i < p->pending.len && !h->failed; i++) {
		struct pool_pending at = p->pending.data[i];
		struct pool_entry e = p->entries.data[at.entry];
		if (e.key & POOL_CONST_KEY)
			put_const(h, &at, &e);
		else
			put_string(h, &at, &e);
	}
	p->pending.len = 0;
}

uint64_t hprof_text(struct hprof *h, const char *text, bool shared)
{
	uint32_t known = 0;
	size_t len = strlen(text);
	if (shared) {
		if (!strtab_add(&h->pool.texts, text, len, &known)) {
			h->failed = true;
			return 0;
		}
		if (known < h->pool.text_id.len)
			return h->pool.text_id.data[known];
	}
	uint64_t id = hprof_new_id(h, 0), bytes = hprof_new_id(h, 0);
	bool hide = h->no_contents;
	h->no_contents = false; /* names of types, functions and states are no contents */
	put_bytes(h, bytes, text, len > HPROF_COPY_MAX ? HPROF_COPY_MAX : (uint32_t)len);
	h->no_contents = hide;
	put_string_fields(hprof_instance(h, id, KNOWN_STRING), bytes, 0, len > HPROF_COPY_MAX ? HPROF_COPY_MAX : len);
	hprof_count_instance(h, KNOWN_STRING, true);
	if (shared && !vec_push(&h->pool.text_id, id))
		h->failed = true;
	return id;
}
