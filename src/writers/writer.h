/* SPDX-License-Identifier: MIT */
/*
 * Contract of the writers: a format is a name, suffixes and a table of views; a view is a function that writes one
 * answer to a sink. A new format is a file that exports a `struct format`, and a line in writer.c; a new view is a
 * line in its format's table. Writers know the public API and base only.
 */
#ifndef WRITERS_WRITER_H
#define WRITERS_WRITER_H

#include "base/diag.h"
#include "base/err.h"
#include "heapconv/heapconv.h"
#include "writers/sink.h"

struct job {
	const struct hc_snapshot *s;
	struct hc_write_opts opts; /* complete, whatever the caller's struct size was */
	struct hc_sink *sink;
	const char *view;
};

typedef struct hc_error *view_fn(const struct job *job);

struct view {
	const char *name;
	view_fn *write;
};

struct format {
	struct hc_format public; /* its `views` is the names of `views` below, in the same order */
	const struct view *views; /* ends with a NULL name */
};

extern const struct format format_pprof, format_hprof, format_csv, format_folded, format_dot, format_text;

/* Warnings and facts for the caller's log function, if there is one. */
void job_say(const struct job *job, enum hc_severity sev, const char *fmt, ...) HC_PRINTF(3, 4);

#endif
