/* SPDX-License-Identifier: MIT */
/*
 * Contract of the heap layer: what the garbage collector knows. Spans and their slots (an allocated slot is an
 * object), where pointers are in them, goroutines with their frames, and the roots. Knows nothing of graphs or file
 * formats; types are used for names only, never for liveness.
 *
 * Objects have dense 32-bit ids in address order: id = span.first + slot. Free slots have ids too (heap.alloc says
 * which are objects), so that an address becomes an id with two table look-ups and a multiplication.
 */
#ifndef HEAP_HEAP_H
#define HEAP_HEAP_H

#include "types/types.h"

#define OBJ_NONE UINT32_MAX

enum {
	SPAN_NOSCAN = 1 << 0,   /* objects hold no pointers */
	SPAN_HEADER = 1 << 1,   /* each slot begins with an 8-byte type word; the object starts at slot + 8 (Go 1.22) */
	SPAN_LARGE = 1 << 2,    /* one object, span class 0 */
	SPAN_TINY = 1 << 3,     /* 16-byte noscan slots that may hold several tiny values (span class 5) */
	SPAN_USERARENA = 1 << 4, /* a user arena chunk */
	SPAN_HOLES = 1 << 5,    /* some bytes of the span are not in the snapshot */
	SPAN_ROUNDED = 1 << 6,  /* one-object spans: the requested size is not known, limit is the end of the last page */
};

/* What every address look-up needs; 32 bytes. */
struct span {
	uint64_t base;  /* address of slot 0 */
	uint64_t limit; /* first address behind the last object; for large objects base + the requested size */
	uint32_t magic; /* slot = (offset * magic) >> 32; 0 for one-object spans */
	uint32_t first; /* id of slot 0 */
	uint32_t nelems;
	uint16_t elemsize; /* 0 for one-object spans, whose slot size is span_info.slot_size */
	uint16_t flags;
};

/* What only whole-span work needs. */
struct span_info {
	uint64_t mspan;      /* address of the runtime.mspan; 0 in heap dumps */
	uint64_t slot_size;  /* bytes charged per object */
	uint64_t npages;     /* of 8 KiB */
	const uint8_t *data; /* the whole span's bytes when contiguous in the snapshot, else NULL */
	uint64_t type;       /* one-object spans, Go 1.22+: mspan.largeType; 0 = none */
	uint64_t maskoff;    /* where the pointer bits are; meaning by mask kind, see heap/ptrmask.c */
	const uint8_t *bits;
	uint64_t specials;   /* address of the first special; heap dumps: 1 = there are some */
	uint64_t freeindex_scan; /* slots from here on may be under construction (freeIndexForScan) */
	uint8_t spanclass;
	uint8_t maskkind;    /* enum mask_kind */
};

enum mask_kind {
	MASK_NONE,     /* noscan */
	MASK_2BIT,     /* <= 1.19: heapArena.bitmap, 4 pointer and 4 scan bits a byte */
	MASK_1BIT,     /* 1.20, 1.21: heapArena.bitmap words; user arenas up to 1.21 */
	MASK_SPANBITS, /* >= 1.22, slots <= 512 B (128 B with 32-bit pointers): bits at the span's end */
	MASK_HEADER,   /* >= 1.22, larger slots: a type word in front of each object */
	MASK_LARGE,    /* >= 1.22, one-object spans: mspan.largeType */
	MASK_DUMP,     /* heap dumps: a bit per word of the span, from the records' pointer offsets */
};

/* ---- goroutines ---- */

enum g_status { /* runtime2.go */
	G_IDLE = 0, G_RUNNABLE = 1, G_RUNNING = 2, G_SYSCALL = 3, G_WAITING = 4, G_DEAD = 6, G_COPYSTACK = 8,
	G_PREEMPTED = 9, G_LEAKED = 10, G_DEADEXTRA = 11,
};

