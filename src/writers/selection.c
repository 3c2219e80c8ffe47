/* SPDX-License-Identifier: MIT */
#include "writers/selection.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/vec.h"

/*
 * Nearly all nodes retain little: these are sorted by counting, those that retain BIG bytes or more by comparing. GUESSED:
 * how many rows Gephi looks at to guess the type of a column.
 */
enum { BIG = UINT16_MAX, GUESSED = 25 };

struct big {
	uint64_t retained;
	uint32_t rank; /* node - limit: roots come first */
};

struct sorting {
	VEC(struct big) big;
	uint64_t at[BIG]; /* by retained size: nodes with it; then where in order the next one goes */
	uint16_t *key;    /* by node: its retained size, or BIG */
};

uint64_t object_scan_bytes(const struct hc_snapshot *s, const struct hc_object *o)
{
	if (o->flags & HC_OBJ_NOSCAN)
		return 0;
	if (!o->type || !o->count)
		return o->used;
	/* All but the last of several values are looked at whole. */
	uint64_t size = hc_type_size(o->type), one = hc_type_scan_bytes(s, o->type);
	return one ? (o->count - 1) * size + one : 0;
}

hc_node selection_next(const struct selection *sel, hc_node from)
{
	hc_node n = from;
	while (n < sel->limit) {
		n = hc_object_next(sel->s, n, !sel->garbage);
		if (n == HC_NODE_NONE)
			break;
		if (!sel->chosen || bit_get(sel->chosen, n))
			return n;
		n++;
	}
	for (n = from > sel->limit ? from : sel->limit; n < sel->end; n++)
		if (sel->chosen ? bit_get(sel->chosen, n) : n == sel->limit || hc_edge_count(sel->s, n) > 0)
			return n;
	return HC_NODE_NONE;
}

/* Calls fn for all nodes, roots first; false when it does. */
static bool each(struct selection *sel, struct sorting *sort,
                 bool (*fn)(struct selection *sel, struct sorting *sort, hc_node node))
{
	for (hc_node n = selection_next(sel, sel->limit); n != HC_NODE_NONE; n = selection_next(sel, n + 1))
		if (!fn(sel, sort, n))
			return false;
	for (hc_node n = selection_next(sel, 0); n < sel->limit; n = selection_next(sel, n + 1))
		if (!fn(sel, sort, n))
			return false;
	return true;
}

static bool count(struct selection *sel, struct sorting *sort, hc_node node)
{
	uint64_t retained = hc_retained(sel->s, node);
	sel->len++;
	sort->key[node] = retained < BIG ? (uint16_t)retained : BIG;
	if (retained < BIG) {
		sort->at[retained]++;
		return true;
	}
	struct big big = {retained, node - sel->limit};
	return vec_push(&sort->big, big);
}

static bool place(struct selection *sel, struct sorting *sort, hc_node node)
{
	if (sort->key[node] < BIG)
		sel->order[sort->at[sort->key[node]]++] = node;
	return true;
}

