/* SPDX-License-Identifier: MIT */
/*
 * Builds a fake snapshot (fakesnap.h) piece by piece: types, objects with contents and references, roots. Everything is
 * kept until fb_teardown(), which tests name as theirs. Failures abort: tests do not recover.
 */
#ifndef TESTS_FAKEBUILD_H
#define TESTS_FAKEBUILD_H

#include "tests/support/fakesnap.h"

#define FB_HEAP UINT64_C(0xc000000000)

struct fb_edges {
	struct hc_edge *e;
	uint32_t n;
};

struct fb {
	struct hc_snapshot s;
	const struct hc_type **types;
	struct hc_class *classes;
	struct fake_object *objects;
	struct fake_content *contents;
	struct fb_edges *edges, *root_edges;
	uint8_t **bytes;
	struct hc_root *roots;
	struct fake_memory *memory;
	uint64_t next_addr;
};

/* All memory, newest first. */
static union fb_block {
	union fb_block *next;
	max_align_t align;
} *fb_blocks;

static inline void *fb_zero(size_t size)
{
	union fb_block *p = calloc(1, sizeof(*p) + size + 1);
	if (!p)
		abort();
	p->next = fb_blocks;
	fb_blocks = p;
	return p + 1;
}

static inline int fb_teardown(void **state)
{
	(void)state;
	while (fb_blocks) {
		union fb_block *next = fb_blocks->next;
		free(fb_blocks);
		fb_blocks = next;
	}
	return 0;
}

/* Room for one more than n. */
static inline void *fb_grow(void *p, size_t n, size_t size)
{
	if (n & (n - 1))
		return p;
	void *more = fb_zero((n ? 2 * n : 1) * size);
	if (n)
		memcpy(more, p, n * size);
	return more;
}

/* ---- types ---- */

static inline struct hc_type *fb_type(struct fb *b, const char *name, enum hc_kind kind, uint64_t size,
                                      const struct hc_type *elem)
{
	struct hc_type *t = fb_zero(sizeof(*t));
	*t = (struct hc_type){.name = name, .package = "", .kind = kind, .size = size, .elem = elem};
	b->types = fb_grow(b->types, b->s.ntypes, sizeof(*b->types));
	b->types[b->s.ntypes++] = t;
	b->s.types = b->types;
	return t;
}

static inline struct hc_type *fb_array(struct fb *b, const char *name, const struct hc_type *elem, uint64_t len)
{
	struct hc_type *t = fb_type(b, name, HC_KIND_ARRAY, elem->size * len, elem);
	t->len = len;
	return t;
}

/* Fields in order; offsets follow from the sizes, aligned to min(size, 8). */
static inline void fb_field(struct hc_type *t, const char *name, const struct hc_type *type)
{
	struct hc_field *fields = fb_zero((t->nfields + 1) * sizeof(*fields));
	uint64_t align = type->size >= 8 ? 8 : type->size ? type->size : 1, at = 0;
	if (t->nfields) {
		memcpy(fields, t->fields, t->nfields * sizeof(*fields));
		at = fields[t->nfields - 1].offset + fields[t->nfields - 1].type->size;
	}
	fields[t->nfields++] = (struct hc_field){name, type, (at + align - 1) / align * align, false};
	t->fields = fields;
	uint64_t end = fields[t->nfields - 1].offset + type->size;
	if (t->size < end)
		t->size = (end + 7) / 8 * 8;
}

static inline struct hc_type *fb_struct(struct fb *b, const char *name)
{
	return fb_type(b, name, HC_KIND_STRUCT, 0, NULL);
}

static inline uint32_t fb_class(struct fb *b, const char *name, const struct hc_type *t, bool array, bool string)
{
	b->classes = fb_grow(b->classes, b->s.nclasses, sizeof(*b->classes));
	b->classes[b->s.nclasses] = (struct hc_class){name, "", t, array, string};
	b->s.classes = b->classes;
	return b->s.nclasses++;
}

/* ---- objects ---- */

