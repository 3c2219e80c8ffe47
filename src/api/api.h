/* SPDX-License-Identifier: MIT */
/* The snapshot object behind the public functions; shared by the files of this layer. */
#ifndef API_API_H
#define API_API_H

#include "graph/graph.h"
#include "heapconv/graph.h"
#include "heapconv/object.h"
#include "heapconv/snapshot.h"
#include "heapconv/type.h"

struct hc_snapshot {
	struct diag diag;
	struct proc *proc;
	struct types *types;
	struct program *prog;
	struct heap *heap;
	struct graph *graph;
	struct hc_info info;
	enum hc_stage stage;

	VEC(struct planted) planted; /* sorted by value */
	VEC(struct hc_ledger_row) ledger;
	VEC(struct hc_check) checks;

	/* Classes: what people call objects of one kind. class_of[2 * type + array], then the untyped ones. */
	struct hc_class *classes;
	uint32_t nclasses;
	uint32_t *class_of;
	struct arena arena;
};

enum class_special { CLASS_STRBYTES, CLASS_TINY, CLASS_NOSCAN, CLASS_SCAN, NCLASS_SPECIAL };

struct hc_error *api_oids(struct hc_snapshot *s, const char *path) HC_MUST_CHECK; /* oids.c */
struct hc_error *api_classes(struct hc_snapshot *s) HC_MUST_CHECK; /* objects.c */
/* The name for people of a type, or of an array of it; NULL when memory ran out. */
const char *api_display_name(struct arena *a, const char *name, bool array); /* names.c */
/* Package of the element of a map's or channel's part, from its display name; "" for others. */
const char *api_display_package(const struct hc_snapshot *s, const char *display);
struct hc_error *api_ledger(struct hc_snapshot *s) HC_MUST_CHECK;  /* ledger.c */

static inline const struct hc_type *api_type(const struct hc_snapshot *s, uint32_t id)
{
	return id == TYPE_NONE || id >= s->types->n ? NULL : (const struct hc_type *)(const void *)&s->types->t[id];
}

static inline uint32_t api_type_id(const struct hc_snapshot *s, const struct hc_type *t)
{
	return t ? (uint32_t)((const struct type *)(const void *)t - s->types->t) : TYPE_NONE;
}

static inline const struct type *api_typep(const struct hc_type *t)
{
	return (const struct type *)(const void *)t;
}

#endif
