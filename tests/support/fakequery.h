/* SPDX-License-Identifier: MIT */
/* References backwards over the tables of fakesnap.h, for tests of queries. */
#ifndef TESTS_FAKEQUERY_H
#define TESTS_FAKEQUERY_H

#include "base/vec.h"
#include "tests/support/fakesnap.h"

struct hc_referrers {
	uint64_t n;
	VEC(hc_node) from;
	VEC(uint64_t) start;
};

struct hc_error *hc_referrers_open(const struct hc_snapshot *s, struct hc_referrers **ret)
{
	struct hc_referrers *r = calloc(1, sizeof(*r));
	if (!r)
		return err_nomem();
	r->n = (uint64_t)s->nobjects + s->nroots;
	for (hc_node to = 0; to < r->n; to++) {
		if (!vec_push(&r->start, r->from.len))
			return err_nomem();
		for (hc_node from = 0; from < r->n; from++) {
			struct hc_edge_iter it;
			struct hc_edge e;
			hc_edges(s, from, &it);
			while (hc_edge_next(&it, &e))
				if (e.target == to && !vec_push(&r->from, from))
					return err_nomem();
		}
	}
	*ret = r;
	return vec_push(&r->start, r->from.len) ? NULL : err_nomem();
}

void hc_referrers_close(struct hc_referrers *r)
{
	if (!r)
		return;
	vec_free(&r->from);
	vec_free(&r->start);
	free(r);
}

uint64_t hc_referrers_of(const struct hc_referrers *r, hc_node node, const hc_node **ret)
{
	*ret = r->from.data + r->start.data[node];
	return r->start.data[node + 1] - r->start.data[node];
}

#endif
