/* SPDX-License-Identifier: MIT */
/*
 * Types of package variables and stack slots by the program's code (typing_code.h), where there is no debug
 * information. All of it counts as inferred.
 */
#include <stdlib.h>

#include "graph/typing_code.h"

enum { PASSES = 2 }; /* the second one knows the variables that the first one found, and what functions return */

/* ---- stack slots ---- */

static int query_cmp(const void *a, const void *b)
{
	const struct slot_query *x = a, *y = b;
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return x->root < y->root ? -1 : x->root > y->root;
}

/* Live slots of frames that nothing describes. */
static bool slots_collect(struct code *c)
{
	const struct heap *h = c->ty->h;
	for (uint32_t i = 0; i < h->nroots; i++) {
		const struct root *r = &h->roots[i];
		if (r->kind != ROOT_LOCAL || r->type < c->ty->t->n || !r->addr || r->frame >= h->nframes || !r->nedges ||
		    (r->flags & ROOT_F_CONSERVATIVE) || r->size > UINT32_MAX)
			continue;
		const struct frame *f = &h->frames[r->frame];
		int64_t off = (int64_t)(r->addr - frame_cfa(f));
		if (!f->func->mod || f->panicked || off < -(1 << 20) || off > 1 << 20)
			continue;
		struct slot_query q = {f->func->entry, f->pc, i, (uint32_t)r->size, (int32_t)off, 0, {TYPE_NONE, WORD_UNKNOWN}};
		if (!vec_push(&c->slots, q))
			return false;
	}
	if (c->slots.len)
		qsort(c->slots.data, c->slots.len, sizeof(*c->slots.data), query_cmp);
	return true;
}

/* ---- functions ---- */

static void all_functions(struct code *c)
{
	const struct program *g = c->ty->h->prog;
	for (size_t i = 0; i < g->nmodules; i++) {
		const struct module *m = &g->modules[i];
		struct func f;
		for (uint64_t pc = m->minpc; pc < m->maxpc && program_func(g, pc, &f) && f.end > pc; pc = f.end) {
			if (c->ty->nomem || !c->budget)
				return;
			code_function(c, &f);
		}
	}
}

/* ---- what came out ---- */

/* variable: a package variable, whose other words are behind it */
static void word_claim(struct typing *ty, uint64_t addr, uint64_t value, struct word w, bool variable)
{
	static const uint8_t kinds[] = {
		[WORD_PTR] = OP_PTR, [WORD_ROW] = OP_SLICE, [WORD_MAP] = OP_MAP, [WORD_CHAN] = OP_CHAN,
	};
	if (w.kind == WORD_UNKNOWN || w.kind == WORD_BAD || w.type >= ty->t->n || !value)
		return;
	struct op op = {0, w.type, 1, kinds[w.kind]};
	const struct type *t = &ty->t->t[w.type];
	uint64_t len, cap;
	if (w.kind == WORD_PTR && closure_struct_is(ty->t, w.type)) {
		op.kind = OP_FUNC;
	} else if (w.kind == WORD_PTR && t->kind == KIND_ARRAY && proc_word(ty->h->proc, addr + ty->word, &len) &&
	           proc_word(ty->h->proc, addr + 2u * ty->word, &cap) && len <= cap && cap == t->count) {
		op.type = t->elem; /* []T{...} is made as an array */
		op.kind = OP_SLICE;
	}
	if (op.kind == OP_SLICE && variable)
		op_at(ty, &op, addr, CLAIM_INFER);
	else if (op.kind == OP_SLICE)
		vague_claim(ty, &op, addr, CLAIM_INFER);
	else
		op_value(ty, &op, value, CLAIM_INFER);
}

static void facts_claim(struct code *c)
{
	struct typing *ty = c->ty;
	for (size_t i = 0; i < c->facts_at.len; i++) {
		uint64_t addr = c->facts_at.data[i].addr, value;
		struct word w = c->facts.data[c->facts_at.data[i].sym];
		if (w.kind == WORD_VALUE)
			values_scan(ty, w.type, addr, 1, CLAIM_INFER);
		else if (proc_word(ty->h->proc, addr, &value))
			word_claim(ty, addr, value, w, true);
	}
}

static void slots_claim(struct code *c)
{
	const struct heap *h = c->ty->h;
	for (size_t i = 0; i < c->slots.len; i++) {
		const struct root *r = &h->roots[c->slots.data[i].root];
		if (c->slots.data[i].word.kind == WORD_VALUE)
			values_scan(c->ty, c->slots.data[i].word.type, r->addr, 1, CLAIM_INFER);
		else if (r->size <= h->word && r->nedges == 1)
			word_claim(c->ty, r->addr, h->root_edges[r->first_edge].value, c->slots.data[i].word, false);
	}
}

void typing_code(struct typing *ty)
{
	const struct code_arch *arch = code_arch(ty->h->proc->arch);
	if (ty->t->dwarf || !arch || !ty->h->prog->nmodules)
		return;
	struct code *c = ty->code = calloc(1, sizeof(*c));
	if (!c) {
		ty->nomem = true;
		return;
	}
	c->ty = ty;
	c->arch = arch;
	for (size_t i = 0; i < ty->h->prog->nmodules; i++)
		c->budget += ty->h->prog->modules[i].etext - ty->h->prog->modules[i].text;
	c->budget *= PASSES;
	if (!slots_collect(c)) {
		ty->nomem = true;
		return;
	}
	for (int pass = 0; pass < PASSES && !ty->nomem; pass++)
		all_functions(c);
	facts_claim(c);
	slots_claim(c);
	claims_flush(ty);
}

uint32_t code_closure(const struct typing *ty, uint64_t pc)
{
	uint32_t type;
	return ty->code && map_get(&ty->code->closure_types, pc, &type) ? type : TYPE_NONE;
}

void code_free(struct code *c)
{
	if (!c)
		return;
	vec_free(&c->callees);
	map_free(&c->callee_at);
	vec_free(&c->slots);
	vec_free(&c->facts_at);
	vec_free(&c->facts);
	map_free(&c->fact_index);
	map_free(&c->closure_types);
	vec_free(&c->syms);
	vec_free(&c->sym_at);
	vec_free(&c->block_at);
	vec_free(&c->states);
	vec_free(&c->state_sp);
	vec_free(&c->links);
	vec_free(&c->objects);
	vec_free(&c->values);
	vec_free(&c->cur_mem);
	free(c);
}
