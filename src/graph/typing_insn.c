/* SPDX-License-Identifier: MIT */
/* What one instruction does to the symbols in registers and in the frame, and what a call says of its arguments. */
#include <string.h>

#include "graph/typing_code.h"

enum {
	RESULTS = 3, /* of a call, that get symbols */
	MAX_GIVEN = 1 << 14,
};

/* ---- symbols ---- */

/* The symbols that the instruction at `off` makes: the same ones in every pass. */
static uint32_t sym_make(struct code *c, uint32_t off, uint32_t n)
{
	uint32_t first = c->sym_at.data[off];
	if (first)
		return first;
	first = (uint32_t)c->syms.len;
	for (uint32_t i = 0; i < n; i++) {
		struct sym s = {.word = {TYPE_NONE, WORD_UNKNOWN, false}};
		if (!vec_push(&c->syms, s)) {
			c->ty->nomem = true;
			return SYM_NONE;
		}
	}
	c->sym_at.data[off] = first;
	return first;
}

void code_learn(struct code *c, uint32_t s, struct word w)
{
	/* With debug information the dictionary will tell what the shapes in a closure stand for. */
	bool shape = word_is_shape(c->ty, w) && !(c->ty->t->dwarf && closure_struct_is(c->ty->t, w.type));
	if (shape || s <= SYM_NIL || sym_of(c, s)->kind != SYM_VALUE)
		return;
	sym_of(c, s)->word = word_join(c->ty, sym_of(c, s)->word, w);
}

static bool in_variables(const struct code *c, uint64_t addr)
{
	const struct program *g = c->ty->h->prog;
	for (size_t i = 0; i < g->nmodules; i++) {
		const struct module *m = &g->modules[i];
		if (addr - m->data < m->edata - m->data || addr - m->bss < m->ebss - m->bss)
			return true;
	}
	return false;
}

/* ---- the frame ---- */

/* Variables whose address is taken may change behind the code's back: they are not followed. */
static bool slot_index(const struct code *c, int64_t off, uint64_t *ret)
{
	off -= c->low;
	*ret = (uint64_t)off / c->ty->word;
	return off >= 0 && *ret < c->nslots;
}

static bool in_object(const struct code *c, int64_t off)
{
	uint64_t i;
	return slot_index(c, off, &i) && c->volatiles[i];
}

uint32_t *code_slot(struct code *c, int64_t off)
{
	uint64_t i;
	bool there = slot_index(c, off, &i) && (off - c->low) % (int64_t)c->ty->word == 0 && !c->volatiles[i];
	return there ? &c->cur[c->arch->nregs + i] : NULL;
}

/* The bytes [off, off + n) of the frame hold something else now. */
static void slots_spoil(struct code *c, int64_t off, uint64_t n)
{
	int64_t word = c->ty->word, from = off < c->low ? c->low : off, end = c->low + (int64_t)c->nslots * word;
	if (off + (int64_t)n < end)
		end = off + (int64_t)n;
	for (int64_t at = from - (from - c->low) % word; at < end; at += word) {
		uint32_t *slot = code_slot(c, at);
		if (slot)
			*slot = SYM_NONE;
	}
}

/* ---- instructions ---- */

static uint32_t address_make(struct code *c, uint32_t off, enum sym_kind kind, uint64_t value)
{
	uint32_t s = sym_make(c, off, 1);
	if (s != SYM_NONE) {
		sym_of(c, s)->kind = (uint8_t)kind;
		sym_of(c, s)->addr = value;
	}
	return s;
}

