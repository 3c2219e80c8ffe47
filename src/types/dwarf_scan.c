/* SPDX-License-Identifier: MIT */
/*
 * Opening, and one pass over the top-level entries of all Go units: types, package variables, and the runtime's
 * constants. Functions are left to dwarf_locals.c, which reads those that are asked for.
 */
#include "base/ckd.h"
#include "types/dwarf_priv.h"

enum { MAX_ALIASES = 32, LEAST_WORK = 1 << 20 };

/* ---- opening ---- */

/* Remembers a unit of Go code; units of C and assembly have nothing that Go's heap needs. */
static struct hc_error *unit_add(struct dwarf *d, const struct die *die, unsigned version)
{
	enum { LANG_GO = 0x16 };
	struct attrs a;
	die_attrs(d, die, &a);
	if (a.lang != LANG_GO)
		return NULL;
	struct dwarf_cu cu = {.die = die->off, .name = a.name, .low = a.low, .version = version};
	size_t before = d->cu_ranges.len;
	struct hc_error *err = die_ranges(d, die, &a, &cu, d->cus.len, &d->cu_ranges);
	if (err)
		return err;
	cu.ranged = d->cu_ranges.len > before;
	return vec_push(&d->cus, cu) ? NULL : err_nomem();
}

static struct hc_error *units_list(struct dwarf *d)
{
	struct die die;
	unsigned version;
	while (die_unit_next(d, &die, &version)) {
		struct hc_error *err = unit_add(d, &die, version);
		die_free(d, &die);
		if (err)
			return err;
	}
	return NULL;
}

static int range_cmp(const void *a, const void *b)
{
	const struct dwarf_range *x = a, *y = b;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return (x->owner > y->owner) - (x->owner < y->owner);
}

struct hc_error *dwarf_open(const struct exe *exe, uint64_t bias, struct diag *diag, struct dwarf **ret)
{
	if (!exe_section(exe, ".debug_info") && !exe_section(exe, ".zdebug_info")) {
		*ret = NULL;
		return NULL;
	}
	struct dwarf *d = calloc(1, sizeof(*d));
	if (!d)
		return err_nomem();
	d->exe = exe;
	d->bias = bias;
	d->diag = diag;
	d->work = LEAST_WORK;
	struct hc_error *err = dwarf_lib_open(d);
	if (!err)
		err = units_list(d);
	if (err) {
		dwarf_close(d);
		return err;
	}
	if (d->cu_ranges.len)
		qsort(d->cu_ranges.data, d->cu_ranges.len, sizeof(d->cu_ranges.data[0]), range_cmp);
	*ret = d;
	return NULL;
}

static void scan_free(struct scan *s)
{
	vec_free(&s->offs);
	vec_free(&s->types);
	vec_free(&s->members);
	vec_free(&s->vars);
	vec_free(&s->const_values);
	vec_free(&s->struct_types);
	strtab_free(&s->const_names);
	strtab_free(&s->struct_names);
}

void dwarf_close(struct dwarf *d)
{
	if (!d)
		return;
	dwarf_locals_free(d);
	scan_free(&d->scan);
	dwarf_lib_close(d);
	dwarf_sections_free(d);
	vec_free(&d->cus);
	vec_free(&d->cu_ranges);
	arena_free(&d->arena);
	free(d);
}

/* ---- the pass ---- */

static bool is_runtime(const char *name)
{
	return strncmp(name, "runtime", 7) == 0 || strncmp(name, "internal/", 9) == 0;
}

static bool scan_members(struct dwarf *d, const struct die *parent, struct raw_type *t)
{
	struct die m;
	t->member = (uint32_t)d->scan.members.len;
	for (bool more = die_child(d, parent, &m); more; more = die_next(d, &m)) {
		if (m.tag != TAG_MEMBER)
			continue;
		struct attrs a;
		die_attrs(d, &m, &a);
		struct raw_member r = {a.name, a.type, a.member_off, a.embedded};
		if (d->scan.members.len == UINT32_MAX || !vec_push(&d->scan.members, r)) {
			die_free(d, &m);
			return false;
		}
		t->nmembers++;
	}
	return true;
}

