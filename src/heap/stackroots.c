/* SPDX-License-Identifier: MIT */
/*
 * Roots on goroutine stacks, as runtime/mgcmark.go (scanstack) finds them: live slots by the stack maps; frames stopped
 * at no safe point word by word; variables that have their address taken only if a live pointer points into them; the
 * context register, defer records and the panic.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "heap/priv.h"
#include "heap/stack.h"

enum {
	MAX_DEFERS = 1 << 20,
	DEFER_WORDS = 16, /* more than a record has: lists that run in circles end soon */
	MAX_REFLECT_ARGS = 4096
};

struct live_object {
	uint64_t addr;
	const struct stack_object *obj;
	uint32_t frame;  /* index in heap.frames */
	bool done;
};

struct scan {
	struct root_builder *b;
	struct heap *h;
	struct goroutine *g;
	uint32_t gindex, groot;
	const uint8_t *stack; /* the stack's bytes where contiguous, else NULL */
	VEC(uint32_t) frame_root; /* of each frame of the goroutine; 0 = none yet */
	VEC(struct live_object) objects;
	VEC(uint64_t) precise, vague; /* pointers into the stack that are to be followed */
	uint64_t panic;
	bool nomem;
	/* The node that takes the next words. */
	struct {
		enum root_kind kind;
		const char *name;
		uint64_t addr, size;
		uint32_t type, line, frame;
		bool conservative, open;
		const void *key;
	} node;
};

/* ---- nodes ---- */

static struct root *newest(struct scan *s)
{
	return &s->b->roots.data[s->b->roots.len - 1];
}

static uint32_t frame_root(struct scan *s, uint32_t frame)
{
	const struct frame *f = &s->h->frames[frame];
	uint32_t i = frame - s->g->first_frame, root = s->frame_root.data[i];
	if (root)
		return root;
	root = root_add(s->b, ROOT_FRAME, s->groot, f->func->mod ? f->func->name : "(unknown code)");
	if (root == UINT32_MAX) {
		s->nomem = true;
		return 0;
	}
	s->frame_root.data[i] = root;
	struct root *r = newest(s);
	r->addr = f->sp;
	r->size = f->size;
	r->goroutine = s->gindex;
	r->frame = frame;
	return root;
}

/* Adds the described node before its first edge, so that places without any have none. */
static void node_open(struct scan *s)
{
	uint32_t parent = s->node.frame == UINT32_MAX ? s->groot : frame_root(s, s->node.frame);
	if (s->nomem)
		return;
	if (root_add(s->b, s->node.kind, parent, s->node.name) == UINT32_MAX) {
		s->nomem = true;
		return;
	}
	struct root *r = newest(s);
	r->addr = s->node.addr;
	r->size = s->node.size;
	r->type = s->node.type;
	r->line = s->node.line;
	r->goroutine = s->gindex;
	r->frame = s->node.frame;
	if (s->node.conservative)
		r->flags |= ROOT_F_CONSERVATIVE;
	s->node.open = true;
}

/* Describes the node that takes the words from here on. */
static void node_begin(struct scan *s, enum root_kind kind, const char *name, uint32_t frame, uint64_t addr,
                       uint64_t size, bool conservative)
{
	s->node.kind = kind;
	s->node.name = name;
	s->node.frame = frame;
	s->node.addr = addr;
	s->node.size = size;
	s->node.type = TYPE_NONE;
	s->node.line = 0;
	s->node.conservative = conservative;
	s->node.open = false;
	s->node.key = NULL;
}

/* A value at an offset of the node's region: an edge, or a pointer into the stack to follow. True: it is an edge. */
static bool is_edge(struct scan *s, uint64_t v, bool conservative)
{
	if (v - s->g->stack_lo >= s->g->stack_hi - s->g->stack_lo)
		return v && heap_find(s->h, v) != OBJ_NONE;
	if (conservative ? !vec_push(&s->vague, v) : !vec_push(&s->precise, v))
		s->nomem = true;
	return false;
}

static void edge_add(struct scan *s, uint64_t v, uint64_t offset)
{
	if (!s->node.open)
		node_open(s);
	if (!s->nomem && !root_edge_add(s->b, v, offset))
		s->nomem = true;
}

static void word_add(struct scan *s, uint64_t v, uint64_t offset)
{
	if (is_edge(s, v, s->node.conservative))
		edge_add(s, v, offset);
}

