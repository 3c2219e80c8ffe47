/* SPDX-License-Identifier: MIT */
/*
 * nodes: the virtual root, then roots and objects by Retained (selection.h). Count and Size add up to what the ledger has:
 * roots have neither. Size is the slot, SizeClass the same again for objects of a size class and 0 for those that have a span
 * to themselves. Depth: references from the virtual root. Idom: the node that keeps this one alive; RootKind and Goroutine
 * are those of the root among its dominators that is nearest to it ("shared": kept by several roots of different kinds).
 * AllocSite: of objects in the memory profile. With --target: rows of these nodes alone.
 *
 * Rows are put together from parts that are made once per class and per root, by several threads.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/pool.h"
#include "writers/csv.h"
#include "writers/ids.h"
#include "writers/pieces.h"
#include "writers/selection.h"
#include "writers/tables.h"

enum { ROWS_PER_PIECE = 8192, BATCH = 64, LABEL_MAX = 200, SITE_MAX = 64 };

struct text {
	const char *p;
	size_t len;
};

struct nodes {
	const struct job *job;
	const struct hc_snapshot *s;
	struct selection sel;
	struct ids ids;
	struct text *id;    /* by root: its id as a cell */
	struct text *class; /* by class: ",Label,object,TypeName,Package,1," */
	struct text *kept;  /* by root: ",RootKind,Goroutine," of what it is the nearest root of */
	uint32_t *owner;    /* by node: the nearest root among its dominators */
	uint32_t *depth;    /* by node */
	uint32_t nclasses, nroots;
	struct arena arena;
	struct hc_error *walk_error[2];
};

static const struct text unreachable = {",unreachable,0,", 15};
static const char header[] = "Id,Label,Kind,TypeName,Package,Count,Size,Retained,ScanBytes,Pointers,SizeClass,Depth,Idom,"
                             "RootKind,Goroutine,Finalizer,AllocSite\n";

/* ---- what each node's row needs of the graph ---- */

static void walk(void *ctx, size_t job, unsigned worker)
{
	struct nodes *t = ctx;
	(void)worker;
	t->walk_error[job] = job ? hc_depths(t->s, &t->depth) : hc_dominating_roots(t->s, &t->owner);
}

static struct hc_error *walk_all(struct nodes *t)
{
	pool_run(t->job->opts.threads == 1 ? 1 : 2, 2, walk, t);
	if (t->walk_error[0] && t->walk_error[1])
		hc_error_free(t->walk_error[1]);
	return t->walk_error[0] ? t->walk_error[0] : t->walk_error[1];
}

/* ---- parts of rows ---- */

/* A cell, appended to a name. */
static bool add(struct name *row, struct name *cell, const char *text)
{
	return csv_cell(cell, text) && name_append(row, cell->text, cell->len) && name_append(row, ",", 1);
}

static bool add_label(struct name *row, struct name *cell, const char *text)
{
	struct name label = {0};
	bool ok = name_clean(&label, text);
	if (ok) {
		name_base(&label);
		name_cut(&label, LABEL_MAX);
		ok = add(row, cell, label.text);
	}
	name_free(&label);
	return ok;
}

static bool keep(struct nodes *t, const struct name *row, struct text *ret)
{
	*ret = (struct text){arena_strndup(&t->arena, row->text, row->len), row->len};
	return ret->p != NULL;
}

static bool make_class(struct nodes *t, struct name *row, struct name *cell, uint32_t i)
{
	struct hc_class class = {.name = "(unknown)", .package = ""};
	if (i < t->nclasses)
		class = hc_class_at(t->s, i);
	row->len = 0;
	return name_append(row, ",", 1) && add_label(row, cell, class.name) && name_append(row, "object,", 7) &&
	       add(row, cell, class.name) && add(row, cell, class.package) && name_append(row, "1,", 2) &&
	       keep(t, row, &t->class[i]);
}

static const char *root_group(enum hc_root_kind kind)
{
	switch (kind) {
	case HC_ROOT_ALL: return "shared";
	case HC_ROOT_PACKAGE:
	case HC_ROOT_GLOBAL: return "global";
	case HC_ROOT_GOROUTINE:
	case HC_ROOT_FRAME:
	case HC_ROOT_LOCAL:
	case HC_ROOT_REGISTERS:
	case HC_ROOT_DEFER:
	case HC_ROOT_PANIC: return "stack";
	case HC_ROOT_FINALIZER:
	case HC_ROOT_FINQUEUE: return "finalizer";
	case HC_ROOT_CLEANUP: return "cleanup";
	case HC_ROOT_WEAKHANDLE: return "weak";
	case HC_ROOT_GROUP:
	case HC_ROOT_OTHER: break;
	}
	return "other";
}

