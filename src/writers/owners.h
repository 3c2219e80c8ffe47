/* SPDX-License-Identifier: MIT */
/*
 * Who refers to the target, level by level, referrers of the same type by the same field taken together. Each referrer
 * is in the tree once, at the level nearest to the target, so that cycles end.
 */
#ifndef WRITERS_OWNERS_H
#define WRITERS_OWNERS_H

#include "base/arena.h"
#include "writers/query.h"

struct owners;
struct hc_error *query_put_owners(const struct owners *o, struct hc_sink *k) HC_MUST_CHECK; /* query_owners.c */

enum { OWNERS_TOP = 12, OWNERS_DEPTH = 5, OWNERS_NODES = 2000 };
#define OWNERS_NONE UINT32_MAX

struct owner {
	uint32_t parent, level; /* parent: the owner whose nodes these refer to; OWNERS_NONE for the target itself */
	uint32_t first, next;   /* child; sibling: in order of show */
	const char *name;       /* type, or root */
	const char *field;      /* by which they refer; "" for the target */
	hc_node example;        /* the first of them */
	bool root;
	uint64_t references;
	uint64_t referrers, known; /* nodes; of them those that are elsewhere in the tree already */
	uint64_t bytes, retained;  /* of the referrers: slots; the biggest one's */
	uint64_t left_out, left_references; /* kinds of referrers of these nodes that are not in the tree */
	size_t members, nmembers;  /* in owners.members: those that are not known */
};

struct owners {
	struct query q;
	VEC(struct owner) list; /* 0 is the target; parents before children */
	VEC(hc_node) members;
	uint64_t *seen;   /* bit per node: is a member */
	uint64_t *wanted; /* bit per node: is one of those members whose referrers are being looked for */
	struct arena arena;
	uint64_t top, depth;
};

struct hc_error *owners_open(const struct job *job, struct owners *o) HC_MUST_CHECK;
void owners_close(struct owners *o);
/* The next one in the order of a printed tree; OWNERS_NONE at the end. */
uint32_t owners_next(const struct owners *o, uint32_t i);

#endif
