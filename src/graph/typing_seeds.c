/* SPDX-License-Identifier: MIT */
/*
 * Where types enter: what the allocator recorded, package variables, variables on stacks, finalizers, cleanups and weak
 * handles. Everything else follows from these.
 */
#include "graph/typing_priv.h"

/* ---- recorded types ---- */

/*
 * A header or largeType names the element. Whether the object is one value or a row of them shows in its size: a single
 * value gets the size class of its type.
 */
static void recorded_set(struct typing *ty, uint32_t span, uint32_t id, uint64_t rtype)
{
	uint32_t type = iface_type(ty, rtype, true);
	const struct prog *p = type == TYPE_NONE ? NULL : prog_of(ty, type);
	uint64_t usable = span_usable(ty->h, span);
	if (!p || !p->size || p->size > usable)
		return;
	uint64_t min = span_min_request(ty, &ty->h->spans[span], usable);
	uint64_t n = p->size >= min ? 1 : usable / p->size, slack = usable - n * p->size;
	ty->tw[id] = type | (uint32_t)ORIGIN_EXACT << TW_ORIGIN_SHIFT | TW_RECORDED | (n > 1 ? TW_ARRAY : 0);
	ty->slack[id] = slack > UINT16_MAX ? UINT16_MAX : (uint16_t)slack;
}

static void recorded_types(struct typing *ty)
{
	const struct heap *h = ty->h;
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		uint64_t rtype;
		if (h->info[i].maskkind == MASK_LARGE && h->info[i].type && bit_get(h->alloc, s->first))
			recorded_set(ty, i, s->first, h->info[i].type);
		if (!(s->flags & SPAN_HEADER) || (s->flags & SPAN_NOSCAN))
			continue;
		for (uint32_t id = s->first; id < s->first + s->nelems; id++)
			if (bit_get(h->alloc, id) && proc_word(h->proc, span_slot_addr(s, id), &rtype) && rtype)
				recorded_set(ty, i, id, rtype);
	}
}

/* Queued last: what the roots say comes first, so that counts of slices are known early. */
static void recorded_queue(struct typing *ty)
{
	const struct heap *h = ty->h;
	for (uint32_t i = 0; i < h->nspans; i++) {
		const struct span *s = &h->spans[i];
		if (h->info[i].maskkind != MASK_LARGE && !(s->flags & SPAN_HEADER))
			continue;
		for (uint32_t id = s->first; id < s->first + s->nelems; id++)
			if (ty->tw[id] & TW_RECORDED)
				typing_queue(ty, i, id);
	}
}

/* ---- package variables ---- */

static bool in_data(const struct heap *h, uint64_t addr, uint64_t size)
{
	for (size_t i = 0; i < h->prog->nmodules; i++) {
		const struct module *m = &h->prog->modules[i];
		if ((addr >= m->data && addr < m->edata && size <= m->edata - addr) ||
		    (addr >= m->bss && addr < m->ebss && size <= m->ebss - addr))
			return true;
	}
	return false;
}

static void global_variables(struct typing *ty)
{
	const struct types *t = ty->t;
	for (size_t i = 0; i < t->nglobals; i++) {
		const struct global *g = &t->globals[i];
		if (g->type < t->n && t->t[g->type].ptr_words && in_data(ty->h, g->addr, t->t[g->type].size))
			values_scan(ty, g->type, g->addr, 1, CLAIM_EXACT);
	}
}

/* ---- variables on stacks ---- */

/*
 * Only the pointers that the collector found live: the rest of a frame is full of what was there before. What was found
 * by looking at all words may be dead, too, and is worth no more than a guess.
 */
static void stack_variable(struct typing *ty, const struct root *r)
{
	const struct heap *h = ty->h;
	unsigned flags = r->flags & ROOT_F_CONSERVATIVE ? CLAIM_INFER : CLAIM_EXACT;
	for (uint64_t i = r->first_edge; i < r->first_edge + r->nedges; i++) {
		const struct root_edge *e = &h->root_edges[i];
		uint64_t at;
		const struct op *op = op_find(ty, r->type, e->offset, &at);
		if (!op)
			continue;
		if (r->addr && (op->kind == OP_STRING || op->kind == OP_SLICE))
			vague_claim(ty, op, r->addr + at, flags);
		else if (r->addr)
			op_at(ty, op, r->addr + at, flags);
		else
			op_value(ty, op, e->value, flags);
	}
}

