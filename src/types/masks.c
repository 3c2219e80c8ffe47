/* SPDX-License-Identifier: MIT */
/*
 * Checking the types that were read and building their pointer masks, innermost types first. Types contain each other by
 * value through fields and array elements; a cycle there can only come from damaged debug information.
 */
#include "base/ckd.h"
#include "types/types_priv.h"

enum { ARRAY_WORDS_MAX = 4096 }; /* longer arrays keep their element's mask */
enum { NEW, BUSY, DONE };          /* progress of a type */
#define MASK_BITS_MAX (UINT64_C(1) << 31) /* of all types together: 256 MiB; real programs need a few */

struct walk {
	struct types *t;
	uint32_t base;     /* first type of this call */
	uint8_t *state;    /* of types from base on */
	VEC(uint32_t) stack;
};

static void opaque(struct type *ty)
{
	ty->flags = (uint8_t)((ty->flags | TYPE_F_OPAQUE) & ~TYPE_F_DIRECT);
	ty->nfields = 0;
	ty->ptr_words = 0;
	ty->mask = NULL;
	ty->mask_by_elem = false;
}

/* ---- what contains what ---- */

static uint32_t part_count(const struct type *ty)
{
	return ty->kind == KIND_STRUCT ? ty->nfields : ty->kind == KIND_ARRAY;
}

static uint32_t part_at(const struct type *ty, uint32_t i)
{
	return ty->kind == KIND_STRUCT ? ty->fields[i].type : ty->elem;
}

/* Fields in order and inside the struct, elements that fill the array. Their own types are checked already. */
static bool type_sane(const struct types *t, const struct type *ty)
{
	uint64_t at = 0, size;
	for (uint32_t i = 0; i < ty->nfields; i++) {
		const struct field *f = &ty->fields[i];
		if (f->type >= t->n || f->offset < at || !in_range(f->offset, t->t[f->type].size, ty->size))
			return false;
		at = f->offset;
	}
	if (ty->kind == KIND_ARRAY)
		return ty->elem < t->n && ckd_mul(t->t[ty->elem].size, ty->count, &size) && size == ty->size;
	return true;
}

/* ---- masks ---- */

bool types_word_is_ptr(const struct types *t, uint32_t id, uint64_t word)
{
	while (id < t->n) {
		const struct type *ty = &t->t[id];
		if (word >= ty->ptr_words)
			return false;
		if (!ty->mask_by_elem)
			return ty->mask ? bit_get(ty->mask, word) : word == 0;
		id = ty->elem;
		word %= t->t[id].size / t->proc->word;
	}
	return false;
}

static uint64_t *mask_alloc(struct types *t, uint64_t words)
{
	if (words > MASK_BITS_MAX - t->mask_bits)
		return NULL;
	t->mask_bits += words;
	return arena_alloc(&t->arena, bit_words(words) * sizeof(uint64_t));
}

/* Does the collector ignore pointers to this type? */
static bool not_in_heap(const struct types *t, uint32_t elem)
{
	return elem < t->n && (t->t[elem].flags & TYPE_F_NOTINHEAP);
}

/*
 * A value that is not made of other values. The compiler leaves the first word of an interface out of its masks: what
 * it points to (an itab or a descriptor) is never collected. A slice or pointer of something outside the heap is no
 * pointer to the collector.
 */
static void mask_scalar(const struct types *t, struct type *ty)
{
	static const uint64_t second[] = {2};
	switch ((enum kind)ty->kind) {
	case KIND_PTR: case KIND_SLICE:
		ty->ptr_words = !not_in_heap(t, ty->elem);
		break;
	case KIND_CHAN: case KIND_FUNC: case KIND_MAP: case KIND_UNSAFEPTR: case KIND_STRING:
		ty->ptr_words = 1;
		break;
	case KIND_INTERFACE:
		ty->ptr_words = 2;
		ty->mask = second;
		break;
	case KIND_ARRAY: case KIND_STRUCT: case KIND_INVALID: case KIND_BOOL: case KIND_INT: case KIND_INT8: case KIND_INT16:
	case KIND_INT32: case KIND_INT64: case KIND_UINT: case KIND_UINT8: case KIND_UINT16: case KIND_UINT32:
	case KIND_UINT64: case KIND_UINTPTR: case KIND_FLOAT32: case KIND_FLOAT64: case KIND_COMPLEX64: case KIND_COMPLEX128:
		break;
	}
	if (ty->ptr_words * t->proc->word > ty->size)
		opaque(ty);
}

