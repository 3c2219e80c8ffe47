/* SPDX-License-Identifier: MIT */
/*
 * Types of objects: seeds, propagation, inference. Single-threaded; the order is breadth first from the seeds, which
 * come in a fixed order, so that the same snapshot gives the same types.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/pool.h"
#include "graph/typing_priv.h"

enum { MAX_ROUNDS = 64, MAX_SEARCHES = 20000 };

/* ---- begin and end ---- */

static void known_types(struct typing *ty)
{
	struct types *t = ty->t;
	ty->uint8 = types_by_name(t, "uint8");
	ty->eface = types_by_name(t, "interface {}");
	ty->sudog = types_by_name(t, "runtime.sudog");
	ty->mapextra = types_by_name(t, "runtime.mapextra");
	ty->funcval = types_by_name(t, "runtime.funcval");
	runtime_tables_init(ty);
	ty->hchan = types_by_name(t, "runtime.hchan");
	struct type tiny = {.name = "(tiny values)", .pkg = "", .size = 16, .elem = TYPE_NONE, .key = TYPE_NONE,
	                    .storage = TYPE_NONE, .kind = KIND_STRUCT, .flags = TYPE_F_SYNTHETIC | TYPE_F_OPAQUE};
	ty->tiny = types_add(t, &tiny);
	if (ty->uint8 == TYPE_NONE) {
		struct type byte = {.name = "uint8", .pkg = "", .size = 1, .elem = TYPE_NONE, .key = TYPE_NONE,
		                    .storage = TYPE_NONE, .kind = KIND_UINT8, .flags = TYPE_F_SYNTHETIC};
		ty->uint8 = types_add(t, &byte);
	}
	struct hc_error *err = types_finish(t);
	ty->nomem |= err != NULL || ty->uint8 == TYPE_NONE || ty->tiny == TYPE_NONE;
	hc_error_free(err);
}

static bool typing_init(struct typing *ty, struct graph *g, struct types *t, struct diag *diag)
{
	const struct heap *h = g->heap;
	uint64_t n = g->nslots;
	ty->g = g;
	ty->h = h;
	ty->t = t;
	ty->diag = diag;
	ty->word = h->word;
	ty->be = h->be;
	ty->tw = g->tw = big_alloc(n * sizeof(*g->tw));
	ty->slack = g->slack = big_alloc(n * sizeof(*g->slack));
	ty->shadow_tw = calloc(n + 1, sizeof(*ty->shadow_tw)); /* touched for a few objects only: no huge pages */
	ty->shadow_slack = calloc(n + 1, sizeof(*ty->shadow_slack));
	ty->queued = big_alloc(bit_words(n) * sizeof(*ty->queued));
	ty->queue = calloc(QUEUE_RING, sizeof(*ty->queue));
	ty->spans = calloc(h->nspans ? h->nspans : 1, sizeof(*ty->spans));
	ty->type_words = calloc(WORD_CACHE, sizeof(*ty->type_words));
	ty->itabs = calloc(WORD_CACHE, sizeof(*ty->itabs));
	ty->closures = calloc(CLOSURE_CACHE, sizeof(*ty->closures));
	ty->shape_budget = MAX_SEARCHES;
	ty->infer_budget = 16 * n + (1 << 24); /* no more than a few rounds over a heap of which little is known */
	ty->waiter_budget = 4 * n + 1024;
	if (!ty->tw || !ty->slack || !ty->shadow_tw || !ty->shadow_slack || !ty->queued || !ty->queue || !ty->spans ||
	    !ty->type_words || !ty->itabs || !ty->closures || !typing_regions_init(ty))
		return false;
	for (uint64_t i = 0; i < n; i++)
		ty->tw[i] = TW_TYPE_MASK;
	for (uint32_t i = 0; i < h->nspans; i++) {
		ty->spans[i].data = h->info[i].data;
		uint64_t size = h->spans[i].elemsize;
		if (h->info[i].maskkind == MASK_SPANBITS && size && size <= 64u * ty->word)
			ty->spans[i].bits = h->info[i].bits;
	}
	size_classes_init(ty);
	ty->all_types = t->dwarf || types_load_links(t);
	maps_name(ty);
	known_types(ty);
	return !ty->nomem;
}

