/* SPDX-License-Identifier: MIT */
/*
 * A listing of the program's types, one file per package, so that viewers that know functions, files and lines can show
 * fields: the "line" of an object is the field that leads on. The program's types are sorted by name in each package,
 * whatever the heap holds: dumps of one build agree about the lines. To be read with
 * `go tool pprof -source_path=DIR -list 'main\.Cache$'`.
 */
#ifndef WRITERS_LISTING_H
#define WRITERS_LISTING_H

#include "base/err.h"
#include "heapconv/heapconv.h"

struct listing;

struct hc_error *listing_new(const struct hc_snapshot *s, struct listing **ret) HC_MUST_CHECK;
void listing_free(struct listing *l);

/* Where a type is listed: its file, below the directory that listing_write() is given, and the line it begins on. */
struct hc_error *listing_type(struct listing *l, const struct hc_type *t, const char **file,
                              uint32_t *line) HC_MUST_CHECK;
/* The file of a package, whether or not it has types; "" for the package: that of types without one. */
struct hc_error *listing_file(struct listing *l, const char *package, const char **file) HC_MUST_CHECK;
/*
 * How far below the type's first line the field is listed that covers byte `offset` of a value; for HC_VIA_SEVERAL and
 * offsets that no field covers, the line that says so.
 */
uint32_t listing_field(const struct listing *l, const struct hc_type *t, uint64_t offset);

/* Writes all files, into a directory that is made if need be. */
struct hc_error *listing_write(struct listing *l, const char *dir) HC_MUST_CHECK;

#endif
