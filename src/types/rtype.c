/* SPDX-License-Identifier: MIT */
/*
 * Types made from the runtime's own descriptors (internal/abi/type.go), for what DWARF does not know: stripped programs,
 * types that reflect made, plugins. A type pulls in all types that it is made of; they are discovered first, named
 * (rtype_name.c), and then added.
 */
#include <stdlib.h>

#include "base/ckd.h"
#include "types/rtype.h"

enum {
	KIND_GCPROG = 0x40,  /* bits of the kind byte until Go 1.23 and 1.25 */
	KIND_DIRECT = 0x20,
	KIND_MASK = 0x1f,
	MAX_NAME = 1 << 16
};
/* Larger than any address space: a size beyond it is no size. */
#define MAX_SIZE (UINT64_C(1) << 48)

/* ---- reading ---- */

/* Sizes that a kind dictates: bytes, or words where negative; 0 = any. */
static const int8_t kind_size[] = {
	[KIND_BOOL] = 1, [KIND_INT] = -1, [KIND_INT8] = 1, [KIND_INT16] = 2, [KIND_INT32] = 4, [KIND_INT64] = 8,
	[KIND_UINT] = -1, [KIND_UINT8] = 1, [KIND_UINT16] = 2, [KIND_UINT32] = 4, [KIND_UINT64] = 8,
	[KIND_UINTPTR] = -1, [KIND_FLOAT32] = 4, [KIND_FLOAT64] = 8, [KIND_COMPLEX64] = 8, [KIND_COMPLEX128] = 16,
	[KIND_CHAN] = -1, [KIND_FUNC] = -1, [KIND_INTERFACE] = -2, [KIND_MAP] = -1, [KIND_PTR] = -1, [KIND_SLICE] = -3,
	[KIND_STRING] = -2, [KIND_UNSAFEPTR] = -1,
};

static bool power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

bool rtype_read(const struct program *g, uint64_t addr, struct rtype *ret)
{
	const struct proc *p = g->proc;
	unsigned w = p->word;
	uint8_t d[48];
	size_t size = 4 * (size_t)w + 16;
	if (addr % w || !proc_read(p, addr, d, size))
		return false;
	struct rtype r = {.addr = addr, .size = load_uint(d, p->word, p->be), .ptrdata = load_uint(d + w, p->word, p->be),
	                  .gcdata = load_uint(d + 3 * w + 8, p->word, p->be), .tail = addr + size,
	                  .mod = program_module_of_type(g, addr), .str = (int32_t)load32(d + 4 * w + 8, p->be)};
	uint32_t hash = load32(d + 2 * w, p->be);
	uint8_t kind = d[2 * w + 7], align = d[2 * w + 5], fieldalign = d[2 * w + 6];
	r.tflag = d[2 * w + 4];
	r.kind = g->minor <= 25 ? kind & KIND_MASK : kind;
	r.gcprog = g->minor <= 23 && (kind & KIND_GCPROG);
	r.direct = g->minor <= 25 ? (kind & KIND_DIRECT) != 0 : (r.tflag & TFLAG_DIRECT) != 0;
	if (r.size > MAX_SIZE || r.ptrdata > r.size || r.ptrdata % w || (r.ptrdata && !r.gcdata))
		return false;
	/*
	 * Since Go 1.22 the allocator makes descriptors of nothing but a size and a mask: for user arenas, and until 1.23
	 * for large types with a GC program.
	 */
	if (r.kind == KIND_INVALID) {
		*ret = r;
		return g->minor >= 22 && !r.mod && r.size && r.ptrdata && hash == 0 && r.str == 0;
	}
	if (r.kind > KIND_UNSAFEPTR || !power_of_two(align) || (!power_of_two(fieldalign) && (fieldalign || r.mod)) ||
	    r.size % align)
		return false;
	/* The buckets of maps that reflect makes (until Go 1.23, reflect.bucketOf) say struct, but are no more than a mask. */
	if (!fieldalign)
		r.kind = KIND_INVALID;
	int dictated = kind_size[r.kind];
	if (dictated && r.size != (dictated < 0 ? (uint64_t)-dictated * w : (uint64_t)dictated))
		return false;
	*ret = r;
	return true;
}

bool rtype_fields(const struct program *g, const struct rtype *r, uint64_t *fields, uint64_t *nfields)
{
	const struct proc *p = g->proc;
	uint64_t n, end;
	if (r->kind != KIND_STRUCT || !proc_word(p, r->tail + p->word, fields) ||
	    !proc_word(p, r->tail + 2u * p->word, &n) || n > MAX_SIZE)
		return false;
	*nfields = n;
	return n == 0 || (ckd_add(*fields, n * 3 * p->word, &end) && proc_u8(p, end - 1, &(uint8_t){0}));
}

