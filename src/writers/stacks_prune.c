/* SPDX-License-Identifier: MIT */
#include "writers/stacks.h"

/*
 * Thresholds are tried from a histogram of weights with 16 steps per power of two: exact ones would need a sort of all
 * nodes, and nobody sees the difference.
 */
enum { STEPS = 16, BUCKETS = 61 * STEPS, DEPTH_PER_STACK = 20 };

static unsigned bucket(uint64_t w)
{
	if (w < STEPS)
		return (unsigned)w;
	unsigned log = 63 - (unsigned)__builtin_clzll(w);
	return (log - 3) * STEPS + (unsigned)(w >> (log - 4) & (STEPS - 1));
}

/* The smallest weight of a bucket. */
static uint64_t bucket_floor(unsigned b)
{
	if (b < STEPS)
		return b;
	return (uint64_t)(STEPS + b % STEPS) << (b / STEPS - 1);
}

/* The weight of each node with all below it. A parent's number is below its children's: one sweep from the end. */
static uint64_t *cumulate(const struct stacks *st)
{
	uint64_t *cum = malloc(st->nodes.len * sizeof(*cum));
	for (size_t i = 0; cum && i < st->nodes.len; i++)
		cum[i] = stack_weight(st, (uint32_t)i);
	for (size_t i = cum ? st->nodes.len : 1; --i > 0;)
		cum[st->nodes.data[i].parent] += cum[i];
	return cum;
}

/* The next higher threshold that leaves at most `stacks` of the stacks as they are. */
static uint64_t threshold_for(const struct stacks *st, const uint64_t *cum, uint64_t max_stacks)
{
	uint64_t count[BUCKETS] = {0}, depth[BUCKETS] = {0}, stacks = 0, depths = 0;
	for (size_t i = 1; i < st->nodes.len; i++) {
		if (st->nodes.data[i].count) {
			unsigned b = bucket(cum[i]);
			count[b]++;
			depth[b] += st->nodes.data[i].depth;
		}
	}
	for (unsigned b = BUCKETS; b-- > 0;) {
		stacks += count[b];
		depths += depth[b];
		if (stacks > max_stacks || depths > max_stacks * DEPTH_PER_STACK)
			return b + 1 < BUCKETS ? bucket_floor(b + 1) : UINT64_MAX;
	}
	return 0;
}

/* keep[i]: the nearest stack, from i upwards, that the threshold keeps. What kind of root it hangs on always stays. */
static void mark_kept(const struct stacks *st, const uint64_t *cum, uint64_t threshold, uint32_t *keep)
{
	keep[0] = 0;
	for (size_t i = 1; i < st->nodes.len; i++) {
		bool stays = cum[i] >= threshold || st->nodes.data[i].depth == 1;
		keep[i] = stays ? (uint32_t)i : keep[st->nodes.data[i].parent];
	}
}

/* How many stacks, and frames in them, are left if keep[] is applied. */
static struct hc_error *count_left(const struct stacks *st, const uint32_t *keep, uint64_t *stacks, uint64_t *depths)
{
	struct map seen = {0};
	*stacks = *depths = 0;
	for (size_t i = 1; i < st->nodes.len; i++) {
		const struct stack_node *n = &st->nodes.data[i];
		uint64_t key = (uint64_t)keep[i] << 32 | n->place;
		uint32_t dummy;
		if (!n->count)
			continue;
		if (keep[i] != i) {
			if (map_get(&seen, key, &dummy))
				continue;
			if (!map_put(&seen, key, 1)) {
				map_free(&seen);
				return err_nomem();
			}
		}
		++*stacks;
		*depths += st->nodes.data[keep[i]].depth + (keep[i] != i ? 2 : 0);
	}
	map_free(&seen);
	return NULL;
}

static void move_values(struct stacks *st, uint32_t from, uint32_t to)
{
	struct stack_node *f = &st->nodes.data[from], *t = &st->nodes.data[to];
	t->count += f->count;
	f->count = 0;
	for (int v = 0; v < STACK_VALUES - 1; v++) {
		t->value[v] += f->value[v];
		f->value[v] = 0;
	}
}

/* Cut stacks go to `kept; (small); end`; with `flat`, for when even these are too many, to `kept; (small)`. */
static void apply(struct stacks *st, const uint32_t *keep, size_t n, bool flat, struct stacks_pruned *ret)
{
	uint32_t small = frames_named(&st->frames, "(small)");
	st->max_nodes = UINT64_MAX; /* what is added here takes the place of more that goes */
	for (size_t i = 1; i < n && !stacks_failed(st); i++) {
		struct stack_node old = st->nodes.data[i];
		if (keep[i] == i || !old.count)
			continue;
		ret->stacks++;
		ret->weight += stack_weight(st, (uint32_t)i);
		uint32_t to = stacks_end(st, keep[i], small);
		move_values(st, (uint32_t)i, flat ? to : stacks_end(st, to, old.place));
	}
}

