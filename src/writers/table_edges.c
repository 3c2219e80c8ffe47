/* SPDX-License-Identifier: MIT */
/*
 * edges: references, of roots first, then of objects in order of address, those of one node in order of offset. Both ends are
 * rows of nodes. Label is the field or element that holds the pointer, Kind what that is; "root": the tree that groups roots.
 * Neighbouring pointers to one target under one label (elements of an array) are one row: Weight says how many, SrcOffset
 * where the first is. DstOffset: where in the target it points to. With --target: the references to and from these objects.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "writers/csv.h"
#include "writers/ids.h"
#include "writers/labels.h"
#include "writers/pieces.h"
#include "writers/selection.h"
#include "writers/tables.h"

enum { NODES_PER_PIECE = 1 << 14, BATCH = 64, TEXT_EDGES = 10, NAME_WIDTH = 24 };

struct edges {
	const struct job *job;
	const struct hc_snapshot *s;
	struct selection sel;
	struct selection sources; /* all that may refer to a target; the same as sel without --target */
	struct labels labels;
	struct ids ids;
	const char **id; /* by root: its id as a cell */
	size_t *id_len;
	struct arena arena;
	hc_node limit;
	size_t root_pieces;
	unsigned word; /* bytes of a pointer */
	bool be;
	hc_node first_source; /* see help_guessing() */
	uint64_t first_offset;
};

/* One node's references, and the row that is being put together. */
struct source {
	hc_node node;
	struct hc_root root; /* of root nodes */
	uint32_t class;      /* of objects */
	uint64_t address;
	const uint8_t *bytes; /* of the object, as far as they are in one piece */
	uint64_t avail;
	struct name scratch[2]; /* taken in turns: one holds the label of the row, one the next pointer's */
	unsigned turn;
	struct hc_edge edge; /* the row's first; target HC_NODE_NONE: there is none */
	struct edge_label label;
	uint64_t weight;
};

typedef bool row_fn(void *ctx, const struct source *src);

/* ---- references as rows ---- */

static bool label_of(const struct edges *t, struct source *src, const struct hc_edge *e, struct edge_label *ret)
{
	struct name *scratch = &src->scratch[src->turn ^= 1];
	if (src->node < t->limit)
		return labels_of(&t->labels, src->class, e->offset, scratch, ret);
	if (e->target >= t->limit) {
		*ret = (struct edge_label){"", 0, EDGE_ROOT};
		return true;
	}
	return labels_of_root(t->s, &src->root, e->offset, scratch, ret);
}

static bool same_row(const struct source *src, const struct hc_edge *e, const struct edge_label *label)
{
	return src->edge.target == e->target && src->label.kind == label->kind && src->label.len == label->len &&
	       memcmp(src->label.text, label->text, label->len) == 0;
}

/* Both ends are in the table; with --target, one of them is a target. */
static bool is_wanted(const struct edges *t, hc_node from, hc_node to)
{
	if (!t->sel.targets)
		return selection_has(&t->sel, to);
	return bit_get(t->sel.chosen, from) ? selection_has(&t->sources, to) : selection_has(&t->sel, to);
}

/* Calls row for each row of a node; false when it does, or when memory ran out. */
static bool each_row(const struct edges *t, struct source *src, row_fn *row, void *ctx)
{
	struct hc_edge_iter it;
	struct hc_edge e;
	struct edge_label label;
	src->edge.target = HC_NODE_NONE;
	hc_edges(t->s, src->node, &it);
	while (hc_edge_next(&it, &e)) {
		if (!is_wanted(t, src->node, e.target))
			continue;
		if (!label_of(t, src, &e, &label))
			return false;
		if (same_row(src, &e, &label)) {
			src->weight++;
			src->turn ^= 1; /* the row's label stays */
			continue;
		}
		if (src->edge.target != HC_NODE_NONE && !row(ctx, src))
			return false;
		src->edge = e;
		src->label = label;
		src->weight = 1;
	}
	return src->edge.target == HC_NODE_NONE || row(ctx, src);
}

