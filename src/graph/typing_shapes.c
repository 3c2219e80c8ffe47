/* SPDX-License-Identifier: MIT */
/*
 * Which types of the program an untyped object could have: those that the allocator would have put into this size class
 * with these pointer words, and in which what is known of a part of the object has its place. Only types with a runtime
 * descriptor are ever allocated (and buckets of maps, whose descriptors the debug information leaves out); only
 * elements of the program's slice types, and parts of maps, come in rows.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/typing_priv.h"

enum { MAX_WALK = 64 };

struct shape {
	uint64_t size;
	uint64_t mask; /* pointer bits of the first 64 words */
	uint32_t type;
};

struct shapes {
	VEC(struct shape) singles; /* by size, then id */
	VEC(struct shape) rows;    /* elements of slices */
	struct map memo;           /* question -> index in sets */
	VEC(struct shape_set) sets;
};

/* ---- the list ---- */

/* What maps allocate several of. */
static bool is_map_part(const char *name)
{
	static const char *const prefixes[] = {
		"map.bucket[", "noalg.map.bucket[", "map.group[", "noalg.map.group[", "bucket<",
	};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static uint64_t first_mask(const struct types *t, uint32_t id)
{
	const struct type *ty = &t->t[id];
	if (!ty->mask_by_elem)
		return ty->mask ? ty->mask[0] : ty->ptr_words != 0;
	uint64_t v = 0;
	for (unsigned i = 0; i < 64; i++)
		v |= (uint64_t)types_word_is_ptr(t, id, i) << i;
	return v;
}

static int shape_cmp(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return (x->type > y->type) - (x->type < y->type);
}

static bool shape_usable(const struct types *t, uint32_t id)
{
	const struct type *ty = &t->t[id];
	return id < t->n && ty->size && ty->kind != KIND_INVALID && !(ty->flags & TYPE_F_NOTINHEAP) &&
	       !strstr(ty->name, "go.shape.");
}

static bool shapes_build(struct typing *ty, struct shapes *s)
{
	const struct types *t = ty->t;
	for (uint32_t id = 0; id < t->n; id++) {
		const struct type *k = &t->t[id];
		bool storage = strncmp(k->name, "bucket<", 7) == 0; /* headers have the runtime's own types */
		uint32_t elem = k->kind == KIND_SLICE ? k->elem : is_map_part(k->name) ? id : TYPE_NONE;
		if (elem < t->n && shape_usable(t, elem)) {
			struct shape row = {t->t[elem].size, first_mask(t, elem), elem};
			if (!vec_push(&s->rows, row))
				return false;
		}
		if (!shape_usable(t, id) || (!k->rtype && !storage) || ((k->flags & TYPE_F_SYNTHETIC) && !storage))
			continue;
		struct shape one = {k->size, first_mask(t, id), id};
		if (!vec_push(&s->singles, one))
			return false;
	}
	if (s->singles.len)
		qsort(s->singles.data, s->singles.len, sizeof(struct shape), shape_cmp);
	if (s->rows.len)
		qsort(s->rows.data, s->rows.len, sizeof(struct shape), shape_cmp);
	size_t n = 0;
	for (size_t i = 0; i < s->rows.len; i++) /* named slice types share elements */
		if (i == 0 || s->rows.data[i].type != s->rows.data[i - 1].type)
			s->rows.data[n++] = s->rows.data[i];
	s->rows.len = n;
	return true;
}

void shapes_free(struct shapes *s)
{
	if (!s)
		return;
	vec_free(&s->singles);
	vec_free(&s->rows);
	vec_free(&s->sets);
	map_free(&s->memo);
	free(s);
}

/* ---- parts ---- */

bool type_has_at(const struct types *t, uint32_t outer, uint64_t off, uint32_t inner)
{
	for (int i = 0; i < MAX_WALK && outer < t->n; i++) {
		const struct type *o = &t->t[outer];
		if (off == 0 && type_same(t, outer, inner))
			return true;
		if (o->kind == KIND_ARRAY && o->elem < t->n && t->t[o->elem].size) {
			outer = o->elem;
			off %= t->t[o->elem].size;
			continue;
		}
		if (o->kind != KIND_STRUCT)
			return false;
		uint32_t next = TYPE_NONE;
		uint64_t base = 0;
		for (uint32_t f = 0; f < o->nfields && o->fields[f].offset <= off; f++) {
			if (o->fields[f].type < t->n && off - o->fields[f].offset < t->t[o->fields[f].type].size) {
				next = o->fields[f].type;
				base = o->fields[f].offset;
			}
		}
		outer = next;
		off -= base;
	}
	return false;
}

/* ---- the question ---- */

/* Does the mask of n values equal the object's, as far as the first 64 words go? */
static bool mask_like(const struct shape_query *q, const struct shape *s, uint64_t n, unsigned word)
{
	uint64_t want = s->mask, words = s->size / word;
	if (n > 1 && s->mask) {
		for (uint64_t at = words, done = 1; at && at < 64 && done < n; at += words, done++)
			want |= s->mask << at;
	}
	return want == q->mask;
}

static void consider(struct typing *ty, const struct shape_query *q, const struct shape *s, uint64_t n,
                     struct shape_set *set)
{
	if (set->n > MAX_SHAPES || !mask_like(q, s, n, ty->word))
		return;
	if (q->part != TYPE_NONE && !type_has_at(ty->t, s->type, q->off % s->size, q->part))
		return;
	if (q->part != TYPE_NONE && n == 1 && q->off >= s->size)
		return;
	/* The same type by another entry of the table. */
	for (uint32_t i = 0; i < set->n; i++)
		if (set->row[i] == (n > 1) && type_same(ty->t, set->type[i], s->type))
			return;
	if (!mask_matches(ty, q->span, q->id, prog_of(ty, s->type), n * s->size))
		return;
	if (set->n < MAX_SHAPES) {
		set->type[set->n] = s->type;
		set->row[set->n] = n > 1;
	}
	set->n++;
}

/* How many values in a row: behind the last one there are no pointers. 0: the last pointer is in no such place. */
static uint64_t row_count(const struct typing *ty, const struct shape_query *q, const struct shape *s)
{
	uint64_t ptrs = ty->t->t[s->type].ptr_words * ty->word;
	if (!ptrs)
		return q->ptr_end ? 0 : q->usable / s->size;
	if (q->ptr_end < ptrs || (q->ptr_end - ptrs) % s->size)
		return 0;
	return (q->ptr_end - ptrs) / s->size + 1;
}

static void shapes_search(struct typing *ty, const struct shape_query *q, struct shape_set *set)
{
	const struct shapes *s = ty->shapes;
	size_t lo = 0, hi = s->singles.len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->singles.data[mid].size < q->min)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->singles.len && s->singles.data[lo].size <= q->usable; lo++)
		consider(ty, q, &s->singles.data[lo], 1, set);
	for (size_t i = 0; i < s->rows.len && s->rows.data[i].size <= q->usable / 2; i++) {
		uint64_t n = row_count(ty, q, &s->rows.data[i]);
		if (n > 1 && n <= q->usable / s->rows.data[i].size && n * s->rows.data[i].size >= q->min)
			consider(ty, q, &s->rows.data[i], n, set);
	}
}

