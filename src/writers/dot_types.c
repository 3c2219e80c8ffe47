/* SPDX-License-Identifier: MIT */
/* `types` as a graph: the types that keep most, and how often objects of one refer to objects of another. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "writers/dot.h"
#include "writers/text.h"
#include "writers/typesums.h"

/* General graphs take `dot` seconds from 200 nodes on; edges cost most. */
enum { TYPES_TOP = 40, TYPES_MAX = 100, EDGES_PER_TYPE_HALVES = 3 };

static int by_retained(const void *ap, const void *bp)
{
	const struct type_sum *a = ap, *b = bp;
	if (a->retained != b->retained)
		return a->retained > b->retained ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->class < b->class ? -1 : a->class > b->class;
}

/* What live objects of each class occupy and keep. The array is the caller's to free. */
static struct hc_error *sum(const struct job *job, struct type_sum **ret, uint32_t *n)
{
	struct gathered g;
	struct hc_error *err = gather_retained(job, false, &g);
	if (err)
		return err;
	err = type_sums(&g, NULL, ret, n);
	gathered_free(&g);
	return err;
}

struct arrow {
	uint64_t references;
	uint32_t from, to; /* positions in the list; from == count: roots */
};

static int by_references(const void *ap, const void *bp)
{
	const struct arrow *a = ap, *b = bp;
	if (a->references != b->references)
		return a->references > b->references ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

/*
 * References between the chosen types, and from roots (the last row), in a matrix. `chosen`: by class, position plus 1.
 */
static struct hc_error *count_references(const struct hc_snapshot *s, const uint8_t *chosen, uint32_t classes,
                                         uint32_t n,
                                         struct arrow *matrix)
{
	hc_node limit = hc_object_limit(s);
	uint8_t *of = big_alloc((uint64_t)limit + 1);
	struct hc_edge_iter it;
	struct hc_edge e;
	struct hc_object o;
	if (!of)
		return err_nomem();
	for (hc_node i = hc_object_next(s, 0, true); i != HC_NODE_NONE; i = hc_object_next(s, i + 1, true)) {
		uint32_t class = hc_object_get(s, i, &o) ? hc_object_class(s, &o) : classes;
		of[i] = class < classes ? chosen[class] : 0;
	}
	for (hc_node i = hc_object_next(s, 0, true); i != HC_NODE_NONE; i = hc_object_next(s, i + 1, true)) {
		if (!of[i])
			continue;
		hc_edges(s, i, &it);
		while (hc_edge_next(&it, &e))
			if (e.target < limit && of[e.target])
				matrix[(of[i] - 1u) * n + of[e.target] - 1u].references++;
	}
	for (uint32_t i = 0; i < hc_root_count(s); i++) {
		hc_edges(s, limit + i, &it);
		while (hc_edge_next(&it, &e))
			if (e.target < limit && of[e.target])
				matrix[n * n + of[e.target] - 1u].references++;
	}
	big_free(of, (uint64_t)limit + 1);
	return NULL;
}

static void put_type(const struct job *job, uint32_t i, const struct type_sum *t)
{
	char id[32], more[256], a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER];
	struct hc_class class = hc_class_at(job->s, t->class);
	snprintf(id, sizeof(id), "t%" PRIu32, i);
	snprintf(more, sizeof(more), "%s objects, %s\nretain %s", text_count(a, t->objects), text_bytes(b, t->bytes),
	         text_bytes(c, t->retained));
	struct dot_node n = {class.name, more, "note", t->retained, hc_snapshot_info(job->s)->live_bytes, false, false};
	dot_node(job->sink, id, &n);
}

/* The heaviest arrows, and for each type without one among these its heaviest incoming one. */
static void put_arrows(const struct job *job, struct arrow *matrix, uint32_t n)
{
	char from[32], to[32], label[TEXT_NUMBER];
	uint64_t most = 0, budget = (uint64_t)n * EDGES_PER_TYPE_HALVES / 2 + 1;
	bool reached[TYPES_MAX] = {false}, roots = false;
	for (uint32_t i = 0; i < (n + 1) * n; i++) {
		matrix[i].from = i / n;
		matrix[i].to = i % n;
	}
	qsort(matrix, (size_t)(n + 1) * n, sizeof(*matrix), by_references);
	most = n ? matrix[0].references : 0;
	for (uint32_t i = 0, used = 0; i < (n + 1) * n && matrix[i].references; i++) {
		const struct arrow *a = &matrix[i];
		if (used >= budget && (reached[a->to] || a->from == a->to))
			continue;
		used++;
		reached[a->to] |= a->from != a->to;
		roots |= a->from == n;
		snprintf(from, sizeof(from), a->from == n ? "roots" : "t%" PRIu32, a->from);
		snprintf(to, sizeof(to), "t%" PRIu32, a->to);
		struct dot_edge e = {text_count(label, a->references), "", a->references, most, false, false};
		dot_edge(job->sink, from, to, &e);
	}
	struct dot_node root = {"roots", "variables, stacks, runtime", "hexagon", 0, 0, false, false};
	if (roots)
		dot_node(job->sink, "roots", &root);
}

static struct hc_error *put_graph(const struct job *job, const struct type_sum *list, uint32_t classes, uint32_t n)
{
	uint8_t *chosen = calloc((size_t)classes + 1, 1);
	struct arrow *matrix = calloc((size_t)(n + 1) * n + 1, sizeof(*matrix));
	struct hc_error *err = chosen && matrix ? NULL : err_nomem();
	for (uint32_t i = 0; i < n && !err; i++)
		chosen[list[i].class] = (uint8_t)(i + 1);
	if (!err)
		err = count_references(job->s, chosen, classes, n, matrix);
	if (!err) {
		for (uint32_t i = 0; i < n; i++)
			put_type(job, i, &list[i]);
		put_arrows(job, matrix, n);
	}
	free(chosen);
	free(matrix);
	return err;
}

struct hc_error *dot_types(const struct job *job)
{
	uint32_t classes = hc_class_count(job->s), n = 0, all = 0;
	uint64_t top = job->opts.top ? job->opts.top : TYPES_TOP;
	char about[256];
	struct type_sum *list;
	struct hc_error *err = sum(job, &list, &n);
	if (err)
		return err;
	if (n > classes) /* the last one is for objects of no class */
		n = classes;
	qsort(list, n, sizeof(*list), by_retained);
	while (all < n && list[all].objects)
		all++;
	top = top < TYPES_MAX ? top : TYPES_MAX;
	n = all < top ? all : (uint32_t)top;
	snprintf(about, sizeof(about),
	         "%" PRIu32 " of %" PRIu32 " types, by what their objects retain; on the arrows: references", n, all);
	dot_begin(job->sink, about, false);
	err = put_graph(job, list, classes, n);
	dot_end(job->sink);
	free(list);
	return err;
}
