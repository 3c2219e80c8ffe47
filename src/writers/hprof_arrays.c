/* SPDX-License-Identifier: MIT */
/*
 * Objects as Java arrays: of numbers, and of references. Written piece by piece, whatever their length; what readers
 * cannot take in one array (more than 2^31 - 1 elements, or 2^28 references) becomes several under a "go.chunked".
 */
#include "writers/hprof.h"

enum {
	PIECE = 64 << 10,            /* bytes put together at once */
	MAX_PART_BYTES = 1 << 30,    /* of an array of numbers */
	MAX_PART_REFS = 1 << 26,
};

/* An object that is written as one array, or as several parts. */
struct parts {
	uint64_t n;     /* elements */
	uint64_t per;   /* elements of a part */
	uint64_t count; /* parts */
	uint32_t step;  /* bytes of an element in the process */
	uint8_t type;
	uint64_t class; /* of arrays of references */
	uint64_t first_id;
};

/*
 * With several parts the object itself is a go.chunked. Parts of numbers have addresses inside of it, the first one word
 * on; those of references must lie further apart (see hprof_new_id()).
 */
static uint64_t part_id(const struct hprof *h, const struct hc_object *o, const struct parts *s, uint64_t i)
{
	if (s->count == 1)
		return o->addr;
	if (s->type == HPROF_OBJECT)
		return s->first_id + i * (24 + 8 * s->per);
	return o->addr + (i ? i * s->per * s->step : h->word);
}

/* Writes the head of an array. Room for its elements, or NULL: they go to the sink. */
static uint8_t *begin_part(struct hprof *h, uint64_t id, const struct parts *s, uint64_t n)
{
	uint8_t head[HPROF_OBJ_ARRAY_HEAD];
	uint64_t bytes = n * hprof_type_size(s->type);
	size_t len = s->type == HPROF_OBJECT ? HPROF_OBJ_ARRAY_HEAD : HPROF_PRIM_ARRAY_HEAD;
	if (s->type == HPROF_OBJECT)
		hprof_obj_array_head(head, id, s->class, (uint32_t)n);
	else
		hprof_prim_array_head(head, id, s->type, (uint32_t)n);
	hprof_count_array(h, n, s->type, false);
	if (len + bytes > PIECE) {
		hprof_sub_long(&h->out, len + bytes, head, len);
		return NULL;
	}
	uint8_t *p = hprof_sub(&h->out, len + (size_t)bytes);
	memcpy(p, head, len);
	return p + len;
}

static void put_head(struct hprof *h, const struct hc_object *o, const struct parts *s)
{
	uint64_t list = hprof_new_id(h, s->count);
	uint8_t *p = hprof_obj_array_head(hprof_sub(&h->out, HPROF_OBJ_ARRAY_HEAD + 8 * s->count), list, class_id(KNOWN_CHUNKS),
	                                  (uint32_t)s->count);
	for (uint64_t i = 0; i < s->count; i++)
		p = be64(p, part_id(h, o, s, i));
	hprof_count_array(h, s->count, HPROF_OBJECT, true);
	p = hprof_instance(h, o->addr, KNOWN_CHUNKED);
	be32(be64(be64(p, list), s->n), s->step);
	hprof_count_instance(h, KNOWN_CHUNKED, true);
	h->totals.chunked++;
}

/* Copies n elements of a basic type, in the process's byte order, to big-endian ones. */
static void copy_numbers(const struct hprof *h, uint8_t *to, const uint8_t *from, uint64_t n, uint32_t size)
{
	if (size == 1 || h->be) {
		memcpy(to, from, (size_t)n * size);
		return;
	}
	for (uint64_t i = 0; i < n; i++, from += size, to += size) {
		if (size == 8)
			be64(to, load64(from, false));
		else if (size == 4)
			be32(to, load32(from, false));
		else
			be16(to, load16(from, false));
	}
}

/* `bytes` of the object as big-endian numbers, in pieces, to wherever the open record takes them. */
static void put_bytes(struct hprof *h, const struct hc_object *o, uint64_t offset, uint64_t bytes, uint32_t size, uint8_t *room)
{
	while (bytes) {
		uint64_t avail = 0, n = bytes < PIECE ? bytes : PIECE;
		uint8_t *to = room ? room : h->buf;
		const uint8_t *d = h->no_contents ? NULL : hc_object_bytes(h->s, o->node, offset, &avail);
		if (d && avail >= size) {
			n = avail < n ? avail - avail % size : n;
			if (size == 1 && !room) {
				sink_put(h->out.sink, d, (size_t)n);
				to = NULL;
			} else {
				copy_numbers(h, to, d, n / size, size);
			}
		} else {
			if (!h->no_contents) {
				uint64_t page = 4096 - (o->addr + offset) % 4096;
				page = (page + size - 1) / size * size; /* elements may lie across the pages */
				n = page < n ? page : n;
				h->totals.missing += n;
			}
			memset(to, 0, (size_t)n);
		}
		if (room)
			room += n;
		else if (to)
			sink_put(h->out.sink, to, (size_t)n);
		offset += n;
		bytes -= n;
	}
}

void hprof_put_numbers(struct hprof *h, const struct hc_object *o, const struct variant *v)
{
	uint32_t size = hprof_type_size(v->number);
	struct parts s = {.n = o->used / size, .per = MAX_PART_BYTES / size, .step = size, .type = v->number};
	s.count = s.n ? (s.n + s.per - 1) / s.per : 1;
	for (uint64_t i = s.count; i-- > 0;) {
		uint64_t n = i + 1 < s.count ? s.per : s.n - i * s.per, bytes = n * size;
		uint8_t *room = begin_part(h, part_id(h, o, &s, i), &s, n);
		put_bytes(h, o, i * s.per * size, bytes, size, room);
	}
	if (s.count > 1)
		put_head(h, o, &s);
}

/* ---- references ---- */

/* The reference at the next word. */
static uint64_t ref_at(struct hprof *h, struct source *src, uint64_t offset)
{
	while (src->more && src->edge.offset < offset) {
		h->totals.lost_refs++;
		src->more = hc_edge_next(&src->it, &src->edge);
	}
	if (!src->more || src->edge.offset != offset)
		return 0;
	uint64_t id = hc_node_addr(h->s, src->edge.target);
	src->more = hc_edge_next(&src->it, &src->edge);
	return id;
}

void hprof_put_refs(struct hprof *h, const struct hc_object *o, const struct variant *v)
{
	struct parts s = {.n = o->used / h->word, .per = MAX_PART_REFS, .step = h->word, .type = HPROF_OBJECT,
	                  .class = class_id(v->class)};
	struct source src;
	source_begin(&src, h, o->node, true);
	s.count = s.n ? (s.n + s.per - 1) / s.per : 1;
	for (uint64_t i = 0; s.count > 1 && i < s.count; i++) {
		uint64_t id = hprof_new_id(h, s.per);
		s.first_id = i ? s.first_id : id;
	}
	for (uint64_t i = 0; i < s.count; i++) {
		uint64_t n = i + 1 < s.count ? s.per : s.n - i * s.per;
		uint64_t from = i * s.per;
		uint8_t *room = begin_part(h, part_id(h, o, &s, i), &s, n);
		for (uint64_t k = 0; k < n; k++) {
			uint64_t id = ref_at(h, &src, (from + k) * h->word);
			if (room)
				room = be64(room, id);
			else
				hprof_put64(&h->out, id);
		}
	}
	if (s.count > 1)
		put_head(h, o, &s);
}
