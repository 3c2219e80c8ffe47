/* SPDX-License-Identifier: MIT */
/*
 * Objects of the heap, one Go allocation each: structs and short arrays as instances with named fields, long arrays of
 * structs as several instances, arrays of numbers and of pointers as Java arrays.
 */
#include <stdio.h>

#include "base/ckd.h"
#include "base/err.h"
#include "writers/hprof.h"
#include "writers/hprof_names.h"

enum {
	SMALL_NUMBERS = 32,    /* bytes: arrays of numbers up to here are instances, whose size is exact */
	SMALL_POINTERS = 1024, /* bytes: the same for pointers; an array costs 24 bytes more than Go has */
	CHECK_EVERY = 4096,    /* objects between two looks at the sink */
};

/* ---- what becomes of an object ---- */

/* The values in a row that an object is, arrays of arrays included. */
struct row {
	const struct hc_type *t;
	uint64_t count; /* that fit in the slot */
	uint64_t size;  /* of one */
	bool array;
};

static struct row row_of(const struct hprof *h, const struct hc_object *o)
{
	struct row r = {o->type, 1, hc_type_size(o->type), o->flags & HC_OBJ_ARRAY};
	if (r.array)
		r.count = r.size ? o->slot_size / r.size : 0;
	for (unsigned depth = 0; depth < 16 && hc_type_kind(r.t) == HC_KIND_ARRAY; depth++) {
		const struct hc_type *elem = hc_type_elem(h->s, r.t);
		uint64_t n;
		if (!elem || !ckd_mul(r.count, hc_type_len(r.t), &n))
			break;
		r.t = elem;
		r.count = n;
		r.size = hc_type_size(elem);
		r.array = true;
	}
	return r;
}

static bool class_text(struct hprof *h, const struct row *r, uint64_t count)
{
	enum hc_kind kind = hc_type_kind(r->t);
	if (!hprof_class_name(&h->scratch, hc_type_name(r->t)))
		return false;
	if (r->array)
		return hprof_text_printf(&h->scratch, "{%llu}", (unsigned long long)count);
	/* A map and the variable that points to it have the same name in Go. */
	return kind != HC_KIND_MAP && kind != HC_KIND_CHAN && kind != HC_KIND_FUNC ? true
	                                                                            : hprof_text_puts(&h->scratch, " (variable)");
}

static void make_instance(struct hprof *h, const struct hc_object *o, const struct row *r, struct variant *v)
{
	struct hprof_class c = {.layout = v->layout, .count = (uint32_t)r->count, .indexed = r->array, .statics = true,
	                        .size = o->slot_size, .type_size = r->count * r->size};
	uint32_t *seen = &h->variants_seen[hc_object_class(h->s, o)];
	bool ok = class_text(h, r, r->count);
	/* One type in several size classes: all but the first say so. */
	if (ok && !r->array && (*seen)++)
		ok = hprof_text_printf(&h->scratch, " {%llu}", (unsigned long long)o->slot_size);
	v->shape = SHAPE_FIELDS;
	v->per_chunk = c.count;
	h->failed |= !ok;
	if (ok)
		v->class = hprof_class_add(h, c, h->scratch.text);
}

/* The array class of a pointer type: "[La/b.*T;". */
static uint32_t refs_class(struct hprof *h, const struct hc_type *t, const char *suffix)
{
	struct name text = {0};
	uint32_t class = KNOWN_UNKNOWNS;
	if (hprof_class_name(&h->scratch, hc_type_name(t)) && hprof_text_puts(&text, "[L") &&
	    hprof_text_put(&text, h->scratch.text, h->scratch.len) && hprof_text_puts(&text, suffix) && hprof_text_puts(&text, ";"))
		class = hprof_class_named(h, text.text, text.len); /* shared by all sizes */
	else
		h->failed = true;
	name_free(&text);
	return class;
}

/* Where fields make no sense: its bytes, or the pointers among its words. */
static void make_words(struct hprof *h, const struct hc_object *o, const struct hc_type *t, struct variant *v)
{
	bool noscan = o->flags & HC_OBJ_NOSCAN;
	v->shape = noscan ? SHAPE_NUMBERS : SHAPE_WORDS;
	v->number = HPROF_BYTE;
	v->class = noscan ? (uint32_t)KNOWN_BYTES : refs_class(h, t, " (words)");
}

static const struct fixed_field head_fields[] = {{"chunks", HPROF_OBJECT}};

