/* SPDX-License-Identifier: MIT */
/*
 * Roots other than stacks, as runtime/mgcmark.go marks them: data and bss of every module under their masks, the queues
 * of finalizers and cleanups, and what specials keep. noptrdata and noptrbss are never roots; m, p and g are ordinary
 * objects that data and bss point to.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "heap/priv.h"

uint32_t root_add(struct root_builder *b, enum root_kind kind, uint32_t parent, const char *name)
{
	struct root r = {.name = name ? name : "", .type = TYPE_NONE, .parent = parent, .goroutine = UINT32_MAX,
	                 .frame = UINT32_MAX, .object = OBJ_NONE, .first_edge = b->edges.len, .kind = (uint8_t)kind};
	if (b->roots.len >= UINT32_MAX / 16 || !vec_push(&b->roots, r))
		return UINT32_MAX;
	return (uint32_t)b->roots.len - 1;
}

bool root_edge_add(struct root_builder *b, uint64_t value, uint64_t offset)
{
	uint32_t id = heap_find(b->h, value);
	if (id == OBJ_NONE)
		return true;
	struct root_edge e = {value, id, offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset};
	if (!vec_push(&b->edges, e))
		return false;
	b->roots.data[b->roots.len - 1].nedges++;
	return true;
}

static struct root *newest(struct root_builder *b)
{
	return &b->roots.data[b->roots.len - 1];
}

/* ---- package variables ---- */

/* A pointer from the image to a place in it that no variable's name covers: the start of a static composite. */
struct static_ref {
	uint64_t target, at;
};

struct globals_walk {
	struct root_builder *b;
	VEC(struct variables) sections;
	VEC(struct static_ref) statics; /* sorted by target, then at */
	uint32_t group;
	struct strtab packages;
	VEC(uint32_t) package_root;
	size_t at;          /* in types->globals */
	uint64_t from, to;  /* address range of the newest root */
};

static uint32_t package_root(struct globals_walk *w, const char *pkg)
{
	uint32_t id;
	if (!pkg || !*pkg)
		pkg = "(unnamed)";
	if (!strtab_add(&w->packages, pkg, strlen(pkg), &id))
		return UINT32_MAX;
	if (id < w->package_root.len)
		return w->package_root.data[id];
	char *copy = arena_strdup(&w->b->h->arena, pkg);
	uint32_t root = copy ? root_add(w->b, ROOT_PACKAGE, w->group, copy) : UINT32_MAX;
	return root != UINT32_MAX && vec_push(&w->package_root, root) ? root : UINT32_MAX;
}

