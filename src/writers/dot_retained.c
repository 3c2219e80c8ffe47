/* SPDX-License-Identifier: MIT */
/* `retained`: the top of the dominator tree, as a graph and as text. */
#include <inttypes.h>
#include <stdio.h>

#include "writers/dot.h"
#include "writers/kept.h"
#include "writers/text.h"

/* Nodes; trees are cheap to lay out, but not to read. */
enum { DOT_TOP = 80, DOT_TOP_MAX = 2000, TEXT_TOP = 60, REST_SHARE = 200, LEVELS_SHOWN = 30 };

static bool rest_counts(const struct kept *k, const struct kept_node *n)
{
	return n->rest > hc_snapshot_info(k->r.s)->live_bytes / REST_SHARE;
}

static void put_rest(const struct kept *k, struct hc_sink *out, uint32_t i)
{
	char id[32], from[32], name[128], a[TEXT_NUMBER], b[TEXT_NUMBER];
	const struct kept_node *n = &k->list[i];
	snprintf(id, sizeof(id), "rest%" PRIu32, i);
	snprintf(name, sizeof(name), "%s in %s smaller parts", text_bytes(a, n->rest), text_count(b, n->rest_objects));
	struct dot_node d = {name, "", "plaintext", n->rest, hc_snapshot_info(k->r.s)->live_bytes, false, false};
	dot_node(out, id, &d);
	dot_id(k->r.s, k->r.found.data[n->found].node, from, sizeof(from));
	struct dot_edge e = {"", "", 0, 0, true, false};
	dot_edge(out, from, id, &e);
}

struct hc_error *dot_retained(const struct job *job)
{
	struct kept k;
	char about[256], from[32], to[32], label[QUERY_TEXT], a[TEXT_NUMBER], b[TEXT_NUMBER];
	uint64_t top = job->opts.top ? job->opts.top : DOT_TOP;
	struct hc_error *err = kept_open(job, top < DOT_TOP_MAX ? top : DOT_TOP_MAX, &k);
	if (err)
		return err;
	uint64_t live = hc_snapshot_info(job->s)->live_bytes;
	snprintf(about, sizeof(about), "what keeps the %s of live objects: the %s largest parts of %s",
	         text_bytes(a, live),
	         text_count(b, k.n), text_count((char[TEXT_NUMBER]){0}, k.candidates));
	dot_begin(job->sink, about, true);
	for (uint32_t i = 0; i < k.n; i++) {
		hc_node node = k.r.found.data[k.list[i].found].node;
		dot_put_object(job->sink, job->s, node, false);
		if (rest_counts(&k, &k.list[i]))
			put_rest(&k, job->sink, i);
		if (!i)
			continue;
		const struct retainer *at = &k.r.found.data[k.list[i].found];
		kept_hop(&k, i, label, sizeof(label));
		dot_id(job->s, k.r.found.data[at->over].node, from, sizeof(from));
		dot_id(job->s, node, to, sizeof(to));
		struct dot_edge e = {label, "", at->retained, live, at->via == HC_VIA_SEVERAL, false};
		dot_edge(job->sink, from, to, &e);
	}
	dot_end(job->sink);
	kept_close(&k);
	return NULL;
}

static void text_rest(const struct kept *k, struct table *t, const struct kept_node *n)
{
	char text[128];
	if (n->rest <= hc_snapshot_info(k->r.s)->live_bytes / REST_SHARE)
		return;
	table_bytes(t, n->rest);
	table_percent(t, n->rest, hc_snapshot_info(k->r.s)->live_bytes);
	table_count(t, n->rest_objects);
	int indent = 2 * (int)(n->level < LEVELS_SHOWN ? n->level : LEVELS_SHOWN) + 2;
	snprintf(text, sizeof(text), "%*s(smaller parts)", indent, "");
	table_cell(t, text);
}

static void text_row(const struct kept *k, struct table *t, uint32_t i)
{
	char text[3 * QUERY_TEXT], hop[QUERY_TEXT], name[QUERY_TEXT];
	const struct kept_node *n = &k->list[i];
	const struct retainer *at = &k->r.found.data[n->found];
	const struct hc_snapshot *s = k->r.s;
	table_bytes(t, at->retained);
	table_percent(t, at->retained, hc_snapshot_info(s)->live_bytes);
	table_count(t, hc_retained_objects(s, at->node));
	kept_hop(k, i, hop, sizeof(hop));
	query_name(s, at->node, name, sizeof(name));
	int indent = 2 * (int)(n->level < LEVELS_SHOWN ? n->level : LEVELS_SHOWN);
	if (at->node < hc_object_limit(s))
		snprintf(text, sizeof(text), "%*s%.300s%s%.300s  0x%" PRIx64, indent, "", hop, *hop ? " " : "", name,
		         hc_node_addr(s, at->node));
	else
		snprintf(text, sizeof(text), "%*s%.300s", indent, "", name);
	table_cell(t, text);
	text_rest(k, t, n);
}

struct hc_error *text_retained(const struct job *job)
{
	struct kept k;
	struct table t;
	struct hc_error *err = kept_open(job, job->opts.top ? job->opts.top : TEXT_TOP, &k);
	if (err)
		return err;
	table_init(&t, ">>><", 2);
	table_cell(&t, "retained");
	table_cell(&t, "%");
	table_cell(&t, "objects");
	table_cell(&t, "Kept by (a line is freed when the one above it, to the left, is)");
	for (uint32_t i = 0; k.n && i != KEPT_NONE; i = kept_next(&k, i))
		text_row(&k, &t, i);
	err = table_end(&t, job->sink);
	sink_puts(job->sink, "  Smaller parts are left out: --top=N\n");
	kept_close(&k);
	return err;
}
