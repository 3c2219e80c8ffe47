/* SPDX-License-Identifier: MIT */
/*
 * Go names as Java heap tools can stand them. They show "a/b.C" as class C of package a.b and build a tree of it, take a
 * leading '[' or a trailing "[]" for Java arrays, and cut expressions at the dots and brackets of field names.
 */
#ifndef WRITERS_HPROF_NAMES_H
#define WRITERS_HPROF_NAMES_H

#include <stdint.h>

#include "writers/names.h"

/* Appends; false when memory ran out. */
bool hprof_text_put(struct name *n, const char *text, size_t len);
bool hprof_text_puts(struct name *n, const char *text);
bool hprof_text_printf(struct name *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Readers take names of up to 32 KB; functions of generic types get there. */
enum { HPROF_NAME_MAX = 2000 };
/* Cuts a name between two characters. */
void hprof_text_cut(struct name *n, size_t max);

/*
 * The class of values of a Go type: "a.com/b.T" stays, "*a.com/b.T" becomes "a.com/b.*T", "map[string]*a.com/b.T" becomes
 * "map[string]*b·T" (no package of its own, so no dots either). Cut at NAME_LIMIT, with a hash of what it was.
 */
bool hprof_class_name(struct name *out, const char *type);
/* Appends a Go name made fit for a field. */
bool hprof_field_put(struct name *out, const char *go_name);
/*
 * The names by which Eclipse MAT reads stack frame objects, which it takes all subclasses of "<method>" for.
 */
bool hprof_field_reserved(const char *name);

/* Bytes of the class's part of a function's name: "a.com/b.(*T)" of "a.com/b.(*T).M", "main" of "main.f"; 0: none. */
size_t hprof_function_class(const char *function);
/* Bytes of the package's part of a name, without the dot: "a.com/b" of "a.com/b.T.x"; 0: none. */
size_t hprof_package_len(const char *name);

#endif
