/* SPDX-License-Identifier: MIT */
/*
 * Func values. What they point to begins with a code address; the function that starts there tells what else is in the
 * object: the variables that a closure captured (debug information from Go 1.23 on), the receiver of a method value, or
 * what reflect keeps for functions of its own. Closures whose variables nobody describes still get a name: theirs is a
 * type with the object's size and mask.
 */
#include <string.h>

#include "base/ckd.h"
#include "graph/typing_priv.h"

enum { MAX_CAPTURED = 128 };

/* ---- types of closures ---- */

static uint32_t finish(struct typing *ty, const struct type *t)
{
	uint32_t id = types_add(ty->t, t);
	struct hc_error *err = id == TYPE_NONE ? NULL : types_finish(ty->t);
	hc_error_free(err);
	return err ? TYPE_NONE : id;
}

static struct type closure_type(struct typing *ty, const char *func)
{
	struct type t = {.pkg = "", .elem = TYPE_NONE, .key = TYPE_NONE, .storage = TYPE_NONE, .kind = KIND_STRUCT,
	                 .flags = TYPE_F_SYNTHETIC};
	t.name = arena_printf(&ty->t->arena, "%s (closure)", func);
	return t;
}

/* {F uintptr; fields...}, the fields in order of offset. */
static uint32_t closure_struct(struct typing *ty, const char *func, const struct captured *c, size_t n)
{
	struct types *ts = ty->t;
	struct type t = closure_type(ty, func);
	uint32_t code = types_by_name(ts, "uintptr");
	struct field *f = arena_alloc(&ts->arena, (n + 1) * sizeof(*f));
	if (!f || !t.name || code == TYPE_NONE)
		return TYPE_NONE;
	uint64_t end = ty->word;
	f[0] = (struct field){"F", code, 0, false};
	for (size_t i = 0; i < n; i++) {
		if (c[i].type >= ts->n || c[i].offset < end || !ckd_add(c[i].offset, ts->t[c[i].type].size, &end))
			return TYPE_NONE;
		f[i + 1] = (struct field){c[i].name, c[i].type, c[i].offset, false};
	}
	if (!ckd_align(end, ty->word, &t.size))
		return TYPE_NONE;
	t.fields = f;
	t.nfields = (uint32_t)n + 1;
	return finish(ty, &t);
}

static uint32_t captured_closure(struct typing *ty, const struct func *fn)
{
	struct captured c[MAX_CAPTURED];
	size_t n = ty->t->dwarf ? dwarf_captured(ty->t->dwarf, ty->t, fn->entry, c, MAX_CAPTURED) : 0;
	if (n == 0 || n > MAX_CAPTURED)
		return TYPE_NONE;
	for (size_t i = 1; i < n; i++) { /* by offset; there are few */
		struct captured x = c[i];
		size_t at = i;
		for (; at > 0 && c[at - 1].offset > x.offset; at--)
			c[at] = c[at - 1];
		c[at] = x;
	}
	return closure_struct(ty, fn->name, c, n);
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

static uint32_t method_value(struct typing *ty, const struct func *fn)
{
	struct captured c = {.name = "R", .type = receiver_type(ty, fn->name), .offset = ty->word};
	return c.type == TYPE_NONE ? TYPE_NONE : closure_struct(ty, fn->name, &c, 1);
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

/* A type that has the object's own size and mask. */
static uint32_t opaque_closure(struct typing *ty, const char *func, uint32_t span, uint32_t id)
{
	uint64_t usable = span_usable(ty->h, span), words = usable / ty->word;
	struct type t = closure_type(ty, func);
	uint64_t *mask = arena_alloc(&ty->t->arena, bit_words(words) * sizeof(*mask));
	if (!mask || !t.name || usable > UINT16_MAX)
		return TYPE_NONE;
	heap_object_mask(ty->h, id, 0, mask, words);
	for (uint64_t i = 0; i < words; i++)
		if (bit_get(mask, i))
			t.ptr_words = i + 1;
	t.mask = mask;
	t.size = usable;
	t.flags |= TYPE_F_OPAQUE;
	return finish(ty, &t);
}

/* ---- claims ---- */

static bool closure_fits(struct typing *ty, uint32_t type, uint32_t span, uint32_t id)
{
	const struct prog *p = prog_of(ty, type);
	uint64_t usable = span_usable(ty->h, span);
	return p->size && p->size <= usable && p->size >= span_min_request(ty, &ty->h->spans[span], usable) &&
	       mask_matches(ty, span, id, p, p->size);
}

static uint32_t closure_make(struct typing *ty, const struct func *fn, uint32_t span, uint32_t id)
{
	uint32_t type = reflect_func(ty, fn->name);
	if (type == TYPE_NONE)
		type = captured_closure(ty, fn);
	if (type == TYPE_NONE)
		type = method_value(ty, fn);
	if (type == TYPE_NONE || !closure_fits(ty, type, span, id))
		type = opaque_closure(ty, fn->name, span, id);
	return type;
}

uint32_t closure_of(struct typing *ty, uint64_t pc, uint32_t span, uint32_t id)
{
	struct type_cache *c = &ty->closures[(pc >> 5 ^ pc >> 14) % CLOSURE_CACHE];
	uint32_t type;
	struct func fn;
	if (c->key == pc)
		return c->type;
	if (!map_get(&ty->closure_types, pc, &type)) {
		bool entry = pc && program_func_entry(ty->h->prog, pc, &fn);
		type = entry ? closure_make(ty, &fn, span, id) : TYPE_NONE;
		if ((!entry || type != TYPE_NONE) && !map_put(&ty->closure_types, pc, type))
			ty->nomem = true;
	}
	*c = (struct type_cache){pc, type};
	return type;
}

void func_claim(struct typing *ty, uint64_t addr, unsigned flags)
{
	const struct heap *h = ty->h;
	uint32_t span, id = heap_find_slot(h, addr, &span);
	uint64_t pc;
	if (id == OBJ_NONE || !bit_get(h->alloc, id) || addr != span_object_addr(&h->spans[span], id) ||
	    !proc_word(h->proc, addr, &pc))
		return;
	uint32_t type = closure_of(ty, pc, span, id);
	if (type != TYPE_NONE)
		claim(ty, addr, type, ty->t->t[type].size, flags);
}