static void source_set(const struct edges *t, struct source *src, hc_node node)
{
	struct hc_object o;
	src->node = node;
	src->bytes = NULL;
	src->avail = src->address = 0;
	if (node >= t->limit) {
		src->root = hc_root_at(t->s, node - t->limit);
	} else if (hc_object_get(t->s, node, &o)) {
		src->address = o.addr;
		src->class = hc_object_class(t->s, &o);
		src->bytes = hc_object_bytes(t->s, node, 0, &src->avail);
	}
}

static void source_free(struct source *src)
{
	name_free(&src->scratch[0]);
	name_free(&src->scratch[1]);
}

static uint64_t load(const struct edges *t, const uint8_t *p)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < t->word; i++)
		v = v << 8 | p[t->be ? i : t->word - 1 - i];
	return v;
}

/* The row's pointer; 0 where it is not in memory or not in the snapshot. */
static uint64_t pointer_of(const struct edges *t, const struct source *src)
{
	uint8_t buf[8];
	uint64_t at = src->edge.offset, avail;
	if (src->edge.target >= t->limit)
		return 0;
	if (src->node >= t->limit)
		return src->root.addr && hc_read_memory(t->s, src->root.addr + at, buf, t->word) ? load(t, buf) : 0;
	if (at < src->avail && src->avail - at >= t->word)
		return load(t, src->bytes + at);
	const uint8_t *p = hc_object_bytes(t->s, src->node, at, &avail);
	return p && avail >= t->word ? load(t, p) : 0;
}

/* ---- CSV ---- */

/* A row that waits for the address of its target: looked up for some at once, as each costs cache misses. */
struct edge_row {
	hc_node source, target;
	uint64_t source_address, offset, pointer, weight;
	struct edge_label label;
};

struct out {
	const struct edges *t;
	struct piece *piece;
	size_t n;
	struct edge_row row[BATCH];
	bool only_first; /* the row that help_guessing() found */
};

/* Room for a row's numbers, addresses, and what is constant. */
enum { ROOM = 3 * (CSV_NUMBER + 1) + 2 * (CSV_ADDRESS + 1) + 64 };

static char *put_id(const struct edges *t, char *p, hc_node node, uint64_t address)
{
	if (node < t->limit)
		return csv_address(p, address);
	return csv_bytes(p, t->id[node - t->limit], t->id_len[node - t->limit]);
}

static size_t id_room(const struct edges *t, hc_node node)
{
	return node < t->limit ? 0 : t->id_len[node - t->limit];
}

static bool put_row(const struct edges *t, struct piece *piece, const struct edge_row *row, uint64_t target_address)
{
	char *p = piece_room(piece, id_room(t, row->source) + id_room(t, row->target) + row->label.len + ROOM);
	const char *kind = edge_kinds[row->label.kind];
	if (!p)
		return false;
	p = put_id(t, p, row->source, row->source_address);
	*p++ = ',';
	p = put_id(t, p, row->target, target_address);
	p = csv_bytes(p, ",Directed,", 10);
	p = csv_bytes(p, row->label.text, row->label.len);
	*p++ = ',';
	p = csv_number(p, row->weight);
	*p++ = ',';
	p = csv_bytes(p, kind, strlen(kind));
	*p++ = ',';
	p = csv_number(p, row->offset);
	*p++ = ',';
	p = csv_number(p, row->pointer > target_address ? row->pointer - target_address : 0);
	*p++ = '\n';
	piece_end(piece, p);
	return true;
}

static bool put_batch(struct out *out)
{
	uint64_t address[BATCH];
	bool ok = true;
	for (size_t i = 0; i < out->n; i++)
		address[i] = hc_node_addr(out->t->s, out->row[i].target);
	for (size_t i = 0; ok && i < out->n; i++)
		ok = put_row(out->t, out->piece, &out->row[i], address[i]);
	out->n = 0;
	return ok;
}

