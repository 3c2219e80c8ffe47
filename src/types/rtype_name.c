/* SPDX-License-Identifier: MIT */
/*
 * Full names of descriptors. The runtime's own name of a type has package names ("*v1.Pod"); users know types by import
 * path ("*k8s.io/api/core/v1.Pod"), and so does DWARF. Named types take their path from the descriptor; the others are
 * put together from the names of their parts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "types/rtype.h"

enum {
	MAX_NAME = 4096, /* longer names stay the runtime's short ones */
	MAX_ROUNDS = 64  /* depth of unnamed types in unnamed types */
};

struct text {
	char data[MAX_NAME];
	size_t len;
	bool pending; /* a part has no name yet */
	bool failed;  /* too long, or a part is unreadable */
};

static void put(struct text *s, const char *text)
{
	size_t n = strlen(text);
	if (n >= sizeof(s->data) - s->len) {
		s->failed = true;
		return;
	}
	memcpy(s->data + s->len, text, n + 1);
	s->len += n;
}

static const char *part_name(const struct cookbook *b, const struct part *p)
{
	uint32_t id;
	if (!p->type)
		return NULL;
	if (map_get(&b->t->by_rtype, p->type, &id))
		return b->t->t[id].name;
	return map_get(&b->index, p->type, &id) ? b->recipes.data[id].name : NULL;
}

static void put_part(const struct cookbook *b, struct text *s, const struct part *p)
{
	const char *name = part_name(b, p);
	if (name)
		put(s, name);
	else if (p->type)
		s->pending = true;
	else
		s->failed = true;
}

/* "(int, ...string) (bool, error)" */
static void put_signature(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = b->parts.data + r->part;
	uint32_t nin = r->count < r->nparts ? (uint32_t)r->count : r->nparts, nout = r->nparts - nin;
	put(s, "(");
	for (uint32_t i = 0; i < nin; i++) {
		const char *name = part_name(b, &p[i]);
		put(s, i ? ", " : "");
		if (r->variadic && i + 1 == nin && name && strncmp(name, "[]", 2) == 0) {
			put(s, "...");
			put(s, name + 2);
		} else {
			put_part(b, s, &p[i]);
		}
	}
	put(s, ")");
	put(s, nout == 0 ? "" : nout == 1 ? " " : " (");
	for (uint32_t i = nin; i < r->nparts; i++) {
		put(s, i > nin ? ", " : "");
		put_part(b, s, &p[i]);
	}
	put(s, nout > 1 ? ")" : "");
}

/* A struct tag as Go quotes it. */
static void put_quoted(struct text *s, const char *tag)
{
	char c[3] = {'\\', 0, 0};
	put(s, " \"");
	for (; *tag; tag++) {
		c[1] = *tag;
		put(s, *tag == '"' || *tag == '\\' ? c : c + 1);
	}
	put(s, "\"");
}

static void put_struct(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = b->parts.data + r->part;
	put(s, r->nparts ? "struct { " : "struct {");
	for (uint32_t i = 0; i < r->nparts; i++) {
		put(s, i ? "; " : "");
		if (!p[i].embedded) {
			if (!p[i].exported && r->pkg[0] && strcmp(p[i].name, "_") != 0) {
				put(s, r->pkg);
				put(s, ".");
			}
			put(s, p[i].name);
			put(s, " ");
		}
		put_part(b, s, &p[i]);
		if (p[i].tag[0])
			put_quoted(s, p[i].tag);
	}
	put(s, r->nparts ? " }" : "}");
}

static void put_interface(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = b->parts.data + r->part;
	put(s, r->nparts ? "interface { " : "interface {");
	for (uint32_t i = 0; i < r->nparts; i++) {
		const char *sig = part_name(b, &p[i]);
		put(s, i ? "; " : "");
		if (!p[i].exported && r->pkg[0]) {
			put(s, r->pkg);
			put(s, ".");
		}
		put(s, p[i].name);
		if (sig && strncmp(sig, "func(", 5) == 0)
			put(s, sig + 4);
		else
			put_part(b, s, &p[i]);
	}
	put(s, r->nparts ? " }" : "}");
}

