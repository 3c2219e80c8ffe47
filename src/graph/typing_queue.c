/* SPDX-License-Identifier: MIT */
/*
 * What is still to be done: objects whose pointers are to be followed, claims that are to be judged, regions outside
 * the heap. The order depends on nothing but the snapshot.
 *
 * Objects wait as bits of a set. While many wait, they are taken in sweeps over the heap in order of address: what a
 * program allocates together lies together, so that both an object and what it points to are near what came before.
 * While few wait (the end of a long list), they are taken first in, first out. Claims go through a ring in steps, to
 * give memory time: what a step needs is fetched while the claims in front are worked on.
 */
#include "graph/typing_priv.h"

static inline void fetch(const void *p)
{
	__builtin_prefetch(p);
}

/* ---- objects ---- */

void typing_queue(struct typing *ty, uint32_t span, uint32_t id)
{
	if (bit_get(ty->queued, id))
		return;
	bit_set(ty->queued, id);
	ty->nqueued++;
	ty->changes++;
	if (ty->sweeping)
		return;
	if (ty->queue_tail - ty->queue_head == QUEUE_RING)
		ty->sweeping = true; /* too many: the set has them all */
	else
		ty->queue[ty->queue_tail++ % QUEUE_RING] = (uint64_t)span << 32 | id;
}

static void scan_one(struct typing *ty, uint32_t span, uint32_t id)
{
	bit_clear(ty->queued, id);
	ty->nqueued--;
	object_scan(ty, span, id);
}

/* The objects of a span that wait, and those that begin to wait meanwhile further up in it. */
static void span_sweep(struct typing *ty, uint32_t span)
{
	const struct span *s = &ty->h->spans[span];
	uint32_t end = s->first + s->nelems;
	for (uint64_t w = s->first >> 6; w <= (end - 1) >> 6; w++) {
		uint64_t done = w == s->first >> 6 ? (UINT64_C(1) << (s->first & 63)) - 1 : 0, left;
		if (w == (end - 1) >> 6 && (end & 63))
			done |= ~UINT64_C(0) << (end & 63);
		while ((left = ty->queued[w] & ~done)) {
			unsigned i = (unsigned)__builtin_ctzll(left);
			done |= (UINT64_C(2) << i) - 1;
			scan_one(ty, span, (uint32_t)(w * 64 + i));
		}
	}
}

static void sweep(struct typing *ty)
{
	for (uint32_t i = 0; i < ty->h->nspans && !ty->nomem; i++)
		if (ty->h->spans[i].nelems)
			span_sweep(ty, i);
	claims_flush(ty);
}

/* Back to the ring when few are left. */
static void queue_refill(struct typing *ty)
{
	ty->queue_head = ty->queue_tail = 0;
	ty->sweeping = ty->nqueued > QUEUE_RING / 2;
	for (uint32_t i = 0; i < ty->h->nspans && !ty->sweeping && ty->nqueued; i++) {
		const struct span *s = &ty->h->spans[i];
		for (uint32_t id = s->first; id < s->first + s->nelems; id++) {
			if (!ty->queued[id >> 6])
				id |= 63;
			else if (bit_get(ty->queued, id))
				ty->queue[ty->queue_tail++ % QUEUE_RING] = (uint64_t)i << 32 | id;
		}
	}
}

static void objects_scan(struct typing *ty)
{
	while (ty->nqueued && !ty->nomem) {
		if (ty->sweeping) {
			sweep(ty);
			queue_refill(ty);
			continue;
		}
		while (ty->queue_head != ty->queue_tail && !ty->sweeping && !ty->nomem) {
			uint64_t e = ty->queue[ty->queue_head++ % QUEUE_RING];
			if (bit_get(ty->queued, (uint32_t)e))
				scan_one(ty, (uint32_t)(e >> 32), (uint32_t)e);
		}
		claims_flush(ty);
	}
}

/* ---- claims ---- */