static void do_add(struct code *c, const struct insn *in, uint32_t off)
{
	if (in->base == c->arch->sp) {
		int64_t at = c->sp + in->disp;
		if (in->reg == c->arch->sp) {
			c->sp = at > INT32_MAX || at < INT32_MIN + 1 ? c->sp : (int32_t)at;
			return;
		}
		/* Of what it is the address is zeroed or copied now, if it is no variable whose address is taken. */
		if (in->reg != c->arch->fp && !in_object(c, at))
			slots_spoil(c, at, at < 0 ? (uint64_t)-at : MAX_SLOTS * 8);
		c->cur[in->reg] = address_make(c, off, SYM_FRAME, (uint64_t)at);
		return;
	}
	uint32_t s = c->cur[in->base];
	if (in->reg == c->arch->sp) { /* a large frame's stack pointer is made in another register */
		bool frame = s > SYM_NIL && sym_of(c, s)->kind == SYM_FRAME;
		int64_t at = frame ? (int64_t)sym_of(c, s)->addr + in->disp : c->sp;
		c->sp = at > INT32_MAX || at < INT32_MIN + 1 ? c->sp : (int32_t)at;
		return;
	}
	if (in->disp && s > SYM_NIL && sym_of(c, s)->kind != SYM_VALUE)
		s = address_make(c, off, sym_of(c, s)->kind, sym_of(c, s)->addr + (uint64_t)in->disp);
	else if (in->disp)
		s = SYM_NONE;
	c->cur[in->reg] = s;
}

/*
 * Where in the process a pointer to this value leads, if that is in data or bss: by the address, or by what the place
 * holds that it was loaded from. Another value may have been there before, but of the same type.
 */
static uint64_t sym_target(const struct code *c, uint32_t s)
{
	const struct sym *v = &c->syms.data[s];
	uint64_t to;
	if (s <= SYM_NIL || v->kind == SYM_FRAME)
		return 0;
	if (v->kind == SYM_CONST)
		return v->addr;
	return v->addr && proc_word(c->ty->h->proc, v->addr, &to) && in_variables(c, to) ? to : 0;
}

/* Where the instruction's operand is in the process; 0: not known. */
static uint64_t operand_addr(const struct code *c, const struct insn *in)
{
	uint64_t to = in->base == CODE_NOREG ? in->addr : sym_target(c, c->cur[in->base]);
	if (in->base != CODE_NOREG && to)
		to += (uint64_t)in->disp;
	return in_variables(c, to) ? to : 0;
}

/* The frame's slot that the operand is; false: it is none, *ret NULL: it is one that is not followed. */
static bool operand_slot(struct code *c, const struct insn *in, uint32_t **ret)
{
	uint32_t s = in->base == CODE_NOREG ? SYM_NONE : c->cur[in->base];
	bool sp = in->base == c->arch->sp, frame = !sp && s > SYM_NIL && sym_of(c, s)->kind == SYM_FRAME;
	if (sp)
		*ret = code_slot(c, c->sp + in->disp);
	else if (frame)
		*ret = code_slot(c, (int64_t)sym_of(c, s)->addr + in->disp);
	return sp || frame;
}

static void do_load(struct code *c, const struct insn *in, uint32_t off)
{
	uint32_t *slot;
	if (operand_slot(c, in, &slot)) {
		uint32_t new = !slot || *slot == SYM_NONE ? sym_make(c, off, 1) : *slot;
		if (slot)
			*slot = new;
		c->cur[in->reg] = new;
		return;
	}
	uint32_t base = in->base == CODE_NOREG ? SYM_NONE : c->cur[in->base], s = sym_make(c, off, 1);
	struct word from = {TYPE_NONE, WORD_UNKNOWN, false};
	uint64_t addr = operand_addr(c, in);
	if (base > SYM_NIL && sym_of(c, base)->kind == SYM_VALUE)
		from = word_behind(c->ty, sym_of(c, base)->word, in->disp);
	if (from.kind == WORD_UNKNOWN && addr)
		from = code_known(c, addr);
	if (from.kind != WORD_BAD)
		code_learn(c, s, from);
	if (s != SYM_NONE && addr)
		sym_of(c, s)->addr = addr;
	c->cur[in->reg] = s;
}

/* A closure is made: its struct's first word is the address of its code. */
static void closure_store(struct code *c, uint32_t base, uint32_t value)
{
	struct typing *ty = c->ty;
	struct func f;
	uint32_t old, type = sym_of(c, base)->word.type;
	if (sym_of(c, value)->kind != SYM_CONST || sym_of(c, base)->word.kind != WORD_PTR || type >= ty->t->n ||
	    ty->t->t[type].kind != KIND_STRUCT || ty->t->t[type].nfields < 2 ||
	    ty->t->t[ty->t->t[type].fields[0].type].kind != KIND_UINTPTR ||
	    !program_func_entry(ty->h->prog, sym_of(c, value)->addr, &f))
		return;
	if (map_get(&c->closure_types, f.entry, &old) && old != type)
		type = TYPE_NONE;
	if (!map_put(&c->closure_types, f.entry, type))
		ty->nomem = true;
}

