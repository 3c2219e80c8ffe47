/* SPDX-License-Identifier: MIT */
/*
 * What no variable and no goroutine keeps alone: in the tree of dominators it hangs on the virtual root, which says
 * nothing. Here it is told by the variable or goroutine with the shortest path to it.
 */
#ifndef WRITERS_SHARED_H
#define WRITERS_SHARED_H

#include "base/err.h"
#include "base/vec.h"
#include "heapconv/heapconv.h"

struct shared_sum {
	uint32_t root; /* for hc_root_at() */
	uint64_t bytes, objects;
};

struct shared {
	VEC(struct shared_sum) sums; /* most bytes first, then by root */
	uint64_t bytes, objects;     /* of all of them */
};

/* About 8 bytes per slot while it runs; where `least` bytes are not reached there are totals, and no sums. */
struct hc_error *shared_find(const struct hc_snapshot *s, uint64_t least, struct shared *ret) HC_MUST_CHECK;
void shared_free(struct shared *sh);

#endif
