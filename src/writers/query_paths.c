/* SPDX-License-Identifier: MIT */
/* `paths` as text and as a table: the shortest ways from roots to the target, and all roots that reach it. */
#include <inttypes.h>
#include <stdio.h>

#include "writers/query_paths.h"
#include "writers/names.h"
#include "writers/text.h"

enum { ANCHORS_SHOWN = 20, RUN_MIN = 4, HEAD_MIN = 4 };

/* ---- paths that look alike are shown once ---- */

static uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/*
 * Of the types and fields on the path, without indexes and addresses; steps like the one before, as in lists, are left
 * out.
 */
static uint64_t shape_hash(const struct hc_snapshot *s, const struct hc_path *path)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325), last = 0;
	char text[QUERY_TEXT];
	struct hc_object o;
	for (size_t i = 0; i < path->n; i++) {
		uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
		if (hc_object_get(s, path->steps[i].node, &o))
			step ^= hc_object_class(s, &o);
		else
			step = hash_text(step, hc_root_at(s, path->steps[i].node - hc_object_limit(s)).name);
		if (i + 1 < path->n) {
			query_hop(s, path->steps[i].node, path->steps[i].offset, false, text, sizeof(text));
			step = hash_text(step, text);
		}
		if (i == 0 || step != last)
			h = (h ^ step) * UINT64_C(0x100000001b3) + (h >> 29);
		last = step;
	}
	return h;
}

/* False: out of memory. */
static bool merge(struct query_paths *p)
{
	struct map seen = {0};
	bool ok = true;
	size_t n = hc_paths_count(p->paths);
	for (size_t i = 0; ok && i < n; i++) {
		struct hc_path path = hc_paths_at(p->paths, i);
		uint64_t hash = shape_hash(p->q.s, &path);
		uint32_t at;
		if (map_get(&seen, hash, &at)) {
			p->shown.data[at].alike++;
			continue;
		}
		ok = map_put(&seen, hash, (uint32_t)p->shown.len) && vec_push(&p->shown,
		                                                              ((struct shown_path){path, 0}));
	}
	map_free(&seen);
	p->kinds = p->shown.len;
	if (p->shown.len > p->max)
		p->shown.len = p->max;
	return ok;
}

struct hc_error *query_paths_open(const struct job *job, struct query_paths *p)
{
	memset(p, 0, sizeof(*p));
	struct hc_error *err = query_open(job, false, &p->q);
	p->max = job->opts.top ? job->opts.top : PATHS_SHOWN;
	if (!err)
		err = hc_paths_open(p->q.s, p->q.refs, p->q.target, p->max > PATHS_SEARCHED ? p->max : PATHS_SEARCHED,
		                    &p->paths);
	if (!err && !merge(p))
		err = err_nomem();
	if (err)
		query_paths_close(p);
	return err;
}

void query_paths_close(struct query_paths *p)
{
	vec_free(&p->shown);
	hc_paths_close(p->paths);
	query_close(&p->q);
}

/* ---- one path ---- */

/* Steps that look the same, as those of a list do: same type, same pointer. How many follow the i-th one. */
static size_t run_length(const struct hc_snapshot *s, const struct hc_path *path, size_t i)
{
	struct hc_object a, b;
	size_t n = 0;
	if (!hc_object_get(s, path->steps[i].node, &a))
		return 0;
	while (i + n + 2 < path->n && path->steps[i + n + 1].offset == path->steps[i].offset &&
	       hc_object_get(s, path->steps[i + n + 1].node, &b) && hc_object_class(s, &a) == hc_object_class(s, &b))
		n++;
	return n;
}

static void row_node(struct table *t, const struct hc_snapshot *s, hc_node node, const char *how)
{
	char text[QUERY_TEXT + 128], name[QUERY_TEXT];
	struct hc_object o;
	table_fit(t, *how ? how : "->", 32); /* "": the node is nothing but the pointer */
	query_address(s, node, text, sizeof(text));
	table_cell(t, text);
	if (hc_object_get(s, node, &o)) {
		const char *kept = query_kept(s, node);
		table_bytes(t, hc_retained(s, node));
		query_name(s, node, name, sizeof(name));
		snprintf(text, sizeof(text), "%s%s%s%s", name, *kept ? " (" : "", kept, *kept ? ")" : "");
		table_cell(t, text);
	} else {
		table_bytes(t, hc_retained(s, node));
		query_root_about(s, node, text, sizeof(text));
		table_cell(t, text);
	}
}

static void row_note(struct table *t, const char *note)
{
	table_cell(t, note);
	table_cell(t, "");
	table_cell(t, "");
	table_cell(t, "");
}

/* A part of the map that the path comes from: that is said by the key with which it goes on. */
static bool is_map_part(const struct hc_snapshot *s, const struct hc_path *path, size_t i)
{
	struct hc_object map, part;
	return i + 1 < path->n && hc_object_get(s, path->steps[i - 1].node, &map) && hc_object_get(s, path->steps[i].node, &part) &&
	       name_map_storage(hc_class_at(s, hc_object_class(s, &part)).name) &&
	       strncmp(hc_class_at(s, hc_object_class(s, &map)).name, "map[", 4) == 0;
}

