/* SPDX-License-Identifier: MIT */
/* Spans around the objects that were found, and what else lies in these spans. */
#include <stdlib.h>
#include <string.h>

#include "heap/priv.h"
#include "heap/salvage.h"

enum {
	PAGE_SIZE = 1 << PAGE_SHIFT,
	HEADER = 8,
	CERTAIN = 1 << 20, /* weight of a page that says itself what it is */
	SPANS_PER_BYTES = 64, /* a span takes more of the snapshot than that */
};

/* ---- which spans there must be ---- */

/*
 * Green Tea: the last byte of a span of small objects is its span class, behind two sets of 63 bytes: objects scanned
 * and objects marked (mgcmark_greenteagc.go, spanInlineMarkBits). What is no object is neither.
 */
static bool inline_class(const struct heap *h, const struct span_rules *r, uint64_t page, struct salvaged_span *ret)
{
	enum { SET = 63, MARKS = SET + 1 };
	uint8_t b[INLINE_MARKS];
	if (!r->inline_marks || !proc_read(h->proc, page + PAGE_SIZE - INLINE_MARKS, b, sizeof(b)))
		return false;
	unsigned class = b[INLINE_MARKS - 1] >> 1;
	bool scan = !(b[INLINE_MARKS - 1] & 1);
	if (class < 2 || class >= NCLASSES || size_classes[class].size > r->bits_max)
		return false;
	uint64_t slot = size_classes[class].size, n = span_slots_of(r, slot, 1, scan);
	for (unsigned i = 0; i < SET * 8; i++) {
		bool scanned = b[i / 8] >> (i & 7) & 1, marked = b[MARKS + i / 8] >> (i & 7) & 1;
		if (i >= n && (scanned || marked))
			return false;
	}
	*ret = (struct salvaged_span){page, 1, slot, n, page + n * slot, 0, scan, false, CERTAIN};
	return true;
}

/* The span that an object of this type and size must be in. False: it cannot begin there. */
static bool span_of(const struct salvage *s, const struct span_rules *r, const struct found *f,
                    struct salvaged_span *ret)
{
	uint64_t addr = f->addr, size = f->size;
	if (r->headers && f->scan && size > r->bits_max && size <= MAX_SMALL - HEADER) {
		addr -= HEADER;
		size += HEADER;
	}
	/* malloc.go: what has no room for a header is large, also where it needs none. */
	unsigned class = r->headers && f->size > MAX_SMALL - HEADER ? 0 : size_class_for(size);
	struct salvaged_span sp = {.scan = f->scan, .weight = 1};
	if (class) {
		sp.slot = size_classes[class].size;
		sp.npages = size_classes[class].pages;
		if (!f->scan && sp.slot <= 16) { /* a tiny block, and what is inside of it */
			sp.slot = 16;
			addr &= ~UINT64_C(15);
		}
		if (!span_base_of(addr, sp.slot, &sp.base))
			return false;
		sp.nelems = span_slots_of(r, sp.slot, sp.npages, sp.scan);
		sp.limit = sp.base + sp.nelems * sp.slot;
		if (addr >= sp.limit)
			return false;
	} else {
		if (addr % PAGE_SIZE || size > UINT64_C(1) << ADDR_BITS)
			return false;
		sp.large = true;
		sp.base = addr;
		sp.npages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
		sp.slot = sp.npages << PAGE_SHIFT;
		sp.nelems = 1;
		sp.limit = addr + size;
		sp.type = f->scan && f->type < s->h->types->n ? s->h->types->t[f->type].rtype : 0;
	}
	*ret = sp;
	return true;
}

static bool overlaps(const struct known_range *known, size_t n, uint64_t from, uint64_t to)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (known[mid].end <= from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && known[lo].start < to;
}

static int by_addr(const void *ap, const void *bp)
{
	const struct found *a = ap, *b = bp;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->size > b->size ? -1 : a->size < b->size;
}

static int by_shape(const void *ap, const void *bp)
{
	const struct salvaged_span *a = ap, *b = bp;
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	if (a->scan != b->scan)
		return a->scan ? -1 : 1;
	if (a->limit != b->limit)
		return a->limit > b->limit ? -1 : 1;
	return (a->type < b->type) - (a->type > b->type);
}

/* What most speaks for comes first. */
static int by_weight(const void *ap, const void *bp)
{
	const struct salvaged_span *a = ap, *b = bp;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return by_shape(ap, bp);
}

