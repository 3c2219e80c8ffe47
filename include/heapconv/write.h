/* SPDX-License-Identifier: MIT */
/* Writing results: sinks (where bytes go) and formats with their views (what is written). */
#ifndef HEAPCONV_WRITE_H
#define HEAPCONV_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapconv/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hc_snapshot;
struct hc_sink;

/** Receives bytes; returns 0, or an errno value that stops the writer. */
typedef int hc_write_fn(void *ctx, const void *data, size_t size);

enum hc_compression {
	HC_PLAIN,
	HC_GZIP, /**< one member, no time stamp: the same bytes every time */
	HC_GZIP_BLOCKS /**< members of 256 KB, by several threads; as HotSpot writes heap dumps, which Eclipse MAT reads at any place */
};

/**
 * A file that appears only when it is complete: written under a temporary name in the same directory and renamed by
 * hc_sink_close(). "-" is standard output.
 */
HC_API struct hc_error *hc_sink_file(const char *path, enum hc_compression c, struct hc_sink **ret) HC_MUST_CHECK;
HC_API struct hc_error *hc_sink_fn(hc_write_fn *fn, void *ctx, enum hc_compression c, struct hc_sink **ret) HC_MUST_CHECK;
/** Writes out all that is left, so that hc_sink_close() has only to rename: for several files that are to appear together. */
HC_API struct hc_error *hc_sink_finish(struct hc_sink *sink) HC_MUST_CHECK;
/** Flushes and, for files, renames into place. Reports any failure since the sink was made. Frees the sink always. */
HC_API struct hc_error *hc_sink_close(struct hc_sink *sink) HC_MUST_CHECK;
/** Throws away what was written: no file appears. NULL is fine. */
HC_API void hc_sink_abort(struct hc_sink *sink);

struct hc_write_opts {
	size_t size;            /**< sizeof(struct hc_write_opts) */
	const char *view;       /**< NULL: the format's default */
	uint64_t top;           /**< bound on rows or nodes; 0: the view's default */
	uint64_t depth;         /**< bound on stack depth; 0: default */
	uint64_t max_samples;   /**< pprof; 0: default */
	bool garbage;           /**< include unreachable objects where the view leaves them out */
	const char *types_dir;  /**< directory for the generated type listing; NULL: none */
	hc_log_fn *log;
	void *log_ctx;
	bool hprof_no_contents; /**< hprof: zeros instead of numbers and of the bytes of strings and byte slices */
	bool hprof_raw_strings; /**< hprof: strings as references to their bytes, without an object for each */
	const char *target;     /**< text for hc_target_open(): what queries speak of, a filter for tables; NULL: none */
	unsigned threads;       /**< 0: as many as the machine has, at most 8 */
	bool hprof_bare_locals; /**< hprof: what locals point to, without an object per frame that has their names */
};

struct hc_format {
	const char *name;      /**< "pprof", "text" */
	const char *suffixes;  /**< blank-separated, with dots: ".pb.gz .pb" */
	const char *views;     /**< blank-separated, the default first */
	const char *help;      /**< one line */
};
HC_API size_t hc_format_count(void);
HC_API const struct hc_format *hc_format_at(size_t i);
/** By name or by the file's suffix; NULL: none. *compress: whether the suffix asks for gzip. */
HC_API const struct hc_format *hc_format_named(const char *name);
HC_API const struct hc_format *hc_format_for_path(const char *path, enum hc_compression *compress);
/** Writes one view of the snapshot in one format. The sink must still be closed. */
HC_API struct hc_error *hc_write(const struct hc_snapshot *s, const struct hc_format *format,
                                 const struct hc_write_opts *opts, struct hc_sink *sink) HC_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
