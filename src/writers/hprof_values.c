/* SPDX-License-Identifier: MIT */
/*
 * Values of instances. Every reference in the dump is one that the collector follows too (an edge of the graph), or leads
 * to a package variable, a constant or a string's bytes outside the heap; all others are written as 0. References lead
 * to the start of objects, wherever in them the pointer points.
 */
#include "base/ckd.h"
#include "writers/hprof.h"

void source_begin(struct source *src, const struct hprof *h, hc_node node, bool refs)
{
	src->node = node;
	src->data = NULL;
	src->size = src->base = 0;
	src->more = false;
	if (refs) {
		hc_edges(h->s, node, &src->it);
		src->more = hc_edge_next(&src->it, &src->edge);
	}
}

/* The object that the pointer at an offset of the node leads to. Offsets must come in order. */
static hc_node edge_at(struct hprof *h, struct source *src, uint64_t offset)
{
	while (src->more && src->edge.offset < offset) {
		h->totals.lost_refs++;
		src->more = hc_edge_next(&src->it, &src->edge);
	}
	if (!src->more || src->edge.offset != offset)
		return HC_NODE_NONE;
	hc_node target = src->edge.target;
	src->more = hc_edge_next(&src->it, &src->edge);
	return target;
}

static uint64_t word_at(const struct hprof *h, const struct source *src, uint64_t offset)
{
	return in_range(offset, h->word, src->size) ? load_uint(src->data + offset, h->word, h->be) : 0;
}

uint64_t hprof_new_id(struct hprof *h, uint64_t n)
{
	uint64_t id = HPROF_ID_OTHER + h->next_other;
	/* MAT takes an array that begins inside the previous one, as its own sizes have it, for compressed pointers. */
	h->next_other += 24 + 8 * n;
	return id;
}

/* ---- what pointers lead to ---- */

uint64_t hprof_resolve_region(const struct hprof *h, uint64_t addr)
{
	size_t lo = 0, hi = h->regions.len;
	if (hi == 0 || addr < h->regions.data[0].addr)
		return 0;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->regions.data[mid].addr <= addr)
			lo = mid;
		else
			hi = mid;
	}
	const struct hprof_region *r = &h->regions.data[lo];
	return addr - r->addr < r->size ? r->addr : 0;
}

/* ---- strings and interfaces ---- */

static uint64_t string_ref(struct hprof *h, struct source *src, uint64_t offset, bool hide)
{
	hc_node target = edge_at(h, src, src->base + offset);
	uint64_t ptr = word_at(h, src, offset), len = word_at(h, src, offset + h->word);
	if (len == 0)
		ptr = 0;
	if (ptr == 0 && (len != 0 || hide)) /* hide: an empty entry of a map */
		return 0;
	return hprof_string(h, ptr, len, target);
}

static uint64_t iface_ref(struct hprof *h, struct source *src, const struct place *at, uint64_t offset)
{
	/* Types made by reflection are objects, but not the interface's: reflect's own tables keep them. */
	edge_at(h, src, src->base + offset);
	hc_node target = edge_at(h, src, src->base + offset + h->word);
	uint64_t data = word_at(h, src, offset + h->word);
	if (target != HC_NODE_NONE)
		return hc_node_addr(h->s, target);
	uint64_t first = word_at(h, src, offset), region;
	if (!data || !first)
		return 0;
	const struct hc_type *t = hc_interface_type(h->s, hc_type_at(h->s, at->go_type), first);
	if ((region = hprof_resolve_region(h, data)) != 0)
		return region;
	if (!t)
		return 0;
	if (hc_type_size(t) == 0)
		return HPROF_ID_OTHER;
	enum hc_kind kind = hc_type_kind(t);
	return kind == HC_KIND_STRING || layout_number(kind, hc_type_size(t)) ? hprof_const(h, data, t) : 0;
}

static uint64_t pointer_ref(struct hprof *h, struct source *src, const struct place *at, uint64_t offset)
{
	hc_node target = edge_at(h, src, src->base + offset);
	if (target != HC_NODE_NONE)
		return hc_node_addr(h->s, target);
	uint64_t raw = word_at(h, src, offset);
	if (!raw)
		return 0;
	return at->flags & PLACE_ZERO_SIZE ? HPROF_ID_OTHER : hprof_resolve_region(h, raw);
}

