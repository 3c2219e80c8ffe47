/* SPDX-License-Identifier: MIT */
/*
 * The roots' part of a stack: kind of root, then the variable; for goroutines their real call stack, outermost function
 * first, then the local variable.
 */
#ifndef WRITERS_ROOTS_H
#define WRITERS_ROOTS_H

#include "heapconv/heapconv.h"
#include "writers/listing.h"
#include "writers/stacks.h"

struct roots {
	const struct hc_snapshot *s;
	struct stacks *st;
	struct listing *listing; /* NULL: no files, no lines */
	uint32_t count, frames;
	uint32_t *node;   /* by root: the stack that its children go on from; 0: not made yet */
	uint32_t *frame;  /* by frame: its call stack; 0: not made yet */
	uint8_t *holds;   /* by root: enum hc_root_kind of its children */
	struct map calls; /* pc -> where in call_places its functions begin */
	VEC(uint32_t) call_places; /* runs of places, outermost first, each ended by 0 */
};

struct hc_error *roots_init(struct roots *r, const struct hc_snapshot *s, struct stacks *st,
                            struct listing *listing) HC_MUST_CHECK;
void roots_deinit(struct roots *r);

/* The stack that objects go on from which are kept by this root and no other. Sets stacks.failed for want of memory. */
uint32_t roots_stack(struct roots *r, uint32_t root);
/* The call stack of a goroutine on top of another stack; it ends with the innermost function, for good. */
uint32_t roots_call_stack(struct roots *r, uint32_t base, const struct hc_goroutine *g);

#endif
