/* SPDX-License-Identifier: MIT */
/*
 * Spans from object records. A dump names no spans, but the slots of one lie in a row, and a size class has the same
 * number of pages everywhere: an object's size and address give its span's base, because no two slots of a span lie at
 * the same offset from a page boundary.
 *
 * From Go 1.22 on the records include phantoms: WriteHeapDump goes through all slots that would fit a span's pages, also
 * through those that its end, where the pointer bits are kept, has taken.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "heap/dump.h"
#include "heap/priv.h"

enum {
	PAGE_SIZE = 1 << PAGE_SHIFT,
	TINY_SIZE = 16,
	SPANS_PER_JOB = 64,
	/* A heap has a few objects in every page, and pages in most of its 64 MiB arenas. What has much fewer is a lie. */
	SLOTS_PER_RECORD = 256, SPARE_SLOTS = 1 << 20,
	BYTES_PER_GRANULE = 16384, SPARE_GRANULES = 1024,
	TYPES_REACH = 1 << 28, /* descriptors of a program lie together */
};

struct placed {
	uint64_t base; /* of the span */
	size_t run;
};

struct build {
	struct heap *h;
	const struct dump *d;
	struct span_rules rules;
	VEC(struct placed) placed; /* by base, then as in the file */
	size_t *first;             /* of each span, in placed; one more at the end */
	uint64_t ngranules, last_granule;
	/* counted by all threads */
	uint64_t kept, kept_bytes, phantoms, doubles, misplaced;
};

/* ---- where spans begin ---- */

static int by_base(const void *ap, const void *bp)
{
	const struct placed *a = ap, *b = bp;
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return a->run < b->run ? -1 : a->run > b->run;
}

static bool place_runs(struct build *b)
{
	bool sorted = true;
	if (!vec_reserve(&b->placed, b->d->runs.len))
		return false;
	for (size_t i = 0; i < b->d->runs.len; i++) {
		struct placed p = {0, i};
		if (!span_base_of(b->d->runs.data[i].addr, b->d->runs.data[i].size, &p.base)) {
			b->misplaced += b->d->runs.data[i].n;
			continue;
		}
		sorted &= !b->placed.len || b->placed.data[b->placed.len - 1].base <= p.base;
		b->placed.data[b->placed.len++] = p;
	}
	if (!sorted)
		qsort(b->placed.data, b->placed.len, sizeof(*b->placed.data), by_base);
	return true;
}

/* ---- spans ---- */

