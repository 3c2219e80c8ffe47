/* SPDX-License-Identifier: MIT */
/* Shared by the files of the heap layer only. */
#ifndef HEAP_PRIV_H
#define HEAP_PRIV_H

#include "base/ckd.h"
#include "base/pool.h"
#include "heap/heap.h"

enum {
	PAGE_SHIFT = 13,    /* the runtime's 8 KiB pages, all platforms */
	GRANULE_SHIFT = 26, /* 64 MiB: heap.pages, and heapArenaBytes of 64-bit platforms except windows */
	GRANULE_PAGES = 1 << (GRANULE_SHIFT - PAGE_SHIFT),
	ADDR_BITS = 48,     /* Go's heap lies below 2^48 on every port (malloc.go: heapAddrBits) */
	NGRANULES = 1 << (ADDR_BITS - GRANULE_SHIFT),
	INLINE_MARKS = 128, /* bytes of spanInlineMarkBits at a Green Tea span's end (mgcmark_greenteagc.go) */
};

/* A 64 MiB arena's metadata. */
struct arena_meta {
	uint64_t granule;       /* addr >> GRANULE_SHIFT */
	uint64_t addr;          /* of the runtime.heapArena */
	const uint8_t *bitmap;  /* <= 1.21: the pointer bitmap, whole; NULL unreadable */
	const uint8_t *inlinemarks; /* >= 1.25: one bit a page: the span has inline mark bits; NULL none */
};

struct manual_span {
	uint64_t base, npages;
	bool stack;
};

struct heap_private {
	struct arena_meta *arenas; /* sorted by granule */
	size_t narenas;
	struct map masks;          /* runtime type -> index in mask_of */
	VEC(const struct gcmask *) mask_of;
	VEC(struct manual_span) manual;
	struct stack_cache *stacks; /* unwind.c; in the heap's arena */
	uint64_t mheap;            /* address of runtime.mheap_ */
	uint64_t sweepgen;
};

/* NULL: no arena there. */
const struct arena_meta *arena_find(const struct heap *h, uint64_t addr);
struct hc_error *arenas_load(struct heap *h) HC_MUST_CHECK; /* arenas.c */

/* Registers the descriptor's mask, so that threads can look it up; a descriptor that is none is remembered as such. */
bool mask_register(struct heap *h, uint64_t rtype);
/* NULL: not registered, or not a descriptor. */
const struct gcmask *mask_lookup(const struct heap *h, uint64_t rtype);

/* ---- anchors.c: addresses of the runtime's variables, by name or by structure; 0 = not found ---- */

uint64_t anchor_mheap(const struct heap *h); /* needs the program tables only */
uint64_t anchor_allp(const struct heap *h);

/* The runtime's heapStatsDelta of a release, see totals.c. */
enum { NCLASSES = 68, STATS_MAX_WORDS = 148 };
struct stats_shape {
	int from;        /* Go 1.from */
	unsigned stride; /* words of one delta */
	unsigned tiny;   /* index of tinyAllocCount */
};
/* Sums of the three generations at an address, word by word; false when some are not in the snapshot. */
bool stats_sum(const struct heap *h, uint64_t at, const struct stats_shape *shape, int64_t sum[STATS_MAX_WORDS]);
uint64_t anchor_memstats(const struct heap *h, const struct stats_shape *shape, uint64_t heap_inuse);

/* Queues of finalizers and cleanups: blocks linked by alllink, each with a count and an array of entries. */
struct queue_shape {
	const char *what;
	enum root_kind kind;
	enum layout_field alllink, count, entries; /* entries: offset of the array in the block */
	uint64_t entry_words, stride;
	uint64_t fn;  /* offset of the function in an entry */
	uint64_t max; /* entries of a block */
};
/* The first block of the longest chain that fits; only chains with entries can be told from zeros. */
uint64_t anchor_queue(const struct heap *h, const struct queue_shape *q);

struct hc_error *heap_load_totals(struct heap *h) HC_MUST_CHECK; /* totals.c: after spans and goroutines */

#endif
