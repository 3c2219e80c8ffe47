/* SPDX-License-Identifier: MIT */
/* Public accessors of what Go's own profiles are made of. */
#include "heapconv/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

/* Beyond it nothing would be sampled; what stands for one object stays a number. */
#define RATE_MAX (UINT64_C(1) << 40)
enum { LABELS_MAX = 64, SITE_MAX = 128, USUAL_RATE = 512 * 1024, MAX_SMALL = 32768 };

static struct hc_text text_of(const struct heap_text *t)
{
	return (struct hc_text){(const char *)t->bytes, (size_t)t->len};
}

size_t hc_goroutine_labels(const struct hc_snapshot *s, uint32_t goroutine, struct hc_label *out, size_t max)
{
	struct heap_label label[LABELS_MAX];
	if (goroutine >= hc_goroutine_count(s))
		return 0;
	size_t n = heap_labels(s->heap, &s->heap->goroutines[goroutine], label, max < LABELS_MAX ? max : LABELS_MAX);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct hc_label){text_of(&label[i].key), text_of(&label[i].value)};
	return n;
}

uint64_t hc_monotonic_time(const struct hc_snapshot *s)
{
	return s->heap ? heap_monotonic_time(s->heap) : 0;
}

/* Heap dumps hold the calls by name. */
static size_t site_recorded(const struct heap *h, uint64_t bucket, struct hc_line *out, size_t max)
{
	const struct alloc_site *site = heap_site(h, bucket);
	size_t n = 0;
	for (; site && n < site->nframes && n < max; n++) {
		const struct site_frame *f = &h->site_frames[site->first_frame + n];
		out[n] = (struct hc_line){f->func, f->file, f->line <= INT32_MAX ? (int)f->line : 0, false};
	}
	return n;
}

/* As go tool pprof shows profiles: who called the allocator is meant, not the allocator. */
static size_t without_runtime(struct hc_line *line, size_t n)
{
	size_t i = 0;
	while (i + 1 < n && (!strncmp(line[i].function, "runtime.", 8) || !strncmp(line[i].function, "internal/runtime/", 17)))
		i++;
	memmove(line, line + i, (n - i) * sizeof(*line));
	return n - i;
}

size_t hc_object_site(const struct hc_snapshot *s, hc_node node, struct hc_line *out, size_t max)
{
	uint64_t pc[SITE_MAX];
	size_t n = 0;
	const struct special *sample = s->heap ? heap_sample(s->heap, node) : NULL;
	if (!sample)
		return 0;
	if (s->heap->sites)
		return without_runtime(out, site_recorded(s->heap, sample->arg, out, max));
	size_t calls = heap_site_pcs(s->heap, sample, pc, SITE_MAX);
	for (size_t i = 0; i < calls && n < max; i++)
		n += hc_pc_lines(s, pc[i] - 1, out + n, max - n);
	return without_runtime(out, n);
}

/* ---- the profile's rate, from what it caught ---- */

struct caught {
	const struct heap *h;
	double objects[MAX_SMALL / 8 + 1]; /* by size / 8; larger ones are one to a span */
	double samples;
};

static void count_objects(struct caught *c)
{
	const struct heap *h = c->h;
	for (uint32_t i = 0; i < h->nspans; i++) {
		uint64_t size = span_slot_size(h, i);
		for (uint32_t id = h->spans[i].first; size <= MAX_SMALL && id < h->spans[i].first + h->spans[i].nelems; id++)
			c->objects[size / 8] += bit_get(h->alloc, id);
	}
	for (uint32_t i = 0; i < h->nspecials; i++)
		c->samples += h->specials[i].kind == SPECIAL_PROFILE;
}

/* How many of the snapshot's objects a profile of this rate would have caught. */
static double expected(const struct caught *c, double rate)
{
	double sum = 0;
	for (unsigned i = 1; i <= MAX_SMALL / 8; i++)
		if (c->objects[i] > 0)
			sum -= c->objects[i] * expm1(-8.0 * i / rate);
	for (uint32_t i = 0; i < c->h->nspans; i++)
		if (span_slot_size(c->h, i) > MAX_SMALL && bit_get(c->h->alloc, c->h->spans[i].first))
			sum -= expm1(-(double)span_slot_size(c->h, i) / rate);
	return sum;
}

/* The usual rate where it explains the number of samples, by three standard deviations; else the one that does. */
static uint64_t rate_fitted(const struct heap *h)
{
	enum { FEW = 10, STEPS = 40 };
	struct caught *c = calloc(1, sizeof(*c));
	if (!c)
		return USUAL_RATE;
	c->h = h;
	count_objects(c);
	double usual = expected(c, USUAL_RATE), off = c->samples - usual, lo = 1, hi = 1 << 30;
	if (c->samples < FEW || off * off <= 9 * usual) {
		free(c);
		return USUAL_RATE;
	}
	for (int i = 0; i < STEPS; i++) {
		double mid = sqrt(lo * hi);
		*(expected(c, mid) > c->samples ? &lo : &hi) = mid;
	}
	free(c);
	return (uint64_t)hi;
}

uint64_t hc_profile_rate(const struct hc_snapshot *s)
{
	uint64_t at, rate;
	if (!s->heap)
		return USUAL_RATE;
	at = s->proc->dump ? 0 : types_global_addr(s->heap->types, "runtime.MemProfileRate");
	if (!at || !proc_word(s->proc, at, &rate) || rate > RATE_MAX)
		return rate_fitted(s->heap);
	return rate ? rate : 1; /* switched off meanwhile: runtime/pprof does not scale then either */
}
