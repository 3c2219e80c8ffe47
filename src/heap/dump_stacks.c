/* SPDX-License-Identifier: MIT */
/*
 * Goroutines and stacks from records. With the executable, frames get their functions, and roots are found by the
 * collector's own stack maps (stackroots.c), which know variables that the records leave out: those that only a pointer on
 * the stack leads to. Without it, the records' pointer lists are all there is.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "heap/dump.h"
#include "heap/priv.h"
#include "heap/stack.h"

enum { G_SCAN = 0x1000 };

/* Positions in the records' numbers. */
enum { G_ADDR, G_SP, G_ID, G_GOPC, G_STATUS, G_SYSTEM, G_BACKGROUND, G_WAITSINCE, G_CONTEXT, G_M };
enum { F_SP, F_DEPTH, F_CHILD, F_ENTRY, F_PC, F_CONTINUE };
enum { D_ADDR, D_G, D_SP, D_PC, D_FN, D_FNPC, D_LINK };
enum { P_ADDR, P_G, P_TYPE, P_DATA };

struct loader {
	struct heap *h;
	const struct dump *d;
	struct map functions; /* without an executable: entry -> index in unnamed */
	VEC(struct func *) unnamed;
	VEC(struct goroutine) list;
	size_t cap;
	bool nomem;
};

/* A function of which only the record's name is known. */
static const struct func *recorded_func(struct loader *l, const struct hd_record *r)
{
	uint32_t at;
	if (map_get(&l->functions, r->n[F_ENTRY], &at))
		return l->unnamed.data[at];
	struct func *f = arena_alloc(&l->h->arena, sizeof(*f));
	const char *name = dump_text(l->h, r->text[0], r->text_len[0]);
	if (!f || !name || !vec_push(&l->unnamed, f) ||
	    !map_put(&l->functions, r->n[F_ENTRY], (uint32_t)l->unnamed.len - 1)) {
		l->nomem = true;
		return NULL;
	}
	f->name = name;
	f->entry = r->n[F_ENTRY];
	f->args = INT32_MIN;
	return f;
}

/* What a frame is follows from its callee, as in unwind.c: signals fake calls of sigpanic and asyncPreempt. */
static bool frame_add(struct loader *l, const struct hd_record *r, enum site_kind *callee)
{
	struct heap *h = l->h;
	struct site *site = NULL;
	struct frame f = {.pc = r->n[F_PC], .sp = r->n[F_SP], .size = (uint32_t)r->mem_len, .innermost = r->n[F_DEPTH] == 0};
	struct memory_piece piece = {r->n[F_SP], r->mem, r->mem_len};
	if (r->mem_len > UINT32_MAX || f.sp + f.size < f.sp)
		return true;
	if (!site_get(h, f.pc, &site))
		return false;
	f.func = site ? &site->func : recorded_func(l, r);
	if (!f.func || h->nframes == UINT32_MAX)
		return false;
	enum site_kind kind = site ? (enum site_kind)site->kind : SITE_PLAIN;
	f.exact = *callee == SITE_ASYNC || *callee == SITE_SIGPANIC;
	f.conservative = kind == SITE_ASYNC || *callee == SITE_ASYNC || !site;
	f.panicked = *callee == SITE_SIGPANIC;
	f.dead = !r->n[F_CONTINUE];
	*callee = kind;
	if (!vec_grow(&h->frames, &l->cap, sizeof(f), (size_t)h->nframes + 1) ||
	    (piece.size && !vec_push(&h->priv->dump->pieces, piece)))
		return false;
	h->frames[h->nframes++] = f;
	return true;
}

