/* SPDX-License-Identifier: MIT */
/*
 * The shortest paths from roots to targets, in order of length. A breadth-first search backwards tells how far each
 * node is from the nearest target; a best-first search forwards from the roots with these distances as its estimate
 * then goes straight to the targets, and takes a detour only for the next longer path. What cannot reach a target is
 * never looked at, and a cycle that hangs on a path is a detour to nowhere. Knows the public API only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/vec.h"
#include "api/set.h"

/* Steps of searching for loops, and entries of the queue: beyond, longer paths are given up. */
enum { WORK_MAX = 100000000, ENTRIES_MAX = 4000000 };

struct entry {
	hc_node node;
	uint32_t prev;   /* entry before it on the path; its own index for roots */
	uint32_t steps;  /* from the root */
	uint32_t lowest; /* distance from the target of the nearest node up to here: a nearer one closes no loop */
	uint64_t offset; /* in the previous node of the pointer to this one */
};

struct waiting {
	uint64_t length; /* of the shortest path by way of the entry */
	uint32_t entry;
};

struct hc_paths {
	const struct hc_snapshot *s;
	const struct hc_referrers *r;
	const struct hc_set *targets;
	uint64_t nodes, max, work;
	uint32_t *distance; /* by node: from the nearest target, plus 1; 0: leads to none */
	bool cut;
	VEC(hc_node) anchors;
	VEC(struct entry) entries;
	VEC(struct waiting) heap;
	VEC(struct hc_step) steps;
	VEC(size_t) ends; /* of the paths in steps */
};

/* ---- backwards ---- */

struct anchor {
	uint32_t distance;
	hc_node node;
};

static int by_distance(const void *ap, const void *bp)
{
	const struct anchor *a = ap, *b = bp;
	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

static bool anchors_sort(struct hc_paths *p)
{
	struct anchor *list = malloc((p->anchors.len + 1) * sizeof(*list));
	if (!list)
		return false;
	for (size_t i = 0; i < p->anchors.len; i++)
		list[i] = (struct anchor){p->distance[p->anchors.data[i]], p->anchors.data[i]};
	if (p->anchors.len)
		qsort(list, p->anchors.len, sizeof(*list), by_distance);
	for (size_t i = 0; i < p->anchors.len; i++)
		p->anchors.data[i] = list[i].node;
	free(list);
	return true;
}

/* False: out of memory. Roots end paths: what they hang on does not hold any references of its own. */
static bool measure(struct hc_paths *p)
{
	hc_node limit = hc_object_limit(p->s);
	VEC(hc_node) queue = {0};
	bool ok = true;
	for (hc_node n = hc_set_next(p->targets, 0); ok && n != HC_NODE_NONE; n = hc_set_next(p->targets, n + 1)) {
		p->distance[n] = 1;
		ok = n >= limit ? vec_push(&p->anchors, n) : vec_push(&queue, n);
	}
	for (size_t head = 0; ok && head < queue.len; head++) {
		const hc_node *from;
		uint64_t n = hc_referrers_of(p->r, queue.data[head], &from);
		for (uint64_t i = 0; ok && i < n; i++) {
			if (from[i] >= p->nodes || p->distance[from[i]])
				continue;
			p->distance[from[i]] = p->distance[queue.data[head]] + 1;
			ok = from[i] >= limit ? vec_push(&p->anchors, from[i]) : vec_push(&queue, from[i]);
		}
	}
	vec_free(&queue);
	return ok && anchors_sort(p);
}

/* ---- forwards ---- */

static bool before(struct waiting a, struct waiting b)
{
	return a.length != b.length ? a.length < b.length : a.entry < b.entry;
}

static bool heap_push(struct hc_paths *p, struct waiting w)
{
	if (!vec_push(&p->heap, w))
		return false;
	size_t i = p->heap.len - 1;
	for (; i && before(w, p->heap.data[(i - 1) / 2]); i = (i - 1) / 2)
		p->heap.data[i] = p->heap.data[(i - 1) / 2];
	p->heap.data[i] = w;
	return true;
}

static struct waiting heap_pop(struct hc_paths *p)
{
	struct waiting top = p->heap.data[0], last = p->heap.data[--p->heap.len];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < p->heap.len; i = child) {
		if (child + 1 < p->heap.len && before(p->heap.data[child + 1], p->heap.data[child]))
			child++;
		if (!before(p->heap.data[child], last))
			break;
		p->heap.data[i] = p->heap.data[child];
	}
	if (p->heap.len)
		p->heap.data[i] = last;
	return top;
}

static bool entry_add(struct hc_paths *p, struct entry e)
{
	if (p->entries.len >= ENTRIES_MAX) {
		p->cut = true;
		return true;
	}
	struct waiting w = {(uint64_t)e.steps + p->distance[e.node], (uint32_t)p->entries.len};
	return vec_push(&p->entries, e) && heap_push(p, w);
}

