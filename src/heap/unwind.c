/* SPDX-License-Identifier: MIT */
/*
 * Walks goroutine stacks as the collector does (runtime/traceback.go, unwinder; gentraceback until Go 1.20): by the SP
 * deltas of pclntab, never by frame pointers.
 *
 * A collector stops goroutines at safe points. A snapshot stops threads anywhere: the innermost frame of a running
 * goroutine has no stack map that holds there, so it is marked conservative, with the thread's registers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/ckd.h"
#include "heap/priv.h"
#include "heap/stack.h"

/* A stack of 1 GB (the runtime's limit) can hold more; the rest is then scanned as one conservative frame. */
enum { MAX_FRAMES = 4 << 20 };
/* Bytes that a frame (on average) and a runtime.g occupy at least. */
enum { LEAST_FRAME = 16, LEAST_G = 256 };
enum { TABLE_STEP = 64 }; /* bytes of code for which looking up a pc costs as much as reading a word */

const struct stack_arch *stack_arch(enum arch arch)
{
	static const struct stack_arch table[] = {
		{ARCH_AMD64, false, 0, 1, 0, true, 2112},
		{ARCH_ARM64, true, 8, 16, 16, true, 512},
		{ARCH_RISCV64, true, 8, 8, 8, false, 0},
		{ARCH_LOONG64, true, 8, 8, 8, false, 1024},
		{ARCH_PPC64, true, 32, 16, 32, false, 0},
		{ARCH_S390X, true, 8, 8, 8, false, 0},
		{ARCH_MIPS64, true, 8, 8, 8, false, 0},
		{ARCH_386, false, 0, 4, 0, false, 0},
		{ARCH_ARM, true, 4, 4, 4, false, 0},
		{ARCH_MIPS, true, 4, 4, 4, false, 0},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].arch == arch)
			return &table[i];
	return &table[0];
}

/* ---- sites ---- */

struct stack_cache *stack_cache(struct heap *h)
{
	enum { FIRST_SIZE = 256 };
	if (h->priv->stacks)
		return h->priv->stacks;
	struct stack_cache *c = arena_alloc(&h->arena, sizeof(*c));
	if (!c)
		return NULL;
	c->slots = arena_alloc(&h->arena, FIRST_SIZE * sizeof(struct site *));
	if (!c->slots)
		return NULL;
	c->mask = FIRST_SIZE - 1;
	c->unknown.func.name = "";
	uint64_t bytes = proc_bytes(h->proc);
	c->goroutines_left = bytes / LEAST_G + 1;
	c->frames_left = bytes / LEAST_FRAME + 1;
	c->words_left = bytes / h->word * 4 + 1;
	h->priv->stacks = c;
	return c;
}

bool stack_charge(struct heap *h, uint64_t words)
{
	struct stack_cache *c = stack_cache(h);
	if (!c || words > c->words_left)
		return false;
	c->words_left -= words;
	return true;
}

static struct site **site_slot(struct site **slots, uint32_t mask, uint64_t pc)
{
	uint32_t i = (uint32_t)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
	while (slots[i & mask] && slots[i & mask]->pc != pc)
		i++;
	return &slots[i & mask];
}

/* The outgrown table stays in the arena: all of them together are smaller than the newest. */
static bool cache_grow(struct heap *h, struct stack_cache *c)
{
	if (c->mask > UINT32_MAX / 4)
		return false;
	uint32_t mask = c->mask * 2 + 1;
	struct site **slots = arena_alloc(&h->arena, ((size_t)mask + 1) * sizeof(struct site *));
	if (!slots)
		return false;
	for (uint32_t i = 0; i <= c->mask; i++)
		if (c->slots[i])
			*site_slot(slots, mask, c->slots[i]->pc) = c->slots[i];
	c->slots = slots;
	c->mask = mask;
	return true;
}

