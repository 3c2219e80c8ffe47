/* SPDX-License-Identifier: MIT */
/* The heap model, stage by stage. */
#include <stdlib.h>
#include <string.h>

#include "heap/dump.h"
#include "heap/priv.h"

const struct heap_source heap_from_core = {
	.spans = heap_load_spans,
	.specials = heap_load_specials,
	.goroutines = heap_load_goroutines,
	.variables = core_variables,
	.stack_roots = heap_stack_roots,
	.queue_roots = core_queue_roots,
	.totals = heap_load_totals,
};

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
	if (p->nmodules && exe_symbol(p->modules[0].exe, "asancall")) {
		h->red_zones = true;
		diag_add(diag, HC_SEV_WARNING, "%s was built with -asan, which puts red zones behind objects: lengths of arrays, and "
		         "types that are told by sizes, are inexact", p->modules[0].exe->path);
	}
	priv->source = p->dump ? &heap_from_dump : &heap_from_core;
	struct hc_error *err = priv->source->spans(h, threads);
	if (!err)
		err = heap_load_masks(h);
	if (!err)
		err = priv->source->specials(h);
	if (!err)
		err = priv->source->goroutines(h);
	if (!err)
		err = heap_load_roots(h);
	if (!err)
		err = priv->source->totals(h);
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
		for (uint64_t g = h->spans[i].base >> GRANULE_SHIFT;
		     g <= (h->spans[i].base + (h->info[i].npages << PAGE_SHIFT) - 1) >> GRANULE_SHIFT; g++) {
			free(h->pages[g]);
			h->pages[g] = NULL;
		}
	big_free(h->pages, NGRANULES * sizeof(*h->pages));
	big_free(h->alloc, bit_words((uint64_t)h->nslots + 64) * 8);
	big_free(h->content, (uint64_t)h->nslots * sizeof(*h->content));
	free(h->spans);
	free(h->info);
	free(h->span_hint);
	free(h->goroutines);
	free(h->frames);
	free(h->roots);
	free(h->root_edges);
	free(h->specials);
	free(h->sites);
	free(h->site_frames);
	if (h->priv) {
		free(h->priv->arenas);
		map_free(&h->priv->masks);
		vec_free(&h->priv->mask_of);
		vec_free(&h->priv->manual);
		dump_close(h);
		free(h->priv);
	}
	arena_free(&h->arena);
	free(h);
}

bool heap_pages_add(struct heap *h, uint32_t span)
{
	uint64_t page = h->spans[span].base >> PAGE_SHIFT, end = page + h->info[span].npages;
	for (; page < end; page++) {
		uint32_t **granule = &h->pages[page >> (GRANULE_SHIFT - PAGE_SHIFT)];
		if (!*granule) {
			*granule = malloc(GRANULE_PAGES * sizeof(**granule));
			if (!*granule)
				return false;
			memset(*granule, 0xff, GRANULE_PAGES * sizeof(**granule));
		}
		(*granule)[page & (GRANULE_PAGES - 1)] = span;
	}
	return true;
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
