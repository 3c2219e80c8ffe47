/* SPDX-License-Identifier: MIT */
/*
 * Spans: mheap_.allspans lists every mspan ever handed out; those in state mSpanInUse hold the objects. A slot is an
 * object iff its index is below freeindex or its allocBits bit is set (allocation advances freeindex and never sets
 * bits). Layouts: runtime/mheap.go; size classes: runtime/sizeclasses.go, identical from Go 1.17 to 1.27.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "heap/priv.h"
#include "heap/salvage.h"

enum { SPAN_DEAD = 0, SPAN_INUSE = 1, SPAN_MANUAL = 2 }; /* mSpanState */
enum {
	TINY_CLASS = 5,
	MAX_SMALL_PAGES = 16, MAX_SMALL_ELEMS = 1024, /* of a span, see sizeclasses.c: 10 pages at most, or 8 KiB / 8 */
	MAX_HEAP_FACTOR = 1024, /* bytes of heap for a byte of snapshot: more cannot have left its bookkeeping in it */
	BYTES_PER_GRANULE = 16384, SPARE_GRANULES = 1024, /* 64 MiB of address space have more bookkeeping than that */
};

struct raw_span {
	uint64_t mspan, start, npages, elemsize, nelems, freeindex, scanindex, allocbits, markbits, limit, specials, type;
	uint32_t sweepgen;
	uint8_t spanclass, state;
	bool userarena;
	bool salvaged; /* of a lost descriptor: what there is follows from the objects in it */
};

static uint64_t get(const struct heap *h, const uint8_t *m, enum layout_field f)
{
	const struct layout *l = &h->types->layout;
	if (l->f[f].off < 0)
		return 0;
	return load_uint(m + l->f[f].off, l->f[f].size, h->be);
}

/* Bytes of an mspan that the fields below lie in. */
static size_t mspan_size(const struct layout *l)
{
	size_t n = 0;
	for (int f = L_MSPAN_NEXT; f <= L_MSPAN_LARGETYPE; f++)
		if (l->f[f].off >= 0 && (size_t)l->f[f].off + l->f[f].size > n)
			n = (size_t)l->f[f].off + l->f[f].size;
	return n;
}

static bool raw_read(const struct heap *h, uint64_t mspan, size_t size, struct raw_span *r)
{
	uint8_t copy[512];
	uint64_t avail;
	const uint8_t *m = proc_view(h->proc, mspan, &avail);
	if (!m || avail < size) {
		if (size > sizeof(copy) || !proc_read(h->proc, mspan, copy, size))
			return false;
		m = copy;
	}
	r->mspan = mspan;
	r->state = (uint8_t)get(h, m, L_MSPAN_STATE);
	r->start = get(h, m, L_MSPAN_STARTADDR);
	r->npages = get(h, m, L_MSPAN_NPAGES);
	r->elemsize = get(h, m, L_MSPAN_ELEMSIZE);
	r->nelems = get(h, m, L_MSPAN_NELEMS);
	r->freeindex = get(h, m, L_MSPAN_FREEINDEX);
	r->scanindex = layout_has(&h->types->layout, L_MSPAN_FREEINDEXFORSCAN) ? get(h, m, L_MSPAN_FREEINDEXFORSCAN)
	                                                                       : r->freeindex;
	r->allocbits = get(h, m, L_MSPAN_ALLOCBITS);
	r->markbits = get(h, m, L_MSPAN_GCMARKBITS);
	r->limit = get(h, m, L_MSPAN_LIMIT);
	r->specials = get(h, m, L_MSPAN_SPECIALS);
	r->type = get(h, m, L_MSPAN_LARGETYPE);
	r->sweepgen = (uint32_t)get(h, m, L_MSPAN_SWEEPGEN);
	r->spanclass = (uint8_t)get(h, m, L_MSPAN_SPANCLASS);
	r->userarena = get(h, m, L_MSPAN_ISUSERARENACHUNK) != 0;
	return true;
}

/*
 * Does what the mspan says make sense? A span that lies about itself is left out rather than believed: one that begins in
 * mapped memory and ends outside, or is longer than a snapshot of this size can tell of.
 */