static uint32_t chunk_class(struct hprof *h, const struct row *r, const struct variant *v, uint64_t count, uint64_t size,
                            bool first)
{
	struct hprof_class c = {.layout = v->layout, .count = (uint32_t)count, .indexed = true, .statics = true, .size = size,
	                        .type_size = count * r->size, .fixed = head_fields, .nfixed = first};
	if (!class_text(h, r, count) || !hprof_text_puts(&h->scratch, first ? " (first chunk)" : " (chunk)")) {
		h->failed = true;
		return KNOWN_OBJECT;
	}
	return hprof_class_add(h, c, h->scratch.text);
}

/* All chunks of a type have the same length; the last one gets what remains of the slot. */
static void make_chunks(struct hprof *h, const struct hc_object *o, const struct row *r, struct variant *v)
{
	uint32_t payload = v->layout->payload;
	struct row chunk = {r->t, 0, r->size, true};
	v->per_chunk = payload < HPROF_CHUNK ? HPROF_CHUNK / payload : 1;
	v->chunk_bytes = v->per_chunk * r->size;
	uint64_t chunks = (r->count + v->per_chunk - 1) / v->per_chunk;
	if (v->chunk_bytes > INT32_MAX || chunks > INT32_MAX || (chunks - 1) * v->chunk_bytes >= o->slot_size) {
		make_words(h, o, r->t, v);
		return;
	}
	uint64_t key = hc_type_number(h->s, r->t);
	v->shape = SHAPE_CHUNKS;
	v->chunks = (uint32_t)chunks;
	if (!map_get(&h->chunk_class, key, &v->class)) {
		v->class = chunk_class(h, &chunk, v, v->per_chunk, v->chunk_bytes, true);
		v->body = chunk_class(h, &chunk, v, v->per_chunk, v->chunk_bytes, false);
		h->failed |= !map_put(&h->chunk_class, key, v->class);
	}
	v->body = v->class + 1;
	v->tail = chunk_class(h, &chunk, v, r->count - (chunks - 1) * v->per_chunk, o->slot_size - (chunks - 1) * v->chunk_bytes,
	                      false);
}

static void make_untyped(struct hprof *h, const struct hc_object *o, struct variant *v)
{
	uint64_t words = o->slot_size / h->word;
	v->shape = SHAPE_WORDS;
	v->class = KNOWN_UNKNOWNS;
	if (o->flags & HC_OBJ_NOSCAN) {
		v->shape = SHAPE_NUMBERS;
		v->number = HPROF_BYTE;
		v->class = KNOWN_BYTES;
		if (o->slot_size != h->word)
			return;
	} else if (o->slot_size > SMALL_POINTERS) {
		return;
	}
	/* A layout of words, made here: the collector's pointers decide which are references. */
	bool noscan = o->flags & HC_OBJ_NOSCAN;
	struct place *places = arena_alloc(&h->layouts.arena, words * sizeof(*places));
	struct layout *l = arena_alloc(&h->layouts.arena, sizeof(*l));
	bool ok = places && l;
	for (uint32_t i = 0; ok && i < words; i++) {
		char name[16];
		snprintf(name, sizeof(name), "$w%u", i * h->word);
		places[i] = (struct place){.offset = i * h->word, .kind = noscan ? PLACE_COPY : PLACE_REF,
		                           .type = noscan ? h->word == 8 ? HPROF_LONG : HPROF_INT : HPROF_OBJECT,
		                           .name = arena_strdup(&h->layouts.arena, name)};
		ok = places[i].name != NULL;
	}
	h->scratch.len = 0;
	ok = ok && hprof_text_printf(&h->scratch, noscan ? "go/noscan{%llu}" : "go/unknown{%llu}",
	                             (unsigned long long)o->slot_size);
	if (!ok) {
		h->failed = true;
		return;
	}
	*l = (struct layout){.places = places, .n = (uint32_t)words, .size = o->slot_size, .is_struct = true,
	                     .payload = (uint32_t)words * (noscan ? h->word : 8), .refs = noscan ? 0 : (uint32_t)words};
	struct hprof_class c = {.layout = l, .count = 1, .size = o->slot_size};
	v->shape = SHAPE_FIELDS;
	v->layout = l;
	v->per_chunk = 1;
	v->class = hprof_class_add(h, c, h->scratch.text);
}

