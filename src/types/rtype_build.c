/* SPDX-License-Identifier: MIT */
/*
 * Types made from the runtime's own descriptors, for what DWARF does not know: stripped programs, types that reflect
 * made, plugins. A type pulls in all types that it is made of: they are discovered first, then named (rtype_name.c), then
 * added, then filled. Nothing recurses, and what is read is bounded by the bytes that the snapshot has.
 */
#include <stdlib.h>

#include "base/ckd.h"
#include "types/rtype.h"
#include "types/types_priv.h"

enum { MAX_PARAMS = 1 << 16, VARIADIC = 1 << 15 };

/* ---- discovery ---- */

static bool charge(struct cookbook *b)
{
	uint64_t *left = &b->t->prog->rtypes->type_budget;
	if (*left == 0)
		return false;
	--*left;
	return true;
}

/* Where the list of its fields is lost, a struct has no name: one without fields would be the wrong one. */
static bool fields_there(const struct cookbook *b, const struct rtype *r)
{
	uint64_t fields, n;
	if (r->kind != KIND_STRUCT || !r->size)
		return true;
	return rtype_fields(b->t->prog, r, &fields, &n) && n && proc_readable(b->t->proc, fields, n * 3 * b->t->proc->word);
}

/* Makes sure that the descriptor is or becomes a type; false when it is none. */
static bool discover(struct cookbook *b, uint64_t addr)
{
	uint32_t unused;
	struct recipe r = {.pkg = "", .ctx = "", .str = "", .id = TYPE_NONE};
	if (map_get(&b->t->by_rtype, addr, &unused) || map_get(&b->index, addr, &unused))
		return true;
	if (!charge(b) || !rtype_read(b->t->prog, addr, &r.r) || r.r.kind == KIND_INVALID || !fields_there(b, &r.r))
		return false;
	if (vec_push(&b->recipes, r) && map_put(&b->index, addr, (uint32_t)b->recipes.len - 1))
		return true;
	b->nomem = true;
	return false;
}

/* Adds a part to the newest recipe of the list of parts; an unreadable one has type 0. */
static void part_add(struct cookbook *b, struct part p)
{
	if (!discover(b, p.type))
		p.type = 0;
	if (!vec_push(&b->parts, p))
		b->nomem = true;
}

static void part_at(struct cookbook *b, uint64_t slot)
{
	struct part p = {.name = "", .tag = ""};
	if (!proc_word(b->t->proc, slot, &p.type))
		p.type = 0;
	part_add(b, p);
}

static void parts_struct(struct cookbook *b, const struct rtype *r)
{
	const struct program *g = b->t->prog;
	uint64_t fields, n;
	if (!rtype_fields(g, r, &fields, &n))
		return;
	for (uint64_t i = 0; i < n && charge(b) && !b->nomem; i++) {
		struct rfield f;
		struct rname name;
		if (!rfield_read(g, fields, i, &f) || !rname_read(g, &b->t->arena, f.name, &name))
			return;
		part_add(b, (struct part){f.type, name.text, name.tag, f.offset, f.embedded || name.embedded, name.exported});
	}
}

/* Parameters and results lie behind the uncommon part. */
static void parts_func(struct cookbook *b, struct recipe *r)
{
	const struct proc *p = b->t->proc;
	uint16_t in, out;
	if (!proc_u16(p, r->r.tail, &in) || !proc_u16(p, r->r.tail + 2, &out))
		return;
	r->variadic = out & VARIADIC;
	r->count = in;
	uint64_t at = r->r.tail + (p->word == 8 ? 8 : 4) + (r->r.tflag & TFLAG_UNCOMMON ? 16 : 0);
	unsigned n = in + (out & (VARIADIC - 1u));
	for (unsigned i = 0; i < n && charge(b) && !b->nomem; i++)
		part_at(b, at + (uint64_t)i * p->word);
}

