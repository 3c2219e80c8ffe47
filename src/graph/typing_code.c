/* SPDX-License-Identifier: MIT */
/*
 * One function's code, run through with symbols for values: in order of address, with what is known at the beginning of
 * each basic block kept and joined, again as long as jumps backwards change that. A value that differs between two ways
 * to a block is unknown there; knowledge only ever gets less, so that it comes to an end.
 */
#include <string.h>

#include "graph/typing_code.h"

enum { MAX_PASSES = 12, MAX_FUNCTION = 1 << 20, RESULTS = 3, MAX_OBJECTS = 4096 };
#define STATE_UNSET INT32_MIN

/* ---- words ---- */

struct word word_join(struct typing *ty, struct word a, struct word b)
{
	const struct word bad = {TYPE_NONE, WORD_BAD};
	if (a.kind == WORD_UNKNOWN || b.kind == WORD_BAD)
		return b;
	if (b.kind == WORD_UNKNOWN || a.kind == WORD_BAD)
		return a;
	if (a.kind == b.kind && type_same(ty->t, a.type, b.type))
		return a;
	/* The runtime's own name for maps and channels says less. */
	bool weak_a = prog_of(ty, a.type)->flags & PROG_WEAK, weak_b = prog_of(ty, b.type)->flags & PROG_WEAK;
	if (weak_a != weak_b)
		return weak_a ? b : a;
	if (a.kind != b.kind) { /* a composite literal [3]T behind a slice */
		struct word row = a.kind == WORD_ROW ? a : b, ptr = a.kind == WORD_ROW ? b : a;
		return row.kind == WORD_ROW && ptr.kind == WORD_PTR && type_starts_with(ty->t, ptr.type, row.type) ? row : bad;
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
	if (w.kind == WORD_UNKNOWN || (w.type < c->ty->t->n && c->ty->t->t[w.type].flags & TYPE_F_SHAPE))
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

struct word code_known(const struct code *c, uint64_t addr)
{
	uint32_t i;
	return map_get(&c->fact_index, addr, &i) ? c->facts.data[i] : (struct word){TYPE_NONE, WORD_UNKNOWN};
}

/* ---- symbols ---- */

static struct sym *sym_of(struct code *c, uint32_t s)
{
	return &c->syms.data[s];
}

/* The symbols that the instruction at `off` makes: the same ones in every pass. */
static uint32_t sym_make(struct code *c, uint32_t off, uint32_t n)
{
	uint32_t first = c->sym_at.data[off];
	if (first)
		return first;
	first = (uint32_t)c->syms.len;
	for (uint32_t i = 0; i < n; i++) {
		struct sym s = {.word = {TYPE_NONE, WORD_UNKNOWN}};
		if (!vec_push(&c->syms, s)) {
			c->ty->nomem = true;
			return SYM_NONE;
		}
	}
	c->sym_at.data[off] = first;
	return first;
}

static void sym_learn(struct code *c, uint32_t s, struct word w)
{
	/* Shapes stand for several types in shared code. */
	if (w.type < c->ty->t->n && c->ty->t->t[w.type].flags & TYPE_F_SHAPE)
		return;
	if (s <= SYM_NIL || sym_of(c, s)->kind != SYM_VALUE)
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
static void flow_to(struct code *c, uint32_t off, uint32_t from)
{
	uint32_t block = c->block_at.data[off];
	uint32_t *to = state_at(c, block);
	bool changed = false;
	if (c->state_sp.data[block - 1] == STATE_UNSET) {
		memcpy(to, c->cur, c->stride * sizeof(*to));
		c->state_sp.data[block - 1] = c->sp;
		changed = true;
	} else if (c->state_sp.data[block - 1] == c->sp) {
		for (uint32_t i = 0; i < c->stride; i++) {
			uint32_t v = value_join(c, to[i], c->cur[i]);
			changed |= v != to[i];
			to[i] = v;
		}
	}
	if (changed && off <= from)
		c->again = true;
}

/* Variables whose address is taken may change behind the code's back: they are not followed. */
static bool in_object(const struct code *c, int64_t off)
{
	for (size_t i = 0; i < c->objects.len; i++)
		if (off >= c->objects.data[i].from && off < c->objects.data[i].to)
			return true;
	return false;
}

static uint32_t *slot_of(struct code *c, int64_t off)
{
	if (c->objects.len && in_object(c, off))
		return NULL;
	off -= c->low;
	uint64_t word = c->ty->word;
	return off < 0 || off % (int64_t)word || (uint64_t)off / word >= c->nslots
	               ? NULL
	               : &c->cur[c->arch->nregs + (uint64_t)off / word];
}

/* The bytes [off, off + n) of the frame hold something else now. */
static void slots_spoil(struct code *c, int64_t off, uint64_t n)
{
	int64_t word = c->ty->word, from = off < c->low ? c->low : off, end = c->low + (int64_t)c->nslots * word;
	if (off + (int64_t)n < end)
		end = off + (int64_t)n;
	for (int64_t at = from - (from - c->low) % word; at < end; at += word) {
		uint32_t *slot = slot_of(c, at);
		if (slot)
			*slot = SYM_NONE;
	}
}

/* ---- instructions ---- */

static struct word field_word(struct code *c, struct word base, int64_t off)
{
	struct typing *ty = c->ty;
	struct word none = {TYPE_NONE, WORD_UNKNOWN};
	uint64_t at;
	if ((base.kind != WORD_PTR && base.kind != WORD_ROW) || off < 0 || base.type >= ty->t->n ||
	    (uint64_t)off >= ty->t->t[base.type].size)
		return none;
	const struct op *op = op_find(ty, base.type, (uint64_t)off, &at);
	if (!op)
		return none;
	switch ((enum op_kind)op->kind) {
	case OP_PTR: return (struct word){op->type, WORD_PTR};
	case OP_SLICE: return (struct word){op->type, WORD_ROW};
	case OP_MAP: return (struct word){op->type, WORD_MAP};
	case OP_CHAN: return (struct word){op->type, WORD_CHAN};
	case OP_STRING: case OP_EFACE: case OP_IFACE: case OP_FUNC: case OP_ARRAY: case OP_COUNTED: case OP_REFLECT:
		return none;
	}
	return none;
}

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
		*ret = slot_of(c, c->sp + in->disp);
	else if (frame)
		*ret = slot_of(c, (int64_t)sym_of(c, s)->addr + in->disp);
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
	struct word from = {TYPE_NONE, WORD_UNKNOWN};
	uint64_t addr = operand_addr(c, in);
	if (base > SYM_NIL && sym_of(c, base)->kind == SYM_VALUE)
		from = field_word(c, sym_of(c, base)->word, in->disp);
	if (from.kind == WORD_UNKNOWN && addr)
		from = code_known(c, addr);
	if (from.kind != WORD_BAD)
		sym_learn(c, s, from);
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
	if (s <= SYM_NIL || sym_of(c, s)->kind != SYM_CONST || !program_module_of_type(c->ty->h->prog, sym_of(c, s)->addr))
		return TYPE_NONE;
	return iface_type(c->ty, sym_of(c, s)->addr, true);
}

/* The argument is a word of this kind; an address: what lies there. */
static void argument_learn(struct code *c, unsigned arg, struct word w)
{
	uint32_t s = c->cur[c->arch->args[arg]];
	struct word value = {w.type, WORD_VALUE};
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
	sym_learn(c, s, w);
}

/* What the arguments tell, and what the first result is. */
static struct word call_meaning(struct code *c, const struct callee *f)
{
	struct types *t = c->ty->t;
	struct word none = {TYPE_NONE, WORD_UNKNOWN};
	uint32_t type = f->kind == CALL_PLAIN || f->kind == CALL_METHOD ? f->type : type_argument(c, f->arg);
	if (f->kind == CALL_PLAIN)
		return f->result.kind == WORD_BAD ? none : f->result;
	if (type == TYPE_NONE)
		return none;
	bool is_map = t->t[type].kind == KIND_MAP;
	switch ((enum callee_kind)f->kind) {
	case CALL_NEW: return (struct word){type, WORD_PTR};
	case CALL_ROW: return (struct word){type, WORD_ROW};
	case CALL_GROW:
		argument_learn(c, f->arg2, (struct word){type, WORD_ROW});
		return (struct word){type, WORD_ROW};
	case CALL_MAKEMAP: return is_map ? (struct word){type, WORD_MAP} : none;
	case CALL_MAKECHAN: return t->t[type].kind == KIND_CHAN ? (struct word){type, WORD_CHAN} : none;
	case CALL_MAP: case CALL_MAPELEM:
		if (!is_map)
			return none;
		argument_learn(c, 1, (struct word){type, WORD_MAP});
		return f->kind == CALL_MAP ? none : (struct word){t->t[type].elem, WORD_PTR};
	case CALL_MOVE:
		argument_learn(c, 1, (struct word){type, WORD_PTR});
		argument_learn(c, 2, (struct word){type, WORD_PTR});
		return none;
	case CALL_METHOD:
		argument_learn(c, 0, (struct word){type, WORD_PTR});
		return f->result.kind == WORD_BAD ? none : f->result;
	case CALL_PLAIN: case CALL_NORETURN: case CALL_BARRIER: case CALL_MORESTACK: return none;
	}
	return none;
}

/* Addresses in data and bss that a function gets: composites whose type has no descriptor show in what it does. */
static void arguments_note(struct code *c, struct callee *f)
{
	for (unsigned k = 0; k < CODE_ARGS; k++) {
		uint64_t to = f->given[k] ? 0 : sym_target(c, c->cur[c->arch->args[k]]);
		if (to && in_variables(c, to))
			f->given[k] = to;
	}
}

static void do_call(struct code *c, const struct insn *in, uint32_t off)
{
	uint32_t i = in->addr ? code_callee(c, in->addr) : UINT32_MAX;
	struct callee f = i == UINT32_MAX ? (struct callee){.type = TYPE_NONE} : *code_callee_at(c, i);
	if (f.kind == CALL_BARRIER) {
		c->cur[c->arch->scratch] = SYM_NONE;
		return;
	}
	struct word result = call_meaning(c, &f);
	if (i != UINT32_MAX && (f.kind == CALL_PLAIN || f.kind == CALL_METHOD))
		arguments_note(c, &c->callees.data[i]);
	uint32_t closure = c->cur[c->arch->closure];
	memset(c->cur, 0, c->arch->nregs * sizeof(*c->cur));
	if (f.kind == CALL_MORESTACK) {
		c->cur[c->arch->closure] = closure;
		return;
	}
	c->live = f.kind != CALL_NORETURN;
	uint32_t first = sym_make(c, off, RESULTS);
	if (first == SYM_NONE)
		return;
	for (unsigned k = 0; k < RESULTS; k++)
		c->cur[c->arch->args[k]] = first + k;
	sym_learn(c, first, result);
}

/* ---- the walk ---- */

/* What the function returns first, by what it is at one of its returns. */
static void do_return(struct code *c)
{
	uint32_t i = code_callee(c, c->func.entry), s = c->cur[c->arch->args[0]];
	struct word w = s > SYM_NIL && sym_of(c, s)->kind == SYM_VALUE ? sym_of(c, s)->word : (struct word){TYPE_NONE, WORD_BAD};
	if (i == UINT32_MAX || s == SYM_NIL)
		return;
	if (w.kind == WORD_UNKNOWN)
		w.kind = WORD_BAD;
	struct callee *f = &c->callees.data[i];
	f->result = word_join(c->ty, f->result, w);
}

static void do_insn(struct code *c, const struct insn *in, uint32_t off)
{
	uint64_t target = in->addr - c->func.entry;
	switch ((enum insn_op)in->op) {
	case INSN_OTHER:
		if (in->base == c->arch->sp && in->spoils)
			slots_spoil(c, c->sp + in->disp, in->spoils);
		break;
	case INSN_CONST: c->cur[in->reg] = in->addr ? address_make(c, off, SYM_CONST, in->addr) : SYM_NIL; break;
	case INSN_ADD: do_add(c, in, off); break;
	case INSN_LOAD: do_load(c, in, off); break;
	case INSN_STORE: do_store(c, in); break;
	case INSN_CALL: do_call(c, in, off); break;
	case INSN_JUMP:
		if (in->addr && target < c->size)
			flow_to(c, (uint32_t)target, off);
		c->live = false;
		break;
	case INSN_BRANCH:
		if (target < c->size)
			flow_to(c, (uint32_t)target, off);
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

/* Blocks begin where jumps lead to. False: the code cannot be read. */
static bool find_blocks(struct code *c)
{
	struct insn in;
	uint32_t nblocks = 0;
	int32_t sp = 0, low = 0;
	for (uint32_t off = 0; off < c->size; off += in.len) {
		if (!c->budget || !c->arch->decode(c->text + off, c->size - off, c->func.entry + off, &in))
			return false;
		c->budget--;
		uint64_t target = in.addr - c->func.entry;
		if ((in.op == INSN_JUMP || in.op == INSN_BRANCH) && in.addr && target < c->size && !c->block_at.data[target])
			c->block_at.data[target] = ++nblocks;
		if (in.op == INSN_ADD && in.reg == c->arch->sp && in.base == c->arch->sp && in.disp < 0 && in.disp > -(1 << 24)) {
			sp += (int32_t)in.disp;
			if (sp < low)
				low = sp;
			sp = in.disp < -8 ? 0 : sp;
		}
	}
	c->low = low - c->arch->call_push - 16;
	uint64_t words = (uint64_t)-(int64_t)c->low / c->ty->word + 32;
	c->nslots = words > MAX_SLOTS ? MAX_SLOTS : (uint32_t)words;
	c->stride = c->arch->nregs + c->nslots;
	size_t want = (size_t)nblocks * c->stride;
	if (!vec_reserve(&c->states, want + 1) || !vec_reserve(&c->state_sp, (size_t)nblocks + 1) ||
	    !vec_reserve(&c->cur_mem, c->stride)) {
		c->ty->nomem = true;
		return false;
	}
	for (uint32_t i = 0; i < nblocks; i++)
		c->state_sp.data[i] = STATE_UNSET;
	c->cur = c->cur_mem.data;
	return true;
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
	struct callee f = *code_callee_at(c, i);
	for (unsigned k = 0; k < CODE_ARGS; k++)
		c->cur[c->arch->args[k]] = first + k;
	c->cur[c->arch->closure] = first + CODE_ARGS;
	if (f.kind == CALL_METHOD)
		sym_learn(c, first, (struct word){f.type, WORD_PTR});
	for (unsigned k = 0; k < CODE_ARGS && f.kind == CALL_PLAIN; k++) {
		if (!f.given[k])
			continue;
		sym_of(c, first + k)->kind = SYM_CONST;
		sym_of(c, first + k)->addr = f.given[k];
	}
	if (map_get(&c->closure_types, c->func.entry, &type) && type != TYPE_NONE)
		sym_learn(c, first + CODE_ARGS, (struct word){type, WORD_PTR});
}

static size_t slots_from(const struct code *c, uint64_t entry)
{
	size_t lo = 0, hi = c->slots.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->slots.data[mid].entry < entry)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void slots_note(struct code *c, size_t from, uint64_t pc)
{
	for (size_t i = from; i < c->slots.len && c->slots.data[i].entry == c->func.entry; i++) {
		struct slot_query *q = &c->slots.data[i];
		uint32_t *slot = q->pc == pc ? slot_of(c, q->off) : NULL;
		if (q->pc == pc)
			q->sym = slot ? *slot : SYM_NONE;
	}
}

static void walk(struct code *c)
{
	size_t slots = slots_from(c, c->func.entry);
	bool asked = slots < c->slots.len && c->slots.data[slots].entry == c->func.entry;
	struct insn in;
	function_entry(c);
	c->again = false;
	for (uint32_t off = 0; off < c->size && !c->ty->nomem; off += in.len) {
		uint32_t block = c->block_at.data[off];
		if (block) {
			if (c->live)
				flow_to(c, off, UINT32_MAX);
			c->live = c->state_sp.data[block - 1] != STATE_UNSET;
			if (c->live) {
				memcpy(c->cur, state_at(c, block), c->stride * sizeof(*c->cur));
				c->sp = c->state_sp.data[block - 1];
			}
		}
		if (!c->arch->decode(c->text + off, c->size - off, c->func.entry + off, &in))
			return;
		if (asked && c->live)
			slots_note(c, slots, c->func.entry + off);
		if (c->live)
			do_insn(c, &in, off);
	}
}

static void conclude(struct code *c)
{
	for (size_t i = 0; i < c->links.len; i++)
		code_fact(c, c->links.data[i].addr, sym_of(c, c->links.data[i].sym)->word);
	for (size_t i = 0; i < c->syms.len; i++)
		if (c->syms.data[i].kind == SYM_VALUE && c->syms.data[i].addr)
			code_fact(c, c->syms.data[i].addr, c->syms.data[i].word);
	for (size_t i = slots_from(c, c->func.entry); i < c->slots.len && c->slots.data[i].entry == c->func.entry; i++) {
		struct slot_query *q = &c->slots.data[i];
		if (q->sym > SYM_NIL && q->sym < c->syms.len && sym_of(c, q->sym)->kind == SYM_VALUE)
			q->word = sym_of(c, q->sym)->word;
		for (size_t k = 0; k < c->values.len && q->word.kind != WORD_BAD; k++) {
			const struct frame_value *v = &c->values.data[k];
			if (v->off == q->off && c->ty->t->t[v->word.type].size <= q->size)
				q->word = word_join(c->ty, q->word, v->word);
		}
	}
}

/* The variables whose address is taken: count, then records of offset, size, pointer words, mask (runtime/stack.go). */
static void objects_load(struct code *c)
{
	const struct proc *p = c->ty->h->proc;
	uint64_t list = func_funcdata(&c->func, FUNCDATA_STACKOBJECTS), n, off, size;
	uint64_t record = c->ty->h->prog->minor <= 17 ? 24 : 16, word = c->ty->word;
	c->objects.len = 0;
	if (!list || !proc_word(p, list, &n) || n > MAX_OBJECTS)
		return;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = list + word + i * record;
		if (!proc_uint(p, at, 4, &off) || !proc_uint(p, at + 4, 4, &size) || size > INT32_MAX)
			return;
		/* Locals count from below the return address and the saved frame pointer. */
		int64_t from = (int32_t)off < 0 ? (int32_t)off - 2 * (int64_t)word : (int32_t)off;
		struct extent e = {(int32_t)from, (int32_t)(from + (int64_t)size)};
		if (from < INT32_MIN / 2 || !vec_push(&c->objects, e))
			return;
	}
}

void code_function(struct code *c, const struct func *f)
{
	uint64_t avail;
	struct sym none = {.word = {TYPE_NONE, WORD_UNKNOWN}};
	c->func = *f;
	c->text = proc_view(c->ty->h->proc, f->entry, &avail);
	if (!c->text || f->end <= f->entry || f->end - f->entry > MAX_FUNCTION || avail < f->end - f->entry)
		return;
	c->size = (uint32_t)(f->end - f->entry);
	c->syms.len = c->links.len = c->values.len = 0;
	if (!vec_reserve(&c->sym_at, c->size) || !vec_reserve(&c->block_at, c->size) || !vec_reserve(&c->syms, 64)) {
		c->ty->nomem = true;
		return;
	}
	memset(c->sym_at.data, 0, c->size * sizeof(*c->sym_at.data));
	memset(c->block_at.data, 0, c->size * sizeof(*c->block_at.data));
	for (unsigned i = 0; i < 2 + CODE_ARGS + 1; i++)
		c->syms.data[c->syms.len++] = none;
	if (!find_blocks(c))
		return;
	objects_load(c);
	for (int pass = 0; pass < MAX_PASSES && !c->ty->nomem; pass++) {
		walk(c);
		if (!c->again) {
			conclude(c);
			return;
		}
	}
}
