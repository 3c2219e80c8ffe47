/* SPDX-License-Identifier: MIT */
/*
 * Errors and warnings.
 *
 * Every function that can fail returns `struct hc_error *`: NULL is success, anything else is an error object
 * that the caller frees with hc_error_free(). Results come back through a last parameter named `ret`, which is
 * left untouched on failure. The message is one line: file, structure, offset, what was found and what was
 * expected, and what the user can do next.
 */
#ifndef HEAPCONV_ERROR_H
#define HEAPCONV_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HC_MUST_CHECK __attribute__((warn_unused_result))
#define HC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HC_API __attribute__((visibility("default")))
#else
#define HC_MUST_CHECK
#define HC_PRINTF(fmt, args)
#define HC_API
#endif

enum hc_code {
	HC_E_NOMEM = 1,   /**< an allocation failed */
	HC_E_IO,          /**< the operating system refused to open, read, write or rename a file */
	HC_E_FORMAT,      /**< the snapshot or executable is not what its own structure says it is */
	HC_E_UNSUPPORTED, /**< well-formed, but of a kind that this version does not read (the message names it) */
	HC_E_NOT_GO,      /**< the snapshot is a core of a process that holds no Go runtime */
	HC_E_EXE,         /**< the executable is missing, or is not the one that made the snapshot */
	HC_E_TRUNCATED,   /**< so much of the snapshot is missing that nothing can be said */
	HC_E_LIMIT,       /**< a documented limit was exceeded (the message names it) */
	HC_E_ARG,         /**< the caller passed something that makes no sense (unknown view, bad address) */
};

struct hc_error;

/** The class of the error; never 0. */
HC_API enum hc_code hc_error_code(const struct hc_error *err);
/** One line of text without a trailing newline; lives as long as the error. */
HC_API const char *hc_error_message(const struct hc_error *err);
/** Frees an error; NULL is fine. */
HC_API void hc_error_free(struct hc_error *err);

enum hc_severity {
	HC_SEV_DEBUG,   /**< for -v: what was chosen and why */
	HC_SEV_INFO,    /**< progress and facts */
	HC_SEV_WARNING, /**< something is missing or inexact in the results */
};

/**
 * Receives one line of text (no newline) about something that is not an error. May be called from hc_open() and
 * from the writers, never concurrently.
 */
typedef void hc_log_fn(void *ctx, enum hc_severity severity, const char *message);

#ifdef __cplusplus
}
#endif
#endif
