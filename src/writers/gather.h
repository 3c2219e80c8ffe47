/* SPDX-License-Identifier: MIT */
/* Sums over the snapshot as stacks: the views that stack formats (pprof, folded) share. */
#ifndef WRITERS_GATHER_H
#define WRITERS_GATHER_H

#include "writers/classes.h"
#include "writers/stacks.h"
#include "writers/writer.h"

struct gathered {
	struct stacks st;
	struct classes classes;
	const char *const (*values)[2]; /* type and unit of each of STACK_VALUES; NULL type: not used */
	unsigned nvalues;
	bool profile;
	const char *about; /* what frames and values mean, one line */
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
/* `goroutines`: call stacks under what each goroutine is doing. */
struct hc_error *gather_goroutines(const struct job *job, bool profile, struct gathered *g) HC_MUST_CHECK;
void gathered_free(struct gathered *g);

#endif
