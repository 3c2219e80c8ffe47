/* SPDX-License-Identifier: MIT */
/* What is known of a word of memory, and how two such pieces of knowledge go together. */
#include "graph/typing_code.h"

static const struct word unknown = {TYPE_NONE, WORD_UNKNOWN, false};

struct word word_join(struct typing *ty, struct word a, struct word b)
{
	const struct word bad = {TYPE_NONE, WORD_BAD, false};
	if (a.kind == WORD_UNKNOWN || b.kind == WORD_BAD)
		return b;
	if (b.kind == WORD_UNKNOWN || a.kind == WORD_BAD)
		return a;
	if (a.kind == b.kind && type_same(ty->t, a.type, b.type))
		return a.used ? b : a;
	/* The runtime's own name for maps and channels says less. */
	bool weak_a = prog_of(ty, a.type)->flags & PROG_WEAK, weak_b = prog_of(ty, b.type)->flags & PROG_WEAK;
	if (weak_a != weak_b)
		return weak_a ? b : a;
	if (a.kind != b.kind) { /* a composite literal [3]T behind a slice */
		struct word row = a.kind == WORD_ROW ? a : b, ptr = a.kind == WORD_ROW ? b : a;
		bool same = row.kind == WORD_ROW && ptr.kind == WORD_PTR && type_starts_with(ty->t, ptr.type, row.type);
		return same ? row : bad;
	}
	if (a.kind != WORD_PTR && a.kind != WORD_VALUE)
		return bad;
	if (type_starts_with(ty->t, a.type, b.type))
		return a;
	return type_starts_with(ty->t, b.type, a.type) ? b : bad;
}

void code_fact(struct code *c, uint64_t addr, struct word w)
{
	uint64_t key = addr + (w.kind == WORD_VALUE);
	uint32_t i;
	if (w.kind == WORD_UNKNOWN || word_is_shape(c->ty, w))
		return;
	if (map_get(&c->fact_index, key, &i)) {
		c->facts.data[i] = word_join(c->ty, c->facts.data[i], w);
		return;
	}
	i = (uint32_t)c->facts.len;
	struct link at = {addr, i};
	if (!vec_push(&c->facts, w) || !vec_push(&c->facts_at, at) || !map_put(&c->fact_index, key, i))
		c->ty->nomem = true;
}

/* The function at hand handles the variable at addr. One that is wanted but not known is looked at again. */
void code_touch(struct code *c, uint64_t addr, struct word w)
{
	uint32_t unused;
	code_fact(c, addr, w);
	if (w.kind != WORD_UNKNOWN || !map_get(&c->wanted, addr, &unused))
		return;
	struct code_touch t = {c->func.entry, addr};
	if ((!c->touches.len || c->touches.data[c->touches.len - 1].entry != t.entry ||
	     c->touches.data[c->touches.len - 1].addr != addr) &&
	    !vec_push(&c->touches, t))
		c->ty->nomem = true;
}

struct word code_known(const struct code *c, uint64_t addr)
{
	uint32_t i;
	return map_get(&c->fact_index, addr, &i) ? c->facts.data[i] : unknown;
}

struct word word_behind(struct typing *ty, struct word base, int64_t off)
{
	uint64_t at;
	if ((base.kind != WORD_PTR && base.kind != WORD_ROW) || off < 0 || base.type >= ty->t->n ||
	    (uint64_t)off >= ty->t->t[base.type].size)
		return unknown;
	const struct op *op = op_find(ty, base.type, (uint64_t)off, &at);
	if (!op)
		return unknown;
	switch ((enum op_kind)op->kind) {
	case OP_PTR: return (struct word){op->type, WORD_PTR, base.used};
	case OP_SLICE: return (struct word){op->type, WORD_ROW, base.used};
	case OP_MAP: return (struct word){op->type, WORD_MAP, base.used};
	case OP_CHAN: return (struct word){op->type, WORD_CHAN, base.used};
	case OP_STRING: case OP_EFACE: case OP_IFACE: case OP_FUNC: case OP_ARRAY: case OP_COUNTED: case OP_REFLECT:
		return unknown;
	}
	return unknown;
}