static void typing_deinit(struct typing *ty)
{
	uint64_t n = ty->g->nslots;
	free(ty->shadow_tw);
	free(ty->shadow_slack);
	big_free(ty->queued, bit_words(n) * sizeof(*ty->queued));
	free(ty->queue);
	free(ty->spans);
	free(ty->type_words);
	free(ty->itabs);
	free(ty->closures);
	free(ty->region_cache);
	shapes_free(ty->shapes);
	code_free(ty->code);
	map_free(&ty->closure_types);
	map_free(&ty->region_seen);
	vec_free(&ty->regions);
	vec_free(&ty->ranges);
	vec_free(&ty->storage);
	vec_free(&ty->ops);
	for (uint32_t i = 0; i < ty->nchunks; i++)
		free(ty->chunks[i]);
	free(ty->chunks);
	arena_free(&ty->arena);
}

/* ---- the result ---- */

/* What the claims said of an object, held against what the allocator recorded. */
static void shadow_compare(struct typing *ty, uint32_t id)
{
	uint32_t was = ty->tw[id], said = ty->shadow_tw[id];
	struct typing_stats *st = &ty->g->typing;
	if (tw_origin(said) == ORIGIN_UNKNOWN) {
		st->hidden_silent++;
	} else if (type_starts_with(ty->t, tw_type(was), tw_type(said))) { /* runtime.m for a runtime.mPadded */
		st->hidden_agree++;
	} else {
		st->hidden_differ++;
		diag_add(ty->diag, HC_SEV_DEBUG, "object %" PRIu32 " is recorded as %s, references say %s", id,
		         ty->t->t[tw_type(was)].name, ty->t->t[tw_type(said)].name);
	}
}

static void object_finish(struct typing *ty, const struct span *s, uint32_t id)
{
	uint32_t tw = ty->tw[id];
	if (tw & TW_RECORDED)
		shadow_compare(ty, id);
	if (tw_origin(tw) == ORIGIN_UNKNOWN) {
		ty->tw[id] = TW_TYPE_MASK;
		ty->slack[id] = 0;
		return;
	}
	/*
	 * All that is known of a tiny block is a value further up in it. With debug information what else is alive in
	 * it would be known, too.
	 */
	if (!ty->t->dwarf && (s->flags & SPAN_TINY) && !(tw & TW_COUNTED) && ty->t->t[tw_type(tw)].size < s->elemsize)
		tw = ty->tiny | (uint32_t)ORIGIN_INFERRED << TW_ORIGIN_SHIFT;
	ty->tw[id] = tw & ~TW_INTERNAL;
}

static void typing_finish(struct typing *ty)
{
	for (uint32_t i = 0; i < ty->h->nspans; i++) {
		const struct span *s = &ty->h->spans[i];
		for (uint32_t id = s->first; id < s->first + s->nelems; id++)
			object_finish(ty, s, id);
	}
}

struct hc_error *graph_type(struct graph *g, struct types *t, struct diag *diag)
{
	struct typing *ty = calloc(1, sizeof(*ty));
	if (!ty)
		return err_nomem();
	bool ok = typing_init(ty, g, t, diag);
	if (ok) {
		typing_seeds(ty);
		typing_drain(ty);
		typing_code(ty);
		typing_drain(ty);
		/* Sizes tell nothing where red zones are part of them. */
		for (int round = 0; round < MAX_ROUNDS && !ty->nomem && !ty->h->red_zones && typing_infer(ty, round); round++)
			typing_drain(ty);
		typing_finish(ty);
	}
	ok = ok && !ty->nomem;
	typing_deinit(ty);
	free(ty);
	return ok ? NULL : err_nomem();
}