/* By name: the numbers of the runtime's funcIDs move from release to release. */
static enum site_kind site_kind(const char *name)
{
	static const struct {
		const char *name;
		enum site_kind kind;
	} table[] = {
		{"runtime.asyncPreempt", SITE_ASYNC},       {"runtime.debugCallV2", SITE_ASYNC},
		{"runtime.sigpanic", SITE_SIGPANIC},        {"runtime.cgocallback", SITE_CGOCALLBACK},
		{"reflect.makeFuncStub", SITE_REFLECT},     {"reflect.methodValueCall", SITE_REFLECT},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(name, table[i].name) == 0)
			return table[i].kind;
	return SITE_PLAIN;
}

bool site_get(struct heap *h, uint64_t pc, struct site **ret)
{
	struct stack_cache *c = stack_cache(h);
	if (!c)
		return false;
	struct site **slot = site_slot(c->slots, c->mask, pc);
	struct func f;
	*ret = *slot;
	if (*slot || !pc || !program_func(h->prog, pc, &f))
		return true;
	if (!stack_charge(h, (pc - f.entry) / TABLE_STEP)) /* its tables are read from the start */
		return true;
	if (c->len * 2 > c->mask) {
		if (!cache_grow(h, c))
			return false;
		slot = site_slot(c->slots, c->mask, pc);
	}
	struct site *s = arena_alloc(&h->arena, sizeof(*s));
	if (!s)
		return false;
	s->func = f;
	s->pc = pc;
	s->has_delta = func_spdelta(&f, pc, &s->spdelta);
	s->kind = (uint8_t)site_kind(f.name);
	*slot = s;
	c->len++;
	*ret = s;
	return true;
}

/* ---- where a goroutine stands ---- */

struct start {
	struct stack_regs at;
	bool exact;   /* a thread stopped at any instruction, not at a call */
	bool syscall; /* at the saved state of a system call */
	bool foreign; /* at a call that is no safe point, see foreign.c */
	bool lost;    /* running, but its thread is not known: the saved state is stale */
};

static void saved_state(const struct heap *h, const struct goroutine *g, struct start *s)
{
	const struct layout *l = &h->types->layout;
	uint64_t buf = layout_addr(l, g->addr, L_G_SCHED), sp = heap_field(h, g->addr, L_G_SYSCALLSP);
	if (sp) {
		s->at.pc = heap_field(h, g->addr, L_G_SYSCALLPC);
		s->at.sp = sp;
		s->syscall = true;
		return;
	}
	s->at.pc = heap_field(h, buf, L_GOBUF_PC);
	s->at.sp = heap_field(h, buf, L_GOBUF_SP);
	s->at.lr = heap_field(h, buf, L_GOBUF_LR);
}

static bool on_stack(const struct goroutine *g, uint64_t addr)
{
	return addr - g->stack_lo < g->stack_hi - g->stack_lo;
}

static void running_state(struct heap *h, const struct goroutine *g, const struct thread *t, struct start *s)
{
	const struct layout *l = &h->types->layout;
	struct stack_regs r = {t->pc, t->sp, t->lr, t->regs, t->nregs};
	uint64_t sig = g->m ? heap_field(h, g->m, L_M_GSIGNAL) : 0, lo, hi;
	if (sig && proc_word(h->proc, layout_addr(l, sig, L_G_STACK), &lo) &&
	    proc_word(h->proc, layout_addr(l, sig, L_G_STACK) + h->word, &hi) && r.sp - lo < hi - lo)
		signal_context(h, r.sp, lo, hi, &r);
	if (on_stack(g, r.sp)) {
		s->at = r;
		s->exact = true;
		return;
	}
	/* In the vDSO: called on the system stack without saving the goroutine's state elsewhere. */
	uint64_t vsp = g->m ? heap_field(h, g->m, L_M_VDSOSP) : 0;
	if (vsp && on_stack(g, vsp)) {
		s->at.pc = heap_field(h, g->m, L_M_VDSOPC);
		s->at.sp = vsp;
		return;
	}
	uint64_t g0 = g->m ? heap_field(h, g->m, L_M_G0) : 0;
	uint64_t top = g0 ? heap_field(h, layout_addr(l, g0, L_G_SCHED), L_GOBUF_SP) : 0;
	if (top && foreign_caller(h, g, &r, top, &s->at)) {
		s->foreign = true;
		return;
	}
	saved_state(h, g, s); /* systemstack, mcall, asmcgocall and morestack leave it there */
	s->lost = !on_stack(g, s->at.sp); /* what runs saves it, and clears it when it goes on: 0 is no place to start from */
}

