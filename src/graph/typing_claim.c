/* SPDX-License-Identifier: MIT */
/*
 * What a pointer says about the object it points to, and whether to believe it.
 *
 * A claim "n values of T at offset o" describes the whole object when it starts at the object's start (or is an array
 * that can be continued backwards to it), ends where a request for that many bytes would have got just this size class,
 * and has its pointers where the collector has them. Then it fits. What does not fit may be true of a part of the
 * object (a field, a sub-slice): it is kept as pending, for typing_infer.c, as long as nothing that fits turns up.
 *
 * Between two claims that fit, the one that contains the other at its start wins, in whatever order they come.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "graph/typing_priv.h"

/* A claim seen from the object. */
struct view {
	uint32_t span, id;
	uint64_t off, end; /* of the claimed bytes in the object */
	uint64_t usable;   /* bytes of the object */
};

/* ---- setting ---- */

void typing_set(struct typing *ty, uint32_t span, uint32_t id, uint32_t tw, uint64_t used)
{
	uint64_t usable = span_usable(ty->h, span), slack = used < usable ? usable - used : 0;
	ty->tw[id] = tw;
	ty->slack[id] = slack > UINT16_MAX ? UINT16_MAX : (uint16_t)slack;
	const struct prog *p = prog_of(ty, tw_type(tw));
	if ((p->nops || p->special) && !(ty->h->spans[span].flags & SPAN_NOSCAN))
		typing_queue(ty, span, id);
	else if (p->special) /* storage of a container without pointers: its fields still lead on */
		typing_queue(ty, span, id);
}

static uint32_t make_tw(const struct claim *c)
{
	enum origin o = c->flags & CLAIM_EXACT ? ORIGIN_EXACT : ORIGIN_PROPAGATED;
	if (c->flags & CLAIM_INFER)
		o = ORIGIN_INFERRED;
	return c->type | (uint32_t)o << TW_ORIGIN_SHIFT | (c->flags & (CLAIM_ARRAY | CLAIM_STRING) ? TW_ARRAY : 0) |
	       (c->flags & CLAIM_STRING ? TW_STRBYTES : 0);
}

/* The same, with what TW_COUNTED means outside of recorded objects: something at the object's start is known. */
static uint32_t make_tw_at(const struct claim *c, uint64_t off)
{
	return make_tw(c) | (off == 0 ? TW_COUNTED : 0);
}

/* Lower is better. */
static unsigned origin_rank(uint32_t tw)
{
	return tw_origin(tw) == ORIGIN_UNKNOWN ? 4 : (unsigned)tw_origin(tw);
}

static uint64_t used_of(const struct view *v, uint16_t slack)
{
	return slack < v->usable ? v->usable - slack : 0;
}

/* ---- which of two ---- */

static void conflict(struct typing *ty, uint32_t a, uint32_t b, uint64_t addr)
{
	ty->g->type_conflicts++;
	diag_add(ty->diag, HC_SEV_INFO, "the object at %#" PRIx64 " is %s by one reference and %s by another", addr,
	         ty->t->t[a].name, ty->t->t[b].name);
}

/* Does a claim that fits win over the typing that the object has? */
static bool beats(struct typing *ty, const struct view *v, const struct claim *c, uint32_t tw, bool count)
{
	uint32_t old = tw_type(tw);
	unsigned rank_old = origin_rank(tw), rank_new = origin_rank(make_tw(c));
	if (rank_old == 4)
		return true;
	const struct prog *po = prog_of(ty, old), *pn = prog_of(ty, c->type);
	if ((rank_old == ORIGIN_INFERRED) != (rank_new == ORIGIN_INFERRED))
		return rank_new < rank_old;
	if ((po->flags ^ pn->flags) & PROG_WEAK)
		return po->flags & PROG_WEAK;
	if (type_starts_with(ty->t, old, c->type))
		return false;
	if (type_starts_with(ty->t, c->type, old))
		return true;
	if (count)
		conflict(ty, old, c->type, span_object_addr(&ty->h->spans[v->span], v->id));
	/* Two views of the same bytes. A struct says more than the array of its words that some code sees in it. */
	if (po->size != pn->size)
		return pn->size > po->size;
	if (rank_old != rank_new)
		return rank_new < rank_old;
	bool alloc_old = ty->t->t[old].rtype != 0, alloc_new = ty->t->t[c->type].rtype != 0;
	if (alloc_old != alloc_new)
		return alloc_new;
	return c->type < old;
}

