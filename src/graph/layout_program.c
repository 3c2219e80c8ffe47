/* SPDX-License-Identifier: MIT */
/*
 * Types compiled to programs: a value's pointers as a flat list, structs and short arrays unrolled. Compiled when first
 * asked for; a type that the snapshot's memory never shows costs nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "graph/typing_priv.h"

enum {
	MAX_DEPTH = 64,    /* of values nested in values */
	MAX_OPS = 4096,    /* of one program; what is beyond is not followed */
	UNROLL_WORDS = 64, /* longer arrays stay arrays */
};

static const struct prog prog_nothing = {.flags = PROG_DONE | PROG_NEVER};

/* ---- looking at types ---- */

const struct field *type_field(const struct types *t, uint32_t type, const char *name)
{
	if (type >= t->n)
		return NULL;
	const struct type *ty = &t->t[type];
	for (uint32_t i = 0; i < ty->nfields; i++)
		if (strcmp(ty->fields[i].name, name) == 0)
			return &ty->fields[i];
	return NULL;
}

bool type_same(const struct types *t, uint32_t a, uint32_t b)
{
	if (a == b)
		return true;
	if (a >= t->n || b >= t->n)
		return false;
	/* The debug information and the descriptors may each have an entry; names are full import paths. */
	return t->t[a].size == t->t[b].size && t->t[a].kind == t->t[b].kind && strcmp(t->t[a].name, t->t[b].name) == 0;
}

/* What a value of the type begins with: the first field with a size, the first element. */
static uint32_t type_first(const struct types *t, uint32_t type)
{
	const struct type *ty = &t->t[type];
	if (ty->kind == KIND_ARRAY)
		return ty->count ? ty->elem : TYPE_NONE;
	if (ty->kind != KIND_STRUCT)
		return TYPE_NONE;
	for (uint32_t i = 0; i < ty->nfields && ty->fields[i].offset == 0; i++)
		if (ty->fields[i].type < t->n && t->t[ty->fields[i].type].size)
			return ty->fields[i].type;
	return TYPE_NONE;
}

bool type_starts_with(const struct types *t, uint32_t outer, uint32_t inner)
{
	for (int depth = 0; depth < MAX_DEPTH && outer < t->n; depth++) {
		if (type_same(t, outer, inner))
			return true;
		outer = type_first(t, outer);
	}
	return false;
}

/* ---- pointer bits ---- */

/* n (1..64) bits from bit `at` of a bit vector of `nbits`; bits beyond are zero. */
static uint64_t bits_at(const uint64_t *bits, uint64_t nbits, uint64_t at, uint64_t n)
{
	if (at >= nbits)
		return 0;
	uint64_t v = bits[at >> 6] >> (at & 63);
	if ((at & 63) && (at >> 6) + 1 < bit_words(nbits))
		v |= bits[(at >> 6) + 1] << (64 - (at & 63));
	if (nbits - at < n)
		n = nbits - at;
	return n >= 64 ? v : v & ((UINT64_C(1) << n) - 1);
}

uint64_t prog_bits(const struct prog *p, uint64_t from)
{
	if (!p->bit_words || !p->period)
		return 0;
	uint64_t pos = from % p->period, v = 0;
	for (uint64_t done = 0; done < 64;) {
		uint64_t n = p->period - pos;
		if (n > 64 - done)
			n = 64 - done;
		v |= bits_at(p->bits, p->bit_words, pos, n) << done;
		done += n;
		pos = 0;
	}
	return v;
}

/*
 * The mask is the descriptor's where there is one: the debug information does not know which pointers lead outside the
 * heap (runtime/internal/sys.NotInHeap), the descriptor's mask leaves them out.
 */
static void prog_mask(struct typing *ty, const struct type *t, struct prog *p)
{
	static const uint64_t one = 1;
	const struct gcmask *m = t->rtype ? types_gcmask(ty->t, t->rtype) : NULL;
	if (m && m->size_words) {
		p->bits = m->bits;
		p->bit_words = m->ptr_words;
		p->period = m->size_words;
		p->ptr_words = m->ptr_words;
	} else if (t->mask_by_elem && t->elem < ty->t->n) {
		const struct type *e = &ty->t->t[t->elem];
		p->bits = e->mask ? e->mask : &one;
		p->bit_words = e->ptr_words;
		p->period = e->size / ty->word;
		p->ptr_words = t->ptr_words;
		if (!e->mask && e->ptr_words > 1) /* nested: not worth the trouble, matches nothing */
			p->flags |= PROG_NEVER;
	} else {
		p->bits = t->mask ? t->mask : &one;
		p->bit_words = p->ptr_words = t->ptr_words;
		p->period = t->size / ty->word;
	}
	if (p->ptr_words && !p->period) {
		p->flags |= PROG_NEVER;
		p->bit_words = 0;
	}
	uint64_t words = t->size / ty->word;
	p->mask = prog_bits(p, 0);
	if (words < 64)
		p->mask &= (UINT64_C(1) << words) - 1;
}