static void parts_interface(struct cookbook *b, const struct rtype *r)
{
	const struct types *t = b->t;
	uint64_t methods, n;
	if (!proc_word(t->proc, r->tail + t->proc->word, &methods) || !proc_word(t->proc, r->tail + 2u * t->proc->word, &n))
		return;
	for (uint64_t i = 0; i < n && charge(b) && !b->nomem; i++) { /* {name nameOff; type typeOff} */
		uint32_t name, type;
		struct rname m;
		if (!proc_u32(t->proc, methods + i * 8, &name) || !proc_u32(t->proc, methods + i * 8 + 4, &type) ||
		    !rname_read(t->prog, &b->t->arena, rtype_off(t, r, (int32_t)name), &m))
			return;
		part_add(b, (struct part){rtype_off(t, r, (int32_t)type), m.text, "", 0, false, m.exported});
	}
}

static const char *name_text(struct cookbook *b, uint64_t addr)
{
	struct rname n;
	return addr && rname_read(b->t->prog, &b->t->arena, addr, &n) ? n.text : "";
}

/* The import path of a named type, in the uncommon part. */
static const char *package_of(struct cookbook *b, const struct rtype *r)
{
	uint64_t uncommon = rtype_uncommon(b->t->prog, r);
	uint32_t off;
	if (!uncommon || !(r->tflag & TFLAG_NAMED) || !proc_u32(b->t->proc, uncommon, &off))
		return "";
	return name_text(b, rtype_off(b->t, r, (int32_t)off));
}

/* Structs and interfaces name the package of their unexported names. */
static const char *context_of(struct cookbook *b, const struct rtype *r)
{
	uint64_t addr;
	if ((r->kind != KIND_STRUCT && r->kind != KIND_INTERFACE) || !proc_word(b->t->proc, r->tail, &addr))
		return "";
	return name_text(b, addr);
}

static const char *short_name(struct cookbook *b, const struct rtype *r)
{
	struct rname n;
	uint64_t addr = rtype_off(b->t, r, r->str);
	if (!addr || !rname_read(b->t->prog, &b->t->arena, addr, &n))
		return "";
	return (r->tflag & TFLAG_EXTRASTAR) && n.text[0] == '*' ? n.text + 1 : n.text;
}

/* Reads what recipe i is made of. The list of recipes may move meanwhile. */
static void read_parts(struct cookbook *b, uint32_t i)
{
	struct recipe r = b->recipes.data[i];
	uint64_t word = b->t->proc->word, v;
	r.part = (uint32_t)b->parts.len;
	r.str = short_name(b, &r.r);
	r.pkg = package_of(b, &r.r);
	r.ctx = context_of(b, &r.r);
	switch ((enum kind)r.r.kind) {
	case KIND_CHAN:
		r.count = proc_word(b->t->proc, r.r.tail + word, &v) ? v : 3;
		part_at(b, r.r.tail);
		break;
	case KIND_ARRAY:
		if (!rtype_array(b->t->prog, &r.r, &v, &r.count))
			r.count = 0;
		part_at(b, r.r.tail);
		break;
	case KIND_PTR: case KIND_SLICE:
		part_at(b, r.r.tail);
		break;
	case KIND_MAP: /* key, elem; the group or bucket type is found through the descriptor where it is needed */
		part_at(b, r.r.tail);
		part_at(b, r.r.tail + word);
		break;
	case KIND_STRUCT: parts_struct(b, &r.r); break;
	case KIND_FUNC: parts_func(b, &r); break;
	case KIND_INTERFACE: parts_interface(b, &r.r); break;
	case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16: case KIND_INT32:
	case KIND_INT64: case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32: case KIND_UINT64:
	case KIND_UINTPTR: case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128:
	case KIND_STRING: case KIND_UNSAFEPTR: break;
	}
	r.nparts = (uint32_t)b->parts.len - r.part;
	b->recipes.data[i] = r;
}

/* ---- adding ---- */

/*
 * DWARF may know the type without its descriptor's address; plugins have descriptors of their own for types that the
 * program has. Two descriptors of one module are two types, even when they have one name (types local to functions).
 */
static bool same_type(const struct cookbook *b, const struct recipe *r, uint32_t id)
{
	const struct type *t = &b->t->t[id];
	if (t->kind != r->r.kind || t->size != r->r.size)
		return false;
	return !t->rtype || program_module_of_type(b->t->prog, t->rtype) != r->r.mod;
}

