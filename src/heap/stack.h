/* SPDX-License-Identifier: MIT */
/* Stacks: shared by goroutine.c, signal.c, unwind.c, stackmap.c and stackroots.c only. */
#ifndef HEAP_STACK_H
#define HEAP_STACK_H

#include "heap/heap.h"

/* A field of a runtime struct; 0 where this release has none, or where it is not in the snapshot. */
static inline uint64_t heap_field(const struct heap *h, uint64_t base, enum layout_field f)
{
	uint64_t v;
	return layout_has(&h->types->layout, f) && layout_read(&h->types->layout, h->proc, base, f, &v) ? v : 0;
}

/* How an architecture's Go frames look (internal/goarch, cmd/internal/sys, runtime/stack.go). */
struct stack_arch {
	enum arch arch;
	bool lr;               /* calls leave the return address in a register */
	uint8_t min_frame;     /* bytes that every frame has at its bottom: the saved link register */
	uint8_t stack_align;   /* of SP, where frames injected by signals are rounded to it */
	uint8_t locals_min;    /* frames up to this size have no locals */
	bool frame_pointer;    /* saved between locals and arguments */
	uint16_t xregs;        /* bytes of runtime.xRegs, the vector registers of a preempted goroutine (Go 1.26) */
};
const struct stack_arch *stack_arch(enum arch arch); /* never NULL */

/* Bytes that a signal handler pushes before it fakes a call: the link register. */
static inline uint64_t injected_frame(const struct stack_arch *a)
{
	return (a->min_frame + a->stack_align - 1u) / a->stack_align * a->stack_align;
}

/* Where the frame's locals end, and where its arguments begin. */
static inline uint64_t frame_varp(const struct stack_arch *a, const struct frame *f, uint64_t word)
{
	uint64_t varp = frame_cfa(f) - (a->lr ? 0 : word);
	return a->frame_pointer && varp > f->sp ? varp - word : varp;
}

static inline uint64_t frame_argp(const struct stack_arch *a, const struct frame *f)
{
	return frame_cfa(f) + a->min_frame;
}

/* Where a thread's user code stands; registers in core order. */
struct stack_regs {
	uint64_t pc, sp, lr;
	const uint64_t *regs;
	unsigned nregs;
};
/*
 * The context that the kernel saved when the outermost signal arrived, if sp lies in the signal stack [lo, hi).
 * False when there is none: the thread is not in a handler, or the architecture is unknown.
 */
bool signal_context(struct heap *h, uint64_t sp, uint64_t lo, uint64_t hi, struct stack_regs *ret);

/*
 * Where a goroutine stands whose thread is in C code that a sanitizer's stub called on the system stack, whose first word
 * is below `top`. False: that is not so, or it cannot be found.
 */
bool foreign_caller(struct heap *h, const struct goroutine *g, const struct stack_regs *thread, uint64_t top,
                    struct stack_regs *ret);

enum site_kind {
	SITE_PLAIN,
	SITE_ASYNC,       /* asyncPreempt, debugCallV2: holds the registers of its caller */
	SITE_SIGPANIC,
	SITE_CGOCALLBACK, /* writes SP, but frames on both sides can be walked */
	SITE_REFLECT,     /* reflect's stubs: the pointers of their arguments are described by their closure */
};

/* What is the same for all frames that stand at one pc. */
struct site {
	struct func func;
	uint64_t pc;
	int32_t spdelta;
	bool has_delta;
	uint8_t kind; /* enum site_kind */
	struct stack_map *map[2];     /* stackmap.c: plain, below an injected sigpanic; NULL until needed */
	struct frame_names *names[2]; /* stacknames.c: at pc - 1, at pc; NULL until needed */
};

/* Which words of a frame the collector takes for pointers; offsets count from the frame's CFA. */
struct stack_map {
	int32_t *slots; /* ascending: locals, then arguments */
	uint32_t nslots;
	struct stack_object *objects; /* variables that live pointers may point into; in address order */
	uint32_t nobjects;
	bool missing; /* not in the snapshot: every word of the frame may be a pointer */
};
struct stack_object {
	int32_t off;
	uint32_t size, ptr_words;
	const uint64_t *bits;
};
/* NULL: out of memory. A frame without pointers has an empty map. */
const struct stack_map *stack_map_get(struct heap *h, struct site *s, const struct frame *f);
/*
 * What the stubs of reflect hold instead: the argument words that their closure's bit vector names. Calls fn with the
 * address of each. *object: the spilled pointer registers, an object that is always there.
 */
uint32_t reflect_args(const struct heap *h, const struct frame *f, uint64_t *words, uint32_t max);
bool reflect_object(struct heap *h, const struct frame *f, struct stack_object *ret);

/* A variable of a frame, or an unnamed place; offsets count from the frame's CFA. */
struct frame_var {
	const char *name;  /* "main.worker.head", "main.worker-0x38" */
	int64_t from, to;  /* the piece of it that is on the stack */
	int64_t base;      /* where the variable starts, or would if it was all on the stack */
	uint64_t size;
	uint32_t type, line;
};
/* What covers [off, off + word) from the frame's CFA on; NULL: out of memory. */
const struct frame_var *frame_var_at(struct heap *h, struct site *s, const struct frame *f, int64_t off);

struct stack_cache {
	struct site **slots; /* by hash of pc */
	uint32_t mask, len;
	struct site unknown;
	const char *waitreasons[256];
	/*
	 * What may still be made and read: frames do not share memory, and few of their words are looked at twice, so that
	 * the bytes of the snapshot bound both. Damaged stacks would not.
	 */
	uint64_t frames_left, words_left, goroutines_left;
};
struct stack_cache *stack_cache(struct heap *h); /* NULL: out of memory */
/* Takes from words_left; false when there are not that many. */
bool stack_charge(struct heap *h, uint64_t words);
/* *ret NULL: no function of Go covers pc. False: out of memory. */
bool site_get(struct heap *h, uint64_t pc, struct site **ret);

#endif
