/* SPDX-License-Identifier: MIT */
/*
 * Objects that nothing typed leads to, or only by a pointer into their middle. Their own words may tell (a function's
 * address, an interface); else a type is taken if it is the only one of the program that fits the size class, the
 * pointer mask, what is known of a part, and what the pointers lead to. Such types are marked as inferred. An object
 * that two types fit stays unknown.
 */
#include <string.h>

#include "graph/typing_priv.h"

enum { MAX_CHECKS = 256 }; /* words looked at to compare a value with a type */

/* ---- interfaces in untyped memory ---- */

uint32_t iface_type_strict(struct typing *ty, uint64_t word)
{
	const struct proc *p = ty->h->proc;
	const struct program *prog = ty->h->prog;
	uint64_t rtype, hash, type_hash;
	if (word < 4096 || word % ty->word)
		return TYPE_NONE;
	if (program_module_of_type(prog, word)) {
		uint32_t type = iface_type(ty, word, true);
		if (type != TYPE_NONE)
			return type;
	}
	if (!proc_word(p, word + ty->word, &rtype) || !program_module_of_type(prog, rtype) ||
	    !proc_uint(p, word + 2u * ty->word, 4, &hash) || !proc_uint(p, rtype + 2u * ty->word, 4, &type_hash) ||
	    hash != type_hash)
		return TYPE_NONE;
	return iface_type(ty, word, false);
}

void pair_claim(struct typing *ty, uint64_t addr, uint64_t value, unsigned flags)
{
	uint64_t word;
	if (!value || !proc_word(ty->h->proc, addr - ty->word, &word))
		return;
	uint32_t type = iface_type_strict(ty, word);
	if (type != TYPE_NONE)
		dynamic_value(ty, type, value, flags);
}

/* ---- the object's own words ---- */

struct object {
	uint32_t span, id;
	uint64_t addr, usable, min, mask, ptr_end;
	bool scan;
};

static void object_load(struct typing *ty, uint32_t span, uint32_t id, struct object *o)
{
	const struct heap *h = ty->h;
	const struct span *s = &h->spans[span];
	uint64_t mask;
	*o = (struct object){.span = span, .id = id, .addr = span_object_addr(s, id), .usable = span_usable(h, span)};
	o->min = span_min_request(ty, s, o->usable);
	o->scan = !(s->flags & SPAN_NOSCAN);
	if (o->scan && heap_object_mask(h, id, 0, &mask, 64))
		o->mask = mask;
	if (o->scan)
		o->ptr_end = object_pointers_end(ty, id, o->usable);
}

/* True when the object has a type now. */
static bool infer_claim(struct typing *ty, const struct object *o, uint32_t type, uint64_t bytes, unsigned flags)
{
	struct claim c = {o->addr, bytes, type, flags};
	typing_claim_at(ty, &c, o->span, o->id);
	return tw_origin(ty->tw[o->id]) != ORIGIN_UNKNOWN;
}

/* A closure: its first word is no pointer to the collector, but the address of a function. */
static bool infer_closure(struct typing *ty, const struct object *o)
{
	uint64_t pc;
	if ((o->mask & 1) || !proc_word(ty->h->proc, o->addr, &pc))
		return false;
	uint32_t type = closure_of(ty, pc, o->span, o->id);
	if (type == TYPE_NONE)
		return false;
	return infer_claim(ty, o, type, ty->t->t[type].size, CLAIM_INFER);
}

/* Interface values among the object's words: the first one no pointer, the second one a pointer to the collector. */
static void infer_pairs(struct typing *ty, const struct object *o)
{
	uint64_t pairs = o->mask & ~(o->mask << 1) & ~UINT64_C(1), value;
	while (pairs) {
		unsigned i = (unsigned)__builtin_ctzll(pairs);
		pairs &= pairs - 1;
		if (proc_word(ty->h->proc, o->addr + (uint64_t)i * ty->word, &value))
			pair_claim(ty, o->addr + (uint64_t)i * ty->word, value, 0);
	}
}