static void add_type(struct cookbook *b, struct recipe *r)
{
	struct types *t = b->t;
	uint32_t id = types_by_name(t, r->name);
	if (id != TYPE_NONE && same_type(b, r, id)) {
		r->known = true;
		if (!t->t[id].rtype)
			t->t[id].rtype = r->r.addr;
	} else {
		bool named = r->r.tflag & TFLAG_NAMED;
		struct type ty = {.name = r->name, .pkg = named ? r->pkg : "", .size = r->r.size, .rtype = r->r.addr,
		                  .elem = TYPE_NONE, .key = TYPE_NONE, .storage = TYPE_NONE, .kind = r->r.kind};
		if (package_is_runtime(ty.pkg))
			ty.flags |= TYPE_F_RUNTIME;
		id = types_add(t, &ty);
	}
	r->id = id;
	if (id == TYPE_NONE || !map_put(&t->by_rtype, r->r.addr, id))
		b->nomem = true;
}

static uint32_t part_id(const struct cookbook *b, const struct part *p)
{
	uint32_t id;
	return p->type && map_get(&b->t->by_rtype, p->type, &id) ? id : TYPE_NONE;
}

/* A type that every program has, by name; made where nothing has described it. */
static uint32_t basic(struct cookbook *b, const char *name, enum kind kind, uint64_t size, uint32_t elem)
{
	uint32_t id = types_by_name(b->t, name);
	if (id != TYPE_NONE && b->t->t[id].kind == kind)
		return id;
	struct type ty = {.name = name, .pkg = "", .size = size, .elem = elem, .key = TYPE_NONE, .storage = TYPE_NONE,
	                  .kind = (uint8_t)kind, .flags = TYPE_F_SYNTHETIC};
	id = types_add(b->t, &ty);
	b->nomem |= id == TYPE_NONE;
	return id;
}

/* types_ptr_to() would finish types that are not filled yet. */
static uint32_t pointer_to(struct cookbook *b, uint32_t elem)
{
	uint32_t id;
	if (map_get(&b->t->ptrs, elem, &id))
		return id;
	char *name = arena_printf(&b->arena, "*%s", b->t->t[elem].name);
	id = name ? types_by_name(b->t, name) : TYPE_NONE;
	if (id == TYPE_NONE || b->t->t[id].elem != elem || b->t->t[id].kind != KIND_PTR) {
		struct type ty = {.name = name, .pkg = "", .size = b->t->proc->word, .elem = elem, .key = TYPE_NONE,
		                  .storage = TYPE_NONE, .kind = KIND_PTR, .flags = TYPE_F_SYNTHETIC};
		id = name ? types_add(b->t, &ty) : TYPE_NONE;
	}
	if (id == TYPE_NONE || !map_put(&b->t->ptrs, elem, id))
		b->nomem = true;
	return id;
}

