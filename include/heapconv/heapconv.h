/* SPDX-License-Identifier: MIT */
/*
 * heapconv: reads a snapshot of a Go process and answers what holds its memory.
 *
 * Every pointer handed out lives until hc_close(). Functions that return `struct hc_error *` are the only ones that
 * fail, and their result must be looked at. Node numbers are dense and in address order. Unknown types are NULL, which
 * is a value, not an error. No function prints, exits, sets the locale or keeps global state; an open snapshot may be
 * read by many threads.
 *
 *     struct hc_open_opts opts = {.size = sizeof(opts), .path = "core"};
 *     struct hc_snapshot *s;
 *     struct hc_error *err = hc_open(&opts, &s);
 *     if (err) {
 *             fprintf(stderr, "%s\n", hc_error_message(err));
 *             hc_error_free(err);
 *             return 1;
 *     }
 *     for (hc_node n = hc_object_next(s, 0, true); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, true)) {
 *             struct hc_object o;
 *             hc_object_get(s, n, &o);
 *             if (hc_retained(s, n) > 100 << 20)
 *                     printf("%#lx %s keeps %lu bytes\n", o.addr, o.type ? hc_type_name(o.type) : "?",
 *                            hc_retained(s, n));
 *     }
 *     hc_close(s);
 */
#ifndef HEAPCONV_HEAPCONV_H
#define HEAPCONV_HEAPCONV_H

#include "heapconv/bfs.h"
#include "heapconv/error.h"
#include "heapconv/graph.h"
#include "heapconv/object.h"
#include "heapconv/profile.h"
#include "heapconv/query.h"
#include "heapconv/snapshot.h"
#include "heapconv/type.h"
#include "heapconv/value.h"
#include "heapconv/write.h"

#define HEAPCONV_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif
/** The version of the library that runs, to compare with HEAPCONV_VERSION. */
HC_API const char *hc_version(void);
#ifdef __cplusplus
}
#endif

#endif
