/* SPDX-License-Identifier: MIT */
#include "heapbuild.h"

#include <stdio.h>

#include "base/bits.h"
#include "base/pool.h"

enum { GRANULES = 1 << 22, GRANULE_PAGES = 8192 };

static void *must(void *p)
{
	if (!p) {
		fputs("heapbuild: out of memory\n", stderr);
		abort();
	}
	return p;
}

static void must_be(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "heapbuild: %s\n", what);
		abort();
	}
}

void hb_init(struct heap_build *b, uint64_t max_bytes)
{
	memset(b, 0, sizeof(*b));
	memset(b->open, 0xff, sizeof(b->open));
	b->max_bytes = (max_bytes + HB_PAGE - 1) / HB_PAGE * HB_PAGE;
	b->data = must(big_alloc(b->max_bytes));
	b->bits = must(big_alloc(b->max_bytes / 64 + 8));
	b->heap.word = 8;
	b->heap.alloc = must(big_alloc(b->max_bytes / 64 + 8)); /* slots have 8 bytes at least */
	b->heap.pages = must(big_alloc(GRANULES * sizeof(*b->heap.pages)));
	hb_root(b, ROOT_ALL, 0);
}

void hb_deinit(struct heap_build *b)
{
	for (uint64_t g = HB_BASE >> 26; g <= (HB_BASE + b->used) >> 26; g++)
		free(b->heap.pages[g]);
	free(b->heap.span_hint);
	big_free(b->heap.pages, GRANULES * sizeof(*b->heap.pages));
	big_free(b->heap.alloc, b->max_bytes / 64 + 8);
	big_free(b->bits, b->max_bytes / 64 + 8);
	big_free(b->data, b->max_bytes);
	vec_free(&b->spans);
	vec_free(&b->info);
	vec_free(&b->roots);
	vec_free(&b->root_edges);
}

static uint32_t span_open(struct heap_build *b, uint64_t size, bool noscan)
{
	bool large = size > HB_LARGE;
	uint64_t npages = (size + HB_PAGE - 1) / HB_PAGE;
	while (!large && size > 1024 && npages * HB_PAGE / size < 8)
		npages++;
	uint64_t bytes = npages * HB_PAGE, base = HB_BASE + b->used;
	uint32_t i = (uint32_t)b->spans.len, nelems = large ? 1 : (uint32_t)(bytes / size);
	must_be(bytes <= b->max_bytes - b->used, "the heap is full");
	struct span s = {.base = base, .first = b->heap.nslots, .nelems = nelems};
	s.limit = base + (large ? size : nelems * size);
	s.magic = large ? 0 : UINT32_MAX / (uint32_t)size + 1;
	s.elemsize = large ? 0 : (uint16_t)size;
	s.flags = (uint16_t)((noscan ? SPAN_NOSCAN : 0) | (large ? SPAN_LARGE : 0));
	struct span_info info = {.slot_size = large ? bytes : size, .npages = npages, .data = b->data + b->used,
	                         .bits = b->bits + b->used / 64, .maskkind = noscan ? MASK_NONE : MASK_SPANBITS};
	must_be(vec_push(&b->spans, s) && vec_push(&b->info, info), "out of memory");
	for (uint64_t a = base; a < base + bytes; a += HB_PAGE) {
		uint32_t **page = &b->heap.pages[a >> 26];
		if (!*page) {
			*page = must(malloc(GRANULE_PAGES * sizeof(**page)));
			memset(*page, 0xff, GRANULE_PAGES * sizeof(**page));
		}
		(*page)[(a >> 13) & (GRANULE_PAGES - 1)] = i;
	}
	b->used += bytes;
	b->heap.nslots += nelems;
	return i;
}

uint32_t hb_alloc(struct heap_build *b, uint64_t size, bool noscan)
{
	size = size ? (size + 7) / 8 * 8 : 8;
	uint32_t id;
	if (size > HB_LARGE) {
		uint32_t span = span_open(b, size, noscan);
		id = b->spans.data[span].first;
	} else {
		uint32_t *span = &b->open[size / 8][noscan].span, *used = &b->open[size / 8][noscan].used;
		if (*span == UINT32_MAX || *used == b->spans.data[*span].nelems) {
			*span = span_open(b, size, noscan);
			*used = 0;
		}
		id = b->spans.data[*span].first + (*used)++;
	}
	bit_set(b->heap.alloc, id);
	return id;
}

void hb_release(struct heap_build *b, uint32_t id)
{
	bit_clear(b->heap.alloc, id);
}

static const struct span *span_of(const struct heap_build *b, uint32_t id)
{
	size_t lo = 0, hi = b->spans.len;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (b->spans.data[mid].first <= id)
			lo = mid;
		else
			hi = mid;
	}
	return &b->spans.data[lo];
}

uint64_t hb_addr(const struct heap_build *b, uint32_t id)
{
	return span_slot_addr(span_of(b, id), id);
}

void hb_store(struct heap_build *b, uint32_t id, uint64_t word, uint64_t value, bool pointer)
{
	uint64_t at = hb_addr(b, id) - HB_BASE + word * 8;
	memcpy(b->data + at, &value, 8);
	if (pointer)
		b->bits[at / 64] |= (uint8_t)(1 << (at / 8 % 8));
}

void hb_link(struct heap_build *b, uint32_t from, uint64_t word, uint32_t to, uint64_t into)
{
	hb_store(b, from, word, hb_addr(b, to) + into, true);
}

uint32_t hb_root(struct heap_build *b, enum root_kind kind, uint32_t parent)
{
	struct root r = {.name = "", .type = UINT32_MAX, .parent = parent, .goroutine = UINT32_MAX, .frame = UINT32_MAX,
	                 .object = OBJ_NONE, .first_edge = b->root_edges.len, .kind = (uint8_t)kind};
	must_be(vec_push(&b->roots, r), "out of memory");
	return (uint32_t)b->roots.len - 1;
}

void hb_root_edge(struct heap_build *b, uint32_t target, uint32_t offset)
{
	struct root_edge e = {hb_addr(b, target), target, offset};
	must_be(vec_push(&b->root_edges, e), "out of memory");
	b->roots.data[b->roots.len - 1].nedges++;
}

const struct heap *hb_finish(struct heap_build *b)
{
	struct heap *h = &b->heap;
	h->spans = b->spans.data;
	h->info = b->info.data;
	h->nspans = (uint32_t)b->spans.len;
	h->min_addr = HB_BASE;
	h->max_addr = HB_BASE + b->used;
	h->roots = b->roots.data;
	h->nroots = (uint32_t)b->roots.len;
	h->root_edges = b->root_edges.data;
	h->nroot_edges = b->root_edges.len;
	free(h->span_hint);
	h->span_hint = NULL;
	must_be(heap_index_ids(h) == NULL, "out of memory");
	return h;
}
