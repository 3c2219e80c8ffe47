/* SPDX-License-Identifier: MIT */
/*
 * What is still to be done: objects whose pointers are to be followed, claims that are to be judged, regions outside the
 * heap. The order depends on nothing but the snapshot.
 *
 * Objects wait as bits of a set. While many wait, they are taken in sweeps over the heap in order of address: what a
 * program allocates together lies together, so that both an object and what it points to are near what came before. While
 * few wait (the end of a long list), they are taken first in, first out. Claims wait in two rings, to give memory time:
 * the type word and the pointer bits of their objects are fetched while those in front of them are worked on.
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

static void second_pop(struct typing *ty)
{
	struct waiting w = ty->second[ty->second_head++ % CLAIM_RING];
	typing_claim_at(ty, &w.claim, w.span, w.id);
}

/* The first look at the type word: most claims say what is known already. Others wait for the pointer bits. */
static void first_pop(struct typing *ty)
{
	const struct waiting w = ty->first[ty->first_head++ % CLAIM_RING];
	if (claim_is_known(ty, &w.claim, w.span, w.id))
		return;
	const struct span *s = &ty->h->spans[w.span];
	const struct typing_span *t = &ty->spans[w.span];
	uint64_t off = (uint64_t)(w.id - s->first) * s->elemsize;
	fetch(&ty->slack[w.id]);
	if (t->bits)
		fetch(t->bits + off / (8u * ty->word));
	else if (t->data && !(s->flags & SPAN_NOSCAN))
		fetch(t->data + off);
	if (ty->second_tail - ty->second_head == CLAIM_RING)
		second_pop(ty);
	ty->second[ty->second_tail++ % CLAIM_RING] = w;
}

void claim(struct typing *ty, uint64_t addr, uint32_t type, uint64_t bytes, unsigned flags)
{
	struct waiting w = {.claim = {addr, bytes, type, flags}};
	const struct prog *p = prog_of(ty, type);
	if ((p->flags & PROG_NEVER) || !bytes)
		return;
	w.id = heap_find_slot(ty->h, addr, &w.span);
	if (w.id == OBJ_NONE) {
		typing_claim(ty, &w.claim);
		return;
	}
	fetch(&ty->tw[w.id]);
	if (ty->first_tail - ty->first_head == CLAIM_RING)
		first_pop(ty);
	ty->first[ty->first_tail++ % CLAIM_RING] = w;
}

void claims_flush(struct typing *ty)
{
	while (ty->first_head != ty->first_tail)
		first_pop(ty);
	while (ty->second_head != ty->second_tail)
		second_pop(ty);
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