static uint64_t span_pages(uint64_t base, uint64_t size, const struct hd_run *last)
{
	unsigned class = size_class_of(size);
	if (size > MAX_SMALL)
		return size >> PAGE_SHIFT;
	if (class)
		return size_classes[class].pages;
	/* A class that Go 1.17 no longer has: as far as its objects reach. */
	return (last->addr + last->n * size - base + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static void span_set(const struct build *b, struct span *s, struct span_info *in, uint64_t size, bool scan)
{
	bool large = size > MAX_SMALL;
	s->nelems = (uint32_t)span_slots_of(&b->rules, size, in->npages, scan);
	s->elemsize = large ? 0 : (uint16_t)size;
	s->magic = large ? 0 : UINT32_MAX / (uint32_t)size + 1;
	s->limit = s->base + s->nelems * size;
	s->flags = (uint16_t)((scan ? 0 : SPAN_NOSCAN) | (large ? SPAN_LARGE | SPAN_ROUNDED : 0) |
	                      (!scan && size == TINY_SIZE ? SPAN_TINY : 0));
	if (b->rules.headers && scan && size > b->rules.bits_max && size < MAX_SMALL)
		s->flags |= SPAN_HEADER;
	in->slot_size = size;
	in->spanclass = (uint8_t)(size_class_of(size) << 1 | !scan);
	in->maskkind = scan ? MASK_DUMP : MASK_NONE;
}

static struct hc_error *too_sparse(const struct build *b, const char *what)
{
	return err_new(HC_E_FORMAT, "%s: heap dump is damaged: its %" PRIu64 " objects are spread over more %s than they can be",
	               b->h->proc->blob->path, b->d->nobjects, what);
}

/* Counts the 64 MiB granules that spans lie in: each costs a table. */
static bool granules_ok(struct build *b, uint64_t base, uint64_t end)
{
	uint64_t from = base >> GRANULE_SHIFT, to = (end - 1) >> GRANULE_SHIFT;
	b->ngranules += to - from + (from != b->last_granule);
	b->last_granule = to;
	return b->ngranules <= SPARE_GRANULES + b->d->end / BYTES_PER_GRANULE;
}

/* The runs of placed[from, to) have one base. */
static struct hc_error *span_add(struct build *b, size_t from, size_t to, uint64_t *ids, uint64_t *words)
{
	struct heap *h = b->h;
	const struct hd_run *first = &b->d->runs.data[b->placed.data[from].run], *last = first;
	struct span *s = &h->spans[h->nspans];
	struct span_info *in = &h->info[h->nspans];
	bool scan = false;
	uint64_t base = b->placed.data[from].base, at = UINT64_MAX;
	for (size_t i = from; i < to; i++) {
		const struct hd_run *r = &b->d->runs.data[b->placed.data[i].run];
		scan |= r->pointers && r->size == first->size;
		last = r->addr > last->addr ? r : last;
		at = r->at < at ? r->at : at;
	}
	s->base = base;
	in->npages = span_pages(base, first->size, last);
	uint64_t end = base + (in->npages << PAGE_SHIFT);
	if (end > UINT64_C(1) << ADDR_BITS || base < h->max_addr) {
		for (size_t i = from; i < to; i++)
			b->misplaced += b->d->runs.data[b->placed.data[i].run].n;
		return NULL;
	}
	if (!granules_ok(b, base, end))
		return too_sparse(b, "address space");
	span_set(b, s, in, first->size, scan);
	in->maskoff = at;
	s->first = (uint32_t)*ids;
	*ids += s->nelems;
	if (*ids >= UINT32_MAX - (UINT32_C(1) << 28))
		return err_new(HC_E_LIMIT, "%s: the heap has more than %" PRIu64 " slots; this build counts them in 32 bits",
		               h->proc->blob->path, *ids);
	if (scan)
		*words += bit_words((in->npages << PAGE_SHIFT) / h->word);
	h->max_addr = end;
	b->first[h->nspans++] = from;
	b->first[h->nspans] = to;
	return heap_pages_add(h, h->nspans - 1) ? NULL : err_nomem();
}

static struct hc_error *make_spans(struct build *b, uint64_t *words)
{
	struct heap *h = b->h;
	uint64_t ids = 0;
	size_t n = 0;
	for (size_t i = 0; i < b->placed.len; i++)
		n += !i || b->placed.data[i].base != b->placed.data[i - 1].base;
	h->spans = calloc(n + 1, sizeof(*h->spans));
	h->info = calloc(n + 1, sizeof(*h->info));
	b->first = calloc(n + 1, sizeof(*b->first));
	h->pages = big_alloc(NGRANULES * sizeof(*h->pages));
	if (!h->spans || !h->info || !b->first || !h->pages)
		return err_nomem();
	struct hc_error *err = NULL;
	for (size_t from = 0, to; !err && from < b->placed.len; from = to) {
		for (to = from + 1; to < b->placed.len && b->placed.data[to].base == b->placed.data[from].base; to++)
			continue;
		err = span_add(b, from, to, &ids, words);
	}
	if (!err && !h->nspans)
		err = err_new(HC_E_TRUNCATED, "%s: the heap dump holds no objects: it ends after %" PRIu64 " bytes; take it again",
		              h->proc->blob->path, b->d->end);
	if (!err && ids > SPARE_SLOTS + SLOTS_PER_RECORD * b->d->nobjects)
		err = too_sparse(b, "slots");
	h->nslots = (uint32_t)ids;
	h->min_addr = h->spans[0].base;
	return err;
}

/* ---- objects ---- */

struct tally {
	uint64_t kept, bytes, phantoms, doubles, misplaced;
	uint64_t word, set; /* bits of one word of heap.alloc that are not in it yet */
};

/* Neighbouring spans may share a word of the set, and are filled by several threads. */
static void alloc_flush(struct heap *h, struct tally *t)
{
	if (t->set)
		__atomic_fetch_or(&h->alloc[t->word], t->set, __ATOMIC_RELAXED);
	t->set = 0;
}

/* The bits of an object's pointer fields; offsets count from its slot. */
static void fields_set(const struct heap *h, const struct hd_record *rec, uint64_t *bits, uint64_t off)
{
	const uint8_t *at = rec->fields;
	uint64_t field;
	while (hd_field_next(&at, &field))
		if (field % h->word == 0 && in_range(field, h->word, rec->mem_len))
			bit_set(bits, (off + field) / h->word);
}

static void object_add(struct build *b, uint32_t span, const struct hd_record *rec, uint64_t *bits, struct tally *t)
{
	struct heap *h = b->h;
	const struct span *s = &h->spans[span];
	struct span_info *in = &h->info[span];
	uint64_t off = rec->n[0] - s->base, slot = off / in->slot_size;
	uint64_t at = (uint64_t)(rec->mem - b->d->data) - in->maskoff;
	if (off % in->slot_size || rec->mem_len != in->slot_size || at > UINT32_MAX) {
		t->misplaced++;
		return;
	}
	if (slot >= s->nelems) {
		t->phantoms++;
		return;
	}
	uint32_t id = s->first + (uint32_t)slot;
	if (h->content[id]) {
		t->doubles++;
		return;
	}
	h->content[id] = (uint32_t)at;
	if (t->word != id >> 6)
		alloc_flush(h, t);
	t->word = id >> 6;
	t->set |= UINT64_C(1) << (id & 63);
	t->kept++;
	t->bytes += in->slot_size;
	if (in->slot_size == in->npages << PAGE_SHIFT)
		in->data = rec->mem;
	if (bits && *rec->fields)
		fields_set(h, rec, bits, off);
}

static void fill_job(void *ctx, size_t job, unsigned worker)
{
	struct build *b = ctx;
	struct heap *h = b->h;
	struct dump_model *m = h->priv->dump;
	struct tally t = {0};
	uint32_t from = (uint32_t)job * SPANS_PER_JOB, to = h->nspans - from < SPANS_PER_JOB ? h->nspans : from + SPANS_PER_JOB;
	(void)worker;
	for (uint32_t i = from; i < to; i++) {
		const uint8_t *span_bits = h->info[i].bits;
		uint64_t *bits = span_bits ? m->bits + (size_t)(span_bits - (const uint8_t *)m->bits) / sizeof(*m->bits) : NULL;
		for (size_t k = b->first[i]; k < b->first[i + 1]; k++) {
			const struct hd_run *run = &b->d->runs.data[b->placed.data[k].run];
			struct hd_reader r = dump_reader(b->d, run->at);
			struct hd_record rec;
			for (uint32_t n = 0; n < run->n && hd_next(&r, &rec); n++)
				object_add(b, i, &rec, bits, &t);
		}
	}
	alloc_flush(h, &t);
	__atomic_fetch_add(&b->kept, t.kept, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->kept_bytes, t.bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->phantoms, t.phantoms, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->doubles, t.doubles, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->misplaced, t.misplaced, __ATOMIC_RELAXED);
}

static struct hc_error *fill(struct build *b, uint64_t words, unsigned threads)
{
	struct heap *h = b->h;
	struct dump_model *m = h->priv->dump;
	uint64_t at = 0;
	m->bits_size = (words + 2) * sizeof(*m->bits); /* readers take the word behind the one they need */
	m->bits = big_alloc(m->bits_size);
	h->alloc = big_alloc(bit_words((uint64_t)h->nslots + 64) * 8);
	h->content = big_alloc((uint64_t)h->nslots * sizeof(*h->content));
	if (!m->bits || !h->alloc || (h->nslots && !h->content))
		return err_nomem();
	h->file = b->d->data;
	for (uint32_t i = 0; i < h->nspans; i++) {
		if (h->info[i].maskkind != MASK_DUMP)
			continue;
		h->info[i].bits = (const uint8_t *)(m->bits + at);
		at += bit_words((h->info[i].npages << PAGE_SHIFT) / h->word);
	}
	pool_run(threads, (h->nspans + SPANS_PER_JOB - 1) / SPANS_PER_JOB, fill_job, b);
	return NULL;
}

/* Is this the address of a type? Without the executable: is it near one? */
static bool type_at(const struct heap *h, uint64_t addr)
{
	struct hd_record known;
	if (h->proc->nmodules)
		return mask_lookup(h, addr) != NULL;
	return dump_first(h->proc->dump, HD_TYPE, &known) && addr % h->word == 0 &&
	       addr - known.n[0] + TYPES_REACH < 2 * (uint64_t)TYPES_REACH;
}

/* A slot of 32768 bytes may be a class of its own, with type words, or a span of its own, without. */
static struct hc_error *largest_class(struct heap *h)
{
	for (uint32_t i = 0; i < h->nspans; i++) {
		struct span *s = &h->spans[i];
		uint64_t v;
		if (s->elemsize != MAX_SMALL || s->flags & SPAN_NOSCAN || !h->info[i].data || h->info[i].bits[0] & 1)
			continue;
		v = load_uint(h->info[i].data, h->word, h->be);
		if (!mask_register(h, v))
			return err_nomem();
		if (type_at(h, v))
			s->flags |= SPAN_HEADER;
	}
	return NULL;
}

static void say_left_out(const struct build *b)
{
	struct heap *h = b->h;
	struct hd_record stats;
	if (b->misplaced)
		diag_add(h->diag, HC_SEV_WARNING, "%" PRIu64 " objects of the heap dump have sizes or addresses that no Go object "
		         "has: they are left out", b->misplaced);
	if (b->doubles)
		diag_add(h->diag, HC_SEV_WARNING, "%" PRIu64 " objects are in the heap dump twice: the first record counts",
		         b->doubles);
	if (b->phantoms)
		diag_say(h->diag, HC_SEV_DEBUG, "%" PRIu64 " records of the heap dump are no objects but the ends of spans, which "
		         "WriteHeapDump mistakes for slots", b->phantoms);
	if (dump_first(b->d, HD_MEMSTATS, &stats) && stats.n[HD_HEAPOBJECTS] != b->kept)
		diag_add(h->diag, HC_SEV_WARNING, "the heap dump holds %" PRIu64 " objects, but the runtime counted %" PRIu64, b->kept,
		         stats.n[HD_HEAPOBJECTS]);
}

struct hc_error *dump_load_spans(struct heap *h, unsigned threads)
{
	struct build b = {.h = h, .d = h->proc->dump, .rules = span_rules_of(h->proc), .last_granule = UINT64_MAX};
	uint64_t words = 0;
	h->priv->dump = calloc(1, sizeof(*h->priv->dump));
	struct hc_error *err = h->priv->dump && place_runs(&b) ? NULL : err_nomem();
	if (!err)
		err = make_spans(&b, &words);
	if (!err)
		err = heap_index_ids(h);
	if (!err)
		err = fill(&b, words, threads);
	if (!err && b.rules.headers)
		err = largest_class(h);
	if (!err) {
		say_left_out(&b);
		h->priv->dump->phantoms = b.phantoms;
	}
	vec_free(&b.placed);
	free(b.first);
	return err;
}
