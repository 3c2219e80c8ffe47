/* SPDX-License-Identifier: MIT */
/*
 * Types of the standard library that hide what they point to behind unsafe.Pointer, or behind a pointer to their first
 * field. Named in one place; the types themselves come from the program.
 */
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "graph/typing_priv.h"

/* ---- unsafe pointers ---- */

/* T of "pkg.Name[T]". */
static uint32_t type_argument(struct typing *ty, const char *name)
{
	const char *open = strchr(name, '[');
	size_t len = open ? strlen(open) : 0;
	char arg[512];
	if (len < 3 || len > sizeof(arg) || open[len - 1] != ']')
		return TYPE_NONE;
	memcpy(arg, open + 1, len - 2);
	arg[len - 2] = 0;
	return types_by_name(ty->t, arg);
}

/* T of a struct with a marker field [0]*T. */
static uint32_t marked_elem(const struct types *t, const struct type *s)
{
	for (uint32_t i = 0; i < s->nfields; i++) {
		const struct type *a = s->fields[i].type < t->n ? &t->t[s->fields[i].type] : NULL;
		const struct type *p = a && a->kind == KIND_ARRAY && a->elem < t->n ? &t->t[a->elem] : NULL;
		if (p && p->kind == KIND_PTR)
			return p->elem;
	}
	return TYPE_NONE;
}

/* sync/atomic.Pointer[T] {_ [0]*T; _ noCopy; v unsafe.Pointer}; the runtime's own has T in its name only. */
static bool atomic_pointer(struct typing *ty, const struct type *t, uint64_t base)
{
	uint32_t elem = marked_elem(ty->t, t);
	if (elem == TYPE_NONE)
		elem = type_argument(ty, t->name);
	if (elem != TYPE_NONE)
		prog_emit(ty, OP_PTR, base, elem, 1);
	return true;
}

/* A weak pointer holds the address of a box that the runtime clears when the object dies (1.23 to 1.27). */
static bool weak_pointer(struct typing *ty, const struct type *t, uint64_t base)
{
	(void)t;
	uint32_t box = types_by_name(ty->t, "internal/runtime/atomic.Uintptr");
	if (box != TYPE_NONE)
		prog_emit(ty, OP_PTR, base, box, 1);
	return true;
}

static bool sync_pool(struct typing *ty, const struct type *t, uint64_t base)
{
	uint32_t local = types_by_name(ty->t, "sync.poolLocal");
	for (uint32_t i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];
		if ((strcmp(f->name, "local") == 0 || strcmp(f->name, "victim") == 0) && local != TYPE_NONE)
			prog_emit(ty, OP_COUNTED, base + f->offset, local, 1);
		else if (strcmp(f->name, "New") == 0)
			prog_emit(ty, OP_FUNC, base + f->offset, TYPE_NONE, 1);
	}
	return true;
}

/* poolDequeue's slots: the two words of an interface value. */
static bool sync_eface(struct typing *ty, const struct type *t, uint64_t base)
{
	(void)t;
	prog_emit(ty, OP_EFACE, base, TYPE_NONE, 1);
	return true;
}

/* sync.Map up to 1.19: entry{p unsafe.Pointer} to an interface value; later an atomic.Pointer[any]. */
static bool sync_entry(struct typing *ty, const struct type *t, uint64_t base)
{
	if (t->nfields != 1 || t->fields[0].type >= ty->t->n || ty->t->t[t->fields[0].type].kind != KIND_UNSAFEPTR)
		return false;
	if (ty->eface != TYPE_NONE)
		prog_emit(ty, OP_PTR, base, ty->eface, 1);
	return true;
}

static bool reflect_value(struct typing *ty, const struct type *t, uint64_t base)
{
	if (t->nfields != 3)
		return false;
	prog_emit(ty, OP_REFLECT, base, TYPE_NONE, 1);
	return true;
}

struct known {
	const char *name; /* ends in '[': any type arguments */
	bool (*emit)(struct typing *ty, const struct type *t, uint64_t base);
};