static struct hc_error *put_path(const struct hc_snapshot *s, struct hc_sink *k, const struct hc_path *path,
                                 uint64_t depth)
{
	char how[QUERY_TEXT], number[TEXT_NUMBER], note[QUERY_TEXT + 64];
	struct table t;
	table_init(&t, "<<><", 4);
	snprintf(how, sizeof(how), "%s", hc_root_at(s, path->steps[0].node - hc_object_limit(s)).name);
	row_node(&t, s, path->steps[0].node, how);
	for (size_t i = 1, shown = 0; i < path->n; i++) {
		if (shown++ >= depth / 2 && path->n - i > depth / 2 + 1) {
			size_t skip = path->n - i - (size_t)(depth / 2);
			snprintf(note, sizeof(note), "... %s more ...", text_count(number, skip));
			row_note(&t, note);
			i += skip;
			shown = 0;
			depth = UINT64_MAX;
		}
		if (is_map_part(s, path, i))
			continue;
		query_hop(s, path->steps[i - 1].node, path->steps[i - 1].offset, true, how, sizeof(how));
		row_node(&t, s, path->steps[i].node, how);
		size_t run = run_length(s, path, i);
		if (run < RUN_MIN)
			continue;
		query_hop(s, path->steps[i].node, path->steps[i].offset, true, how, sizeof(how));
		snprintf(note, sizeof(note), "%.200s (%s times)", how, text_count(number, run));
		i += run;
		row_node(&t, s, path->steps[i].node, note);
	}
	return table_end(&t, k);
}

struct hc_error *query_put_paths(const struct query_paths *p, uint64_t depth, struct hc_sink *k)
{
	struct hc_error *err = NULL;
	char number[TEXT_NUMBER];
	for (size_t i = 0; !err && i < p->shown.len; i++) {
		const struct shown_path *at = &p->shown.data[i];
		sink_printf(k, "%s  Path %zu: %zu reference%s", i ? "\n" : "", i + 1, at->path.n - 1,
		            at->path.n == 2 ? "" : "s");
		if (at->alike)
			sink_printf(k, "; %s more by the same types and fields", text_count(number, at->alike));
		sink_puts(k, "\n");
		err = put_path(p->q.s, k, &at->path, depth > HEAD_MIN ? depth : HEAD_MIN);
	}
	if (p->kinds > p->shown.len)
		sink_printf(k, "\n  Longer paths of %s other kinds are left out: --top=N\n",
		            text_count(number, p->kinds - p->shown.len));
	else if (hc_paths_count(p->paths) >= PATHS_SEARCHED)
		sink_printf(k, "\n  There are more: the search ended with the %s shortest ones.\n",
		            text_count(number, hc_paths_count(p->paths)));
	if (hc_paths_cut(p->paths))
		sink_puts(k, "\n  The search was given up: there are too many detours. Longer paths are missing.\n");
	return err;
}

/* ---- anchors ---- */

struct hc_error *query_put_anchors(const struct query_paths *p, struct hc_sink *k)
{
	const struct hc_snapshot *s = p->q.s;
	const hc_node *list;
	uint64_t n = hc_paths_anchors(p->paths, &list);
	char text[QUERY_TEXT], number[TEXT_NUMBER];
	struct table t;
	if (!n)
		return NULL;
	sink_printf(k, "\n  Roots that reach it: %s\n", text_count(number, n));
	table_init(&t, "<><", 4);
	table_cell(&t, "root");
	table_cell(&t, "references");
	table_cell(&t, "");
	for (uint64_t i = 0; i < n && i < ANCHORS_SHOWN; i++) {
		table_fit(&t, hc_root_at(s, list[i] - p->q.limit).name, 44);
		table_count(&t, hc_paths_distance(p->paths, list[i]));
		query_root_about(s, list[i], text, sizeof(text));
		table_cell(&t, text);
	}
	struct hc_error *err = table_end(&t, k);
	if (n > ANCHORS_SHOWN)
		sink_printf(k, "    and %s others; paths.csv has them all\n", text_count(number, n - ANCHORS_SHOWN));
	return err;
}

void query_put_target(const struct query *q, struct hc_sink *k)
{
	char name[QUERY_TEXT], addr[32], number[TEXT_NUMBER];
	uint64_t n = hc_set_count(q->target), live = 0, bytes = 0;
	hc_node first = hc_set_next(q->target, 0);
	struct hc_object o;
	if (n == 1) {
		query_name(q->s, first, name, sizeof(name));
		query_address(q->s, first, addr, sizeof(addr));
		sink_printf(k, "%s %s, retains %s%s\n", addr, name, text_bytes(number, hc_retained(q->s, first)),
		            query_is_live(q->s, first) ? "" : "; garbage");
		return;
	}
	for (hc_node i = first; i != HC_NODE_NONE; i = hc_set_next(q->target, i + 1)) {
		if (!hc_object_get(q->s, i, &o))
			continue;
		live += o.flags & HC_OBJ_LIVE ? 1 : 0;
		bytes += o.slot_size;
	}
	sink_printf(k, "%s objects and variables", text_count(number, n));
	sink_printf(k, ", %s of them live", text_count(number, live));
	sink_printf(k, ", %s\n", text_bytes(number, bytes));
}

struct hc_error *text_paths(const struct job *job)
{
	struct query_paths p;
	struct hc_error *err = query_paths_open(job, &p);
	if (err)
		return err;
	query_put_target(&p.q, job->sink);
	if (!hc_paths_count(p.paths))
		sink_puts(job->sink, "\n  No root reaches it: it is garbage.\n");
	else
		sink_puts(job->sink, "\n");
	err = query_put_paths(&p, job->opts.depth ? job->opts.depth : DEPTH_SHOWN, job->sink);
	if (!err)
		err = query_put_anchors(&p, job->sink);
	query_paths_close(&p);
	return err;
}
