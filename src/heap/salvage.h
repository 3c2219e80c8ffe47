/* SPDX-License-Identifier: MIT */
/*
 * Spans whose descriptors are lost. In a core that was cut, what is missing first is what lies at high addresses: the
 * runtime's bookkeeping, while objects and variables are still there. Pointers of known type tell of an object's size,
 * size and address tell of the span around it, and from Go 1.22 on the span tells where the pointers of its other
 * objects are.
 *
 *   salvage_walk.c   follows typed pointers from package variables, goroutines and their frames: objects found
 *   salvage.c        spans around these; then marks in them as the collector would, typed or not
 *
 * This is the one place where types decide what exists. Whoever gets here says so: the answer is a part of the truth.
 */
#ifndef HEAP_SALVAGE_H
#define HEAP_SALVAGE_H

#include "heap/heap.h"

/* An object that a typed pointer leads to: count values of a type, from addr on. */
struct found {
	uint64_t addr, size;
	uint32_t type; /* TYPE_NONE: only a place that something points to */
	uint64_t count;
	bool scan;     /* the type has pointers */
};

/* Where a type has words that lead somewhere, in ascending order. */
struct leaf {
	uint64_t offset;
	uint32_t type;
};
struct leaves {
	uint32_t first, n; /* in salvage.leaves */
};

struct salvaged_span {
	uint64_t base, npages, slot, nelems, limit;
	uint64_t type; /* large ones: the descriptor of the type, 0 unknown */
	bool scan, large;
	uint64_t weight; /* what speaks for it */
};

struct known_range {
	uint64_t start, end;
};

struct salvage {
	struct heap *h;
	uint64_t heap_lo, heap_hi; /* the heap lies in between */
	VEC(struct known_range) stacks; /* of goroutines; sorted */
	VEC(struct found) objects;
	struct map by_addr;         /* addr -> index in objects */
	VEC(uint32_t) todo;         /* objects to be walked */
	VEC(struct leaf) leaves;
	VEC(struct leaves) leaves_of;
	struct map by_type;         /* type -> index in leaves_of */
	uint64_t budget;            /* words that may still be read */
	VEC(struct salvaged_span) spans; /* by base, apart from each other */
};

/* Fills objects. */
struct hc_error *salvage_walk(struct salvage *s) HC_MUST_CHECK;
/* The leaves of a type; an empty list for one without pointers. False: out of memory. */
bool salvage_leaves(struct salvage *s, uint32_t type, struct leaves *ret);
void salvage_free(struct salvage *s);

/* Fills spans, from what is not in the n known ones, which are sorted. */
struct hc_error *salvage_spans(struct salvage *s, const struct known_range *known, size_t n) HC_MUST_CHECK;
/* After the heap's tables have these spans: their masks where the runtime's are lost, and the objects in them. */
bool salvage_mask(struct salvage *s, uint32_t span) HC_MUST_CHECK;
struct hc_error *salvage_objects(struct salvage *s) HC_MUST_CHECK;

#endif
