/* SPDX-License-Identifier: MIT */
/* Sums by object class: what the page and the tables of types show. */
#ifndef WRITERS_TYPESUMS_H
#define WRITERS_TYPESUMS_H

#include "writers/gather.h"

struct type_sum {
	uint64_t objects, bytes; /* whole slots */
	uint64_t retained; /* bytes that have an object of the class among their dominators, or are one's own */
	/* from type_sums_details() */
	uint64_t max_retained, scan, slack;
	uint64_t origin[HC_ORIGIN_INFERRED + 1]; /* objects */
	uint32_t class;
};

/*
 * One for each class, in the order of classes, from gather_dominators(): live objects only. One more than there are classes,
 * for objects of none. The array is the caller's to free.
 */
struct hc_error *type_sums(const struct gathered *g, struct type_sum **ret, uint32_t *n) HC_MUST_CHECK;
/* Adds what needs a look at each object, and the unreachable ones if `garbage`. */
void type_sums_details(const struct hc_snapshot *s, bool garbage, struct type_sum *sums, uint32_t n);
/* By bytes, the most first. */
void type_sums_sort(struct type_sum *sums, uint32_t n);

#endif