/* ---- descriptors made by reflect ---- */

/*
 * Pointers to them are typed as pointers to their common first part; which one it is stands in it. The parts behind are
 * named in reflect up to Go 1.20 and in internal/abi or reflect later.
 */
static uint32_t reflect_descriptor(struct typing *ty, const struct object *o)
{
	static const struct { uint8_t kind; const char *name; } kinds[] = {
		{KIND_ARRAY, "internal/abi.ArrayType"}, {KIND_ARRAY, "reflect.arrayType"},
		{KIND_CHAN, "internal/abi.ChanType"}, {KIND_CHAN, "reflect.chanType"},
		{KIND_FUNC, "reflect.funcTypeFixed4"}, {KIND_FUNC, "reflect.funcTypeFixed8"},
		{KIND_FUNC, "reflect.funcTypeFixed16"}, {KIND_FUNC, "reflect.funcTypeFixed32"},
		{KIND_FUNC, "internal/abi.FuncType"}, {KIND_FUNC, "reflect.funcType"},
		{KIND_INTERFACE, "reflect.interfaceType"}, {KIND_INTERFACE, "internal/abi.InterfaceType"},
		{KIND_MAP, "reflect.mapType"}, {KIND_MAP, "internal/abi.SwissMapType"},
		{KIND_MAP, "internal/abi.MapType"},
		{KIND_PTR, "reflect.ptrType"}, {KIND_PTR, "internal/abi.PtrType"},
		{KIND_SLICE, "internal/abi.SliceType"}, {KIND_SLICE, "reflect.sliceType"},
		{KIND_STRUCT, "reflect.structTypeUncommon"}, {KIND_STRUCT, "reflect.structType"},
		{KIND_STRUCT, "internal/abi.StructType"},
	};
	uint64_t kind;
	if (!proc_uint(ty->h->proc, o->addr + 2u * ty->word + 7, 1, &kind))
		return TYPE_NONE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint32_t type = kinds[i].kind == (kind & 31) ? types_by_name(ty->t, kinds[i].name) : TYPE_NONE;
		const struct prog *p = type == TYPE_NONE ? NULL : prog_of(ty, type);
		if (p && p->size >= o->min && p->size <= o->usable && mask_matches(ty, o->span, o->id, p, p->size))
			return type;
	}
	return TYPE_NONE;
}

static bool is_descriptor(const struct types *t, uint32_t type)
{
	return strcmp(t->t[type].name, "reflect.rtype") == 0 || strcmp(t->t[type].name, "internal/abi.Type") == 0 ||
	       strcmp(t->t[type].name, "runtime._type") == 0;
}

/* ---- contents ---- */

/* What lies at an address, compared with what a pointer's type says: -1 contradicts, 1 agrees, 0 says nothing. */
static int target_check(struct typing *ty, uint64_t addr, uint32_t type)
{
	uint32_t span, id = heap_find_slot(ty->h, addr, &span);
	if (id == OBJ_NONE)
		return 0;
	uint32_t tw = ty->tw[id];
	uint64_t off = addr - span_object_addr(&ty->h->spans[span], id);
	const struct prog *p = prog_of(ty, type);
	if (p->ptr_words && (ty->h->spans[span].flags & SPAN_NOSCAN) && !(p->flags & PROG_ANYMASK))
		return -1;
	if (p->size > span_usable(ty->h, span))
		return -1;
	if (tw_origin(tw) == ORIGIN_UNKNOWN || tw_origin(tw) == ORIGIN_INFERRED ||
	    (p->flags & (PROG_NEVER | PROG_WEAK)))
		return 0;
	uint32_t known = tw_type(tw);
	if (ty->t->t[known].size && type_has_at(ty->t, known, off % ty->t->t[known].size, type))
		return 1;
	if (type_starts_with(ty->t, type, known))
		return 0;
	return prog_of(ty, known)->flags & PROG_WEAK || known == ty->tiny ? 0 : -1;
}

