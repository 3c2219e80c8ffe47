/* SPDX-License-Identifier: MIT */
/*
 * Output files that appear only when complete. A regular file is written without a name (O_TMPFILE) or under a
 * temporary one, and takes its place when it is committed; an existing file keeps its permissions. What is not a
 * regular file of its own - links, FIFOs, devices, standard output - is written in place.
 */
#ifndef WRITERS_OUTFILE_H
#define WRITERS_OUTFILE_H

#include "base/err.h"

struct outfile;

/* "-" and "/dev/stdout" are standard output. */
struct hc_error *outfile_open(const char *path, struct outfile **ret) HC_MUST_CHECK;
/* hc_write_fn: 0 or an errno value. */
int outfile_write(void *file, const void *data, size_t size);
/* Puts a complete file into its place; 0 or an errno value. */
int outfile_commit(struct outfile *f);
/* Frees; a file that was not committed leaves no trace. NULL is fine. */
void outfile_free(struct outfile *f);
/* For messages. */
const char *outfile_name(const struct outfile *f);

#endif