static void make_typed(struct hprof *h, const struct hc_object *o, struct variant *v)
{
	struct row r = row_of(h, o);
	enum hc_kind kind = hc_type_kind(r.t);
	v->layout = layout_of(&h->layouts, r.t);
	if (!v->layout) {
		h->failed = true;
		return;
	}
	uint8_t number = layout_number(kind, r.size);
	if (kind == HC_KIND_COMPLEX64 || kind == HC_KIND_COMPLEX128)
		number = kind == HC_KIND_COMPLEX64 ? HPROF_FLOAT : HPROF_DOUBLE;
	if (number && (number == HPROF_BYTE ? r.array : r.count * r.size > SMALL_NUMBERS)) {
		static const uint8_t known[] = {[HPROF_BOOLEAN] = KNOWN_BOOLEANS, [HPROF_FLOAT] = KNOWN_FLOATS,
		                                [HPROF_DOUBLE] = KNOWN_DOUBLES, [HPROF_BYTE] = KNOWN_BYTES,
		                                [HPROF_SHORT] = KNOWN_SHORTS, [HPROF_INT] = KNOWN_INTS, [HPROF_LONG] = KNOWN_LONGS};
		v->shape = SHAPE_NUMBERS;
		v->number = number;
		v->class = known[number];
	} else if (r.count == 0 || r.size == 0 || v->layout->words || (v->layout->payload == 0 && r.count > 1) ||
	           (r.count == 1 && o->slot_size > INT32_MAX)) {
		make_words(h, o, r.t, v);
	} else if (r.count * v->layout->payload <= HPROF_CHUNK && !(layout_is_pointer(kind) && o->slot_size > SMALL_POINTERS)) {
		make_instance(h, o, &r, v);
	} else if (layout_is_pointer(kind)) {
		v->shape = SHAPE_REFS;
		v->class = refs_class(h, r.t, "");
	} else if (r.count == 1) {
		make_instance(h, o, &r, v);
	} else {
		make_chunks(h, o, &r, v);
	}
}

uint32_t hprof_variant(struct hprof *h, const struct hc_object *o)
{
	uint32_t class = hc_object_class(h->s, o), i;
	struct hot *hot = &h->hot[class];
	if (hot->slot == o->slot_size)
		return hot->variant;
	uint64_t key = (uint64_t)class << 40 | (o->slot_size / 8 & ((UINT64_C(1) << 40) - 1));
	if (!map_get(&h->variant_of, key, &i)) {
		if (h->sealed)
			return UINT32_MAX;
		struct variant v = {.class = KNOWN_OBJECT};
		if (o->type)
			make_typed(h, o, &v);
		else
			make_untyped(h, o, &v);
		i = (uint32_t)h->variants.len;
		if (!vec_push(&h->variants, v) || !map_put(&h->variant_of, key, i))
			h->failed = true;
		if (h->failed)
			return UINT32_MAX;
	}
	hot->slot = o->slot_size;
	hot->variant = i;
	return i;
}

struct hc_error *hprof_object_classes(struct hprof *h)
{
	struct hc_object o;
	for (hc_node n = hc_object_next(h->s, 0, h->live_only); n != HC_NODE_NONE && !h->failed;
	     n = hc_object_next(h->s, n + 1, h->live_only))
		if (hc_object_get(h->s, n, &o))
			hprof_variant(h, &o);
	return h->failed ? err_nomem() : NULL;
}

/* ---- writing ---- */

/* n bytes of an object from an offset on, in one piece; what is missing reads as 0. */
static void source_view(struct hprof *h, struct source *src, const struct hc_object *o, uint64_t offset, uint64_t n)
{
	uint64_t avail;
	if (offset >= o->used)
		n = 0;
	else if (n > o->used - offset)
		n = o->used - offset;
	src->base = offset;
	src->size = n;
	src->data = n ? hc_object_bytes(h->s, o->node, offset, &avail) : NULL;
	if (!n || (src->data && avail >= n))
		return;
	if (n > HPROF_SEGMENT_MAX) {
		src->size = src->data ? avail : 0;
		return;
	}
	memset(h->buf, 0, (size_t)n);
	for (uint64_t at = 0; at < n;) {
		const uint8_t *d = hc_object_bytes(h->s, o->node, offset + at, &avail);
		if (!d || avail == 0) { /* a page or so is not in the snapshot */
			uint64_t skip = 4096 - (o->addr + offset + at) % 4096;
			h->totals.missing += skip < n - at ? skip : n - at;
			at += skip;
			continue;
		}
		uint64_t k = avail < n - at ? avail : n - at;
		memcpy(h->buf + at, d, (size_t)k);
		at += k;
	}
	src->data = h->buf;
}

