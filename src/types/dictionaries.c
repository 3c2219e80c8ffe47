/* SPDX-License-Identifier: MIT */
/*
 * Generic code is shared by all type arguments of one shape: "pkg.F[go.shape.int]" is the code of F[int] and F[MyInt].
 * Which one runs is in its dictionary (a hidden argument), whose symbol names the arguments: "pkg..dict.F[int]". Its
 * first words are descriptors, to which the debug information of F's variables refers by index.
 */
#include <stdlib.h>
#include <string.h>

#include "types/types.h"

enum { MAX_ARGS = 1024, MAX_PAIRS = 16, MAX_NEST = 8 };

/* ---- names ---- */

bool types_next_argument(const char **list, char *out, size_t size)
{
	int nest = 0;
	size_t n = 0;
	for (; **list; ++*list) {
		char c = **list;
		if (nest == 0 && (c == ',' || c == ']'))
			break;
		nest += strchr("[({", c) != NULL;
		nest -= strchr("])}", c) != NULL;
		if (n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = 0;
	if (**list == ',')
		++*list;
	return n > 0;
}

static bool same_name(const struct types *t, uint32_t a, uint32_t b)
{
	return a == b || a >= t->n || b >= t->n || strcmp(t->t[a].name, t->t[b].name) == 0;
}

/* Is the underlying type the same? Yes where it is not to be known. */
static bool same_below(const struct types *t, const struct type *a, const struct type *b)
{
	if (a->kind != b->kind || a->size != b->size || a->count != b->count || a->nfields != b->nfields)
		return false;
	bool fields = a->kind == KIND_STRUCT, parts = a->kind != KIND_PTR && !fields;
	for (uint32_t i = 0; fields && i < a->nfields; i++)
		if (a->fields[i].offset != b->fields[i].offset || strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
		    !same_name(t, a->fields[i].type, b->fields[i].type))
			return false;
	return !parts || (same_name(t, a->elem, b->elem) && same_name(t, a->key, b->key));
}

/* Could the shape, by its name, stand for the type argument? Yes where it is not to be known. */
static bool argument_fits(const struct types *t, char *shape, const char *arg)
{
	char *plain = shape + 9; /* behind "go.shape." */
	size_t len = strlen(plain), digits = len;
	while (digits && plain[digits - 1] >= '0' && plain[digits - 1] <= '9')
		digits--;
	if (t->layout.minor < 20 && digits && digits < len && plain[digits - 1] == '_') /* "go.shape.int_0" */
		plain[digits - 1] = 0;
	uint32_t s = types_by_name(t, shape), a = types_by_name(t, arg);
	if (strcmp(plain, arg) == 0)
		return true;
	if (strcmp(plain, "*uint8") == 0)
		return arg[0] == '*' || a >= t->n || t->t[a].kind == KIND_PTR;
	if (s >= t->n)
		s = types_by_name(t, plain);
	if (s < t->n && a < t->n)
		return t->t[a].pkg[0] && same_below(t, &t->t[a], &t->t[s]);
	return arg[0] != '*' || plain[0] == '*';
}

bool types_shapes_fit(const struct types *t, const char *shapes, const char *args)
{
	char s[MAX_ARGS], a[MAX_ARGS];
	while (*shapes && *shapes != ']') {
		if (!types_next_argument(&shapes, s, sizeof(s)) || !types_next_argument(&args, a, sizeof(a)))
			return false;
		if (strncmp(s, "go.shape.", 9) == 0 ? !argument_fits(t, s, a) : strcmp(s, a) != 0)
			return false;
	}
	return *args == 0 || *args == ']';
}

/* Behind the brackets that begin at `open`; NULL: they do not end. */
static const char *behind_brackets(const char *open)
{
	int nest = 0;
	for (const char *c = open; *c; c++) {
		nest += strchr("[({", *c) != NULL;
		nest -= strchr("])}", *c) != NULL;
		if (nest == 0)
			return c + 1;
	}
	return NULL;
}

/* "pkg.(*T[S]).M.func1" or "pkg.F[S]": the package, the name in front of the brackets, the shapes, what is behind. */
struct generic {
	const char *pkg, *name, *shapes, *rest;
	size_t pkg_len, name_len;
};

static bool generic_split(const char *func, struct generic *g)
{
	const char *open = strchr(func, '['), *dot = open;
	while (dot > func && *dot != '.')
		dot--;
	if (!open || *dot != '.' || strncmp(open + 1, "go.shape.", 9) != 0)
		return false;
	*g = (struct generic){.pkg = func, .pkg_len = (size_t)(dot - func), .name = dot + 1, .shapes = open + 1};
	bool pointer = strncmp(g->name, "(*", 2) == 0;
	const char *end = behind_brackets(pointer ? g->name : open);
	g->rest = behind_brackets(open);
	if (pointer) {
		if (g->pkg_len == 0 || !end)
			return false;
		g->name += 2;
	}
	g->name_len = (size_t)(open - g->name);
	return g->rest != NULL;
}

/* The symbol's type arguments if it is a dictionary of such a function; NULL: it is not. */
static const char *dictionary_args(const char *symbol, const struct generic *g)
{
	static const char mark[] = "..dict.";
	if (strncmp(symbol, g->pkg, g->pkg_len) != 0 || strncmp(symbol + g->pkg_len, mark, sizeof(mark) - 1) != 0)
		return NULL;
	const char *name = symbol + g->pkg_len + sizeof(mark) - 1;
	bool method = strncmp(name, "(*", 2) == 0; /* 1.18 and 1.19: one for each method, "(*T[int]).M" */
	name += method ? 2 : 0;
	if (strncmp(name, g->name, g->name_len) != 0 || name[g->name_len] != '[')
		return NULL;
	const char *rest = behind_brackets(name + g->name_len);
	size_t len = rest ? strlen(rest) : 0;
	if (len && (strncmp(g->rest, rest, len) != 0 || (g->rest[len] != 0 && g->rest[len] != '.')))
		return NULL;
	return name + g->name_len + 1;
}

/* ---- answers ---- */

/* A missing one could make another one look like the only one: all or none. */
static bool dictionaries_list(struct types *t)
{
	const struct proc *p = t->proc;
	if (t->dictionaries_listed)
		return true;
	t->dictionaries.len = 0;
	for (uint32_t m = 0; m < p->nmodules; m++) {
		const struct exe *exe = p->modules[m].exe;
		for (uint32_t i = 0; exe && i < exe->nsymbols; i++) {
			struct dictionary d = {m, i};
			if (strstr(exe->symbols[i].name, "..dict.") && !vec_push(&t->dictionaries, d))
				return false;
		}
	}
	t->dictionaries_listed = true;
	return true;
}

uint64_t types_dictionary(struct types *t, const char *func)
{
	struct generic g;
	uint64_t found = 0;
	if (!generic_split(func, &g) || !dictionaries_list(t))
		return 0;
	for (size_t i = 0; i < t->dictionaries.len; i++) {
		const struct module_file *m = &t->proc->modules[t->dictionaries.data[i].module];
		const struct exe_symbol *s = &m->exe->symbols[t->dictionaries.data[i].symbol];
		const char *args = dictionary_args(s->name, &g);
		if (!args || !types_shapes_fit(t, g.shapes, args))
			continue;
		if (found && found != s->value + m->bias)
			return 0;
		found = s->value + m->bias;
	}
	return found;
}

uint32_t types_in_dictionary(struct types *t, uint64_t dict, uint32_t index, uint32_t shape)
{
	uint64_t rtype;
	if (!dict || shape >= t->n || !t->prog || !proc_word(t->proc, dict + (uint64_t)index * t->proc->word, &rtype))
		return shape;
	uint32_t type = types_by_rtype(t, rtype);
	if (type >= t->n)
		return shape;
	const struct type *a = &t->t[type], *s = &t->t[shape];
	bool pointers = (a->kind == KIND_PTR || a->kind == KIND_UNSAFEPTR) && (s->kind == KIND_PTR || s->kind == KIND_UNSAFEPTR);
	if ((a->kind != s->kind && !pointers) || a->size != s->size || a->ptr_words != s->ptr_words)
		return shape;
	for (uint64_t i = 0; i < a->ptr_words; i++)
		if (types_word_is_ptr(t, type, i) != types_word_is_ptr(t, shape, i))
			return shape;
	return type;
}

const char *types_dictionary_args(const struct types *t, const char *func, uint64_t addr)
{
	const struct proc *p = t->proc;
	struct generic g;
	for (size_t m = 0; m < p->nmodules && generic_split(func, &g); m++) {
		const struct exe_symbol *s = p->modules[m].exe ? exe_symbol_at(p->modules[m].exe, addr - p->modules[m].bias) : NULL;
		const char *args = s && s->value == addr - p->modules[m].bias ? dictionary_args(s->name, &g) : NULL;
		if (args && types_shapes_fit(t, g.shapes, args))
			return args;
	}
	return NULL;
}

/* ---- types by the names of their shapes ---- */

struct pair {
	char shape[MAX_ARGS], arg[MAX_ARGS];
};

static size_t pairs_read(const char *shapes, const char *args, struct pair *ret)
{
	size_t n = 0;
	while (n < MAX_PAIRS && *shapes && *shapes != ']') {
		if (!types_next_argument(&shapes, ret[n].shape, MAX_ARGS) || !types_next_argument(&args, ret[n].arg, MAX_ARGS))
			return 0;
		n++;
	}
	return n;
}

/*
 * Does the shape in a type's name mean the type parameter? All pointers have one shape, so that it may as well be *T's.
 * With several parameters a composite may be made of another one: [](T) beside a parameter whose type is a slice.
 */
static bool pair_says(const struct pair *p, size_t n)
{
	const char *plain = p->shape + 9; /* behind "go.shape." */
	return plain[0] != '*' && (n == 1 || !strpbrk(plain, "*[({ ") || strcmp(plain, p->arg) == 0);
}

/* The pair whose shape is at the text; NULL: none, or two with different arguments. */
static const struct pair *pair_at(const char *text, const struct pair *p, size_t n)
{
	const struct pair *best = NULL;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(p[i].shape);
		if (strncmp(text, p[i].shape, len) != 0 || (text[len] && !strchr(",;])} ", text[len])))
			continue;
		if (!pair_says(&p[i], n) || (best && strcmp(best->arg, p[i].arg) != 0))
			return NULL;
		best = &p[i];
	}
	return best;
}

static bool name_unshape(const char *name, const struct pair *p, size_t n, char *out, size_t size)
{
	size_t used = 0;
	while (*name) {
		const struct pair *at = strncmp(name, "go.shape.", 9) == 0 ? pair_at(name, p, n) : NULL;
		size_t len = at ? strlen(at->arg) : 1;
		if (used + len >= size || (!at && strncmp(name, "go.shape.", 9) == 0))
			return false;
		memcpy(out + used, at ? at->arg : name, len);
		used += len;
		name += at ? strlen(at->shape) : 1;
	}
	out[used] = 0;
	return true;
}

static uint32_t type_unshape(struct types *t, uint32_t type, const struct pair *p, size_t n, int nest)
{
	char name[2 * MAX_ARGS];
	if (type >= t->n || !strstr(t->t[type].name, "go.shape."))
		return type;
	if (!name_unshape(t->t[type].name, p, n, name, sizeof(name)))
		return TYPE_NONE;
	uint32_t found = types_by_name(t, name), elem = t->t[type].elem;
	bool ptr = t->t[type].kind == KIND_PTR && name[0] == '*', slice = strncmp(name, "[]", 2) == 0;
	if (found != TYPE_NONE || nest >= MAX_NEST || (!ptr && !slice))
		return found;
	elem = type_unshape(t, elem, p, n, nest + 1);
	return elem == TYPE_NONE ? elem : ptr ? types_ptr_to(t, elem) : types_slice_of(t, elem);
}

uint32_t types_unshaped(struct types *t, uint32_t type, const char *func, const char *args)
{
	struct generic g;
	if (type >= t->n || !strstr(t->t[type].name, "go.shape.") || !generic_split(func, &g))
		return type;
	struct pair *pairs = malloc(MAX_PAIRS * sizeof(*pairs));
	uint32_t real = pairs ? type_unshape(t, type, pairs, pairs_read(g.shapes, args, pairs), 0) : TYPE_NONE;
	free(pairs);
	return real < t->n && t->t[real].size == t->t[type].size ? real : type;
}
