/* SPDX-License-Identifier: MIT */
/*
 * Variables of functions. Functions are indexed unit by unit and read when they are first asked for: few of a program's
 * functions are on its stacks.
 */
#include "types/dwarf_priv.h"

enum { MAX_DEPTH = 256 }; /* of lexical blocks and inlined calls in each other */

/* ---- finding the function ---- */

static int func_cmp(const void *a, const void *b)
{
	const struct dwarf_func *x = a, *y = b;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return (x->die > y->die) - (x->die < y->die);
}

static struct hc_error *unit_index(struct dwarf *d, struct dwarf_cu *cu)
{
	struct die unit, die;
	if (cu->indexed)
		return NULL;
	cu->indexed = true;
	cu->func = (uint32_t)d->funcs.len;
	if (!die_at(d, cu->die, &unit))
		return NULL;
	bool more = die_child(d, &unit, &die);
	die_free(d, &unit);
	for (; more; more = die_next(d, &die)) {
		struct attrs a;
		if (die.tag != TAG_SUBPROGRAM)
			continue;
		die_attrs(d, &die, &a);
		struct dwarf_func f = {.lo = a.low, .hi = a.high, .die = die.off,
		                       .cu = (uint32_t)(cu - d->cus.data)};
		if ((a.have & HAVE_HIGH) && a.low < a.high && !vec_push(&d->funcs, f)) {
			die_free(d, &die);
			return err_nomem();
		}
	}
	cu->nfuncs = (uint32_t)(d->funcs.len - cu->func);
	if (cu->nfuncs)
		qsort(d->funcs.data + cu->func, cu->nfuncs, sizeof(d->funcs.data[0]), func_cmp);
	return NULL;
}