/* Copies the pointer words of a part to word `at` of the mask. */
static void mask_copy(const struct types *t, uint64_t *mask, uint64_t at, uint32_t part)
{
	uint64_t n = t->t[part].ptr_words;
	for (uint64_t w = 0; w < n; w++) {
		if (types_word_is_ptr(t, part, w))
			bit_set(mask, at + w);
	}
}

static void mask_array(struct types *t, struct type *ty)
{
	const struct type *e = &t->t[ty->elem];
	uint64_t w = t->proc->word, each = e->size / w;
	if (ty->count == 0 || e->ptr_words == 0)
		return;
	ty->ptr_words = (ty->count - 1) * each + e->ptr_words;
	if (ty->size / w > ARRAY_WORDS_MAX) {
		ty->mask_by_elem = true;
	} else if (ty->ptr_words > 1) {
		uint64_t *mask = mask_alloc(t, ty->ptr_words);
		if (!mask) {
			opaque(ty);
			return;
		}
		for (uint64_t i = 0; i < ty->count; i++)
			mask_copy(t, mask, i * each, ty->elem);
		ty->mask = mask;
	}
}

static void mask_struct(struct types *t, struct type *ty)
{
	uint64_t w = t->proc->word, words = 0;
	bool aligned = true;
	for (uint32_t i = 0; i < ty->nfields; i++) {
		const struct type *f = &t->t[ty->fields[i].type];
		if (f->ptr_words) {
			words = ty->fields[i].offset / w + f->ptr_words;
			aligned = aligned && ty->fields[i].offset % w == 0;
		}
	}
	if (words == 0)
		return;
	uint64_t *mask = aligned ? mask_alloc(t, words) : NULL;
	if (!mask) {
		opaque(ty);
		return;
	}
	for (uint32_t i = 0; i < ty->nfields; i++)
		mask_copy(t, mask, ty->fields[i].offset / w, ty->fields[i].type);
	ty->ptr_words = words;
	ty->mask = words == 1 ? NULL : mask;
}

/* ---- the other properties that parts pass on ---- */

/* ---- what parts pass on ---- */

/*
 * What holds a runtime/internal/sys.nih (Go 1.20 on; internal/runtime/sys since 1.24) lives outside the heap. Before,
 * "//go:notinheap" left no trace in the type: these are the names of those releases.
 */
static bool marked_not_in_heap(const struct types *t, const struct type *ty)
{
	static const char *const marked[] = {
		"arenaHint", "bucket", "checkmarksMap", "debugLogBuf", "debugLogWriter", "dlogger", "finblock", "fixalloc",
		"gcBits", "gcBitsArena", "heapArena", "mSpanList", "mcache", "mcentral", "memRecord", "mheap", "mlink", "mspan",
		"notInHeap", "notInHeapSlice", "pollDesc", "special", "specialfinalizer", "specialprofile", "stackObject",
		"stackObjectBuf", "stackObjectBufHdr", "stackWorkBuf", "stackWorkBufHdr", "stackpoolItem", "traceAllocBlock",
		"traceBuf", "workbuf",
	};
	if (strcmp(ty->name, "runtime/internal/sys.nih") == 0 || strcmp(ty->name, "internal/runtime/sys.nih") == 0)
		return true;
	if (t->layout.minor < 0 || t->layout.minor >= 20 || strncmp(ty->name, "runtime.", 8) != 0)
		return false;
	for (size_t i = 0; i < sizeof(marked) / sizeof(marked[0]); i++) {
		if (strcmp(ty->name + 8, marked[i]) == 0)
			return true;
	}
	return false;
}

static void visit_not_in_heap(struct types *t, struct type *ty)
{
	bool is = marked_not_in_heap(t, ty);
	for (uint32_t i = 0; i < part_count(ty) && !is; i++)
		is = not_in_heap(t, part_at(ty, i));
	if (is)
		ty->flags |= TYPE_F_NOTINHEAP;
}

