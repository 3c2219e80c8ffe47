/* SPDX-License-Identifier: MIT */
/* From the entries that dwarf_scan.c collected to types and package variables. */
#include "types/dwarf_priv.h"
#include "types/types_priv.h"

/* The table's id of the type whose DIE is at the offset. */
static uint32_t id_at(const struct dwarf *d, uint64_t off)
{
	uint32_t at = off ? scan_resolve(&d->scan, off) : TYPE_NONE;
	return at == TYPE_NONE ? TYPE_NONE : d->scan.types.data[at].id;
}

static const struct raw_type *raw_at(const struct dwarf *d, uint64_t off)
{
	uint32_t at = off ? scan_resolve(&d->scan, off) : TYPE_NONE;
	return at == TYPE_NONE ? NULL : &d->scan.types.data[at];
}

/*
 * Synthesized types (hash<K,V>) and unsafe.Pointer have no DW_AT_go_kind. In code shared by all pointer types each of them
 * is called *uint8, which would be a wrong answer to what it points to.
 */
static enum kind kind_of(const struct raw_type *r)
{
	if (r->kind == KIND_PTR && strncmp(r->name, "go.shape.*uint8", 15) == 0)
		return KIND_UNSAFEPTR;
	if (r->kind > 0 && r->kind <= KIND_UNSAFEPTR)
		return (enum kind)r->kind;
	switch (r->tag) {
	case TAG_STRUCT: return KIND_STRUCT;
	case TAG_ARRAY: return KIND_ARRAY;
	case TAG_FUNCTYPE: return KIND_FUNC;
	case TAG_POINTER: return r->ref ? KIND_PTR : KIND_UNSAFEPTR;
	default: return KIND_INVALID;
	}
}

static uint64_t size_of(const struct dwarf *d, const struct raw_type *r, enum kind kind)
{
	if (kind == KIND_PTR || kind == KIND_UNSAFEPTR || kind == KIND_CHAN || kind == KIND_FUNC || kind == KIND_MAP)
		return d->exe->word;
	return kind == KIND_INTERFACE ? 2 * (uint64_t)d->exe->word : r->size;
}

/* Pass 1: ids, so that types can refer to each other. Typedefs that only rename are the type itself. */
static struct hc_error *add_type(struct dwarf *d, struct types *t, struct raw_type *r)
{
	if (r->tag == TAG_TYPEDEF && r->kind == 0)
		return NULL;
	struct type ty = {.elem = TYPE_NONE, .key = TYPE_NONE, .storage = TYPE_NONE};
	enum kind kind = kind_of(r);
	ty.kind = (uint8_t)kind;
	ty.size = size_of(d, r, kind);
	ty.name = name_plain(t, r->name);
	ty.pkg = name_package(t, r->name);
	if (!ty.name || !ty.pkg)
		return err_nomem();
	if (package_is_runtime(ty.pkg))
		ty.flags |= TYPE_F_RUNTIME;
	if (kind == KIND_INVALID)
		ty.flags |= TYPE_F_OPAQUE;
	/* Until Go 1.22 the linker wrote the address of uintptr's descriptor instead of its offset. */
	bool absolute = r->rtype != 0 && t->layout.minor <= 22 && strcmp(ty.name, "uintptr") == 0;
	if (absolute)
		ty.rtype = r->rtype + d->bias;
	r->id = types_add(t, &ty);
	if (r->id == TYPE_NONE)
		return err_nomem();
	t->rtype_offs.data[r->id] = absolute ? 0 : r->rtype;
	return NULL;
}

/* Unexported fields of anonymous structs are named with their package: "gopkg.in/yaml%2ev3.kind". */
static const char *field_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && dot[1] ? dot + 1 : name;
}

static struct hc_error *fill_fields(const struct dwarf *d, struct types *t, const struct raw_type *from, struct type *ty)
{
	if (from->nmembers == 0)
		return NULL;
	if (from->nmembers > 2 && ty->kind == KIND_INTERFACE) { /* runtime.iface and eface have two words */
		ty->flags |= TYPE_F_OPAQUE;
		return NULL;
	}
	struct field *f = arena_alloc(&t->arena, from->nmembers * sizeof(*f));
	if (!f)
		return err_nomem();
	for (uint32_t i = 0; i < from->nmembers; i++) {
		const struct raw_member *m = &d->scan.members.data[from->member + i];
		f[i] = (struct field){field_name(m->name), id_at(d, m->ref), m->off, m->embedded};
		if (f[i].type == TYPE_NONE)
			ty->flags |= TYPE_F_OPAQUE;
	}
	ty->fields = f;
	ty->nfields = ty->flags & TYPE_F_OPAQUE ? 0 : from->nmembers;
	return NULL;
}

/* Pass 2: what the type is made of. */
static struct hc_error *fill_type(const struct dwarf *d, struct types *t, const struct raw_type *r)
{
	if (r->id == TYPE_NONE)
		return NULL;
	struct type *ty = &t->t[r->id];
	const struct raw_type *ref;
	switch ((enum kind)ty->kind) {
	case KIND_ARRAY:
		ty->count = r->count;
		ty->elem = id_at(d, r->ref);
		return NULL;
	case KIND_PTR:
		ty->elem = id_at(d, r->ref);
		return NULL;
	case KIND_MAP: case KIND_CHAN: /* a typedef of a pointer to the storage */
		ty->elem = id_at(d, r->elem);
		ty->key = id_at(d, r->key);
		ref = raw_at(d, r->ref);
		ty->storage = ref && ref->tag == TAG_POINTER ? id_at(d, ref->ref) : TYPE_NONE;
		return NULL;
	case KIND_INTERFACE: /* a typedef of runtime.iface or runtime.eface */
		ref = raw_at(d, r->ref);
		if (ref && strcmp(ref->name, "runtime.eface") == 0)
			ty->flags |= TYPE_F_EFACE;
		return ref && ref->tag == TAG_STRUCT ? fill_fields(d, t, ref, ty) : NULL;
	case KIND_SLICE:
		ty->elem = id_at(d, r->elem);
		return fill_fields(d, t, r, ty);
	case KIND_STRING: case KIND_STRUCT:
		return fill_fields(d, t, r, ty);
	case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16: case KIND_INT32: case KIND_INT64:
	case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32: case KIND_UINT64: case KIND_UINTPTR:
	case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128: case KIND_FUNC: case KIND_UNSAFEPTR:
		return NULL;
	}
	return NULL;
}

struct hc_error *dwarf_load_types(struct dwarf *d, struct types *t)
{
	struct hc_error *err = dwarf_scan(d);
	for (size_t i = 0; i < d->scan.types.len && !err; i++)
		err = add_type(d, t, &d->scan.types.data[i]);
	for (size_t i = 0; i < d->scan.types.len && !err; i++)
		err = fill_type(d, t, &d->scan.types.data[i]);
	for (size_t i = 0; i < d->scan.vars.len && !err; i++) {
		const struct raw_var *v = &d->scan.vars.data[i];
		uint32_t type = id_at(d, v->ref);
		uint64_t size = type == TYPE_NONE ? d->exe->word : t->t[type].size;
		if (!types_add_global(t, v->name, v->addr + d->bias, size, type))
			err = err_nomem();
	}
	return err;
}
