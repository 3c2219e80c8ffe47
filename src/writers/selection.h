/* SPDX-License-Identifier: MIT */
/*
 * Which nodes a table has, and in which order: by retained size, the largest first; of equal ones roots before objects, and
 * these by address. A dominator comes before what it dominates: the first N are closed under dominators.
 */
#ifndef WRITERS_SELECTION_H
#define WRITERS_SELECTION_H

#include "base/bits.h"
#include "writers/writer.h"

struct selection {
	const struct hc_snapshot *s;
	hc_node limit, end;  /* of objects' numbers; of all */
	bool garbage;        /* unreachable objects, too */
	uint32_t *order;     /* nodes; NULL where only selection_has() is asked */
	uint64_t len, left_out; /* rows; nodes that `top` left out */
	uint64_t room;       /* entries of order */
	uint64_t *chosen;    /* bit per node; NULL: all */
	bool targets;        /* chosen by --target */
};

/*
 * The first `top` of all nodes (0: all): live objects, all objects with --garbage, and those root nodes that have
 * references; of these only what --target means, where it is given. Without `sorted`, order is made only where it is needed
 * to choose.
 */
struct hc_error *selection_init(struct selection *sel, const struct job *job, uint64_t top, bool sorted) HC_MUST_CHECK;
void selection_deinit(struct selection *sel);
/* The first node with a number >= from; roots' numbers follow those of objects. HC_NODE_NONE at the end. */
hc_node selection_next(const struct selection *sel, hc_node from);

/* Is a target of a reference in the table, whose source is? */
static inline bool selection_has(const struct selection *sel, hc_node node)
{
	if (sel->chosen)
		return bit_get(sel->chosen, node);
	return node < sel->limit || hc_edge_count(sel->s, node) > 0;
}

/* Bytes of an object that the collector looks at. */
uint64_t object_scan_bytes(const struct hc_snapshot *s, const struct hc_object *o);

#endif