/* Where the runtime's layout is known, the goroutine's own structure, an object of the heap, says more. */
static void read_g(const struct heap *h, struct goroutine *g)
{
	const struct layout *l = &h->types->layout;
	uint64_t lo, hi, at = layout_addr(l, g->addr, L_G_STACK);
	if (!layout_has(l, L_G_STACK) || heap_field(h, g->addr, L_G_GOID) != g->id)
		return;
	g->parent = heap_field(h, g->addr, L_G_PARENTGOID);
	g->startpc = heap_field(h, g->addr, L_G_STARTPC);
	g->labels = heap_field(h, g->addr, L_G_LABELS);
	if (proc_word(h->proc, at, &lo) && proc_word(h->proc, at + h->word, &hi) && lo <= g->stack_lo && hi >= g->stack_hi) {
		g->stack_lo = lo;
		g->stack_hi = hi;
	}
}

static void stack_bounds(const struct heap *h, struct goroutine *g)
{
	for (uint32_t i = g->first_frame; i < g->first_frame + g->nframes; i++) {
		const struct frame *f = &h->frames[i];
		if (i == g->first_frame || f->sp < g->stack_lo)
			g->stack_lo = f->sp;
		if (i == g->first_frame || frame_cfa(f) > g->stack_hi)
			g->stack_hi = frame_cfa(f);
	}
	/* The outermost frame is goexit's; its callee is the function of the go statement. */
	if (g->nframes)
		g->startpc = h->frames[g->first_frame + g->nframes - (g->nframes > 1 ? 2 : 1)].func->entry;
}

static bool goroutine_add(struct loader *l, uint64_t at)
{
	struct heap *h = l->h;
	struct hd_reader reader = dump_reader(l->d, at);
	struct hd_record r;
	enum site_kind callee = SITE_PLAIN;
	if (!hd_next(&reader, &r))
		return true;
	uint64_t status = r.n[G_STATUS] & ~(uint64_t)G_SCAN;
	bool waiting = status == G_WAITING || status == G_LEAKED || status == G_PREEMPTED;
	struct goroutine g = {
		.addr = r.n[G_ADDR], .id = r.n[G_ID], .gopc = r.n[G_GOPC], .waitsince = r.n[G_WAITSINCE], .m = r.n[G_M],
		.status = status > UINT8_MAX ? UINT8_MAX : (uint8_t)status, .system = r.n[G_SYSTEM] != 0,
		.first_frame = h->nframes, .waitreason = waiting ? dump_text(h, r.text[0], r.text_len[0]) : "",
	};
	bool ok = g.waitreason != NULL;
	while (ok && hd_next(&reader, &r) && (r.tag == HD_FRAME || r.tag == HD_DEFER || r.tag == HD_PANIC))
		if (r.tag == HD_FRAME)
			ok = frame_add(l, &r, &callee);
	g.nframes = h->nframes - g.first_frame;
	stack_bounds(h, &g);
	read_g(h, &g);
	return ok && l->list.len < UINT32_MAX && vec_push(&l->list, g);
}

static int by_addr(const void *ap, const void *bp)
{
	const struct memory_piece *a = ap, *b = bp;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->data < b->data ? -1 : a->data > b->data;
}

struct hc_error *dump_load_goroutines(struct heap *h)
{
	struct loader l = {.h = h, .d = h->proc->dump};
	const size_t n = l.d->records[HD_GOROUTINE].len;
	bool ok = stack_cache(h) != NULL;
	for (size_t i = 0; ok && i < n; i++)
		ok = goroutine_add(&l, l.d->records[HD_GOROUTINE].data[i]);
	struct dump_model *m = h->priv->dump;
	if (m->pieces.len)
		qsort(m->pieces.data, m->pieces.len, sizeof(*m->pieces.data), by_addr);
	h->goroutines = l.list.data;
	h->ngoroutines = (uint32_t)l.list.len;
	map_free(&l.functions);
	vec_free(&l.unnamed);
	if (!n && l.d->cut)
		diag_add(h->diag, HC_SEV_WARNING, "the heap dump was cut before the goroutines and variables: without roots, nothing "
		         "tells what is alive, and all objects count as garbage: -o types.csv and -o nodes.csv have them with --garbage");
	return ok ? NULL : err_nomem();
}