/* ---- the same type again ---- */

/* Two typings with one element type become one: the larger extent, the better origin. */
static bool merge(const struct view *v, const struct claim *c, uint32_t *tw, uint16_t *slack)
{
	uint64_t used = used_of(v, *slack);
	uint32_t new = make_tw(c), w = *tw;
	bool grown = v->end > used;
	if (origin_rank(new) < origin_rank(w))
		w = (w & ~(3u << TW_ORIGIN_SHIFT)) | (new & 3u << TW_ORIGIN_SHIFT);
	if (c->flags & CLAIM_STRING) {
		if (v->end >= used)
			w |= TW_STRBYTES;
	} else if (grown) {
		w &= ~(uint32_t)TW_STRBYTES;
	}
	w |= new & TW_ARRAY;
	*tw = w | (v->off == 0 ? TW_COUNTED : 0);
	if (grown)
		*slack = (uint16_t)(v->usable - v->end > UINT16_MAX ? UINT16_MAX : v->usable - v->end);
	return grown;
}

/* ---- objects whose type the allocator recorded ---- */

/*
 * Does the claim have the better name? "map.bucket[K]V" is the descriptor of what the debug information calls
 * "bucket<K,V>", and pointers to buckets are recorded as *runtime.bmap.
 */
static bool renames(struct typing *ty, uint32_t recorded, uint32_t claimed)
{
	const struct type *r = &ty->t->t[recorded], *c = &ty->t->t[claimed];
	if (r->size != c->size)
		return false;
	return (strncmp(c->name, "bucket<", 7) == 0 && strstr(r->name, "map.bucket[")) ||
	       (prog_of(ty, recorded)->flags & PROG_WEAK && !(prog_of(ty, claimed)->flags & PROG_WEAK));
}

/*
 * The record names the element; how many there are, and whether it is a slice, only a slice header knows. Until one
 * comes up the count is what fits into the slot.
 */
static void recorded_claim(struct typing *ty, const struct view *v, const struct claim *c, uint64_t min)
{
	uint32_t *tw = &ty->tw[v->id];
	if (!(c->flags & CLAIM_ARRAY))
		return;
	if (!type_same(ty->t, tw_type(*tw), c->type)) {
		if (!renames(ty, tw_type(*tw), c->type))
			return;
		*tw = (*tw & ~(uint32_t)TW_TYPE_MASK) | c->type;
		typing_queue(ty, v->span, v->id);
	}
	uint64_t size = ty->t->t[c->type].size;
	if (v->end < min || v->off % size)
		return;
	if ((*tw & TW_COUNTED) && used_of(v, ty->slack[v->id]) >= v->end)
		return;
	*tw |= TW_ARRAY | TW_COUNTED;
	ty->slack[v->id] = (uint16_t)(v->usable - v->end > UINT16_MAX ? UINT16_MAX : v->usable - v->end);
}

/* What propagation would say without the record, kept aside. */
static void shadow_claim(struct typing *ty, const struct view *v, const struct claim *c)
{
	uint32_t *tw = &ty->shadow_tw[v->id];
	uint16_t *slack = &ty->shadow_slack[v->id];
	if (origin_rank(*tw) != 4 && type_same(ty->t, tw_type(*tw), c->type)) {
		merge(v, c, tw, slack);
		return;
	}
	if (!beats(ty, v, c, *tw, false) || !mask_agrees(ty, v->span, v->id, prog_of(ty, c->type), 0, v->end, false))
		return;
	*tw = make_tw(c);
	*slack = (uint16_t)(v->usable - v->end > UINT16_MAX ? UINT16_MAX : v->usable - v->end);
}

/* ---- tiny blocks ---- */

