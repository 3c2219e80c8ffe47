/* SPDX-License-Identifier: MIT */
#include "writers/goroutines.h"

#include <stdlib.h>

uint64_t *goroutines_retained(const struct hc_snapshot *s)
{
	uint32_t n = hc_goroutine_count(s);
	uint64_t *retained = calloc((size_t)n + 1, sizeof(*retained));
	for (uint32_t i = 0; retained && i < hc_root_count(s); i++) {
		struct hc_root root = hc_root_at(s, i);
		if (root.kind == HC_ROOT_GOROUTINE && root.goroutine < n)
			retained[root.goroutine] = hc_retained(s, root.node);
	}
	return retained;
}

uint64_t goroutine_waited(const struct hc_goroutine *g, uint64_t now)
{
	return g->wait_since && g->wait_since < now ? (now - g->wait_since) / 1000000000 : 0;
}
