/* SPDX-License-Identifier: MIT */
/* References backwards, for queries: 4 bytes per node and per reference, garbage included. */
#ifndef GRAPH_REVERSE_H
#define GRAPH_REVERSE_H

#include "graph/graph.h"

struct reverse {
	uint64_t n;       /* nodes */
	uint64_t nedges;
	uint32_t *start;  /* per node, and one more: where its referrers begin in source */
	uint32_t *source; /* referrers of a node in ascending order, one entry for each reference */
};

struct hc_error *graph_reverse(const struct graph *g, struct reverse *r) HC_MUST_CHECK;
void reverse_free(struct reverse *r);

#endif
