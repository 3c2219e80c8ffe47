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

uint32_t heap_span_of(const struct heap *h, uint32_t id)
{
	uint32_t lo = 0, hi = h->nspans;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->spans[mid].first <= id)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}
