/* SPDX-License-Identifier: MIT */
/* Public accessors of references backwards. */
#include <stdlib.h>

#include "api/api.h"
#include "graph/reverse.h"
#include "heapconv/query.h"

struct hc_referrers {
	struct reverse rev;
};

struct hc_error *hc_referrers_open(const struct hc_snapshot *s, struct hc_referrers **ret)
{
	struct hc_referrers *r = calloc(1, sizeof(*r));
	if (!r)
		return err_nomem();
	if (!s->graph) {
		free(r);
		return err_new(HC_E_ARG, "the snapshot was opened without its references");
	}
	struct hc_error *err = graph_reverse(s->graph, &r->rev);
	if (err)
		free(r);
	else
		*ret = r;
	return err;
}

void hc_referrers_close(struct hc_referrers *r)
{
	if (r)
		reverse_free(&r->rev);
	free(r);
}

uint64_t hc_referrers_of(const struct hc_referrers *r, hc_node node, const hc_node **ret)
{
	if (node >= r->rev.n) {
		*ret = NULL;
		return 0;
	}
	*ret = r->rev.source + r->rev.start[node];
	return r->rev.start[node + 1] - r->rev.start[node];
}
