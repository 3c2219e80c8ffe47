/* SPDX-License-Identifier: MIT */
/* The heap model, stage by stage. */
#include <stdlib.h>

#include "heap/priv.h"

struct hc_error *heap_open(const struct proc *p, struct types *t, const struct program *g, unsigned threads,
                           struct diag *diag, struct heap **ret)
{
	struct heap *h = calloc(1, sizeof(*h));
	struct heap_private *priv = calloc(1, sizeof(*priv));
	if (!h || !priv) {
		free(h);
		free(priv);
		return err_nomem();
	}
	h->proc = p;
	h->types = t;
	h->prog = g;
	h->diag = diag;
	h->be = p->be;
	h->word = p->word;
	h->priv = priv;
	struct hc_error *err = heap_load_spans(h, threads);
	if (!err)
		err = heap_load_masks(h);
	if (!err)
		err = heap_load_specials(h);
	if (!err)
		err = heap_load_goroutines(h);
	if (!err)
		err = heap_load_roots(h);
	if (!err)
		err = heap_load_totals(h);
	if (err) {
		heap_close(h);
		return err;
	}
	*ret = h;
	return NULL;
}

void heap_close(struct heap *h)
{
	if (!h)
		return;
	for (size_t i = 0; h->pages && i < h->nspans; i++)
		for (uint64_t g = h->spans[i].base >> GRANULE_SHIFT; g <= (h->spans[i].limit - 1) >> GRANULE_SHIFT; g++) {
			free(h->pages[g]);
			h->pages[g] = NULL;
		}
	big_free(h->pages, NGRANULES * sizeof(*h->pages));
	big_free(h->alloc, bit_words((uint64_t)h->nslots + 64) * 8);
	free(h->spans);
	free(h->info);
	free(h->span_hint);
	free(h->goroutines);
	free(h->frames);
	free(h->roots);
	free(h->root_edges);
	free(h->specials);
	if (h->priv) {
		free(h->priv->arenas);
		map_free(&h->priv->masks);
		vec_free(&h->priv->mask_of);
		vec_free(&h->priv->manual);
		free(h->priv);
	}
	arena_free(&h->arena);
	free(h);
}

struct hc_error *heap_index_ids(struct heap *h)
{
	size_t n = (h->nslots >> SPAN_HINT_SHIFT) + 2;
	h->span_hint = malloc(n * sizeof(*h->span_hint));
	if (!h->span_hint)
		return err_nomem();
	uint32_t span = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t id = (uint64_t)i << SPAN_HINT_SHIFT;
		while (span + 1 < h->nspans && h->spans[span + 1].first <= id)
			span++;
		h->span_hint[i] = span;
	}
	return NULL;
}
