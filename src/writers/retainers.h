/* SPDX-License-Identifier: MIT */
/*
 * The variables and objects that keep much of the heap alive, each alone: those nodes of the dominator tree where a
 * large retained size comes together, rather than every link of the chains that lead to them. The directory, tables and
 * groups of a map are no nodes of their own: what they keep is the map's.
 */
#ifndef WRITERS_RETAINERS_H
#define WRITERS_RETAINERS_H

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "heapconv/heapconv.h"

struct retainer {
	hc_node node;
	hc_node from;       /* its dominator */
	uint32_t over;      /* index of that one, or of the map that it is a part of; its own for the virtual root */
	uint32_t class;     /* HC_NO_INDEX for roots */
	uint64_t via;       /* as in hc_dom_step */
	uint64_t retained;
	uint64_t biggest;   /* retained by the biggest of those right below that are in the list */
	/* From retainers_select(), of what several roots keep: how many refer to it, and the number of the first one. */
	uint32_t holders, holder, last_holder;
};

struct retainers {
	const struct hc_snapshot *s;
	uint64_t threshold; /* bytes: smaller ones are of no interest */
	VEC(struct retainer) found;
	struct map by_node;
	bool failed;
};

void retainers_init(struct retainers *r, const struct hc_snapshot *s);
void retainers_deinit(struct retainers *r);
/* To be called for all steps of hc_dom_next(), in order. */
void retainers_step(struct retainers *r, const struct hc_dom_step *d);
/* Indexes of those to be shown, by retained size; the array is the caller's to free. */
struct hc_error *retainers_select(struct retainers *r, uint32_t **ret, size_t *n) HC_MUST_CHECK;
/*
 * "main.cache.entries", "main.worker.head (goroutine 17)", "main.server and 3 others": how to get there; cut to the buffer.
 */
void retainers_path(const struct retainers *r, uint32_t index, char *buf, size_t size);
/* What it is: the object's type, or the kind of root. */
const char *retainers_what(const struct retainers *r, uint32_t index);

#endif