typedef VEC(struct salvaged_span) span_vec;

/*
 * Bytes without pointers in which objects with pointers lie are no such bytes: a length was wrong, in a variable that
 * was dead, say.
 */
static void drop_false(struct salvage *s)
{
	struct found *o = s->objects.data, *around = NULL;
	size_t kept = 0;
	for (size_t i = 0; i < s->objects.len; i++) {
		if (around && o[i].addr >= around->addr + around->size)
			around = NULL;
		if (around && !around->scan && o[i].scan) {
			around->count = around->size = 0;
			around = NULL;
		}
		if (!around || o[i].addr + o[i].size > around->addr + around->size)
			around = &o[i];
	}
	for (size_t i = 0; i < s->objects.len; i++)
		if (o[i].size)
			o[kept++] = o[i];
	s->objects.len = kept;
}

/* Several objects speak for the same span. */
static void merge(span_vec *v)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->len; i++) {
		struct salvaged_span *last = kept ? &v->data[kept - 1] : NULL, *sp = &v->data[i];
		if (last && last->base == sp->base && last->slot == sp->slot && last->scan == sp->scan) {
			last->weight += sp->weight;
			last->type = last->type ? last->type : sp->type;
		} else {
			v->data[kept++] = *sp;
		}
	}
	v->len = kept;
}

/* Of spans that claim the same page, the one that most speaks for. */
static bool settle(struct salvage *s, span_vec *v)
{
	struct map taken = {0};
	uint64_t pages = 0, pages_max = s->h->proc->blob->size / SPANS_PER_BYTES + 1024;
	bool ok = true;
	for (size_t i = 0; ok && i < v->len; i++) {
		struct salvaged_span *sp = &v->data[i];
		uint64_t first = sp->base >> PAGE_SHIFT;
		uint32_t who;
		bool free_pages = pages + sp->npages <= pages_max;
		for (uint64_t k = 0; free_pages && k < sp->npages; k++)
			free_pages = !map_get(&taken, first + k, &who);
		if (!free_pages)
			continue;
		pages += sp->npages;
		for (uint64_t k = 0; ok && k < sp->npages; k++)
			ok = map_put(&taken, first + k, 1);
		ok = ok && vec_push(&s->spans, *sp);
	}
	map_free(&taken);
	return ok;
}

struct hc_error *salvage_spans(struct salvage *s, const struct known_range *known, size_t n)
{
	const struct span_rules rules = span_rules_of(s->h->proc);
	span_vec v = {0};
	uint64_t end = 0, page = 0;
	bool ok = true;
	if (s->objects.len)
		qsort(s->objects.data, s->objects.len, sizeof(*s->objects.data), by_addr);
	drop_false(s);
	for (size_t i = 0; ok && i < s->objects.len; i++) {
		const struct found *f = &s->objects.data[i];
		struct salvaged_span sp;
		uint64_t at = f->addr & ~(uint64_t)(PAGE_SIZE - 1);
		if (overlaps(known, n, f->addr, f->addr + f->size))
			continue;
		if (at != page && inline_class(s->h, &rules, at, &sp) && !overlaps(known, n, at, at + PAGE_SIZE))
			ok = vec_push(&v, sp);
		page = at;
		/* Fields and elements that something points to lie inside of what was seen before. */
		if (f->addr + f->size <= end)
			continue;
		end = f->addr + f->size;
		if (ok && span_of(s, &rules, f, &sp) && !overlaps(known, n, sp.base, sp.base + (sp.npages << PAGE_SHIFT)))
			ok = vec_push(&v, sp);
	}
	if (ok && v.len) {
		qsort(v.data, v.len, sizeof(*v.data), by_shape);
		merge(&v);
		qsort(v.data, v.len, sizeof(*v.data), by_weight);
		ok = settle(s, &v);
	}
	vec_free(&v);
	if (ok && s->spans.len)
		qsort(s->spans.data, s->spans.len, sizeof(*s->spans.data), by_shape);
	return ok ? NULL : err_nomem();
}

/* ---- what is in them ---- */