/*
 * A block of the tiny allocator holds several values of less than 16 bytes. One type word has to do for all: the type
 * that all known ones have, if the first one is among them; else "tiny values" (typing_finish()).
 */
static void tiny_claim(struct typing *ty, const struct view *v, const struct claim *c)
{
	uint32_t tw = ty->tw[v->id];
	if (tw_origin(tw) == ORIGIN_UNKNOWN) {
		typing_set(ty, v->span, v->id, make_tw_at(c, v->off), v->end);
		return;
	}
	if (type_same(ty->t, tw_type(tw), c->type)) {
		merge(v, c, &ty->tw[v->id], &ty->slack[v->id]);
		return;
	}
	uint64_t used = used_of(v, ty->slack[v->id]);
	if (used == v->usable && ty->t->t[tw_type(tw)].size > 8 && tw_type(tw) != ty->tiny)
		return; /* a value of 16 bytes, and a pointer into it */
	struct claim mixed = {c->addr, 0, ty->tiny, CLAIM_INFER};
	if (ty->tiny != TYPE_NONE)
		typing_set(ty, v->span, v->id, make_tw_at(&mixed, 0), v->end > used ? v->end : used);
}

/* ---- parts ---- */

static void reject(struct typing *ty, const struct view *v, const struct claim *c, const char *why)
{
	ty->g->type_rejected++;
	diag_add(ty->diag, HC_SEV_INFO, "a reference says that %s is at offset %" PRIu64 " of the object at %#" PRIx64
	         ", but %s", ty->t->t[c->type].name, v->off, span_object_addr(&ty->h->spans[v->span], v->id), why);
}

/* Keeps what is known of a part of an untyped object: the largest type, the lowest offset. */
static void pending_claim(struct typing *ty, const struct view *v, const struct claim *c)
{
	uint32_t tw = ty->tw[v->id];
	uint64_t size = ty->t->t[c->type].size, off = v->off;
	if (tw_origin(tw) != ORIGIN_UNKNOWN)
		return;
	if (v->usable > UINT16_MAX) /* only good for arrays: the place in the element */
		off %= size;
	if (off > UINT16_MAX)
		return;
	if (tw & TW_PENDING) {
		uint64_t old = ty->t->t[tw_type(tw)].size;
		if (size < old || (size == old && off > ty->slack[v->id]) ||
		    (size == old && off == ty->slack[v->id] && c->type >= tw_type(tw)))
			return;
	}
	if (!mask_agrees(ty, v->span, v->id, prog_of(ty, c->type), v->off, v->end - v->off, false)) {
		reject(ty, v, c, "the object has its pointers elsewhere");
		return;
	}
	ty->tw[v->id] = c->type | TW_PENDING | (c->flags & CLAIM_ARRAY ? TW_ARRAY : 0);
	ty->slack[v->id] = (uint16_t)off;
}

/* ---- the claim ---- */

/* The bytes of a string or byte slice: no size is wrong for them. The rest of the slot was requested, too. */
static void bytes_claim(struct typing *ty, struct view *v, const struct claim *c, uint64_t min)
{
	uint32_t tw = ty->tw[v->id];
	if (v->end < min && (c->flags & CLAIM_STRING))
		v->end = min;
	if (v->end < min) {
		pending_claim(ty, v, c);
		return;
	}
	if (beats(ty, v, c, tw, false))
		typing_set(ty, v->span, v->id, make_tw_at(c, v->off), v->end);
}

