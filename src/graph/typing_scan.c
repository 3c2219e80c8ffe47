/* SPDX-License-Identifier: MIT */
/* Running a program over a value: each pointer becomes a claim about what it points to. */
#include <string.h>

#include "graph/typing_priv.h"

enum { MAX_LEVELS = 16 }; /* of arrays in arrays that are too long to unroll */

/* ---- interface words ---- */

static struct type_cache *cache_slot(struct type_cache *c, uint64_t key)
{
	return &c[(key >> 3 ^ key >> 15) % WORD_CACHE];
}

/* A word that is 0 in the cache is never asked for. */
uint32_t iface_type(struct typing *ty, uint64_t word, bool eface)
{
	if (!word)
		return TYPE_NONE;
	struct type_cache *c = cache_slot(eface ? ty->type_words : ty->itabs, word);
	if (c->key == word)
		return c->type;
	uint64_t rtype = word;
	uint32_t type = TYPE_NONE;
	/* itab {inter, type, hash, fun}: the type is the second word in all releases */
	if (eface || proc_word(ty->h->proc, word + ty->word, &rtype))
		type = types_by_rtype(ty->t, rtype);
	if (type != TYPE_NONE && strcmp(ty->t->t[type].name, "?") == 0) /* made by reflect of types that are not there */
		type = TYPE_NONE;
	*c = (struct type_cache){word, type};
	return type;
}

/* ---- operations ---- */

/* The words of an operation; the second and third only where the kind has them. */
static bool op_words(const struct typing *ty, const uint8_t *mem, uint64_t addr, unsigned n, uint64_t w[3])
{
	for (unsigned i = 0; i < n; i++) {
		if (!mem) {
			if (!proc_word(ty->h->proc, addr + (uint64_t)i * ty->word, &w[i]))
				return false;
		} else if (ty->word == 8) {
			w[i] = load64(mem + 8 * (size_t)i, ty->be);
		} else {
			w[i] = load32(mem + 4 * (size_t)i, ty->be);
		}
	}
	return true;
}

static uint64_t bytes_of(const struct typing *ty, uint32_t type, uint64_t n)
{
	uint64_t bytes;
	if (type >= ty->t->n || __builtin_mul_overflow(ty->t->t[type].size, n, &bytes))
		return 0;
	return bytes;
}

void op_value(struct typing *ty, const struct op *op, uint64_t value, unsigned flags)
{
	if (!value)
		return;
	switch ((enum op_kind)op->kind) {
	case OP_PTR:
		claim(ty, value, op->type, bytes_of(ty, op->type, 1), flags);
		break;
	case OP_FUNC:
		func_claim(ty, value, flags);
		break;
	case OP_MAP:
		map_claim(ty, value, op->type, flags);
		break;
	case OP_CHAN:
		chan_claim(ty, value, op->type, flags);
		break;
	case OP_STRING: case OP_SLICE: case OP_EFACE: case OP_IFACE: case OP_ARRAY: case OP_COUNTED: case OP_REFLECT:
		break;
	}
}

void dynamic_value(struct typing *ty, uint32_t type, uint64_t data, unsigned flags)
{
	if (type == TYPE_NONE || !data)
		return;
	if (!(ty->t->t[type].flags & TYPE_F_DIRECT)) {
		claim(ty, data, type, bytes_of(ty, type, 1), flags);
		return;
	}
	const struct prog *p = prog_of(ty, type);
	if (p->nops)
		op_value(ty, &p->ops[0], data, flags);
}

/* reflect.Value {typ, ptr, flag}: with flagIndir ptr points to the value, else it is the value. */
static void reflect_value(struct typing *ty, const uint64_t w[3], unsigned flags)
{
	enum { FLAG_INDIR = 1 << 7 };
	uint32_t type = iface_type(ty, w[0], true);
	if (type == TYPE_NONE || !w[1])
		return;
	if (w[2] & FLAG_INDIR)
		claim(ty, w[1], type, bytes_of(ty, type, 1), flags);
	else
		dynamic_value(ty, type, w[1], flags);
}

static void op_run(struct typing *ty, const struct op *op, const uint8_t *mem, uint64_t addr, unsigned flags)
{
	static const uint8_t nwords[] = {
		[OP_PTR] = 1, [OP_STRING] = 2, [OP_SLICE] = 3, [OP_EFACE] = 2, [OP_IFACE] = 2, [OP_FUNC] = 1,
		[OP_MAP] = 1, [OP_CHAN] = 1, [OP_COUNTED] = 2, [OP_REFLECT] = 3,
	};
	uint64_t w[3];
	if (!op_words(ty, mem, addr, nwords[op->kind], w))
		return;
	switch ((enum op_kind)op->kind) {
	case OP_PTR: case OP_FUNC: case OP_MAP: case OP_CHAN:
		op_value(ty, op, w[0], flags);
		break;
	case OP_STRING:
		if (w[0] && w[1])
			claim(ty, w[0], ty->uint8, w[1], flags | CLAIM_STRING);
		break;
	case OP_SLICE:
		if (w[0] && w[2] && w[1] <= w[2])
			claim(ty, w[0], op->type, bytes_of(ty, op->type, w[2]), flags | CLAIM_ARRAY);
		break;
	case OP_COUNTED:
		if (w[0] && w[1])
			claim(ty, w[0], op->type, bytes_of(ty, op->type, w[1]), flags | CLAIM_ARRAY);
		break;
	case OP_EFACE:
	case OP_IFACE:
		if (w[0] && w[1])
			dynamic_value(ty, iface_type(ty, w[0], op->kind == OP_EFACE), w[1],
			              flags & CLAIM_INFER ? flags : flags | CLAIM_EXACT);
		break;
	case OP_REFLECT:
		reflect_value(ty, w, flags);
		break;
	case OP_ARRAY:
		break;
	}
}

