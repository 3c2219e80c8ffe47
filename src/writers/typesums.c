/* SPDX-License-Identifier: MIT */
#include "writers/typesums.h"

#include <stdlib.h>

#include "writers/selection.h"

/* Is the function of a stack's end nowhere else on it? Its values with all below it are then retained by the type. */
static bool is_outermost(const struct stacks *st, uint32_t node)
{
	uint32_t function = place_function(&st->frames, st->nodes.data[node].place);
	for (uint32_t up = st->nodes.data[node].parent; up; up = st->nodes.data[up].parent)
		if (place_function(&st->frames, st->nodes.data[up].place) == function)
			return false;
	return true;
}

struct hc_error *type_sums(const struct gathered *g, struct type_sum **ret, uint32_t *n)
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
		uint32_t class = st->frames.functions.data[place_function(&st->frames, node->place)].class;
		below[i] += node->value[VALUE_SPACE];
		below[node->parent] += below[i];
		if (class == FRAME_NO_CLASS || (g->unreachable && node->parent == g->unreachable))
			continue;
		sums[class].objects += node->count;
		sums[class].bytes += node->value[VALUE_SPACE];
		if (is_outermost(st, (uint32_t)i))
			sums[class].retained += below[i];
	}
	free(below);
	*ret = sums;
	*n = g->classes.count;
	return NULL;
}

void type_sums_details(const struct hc_snapshot *s, bool garbage, struct type_sum *sums, uint32_t n)
{
	struct hc_object o;
	for (hc_node node = hc_object_next(s, 0, !garbage); node != HC_NODE_NONE; node = hc_object_next(s, node + 1, !garbage)) {
		if (!hc_object_get(s, node, &o))
			continue;
		uint32_t class = hc_object_class(s, &o);
		uint64_t retained = hc_retained(s, node);
		struct type_sum *t = &sums[class < n ? class : n - 1];
		t->max_retained = retained > t->max_retained ? retained : t->max_retained;
		t->scan += object_scan_bytes(s, &o);
		t->slack += o.slot_size > o.used ? o.slot_size - o.used : 0;
		t->origin[o.origin]++;
		if (!(o.flags & HC_OBJ_LIVE)) {
			t->objects++;
			t->bytes += o.slot_size;
		}
	}
}

static int by_bytes(const void *a, const void *b)
{
	const struct type_sum *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->class < y->class ? -1 : x->class > y->class;
}

void type_sums_sort(struct type_sum *sums, uint32_t n)
{
	qsort(sums, n, sizeof(*sums), by_bytes);
}
