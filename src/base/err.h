/* SPDX-License-Identifier: MIT */
/* Error objects: created where something goes wrong, given context on the way up. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "heapconv/error.h"

/* Told to the compilers' analyzers, which follow paths on which "failed" is "not NULL". */
#define ERR_NEVER_NULL __attribute__((returns_nonnull))

/* A new error. Falls back to the static out-of-memory error when it can't be allocated. Never NULL. */
struct hc_error *err_new(enum hc_code code, const char *fmt, ...) HC_PRINTF(2, 3) HC_MUST_CHECK ERR_NEVER_NULL;
/* The static out-of-memory error: reporting it allocates nothing. */
struct hc_error *err_nomem(void) HC_MUST_CHECK ERR_NEVER_NULL;
/* Puts "context: " in front of the message; takes and returns ownership. */
struct hc_error *err_wrap(struct hc_error *err, const char *fmt, ...) HC_PRINTF(2, 3) HC_MUST_CHECK;
/* Control characters become '?': names out of a snapshot must not break lines, nor speak to the terminal. */
void err_one_line(char *text);

#endif
