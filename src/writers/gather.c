/* SPDX-License-Identifier: MIT */
#include "writers/gather.h"

#include <stdio.h>

#include "base/pool.h"
#include "writers/roots.h"

/* Different stacks kept at most, so that they cost less than 20 bytes per object: ordinary heaps have far fewer. */
enum { NODES_MIN = 1 << 20, OBJECTS_PER_NODE = 4 };

static const char *const object_values[STACK_VALUES][2] = {
	{"inuse_objects", "count"}, {"pointers", "count"}, {"slack_space", "bytes"}, {"inuse_space", "bytes"}};
static const char *const goroutine_values[STACK_VALUES][2] = {
	{"goroutines", "count"}, {"stack_space", "bytes"}, {"inuse_space", "bytes"}};

static struct hc_error *gather_init(const struct job *job, bool lines, struct gathered *g)
{
	uint64_t objects = hc_snapshot_info(job->s)->objects;
	*g = (struct gathered){0};
	struct hc_error *err = stacks_init(&g->st, job->opts.depth, NODES_MIN + objects / OBJECTS_PER_NODE);
	if (err)
		return err;
	err = classes_init(&g->classes, job->s, &g->st.frames, lines);
	if (err)
		stacks_deinit(&g->st);
	return err;
}

void gathered_free(struct gathered *g)
{
	classes_deinit(&g->classes);
	stacks_deinit(&g->st);
}

static struct hc_error *gather_end(struct gathered *g, struct hc_error *err)
{
	if (!err && (g->st.failed || g->st.frames.failed))
		err = err_nomem();
	if (err)
		gathered_free(g);
	return err;
}

/* References that an object holds to others, the same object counted each time. */
static uint64_t count_pointers(const struct hc_snapshot *s, const struct hc_object *o)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	uint64_t n = 0;
	if (o->flags & HC_OBJ_NOSCAN)
		return 0;
	hc_edges(s, o->node, &it);
	while (hc_edge_next(&it, &e))
		n++;
	return n;
}

static void add_object(struct gathered *g, uint32_t node, const struct hc_object *o)
{
	struct stack_node *n = &g->st.nodes.data[node];
	n->count++;
	n->value[VALUE_POINTERS] += count_pointers(g->classes.s, o);
	n->value[VALUE_SLACK] += o->slot_size > o->used ? o->slot_size - o->used : 0;
	n->value[VALUE_SPACE] += o->slot_size;
}

/* Objects that `seen` (by node; NULL: none) has no stack for, by class below the given stack. */
static void add_flat(struct gathered *g, const struct hc_snapshot *s, uint32_t base, const uint32_t *seen, bool live_only)
{
	struct hc_object o;
	for (hc_node n = hc_object_next(s, 0, live_only); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, live_only)) {
		if (seen && seen[n])
			continue;
		if (hc_object_get(s, n, &o))
			add_object(g, stacks_end(&g->st, base, classes_end(&g->classes, hc_object_class(s, &o))), &o);
	}
}

struct walk {
	struct gathered *g;
	struct roots roots;
	uint32_t *end;   /* by node: the stack that ends with the object; 0: not reached */
	uint32_t limit;  /* of objects' numbers */
};

/* Adds an object below its dominator's stack. */
static void walk_step(struct walk *w, const struct hc_snapshot *s, const struct hc_dom_step *d)
{
	struct gathered *g = w->g;
	struct hc_object o;
	uint32_t base;

	if (d->node >= w->limit || !hc_object_get(s, d->node, &o))
		return; /* roots come in when something hangs on them */
	uint32_t over = d->dominator < w->limit ? w->end[d->dominator] : 0;
	if (over) {
		uint32_t class = g->st.frames.functions.data[place_function(&g->st.frames, g->st.nodes.data[over].place)].class;
		base = stacks_go_on(&g->st, over, classes_field(&g->classes, class, d->via));
	} else {
		base = roots_stack(&w->roots, d->dominator < w->limit ? 0 : d->dominator - w->limit);
	}
	uint32_t end = stacks_end(&g->st, base, classes_end(&g->classes, hc_object_class(s, &o)));
	w->end[d->node] = end;
	add_object(g, end, &o);
}

static struct hc_error *walk_dominators(struct walk *w, const struct hc_snapshot *s, dom_visit_fn *visit, void *ctx)
{
	struct hc_dom_iter it;
	struct hc_dom_step d;
	struct hc_error *err = hc_dom_begin(s, &it);
	if (err)
		return err;
	while (!w->g->st.failed && hc_dom_next(&it, &d)) {
		walk_step(w, s, &d);
		if (visit)
			visit(ctx, &d);
	}
	hc_dom_end(&it);
	return NULL;
}

