/* SPDX-License-Identifier: MIT */
#include "writers/stacks.h"

/*
 * One hash table answers two questions, told apart by the top bit of `place`: which child has this place, and what
 * stacks_go_on() found the last time. Sixteen bytes would not pack better: three words, no padding.
 */
struct stack_edge {
	uint32_t from, place, to; /* place 0: empty */
};

enum { FIRST_SLOTS = 1024, DEPTH_MIN = 4, DEPTH_LIMIT = 4096 };
#define GO_ON (UINT32_C(1) << 31)

struct hc_error *stacks_init(struct stacks *st, uint64_t max_depth, uint64_t max_nodes)
{
	memset(st, 0, sizeof(*st));
	st->max_depth = max_depth < DEPTH_LIMIT ? (uint32_t)max_depth : DEPTH_LIMIT;
	if (max_depth == 0)
		st->max_depth = STACKS_MAX_DEPTH;
	else if (max_depth < DEPTH_MIN)
		st->max_depth = DEPTH_MIN;
	st->fold_depth = STACKS_FOLD_DEPTH < st->max_depth ? STACKS_FOLD_DEPTH : st->max_depth;
	st->max_nodes = max_nodes;
	st->mask = FIRST_SLOTS - 1;
	st->index = calloc(FIRST_SLOTS, sizeof(*st->index));
	if (!st->index || !frames_init(&st->frames) || !vec_push(&st->nodes, ((struct stack_node){0}))) {
		stacks_deinit(st);
		return err_nomem();
	}
	st->deep = frames_named(&st->frames, "(deep)");
	return NULL;
}

void stacks_deinit(struct stacks *st)
{
	frames_deinit(&st->frames);
	vec_free(&st->nodes);
	free(st->index);
	st->index = NULL;
}

static uint64_t hash(uint32_t from, uint32_t place)
{
	uint64_t h = ((uint64_t)from << 32 | place) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static struct stack_edge *find(const struct stacks *st, uint32_t from, uint32_t place)
{
	for (uint64_t i = hash(from, place);; i++) {
		struct stack_edge *e = &st->index[i & st->mask];
		if (!e->place || (e->from == from && e->place == place))
			return e;
	}
}

static bool grow(struct stacks *st)
{
	struct stack_edge *old = st->index;
	uint64_t n = st->mask + 1;
	if (st->used * 3 < n * 2)
		return true;
	struct stack_edge *bigger = n > SIZE_MAX / 2 / sizeof(*old) ? NULL : calloc((size_t)n * 2, sizeof(*old));
	if (!bigger)
		return false;
	st->index = bigger;
	st->mask = n * 2 - 1;
	for (uint64_t i = 0; i < n; i++)
		if (old[i].place)
			*find(st, old[i].from, old[i].place) = old[i];
	free(old);
	return true;
}

static void remember(struct stacks *st, uint32_t from, uint32_t place, uint32_t to)
{
	if (!grow(st)) {
		st->failed = true;
		return;
	}
	*find(st, from, place) = (struct stack_edge){from, place, to};
	st->used++;
}

/* The child with this place, as it is. */
static uint32_t child(struct stacks *st, uint32_t node, uint32_t place)
{
	const struct stack_edge *e = find(st, node, place);
	if (e->place)
		return e->to;
	struct stack_node n = {.parent = node, .place = place, .depth = st->nodes.data[node].depth + 1};
	uint32_t id = (uint32_t)st->nodes.len;
	if (st->failed || id >= INT32_MAX || !vec_push(&st->nodes, n)) {
		st->failed = true;
		return 0;
	}
	remember(st, node, place, id);
	return id;
}

/* "(deep)" right below the stack's first frame, for when there are too many stacks. */
static uint32_t overflow(struct stacks *st, uint32_t node)
{
	while (st->nodes.data[node].depth > 1)
		node = st->nodes.data[node].parent;
	return child(st, node, st->deep);
}

/* Does the stack have the place: in its last run of the same function, or beyond fold_depth anywhere? */
static bool has_place(const struct stacks *st, uint32_t node, uint32_t place)
{
	uint32_t function = place_function(&st->frames, place);
	bool anywhere = st->nodes.data[node].depth >= st->fold_depth;
	while (node) {
		const struct stack_node *n = &st->nodes.data[node];
		if (n->place == place)
			return true;
		if (!anywhere && place_function(&st->frames, n->place) != function)
			return false;
		node = n->parent;
	}
	return false;
}

uint32_t stacks_push(struct stacks *st, uint32_t node, uint32_t place)
{
	uint32_t above[DEPTH_LIMIT];
	size_t n = 0;
	const struct frame_place *at = &st->frames.places.data[place];
	if (stacks_failed(st) || st->nodes.data[node].place == st->deep || (!st->as_called && has_place(st, node, place)))
		return node;
	if (st->nodes.data[node].depth + 2 >= st->max_depth)
		return child(st, node, st->deep);
	if (st->nodes.len >= st->max_nodes && node)
		return overflow(st, node);
	/* Insert into the run of this function by line: without an order, trees have exponentially many paths. */
	while (node && !st->as_called) {
		const struct frame_place *p = &st->frames.places.data[st->nodes.data[node].place];
		if (p->function != at->function || p->line < at->line)
			break;
		above[n++] = st->nodes.data[node].place;
		node = st->nodes.data[node].parent;
	}
	node = child(st, node, place);
	while (n > 0)
		node = child(st, node, above[--n]);
	return node;
}

uint32_t stacks_end(struct stacks *st, uint32_t node, uint32_t place)
{
	if (stacks_failed(st))
		return 0;
	if (!st->as_called && st->nodes.data[node].place == place)
		return node;
	if (st->nodes.len >= 2 * st->max_nodes && node)
		node = overflow(st, node);
	return child(st, node, place);
}

uint32_t stacks_go_on(struct stacks *st, uint32_t end, uint32_t place)
{
	const struct stack_edge *e = find(st, end, place | GO_ON);
	if (e->place)
		return e->to;
	/*
	 * Where stacks_end() found the place already there, `end` is the stack before it, too; pushing the same place
	 * on its parent leads back to it.
	 */
	uint32_t node = stacks_push(st, st->nodes.data[end].parent, place);
	remember(st, end, place | GO_ON, node);
	return node;
}