static void scan_length(struct dwarf *d, const struct die *parent, struct raw_type *t)
{
	struct die r;
	for (bool more = die_child(d, parent, &r); more; more = die_next(d, &r)) {
		struct attrs a;
		if (r.tag != TAG_SUBRANGE)
			continue;
		die_attrs(d, &r, &a);
		t->count = a.count;
	}
}

/* Structs of the runtime are looked up by name, for their layouts. */
static bool scan_name_struct(struct scan *s, const struct raw_type *t)
{
	uint32_t id;
	if (t->tag != TAG_STRUCT || !is_runtime(t->name))
		return true;
	if (!strtab_add(&s->struct_names, t->name, strlen(t->name), &id))
		return false;
	return id < s->struct_types.len || vec_push(&s->struct_types, (uint32_t)s->types.len);
}

static bool scan_type(struct dwarf *d, const struct die *die)
{
	struct scan *s = &d->scan;
	struct attrs a;
	die_attrs(d, die, &a);
	struct raw_type t = {.name = a.name, .ref = a.type, .elem = a.elem, .key = a.key, .size = a.size, .rtype = a.rtype,
	                     .id = TYPE_NONE, .tag = die->tag, .kind = a.kind};
	if (s->types.len >= TYPE_NONE - 1 || (s->offs.len && s->offs.data[s->offs.len - 1] >= die->off))
		return true;
	if (die->tag == TAG_STRUCT && !scan_members(d, die, &t))
		return false;
	if (die->tag == TAG_ARRAY)
		scan_length(d, die, &t);
	return scan_name_struct(s, &t) && vec_push(&s->offs, die->off) && vec_push(&s->types, t);
}

static bool scan_var(struct dwarf *d, const struct die *die)
{
	struct attrs a;
	die_attrs(d, die, &a);
	struct raw_var v = {.name = a.name, .ref = a.type};
	return !die_static_addr(d, die, &a, &v.addr) || v.addr == 0 || vec_push(&d->scan.vars, v);
}

static bool scan_constant(struct dwarf *d, const struct die *die)
{
	struct scan *s = &d->scan;
	struct attrs a;
	uint32_t id;
	die_attrs(d, die, &a);
	if (!(a.have & HAVE_VALUE))
		return true;
	if (!strtab_add(&s->const_names, a.name, strlen(a.name), &id))
		return false;
	return id < s->const_values.len || vec_push(&s->const_values, a.value);
}

static bool scan_die(struct dwarf *d, const struct dwarf_cu *cu, const struct die *die)
{
	switch (die->tag) {
	case TAG_BASE: case TAG_STRUCT: case TAG_TYPEDEF: case TAG_POINTER: case TAG_ARRAY: case TAG_FUNCTYPE:
		return scan_type(d, die);
	case TAG_VARIABLE:
		return scan_var(d, die);
	case TAG_CONSTANT:
		return !is_runtime(cu->name) || scan_constant(d, die);
	default:
		return true;
	}
}

struct hc_error *dwarf_scan(struct dwarf *d)
{
	if (d->scan.done)
		return NULL;
	d->scan.done = true;
	for (size_t i = 0; i < d->cus.len; i++) {
		struct die unit, die;
		if (!die_at(d, d->cus.data[i].die, &unit))
			continue;
		bool more = die_child(d, &unit, &die);
		die_free(d, &unit);
		for (; more; more = die_next(d, &die)) {
			if (!scan_die(d, &d->cus.data[i], &die)) {
				die_free(d, &die);
				return err_nomem();
			}
		}
	}
	return NULL;
}

/* ---- questions ---- */

uint32_t scan_type_at(const struct scan *s, uint64_t off)
{
	size_t lo = 0, hi = s->offs.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->offs.data[mid] < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->offs.len && s->offs.data[lo] == off ? (uint32_t)lo : TYPE_NONE;
}

