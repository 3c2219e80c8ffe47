/* SPDX-License-Identifier: MIT */
/* Which functions say something of their arguments and results: those of the runtime that take descriptors, methods. */
#include "graph/typing_code.h"

/* ---- the runtime ---- */

/* A name that ends in '*' stands for all that begin so. Arguments in the order of Go's register ABI. */
static const struct {
	const char *name;
	uint8_t kind, arg, arg2, from, to; /* from, to: releases; 0 = all */
} calls[] = {
	{"runtime.newobject", CALL_NEW, 0, 0, 0, 0},
	{"runtime.mallocgc*", CALL_NEW, 1, 0, 0, 0}, /* (size, type, zero), in 1.27 one function per size class */
	{"runtime.makeslice", CALL_ROW, 0, 0, 0, 0},
	{"runtime.makeslice64", CALL_ROW, 0, 0, 0, 0},
	{"runtime.makeslicecopy", CALL_ROW, 0, 0, 0, 0},
	{"runtime.growslice", CALL_GROW, 0, 1, 0, 19},  /* (type, old slice, cap) */
	{"runtime.growslice", CALL_GROW, 4, 0, 20, 0},  /* (old pointer, new len, old cap, num, type) */
	{"runtime.makemap", CALL_MAKEMAP, 0, 0, 0, 0},
	{"runtime.makemap64", CALL_MAKEMAP, 0, 0, 0, 0},
	{"runtime.makechan", CALL_MAKECHAN, 0, 0, 0, 0},
	{"runtime.makechan64", CALL_MAKECHAN, 0, 0, 0, 0},
	{"runtime.mapaccess*", CALL_MAPELEM, 0, 0, 0, 0},
	{"runtime.mapassign*", CALL_MAPELEM, 0, 0, 0, 0},
	{"runtime.mapdelete*", CALL_MAP, 0, 0, 0, 0},
	{"runtime.mapiterinit", CALL_MAP, 0, 0, 0, 0},
	{"runtime.mapIterStart", CALL_MAP, 0, 0, 0, 0},
	{"runtime.mapclear", CALL_MAP, 0, 0, 0, 0},
	{"runtime.typedmemmove", CALL_MOVE, 0, 0, 0, 0},
	{"runtime.wbMove", CALL_MOVE, 0, 0, 0, 0},
	{"runtime.gcWriteBarrier*", CALL_BARRIER, 0, 0, 0, 0},
	{"runtime.morestack*", CALL_MORESTACK, 0, 0, 0, 0},
	{"runtime.panic*", CALL_NORETURN, 0, 0, 0, 0},
	{"runtime.goPanic*", CALL_NORETURN, 0, 0, 0, 0},
	{"runtime.gopanic", CALL_NORETURN, 0, 0, 0, 0},
	{"runtime.throw", CALL_NORETURN, 0, 0, 0, 0},
	{"runtime.fatal*", CALL_NORETURN, 0, 0, 0, 0},
	{"runtime.block", CALL_NORETURN, 0, 0, 0, 0},
};

static bool name_like(const char *name, const char *pattern)
{
	size_t len = strlen(pattern);
	return pattern[len - 1] == '*' ? strncmp(name, pattern, len - 1) == 0 : strcmp(name, pattern) == 0;
}

static bool runtime_call(const struct code *c, const char *name, struct callee *ret)
{
	int minor = c->ty->h->prog->minor;
	if (strncmp(name, "runtime.", 8) != 0)
		return false;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (!name_like(name, calls[i].name) || (calls[i].from && minor < calls[i].from) ||
		    (calls[i].to && minor > calls[i].to))
			continue;
		ret->kind = calls[i].kind;
		ret->arg = calls[i].arg;
		ret->arg2 = calls[i].arg2;
		return true;
	}
	return false;
}

/* ---- methods ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The linker escapes dots in the last element of an import path: "gopkg.in/yaml%2ev3.(*Node).Encode". */
static void unescape(char *s)
{
	char *out = s;
	for (; *s; s++) {
		int hi = *s == '%' ? hex_digit(s[1]) : -1, lo = hi >= 0 ? hex_digit(s[2]) : -1;
		*out++ = lo >= 0 ? (char)(hi * 16 + lo) : *s;
		s += lo >= 0 ? 2 : 0;
	}
	*out = 0;
}

/* The end of the type arguments that begin at `open`; NULL: they do not end. */
static char *arguments_end(char *open)
{
	int nest = 0;
	for (char *c = open; *c; c++) {
		nest += strchr("[({", *c) != NULL;
		nest -= strchr("])}", *c) != NULL;
		if (nest == 0)
			return c;
	}
	return NULL;
}