static void put_fields(struct hprof *h, const struct hc_object *o, const struct variant *v)
{
	struct source src;
	const struct hprof_class *c = &h->classes.data[v->class];
	uint8_t *p = hprof_instance(h, o->addr, v->class);
	source_begin(&src, h, o->node, !(o->flags & HC_OBJ_NOSCAN));
	source_view(h, &src, o, 0, (uint64_t)c->count * v->layout->size);
	p = hprof_put_values(h, &src, v->layout, 0, c->count, p);
	memset(p, 0, c->pad);
	while (src.more) {
		h->totals.lost_refs++;
		src.more = hc_edge_next(&src.it, &src.edge);
	}
	hprof_count_instance(h, v->class, false);
}

static void put_chunk_list(struct hprof *h, const struct hc_object *o, const struct variant *v, uint64_t id)
{
	uint8_t head[HPROF_OBJ_ARRAY_HEAD];
	hprof_obj_array_head(head, id, class_id(KNOWN_CHUNKS), v->chunks - 1);
	hprof_sub_long(&h->out, sizeof(head) + 8 * ((uint64_t)v->chunks - 1), head, sizeof(head));
	for (uint32_t i = 1; i < v->chunks; i++)
		hprof_put64(&h->out, o->addr + i * v->chunk_bytes);
	hprof_count_array(h, v->chunks - 1, HPROF_OBJECT, true);
}

/* All pointers lead to the first chunk, which has the others: it keeps what the Go object keeps. */
static void put_chunks(struct hprof *h, const struct hc_object *o, const struct variant *v)
{
	struct source src;
	uint64_t list = v->chunks > 1 ? hprof_new_id(h, v->chunks) : 0;
	source_begin(&src, h, o->node, !(o->flags & HC_OBJ_NOSCAN));
	for (uint32_t i = 0; i < v->chunks && !h->failed; i++) {
		uint32_t class = i + 1 == v->chunks && i ? v->tail : i ? v->body : v->class;
		const struct hprof_class *c = &h->classes.data[class];
		uint8_t *p = hprof_instance(h, o->addr + i * v->chunk_bytes, class);
		source_view(h, &src, o, i * v->chunk_bytes, (uint64_t)c->count * v->layout->size);
		if (i == 0)
			p = be64(p, list);
		p = hprof_put_values(h, &src, v->layout, 0, c->count, p);
		memset(p, 0, c->pad);
		hprof_count_instance(h, class, false);
		if (i % 64 == 63)
			hprof_flush_pool(h);
	}
	if (list)
		put_chunk_list(h, o, v, list);
	h->totals.chunked++;
}

static void put_object(struct hprof *h, const struct hc_object *o)
{
	uint32_t thread, i = hprof_variant(h, o);
	if (i >= h->variants.len)
		return;
	const struct variant *v = &h->variants.data[i]; /* stays where it is: no more are made */
	h->totals.objects++;
	h->totals.bytes += o->slot_size;
	if (h->thread_of.len && map_get(&h->thread_of, o->node, &thread)) {
		hprof_put_thread(h, thread, o);
		return;
	}
	switch ((enum shape)v->shape) {
	case SHAPE_FIELDS: put_fields(h, o, v); break;
	case SHAPE_CHUNKS: put_chunks(h, o, v); break;
	case SHAPE_NUMBERS: hprof_put_numbers(h, o, v); break;
	case SHAPE_REFS:
	case SHAPE_WORDS: hprof_put_refs(h, o, v); break;
	}
	if (h->pool.pending.len)
		hprof_flush_pool(h);
}

/*
 * From the highest address down: Eclipse MAT takes an array of references that begins inside the previous one, as sizes
 * in Java have it, for a sign of compressed pointers.
 */
struct hc_error *hprof_objects(struct hprof *h)
{
	struct hc_object o;
	for (hc_node n = hc_object_limit(h->s); n-- > 0;) {
		if (!hc_object_get(h->s, n, &o) || (h->live_only && !(o.flags & HC_OBJ_LIVE)))
			continue;
		put_object(h, &o);
		if (n % CHECK_EVERY == 0 && (h->failed || sink_failed(h->out.sink)))
			break;
	}
	return h->failed ? err_nomem() : NULL;
}
