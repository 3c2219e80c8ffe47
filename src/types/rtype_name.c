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
	if (name && strcmp(name, "?") != 0)
		put(s, name);
	else if (!name && p->type)
		s->pending = true;
	else
		s->failed = true;
}

/* "(int, ...string) (bool, error)" */
static void put_signature(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = recipe_parts(b, r);
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
	const struct part *p = recipe_parts(b, r);
	put(s, r->nparts ? "struct { " : "struct {");
	for (uint32_t i = 0; i < r->nparts; i++) {
		put(s, i ? "; " : "");
		if (!p[i].embedded) {
			if (!p[i].exported && r->ctx[0]) {
				put(s, r->ctx);
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
	const struct part *p = recipe_parts(b, r);
	put(s, r->nparts ? "interface { " : "interface {");
	for (uint32_t i = 0; i < r->nparts; i++) {
		const char *sig = part_name(b, &p[i]);
		put(s, i ? "; " : "");
		if (!p[i].exported && r->ctx[0]) {
			put(s, r->ctx);
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
	const struct part *p = recipe_parts(b, r);
	const char *elem = part_name(b, p);
	bool paren = r->count == 3 && elem && strncmp(elem, "<-", 2) == 0;
	put(s, r->count == 1 ? "<-chan " : r->count == 2 ? "chan<- " : "chan ");
	put(s, paren ? "(" : "");
	put_part(b, s, p);
	put(s, paren ? ")" : "");
}

static void put_unnamed(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	const struct part *p = recipe_parts(b, r);
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

/* Shapes, which stand for the type arguments of shared code, are named types of package go.shape: "go.shape.*uint8". */
static void put_shape(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	enum { HASH_LEN = 64 };
	const char *suffix = strrchr(r->str, '_'), *rest = r->str + strlen("go.shape.");
	if (!r->nparts || (strlen(rest) == HASH_LEN && !strchr(rest, ' '))) { /* long ones are hashed */
		put(s, r->str);
		return;
	}
	put(s, "go.shape.");
	put_unnamed(b, s, r);
	/* Until Go 1.19 with the number of the type argument. */
	if (b->t->prog->minor <= 19 && suffix && suffix[1 + strspn(suffix + 1, "0123456789")] == 0)
		put(s, suffix);
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

static const struct recipe *part_recipe(const struct cookbook *b, const struct recipe *r, uint32_t i)
{
	uint32_t at;
	if (!r || i >= r->nparts || !map_get(&b->index, b->parts.data[r->part + i].type, &at))
		return NULL;
	return &b->recipes.data[at];
}

/* A key or elem in a map's storage; ones above 128 bytes are there by pointer, which the short name does not show. */
static void put_stored(const struct cookbook *b, struct text *s, const struct part *p, char first)
{
	const char *name = part_name(b, p);
	if (name && name[0] == '*' && first != '*')
		put(s, name + 1);
	else
		put_part(b, s, p);
}

/*
 * "map.bucket[K]V" {topbits; keys [8]K; elems [8]V; ...} and, with Swiss maps, "map.group[K]V" {ctrl; slots [8]struct{key K;
 * elem V}}, which only the compiler makes. False: neither.
 */
static bool put_storage(const struct cookbook *b, struct text *s, const struct recipe *r)
{
	bool group = strncmp(r->str, "map.group[", 10) == 0;
	if (!group && strncmp(r->str, "map.bucket[", 11) != 0)
		return false;
	const struct recipe *keys = part_recipe(b, r, 1), *elems = part_recipe(b, r, 2);
	if (group)
		keys = elems = part_recipe(b, keys, 0);
	uint32_t elem = group ? 1 : 0;
	const char *close = strrchr(r->str, ']');
	if (!keys || !elems || keys->nparts == 0 || elems->nparts <= elem || r->nparts < 2 || !close) {
		put(s, r->str);
		return true;
	}
	put(s, group ? "map.group[" : "map.bucket[");
	put_stored(b, s, &b->parts.data[keys->part], r->str[group ? 10 : 11]);
	put(s, "]");
	put_stored(b, s, &b->parts.data[elems->part + elem], close[1]);
	return true;
}

/* Names without packages are full. */
static bool is_full(const struct recipe *r)
{
	return !r->nparts || !strchr(r->str, '.') || strncmp(r->str, "noalg.", 6) == 0;
}

/* False: wait for the names of the parts. */
static bool name_one(struct cookbook *b, struct recipe *r, struct text *s)
{
	s->len = 0;
	s->data[0] = 0;
	s->pending = s->failed = false;
	if (strncmp(r->str, "go.shape.", 9) == 0)
		put_shape(b, s, r);
	else if (r->r.tflag & TFLAG_NAMED)
		put_named(s, r);
	else if (!put_storage(b, s, r)) {
		if (is_full(r) && r->str[0])
			put(s, r->str);
		else
			put_unnamed(b, s, r);
	}
	if (s->pending && !s->failed)
		return false;
	/* A name made of long names of parts is longer than what it is made of: its bytes count, too. */
	uint64_t *left = &b->t->prog->rtypes->type_budget, cost = s->len / 16 + 1;
	s->failed |= cost > *left;
	*left -= s->failed ? 0 : cost;
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