/* A group is of the kind of its children. */
static bool make_kept(struct nodes *t, struct name *row, enum hc_root_kind *kind)
{
	for (uint32_t i = 0; i < t->nroots; i++)
		kind[i] = hc_root_at(t->s, i).kind;
	for (uint32_t i = t->nroots; i-- > 1;) {
		hc_node parent = hc_root_at(t->s, i).parent - t->sel.limit;
		if (parent < t->nroots && kind[parent] == HC_ROOT_GROUP)
			kind[parent] = kind[i];
	}
	bool ok = true;
	for (uint32_t i = 0; ok && i < t->nroots; i++) {
		const char *group = root_group(kind[i]);
		uint32_t g = hc_root_at(t->s, i).goroutine;
		char number[CSV_NUMBER];
		char *end = csv_number(number, g < hc_goroutine_count(t->s) ? hc_goroutine_at(t->s, g).id : 0);
		row->len = 0;
		ok = name_append(row, ",", 1) && name_append(row, group, strlen(group)) && name_append(row, ",", 1) &&
		     name_append(row, number, (size_t)(end - number)) && name_append(row, ",", 1) &&
		     keep(t, row, &t->kept[i]);
	}
	return ok;
}

static struct hc_error *make_parts(struct nodes *t)
{
	struct name row = {0}, cell = {0};
	t->nclasses = hc_class_count(t->s);
	t->nroots = hc_root_count(t->s);
	t->class = calloc((size_t)t->nclasses + 1, sizeof(*t->class));
	t->kept = calloc((size_t)t->nroots + 1, sizeof(*t->kept));
	t->id = calloc((size_t)t->nroots + 1, sizeof(*t->id));
	enum hc_root_kind *kind = calloc((size_t)t->nroots + 1, sizeof(*kind));
	bool ok = t->class && t->kept && t->id && kind && make_kept(t, &row, kind);
	for (uint32_t i = 0; ok && i <= t->nclasses; i++)
		ok = make_class(t, &row, &cell, i);
	for (uint32_t i = 0; ok && i < t->nroots; i++)
		ok = csv_cell(&cell, t->ids.root[i]) && keep(t, &cell, &t->id[i]);
	free(kind);
	name_free(&row);
	name_free(&cell);
	return ok ? NULL : err_nomem();
}

/* ---- rows ---- */

static char *put_text(char *p, const struct text *t)
{
	return csv_bytes(p, t->p, t->len);
}

/* The function and line that allocated a sampled object. */
static void put_site(const struct nodes *t, struct piece *piece, hc_node node)
{
	struct hc_line line[SITE_MAX];
	size_t n = hc_object_site(t->s, node, line, SITE_MAX);
	struct arena a = {0};
	struct name cell = {0};
	const char *text = n ? arena_printf(&a, "%s:%d", line[0].function, line[0].line) : "";
	char *p = text && csv_cell(&cell, text) ? piece_room(piece, cell.len + 1) : NULL;
	if (p) {
		p = csv_bytes(p, cell.text, cell.len);
		*p++ = '\n';
		piece_end(piece, p);
	} else {
		piece->failed = true;
	}
	name_free(&cell);
	arena_free(&a);
}

/* Room for a row's numbers with their commas, the addresses, and what is constant. */
enum { ROOM = 8 * (CSV_NUMBER + 1) + 2 * (CSV_ADDRESS + 1) + 64 };

/* What a row takes from the snapshot: looked up for some rows at once, as each costs several cache misses. */
struct node_row {
	struct hc_object o;
	hc_node node, over; /* over: the dominator */
	uint64_t retained, pointers, over_addr;
	uint32_t class, owner, depth;
	bool is_object;
};

static void load_rows(const struct nodes *t, const uint32_t *node, size_t n, struct node_row *row)
{
	for (size_t i = 0; i < n; i++) {
		row[i].node = node[i];
		row[i].over = hc_dominator(t->s, node[i]);
		row[i].retained = hc_retained(t->s, node[i]);
		row[i].owner = t->owner[node[i]];
		row[i].depth = t->depth[node[i]];
	}
	for (size_t i = 0; i < n; i++)
		row[i].is_object = hc_object_get(t->s, node[i], &row[i].o);
	for (size_t i = 0; i < n; i++)
		row[i].over_addr = row[i].over < t->sel.limit ? hc_node_addr(t->s, row[i].over) : 0;
	for (size_t i = 0; i < n; i++)
		row[i].class = row[i].is_object ? hc_object_class(t->s, &row[i].o) : 0;
	for (size_t i = 0; i < n; i++)
		row[i].pointers = row[i].is_object ? hc_edge_count(t->s, node[i]) : 0;
}

