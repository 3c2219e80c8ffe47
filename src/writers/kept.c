/* SPDX-License-Identifier: MIT */
#include "writers/kept.h"

#include <stdio.h>
#include <stdlib.h>

#include "writers/query.h"

/*
 * Nodes that keep less than this part of the live bytes are of no interest, or not looked at one by one even when
 * asked.
 */
enum { SHARE = 1000, SHARE_MIN = 100000 };

struct choice {
	uint64_t retained;
	uint32_t index;
};

static int by_retained(const void *ap, const void *bp)
{
	const struct choice *a = ap, *b = bp;
	if (a->retained != b->retained)
		return a->retained > b->retained ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index; /* dominators were found first */
}

static void node_fill(struct kept *k, uint32_t i, const uint32_t *where)
{
	const struct retainers *r = &k->r;
	const struct retainer *at = &r->found.data[k->list[i].found];
	struct hc_object o;
	struct kept_node *n = &k->list[i];
	n->own = hc_object_get(r->s, at->node, &o) ? o.slot_size : 0;
	n->rest = at->retained - n->own;
	n->rest_objects = hc_retained_objects(r->s, at->node) - (n->own ? 1 : 0);
	n->first = n->next = KEPT_NONE;
	n->parent = i ? where[at->over] : KEPT_NONE;
	if (!i)
		return;
	struct kept_node *parent = &k->list[n->parent];
	n->level = parent->level + 1;
	parent->rest -= at->retained < parent->rest ? at->retained : parent->rest;
	uint64_t objects = hc_retained_objects(r->s, at->node);
	parent->rest_objects -= objects < parent->rest_objects ? objects : parent->rest_objects;
}

/* Backwards, so that the largest child comes first. */
static void children_link(struct kept *k)
{
	for (uint32_t i = k->n; i-- > 1;) {
		k->list[i].next = k->list[k->list[i].parent].first;
		k->list[k->list[i].parent].first = i;
	}
}

static struct hc_error *choose(struct kept *k, uint64_t top)
{
	size_t n = k->r.found.len;
	struct choice *list = malloc((n + 1) * sizeof(*list));
	uint32_t *where = malloc((n + 1) * sizeof(*where)); /* found -> list */
	k->n = (uint32_t)(n < top ? n : top);
	k->list = calloc((size_t)k->n + 1, sizeof(*k->list));
	if (!list || !where || !k->list || k->r.failed) {
		free(list);
		free(where);
		return err_nomem();
	}
	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct choice){k->r.found.data[i].retained, i};
	if (n)
		qsort(list, n, sizeof(*list), by_retained);
	for (uint32_t i = 0; i < k->n; i++) {
		where[list[i].index] = i;
		k->list[i].found = list[i].index;
		node_fill(k, i, where);
	}
	children_link(k);
	k->candidates = n;
	free(list);
	free(where);
	return NULL;
}

struct hc_error *kept_open(const struct job *job, uint64_t top, struct kept *k)
{
	struct hc_dom_iter it;
	struct hc_dom_step step;
	*k = (struct kept){.n = 0};
	retainers_init(&k->r, job->s);
	k->r.threshold = hc_snapshot_info(job->s)->live_bytes / (job->opts.top ? SHARE_MIN : SHARE) + 1;
	struct hc_error *err = hc_dom_begin(job->s, &it);
	if (!err) {
		while (hc_dom_next(&it, &step))
			retainers_step(&k->r, &step);
		hc_dom_end(&it);
		err = choose(k, top);
	}
	if (err)
		kept_close(k);
	return err;
}

void kept_close(struct kept *k)
{
	retainers_deinit(&k->r);
	free(k->list);
	k->list = NULL;
	k->n = 0;
}

uint32_t kept_next(const struct kept *k, uint32_t i)
{
	if (k->list[i].first != KEPT_NONE)
		return k->list[i].first;
	while (i != KEPT_NONE && k->list[i].next == KEPT_NONE)
		i = k->list[i].parent;
	return i == KEPT_NONE ? i : k->list[i].next;
}

void kept_hop(const struct kept *k, uint32_t i, char *buf, size_t size)
{
	const struct retainer *at = &k->r.found.data[k->list[i].found];
	hc_node limit = hc_object_limit(k->r.s), from = at->from;
	if (size)
		buf[0] = '\0';
	if (at->node >= limit)
		return;
	if (at->via == HC_VIA_SEVERAL)
		snprintf(buf, size, "(several)");
	else if (from < limit || hc_root_at(k->r.s, from - limit).size)
		query_hop(k->r.s, from, at->via, true, buf, size);
}
