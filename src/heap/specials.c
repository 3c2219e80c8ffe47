/* SPDX-License-Identifier: MIT */
/*
 * Specials: what the runtime hangs on objects (runtime/mheap.go): a linked list per span of {next, offset, kind} records
 * that begin bigger ones. The kind numbers moved in Go 1.21, 1.23 and 1.25.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "heap/priv.h"

enum { FIN = SPECIAL_FINALIZER, WEAK = SPECIAL_WEAK, PROF = SPECIAL_PROFILE, PIN = SPECIAL_PIN, CLEAN = SPECIAL_CLEANUP };

/* Row: first minor release it holds for; then the meaning of kinds 0..10. */
static const struct {
	int from;
	uint8_t kind[11];
} kinds[] = {
	{17, {0, FIN, PROF, 0}},
	{21, {0, FIN, PROF, 0, PIN}},
	{23, {0, FIN, WEAK, PROF, 0, PIN}},
	{24, {0, FIN, WEAK, PROF, 0, PIN, CLEAN}},
	{25, {0, 0 /* tiny block */, FIN, WEAK, PROF, 0, PIN, CLEAN}},
};

static enum special_kind kind_of(int minor, uint64_t number)
{
	const uint8_t *row = kinds[0].kind;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].from <= minor)
			row = kinds[i].kind;
	return number < sizeof(kinds[0].kind) ? (enum special_kind)row[number] : SPECIAL_OTHER;
}

static void body_read(const struct heap *h, struct special *s)
{
	const struct layout *l = &h->types->layout;
	switch ((enum special_kind)s->kind) {
	case SPECIAL_FINALIZER:
		layout_read(l, h->proc, s->addr, L_SPFIN_FN, &s->fn);
		layout_read(l, h->proc, s->addr, L_SPFIN_OT, &s->ot);
		break;
	case SPECIAL_WEAK:
		layout_read(l, h->proc, s->addr, L_SPWEAK_HANDLE, &s->arg);
		break;
	case SPECIAL_PROFILE:
		layout_read(l, h->proc, s->addr, L_SPPROF_B, &s->arg);
		break;
	case SPECIAL_CLEANUP:
		if (layout_has(l, L_SPCLEAN_CLEANUP)) { /* 1.26: {call, fn, arg} */
			uint64_t at = layout_addr(l, s->addr, L_SPCLEAN_CLEANUP);
			layout_read(l, h->proc, at, L_CLEANFN_FN, &s->fn);
			layout_read(l, h->proc, at, L_CLEANFN_ARG, &s->arg);
		} else {
			layout_read(l, h->proc, s->addr, L_SPCLEAN_FN, &s->fn);
		}
		break;
	case SPECIAL_PIN:
	case SPECIAL_OTHER:
		break;
	}
}

static int by_object(const void *a, const void *b)
{
	const struct special *x = a, *y = b;
	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : (x->addr > y->addr) - (x->addr < y->addr);
}

struct hc_error *heap_load_specials(struct heap *h)
{
	const struct layout *l = &h->types->layout;
	VEC(struct special) v = {0};
	/* No more than one record per 16 bytes of snapshot can exist: a longer chain is a cycle. */
	uint64_t budget = h->proc->blob->size / 16 + 1;
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		uint64_t at = h->info[i].specials, last = 0, seen = 0, steps = 0;
		while (at && budget) {
			budget--;
			/* Lists are in order of offset. Brent: a cycle comes back to an address that was remembered at a power of two. */
			uint64_t next, offset, number;
			bool cycle = at == seen;
			steps++;
			if ((steps & (steps - 1)) == 0)
				seen = at;
			if (!layout_read(l, h->proc, at, L_SPECIAL_NEXT, &next) ||
			    !layout_read(l, h->proc, at, L_SPECIAL_OFFSET, &offset) ||
			    !layout_read(l, h->proc, at, L_SPECIAL_KIND, &number)) {
				diag_add(h->diag, HC_SEV_WARNING,
				         "special records of the span at %#" PRIx64 " are not in the snapshot: finalizers and cleanups "
				         "there are unknown", s->base);
				break;
			}
			if (cycle || offset < last) {
				diag_add(h->diag, HC_SEV_WARNING, "the list of special records of the span at %#" PRIx64 " is damaged: some "
				         "finalizers or cleanups are left out", s->base);
				break;
			}
			last = offset;
			/* The offset may point inside the object (a finalizer on an inner byte). */
			uint32_t slot = (uint32_t)((offset * s->magic) >> 32);
			struct special sp = {.object = s->first + slot, .addr = at, .kind = (uint8_t)kind_of(l->minor, number)};
			sp.offset = offset - (uint64_t)slot * s->elemsize;
			if (offset < s->limit - s->base && slot < s->nelems && bit_get(h->alloc, sp.object)) {
				body_read(h, &sp);
				if (!vec_push(&v, sp)) {
					vec_free(&v);
					return err_nomem();
				}
			}
			at = next;
		}
	}
	if (!budget)
		diag_add(h->diag, HC_SEV_WARNING, "the lists of special records are damaged (a chain without an end): "
		         "some finalizers or cleanups are left out");
	if (v.len)
		qsort(v.data, v.len, sizeof(*v.data), by_object);
	h->specials = v.data;
	h->nspecials = (uint32_t)v.len;
	return NULL;
}
