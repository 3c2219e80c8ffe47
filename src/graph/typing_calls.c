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

/* "pkg.(*T).M" is a method of *T, "pkg.T.M" of T; "pkg.(*T).M.func1" is none. */
uint32_t method_receiver(struct typing *ty, const char *name, bool *pointer)
{
	char text[1024];
	size_t len = strlen(name);
	if (len >= sizeof(text) || strchr(name, '['))
		return TYPE_NONE;
	memcpy(text, name, len + 1);
	char *open = strstr(text, ".(*"), *close = open ? strchr(open, ')') : NULL;
	*pointer = open != NULL;
	if (open) {
		if (!close || close[1] != '.' || strchr(close + 2, '.'))
			return TYPE_NONE;
		*close = 0;
		memmove(open + 1, open + 3, strlen(open + 3) + 1);
	} else {
		char *slash = strrchr(text, '/'), *dot = strchr(slash ? slash : text, '.');
		char *last = dot ? strchr(dot + 1, '.') : NULL;
		if (!last || strchr(last + 1, '.'))
			return TYPE_NONE;
		*last = 0;
	}
	unescape(text);
	return types_by_name(ty->t, text);
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
		uint32_t type = method_receiver(c->ty, f.name, &pointer);
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