static struct start start_of(struct heap *h, const struct goroutine *g, const struct thread *t)
{
	struct start s = {0};
	/* Since Go 1.26 a goroutine may be "running" with its system call state still in place. */
	if (g->status == G_RUNNING && !heap_field(h, g->addr, L_G_SYSCALLSP)) {
		if (t)
			running_state(h, g, t, &s);
		else
			s.lost = true;
	} else {
		saved_state(h, g, &s);
	}
	return s;
}

/* ---- the walk ---- */

struct walk {
	struct heap *h;
	struct goroutine *g;
	const struct stack_arch *arch;
	struct site *site;
	uint64_t pc, sp, lr;
	bool innermost, trap, conservative, syscall;
	bool sigpanic; /* the callee is sigpanic, injected by a signal */
	const struct start *start;
};

static bool frame_push(struct heap *h, const struct frame *f)
{
	if (h->nframes == UINT32_MAX)
		return false;
	if (h->nframes == 0 || (h->nframes >= 1024 && !(h->nframes & (h->nframes - 1)))) {
		size_t cap = h->nframes ? (size_t)h->nframes * 2 : 1024;
		struct frame *p = cap > SIZE_MAX / sizeof(*p) ? NULL : realloc(h->frames, cap * sizeof(*p));
		if (!p)
			return false;
		h->frames = p;
	}
	h->frames[h->nframes++] = *f;
	return true;
}

/* What cannot be walked is scanned word by word up to the stack's end. */
static bool push_rest(struct walk *w, uint64_t from)
{
	uint64_t mask = w->h->word - 1u;
	struct frame f = {.func = &stack_cache(w->h)->unknown.func, .pc = w->pc, .sp = (from + mask) & ~mask,
	                  .innermost = w->innermost, .conservative = true, .exact = true};
	uint64_t size = w->g->stack_hi - f.sp;
	f.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	w->g->truncated = true;
	return frame_push(w->h, &f);
}

static bool make_frame(struct walk *w, struct frame *f)
{
	const struct site *s = w->site;
	int64_t size = (int64_t)s->spdelta + (w->arch->lr ? 0 : w->h->word);
	if (!s->has_delta || size < 0 || (uint64_t)size > w->g->stack_hi - w->sp || size > UINT32_MAX)
		return false;
	f->func = &s->func;
	f->pc = w->pc;
	f->sp = w->sp;
	f->size = (uint32_t)size;
	f->innermost = w->innermost;
	bool anywhere = w->innermost && w->start->exact;
	f->exact = anywhere || w->trap;
	f->conservative = w->conservative || s->kind == SITE_ASYNC || anywhere || (w->innermost && w->start->foreign);
	f->panicked = w->sigpanic;
	f->dead = w->sigpanic && s->func.deferreturn == 0;
	/* The sanitizers' hooks are assembly without a frame: it is their caller's that counts. */
	w->conservative = s->kind == SITE_ASYNC || (f->conservative && w->innermost && w->start->foreign && !s->spdelta);
	return true;
}

/* The caller's pc in w->lr, 0 at the end of the stack. */
static bool return_address(struct walk *w, const struct frame *f)
{
	const struct func *fn = &w->site->func;
	bool spwrite = (fn->flag & FUNC_SPWRITE) && w->site->kind != SITE_CGOCALLBACK && !w->syscall && !w->innermost;
	if (fn->flag & FUNC_TOPFRAME || spwrite) {
		w->lr = 0;
		w->g->truncated |= spwrite;
		return true;
	}
	if (!w->arch->lr)
		return proc_word(w->h->proc, frame_cfa(f) - w->h->word, &w->lr);
	if ((w->innermost && w->sp < frame_cfa(f)) || !w->lr)
		return proc_word(w->h->proc, w->sp, &w->lr);
	return true;
}