static bool add_row(void *ctx, const struct source *src)
{
	struct out *out = ctx;
	const struct edges *t = out->t;
	bool is_first = src->node == t->first_source && src->edge.offset == t->first_offset;
	if (is_first != out->only_first)
		return true;
	out->row[out->n++] = (struct edge_row){src->node, src->edge.target, src->address, src->edge.offset,
	                                       pointer_of(t, src), src->weight, src->label};
	bool label_stays = src->label.text != src->scratch[0].text && src->label.text != src->scratch[1].text;
	return (label_stays && out->n < BATCH) || put_batch(out);
}

static void put_rows(void *ctx, size_t i, struct piece *piece)
{
	const struct edges *t = ctx;
	struct out out = {.t = t, .piece = piece};
	struct source src = {.turn = 0};
	uint64_t from = i < t->root_pieces ? t->limit + (uint64_t)i * NODES_PER_PIECE
	                                   : (uint64_t)(i - t->root_pieces) * NODES_PER_PIECE;
	uint64_t end = i < t->root_pieces ? t->sel.end : t->limit;
	if (end - from > NODES_PER_PIECE)
		end = from + NODES_PER_PIECE;
	hc_node node = selection_next(&t->sources, (hc_node)from);
	for (; node < end && !piece->failed; node = selection_next(&t->sources, node + 1)) {
		if (!hc_edge_count(t->s, node))
			continue;
		source_set(t, &src, node);
		piece->failed |= !each_row(t, &src, add_row, &out);
	}
	piece->failed |= !put_batch(&out);
	source_free(&src);
}

/*
 * Gephi guesses the type of a column by its first 25 rows, and loses numbers of more than 32 bits further down: where there
 * are such offsets, the first row that has one comes before all others.
 */
static bool is_wide(void *ctx, const struct source *src)
{
	struct edges *t = ctx;
	uint64_t target = hc_node_addr(t->s, src->edge.target), pointer = pointer_of(t, src);
	if (src->edge.offset <= INT32_MAX && (pointer <= target || pointer - target <= INT32_MAX))
		return true;
	t->first_source = src->node;
	t->first_offset = src->edge.offset;
	return false;
}

static void help_guessing(struct edges *t)
{
	struct hc_object o;
	struct source src = {.turn = 0};
	bool large = false, may = hc_snapshot_info(t->s)->object_bytes > INT32_MAX;
	for (hc_node n = selection_next(&t->sources, 0); may && n < t->limit && !large; n = selection_next(&t->sources, n + 1))
		large = hc_object_get(t->s, n, &o) && o.slot_size > INT32_MAX;
	for (hc_node n = selection_next(&t->sources, 0); large && n != HC_NODE_NONE; n = selection_next(&t->sources, n + 1)) {
		source_set(t, &src, n);
		if (!each_row(t, &src, is_wide, t))
			break;
	}
	source_free(&src);
}

static struct hc_error *write_rows(struct edges *t)
{
	static const char header[] = "Source,Target,Type,Label,Weight,Kind,SrcOffset,DstOffset\n";
	hc_node roots = t->sel.end - t->limit;
	sink_put(t->job->sink, header, sizeof(header) - 1);
	help_guessing(t);
	if (t->first_source != HC_NODE_NONE) {
		struct piece piece = {.data = NULL};
		struct out out = {.t = t, .piece = &piece, .only_first = true};
		struct source src = {.turn = 0};
		source_set(t, &src, t->first_source);
		bool ok = each_row(t, &src, add_row, &out) && put_batch(&out);
		sink_put(t->job->sink, piece.data, piece.len);
		source_free(&src);
		free(piece.data);
		if (!ok)
			return err_nomem();
	}
	t->root_pieces = (roots + NODES_PER_PIECE - 1) / NODES_PER_PIECE;
	return pieces_write(t->job, t->root_pieces + ((size_t)t->limit + NODES_PER_PIECE - 1) / NODES_PER_PIECE, put_rows, t);
}

