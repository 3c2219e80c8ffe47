/* SPDX-License-Identifier: MIT */
/* Names and types of the places in a frame: from DWARF where it knows them, else the function and the offset. */
#include <inttypes.h>

#include "heap/stack.h"

enum {
	MAX_LOCALS = 512,
	MAX_UNNAMED = 512 /* places of one frame with a name of their own; more share one */
};

struct frame_names {
	struct frame_var *vars; /* one per piece on the stack */
	size_t nvars;
	struct frame_names *after; /* the same right behind the call, loaded when needed */
	struct unnamed {
		struct unnamed *next;
		struct frame_var var;
	} *unnamed;
	unsigned nunnamed;
	struct frame_var rest;
};

static bool add_local(struct heap *h, struct frame_names *n, const struct local *l, const struct func *fn)
{
	uint64_t size = l->type != TYPE_NONE ? h->types->t[l->type].size : 0;
	const char *name = NULL;
	for (unsigned i = 0; i < l->npieces && i < MAX_PIECES; i++) {
		const struct piece *p = &l->pieces[i];
		uint64_t len = p->size ? p->size : size;
		if (p->kind != PIECE_STACK || len == 0 || len > INT32_MAX || p->value > INT32_MAX || p->value < INT32_MIN)
			continue;
		if (!name)
			name = arena_printf(&h->arena, "%s.%s", l->func && l->func[0] ? l->func : fn->name, l->name);
		if (!name)
			return false;
		n->vars[n->nvars++] = (struct frame_var){.name = name, .from = p->value, .to = p->value + (int64_t)len,
		                                         .base = p->value - p->off, .size = size ? size : len,
		                                         .type = l->type, .line = l->decl_line};
	}
	return true;
}

/* Missing names are no reason to stop. */
static size_t find_locals(struct heap *h, const struct func *fn, uint64_t pc, struct local *locals)
{
	const struct types *t = h->types;
	size_t count = 0;
	struct hc_error *err = dwarf_locals(t->dwarf, t, pc, locals, MAX_LOCALS, &count);
	for (size_t i = 0; !err && !count && i < t->plugins.len && fn->mod != &h->prog->modules[0]; i++)
		err = dwarf_locals(t->plugins.data[i], t, pc, locals, MAX_LOCALS, &count);
	if (!err)
		return count;
	diag_add(h->diag, HC_SEV_WARNING, "variables of %s have no names: %s", fn->name, hc_error_message(err));
	hc_error_free(err);
	return 0;
}

/* Variables of generic functions have the type of their shape, until the dictionary tells more. */
static void real_types(struct heap *h, const struct func *fn, struct local *locals, size_t n)
{
	uint64_t dict = 0;
	for (size_t i = 0; i < n; i++) {
		/* an inlined function's index counts in a dictionary of its own */
		if (locals[i].dict < 0 || (locals[i].func && strcmp(locals[i].func, fn->name) != 0))
			continue;
		if (!dict && !(dict = types_dictionary(h->types, fn->name)))
			return;
		locals[i].type = types_in_dictionary(h->types, dict, (uint32_t)locals[i].dict, locals[i].type);
	}
}

static struct frame_names *names_load(struct heap *h, const struct func *fn, uint64_t pc)
{
	struct frame_names *n = arena_alloc(&h->arena, sizeof(*n));
	if (!n || !h->types->dwarf || !fn->mod)
		return n;
	struct local *locals = malloc(MAX_LOCALS * sizeof(*locals));
	size_t count = 0, pieces = 0;
	bool ok = locals != NULL;
	if (ok)
		count = find_locals(h, fn, pc, locals);
	real_types(h, fn, locals, count);
	for (size_t i = 0; i < count; i++)
		pieces += locals[i].npieces;
	n->vars = ok ? arena_alloc(&h->arena, pieces * sizeof(*n->vars) + 1) : NULL;
	ok = n->vars != NULL;
	for (size_t i = 0; ok && i < count; i++)
		ok = add_local(h, n, &locals[i], fn);
	free(locals);
	return ok ? n : NULL;
}

/* The tightest variable around the word. */
static const struct frame_var *var_find(const struct frame_names *n, int64_t off)
{
	const struct frame_var *best = NULL;
	for (size_t i = 0; i < n->nvars; i++) {
		const struct frame_var *v = &n->vars[i];
		if (off >= v->from && off < v->to && (!best || v->size < best->size))
			best = v;
	}
	return best;
}

/* What all further places share: the whole frame. */
static const struct frame_var *rest_of_frame(struct heap *h, struct frame_names *n, const struct frame *f)
{
	if (!n->rest.name) {
		n->rest.name = arena_printf(&h->arena, "%s (stack)", f->func->name);
		n->rest.from = n->rest.base = -(int64_t)f->size;
		n->rest.size = f->size;
		n->rest.type = TYPE_NONE;
	}
	return n->rest.name ? &n->rest : NULL;
}

static const struct frame_var *unnamed_at(struct heap *h, struct frame_names *n, const struct frame *f, int64_t off)
{
	for (struct unnamed *u = n->unnamed; u; u = u->next)
		if (u->var.from == off)
			return &u->var;
	if (n->nunnamed >= MAX_UNNAMED)
		return rest_of_frame(h, n, f);
	struct unnamed *u = arena_alloc(&h->arena, sizeof(*u));
	if (!u)
		return NULL;
	const struct stack_arch *arch = stack_arch(h->proc->arch);
	int64_t args = (int64_t)(frame_argp(arch, f) - frame_cfa(f));
	int64_t vars = (int64_t)(frame_varp(arch, f, h->word) - frame_cfa(f));
	u->var.name = off >= args ? arena_printf(&h->arena, "%s+%#" PRIx64, f->func->name, (uint64_t)(off - args))
	                          : arena_printf(&h->arena, "%s-%#" PRIx64, f->func->name, (uint64_t)(vars - off));
	if (!u->var.name)
		return NULL;
	u->var.from = u->var.base = off;
	u->var.size = h->word;
	u->var.type = TYPE_NONE;
	u->next = n->unnamed;
	n->unnamed = u;
	n->nunnamed++;
	return &u->var;
}

const struct frame_var *frame_var_at(struct heap *h, struct site *s, const struct frame *f, int64_t off)
{
	struct frame_names **n = &s->names[f->exact];
	if (!*n)
		*n = names_load(h, f->func, frame_lookup(f));
	if (!*n)
		return NULL;
	const struct frame_var *v = var_find(*n, off);
	if (v || f->exact)
		return v ? v : unnamed_at(h, *n, f, off);
	/*
	 * In front of a call a variable's place may still be a register, though the call found it saved on the stack. Behind
	 * the call, where registers are gone, its place is there; nothing runs in between.
	 */
	if (!(*n)->after)
		(*n)->after = names_load(h, f->func, f->pc);
	v = (*n)->after ? var_find((*n)->after, off) : NULL;
	return v ? v : unnamed_at(h, *n, f, off);
}
