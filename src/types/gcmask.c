/* SPDX-License-Identifier: MIT */
/*
 * Pointer masks of runtime types and of package variables, as the collector has them.
 *
 * A type's GCData is a bit per word up to PtrBytes; or (until Go 1.23, PtrBytes > 128 KiB) a length and a GC program;
 * or (from Go 1.24, PtrBytes > 128 KiB, from 1.27 > 1 KiB) the address of a slot that holds the mask once the runtime
 * needed it. What is not there is built from the structure of the type, as the runtime does.
 */
#include <stdlib.h>

#include "base/ckd.h"
#include "types/rtype.h"

enum {
	MAX_DEPTH = 128,         /* of types nested in types */
	BY_ELEM_WORDS = 4096     /* longer arrays are represented by their element */
};
#define MAX_OFFSET (UINT64_C(1) << 48)

/* ---- bits ---- */

static uint64_t low_bits(uint64_t v, uint64_t n)
{
	return n >= 64 ? v : v & ((UINT64_C(1) << n) - 1);
}

/* n (1..64) bits from bit `at` on. */
static uint64_t bits_get(const uint64_t *bits, uint64_t at, uint64_t n)
{
	uint64_t shift = at & 63, v = bits[at >> 6] >> shift;
	if (shift && n > 64 - shift)
		v |= bits[(at >> 6) + 1] << (64 - shift);
	return low_bits(v, n);
}

/* Sets n (1..64) bits, which are clear so far. */
static void bits_put(uint64_t *bits, uint64_t at, uint64_t n, uint64_t v)
{
	uint64_t shift = at & 63;
	v = low_bits(v, n);
	bits[at >> 6] |= v << shift;
	if (shift && n > 64 - shift)
		bits[(at >> 6) + 1] |= v >> (64 - shift);
}

static void bits_clear(uint64_t *bits, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		bit_clear(bits, at + i);
}

static bool any_bit(const uint64_t *bits, uint64_t n)
{
	for (size_t i = 0; i < bit_words(n); i++)
		if (bits[i])
			return true;
	return false;
}

static bool readable(const struct proc *p, uint64_t addr, uint64_t n)
{
	uint64_t avail;
	while (n && proc_view(p, addr, &avail) && avail) {
		avail = avail < n ? avail : n;
		addr += avail;
		n -= avail;
	}
	return n == 0;
}

/* n bits in the process, least significant bit of each byte first; false when they are not all there. */
static bool bits_read(const struct proc *p, uint64_t addr, uint64_t *bits, uint64_t at, uint64_t n)
{
	if (!readable(p, addr, (n + 7) / 8))
		return false;
	for (uint64_t i = 0; i < n; addr += 8, i += 64) {
		uint64_t left = n - i < 64 ? n - i : 64;
		uint8_t d[8] = {0};
		if (!proc_read(p, addr, d, (size_t)(left + 7) / 8))
			return false;
		bits_put(bits, at + i, left, load64(d, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__));
	}
	return true;
}

/* ---- GC programs ---- */

struct prog_reader {
	const struct proc *p;
	const uint8_t *data;
	uint64_t addr, avail;
};

static bool prog_byte(struct prog_reader *r, uint8_t *ret)
{
	if (!r->avail) {
		r->data = proc_view(r->p, r->addr, &r->avail);
		if (!r->data || !r->avail)
			return false;
	}
	*ret = *r->data++;
	r->addr++;
	r->avail--;
	return true;
}

