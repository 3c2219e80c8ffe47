/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/fakeprog.h"
#include "../support/heapbuild.h"
#include "heap/priv.h"
#include "heap/stack.h"
#include "types/rtype.h"

/*
 * One goroutine on a stack of 1 KiB, in a made-up program. Functions: goexit (top), caller (40 bytes of frame with locals
 * at varp-16 and varp-8, an argument word, and a 16-byte variable at varp-40 whose address is taken), leaf (24 bytes),
 * park (leaf of the runtime), sigpanic and asyncPreempt.
 */
enum {
	G = FG_FREE, M = FG_FREE + 0x100, GSIGNAL = FG_FREE + 0x200, DEFER = FG_FREE + 0x300, CLOSURE = FG_FREE + 0x380,
	STACK = FG_FREE + 0x400, STACK_END = STACK + 0x400, SIGSTACK = FG_FREE + 0x1000, SIGSTACK_END = SIGSTACK + 0x800,
	LOCALS = FG_GOFUNC + 0x10, ARGS = FG_GOFUNC + 0x40, OBJECTS = FG_GOFUNC + 0x60, MASK = FG_RODATA + 0x10
};

struct world {
	struct fakeprog fg;
	struct types types;
	struct heap_private priv;
	struct heap_build hb;
	struct heap *h;
	struct diag diag;
	struct goroutine g;
	struct thread thread;
	uint64_t regs[17];
	uint32_t obj[4]; /* heap objects */
	uint64_t goexit, caller, deferring, leaf, park, sigpanic, async, racecall;
};

static const struct pcrange sp0[] = {{0, 0x40}, {0, 0}};
static const struct pcrange sp24[] = {{0, 4}, {24, 0x40}, {0, 0}};
static const struct pcrange sp40[] = {{0, 4}, {40, 0x40}, {0, 0}};
static const struct pcrange map1[] = {{-1, 8}, {1, 0x40}, {0, 0}};

static const struct {
	enum layout_field f;
	int off, size;
} layout[] = {
	{L_G_STACK, 0, 16}, {L_G_PANIC, 32, 8}, {L_G_DEFER, 40, 8}, {L_G_M, 48, 8}, {L_G_SCHED, 56, 48},
	{L_G_SYSCALLSP, 104, 8}, {L_G_SYSCALLPC, 112, 8}, {L_G_ATOMICSTATUS, 120, 4}, {L_G_GOID, 128, 8},
	{L_GOBUF_SP, 0, 8}, {L_GOBUF_PC, 8, 8}, {L_GOBUF_CTXT, 24, 8}, {L_GOBUF_LR, 32, 8},
	{L_M_GSIGNAL, 8, 8}, {L_M_VDSOSP, 16, 8}, {L_M_VDSOPC, 24, 8}, {L_M_G0, 0, 8},
	{L_DEFER_HEAP, 0, 1}, {L_DEFER_FN, 8, 8}, {L_DEFER_LINK, 16, 8},
};