bool rfield_read(const struct program *g, uint64_t fields, uint64_t i, struct rfield *ret)
{
	const struct proc *p = g->proc;
	uint64_t at = fields + i * 3 * p->word, off;
	if (!proc_word(p, at, &ret->name) || !proc_word(p, at + p->word, &ret->type) ||
	    !proc_word(p, at + 2u * p->word, &off))
		return false;
	/* Until Go 1.18 the lowest bit says embedded. */
	ret->embedded = g->minor <= 18 && (off & 1);
	ret->offset = g->minor <= 18 ? off >> 1 : off;
	return true;
}

bool rtype_array(const struct program *g, const struct rtype *r, uint64_t *elem, uint64_t *len)
{
	const struct proc *p = g->proc;
	return r->kind == KIND_ARRAY && proc_word(p, r->tail, elem) && proc_word(p, r->tail + 2u * p->word, len) &&
	       *len <= MAX_SIZE;
}

bool program_swiss_maps(const struct program *g)
{
	const char *exp = g->proc->build.experiments;
	return g->minor >= 26 || (g->minor >= 24 && !(exp && strstr(exp, "noswissmap")));
}

uint64_t rtype_uncommon(const struct program *g, const struct rtype *r)
{
	/* Words between the common part and the uncommon one. */
	uint64_t words;
	if (!(r->tflag & TFLAG_UNCOMMON))
		return 0;
	switch ((enum kind)r->kind) {
	case KIND_STRUCT:
	case KIND_INTERFACE: words = 4; break;
	case KIND_ARRAY: words = 3; break;
	case KIND_CHAN: words = 2; break;
	case KIND_PTR:
	case KIND_SLICE:
	case KIND_FUNC: words = 1; break;
	case KIND_MAP:
		/* Swiss maps from 1.24, with strides from 1.27; before, four words and eight bytes. */
		words = !program_swiss_maps(g) ? 4 + 8u / g->proc->word : g->minor <= 26 ? 8 : 11;
		break;
	case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16: case KIND_INT32:
	case KIND_INT64: case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32: case KIND_UINT64:
	case KIND_UINTPTR: case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128:
	case KIND_STRING: case KIND_UNSAFEPTR:
	default: words = 0; break;
	}
	return r->tail + words * g->proc->word;
}

/* ---- names and offsets ---- */

static bool uvarint_at(const struct proc *p, uint64_t *addr, uint64_t *ret)
{
	uint64_t v = 0;
	uint8_t b;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!proc_u8(p, (*addr)++, &b))
			return false;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Text behind its length; *addr moves behind it. */
static const char *text_at(const struct program *g, struct arena *a, uint64_t *addr)
{
	uint64_t len;
	if (!uvarint_at(g->proc, addr, &len) || len > MAX_NAME || len / 16 + 1 > g->rtypes->type_budget)
		return NULL;
	g->rtypes->type_budget -= len / 16 + 1;
	char *text = arena_alloc(a, (size_t)len + 1);
	if (!text || !proc_read(g->proc, *addr, text, (size_t)len) || memchr(text, 0, (size_t)len))
		return NULL;
	*addr += len;
	return text;
}

bool rname_read(const struct program *g, struct arena *a, uint64_t addr, struct rname *ret)
{
	uint8_t flags;
	struct rname n = {.tag = ""};
	if (!proc_u8(g->proc, addr++, &flags))
		return false;
	n.text = text_at(g, a, &addr);
	if (n.text && (flags & 2))
		n.tag = text_at(g, a, &addr);
	n.exported = flags & 1;
	n.embedded = flags & 8; /* Go 1.19 */
	*ret = n;
	return n.text && n.tag;
}

uint64_t rtype_off(const struct types *t, const struct rtype *r, int32_t off)
{
	struct rtypes *state = t->prog->rtypes;
	uint32_t at;
	if (off == 0)
		return 0;
	if (r->mod)
		return off > 0 && (uint64_t)off < r->mod->etypes - r->mod->types ? r->mod->types + (uint64_t)off : 0;
	if (!state->offs_loaded) {
		state->offs_loaded = true;
		reflectoffs_load(t);
	}
	return map_get(&state->offs, (uint32_t)off, &at) ? state->off_addr.data[at] : 0;
}