/* ---- operations ---- */

void prog_emit(struct typing *ty, enum op_kind kind, uint64_t off, uint32_t type, uint64_t count)
{
	struct op op = {(uint32_t)off, type, (uint32_t)count, kind};
	if (off > UINT32_MAX || count > UINT32_MAX || ty->ops.len >= MAX_OPS)
		return;
	if (!vec_push(&ty->ops, op))
		ty->nomem = true;
}

struct walk {
	uint32_t type;
	uint64_t base, next; /* next: field or element */
};

/* Emits what a value of a kind without parts points to. */
static void emit_leaf(struct typing *ty, const struct type *t, uint32_t id, uint64_t base)
{
	switch ((enum kind)t->kind) {
	case KIND_PTR:
		if (t->elem != TYPE_NONE && strncmp(t->name, "go.shape.", 9) != 0) /* the shape of all pointers */
			prog_emit(ty, OP_PTR, base, known_target(ty, t->elem), 1);
		break;
	case KIND_STRING:
		prog_emit(ty, OP_STRING, base, ty->uint8, 1);
		break;
	case KIND_SLICE:
		prog_emit(ty, OP_SLICE, base, t->elem, 1);
		break;
	case KIND_INTERFACE:
		prog_emit(ty, t->flags & TYPE_F_EFACE ? OP_EFACE : OP_IFACE, base, TYPE_NONE, 1);
		break;
	case KIND_FUNC:
		prog_emit(ty, OP_FUNC, base, TYPE_NONE, 1);
		break;
	case KIND_MAP:
		prog_emit(ty, OP_MAP, base, id, 1);
		break;
	case KIND_CHAN:
		prog_emit(ty, OP_CHAN, base, id, 1);
		break;
	case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16: case KIND_INT32:
	case KIND_INT64: case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32: case KIND_UINT64:
	case KIND_UINTPTR: case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128:
	case KIND_UNSAFEPTR: case KIND_ARRAY: case KIND_STRUCT:
		break;
	}
}

static bool has_pointers(const struct types *t, uint32_t type)
{
	return type < t->n && t->t[type].ptr_words;
}

/* The next part of a struct or array that may hold pointers; false when there is none left. */
static bool walk_next(struct typing *ty, struct walk *w, struct walk *part)
{
	const struct type *t = &ty->t->t[w->type];
	if (t->kind == KIND_ARRAY) {
		if (w->next >= t->count || !has_pointers(ty->t, t->elem))
			return false;
		const struct type *e = &ty->t->t[t->elem];
		*part = (struct walk){t->elem, w->base + w->next * e->size, 0};
		if (w->next == 0 && t->count > 1 && t->count > UNROLL_WORDS / e->ptr_words) {
			prog_emit(ty, OP_ARRAY, w->base, t->elem, t->count);
			return false;
		}
		w->next++;
		return true;
	}
	while (w->next < t->nfields) {
		const struct field *f = &t->fields[w->next++];
		*part = (struct walk){f->type, w->base + f->offset, 0};
		if (has_pointers(ty->t, f->type))
			return true;
	}
	return false;
}

static void compile_ops(struct typing *ty, uint32_t type)
{
	struct walk stack[MAX_DEPTH];
	unsigned depth = 0;
	stack[depth++] = (struct walk){type, 0, 0};
	while (depth && ty->ops.len < MAX_OPS) {
		struct walk *w = &stack[depth - 1];
		const struct type *t = &ty->t->t[w->type];
		struct walk part;
		if (w->next == 0 && t->kind == KIND_STRUCT && known_struct(ty, w->type, w->base)) {
			depth--;
			continue;
		}
		if (t->kind != KIND_STRUCT && t->kind != KIND_ARRAY) {
			emit_leaf(ty, t, w->type, w->base);
			depth--;
		} else if (!walk_next(ty, w, &part)) {
			depth--;
		} else if (depth < MAX_DEPTH) {
			stack[depth++] = part;
		}
	}
}

