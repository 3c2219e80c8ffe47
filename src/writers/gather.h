/* SPDX-License-Identifier: MIT */
/* Sums over the snapshot as stacks: the views that stack formats (pprof, folded) share. */
#ifndef WRITERS_GATHER_H
#define WRITERS_GATHER_H

#include "writers/classes.h"
#include "writers/stacks.h"
#include "writers/writer.h"

/* Facts about a sample besides its stack; numbers are in the stacks' strings. */
struct sample_label {
	uint32_t key, text; /* key 0: the end of a set; text 0: a number */
	uint32_t unit;
	int64_t number;
};

struct gathered {
	struct stacks st;
	struct classes classes;
	const char *const (*values)[2]; /* type and unit of each of STACK_VALUES; NULL type: not used */
	unsigned nvalues;
	const char *const *period; /* type and unit, as in the runtime's own profiles of the kind */
	uint64_t period_value;     /* 0: 1 */
	bool profile;
	const char *about; /* what frames and values mean, one line */
	/* Views with labels: a stack's outermost frame stands for a set of labels. Function -> its first one. */
	VEC(struct sample_label) labels;
	struct map label_sets;
	uint32_t unreachable; /* the stack "(unreachable)"; 0: there is none */
};

/* Sees every step of the walk over the dominator tree, for what can be had from it besides. */
typedef void dom_visit_fn(void *ctx, const struct hc_dom_step *step);

/* The views below; `profile`: tell fields and source lines apart, with files, and count pointers. */
typedef struct hc_error *gather_fn(const struct job *job, bool profile, struct gathered *g);

/* Values of the views of objects. */
enum { VALUE_POINTERS, VALUE_SLACK, VALUE_SPACE }; /* index in stack_node.value; the count is of objects */

/*
 * `retained`: dominator paths. Frames are kinds of roots, variables or call stacks, then object classes; flat is what
 * objects of the class occupy, cumulative what would be freed with them. Unreachable objects are under "(unreachable)".
 */
struct hc_error *gather_retained(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
struct hc_error *gather_dominators(const struct job *job, bool profile, dom_visit_fn *visit, void *ctx,
                                   struct gathered *g) HC_MUST_CHECK;
/* `types`: one frame per object class; unreachable objects on demand. */
struct hc_error *gather_types(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
/* `paths`: the same along the shortest reference paths; cumulative is what is reached first by way of the class. */
struct hc_error *gather_paths(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
/*
 * `goroutines`: call stacks, under what each goroutine is doing; in profiles that is among its labels. Without those that the
 * runtime started for itself.
 */
struct hc_error *gather_goroutines(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
/* `allocs`: the calls that allocated the sampled objects, and their types; what each stands for is estimated. */
struct hc_error *gather_allocs(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
void gathered_free(struct gathered *g);

/* For the files that gather: sets up for object values; ends with err, or what went wrong meanwhile. */
struct hc_error *gather_init(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
struct hc_error *gather_end(struct gathered *g, struct hc_error *err) HC_MUST_CHECK;

#endif
