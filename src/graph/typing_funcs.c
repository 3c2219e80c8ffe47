/* SPDX-License-Identifier: MIT */
/*
 * Func values. What they point to begins with a code address; the function that starts there tells what else is in the
 * object: the variables that a closure captured (typing_closures.c), the receiver of a method value, or what reflect
 * keeps for functions of its own. Variables that nobody describes are words, of which the object's mask
 * says whether they are pointers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "graph/typing_priv.h"

/* ---- types of closures ---- */

/* What is known of a closure object: the variables, and the object that shows where the other pointers are. */
struct closure {
	const char *func;
	struct captured vars[MAX_CAPTURED + 1];
	size_t nvars;
	uint32_t span, id;
	uint64_t usable, min; /* bytes of the object, and the least that were asked for */
};

/* Fields for the part without variables in [from, to): words, which the mask tells apart. */
static size_t fill_gap(const struct typing *ty, const struct closure *c, struct field *f, uint64_t from, uint64_t to)
{
	uint32_t pointer = types_by_name(ty->t, "unsafe.Pointer"), number = types_by_name(ty->t, "uintptr");
	size_t n = 0;
	for (uint64_t off = (from + ty->word - 1) / ty->word * ty->word; off + ty->word <= to; off += ty->word)
		f[n++] = (struct field){"_", heap_word_is_ptr(ty->h, c->id, off) ? pointer : number, off, false};
	return n;
}

/*
 * {F uintptr; variables and what lies between them}. Of captured variables the compiler describes those that are still
 * needed inside the function; the size is the least that fits all and the size class.
 */
static uint32_t closure_struct(struct typing *ty, const struct closure *c)
{
	struct types *ts = ty->t;
	struct type t = {.pkg = "", .elem = TYPE_NONE, .key = TYPE_NONE, .storage = TYPE_NONE, .kind = KIND_STRUCT,
	                 .flags = TYPE_F_SYNTHETIC};
	uint64_t end = ty->word, word = ty->word, size = (c->min + word - 1) / word * word;
	uint64_t ptrs = object_pointers_end(ty, c->id, c->usable);
	uint32_t code = types_by_name(ts, "uintptr");
	struct field *f = arena_alloc(&ts->arena, (c->usable / word + c->nvars + 1) * sizeof(*f));
	t.name = arena_printf(&ts->arena, "%s (closure)", c->func);
	if (!f || !t.name || code == TYPE_NONE || types_by_name(ts, "unsafe.Pointer") == TYPE_NONE)
		return TYPE_NONE;
	f[t.nfields++] = (struct field){"F", code, 0, false};
	for (size_t i = 0; i < c->nvars; i++) {
		const struct captured *v = &c->vars[i];
		if (v->type >= ts->n || v->offset < end || v->offset > c->usable)
			return TYPE_NONE;
		t.nfields += (uint32_t)fill_gap(ty, c, &f[t.nfields], end, v->offset);
		if (!ckd_add(v->offset, ts->t[v->type].size, &end) || end > c->usable)
			return TYPE_NONE;
		f[t.nfields++] = (struct field){v->name, v->type, v->offset, false};
	}
	t.size = ptrs > size ? ptrs : size;
	if (end > t.size)
		t.size = (end + word - 1) / word * word;
	t.nfields += (uint32_t)fill_gap(ty, c, &f[t.nfields], end, t.size);
	t.fields = f;
	uint32_t id = t.size <= c->usable ? types_add(ts, &t) : TYPE_NONE;
	struct hc_error *err = id == TYPE_NONE ? NULL : types_finish(ts);
	hc_error_free(err);
	return err || id == TYPE_NONE || !mask_matches(ty, c->span, c->id, prog_of(ty, id), t.size) ? TYPE_NONE : id;
}

/*
 * "&x" at an offset of the closure is a pointer to x, except where x was captured by value and the closure moves it to
 * the heap when it runs: then x itself is there. It shows in the room up to the next variable, or in the object's size.
 */
static void unfold_values(const struct typing *ty, struct closure *c)
{
	for (size_t i = 0; i < c->nvars; i++) {
		struct captured *v = &c->vars[i];
		const struct type *p = v->type < ty->t->n ? &ty->t->t[v->type] : NULL;
		if (!p || v->name[0] != '&' || p->kind != KIND_PTR || p->elem >= ty->t->n)
			continue;
		uint64_t size = ty->t->t[p->elem].size, end = (v->offset + size + ty->word - 1) / ty->word * ty->word;
		bool last = i + 1 == c->nvars;
		if (size <= ty->word || end > (last ? c->usable : c->vars[i + 1].offset))
			continue;
		if (last ? v->offset + ty->word < c->min && end >= c->min : end == c->vars[i + 1].offset) {
			v->type = p->elem;
			v->name++;
		}
	}
}

static void captured_vars(struct typing *ty, const struct func *fn, struct closure *c)
{
	bool complete;
	c->nvars = closure_vars(ty, fn, c->span, c->id, c->vars, &complete);
	if (!complete)
		unfold_values(ty, c);
}