static void put_program(struct world *w)
{
	struct fakeprog *g = &w->fg;
	struct fakefunc caller = {.size = 0x40, .name = "main.caller", .args = 8, .sp = sp40, .stackmap = map1, .argsmap = ARGS,
	                          .localsmap = LOCALS, .objects = OBJECTS};
	w->goexit = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "runtime.goexit", .flag = FUNC_TOPFRAME, .sp = sp0});
	w->caller = fg_func(g, &caller);
	caller.name = "main.deferring";
	caller.deferreturn = 0x20;
	w->deferring = fg_func(g, &caller);
	w->leaf = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "main.leaf", .sp = sp24});
	w->park = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "runtime.gopark", .sp = sp0});
	w->sigpanic = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "runtime.sigpanic", .sp = sp24});
	w->async = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "runtime.asyncPreempt", .sp = sp24});
	w->racecall = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "racecall", .sp = sp0});
	fg_finish(g);
	/* Map 0: nothing; map 1: the upper of two locals, and the argument. */
	fp_put(&g->fp, LOCALS, 4, 2);
	fp_put(&g->fp, LOCALS + 4, 4, 2);
	fp_put(&g->fp, LOCALS + 9, 1, 2);
	fp_put(&g->fp, ARGS, 4, 2);
	fp_put(&g->fp, ARGS + 4, 4, 1);
	fp_put(&g->fp, ARGS + 9, 1, 1);
	/* One stack object: 16 bytes, its second word is a pointer. */
	fp_word(&g->fp, OBJECTS, 1);
	fp_put(&g->fp, OBJECTS + 8, 4, (uint32_t)-32);
	fp_put(&g->fp, OBJECTS + 12, 4, 16);
	fp_put(&g->fp, OBJECTS + 16, 4, 16);
	fp_put(&g->fp, OBJECTS + 20, 4, MASK - FG_RODATA);
	fp_put(&g->fp, MASK, 1, 2);
}

static struct world *world_new(enum arch arch)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	fg_init(&w->fg, MAGIC_1_20, arch);
	put_program(w);
	w->fg.prog.rtypes = rtypes_new(&w->fg.fp.proc);
	assert_non_null(w->fg.prog.rtypes);
	for (size_t i = 0; i < LAYOUT_COUNT; i++)
		w->types.layout.f[i].off = -1;
	for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
		w->types.layout.f[layout[i].f].off = layout[i].off;
		w->types.layout.f[layout[i].f].size = (uint8_t)layout[i].size;
	}
	w->types.proc = &w->fg.fp.proc;
	w->types.prog = &w->fg.prog;
	hb_init(&w->hb, 1 << 20);
	for (size_t i = 0; i < 4; i++)
		w->obj[i] = hb_alloc(&w->hb, 64, false);
	hb_finish(&w->hb);
	w->h = &w->hb.heap;
	diag_init(&w->diag, NULL, NULL);
	w->h->proc = &w->fg.fp.proc;
	w->h->types = &w->types;
	w->h->prog = &w->fg.prog;
	w->h->diag = &w->diag;
	w->h->word = 8;
	w->h->priv = &w->priv;
	w->g = (struct goroutine){.addr = G, .id = 7, .stack_lo = STACK, .stack_hi = STACK_END, .m = M, .status = G_WAITING};
	w->h->goroutines = &w->g;
	w->h->ngoroutines = 1;
	return w;
}

static void world_free(struct world *w)
{
	free(w->h->frames);
	arena_free(&w->h->arena);
	w->h->frames = NULL;
	w->h->goroutines = NULL;
	w->h->priv = NULL;
	rtypes_free(w->fg.prog.rtypes);
	diag_deinit(&w->diag);
	hb_deinit(&w->hb);
	free(w);
}

static void put(struct world *w, uint64_t addr, uint64_t v)
{
	fp_word(&w->fg.fp, addr, v);
}

static uint64_t obj(const struct world *w, unsigned i)
{
	return hb_addr(&w->hb, w->obj[i]);
}

static void sched(struct world *w, uint64_t pc, uint64_t sp)
{
	put(w, G + 56, sp);
	put(w, G + 64, pc);
}

/* A stack of amd64 frames from sp up: the return address of each lies at its top. Returns the sp of `caller`'s frame. */
static uint64_t build_stack(struct world *w, uint64_t sp, uint64_t inner_size, uint64_t caller)
{
	uint64_t frame = sp + inner_size + 8;
	put(w, frame - 8, caller + 0x18);
	put(w, frame + 40, w->goexit + 1);
	return frame;
}

static const struct frame *frame_at(const struct world *w, uint32_t i)
{
	assert_true(i < w->g.nframes);
	return &w->h->frames[w->g.first_frame + i];
}

static void unwind(struct world *w, const struct thread *t)
{
	struct hc_error *err = heap_unwind(w->h, &w->g, t);
	assert_null(err);
}