/* The cell of the page table is there: the span. */
static void step_span(struct typing *ty, struct waiting *w)
{
	uint64_t addr = w->claim.addr;
	if (!w->claim.bytes)
		return;
	w->span = ty->h->pages[addr >> 26][(addr >> 13) & 8191];
	if (w->span != UINT32_MAX) {
		fetch(&ty->h->spans[w->span]);
		fetch(&ty->spans[w->span]);
	}
}

/* The span is there: the object. */
static void step_object(struct typing *ty, struct waiting *w)
{
	uint64_t addr = w->claim.addr;
	if (!w->claim.bytes)
		return;
	const struct span *s = w->span == UINT32_MAX ? NULL : &ty->h->spans[w->span];
	if (!s || addr - s->base >= s->limit - s->base) {
		typing_claim(ty, &w->claim);
		w->claim.bytes = 0;
		return;
	}
	w->id = s->first + (uint32_t)(((addr - s->base) * s->magic) >> 32);
	fetch(&ty->tw[w->id]);
}

/* The type word is there: most claims say what is known already. The others need the pointer bits. */
static void step_bits(struct typing *ty, struct waiting *w)
{
	if (!w->claim.bytes)
		return;
	if (claim_is_known(ty, &w->claim, w->span, w->id)) {
		w->claim.bytes = 0;
		return;
	}
	const struct span *s = &ty->h->spans[w->span];
	const struct typing_span *t = &ty->spans[w->span];
	uint64_t off = (uint64_t)(w->id - s->first) * s->elemsize;
	fetch(&ty->slack[w->id]);
	if (t->bits)
		fetch(t->bits + off / (8u * ty->word));
	else if (t->data && !(s->flags & SPAN_NOSCAN))
		fetch(t->data + off);
}

static void step_judge(struct typing *ty, struct waiting *w)
{
	if (w->claim.bytes)
		typing_claim_at(ty, &w->claim, w->span, w->id);
}

/* Takes each claim one step further when it is so many places behind the newest. */
static void claims_step(struct typing *ty)
{
	static void (*const steps[])(struct typing *, struct waiting *) = {
		step_span, step_object, step_bits, step_judge
	};
	uint64_t behind = CLAIM_STEP;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++, behind += CLAIM_STEP) {
		uint64_t at = ty->claims_tail - behind;
		if (at - ty->claims_from < UINT64_C(1) << 63) /* not from before the last flush */
			steps[i](ty, &ty->claims[at % CLAIM_RING]);
	}
	ty->claims_tail++;
}

void claim(struct typing *ty, uint64_t addr, uint32_t type, uint64_t bytes, unsigned flags)
{
	const struct heap *h = ty->h;
	struct waiting *w = &ty->claims[ty->claims_tail % CLAIM_RING];
	if ((prog_of(ty, type)->flags & PROG_NEVER) || !bytes)
		return;
	w->claim = (struct claim){addr, bytes, type, flags};
	const uint32_t *page = addr - h->min_addr < h->max_addr - h->min_addr ? h->pages[addr >> 26] : NULL;
	if (!page) {
		typing_claim(ty, &w->claim);
		return;
	}
	fetch(&page[(addr >> 13) & 8191]);
	ty->claims_new = ty->claims_tail + 1;
	claims_step(ty);
}

void claims_flush(struct typing *ty)
{
	uint64_t end = ty->claims_new;
	if (end <= ty->claims_from)
		return;
	/* Empty places push the last claims through all steps. */
	while (ty->claims_tail < end + 4 * CLAIM_STEP) {
		ty->claims[ty->claims_tail % CLAIM_RING].claim.bytes = 0;
		claims_step(ty);
	}
	ty->claims_from = ty->claims_tail;
}

void typing_drain(struct typing *ty)
{
	do {
		objects_scan(ty);
		claims_flush(ty);
		if (!ty->nqueued)
			regions_scan(ty);
		claims_flush(ty);
	} while (!ty->nomem && (ty->nqueued || ty->regions.len));
}
