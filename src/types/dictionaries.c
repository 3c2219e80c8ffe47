/* SPDX-License-Identifier: MIT */
/*
 * Generic code is shared by all type arguments of one shape: "pkg.F[go.shape.int]" is the code of F[int] and F[MyInt].
 * Which one runs is in its dictionary (a hidden argument), whose symbol names the arguments: "pkg..dict.F[int]". Its
 * first words are descriptors, to which the debug information of F's variables refers by index.
 */
#include <string.h>

#include "types/types.h"

enum { MAX_ARGS = 1024 };

/* ---- names ---- */

/* Takes the next type argument off *list, up to a comma outside brackets or the last bracket. */
static bool next_argument(const char **list, char *out, size_t size)
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
		return t->t[a].kind == t->t[s].kind && t->t[a].size == t->t[s].size && t->t[a].pkg[0];
	return arg[0] != '*' || plain[0] == '*';
}

bool types_shapes_fit(const struct types *t, const char *shapes, const char *args)
{
	char s[MAX_ARGS], a[MAX_ARGS];
	while (*shapes && *shapes != ']') {
		if (!next_argument(&shapes, s, sizeof(s)) || !next_argument(&args, a, sizeof(a)))
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

uint64_t types_dictionary(const struct types *t, const char *func)
{
	const struct proc *p = t->proc;
	struct generic g;
	uint64_t found = 0;
	if (!generic_split(func, &g))
		return 0;
	for (size_t m = 0; m < p->nmodules; m++) {
		const struct exe *exe = p->modules[m].exe;
		for (size_t i = 0; exe && i < exe->nsymbols; i++) {
			const char *args = dictionary_args(exe->symbols[i].name, &g);
			if (!args || !types_shapes_fit(t, g.shapes, args))
				continue;
			uint64_t at = exe->symbols[i].value + p->modules[m].bias;
			if (found && found != at)
				return 0;
			found = at;
		}
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