static int by_retained(const void *ap, const void *bp)
{
	const struct big *a = ap, *b = bp;
	if (a->retained != b->retained)
		return a->retained > b->retained ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static bool sort_nodes(struct selection *sel, struct sorting *sort)
{
	if (!each(sel, sort, count))
		return false;
	sel->room = sel->len;
	sel->order = big_alloc(sel->room * sizeof(*sel->order));
	if (!sel->order)
		return false;
	if (sort->big.len)
		qsort(sort->big.data, sort->big.len, sizeof(*sort->big.data), by_retained);
	for (size_t i = 0; i < sort->big.len; i++)
		sel->order[i] = sort->big.data[i].rank + sel->limit;
	uint64_t at = sort->big.len;
	for (unsigned r = BIG; r-- > 0;) {
		uint64_t n = sort->at[r];
		sort->at[r] = at;
		at += n;
	}
	return each(sel, sort, place);
}

/* ---- the first rows ---- */

enum { WIDE_SIZE = 1, WIDE_SCAN = 2, WIDE_GOROUTINE = 4 };

/* Columns in which the node's row has a number of more than 32 bits. Retained is not among them: it is sorted. */
static unsigned wide_columns(const struct selection *sel, hc_node node)
{
	struct hc_object o;
	if (node >= sel->limit) {
		uint32_t g = hc_root_at(sel->s, node - sel->limit).goroutine;
		return g < hc_goroutine_count(sel->s) && hc_goroutine_at(sel->s, g).id > INT32_MAX ? WIDE_GOROUTINE : 0;
	}
	if (hc_retained(sel->s, node) <= INT32_MAX || !hc_object_get(sel->s, node, &o) || o.slot_size <= INT32_MAX)
		return 0;
	return WIDE_SIZE | (object_scan_bytes(sel->s, &o) > INT32_MAX ? WIDE_SCAN : 0);
}

/*
 * Gephi takes a column for 32-bit integers when its first 25 rows look like it, and loses what is larger further down. Where
 * a column has such numbers, the first row that has one goes right behind the very first.
 */
static void help_guessing(struct selection *sel)
{
	unsigned wanted = WIDE_SIZE | WIDE_SCAN, seen = 0;
	for (uint32_t g = 0; g < hc_goroutine_count(sel->s); g++)
		if (hc_goroutine_at(sel->s, g).id > INT32_MAX)
			wanted |= WIDE_GOROUTINE;
	for (uint64_t i = 0; i < sel->len && seen != wanted; i++) {
		hc_node node = sel->order[i];
		if (!(wanted & WIDE_GOROUTINE) && hc_retained(sel->s, node) <= INT32_MAX)
			return;
		unsigned columns = wide_columns(sel, node);
		if (columns & ~seen && i >= GUESSED - 3) { /* up to 3 rows push others back */
			memmove(sel->order + 2, sel->order + 1, (i - 1) * sizeof(*sel->order));
			sel->order[1] = node;
		}
		seen |= columns;
	}
}

static bool choose(struct selection *sel, uint64_t top)
{
	free(sel->chosen);
	sel->chosen = calloc(bit_words(sel->end) + 1, sizeof(*sel->chosen));
	if (!sel->chosen)
		return false;
	if (sel->len > top) {
		sel->left_out = sel->len - top;
		sel->len = top;
	}
	for (uint64_t i = 0; i < sel->len; i++)
		bit_set(sel->chosen, sel->order[i]);
	return true;
}

static struct hc_error *choose_targets(struct selection *sel, const char *target)
{
	struct hc_set *set;
	uint64_t n = 0;
	struct hc_error *err = hc_target_open(sel->s, target, &set, NULL);
	if (err)
		return err;
	uint64_t *chosen = calloc(bit_words(sel->end) + 1, sizeof(*chosen));
	for (hc_node i = hc_set_next(set, 0); chosen && i != HC_NODE_NONE; i = hc_set_next(set, i + 1)) {
		struct hc_object o;
		if (i < sel->limit && !sel->garbage && hc_object_get(sel->s, i, &o) && !(o.flags & HC_OBJ_LIVE))
			continue;
		bit_set(chosen, i);
		n++;
	}
	uint64_t meant = hc_set_count(set);
	hc_set_close(set);
	if (!chosen)
		return err_nomem();
	if (!n) {
		free(chosen);
		return err_new(HC_E_ARG, "--target=%s: all %" PRIu64 " objects are garbage; --garbage includes them", target, meant);
	}
	sel->chosen = chosen;
	sel->targets = true;
	return NULL;
}

static bool sort_and_choose(struct selection *sel, uint64_t top)
{
	struct sorting *sort = calloc(1, sizeof(*sort));
	uint64_t keys = (uint64_t)sel->end * sizeof(*sort->key);
	bool ok = sort && (sort->key = big_alloc(keys)) && sort_nodes(sel, sort) && (!top || choose(sel, top));
	if (sort) {
		vec_free(&sort->big);
		big_free(sort->key, keys);
	}
	free(sort);
	return ok;
}

struct hc_error *selection_init(struct selection *sel, const struct job *job, uint64_t top, bool sorted)
{
	hc_node limit = hc_object_limit(job->s);
	*sel = (struct selection){.s = job->s, .limit = limit, .end = limit + hc_root_count(job->s),
	                          .garbage = job->opts.garbage};
	struct hc_error *err = job->opts.target ? choose_targets(sel, job->opts.target) : NULL;
	if (err || (!top && !sorted))
		return err;
	if (!sort_and_choose(sel, top)) {
		selection_deinit(sel);
		return err_nomem();
	}
	help_guessing(sel);
	return NULL;
}

void selection_deinit(struct selection *sel)
{
	big_free(sel->order, sel->room * sizeof(*sel->order));
	free(sel->chosen);
	sel->order = NULL;
	sel->chosen = NULL;
}