static struct hc_error *make_ids(struct edges *t)
{
	struct name cell = {0};
	uint32_t n = hc_root_count(t->s);
	struct hc_error *err = ids_init(&t->ids, t->s);
	if (err)
		return err;
	t->id = calloc((size_t)n + 1, sizeof(*t->id));
	t->id_len = calloc((size_t)n + 1, sizeof(*t->id_len));
	bool ok = t->id && t->id_len;
	for (uint32_t i = 0; ok && i < n; i++) {
		ok = csv_cell(&cell, t->ids.root[i]) && (t->id[i] = arena_strndup(&t->arena, cell.text, cell.len));
		t->id_len[i] = cell.len;
	}
	name_free(&cell);
	return ok ? NULL : err_nomem();
}

/* ---- text ---- */

struct lines {
	const struct edges *t;
	struct rows *r;
};

static const char *name_of(const struct edges *t, hc_node node)
{
	struct hc_object o;
	if (hc_object_get(t->s, node, &o))
		return hc_class_at(t->s, hc_object_class(t->s, &o)).name;
	return hc_root_at(t->s, node - t->limit).name;
}

static bool put_line(void *ctx, const struct source *src)
{
	const struct lines *l = ctx;
	char from[ID_MAX], to[ID_MAX];
	if (!rows_more(l->r))
		return true;
	rows_text(l->r, ids_of(&l->t->ids, src->node, from));
	rows_fit(l->r, name_of(l->t, src->node), NAME_WIDTH);
	rows_text(l->r, src->label.text);
	rows_text(l->r, ids_of(&l->t->ids, src->edge.target, to));
	rows_fit(l->r, name_of(l->t, src->edge.target), NAME_WIDTH);
	return true;
}

static struct hc_error *write_lines(struct edges *t, uint64_t top)
{
	static const struct column columns[] = {{"", "from", '<'}, {"", "type or name", '<'}, {"", "by", '<'}, {"", "to", '<'},
	                                        {"", "type or name", '<'}};
	struct rows r;
	struct lines l = {t, &r};
	struct source src = {.turn = 0};
	bool ok = true;
	rows_init(&r, t->job, TABLE_TEXT, columns, sizeof(columns) / sizeof(columns[0]));
	r.top = TEXT_EDGES * top;
	for (uint64_t i = 0; ok && !t->sel.targets && i < t->sel.len; i++) {
		source_set(t, &src, t->sel.order[i]);
		ok = each_row(t, &src, put_line, &l);
	}
	/* Around targets: in the order of CSV. */
	hc_node from = t->sel.targets ? selection_next(&t->sources, t->limit) : HC_NODE_NONE;
	for (; ok && from != HC_NODE_NONE; from = selection_next(&t->sources, from + 1)) {
		source_set(t, &src, from);
		ok = each_row(t, &src, put_line, &l);
	}
	from = t->sel.targets ? selection_next(&t->sources, 0) : t->limit;
	for (; ok && from < t->limit; from = selection_next(&t->sources, from + 1)) {
		source_set(t, &src, from);
		ok = each_row(t, &src, put_line, &l);
	}
	source_free(&src);
	struct hc_error *err = rows_end(&r, 0);
	return err || ok ? err : err_nomem();
}

struct hc_error *table_edges(const struct job *job, enum table_form form)
{
	const struct hc_info *info = hc_snapshot_info(job->s);
	uint64_t top = job->opts.top || form == TABLE_CSV ? job->opts.top : ROWS_TEXT;
	struct edges t = {.job = job, .s = job->s, .limit = hc_object_limit(job->s), .word = info->pointer_size,
	                  .be = info->big_endian, .first_source = HC_NODE_NONE};
	struct hc_error *err = selection_init(&t.sel, job, top, false);
	if (err)
		return err;
	t.sources = t.sel;
	if (t.sel.targets)
		t.sources.chosen = NULL;
	err = make_ids(&t);
	if (!err)
		err = labels_init(&t.labels, job->s);
	if (!err) {
		err = form == TABLE_CSV ? write_rows(&t) : write_lines(&t, top);
		labels_deinit(&t.labels);
	}
	if (!err && form == TABLE_CSV)
		rows_said(job, 0, t.sel.left_out);
	ids_deinit(&t.ids);
	free(t.id);
	free(t.id_len);
	arena_free(&t.arena);
	selection_deinit(&t.sel);
	return err;
}