/* ---- places ---- */

static uint8_t *put_number(const struct hprof *h, const struct source *src, const struct place *at, uint64_t offset,
                           bool hide, uint8_t *p)
{
	uint32_t size = hprof_type_size(at->type);
	if (hide || !in_range(offset, size, src->size)) {
		memset(p, 0, size);
		return p + size;
	}
	const uint8_t *d = src->data + offset;
	if (size == 8)
		return be64(p, load64(d, h->be));
	if (size == 4)
		return be32(p, load32(d, h->be));
	if (size == 2)
		return be16(p, load16(d, h->be));
	*p = at->type == HPROF_BOOLEAN ? *d != 0 : *d;
	return p + 1;
}

static uint8_t *put_length(struct hprof *h, const struct source *src, uint64_t offset, uint8_t *p)
{
	uint64_t n = word_at(h, src, offset);
	if (n > INT32_MAX) {
		h->totals.clipped++;
		n = INT32_MAX;
	}
	return be32(p, (uint32_t)n);
}

uint8_t *hprof_put_place(struct hprof *h, struct source *src, const struct place *at, uint64_t offset, bool hide, uint8_t *p)
{
	switch ((enum place_kind)at->kind) {
	case PLACE_REF: return be64(p, pointer_ref(h, src, at, offset));
	case PLACE_STRING: return be64(p, string_ref(h, src, offset, hide));
	case PLACE_IFACE: return be64(p, iface_ref(h, src, at, offset));
	case PLACE_LEN: return put_length(h, src, offset, p);
	case PLACE_COPY: break;
	}
	return put_number(h, src, at, offset, hide || h->no_contents, p);
}

/* Entries of a map group that exist, as bits 1 to 8; bit 0 is for what is no entry. */
static unsigned entries_of(const struct source *src, enum layout_guard guard, uint64_t offset)
{
	unsigned bits = 1;
	if (guard == GUARD_NONE || !in_range(offset, 8, src->size))
		return ~0u;
	/* Control bytes below 0x80 are in use (Go 1.24); the tops of hashes begin at 5, what is less is empty or has moved. */
	for (unsigned i = 0; i < 8; i++) {
		uint8_t c = src->data[offset + i];
		bits |= (unsigned)(guard == GUARD_CTRL ? c < 0x80 : c >= 5) << (i + 1);
	}
	return bits;
}

uint8_t *hprof_put_values(struct hprof *h, struct source *src, const struct layout *layout, uint64_t offset, uint64_t count,
                          uint8_t *p)
{
	for (uint64_t i = 0; i < count; i++, offset += layout->size) {
		unsigned entries = entries_of(src, (enum layout_guard)layout->guard, offset);
		for (uint32_t k = 0; k < layout->n; k++) {
			const struct place *at = &layout->places[k];
			p = hprof_put_place(h, src, at, offset + at->offset, !(entries >> at->guard & 1), p);
		}
	}
	return p;
}

/* ---- counting, by the readers' rules ---- */

static uint64_t align8(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7);
}

static void count(struct hprof *h, uint64_t mat, uint64_t visualvm, uint64_t shark, bool synthetic)
{
	h->totals.mat += mat;
	h->totals.visualvm += visualvm;
	h->totals.shark += shark;
	if (synthetic) {
		h->totals.synthetic++;
		h->totals.synthetic_bytes += mat;
	}
}

void hprof_count_instance(struct hprof *h, uint32_t class, bool synthetic)
{
	const struct hprof_class *c = &h->classes.data[class];
	h->totals.instances++;
	count(h, c->super == KNOWN_METHOD ? c->size : align8(HPROF_HEADER + c->payload), c->size, c->size, synthetic);
}

void hprof_count_array(struct hprof *h, uint64_t n, uint8_t type, bool synthetic)
{
	uint64_t bytes = n * hprof_type_size(type);
	h->totals.arrays++;
	count(h, align8(bytes + (type == HPROF_OBJECT ? 20 : 24)), align8(bytes + 20), bytes, synthetic);
}

uint8_t *hprof_instance(struct hprof *h, uint64_t id, uint32_t class)
{
	uint32_t payload = h->classes.data[class].payload;
	return hprof_instance_head(hprof_sub(&h->out, HPROF_INSTANCE_HEAD + payload), id, class_id(class), payload);
}
