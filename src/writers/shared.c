/* SPDX-License-Identifier: MIT */
#include "writers/shared.h"

#include <stdlib.h>

#include "base/pool.h"

struct search {
	const struct hc_snapshot *s;
	hc_node limit;       /* of objects' numbers */
	uint32_t nroots;
	uint32_t *dominating; /* by node: the root above it in the tree of dominators */
	uint32_t *nearest;    /* by node: the root whose shortest path leads to it */
	uint32_t *sum_of;     /* by root: 1 + index of its sum */
};

/* Variables stand for what hangs on them, goroutines for their frames and locals. */
static bool stands_alone(enum hc_root_kind kind)
{
	return kind != HC_ROOT_ALL && kind != HC_ROOT_GROUP && kind != HC_ROOT_PACKAGE;
}

static bool is_shared(const struct search *w, hc_node node)
{
	uint32_t root = w->dominating[node];
	return root < w->nroots && !stands_alone(hc_root_at(w->s, root).kind);
}

/* Parents of roots come before them. */
static uint32_t holder(const struct search *w, uint32_t root)
{
	struct hc_root r = hc_root_at(w->s, root);
	uint32_t parent = r.parent == HC_NODE_NONE ? root : r.parent - w->limit;
	while (parent < root && stands_alone(hc_root_at(w->s, parent).kind)) {
		root = parent;
		r = hc_root_at(w->s, root);
		parent = r.parent == HC_NODE_NONE ? root : r.parent - w->limit;
	}
	return root;
}

static struct hc_error *find_nearest(struct search *w)
{
	struct hc_bfs_iter it;
	struct hc_bfs_step step;
	struct hc_error *err = hc_bfs_begin(w->s, &it);
	if (err)
		return err;
	while (hc_bfs_next(&it, &step))
		w->nearest[step.node] = step.node >= w->limit ? holder(w, step.node - w->limit) : w->nearest[step.from];
	hc_bfs_end(&it);
	return NULL;
}

static bool add(struct search *w, struct shared *sh, uint32_t root, uint64_t bytes)
{
	if (!w->sum_of[root]) {
		if (!vec_push(&sh->sums, ((struct shared_sum){.root = root})))
			return false;
		w->sum_of[root] = (uint32_t)sh->sums.len;
	}
	struct shared_sum *sum = &sh->sums.data[w->sum_of[root] - 1];
	sum->bytes += bytes;
	sum->objects++;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const struct shared_sum *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->root < y->root ? -1 : x->root > y->root;
}

static struct hc_error *sum_up(struct search *w, struct shared *sh)
{
	struct hc_object o;
	struct hc_error *err = find_nearest(w);
	if (err)
		return err;
	for (hc_node n = hc_object_next(w->s, 0, true); n != HC_NODE_NONE; n = hc_object_next(w->s, n + 1, true))
		if (is_shared(w, n) && hc_object_get(w->s, n, &o) && !add(w, sh, w->nearest[n], o.slot_size))
			return err_nomem();
	qsort(sh->sums.data, sh->sums.len, sizeof(sh->sums.data[0]), by_bytes);
	return NULL;
}

struct hc_error *shared_find(const struct hc_snapshot *s, uint64_t least, struct shared *ret)
{
	struct search w = {.s = s, .limit = hc_object_limit(s), .nroots = hc_root_count(s)};
	struct hc_object o;
	uint64_t size = ((uint64_t)w.limit + w.nroots) * sizeof(uint32_t);
	*ret = (struct shared){.bytes = 0};
	struct hc_error *err = hc_dominating_roots(s, &w.dominating);
	if (err)
		return err;
	for (hc_node n = hc_object_next(s, 0, true); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, true)) {
		if (!is_shared(&w, n) || !hc_object_get(s, n, &o))
			continue;
		ret->bytes += o.slot_size;
		ret->objects++;
	}
	if (ret->objects && ret->bytes >= least) {
		w.nearest = big_alloc(size);
		w.sum_of = calloc(w.nroots, sizeof(*w.sum_of));
		err = w.nearest && w.sum_of ? sum_up(&w, ret) : err_nomem();
		free(w.sum_of);
		big_free(w.nearest, size);
	}
	hc_numbers_free(s, w.dominating);
	if (err)
		shared_free(ret);
	return err;
}

void shared_free(struct shared *sh)
{
	vec_free(&sh->sums);
}