/*
 * "pkg.(*T).M" is a method of *T, "pkg.T.M" of T; "pkg.(*T).M.func1" is none. Type arguments may hold anything. The
 * name of T is left in `text`; false: no method.
 */
static bool receiver_name(char *text, bool *pointer)
{
	char *args = strchr(text, '['), *open = strstr(text, ".(*"), *end;
	*pointer = open && (!args || open < args);
	if (*pointer) {
		end = args && args < strchr(open, ')') ? arguments_end(args) : open;
		end = end ? strchr(end, ')') : NULL;
	} else {
		char *slash = args ? args : text + strlen(text);
		while (slash > text && *slash != '/')
			slash--;
		char *dot = strchr(slash, '.');
		end = !dot || (args && args < dot) ? NULL : args ? arguments_end(args) : dot + 1;
		end = end ? strchr(end, '.') : NULL;
	}
	if (!end)
		return false;
	const char *method = *pointer ? end + 1 : end;
	if (method[0] != '.' || strchr(method + 1, '.'))
		return false;
	*end = 0;
	if (*pointer)
		memmove(open + 1, open + 3, strlen(open + 3) + 1);
	unescape(text);
	return true;
}

/* Could the shape, by its name, stand for the type argument of this name? */
static bool argument_fits(const struct types *t, const char *shape, const char *arg)
{
	uint32_t s = types_by_name(t, shape), a = types_by_name(t, arg);
	const char *plain = shape + 9; /* behind "go.shape." */
	if (strcmp(plain, "*uint8") == 0)
		return arg[0] == '*' || (a < t->n && t->t[a].kind == KIND_PTR);
	if (strcmp(plain, arg) == 0)
		return true;
	return s < t->n && a < t->n && t->t[a].kind == t->t[s].kind && t->t[a].size == t->t[s].size && t->t[a].pkg[0];
}

static bool arguments_fit(const struct types *t, const char *shapes, const char *args)
{
	char s[512], a[512];
	while (*shapes && *shapes != ']') {
		if (!types_next_argument(&shapes, s, sizeof(s)) || !types_next_argument(&args, a, sizeof(a)))
			return false;
		if (strncmp(s, "go.shape.", 9) == 0 ? !argument_fits(t, s, a) : strcmp(s, a) != 0)
			return false;
	}
	return strcmp(shapes, "]") == 0 && strcmp(args, "]") == 0;
}

/*
 * "T[go.shape.int]" is the code that all T[X] share whose X is an int underneath. If the program has one such type
 * only, it is meant.
 */
static uint32_t unshaped(struct code *c, const char *name)
{
	const struct types *t = c->ty->t;
	const char *open = strchr(name, '[');
	size_t len = (size_t)(open - name) + 1;
	uint32_t found = TYPE_NONE;
	bool listed = c->generics.len != 0;
	for (uint32_t i = 0; !listed && i < t->n; i++)
		if (t->t[i].pkg[0] && strchr(t->t[i].name, '[') && !(t->t[i].flags & TYPE_F_SHAPE) &&
		    !vec_push(&c->generics, i))
			c->ty->nomem = true;
	for (size_t i = 0; i < c->generics.len; i++) {
		uint32_t id = c->generics.data[i];
		const struct type *k = &t->t[id];
		if (strncmp(k->name, name, len) != 0 || !arguments_fit(t, open + 1, k->name + len))
			continue;
		if (found != TYPE_NONE && !type_same(t, found, id))
			return TYPE_NONE;
		found = id;
	}
	return found;
}

uint32_t method_receiver(struct code *c, const char *name, bool *pointer)
{
	char text[1024];
	size_t len = strlen(name);
	if (len >= sizeof(text))
		return TYPE_NONE;
	memcpy(text, name, len + 1);
	if (!receiver_name(text, pointer))
		return TYPE_NONE;
	return strstr(text, "go.shape.") && strchr(text, '[') ? unshaped(c, text) : types_by_name(c->ty->t, text);
}

uint32_t code_callee(struct code *c, uint64_t addr)
{
	uint32_t i;
	struct func f;
	bool pointer;
	if (map_get(&c->callee_at, addr, &i))
		return i;
	struct callee callee = {.entry = addr, .type = TYPE_NONE};
	if (program_func_entry(c->ty->h->prog, addr, &f) && !runtime_call(c, f.name, &callee)) {
		uint32_t type = method_receiver(c, f.name, &pointer);
		if (type != TYPE_NONE && pointer) {
			callee.kind = CALL_METHOD;
			callee.type = type;
		}
	}
	i = (uint32_t)c->callees.len;
	if (!vec_push(&c->callees, callee) || !map_put(&c->callee_at, addr, i)) {
		c->ty->nomem = true;
		return UINT32_MAX;
	}
	return i;
}
