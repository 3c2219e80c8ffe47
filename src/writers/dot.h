/* SPDX-License-Identifier: MIT */
/*
 * Pieces of DOT files. Graphs are small: `dot` takes seconds for a few hundred nodes of a general graph, minutes for a
 * thousand. All text is quoted and free of what graphviz would expand; nothing but boxes and their like is used.
 */
#ifndef WRITERS_DOT_H
#define WRITERS_DOT_H

#include "writers/query.h"

enum { DOT_LABEL = 60, DOT_TOOLTIP = 1000 };

/* `about`: a comment on top, and the graph's title. */
void dot_begin(struct hc_sink *k, const char *about, bool tree);
void dot_end(struct hc_sink *k);
/* Inside of quotes: escaped, and cut to max characters in the middle. */
void dot_text(struct hc_sink *k, const char *text, size_t max);

struct dot_node {
	const char *name; /* type or variable: first line, whole as a tooltip */
	const char *more; /* further lines, separated by \n; may be empty */
	const char *shape;
	uint64_t weight, whole; /* for the colour */
	bool target, red;
};
void dot_node(struct hc_sink *k, const char *id, const struct dot_node *n);
struct dot_edge {
	const char *label;
	const char *head; /* at the arrow; "" none */
	uint64_t weight, whole; /* for the width */
	bool dashed, red;
};
void dot_edge(struct hc_sink *k, const char *from, const char *to, const struct dot_edge *e);

/* "o0xc000010000" or "r12". */
void dot_id(const struct hc_snapshot *s, hc_node node, char *buf, size_t size);
const char *dot_shape(const struct hc_snapshot *s, hc_node node);
/* A node with its size and what it retains; red where it has a finalizer or cleanup, or is kept by one. */
void dot_put_object(struct hc_sink *k, const struct hc_snapshot *s, hc_node node, bool target);

#endif