static void check_frames(struct world *w, size_t n, const char *const names[])
{
	assert_int_equal(w->g.nframes, n);
	for (uint32_t i = 0; i < n; i++)
		assert_string_equal(frame_at(w, i)->func->name, names[i]);
}

/* The pointers found, as a set of bits: object i of the world. */
static unsigned targets(struct world *w, bool *conservative)
{
	struct root_builder b = {.h = w->h};
	unsigned found = 0;
	bool any = false;
	assert_true(root_add(&b, ROOT_ALL, 0, "") == 0);
	struct hc_error *err = heap_stack_roots(&b, 0);
	assert_null(err);
	for (size_t r = 0; r < b.roots.len; r++) {
		assert_true(b.roots.data[r].parent < r || r == 0);
		any |= (b.roots.data[r].flags & ROOT_F_CONSERVATIVE) && b.roots.data[r].nedges;
		for (uint64_t e = 0; e < b.roots.data[r].nedges; e++)
			for (unsigned i = 0; i < 4; i++)
				if (b.edges.data[b.roots.data[r].first_edge + e].target == w->obj[i])
					found |= 1u << i;
	}
	if (conservative)
		*conservative = any;
	vec_free(&b.roots);
	vec_free(&b.edges);
	return found;
}

static void test_parked(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	uint64_t frame = build_stack(w, STACK + 0x100, 0, w->caller), varp = frame + 40 - 8;
	sched(w, w->park + 9, STACK + 0x100);
	unwind(w, NULL);
	check_frames(w, 3, (const char *const[]){"runtime.gopark", "main.caller", "runtime.goexit"});
	assert_false(w->g.truncated);
	assert_true(frame_at(w, 0)->innermost);
	assert_int_equal(frame_at(w, 0)->size, 8);
	assert_int_equal(frame_at(w, 1)->sp, frame);
	assert_int_equal(frame_at(w, 1)->size, 48);
	assert_int_equal(frame_lookup(frame_at(w, 1)), w->caller + 0x17);
	put(w, varp - 8, obj(w, 0));      /* live local */
	put(w, varp - 16, obj(w, 1));     /* dead local */
	put(w, frame + 48, obj(w, 2) + 5); /* argument; interior pointers count */
	put(w, varp - 32 + 8, obj(w, 3)); /* in a variable that nothing points to */
	bool vague;
	assert_int_equal(targets(w, &vague), 1 | 4);
	assert_false(vague);
	put(w, frame + 48, varp - 32);    /* now the argument points to the variable */
	assert_int_equal(targets(w, NULL), 1 | 8);
	put(w, varp - 32, varp - 8);      /* only its second word is a pointer */
	put(w, varp - 32 + 8, varp - 31); /* to itself: scanned once */
	assert_int_equal(targets(w, NULL), 1);
	hb_release(&w->hb, w->obj[0]);    /* a free slot is no object */
	hb_finish(&w->hb);
	assert_int_equal(targets(w, NULL), 0);
	world_free(w);
}

/* Without its stack maps (in read-only data that a core may lack) every word of a frame counts. */
static void test_maps_missing(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	uint64_t frame = build_stack(w, STACK + 0x100, 0, w->caller);
	sched(w, w->park + 9, STACK + 0x100);
	unwind(w, NULL);
	w->fg.mod.gofunc = FP_BASE + FP_SIZE + 0x1000;
	put(w, frame + 40 - 8 - 16, obj(w, 1)); /* dead, but who knows */
	put(w, frame + 48, obj(w, 2));
	bool vague;
	assert_int_equal(targets(w, &vague), 2 | 4);
	assert_true(vague);
	assert_true(w->diag.warnings > 0);
	world_free(w);
}