static void do_store(struct code *c, const struct insn *in)
{
	uint32_t value = c->cur[in->reg], *slot;
	uint64_t addr = operand_addr(c, in);
	if (operand_slot(c, in, &slot)) {
		if (slot)
			*slot = value;
		return;
	}
	if (value <= SYM_NIL)
		return;
	uint32_t base = in->base == CODE_NOREG ? SYM_NONE : c->cur[in->base];
	if (addr) {
		struct link l = {addr, value};
		if (!vec_push(&c->links, l))
			c->ty->nomem = true;
	} else if (base > SYM_NIL && in->disp == 0) {
		closure_store(c, base, value);
	}
}

/* ---- calls ---- */

/* The type whose descriptor's address the argument is. */
static uint32_t type_argument(struct code *c, unsigned arg)
{
	uint32_t s = c->cur[c->arch->args[arg]];
	if (s <= SYM_NIL || sym_of(c, s)->kind != SYM_CONST ||
	    !program_module_of_type(c->ty->h->prog, sym_of(c, s)->addr))
		return TYPE_NONE;
	return iface_type(c->ty, sym_of(c, s)->addr, true);
}

/* The argument is a word of this kind; an address: what lies there. */
static void argument_learn(struct code *c, unsigned arg, struct word w)
{
	uint32_t s = c->cur[c->arch->args[arg]];
	struct word value = {w.type, WORD_VALUE, false};
	if (s <= SYM_NIL)
		return;
	const struct sym *v = sym_of(c, s);
	if (w.kind == WORD_PTR && v->kind == SYM_CONST && in_variables(c, v->addr))
		code_fact(c, v->addr, value);
	if (w.kind == WORD_PTR && v->kind == SYM_FRAME) {
		struct frame_value f = {(int32_t)v->addr, value};
		if (!vec_push(&c->values, f))
			c->ty->nomem = true;
	}
	code_learn(c, s, w);
}

/* What the arguments tell, and what the first result is. */
static struct word call_meaning(struct code *c, const struct callee *f)
{
	struct types *t = c->ty->t;
	struct word none = {TYPE_NONE, WORD_UNKNOWN, false};
	uint32_t type = f->kind == CALL_PLAIN || f->kind == CALL_METHOD ? f->type : type_argument(c, f->arg);
	if (f->kind == CALL_PLAIN)
		return f->result.kind == WORD_BAD ? none : f->result;
	if (type == TYPE_NONE)
		return none;
	bool is_map = t->t[type].kind == KIND_MAP;
	switch ((enum callee_kind)f->kind) {
	case CALL_NEW: return (struct word){type, WORD_PTR, false};
	case CALL_ROW: return (struct word){type, WORD_ROW, false};
	case CALL_GROW:
		argument_learn(c, f->arg2, (struct word){type, WORD_ROW, false});
		return (struct word){type, WORD_ROW, false};
	case CALL_MAKEMAP: return is_map ? (struct word){type, WORD_MAP, false} : none;
	case CALL_MAKECHAN: return t->t[type].kind == KIND_CHAN ? (struct word){type, WORD_CHAN, false} : none;
	case CALL_MAP: case CALL_MAPELEM:
		if (!is_map)
			return none;
		argument_learn(c, 1, (struct word){type, WORD_MAP, false});
		return f->kind == CALL_MAP ? none : (struct word){t->t[type].elem, WORD_PTR, false};
	case CALL_MOVE:
		argument_learn(c, 1, (struct word){type, WORD_PTR, false});
		argument_learn(c, 2, (struct word){type, WORD_PTR, false});
		return none;
	case CALL_METHOD:
		argument_learn(c, 0, (struct word){type, WORD_PTR, true});
		return f->result.kind == WORD_BAD ? none : f->result;
	case CALL_PLAIN: case CALL_NORETURN: case CALL_BARRIER: case CALL_MORESTACK: return none;
	}
	return none;
}

