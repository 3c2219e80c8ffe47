/* SPDX-License-Identifier: MIT */
/* `paths` and `owners` as tables. */
#include <inttypes.h>
#include <stdio.h>

#include "writers/csv.h"
#include "writers/ids.h"
#include "writers/owners.h"
#include "writers/query_paths.h"

struct out {
	struct hc_sink *k;
	const struct query *q;
	struct ids ids; /* those of nodes.csv */
	struct name scratch;
};

static void cell(struct out *out, const char *text)
{
	csv_put(out->k, &out->scratch, text);
}

static const char *kind_of(const struct query *q, hc_node node)
{
	return node < q->limit ? "object" : query_root_kind(hc_root_at(q->s, node - q->limit).kind);
}

static void id_cell(struct out *out, hc_node node)
{
	char text[ID_MAX];
	cell(out, ids_of(&out->ids, node, text));
}

/* ",function,file,line,goroutine": empty for objects. */
static void place_cells(struct out *out, hc_node node)
{
	const struct hc_snapshot *s = out->q->s;
	struct hc_line line = {NULL, NULL, 0, false};
	struct hc_root r = {.goroutine = HC_NO_INDEX, .frame = HC_NO_INDEX};
	if (node >= out->q->limit)
		r = hc_root_at(s, node - out->q->limit);
	if (r.frame != HC_NO_INDEX && hc_frame_lines(s, r.frame, &line, 1) == 0)
		line.function = hc_frame_at(s, r.frame).function;
	sink_puts(out->k, ",");
	cell(out, line.function ? line.function : "");
	sink_puts(out->k, ",");
	cell(out, line.file ? line.file : "");
	if (line.line > 0)
		sink_printf(out->k, ",%d", line.line);
	else
		sink_puts(out->k, ",");
	sink_printf(out->k, ",%" PRIu64, r.goroutine != HC_NO_INDEX ? hc_goroutine_at(s, r.goroutine).id : 0);
}

static void out_free(struct out *out)
{
	ids_deinit(&out->ids);
	name_free(&out->scratch);
}

static const char *kept_word(const struct hc_snapshot *s, hc_node node)
{
	static const char *const words[] = {[HC_KEPT_ORDINARY] = "", [HC_KEPT_FINALIZER] = "finalizer",
	                                    [HC_KEPT_CLEANUP] = "cleanup", [HC_KEPT_CYCLE] = "finalizer cycle"};
	return words[hc_kept_by(s, node)];
}

static void path_row(struct out *out, const char *path, size_t hop, hc_node node, const char *field)
{
	char name[QUERY_TEXT];
	struct hc_object o;
	struct hc_sink *k = out->k;
	const struct query *q = out->q;
	sink_printf(k, "%s,%zu,", path, hop);
	id_cell(out, node);
	sink_printf(k, ",%s,", kind_of(q, node));
	query_name(q->s, node, name, sizeof(name));
	cell(out, name);
	sink_puts(k, ",");
	cell(out, field);
	bool object = hc_object_get(q->s, node, &o);
	sink_printf(k, ",%" PRIu64 ",%" PRIu64, object ? o.slot_size : 0, hc_retained(q->s, node));
	place_cells(out, node);
	sink_printf(k, ",%s\n", kept_word(q->s, node));
}

/*
 * Hops count from the root, 0; the field is the one by which the row before leads to this one. Roots alone have no
 * path.
 */
struct hc_error *csv_paths(const struct job *job)
{
	struct query_paths p;
	char field[QUERY_TEXT], number[32];
	const hc_node *anchors;
	struct hc_error *err = query_paths_open(job, &p);
	struct out out = {.k = job->sink, .q = &p.q};
	if (err)
		return err;
	err = ids_init(&out.ids, job->s);
	if (err) {
		query_paths_close(&p);
		return err;
	}
	sink_puts(job->sink, "Path,Hop,Id,Kind,TypeName,Field,Size,Retained,Function,File,Line,Goroutine,KeptBy\n");
	for (size_t i = 0; i < p.shown.len && !sink_failed(job->sink); i++) {
		const struct hc_path *path = &p.shown.data[i].path;
		snprintf(number, sizeof(number), "%zu", i + 1);
		for (size_t j = 0; j < path->n; j++) {
			field[0] = '\0';
			if (j)
				query_hop(job->s, path->steps[j - 1].node, path->steps[j - 1].offset, true, field,
				          sizeof(field));
			path_row(&out, number, j, path->steps[j].node, field);
		}
	}
	uint64_t n = hc_paths_anchors(p.paths, &anchors);
	for (uint64_t i = 0; i < n && !sink_failed(job->sink); i++)
		path_row(&out, "root", hc_paths_distance(p.paths, anchors[i]), anchors[i], "");
	out_free(&out);
	query_paths_close(&p);
	return NULL;
}

struct hc_error *csv_owners(const struct job *job)
{
	struct owners o;
	struct hc_error *err = owners_open(job, &o);
	struct out out = {.k = job->sink, .q = &o.q};
	if (err)
		return err;
	err = ids_init(&out.ids, job->s);
	if (err) {
		owners_close(&o);
		return err;
	}
	sink_puts(job->sink, "Owner,Holds,Level,Kind,TypeName,Field,Objects,References,Size,Retained,Example,KeptBy\n");
	for (uint32_t i = 0; i != OWNERS_NONE; i = owners_next(&o, i)) {
		const struct owner *n = &o.list.data[i];
		sink_printf(job->sink, "%" PRIu32 ",", i);
		if (i)
			sink_printf(job->sink, "%" PRIu32, n->parent);
		sink_printf(job->sink, ",%" PRIu32 ",%s,", n->level, kind_of(&o.q, n->example));
		cell(&out, n->name);
		sink_puts(job->sink, ",");
		cell(&out, n->field);
		sink_printf(job->sink, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", n->referrers, n->references,
		            n->bytes,
		            n->retained);
		id_cell(&out, n->example);
		sink_printf(job->sink, ",%s\n", kept_word(job->s, n->example));
	}
	out_free(&out);
	owners_close(&o);
	return NULL;
}
