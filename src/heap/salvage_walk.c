/* SPDX-License-Identifier: MIT */
/* Typed pointers, from package variables and live variables of frames on, to every object that they lead to. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "heap/priv.h"
#include "heap/salvage.h"
#include "heap/stack.h"

enum {
	LEAVES_MAX = 1 << 16, /* of one type: what an array of arrays has beyond that is left out */
	ALL_LEAVES_MAX = 1 << 22,
	NESTING_MAX = 256,
};

void salvage_free(struct salvage *s)
{
	vec_free(&s->objects);
	map_free(&s->by_addr);
	vec_free(&s->todo);
	vec_free(&s->leaves);
	vec_free(&s->leaves_of);
	map_free(&s->by_type);
	vec_free(&s->spans);
	vec_free(&s->stacks);
}

static const struct type *type_of(const struct salvage *s, uint32_t id)
{
	return id < s->h->types->n ? &s->h->types->t[id] : NULL;
}

/* ---- what a type is made of ---- */

struct part {
	uint64_t offset, left; /* of an array: elements still to come */
	uint32_t type;
};

/* atomic.Pointer[T] keeps an unsafe.Pointer behind a [0]*T that says what it points to. */
static uint32_t field_type(const struct salvage *s, const struct type *t, uint32_t i)
{
	const struct type *f = type_of(s, t->fields[i].type), *mark = t->nfields ? type_of(s, t->fields[0].type) : NULL;
	if (f && f->kind == KIND_UNSAFEPTR && mark && mark->kind == KIND_ARRAY && mark->count == 0) {
		const struct type *to = type_of(s, mark->elem);
		return to && to->kind == KIND_PTR ? mark->elem : t->fields[i].type;
	}
	return t->fields[i].type;
}

/* A pointer that the collector takes no notice of. */
static bool outside(const struct salvage *s, const struct type *t)
{
	const struct type *to = t->kind == KIND_PTR ? type_of(s, t->elem) : NULL;
	return to && to->flags & TYPE_F_NOTINHEAP;
}

static bool flatten(struct salvage *s, uint32_t type)
{
	VEC(struct part) stack = {0};
	size_t first = s->leaves.len;
	struct part top = {0, 1, type};
	bool ok = vec_push(&stack, top);
	while (ok && stack.len && s->leaves.len - first < LEAVES_MAX && s->leaves.len < ALL_LEAVES_MAX) {
		struct part *p = &stack.data[stack.len - 1];
		const struct type *t = type_of(s, p->type);
		if (!p->left || !t || t->flags & TYPE_F_NOTINHEAP) {
			stack.len--;
			continue;
		}
		struct part at = *p;
		p->left--;
		p->offset += t->size;
		if (t->kind == KIND_ARRAY) {
			struct part elems = {at.offset, t->count, t->elem};
			const struct type *e = type_of(s, t->elem);
			if (stack.len < NESTING_MAX && e && e->size && e->ptr_words)
				ok = vec_push(&stack, elems);
		} else if (t->kind == KIND_STRUCT) {
			for (uint32_t i = t->nfields; ok && i-- > 0 && stack.len < NESTING_MAX + t->nfields;) {
				struct part f = {at.offset + t->fields[i].offset, 1, field_type(s, t, i)};
				ok = vec_push(&stack, f);
			}
		} else if (t->kind >= KIND_CHAN && t->kind <= KIND_UNSAFEPTR && !outside(s, t)) {
			struct leaf l = {at.offset, at.type};
			ok = vec_push(&s->leaves, l);
		}
	}
	vec_free(&stack);
	return ok;
}

bool salvage_leaves(struct salvage *s, uint32_t type, struct leaves *ret)
{
	uint32_t i;
	if (!map_get(&s->by_type, type, &i)) {
		struct leaves l = {(uint32_t)s->leaves.len, 0};
		if (!flatten(s, type))
			return false;
		l.n = (uint32_t)s->leaves.len - l.first;
		i = (uint32_t)s->leaves_of.len;
		if (!vec_push(&s->leaves_of, l) || !map_put(&s->by_type, type, i))
			return false;
	}
	*ret = s->leaves_of.data[i];
	return true;
}

/* ---- objects ---- */

