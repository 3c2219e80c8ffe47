/* SPDX-License-Identifier: MIT */
/* The views that are tables; see table_*.c for what their columns mean and how their rows are sorted. */
#ifndef WRITERS_TABLES_H
#define WRITERS_TABLES_H

#include "writers/rows.h"

struct hc_error *table_types(const struct job *job, enum table_form form) HC_MUST_CHECK;
struct hc_error *table_roots(const struct job *job, enum table_form form) HC_MUST_CHECK;
struct hc_error *table_goroutines(const struct job *job, enum table_form form) HC_MUST_CHECK;
struct hc_error *table_memory(const struct job *job, enum table_form form) HC_MUST_CHECK;
struct hc_error *table_nodes(const struct job *job, enum table_form form) HC_MUST_CHECK;
struct hc_error *table_edges(const struct job *job, enum table_form form) HC_MUST_CHECK;

/* The same as views of text. */
view_fn text_types, text_roots, text_goroutines, text_memory, text_nodes, text_edges;

#endif
