/* SPDX-License-Identifier: MIT */
/* Shortest reference paths from the roots (stage HC_STAGE_TYPES): why is this alive, and through which references. */
#ifndef HEAPCONV_BFS_H
#define HEAPCONV_BFS_H

#include "heapconv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hc_bfs_step {
	hc_node node;
	hc_node from;   /**< what refers to it on the way; HC_NODE_NONE for the virtual root */
	uint32_t depth; /**< references from the virtual root, those between root nodes included; 0 for itself */
	uint64_t via;   /**< offset in `from` (or its root region) of the pointer */
};
struct hc_bfs_iter {
	const struct hc_snapshot *s;
	void *state;
};
/**
 * All reachable nodes in order of distance, each with the reference that the shortest path to it ends with; of several,
 * the one that comes first in order of nodes and offsets. Deterministic. hc_bfs_end() frees the iterator, also after an
 * early stop.
 */
HC_API struct hc_error *hc_bfs_begin(const struct hc_snapshot *s, struct hc_bfs_iter *it) HC_MUST_CHECK;
HC_API bool hc_bfs_next(struct hc_bfs_iter *it, struct hc_bfs_step *ret);
HC_API void hc_bfs_end(struct hc_bfs_iter *it);

/*
 * Numbers for all nodes at once, hc_object_limit() + hc_root_count() of them; UINT32_MAX for unreachable nodes. To be freed
 * with hc_numbers_free().
 */
/** hc_bfs_step.depth: how many references away from the virtual root. */
HC_API struct hc_error *hc_depths(const struct hc_snapshot *s, uint32_t **ret) HC_MUST_CHECK;
/** For hc_root_at(): the root nearest to the node among its dominators, for roots themselves (stage HC_STAGE_GRAPH). */
HC_API struct hc_error *hc_dominating_roots(const struct hc_snapshot *s, uint32_t **ret) HC_MUST_CHECK;
HC_API void hc_numbers_free(const struct hc_snapshot *s, uint32_t *numbers); /**< NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