static int words_check(struct typing *ty, const struct op *op, uint64_t addr)
{
	const struct proc *p = ty->h->proc;
	uint64_t w[3] = {0};
	for (unsigned i = 0; i < 3; i++)
		if (!proc_word(p, addr + (uint64_t)i * ty->word, &w[i]))
			break;
	switch ((enum op_kind)op->kind) {
	case OP_PTR:
		return w[0] ? target_check(ty, w[0], op->type) : 0;
	case OP_STRING:
		if (!w[1] != !w[0])
			return w[1] ? -1 : 0;
		return w[1] > UINT64_C(1) << 40 ? -1 : w[0] ? target_check(ty, w[0], ty->uint8) : 0;
	case OP_SLICE:
		if (w[1] > w[2] || (!w[0] && w[2]))
			return -1;
		return w[0] && w[2] ? target_check(ty, w[0], op->type) : 0;
	case OP_EFACE:
	case OP_IFACE:
		if (!w[0])
			return w[1] ? -1 : 0;
		return iface_type(ty, w[0], op->kind == OP_EFACE) != TYPE_NONE ? 1 : -1;
	case OP_FUNC: {
		struct func f;
		uint64_t pc;
		if (!w[0])
			return 0;
		return proc_word(p, w[0], &pc) && program_func_entry(ty->h->prog, pc, &f) ? 1 : -1;
	}
	case OP_MAP: case OP_CHAN: case OP_ARRAY: case OP_COUNTED: case OP_REFLECT:
		return 0;
	}
	return 0;
}

/* Does the object hold n values of the type, by what its pointers lead to? False: something contradicts it. */
static bool contents_check(struct typing *ty, const struct object *o, uint32_t type, uint64_t n, unsigned *evidence)
{
	const struct prog *p = prog_of(ty, type);
	unsigned left = MAX_CHECKS < ty->infer_budget ? MAX_CHECKS : (unsigned)ty->infer_budget;
	ty->infer_budget -= left;
	*evidence = 0;
	for (uint64_t i = 0; i < n && left; i++) {
		for (uint32_t k = 0; k < p->nops && left; k++, left--) {
			int r = words_check(ty, &p->ops[k], o->addr + i * p->size + p->ops[k].off);
			if (r < 0)
				return false;
			*evidence += (unsigned)r;
		}
		if (!p->nops)
			break;
	}
	ty->infer_budget += left;
	return true;
}

/* ---- the only one that fits ---- */

/* Being the only one says something only where all types of the program are known. */
static bool infer_shape(struct typing *ty, const struct object *o, uint32_t part, uint64_t off)
{
	if (!ty->all_types)
		return false;
	struct shape_query q = {o->span, o->id, o->usable, o->min, o->mask, o->ptr_end, part, off};
	const struct shape_set *set = shapes_find(ty, &q);
	if (!set || set->n == 0 || set->n > MAX_SHAPES)
		return false;
	uint32_t found = TYPE_NONE;
	uint64_t bytes = 0;
	unsigned evidence, best = 0;
	bool row = false;
	struct shape_set s = *set; /* checking may add to the sets */
	for (uint32_t i = 0; i < s.n; i++) {
		uint64_t size = ty->t->t[s.type[i]].size;
		/* behind the last value of a row there are no pointers */
		uint64_t n = s.row[i] ? (o->ptr_end ? (o->ptr_end + size - 1) / size : o->usable / size) : 1;
		if (!contents_check(ty, o, s.type[i], n, &evidence))
			continue;
		if (found != TYPE_NONE)
			return false;
		found = s.type[i];
		bytes = n * size;
		row = s.row[i];
		best = evidence;
	}
	/* Where several had the right shape, being the only one that nothing contradicts is not enough. */
	if (found == TYPE_NONE || (s.n > 1 && best == 0))
		return false;
	return infer_claim(ty, o, found, bytes, CLAIM_INFER | (row ? CLAIM_ARRAY : 0));
}