/* ---- programs ---- */

static bool is_scalar(const struct type *t)
{
	return t->kind != KIND_STRUCT && t->kind != KIND_ARRAY && t->kind != KIND_STRING && t->kind != KIND_SLICE &&
	       t->kind != KIND_INTERFACE;
}

static void prog_flags(struct typing *ty, uint32_t type, struct prog *p)
{
	static const char *const weak[] = {"runtime.hmap", "runtime.bmap", "runtime.hchan", "runtime.funcval",
	                                   "internal/runtime/maps.Map", "internal/runtime/maps.table", "runtime.eface",
	                                   "runtime.iface", "runtime.stringStruct", "runtime.slice", "uint8",
	                                   "*runtime.bmap", "[]*runtime.bmap", "*internal/runtime/maps.table",
	                                   "unsafe.Pointer"};
	const struct type *t = &ty->t->t[type];
	if (!t->size || t->kind == KIND_INVALID)
		p->flags |= PROG_NEVER;
	/*
	 * The code of generic functions is shared by types of one shape: its variables have the shape's type, which is
	 * what an object has if nothing better turns up. Closures only have it in their name.
	 */
	if (strstr(t->name, "go.shape.") && !(t->flags & TYPE_F_SYNTHETIC && strstr(t->name, " (closure)")))
		p->flags |= PROG_WEAK;
	if (strcmp(t->name, "go.shape.*uint8") == 0) /* any pointer */
		p->flags |= PROG_NEVER;
	if (t->kind == KIND_FUNC && t->size < ty->word)
		p->flags |= PROG_NEVER;
	if (strcmp(t->name, "runtime.itabTableType") == 0) /* allocated as words without pointers */
		p->flags |= PROG_ANYMASK;
	if (is_scalar(t))
		p->flags |= PROG_SCALAR;
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (strcmp(t->name, weak[i]) == 0)
			p->flags |= PROG_WEAK;
}

/* The chunk with the type's program, made when needed. */
static struct prog *prog_slot(struct typing *ty, uint32_t type)
{
	uint32_t c = type / PROG_CHUNK;
	if (c >= ty->nchunks) {
		uint32_t n = ty->t->n / PROG_CHUNK + 64;
		struct prog **chunks = realloc(ty->chunks, n * sizeof(*chunks));
		if (!chunks)
			return NULL;
		memset(chunks + ty->nchunks, 0, (n - ty->nchunks) * sizeof(*chunks));
		ty->chunks = chunks;
		ty->nchunks = n;
	}
	if (!ty->chunks[c])
		ty->chunks[c] = calloc(PROG_CHUNK, sizeof(struct prog));
	return ty->chunks[c] ? &ty->chunks[c][type % PROG_CHUNK] : NULL;
}

const struct prog *prog_compile(struct typing *ty, uint32_t type)
{
	if (type >= ty->t->n)
		return &prog_nothing;
	struct prog p = {.size = ty->t->t[type].size, .aux = UINT32_MAX, .aux2 = UINT32_MAX};
	prog_flags(ty, type, &p);
	prog_mask(ty, &ty->t->t[type], &p);
	if (ty->t->t[type].ptr_words) {
		ty->ops.len = 0;
		compile_ops(ty, type);
		struct op *ops = arena_alloc(&ty->arena, (ty->ops.len + 1) * sizeof(*ops));
		if (ops && ty->ops.len)
			memcpy(ops, ty->ops.data, ty->ops.len * sizeof(*ops));
		p.ops = ops;
		p.nops = ops ? (uint32_t)ty->ops.len : 0;
		for (uint32_t i = 0; i < p.nops; i++)
			p.flags |= ops[i].kind == OP_ARRAY ? PROG_ARRAYS : 0;
		ty->nomem |= !ops;
	}
	known_prog(ty, type, &p);
	storage_compile(ty, type, &p); /* may add types */
	struct prog *slot = prog_slot(ty, type);
	if (!slot) {
		ty->nomem = true;
		return &prog_nothing;
	}
	p.flags |= PROG_DONE;
	*slot = p;
	return slot;
}
