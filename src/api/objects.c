/* SPDX-License-Identifier: MIT */
/* Public accessors of objects and their classes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/strtab.h"

hc_node hc_object_limit(const struct hc_snapshot *s)
{
	return s->heap ? s->heap->nslots : 0;
}

hc_node hc_object_next(const struct hc_snapshot *s, hc_node from, bool live_only)
{
	const struct heap *h = s->heap;
	const uint64_t *set = live_only && s->graph ? s->graph->live : h ? h->alloc : NULL;
	if (!set || from >= h->nslots)
		return HC_NODE_NONE;
	uint64_t w = set[from >> 6] >> (from & 63), n = UINT64_MAX; /* root nodes have bits in the last word, too */
	if (w)
		n = from + (uint64_t)__builtin_ctzll(w);
	for (size_t i = (from >> 6) + 1; n == UINT64_MAX && i < bit_words(h->nslots); i++)
		if (set[i])
			n = i * 64 + (uint64_t)__builtin_ctzll(set[i]);
	return n < h->nslots ? (hc_node)n : HC_NODE_NONE;
}

/* The special records of an object: the first one's index, nspecials for none. */
static uint32_t special_first(const struct heap *h, uint32_t id)
{
	uint32_t lo = 0, hi = h->nspecials;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->specials[mid].object < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->nspecials && h->specials[lo].object == id ? lo : h->nspecials;
}

static unsigned special_flags(const struct heap *h, uint32_t id)
{
	unsigned flags = 0;
	for (uint32_t i = special_first(h, id); i < h->nspecials && h->specials[i].object == id; i++) {
		if (h->specials[i].kind == SPECIAL_FINALIZER)
			flags |= HC_OBJ_FINALIZER;
		else if (h->specials[i].kind == SPECIAL_CLEANUP)
			flags |= HC_OBJ_CLEANUP;
		else if (h->specials[i].kind == SPECIAL_PROFILE)
			flags |= HC_OBJ_SAMPLED;
	}
	return flags;
}

bool hc_object_get(const struct hc_snapshot *s, hc_node node, struct hc_object *ret)
{
	const struct heap *h = s->heap;
	if (!h || node >= h->nslots || !bit_get(h->alloc, node))
		return false;
	/* Callers walk in order: the span of the last call is usually the one, but the snapshot is shared by threads. */
	uint32_t i = heap_span_of(h, node);
	const struct span *sp = &h->spans[i];
	const struct graph *g = s->graph;
	ret->node = node;
	ret->flags = (g && g->live && bit_get(g->live, node) ? HC_OBJ_LIVE : 0) |
	             (sp->flags & SPAN_NOSCAN ? HC_OBJ_NOSCAN : 0) | (sp->flags & SPAN_TINY ? HC_OBJ_TINY : 0) |
	             (sp->flags & SPAN_LARGE ? HC_OBJ_LARGE : 0) | (sp->flags & SPAN_HOLES ? HC_OBJ_PARTIAL : 0);
	if (h->info[i].specials)
		ret->flags |= special_flags(h, node);
	ret->addr = span_object_addr(sp, node);
	ret->slot_size = span_slot_size(h, i);
	ret->used = span_usable(h, i);
	ret->type = NULL;
	ret->count = 1;
	ret->origin = HC_ORIGIN_UNKNOWN;
	if (!g || !g->tw || (g->tw[node] & TW_TYPE_MASK) == TW_TYPE_MASK)
		return true;
	uint32_t tw = g->tw[node], id = tw & TW_TYPE_MASK;
	ret->type = api_type(s, id);
	if (!ret->type)
		return true;
	ret->origin = (enum hc_origin)(tw >> TW_ORIGIN_SHIFT & 3);
	uint64_t size = s->types->t[id].size, slack = g->slack[node];
	if (slack == UINT16_MAX) /* saturated: only single large values end far before their slot */
		ret->used = tw & TW_ARRAY ? ret->used : size;
	else
		ret->used -= slack < ret->used ? slack : ret->used;
	if (tw & TW_STRBYTES)
		ret->flags |= HC_OBJ_STRING;
	if (tw & (TW_ARRAY | TW_STRBYTES)) {
		ret->flags |= HC_OBJ_ARRAY;
		ret->count = size ? ret->used / size : 0;
	}
	return true;
}

hc_node hc_object_find(const struct hc_snapshot *s, uint64_t addr, uint64_t *offset)
{
	const struct heap *h = s->heap;
	uint32_t span, id = h ? heap_find_slot(h, addr, &span) : OBJ_NONE;
	if (id == OBJ_NONE || !bit_get(h->alloc, id))
		return HC_NODE_NONE;
	uint64_t at = span_object_addr(&h->spans[span], id);
	*offset = addr > at ? addr - at : 0; /* the allocation header counts as the object's start */
	return id;
}

/* ---- classes ---- */