static int by_target(const void *a, const void *b)
{
	const struct static_ref *x = a, *y = b;
	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool in_image(const struct heap *h, uint64_t addr)
{
	for (size_t i = 0; i < h->prog->nmodules; i++) {
		const struct module *m = &h->prog->modules[i];
		if (addr - m->data < m->edata - m->data || addr - m->bss < m->ebss - m->bss)
			return true;
	}
	return false;
}

/* The index of the first composite behind addr. */
static size_t static_after(const struct globals_walk *w, uint64_t addr)
{
	size_t lo = 0, hi = w->statics.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->statics.data[mid].target <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The composite that covers addr, which no variable covers; NULL when nothing points to it. */
static const struct static_ref *static_at(const struct globals_walk *w, uint64_t addr)
{
	size_t i = static_after(w, addr);
	uint64_t target = i ? w->statics.data[i - 1].target : 0; /* never 0 itself */
	return i ? &w->statics.data[static_after(w, target - 1)] : NULL;
}

/*
 * The variable behind what `var pages = &Cache{...}` made the compiler lay down in data (it has no symbol of its own),
 * through a few composites in a row; NULL for none.
 */
static const struct global *static_owner(const struct globals_walk *w, const struct static_ref *ref)
{
	const struct types *t = w->b->h->types;
	for (int depth = 0; ref && depth < 8; depth++) {
		const struct global *g = types_global_at(t, ref->at);
		if (g)
			return g;
		ref = static_at(w, ref->at);
	}
	return NULL;
}

/* What the composite at ref holds, where a variable that is a pointer or a slice says so itself. */
static uint32_t static_type(const struct globals_walk *w, const struct static_ref *ref)
{
	const struct types *t = w->b->h->types;
	const struct global *g = ref ? types_global_at(t, ref->at) : NULL;
	if (!g || ref->at != g->addr || g->type >= t->n)
		return TYPE_NONE;
	const struct type *ty = &t->t[g->type];
	return ty->kind == KIND_PTR || ty->kind == KIND_SLICE ? ty->elem : TYPE_NONE;
}

/* Makes the root of the variable that covers addr the newest one. */
static bool global_enter(struct globals_walk *w, uint64_t addr, uint64_t section_end)
{
	struct heap *h = w->b->h;
	const struct types *t = h->types;
	while (w->at < t->nglobals && addr - t->globals[w->at].addr >= t->globals[w->at].size &&
	       t->globals[w->at].addr < addr)
		w->at++;
	const struct global *g = w->at < t->nglobals ? &t->globals[w->at] : NULL;
	const char *name, *pkg = NULL;
	uint32_t type = TYPE_NONE;
	if (g && addr >= g->addr && addr - g->addr < g->size) {
		name = g->name;
		pkg = g->pkg;
		type = g->type;
		w->from = g->addr;
		w->to = g->addr + g->size;
	} else { /* a gap between variables: data that only the linker knows */
		const struct static_ref *ref = static_at(w, addr);
		size_t after = ref ? static_after(w, addr) : w->statics.len;
		uint64_t before = w->at ? t->globals[w->at - 1].addr + t->globals[w->at - 1].size : 0;
		if (ref && ref->target < before)
			ref = NULL;
		w->from = ref ? ref->target : addr;
		w->to = g && g->addr > addr && g->addr < section_end ? g->addr : section_end;
		if (after < w->statics.len && w->statics.data[after].target < w->to)
			w->to = w->statics.data[after].target;
		if (!ref && w->to - w->from > 4096)
			w->to = w->from + 4096;
		const struct global *owner = static_owner(w, ref);
		pkg = owner ? owner->pkg : NULL;
		type = static_type(w, ref);
		name = owner ? arena_printf(&h->arena, "%s (static)", owner->name)
		             : arena_printf(&h->arena, "data at %#" PRIx64, w->from);
	}
	uint32_t parent = name ? package_root(w, pkg) : UINT32_MAX;
	if (parent == UINT32_MAX || root_add(w->b, ROOT_GLOBAL, parent, name) == UINT32_MAX)
		return false;
	struct root *r = newest(w->b);
	r->addr = w->from;
	r->size = w->to - w->from;
	r->type = type;
	if (!g || name != g->name || type == TYPE_NONE)
		r->flags |= ROOT_F_STATIC;
	return true;
}

/* What to do with a non-nil pointer word of a section; false: out of memory. */
typedef bool word_fn(struct globals_walk *w, uint64_t addr, uint64_t value, uint64_t section_end, bool masked);

static bool note_static(struct globals_walk *w, uint64_t addr, uint64_t value, uint64_t section_end, bool masked)
{
	struct static_ref ref = {value, addr};
	(void)section_end;
	(void)masked;
	if (!in_image(w->b->h, value) || types_global_at(w->b->h->types, value))
		return true;
	return vec_push(&w->statics, ref);
}

static bool note_root(struct globals_walk *w, uint64_t addr, uint64_t value, uint64_t section_end, bool masked)
{
	if (heap_find(w->b->h, value) == OBJ_NONE)
		return true;
	if (addr - w->from >= w->to - w->from && !global_enter(w, addr, section_end))
		return false;
	if (!masked)
		newest(w->b)->flags |= ROOT_F_CONSERVATIVE;
	return root_edge_add(w->b, value, addr - w->from);
}

/* One section under its mask. */
static bool section_walk(struct globals_walk *w, const struct variables *v, word_fn *fn)
{
	struct heap *h = w->b->h;
	const struct proc *p = h->proc;
	uint64_t words = v->end > v->addr ? (v->end - v->addr) / p->word : 0;
	if (v->mask && v->nbits < words)
		words = v->nbits;
	w->at = 0;
	w->from = w->to = 0;
	for (uint64_t i = 0; i < words; i++) {
		uint64_t addr = v->addr + i * p->word, avail, value;
		if (v->mask && !bit_get(v->mask, i)) {
			if (!v->mask[i >> 6])
				i |= 63;
			continue;
		}
		const uint8_t *d = proc_view(p, addr, &avail);
		if (!d || avail < p->word) {
			diag_add(h->diag, HC_SEV_WARNING, "package variables at %#" PRIx64 " are not in the snapshot: what they keep "
			         "alive counts as garbage", addr);
			i |= 511; /* on to the next page or so */
			continue;
		}
		value = load_uint(d, p->word, p->be);
		if (value && !fn(w, addr, value, v->end, v->mask != NULL))
			return false;
	}
	return true;
}

bool core_variables(const struct heap *h, size_t i, struct variables *ret)
{
	if (i / 2 >= h->prog->nmodules)
		return false;
	const struct module *m = &h->prog->modules[i / 2];
	bool bss = i & 1;
	ret->addr = bss ? m->bss : m->data;
	ret->end = bss ? m->ebss : m->edata;
	ret->mask = program_datamask(h->prog, m, bss, &ret->nbits);
	if (!ret->mask && ret->end > ret->addr)
		diag_add(h->diag, HC_SEV_WARNING, "the pointer mask of package variables at %#" PRIx64 " is not in the snapshot: "
		         "every word counts as a pointer", ret->addr);
	return true;
}

static bool sections_walk(struct globals_walk *w, word_fn *fn)
{
	bool ok = true;
	for (size_t i = 0; ok && i < w->sections.len; i++)
		ok = section_walk(w, &w->sections.data[i], fn);
	return ok;
}

static struct hc_error *global_roots(struct root_builder *b, uint32_t group)
{
	struct globals_walk w = {.b = b, .group = group};
	struct variables v;
	bool ok = true;
	for (size_t i = 0; ok && b->h->priv->source->variables(b->h, i, &v); i++)
		ok = vec_push(&w.sections, v);
	ok = ok && sections_walk(&w, note_static);
	if (w.statics.len)
		qsort(w.statics.data, w.statics.len, sizeof(*w.statics.data), by_target);
	ok = ok && sections_walk(&w, note_root);
	vec_free(&w.sections);
	vec_free(&w.statics);
	strtab_free(&w.packages);
	vec_free(&w.package_root);
	return ok ? NULL : err_nomem();
}

/* ---- specials ---- */

static bool special_root(struct root_builder *b, enum root_kind kind, uint32_t group, const char *name,
                         const struct special *s)
{
	if (root_add(b, kind, group, name) == UINT32_MAX)
		return false;
	newest(b)->object = s->object;
	return true;
}

/*
 * What a finalizer keeps of its object: everything the object points to, though not the object itself. While the object
 * is alive this adds nothing, and would hide from the user that the object owns what it points to; hence a root of its
 * own, which the graph ignores for live objects.
 */
static bool finalizer_contents(struct root_builder *b, uint32_t group, const struct special *s)
{
	struct ptr_scan *scan = malloc(sizeof(*scan));
	if (!scan || !special_root(b, ROOT_FINALIZER, group, "object with a finalizer", s)) {
		free(scan);
		return false;
	}
	newest(b)->flags |= ROOT_F_IF_DEAD;
	bool ok = true;
	heap_scan_begin(scan, b->h, heap_span_of(b->h, s->object), s->object, s->object + 1);
	while (ok && heap_scan_next(scan))
		for (uint32_t i = 0; ok && i < scan->n; i++)
			ok = root_edge_add(b, scan->value[i], (uint64_t)scan->offset[i] * b->h->word);
	free(scan);
	return ok;
}

static struct hc_error *special_roots(struct root_builder *b, uint32_t fin, uint32_t clean, uint32_t weak)
{
	struct heap *h = b->h;
	uint32_t finalized = OBJ_NONE; /* an object has one finalizer: damage must not have its contents walked time and again */
	for (uint32_t i = 0; i < h->nspecials; i++) {
		const struct special *s = &h->specials[i];
		bool ok = true;
		switch ((enum special_kind)s->kind) {
		case SPECIAL_FINALIZER:
			ok = special_root(b, ROOT_FINALIZER, fin, "finalizer", s) && root_edge_add(b, s->fn, 0) &&
			     (s->object == finalized || finalizer_contents(b, fin, s));
			finalized = s->object;
			break;
		case SPECIAL_CLEANUP:
			ok = special_root(b, ROOT_CLEANUP, clean, "cleanup", s) && root_edge_add(b, s->fn, 0) &&
			     root_edge_add(b, s->arg, 8);
			break;
		case SPECIAL_WEAK:
			ok = special_root(b, ROOT_WEAKHANDLE, weak, "weak handle", s) && root_edge_add(b, s->arg, 0);
			break;
		case SPECIAL_PROFILE:
		case SPECIAL_PIN:
		case SPECIAL_OTHER:
			break;
		}
		if (!ok)
			return err_nomem();
	}
	return NULL;
}

/* ---- queues ---- */

/* Consecutive pointer words of a queue entry, as edges of the newest root. */
static bool words_add(struct root_builder *b, uint64_t addr, unsigned nwords)
{
	for (unsigned i = 0; i < nwords; i++) {
		uint64_t v;
		if (proc_word(b->h->proc, addr + i * b->h->word, &v) && !root_edge_add(b, v, (uint64_t)i * b->h->word))
			return false;
	}
	return true;
}

static struct hc_error *queue_walk(struct root_builder *b, uint32_t group, uint64_t block, const struct queue_shape *q)
{
	struct heap *h = b->h;
	const struct layout *l = &h->types->layout;
	for (uint64_t budget = h->proc->blob->size / 256 + 1; block && budget; budget--) {
		uint64_t n, next;
		if (!layout_read(l, h->proc, block, q->count, &n) || !layout_read(l, h->proc, block, q->alllink, &next) ||
		    n > q->max) {
			diag_add(h->diag, HC_SEV_WARNING, "the %s at %#" PRIx64 " is damaged or not in the snapshot: what it keeps alive "
			         "counts as garbage", q->what, block);
			return NULL;
		}
		for (uint64_t i = 0; i < n; i++) {
			uint64_t at = layout_addr(l, block, q->entries) + i * q->stride;
			if (root_add(b, q->kind, group, q->what) == UINT32_MAX)
				return err_nomem();
			newest(b)->addr = at;
			newest(b)->size = q->entry_words * h->word;
			if (!words_add(b, at, (unsigned)q->entry_words))
				return err_nomem();
		}
		block = next;
	}
	return NULL;
}

/* The first block of a queue: the variable's value (at `offset` in it) where it has a name, else by its looks. */
static uint64_t queue_head(const struct heap *h, const char *variable, uint64_t offset, const struct queue_shape *q)
{
	uint64_t block = 0, at = types_global_addr(h->types, variable);
	if (!at)
		return anchor_queue(h, q);
	return proc_word(h->proc, at + offset, &block) ? block : 0;
}

struct hc_error *core_queue_roots(struct root_builder *b, uint32_t fin, uint32_t clean)
{
	const struct heap *h = b->h;
	const struct layout *l = &h->types->layout;
	uint64_t word = h->word;
	/* finalizer {fn, arg, nret, fint, ot}: nret is a number, which is no object's address. */
	const struct queue_shape finq = {"queued finalizer", ROOT_FINQUEUE, L_FINBLK_ALLLINK, L_FINBLK_CNT, L_FINBLK_FIN, 5,
	                                 5 * word, 0, 4 * word, 4096 / (5 * word)};
	struct hc_error *err = queue_walk(b, fin, queue_head(h, "runtime.allfin", 0, &finq), &finq);
	if (err || !layout_has(l, L_CLEANQ_ALL)) /* 1.24 and before have no queue of cleanups */
		return err;
	bool triple = layout_has(l, L_CLEANFN_CALL); /* 1.26: {call, fn, arg}; 1.25: *funcval */
	uint64_t words = triple ? 3 : 1;
	const struct queue_shape cleanq = {"queued cleanup", ROOT_CLEANUP, L_CLEANHDR_ALLLINK, L_CLEANHDR_N,
	                                   L_CLEANBLK_CLEANUPS, words, words * word, triple ? word : 0, 0, 512 / (words * word)};
	return queue_walk(b, clean, queue_head(h, "runtime.gcCleanups", (uint64_t)l->f[L_CLEANQ_ALL].off, &cleanq), &cleanq);
}

struct hc_error *heap_load_roots(struct heap *h)
{
	struct root_builder b = {.h = h};
	struct hc_error *err = NULL;
	static const char *const names[] = {"(globals)", "(stacks)", "(finalizers)", "(cleanups)", "(weak handles)"};
	enum { GLOBALS, STACKS, FINALIZERS, CLEANUPS, WEAK, NGROUPS };
	uint32_t group[NGROUPS];
	if (root_add(&b, ROOT_ALL, 0, "(roots)") == UINT32_MAX)
		err = err_nomem();
	for (int i = 0; !err && i < NGROUPS; i++) {
		group[i] = root_add(&b, ROOT_GROUP, 0, names[i]);
		if (group[i] == UINT32_MAX)
			err = err_nomem();
	}
	if (!err)
		err = global_roots(&b, group[GLOBALS]);
	if (!err)
		err = h->priv->source->stack_roots(&b, group[STACKS]);
	if (!err)
		err = h->priv->source->queue_roots(&b, group[FINALIZERS], group[CLEANUPS]);
	if (!err)
		err = special_roots(&b, group[FINALIZERS], group[CLEANUPS], group[WEAK]);
	if (err) {
		vec_free(&b.roots);
		vec_free(&b.edges);
		return err;
	}
	h->roots = b.roots.data;
	h->nroots = (uint32_t)b.roots.len;
	h->root_edges = b.edges.data;
	h->nroot_edges = b.edges.len;
	return NULL;
}