/* An object at the next address, with zeroed bytes. flags: HC_OBJ_* besides LIVE, ARRAY, NOSCAN. */
static inline uint32_t fb_object(struct fb *b, uint32_t class, uint64_t slot, uint64_t used, unsigned flags)
{
	uint32_t n = b->s.nobjects;
	if (!b->next_addr)
		b->next_addr = FB_HEAP;
	b->objects = fb_grow(b->objects, n, sizeof(*b->objects));
	b->contents = fb_grow(b->contents, n, sizeof(*b->contents));
	b->edges = fb_grow(b->edges, n, sizeof(*b->edges));
	b->bytes = fb_grow(b->bytes, n, sizeof(*b->bytes));
	b->objects[n] = (struct fake_object){.class = class, .slot = slot, .used = used, .dominator = FAKE_ROOT(0)};
	b->bytes[n] = used < 1 << 26 ? fb_zero(used) : NULL;
	b->contents[n] = (struct fake_content){.addr = b->next_addr, .flags = flags, .bytes = b->bytes[n]};
	b->edges[n] = (struct fb_edges){NULL, 0};
	b->next_addr += slot;
	b->s.objects = b->objects;
	b->s.contents = b->contents;
	return b->s.nobjects++;
}

static inline uint64_t fb_addr(const struct fb *b, uint32_t object)
{
	return b->contents[object].addr;
}

static inline void fb_put(struct fb *b, uint32_t object, uint64_t offset, const void *data, size_t n)
{
	memcpy(b->bytes[object] + offset, data, n);
}

static inline void fb_word(struct fb *b, uint32_t object, uint64_t offset, uint64_t v)
{
	fb_put(b, object, offset, &v, 8);
}

static inline void fb_edge(struct fb_edges *at, uint32_t target, uint64_t offset)
{
	at->e = fb_grow(at->e, at->n, sizeof(*at->e));
	at->e[at->n++] = (struct hc_edge){target, offset};
}

/* A pointer; offsets of one object in order. */
static inline void fb_link(struct fb *b, uint32_t from, uint64_t offset, uint32_t to, uint64_t into)
{
	if (b->bytes[from])
		fb_word(b, from, offset, fb_addr(b, to) + into);
	fb_edge(&b->edges[from], to, offset);
	b->objects[from].pointers++;
}

/* ---- roots ---- */

static inline uint32_t fb_root(struct fb *b, uint32_t parent, enum hc_root_kind kind, const char *name,
                               const struct hc_type *t, uint64_t addr, uint64_t size)
{
	uint32_t n = b->s.nroots;
	b->roots = fb_grow(b->roots, n, sizeof(*b->roots));
	b->root_edges = fb_grow(b->root_edges, n, sizeof(*b->root_edges));
	b->roots[n] = (struct hc_root){.parent = FAKE_ROOT(parent), .kind = kind, .name = name, .type = t, .addr = addr,
	                               .size = size, .goroutine = HC_NO_INDEX, .frame = HC_NO_INDEX};
	b->root_edges[n] = (struct fb_edges){NULL, 0};
	b->s.roots = b->roots;
	return b->s.nroots++;
}

static inline void fb_memory(struct fb *b, uint64_t addr, const void *bytes, uint64_t size)
{
	b->memory = fb_grow(b->memory, b->s.nmemory, sizeof(*b->memory));
	b->memory[b->s.nmemory++] = (struct fake_memory){addr, size, bytes};
	b->s.memory = b->memory;
}

/* To be called once, when everything is there. */
static inline const struct hc_snapshot *fb_finish(struct fb *b)
{
	struct fake_root_edges *edges = fb_zero(b->s.nroots * sizeof(*edges));
	for (uint32_t i = 0; i < b->s.nobjects; i++) {
		b->contents[i].edges = b->edges[i].e;
		b->contents[i].nedges = b->edges[i].n;
	}
	for (uint32_t i = 0; i < b->s.nroots; i++)
		edges[i] = (struct fake_root_edges){b->root_edges[i].e, b->root_edges[i].n};
	b->s.root_edges = edges;
	fake_finish(&b->s);
	size_t n = (size_t)b->s.nobjects + b->s.nroots + 1;
	uint64_t *retained = b->s.retained;
	b->s.retained = memcpy(fb_zero(n * sizeof(*retained)), retained, n * sizeof(*retained));
	free(retained);
	return &b->s;
}

#endif
