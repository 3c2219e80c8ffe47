/* SPDX-License-Identifier: MIT */
/*
 * What the records say about single objects: finalizers, and where sampled ones were allocated. Weak handles, cleanups and
 * pins are not recorded.
 */
#include <stdlib.h>

#include "heap/dump.h"
#include "heap/priv.h"

enum { FIN_OBJECT, FIN_FN, FIN_PC, FIN_ARGUMENT, FIN_TYPE };
enum { SITE_BUCKET, SITE_SIZE, SITE_NFRAMES, SITE_ALLOCS, SITE_FREES };
enum { SAMPLE_OBJECT, SAMPLE_BUCKET };

/* ---- records of objects ---- */

static bool special_add(struct heap *h, size_t *cap, uint64_t addr, struct special s)
{
	uint32_t span, id = heap_find_slot(h, addr, &span);
	if (id == OBJ_NONE || !bit_get(h->alloc, id))
		return true;
	s.object = id;
	s.offset = addr - span_slot_addr(&h->spans[span], id); /* may be inside the object */
	h->info[span].specials = 1;
	if (h->nspecials == UINT32_MAX || !vec_grow(&h->specials, cap, sizeof(s), (size_t)h->nspecials + 1))
		return false;
	h->specials[h->nspecials++] = s;
	return true;
}

static int by_object(const void *ap, const void *bp)
{
	const struct special *a = ap, *b = bp;
	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static bool load_objects(struct heap *h, const struct dump *d)
{
	size_t cap = 0;
	struct hd_record r;
	for (size_t i = 0; i < d->records[HD_FINALIZER].len; i++) {
		dump_record(d, d->records[HD_FINALIZER].data[i], &r);
		struct special s = {.kind = SPECIAL_FINALIZER, .addr = i, .fn = r.n[FIN_FN], .ot = r.n[FIN_TYPE]};
		if (!special_add(h, &cap, r.n[FIN_OBJECT], s))
			return false;
	}
	for (size_t i = 0; i < d->records[HD_SAMPLE].len; i++) {
		dump_record(d, d->records[HD_SAMPLE].data[i], &r);
		struct special s = {.kind = SPECIAL_PROFILE, .addr = d->records[HD_FINALIZER].len + i, .arg = r.n[SAMPLE_BUCKET]};
		if (!special_add(h, &cap, r.n[SAMPLE_OBJECT], s))
			return false;
	}
	if (h->nspecials)
		qsort(h->specials, h->nspecials, sizeof(*h->specials), by_object);
	for (uint32_t i = 0; i < h->nspecials; i++)
		h->specials[i].addr = 0; /* was for the order only: there is no record in memory */
	return true;
}

/* ---- allocation sites ---- */

static int by_bucket(const void *ap, const void *bp)
{
	const struct alloc_site *a = ap, *b = bp;
	if (a->bucket != b->bucket)
		return a->bucket < b->bucket ? -1 : 1;
	return a->first_frame < b->first_frame ? -1 : a->first_frame > b->first_frame;
}

static bool site_add(struct heap *h, const struct hd_record *r, size_t *cap)
{
	const uint8_t *at = r->frames;
	struct alloc_site *site = &h->sites[h->nsites];
	*site = (struct alloc_site){r->n[SITE_BUCKET], r->n[SITE_SIZE], r->n[SITE_ALLOCS], r->n[SITE_FREES], h->nsite_frames, 0};
	for (uint64_t i = 0; i < r->n[SITE_NFRAMES]; i++) {
		const uint8_t *text[2];
		uint64_t len[2];
		struct site_frame f;
		hd_site_frame(&at, text, len, &f.line);
		f.func = dump_text(h, text[0], len[0]);
		f.file = dump_text(h, text[1], len[1]);
		if (!f.func || !f.file || h->nsite_frames == UINT32_MAX ||
		    !vec_grow(&h->site_frames, cap, sizeof(f), (size_t)h->nsite_frames + 1))
			return false;
		h->site_frames[h->nsite_frames++] = f;
		site->nframes++;
	}
	h->nsites++;
	return true;
}

static bool load_sites(struct heap *h, const struct dump *d)
{
	size_t cap = 0, n = d->records[HD_MEMPROF].len;
	h->sites = calloc(n + 1, sizeof(*h->sites));
	if (!h->sites || n >= UINT32_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct hd_record r;
		dump_record(d, d->records[HD_MEMPROF].data[i], &r);
		if (!site_add(h, &r, &cap))
			return false;
	}
	qsort(h->sites, h->nsites, sizeof(*h->sites), by_bucket);
	return true;
}

struct hc_error *dump_load_specials(struct heap *h)
{
	const struct dump *d = h->proc->dump;
	return load_objects(h, d) && load_sites(h, d) ? NULL : err_nomem();
}

/* ---- roots that records name ---- */

struct hc_error *dump_queue_roots(struct root_builder *b, uint32_t fin, uint32_t clean)
{
	const struct dump *d = b->h->proc->dump;
	struct hd_record r;
	(void)clean;
	for (size_t i = 0; i < d->records[HD_QUEUEDFIN].len; i++) {
		dump_record(d, d->records[HD_QUEUEDFIN].data[i], &r);
		if (root_add(b, ROOT_FINQUEUE, fin, "queued finalizer") == UINT32_MAX || !root_edge_add(b, r.n[FIN_FN], 0) ||
		    !root_edge_add(b, r.n[FIN_OBJECT], b->h->word))
			return err_nomem();
		b->roots.data[b->roots.len - 1].type = types_by_rtype(b->h->types, r.n[FIN_TYPE]); /* of the pointer to the object */
	}
	for (size_t i = 0; i < d->records[HD_OTHERROOT].len; i++) {
		dump_record(d, d->records[HD_OTHERROOT].data[i], &r);
		const char *name = dump_text(b->h, r.text[0], r.text_len[0]);
		if (!name || root_add(b, ROOT_OTHER, 0, name) == UINT32_MAX || !root_edge_add(b, r.n[0], 0))
			return err_nomem();
	}
	return NULL;
}
