/* SPDX-License-Identifier: MIT */
/* What the views of certain objects share: the target, and names of nodes and references for people. */
#ifndef WRITERS_QUERY_H
#define WRITERS_QUERY_H

#include "base/vec.h"
#include "writers/writer.h"

enum { QUERY_TEXT = 512 }; /* bytes of names, cut */

struct query {
	const struct hc_snapshot *s;
	struct hc_set *target;
	struct hc_target_field field;
	struct hc_referrers *refs;
	hc_node limit; /* nodes below are objects */
};

/* Finds the target and makes the references backwards; `fields`: the target may name a field. */
struct hc_error *query_open(const struct job *job, bool fields, struct query *q) HC_MUST_CHECK;
void query_close(struct query *q);

/* "main.Node", "main.cache", "main.worker.head (goroutine 17)": clean text. */
void query_name(const struct hc_snapshot *s, hc_node node, char *buf, size_t size);
/* "0xc000010000" for objects and variables; "" for roots without a region. */
void query_address(const struct hc_snapshot *s, hc_node node, char *buf, size_t size);
/*
 * Where a pointer is in a node: ".next", "[3].name", "[\"key\"]" for a map's; "" unknown. `exact`: with indexes and
 * keys.
 */
void query_hop(const struct hc_snapshot *s, hc_node node, uint64_t offset, bool exact, char *buf, size_t size);
/* Kind of a root: "variable", "local variable", "goroutine", ... */
const char *query_root_kind(enum hc_root_kind kind);
/* What there is to say of a root besides its name: kind, goroutine's state, function, file:line. */
void query_root_about(const struct hc_snapshot *s, hc_node node, char *buf, size_t size);
/* "", or why only a finalizer or cleanup keeps it. */
const char *query_kept(const struct hc_snapshot *s, hc_node node);

/* The object of the target that retains most (a garbage one if there are no others), else its first root. */
hc_node query_biggest(const struct query *q);
bool query_is_live(const struct hc_snapshot *s, hc_node node);

/* The views; formats' tables name them. */
view_fn text_object, text_paths, text_owners, text_retained;
view_fn dot_paths, dot_owners, dot_retained, dot_types;
view_fn csv_paths, csv_owners;

/* The fields of a node with their values (query_fields.c). */
struct hc_error *query_put_fields(const struct hc_snapshot *s, struct hc_sink *k, hc_node node) HC_MUST_CHECK;

#endif
