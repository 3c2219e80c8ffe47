/* SPDX-License-Identifier: MIT */
/*
 * Types of package variables and stack slots by the program's code (typing_code.h), where there is no debug
 * information. All of it counts as inferred.
 */
#include <stdlib.h>

#include "graph/typing_code.h"

enum { PASSES = 2 }; /* over what the first one could not tell */

/* ---- stack slots ---- */

static int query_cmp(const void *a, const void *b)
{
	const struct slot_query *x = a, *y = b;
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

/* The question that the root asks, if it is a live slot of a frame that nothing describes. */
static bool root_query(const struct heap *h, const struct root *r, struct slot_query *ret)
{
	if (r->kind != ROOT_LOCAL || r->type < h->types->n || !r->addr || r->frame >= h->nframes || !r->nedges ||
	    (r->flags & ROOT_F_CONSERVATIVE) || r->size > UINT32_MAX)
		return false;
	const struct frame *f = &h->frames[r->frame];
	int64_t off = (int64_t)(r->addr - frame_cfa(f));
	if (!f->func->mod || f->panicked || off < -(1 << 20) || off > 1 << 20)
		return false;
	*ret = (struct slot_query){.entry = f->func->entry, .pc = f->pc, .off = (int32_t)off, .size = (uint32_t)r->size,
	                           .word = {TYPE_NONE, WORD_UNKNOWN, false}};
	return true;
}

static bool queries_collect(struct code *c)
{
	const struct heap *h = c->ty->h;
	struct slot_query q;
	size_t n = 0;
	for (uint32_t i = 0; i < h->nroots; i++)
		if (root_query(h, &h->roots[i], &q) && !vec_push(&c->slots, q))
			return false;
	if (c->slots.len)
		qsort(c->slots.data, c->slots.len, sizeof(*c->slots.data), query_cmp);
	for (size_t i = 0; i < c->slots.len; i++) /* goroutines that wait at one place ask the same */
		if (i == 0 || query_cmp(&c->slots.data[i], &c->slots.data[i - 1]) != 0)
			c->slots.data[n++] = c->slots.data[i];
	c->slots.len = n;
	return true;
}

/* ---- package variables ---- */

/* Words of data and bss that lead to objects without a type. */
static bool wanted_collect(struct code *c)
{
	const struct heap *h = c->ty->h;
	for (uint32_t i = 0; i < h->nroots; i++) {
		const struct root *r = &h->roots[i];
		if (r->kind != ROOT_GLOBAL || r->type < c->ty->t->n || !r->addr)
			continue;
		for (uint64_t e = r->first_edge; e < r->first_edge + r->nedges; e++) {
			const struct root_edge *edge = &h->root_edges[e];
			if (tw_origin(c->ty->tw[edge->target]) == ORIGIN_UNKNOWN &&
			    !map_put(&c->wanted, r->addr + edge->offset, 1))
				return false;
		}
	}
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

static int entry_cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/*
 * Once more what could not be told, now that variables, results and closures are known: functions that handle wanted
 * variables that still have no type, functions on stacks, and those that get the address of a variable.
 */
static bool functions_again(struct code *c)
{
	VEC(uint64_t) entries = {0};
	struct func f;
	bool ok = true;
	for (size_t i = 0; ok && i < c->touches.len; i++)
		if (code_known(c, c->touches.data[i].addr).kind == WORD_UNKNOWN)
			ok = vec_push(&entries, c->touches.data[i].entry);
	for (size_t i = 0; ok && i < c->slots.len; i++)
		ok = vec_push(&entries, c->slots.data[i].entry);
	c->touches.len = 0;
	if (entries.len)
		qsort(entries.data, entries.len, sizeof(*entries.data), entry_cmp);
	for (size_t i = 0; ok && i < entries.len && !c->ty->nomem && c->budget; i++)
		if ((i == 0 || entries.data[i] != entries.data[i - 1]) &&
		    program_func_entry(c->ty->h->prog, entries.data[i], &f))
			code_function(c, &f);
	vec_free(&entries);
	for (size_t n = c->given.len; c->given_at < n && !c->ty->nomem && c->budget; c->given_at++) {
		struct given with = c->given.data[c->given_at];
		c->with = &with;
		if (program_func_entry(c->ty->h->prog, with.entry, &f))
			code_function(c, &f);
		c->with = NULL;
	}
	return ok;
}

/* ---- what came out ---- */

/* Is the word the data of an interface? Then its own first word tells what it is. */
static bool is_interface_data(struct typing *ty, uint64_t addr)
{
	uint64_t word, front;
	if (!proc_word(ty->h->proc, addr - ty->word, &word) || iface_type_strict(ty, word) == TYPE_NONE)
		return false;
	/* What is in front may be a reflect.Type, whose data is the address of a descriptor. */
	return !proc_word(ty->h->proc, addr - 2u * ty->word, &front) || iface_type_strict(ty, front) == TYPE_NONE;
}

/* variable: a package variable, whose other words are behind it */
static void word_claim(struct typing *ty, uint64_t addr, uint64_t value, struct word w, bool variable)
{
	static const uint8_t kinds[] = {
		[WORD_PTR] = OP_PTR, [WORD_ROW] = OP_SLICE, [WORD_MAP] = OP_MAP, [WORD_CHAN] = OP_CHAN,
	};
	if (w.kind == WORD_UNKNOWN || w.kind == WORD_BAD || w.type >= ty->t->n || !value ||
	    is_interface_data(ty, addr) || (w.used && shape_rivals(ty, value, w.type, !variable)))
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

static void queries_claim(struct code *c)
{
	const struct heap *h = c->ty->h;
	for (uint32_t i = 0; i < h->nroots && c->slots.len; i++) {
		const struct root *r = &h->roots[i];
		struct slot_query key, *q;
		if (!root_query(h, r, &key))
			continue;
		q = bsearch(&key, c->slots.data, c->slots.len, sizeof(key), query_cmp);
		if (q && q->word.kind == WORD_VALUE)
			values_scan(c->ty, q->word.type, r->addr, 1, CLAIM_INFER);
		else if (q && r->size <= h->word && r->nedges == 1)
			word_claim(c->ty, r->addr, h->root_edges[r->first_edge].value, q->word, false);
	}
}

bool code_open(struct typing *ty)
{
	const struct code_arch *arch = code_arch(ty->h->proc->arch);
	if (ty->code || !arch)
		return ty->code != NULL;
	struct code *c = ty->code = calloc(1, sizeof(*c));
	if (!c) {
		ty->nomem = true;
		return false;
	}
	c->ty = ty;
	c->arch = arch;
	/* No more than there is, whatever the modules say. */
	uint64_t most = proc_bytes(ty->h->proc);
	for (size_t i = 0; i < ty->h->prog->nmodules; i++) {
		uint64_t text = ty->h->prog->modules[i].etext - ty->h->prog->modules[i].text;
		c->budget += text < most - c->budget ? text : most - c->budget;
	}
	c->budget *= 1 + PASSES;
	return true;
}

void typing_code(struct typing *ty)
{
	if (ty->t->dwarf || !ty->h->prog->nmodules || !code_open(ty))
		return;
	struct code *c = ty->code;
	if (!queries_collect(c) || !wanted_collect(c)) {
		ty->nomem = true;
		return;
	}
	all_functions(c);
	for (int pass = 0; pass < PASSES && !ty->nomem; pass++)
		ty->nomem |= !functions_again(c);
	facts_claim(c);
	queries_claim(c);
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
	map_free(&c->wanted);
	vec_free(&c->touches);
	vec_free(&c->given);
	map_free(&c->given_seen);
	vec_free(&c->entries);
	map_free(&c->entry_named);
	map_free(&c->makers);
	vec_free(&c->syms);
	vec_free(&c->sym_at);
	vec_free(&c->block_at);
	vec_free(&c->states);
	vec_free(&c->state_sp);
	vec_free(&c->links);
	vec_free(&c->values);
	vec_free(&c->scratch);
	vec_free(&c->insns);
	vec_free(&c->generics);
	free(c);
}
