/* SPDX-License-Identifier: MIT */
/* Dominators and retained sizes (stage HC_STAGE_GRAPH). */
#ifndef HEAPCONV_GRAPH_H
#define HEAPCONV_GRAPH_H

#include "heapconv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The node whose disappearance would free this one; HC_NODE_NONE for the virtual root and unreachable nodes. */
HC_API hc_node hc_dominator(const struct hc_snapshot *s, hc_node node);
/** Bytes (whole slots) that would become garbage with the node, its own included; 0 for unreachable nodes. */
HC_API uint64_t hc_retained(const struct hc_snapshot *s, hc_node node);
/** Objects that would become garbage with the node, itself included. */
HC_API uint64_t hc_retained_objects(const struct hc_snapshot *s, hc_node node);

/** Offset value: the dominator does not point to the node directly, but through several of its fields. */
#define HC_VIA_SEVERAL UINT64_MAX

struct hc_dom_step {
	hc_node node, dominator; /**< the virtual root's dominator is HC_NODE_NONE */
	uint64_t via; /**< offset in the dominator (or its root region) of a pointer to the node, or HC_VIA_SEVERAL */
};
struct hc_dom_iter {
	const struct hc_snapshot *s;
	void *state;
};
/**
 * All reachable nodes, a dominator always before what it dominates; a node's direct references come in offset order.
 * Deterministic. hc_dom_end() frees the iterator, also after an early stop.
 */
HC_API struct hc_error *hc_dom_begin(const struct hc_snapshot *s, struct hc_dom_iter *it) HC_MUST_CHECK;
HC_API bool hc_dom_next(struct hc_dom_iter *it, struct hc_dom_step *ret);
HC_API void hc_dom_end(struct hc_dom_iter *it);

#ifdef __cplusplus
}
#endif
#endif
