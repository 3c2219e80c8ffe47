/* SPDX-License-Identifier: MIT */
/*
 * The variables that a closure captured. From Go 1.23 on the debug information has the offsets of those that are still
 * needed inside the function. All of them, without names from 1.22 on, are in the struct that the code allocates where
 * the closure is made; that is in the function whose name the closure's begins with, or where that one was inlined.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/typing_code.h"

enum { MAX_MAKERS = 8, MAX_LOCALS = 256, MAX_NAME = 4096, MAX_PARTS = 64 };

/* ---- functions by name ---- */

static uint64_t name_hash(const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void functions_name(struct code *c)
{
	const struct program *g = c->ty->h->prog;
	c->named = true;
	for (size_t i = 0; i < g->nmodules; i++) {
		const struct module *m = &g->modules[i];
		struct func f;
		for (uint64_t pc = m->minpc; pc < m->maxpc && program_func(g, pc, &f) && f.end > pc; pc = f.end) {
			if (c->entries.len >= UINT32_MAX || !vec_push(&c->entries, f.entry) ||
			    !map_put(&c->entry_named, name_hash(f.name, strlen(f.name)), (uint32_t)c->entries.len - 1)) {
				c->ty->nomem = true;
				return;
			}
		}
	}
}

static bool function_named(const struct code *c, const char *name, size_t len, struct func *ret)
{
	uint32_t i;
	return map_get(&c->entry_named, name_hash(name, len), &i) &&
	       program_func_entry(c->ty->h->prog, c->entries.data[i], ret) && strlen(ret->name) == len &&
	       memcmp(ret->name, name, len) == 0;
}

/* ---- the struct that the code allocates ---- */

/* Runs through the functions that may make the closure: "pkg.F", "pkg.F.func1" for "pkg.F.func1.2". */
static void makers_run(struct code *c, const char *name)
{
	size_t len = strlen(name);
	int nest = 0, parts = 0;
	for (int found = 0; len && len < MAX_NAME && found < MAX_MAKERS && parts < MAX_PARTS; len--) {
		struct func f;
		uint32_t done;
		char at = name[len - 1];
		nest += strchr("])}", at) != NULL;
		nest -= strchr("[({", at) != NULL;
		if (nest == 0 && at == '/')
			return;
		if (nest || at != '.')
			continue;
		parts++;
		if (!function_named(c, name, len - 1, &f))
			continue;
		found++;
		if (map_get(&c->makers, f.entry, &done))
			continue;
		if (!map_put(&c->makers, f.entry, 1))
			c->ty->nomem = true;
		code_function(c, &f);
	}
}

/* TYPE_NONE: not known. */
static uint32_t made_struct(struct typing *ty, const struct func *fn)
{
	uint32_t type = code_closure(ty, fn->entry);
	if (type == TYPE_NONE && ty->t->dwarf && code_open(ty)) {
		if (!ty->code->named)
			functions_name(ty->code);
		makers_run(ty->code, fn->name);
		type = code_closure(ty, fn->entry);
	}
	return closure_struct_is(ty->t, type) ? type : TYPE_NONE;
}

bool closure_struct_is(const struct types *t, uint32_t type)
{
	const struct type *s = type < t->n ? &t->t[type] : NULL;
	return s && s->kind == KIND_STRUCT && !s->pkg[0] && s->nfields > 1 && s->fields[0].type < t->n &&
	       t->t[s->fields[0].type].kind == KIND_UINTPTR &&
	       (strcmp(s->fields[0].name, "F") == 0 || strcmp(s->fields[0].name, ".F") == 0);
}

/* ---- names ---- */

static bool is_numbered(const char *name)
{
	return name[0] == 'X' && name[1] && strspn(name + 1, "0123456789") == strlen(name + 1);
}

/* The only variable of the function that has the type, where only one of the captured ones has it; NULL: none. */
static const char *name_by_type(const struct types *t, const struct captured *vars, size_t n, uint32_t type,
                                const struct local *locals, size_t nlocals)
{
	const char *name = NULL;
	size_t same = 0;
	for (size_t i = 0; i < n; i++)
		same += type_same(t, vars[i].type, type);
	for (size_t i = 0; i < nlocals; i++) {
		const struct local *l = &locals[i];
		if (l->param || !l->name[0] || !type_same(t, l->type, type) || (name && strcmp(name, l->name) == 0))
			continue;
		if (name)
			return NULL;
		name = l->name;
	}
	return same == 1 ? name : NULL;
}

/* "x" captured by reference is a pointer, and "&x" inside the function. */
static const char *reference_name(const struct types *t, const struct captured *v, const struct local *locals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (locals[i].name[0] == '&' && strcmp(locals[i].name + 1, v->name) == 0 && type_same(t, locals[i].type, v->type))
			return locals[i].name;
	return v->name;
}

static const char *described_name(const struct types *t, const struct captured *v, const struct captured *known, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (known[i].offset != v->offset)
			continue;
		bool moved = known[i].name[0] == '&' && !type_same(t, known[i].type, v->type); /* captured by value */
		return known[i].name + moved;
	}
	return NULL;
}

