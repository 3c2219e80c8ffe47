/* SPDX-License-Identifier: MIT */
/* Public accessors of shortest reference paths. */
#include "heapconv/bfs.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/pool.h"

struct hc_error *hc_bfs_begin(const struct hc_snapshot *s, struct hc_bfs_iter *it)
{
	struct bfs_walk *w = malloc(sizeof(*w));
	memset(it, 0, sizeof(*it));
	if (!w)
		return err_nomem();
	struct hc_error *err = bfs_walk_begin(s->graph, w);
	if (err) {
		free(w);
		return err;
	}
	it->s = s;
	it->state = w;
	return NULL;
}

bool hc_bfs_next(struct hc_bfs_iter *it, struct hc_bfs_step *ret)
{
	struct bfs_step step;
	if (!bfs_walk_next(it->state, &step))
		return false;
	*ret = (struct hc_bfs_step){step.node, step.from, step.depth, step.via};
	return true;
}

void hc_bfs_end(struct hc_bfs_iter *it)
{
	if (it->state)
		bfs_walk_end(it->state);
	free(it->state);
	it->state = NULL;
}

struct hc_error *hc_depths(const struct hc_snapshot *s, uint32_t **ret)
{
	return graph_bfs_depths(s->graph, ret);
}

struct hc_error *hc_dominating_roots(const struct hc_snapshot *s, uint32_t **ret)
{
	return graph_dom_roots(s->graph, ret);
}

void hc_numbers_free(const struct hc_snapshot *s, uint32_t *numbers)
{
	big_free(numbers, ((uint64_t)hc_object_limit(s) + hc_root_count(s)) * sizeof(*numbers));
}