static void test_prologue(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	/* A goroutine that has not run yet stands at its function's entry; the entry's map is number 0. */
	sched(w, w->caller, STACK + 0x100);
	put(w, STACK + 0x100, w->goexit + 1);
	put(w, STACK + 0x108, obj(w, 0));
	put(w, G + 80, obj(w, 1)); /* its closure */
	unwind(w, NULL);
	check_frames(w, 2, (const char *const[]){"main.caller", "runtime.goexit"});
	assert_int_equal(frame_lookup(frame_at(w, 0)), w->caller);
	assert_int_equal(targets(w, NULL), 2);
	world_free(w);
}

static void test_sigpanic(void **state)
{
	(void)state;
	for (int deferring = 0; deferring <= 1; deferring++) {
		struct world *w = world_new(ARCH_AMD64);
		uint64_t frame = build_stack(w, STACK + 0x100, 24, deferring ? w->deferring : w->caller);
		sched(w, w->sigpanic + 9, STACK + 0x100);
		unwind(w, NULL);
		assert_int_equal(w->g.nframes, 3);
		assert_int_equal(frame_at(w, 1)->dead, !deferring);
		assert_true(frame_at(w, 1)->exact);
		put(w, frame + 40 - 8 - 8, obj(w, 0));
		assert_int_equal(targets(w, NULL), deferring ? 1 : 0);
		world_free(w);
	}
}

static void test_async(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	uint64_t frame = build_stack(w, STACK + 0x100, 24, w->caller);
	sched(w, w->async + 9, STACK + 0x100);
	unwind(w, NULL);
	assert_int_equal(w->g.nframes, 3);
	assert_true(frame_at(w, 0)->conservative);
	assert_true(frame_at(w, 1)->conservative);
	assert_false(frame_at(w, 2)->conservative);
	put(w, STACK + 0x108, obj(w, 0)); /* a saved register */
	put(w, frame, obj(w, 1));         /* any word of the frame below */
	put(w, frame + 48, obj(w, 2));    /* its argument */
	put(w, frame + 8, frame + 16);    /* a pointer to a stack object of a vague frame: found as words anyway */
	put(w, frame + 56, obj(w, 3));    /* beyond */
	bool vague;
	assert_int_equal(targets(w, &vague), 1 | 2 | 4);
	assert_true(vague);
	world_free(w);
}

static void test_running(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	uint64_t frame = build_stack(w, STACK + 0x100, 24, w->caller);
	w->g.status = G_RUNNING;
	w->thread = (struct thread){.tid = 1, .pc = w->leaf + 0x10, .sp = STACK + 0x100, .nregs = 17};
	memcpy(w->thread.regs, w->regs, sizeof(w->regs));
	w->thread.regs[3] = obj(w, 0);
	put(w, STACK + 0x108, obj(w, 1)); /* in the frame that has no map here */
	put(w, frame + 40 - 8 - 8, obj(w, 2));
	put(w, frame + 40 - 8 - 16, obj(w, 3)); /* dead local of its caller, whose map holds */
	unwind(w, &w->thread);
	check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
	assert_true(frame_at(w, 0)->exact && frame_at(w, 0)->conservative);
	assert_int_equal(frame_lookup(frame_at(w, 0)), w->leaf + 0x10);
	assert_int_equal(targets(w, NULL), 1 | 2 | 4);
	world_free(w);
}

/* The thread is elsewhere: on the system stack the goroutine's state is saved; in the vDSO only the M knows it. */
static void test_system_stack(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	build_stack(w, STACK + 0x100, 24, w->caller);
	w->g.status = G_RUNNING;
	w->thread = (struct thread){.tid = 1, .pc = w->park, .sp = 0x7000, .nregs = 17};
	w->thread.regs[3] = obj(w, 0);
	sched(w, w->leaf + 0x10, STACK + 0x100);
	unwind(w, &w->thread);
	check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
	assert_false(frame_at(w, 0)->exact);
	assert_int_equal(targets(w, NULL), 0);
	sched(w, 1, 1);
	put(w, M + 16, STACK + 0x100);
	put(w, M + 24, w->leaf + 0x20);
	unwind(w, &w->thread);
	check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
	assert_int_equal(frame_at(w, 0)->pc, w->leaf + 0x20);
	put(w, G + 104, STACK + 0x100); /* a system call's state comes first */
	put(w, G + 112, w->leaf + 0x30);
	unwind(w, &w->thread);
	assert_int_equal(frame_at(w, 0)->pc, w->leaf + 0x30);
	world_free(w);
}