/* "pkg.(*T).M-fm" -> "*pkg.T", "pkg.T.M-fm" -> "pkg.T": the receiver that a method value carries. */
static uint32_t receiver_type(const struct typing *ty, const char *func)
{
	char name[1024];
	size_t len = strlen(func);
	if (len < 4 || len >= sizeof(name) || strcmp(func + len - 3, "-fm") != 0)
		return TYPE_NONE;
	memcpy(name, func, len - 3);
	name[len - 3] = 0;
	char *dot = strrchr(name, '.');
	if (!dot)
		return TYPE_NONE;
	*dot = 0;
	char *open = strstr(name, ".(*");
	if (!open)
		return types_by_name(ty->t, name);
	size_t rest = strlen(open);
	if (rest < 5 || open[rest - 1] != ')')
		return TYPE_NONE;
	open[rest - 1] = 0;
	uint32_t elem;
	memmove(open + 1, open + 3, rest - 3); /* ".(*T" -> ".T", with its NUL */
	elem = types_by_name(ty->t, name);
	return elem == TYPE_NONE ? TYPE_NONE : types_ptr_to(ty->t, elem);
}

/* reflect.MakeFunc and reflect.Value.Method give the address of a struct that begins with one of its own stubs. */
static uint32_t reflect_func(const struct typing *ty, const char *func)
{
	if (strcmp(func, "reflect.makeFuncStub") == 0)
		return types_by_name(ty->t, "reflect.makeFuncImpl");
	if (strcmp(func, "reflect.methodValueCall") == 0)
		return types_by_name(ty->t, "reflect.methodValue");
	return TYPE_NONE;
}

static uint32_t closure_make(struct typing *ty, const struct func *fn, uint32_t span, uint32_t id)
{
	uint64_t usable = span_usable(ty->h, span), min = span_min_request(ty, &ty->h->spans[span], usable);
	uint32_t type = reflect_func(ty, fn->name);
	if (type != TYPE_NONE || usable > UINT16_MAX)
		return type;
	struct closure c = {.func = fn->name, .span = span, .id = id, .usable = usable, .min = min};
	captured_vars(ty, fn, &c);
	if (c.nvars == 0) {
		c.vars[0] = (struct captured){.name = "R", .type = receiver_type(ty, fn->name), .offset = ty->word};
		c.nvars = c.vars[0].type != TYPE_NONE;
	}
	type = closure_struct(ty, &c);
	if (type != TYPE_NONE || c.nvars == 0)
		return type;
	c.nvars = 0;
	return closure_struct(ty, &c);
}

uint32_t closure_of(struct typing *ty, uint64_t pc, uint32_t span, uint32_t id)
{
	struct type_cache *c = &ty->closures[(pc >> 5 ^ pc >> 14) % CLOSURE_CACHE];
	uint32_t type;
	struct func fn;
	if (!pc || c->key == pc)
		return pc ? c->type : TYPE_NONE;
	if (map_get(&ty->closure_types, pc, &type)) {
		*c = (struct type_cache){pc, type};
		return type;
	}
	if (!program_func_entry(ty->h->prog, pc, &fn)) { /* not kept: any number may be one */
		*c = (struct type_cache){pc, TYPE_NONE};
		return TYPE_NONE;
	}
	uint64_t dict = closure_dictionary(ty, fn.name, span_object_addr(&ty->h->spans[span], id), span_usable(ty->h, span));
	uint64_t key = pc + dict * UINT64_C(0x9e3779b97f4a7c15);
	if (dict && map_get(&ty->closure_types, key, &type))
		return type;
	type = closure_make(ty, &fn, span, id);
	if (type != TYPE_NONE && !map_put(&ty->closure_types, key, type))
		ty->nomem = true;
	if (!dict)
		*c = (struct type_cache){pc, type};
	return type;
}

/* ---- functions whose objects lie elsewhere ---- */

uint32_t func_parameter(struct typing *ty, uint64_t addr)
{
	enum { MAX_VARS = 64 };
	struct func fn;
	uint64_t pc;
	size_t n = 0;
	uint32_t type = TYPE_NONE;
	if (!ty->t->dwarf || !proc_word(ty->h->proc, addr, &pc) || !program_func_entry(ty->h->prog, pc, &fn))
		return TYPE_NONE;
	struct local *vars = malloc(MAX_VARS * sizeof(*vars));
	if (!vars) {
		ty->nomem = true;
		return TYPE_NONE;
	}
	struct hc_error *err = dwarf_locals(ty->t->dwarf, ty->t, fn.entry, vars, MAX_VARS, &n);
	for (size_t i = 0; !err && i < n && type == TYPE_NONE; i++)
		if (vars[i].param && !vars[i].result && vars[i].name[0] != '.')
			type = vars[i].type;
	hc_error_free(err);
	free(vars);
	return type;
}

/* ---- claims ---- */

bool func_object(struct typing *ty, uint64_t addr, unsigned flags, struct claim *ret)
{
	const struct heap *h = ty->h;
	uint32_t span, id = heap_find_slot(h, addr, &span);
	uint64_t pc;
	if (id == OBJ_NONE || !bit_get(h->alloc, id) || addr != span_object_addr(&h->spans[span], id) ||
	    !proc_word(h->proc, addr, &pc))
		return false;
	uint32_t type = closure_of(ty, pc, span, id);
	if (type == TYPE_NONE)
		return false;
	*ret = (struct claim){addr, ty->t->t[type].size, type, flags};
	return true;
}

void func_claim(struct typing *ty, uint64_t addr, unsigned flags)
{
	struct claim c;
	/* With the runtime's name for what a func value points to, the object is looked at when its turn comes. */
	if (ty->funcval != TYPE_NONE)
		claim(ty, addr, ty->funcval, ty->word, flags);
	else if (func_object(ty, addr, flags, &c))
		claim(ty, c.addr, c.type, c.bytes, c.flags);
}
