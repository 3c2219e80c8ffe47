/* SPDX-License-Identifier: MIT */
/*
 * One function's code, run through with symbols for values: in order of address, with what is known at the beginning of
 * each basic block kept and joined, again as long as jumps backwards change that. A value that differs between two ways
 * to a block is unknown there; knowledge only ever gets less, so that it comes to an end.
 */
#include <string.h>

#include "graph/typing_code.h"

enum {
	MAX_PASSES = 12,
	MAX_FUNCTION = 1 << 20, /* bytes */
	MAX_STATES = 1 << 22,   /* values kept for all blocks of a function */
	MAX_OBJECTS = 4096,
	MAX_FRAME = 1 << 24,
	SPILL_WORDS = 12,       /* where arguments in registers are kept, behind those on the stack */
};
#define STATE_UNSET INT32_MIN

/* ---- states ---- */

static uint32_t *state_at(struct code *c, uint32_t block)
{
	return c->states.data + (size_t)(block - 1) * c->stride;
}

/* Two values at one place: the one that both are. */
static uint32_t value_join(struct code *c, uint32_t a, uint32_t b)
{
	if (a == b || b == SYM_NIL)
		return a;
	if (a == SYM_NIL)
		return b;
	if (a == SYM_NONE || b == SYM_NONE)
		return SYM_NONE;
	const struct sym *x = sym_of(c, a), *y = sym_of(c, b);
	if (x->kind == y->kind && x->kind != SYM_VALUE)
		return x->addr == y->addr ? a : SYM_NONE;
	bool same = x->kind == y->kind && x->word.kind == y->word.kind && x->word.kind != WORD_UNKNOWN &&
	            x->word.kind != WORD_BAD && x->word.type == y->word.type;
	return same ? a : SYM_NONE;
}

/* Control gets from here to the block at `off`. */
void code_flow(struct code *c, uint32_t off, uint32_t from)
{
	uint32_t block = c->block_at.data[off];
	uint32_t *to = state_at(c, block);
	uint64_t cost = 1 + c->stride / 64;
	bool changed = false;
	c->budget -= cost < c->budget ? cost : c->budget;
	if (c->state_sp.data[block - 1] == STATE_UNSET) {
		memcpy(to, c->cur, c->stride * sizeof(*to));
		c->state_sp.data[block - 1] = c->sp;
		changed = true;
	} else if (c->state_sp.data[block - 1] == c->sp) {
		for (uint32_t i = 0; i < c->stride; i++) {
			if (to[i] == c->cur[i] || to[i] == SYM_NONE)
				continue;
			uint32_t v = value_join(c, to[i], c->cur[i]);
			changed |= v != to[i];
			to[i] = v;
		}
	}
	if (changed && off <= from)
		c->again = true;
}

/* ---- a function ---- */

/* All instructions, and where jumps lead to: there blocks begin. False: the code cannot be read. */
static bool find_blocks(struct code *c, uint32_t *nblocks)
{
	struct insn in;
	int32_t sp = 0, low = 0;
	*nblocks = 0;
	c->insns.len = 0;
	for (uint32_t off = 0; off < c->size; off += in.len) {
		if (!c->budget || !c->arch->decode(c->text + off, c->size - off, c->func.entry + off, &in))
			return false;
		c->budget--;
		if (!vec_push(&c->insns, in)) {
			c->ty->nomem = true;
			return false;
		}
		uint64_t target = in.addr - c->func.entry;
		bool jump = (in.op == INSN_JUMP || in.op == INSN_BRANCH) && in.addr && target < c->size;
		if (jump && !c->block_at.data[target])
			c->block_at.data[target] = ++*nblocks;
		if (in.op != INSN_ADD || in.base != c->arch->sp || in.disp >= 0 || in.disp < -MAX_FRAME)
			continue;
		sp += (int32_t)in.disp;
		low = sp < low ? sp : low;
		sp = in.disp < -8 ? 0 : sp; /* what is not a push makes room for all the frame */
	}
	c->low = low - c->arch->call_push - 16;
	return true;
}