static struct dwarf_func *unit_func(struct dwarf *d, const struct dwarf_cu *cu, uint64_t pc)
{
	uint32_t lo = cu->func, hi = cu->func + cu->nfuncs;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (d->funcs.data[mid].lo <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > cu->func && pc < d->funcs.data[lo - 1].hi ? &d->funcs.data[lo - 1] : NULL;
}

/* The function around a file address: in the unit whose ranges hold it, else in the units without ranges. */
static struct hc_error *func_find(struct dwarf *d, uint64_t pc, struct dwarf_func **ret)
{
	size_t lo = 0, hi = d->cu_ranges.len;
	struct hc_error *err;
	*ret = NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (d->cu_ranges.data[mid].lo <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo > 0 && pc < d->cu_ranges.data[lo - 1].hi) {
		struct dwarf_cu *cu = &d->cus.data[d->cu_ranges.data[lo - 1].owner];
		err = unit_index(d, cu);
		*ret = err ? NULL : unit_func(d, cu, pc);
		return err;
	}
	for (size_t i = 0; i < d->cus.len && !*ret; i++) {
		struct dwarf_cu *cu = &d->cus.data[i];
		if (cu->ranged)
			continue;
		err = unit_index(d, cu);
		if (err)
			return err;
		*ret = unit_func(d, cu, pc);
	}
	return NULL;
}

/* ---- reading a function ---- */

struct level { /* of blocks in each other */
	struct die die;
	bool entered;
	uint32_t scope, nscope;
	const char *func;
};

struct reading {
	struct dwarf *d;
	const struct dwarf_cu *cu;
	VEC(struct level) levels;
};

/*
 * Of a variable. Types that depend on a generic function's type parameters are typedefs inside it, unknown to
 * dwarf_scan(): names for the shape, with the index of the real type in the dictionary.
 */
static uint32_t var_type(struct dwarf *d, uint64_t off, int32_t *dict)
{
	for (int i = 0; i < 8 && off; i++) {
		uint32_t at = scan_resolve(&d->scan, off);
		struct die die;
		struct attrs a;
		if (at != TYPE_NONE)
			return d->scan.types.data[at].id;
		if (!die_at(d, off, &die))
			break;
		die_attrs(d, &die, &a);
		if ((a.have & HAVE_DICT) && a.dict <= INT32_MAX && *dict < 0)
			*dict = (int32_t)a.dict;
		off = die.tag == TAG_TYPEDEF ? a.type : 0;
		die_free(d, &die);
	}
	return TYPE_NONE;
}

/* What a concrete instance leaves to the abstract one: name, type, line. */
static void origin_attrs(struct dwarf *d, struct attrs *a)
{
	struct die die;
	struct attrs o;
	if (a->origin == 0 || !die_at(d, a->origin, &die))
		return;
	die_attrs(d, &die, &o);
	die_free(d, &die);
	if (!*a->name)
		a->name = o.name;
	if (!a->type)
		a->type = o.type;
	if (!a->line)
		a->line = o.line;
	a->result = a->result || o.result;
}

static struct hc_error *read_var(struct reading *r, const struct level *l)
{
	struct dwarf *d = r->d;
	struct attrs a;
	die_attrs(d, &l->die, &a);
	origin_attrs(d, &a);
	struct dwarf_var v = {.name = a.name, .func = l->func, .line = a.line, .closure = a.closure, .scope = l->scope,
	                      .nscope = l->nscope, .loc = (uint32_t)d->locs.locs.len, .param = l->die.tag == TAG_PARAM,
	                      .result = a.result, .dict = -1};
	v.type = var_type(d, a.type, &v.dict);
	struct hc_error *err = die_locations(d, &l->die, &a, r->cu, &d->locs);
	if (err)
		return err;
	v.nlocs = (uint32_t)(d->locs.locs.len - v.loc);
	return d->vars.len < UINT32_MAX && vec_push(&d->vars, v) ? NULL : err_nomem();
}

/* A lexical block or inlined call: its own ranges, or its surrounding's. */
static struct hc_error *read_block(struct reading *r, struct level outer)
{
	struct dwarf *d = r->d;
	struct level in = {.scope = outer.scope, .nscope = outer.nscope, .func = outer.func};
	struct attrs a;
	size_t before = d->scopes.len;
	if (r->levels.len >= MAX_DEPTH || !die_child(d, &outer.die, &in.die))
		return NULL;
	die_attrs(d, &outer.die, &a);
	struct hc_error *err = die_ranges(d, &outer.die, &a, r->cu, 0, &d->scopes);
	if (d->scopes.len > before) {
		in.scope = (uint32_t)before;
		in.nscope = (uint32_t)(d->scopes.len - before);
	}
	if (outer.die.tag == TAG_INLINED) {
		origin_attrs(d, &a);
		in.func = a.name;
	}
	if (!err && vec_push(&r->levels, in))
		return NULL;
	die_free(d, &in.die);
	return err ? err : err_nomem();
}

/* One step of the walk over a function's entries. */
static struct hc_error *read_step(struct reading *r)
{
	struct level *top = &r->levels.data[r->levels.len - 1];
	if (top->entered) {
		top->entered = false;
		if (!die_next(r->d, &top->die))
			r->levels.len--;
		return NULL;
	}
	top->entered = true;
	if (top->die.tag == TAG_PARAM || top->die.tag == TAG_VARIABLE)
		return read_var(r, top);
	if (top->die.tag == TAG_BLOCK || top->die.tag == TAG_INLINED)
		return read_block(r, *top);
	return NULL;
}

static struct hc_error *func_read(struct dwarf *d, struct dwarf_func *f)
{
	struct reading r = {.d = d, .cu = &d->cus.data[f->cu]};
	struct hc_error *err = NULL;
	struct level first = {0};
	struct die die;
	struct attrs a;
	if (f->parsed)
		return NULL;
	f->parsed = true;
	f->var = (uint32_t)d->vars.len;
	if (!die_at(d, f->die, &die))
		return NULL;
	die_attrs(d, &die, &a);
	origin_attrs(d, &a);
	first.func = a.name;
	if (die_child(d, &die, &first.die) && !vec_push(&r.levels, first)) {
		die_free(d, &first.die);
		err = err_nomem();
	}
	die_free(d, &die);
	while (!err && r.levels.len)
		err = read_step(&r);
	while (r.levels.len)
		die_free(d, &r.levels.data[--r.levels.len].die);
	vec_free(&r.levels);
	f->nvars = (uint32_t)(d->vars.len - f->var);
	return err;
}

/* ---- answers ---- */

static struct hc_error *func_open(struct dwarf *d, uint64_t pc, struct dwarf_func **ret)
{
	struct hc_error *err = dwarf_scan(d);
	if (!err)
		err = func_find(d, pc, ret);
	return err || !*ret ? err : func_read(d, *ret);
}

static bool in_scope(const struct dwarf *d, const struct dwarf_var *v, uint64_t pc)
{
	for (uint32_t i = 0; i < v->nscope; i++) {
		const struct dwarf_range *r = &d->scopes.data[v->scope + i];
		if (pc >= r->lo && pc < r->hi)
			return true;
	}
	return v->nscope == 0;
}

/*
 * Go 1.17 writes the pieces of split parameters twice, one after the other: "CFA+16, CFA+16, CFA+24, CFA+24" for a string.
 * A location that is bigger than its variable even without repetitions says nothing.
 */
static void pieces_fit(struct local *l, uint64_t size)
{
	const struct piece *last = &l->pieces[l->npieces - 1];
	unsigned n = 1;
	uint32_t off;
	if ((uint64_t)last->off + last->size <= size)
		return;
	off = l->pieces[0].size;
	for (unsigned i = 1; i < l->npieces; i++) {
		const struct piece *p = &l->pieces[i], *before = &l->pieces[n - 1];
		if (p->kind == before->kind && p->value == before->value && p->size == before->size)
			continue;
		l->pieces[n] = *p;
		l->pieces[n++].off = off;
		off += p->size;
	}
	l->npieces = off <= size ? n : 0;
}

struct hc_error *dwarf_locals(struct dwarf *d, const struct types *t, uint64_t pc, struct local *out, size_t max,
                              size_t *ret)
{
	struct dwarf_func *f;
	size_t n = 0;
	pc -= d->bias;
	struct hc_error *err = func_open(d, pc, &f);
	if (err)
		return err;
	for (uint32_t i = 0; f && i < f->nvars && n < max; i++) {
		const struct dwarf_var *v = &d->vars.data[f->var + i];
		if (!dwarf_work(d, 1 + (uint64_t)v->nscope + v->nlocs))
			break;
		if (!in_scope(d, v, pc))
			continue;
		struct local *l = &out[n++];
		*l = (struct local){.name = v->name, .func = v->func, .type = v->type, .decl_line = v->line, .param = v->param,
		                    .result = v->result, .dict = v->dict};
		for (uint32_t k = 0; k < v->nlocs && l->npieces == 0; k++) {
			const struct dwarf_loc *loc = &d->locs.locs.data[v->loc + k];
			if (pc < loc->lo || pc >= loc->hi)
				continue;
			l->npieces = loc->npieces;
			memcpy(l->pieces, d->locs.pieces.data + loc->piece, loc->npieces * sizeof(l->pieces[0]));
		}
		if (l->npieces > 1 && l->type < t->n)
			pieces_fit(l, t->t[l->type].size);
	}
	*ret = n;
	return NULL;
}

size_t dwarf_captured(struct dwarf *d, const struct types *t, uint64_t entry, struct captured *out, size_t max)
{
	struct dwarf_func *f;
	size_t n = 0;
	(void)t;
	struct hc_error *err = func_open(d, entry - d->bias, &f);
	if (err) {
		hc_error_free(err);
		return 0;
	}
	if (!f || f->lo != entry - d->bias)
		return 0;
	for (uint32_t i = 0; i < f->nvars && n < max; i++) {
		const struct dwarf_var *v = &d->vars.data[f->var + i];
		if (v->closure)
			out[n++] = (struct captured){v->name, v->type, v->closure, v->dict};
	}
	return n;
}

void dwarf_locals_free(struct dwarf *d)
{
	vec_free(&d->funcs);
	vec_free(&d->vars);
	vec_free(&d->scopes);
	vec_free(&d->locs.locs);
	vec_free(&d->locs.pieces);
}
