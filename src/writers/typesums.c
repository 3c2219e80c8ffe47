/* SPDX-License-Identifier: MIT */
#include "writers/typesums.h"

#include <stdlib.h>
#include <string.h>

#include "base/strtab.h"
#include "writers/names.h"
#include "writers/selection.h"

static uint32_t class_of(const struct stacks *st, const uint32_t *same, uint32_t node)
{
	uint32_t class = st->frames.functions.data[place_function(&st->frames, st->nodes.data[node].place)].class;
	return class == FRAME_NO_CLASS || !same ? class : same[class];
}

/* Is the class of a stack's end nowhere else on it? Its values with all below it are then retained by the type. */
static bool is_outermost(const struct stacks *st, const uint32_t *same, uint32_t node, uint32_t class)
{
	for (uint32_t up = st->nodes.data[node].parent; up; up = st->nodes.data[up].parent)
		if (class_of(st, same, up) == class)
			return false;
	return true;
}

struct hc_error *type_sums(const struct gathered *g, const uint32_t *same, struct type_sum **ret, uint32_t *n)
{
	const struct stacks *st = &g->st;
	uint64_t *below = calloc(st->nodes.len, sizeof(*below));
	struct type_sum *sums = calloc(g->classes.count, sizeof(*sums));
	if (!below || !sums) {
		free(below);
		free(sums);
		return err_nomem();
	}
	for (uint32_t i = 0; i < g->classes.count; i++)
		sums[i].class = i;
	for (size_t i = st->nodes.len; i-- > 1;) {
		const struct stack_node *node = &st->nodes.data[i];
		uint32_t class = class_of(st, same, (uint32_t)i);
		below[i] += node->value[VALUE_SPACE];
		below[node->parent] += below[i];
		if (class == FRAME_NO_CLASS || (g->unreachable && node->parent == g->unreachable))
			continue;
		sums[class].objects += node->count;
		sums[class].bytes += node->value[VALUE_SPACE];
		if (is_outermost(st, same, (uint32_t)i, class))
			sums[class].retained += below[i];
	}
	free(below);
	*ret = sums;
	*n = g->classes.count;
	return NULL;
}

uint32_t *type_sums_of_maps(const struct hc_snapshot *s)
{
	uint32_t n = hc_class_count(s), *same = calloc((size_t)n + 2, sizeof(*same)), id;
	uint32_t *map = calloc((size_t)n + 1, sizeof(*map)); /* by the number of a map's name */
	struct strtab names = {0};
	bool ok = same && map;
	for (uint32_t i = 0; ok && i < n + 2; i++)
		same[i] = i;
	for (uint32_t i = 0; ok && i < n; i++) {
		const char *name = hc_class_at(s, i).name;
		if (strncmp(name, "map[", 4) != 0 || name_map_storage(name))
			continue;
		ok = strtab_add(&names, name, strlen(name), &id);
		if (ok)
			map[id] = i;
	}
	for (uint32_t i = 0; ok && i < n; i++) {
		const char *name = hc_class_at(s, i).name;
		size_t len = name_map_storage(name);
		if (len && strtab_find(&names, name, len, &id))
			same[i] = map[id];
	}
	strtab_free(&names);
	free(map);
	if (!ok) {
		free(same);
		return NULL;
	}
	return same;
}

static void add_details(const struct hc_snapshot *s, const struct hc_object *o, struct type_sum *t)
{
	uint64_t retained = hc_retained(s, o->node);
	t->max_retained = retained > t->max_retained ? retained : t->max_retained;
	t->scan += object_scan_bytes(s, o);
	t->slack += o->slot_size > o->used ? o->slot_size - o->used : 0;
	t->origin[o->origin]++;
}

void type_sums_details(const struct hc_snapshot *s, bool garbage, struct type_sum *sums, uint32_t n)
{
	struct hc_object o;
	for (hc_node node = hc_object_next(s, 0, !garbage); node != HC_NODE_NONE; node = hc_object_next(s, node + 1, !garbage)) {
		if (!hc_object_get(s, node, &o))
			continue;
		uint32_t class = hc_object_class(s, &o);
		struct type_sum *t = &sums[class < n ? class : n - 1];
		add_details(s, &o, t);
		if (!(o.flags & HC_OBJ_LIVE)) {
			t->objects++;
			t->bytes += o.slot_size;
		}
	}
}

void type_sums_of_set(const struct hc_snapshot *s, const struct hc_set *set, bool garbage, struct type_sum *sums, uint32_t n)
{
	struct hc_object o;
	for (uint32_t i = 0; i < n; i++)
		sums[i].bytes = 0; /* objects: how many live ones there are, less those in the set */
	for (hc_node node = hc_set_next(set, 0); node != HC_NODE_NONE; node = hc_set_next(set, node + 1)) {
		if (!hc_object_get(s, node, &o) || (!garbage && !(o.flags & HC_OBJ_LIVE)))
			continue;
		uint32_t class = hc_object_class(s, &o);
		struct type_sum *t = &sums[class < n ? class : n - 1];
		add_details(s, &o, t);
		t->bytes += o.slot_size;
		t->objects -= o.flags & HC_OBJ_LIVE ? 1 : 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct type_sum *t = &sums[i];
		/* Targets are all objects of a type, or a single one. */
		t->retained = t->objects ? t->max_retained : t->retained;
		t->objects = 0;
		for (int origin = 0; origin <= HC_ORIGIN_INFERRED; origin++)
			t->objects += t->origin[origin];
	}
}

static int by_bytes(const void *a, const void *b)
{
	const struct type_sum *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->class < y->class ? -1 : x->class > y->class;
}

static int by_retained(const void *a, const void *b)
{
	const struct type_sum *x = a, *y = b;
	if (x->retained != y->retained)
		return x->retained > y->retained ? -1 : 1;
	return by_bytes(a, b);
}

void type_sums_sort_retained(struct type_sum *sums, uint32_t n)
{
	qsort(sums, n, sizeof(*sums), by_retained);
}

void type_sums_sort(struct type_sum *sums, uint32_t n)
{
	qsort(sums, n, sizeof(*sums), by_bytes);
}
