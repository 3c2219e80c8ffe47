/* SPDX-License-Identifier: MIT */
#include "writers/gather.h"

#include <stdio.h>

#include "base/pool.h"
#include "writers/roots.h"

/* Different stacks kept at most, so that they cost less than 20 bytes per object: ordinary heaps have far fewer. */
enum { NODES_MIN = 1 << 20, OBJECTS_PER_NODE = 4, BATCH = 32 };

static const char *const object_values[STACK_VALUES][2] = {
	{"inuse_objects", "count"}, {"pointers", "count"}, {"slack_space", "bytes"}, {"inuse_space", "bytes"}};
static const char *const space[2] = {"space", "bytes"};

struct hc_error *gather_init(const struct job *job, bool profile, struct gathered *g)
{
	uint64_t objects = hc_snapshot_info(job->s)->objects;
	*g = (struct gathered){.profile = profile, .values = object_values, .nvalues = STACK_VALUES, .period = space};
	struct hc_error *err = stacks_init(&g->st, job->opts.depth, NODES_MIN + objects / OBJECTS_PER_NODE);
	if (err)
		return err;
	g->st.weight = 1 + VALUE_SPACE;
	err = classes_init(&g->classes, job->s, &g->st.frames, profile);
	if (err)
		stacks_deinit(&g->st);
	return err;
}

void gathered_free(struct gathered *g)
{
	classes_deinit(&g->classes);
	stacks_deinit(&g->st);
	vec_free(&g->labels);
	map_free(&g->label_sets);
}

struct hc_error *gather_end(struct gathered *g, struct hc_error *err)
{
	if (!err && stacks_failed(&g->st))
		err = err_nomem();
	if (err)
		gathered_free(g);
	return err;
}

static void add_object(struct gathered *g, uint32_t node, const struct hc_object *o)
{
	struct stack_node *n = &g->st.nodes.data[node];
	n->count++;
	n->value[VALUE_SLACK] += o->slot_size > o->used ? o->slot_size - o->used : 0;
	n->value[VALUE_SPACE] += o->slot_size;
	if (g->profile && !(o->flags & HC_OBJ_NOSCAN)) /* references to others, the same object counted each time */
		n->value[VALUE_POINTERS] += hc_edge_count(g->classes.s, o->node);
}

/* The stack of an object that hangs on no other's, by its class. */
static uint32_t flat_stack(struct gathered *g, uint32_t base, const struct hc_object *o)
{
	return stacks_end(&g->st, base, classes_end(&g->classes, hc_object_class(g->classes.s, o)));
}

/*
 * Objects are looked at in order of address before and after the walk over the tree, which takes them in an
 * order that is random in memory: all it touches of them is this array.
 */
struct walk {
	struct gathered *g;
	struct roots roots;
	uint32_t *end;  /* by node: the stack that ends with the object; before that, its class | NOT_WALKED */
	uint32_t limit; /* of objects' numbers */
};
#define NOT_WALKED (UINT32_C(1) << 31)

static void load_classes(struct walk *w, const struct hc_snapshot *s)
{
	struct hc_object o;
	for (hc_node n = hc_object_next(s, 0, true); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, true))
		if (hc_object_get(s, n, &o))
			w->end[n] = hc_object_class(s, &o) | NOT_WALKED;
}

/* The stack that leads to an object: that of its dominator (or what refers to it), by the field that leads on. */
static uint32_t base_of(struct walk *w, const struct hc_dom_step *d)
{
	struct gathered *g = w->g;
	if (d->dominator >= w->limit)
		return roots_stack(&w->roots, d->dominator - w->limit);
	uint32_t over = w->end[d->dominator];
	if (!over || over & NOT_WALKED)
		return roots_stack(&w->roots, 0);
	uint32_t class = g->st.frames.functions.data[place_function(&g->st.frames, g->st.nodes.data[over].place)].class;
	return stacks_go_on(&g->st, over, classes_field(&g->classes, class, d->via));
}

/* The tree that is walked: of dominators, or of shortest paths, where the "dominator" is what comes before on the path. */
struct tree {
	bool paths;
	struct hc_dom_iter dom;
	struct hc_bfs_iter bfs;
};

static bool tree_next(struct tree *t, struct hc_dom_step *ret)
{
	struct hc_bfs_step step;
	if (!t->paths)
		return hc_dom_next(&t->dom, ret);
	if (!hc_bfs_next(&t->bfs, &step))
		return false;
	*ret = (struct hc_dom_step){step.node, step.from, step.via};
	return true;
}

/* Takes the next steps, with what they need on its way into the caches; returns their number. */
static unsigned next_batch(const struct walk *w, struct tree *t, struct hc_dom_step *d)
{
	unsigned n = 0;
	for (; n < BATCH && tree_next(t, &d[n]); n++) {
		if (d[n].node < w->limit)
			__builtin_prefetch(&w->end[d[n].node], 1);
		if (d[n].dominator < w->limit)
			__builtin_prefetch(&w->end[d[n].dominator]);
	}
	return n;
}