/* "Depth,Idom,RootKind,Goroutine," */
static char *put_place(const struct nodes *t, char *p, const struct node_row *row, const struct text *kept)
{
	if (kept != &unreachable)
		p = csv_number(p, row->depth);
	*p++ = ',';
	if (row->over < t->sel.limit)
		p = csv_address(p, row->over_addr);
	else if (row->over != HC_NODE_NONE)
		p = put_text(p, &t->id[row->over - t->sel.limit]);
	return put_text(p, kept);
}

static size_t idom_room(const struct nodes *t, hc_node over)
{
	return over != HC_NODE_NONE && over >= t->sel.limit ? t->id[over - t->sel.limit].len : 0;
}

static void put_object(const struct nodes *t, struct piece *piece, const struct node_row *row)
{
	const struct hc_object *o = &row->o;
	const struct text *c = &t->class[row->class < t->nclasses ? row->class : t->nclasses];
	const struct text *kept = row->owner < t->nroots ? &t->kept[row->owner] : &unreachable;
	char *p = piece_room(piece, c->len + kept->len + idom_room(t, row->over) + ROOM);
	if (!p)
		return;
	p = csv_address(p, o->addr);
	p = put_text(p, c);
	p = csv_number(p, o->slot_size);
	*p++ = ',';
	p = csv_number(p, row->retained);
	*p++ = ',';
	p = csv_number(p, object_scan_bytes(t->s, o));
	*p++ = ',';
	p = csv_number(p, row->pointers);
	*p++ = ',';
	p = csv_number(p, o->flags & HC_OBJ_LARGE ? 0 : o->slot_size);
	*p++ = ',';
	p = put_place(t, p, row, kept);
	p = o->flags & HC_OBJ_FINALIZER ? csv_bytes(p, "true,", 5) : csv_bytes(p, "false,", 6);
	if (!(o->flags & HC_OBJ_SAMPLED))
		*p++ = '\n';
	piece_end(piece, p);
	if (o->flags & HC_OBJ_SAMPLED)
		put_site(t, piece, row->node);
}

static const char *node_kind(enum hc_root_kind kind)
{
	switch (kind) {
	case HC_ROOT_ALL:
	case HC_ROOT_GROUP:
	case HC_ROOT_PACKAGE: return "root";
	case HC_ROOT_GLOBAL: return "global";
	case HC_ROOT_GOROUTINE: return "goroutine";
	case HC_ROOT_FRAME:
	case HC_ROOT_LOCAL:
	case HC_ROOT_REGISTERS:
	case HC_ROOT_DEFER:
	case HC_ROOT_PANIC: return "frame";
	case HC_ROOT_FINALIZER:
	case HC_ROOT_FINQUEUE:
	case HC_ROOT_CLEANUP:
	case HC_ROOT_WEAKHANDLE:
	case HC_ROOT_OTHER: break;
	}
	return "other";
}

static uint64_t root_pointers(const struct nodes *t, hc_node node)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	uint64_t n = 0;
	hc_edges(t->s, node, &it);
	while (hc_edge_next(&it, &e))
		n += e.target < t->sel.limit;
	return n;
}

static const char *root_package(const struct nodes *t, const struct hc_root *root)
{
	hc_node parent = root->parent - t->sel.limit;
	if (root->kind == HC_ROOT_PACKAGE)
		return root->name;
	if (root->kind != HC_ROOT_GLOBAL || parent >= t->nroots || hc_root_at(t->s, parent).kind != HC_ROOT_PACKAGE)
		return "";
	return hc_root_at(t->s, parent).name;
}

/* "Id,Label,Kind,TypeName,Package," */
static bool name_root(const struct nodes *t, const struct hc_root *root, struct name *row)
{
	struct name cell = {0};
	const char *kind = node_kind(root->kind);
	bool ok = add(row, &cell, t->ids.root[root->node - t->sel.limit]) && add_label(row, &cell, root->name) &&
	          add(row, &cell, kind) && add(row, &cell, root->type ? hc_type_name(root->type) : "") &&
	          add(row, &cell, root_package(t, root));
	name_free(&cell);
	return ok;
}