/* Goes to the caller of the frame. *more false: the stack ends here. False: out of memory. */
static bool next_frame(struct walk *w, const struct frame *f, bool *more)
{
	struct site *caller;
	uint64_t cfa = frame_cfa(f);
	*more = false;
	if (!w->lr || cfa >= w->g->stack_hi) {
		w->g->truncated |= !(w->site->func.flag & FUNC_TOPFRAME);
		return true;
	}
	if (!site_get(w->h, w->lr, &caller))
		return false;
	if (!caller || (w->lr == w->pc && cfa == w->sp))
		return push_rest(w, cfa);
	w->trap = w->site->kind == SITE_ASYNC || w->site->kind == SITE_SIGPANIC;
	w->sigpanic = w->site->kind == SITE_SIGPANIC;
	w->pc = w->lr;
	w->lr = 0;
	w->sp = cfa;
	w->site = caller;
	w->innermost = w->syscall = false;
	if (w->trap && w->arch->lr) {
		/* The signal handler saved the link register on the stack before it faked the call. */
		uint64_t x;
		if (!proc_word(w->h->proc, w->sp, &x))
			return push_rest(w, w->sp);
		w->sp += injected_frame(w->arch);
		if (caller->has_delta && caller->spdelta == 0)
			w->lr = x;
	}
	*more = true;
	return true;
}

/* An innermost pc outside of Go code: a call of a nil function, or code without frames of its own. */
static bool enter(struct walk *w)
{
	if (!site_get(w->h, w->pc, &w->site))
		return false;
	if (w->site)
		return true;
	uint64_t ret = w->lr & ~w->h->proc->pac_mask; /* C code signs it (arm64); Go's does not */
	if (!w->arch->lr) {
		if (!proc_word(w->h->proc, w->sp, &ret))
			return true;
		w->sp += w->h->word;
	}
	w->pc = ret;
	w->lr = 0;
	return site_get(w->h, w->pc, &w->site);
}

static bool frames_left(struct heap *h)
{
	return h->priv->stacks->frames_left && h->priv->stacks->frames_left--;
}

static bool walk_frames(struct walk *w)
{
	struct heap *h = w->h;
	uint32_t first = h->nframes;
	bool more = true;
	if (!enter(w))
		return false;
	if (!w->site)
		return push_rest(w, w->start->at.sp);
	while (more) {
		struct frame f = {0};
		if (!on_stack(w->g, w->sp) || w->sp % h->word) {
			w->g->truncated = true;
			return true;
		}
		if (!make_frame(w, &f) || h->nframes - first >= MAX_FRAMES || !frames_left(h) || !return_address(w, &f))
			return push_rest(w, w->sp);
		if (!frame_push(h, &f) || !next_frame(w, &f, &more))
			return false;
	}
	return true;
}

struct hc_error *heap_unwind(struct heap *h, struct goroutine *g, const struct thread *thread)
{
	struct start s = start_of(h, g, thread);
	struct walk w = {.h = h, .g = g, .arch = stack_arch(h->proc->arch), .pc = s.at.pc, .sp = s.at.sp, .lr = s.at.lr,
	                 .innermost = true, .syscall = s.syscall, .start = &s};
	bool ok = stack_cache(h) != NULL;
	g->first_frame = h->nframes;
	if (!ok || g->stack_lo >= g->stack_hi) {
		/* A goroutine whose stack was freed has no frames. */
	} else if (s.lost) {
		ok = push_rest(&w, g->stack_lo);
		diag_add(h->diag, HC_SEV_WARNING, "goroutine %" PRIu64 " was running, but no thread of the snapshot stands on "
		         "its stack: all of the stack counts as pointers", g->id);
	} else {
		ok = walk_frames(&w);
	}
	g->nframes = h->nframes - g->first_frame;
	if (s.exact) {
		g->regs = s.at.regs;
		g->nregs = s.at.nregs;
	}
	return ok ? NULL : err_nomem();
}