static const struct known knowns[] = {
	{"sync/atomic.Pointer[", atomic_pointer},
	{"internal/runtime/atomic.Pointer[", atomic_pointer},
	{"runtime/internal/atomic.Pointer[", atomic_pointer},
	{"weak.Pointer[", weak_pointer},
	{"internal/weak.Pointer[", weak_pointer},
	{"sync.Pool", sync_pool},
	{"sync.eface", sync_eface},
	{"sync.entry", sync_entry},
	{"reflect.Value", reflect_value},
};

static bool name_matches(const char *name, const char *pattern)
{
	size_t len = strlen(pattern);
	if (strncmp(name, pattern, len) != 0)
		return false;
	return pattern[len - 1] == '[' || name[len] == 0;
}

bool known_struct(struct typing *ty, uint32_t type, uint64_t base)
{
	const struct type *t = &ty->t->t[type];
	for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++)
		if (name_matches(t->name, knowns[i].name))
			return knowns[i].emit(ty, t, base);
	return false;
}

/* ---- tables ---- */

/* Words: head + each * (the first word + more). */
static const struct {
	const char *name;
	uint8_t head, each, more;
} tables[RUNTIME_TABLES] = {
	{"runtime.itabTableType", 2, 1, 0},             /* {size, count uintptr; entries [size]*itab} */
	{"internal/abi.TypeAssertCache", 1, 2, 1},      /* {mask uintptr; entries [mask+1]{2 words}}, Go 1.22 */
	{"internal/abi.InterfaceSwitchCache", 1, 3, 1}, /* likewise, 3 words */
};

void runtime_tables_init(struct typing *ty)
{
	for (unsigned i = 0; i < RUNTIME_TABLES; i++)
		ty->runtime_tables[i] = types_by_name(ty->t, tables[i].name);
}

uint64_t runtime_table_bytes(const struct typing *ty, uint32_t type, uint64_t addr)
{
	uint64_t n;
	if (!proc_word(ty->h->proc, addr, &n) || n > UINT32_MAX)
		return 0;
	for (unsigned i = 0; i < RUNTIME_TABLES; i++)
		if (ty->runtime_tables[i] == type)
			return (tables[i].head + tables[i].each * (n + tables[i].more)) * ty->word;
	return 0;
}

/* package iter knows the runtime's coroutines as a struct without fields. */
uint32_t known_target(const struct typing *ty, uint32_t type)
{
	if (type >= ty->t->n || ty->t->t[type].size || strcmp(ty->t->t[type].name, "iter.coro") != 0)
		return type;
	uint32_t real = types_by_name(ty->t, "runtime.coro");
	return real == TYPE_NONE ? type : real;
}

/* ---- hash tries ---- */

/*
 * internal/sync.HashTrieMap (internal/concurrent in 1.23) and unique's map of 1.25: children are *node[...], where node
 * is the first field of entry[...] or indirect[...] and says which.
 */
static const struct {
	const char *node, *entry, *indirect;
	unsigned args; /* K, V; the one of unique has T only */
} tries[] = {
	{"internal/sync.node[", "internal/sync.entry[", "internal/sync.indirect[", 2},
	{"internal/concurrent.node[", "internal/concurrent.entry[", "internal/concurrent.indirect[", 2},
	{"unique.node[", "unique.entry[", "unique.indirect[", 1},
};

/* "K,V]" -> K and V, at the comma outside brackets. */
static bool split_arguments(struct typing *ty, const char *args, uint32_t *key, uint32_t *value)
{
	char text[512];
	size_t len = strlen(args);
	int nest = 0;
	if (len < 2 || len > sizeof(text))
		return false;
	memcpy(text, args, len - 1);
	text[len - 1] = 0;
	for (size_t i = 0; i < len - 1; i++) {
		if (strchr("[({<", text[i]))
			nest++;
		else if (strchr("])}>", text[i]))
			nest--;
		if (text[i] != ',' || nest)
			continue;
		text[i] = 0;
		*key = types_by_name(ty->t, text);
		*value = types_by_name(ty->t, text + i + 1);
		return *key != TYPE_NONE && *value != TYPE_NONE;
	}
	return false;
}