/* 32 bytes: a process may have tens of millions. */
struct frame {
	const struct func *func; /* never NULL; func->mod NULL: not Go code, or unknown */
	uint64_t pc;         /* where it stands: a return address unless `exact` */
	uint64_t sp;
	uint32_t size;       /* [sp, sp + size) is the frame; the arguments lie behind it */
	bool innermost : 1;
	bool exact : 1;        /* pc is the instruction that was about to run: a running thread, or below a signal */
	bool conservative : 1; /* asyncPreempt, debugCall and their callers, or a thread stopped at an arbitrary pc */
	bool panicked : 1;     /* below an injected sigpanic: goes on only in its deferreturn call */
	bool dead : 1;         /* the same, without one: nothing in it is live */
};

/* The end of the frame: what DWARF calls its CFA. */
static inline uint64_t frame_cfa(const struct frame *f)
{
	return f->sp + f->size;
}

/* The pc to look up lines and variables with: inside the call instruction where pc is a return address. */
static inline uint64_t frame_lookup(const struct frame *f)
{
	return f->exact || f->pc == f->func->entry ? f->pc : f->pc - 1;
}

struct goroutine {
	uint64_t addr; /* of the runtime.g */
	uint64_t id, parent;
	uint64_t gopc, startpc;
	uint64_t stack_lo, stack_hi;
	uint64_t waitsince; /* ns on the monotonic clock; 0 unknown */
	uint64_t m;         /* address of the M that runs it, 0 none */
	uint64_t labels;    /* address of the profiler labels, 0 none */
	const char *waitreason; /* "" when not waiting or unknown */
	uint8_t status;     /* enum g_status */
	bool system;        /* started by the runtime */
	bool truncated;     /* the stack could not be walked to its end */
	uint32_t first_frame, nframes;
	const uint64_t *regs; /* integer registers in core order of the thread that runs it, NULL when it is not on one */
	unsigned nregs;
};

/* ---- roots ---- */

enum root_kind {
	ROOT_ALL,        /* the virtual root of everything; index 0 */
	ROOT_GROUP,      /* "(globals)", "(stacks)", ...; children of ROOT_ALL */
	ROOT_PACKAGE,    /* package of global variables */
	ROOT_GLOBAL,     /* a package variable, or an unnamed part of data or bss */
	ROOT_GOROUTINE,
	ROOT_FRAME,
	ROOT_LOCAL,      /* a live pointer slot or variable of a frame, or a stack object reached from one */
	ROOT_REGISTERS,  /* of a running goroutine's thread */
	ROOT_DEFER,      /* a defer record's function */
	ROOT_PANIC,
	ROOT_FINALIZER,  /* a finalizer's function, and what the object (not itself a root) points to */
	ROOT_FINQUEUE,   /* a finalizer that was queued to run: function and object */
	ROOT_CLEANUP,    /* a cleanup's function and argument; queued ones too */
	ROOT_WEAKHANDLE, /* the handle of a weak pointer (the object itself is not kept) */
	ROOT_OTHER,
};

enum {
	ROOT_F_CONSERVATIVE = 1 << 0, /* found by looking at every word, not by a stack map */
	ROOT_F_STATIC = 1 << 1,       /* a region without a variable's name (static composites) */
	ROOT_F_IF_DEAD = 1 << 2,      /* its edges count only where `object` is not otherwise reachable */
};

struct root {
	const char *name; /* what a user understands: "main.cache", "main.worker.head", "goroutine 17" */
	uint64_t addr;    /* where the pointers lie; 0 for registers */
	uint64_t size;
	uint32_t type;    /* of the region at addr; TYPE_NONE unknown */
	uint32_t parent;  /* index of the parent, smaller than its own; ROOT_ALL's is 0 */
	uint32_t goroutine; /* index in heap.goroutines, UINT32_MAX none */
	uint32_t frame;   /* index in heap.frames, UINT32_MAX none */
	uint32_t object;  /* finalizers, cleanups, weak handles: id of the object they belong to, else OBJ_NONE */
	uint32_t line;    /* of a local's declaration, 0 unknown */
	uint64_t first_edge, nedges; /* in heap.root_edges */
	uint8_t kind, flags;
};