/* Before Go 1.22 pointer masks lie outside of spans, and are lost with the descriptors: the types' are taken. */
bool salvage_mask(struct salvage *s, uint32_t span)
{
	struct heap *h = s->h;
	const struct span *sp = &h->spans[span];
	struct span_info *in = &h->info[span];
	uint64_t end = sp->base + (in->npages << PAGE_SHIFT);
	uint64_t *bits = arena_alloc(&h->arena, (bit_words((in->npages << PAGE_SHIFT) / h->word) + 1) * sizeof(*bits));
	if (!bits)
		return false;
	size_t lo = 0, hi = s->objects.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->objects.data[mid].addr < sp->base)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->objects.len && s->objects.data[lo].addr < end && s->budget; lo++) {
		const struct found *f = &s->objects.data[lo];
		struct leaves l;
		if (f->type >= h->types->n)
			continue;
		if (!salvage_leaves(s, f->type, &l))
			return false;
		uint64_t size = h->types->t[f->type].size;
		for (uint64_t k = 0; k < f->count && l.n && f->addr + k * size < end; k++)
			for (uint32_t i = 0; i < l.n && s->budget; i++, s->budget--) {
				const struct leaf *leaf = &s->leaves.data[l.first + i];
				uint64_t at = f->addr + k * size + leaf->offset - sp->base;
				bool iface = h->types->t[leaf->type].kind == KIND_INTERFACE;
				if (at / h->word < (in->npages << PAGE_SHIFT) / h->word)
					bit_set(bits, at / h->word);
				if (iface && at / h->word + 1 < (in->npages << PAGE_SHIFT) / h->word)
					bit_set(bits, at / h->word + 1);
			}
	}
	in->bits = (const uint8_t *)bits;
	in->maskkind = MASK_DUMP;
	return true;
}

typedef VEC(uint32_t) id_vec;

/* The slot that v points into becomes an object, if it is none yet. */
static bool reach(struct heap *h, id_vec *todo, uint64_t v)
{
	uint32_t span, id = heap_find_slot(h, v, &span);
	if (id == OBJ_NONE || bit_get(h->alloc, id))
		return true;
	bit_set(h->alloc, id);
	uint64_t header;
	if (h->spans[span].flags & SPAN_HEADER && proc_word(h->proc, span_slot_addr(&h->spans[span], id), &header) &&
	    !mask_register(h, header))
		return false;
	return vec_push(todo, id);
}

static bool follow(struct heap *h, id_vec *todo, uint32_t from, uint32_t to, uint32_t span)
{
	struct ptr_scan scan;
	heap_scan_begin(&scan, h, span, from, to);
	while (heap_scan_next(&scan))
		for (uint32_t i = 0; i < scan.n; i++)
			if (!reach(h, todo, scan.value[i]))
				return false;
	return true;
}

static bool follow_range(struct salvage *s, id_vec *todo, uint64_t from, uint64_t to)
{
	struct heap *h = s->h;
	uint64_t v;
	for (uint64_t at = from; at < to && to - at >= h->word && s->budget; at += h->word, s->budget--)
		if (proc_word(h->proc, at, &v) && v && !reach(h, todo, v))
			return false;
	return true;
}

/*
 * Every object that can be reached in spans that are known by now. What stacks and variables hold is taken as it is:
 * too much here becomes garbage, liveness is found out later, by the collector's rules.
 */
struct hc_error *salvage_objects(struct salvage *s)
{
	struct heap *h = s->h;
	id_vec todo = {0};
	struct variables v;
	bool ok = true;
	struct hc_error *err = heap_load_masks(h);
	if (err)
		return err;
	s->budget = proc_bytes(h->proc); /* variables and stacks are a part of that, if they are what they say */
	for (uint32_t i = 0; ok && i < h->nspans; i++)
		ok = follow(h, &todo, h->spans[i].first, h->spans[i].first + h->spans[i].nelems, i);
	for (size_t i = 0; ok && i < s->objects.len; i++)
		ok = reach(h, &todo, s->objects.data[i].addr);
	for (size_t i = 0; ok && core_variables(h, i, &v); i++)
		ok = follow_range(s, &todo, v.addr, v.end);
	for (uint32_t i = 0; ok && i < h->ngoroutines; i++) {
		const struct goroutine *g = &h->goroutines[i];
		if (g->nframes)
			ok = follow_range(s, &todo, h->frames[g->first_frame].sp, g->stack_hi);
		for (unsigned k = 0; ok && k < g->nregs; k++)
			ok = reach(h, &todo, g->regs[k]);
	}
	while (ok && todo.len) {
		uint32_t id = todo.data[--todo.len];
		ok = follow(h, &todo, id, id + 1, heap_span_of(h, id));
	}
	vec_free(&todo);
	return ok ? NULL : err_nomem();
}
