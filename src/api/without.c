/* SPDX-License-Identifier: MIT */
/* What would die without a reference, and what only finalizers keep. Knows the public API only. */
#include <stdlib.h>

#include "api/set.h"
#include "base/err.h"
#include "base/vec.h"
#include "heapconv/graph.h"

/* Marks from the roots, past the pointers in [offset, offset + size) of one node. False: out of memory. */
static bool mark_without(const struct hc_snapshot *s, hc_node node, uint64_t offset, uint64_t size, struct hc_set *live)
{
	hc_node limit = hc_object_limit(s);
	VEC(hc_node) stack = {0};
	bool ok = true;
	if (hc_root_count(s)) {
		set_add(live, limit);
		ok = vec_push(&stack, limit);
	}
	while (ok && stack.len) {
		hc_node n = stack.data[--stack.len];
		struct hc_edge_iter it;
		struct hc_edge e;
		hc_edges(s, n, &it);
		while (ok && hc_edge_next(&it, &e)) {
			/* A root's references to the roots below it have no offset. */
			if (n == node && e.target < limit && e.offset >= offset && e.offset - offset < size)
				continue;
			if (e.target >= live->n || bit_get(live->bits, e.target))
				continue;
			set_add(live, e.target);
			ok = hc_edge_count(s, e.target) == 0 || vec_push(&stack, e.target);
		}
	}
	vec_free(&stack);
	return ok;
}

struct hc_error *hc_dead_without(const struct hc_snapshot *s, hc_node node, uint64_t offset, uint64_t size,
                                 struct hc_set **ret)
{
	struct hc_set *live = set_new(s), *dead = set_new(s);
	if (!live || !dead || !mark_without(s, node, offset, size, live)) {
		hc_set_close(live);
		hc_set_close(dead);
		return err_nomem();
	}
	for (hc_node n = hc_object_next(s, 0, true); n != HC_NODE_NONE; n = hc_object_next(s, n + 1, true))
		if (!bit_get(live->bits, n))
			set_add(dead, n);
	hc_set_close(live);
	*ret = dead;
	return NULL;
}

/*
 * Dominators lead to the root that alone keeps the node; those of lists are long, but each step is a look at an array.
 */
enum { STEPS_MAX = 1 << 26 };

/* A finalizer's root stands for the object's own pointers: does it have just these? */
static bool has_same_edges(const struct hc_snapshot *s, hc_node root, hc_node object)
{
	struct hc_edge_iter a, b;
	struct hc_edge x, y;
	hc_edges(s, root, &a);
	hc_edges(s, object, &b);
	for (;;) {
		bool more = hc_edge_next(&a, &x);
		if (hc_edge_next(&b, &y) != more)
			return false;
		if (!more)
			return true;
		if (x.target != y.target || x.offset != y.offset)
			return false;
	}
}

/* Groups hold roots of one kind, mostly: several finalizers keep a node together. */
static enum hc_root_kind kind_of_group(const struct hc_snapshot *s, hc_node group)
{
	enum hc_root_kind kind = HC_ROOT_GROUP;
	for (uint32_t i = 0; i < hc_root_count(s); i++) {
		struct hc_root r = hc_root_at(s, i);
		if (r.parent == group && kind != HC_ROOT_GROUP && r.kind != kind)
			return HC_ROOT_GROUP;
		if (r.parent == group)
			kind = r.kind;
	}
	return kind;
}

enum hc_kept hc_kept_by(const struct hc_snapshot *s, hc_node node)
{
	hc_node limit = hc_object_limit(s), up = node;
	struct hc_object o;
	for (int i = 0; up < limit && i < STEPS_MAX; i++)
		up = hc_dominator(s, up);
	if (node >= limit || up == HC_NODE_NONE || up < limit)
		return HC_KEPT_ORDINARY;
	enum hc_root_kind kind = hc_root_at(s, up - limit).kind;
	if (kind == HC_ROOT_GROUP)
		kind = kind_of_group(s, up);
	bool finalizer = hc_object_get(s, node, &o) && o.flags & HC_OBJ_FINALIZER;
	if (kind == HC_ROOT_CLEANUP)
		return HC_KEPT_CLEANUP;
	if (kind == HC_ROOT_FINALIZER && finalizer && has_same_edges(s, up, node))
		return HC_KEPT_CYCLE;
	return kind == HC_ROOT_FINALIZER || kind == HC_ROOT_FINQUEUE ? HC_KEPT_FINALIZER : HC_KEPT_ORDINARY;
}
