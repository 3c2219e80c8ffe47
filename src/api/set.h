/* SPDX-License-Identifier: MIT */
/* Sets of nodes, shared by the queries. */
#ifndef API_SET_H
#define API_SET_H

#include "base/bits.h"
#include "base/pool.h"
#include "heapconv/query.h"

struct hc_set {
	uint64_t *bits;
	uint64_t n, count; /* nodes there are; nodes in it */
};

static inline uint64_t set_nodes(const struct hc_snapshot *s)
{
	return (uint64_t)hc_object_limit(s) + hc_root_count(s);
}

/* An empty set; NULL when memory ran out. */
struct hc_set *set_new(const struct hc_snapshot *s);

static inline void set_add(struct hc_set *set, hc_node node)
{
	if (node < set->n && !bit_get(set->bits, node)) {
		bit_set(set->bits, node);
		set->count++;
	}
}

#endif