bool shape_rivals(struct typing *ty, uint64_t addr, uint32_t type, bool any)
{
	struct object o;
	uint32_t span, id = heap_find_slot(ty->h, addr, &span);
	if (id == OBJ_NONE)
		return false;
	object_load(ty, span, id, &o);
	struct shape_query q = {o.span, o.id, o.usable, o.min, o.mask, o.ptr_end, TYPE_NONE, 0};
	const struct shape_set *set = o.addr == addr ? shapes_find(ty, &q) : NULL;
	if (!set || set->n > MAX_SHAPES)
		return any;
	for (uint32_t i = 0; i < set->n; i++)
		if (!type_same(ty->t, set->type[i], type) && (any || type_starts_with(ty->t, set->type[i], type)))
			return true;
	return false;
}

/* Byte slices and strings that the untyped object's pointers lead to. */
static void infer_bytes(struct typing *ty, const struct object *o)
{
	uint64_t heads = o->mask & ~(o->mask >> 1), value;
	while (heads) {
		unsigned i = (unsigned)__builtin_ctzll(heads);
		heads &= heads - 1;
		uint64_t addr = o->addr + (uint64_t)i * ty->word;
		if ((i + 2u) * ty->word <= o->usable && proc_word(ty->h->proc, addr, &value) && value)
			guess_bytes(ty, addr, value);
	}
}

static void infer_root_bytes(struct typing *ty)
{
	const struct heap *h = ty->h;
	for (uint32_t i = 0; i < h->nroots; i++) {
		const struct root *r = &h->roots[i];
		if ((r->kind != ROOT_GLOBAL && r->kind != ROOT_LOCAL) || r->type < ty->t->n || !r->addr ||
		    (r->flags & ROOT_F_CONSERVATIVE))
			continue;
		for (uint64_t e = r->first_edge; e < r->first_edge + r->nedges; e++)
			guess_bytes(ty, r->addr + h->root_edges[e].offset, h->root_edges[e].value);
	}
}

static bool infer_object(struct typing *ty, uint32_t span, uint32_t id, int round)
{
	struct object o;
	struct claim c;
	uint32_t tw = ty->tw[id];
	object_load(ty, span, id, &o);
	if (round == 0 && guess_chan(ty, span, id, &c) && infer_claim(ty, &o, c.type, c.bytes, c.flags))
		return true;
	if (o.usable >= 2u * ty->word && infer_closure(ty, &o))
		return true;
	if (round == 0 && o.scan)
		infer_pairs(ty, &o);
	if (round == 1 && o.scan)
		infer_bytes(ty, &o);
	if (!(tw & TW_PENDING))
		return round > 0 && o.scan && infer_shape(ty, &o, TYPE_NONE, 0);
	if (is_descriptor(ty->t, tw_type(tw))) {
		uint32_t type = reflect_descriptor(ty, &o);
		return type != TYPE_NONE && infer_claim(ty, &o, type, ty->t->t[type].size, CLAIM_INFER);
	}
	return infer_shape(ty, &o, tw_type(tw), ty->slack[id]);
}

bool typing_infer(struct typing *ty, int round)
{
	const struct heap *h = ty->h;
	bool any = false;
	uint64_t before = ty->changes;
	if (round == 0)
		typing_sites(ty);
	if (round == 1)
		infer_root_bytes(ty);
	for (uint32_t i = 0; i < h->nspans && !ty->nomem && ty->infer_budget; i++) {
		const struct span *s = &h->spans[i];
		for (uint32_t id = s->first; id < s->first + s->nelems && ty->infer_budget; id++) {
			if (tw_origin(ty->tw[id]) != ORIGIN_UNKNOWN || !bit_get(h->alloc, id) ||
			    ((s->flags & SPAN_NOSCAN) && !(ty->tw[id] & TW_PENDING) && round > 0))
				continue;
			ty->infer_budget--;
			any |= infer_object(ty, i, id, round);
		}
	}
	claims_flush(ty);
	return any || ty->changes != before || round < 2;
}