/* Strings, slices and interfaces: their words as fields, under the names that DWARF gives them. */
static void fill_words(struct cookbook *b, uint32_t id, const char *const names[], const uint32_t types[], uint32_t n)
{
	uint64_t word = b->t->proc->word;
	struct field *f = arena_alloc(&b->t->arena, n * sizeof(*f));
	if (!f) {
		b->nomem = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		f[i] = (struct field){names[i], types[i], i * word, false};
	b->t->t[id].fields = f;
	b->t->t[id].nfields = n;
}

static void fill_struct(struct cookbook *b, const struct recipe *r)
{
	const struct part *p = recipe_parts(b, r);
	struct field *f = arena_alloc(&b->t->arena, r->nparts * sizeof(*f) + 1);
	if (!f) {
		b->nomem = true;
		return;
	}
	uint64_t fields, n;
	bool whole = rtype_fields(b->t->prog, &r->r, &fields, &n) && n == r->nparts;
	for (uint32_t i = 0; i < r->nparts; i++) {
		f[i] = (struct field){p[i].name, part_id(b, &p[i]), p[i].offset, p[i].embedded};
		whole &= f[i].type != TYPE_NONE;
	}
	struct type *ty = &b->t->t[r->id];
	ty->fields = f;
	ty->nfields = whole ? r->nparts : 0;
	if (!whole)
		ty->flags |= TYPE_F_OPAQUE;
}

static void fill_elem(struct cookbook *b, const struct recipe *r)
{
	static const char *const slice[] = {"array", "len", "cap"};
	const struct part *p = recipe_parts(b, r);
	uint64_t word = b->t->proc->word;
	uint32_t elem = r->nparts ? part_id(b, &p[r->nparts - 1]) : TYPE_NONE;
	b->t->t[r->id].elem = elem;
	if (elem == TYPE_NONE) {
		if (r->r.kind == KIND_SLICE || r->r.kind == KIND_ARRAY)
			b->t->t[r->id].flags |= TYPE_F_OPAQUE;
		return;
	}
	if (r->r.kind == KIND_MAP)
		b->t->t[r->id].key = part_id(b, &p[0]);
	if (r->r.kind == KIND_ARRAY)
		b->t->t[r->id].count = r->count;
	if (r->r.kind == KIND_PTR && !map_get(&b->t->ptrs, elem, &(uint32_t){0}) && !(r->r.tflag & TFLAG_NAMED) &&
	    !map_put(&b->t->ptrs, elem, r->id))
		b->nomem = true;
	/* A pointer that the collector ignores is one to memory that is never in the heap. */
	if (r->r.kind == KIND_PTR && !r->r.ptrdata)
		b->t->t[elem].flags |= TYPE_F_NOTINHEAP;
	if (r->r.kind == KIND_SLICE) {
		uint32_t num = basic(b, "int", KIND_INT, word, TYPE_NONE);
		fill_words(b, r->id, slice, (const uint32_t[]){pointer_to(b, elem), num, num}, 3);
	}
}

static void fill_type(struct cookbook *b, const struct recipe *r)
{
	static const char *const string[] = {"str", "len"}, *const eface[] = {"_type", "data"}, *const iface[] = {"tab", "data"};
	uint64_t word = b->t->proc->word;
	uint32_t any;
	switch ((enum kind)r->r.kind) {
	case KIND_ARRAY: case KIND_CHAN: case KIND_MAP: case KIND_PTR: case KIND_SLICE:
		fill_elem(b, r);
		break;
	case KIND_STRUCT: fill_struct(b, r); break;
	case KIND_STRING:
		any = basic(b, "uint8", KIND_UINT8, 1, TYPE_NONE);
		if (!b->nomem)
			fill_words(b, r->id, string,
			           (const uint32_t[]){pointer_to(b, any), basic(b, "int", KIND_INT, word, TYPE_NONE)}, 2);
		break;
	case KIND_INTERFACE:
		any = basic(b, "unsafe.Pointer", KIND_UNSAFEPTR, word, TYPE_NONE);
		b->t->t[r->id].flags |= r->nparts ? 0 : TYPE_F_EFACE;
		fill_words(b, r->id, r->nparts ? iface : eface, (const uint32_t[]){any, any}, 2);
		break;
	case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16: case KIND_INT32:
	case KIND_INT64: case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32: case KIND_UINT64:
	case KIND_UINTPTR: case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128: case KIND_FUNC:
	case KIND_UNSAFEPTR: break;
	}
}

static void build(struct cookbook *b, uint64_t addr)
{
	if (!discover(b, addr))
		return;
	for (uint32_t i = 0; i < b->recipes.len && !b->nomem; i++)
		read_parts(b, i);
	recipes_name(b);
	for (uint32_t i = 0; i < b->recipes.len && !b->nomem; i++)
		add_type(b, &b->recipes.data[i]);
	for (uint32_t i = 0; i < b->recipes.len && !b->nomem; i++)
		if (!b->recipes.data[i].known)
			fill_type(b, &b->recipes.data[i]);
	struct hc_error *err = b->nomem ? err_nomem() : types_finish(b->t);
	b->nomem |= err != NULL;
	hc_error_free(err);
}

uint32_t types_by_rtype(struct types *t, uint64_t addr)
{
	uint32_t id;
	if (map_get(&t->by_rtype, addr, &id))
		return id;
	if (!t->prog || !t->prog->nmodules || !addr) /* no module, no names: they are offsets from its types */
		return TYPE_NONE;
	struct cookbook b = {.t = t};
	build(&b, addr);
	vec_free(&b.recipes);
	vec_free(&b.parts);
	map_free(&b.index);
	arena_free(&b.arena);
	return !b.nomem && map_get(&t->by_rtype, addr, &id) ? id : TYPE_NONE;
}
