/* SPDX-License-Identifier: MIT */
/*
 * Strings and constants as objects. A string whose bytes are an object refers to it, and says where in it the text is;
 * the bytes of others are copied. Readers that know java.lang.String but not its offset (VisualVM, shark) show the
 * whole object.
 */
#include "base/err.h"
#include "base/pool.h"
#include "writers/hprof.h"

/* ---- which there are: each pair of address and length is one object ---- */

static uint64_t pool_bytes(const struct pool *p)
{
	return p->slots ? ((uint64_t)p->mask + 1) * sizeof(*p->slots) : 0;
}

struct hc_error *hprof_pool_init(struct hprof *h)
{
	struct pool *p = &h->pool;
	p->nfirsts = hc_object_limit(h->s);
	p->firsts = big_alloc(((uint64_t)p->nfirsts + 1) * sizeof(*p->firsts));
	return p->firsts ? NULL : err_nomem();
}

void hprof_pool_free(struct hprof *h)
{
	struct pool *p = &h->pool;
	vec_free(&p->entries);
	vec_free(&p->pending);
	vec_free(&p->text_id);
	strtab_free(&p->texts);
	big_free(p->slots, pool_bytes(p));
	big_free(p->firsts, ((uint64_t)p->nfirsts + 1) * sizeof(*p->firsts));
	memset(p, 0, sizeof(*p));
}

static uint32_t pool_hash(uint64_t addr, uint64_t key)
{
	uint64_t x = addr + key * UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 32;
	x *= UINT64_C(0xff51afd7ed558ccd);
	return (uint32_t)(x >> 32);
}

/* Slots hold the hash, by which growing needs no look at the entries, and the entry's number plus 1. */
static bool pool_grow(struct pool *p)
{
	struct pool old = *p;
	uint64_t n = old.slots ? 2 * ((uint64_t)old.mask + 1) : 4096;
	p->slots = n <= UINT64_C(1) << 32 ? big_alloc(n * sizeof(*p->slots)) : NULL;
	if (!p->slots) {
		p->slots = old.slots;
		return false;
	}
	p->mask = (uint32_t)(n - 1);
	for (uint64_t i = 0; old.slots && i <= old.mask; i++) {
		uint64_t slot = old.slots[i];
		uint32_t at = (uint32_t)(slot >> 32) & p->mask;
		while (slot && p->slots[at])
			at = (at + 1) & p->mask;
		if (slot)
			p->slots[at] = slot;
	}
	big_free(old.slots, pool_bytes(&old));
	return true;
}

static uint64_t add_pending(struct hprof *h, uint64_t id, uint64_t addr, uint64_t key, hc_node target)
{
	if (!vec_push(&h->pool.pending, ((struct pool_pending){{addr, key}, id, target})))
		h->failed = true;
	return id;
}

/* The identifier of the string or constant; it is written by the next hprof_flush_pool() when it is new. */
static uint64_t pool_add(struct hprof *h, uint64_t addr, uint64_t key, hc_node target)
{
	struct pool *p = &h->pool;
	if ((!p->slots || p->entries.len > p->mask / 8 * 5) && !pool_grow(p)) {
		h->failed = true;
		return 0;
	}
	uint64_t hash = pool_hash(addr, key);
	uint32_t at = (uint32_t)hash & p->mask;
	for (; p->slots[at]; at = (at + 1) & p->mask) {
		if (p->slots[at] >> 32 != hash)
			continue;
		const struct pool_entry *e = &p->entries.data[(uint32_t)p->slots[at] - 1];
		if (e->addr == addr && e->key == key)
			return HPROF_ID_POOL + 16 * (uint64_t)(uint32_t)p->slots[at];
	}
	if (!vec_push(&p->entries, ((struct pool_entry){addr, key}))) {
		h->failed = true;
		return 0;
	}
	p->slots[at] = hash << 32 | (uint32_t)p->entries.len;
	return add_pending(h, HPROF_ID_POOL + 16 * (uint64_t)p->entries.len, addr, key, target);
}

uint64_t hprof_string(struct hprof *h, uint64_t addr, uint64_t len, hc_node target)
{
	if (target < h->pool.nfirsts && len - 1 < UINT32_MAX) {
		struct pool_first *first = &h->pool.firsts[target];
		uint64_t id = HPROF_ID_TEXTS + 16 * ((uint64_t)target + 1);
		if (first->len == len && first->addr == (uint32_t)addr)
			return id;
		if (!first->len) {
			*first = (struct pool_first){(uint32_t)addr, (uint32_t)len};
			return add_pending(h, id, addr, len, target);
		}
	}
	return pool_add(h, addr, len & ~POOL_CONST_KEY, target);
}

uint64_t hprof_const(struct hprof *h, uint64_t addr, const struct hc_type *t)
{
	return pool_add(h, addr, POOL_CONST_KEY | hc_type_number(h->s, t), HC_NODE_NONE);
}

/* ---- writing them ---- */

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

static void put_string(struct hprof *h, const struct pool_pending *from)
{
	const struct pool_entry *e = &from->entry;
	uint64_t id = from->id, bytes = id + 8;
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

static void put_const(struct hprof *h, const struct pool_pending *from)
{
	const struct pool_entry *e = &from->entry;
	uint64_t id = from->id, bytes = id + 8;
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
		if (at.entry.key & POOL_CONST_KEY)
			put_const(h, &at);
		else
			put_string(h, &at);
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
