/* SPDX-License-Identifier: MIT */
/* Paths to the target, for the views that show them. */
#ifndef WRITERS_QUERY_PATHS_H
#define WRITERS_QUERY_PATHS_H

#include "base/map.h"
#include "writers/query.h"

enum { PATHS_SHOWN = 10, PATHS_SEARCHED = 1000, DEPTH_SHOWN = 60 };

struct shown_path {
	struct hc_path path;
	uint64_t alike; /* others by the same types and fields, as far as was searched */
};

struct query_paths {
	struct query q;
	struct hc_paths *paths;
	uint64_t max;   /* --top */
	uint64_t kinds; /* of paths that were found */
	VEC(struct shown_path) shown; /* at most max */
};

struct hc_error *query_paths_open(const struct job *job, struct query_paths *p) HC_MUST_CHECK;
void query_paths_close(struct query_paths *p);

/* "0xc000010000 main.Node, retains 1.2 MiB", or how many there are. */
void query_put_target(const struct query *q, struct hc_sink *k);
/* Each path on at most about `depth` lines. */
struct hc_error *query_put_paths(const struct query_paths *p, uint64_t depth, struct hc_sink *k) HC_MUST_CHECK;
/* All roots that reach the target, the nearest ones by name. */
struct hc_error *query_put_anchors(const struct query_paths *p, struct hc_sink *k) HC_MUST_CHECK;

#endif