static int by_start(const void *ap, const void *bp)
{
	const struct known_range *a = ap, *b = bp;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Where the heap may be: between the first and the last chunk of the page allocator, but not on stacks. */
static bool ranges_load(struct salvage *s)
{
	enum { CHUNK_SHIFT = 22 };
	struct heap *h = s->h;
	const struct layout *l = &h->types->layout;
	uint64_t offset = h->proc->arch == ARCH_AMD64 ? UINT64_C(0xffff800000000000) : 0, start, end;
	/* mpagealloc.go: start, end chunkIdx lie in front of inUse. */
	uint64_t at = layout_addr(l, layout_addr(l, h->priv->mheap, L_MHEAP_PAGES), L_PAGES_INUSE) - 2u * h->word;
	s->heap_lo = s->heap_hi = 0;
	if (h->word == 8 && layout_has(l, L_MHEAP_PAGES) && proc_word(h->proc, at, &start) &&
	    proc_word(h->proc, at + 8, &end) && start < end && end < UINT64_C(1) << (ADDR_BITS - CHUNK_SHIFT)) {
		s->heap_lo = (start << CHUNK_SHIFT) + offset;
		s->heap_hi = (end << CHUNK_SHIFT) + offset;
	}
	for (uint32_t i = 0; i < h->ngoroutines; i++) {
		struct known_range r = {h->goroutines[i].stack_lo, h->goroutines[i].stack_hi};
		if (r.start < r.end && !vec_push(&s->stacks, r))
			return false;
	}
	if (s->stacks.len)
		qsort(s->stacks.data, s->stacks.len, sizeof(*s->stacks.data), by_start);
	return true;
}

static bool on_stack(const struct salvage *s, uint64_t addr)
{
	size_t lo = 0, hi = s->stacks.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->stacks.data[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < s->stacks.data[lo - 1].end;
}

/* Can an object of the Go heap be there? Its bytes need not be in the snapshot, but must have been mapped. */
static bool in_heap(struct salvage *s, uint64_t addr, uint64_t size)
{
	if (addr < s->heap_lo || addr >= s->heap_hi || size > s->heap_hi - addr || on_stack(s, addr))
		return false;
	for (uint64_t at = addr, end = addr + size; at < end;) {
		const struct segment *seg = proc_segment(s->h->proc, at);
		if (!seg || !(seg->flags & PF_W) || !s->budget)
			return false;
		s->budget--;
		at = seg->addr + seg->size;
	}
	return true;
}

/* What points to addr says that there are `count` values of a type; the largest such claim counts. */
static bool claim(struct salvage *s, uint64_t addr, uint32_t type, uint64_t count)
{
	const struct type *t = type_of(s, type);
	struct found f = {.addr = addr, .type = type, .count = count};
	struct leaves l;
	uint32_t i;
	if (!t || t->flags & (TYPE_F_NOTINHEAP | TYPE_F_OPAQUE) || !ckd_mul(t->size, count, &f.size) || !f.size ||
	    !in_heap(s, addr, f.size))
		return true;
	if (!salvage_leaves(s, type, &l))
		return false;
	f.scan = l.n;
	if (map_get(&s->by_addr, addr, &i)) {
		if (s->objects.data[i].size >= f.size)
			return true;
		s->objects.data[i] = f;
	} else {
		i = (uint32_t)s->objects.len;
		if (i == UINT32_MAX || !vec_push(&s->objects, f) || !map_put(&s->by_addr, addr, i))
			return false;
	}
	return !f.scan || vec_push(&s->todo, i);
}

static uint64_t word_at(const struct salvage *s, uint64_t addr)
{
	uint64_t v;
	return proc_word(s->h->proc, addr, &v) ? v : 0;
}

static const struct field *field_named(const struct type *t, const char *name)
{
	for (uint32_t i = 0; t && i < t->nfields; i++)
		if (!strcmp(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

static uint64_t field_value(const struct salvage *s, uint64_t addr, const struct type *t, const char *name)
{
	const struct field *f = field_named(t, name);
	const struct type *ft = f ? type_of(s, f->type) : NULL;
	uint64_t v;
	return ft && ft->size <= 8 && proc_uint(s->h->proc, addr + f->offset, (unsigned)ft->size, &v) ? v : 0;
}

/* What pointer to array a field is; TYPE_NONE when it is not. */
static uint32_t pointee(const struct salvage *s, const struct field *f)
{
	const struct type *t = f ? type_of(s, f->type) : NULL;
	return t && t->kind == KIND_PTR ? t->elem : TYPE_NONE;
}

/* ---- containers whose arrays have no length in their types ---- */

/* map.go before Go 1.24: 2^B buckets, and the old ones while it grows. */
static bool old_map(struct salvage *s, uint64_t addr, const struct type *t)
{
	uint64_t b = field_value(s, addr, t, "B");
	const struct field *now = field_named(t, "buckets"), *old = field_named(t, "oldbuckets");
	return b > 40 || (claim(s, word_at(s, addr + now->offset), pointee(s, now), UINT64_C(1) << b) &&
	                  (!old || claim(s, word_at(s, addr + old->offset), pointee(s, old), UINT64_C(1) << (b ? b - 1 : 0))));
}

/* internal/runtime/maps: a directory of tables, each with groups; a small map has one group only. */
static bool swiss_table(struct salvage *s, uint64_t addr, const struct type *t)
{
	const struct field *groups = field_named(t, "groups");
	const struct type *g = groups ? type_of(s, groups->type) : NULL;
	const struct field *data = field_named(g, "data");
	uint64_t mask = groups ? field_value(s, addr + groups->offset, g, "lengthMask") : 0;
	return !data || mask > UINT64_C(1) << 40 ||
	       claim(s, word_at(s, addr + groups->offset + data->offset), pointee(s, data), mask + 1);
}

static bool swiss_map(struct salvage *s, uint64_t addr, const struct type *t)
{
	const struct field *dir = field_named(t, "dirPtr");
	uint32_t tables = pointee(s, dir);
	const struct type *p = type_of(s, tables), *table = p && p->kind == KIND_PTR ? type_of(s, p->elem) : NULL;
	const struct field *groups = field_named(table, "groups");
	uint64_t len = field_value(s, addr, t, "dirLen"), at = word_at(s, addr + dir->offset);
	if (!groups || len > UINT64_C(1) << 40)
		return true;
	if (!len)
		return claim(s, at, pointee(s, field_named(type_of(s, groups->type), "data")), 1);
	return claim(s, at, tables, len);
}

/* chan.go: where elements have no pointers, the buffer lies behind the header, and there are none in that either. */
static bool channel(struct salvage *s, uint64_t addr, uint32_t type, uint32_t elem)
{
	const struct type *t = type_of(s, type), *e = type_of(s, elem);
	const struct field *buf = field_named(t, "buf");
	uint64_t n = field_value(s, addr, t, "dataqsiz"), at = buf ? word_at(s, addr + buf->offset) : 0;
	uint32_t i;
	uint64_t extra;
	if (at - addr > t->size)
		return claim(s, at, elem, n);
	if (!map_get(&s->by_addr, addr, &i))
		return true;
	s->objects.data[i].scan = false;
	if (e && ckd_mul(n, e->size, &extra) && in_heap(s, addr, t->size + extra))
		s->objects.data[i].size = t->size + extra;
	return true;
}

/* ---- values ---- */

static bool closure(struct salvage *s, uint64_t addr)
{
	enum { MAX_CAPTURED = 256 };
	struct captured c[MAX_CAPTURED];
	struct heap *h = s->h;
	uint64_t size = h->word;
	if (!in_heap(s, addr, size) || !h->types->dwarf)
		return true;
	size_t n = dwarf_captured(h->types->dwarf, h->types, word_at(s, addr), c, MAX_CAPTURED);
	uint32_t i, type = types_by_name(h->types, "uintptr");
	if (!n) /* one that captures nothing is not in the heap, of others nothing is known */
		return true;
	if (!claim(s, addr, type, 1))
		return false;
	for (size_t k = 0; k < n; k++) {
		const struct type *t = type_of(s, c[k].type);
		bool by_ref = c[k].name[0] == '&';
		uint64_t end = c[k].offset + (by_ref ? h->word : t ? t->size : 0);
		size = end > size ? end : size;
	}
	if (!map_get(&s->by_addr, addr, &i) || !in_heap(s, addr, size) || s->objects.data[i].size >= size)
		return true;
	s->objects.data[i].size = size;
	s->objects.data[i].scan = n;
	for (size_t k = 0; k < n; k++) {
		struct leaves l;
		if (c[k].name[0] == '&') {
			if (!claim(s, word_at(s, addr + c[k].offset), c[k].type, 1))
				return false;
		} else if (!salvage_leaves(s, c[k].type, &l)) {
			return false;
		} else if (l.n) {
			/* As an object of its own inside of this one: walked later, then found to be contained. */
			if (!claim(s, addr + c[k].offset, c[k].type, 1))
				return false;
		}
	}
	return true;
}

static bool interface(struct salvage *s, uint64_t addr, bool eface);

static bool value(struct salvage *s, uint64_t addr, uint32_t type)
{
	const struct type *t = type_of(s, type);
	uint64_t v = word_at(s, addr);
	if (!v || !t)
		return true;
	switch (t->kind) {
	case KIND_PTR: return claim(s, v, t->elem, 1);
	case KIND_SLICE: return claim(s, v, t->elem, word_at(s, addr + 2u * s->h->word));
	case KIND_STRING: return claim(s, v, types_by_name(s->h->types, "uint8"), word_at(s, addr + s->h->word));
	case KIND_MAP: return claim(s, v, t->storage, 1);
	case KIND_CHAN: {
		uint32_t storage = t->storage, elem = t->elem;
		return claim(s, v, storage, 1) && (!in_heap(s, v, 1) || storage == TYPE_NONE || channel(s, v, storage, elem));
	}
	case KIND_FUNC: return closure(s, v);
	case KIND_INTERFACE: return interface(s, addr, t->flags & TYPE_F_EFACE);
	default: return true;
	}
}

/* The type word says what the data word leads to, or is. */
static bool interface(struct salvage *s, uint64_t addr, bool eface)
{
	uint64_t rtype = word_at(s, addr), data = addr + s->h->word;
	if (!eface)
		rtype = word_at(s, rtype + s->h->word); /* itab._type */
	uint32_t id = rtype ? types_by_rtype(s->h->types, rtype) : TYPE_NONE;
	const struct type *t = type_of(s, id);
	if (!t)
		return true;
	if (!(t->flags & TYPE_F_DIRECT))
		return claim(s, word_at(s, data), id, 1);
	/* A pointer-shaped value: a pointer, or a struct or array around one. */
	struct leaves l;
	if (!salvage_leaves(s, id, &l))
		return false;
	uint32_t leaf = l.n == 1 ? s->leaves.data[l.first].type : TYPE_NONE;
	const struct type *lt = type_of(s, leaf);
	return !lt || lt->kind == KIND_INTERFACE || value(s, data, leaf);
}

static bool is_map(const struct type *t, const char *field)
{
	return t->kind == KIND_STRUCT && field_named(t, field) &&
	       (t->flags & (TYPE_F_RUNTIME | TYPE_F_SYNTHETIC) || strchr(t->name, '<'));
}

/* One value in memory; `only`: the word of it that counts, UINT64_MAX for all. */
static bool region(struct salvage *s, uint64_t addr, uint32_t type, uint64_t only)
{
	const struct type *t = type_of(s, type);
	struct leaves l;
	if (!salvage_leaves(s, type, &l))
		return false;
	if (is_map(t, "oldbuckets") && field_named(t, "buckets"))
		return old_map(s, addr, t);
	if (is_map(t, "dirPtr") && !swiss_map(s, addr, t))
		return false;
	if (is_map(type_of(s, type), "groups") && !swiss_table(s, addr, type_of(s, type)))
		return false;
	for (uint32_t i = 0; i < l.n; i++) {
		struct leaf leaf = s->leaves.data[l.first + i];
		if (!s->budget)
			return true;
		s->budget--;
		bool second = type_of(s, leaf.type)->kind == KIND_INTERFACE && only - s->h->word == addr + leaf.offset;
		if ((only == UINT64_MAX || only == addr + leaf.offset || second) && !value(s, addr + leaf.offset, leaf.type))
			return false;
	}
	return true;
}

/* ---- where it begins ---- */

static bool frame_seeds(struct salvage *s, const struct frame *f)
{
	struct heap *h = s->h;
	struct site *site = NULL;
	if (!f->func->mod || f->dead)
		return true;
	if (!site_get(h, f->pc, &site))
		return false;
	const struct stack_map *m = site ? stack_map_get(h, site, f) : NULL;
	for (uint32_t i = 0; m && i < m->nslots; i++) {
		const struct frame_var *v = frame_var_at(h, site, f, m->slots[i]);
		if (!v)
			return false;
		uint64_t cfa = frame_cfa(f);
		if (v->type != TYPE_NONE && v->from == v->base &&
		    !region(s, cfa + (uint64_t)v->base, v->type, cfa + (uint64_t)(int64_t)m->slots[i]))
			return false;
	}
	return !site || m;
}

struct hc_error *salvage_walk(struct salvage *s)
{
	struct heap *h = s->h;
	struct hc_error *err = heap_load_goroutines(h);
	if (err)
		return err;
	bool ok = true;
	if (!ranges_load(s))
		return err_nomem();
	s->budget = proc_bytes(h->proc) + 4096; /* each byte is the start of few values */
	uint32_t g = types_by_name(h->types, "runtime.g");
	for (size_t i = 0; ok && i < h->types->nglobals; i++)
		ok = h->types->globals[i].type == TYPE_NONE ||
			region(s, h->types->globals[i].addr, h->types->globals[i].type, UINT64_MAX);
	for (uint32_t i = 0; ok && i < h->ngoroutines; i++)
		ok = claim(s, h->goroutines[i].addr, g, 1);
	for (uint32_t i = 0; ok && i < h->nframes; i++)
		ok = frame_seeds(s, &h->frames[i]);
	while (ok && s->todo.len) {
		uint32_t at = s->todo.data[--s->todo.len];
		struct found f = s->objects.data[at];
		const struct type *t = type_of(s, f.type);
		uint64_t size = t ? t->size : 0;
		for (uint64_t i = 0; ok && i < f.count && s->budget; i++)
			ok = region(s, f.addr + i * size, f.type, UINT64_MAX);
	}
	return ok ? NULL : err_nomem();
}
