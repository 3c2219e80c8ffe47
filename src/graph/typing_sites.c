/* SPDX-License-Identifier: MIT */
/*
 * Objects that the memory profile sampled: the record says which instruction allocated them, and what one instruction
 * allocates has one type. An untyped object gets that of the others; it is marked as inferred. Not so in the runtime, in
 * reflect and in code that types of one shape share.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/typing_priv.h"

enum { MAX_FRAMES = 8 };

struct sample {
	uint64_t pc; /* behind the call that allocated it */
	uint32_t object;
};

static int sample_cmp(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return (x->object > y->object) - (x->object < y->object);
}

/* Is it what the compiler calls for new(T), make([]T) or append? */
static bool is_allocator(const char *name)
{
	static const char *const names[] = {"runtime.newobject", "runtime.mallocgc", "runtime.makeslice", "runtime.growslice"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Behind the instruction that allocated the sample; 0: not known, or one that allocates this and that. */
static uint64_t site_pc(const struct typing *ty, const struct special *s)
{
	uint64_t pcs[MAX_FRAMES];
	size_t n = heap_site_pcs(ty->h, s, pcs, MAX_FRAMES);
	struct func f;
	for (size_t i = 0; i < n && pcs[i] && program_func(ty->h->prog, pcs[i] - 1, &f); i++) {
		if (is_allocator(f.name))
			continue;
		bool shared = strncmp(f.name, "runtime.", 8) == 0 || strncmp(f.name, "reflect.", 8) == 0 ||
		              strncmp(f.name, "internal/", 9) == 0 || strstr(f.name, "go.shape.");
		return shared ? 0 : pcs[i];
	}
	return 0;
}

/* The type word of the typed objects among them; TW_TYPE_MASK: none, or they differ. */
static uint32_t type_of_all(const struct typing *ty, const struct sample *s, size_t n)
{
	uint32_t tw = TW_TYPE_MASK;
	for (size_t i = 0; i < n; i++) {
		uint32_t other = ty->tw[s[i].object];
		enum origin o = tw_origin(other);
		if (o != ORIGIN_EXACT && o != ORIGIN_PROPAGATED)
			continue;
		if (tw != TW_TYPE_MASK && (tw_type(tw) != tw_type(other) || (tw & TW_ARRAY) != (other & TW_ARRAY)))
			return TW_TYPE_MASK;
		tw = other;
	}
	return tw;
}

static void site_claim(struct typing *ty, uint32_t id, uint32_t tw)
{
	uint32_t span = heap_span_of(ty->h, id);
	const struct prog *p = prog_of(ty, tw_type(tw));
	uint64_t usable = span_usable(ty->h, span), end = object_pointers_end(ty, id, usable), n = 1;
	if (!p->size || p->size > usable || p->special || (p->flags & (PROG_NEVER | PROG_WEAK | PROG_TRIE_NODE)))
		return;
	if (tw & TW_ARRAY) /* behind the last value of a row there are no pointers */
		n = p->ptr_words ? (end + p->size - 1) / p->size : usable / p->size;
	struct claim c = {span_object_addr(&ty->h->spans[span], id), n * p->size, tw_type(tw),
	                  CLAIM_INFER | (tw & TW_ARRAY ? (unsigned)CLAIM_ARRAY : 0)};
	if (n && c.bytes <= usable)
		typing_claim_at(ty, &c, span, id);
}

void typing_sites(struct typing *ty)
{
	const struct heap *h = ty->h;
	struct sample *s = malloc((h->nspecials + 1) * sizeof(*s));
	size_t n = 0;
	ty->nomem |= !s;
	for (uint32_t i = 0; s && i < h->nspecials; i++)
		if (h->specials[i].kind == SPECIAL_PROFILE && (s[n].pc = site_pc(ty, &h->specials[i])) != 0)
			s[n++].object = h->specials[i].object;
	if (n)
		qsort(s, n, sizeof(*s), sample_cmp);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && s[to].pc == s[from].pc; to++) {
		}
		uint32_t tw = type_of_all(ty, s + from, to - from);
		for (size_t i = from; tw != TW_TYPE_MASK && i < to; i++)
			if (tw_origin(ty->tw[s[i].object]) == ORIGIN_UNKNOWN && bit_get(h->alloc, s[i].object) &&
			    !(h->spans[heap_span_of(h, s[i].object)].flags & SPAN_TINY))
				site_claim(ty, s[i].object, tw);
	}
	free(s);
	claims_flush(ty);
}
