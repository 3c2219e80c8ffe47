/* SPDX-License-Identifier: MIT */
/* The front end for heap dumps: what does not need a file of its own. */
#include <stdlib.h>

#include "heap/dump.h"
#include "heap/priv.h"

void dump_close(struct heap *h)
{
	struct dump_model *m = h->priv->dump;
	if (!m)
		return;
	h->proc->dump->resolve = NULL;
	big_free(m->bits, m->bits_size);
	vec_free(&m->pieces);
	strtab_free(&m->texts);
	free(m);
}

const char *dump_text(struct heap *h, const uint8_t *text, uint64_t len)
{
	uint32_t id;
	if (!strtab_add(&h->priv->dump->texts, (const char *)text, (size_t)len, &id))
		return NULL;
	return strtab_text(&h->priv->dump->texts, id);
}

/* ---- bytes at addresses ---- */

static const struct memory_piece *piece_at(const struct dump_model *m, uint64_t addr)
{
	size_t lo = 0, hi = m->pieces.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m->pieces.data[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr - m->pieces.data[lo - 1].addr < m->pieces.data[lo - 1].size ? &m->pieces.data[lo - 1] : NULL;
}

/* For proc_view(): objects, then stacks and itabs. */
static const uint8_t *resolve(const void *ctx, uint64_t addr, uint64_t *avail)
{
	const struct heap *h = ctx;
	uint32_t span, id = heap_find_slot(h, addr, &span);
	if (id != OBJ_NONE) {
		const uint8_t *slot = bit_get(h->alloc, id) ? slot_bytes(h, span, id) : NULL;
		uint64_t off = addr - span_slot_addr(&h->spans[span], id);
		*avail = h->info[span].slot_size - off;
		return slot ? slot + off : NULL;
	}
	const struct memory_piece *p = piece_at(h->priv->dump, addr);
	if (!p)
		return NULL;
	*avail = p->size - (addr - p->addr);
	return p->data + (addr - p->addr);
}

static struct hc_error *spans(struct heap *h, unsigned threads)
{
	struct hc_error *err = dump_load_spans(h, threads);
	if (err)
		return err;
	h->proc->dump->resolve = resolve;
	h->proc->dump->resolve_ctx = h;
	return NULL;
}

/* ---- package variables ---- */

static bool variables(const struct heap *h, size_t i, struct variables *ret)
{
	static const enum hd_tag tags[] = {HD_DATA, HD_BSS};
	struct hd_record r;
	if (i >= 2)
		return false;
	*ret = (struct variables){0, 0, h->priv->dump->variables[i], 0};
	if (!dump_first(h->proc->dump, tags[i], &r))
		return true;
	ret->addr = r.n[0];
	ret->end = r.n[0] + r.mem_len;
	ret->nbits = r.mem_len / h->word;
	return true;
}

/* The records list pointers; what walks the variables wants bits. */
static struct hc_error *variables_load(struct heap *h)
{
	static const enum hd_tag tags[] = {HD_DATA, HD_BSS};
	for (unsigned i = 0; i < 2; i++) {
		struct hd_record r;
		uint64_t off;
		if (!dump_first(h->proc->dump, tags[i], &r))
			continue;
		const uint8_t *at = r.fields;
		uint64_t *bits = arena_alloc(&h->arena, (bit_words(r.mem_len / h->word) + 1) * sizeof(*bits));
		if (!bits)
			return err_nomem();
		while (hd_field_next(&at, &off))
			if (off % h->word == 0 && in_range(off, h->word, r.mem_len))
				bit_set(bits, off / h->word);
		h->priv->dump->variables[i] = bits;
	}
	return NULL;
}

/*
 * The itabs that the runtime made at run time are in none of the dumped memory; their records say what an interface's first
 * word wants to know, {interface, type}. Those of the linker are in the executable, which counts first.
 */
static struct hc_error *itabs_load(struct heap *h)
{
	const struct dump *d = h->proc->dump;
	for (size_t i = 0; i < d->records[HD_ITAB].len; i++) {
		struct hd_record r;
		dump_record(d, d->records[HD_ITAB].data[i], &r);
		uint8_t *words = arena_alloc(&h->arena, 2u * h->word);
		struct memory_piece p = {r.n[0], words, 2u * h->word};
		if (!words || !vec_push(&h->priv->dump->pieces, p))
			return err_nomem();
		for (unsigned k = 0; k < h->word; k++)
			words[h->be ? 2u * h->word - 1 - k : h->word + k] = (uint8_t)(r.n[1] >> (8 * k));
	}
	return NULL;
}

static struct hc_error *specials(struct heap *h)
{
	struct hc_error *err = variables_load(h);
	if (!err)
		err = itabs_load(h);
	return err ? err : dump_load_specials(h);
}

/* ---- totals ---- */

/* What MemStats says about memory that has no records: free pages, stacks, the runtime's own. */
static struct hc_error *totals(struct heap *h)
{
	struct memory_totals *t = &h->totals;
	struct hd_record r;
	heap_count_spans(h);
	heap_forget_counters(h);
	if (!dump_first(h->proc->dump, HD_MEMSTATS, &r)) {
		diag_add(h->diag, HC_SEV_WARNING, "the heap dump was cut before the runtime's counters: free memory and stacks are "
		         "unknown");
		return NULL;
	}
	const uint64_t *n = r.n;
	t->rt_heap_objects = n[HD_HEAPOBJECTS];
	t->rt_heap_alloc = n[HD_HEAPALLOC];
	t->rt_stacks_inuse = n[HD_STACKINUSE];
	t->rt_stacks_sys = n[HD_STACKSYS];
	t->rt_mspan_sys = n[HD_MSPANSYS];
	t->rt_mcache_sys = n[HD_MCACHESYS];
	t->rt_buckhash_sys = n[HD_BUCKHASHSYS];
	t->rt_gc_sys = n[HD_GCSYS];
	t->rt_other_sys = n[HD_OTHERSYS];
	/* Spans without any object have no records. */
	if (n[HD_HEAPINUSE] > t->heap_span_bytes) {
		t->free_slot_bytes += n[HD_HEAPINUSE] - t->heap_span_bytes;
		t->heap_span_bytes = n[HD_HEAPINUSE];
	}
	t->released_page_bytes = n[HD_HEAPRELEASED];
	t->free_page_bytes = n[HD_HEAPIDLE] > n[HD_HEAPRELEASED] ? n[HD_HEAPIDLE] - n[HD_HEAPRELEASED] : 0;
	t->stack_span_bytes = n[HD_STACKINUSE];
	t->unseen_bytes = n[HD_MSPANSYS] + n[HD_MCACHESYS] + n[HD_BUCKHASHSYS] + n[HD_GCSYS] + n[HD_OTHERSYS];
	if (n[HD_STACKSYS] > n[HD_STACKINUSE])
		t->unseen_bytes += n[HD_STACKSYS] - n[HD_STACKINUSE];
	return NULL;
}

const struct heap_source heap_from_dump = {
	.spans = spans,
	.specials = specials,
	.goroutines = dump_load_goroutines,
	.variables = variables,
	.stack_roots = dump_stack_roots,
	.queue_roots = dump_queue_roots,
	.totals = totals,
};