/* Addresses in data and bss that a function gets: composites whose type has no descriptor show in what it does. */
static void arguments_note(struct code *c, uint64_t entry)
{
	for (unsigned k = 0; k < CODE_ARGS && c->given.len < MAX_GIVEN; k++) {
		uint64_t to = sym_target(c, c->cur[c->arch->args[k]]);
		uint64_t key = entry * CODE_ARGS + k + to * UINT64_C(0x9e3779b97f4a7c15);
		uint32_t unused;
		struct given g = {entry, to, k};
		if (!in_variables(c, to) || map_get(&c->given_seen, key, &unused))
			continue;
		if (!map_put(&c->given_seen, key, 1) || !vec_push(&c->given, g))
			c->ty->nomem = true;
	}
}

static void do_call(struct code *c, const struct insn *in, uint32_t off)
{
	uint32_t i = in->addr ? code_callee(c, in->addr) : UINT32_MAX;
	struct callee f = i == UINT32_MAX ? (struct callee){.type = TYPE_NONE} : c->callees.data[i];
	if (f.kind == CALL_BARRIER) {
		c->cur[c->arch->scratch] = SYM_NONE;
		return;
	}
	struct word result = call_meaning(c, &f);
	if (f.kind == CALL_PLAIN && in->addr)
		arguments_note(c, in->addr);
	uint32_t closure = c->cur[c->arch->closure];
	memset(c->cur, 0, c->arch->nregs * sizeof(*c->cur));
	c->restarts = f.kind == CALL_MORESTACK;
	if (c->restarts) {
		c->cur[c->arch->closure] = closure;
		return;
	}
	c->live = f.kind != CALL_NORETURN;
	uint32_t first = sym_make(c, off, RESULTS);
	if (first == SYM_NONE)
		return;
	for (unsigned k = 0; k < RESULTS; k++)
		c->cur[c->arch->args[k]] = first + k;
	code_learn(c, first, result);
}

/* What the function returns first, by what it is at one of its returns. */
static void do_return(struct code *c)
{
	uint32_t i = code_callee(c, c->func.entry), s = c->cur[c->arch->args[0]];
	struct word w = {TYPE_NONE, WORD_BAD, false};
	if (i == UINT32_MAX || s == SYM_NIL)
		return;
	if (s > SYM_NIL && sym_of(c, s)->kind == SYM_VALUE)
		w = sym_of(c, s)->word;
	if (w.kind == WORD_UNKNOWN)
		w.kind = WORD_BAD;
	struct callee *f = &c->callees.data[i];
	f->result = word_join(c->ty, f->result, w);
}

/* One or two words. The first load may be into the base of the second one. */
static void do_words(struct code *c, const struct insn *in, uint32_t off)
{
	struct insn second = *in;
	second.reg = in->reg2;
	second.disp += c->ty->word;
	bool two = in->reg2 < c->arch->nregs;
	if (in->op == INSN_STORE) {
		do_store(c, in);
		if (two)
			do_store(c, &second);
		return;
	}
	if (two && in->reg == in->base)
		do_load(c, &second, off + 1); /* instructions with two registers are longer than a byte */
	do_load(c, in, off);
	if (two && in->reg != in->base)
		do_load(c, &second, off + 1);
}

void code_insn(struct code *c, const struct insn *in, uint32_t off)
{
	uint64_t target = in->addr - c->func.entry;
	switch ((enum insn_op)in->op) {
	case INSN_OTHER:
		if (in->base == c->arch->sp && in->spoils)
			slots_spoil(c, c->sp + in->disp, in->spoils);
		break;
	case INSN_CONST: c->cur[in->reg] = in->addr ? address_make(c, off, SYM_CONST, in->addr) : SYM_NIL; break;
	case INSN_ADD: do_add(c, in, off); break;
	case INSN_LOAD: case INSN_STORE: do_words(c, in, off); break;
	case INSN_CALL: do_call(c, in, off); break;
	case INSN_JUMP: case INSN_BRANCH:
		/* From morestack the function begins again as it began. */
		if (in->addr && target < c->size && !(target == 0 && c->restarts))
			code_flow(c, (uint32_t)target, off);
		break;
	case INSN_STOP:
		do_return(c);
		c->live = false;
		break;
	}
	for (uint32_t r = in->clobbers; r; r &= r - 1) {
		unsigned reg = (unsigned)__builtin_ctz(r);
		if (reg < c->arch->nregs && reg != c->arch->sp)
			c->cur[reg] = SYM_NONE;
	}
}