/* False when so many words were read that stacks must overlap: the snapshot is damaged. */
static bool charge(struct scan *s, uint64_t words)
{
	if (stack_charge(s->h, words))
		return true;
	diag_add(s->h->diag, HC_SEV_WARNING, "the frames of goroutine %" PRIu64 " overlap those of others: what they keep alive "
	         "may count as garbage", s->g->id);
	return false;
}

static bool stack_word(const struct scan *s, uint64_t addr, uint64_t *ret)
{
	uint64_t size = s->g->stack_hi - s->g->stack_lo, off = addr - s->g->stack_lo;
	if (off >= size || size - off < s->h->word)
		return false;
	if (!s->stack)
		return proc_word(s->h->proc, addr, ret);
	*ret = load_uint(s->stack + off, s->h->word, s->h->be);
	return true;
}

/* ---- frames ---- */

static struct site *site_of(struct scan *s, const struct frame *f)
{
	struct site *site = NULL;
	if (f->func->mod && !site_get(s->h, f->pc, &site))
		s->nomem = true;
	return site;
}

/* A word of a frame, under the name of the variable that covers it. */
static void frame_word(struct scan *s, struct site *site, uint32_t frame, uint64_t addr, bool conservative)
{
	const struct frame *f = &s->h->frames[frame];
	uint64_t v;
	if (!stack_word(s, addr, &v) || !is_edge(s, v, conservative))
		return;
	const struct frame_var *var = frame_var_at(s->h, site, f, (int64_t)(addr - frame_cfa(f)));
	if (!var) {
		s->nomem = true;
		return;
	}
	if (s->node.key != var) {
		node_begin(s, ROOT_LOCAL, var->name, frame, frame_cfa(f) + (uint64_t)var->base, var->size, conservative);
		s->node.type = var->type;
		s->node.line = var->line;
		s->node.key = var;
	}
	edge_add(s, v, addr - s->node.addr);
}

static void frame_reflect(struct scan *s, struct site *site, uint32_t frame, bool conservative)
{
	uint64_t *args = malloc(MAX_REFLECT_ARGS * sizeof(*args));
	if (!args) {
		s->nomem = true;
		return;
	}
	uint32_t n = reflect_args(s->h, &s->h->frames[frame], args, MAX_REFLECT_ARGS);
	for (uint32_t i = 0; i < n; i++)
		frame_word(s, site, frame, args[i], conservative);
	free(args);
}

static void registers(struct scan *s, uint32_t frame)
{
	node_begin(s, ROOT_REGISTERS, "(registers)", frame, 0, 0, true);
	for (unsigned i = 0; i < s->g->nregs; i++)
		word_add(s, s->g->regs[i], (uint64_t)i * s->h->word);
}

static void frame_conservative(struct scan *s, const struct frame *f, uint32_t frame)
{
	struct site *site = site_of(s, f);
	const struct stack_arch *arch = stack_arch(s->h->proc->arch);
	uint64_t word = s->h->word, end = site ? frame_varp(arch, f, word) : frame_cfa(f);
	int64_t nargs = f->func->args > 0 ? f->func->args / (int64_t)word : 0;
	if (!charge(s, f->size / word + (uint64_t)nargs))
		return;
	if (f->innermost && s->g->nregs)
		registers(s, frame);
	s->node.key = NULL;
	/* Signals that fake a call push the link register below the frame they interrupt. */
	if (arch->lr && site && (site->kind == SITE_ASYNC || site->kind == SITE_SIGPANIC))
		end += injected_frame(arch);
	if (!site)
		node_begin(s, ROOT_LOCAL, "(stack)", frame, f->sp, f->size, true);
	for (uint64_t at = f->sp; at < end && end - at >= word; at += word) {
		uint64_t v;
		if (site)
			frame_word(s, site, frame, at, true);
		else if (stack_word(s, at, &v))
			word_add(s, v, at - f->sp);
	}
	for (int64_t i = 0; site && i < nargs; i++)
		frame_word(s, site, frame, frame_argp(arch, f) + (uint64_t)i * word, true);
	if (site && site->kind == SITE_REFLECT)
		frame_reflect(s, site, frame, true);
}

static void object_add(struct scan *s, uint32_t frame, const struct stack_object *o)
{
	struct live_object l = {frame_cfa(&s->h->frames[frame]) + (uint64_t)(int64_t)o->off, o, frame, false};
	if (!vec_push(&s->objects, l))
		s->nomem = true;
}

