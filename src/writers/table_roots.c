/* SPDX-License-Identifier: MIT */
/*
 * roots: one row for each pointer that the collector starts from, by Retained, the most first, then in the order of roots.
 * Retained is what would be freed if the root were gone and is reached through this pointer directly: 0 where others keep the
 * target, too, and for further pointers of a root to it, so that the column adds up. Name says which part of a variable the
 * pointer is in, TypeName the type of the whole. Function, File, Line: where the frame stands. Address is that of the
 * pointer, empty for registers; Target that of the object.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"
#include "writers/tables.h"

static const struct column columns[] = {
	{"Kind", "kind", '<'},    {"Name", "name", '<'},  {"TypeName", NULL, '<'}, {"Goroutine", "goroutine", '>'},
	{"Function", NULL, '<'},  {"File", NULL, '<'},    {"Line", NULL, '>'},     {"Address", NULL, '<'},
	{"Target", "target", '<'}, {"Retained", "retained", '>'},
};

enum { MAX_INLINED = 64 };

struct pointer {
	uint64_t retained, offset;
	uint32_t root;
	hc_node target;
};
typedef VEC(struct pointer) pointers;

static int by_retained(const void *ap, const void *bp)
{
	const struct pointer *a = ap, *b = bp;
	if (a->retained != b->retained)
		return a->retained > b->retained ? -1 : 1;
	if (a->root != b->root)
		return a->root < b->root ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->target < b->target ? -1 : a->target > b->target;
}

static int by_target(const void *ap, const void *bp)
{
	const struct pointer *a = ap, *b = bp;
	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* The pointers of one root; of several to one target the first has what it retains. */
static bool add_root(const struct hc_snapshot *s, uint32_t root, pointers *all)
{
	hc_node limit = hc_object_limit(s), node = limit + root;
	struct hc_edge_iter it;
	struct hc_edge e;
	size_t first = all->len;
	hc_edges(s, node, &it);
	while (hc_edge_next(&it, &e)) {
		struct pointer p = {0, e.offset, root, e.target};
		if (e.target < limit && !vec_push(all, p))
			return false;
	}
	if (all->len > first)
		qsort(all->data + first, all->len - first, sizeof(*all->data), by_target);
	for (size_t i = first; i < all->len; i++) {
		struct pointer *p = &all->data[i];
		if ((i == first || p[-1].target != p->target) && hc_dominator(s, p->target) == node)
			p->retained = hc_retained(s, p->target);
	}
	return true;
}

static const char *kind_name(enum hc_root_kind kind)
{
	static const char *const names[HC_ROOT_OTHER + 1] = {
		[HC_ROOT_ALL] = "all",           [HC_ROOT_GROUP] = "group",     [HC_ROOT_PACKAGE] = "package",
		[HC_ROOT_GLOBAL] = "global",     [HC_ROOT_GOROUTINE] = "goroutine", [HC_ROOT_FRAME] = "frame",
		[HC_ROOT_LOCAL] = "local",       [HC_ROOT_REGISTERS] = "registers", [HC_ROOT_DEFER] = "defer",
		[HC_ROOT_PANIC] = "panic",       [HC_ROOT_FINALIZER] = "finalizer", [HC_ROOT_FINQUEUE] = "queued finalizer",
		[HC_ROOT_CLEANUP] = "cleanup",   [HC_ROOT_WEAKHANDLE] = "weak handle", [HC_ROOT_OTHER] = "other",
	};
	return kind <= HC_ROOT_OTHER ? names[kind] : "other";
}

/* "main.cache.entries": the variable, and the part of it that holds the pointer. */
static void put_name(struct rows *r, const struct hc_root *root, uint64_t offset)
{
	char path[512] = "";
	struct arena a = {0};
	if (root->type && offset < root->size)
		hc_field_path(r->job->s, root->type, offset, true, path, sizeof(path));
	const char *dot = path[0] && path[0] != '[' && path[0] != '.' ? "." : "";
	const char *name = arena_printf(&a, "%s%s%s", root->name, dot, path);
	rows_text(r, name ? name : root->name);
	arena_free(&a);
}

static void put_row(struct rows *r, const struct pointer *p)
{
	const struct hc_snapshot *s = r->job->s;
	struct hc_root root = hc_root_at(s, p->root);
	struct hc_line line[MAX_INLINED] = {{.function = "", .file = ""}};
	bool has_frame = root.frame != HC_NO_INDEX, on_stack = root.goroutine < hc_goroutine_count(s);
	if (has_frame && !hc_frame_lines(s, root.frame, line, MAX_INLINED))
		line[0].function = hc_frame_at(s, root.frame).function;
	rows_text(r, kind_name(root.kind));
	put_name(r, &root, p->offset);
	rows_text(r, root.type ? hc_type_name(root.type) : "");
	rows_count(r, on_stack ? hc_goroutine_at(s, root.goroutine).id : 0);
	rows_text(r, line[0].function);
	rows_text(r, line[0].file);
	rows_count(r, line[0].line > 0 ? (uint64_t)line[0].line : 0);
	rows_address(r, root.addr ? root.addr + p->offset : 0);
	rows_address(r, hc_node_addr(s, p->target));
	rows_bytes(r, p->retained);
}

struct hc_error *table_roots(const struct job *job, enum table_form form)
{
	struct rows r;
	pointers all = {0};
	for (uint32_t i = 0; i < hc_root_count(job->s); i++) {
		if (!add_root(job->s, i, &all)) {
			vec_free(&all);
			return err_nomem();
		}
	}
	if (all.len)
		qsort(all.data, all.len, sizeof(*all.data), by_retained);
	rows_init(&r, job, form, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < all.len; i++)
		if (rows_more(&r))
			put_row(&r, &all.data[i]);
	vec_free(&all);
	return rows_end(&r, 0);
}
