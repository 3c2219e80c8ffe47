/* SPDX-License-Identifier: MIT */
/* Goroutines: runtime.allgs, what each is doing, and its frames (unwind.c). */
#include <inttypes.h>
#include <stdlib.h>

#include "heap/priv.h"
#include "heap/stack.h"

enum {
	G_SCAN = 0x1000,       /* _Gscan: the collector holds the goroutine's stack */
	MAX_STATUS = 11,
	SAMPLES = 16,          /* elements looked at to recognise allgs */
	MAX_REASONS = 256,
	MAX_REASON_LEN = 64
};
#define MAX_GOROUTINES UINT64_C(100000000)
#define MAX_GOID (UINT64_C(1) << 40)
#define MAX_STACK (UINT64_C(1) << 32)

/* ---- allgs ---- */

struct slice {
	uint64_t ptr, len;
};

static bool slice_at(const struct heap *h, uint64_t addr, struct slice *ret)
{
	uint64_t cap;
	return proc_word(h->proc, addr, &ret->ptr) && proc_word(h->proc, addr + h->word, &ret->len) &&
	       proc_word(h->proc, addr + 2u * h->word, &cap) && ret->ptr && ret->ptr % h->word == 0 && ret->len &&
	       ret->len <= cap && cap <= MAX_GOROUTINES;
}

static bool looks_like_g(const struct heap *h, uint64_t g)
{
	const struct layout *l = &h->types->layout;
	uint64_t lo, hi, status, goid;
	uint64_t stack = layout_addr(l, g, L_G_STACK);
	return g && g % h->word == 0 && proc_word(h->proc, stack, &lo) && proc_word(h->proc, stack + h->word, &hi) &&
	       layout_read(l, h->proc, g, L_G_ATOMICSTATUS, &status) && layout_read(l, h->proc, g, L_G_GOID, &goid) &&
	       ((lo == 0 && hi == 0) || (lo < hi && hi - lo <= MAX_STACK)) && (status & ~(uint64_t)G_SCAN) <= MAX_STATUS &&
	       goid < MAX_GOID;
}

static bool looks_like_allgs(const struct heap *h, const struct slice *s)
{
	uint64_t g, goid = 0, previous;
	for (uint64_t i = 0; i < s->len && i < SAMPLES; i++) {
		previous = goid;
		if (!proc_word(h->proc, s->ptr + i * h->word, &g) || !looks_like_g(h, g))
			return false;
		goid = heap_field(h, g, L_G_GOID);
		if (i && goid == previous) /* zeroed memory looks like goroutines without a number */
			return false;
	}
	return goid != 0;
}

/*
 * Without symbols: the slice in bss whose elements look like goroutines. The runtime keeps a second copy of its first word
 * (runtime.allgptr), which tells it from slices that happen to hold one or two.
 */
static bool find_allgs(const struct heap *h, struct slice *ret)
{
	bool found = false;
	uint64_t budget = proc_bytes(h->proc) / h->word * 4; /* words: each try looks for the second copy everywhere */
	for (size_t i = 0; i < h->prog->nmodules && !found; i++) {
		const struct module *m = &h->prog->modules[i];
		uint64_t words = (m->ebss - m->bss) / h->word;
		for (uint64_t at = m->bss; at < m->ebss && !found && words <= budget; at += h->word) {
			struct slice s;
			uint64_t v;
			if (!slice_at(h, at, &s) || !looks_like_allgs(h, &s))
				continue;
			budget -= words;
			for (uint64_t other = m->bss; other < m->ebss && !found; other += h->word)
				found = other != at && proc_word(h->proc, other, &v) && v == s.ptr;
			*ret = s;
		}
	}
	return found;
}

static bool allgs(const struct heap *h, struct slice *ret)
{
	uint64_t addr = types_global_addr(h->types, "runtime.allgs");
	return (addr && slice_at(h, addr, ret)) || find_allgs(h, ret);
}

/* ---- wait reasons ---- */

