/* SPDX-License-Identifier: MIT */
/* Public accessors of what Go's own profiles are made of. */
#include "heapconv/profile.h"

#include "api/api.h"

enum { LABELS_MAX = 64, SITE_MAX = 128 };

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

size_t hc_object_site(const struct hc_snapshot *s, hc_node node, struct hc_line *out, size_t max)
{
	uint64_t pc[SITE_MAX];
	size_t n = 0;
	const struct special *sample = s->heap ? heap_sample(s->heap, node) : NULL;
	if (!sample)
		return 0;
	if (s->heap->sites)
		return site_recorded(s->heap, sample->arg, out, max);
	size_t calls = heap_site_pcs(s->heap, sample, pc, SITE_MAX);
	for (size_t i = 0; i < calls && n < max; i++)
		n += hc_pc_lines(s, pc[i] - 1, out + n, max - n);
	return n;
}
