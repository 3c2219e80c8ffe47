/* SPDX-License-Identifier: MIT */
/*
 * All types that a program has descriptors of, as far as its own tables lead to them: the type links, whose pointer
 * types lead on to the named types, and the itabs. Until Go 1.26 both are lists; since 1.27 the link descriptors and
 * the itabs lie one after the other.
 */
#include "base/ckd.h"
#include "types/rtype.h"

static bool rtype_nmethods(const struct program *g, const struct rtype *r, uint64_t *n)
{
	return proc_word(g->proc, r->tail + 2u * g->proc->word, n) && *n <= UINT32_MAX;
}

/* Bytes of a descriptor with everything that follows it; 0: it makes no sense. */
static uint64_t descriptor_size(const struct program *g, const struct rtype *r)
{
	const struct proc *p = g->proc;
	struct rtype named = *r;
	named.tflag |= TFLAG_UNCOMMON;
	uint64_t w = p->word, n = 0, fields, end = rtype_uncommon(g, &named); /* of the part that the kind dictates */
	uint16_t in, out, methods;
	if (r->tflag & TFLAG_UNCOMMON) { /* {pkgPath, mcount, xcount, moff, unused}, then the methods */
		if (!proc_u16(p, end + 4, &methods))
			return 0;
		end += 16 + (uint64_t)methods * 16;
	}
	if (r->kind == KIND_STRUCT && rtype_fields(g, r, &fields, &n))
		end += n * 3 * w;
	else if (r->kind == KIND_INTERFACE && rtype_nmethods(g, r, &n))
		end += n * 8;
	else if (r->kind == KIND_FUNC && proc_u16(p, r->tail, &in) && proc_u16(p, r->tail + 2, &out))
		end += ((uint64_t)in + (out & 0x7fffu)) * w;
	return end - r->addr;
}

static void contiguous_types(struct types *t, const struct module *m)
{
	uint64_t at = m->types + t->proc->word, end, size;
	if (!ckd_add(m->types, m->typedesclen, &end) || end > m->etypes)
		return;
	while (at < end) {
		struct rtype r;
		if (!rtype_read(t->prog, at, &r) || (size = descriptor_size(t->prog, &r)) == 0)
			return;
		types_by_rtype(t, at);
		if (!ckd_add(at, size, &at) || !ckd_align(at, t->proc->word, &at))
			return;
	}
}

static void linked_types(struct types *t, const struct module *m)
{
	for (uint64_t i = 0; i < m->ntypelinks; i++) {
		uint32_t off;
		if (!proc_u32(t->proc, m->typelinks + 4 * i, &off))
			return;
		if (off < m->etypes - m->types)
			types_by_rtype(t, m->types + off);
	}
}

/* itab {inter, type, ...} */
static bool itab_type(struct types *t, uint64_t itab)
{
	uint64_t type;
	if (!proc_word(t->proc, itab + t->proc->word, &type))
		return false;
	if (program_module_of_type(t->prog, type))
		types_by_rtype(t, type);
	return true;
}

static void itab_types(struct types *t, const struct module *m)
{
	uint64_t word = t->proc->word, itab, inter, n;
	for (uint64_t i = 0; i < m->nitablinks; i++)
		if (!proc_word(t->proc, m->itablinks + i * word, &itab) || !itab_type(t, itab))
			return;
	/* Go 1.27: {inter, type, hash uint32, 4 bytes, fun [number of methods, at least 1]} in a row */
	itab = m->types + m->itaboffset;
	for (uint64_t left = m->itabsize; m->itabsize && left >= 4 * word; ) {
		struct rtype r;
		if (!proc_word(t->proc, itab, &inter) || !rtype_read(t->prog, inter, &r) || r.kind != KIND_INTERFACE ||
		    !rtype_nmethods(t->prog, &r, &n) || !itab_type(t, itab))
			return;
		uint64_t size = 2 * word + 8 + word * (n ? n : 1);
		itab += size;
		left = left > size ? left - size : 0;
	}
}

bool types_load_links(struct types *t)
{
	bool all = t->prog && t->prog->nmodules;
	for (size_t i = 0; t->prog && i < t->prog->nmodules; i++) {
		const struct module *m = &t->prog->modules[i];
		if (m->typedesclen)
			contiguous_types(t, m);
		else
			linked_types(t, m);
		itab_types(t, m);
		all = all && (m->typedesclen || m->ntypelinks);
	}
	return all;
}
