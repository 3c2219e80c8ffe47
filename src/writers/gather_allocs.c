/* SPDX-License-Identifier: MIT */
/*
 * `allocs`: where the objects that are still there were allocated, which /debug/pprof/heap would have said, but of live
 * objects, and down to their types. Only sampled objects are known to the memory profile; each stands for as many as
 * runtime/pprof reckons (scaleHeapSample in runtime/pprof/protomem.go): one of s bytes is sampled with the probability
 * 1 - exp(-s / rate).
 */
#include <math.h>

#include "writers/gather.h"

enum { SITE_MAX = 1024, FRACTION = 8, OBJECTS = 0, SPACE = 1 };

static const char *const values[STACK_VALUES][2] = {
	{"samples", "count"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}};
static const char *const space[2] = {"space", "bytes"};

/* The stack of the calls that allocated an object, its type at the end. */
static uint32_t site_stack(struct gathered *g, const struct hc_object *o, struct hc_line *line)
{
	struct frames *f = &g->st.frames;
	size_t n = hc_object_site(g->classes.s, o->node, line, SITE_MAX);
	uint32_t stack = o->flags & HC_OBJ_LIVE ? 0 : stacks_push(&g->st, 0, frames_named(f, "(unreachable)"));
	for (size_t i = n; i-- > 0;) {
		uint32_t function = frames_function(f, line[i].function, g->profile ? line[i].file : "");
		stack = stacks_push(&g->st, stack,
		                    frames_place(f, function, g->profile && line[i].line > 0 ? (uint32_t)line[i].line : 0));
	}
	return stacks_end(&g->st, stack, classes_end(&g->classes, hc_object_class(g->classes.s, o)));
}

static void add_sample(struct gathered *g, uint32_t node, uint64_t size, uint64_t rate)
{
	struct stack_node *n = &g->st.nodes.data[node];
	double stands_for = rate > 1 ? -1 / expm1(-(double)size / (double)rate) : 1;
	n->count++;
	n->value[OBJECTS] += (uint64_t)(stands_for * (1 << FRACTION) + 0.5);
	n->value[SPACE] += (uint64_t)(stands_for * (double)size + 0.5);
}

struct hc_error *gather_allocs(const struct job *job, bool profile, struct gathered *g)
{
	struct hc_error *err = gather_init(job, profile, g);
	if (err)
		return err;
	struct hc_line *line = malloc(SITE_MAX * sizeof(*line));
	struct hc_object o;
	uint64_t rate = hc_profile_rate(job->s), samples = 0;
	bool live_only = !job->opts.garbage;
	g->values = values;
	g->nvalues = 3;
	g->period = space;
	g->period_value = rate;
	g->st.weight = 1 + SPACE;
	g->about = live_only ? "calls that allocated what is live; objects and bytes estimated from the sampled ones"
	                     : "calls that allocated what is there; objects and bytes estimated from the sampled ones";
	for (hc_node n = line ? hc_object_next(job->s, 0, live_only) : HC_NODE_NONE; n != HC_NODE_NONE;
	     n = hc_object_next(job->s, n + 1, live_only)) {
		if (!hc_object_get(job->s, n, &o) || !(o.flags & HC_OBJ_SAMPLED))
			continue;
		add_sample(g, site_stack(g, &o, line), o.slot_size, rate);
		samples++;
	}
	for (size_t i = 0; i < g->st.nodes.len; i++) {
		uint64_t *objects = &g->st.nodes.data[i].value[OBJECTS];
		*objects = (*objects + (1 << (FRACTION - 1))) >> FRACTION;
	}
	if (!samples)
		job_say(job, HC_SEV_WARNING, "view %s: no object is sampled: the memory profile is off in programs that do not "
		        "import runtime/pprof or net/http/pprof", job->view);
	err = line ? NULL : err_nomem();
	free(line);
	return gather_end(g, err);
}