static void put_chan(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = b->parts.data + r->part;
	const char *elem = part_name(b, p);
	bool paren = r->count == 3 && elem && strncmp(elem, "<-", 2) == 0;
	put(s, r->count == 1 ? "<-chan " : r->count == 2 ? "chan<- " : "chan ");
	put(s, paren ? "(" : "");
	put_part(b, s, p);
	put(s, paren ? ")" : "");
}

static void put_unnamed(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = b->parts.data + r->part;
	char len[32];
	switch ((enum kind)r->r.kind) {
	case KIND_PTR:
		put(s, "*");
		put_part(b, s, p);
		break;
	case KIND_SLICE:
		put(s, "[]");
		put_part(b, s, p);
		break;
	case KIND_ARRAY:
		snprintf(len, sizeof(len), "[%llu]", (unsigned long long)r->count);
		put(s, len);
		put_part(b, s, p);
		break;
	case KIND_MAP:
		put(s, "map[");
		put_part(b, s, p);
		put(s, "]");
		put_part(b, s, p + 1);
		break;
	case KIND_CHAN: put_chan(b, s, r); break;
	case KIND_FUNC:
		put(s, "func");
		put_signature(b, s, r);
		break;
	case KIND_STRUCT: put_struct(b, s, r); break;
	case KIND_INTERFACE: put_interface(b, s, r); break;
	case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16: case KIND_INT32:
	case KIND_INT64: case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32: case KIND_UINT64:
	case KIND_UINTPTR: case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128:
	case KIND_STRING: case KIND_UNSAFEPTR: put(s, r->str); break;
	}
}

/* "v1.Pod" -> "k8s.io/api/core/v1.Pod"; type arguments have their paths already. */
static void put_named(struct text *s, const struct recipe *r)
{
	const char *end = strchr(r->str, '['), *dot = NULL;
	for (const char *c = r->str; *c && c != end; c++)
		if (*c == '.')
			dot = c;
	if (r->pkg[0] && dot) {
		put(s, r->pkg);
		put(s, dot);
	} else {
		put(s, r->str);
	}
}

/* Types that only the compiler makes, such as "map.bucket[string]int"; and names without packages, which are full. */
static bool is_full(const struct recipe *r)
{
	return !r->nparts || !strchr(r->str, '.') || strncmp(r->str, "map.", 4) == 0 || strncmp(r->str, "noalg.", 6) == 0;
}

/* False: wait for the names of the parts. */
static bool name_one(struct cookbook *b, struct recipe *r, struct text *s)
{
	s->len = 0;
	s->data[0] = 0;
	s->pending = s->failed = false;
	if (r->r.tflag & TFLAG_NAMED)
		put_named(s, r);
	else if (is_full(r) && r->str[0])
		put(s, r->str);
	else
		put_unnamed(b, s, r);
	if (s->pending && !s->failed)
		return false;
	const char *name = s->failed || s->len == 0 ? r->str[0] ? r->str : "?" : s->data;
	r->name = arena_strdup(&b->arena, name);
	b->nomem |= !r->name;
	return true;
}

void recipes_name(struct cookbook *b)
{
	struct text *s = malloc(sizeof(*s));
	size_t left = b->recipes.len;
	b->nomem |= !s;
	for (unsigned round = 0; left && round < MAX_ROUNDS && !b->nomem; round++) {
		size_t before = left;
		for (size_t i = b->recipes.len; i > 0; i--) { /* parts come behind what they are part of */
			struct recipe *r = &b->recipes.data[i - 1];
			if (!r->name && name_one(b, r, s))
				left--;
		}
		if (left == before)
			break;
	}
	for (size_t i = 0; left && i < b->recipes.len; i++)
		if (!b->recipes.data[i].name)
			b->recipes.data[i].name = b->recipes.data[i].str[0] ? b->recipes.data[i].str : "?";
	free(s);
}