static void count_deep(const struct stacks *st, struct stacks_pruned *ret)
{
	for (size_t i = 1; i < st->nodes.len; i++) {
		const struct stack_node *n = &st->nodes.data[i];
		if (n->count && st->nodes.data[n->parent].place == st->deep) {
			ret->deep_stacks++;
			ret->deep_weight += stack_weight(st, (uint32_t)i);
		}
	}
}

struct hc_error *stacks_prune(struct stacks *st, uint64_t max_stacks, struct stacks_pruned *ret)
{
	struct hc_error *err = NULL;
	size_t n = st->nodes.len;
	uint64_t left, depths, aim = max_stacks;
	memset(ret, 0, sizeof(*ret));
	count_deep(st, ret);
	uint64_t *cum = cumulate(st);
	uint32_t *keep = malloc(n * sizeof(*keep));
	if (!cum || !keep)
		err = err_nomem();
	/* Fewer kept stacks need not mean fewer in all, as each may have a (small) one per end: try, and aim lower. */
	for (bool done = err != NULL; !done; aim /= 2) {
		ret->threshold = threshold_for(st, cum, aim);
		if (!ret->threshold)
			break;
		mark_kept(st, cum, ret->threshold, keep);
		err = count_left(st, keep, &left, &depths);
		bool fits = !err && left <= max_stacks && depths <= max_stacks * DEPTH_PER_STACK;
		done = err || fits || aim == 0;
		if (done && !err)
			apply(st, keep, n, !fits, ret);
	}
	if (!err && stacks_failed(st))
		err = err_nomem();
	free(cum);
	free(keep);
	return err;
}

/* ---- order of output ---- */

struct ordered {
	uint32_t parent, place, node;
	uint64_t cum;
};

static int by_parent(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->cum != y->cum)
		return x->cum > y->cum ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* The nodes that have values or lead to some, grouped by parent; first[i]: index of the first child of i, plus 1. */
static struct ordered *group(const struct stacks *st, uint32_t *first, size_t *ret_n)
{
	uint64_t *cum = cumulate(st);
	size_t n = 0, kept = 0;
	for (size_t i = st->nodes.len; i-- > 1;)
		if (st->nodes.data[i].count || first[i])
			first[st->nodes.data[i].parent] = 1, n++;
	struct ordered *o = malloc((n + 1) * sizeof(*o));
	for (size_t i = 1; o && cum && i < st->nodes.len; i++) {
		const struct stack_node *t = &st->nodes.data[i];
		if (t->count || first[i])
			o[kept++] = (struct ordered){t->parent, t->place, (uint32_t)i, cum[i]};
	}
	bool ok = o && cum;
	free(cum);
	if (!ok) {
		free(o);
		return NULL;
	}
	qsort(o, n, sizeof(*o), by_parent);
	for (size_t i = n; i-- > 0;)
		first[o[i].parent] = (uint32_t)i + 1;
	*ret_n = n;
	return o;
}

struct hc_error *stacks_order(const struct stacks *st, uint32_t **ret, size_t *ret_n)
{
	size_t n = 0, out = 0;
	uint32_t *first = calloc(st->nodes.len, sizeof(*first));
	struct ordered *o = first ? group(st, first, &n) : NULL;
	uint32_t *order = malloc((n + 1) * sizeof(*order));
	if (!o || !order) {
		free(first);
		free(o);
		free(order);
		return err_nomem();
	}
	/* A cursor is an index in o; when its group of siblings is through, it goes back to behind the parent's. */
	uint32_t *back = calloc(n + 1, sizeof(*back));
	size_t at = n && first[0] ? first[0] - 1 : n, depth = 0;
	while (back && at < n) {
		uint32_t node = o[at].node;
		if (st->nodes.data[node].count)
			order[out++] = node;
		if (first[node]) {
			back[depth++] = (uint32_t)at;
			at = first[node] - 1;
			continue;
		}
		while (at + 1 >= n || o[at + 1].parent != o[at].parent) {
			if (depth == 0) {
				at = n;
				break;
			}
			at = back[--depth];
		}
		if (at < n)
			at++;
	}
	struct hc_error *err = back ? NULL : err_nomem();
	free(back);
	free(first);
	free(o);
	if (err) {
		free(order);
		return err;
	}
	*ret = order;
	*ret_n = out;
	return NULL;
}