/* In C code that the race detector's stub called: the goroutine's SP is in R12, or was saved by one of the callees. */
static void test_sanitizer(void **state)
{
	enum { G0 = FG_FREE + 0x280, TOP = SIGSTACK + 0x408 };
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	uint64_t frame = build_stack(w, STACK + 0x100, 24, w->caller);
	put(w, STACK + 0x100 - 8, w->leaf + 0x10); /* where the stub returns to */
	put(w, STACK + 0x108, obj(w, 0));          /* no map holds there */
	put(w, frame + 40 - 8 - 8, obj(w, 1));
	put(w, frame + 40 - 8 - 16, obj(w, 2)); /* dead in the caller */
	put(w, M, G0);
	put(w, G0 + 56, TOP);
	put(w, SIGSTACK + 0x400 - 8, w->racecall + 9);
	w->g.status = G_RUNNING;
	w->thread = (struct thread){.tid = 1, .pc = 0x7000, .sp = SIGSTACK + 0x300, .nregs = 17};
	w->thread.regs[3] = STACK + 0x100 - 8;
	for (int saved = 0; saved < 3; saved++) {
		unwind(w, &w->thread);
		check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
		assert_true(frame_at(w, 0)->conservative && !frame_at(w, 1)->conservative && !w->g.truncated);
		assert_int_equal(targets(w, NULL), 1 | 2);
		w->thread.regs[3] = 0; /* from the second round on in a frame of C's */
		put(w, SIGSTACK + 0x380, STACK + 0x100 - 8 - (saved ? 8u : 0));
		put(w, STACK + 0x100 - 16, STACK + 0x200); /* in the third, behind a frame pointer */
	}
	/* In the stub itself, behind the call. */
	put(w, SIGSTACK + 0x400 - 8, 0);
	put(w, SIGSTACK + 0x380, 0);
	w->thread.pc = w->racecall + 12;
	w->thread.sp = TOP;
	w->thread.regs[4] = STACK + 0x100 - 8;
	unwind(w, &w->thread);
	check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
	w->thread.pc = 0x7000;
	/* Nothing on top of the system stack says so: the saved state counts. */
	put(w, SIGSTACK + 0x400 - 8, w->park + 9);
	sched(w, w->park + 9, STACK + 0x100 - 8);
	put(w, STACK + 0x100 - 8, w->leaf + 0x11);
	unwind(w, &w->thread);
	check_frames(w, 4, (const char *const[]){"runtime.gopark", "main.leaf", "main.caller", "runtime.goexit"});
	world_free(w);
}

static void put_context(struct world *w, uint64_t at, uint64_t pc, uint64_t sp, uint64_t rax)
{
	put(w, at + 8, 0);
	put(w, at + 16, SIGSTACK);
	put(w, at + 32, SIGSTACK_END - SIGSTACK);
	put(w, at + 40 + 8 * 13, rax);
	put(w, at + 160, sp);
	put(w, at + 168, pc);
}

