/* SPDX-License-Identifier: MIT */
/* `paths` and `owners` as tables. */
#include <inttypes.h>
#include <stdio.h>

#include "writers/owners.h"
#include "writers/query_paths.h"

/*
 * RFC 4180; what a spreadsheet would take for a formula is not text of Go programs, but of their map keys: quoted
 * there.
 */
static void cell(struct hc_sink *k, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")] && text[0] != ' ') {
		sink_puts(k, text);
		return;
	}
	sink_puts(k, "\"");
	for (; *text; text++) {
		if (*text == '"')
			sink_puts(k, "\"");
		sink_put(k, text, 1);
	}
	sink_puts(k, "\"");
}

static const char *kind_of(const struct query *q, hc_node node)
{
	return node < q->limit ? "object" : query_root_kind(hc_root_at(q->s, node - q->limit).kind);
}

/* "0xc000010000", or the name of a root without an address. */
static void id_cell(struct hc_sink *k, const struct query *q, hc_node node)
{
	char text[QUERY_TEXT];
	query_address(q->s, node, text, sizeof(text));
	if (!*text)
		query_name(q->s, node, text, sizeof(text));
	cell(k, text);
}

/* ",function,file,line,goroutine": empty for objects. */
static void place_cells(struct hc_sink *k, const struct query *q, hc_node node)
{
	struct hc_line line = {NULL, NULL, 0, false};
	struct hc_root r = {.goroutine = HC_NO_INDEX, .frame = HC_NO_INDEX};
	if (node >= q->limit)
		r = hc_root_at(q->s, node - q->limit);
	if (r.frame != HC_NO_INDEX && hc_frame_lines(q->s, r.frame, &line, 1) == 0)
		line.function = hc_frame_at(q->s, r.frame).function;
	sink_puts(k, ",");
	cell(k, line.function ? line.function : "");
	sink_puts(k, ",");
	cell(k, line.file ? line.file : "");
	if (line.line > 0)
		sink_printf(k, ",%d", line.line);
	else
		sink_puts(k, ",");
	sink_printf(k, ",%" PRIu64, r.goroutine != HC_NO_INDEX ? hc_goroutine_at(q->s, r.goroutine).id : 0);
}

static const char *kept_word(const struct hc_snapshot *s, hc_node node)
{
	static const char *const words[] = {[HC_KEPT_ORDINARY] = "", [HC_KEPT_FINALIZER] = "finalizer",
	                                    [HC_KEPT_CLEANUP] = "cleanup", [HC_KEPT_CYCLE] = "finalizer cycle"};
	return words[hc_kept_by(s, node)];
}

static void path_row(struct hc_sink *k, const struct query *q, const char *path, size_t hop, hc_node node,
                     const char *field)
{
	char name[QUERY_TEXT];
	struct hc_object o;
	sink_printf(k, "%s,%zu,", path, hop);
	id_cell(k, q, node);
	sink_printf(k, ",%s,", kind_of(q, node));
	query_name(q->s, node, name, sizeof(name));
	cell(k, name);
	sink_puts(k, ",");
	cell(k, field);
	bool object = hc_object_get(q->s, node, &o);
	sink_printf(k, ",%" PRIu64 ",%" PRIu64, object ? o.slot_size : 0, hc_retained(q->s, node));
	place_cells(k, q, node);
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
	if (err)
		return err;
	sink_puts(job->sink, "Path,Hop,Id,Kind,TypeName,Field,Size,Retained,Function,File,Line,Goroutine,KeptBy\n");
	for (size_t i = 0; i < p.shown.len && !sink_failed(job->sink); i++) {
		const struct hc_path *path = &p.shown.data[i].path;
		snprintf(number, sizeof(number), "%zu", i + 1);
		for (size_t j = 0; j < path->n; j++) {
			field[0] = '\0';
			if (j)
				query_hop(job->s, path->steps[j - 1].node, path->steps[j - 1].offset, true, field,
				          sizeof(field));
			path_row(job->sink, &p.q, number, j, path->steps[j].node, field);
		}
	}
	uint64_t n = hc_paths_anchors(p.paths, &anchors);
	for (uint64_t i = 0; i < n && !sink_failed(job->sink); i++)
		path_row(job->sink, &p.q, "root", hc_paths_distance(p.paths, anchors[i]), anchors[i], "");
	query_paths_close(&p);
	return NULL;
}

struct hc_error *csv_owners(const struct job *job)
{
	struct owners o;
	struct hc_error *err = owners_open(job, &o);
	if (err)
		return err;
	sink_puts(job->sink, "Owner,Holds,Level,Kind,TypeName,Field,Objects,References,Size,Retained,Example,KeptBy\n");
	for (uint32_t i = 0; i != OWNERS_NONE; i = owners_next(&o, i)) {
		const struct owner *n = &o.list.data[i];
		sink_printf(job->sink, "%" PRIu32 ",", i);
		if (i)
			sink_printf(job->sink, "%" PRIu32, n->parent);
		sink_printf(job->sink, ",%" PRIu32 ",%s,", n->level, kind_of(&o.q, n->example));
		cell(job->sink, n->name);
		sink_puts(job->sink, ",");
		cell(job->sink, n->field);
		sink_printf(job->sink, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", n->referrers, n->references,
		            n->bytes,
		            n->retained);
		id_cell(job->sink, &o.q, n->example);
		sink_printf(job->sink, ",%s\n", kept_word(job->s, n->example));
	}
	owners_close(&o);
	return NULL;
}