static const char *string_at(struct heap *h, uint64_t addr)
{
	return proc_gostring(h->proc, &h->arena, addr, MAX_REASON_LEN);
}

/* The table's second entry has been the same text in all releases; the first is empty. */
static uint64_t find_waitreasons(struct heap *h)
{
	static const char text[] = "GC assist marking";
	for (size_t i = 0; i < h->prog->nmodules; i++) {
		const struct module *m = &h->prog->modules[i];
		for (uint64_t at = m->data; at < m->edata; at += h->word) {
			uint64_t len, ptr;
			char buf[sizeof(text) - 1];
			if (proc_word(h->proc, at + h->word, &len) && len == sizeof(buf) && proc_word(h->proc, at, &ptr) &&
			    proc_read(h->proc, ptr, buf, sizeof(buf)) && memcmp(buf, text, sizeof(buf)) == 0)
				return at - 2u * h->word;
		}
	}
	return 0;
}

/* The numbers change from release to release; the table of their texts is in the image. */
static void load_waitreasons(struct heap *h, struct stack_cache *c)
{
	uint64_t addr = types_global_addr(h->types, "runtime.waitReasonStrings");
	const struct global *g = types_global_named(h->types, "runtime.waitReasonStrings");
	if (!addr)
		addr = find_waitreasons(h);
	uint64_t n = g && g->size ? g->size / (2u * h->word) : 64;
	for (uint64_t i = 0; i < MAX_REASONS; i++) {
		c->waitreasons[i] = "";
		if (!addr || i >= n)
			continue;
		const char *s = string_at(h, addr + i * 2 * h->word);
		if (s)
			c->waitreasons[i] = s;
		else
			n = i; /* the table has ended */
	}
}

/* ---- threads ---- */

static bool within(const struct heap *h, uint64_t g, uint64_t addr)
{
	uint64_t lo, hi, stack = layout_addr(&h->types->layout, g, L_G_STACK);
	return g && proc_word(h->proc, stack, &lo) && proc_word(h->proc, stack + h->word, &hi) && addr - lo < hi - lo;
}

/*
 * The thread that runs a goroutine: by the stack it stands on, which is certain; else by its number, which is that of the
 * process's own pid namespace and may differ from the snapshot's.
 */
static const struct thread *thread_of(struct heap *h, const struct goroutine *g)
{
	const struct proc *p = h->proc;
	if (!stack_charge(h, p->nthreads)) /* there are about as many threads as running goroutines, not thousands of each */
		return NULL;
	uint64_t g0 = g->m ? heap_field(h, g->m, L_M_G0) : 0, sig = g->m ? heap_field(h, g->m, L_M_GSIGNAL) : 0;
	for (size_t i = 0; i < p->nthreads; i++)
		if (p->threads[i].sp - g->stack_lo < g->stack_hi - g->stack_lo)
			return &p->threads[i];
	for (size_t i = 0; i < p->nthreads; i++)
		if (within(h, sig, p->threads[i].sp) || within(h, g0, p->threads[i].sp))
			return &p->threads[i];
	uint64_t tid = g->m ? heap_field(h, g->m, L_M_PROCID) : 0;
	for (size_t i = 0; i < p->nthreads; i++)
		if (tid && p->threads[i].tid == tid)
			return &p->threads[i];
	return NULL;
}

/* ---- one goroutine ---- */

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* As runtime.isSystemGoroutine: started by the runtime, unless it is running the user's finalizers or cleanups. */
static bool is_system(const struct heap *h, const struct goroutine *g)
{
	static const char *const user[] = {"runtime.main", "runtime.corostart", "runtime.handleAsyncEvent"};
	static const char *const callers[] = {"runtime.runfinq", "runtime.runFinalizers", "runtime.runCleanups"};
	struct func f;
	if (!program_func(h->prog, g->startpc, &f) || !starts_with(f.name, "runtime."))
		return false;
	for (size_t i = 0; i < sizeof(user) / sizeof(user[0]); i++)
		if (strcmp(f.name, user[i]) == 0)
			return false;
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		for (uint32_t k = 0; strcmp(f.name, callers[i]) == 0 && k < g->nframes; k++) {
			const char *name = h->frames[g->first_frame + k].func->name;
			if (name[0] && !starts_with(name, "runtime.") && !starts_with(name, "reflect."))
				return false;
		}
	return true;
}