static bool prog_uvarint(struct prog_reader *r, uint64_t *ret)
{
	uint64_t v = 0;
	uint8_t b;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		if (!prog_byte(r, &b))
			return false;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Repeats the n bits before `at` until `count` more are written. */
static void repeat_bits(uint64_t *bits, uint64_t at, uint64_t n, uint64_t count)
{
	if (n > 64) {
		for (uint64_t done = 0, chunk; done < count; done += chunk) {
			chunk = count - done < 64 ? count - done : 64;
			bits_put(bits, at + done, chunk, bits_get(bits, at + done - n, chunk));
		}
		return;
	}
	uint64_t pattern = bits_get(bits, at - n, n);
	for (; n * 2 <= 64; n *= 2)
		pattern |= pattern << n;
	for (uint64_t done = 0, chunk; done < count; done += chunk) {
		chunk = count - done < n ? count - done : n;
		bits_put(bits, at + done, chunk, pattern);
	}
}

/*
 * Runs the program at addr (runtime.runGCProg): 0 ends; 1..127: that many bits follow; 0x80|n, c: repeat the last n bits
 * c times, n = 0 says that it follows. At most nbits are written, from bit `base` on.
 */
static bool gcprog_run(const struct proc *p, uint64_t addr, uint64_t *bits, uint64_t base, uint64_t nbits)
{
	struct prog_reader r = {.p = p, .addr = addr};
	uint64_t at = 0;
	while (at < nbits) {
		uint8_t inst, b;
		uint64_t n, count;
		if (!prog_byte(&r, &inst))
			return false;
		n = inst & 0x7f;
		if (!(inst & 0x80)) {
			if (n == 0)
				return true;
			for (uint64_t i = 0; i < n; i += 8) {
				uint64_t left = n - i < 8 ? n - i : 8;
				if (!prog_byte(&r, &b))
					return false;
				if (left > nbits - at)
					left = nbits - at;
				if (left)
					bits_put(bits, base + at, left, b);
				at += left;
			}
			continue;
		}
		if ((n == 0 && !prog_uvarint(&r, &n)) || !prog_uvarint(&r, &count) || n == 0 || n > at)
			return false;
		if (!ckd_mul(count, n, &count) || count > nbits - at)
			count = nbits - at;
		repeat_bits(bits, base + at, n, count);
		at += count;
	}
	return true;
}

/* ---- masks of types ---- */

struct builder {
	const struct program *g;
	uint64_t *bits;
	uint64_t nbits;
	uint64_t steps; /* types that may still be visited: hostile types nest without end */
	unsigned depth;
	struct level { /* an array or struct whose parts are being visited */
		uint64_t at;     /* in words */
		uint64_t i, n;
		uint64_t elem, stride; /* arrays */
		uint64_t fields; /* structs, else 0 */
	} stack[MAX_DEPTH];
};

static bool in_variables(const struct program *g, uint64_t addr)
{
	for (size_t i = 0; i < g->nmodules; i++) {
		const struct module *m = &g->modules[i];
		if (addr - m->noptrdata < m->end - m->noptrdata)
			return true;
	}
	return false;
}

/* The address of the plain mask, 0 when there is none (yet). */
static uint64_t plain_mask(const struct program *g, const struct rtype *r)
{
	uint64_t slot;
	if (r->gcprog)
		return 0;
	if (!(r->tflag & TFLAG_MASK_ON_DEMAND) || g->minor < 24)
		return r->gcdata;
	if (!proc_word(g->proc, r->gcdata, &slot))
		return 0;
	/* While a thread builds the mask the slot holds &runtime.inProgress, a variable; masks never lie among those. */
	return in_variables(g, slot) ? 0 : slot;
}

/* Words of a value that is neither array nor struct. */
static bool put_scalar(struct builder *b, const struct rtype *r, uint64_t at)
{
	uint64_t words = r->kind == KIND_INTERFACE ? 2 : 1;
	if (words * b->g->proc->word != r->ptrdata)
		return false;
	bits_put(b->bits, at, words, words); /* of an interface only the second word counts */
	return true;
}

/* Writes the type's mask, or pushes it to be taken apart. */
static bool visit(struct builder *b, uint64_t addr, uint64_t at)
{
	const struct program *g = b->g;
	struct rtype r;
	if (!b->steps || !rtype_read(g, addr, &r))
		return false;
	b->steps--;
	uint64_t words = r.ptrdata / g->proc->word, mask = plain_mask(g, &r);
	if (words == 0)
		return true;
	if (!in_range(at, words, b->nbits))
		return false;
	if (mask && bits_read(g->proc, mask, b->bits, at, words))
		return true;
	if (r.gcprog) {
		if (gcprog_run(g->proc, r.gcdata + 4, b->bits, at, words))
			return true;
		bits_clear(b->bits, at, words);
	}
	if (r.kind != KIND_ARRAY && r.kind != KIND_STRUCT)
		return put_scalar(b, &r, at);
	if (b->depth == MAX_DEPTH)
		return false;
	struct level l = {.at = at};
	struct rtype elem;
	if (r.kind == KIND_STRUCT) {
		if (!rtype_fields(g, &r, &l.fields, &l.n))
			return false;
	} else {
		if (!rtype_array(g, &r, &l.elem, &l.n) || !rtype_read(g, l.elem, &elem) || elem.size < g->proc->word)
			return false;
		l.stride = elem.size / g->proc->word;
	}
	b->stack[b->depth++] = l;
	return true;
}

static bool build(struct builder *b, uint64_t addr)
{
	bool ok = visit(b, addr, 0);
	while (ok && b->depth) {
		struct level *l = &b->stack[b->depth - 1];
		if (l->i == l->n) {
			b->depth--;
			continue;
		}
		uint64_t i = l->i++;
		struct rfield f;
		if (!l->fields) {
			uint64_t off;
			ok = ckd_mul(i, l->stride, &off) && off <= b->nbits && visit(b, l->elem, l->at + off);
		} else {
			ok = rfield_read(b->g, l->fields, i, &f) && f.offset < MAX_OFFSET &&
			     visit(b, f.type, l->at + f.offset / b->g->proc->word);
		}
	}
	return ok;
}

static uint64_t *bits_new(struct rtypes *t, uint64_t nbits)
{
	uint64_t bytes = (nbits / 64 + 2) * 8;
	if (bytes > t->mask_budget)
		return NULL;
	t->mask_budget -= bytes;
	return arena_alloc(&t->arena, (size_t)bytes);
}

static const struct gcmask *mask_make(const struct program *g, uint64_t addr)
{
	struct rtype r;
	uint64_t word = g->proc->word, len;
	if (!rtype_read(g, addr, &r))
		return NULL;
	/* A long array is its element, repeated. */
	for (unsigned depth = 0; r.kind == KIND_ARRAY && r.ptrdata / word > BY_ELEM_WORDS; depth++)
		if (depth == MAX_DEPTH || !rtype_array(g, &r, &addr, &len) || !rtype_read(g, addr, &r))
			return NULL;
	struct gcmask *m = arena_alloc(&g->rtypes->arena, sizeof(*m));
	if (!m)
		return NULL;
	m->ptr_words = r.ptrdata / word;
	m->size_words = r.size < word ? 1 : (r.size + word - 1) / word;
	uint64_t *bits = bits_new(g->rtypes, m->ptr_words);
	struct builder *b = calloc(1, sizeof(*b));
	bool ok = bits && b;
	if (ok) {
		b->g = g;
		b->bits = bits;
		b->nbits = m->ptr_words;
		uint64_t most = 16 * m->ptr_words + 65536, *left = &g->rtypes->step_budget;
		uint64_t granted = b->steps = most < *left ? most : *left;
		ok = build(b, addr);
		*left -= granted - b->steps;
	}
	free(b);
	m->bits = bits;
	/* A type whose PtrBytes is not 0 has a pointer: what has none is no descriptor. */
	return ok && (m->ptr_words == 0 || any_bit(bits, m->ptr_words)) ? m : NULL;
}

const struct gcmask *types_gcmask(struct types *t, uint64_t rtype)
{
	uint32_t at;
	if (!t->prog)
		return NULL;
	struct rtypes *r = t->prog->rtypes;
	if (map_get(&r->masks, rtype, &at))
		return r->mask_of.data[at];
	const struct gcmask *m = mask_make(t->prog, rtype);
	if (!vec_push(&r->mask_of, m) || !map_put(&r->masks, rtype, (uint32_t)r->mask_of.len - 1))
		return NULL;
	return m;
}

/* ---- masks of package variables ---- */

const uint64_t *program_datamask(const struct program *g, const struct module *m, bool bss, uint64_t *nbits)
{
	uint64_t start = bss ? m->bss : m->data, end = bss ? m->ebss : m->edata;
	uint64_t mask = bss ? m->gcbssmask : m->gcdatamask, n = bss ? m->nbssmask : m->ndatamask;
	uint64_t prog = bss ? m->gcbss : m->gcdata;
	uint64_t words = end > start ? (end - start) / g->proc->word : 0;
	if (!mask || n > words)
		n = words;
	uint64_t *bits = bits_new(g->rtypes, n);
	if (!bits)
		return NULL;
	if (!(mask && bits_read(g->proc, mask, bits, 0, n))) {
		if (!prog || !gcprog_run(g->proc, prog, bits, 0, n))
			return NULL;
	}
	*nbits = n;
	return bits;
}

const uint64_t *program_mask(const struct program *g, uint64_t addr, bool prog, uint64_t n)
{
	uint64_t *bits = bits_new(g->rtypes, n);
	if (!bits)
		return NULL;
	bool ok = prog ? gcprog_run(g->proc, addr + 4, bits, 0, n) : bits_read(g->proc, addr, bits, 0, n);
	return ok ? bits : NULL;
}

/* ---- life ---- */

struct rtypes *rtypes_new(const struct proc *p)
{
	struct rtypes *r = calloc(1, sizeof(*r));
	uint64_t bytes = proc_bytes(p);
	if (!r)
		return NULL;
	/* A mask describes objects that are there, at a bit for 8 bytes. */
	r->mask_budget = bytes / 8 + (1 << 20);
	r->type_budget = bytes / 16 + (1 << 16);
	r->step_budget = bytes / 4 + (1 << 22);
	return r;
}

void rtypes_free(struct rtypes *r)
{
	if (!r)
		return;
	map_free(&r->masks);
	vec_free(&r->mask_of);
	map_free(&r->offs);
	vec_free(&r->off_addr);
	arena_free(&r->arena);
	free(r);
}