/* The alignment of a type whose parts are all naturally aligned, as far as one needs to know: at most a word. */
static uint64_t type_align(const struct types *t, uint32_t type, unsigned word)
{
	uint64_t align = 1;
	for (uint64_t a = word; a > 1 && align == 1; a /= 2)
		if (t->t[type].size && t->t[type].size % a == 0)
			align = a;
	return align;
}

/*
 * {node; overflow *entry; key K; value V}. The linker keeps an entry's debug information only for its shape where all
 * the code that handles it is shared (seen from Go 1.25 on), though it is the named type that the program allocates.
 */
static uint32_t make_entry(struct typing *ty, const char *name, uint32_t node, uint32_t key, uint32_t value)
{
	struct types *ts = ty->t;
	uint64_t word = ty->word, key_end, at;
	uint32_t any = types_by_name(ts, "unsafe.Pointer");
	struct field *f = arena_alloc(&ts->arena, 4 * sizeof(*f));
	if (!f || key == TYPE_NONE || value == TYPE_NONE || any == TYPE_NONE)
		return TYPE_NONE;
	struct type t = {.name = name, .pkg = "", .kind = KIND_STRUCT, .elem = TYPE_NONE, .key = TYPE_NONE,
	                 .storage = TYPE_NONE, .fields = f, .nfields = 4, .flags = TYPE_F_SYNTHETIC};
	if (!ckd_add(2 * word, ts->t[key].size, &key_end) ||
	    !ckd_align(key_end, type_align(ts, value, ty->word), &at) || !ckd_add(at, ts->t[value].size, &t.size) ||
	    !ckd_align(t.size, word, &t.size))
		return TYPE_NONE;
	f[0] = (struct field){"node", node, 0, true};
	f[1] = (struct field){"overflow", any, word, false};
	f[2] = (struct field){"key", key, 2 * word, false};
	f[3] = (struct field){"value", value, at, false};
	uint32_t id = types_add(ts, &t), self = id == TYPE_NONE ? TYPE_NONE : types_ptr_to(ts, id);
	if (self != TYPE_NONE)
		f[1].type = self; /* a pointer as before: the mask stays good */
	return self == TYPE_NONE ? TYPE_NONE : id;
}

/* The type prefix + args; name gets the text. */
static uint32_t trie_type(struct typing *ty, const char *prefix, const char *args, char *name, size_t size)
{
	int n = snprintf(name, size, "%s%s", prefix, args);
	return n < 0 || (size_t)n >= size ? TYPE_NONE : types_by_name(ty->t, name);
}

static void trie_prog(struct typing *ty, uint32_t type, const char *args, size_t which, struct prog *p)
{
	char name[1024];
	uint32_t key, value;
	p->aux2 = trie_type(ty, tries[which].indirect, args, name, sizeof(name));
	p->aux = trie_type(ty, tries[which].entry, args, name, sizeof(name));
	if (p->aux == TYPE_NONE && strlen(tries[which].entry) + strlen(args) < sizeof(name)) {
		char weak[1024];
		if (tries[which].args == 2 && split_arguments(ty, args, &key, &value)) {
			p->aux = make_entry(ty, name, type, key, value);
		} else if (tries[which].args == 1) {
			key = trie_type(ty, "weak.Pointer[", args, weak, sizeof(weak));
			if (key == TYPE_NONE)
				key = types_by_name(ty->t, "unsafe.Pointer");
			p->aux = make_entry(ty, name, type, key, types_by_name(ty->t, "uintptr"));
		}
	}
	p->flags |= PROG_TRIE_NODE;
}

/* ---- what a program needs beyond its operations ---- */

void known_prog(struct typing *ty, uint32_t type, struct prog *p)
{
	const char *name = ty->t->t[type].name;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (name_matches(name, tries[i].node) && !(p->flags & PROG_NEVER))
			trie_prog(ty, type, name + strlen(tries[i].node), i, p);
	/* What time.NewTimer() returns points to the runtime's own, larger struct (1.23). */
	if (strcmp(name, "time.Timer") == 0 || strcmp(name, "time.Ticker") == 0)
		p->aux = types_by_name(ty->t, "runtime.timeTimer");
}