struct root_edge {
	uint64_t value;  /* the pointer as stored */
	uint32_t target; /* id of an allocated object */
	uint32_t offset; /* of the pointer from root.addr (saturates at UINT32_MAX) */
};

/* ---- specials: what the runtime attached to objects ---- */

enum special_kind { SPECIAL_OTHER, SPECIAL_FINALIZER, SPECIAL_WEAK, SPECIAL_PROFILE, SPECIAL_PIN, SPECIAL_CLEANUP };

struct special {
	uint32_t object;
	uint8_t kind;     /* enum special_kind */
	uint64_t addr;    /* of the record */
	uint64_t offset;  /* in the object */
	uint64_t fn, arg; /* finalizer, cleanup; weak: arg = handle; profile: arg = bucket */
	uint64_t ot;      /* finalizer: type of the pointer to the object that it was set with */
};

/* Where sampled objects were allocated: what special.arg of a SPECIAL_PROFILE names. */
struct alloc_site {
	uint64_t bucket; /* its address */
	uint64_t size;   /* of the objects */
	uint64_t allocs, frees;
	uint32_t first_frame, nframes; /* in heap.site_frames, the allocating function first */
};
struct site_frame {
	const char *func, *file;
	uint64_t line;
};

/* ---- accounting ---- */

struct memory_totals {
	uint64_t slots_bytes;       /* slots of in-use spans, allocated or not */
	uint64_t alloc_objects, alloc_bytes; /* allocated slots */
	uint64_t free_slot_bytes;
	uint64_t span_tail_bytes;   /* what is left behind the last slot, and pointer bits kept in spans */
	uint64_t heap_span_bytes;   /* in-use spans */
	uint64_t stack_span_bytes;  /* manual spans that hold goroutine stacks (in use or free) */
	uint64_t manual_span_bytes; /* other manual spans */
	uint64_t free_page_bytes, released_page_bytes; /* from the page allocator */
	uint64_t arena_bytes;       /* heap arenas mapped */
	uint64_t user_arena_bytes;  /* chunks of user arenas: spans, but not from the page allocator */
	uint64_t condemned_objects, condemned_bytes; /* slots of unswept spans whose mark bit was clear: counted as free */
	/* The runtime's own counters as the snapshot has them; UINT64_MAX = not known. */
	uint64_t rt_heap_objects, rt_heap_alloc, rt_stacks_inuse, rt_heap_sys, rt_heap_inuse, rt_heap_released;
	uint64_t rt_mspan_sys, rt_mcache_sys, rt_buckhash_sys, rt_gc_sys, rt_other_sys, rt_stacks_sys;
	uint64_t rt_manual_inuse; /* stacks, GC work buffers and the like: all manual spans */
	uint64_t missing_bytes; /* of in-use spans, not in the snapshot */
	uint64_t lost_spans;    /* descriptors that are not in the snapshot: objects are what typed pointers lead to */
	uint64_t unseen_bytes;  /* mapped by the runtime for itself, by its own counters, but not among the segments */
	uint64_t moving_threads; /* that may have been stopped in the middle of an allocation; 0: the world stood still */
};

struct heap {
	const struct proc *proc;
	struct types *types;
	const struct program *prog;
	struct diag *diag;
	bool be;
	uint8_t word;

	struct span *spans; /* sorted by base */
	struct span_info *info;
	uint32_t nspans;
	uint32_t *span_hint; /* [id >> SPAN_HINT_SHIFT]: the span of the first id there; one entry more at the end */
	uint32_t nslots;  /* ids are below this */
	uint64_t *alloc;  /* bit per id: allocated */
	uint32_t **pages; /* [address >> 26] -> [8192] span index of each 8 KiB page, UINT32_MAX none; entries may be NULL */
	uint64_t min_addr, max_addr; /* of all spans: a cheap first test */
	/* Heap dumps, whose objects lie apart from each other: a slot's bytes are at file + maskoff of its span + content[id],
	 * where that is not 0. NULL for cores. */
	const uint8_t *file;
	uint32_t *content;

	struct goroutine *goroutines; /* in allgs order, dead ones left out */
	uint32_t ngoroutines;
	struct frame *frames;
	uint32_t nframes;

