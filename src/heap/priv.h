/* SPDX-License-Identifier: MIT */
/* Shared by the files of the heap layer only. */
#ifndef HEAP_PRIV_H
#define HEAP_PRIV_H

#include "base/ckd.h"
#include "base/pool.h"
#include "heap/heap.h"

enum {
	PAGE_SHIFT = 13,    /* the runtime's 8 KiB pages, all platforms */
	GRANULE_SHIFT = 26, /* 64 MiB: heap.pages */
	GRANULE_PAGES = 1 << (GRANULE_SHIFT - PAGE_SHIFT),
	ADDR_BITS = 48,     /* Go's heap lies below 2^48 on every port (malloc.go: heapAddrBits) */
	NGRANULES = 1 << (ADDR_BITS - GRANULE_SHIFT),
	INLINE_MARKS = 128, /* bytes of spanInlineMarkBits at a Green Tea span's end (mgcmark_greenteagc.go) */
	MALLOC_HEADER = 8,  /* bytes of the type word in front of an object, on 32-bit ports too (malloc.go) */
};

/* malloc.go, heapArenaBytes: 4 MiB on 32-bit ports, 64 MiB on the others (except on Windows). */
static inline unsigned arena_shift(const struct heap *h)
{
	return h->word == 8 ? 26 : 22;
}

/* malloc.go, arenaBaseOffset: amd64 sign-extends its addresses, everyone else counts from 0. */
static inline uint64_t arena_offset(const struct heap *h, uint64_t addr)
{
	return addr - (h->proc->arch == ARCH_AMD64 ? UINT64_C(0xffff800000000000) : 0);
}

/* The metadata of heapArenaBytes of address space. */
struct arena_meta {
	uint64_t index;         /* addr >> arena_shift() */
	uint64_t addr;          /* of the runtime.heapArena */
	const uint8_t *bitmap;  /* <= 1.21: the pointer bitmap, whole; NULL unreadable */
	const uint8_t *inlinemarks; /* >= 1.25: one bit a page: the span has inline mark bits; NULL none */
};

struct manual_span {
	uint64_t base, npages;
	bool stack;
};

/* A section of package variables. */
struct variables {
	uint64_t addr, end;
	const uint64_t *mask; /* bit i: word i is a pointer; NULL: unknown, every word may be one */
	uint64_t nbits;
};

/*
 * Where the model comes from: a core, whose runtime structures are read (from_core), or the records of a heap dump
 * (from_dump, dump*.c). All fill the same fields of struct heap; nothing behind heap_open() knows which it was.
 */
struct heap_source {
	struct hc_error *(*spans)(struct heap *h, unsigned threads); /* spans, alloc, masks */
	struct hc_error *(*specials)(struct heap *h);
	struct hc_error *(*goroutines)(struct heap *h); /* and their frames */
	bool (*variables)(const struct heap *h, size_t i, struct variables *ret); /* false: there are no more */
	struct hc_error *(*stack_roots)(struct root_builder *b, uint32_t group);
	struct hc_error *(*queue_roots)(struct root_builder *b, uint32_t finalizers, uint32_t cleanups);
	struct hc_error *(*totals)(struct heap *h);
};
extern const struct heap_source heap_from_core; /* heap.c */
extern const struct heap_source heap_from_dump; /* dump.c */

struct heap_private {
	const struct heap_source *source;
	struct dump_model *dump;   /* dump.h; NULL for cores */
	struct arena_meta *arenas; /* sorted by index */
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

/* The slot's bytes in one piece, its header included; NULL: look up each address. */
static inline const uint8_t *slot_bytes(const struct heap *h, uint32_t span, uint32_t id)
{
	const struct span_info *in = &h->info[span];
	if (in->data)
		return in->data + (uint64_t)(id - h->spans[span].first) * h->spans[span].elemsize;
	return h->content && h->content[id] ? h->file + in->maskoff + h->content[id] : NULL;
}

/* Enters the pages of a span into heap.pages; false when memory ran out. */
bool heap_pages_add(struct heap *h, uint32_t span); /* heap.c */

bool core_variables(const struct heap *h, size_t i, struct variables *ret); /* roots.c */
struct hc_error *core_queue_roots(struct root_builder *b, uint32_t fin, uint32_t clean) HC_MUST_CHECK; /* roots.c */

/* ---- anchors.c: addresses of the runtime's variables, by name or by structure; 0 = not found ---- */

uint64_t anchor_mheap(const struct heap *h); /* needs the program tables only */
uint64_t anchor_allp(const struct heap *h);

/* ---- sizeclasses.c ---- */

enum { NCLASSES = 68, MAX_SMALL = 32768 };
extern const struct size_class {
	uint16_t size;
	uint8_t pages; /* of a span */
} size_classes[NCLASSES];
unsigned size_class_of(uint64_t size); /* 0: there is no such class */
unsigned size_class_for(uint64_t size); /* the smallest that has room for it; 0: none has */

/* How a build lays spans out. */
struct span_rules {
	bool headers;      /* Go 1.22: type words, pointer bits at the end of spans */
	bool inline_marks; /* Green Tea: mark bits there, too */
	uint64_t bits_max; /* largest slot whose pointer bits are in the span */
	unsigned word;
};
struct span_rules span_rules_of(const struct proc *p);
/* The first page of the span that has a slot of this size at addr. False: no slot of this size can be there. */
bool span_base_of(uint64_t addr, uint64_t size, uint64_t *ret);
uint64_t span_slots_of(const struct span_rules *r, uint64_t size, uint64_t npages, bool scan);

/* The runtime's heapStatsDelta of a release, see totals.c. */
enum { STATS_MAX_WORDS = 148 };
struct stats_shape {
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
	uint64_t fn;   /* offset of the function in an entry */
	uint64_t type; /* offset of the object's type in an entry; 0 = it has none */
	uint64_t max; /* entries of a block */
};
/* The first block of the longest chain that fits; only chains with entries can be told from zeros. */
uint64_t anchor_queue(const struct heap *h, const struct queue_shape *q);

/* ---- totals.c: after spans and goroutines ---- */

struct hc_error *heap_load_totals(struct heap *h) HC_MUST_CHECK;
void heap_count_spans(struct heap *h);
void heap_forget_counters(struct heap *h); /* all rt_* unknown */

#endif