static void vars_name(struct typing *ty, const struct func *fn, struct captured *vars, size_t n,
                      const struct captured *known, size_t nknown)
{
	size_t nlocals = 0;
	struct local *locals = ty->t->dwarf ? malloc(MAX_LOCALS * sizeof(*locals)) : NULL;
	struct hc_error *err = locals ? dwarf_locals(ty->t->dwarf, ty->t, fn->entry, locals, MAX_LOCALS, &nlocals) : NULL;
	nlocals = err ? 0 : nlocals;
	hc_error_free(err);
	for (size_t i = 0; i < n; i++) {
		const char *name = described_name(ty->t, &vars[i], known, nknown);
		if (!name && !is_numbered(vars[i].name))
			name = reference_name(ty->t, &vars[i], locals, nlocals);
		if (!name && !nknown)
			name = name_by_type(ty->t, vars, n, vars[i].type, locals, nlocals);
		vars[i].name = name ? name : vars[i].name;
	}
	free(locals);
}

/* ---- generic functions ---- */

/* Their closures keep the dictionary of the function around them, to know what the shapes stand for. */
uint64_t closure_dictionary(const struct typing *ty, const char *func, uint64_t addr, uint64_t bytes)
{
	uint64_t word;
	if (!strstr(func, "[go.shape."))
		return 0;
	for (uint64_t off = ty->word; off + ty->word <= bytes && off < 8u * MAX_CAPTURED; off += ty->word)
		if (proc_word(ty->h->proc, addr + off, &word) && word > 4096 && types_dictionary_args(ty->t, func, word))
			return word;
	return 0;
}

static void real_types(struct typing *ty, const char *func, uint64_t dict, struct captured *vars, size_t n)
{
	const char *args = dict ? types_dictionary_args(ty->t, func, dict) : NULL;
	for (size_t i = 0; args && i < n; i++)
		vars[i].type = types_unshaped(ty->t, vars[i].type, func, args);
	struct hc_error *err = args ? types_finish(ty->t) : NULL;
	ty->nomem |= err != NULL;
	hc_error_free(err);
}

/* ---- the answer ---- */

static int captured_cmp(const void *a, const void *b)
{
	const struct captured *x = a, *y = b;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Has the object pointers, or anything at all if nothing is known, where no variable is? */
static bool has_gaps(const struct typing *ty, uint32_t id, uint64_t bytes, const struct captured *vars, size_t n)
{
	for (uint64_t off = ty->word; off + ty->word <= bytes; off += ty->word) {
		bool covered = false;
		for (size_t i = 0; i < n && !covered; i++)
			covered = vars[i].type < ty->t->n && off >= vars[i].offset &&
			          off - vars[i].offset < ty->t->t[vars[i].type].size;
		if (!covered && (n == 0 || heap_word_is_ptr(ty->h, id, off)))
			return true;
	}
	return false;
}

size_t closure_vars(struct typing *ty, const struct func *fn, uint32_t span, uint32_t id, struct captured *vars,
                    bool *complete)
{
	uint64_t usable = span_usable(ty->h, span), min = span_min_request(ty, &ty->h->spans[span], usable);
	uint64_t bytes = (min + ty->word - 1) / ty->word * ty->word;
	struct captured *known = ty->t->dwarf ? malloc(MAX_CAPTURED * sizeof(*known)) : NULL;
	size_t nknown = known ? dwarf_captured(ty->t->dwarf, ty->t, fn->entry, known, MAX_CAPTURED) : 0, n = 0;
	if (nknown > MAX_CAPTURED)
		nknown = 0;
	if (nknown)
		qsort(known, nknown, sizeof(*known), captured_cmp);
	uint32_t made = has_gaps(ty, id, bytes, known, nknown) ? made_struct(ty, fn) : TYPE_NONE;
	*complete = made != TYPE_NONE;
	if (made != TYPE_NONE) {
		const struct type *s = &ty->t->t[made];
		for (uint32_t i = 1; i < s->nfields && n < MAX_CAPTURED; i++)
			vars[n++] = (struct captured){s->fields[i].name, s->fields[i].type, (uint32_t)s->fields[i].offset, -1};
		vars_name(ty, fn, vars, n, known, nknown);
	} else if (nknown) {
		memcpy(vars, known, nknown * sizeof(*vars));
		n = nknown;
	}
	free(known);
	real_types(ty, fn->name, closure_dictionary(ty, fn->name, span_object_addr(&ty->h->spans[span], id), usable), vars, n);
	return n;
}

/* ---- closures on stacks ---- */

void closure_scan(struct typing *ty, uint64_t addr, uint64_t bytes, unsigned flags)
{
	struct captured c[MAX_CAPTURED];
	uint64_t pc;
	struct func fn;
	if (!ty->t->dwarf || !proc_word(ty->h->proc, addr, &pc) || !pc || !program_func_entry(ty->h->prog, pc, &fn))
		return;
	size_t n = dwarf_captured(ty->t->dwarf, ty->t, fn.entry, c, MAX_CAPTURED);
	n = n < MAX_CAPTURED ? n : MAX_CAPTURED;
	real_types(ty, fn.name, closure_dictionary(ty, fn.name, addr, bytes), c, n);
	for (size_t i = 0; i < n; i++)
		if (c[i].type < ty->t->n)
			values_scan(ty, c[i].type, addr + c[i].offset, 1, flags);
}