static void frame_precise(struct scan *s, const struct frame *f, uint32_t frame)
{
	struct site *site = site_of(s, f);
	if (!site)
		return;
	const struct stack_map *m = stack_map_get(s->h, site, f);
	if (!m || m->missing) {
		s->nomem |= !m;
		if (m)
			frame_conservative(s, f, frame);
		return;
	}
	if (!charge(s, (uint64_t)m->nslots + m->nobjects))
		return;
	for (uint32_t i = 0; i < m->nslots; i++)
		frame_word(s, site, frame, frame_cfa(f) + (uint64_t)(int64_t)m->slots[i], false);
	if (site->kind != SITE_REFLECT) {
		for (uint32_t i = 0; i < m->nobjects; i++)
			object_add(s, frame, &m->objects[i]);
		return;
	}
	frame_reflect(s, site, frame, false);
	struct stack_object *o = arena_alloc(&s->h->arena, sizeof(*o));
	if (!o)
		s->nomem = true;
	else if (reflect_object(s->h, f, o))
		object_add(s, frame, o);
}

static void scan_frames(struct scan *s)
{
	for (uint32_t i = 0; i < s->g->nframes && !s->nomem; i++) {
		uint32_t frame = s->g->first_frame + i;
		const struct frame *f = &s->h->frames[frame];
		s->node.key = NULL;
		if (f->conservative)
			frame_conservative(s, f, frame);
		else if (!f->dead)
			frame_precise(s, f, frame);
	}
}

/* ---- stack objects ---- */

