/* SPDX-License-Identifier: MIT */
/* The type table: opening, adding, looking up, package variables. What fills it is in dwarf_types.c and rtype.c. */
#include "base/ckd.h"
#include "types/types_priv.h"

/* ---- names ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copies without "%2e" escapes. Text in double quotes (struct tags) is not escaped by the linker and stays as it is. */
static size_t unescape(const char *s, size_t len, char *out)
{
	size_t n = 0;
	bool quoted = false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			quoted = !quoted;
		else if (s[i] == '\\' && quoted && i + 1 < len)
			out[n++] = s[i++];
		int hi = s[i] == '%' && !quoted && i + 2 < len ? hex_digit(s[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(s[i + 2]) : -1;
		if (lo >= 0) {
			out[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			out[n++] = s[i];
		}
	}
	return n;
}

static const char *intern(struct types *t, const char *s, size_t len)
{
	uint32_t id;
	char *plain = NULL;
	if (memchr(s, '%', len)) {
		plain = malloc(len);
		if (!plain)
			return NULL;
		len = unescape(s, len, plain);
		s = plain;
	}
	bool ok = strtab_add(&t->names, s, len, &id);
	free(plain);
	return ok ? strtab_text(&t->names, id) : NULL;
}

const char *name_plain(struct types *t, const char *escaped)
{
	return intern(t, escaped, strlen(escaped));
}

const char *name_package(struct types *t, const char *escaped)
{
	static const char *const unnamed[] = {"noalg.", "go.shape.", "map."}; /* made by the compiler */
	size_t len = strcspn(escaped, "[<*( "); /* type arguments may hold other paths */
	for (size_t i = 0; i < sizeof(unnamed) / sizeof(unnamed[0]); i++) {
		if (strncmp(escaped, unnamed[i], strlen(unnamed[i])) == 0)
			return "";
	}
	size_t dot = len;
	for (size_t i = len; i > 0 && escaped[i - 1] != '/'; i--) {
		if (escaped[i - 1] == '.')
			dot = i - 1;
	}
	return dot == len ? "" : intern(t, escaped, dot);
}

/* ---- the table ---- */

static bool table_index(struct types *t, uint32_t id, uint32_t name)
{
	const struct type *ty = &t->t[id];
	while (t->by_name.len <= name) {
		if (!vec_push(&t->by_name, TYPE_NONE))
			return false;
	}
	if (t->by_name.data[name] == TYPE_NONE)
		t->by_name.data[name] = id;
	return ty->rtype == 0 || map_put(&t->by_rtype, ty->rtype, id);
}

uint32_t types_add(struct types *t, const struct type *type)
{
	uint32_t name;
	const char *text = type->name ? type->name : "";
	if (t->n >= TYPE_NONE - 1 || !vec_grow(&t->t, &t->cap, sizeof(*t->t), (size_t)t->n + 1) ||
	    !strtab_add(&t->names, text, strlen(text), &name) || !vec_reserve(&t->rtype_offs, (size_t)t->n + 1))
		return TYPE_NONE;
	uint32_t id = t->n;
	t->t[id] = *type;
	t->t[id].name = strtab_text(&t->names, name);
	if (!type->pkg)
		t->t[id].pkg = "";
	if (strstr(text, "go.shape."))
		t->t[id].flags |= TYPE_F_SHAPE;
	if (!table_index(t, id, name))
		return TYPE_NONE;
	t->rtype_offs.data[id] = 0;
	t->rtype_offs.len = (size_t)id + 1;
	t->n++;
	return id;
}

uint32_t types_by_name(const struct types *t, const char *name)
{
	uint32_t id;
	if (!strtab_find(&t->names, name, strlen(name), &id) || id >= t->by_name.len)
		return TYPE_NONE;
	return t->by_name.data[id];
}

/* "*T" or "[]T": what the program has, else a new one. */
static uint32_t derived(struct types *t, struct map *known, uint32_t elem, const char *prefix, struct type ty)
{
	uint32_t id;
	if (elem >= t->n)
		return TYPE_NONE;
	if (map_get(known, elem, &id))
		return id;
	char *name = arena_printf(&t->arena, "%s%s", prefix, t->t[elem].name);
	if (!name)
		return TYPE_NONE;
	ty.name = name;
	ty.pkg = "";
	ty.elem = elem;
	ty.key = ty.storage = TYPE_NONE;
	ty.flags = TYPE_F_SYNTHETIC;
	id = types_add(t, &ty);
	if (id == TYPE_NONE || !map_put(known, elem, id))
		return TYPE_NONE;
	struct hc_error *err = types_finish(t);
	hc_error_free(err);
	return err ? TYPE_NONE : id;
}

uint32_t types_ptr_to(struct types *t, uint32_t elem)
{
	return derived(t, &t->ptrs, elem, "*", (struct type){.kind = KIND_PTR, .size = t->proc->word});
}

uint32_t types_slice_of(struct types *t, uint32_t elem)
{
	uint32_t id, data, word;
	if (map_get(&t->slices, elem, &id))
		return id;
	data = types_ptr_to(t, elem);
	word = types_by_name(t, "int");
	struct field *f = data == TYPE_NONE ? NULL : arena_alloc(&t->arena, 3 * sizeof(*f));
	if (!f)
		return TYPE_NONE;
	uint64_t w = t->proc->word;
	f[0] = (struct field){"array", data, 0, false};
	f[1] = (struct field){"len", word, w, false};
	f[2] = (struct field){"cap", word, 2 * w, false};
	return derived(t, &t->slices, elem, "[]",
	               (struct type){.kind = KIND_SLICE, .size = 3 * w, .fields = f, .nfields = word == TYPE_NONE ? 1 : 3});
}

/* ---- descriptors ---- */

/* Of the types from `first` on that have no address yet. */
static bool rtypes_place(struct types *t, uint32_t first, uint64_t base)
{
	for (uint32_t i = first; i < t->n; i++) {
		struct type *ty = &t->t[i];
		if (t->rtype_offs.data[i] == 0 || ty->rtype != 0 || !ckd_add(base, t->rtype_offs.data[i], &ty->rtype))
			continue;
		uint32_t old;
		if (!map_get(&t->by_rtype, ty->rtype, &old) && !map_put(&t->by_rtype, ty->rtype, i))
			return false;
	}
	return true;
}

bool types_set_rtype_base(struct types *t, uint64_t base)
{
	return rtypes_place(t, 0, base);
}

/* ---- package variables ---- */

bool types_add_global(struct types *t, const char *escaped, uint64_t addr, uint64_t size, uint32_t type)
{
	struct global g = {name_plain(t, escaped), addr, size, type, name_package(t, escaped)};
	if (!g.name || !g.pkg || !vec_grow(&t->globals, &t->globals_cap, sizeof(g), t->nglobals + 1))
		return false;
	t->globals[t->nglobals++] = g;
	return true;
}

/* By address; at one address typed before untyped, bigger before smaller. */
static int global_cmp(const void *a, const void *b)
{
	const struct global *x = a, *y = b;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if ((x->type == TYPE_NONE) != (y->type == TYPE_NONE))
		return x->type == TYPE_NONE ? 1 : -1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Sorts, drops what overlaps, and makes the names findable. */
static struct hc_error *globals_sort(struct types *t)
{
	size_t n = 0;
	if (t->nglobals)
		qsort(t->globals, t->nglobals, sizeof(t->globals[0]), global_cmp);
	for (size_t i = 0; i < t->nglobals; i++) {
		struct global g = t->globals[i];
		uint64_t end = n ? t->globals[n - 1].addr + t->globals[n - 1].size : 0;
		uint32_t name, first;
		if (n && g.addr < end)
			continue;
		if (!strtab_add(&t->names, g.name, strlen(g.name), &name) ||
		    (!map_get(&t->globals_by_name, name, &first) && !map_put(&t->globals_by_name, name, (uint32_t)n)))
			return err_nomem();
		t->globals[n++] = g;
	}
	t->nglobals = n;
	return NULL;
}

const struct global *types_global_at(const struct types *t, uint64_t addr)
{
	size_t lo = 0, hi = t->nglobals;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (t->globals[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && addr - t->globals[lo - 1].addr < t->globals[lo - 1].size ? &t->globals[lo - 1] : NULL;
}

const struct global *types_global_named(const struct types *t, const char *name)
{
	uint32_t id, at;
	if (!strtab_find(&t->names, name, strlen(name), &id) || !map_get(&t->globals_by_name, id, &at))
		return NULL;
	return &t->globals[at];
}

static const struct module_file *main_module(const struct proc *p)
{
	return p->nmodules > 0 ? &p->modules[0] : NULL;
}

static uint64_t symbol_addr(const struct module_file *m, const char *name)
{
	const struct exe_symbol *s = m ? exe_symbol(m->exe, name) : NULL;
	return s ? s->value + m->bias : 0;
}

uint64_t types_global_addr(const struct types *t, const char *name)
{
	const struct global *g = types_global_named(t, name);
	return g ? g->addr : symbol_addr(main_module(t->proc), name);
}

bool types_constant(const struct types *t, const char *name, int64_t *ret)
{
	return t->dwarf && dwarf_constant(t->dwarf, name, ret);
}

/* ---- opening ---- */

static bool symbol_writable(const struct exe *exe, const struct exe_symbol *s)
{
	enum { PF_W_ = 2 };
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *seg = &exe->segments[i];
		if (s->value >= seg->vaddr && in_range(s->value - seg->vaddr, s->size, seg->memsz))
			return seg->flags & PF_W_;
	}
	return false;
}

/* The type of what the compiler keeps at type assertions and switches (Go 1.22), by the symbol: "fmt..typeAssert.0". */
static uint32_t symbol_type(const struct types *t, const struct exe_symbol *s)
{
	static const struct { const char *mark, *type; } marks[] = {
		{"..typeAssert.", "internal/abi.TypeAssert"}, {"..interfaceSwitch.", "internal/abi.InterfaceSwitch"},
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		uint32_t type = strstr(s->name, marks[i].mark) ? types_by_name(t, marks[i].type) : TYPE_NONE;
		/* {cache, inter, bool}; a switch has its cases behind it */
		if (type != TYPE_NONE && t->t[type].size <= s->size)
			return type;
	}
	return TYPE_NONE;
}

/* Variables that DWARF lacks: temporaries of the compiler, the linker's own, those of C. */
static struct hc_error *symbols_load(struct types *t, const struct module_file *m)
{
	enum { STT_OBJECT_ = 1 };
	for (size_t i = 0; i < m->exe->nsymbols; i++) {
		const struct exe_symbol *s = &m->exe->symbols[i];
		if (s->type != STT_OBJECT_ || s->size == 0 || !symbol_writable(m->exe, s))
			continue;
		if (!types_add_global(t, s->name, s->value + m->bias, s->size, symbol_type(t, s)))
			return err_nomem();
	}
	return NULL;
}

/* Debug information that cannot be read costs names, not the analysis. */
static struct hc_error *module_dwarf(const struct module_file *m, struct diag *diag, struct dwarf **ret)
{
	const struct exe *from = exe_dwarf(m->exe);
	*ret = NULL;
	struct hc_error *err = from ? dwarf_open(from, m->bias, diag, ret) : NULL;
	if (!err || hc_error_code(err) == HC_E_NOMEM)
		return err;
	diag_add(diag, HC_SEV_WARNING, "%s; going on without it", hc_error_message(err));
	hc_error_free(err);
	return NULL;
}

static struct hc_error *module_load(struct types *t, const struct module_file *m, struct dwarf *d)
{
	uint32_t first = t->n;
	struct hc_error *err = d ? dwarf_load_types(d, t) : NULL;
	uint64_t base = symbol_addr(m, "runtime.types");
	if (!err)
		err = symbols_load(t, m);
	/* each module's offsets count from its own runtime.types */
	if (!err && base != 0 && !rtypes_place(t, first, base))
		err = err_nomem();
	return err;
}

static struct hc_error *modules_load(struct types *t, struct diag *diag)
{
	const struct proc *p = t->proc;
	struct hc_error *err = p->nmodules ? module_load(t, &p->modules[0], t->dwarf) : NULL;
	for (size_t i = 1; i < p->nmodules && !err; i++) {
		struct dwarf *d = NULL;
		err = module_dwarf(&p->modules[i], diag, &d);
		if (!err && d && !vec_push(&t->plugins, d)) {
			dwarf_close(d);
			err = err_nomem();
		}
		if (!err)
			err = module_load(t, &p->modules[i], d);
	}
	return err;
}

/* A heap dump is read without a look into the runtime's structures: they only add to it. */
static struct hc_error *layout_load(struct types *t, struct diag *diag)
{
	const struct proc *p = t->proc;
	struct hc_error *err = layout_init(&t->layout, &p->build, p->arch, p->word, t->dwarf, diag);
	if (!err || !p->dump || hc_error_code(err) == HC_E_NOMEM)
		return err;
	if (p->nmodules)
		diag_add(diag, HC_SEV_WARNING, "functions and most types stay unknown: %s", hc_error_message(err));
	hc_error_free(err);
	return NULL;
}

struct hc_error *types_open(const struct proc *p, struct diag *diag, struct types **ret)
{
	struct types *t = calloc(1, sizeof(*t));
	if (!t)
		return err_nomem();
	t->proc = p;
	struct hc_error *err = p->nmodules ? module_dwarf(&p->modules[0], diag, &t->dwarf) : NULL;
	if (!err)
		err = layout_load(t, diag);
	if (!err)
		err = modules_load(t, diag);
	if (!err)
		err = globals_sort(t);
	if (!err)
		err = types_finish(t);
	if (err) {
		types_close(t);
		return err;
	}
	*ret = t;
	return NULL;
}

void types_close(struct types *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->plugins.len; i++)
		dwarf_close(t->plugins.data[i]);
	vec_free(&t->plugins);
	dwarf_close(t->dwarf);
	free(t->t);
	free(t->globals);
	map_free(&t->by_rtype);
	map_free(&t->slices);
	map_free(&t->ptrs);
	map_free(&t->globals_by_name);
	vec_free(&t->by_name);
	vec_free(&t->rtype_offs);
	vec_free(&t->dictionaries);
	strtab_free(&t->names);
	arena_free(&t->arena);
	free(t);
}