static void test_signal(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	build_stack(w, STACK + 0x100, 24, w->caller);
	w->g.status = G_RUNNING;
	put(w, M + 8, GSIGNAL);
	put(w, GSIGNAL, SIGSTACK);
	put(w, GSIGNAL + 8, SIGSTACK_END);
	w->thread = (struct thread){.tid = 1, .pc = w->park, .sp = SIGSTACK + 0x200, .nregs = 17};
	w->thread.regs[3] = obj(w, 1); /* of the handler: not the program's */
	put_context(w, SIGSTACK + 0x80, w->park, STACK + 0x300, obj(w, 2)); /* below sp: left over */
	put_context(w, SIGSTACK + 0x400, w->leaf + 0x10, STACK + 0x100, obj(w, 0));
	unwind(w, &w->thread);
	check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
	assert_true(frame_at(w, 0)->exact);
	assert_int_equal(targets(w, NULL), 1);
	/* A second signal on top of the first: the one that came first has the program's state. */
	put_context(w, SIGSTACK + 0x220, w->park, SIGSTACK + 0x300, obj(w, 3));
	unwind(w, &w->thread);
	assert_int_equal(frame_at(w, 0)->pc, w->leaf + 0x10);
	assert_int_equal(targets(w, NULL), 1);
	world_free(w);
}

/* A signal stack from address 0 on: the search goes down to it, and no further. */
static void test_signal_at_zero(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	struct stack_regs r;
	assert_false(signal_context(w->h, 0, 0, 1 << 20, &r));
	world_free(w);
}

/* A running goroutine whose thread is not in the snapshot: all of its stack counts, and the user is told. */
static void test_lost(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	w->g.status = G_RUNNING;
	put(w, STACK + 8, obj(w, 0));
	put(w, STACK_END - 8, obj(w, 1));
	put(w, STACK_END, obj(w, 2));
	unwind(w, NULL);
	assert_true(w->g.truncated);
	assert_int_equal(w->diag.warnings, 1);
	assert_int_equal(targets(w, NULL), 1 | 2);
	world_free(w);
}

static void test_nil_call(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	w->g.status = G_RUNNING;
	put(w, STACK + 0x100, w->caller + 0x18);
	put(w, STACK + 0x108 + 40, w->goexit + 1);
	w->thread = (struct thread){.tid = 1, .pc = 0, .sp = STACK + 0x100};
	unwind(w, &w->thread);
	check_frames(w, 2, (const char *const[]){"main.caller", "runtime.goexit"});
	assert_false(w->g.truncated);
	world_free(w);
}

static void test_damaged(void **state)
{
	(void)state;
	static const uint64_t wrong[] = {0, 1, STACK + 0x100, UINT64_MAX, FG_TEXT - 1};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct world *w = world_new(ARCH_AMD64);
		build_stack(w, STACK + 0x100, 24, w->caller);
		put(w, STACK + 0x118, wrong[i]); /* the return address */
		put(w, STACK + 0x200, obj(w, 0));
		sched(w, w->leaf + 9, STACK + 0x100);
		unwind(w, NULL);
		assert_true(w->g.truncated);
		/* What cannot be walked is scanned, unless the stack claims to end there. */
		assert_int_equal(targets(w, NULL), wrong[i] ? 1 : 0);
		world_free(w);
	}
	static const uint64_t sps[] = {0, 1, STACK - 8, STACK + 4, STACK_END, STACK_END - 8, UINT64_MAX - 7};
	for (size_t i = 0; i < sizeof(sps) / sizeof(sps[0]); i++) {
		struct world *w = world_new(ARCH_AMD64);
		sched(w, w->leaf + 9, sps[i]);
		unwind(w, NULL);
		assert_true(w->g.truncated);
		targets(w, NULL);
		world_free(w);
	}
	/* A stack of nothing but calls of one function is as deep as its memory; and memory may end. */
	struct world *w = world_new(ARCH_AMD64);
	for (uint64_t at = STACK; at < STACK_END; at += 8)
		put(w, at, w->park + 5);
	sched(w, w->park + 5, STACK);
	unwind(w, NULL);
	assert_true(w->g.truncated);
	assert_int_equal(w->g.nframes, (STACK_END - STACK) / 8);
	for (uint64_t n = FG_FREE - FP_BASE; n < STACK_END - FP_BASE; n += 5) {
		fp_cut(&w->fg.fp, n);
		unwind(w, NULL);
		targets(w, NULL);
	}
	world_free(w);
}

