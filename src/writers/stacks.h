/* SPDX-License-Identifier: MIT */
/*
 * Stacks of places with values, kept as a trie: what pprof and folded files are made of. Recursion is folded so that
 * what a place has in its own right (flat) and below it (cumulative) stays exact:
 *  - in a run of one function each place is kept once, in order of lines: a list or tree is a few frames, not millions;
 *  - beyond fold_depth frames a place is added only where the stack does not have it yet.
 * Both keep the set of places of each stack, and its last one. Only beyond max_depth frames, or when there are too many
 * different stacks, is the rest of a path replaced by one frame, "(deep)".
 */
#ifndef WRITERS_STACKS_H
#define WRITERS_STACKS_H

#include "base/err.h"
#include "base/vec.h"
#include "writers/frames.h"

enum { STACK_VALUES = 4 }; /* the first is a count of less than 2^32 */
enum { STACKS_FOLD_DEPTH = 64, STACKS_MAX_DEPTH = 512 };

struct stack_node {
	uint32_t parent, place, depth;
	uint32_t count;
	uint64_t value[STACK_VALUES - 1];
};

struct stacks {
	struct frames frames;
	VEC(struct stack_node) nodes; /* number 0 is the empty stack; a parent's number is below its children's */
	struct stack_edge *index;
	uint64_t mask, used;
	uint32_t fold_depth, max_depth;
	uint64_t max_nodes;
	uint32_t deep; /* the place "(deep)" */
	bool as_called; /* nothing is folded: real stacks, whose recursion is to be seen */
	unsigned weight; /* the value that stacks are ordered and pruned by: 0 count, 1.. value[weight - 1] */
	bool failed; /* memory ran out */
};

/* max_depth 0: the default. About 40 to 60 bytes per node. */
struct hc_error *stacks_init(struct stacks *st, uint64_t max_depth, uint64_t max_nodes) HC_MUST_CHECK;
void stacks_deinit(struct stacks *st);

/* Memory ran out: stacks returned since are worthless, though harmless. */
static inline bool stacks_failed(const struct stacks *st)
{
	return st->failed || st->frames.failed;
}

/* The stack with a place added that leads on to others; folds. */
uint32_t stacks_push(struct stacks *st, uint32_t node, uint32_t place);
/* The stack with a place added as its end. */
uint32_t stacks_end(struct stacks *st, uint32_t node, uint32_t place);
/* For a stack made by stacks_end(): the same with `place` of the same function instead of its end, leading on. */
uint32_t stacks_go_on(struct stacks *st, uint32_t end, uint32_t place);

static inline uint64_t stack_weight(const struct stacks *st, uint32_t node)
{
	const struct stack_node *n = &st->nodes.data[node];
	return st->weight ? n->value[st->weight - 1] : n->count;
}

struct stacks_pruned {
	uint64_t stacks, weight;      /* stacks that were cut, and what they weigh */
	uint64_t deep_stacks, deep_weight; /* below "(deep)" */
	uint64_t threshold;           /* frames that weigh less, with all below them, were cut; 0: none */
};

/*
 * Cuts light frames until at most max_stacks stacks are left: what hung below them goes to `kept stack; (small); end`,
 * so that sums and every end's own values stay exact. Also bounds the sum of depths, at 20 per stack.
 */
struct hc_error *stacks_prune(struct stacks *st, uint64_t max_stacks, struct stacks_pruned *ret) HC_MUST_CHECK;
/* The stacks that have values: siblings by weight, then by place, depth first. The array is the caller's to free. */
struct hc_error *stacks_order(const struct stacks *st, uint32_t **ret, size_t *n) HC_MUST_CHECK;

#endif