void op_at(struct typing *ty, const struct op *op, uint64_t addr, unsigned flags)
{
	op_run(ty, op, NULL, addr, flags);
}

/* ---- values ---- */

struct level {
	const struct prog *prog;
	const uint8_t *mem;
	uint64_t addr, left; /* values to do */
	uint32_t op;
};

/* Storage of containers: the fields decide together. */
static bool special_scan(struct typing *ty, const struct prog *p, uint64_t addr, unsigned flags)
{
	switch ((enum storage_kind)p->special) {
	case SP_NONE:
		return false;
	case SP_SWISS_MAP: case SP_SWISS_TABLE: case SP_HASH:
		map_scan(ty, p, addr, flags);
		return true;
	case SP_CHAN:
		chan_scan(ty, p, addr, flags);
		return true;
	}
	return false;
}

void value_scan(struct typing *ty, const struct prog *p, const uint8_t *mem, uint64_t addr, unsigned flags)
{
	struct level stack[MAX_LEVELS];
	unsigned depth = 0;
	if (!p->special && !(p->flags & PROG_ARRAYS)) {
		for (uint32_t i = 0; i < p->nops; i++)
			op_run(ty, &p->ops[i], mem ? mem + p->ops[i].off : NULL, addr + p->ops[i].off, flags);
		return;
	}
	stack[depth++] = (struct level){p, mem, addr, 1, 0};
	while (depth) {
		struct level *l = &stack[depth - 1];
		if ((l->op == 0 && special_scan(ty, l->prog, l->addr, flags)) || l->op >= l->prog->nops) {
			if (--l->left == 0) {
				depth--;
				continue;
			}
			l->addr += l->prog->size;
			l->mem = l->mem ? l->mem + l->prog->size : NULL;
			l->op = 0;
			continue;
		}
		const struct op *op = &l->prog->ops[l->op++];
		const uint8_t *at = l->mem ? l->mem + op->off : NULL;
		if (op->kind != OP_ARRAY)
			op_run(ty, op, at, l->addr + op->off, flags);
		else if (depth < MAX_LEVELS && op->count)
			stack[depth++] = (struct level){prog_of(ty, op->type), at, l->addr + op->off, op->count, 0};
	}
}

void values_scan(struct typing *ty, uint32_t type, uint64_t addr, uint64_t count, unsigned flags)
{
	const struct prog *p = prog_of(ty, type);
	const uint8_t *mem = NULL;
	uint64_t avail = 0;
	if ((!p->nops && !p->special) || !p->size)
		return;
	for (uint64_t i = 0; i < count; i++, addr += p->size) {
		if (avail < p->size)
			mem = proc_view(ty->h->proc, addr, &avail);
		if (mem && avail >= p->size) {
			value_scan(ty, p, mem, addr, flags);
			mem += p->size;
			avail -= p->size;
			continue;
		}
		value_scan(ty, p, NULL, addr, flags);
		avail = 0;
	}
}

/* ---- single words ---- */

const struct op *op_find(struct typing *ty, uint32_t type, uint64_t off, uint64_t *at)
{
	uint64_t base = 0;
	for (int depth = 0; depth < 32; depth++) {
		const struct prog *p = prog_of(ty, type);
		uint32_t lo = 0, hi = p->nops;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;
			if (p->ops[mid].off <= off)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (!lo)
			return NULL;
		const struct op *op = &p->ops[lo - 1];
		off -= op->off;
		base += op->off;
		if (op->kind != OP_ARRAY) {
			bool second = op->kind == OP_EFACE || op->kind == OP_IFACE || op->kind == OP_REFLECT;
			*at = base;
			return off == (second ? ty->word : 0) ? op : NULL;
		}
		uint64_t size = ty->t->t[op->type].size;
		if (!size || off / size >= op->count)
			return NULL;
		base += off / size * size;
		off %= size;
		type = op->type;
	}
	return NULL;
}

/* ---- objects ---- */

void object_scan(struct typing *ty, uint32_t span, uint32_t id)
{
	const struct heap *h = ty->h;
	const struct span *s = &h->spans[span];
	uint32_t tw = ty->tw[id];
	uint64_t usable = span_usable(h, span), addr = span_object_addr(s, id), count = 1;
	const struct prog *p = prog_of(ty, tw_type(tw));
	if (tw_origin(tw) == ORIGIN_UNKNOWN || !p->size)
		return;
	if (tw & TW_RECORDED)
		count = usable / p->size;
	else if (tw & TW_ARRAY)
		count = (usable - ty->slack[id]) / p->size;
	unsigned flags = tw_origin(tw) == ORIGIN_INFERRED ? CLAIM_INFER : 0;
	if (!ty->spans[span].data) {
		values_scan(ty, tw_type(tw), addr, count, flags);
		return;
	}
	const uint8_t *mem = ty->spans[span].data + (addr - s->base);
	for (uint64_t i = 0; i < count; i++, mem += p->size, addr += p->size)
		value_scan(ty, p, mem, addr, flags);
}