static void object_claim(struct typing *ty, struct view *v, const struct claim *c, const struct prog *p)
{
	const struct span *s = &ty->h->spans[v->span];
	uint32_t tw = ty->tw[v->id];
	uint64_t min = span_min_request(ty, s, v->usable);
	/* append asks for the whole pages that it gets, which its capacity need not fill (runtime.growslice). */
	if (!s->elemsize && (c->flags & CLAIM_ARRAY) && min > p->size)
		min -= p->size - 1;
	bool aligned = v->off == 0 || ((c->flags & CLAIM_ARRAY) && v->off % p->size == 0);
	if (p->ptr_words && (s->flags & SPAN_NOSCAN) && !(p->flags & PROG_ANYMASK)) {
		reject(ty, v, c, "the object has no pointers");
		return;
	}
	if ((s->flags & SPAN_TINY) && v->end - v->off < v->usable) {
		tiny_claim(ty, v, c);
		return;
	}
	if (tw & TW_RECORDED) {
		recorded_claim(ty, v, c, min);
		if (aligned && v->end >= min)
			shadow_claim(ty, v, c);
		return;
	}
	if (tw_origin(tw) != ORIGIN_UNKNOWN && aligned && type_same(ty->t, tw_type(tw), c->type)) {
		if (v->end >= min && merge(v, c, &ty->tw[v->id], &ty->slack[v->id]))
			typing_set(ty, v->span, v->id, ty->tw[v->id], v->end);
		return;
	}
	if (c->type == ty->uint8 && (s->flags & SPAN_NOSCAN) && (c->flags & (CLAIM_ARRAY | CLAIM_STRING))) {
		bytes_claim(ty, v, c, min);
		return;
	}
	if (!aligned || v->end < min) {
		if (v->off == 0 && !(c->flags & CLAIM_ARRAY) && p->aux != UINT32_MAX && !(p->flags & PROG_TRIE_NODE) &&
		    !p->special) {
			struct claim whole = {c->addr, ty->t->t[p->aux].size, p->aux, c->flags};
			typing_claim_at(ty, &whole, v->span, v->id);
		} else if (!(p->flags & PROG_WEAK) || c->type == ty->uint8) {
			pending_claim(ty, v, c);
		}
		return;
	}
	bool part = (s->flags & SPAN_TINY) && tw_origin(tw) != ORIGIN_UNKNOWN && !(tw & TW_ARRAY) &&
	            ty->t->t[tw_type(tw)].size < v->usable;
	if (!part && !beats(ty, v, c, tw, true))
		return;
	/* Pointers in front of it or behind: it is a part of something larger. */
	if (!mask_agrees(ty, v->span, v->id, p, 0, v->end, true))
		pending_claim(ty, v, c);
	else
		typing_set(ty, v->span, v->id, make_tw_at(c, v->off), v->end);
}

/* Children of a hash trie: the bool at the start says which of two types has this node as its first field. */
static uint32_t trie_child(struct typing *ty, const struct prog *p, uint64_t addr)
{
	uint8_t is_entry;
	return proc_u8(ty->h->proc, addr, &is_entry) ? (is_entry ? p->aux : p->aux2) : TYPE_NONE;
}

/* Claims whose type says less than the object itself does. False: nothing to claim. */
static bool redirect(struct typing *ty, const struct prog *p, const struct claim *c, struct claim *ret)
{
	if (c->type == ty->funcval)
		return func_object(ty, c->addr, c->flags, ret);
	*ret = *c;
	if (is_runtime_table(ty, c->type)) {
		ret->bytes = runtime_table_bytes(ty, c->type, c->addr);
		return ret->bytes != 0;
	}
	if (p->flags & PROG_TRIE_NODE) {
		ret->type = trie_child(ty, p, c->addr);
		ret->bytes = ret->type == TYPE_NONE ? 0 : ty->t->t[ret->type].size;
	} else {
		ret->type = chan_by_content(ty, c->addr);
		ret->bytes = ret->type == TYPE_NONE ? 0 : chan_bytes(ty, c->addr, ret->type);
	}
	return ret->type != TYPE_NONE && !(prog_of(ty, ret->type)->flags & (PROG_NEVER | PROG_TRIE_NODE));
}

static bool is_redirected(const struct typing *ty, const struct prog *p, uint32_t type)
{
	return (p->flags & PROG_TRIE_NODE) || type == ty->funcval || type == ty->hchan || is_runtime_table(ty, type);
}