static bool states_init(struct code *c, uint32_t nblocks)
{
	uint64_t args = c->func.args > 0 && c->func.args < MAX_FRAME ? (uint64_t)c->func.args / c->ty->word : 0;
	uint64_t words = (uint64_t)-(int64_t)c->low / c->ty->word + args + SPILL_WORDS;
	c->nslots = words > MAX_SLOTS ? MAX_SLOTS : (uint32_t)words;
	c->stride = c->arch->nregs + c->nslots;
	uint64_t want = (uint64_t)(nblocks + 1) * c->stride;
	if (want > MAX_STATES)
		return false;
	if (!vec_reserve(&c->states, want) || !vec_reserve(&c->state_sp, (size_t)nblocks + 1) ||
	    !vec_reserve(&c->scratch, 2 * (size_t)c->stride)) {
		c->ty->nomem = true;
		return false;
	}
	for (uint32_t i = 0; i < nblocks; i++)
		c->state_sp.data[i] = STATE_UNSET;
	c->cur = c->scratch.data;
	c->table = c->scratch.data + c->stride;
	return true;
}

/* The variables whose address is taken: count, then records of offset, size, pointer words, mask (runtime/stack.go). */
static void volatiles_load(struct code *c)
{
	const struct proc *p = c->ty->h->proc;
	uint64_t list = func_funcdata(&c->func, FUNCDATA_STACKOBJECTS), n, off, size;
	uint64_t record = c->ty->h->prog->minor <= 17 ? 24 : 16;
	int64_t word = c->ty->word;
	memset(c->volatiles, 0, sizeof(c->volatiles));
	if (!list || !proc_word(p, list, &n) || n > MAX_OBJECTS)
		return;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = list + (uint64_t)word + i * record;
		if (!proc_uint(p, at, 4, &off) || !proc_uint(p, at + 4, 4, &size))
			return;
		int64_t from = (int32_t)off + ((int32_t)off < 0 ? c->arch->locals : c->arch->stack_args) - c->low;
		int64_t to = from + (int64_t)size;
		for (int64_t k = from < 0 ? 0 : from / word; k < c->nslots && k * word < to; k++)
			c->volatiles[k] = true;
	}
}

/* What the function finds in registers: its receiver, the variables it captured. */
static void function_entry(struct code *c)
{
	memset(c->cur, 0, c->stride * sizeof(*c->cur));
	c->sp = -(int32_t)c->arch->call_push;
	c->live = true;
	uint32_t i = code_callee(c, c->func.entry), type, first = 2;
	if (i == UINT32_MAX)
		return;
	struct callee f = c->callees.data[i];
	for (unsigned k = 0; k < CODE_ARGS; k++)
		c->cur[c->arch->args[k]] = first + k;
	c->cur[c->arch->closure] = first + CODE_ARGS;
	if (f.kind == CALL_METHOD)
		code_learn(c, first, (struct word){f.type, WORD_PTR, false});
	if (c->with) {
		sym_of(c, first + c->with->arg)->kind = SYM_CONST;
		sym_of(c, first + c->with->arg)->addr = c->with->addr;
	}
	if (map_get(&c->closure_types, c->func.entry, &type) && type != TYPE_NONE)
		code_learn(c, first + CODE_ARGS, (struct word){type, WORD_PTR, false});
}

/* ---- questions ---- */

static int query_cmp(const struct slot_query *a, uint64_t entry, uint64_t pc)
{
	if (a->entry != entry)
		return a->entry < entry ? -1 : 1;
	return (a->pc > pc) - (a->pc < pc);
}