/* ---- finalizers, cleanups, weak handles ---- */

/*
 * AddCleanup(ptr, fn, arg) keeps a copy of arg for fn. From 1.26 on the record has the address of the copy; before, fn
 * is a closure of the runtime's with the user's function and the copy, in this order.
 */
static void cleanup_argument(struct typing *ty, uint64_t fn, uint64_t arg)
{
	if (!arg && (!proc_word(ty->h->proc, fn + 2u * ty->word, &arg) || !proc_word(ty->h->proc, fn + ty->word, &fn)))
		return;
	uint32_t type = func_parameter(ty, fn);
	if (type >= ty->t->n && proc_word(ty->h->proc, fn, &fn)) /* 1.25's closure has the address of the func variable */
		type = func_parameter(ty, fn);
	if (type < ty->t->n)
		claim(ty, arg, type, ty->t->t[type].size, 0);
}

/* A queued cleanup: {call, fn, arg} from 1.26 on, before only fn. */
static void queued_cleanup(struct typing *ty, const struct root *r)
{
	uint64_t fn, arg = 0, word = ty->word;
	bool three = r->size >= 3 * word;
	if (!r->addr || !proc_word(ty->h->proc, r->addr + (three ? word : 0), &fn) ||
	    (three && !proc_word(ty->h->proc, r->addr + 2 * word, &arg)))
		return;
	cleanup_argument(ty, fn, arg);
}

/*
 * A queued finalizer {fn, arg, nret, fint, ot}: ot is the type of arg. In heap dumps the root has the type, edges the
 * rest.
 */
static void queued_finalizer(struct typing *ty, const struct root *r)
{
	const struct proc *p = ty->h->proc;
	uint64_t fn = 0, arg = 0, ot;
	uint32_t type = r->type;
	for (uint64_t e = r->first_edge; !r->addr && e < r->first_edge + r->nedges; e++)
		*(ty->h->root_edges[e].offset ? &arg : &fn) = ty->h->root_edges[e].value;
	if (r->addr && (!proc_word(p, r->addr, &fn) || !proc_word(p, r->addr + ty->word, &arg) ||
	                !proc_word(p, r->addr + 4u * ty->word, &ot)))
		return;
	func_claim(ty, fn, CLAIM_EXACT);
	if (r->addr)
		type = iface_type(ty, ot, true);
	const struct prog *prog = type < ty->t->n ? prog_of(ty, type) : NULL;
	if (prog && prog->nops)
		op_value(ty, &prog->ops[0], arg, CLAIM_EXACT);
	else if (!prog) /* 1.24 queues cleanups here, too */
		cleanup_argument(ty, fn, 0);
}

/* SetFinalizer keeps the type of the pointer that it was given. */
static void finalizer_object(struct typing *ty, const struct special *s)
{
	uint32_t span, type = iface_type(ty, s->ot, true);
	const struct prog *prog = type == TYPE_NONE ? NULL : prog_of(ty, type);
	if (!prog || !prog->nops)
		return;
	span = heap_span_of(ty->h, s->object);
	op_value(ty, &prog->ops[0], span_object_addr(&ty->h->spans[span], s->object) + s->offset, CLAIM_EXACT);
}

static void special_types(struct typing *ty)
{
	uint32_t box = types_by_name(ty->t, "internal/runtime/atomic.Uintptr");
	for (uint32_t i = 0; i < ty->h->nspecials; i++) {
		const struct special *s = &ty->h->specials[i];
		switch ((enum special_kind)s->kind) {
		case SPECIAL_FINALIZER:
			func_claim(ty, s->fn, CLAIM_EXACT);
			finalizer_object(ty, s);
			break;
		case SPECIAL_CLEANUP:
			func_claim(ty, s->fn, CLAIM_EXACT);
			cleanup_argument(ty, s->fn, s->arg);
			break;
		case SPECIAL_WEAK:
			if (box != TYPE_NONE && s->arg)
				claim(ty, s->arg, box, ty->t->t[box].size, CLAIM_EXACT);
			break;
		case SPECIAL_PROFILE: case SPECIAL_PIN: case SPECIAL_OTHER:
			break;
		}
	}
}

