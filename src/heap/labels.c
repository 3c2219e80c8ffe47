/* SPDX-License-Identifier: MIT */
/*
 * Labels of goroutines: g.labels points to what runtime/pprof made, a map[string]string up to Go 1.23, a struct around a
 * []struct{ key, value string } from 1.24 on. Neither changes once a goroutine has it.
 */
#include <string.h>

#include "heap/heap.h"

enum { LIST_FROM = 24, BUCKET = 8, MAX_LOG_BUCKETS = 16, MAX_OVERFLOW = 64 };

/* tophash of a map bucket (runtime/map.go): below 5 a slot is empty, 2 to 4 in the first say that all has moved on. */
enum { EVACUATED_FIRST = 2, EVACUATED_LAST = 4, TOP_MIN = 5 };

struct found {
	const struct heap *h;
	struct heap_label *out;
	size_t n, max;
};

/* A string header; false unless all its bytes are there in one piece. */
static bool text_at(const struct heap *h, uint64_t addr, struct heap_text *ret)
{
	uint64_t ptr, len, avail;
	if (!proc_word(h->proc, addr, &ptr) || !proc_word(h->proc, addr + h->word, &len))
		return false;
	*ret = (struct heap_text){(const uint8_t *)"", 0};
	if (!len)
		return true;
	const uint8_t *p = proc_view(h->proc, ptr, &avail);
	if (!p || len > avail)
		return false;
	*ret = (struct heap_text){p, len};
	return true;
}

static void add(struct found *f, uint64_t key, uint64_t value)
{
	struct heap_label l;
	if (f->n < f->max && text_at(f->h, key, &l.key) && text_at(f->h, value, &l.value))
		f->out[f->n++] = l;
}

static void add_list(struct found *f, uint64_t slice)
{
	const struct heap *h = f->h;
	uint64_t at, len;
	if (!proc_word(h->proc, slice, &at) || !proc_word(h->proc, slice + h->word, &len))
		return;
	for (uint64_t i = 0; i < len && i < f->max; i++)
		add(f, at + i * 4 * h->word, at + (i * 4 + 2) * h->word);
}

/* One bucket with those that overflow from it. */
static void add_bucket(struct found *f, uint64_t at, bool old)
{
	const struct heap *h = f->h;
	uint64_t string = 2u * h->word, keys = BUCKET, values = keys + BUCKET * string, next = values + BUCKET * string;
	uint8_t top[BUCKET];
	for (int i = 0; at && i < MAX_OVERFLOW && proc_read(h->proc, at, top, sizeof(top)); i++) {
		if (old && top[0] >= EVACUATED_FIRST && top[0] <= EVACUATED_LAST)
			return;
		for (uint64_t s = 0; s < BUCKET; s++)
			if (top[s] >= TOP_MIN)
				add(f, at + keys + s * string, at + values + s * string);
		if (!proc_word(h->proc, at + next, &at))
			return;
	}
}

/* runtime.hmap, the same from 1.17 to 1.23: count int, flags, B uint8, noverflow uint16, hash0 uint32, then pointers. */
static void add_map(struct found *f, uint64_t hmap)
{
	const struct heap *h = f->h;
	uint64_t buckets, old, size = BUCKET + 2u * BUCKET * 2 * h->word + h->word;
	uint8_t log, flags;
	if (!proc_u8(h->proc, hmap + h->word, &flags) || !proc_u8(h->proc, hmap + h->word + 1, &log) ||
	    !proc_word(h->proc, hmap + h->word + 8, &buckets) ||
	    !proc_word(h->proc, hmap + 2u * h->word + 8, &old) || log > MAX_LOG_BUCKETS)
		return;
	for (uint64_t i = 0; buckets && i < UINT64_C(1) << log && f->n < f->max; i++)
		add_bucket(f, buckets + i * size, false);
	uint64_t nold = UINT64_C(1) << (log && !(flags & 8) ? log - 1 : log); /* 8: growing in place */
	for (uint64_t i = 0; old && i < nold && f->n < f->max; i++)
		add_bucket(f, old + i * size, true);
}

static int compare(const struct heap_text *a, const struct heap_text *b)
{
	int c = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
	return c ? c : (a->len > b->len) - (a->len < b->len);
}

size_t heap_labels(const struct heap *h, const struct goroutine *g, struct heap_label *out, size_t max)
{
	struct found f = {h, out, 0, max};
	uint64_t hmap;
	if (!g->labels)
		return 0;
	if (h->types->layout.minor >= LIST_FROM)
		add_list(&f, g->labels);
	else if (proc_word(h->proc, g->labels, &hmap) && hmap)
		add_map(&f, hmap);
	for (size_t i = 1; i < f.n; i++) { /* few: insertion sort */
		struct heap_label l = out[i];
		size_t k = i;
		for (; k > 0 && compare(&out[k - 1].key, &l.key) > 0; k--)
			out[k] = out[k - 1];
		out[k] = l;
	}
	return f.n;
}
