/* SPDX-License-Identifier: MIT */
/*
 * Questions about certain objects: which they are, who refers to them, by which paths, and what would die with a
 * reference.
 */
#ifndef HEAPCONV_QUERY_H
#define HEAPCONV_QUERY_H

#include "heapconv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sets of nodes ---- */

struct hc_set;
HC_API void hc_set_close(struct hc_set *set); /**< NULL is fine */
HC_API bool hc_set_has(const struct hc_set *set, hc_node node);
HC_API uint64_t hc_set_count(const struct hc_set *set);
/** The first node of the set with a number >= from, objects before roots; HC_NODE_NONE at the end. */
HC_API hc_node hc_set_next(const struct hc_set *set, hc_node from);

/** The part of the one node of a target that a field path names: "0xc000010000.next", "main.cache.items[3]". */
struct hc_target_field {
	uint64_t offset, size; /**< bytes from the node's address; size 0: the target names no field */
	const struct hc_type *type; /**< NULL: unknown */
};

/**
 * The nodes that people mean by a text: an address (hexadecimal with 0x, or decimal) anywhere inside of an object or
 * variable; the name of a root ("main.cache", "goroutine 17"); the exact name of what objects hold, as in
 * hc_object_type_name(); else a POSIX extended regular expression that is looked for in these names. Addresses and
 * names of roots may be followed by a field path, or +OFFSET. HC_E_ARG when there is no such node or field. `field` may
 * be NULL: then fields are refused.
 */
HC_API struct hc_error *hc_target_open(const struct hc_snapshot *s, const char *text, struct hc_set **ret,
                                       struct hc_target_field *field) HC_MUST_CHECK;

/* ---- references backwards ---- */

struct hc_referrers;
/** About 4 bytes per node and per reference, garbage included. */
HC_API struct hc_error *hc_referrers_open(const struct hc_snapshot *s, struct hc_referrers **ret) HC_MUST_CHECK;
HC_API void hc_referrers_close(struct hc_referrers *r);
/** The nodes that refer to the node, ascending; one entry for each reference. */
HC_API uint64_t hc_referrers_of(const struct hc_referrers *r, hc_node node, const hc_node **ret);

/* ---- paths ---- */

struct hc_step {
	hc_node node;
	uint64_t offset; /**< in the node (or its root region) of the pointer to the next step; 0 in the last one */
};
struct hc_path {
	const struct hc_step *steps; /**< from a root to one of the targets */
	size_t n;
};
struct hc_paths;
/**
 * The `max` shortest paths from roots (that hold references themselves) to any of the targets; no path visits a node
 * twice, no two are the same. Shortest first; deterministic.
 */
HC_API struct hc_error *hc_paths_open(const struct hc_snapshot *s, const struct hc_referrers *r,
                                      const struct hc_set *targets,
                                      uint64_t max, struct hc_paths **ret) HC_MUST_CHECK;
HC_API void hc_paths_close(struct hc_paths *p);
HC_API size_t hc_paths_count(const struct hc_paths *p);
HC_API struct hc_path hc_paths_at(const struct hc_paths *p, size_t i);
/** The search was stopped by its bound on work: longer paths may be missing. */
HC_API bool hc_paths_cut(const struct hc_paths *p);
/** All roots that reach a target: the nearest ones first, then by number. */
HC_API uint64_t hc_paths_anchors(const struct hc_paths *p, const hc_node **ret);
/** References from an anchor or path's node to the nearest target; UINT32_MAX: it reaches none. */
HC_API uint32_t hc_paths_distance(const struct hc_paths *p, hc_node node);

/* ---- what if ---- */

/** The live objects that would be unreachable were all pointers in [offset, offset + size) of the node nil. */
HC_API struct hc_error *hc_dead_without(const struct hc_snapshot *s, hc_node node, uint64_t offset, uint64_t size,
                                        struct hc_set **ret) HC_MUST_CHECK;

/** What keeps a live object, where that is a finalizer or cleanup and nothing else. */
enum hc_kept {
	HC_KEPT_ORDINARY,
	HC_KEPT_FINALIZER, /**< only a finalizer that is set or queued: freed once it has run */
	HC_KEPT_CLEANUP,   /**< only a cleanup's function or argument */
	HC_KEPT_CYCLE      /**< has a finalizer and is reachable from itself: the finalizer never runs */
};
HC_API enum hc_kept hc_kept_by(const struct hc_snapshot *s, hc_node node);

#ifdef __cplusplus
}
#endif
#endif