/*
 * Is the value itself in an interface's data word? Until Go 1.25 pointers, and structs and arrays of exactly one; since
 * 1.26 whatever is one pointer word in size.
 */
static bool is_direct(const struct types *t, const struct type *ty)
{
	if (ty->size != t->proc->word || ty->ptr_words != 1)
		return false;
	if (t->layout.minor < 0 || t->layout.minor >= 26)
		return true;
	if (ty->kind == KIND_STRUCT)
		return ty->nfields == 1 && (t->t[ty->fields[0].type].flags & TYPE_F_DIRECT);
	if (ty->kind == KIND_ARRAY)
		return ty->count == 1 && (t->t[ty->elem].flags & TYPE_F_DIRECT);
	return true;
}

static void visit_mask(struct types *t, struct type *ty)
{
	if (!type_sane(t, ty))
		opaque(ty);
	if (ty->flags & TYPE_F_OPAQUE)
		return;
	if (ty->ptr_words == 0) {
		if (ty->kind == KIND_ARRAY)
			mask_array(t, ty);
		else if (ty->kind == KIND_STRUCT)
			mask_struct(t, ty);
		else
			mask_scalar(t, ty);
	}
	if (is_direct(t, ty))
		ty->flags |= TYPE_F_DIRECT;
}

/* ---- the walk ---- */

typedef void visit_fn(struct types *t, struct type *ty);

/* Puts the parts of a type that are still to be visited on the stack; *cycle: one of them waits for this type. */
static bool push_parts(struct walk *w, uint32_t id, bool *cycle)
{
	const struct type *ty = &w->t->t[id];
	for (uint32_t i = 0; i < part_count(ty); i++) {
		uint32_t part = part_at(ty, i);
		if (part < w->base || part >= w->t->n || w->state[part - w->base] == DONE)
			continue;
		if (w->state[part - w->base] == BUSY)
			*cycle = true;
		else if (!vec_push(&w->stack, part))
			return false;
	}
	return true;
}

/* Visits all new types after the types that they contain. */
static bool walk_types(struct walk *w, visit_fn *visit)
{
	memset(w->state, NEW, w->t->n - w->base);
	for (uint32_t id = w->base; id < w->t->n; id++) {
		w->stack.len = 0;
		if (!vec_push(&w->stack, id))
			return false;
		while (w->stack.len) {
			uint32_t top = w->stack.data[w->stack.len - 1];
			uint8_t *state = &w->state[top - w->base];
			bool cycle = false;
			if (*state == NEW) {
				*state = BUSY;
				if (!push_parts(w, top, &cycle))
					return false;
				if (cycle)
					opaque(&w->t->t[top]);
				continue;
			}
			w->stack.len--;
			if (*state == BUSY)
				visit(w->t, &w->t->t[top]);
			*state = DONE;
		}
	}
	return true;
}

/* "[]T" and "*T" are found by T. */
static bool name_derived(struct types *t, uint32_t id)
{
	const struct type *ty = &t->t[id];
	const char *prefix = ty->kind == KIND_PTR ? "*" : ty->kind == KIND_SLICE ? "[]" : NULL;
	struct map *known = ty->kind == KIND_PTR ? &t->ptrs : &t->slices;
	uint32_t old;
	if (!prefix || ty->elem >= t->n || strncmp(ty->name, prefix, strlen(prefix)) != 0 ||
	    strcmp(ty->name + strlen(prefix), t->t[ty->elem].name) != 0 || map_get(known, ty->elem, &old))
		return true;
	return map_put(known, ty->elem, id);
}

struct hc_error *types_finish(struct types *t)
{
	struct walk w = {.t = t, .base = t->finished};
	bool ok = true;
	if (t->finished >= t->n)
		return NULL;
	w.state = malloc(t->n - t->finished);
	ok = w.state && walk_types(&w, visit_not_in_heap) && walk_types(&w, visit_mask);
	for (uint32_t i = t->finished; i < t->n && ok; i++)
		ok = name_derived(t, i);
	t->finished = t->n;
	free(w.state);
	vec_free(&w.stack);
	return ok ? NULL : err_nomem();
}