uint32_t scan_resolve(const struct scan *s, uint64_t off)
{
	for (int i = 0; i < MAX_ALIASES; i++) {
		uint32_t at = scan_type_at(s, off);
		if (at == TYPE_NONE)
			break;
		const struct raw_type *t = &s->types.data[at];
		if (t->tag != TAG_TYPEDEF || t->kind != 0)
			return at;
		off = t->ref;
	}
	return TYPE_NONE;
}

static const struct raw_type *struct_named(struct dwarf *d, const char *name)
{
	uint32_t id;
	struct hc_error *err = dwarf_scan(d);
	if (err) {
		hc_error_free(err);
		return NULL;
	}
	if (!strtab_find(&d->scan.struct_names, name, strlen(name), &id))
		return NULL;
	return &d->scan.types.data[d->scan.struct_types.data[id]];
}

bool dwarf_struct_size(struct dwarf *d, const char *strct, uint64_t *size)
{
	const struct raw_type *t = struct_named(d, strct);
	if (!t)
		return false;
	*size = t->size;
	return true;
}

/* The member whose name is path's first component; *path moves behind it. */
static const struct raw_member *member_named(const struct scan *s, const struct raw_type *t, const char **path)
{
	size_t len = strcspn(*path, ".");
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct raw_member *m = &s->members.data[t->member + i];
		if (strncmp(m->name, *path, len) == 0 && m->name[len] == '\0') {
			*path += len + ((*path)[len] == '.');
			return m;
		}
	}
	return NULL;
}

static uint64_t raw_size(const struct dwarf *d, const struct raw_type *t)
{
	if (t->kind == KIND_INTERFACE)
		return 2 * (uint64_t)d->exe->word;
	return t->tag == TAG_BASE || t->tag == TAG_STRUCT || t->tag == TAG_ARRAY ? t->size : d->exe->word;
}

/*
 * A struct that stands for one number: runtime/internal/atomic.Uint32 {noCopy, value} and its like, which replaced
 * plain numbers between Go 1.19 and 1.20, and boxes around them. Returns the member that holds it.
 */
static const struct raw_member *wrapped(const struct dwarf *d, const struct raw_type *t)
{
	const struct scan *s = &d->scan;
	const struct raw_member *only = NULL;
	if (t->tag != TAG_STRUCT || (t->kind != 0 && t->kind != KIND_STRUCT) || t->size > d->exe->word)
		return NULL;
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct raw_member *m = &s->members.data[t->member + i];
		uint32_t at = scan_resolve(s, m->ref);
		if (at == TYPE_NONE || raw_size(d, &s->types.data[at]) == 0)
			continue;
		if (only)
			return NULL;
		only = m;
	}
	return only;
}

bool dwarf_field(struct dwarf *d, const char *strct, const char *field, int32_t *off, uint32_t *size)
{
	const struct scan *s = &d->scan;
	const struct raw_type *t = struct_named(d, strct);
	const struct raw_member *m;
	uint64_t at = 0;
	if (!t)
		return false;
	for (int depth = 0; depth < MAX_ALIASES; depth++) {
		bool inside = *field == '\0';
		m = inside ? wrapped(d, t) : t->tag == TAG_STRUCT ? member_named(s, t, &field) : NULL;
		if (!m) {
			*off = (int32_t)at;
			*size = (uint32_t)raw_size(d, t);
			return inside && at <= INT32_MAX && raw_size(d, t) <= UINT32_MAX;
		}
		uint32_t next = scan_resolve(s, m->ref);
		if (next == TYPE_NONE || !ckd_add(at, m->off, &at))
			return false;
		t = &s->types.data[next];
	}
	return false;
}

bool dwarf_constant(struct dwarf *d, const char *name, int64_t *ret)
{
	uint32_t id;
	struct hc_error *err = dwarf_scan(d);
	if (err) {
		hc_error_free(err);
		return false;
	}
	if (!strtab_find(&d->scan.const_names, name, strlen(name), &id))
		return false;
	*ret = d->scan.const_values.data[id];
	return true;
}