void typing_claim_at(struct typing *ty, const struct claim *c, uint32_t span, uint32_t id)
{
	const struct heap *h = ty->h;
	const struct prog *p = prog_of(ty, c->type);
	struct claim redirected;
	if (claim_is_known(ty, c, span, id))
		return;
	if (is_redirected(ty, p, c->type)) {
		if (!redirect(ty, p, c, &redirected))
			return;
		c = &redirected;
		p = prog_of(ty, c->type);
	}
	uint64_t obj = span_object_addr(&h->spans[span], id);
	struct view v = {.span = span, .id = id, .off = c->addr - obj, .usable = span_usable(h, span)};
	if (c->addr < obj || !bit_get(h->alloc, id))
		return;
	if (!ckd_add(v.off, c->bytes, &v.end) || v.end > v.usable)
		reject(ty, &v, c, "the object is smaller");
	else
		object_claim(ty, &v, c, p);
}

void typing_claim(struct typing *ty, const struct claim *c)
{
	const struct prog *p = prog_of(ty, c->type);
	struct claim redirected;
	uint32_t span, id;
	if ((p->flags & PROG_NEVER) || !c->bytes)
		return;
	id = heap_find_slot(ty->h, c->addr, &span);
	if (id != OBJ_NONE) {
		typing_claim_at(ty, c, span, id);
		return;
	}
	if (is_redirected(ty, p, c->type)) {
		if (!redirect(ty, p, c, &redirected))
			return;
		c = &redirected;
		p = prog_of(ty, c->type);
	}
	if (p->nops || p->special)
		region_add(ty, c);
}

/* ---- claims whose extent is not certain ---- */

/* A row of values of unknown number: as many as the object's pointers show, or as fit. */
static void row_claim(struct typing *ty, uint64_t addr, uint32_t elem, unsigned flags)
{
	const struct heap *h = ty->h;
	const struct prog *p = prog_of(ty, elem);
	uint32_t span, id = heap_find_slot(h, addr, &span);
	if (id == OBJ_NONE || !p->size || addr < span_object_addr(&h->spans[span], id))
		return;
	uint64_t obj = span_object_addr(&h->spans[span], id), usable = span_usable(h, span), off = addr - obj;
	uint64_t n = usable / p->size, ptrs = p->ptr_words * ty->word, end = object_pointers_end(ty, id, usable);
	if (ptrs && end >= ptrs && (end - ptrs) % p->size == 0)
		n = (end - ptrs) / p->size + 1;
	if (off % p->size == 0 && n && n <= usable / p->size)
		claim(ty, obj, elem, n * p->size, flags | CLAIM_ARRAY);
}

/*
 * A string or slice of which only the pointer is certain: the compiler may keep the other words elsewhere, so that what
 * lies behind the pointer may be another variable's. Length and capacity count if they make sense.
 */
void vague_claim(struct typing *ty, const struct op *op, uint64_t addr, unsigned flags)
{
	uint64_t w[3] = {0}, bytes;
	uint32_t span, id;
	for (unsigned i = 0; i < (op->kind == OP_SLICE ? 3u : 2u); i++)
		if (!proc_word(ty->h->proc, addr + (uint64_t)i * ty->word, &w[i]))
			w[i] = 0;
	id = heap_find_slot(ty->h, w[0], &span);
	if (id == OBJ_NONE || w[0] < span_object_addr(&ty->h->spans[span], id)) {
		op_at(ty, op, addr, flags);
		return;
	}
	uint64_t usable = span_usable(ty->h, span), off = w[0] - span_object_addr(&ty->h->spans[span], id);
	if (op->kind == OP_STRING) {
		bool sane = w[1] && w[1] <= usable - off;
		claim(ty, w[0], ty->uint8, sane ? w[1] : 1, flags | CLAIM_STRING);
		return;
	}
	uint64_t min = span_min_request(ty, &ty->h->spans[span], usable);
	bool sane = op->type < ty->t->n && w[1] <= w[2] && ckd_mul(w[2], ty->t->t[op->type].size, &bytes) &&
	            bytes <= usable - off && off + bytes >= min;
	if (sane)
		claim(ty, w[0], op->type, bytes, flags | CLAIM_ARRAY);
	else
		row_claim(ty, w[0], op->type, flags);
}