static int by_addr(const void *a, const void *b)
{
	const struct live_object *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static struct live_object *object_find(struct scan *s, uint64_t addr)
{
	size_t lo = 0, hi = s->objects.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->objects.data[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NULL;
	struct live_object *o = &s->objects.data[lo - 1];
	return addr - o->addr < o->obj->size ? o : NULL;
}

static void object_scan(struct scan *s, const struct live_object *o, bool conservative)
{
	struct heap *h = s->h;
	const struct frame *f = &h->frames[o->frame];
	const struct stack_object *obj = o->obj;
	bool panic = s->panic - o->addr < obj->size;
	if (!charge(s, obj->ptr_words))
		return;
	node_begin(s, panic ? ROOT_PANIC : ROOT_LOCAL, NULL, o->frame, o->addr, obj->size, conservative);
	for (uint32_t i = 0; i < obj->ptr_words && !s->nomem; i++) {
		uint64_t v;
		if (!bit_get(obj->bits, i) || !stack_word(s, o->addr + (uint64_t)i * h->word, &v) ||
		    !is_edge(s, v, conservative))
			continue;
		if (!s->node.name) { /* named at its first edge: names cost */
			struct site *site = site_of(s, f);
			const struct frame_var *var = site ? frame_var_at(h, site, f, obj->off) : NULL;
			s->node.name = panic ? "panic" : var ? var->name : "(stack)";
			if (var && var->base == obj->off && var->size == obj->size) {
				s->node.type = var->type;
				s->node.line = var->line;
			}
		}
		edge_add(s, v, (uint64_t)i * h->word);
	}
}

/* Follows pointers into the stack until no new object turns up; exact pointers first, as the collector does. */
static void scan_objects(struct scan *s)
{
	bool sorted = true;
	for (size_t i = 1; i < s->objects.len; i++)
		sorted &= s->objects.data[i - 1].addr <= s->objects.data[i].addr;
	if (!sorted)
		qsort(s->objects.data, s->objects.len, sizeof(*s->objects.data), by_addr);
	while (!s->nomem && (s->precise.len || s->vague.len)) {
		bool conservative = !s->precise.len;
		uint64_t v = conservative ? s->vague.data[--s->vague.len] : s->precise.data[--s->precise.len];
		struct live_object *o = object_find(s, v);
		if (!o || o->done)
			continue;
		o->done = true;
		object_scan(s, o, conservative);
	}
}

/* ---- what else a goroutine holds ---- */

static void scan_context(struct scan *s)
{
	const struct layout *l = &s->h->types->layout;
	uint64_t at = layout_addr(l, layout_addr(l, s->g->addr, L_G_SCHED), L_GOBUF_CTXT), v;
	if (proc_word(s->h->proc, at, &v)) {
		node_begin(s, ROOT_REGISTERS, "(context register)", UINT32_MAX, at, s->h->word, false);
		word_add(s, v, 0);
	}
}

/* Vector registers of a preempted goroutine; Go 1.26 keeps them off the stack. */
static void scan_xregs(struct scan *s)
{
	uint64_t regs = heap_field(s->h, s->g->addr, L_G_XREGS), v;
	uint64_t size = stack_arch(s->h->proc->arch)->xregs;
	if (!regs || !size || !heap_field(s->h, s->g->addr, L_G_ASYNCSAFEPOINT))
		return;
	node_begin(s, ROOT_REGISTERS, "(vector registers)", UINT32_MAX, regs, size, true);
	for (uint64_t off = 0; off < size; off += s->h->word)
		if (proc_word(s->h->proc, regs + off, &v))
			word_add(s, v, off);
}

static const char *defer_name(struct scan *s, uint64_t fn)
{
	struct func f;
	uint64_t code;
	if (!fn || !proc_word(s->h->proc, fn, &code) || !program_func(s->h->prog, code, &f))
		return "defer";
	const char *name = arena_printf(&s->h->arena, "defer %s", f.name);
	s->nomem |= !name;
	return name;
}

static void scan_defers(struct scan *s)
{
	struct heap *h = s->h;
	const struct layout *l = &h->types->layout;
	uint64_t d = heap_field(h, s->g->addr, L_G_DEFER), fn, link;
	for (unsigned n = 0; d && n < MAX_DEFERS && !s->nomem; n++, d = link) {
		if (!charge(s, DEFER_WORDS))
			return;
		if (!layout_read(l, h->proc, d, L_DEFER_FN, &fn) || !layout_read(l, h->proc, d, L_DEFER_LINK, &link)) {
			diag_add(h->diag, HC_SEV_WARNING, "defer record %#" PRIx64 " of goroutine %" PRIu64 " is not in the snapshot",
			         d, s->g->id);
			return;
		}
		uint64_t size = (uint64_t)l->f[L_DEFER_LINK].off + h->word;
		node_begin(s, ROOT_DEFER, defer_name(s, fn), UINT32_MAX, d, size, false);
		word_add(s, fn, (uint64_t)l->f[L_DEFER_FN].off);
		word_add(s, link, (uint64_t)l->f[L_DEFER_LINK].off);
		if (heap_field(h, d, L_DEFER_HEAP)) /* the list may lead to it through the stack only */
			word_add(s, d, 0);
		/* Until Go 1.17, where the register ABI was missing, arguments follow the record. */
		uint64_t siz = heap_field(h, d, L_DEFER_SIZ), head = 8 + 8u * h->word, v;
		s->node.conservative = siz != 0;
		for (uint64_t off = 0; off < siz && off < 4096; off += h->word)
			if (proc_word(h->proc, d + head + off, &v))
				word_add(s, v, head + off);
	}
}

static void scan_goroutine(struct scan *s)
{
	struct heap *h = s->h;
	uint64_t avail;
	const char *name = arena_printf(&h->arena, "goroutine %" PRIu64, s->g->id);
	s->groot = name ? root_add(s->b, ROOT_GOROUTINE, s->groot, name) : UINT32_MAX;
	if (s->groot == UINT32_MAX || !vec_reserve(&s->frame_root, s->g->nframes)) {
		s->nomem = true;
		return;
	}
	newest(s)->goroutine = s->gindex;
	if (s->g->nframes)
		memset(s->frame_root.data, 0, s->g->nframes * sizeof(*s->frame_root.data));
	s->stack = proc_view(h->proc, s->g->stack_lo, &avail);
	if (s->stack && avail < s->g->stack_hi - s->g->stack_lo)
		s->stack = NULL;
	s->objects.len = s->precise.len = s->vague.len = 0;
	s->panic = heap_field(h, s->g->addr, L_G_PANIC);
	if (!s->panic)
		s->panic = UINT64_MAX;
	else if (!vec_push(&s->precise, s->panic)) /* always in a frame of gopanic */
		s->nomem = true;
	scan_context(s);
	scan_xregs(s);
	scan_frames(s);
	scan_defers(s);
	scan_objects(s);
}

struct hc_error *heap_stack_roots(struct root_builder *b, uint32_t group)
{
	struct heap *h = b->h;
	struct scan s = {.b = b, .h = h, .nomem = !stack_cache(h)};
	for (uint32_t i = 0; i < h->ngoroutines && !s.nomem; i++) {
		s.g = &h->goroutines[i];
		s.gindex = i;
		s.groot = group;
		scan_goroutine(&s);
	}
	vec_free(&s.frame_root);
	vec_free(&s.objects);
	vec_free(&s.precise);
	vec_free(&s.vague);
	return s.nomem ? err_nomem() : NULL;
}