static void put_root(const struct nodes *t, struct piece *piece, const struct node_row *at)
{
	struct hc_root root = hc_root_at(t->s, at->node - t->sel.limit);
	struct name row = {0};
	const struct text *kept = &t->kept[at->node - t->sel.limit];
	char *p = NULL;
	if (name_root(t, &root, &row))
		p = piece_room(piece, row.len + kept->len + idom_room(t, at->over) + ROOM);
	if (p) {
		p = csv_bytes(p, row.text, row.len);
		p = csv_bytes(p, "0,0,", 4);
		p = csv_number(p, at->retained);
		p = csv_bytes(p, ",0,", 3);
		p = csv_number(p, root_pointers(t, at->node));
		p = csv_bytes(p, ",0,", 3);
		p = put_place(t, p, at, kept);
		p = csv_bytes(p, "false,\n", 7);
		piece_end(piece, p);
	} else {
		piece->failed = true;
	}
	name_free(&row);
}

static void put_rows(void *ctx, size_t i, struct piece *piece)
{
	const struct nodes *t = ctx;
	struct node_row row[BATCH];
	uint64_t at = (uint64_t)i * ROWS_PER_PIECE, end = at + ROWS_PER_PIECE;
	if (end > t->sel.len)
		end = t->sel.len;
	for (size_t n; at < end && !piece->failed; at += n) {
		n = end - at < BATCH ? (size_t)(end - at) : BATCH;
		load_rows(t, t->sel.order + at, n, row);
		for (size_t k = 0; k < n; k++) {
			if (row[k].is_object)
				put_object(t, piece, &row[k]);
			else
				put_root(t, piece, &row[k]);
		}
	}
}

static struct hc_error *write_csv(const struct job *job)
{
	struct nodes t = {.job = job, .s = job->s};
	struct hc_error *err = selection_init(&t.sel, job, job->opts.top, true);
	if (err)
		return err;
	err = ids_init(&t.ids, job->s);
	if (!err)
		err = make_parts(&t);
	if (!err)
		err = walk_all(&t);
	if (!err) {
		sink_put(job->sink, header, sizeof(header) - 1);
		err = pieces_write(job, (size_t)((t.sel.len + ROWS_PER_PIECE - 1) / ROWS_PER_PIECE), put_rows, &t);
	}
	if (!err)
		rows_said(job, t.sel.len, t.sel.left_out);
	hc_numbers_free(job->s, t.owner);
	hc_numbers_free(job->s, t.depth);
	free(t.class);
	free(t.kept);
	free(t.id);
	ids_deinit(&t.ids);
	arena_free(&t.arena);
	selection_deinit(&t.sel);
	return err;
}

/* ---- text ---- */

static void put_line(struct rows *r, const struct ids *ids, hc_node node)
{
	const struct hc_snapshot *s = r->job->s;
	struct hc_object o;
	char id[ID_MAX], over_id[ID_MAX];
	hc_node over = hc_dominator(s, node);
	bool is_object = hc_object_get(s, node, &o);
	rows_bytes(r, hc_retained(s, node));
	rows_bytes(r, is_object ? o.slot_size : 0);
	rows_text(r, ids_of(ids, node, id));
	if (is_object)
		rows_text(r, hc_class_at(s, hc_object_class(s, &o)).name);
	else
		rows_text(r, hc_root_at(s, node - ids->limit).name);
	rows_text(r, over == HC_NODE_NONE ? "" : ids_of(ids, over, over_id));
}

static struct hc_error *write_text(const struct job *job)
{
	static const struct column columns[] = {
		{"", "retained", '>'}, {"", "bytes", '>'}, {"", "node", '<'}, {"", "type or name", '<'}, {"", "kept by", '<'}};
	struct selection sel;
	struct ids ids;
	struct rows r;
	struct hc_error *err = selection_init(&sel, job, job->opts.top ? job->opts.top : ROWS_TEXT, true);
	if (err)
		return err;
	err = ids_init(&ids, job->s);
	if (!err) {
		rows_init(&r, job, TABLE_TEXT, columns, sizeof(columns) / sizeof(columns[0]));
		for (uint64_t i = 0; i < sel.len; i++)
			if (rows_more(&r))
				put_line(&r, &ids, sel.order[i]);
		err = rows_end(&r, sel.left_out);
		ids_deinit(&ids);
	}
	selection_deinit(&sel);
	return err;
}

struct hc_error *table_nodes(const struct job *job, enum table_form form)
{
	return form == TABLE_CSV ? write_csv(job) : write_text(job);
}