static struct hc_error *walk_tree(struct walk *w, const struct hc_snapshot *s, bool paths, dom_visit_fn *visit, void *ctx)
{
	struct gathered *g = w->g;
	struct tree tree = {.paths = paths};
	struct hc_dom_step d[BATCH];
	struct hc_error *err = paths ? hc_bfs_begin(s, &tree.bfs) : hc_dom_begin(s, &tree.dom);
	if (err)
		return err;
	for (unsigned n; !stacks_failed(&g->st) && (n = next_batch(w, &tree, d)) > 0;) {
		for (unsigned i = 0; i < n; i++) {
			if (visit)
				visit(ctx, &d[i]);
			/* Roots come in when something hangs on them. */
			if (d[i].node >= w->limit || !(w->end[d[i].node] & NOT_WALKED))
				continue;
			uint32_t class = w->end[d[i].node] & ~NOT_WALKED;
			w->end[d[i].node] = stacks_end(&g->st, base_of(w, &d[i]), classes_end(&g->classes, class));
		}
	}
	if (paths)
		hc_bfs_end(&tree.bfs);
	else
		hc_dom_end(&tree.dom);
	return NULL;
}

/* Adds all objects to their stacks; those that the walk did not come to, by class, to "(unreachable)". */
static void add_objects(struct walk *w, const struct hc_snapshot *s)
{
	struct gathered *g = w->g;
	struct hc_object o;
	for (hc_node n = hc_object_next(s, 0, false); n != HC_NODE_NONE && !stacks_failed(&g->st);
	     n = hc_object_next(s, n + 1, false)) {
		uint32_t end = w->end[n];
		if (!hc_object_get(s, n, &o))
			continue;
		if (!end || end & NOT_WALKED) {
			if (!g->unreachable)
				g->unreachable = stacks_push(&g->st, 0, frames_named(&g->st.frames, "(unreachable)"));
			end = flat_stack(g, g->unreachable, &o);
		}
		add_object(g, end, &o);
	}
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
		        "view %s: objects add up to %llu of %llu, bytes to %llu of %llu; please report this",
		        job->view, (unsigned long long)objects, (unsigned long long)info->objects, (unsigned long long)bytes,
		        (unsigned long long)info->object_bytes);
}

static struct hc_error *gather_tree(const struct job *job, bool profile, bool paths, dom_visit_fn *visit, void *ctx,
                                    struct gathered *g)
{
	struct walk w = {.g = g, .limit = hc_object_limit(job->s)};
	struct hc_error *err = gather_init(job, profile, g);
	if (err)
		return err;
	g->about = paths ? "shortest paths from roots; flat: objects of the type, cum: reached first by way of it"
	                 : "frames dominate what follows; flat: objects of the type, cum: freed with them (retained)";
	w.end = big_alloc((uint64_t)w.limit * sizeof(*w.end));
	err = w.end ? roots_init(&w.roots, job->s, &g->st, g->classes.listing) : err_nomem();
	if (!err) {
		load_classes(&w, job->s);
		err = walk_tree(&w, job->s, paths, visit, ctx);
		if (!err)
			add_objects(&w, job->s);
		roots_deinit(&w.roots);
	}
	big_free(w.end, (uint64_t)w.limit * sizeof(*w.end));
	err = gather_end(g, err);
	if (!err)
		check_sums(job, g);
	return err;
}

struct hc_error *gather_retained(const struct job *job, bool profile, struct gathered *g)
{
	return gather_tree(job, profile, false, NULL, NULL, g);
}

struct hc_error *gather_dominators(const struct job *job, bool profile, dom_visit_fn *visit, void *ctx,
                                   struct gathered *g)
{
	return gather_tree(job, profile, false, visit, ctx, g);
}

struct hc_error *gather_paths(const struct job *job, bool profile, struct gathered *g)
{
	return gather_tree(job, profile, true, NULL, NULL, g);
}

struct hc_error *gather_types(const struct job *job, bool profile, struct gathered *g)
{
	struct hc_error *err = gather_init(job, profile, g);
	if (err)
		return err;
	g->about = job->opts.garbage ? "one frame per type, unreachable objects included" : "one frame per type";
	struct hc_object o;
	bool live_only = !job->opts.garbage;
	for (hc_node n = hc_object_next(job->s, 0, live_only); n != HC_NODE_NONE;
	     n = hc_object_next(job->s, n + 1, live_only))
		if (hc_object_get(job->s, n, &o))
			add_object(g, flat_stack(g, 0, &o), &o);
	return gather_end(g, NULL);
}