static uint32_t class_key(const struct hc_snapshot *s, uint32_t node, uint32_t span_flags)
{
	uint32_t n = s->types ? s->types->n : 0, base = 2 * n;
	uint32_t tw = s->graph && s->graph->tw ? s->graph->tw[node] : TW_TYPE_MASK;
	uint32_t id = tw & TW_TYPE_MASK;
	if (id < n)
		return tw & TW_STRBYTES ? base + CLASS_STRBYTES : 2 * id + (tw & TW_ARRAY ? 1 : 0);
	return base + (span_flags & SPAN_TINY ? CLASS_TINY : span_flags & SPAN_NOSCAN ? CLASS_NOSCAN : CLASS_SCAN);
}

static bool class_describe(struct hc_snapshot *s, uint32_t key, struct hc_class *c)
{
	static const char *const special[NCLASS_SPECIAL] = {
		[CLASS_STRBYTES] = "string (bytes)", [CLASS_TINY] = "(unknown tiny)",
		[CLASS_NOSCAN] = "(unknown noscan)", [CLASS_SCAN] = "(unknown)",
	};
	uint32_t n = s->types->n;
	memset(c, 0, sizeof(*c));
	c->package = "";
	if (key >= 2 * n) {
		c->name = special[key - 2 * n];
		c->string = key - 2 * n == CLASS_STRBYTES;
		return true;
	}
	c->type = api_type(s, key / 2);
	c->array = key & 1;
	c->package = hc_type_package(s, c->type);
	c->name = api_display_name(&s->arena, hc_type_name(c->type), c->array);
	if (c->name && !*c->package)
		c->package = api_display_package(s, c->name);
	/* "[]T" are the elements; what a *[]T points to, or a []T in an interface, is another thing. */
	if (c->name && c->type && !c->array && hc_type_kind(c->type) == HC_KIND_SLICE)
		c->name = arena_printf(&s->arena, "%s (header)", c->name);
	return c->name != NULL;
}

/*
 * A class is known by its name: where several types bear one (each of a function of its own), all but the first get a
 * number. times: by the name's number, how often it was seen.
 */
static bool class_tell_apart(struct hc_snapshot *s, struct strtab *names, uint32_t *times, struct hc_class *c)
{
	uint32_t id;
	if (!strtab_add(names, c->name, strlen(c->name), &id))
		return false;
	if (times[id]++ > 0)
		c->name = arena_printf(&s->arena, "%s (%" PRIu32 ")", c->name, times[id]);
	return c->name != NULL;
}

static bool classes_describe(struct hc_snapshot *s, uint32_t nkeys)
{
	struct strtab names = {0};
	uint32_t next = 0, *times = calloc((size_t)s->nclasses + 1, sizeof(*times));
	bool ok = times != NULL;
	for (uint32_t k = 0; ok && k < nkeys; k++) {
		if (s->class_of[k] == UINT32_MAX)
			continue;
		struct hc_class *c = &s->classes[next];
		ok = class_describe(s, k, c) && class_tell_apart(s, &names, times, c);
		s->class_of[k] = next++;
	}
	strtab_free(&names);
	free(times);
	return ok;
}

struct hc_error *api_classes(struct hc_snapshot *s)
{
	const struct heap *h = s->heap;
	uint32_t nkeys = 2 * s->types->n + NCLASS_SPECIAL;
	s->class_of = malloc(nkeys * sizeof(*s->class_of));
	if (!s->class_of)
		return err_nomem();
	memset(s->class_of, 0xff, nkeys * sizeof(*s->class_of));
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *sp = &h->spans[i];
		for (uint32_t id = sp->first; id < sp->first + sp->nelems; id++)
			if (bit_get(h->alloc, id))
				s->class_of[class_key(s, id, sp->flags)] = 0;
	}
	for (uint32_t k = 0; k < nkeys; k++)
		if (s->class_of[k] == 0)
			s->nclasses++;
	s->classes = calloc(s->nclasses ? s->nclasses : 1, sizeof(*s->classes));
	if (!s->classes)
		return err_nomem();
	return classes_describe(s, nkeys) ? NULL : err_nomem();
}

uint32_t hc_object_class(const struct hc_snapshot *s, const struct hc_object *o)
{
	uint32_t flags = (o->flags & HC_OBJ_TINY ? SPAN_TINY : 0u) | (o->flags & HC_OBJ_NOSCAN ? SPAN_NOSCAN : 0u);
	return s->class_of[class_key(s, o->node, flags)];
}

uint32_t hc_class_count(const struct hc_snapshot *s)
{
	return s->nclasses;
}

struct hc_class hc_class_at(const struct hc_snapshot *s, uint32_t i)
{
	return s->classes[i];
}

size_t hc_object_type_name(const struct hc_snapshot *s, const struct hc_object *o, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s", s->classes[hc_object_class(s, o)].name);
	return n < 0 ? 0 : (size_t)n;
}
