/* SPDX-License-Identifier: MIT */
/* The largest part of the dominator tree, for people: what keeps what, with the rest of each node as one number. */
#ifndef WRITERS_KEPT_H
#define WRITERS_KEPT_H

#include "writers/retainers.h"
#include "writers/writer.h"

#define KEPT_NONE UINT32_MAX

struct kept_node {
	uint32_t found;       /* index in retainers.found */
	uint32_t parent, first, next; /* in kept.list; KEPT_NONE */
	uint32_t level;
	uint64_t own, rest;   /* bytes: the node's; kept by it through nodes that are not in the list */
	uint64_t rest_objects;
};

struct kept {
	struct retainers r;
	struct kept_node *list; /* by retained size; a parent before its children, which are linked in this order */
	uint32_t n;
	uint64_t candidates;  /* nodes that were large enough to be considered */
};

struct hc_error *kept_open(const struct job *job, uint64_t top, struct kept *k) HC_MUST_CHECK;
void kept_close(struct kept *k);
/* The next one in the order of a printed tree; KEPT_NONE at the end. */
uint32_t kept_next(const struct kept *k, uint32_t i);
/* By what the parent keeps it: ".next"; "(several)"; "" for roots. */
void kept_hop(const struct kept *k, uint32_t i, char *buf, size_t size);

#endif