static bool raw_valid(const struct proc *p, const struct raw_span *r)
{
	uint64_t bytes, end;
	if (r->start & ((1 << PAGE_SHIFT) - 1) || r->start == 0 || r->npages == 0 || r->npages >= UINT64_C(1) << 35)
		return false;
	bytes = r->npages << PAGE_SHIFT;
	if (!ckd_add(r->start, bytes, &end) || end > UINT64_C(1) << ADDR_BITS || bytes / MAX_HEAP_FACTOR > p->blob->size)
		return false;
	if (proc_segment(p, r->start) && !proc_segment(p, end - 1))
		return false;
	if (r->spanclass >> 1 != 0 && (r->npages > MAX_SMALL_PAGES || r->nelems > MAX_SMALL_ELEMS))
		return false;
	if (r->spanclass >> 1 == 0)
		return r->nelems == 1 && r->limit > r->start && r->limit <= end && (!r->userarena || r->elemsize <= bytes);
	return r->elemsize >= 8 && r->elemsize <= MAX_SMALL && r->elemsize % 8 == 0 && r->nelems > 0 &&
	       r->nelems <= bytes / r->elemsize && r->freeindex <= r->nelems;
}

static int by_start(const void *a, const void *b)
{
	const struct raw_span *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

typedef VEC(struct raw_span) raw_vec;

struct census {
	uint64_t len, unreadable, invalid; /* of mheap_.allspans */
};

static struct hc_error *collect(struct heap *h, raw_vec *raw, struct census *c)
{
	const struct layout *l = &h->types->layout;
	const struct proc *p = h->proc;
	uint64_t list, len;
	uint64_t at = layout_addr(l, h->priv->mheap, L_MHEAP_ALLSPANS);
	if (!proc_word(p, at, &list) || !proc_word(p, at + p->word, &len))
		return err_new(HC_E_TRUNCATED,
		               "%s: runtime.mheap_.allspans at %#" PRIx64 " is not in the snapshot: it was cut before the Go heap's "
		               "own bookkeeping; make it again without a size limit",
		               p->blob->path, at);
	if (len == 0 || len > UINT32_MAX || list == 0)
		return err_new(HC_E_FORMAT, "%s: runtime.mheap_.allspans at %#" PRIx64 " holds %" PRIu64
		               " spans at %#" PRIx64 ": expected a few to 2^32; is this the right executable (--exe)?",
		               p->blob->path, at, len, list);
	size_t size = mspan_size(l);
	uint64_t unreadable = 0, invalid = 0;
	for (uint64_t i = 0; i < len; i++) {
		uint64_t mspan;
		struct raw_span r;
		if (!proc_word(p, list + i * p->word, &mspan)) {
			/* A hole in the list: on to its next page, or out when the rest cannot be in the file. */
			uint64_t skip = len - i < 512 ? len - i : 512;
			unreadable += skip;
			i += skip - 1;
			if (unreadable > p->blob->size / p->word) {
				unreadable += len - i - 1;
				break;
			}
			continue;
		}
		if (!raw_read(h, mspan, size, &r)) {
			unreadable++;
			continue;
		}
		if (r.state == SPAN_MANUAL && r.npages < UINT64_C(1) << 35) {
			struct manual_span ms = {r.start, r.npages, false};
			if (!vec_push(&h->priv->manual, ms))
				return err_nomem();
		}
		if (r.state != SPAN_INUSE)
			continue;
		if (!raw_valid(p, &r)) {
			invalid++;
			diag_add(h->diag, HC_SEV_WARNING,
			         "span at %#" PRIx64 " (mspan %#" PRIx64 ", class %u, %" PRIu64 " slots of %" PRIu64
			         " bytes) is damaged: its objects are left out", r.start, r.mspan, r.spanclass, r.nelems, r.elemsize);
			continue;
		}
		if (!vec_push(raw, r))
			return err_nomem();
	}
	*c = (struct census){len, unreadable, invalid};
	return NULL;
}

/* ---- when descriptors are missing ---- */

static struct hc_error *no_spans(const struct heap *h, const struct census *c)
{
	return err_new(c->unreadable ? HC_E_TRUNCATED : HC_E_FORMAT,
	               "%s: no heap span is readable (%" PRIu64 " of %" PRIu64 " descriptors missing, %" PRIu64
	               " damaged): the snapshot holds no Go heap; make it again without a size limit, and with "
	               "/proc/PID/coredump_filter bit 0 set",
	               h->proc->blob->path, c->unreadable, c->len, c->invalid);
}

/* Adds the spans that follow from typed pointers. */
static struct hc_error *salvage(struct heap *h, raw_vec *raw, const struct census *c, struct salvage *s)
{
	VEC(struct known_range) known = {0};
	bool ok = true;
	if (raw->len)
		qsort(raw->data, raw->len, sizeof(*raw->data), by_start);
	for (size_t i = 0; ok && i < raw->len; i++) {
		struct known_range r = {raw->data[i].start, raw->data[i].start + (raw->data[i].npages << PAGE_SHIFT)};
		ok = vec_push(&known, r);
	}
	struct hc_error *err = ok ? salvage_walk(s) : err_nomem();
	if (!err)
		err = salvage_spans(s, known.data, known.len);
	vec_free(&known);
	uint64_t known_spans = raw->len;
	for (size_t i = 0; !err && i < s->spans.len; i++) {
		const struct salvaged_span *sp = &s->spans.data[i];
		struct raw_span r = {.start = sp->base, .npages = sp->npages, .elemsize = sp->slot, .nelems = sp->nelems,
		                     .limit = sp->limit, .type = sp->type, .state = SPAN_INUSE, .salvaged = true};
		r.spanclass = (uint8_t)((sp->large ? 0 : size_class_of(sp->slot)) << 1 | !sp->scan);
		if (!vec_push(raw, r))
			err = err_nomem();
	}
	if (!err && !raw->len)
		err = no_spans(h, c);
	s->budget = proc_bytes(h->proc) + 4096; /* for their masks */
	h->totals.lost_spans = c->unreadable;
	if (!err)
		diag_add(h->diag, HC_SEV_WARNING, "%" PRIu64 " of %" PRIu64 " span descriptors are not in the snapshot: %" PRIu64
		         " spans are known, %zu more were found by following typed pointers; objects that nothing typed leads to are "
		         "missing, and what is garbage is unknown", c->unreadable, c->len, known_spans, s->spans.len);
	return err;
}

/* Slot ids, and the table from pages to spans. */
static struct hc_error *index_spans(struct heap *h, raw_vec *raw)
{
	qsort(raw->data, raw->len, sizeof(*raw->data), by_start);
	h->spans = calloc(raw->len, sizeof(*h->spans));
	h->info = calloc(raw->len, sizeof(*h->info));
	h->pages = big_alloc(NGRANULES * sizeof(*h->pages));
	if (!h->spans || !h->info || !h->pages)
		return err_nomem();
	uint64_t end = 0, ids = 0, pages = 0, granules = 0, last_granule = UINT64_MAX, size = h->proc->blob->size;
	uint64_t most_spans = size / mspan_size(&h->types->layout); /* mspans do not overlap */
	size_t kept = 0;
	for (size_t i = 0; i < raw->len; i++) {
		struct raw_span *r = &raw->data[i];
		if (r->start < end) {
			diag_add(h->diag, HC_SEV_WARNING, "span at %#" PRIx64 " overlaps the one before it: left out", r->start);
			continue;
		}
		uint64_t first = r->start >> GRANULE_SHIFT, last = (r->start + (r->npages << PAGE_SHIFT) - 1) >> GRANULE_SHIFT;
		granules += last - first + (first != last_granule);
		last_granule = last;
		if (((pages + r->npages) << PAGE_SHIFT) / MAX_HEAP_FACTOR > size || kept >= most_spans ||
		    granules > SPARE_GRANULES + size / BYTES_PER_GRANULE) {
			diag_add(h->diag, HC_SEV_WARNING, "spans from %#" PRIx64 " on are left out: so many, or such large ones, cannot "
			         "have left their bookkeeping in a snapshot of this size", r->start);
			break;
		}
		pages += r->npages;
		end = r->start + (r->npages << PAGE_SHIFT);
		bool large = r->spanclass >> 1 == 0;
		struct span *s = &h->spans[kept];
		struct span_info *in = &h->info[kept];
		s->base = r->start;
		s->nelems = (uint32_t)r->nelems;
		s->elemsize = large ? 0 : (uint16_t)r->elemsize;
		s->magic = large ? 0 : UINT32_MAX / (uint32_t)r->elemsize + 1; /* as mspan.divMul */
		s->limit = large ? r->limit : r->start + r->nelems * r->elemsize;
		s->first = (uint32_t)ids;
		s->flags = (uint16_t)((r->spanclass & 1 ? SPAN_NOSCAN : 0) | (large ? SPAN_LARGE : 0) |
		                      (r->spanclass == TINY_CLASS ? SPAN_TINY : 0) | (r->userarena ? SPAN_USERARENA : 0));
		in->mspan = r->mspan;
		in->npages = r->npages;
		/* The end of a user arena holds its mask. */
		in->slot_size = large && !r->userarena ? r->npages << PAGE_SHIFT : r->elemsize;
		in->spanclass = r->spanclass;
		in->specials = r->specials;
		in->type = r->type;
		in->freeindex_scan = r->salvaged ? r->nelems : r->scanindex;
		uint64_t avail;
		in->data = proc_view(h->proc, s->base, &avail);
		if (!in->data || avail < r->npages << PAGE_SHIFT)
			in->data = NULL;
		ids += r->nelems;
		if (ids >= UINT32_MAX - (UINT32_C(1) << 28))
			return err_new(HC_E_LIMIT, "%s: the heap has more than %" PRIu64 " slots; this build counts them in 32 bits",
			               h->proc->blob->path, ids);
		raw->data[kept++] = *r;
		if (!heap_pages_add(h, (uint32_t)(kept - 1)))
			return err_nomem();
	}
	raw->len = kept;
	h->nspans = (uint32_t)kept;
	h->nslots = (uint32_t)ids;
	h->min_addr = h->spans[0].base;
	h->max_addr = end;
	return NULL;
}

/* Does the page's span keep its mark bits inside (Green Tea)? The bit is right in every build, see go-runtime 2.5. */
static bool inline_marks(const struct heap *h, const struct span *s)
{
	const struct arena_meta *a = arena_find(h, s->base);
	uint64_t page = (s->base & ((UINT64_C(1) << arena_shift(h)) - 1)) >> PAGE_SHIFT;
	return a && a->inlinemarks && (a->inlinemarks[page / 8] >> (page & 7) & 1);
}

static void mask_setup(struct heap *h, uint32_t i, const struct span_rules *rules, bool inline_bits)
{
	struct span *s = &h->spans[i];
	struct span_info *in = &h->info[i];
	int minor = h->types->layout.minor;
	if (s->flags & SPAN_NOSCAN) {
		in->maskkind = MASK_NONE;
	} else if (minor <= 19) {
		in->maskkind = MASK_2BIT;
	} else if (minor <= 21 || !rules->headers) { /* 1.22 could still be built without headers */
		in->maskkind = MASK_1BIT;
	} else if (s->flags & SPAN_LARGE) {
		/* By span class, never by size: class 67 (32768 bytes) has headers too. */
		in->maskkind = MASK_LARGE;
	} else if (s->elemsize <= rules->bits_max) {
		uint64_t bytes = in->npages << PAGE_SHIFT, size = bytes / h->word / 8, avail;
		uint64_t off = bytes - size - (inline_bits ? INLINE_MARKS : 0);
		in->maskkind = MASK_SPANBITS;
		in->bits = in->data ? in->data + off : proc_view(h->proc, s->base + off, &avail);
		if (!in->data && (!in->bits || avail < size)) {
			in->bits = NULL;
			diag_add(h->diag, HC_SEV_WARNING, "the pointer bits of the span at %#" PRIx64
			         " are not in the snapshot: references from its objects are unknown", s->base);
		}
	} else {
		in->maskkind = MASK_HEADER;
		s->flags |= SPAN_HEADER;
	}
	if (!in->data)
		s->flags |= SPAN_HOLES;
}

/* n bits (LSB first in bytes) at an address, as words; missing bytes read as `fill`. */
static void bits_read(const struct heap *h, uint64_t addr, uint64_t n, uint64_t *out, uint8_t fill)
{
	uint8_t bytes[1024 / 8 * 2]; /* nelems is at most 1024, padded to 64 bits */
	size_t size = bit_words(n) * 8;
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	if (!proc_read(h->proc, addr, bytes, size)) {
		memset(bytes, fill, size);
		diag_add(h->diag, HC_SEV_WARNING, "allocation bits at %#" PRIx64 " are not in the snapshot", addr);
	}
	for (size_t i = 0; i < size / 8; i++)
		out[i] = load64(bytes + i * 8, false);
}

/*
 * The objects of one span. A span that the sweeper has not reached (sweepgen h-2, or h+1: cached before sweeping began)
 * still holds objects that the finished mark phase condemned; they are garbage that is as good as free.
 */
static void alloc_setup(struct heap *h, uint32_t i, const struct raw_span *r, bool inline_bits)
{
	const struct span *s = &h->spans[i];
	uint64_t alloc[32] = {0}, mark[32] = {0}, tea[32] = {0};
	uint64_t n = s->nelems < 1024 ? s->nelems : 1024;
	if (r->freeindex < r->nelems)
		bits_read(h, r->allocbits, n, alloc, 0);
	for (uint64_t k = 0; k < n && k < r->freeindex; k++)
		bit_set(alloc, k);
	uint32_t gen = (uint32_t)h->priv->sweepgen;
	if (h->gcphase == 0 && (r->sweepgen == gen - 2 || r->sweepgen == gen + 1)) {
		bits_read(h, r->markbits, n, mark, 0xff);
		if (inline_bits)
			bits_read(h, s->base + (1 << PAGE_SHIFT) - INLINE_MARKS + 64, n < 504 ? n : 504, tea, 0);
		for (uint64_t k = 0; k < n; k++) {
			if (bit_get(alloc, k) && !bit_get(mark, k) && !bit_get(tea, k)) {
				bit_clear(alloc, k);
				h->totals.condemned_objects++;
				h->totals.condemned_bytes += span_slot_size(h, i);
			}
		}
	}
	for (uint64_t k = 0; k < n; k++)
		if (bit_get(alloc, k))
			bit_set(h->alloc, s->first + k);
}

static struct hc_error *span_anchor(struct heap *h)
{
	struct heap_private *priv = h->priv;
	const struct proc *p = h->proc;
	priv->mheap = anchor_mheap(h);
	if (!priv->mheap && p->lost_bytes)
		return err_new(HC_E_TRUNCATED, "%s: the core was cut before the Go heap's bookkeeping, by which runtime.mheap_ is "
		               "found where names are stripped; give the unstripped executable with --exe or its debug file with "
		               "--debug-file for what is left, or make the dump again without a size limit", p->blob->path);
	if (!priv->mheap)
		return err_new(HC_E_EXE, "%s: runtime.mheap_ was not found, by name or by its structure: the snapshot may lack the "
		               "program's variables, or the executable is stripped in a way that is not known; give the unstripped one "
		               "with --exe", p->blob->path);
	uint64_t gen, phase_addr = types_global_addr(h->types, "runtime.gcphase");
	if (!layout_read(&h->types->layout, p, priv->mheap, L_MHEAP_SWEEPGEN, &gen))
		return err_new(HC_E_TRUNCATED, "%s: runtime.mheap_ at %#" PRIx64 " is not in the snapshot: it was cut too early to tell "
		               "anything; make it again without a size limit", p->blob->path, priv->mheap);
	priv->sweepgen = gen;
	/* Without names the phase stays unknown: 0. No span is waiting to be swept during marking, so nothing goes wrong. */
	if (phase_addr && !proc_u32(p, phase_addr, &h->gcphase))
		h->gcphase = 0;
	return NULL;
}

struct hc_error *heap_load_spans(struct heap *h, unsigned threads)
{
	(void)threads;
	raw_vec raw = {0};
	struct census c = {0};
	struct salvage s = {.h = h};
	const struct span_rules rules = span_rules_of(h->proc);
	struct hc_error *err = span_anchor(h);
	if (!err)
		err = collect(h, &raw, &c);
	if (!err && c.unreadable)
		err = salvage(h, &raw, &c, &s);
	if (!err && !raw.len)
		err = no_spans(h, &c);
	if (!err)
		err = index_spans(h, &raw);
	if (!err)
		err = heap_index_ids(h);
	if (!err)
		err = arenas_load(h);
	if (!err) {
		h->alloc = big_alloc(bit_words((uint64_t)h->nslots + 64) * 8);
		if (!h->alloc)
			err = err_nomem();
	}
	for (uint32_t i = 0; !err && i < h->nspans; i++) {
		bool inline_bits = inline_marks(h, &h->spans[i]);
		if (raw.data[i].salvaged) {
			mask_setup(h, i, &rules, rules.inline_marks && raw.data[i].elemsize >= 16 && raw.data[i].elemsize <= rules.bits_max);
			bool masked = rules.headers && (h->info[i].maskkind != MASK_LARGE || h->info[i].type);
			if (!masked && !(h->spans[i].flags & SPAN_NOSCAN) && !salvage_mask(&s, i))
				err = err_nomem();
			continue;
		}
		mask_setup(h, i, &rules, inline_bits);
		alloc_setup(h, i, &raw.data[i], inline_bits);
	}
	if (!err && c.unreadable)
		err = salvage_objects(&s);
	salvage_free(&s);
	vec_free(&raw);
	return err;
}