/* What the samples add up to is what the ledger has: if not, one of them is wrong, and the user should know. */
static void check_sums(const struct job *job, const struct gathered *g)
{
	const struct hc_info *info = hc_snapshot_info(job->s);
	uint64_t objects = 0, bytes = 0;
	for (size_t i = 0; i < g->st.nodes.len; i++) {
		objects += g->st.nodes.data[i].count;
		bytes += g->st.nodes.data[i].value[VALUE_SPACE];
	}
	if (objects != info->objects || bytes != info->object_bytes)
		job_say(job, HC_SEV_WARNING,
		        "view retained: objects add up to %llu of %llu, bytes to %llu of %llu; please report this",
		        (unsigned long long)objects, (unsigned long long)info->objects, (unsigned long long)bytes,
		        (unsigned long long)info->object_bytes);
}

struct hc_error *gather_retained(const struct job *job, bool lines, struct gathered *g)
{
	return gather_dominators(job, lines, NULL, NULL, g);
}

struct hc_error *gather_dominators(const struct job *job, bool lines, dom_visit_fn *visit, void *ctx, struct gathered *g)
{
	struct walk w = {.g = g, .limit = hc_object_limit(job->s)};
	struct hc_error *err = gather_init(job, lines, g);
	if (err)
		return err;
	g->values = object_values;
	g->nvalues = STACK_VALUES;
	g->st.weight = 1 + VALUE_SPACE;
	g->about = "frames dominate what follows; flat: objects of the type, cum: freed with them (retained)";
	w.end = big_alloc((uint64_t)w.limit * sizeof(*w.end));
	err = w.end ? roots_init(&w.roots, job->s, &g->st, g->classes.listing) : err_nomem();
	if (!err) {
		err = walk_dominators(&w, job->s, visit, ctx);
		roots_deinit(&w.roots);
	}
	const struct hc_info *info = hc_snapshot_info(job->s);
	if (!err && info->objects != info->live_objects) {
		g->unreachable = stacks_push(&g->st, 0, frames_named(&g->st.frames, "(unreachable)"));
		add_flat(g, job->s, g->unreachable, w.end, false);
	}
	big_free(w.end, (uint64_t)w.limit * sizeof(*w.end));
	err = gather_end(g, err);
	if (!err)
		check_sums(job, g);
	return err;
}

struct hc_error *gather_types(const struct job *job, bool lines, struct gathered *g)
{
	struct hc_error *err = gather_init(job, lines, g);
	if (err)
		return err;
	g->values = object_values;
	g->nvalues = STACK_VALUES;
	g->st.weight = 1 + VALUE_SPACE;
	g->about = job->opts.garbage ? "one frame per type; unreachable objects included" : "one frame per type; live objects";
	add_flat(g, job->s, 0, NULL, !job->opts.garbage);
	return gather_end(g, NULL);
}

/* What a goroutine is doing, as a frame: "(chan receive)", "(running)". */
static uint32_t state_place(struct gathered *g, const struct hc_goroutine *go)
{
	char text[128];
	snprintf(text, sizeof(text), "(%s)", *go->wait_reason ? go->wait_reason : go->state);
	return frames_named(&g->st.frames, text);
}

struct hc_error *gather_goroutines(const struct job *job, bool lines, struct gathered *g)
{
	struct roots roots;
	struct hc_error *err = gather_init(job, lines, g);
	if (err)
		return err;
	g->values = goroutine_values;
	g->nvalues = 3;
	g->st.weight = 0;
	g->about = "frames are call stacks under what goroutines wait for; inuse_space: heap that each alone keeps (retained)";
	err = roots_init(&roots, job->s, &g->st, g->classes.listing);
	if (err)
		return gather_end(g, err);
	uint32_t n = hc_goroutine_count(job->s);
	uint64_t *retained = calloc((size_t)n + 1, sizeof(*retained));
	for (uint32_t i = 0; retained && i < hc_root_count(job->s); i++) {
		struct hc_root root = hc_root_at(job->s, i);
		if (root.kind == HC_ROOT_GOROUTINE && root.goroutine < n)
			retained[root.goroutine] = hc_retained(job->s, root.node);
	}
	for (uint32_t i = 0; retained && i < n; i++) {
		struct hc_goroutine go = hc_goroutine_at(job->s, i);
		uint32_t base = stacks_push(&g->st, 0, state_place(g, &go));
		uint32_t end = roots_call_stack(&roots, base, &go);
		struct stack_node *node = &g->st.nodes.data[end];
		node->count++;
		node->value[0] += go.stack_bytes;
		node->value[1] += retained[i];
	}
	roots_deinit(&roots);
	err = retained ? NULL : err_nomem();
	free(retained);
	return gather_end(g, err);
}