	struct root *roots;
	uint32_t nroots;
	struct root_edge *root_edges;
	uint64_t nroot_edges;

	struct special *specials; /* sorted by object */
	uint32_t nspecials;

	struct alloc_site *sites; /* sorted by bucket; heap dumps of programs that use the memory profile */
	struct site_frame *site_frames;
	uint32_t nsites, nsite_frames;

	struct memory_totals totals;
	uint32_t gcphase;
	bool red_zones; /* built with -asan: slots are larger than what was asked for needs */
	struct arena arena;
	struct heap_private *priv;
};

/* Builds the model from a core. */
struct hc_error *heap_open(const struct proc *p, struct types *t, const struct program *g, unsigned threads,
                           struct diag *diag, struct heap **ret) HC_MUST_CHECK;
void heap_close(struct heap *h);

/* The span that covers addr and the slot's id; OBJ_NONE when addr is not inside a slot of an in-use span. */
static inline uint32_t heap_find_slot(const struct heap *h, uint64_t addr, uint32_t *span)
{
	if (addr - h->min_addr >= h->max_addr - h->min_addr)
		return OBJ_NONE;
	const uint32_t *page = h->pages[addr >> 26];
	if (!page)
		return OBJ_NONE;
	uint32_t i = page[(addr >> 13) & 8191];
	if (i == UINT32_MAX)
		return OBJ_NONE;
	const struct span *s = &h->spans[i];
	if (addr - s->base >= s->limit - s->base)
		return OBJ_NONE;
	*span = i;
	return s->first + (uint32_t)(((addr - s->base) * s->magic) >> 32);
}

/* The allocated object that addr points into; OBJ_NONE for none. */
static inline uint32_t heap_find(const struct heap *h, uint64_t addr)
{
	uint32_t span, id = heap_find_slot(h, addr, &span);
	return id != OBJ_NONE && bit_get(h->alloc, id) ? id : OBJ_NONE;
}

