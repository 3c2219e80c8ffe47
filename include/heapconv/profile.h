/* SPDX-License-Identifier: MIT */
/* What Go's own profiles know: labels of goroutines, how long they wait, where objects were allocated. */
#ifndef HEAPCONV_PROFILE_H
#define HEAPCONV_PROFILE_H

#include "heapconv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Text as it is in the process: any bytes, without a NUL behind them. */
struct hc_text {
	const char *bytes;
	size_t len;
};
struct hc_label {
	struct hc_text key, value;
};
/** The labels that runtime/pprof.Do set on a goroutine, sorted by key; at most max. Returns their number. */
HC_API size_t hc_goroutine_labels(const struct hc_snapshot *s, uint32_t goroutine, struct hc_label *out, size_t max);
/**
 * The latest moment on the process's monotonic clock, in ns, that the runtime noted anywhere: what hc_goroutine.wait_since
 * is to be compared with. The snapshot was taken then or later. 0: unknown.
 */
HC_API uint64_t hc_monotonic_time(const struct hc_snapshot *s);
/**
 * The calls that allocated an object, innermost first, but for the runtime's own innermost ones; of at most max calls.
 * Returns their number, 0 unless the object has HC_OBJ_SAMPLED: the runtime notes one allocation in 512 KiB, of programs
 * that use the memory profile.
 */
HC_API size_t hc_object_site(const struct hc_snapshot *s, hc_node node, struct hc_line *out, size_t max);
/**
 * How many bytes the program allocates for each allocation that the memory profile notes: runtime.MemProfileRate. Where
 * the snapshot does not hold it (no heap dump does), it is estimated from the number of objects that were noted.
 */
HC_API uint64_t hc_profile_rate(const struct hc_snapshot *s);

#ifdef __cplusplus
}
#endif
#endif