/* The first question of the list that is not before this place. */
static size_t query_from(const struct code *c, uint64_t entry, uint64_t pc)
{
	size_t lo = 0, hi = c->slots.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (query_cmp(&c->slots.data[mid], entry, pc) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void queries_note(struct code *c, uint64_t pc)
{
	for (size_t i = query_from(c, c->func.entry, pc); i < c->slots.len; i++) {
		struct slot_query *q = &c->slots.data[i];
		uint32_t *slot = code_slot(c, q->off);
		if (query_cmp(q, c->func.entry, pc) != 0)
			return;
		q->sym = slot ? *slot : SYM_NONE;
	}
}

static void queries_answer(struct code *c)
{
	for (size_t i = query_from(c, c->func.entry, 0); i < c->slots.len; i++) {
		struct slot_query *q = &c->slots.data[i];
		if (q->entry != c->func.entry)
			return;
		if (q->sym > SYM_NIL && q->sym < c->syms.len && sym_of(c, q->sym)->kind == SYM_VALUE)
			q->word = sym_of(c, q->sym)->word;
		for (size_t k = 0; k < c->values.len && q->word.kind != WORD_BAD; k++) {
			const struct frame_value *v = &c->values.data[k];
			if (v->off == q->off && c->ty->t->t[v->word.type].size <= q->size)
				q->word = word_join(c->ty, q->word, v->word);
		}
	}
}

/* ---- the walk ---- */

/* The state at the beginning of the instruction; false: control does not get there. */
static bool arrive(struct code *c, uint32_t off)
{
	uint32_t block = c->block_at.data[off];
	if (block && c->live)
		code_flow(c, off, UINT32_MAX);
	if (block && c->state_sp.data[block - 1] != STATE_UNSET) {
		memcpy(c->cur, state_at(c, block), c->stride * sizeof(*c->cur));
		c->sp = c->state_sp.data[block - 1];
		return true;
	}
	if (!c->live && c->table_sp != STATE_UNSET) { /* a case of a switch, which a table leads to */
		memcpy(c->cur, c->table, c->stride * sizeof(*c->cur));
		c->sp = c->table_sp;
		return true;
	}
	return c->live;
}

static void walk(struct code *c)
{
	size_t first = query_from(c, c->func.entry, 0);
	bool asked = first < c->slots.len && c->slots.data[first].entry == c->func.entry;
	uint32_t off = 0;
	function_entry(c);
	c->again = c->restarts = false;
	c->table_sp = STATE_UNSET;
	c->values.len = c->links.len = 0;
	for (size_t i = 0; i < c->insns.len && !c->ty->nomem && c->budget; i++) {
		const struct insn *in = &c->insns.data[i];
		c->live = arrive(c, off);
		if (c->live && asked)
			queries_note(c, c->func.entry + off);
		if (c->live)
			code_insn(c, in, off);
		if (c->live && in->op == INSN_JUMP && !in->addr) {
			memcpy(c->table, c->cur, c->stride * sizeof(*c->cur));
			c->table_sp = c->sp;
		}
		if (in->op == INSN_JUMP)
			c->live = false;
		off += in->len;
	}
}

static void conclude(struct code *c)
{
	for (size_t i = 0; i < c->links.len; i++)
		code_touch(c, c->links.data[i].addr, sym_of(c, c->links.data[i].sym)->word);
	for (size_t i = 0; i < c->syms.len; i++)
		if (c->syms.data[i].kind == SYM_VALUE && c->syms.data[i].addr)
			code_touch(c, c->syms.data[i].addr, c->syms.data[i].word);
	queries_answer(c);
}

void code_function(struct code *c, const struct func *f)
{
	uint64_t avail;
	uint32_t nblocks;
	struct sym none = {.word = {TYPE_NONE, WORD_UNKNOWN, false}};
	c->func = *f;
	c->text = proc_view(c->ty->h->proc, f->entry, &avail);
	if (!c->text || f->end <= f->entry || f->end - f->entry > MAX_FUNCTION || avail < f->end - f->entry)
		return;
	c->size = (uint32_t)(f->end - f->entry);
	c->syms.len = 0;
	if (!vec_reserve(&c->sym_at, c->size) || !vec_reserve(&c->block_at, c->size) || !vec_reserve(&c->syms, 64)) {
		c->ty->nomem = true;
		return;
	}
	memset(c->sym_at.data, 0, c->size * sizeof(*c->sym_at.data));
	memset(c->block_at.data, 0, c->size * sizeof(*c->block_at.data));
	for (unsigned i = 0; i < 2 + CODE_ARGS + 1; i++)
		c->syms.data[c->syms.len++] = none;
	if (!find_blocks(c, &nblocks) || !states_init(c, nblocks))
		return;
	volatiles_load(c);
	for (int pass = 0; pass < MAX_PASSES && !c->ty->nomem && c->budget; pass++) {
		walk(c);
		if (!c->again && c->budget) {
			conclude(c);
			return;
		}
	}
}