const struct shape_set *shapes_find(struct typing *ty, const struct shape_query *q)
{
	uint32_t at;
	if (!ty->shapes) {
		ty->shapes = calloc(1, sizeof(*ty->shapes));
		if (!ty->shapes || !shapes_build(ty, ty->shapes)) {
			ty->nomem = true;
			return NULL;
		}
	}
	struct shapes *s = ty->shapes;
	bool small = q->usable / ty->word <= 64;
	uint64_t key = q->usable * UINT64_C(0x9e3779b97f4a7c15) ^ q->mask * UINT64_C(0xff51afd7ed558ccd) ^
	               ((uint64_t)q->part << 20 | q->off) * UINT64_C(0xc4ceb9fe1a85ec53) ^ q->min;
	if (small && map_get(&s->memo, key, &at))
		return &s->sets.data[at];
	if (!ty->shape_budget)
		return NULL;
	ty->shape_budget--;
	struct shape_set set = {0};
	shapes_search(ty, q, &set);
	if (s->sets.len >= UINT32_MAX || !vec_push(&s->sets, set)) {
		ty->nomem = true;
		return NULL;
	}
	if (small && !map_put(&s->memo, key, (uint32_t)s->sets.len - 1))
		ty->nomem = true;
	return &s->sets.data[s->sets.len - 1];
}