/* The collector's workers keep their node in a variable that no description places. */
static void worker_node(struct typing *ty, const struct root *r)
{
	if (r->nedges != 1 || !r->name || strncmp(r->name, "runtime.gcBgMarkWorker-", 23) != 0)
		return;
	uint32_t type = types_by_name(ty->t, "runtime.gcBgMarkWorkerNodePadded");
	if (type != TYPE_NONE)
		claim(ty, ty->h->root_edges[r->first_edge].value, type, ty->t->t[type].size, CLAIM_INFER);
}

/*
 * Memory that nothing describes may still hold interfaces. A single stack slot says less: what is in front of it need
 * not belong to it.
 */
static void untyped_root(struct typing *ty, const struct root *r)
{
	if (r->kind == ROOT_LOCAL && r->addr && r->size > ty->word && !(r->flags & ROOT_F_CONSERVATIVE))
		closure_scan(ty, r->addr, r->size, 0);
	worker_node(ty, r);
	unsigned flags = r->size <= ty->word || (r->flags & ROOT_F_CONSERVATIVE) ? CLAIM_INFER : 0;
	for (uint64_t i = r->first_edge; r->addr && i < r->first_edge + r->nedges; i++)
		if (ty->h->root_edges[i].offset >= ty->word || r->kind == ROOT_LOCAL)
			pair_claim(ty, r->addr + ty->h->root_edges[i].offset, ty->h->root_edges[i].value, flags);
}

static void root_types(struct typing *ty)
{
	const struct heap *h = ty->h;
	for (uint32_t i = 0; i < h->nroots; i++) {
		const struct root *r = &h->roots[i];
		switch ((enum root_kind)r->kind) {
		case ROOT_LOCAL: case ROOT_REGISTERS: case ROOT_DEFER: case ROOT_PANIC: case ROOT_OTHER:
			if (r->type < ty->t->n)
				stack_variable(ty, r);
			else
				untyped_root(ty, r);
			break;
		case ROOT_GLOBAL:
			if (r->type >= ty->t->n)
				untyped_root(ty, r);
			break;
		case ROOT_FINQUEUE:
			queued_finalizer(ty, r);
			break;
		case ROOT_CLEANUP:
			for (uint64_t e = r->first_edge; e < r->first_edge + r->nedges; e++)
				func_claim(ty, h->root_edges[e].value, CLAIM_EXACT);
			queued_cleanup(ty, r);
			break;
		case ROOT_ALL: case ROOT_GROUP: case ROOT_PACKAGE: case ROOT_GOROUTINE: case ROOT_FRAME:
		case ROOT_FINALIZER: case ROOT_WEAKHANDLE:
			break;
		}
	}
}

/* The runtime's own: goroutines and the threads that run them. */
static void runtime_objects(struct typing *ty)
{
	uint32_t g = types_by_name(ty->t, "runtime.g"), m = types_by_name(ty->t, "runtime.m");
	for (uint32_t i = 0; i < ty->h->ngoroutines; i++) {
		if (g != TYPE_NONE)
			claim(ty, ty->h->goroutines[i].addr, g, ty->t->t[g].size, CLAIM_EXACT);
		if (m != TYPE_NONE && ty->h->goroutines[i].m)
			claim(ty, ty->h->goroutines[i].m, m, ty->t->t[m].size, CLAIM_EXACT);
	}
}

void typing_seeds(struct typing *ty)
{
	recorded_types(ty);
	global_variables(ty);
	root_types(ty);
	special_types(ty);
	runtime_objects(ty);
	recorded_queue(ty);
}