enum { SPAN_HINT_SHIFT = 8 };
/* The span of an id below nslots. */
static inline uint32_t heap_span_of(const struct heap *h, uint32_t id)
{
	uint32_t lo = h->span_hint[id >> SPAN_HINT_SHIFT], hi = h->span_hint[(id >> SPAN_HINT_SHIFT) + 1] + 1;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (h->spans[mid].first <= id)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static inline uint64_t span_slot_size(const struct heap *h, uint32_t span)
{
	const struct span *s = &h->spans[span];
	return s->elemsize ? s->elemsize : h->info[span].slot_size;
}

/* Address of the slot; the object starts 8 bytes further in SPAN_HEADER spans. */
static inline uint64_t span_slot_addr(const struct span *s, uint32_t id)
{
	return s->base + (uint64_t)(id - s->first) * s->elemsize;
}

static inline uint64_t span_object_addr(const struct span *s, uint32_t id)
{
	return span_slot_addr(s, id) + (s->flags & SPAN_HEADER ? 8 : 0);
}

/* Bytes that the program can use: the slot without the header; for large objects the requested size. */
static inline uint64_t span_usable(const struct heap *h, uint32_t span)
{
	const struct span *s = &h->spans[span];
	if (!s->elemsize)
		return s->limit - s->base;
	return s->elemsize - (s->flags & SPAN_HEADER ? 8u : 0u);
}

/* Bytes of the object (from its address on), and how many are contiguous; NULL when not in the snapshot. */
const uint8_t *heap_object_view(const struct heap *h, uint32_t id, uint64_t offset, uint64_t *avail);

/*
 * All non-nil pointer words of allocated objects with ids in [from, to) of one span, as the collector sees them. Offsets
 * count from the object's address. Threads may scan different spans at once.
 */
enum { SCAN_BATCH = 512 };
struct ptr_scan {
	const struct heap *heap;
	uint32_t span, id, to;
	uint64_t word; /* next word of the current object */
	uint32_t n;    /* filled entries */
	uint64_t missing; /* pointer words that are not in the snapshot */
	uint64_t value[SCAN_BATCH];
	uint32_t object[SCAN_BATCH];
	uint32_t offset[SCAN_BATCH]; /* bytes / word size */
	void *state[4];
};
void heap_scan_begin(struct ptr_scan *s, const struct heap *h, uint32_t span, uint32_t from, uint32_t to);
/* Fills the arrays; false when there is nothing more (n is 0 then). */
bool heap_scan_next(struct ptr_scan *s);
/* Is the word at this offset (bytes from the object's address, word-aligned) a pointer to the collector? */
bool heap_word_is_ptr(const struct heap *h, uint32_t id, uint64_t offset);
/* Pointer mask of one object, from its address on: bit i of out = word i; covers up to nwords words; returns the number
 * of words covered (less at the object's end). */
uint64_t heap_object_mask(const struct heap *h, uint32_t id, uint64_t from_word, uint64_t *out, uint64_t nwords);
/* The runtime type descriptor that the allocator recorded for the object (header word, largeType); 0 = none. */
uint64_t heap_object_rtype(const struct heap *h, uint32_t id);

/* ---- stages of heap_open(), one file each ---- */

/* Fills span_hint from spans. */
struct hc_error *heap_index_ids(struct heap *h) HC_MUST_CHECK; /* heap.c */
struct hc_error *heap_load_spans(struct heap *h, unsigned threads) HC_MUST_CHECK;      /* spans.c */
struct hc_error *heap_load_masks(struct heap *h) HC_MUST_CHECK;      /* ptrmask.c: type words of headers */
struct hc_error *heap_load_specials(struct heap *h) HC_MUST_CHECK;   /* specials.c */
struct hc_error *heap_load_goroutines(struct heap *h) HC_MUST_CHECK; /* goroutine.c: goroutines and frames (unwind.c) */
struct hc_error *heap_load_roots(struct heap *h) HC_MUST_CHECK;      /* roots.c: globals, specials, queues; calls: */

/* For the files that find roots: nodes first, edges of the newest node only. */
struct root_builder {
	struct heap *h;
	VEC(struct root) roots;
	VEC(struct root_edge) edges;
};
/* Appends a node (name must outlive the heap: arena or types); UINT32_MAX when memory ran out. */
uint32_t root_add(struct root_builder *b, enum root_kind kind, uint32_t parent, const char *name);
/* A pointer of the newest node; ignored unless it points into an allocated object. False when memory ran out. */
bool root_edge_add(struct root_builder *b, uint64_t value, uint64_t offset);
/* stackroots.c: children of `group`: goroutines, frames, locals, registers, defers, panics. */
struct hc_error *heap_stack_roots(struct root_builder *b, uint32_t group) HC_MUST_CHECK;

/* One stack, as the collector would walk it (unwind.c). Appends to frames; stops at the stack's bounds. */
struct hc_error *heap_unwind(struct heap *h, struct goroutine *g, const struct thread *thread) HC_MUST_CHECK;

/* ---- what Go's profiles are made of ---- */

struct heap_text { /* in the snapshot; no NUL behind it */
	const uint8_t *bytes;
	uint64_t len;
};
struct heap_label {
	struct heap_text key, value;
};
/* The profiler labels of a goroutine, sorted by key; at most max (labels.c). Returns their number. */
size_t heap_labels(const struct heap *h, const struct goroutine *g, struct heap_label *out, size_t max);
/* The latest time on the monotonic clock, in ns, that the runtime noted; 0: none (clock.c). */
uint64_t heap_monotonic_time(const struct heap *h);
/* The memory profile's special of an object; NULL: it was not sampled (site.c). */
const struct special *heap_sample(const struct heap *h, uint32_t id);
/* Return addresses of the calls that allocated a sampled object, innermost first; at most max. Cores only. */
size_t heap_site_pcs(const struct heap *h, const struct special *s, uint64_t *out, size_t max);
/* Heap dumps: the site that a sample's arg names; NULL: none. */
const struct alloc_site *heap_site(const struct heap *h, uint64_t bucket);

#endif