static void test_defers(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_AMD64);
	uint64_t frame = build_stack(w, STACK + 0x100, 0, w->caller), on_stack = frame + 16;
	sched(w, w->park + 9, STACK + 0x100);
	put(w, G + 40, on_stack); /* a record on the stack that leads to one in the heap */
	put(w, on_stack, 0);
	put(w, on_stack + 8, obj(w, 0) + 8);
	put(w, on_stack + 16, DEFER);
	put(w, DEFER, 1);
	put(w, DEFER + 8, obj(w, 1));
	put(w, DEFER + 16, DEFER); /* a ring ends */
	unwind(w, NULL);
	assert_int_equal(targets(w, NULL), 1 | 2);
	world_free(w);
}

/* arm64: the return address lies at [sp]; the innermost leaf has it in the link register only. */
static void test_link_register(void **state)
{
	(void)state;
	struct world *w = world_new(ARCH_ARM64);
	uint64_t sp = STACK + 0x100, varp = sp + 40 - 8;
	put(w, sp, w->goexit + 4); /* saved by caller */
	sched(w, w->park + 8, sp);
	put(w, G + 88, w->caller + 0x18); /* gobuf.lr */
	put(w, varp - 8, obj(w, 0));
	put(w, varp - 16, obj(w, 1));
	put(w, sp + 40 + 8, obj(w, 2)); /* the argument, above the slot for the callee's link register */
	unwind(w, NULL);
	check_frames(w, 3, (const char *const[]){"runtime.gopark", "main.caller", "runtime.goexit"});
	assert_int_equal(frame_at(w, 0)->size, 0);
	assert_int_equal(frame_at(w, 1)->sp, sp);
	assert_int_equal(frame_at(w, 1)->size, 40);
	assert_false(w->g.truncated);
	assert_int_equal(targets(w, NULL), 1 | 4);
	/* A frame with a saved link register inside: main.leaf called by main.caller. */
	sp = STACK + 0x80;
	sched(w, w->leaf + 0x10, sp);
	put(w, G + 88, 0);
	put(w, sp, w->caller + 0x18);
	put(w, sp + 24, w->goexit + 4);
	unwind(w, NULL);
	check_frames(w, 3, (const char *const[]){"main.leaf", "main.caller", "runtime.goexit"});
	/* A fault: the handler pushed the link register (16 bytes with alignment) and faked a call of sigpanic. */
	sched(w, w->sigpanic + 0x10, sp);
	put(w, sp, w->park + 4);           /* sigpanic returns to the faulting instruction, in a leaf */
	put(w, sp + 24, w->caller + 0x18); /* the leaf's link register */
	put(w, sp + 24 + 16, w->goexit + 4);
	unwind(w, NULL);
	check_frames(w, 4, (const char *const[]){"runtime.sigpanic", "runtime.gopark", "main.caller", "runtime.goexit"});
	assert_true(frame_at(w, 1)->dead);
	assert_int_equal(frame_at(w, 2)->sp, sp + 24 + 16);
	/* In C code, the return address to Go is in the link register, signed. */
	w->g.status = G_RUNNING;
	w->fg.fp.proc.pac_mask = UINT64_C(0x7f) << 48;
	put(w, sp, w->goexit + 4);
	w->thread = (struct thread){.tid = 1, .pc = 0x77770000, .sp = sp, .lr = (w->caller + 0x18) | UINT64_C(0x55) << 48};
	unwind(w, &w->thread);
	check_frames(w, 2, (const char *const[]){"main.caller", "runtime.goexit"});
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parked),
		cmocka_unit_test(test_maps_missing),
		cmocka_unit_test(test_prologue),
		cmocka_unit_test(test_sigpanic),
		cmocka_unit_test(test_async),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_system_stack),
		cmocka_unit_test(test_sanitizer),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_at_zero),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_nil_call),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_defers),
		cmocka_unit_test(test_link_register),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