/* False: there is nothing to be had from it (dead, idle, or damaged). */
static bool read_goroutine(struct heap *h, uint64_t addr, struct goroutine *g)
{
	const struct layout *l = &h->types->layout;
	uint64_t status, stack = layout_addr(l, addr, L_G_STACK);
	if (!layout_read(l, h->proc, addr, L_G_ATOMICSTATUS, &status) || !proc_word(h->proc, stack, &g->stack_lo) ||
	    !proc_word(h->proc, stack + h->word, &g->stack_hi)) {
		diag_add(h->diag, HC_SEV_WARNING, "the goroutine at %#" PRIx64 " is not in the snapshot: what its stack keeps alive "
		         "counts as garbage", addr);
		return false;
	}
	status &= ~(uint64_t)G_SCAN;
	if (status == G_IDLE || status == G_DEAD || status == G_DEADEXTRA || status > MAX_STATUS)
		return false;
	if (g->stack_hi < g->stack_lo || g->stack_hi - g->stack_lo > MAX_STACK) {
		diag_add(h->diag, HC_SEV_WARNING, "the goroutine at %#" PRIx64 " has no sane stack: [%#" PRIx64 ", %#" PRIx64 ")", addr,
		         g->stack_lo, g->stack_hi);
		g->stack_lo = g->stack_hi = 0;
	}
	g->addr = addr;
	g->status = (uint8_t)status;
	g->id = heap_field(h, addr, L_G_GOID);
	g->parent = heap_field(h, addr, L_G_PARENTGOID);
	g->gopc = heap_field(h, addr, L_G_GOPC);
	g->startpc = heap_field(h, addr, L_G_STARTPC);
	g->waitsince = heap_field(h, addr, L_G_WAITSINCE);
	g->m = heap_field(h, addr, L_G_M);
	g->labels = heap_field(h, addr, L_G_LABELS);
	g->waitreason = "";
	if (status == G_WAITING || status == G_LEAKED || status == G_PREEMPTED)
		g->waitreason = h->priv->stacks->waitreasons[heap_field(h, addr, L_G_WAITREASON) % MAX_REASONS];
	return true;
}

struct hc_error *heap_load_goroutines(struct heap *h)
{
	VEC(struct goroutine) list = {0};
	struct slice s;
	struct hc_error *err = NULL;
	struct stack_cache *c = stack_cache(h);
	if (!c)
		return err_nomem();
	if (h->goroutines) /* salvage.h: they were needed early */
		return NULL;
	if (!allgs(h, &s)) {
		diag_add(h->diag, HC_SEV_WARNING, "runtime.allgs was not found: what only goroutines keep alive counts as garbage");
		return NULL;
	}
	load_waitreasons(h, c);
	for (uint64_t i = 0; !err && i < s.len; i++) {
		struct goroutine g = {0};
		uint64_t addr;
		if (!proc_word(h->proc, s.ptr + i * h->word, &addr)) {
			diag_add(h->diag, HC_SEV_WARNING, "runtime.allgs is not whole in the snapshot: what goroutines keep alive may "
			         "count as garbage");
			break;
		}
		if (!addr || !read_goroutine(h, addr, &g))
			continue;
		if (!c->goroutines_left--) {
			diag_add(h->diag, HC_SEV_WARNING, "runtime.allgs has %" PRIu64 " entries, more than fit into the snapshot: read %zu",
			         s.len, list.len);
			break;
		}
		err = heap_unwind(h, &g, g.status == G_RUNNING ? thread_of(h, &g) : NULL);
		g.system = is_system(h, &g);
		if (!err && (list.len == UINT32_MAX || !vec_push(&list, g)))
			err = err_nomem();
	}
	h->goroutines = list.data;
	h->ngoroutines = (uint32_t)list.len;
	return err;
}
