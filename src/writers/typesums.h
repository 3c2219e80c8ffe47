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
 * for objects of none. The array is the caller's to free. same: by class, for which one it counts; NULL: each for itself.
 */
struct hc_error *type_sums(const struct gathered *g, const uint32_t *same, struct type_sum **ret, uint32_t *n) HC_MUST_CHECK;
/*
 * The `same` of type_sums() by which the parts of a map count for the map, where the program has whole ones of the type.
 * NULL when memory ran out.
 */
uint32_t *type_sums_of_maps(const struct hc_snapshot *s);
/* Adds what needs a look at each object, and the unreachable ones if `garbage`. */
void type_sums_details(const struct hc_snapshot *s, bool garbage, struct type_sum *sums, uint32_t n);
/* The same for the objects of a set alone, live ones unless `garbage`: all sums are theirs then. */
void type_sums_of_set(const struct hc_snapshot *s, const struct hc_set *set, bool garbage, struct type_sum *sums, uint32_t n);
/* By bytes, or by what they retain, the most first. */
void type_sums_sort(struct type_sum *sums, uint32_t n);
void type_sums_sort_retained(struct type_sum *sums, uint32_t n);

#endif