/* ---- roots without stack maps ---- */

struct roots {
	struct root_builder *b;
	uint32_t groot, gindex, frame;
	bool nomem;
};

static struct root *node(struct roots *r, enum root_kind kind, uint32_t parent, const char *name, uint64_t addr,
                         uint64_t size)
{
	if (root_add(r->b, kind, parent, name) == UINT32_MAX) {
		r->nomem = true;
		return NULL;
	}
	struct root *n = &r->b->roots.data[r->b->roots.len - 1];
	n->addr = addr;
	n->size = size;
	n->goroutine = r->gindex;
	return n;
}

/* A frame holds the pointers itself: which variable each is, nothing tells. */
static void frame_fields(struct roots *r, const struct hd_record *rec)
{
	const struct heap *h = r->b->h;
	const struct frame *f = &h->frames[r->frame];
	const uint8_t *at = rec->fields;
	uint64_t off;
	bool added = false;
	while (rec->n[F_CONTINUE] && hd_field_next(&at, &off) && !r->nomem) {
		uint64_t v = in_range(off, h->word, rec->mem_len) ? load_uint(rec->mem + off, h->word, h->be) : 0;
		if (!v || heap_find(h, v) == OBJ_NONE)
			continue;
		if (!added) {
			struct root *n = node(r, ROOT_FRAME, r->groot, f->func->name, f->sp, f->size);
			if (!n)
				return;
			n->frame = r->frame;
			added = true;
		}
		r->nomem |= !root_edge_add(r->b, v, off);
	}
}

static void one_pointer(struct roots *r, enum root_kind kind, const char *name, uint64_t value)
{
	if (value && heap_find(r->b->h, value) != OBJ_NONE && node(r, kind, r->groot, name, 0, 0))
		r->nomem |= !root_edge_add(r->b, value, 0);
}

static void goroutine_roots(struct roots *r, uint64_t at, uint32_t group)
{
	struct heap *h = r->b->h;
	const struct goroutine *g = &h->goroutines[r->gindex];
	struct hd_reader reader = dump_reader(h->proc->dump, at);
	struct hd_record rec;
	if (!hd_next(&reader, &rec))
		return;
	const char *name = arena_printf(&h->arena, "goroutine %" PRIu64, g->id);
	r->nomem |= !name;
	if (!name || !node(r, ROOT_GOROUTINE, group, name, 0, 0))
		return;
	r->groot = (uint32_t)r->b->roots.len - 1;
	r->frame = g->first_frame;
	one_pointer(r, ROOT_REGISTERS, "(context register)", rec.n[G_CONTEXT]);
	while (!r->nomem && hd_next(&reader, &rec)) {
		if (rec.tag == HD_FRAME) {
			if (r->frame < g->first_frame + g->nframes && h->frames[r->frame].sp == rec.n[F_SP]) {
				frame_fields(r, &rec);
				r->frame++;
			}
		} else if (rec.tag == HD_DEFER) {
			one_pointer(r, ROOT_DEFER, "defer", rec.n[D_FN]);
			one_pointer(r, ROOT_DEFER, "defer record", rec.n[D_ADDR]);
		} else if (rec.tag == HD_PANIC) {
			one_pointer(r, ROOT_PANIC, "panic", rec.n[P_DATA]);
		} else {
			break;
		}
	}
}

struct hc_error *dump_stack_roots(struct root_builder *b, uint32_t group)
{
	struct heap *h = b->h;
	const struct dump *d = h->proc->dump;
	struct roots r = {.b = b};
	if (h->prog->nmodules && layout_has(&h->types->layout, L_G_SCHED))
		return heap_stack_roots(b, group);
	for (r.gindex = 0; r.gindex < h->ngoroutines && !r.nomem; r.gindex++)
		goroutine_roots(&r, d->records[HD_GOROUTINE].data[r.gindex], group);
	return r.nomem ? err_nomem() : NULL;
}