static bool closes_loop(struct hc_paths *p, const struct entry *e)
{
	uint32_t at = e->prev;
	if (e->steps == 0 || p->distance[e->node] < p->entries.data[at].lowest)
		return false;
	for (;; at = p->entries.data[at].prev) {
		p->work++;
		if (p->entries.data[at].node == e->node)
			return true;
		if (p->entries.data[at].steps == 0)
			return false;
	}
}

struct branch {
	uint32_t distance;
	hc_node node;
	uint64_t offset;
};

static int by_branch(const void *ap, const void *bp)
{
	const struct branch *a = ap, *b = bp;
	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* The way on from an entry, by those references that lead nearest to a target: no more are needed than paths wanted. */
static bool branch_out(struct hc_paths *p, uint32_t index)
{
	const struct entry from = p->entries.data[index];
	hc_node limit = hc_object_limit(p->s);
	VEC(struct branch) list = {0};
	struct hc_edge_iter it;
	struct hc_edge e;
	bool ok = true;
	hc_edges(p->s, from.node, &it);
	while (ok && hc_edge_next(&it, &e))
		if (e.target < limit && p->distance[e.target])
			ok = vec_push(&list, ((struct branch){p->distance[e.target], e.target, e.offset}));
	p->work += list.len;
	if (list.len)
		qsort(list.data, list.len, sizeof(*list.data), by_branch);
	uint64_t taken = 0;
	for (size_t i = 0; ok && i < list.len && taken <= p->max; i++) {
		const struct branch *b = &list.data[i];
		if (i && list.data[i - 1].node == b->node)
			continue;
		taken++;
		ok = entry_add(p, (struct entry){b->node, index, from.steps + 1,
		                                 b->distance < from.lowest ? b->distance : from.lowest, b->offset});
	}
	vec_free(&list);
	return ok;
}

static bool path_add(struct hc_paths *p, uint32_t index)
{
	size_t n = (size_t)p->entries.data[index].steps + 1, from = p->steps.len;
	if (!vec_reserve(&p->steps, from + n))
		return false;
	uint64_t offset = 0;
	for (size_t i = n; i-- > 0; index = p->entries.data[index].prev) {
		p->steps.data[from + i] = (struct hc_step){p->entries.data[index].node, offset};
		offset = p->entries.data[index].offset;
	}
	p->steps.len += n;
	return vec_push(&p->ends, p->steps.len);
}

static bool search(struct hc_paths *p)
{
	bool ok = true;
	for (size_t i = 0; ok && i < p->anchors.len; i++) {
		hc_node n = p->anchors.data[i];
		ok = entry_add(p, (struct entry){n, (uint32_t)p->entries.len, 0, p->distance[n], 0});
	}
	while (ok && p->heap.len && p->ends.len < p->max) {
		if (p->work > WORK_MAX) {
			p->cut = true;
			break;
		}
		uint32_t index = heap_pop(p).entry;
		if (closes_loop(p, &p->entries.data[index]))
			continue;
		ok = hc_set_has(p->targets, p->entries.data[index].node) ? path_add(p, index) : branch_out(p, index);
	}
	vec_free(&p->entries);
	vec_free(&p->heap);
	return ok;
}

struct hc_error *hc_paths_open(const struct hc_snapshot *s, const struct hc_referrers *r, const struct hc_set *targets,
                               uint64_t max, struct hc_paths **ret)
{
	struct hc_paths *p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem();
	p->s = s;
	p->r = r;
	p->targets = targets;
	p->nodes = set_nodes(s);
	p->max = max;
	p->distance = big_alloc(p->nodes * sizeof(*p->distance));
	if (!p->distance || !measure(p) || !search(p)) {
		hc_paths_close(p);
		return err_nomem();
	}
	*ret = p;
	return NULL;
}

void hc_paths_close(struct hc_paths *p)
{
	if (!p)
		return;
	big_free(p->distance, p->nodes * sizeof(*p->distance));
	vec_free(&p->anchors);
	vec_free(&p->entries);
	vec_free(&p->heap);
	vec_free(&p->steps);
	vec_free(&p->ends);
	free(p);
}

size_t hc_paths_count(const struct hc_paths *p)
{
	return p->ends.len;
}

struct hc_path hc_paths_at(const struct hc_paths *p, size_t i)
{
	size_t from = i ? p->ends.data[i - 1] : 0;
	return (struct hc_path){p->steps.data + from, p->ends.data[i] - from};
}

bool hc_paths_cut(const struct hc_paths *p)
{
	return p->cut;
}

uint64_t hc_paths_anchors(const struct hc_paths *p, const hc_node **ret)
{
	*ret = p->anchors.data;
	return p->anchors.len;
}

uint32_t hc_paths_distance(const struct hc_paths *p, hc_node node)
{
	return node < p->nodes && p->distance[node] ? p->distance[node] - 1 : UINT32_MAX;
}
