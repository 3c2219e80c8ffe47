/* SPDX-License-Identifier: MIT */
/* `paths` and `owners` as graphs, and the table of the format's views. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "writers/dot.h"
#include "writers/owners.h"
#include "writers/query_paths.h"
#include "writers/text.h"

/* Nodes of a general graph that `dot` lays out in a second or so. */
enum { PATH_NODES = 60, PATH_ENDS = 3, OWNER_NODES = 100 };

/* ---- paths ---- */

struct hop {
	hc_node from, to;
	uint64_t offset;
	uint64_t skipped; /* nodes in between that are not shown */
};

static int by_hop(const void *ap, const void *bp)
{
	const struct hop *a = ap, *b = bp;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	if (a->skipped != b->skipped)
		return a->skipped < b->skipped ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int by_node(const void *ap, const void *bp)
{
	hc_node a = *(const hc_node *)ap, b = *(const hc_node *)bp;
	return a < b ? -1 : a > b;
}

struct union_graph {
	VEC(struct hop) hops;
	VEC(hc_node) nodes;
};

static bool node_add(struct union_graph *g, hc_node node)
{
	for (size_t i = 0; i < g->nodes.len; i++)
		if (g->nodes.data[i] == node)
			return true;
	return vec_push(&g->nodes, node);
}

/* Long paths are cut in the middle. False: out of memory. */
static bool path_add(struct union_graph *g, const struct hc_path *p, size_t room)
{
	size_t head = p->n, tail = p->n;
	if (p->n > room) {
		head = room / 2;
		tail = p->n - (room - head);
	}
	for (size_t i = 0; i < p->n; i++) {
		if (i == head)
			i = tail;
		if (!node_add(g, p->steps[i].node))
			return false;
		if (i + 1 == p->n)
			break;
		bool cut = i + 1 == head;
		struct hop h = {p->steps[i].node, p->steps[cut ? tail : i + 1].node, p->steps[i].offset,
		                cut ? tail - head : 0};
		if (!vec_push(&g->hops, h))
			return false;
	}
	return true;
}

/* "+16" where the pointer leads into the middle of an object; "" where it leads to its start. */
static void interior(const struct query *q, const struct hop *h, char *buf, size_t size)
{
	const struct hc_info *info = hc_snapshot_info(q->s);
	uint64_t addr = hc_node_addr(q->s, h->from), offset = 0;
	uint8_t b[8];
	buf[0] = '\0';
	if (addr && info->pointer_size <= sizeof(b) && hc_read_memory(q->s, addr + h->offset, b, info->pointer_size) &&
	    hc_object_find(q->s, load_uint(b, info->pointer_size, info->big_endian), &offset) == h->to && offset)
		snprintf(buf, size, "+%" PRIu64, offset);
}

static void hops_put(const struct query *q, struct hc_sink *k, struct union_graph *g)
{
	char from[32], to[32], label[QUERY_TEXT], number[TEXT_NUMBER], head[32];
	if (g->hops.len)
		qsort(g->hops.data, g->hops.len, sizeof(*g->hops.data), by_hop);
	for (size_t i = 0; i < g->hops.len; i++) {
		const struct hop *h = &g->hops.data[i];
		if (i && by_hop(h, &g->hops.data[i - 1]) == 0)
			continue;
		dot_id(q->s, h->from, from, sizeof(from));
		dot_id(q->s, h->to, to, sizeof(to));
		query_hop(q->s, h->from, h->offset, true, label, sizeof(label));
		interior(q, h, head, sizeof(head));
		struct dot_edge e = {label, head, 0, 0, false, *head != '\0'};
		if (h->skipped) {
			snprintf(label, sizeof(label), "%s more", text_count(number, h->skipped));
			e.dashed = true;
		}
		dot_edge(k, from, to, &e);
	}
}

struct hc_error *dot_paths(const struct job *job)
{
	struct query_paths p;
	struct union_graph g = {0};
	char about[256], a[TEXT_NUMBER];
	struct hc_error *err = query_paths_open(job, &p);
	if (err)
		return err;
	size_t shown = 0;
	bool ok = true;
	for (size_t i = 0; ok && i < p.shown.len && g.nodes.len < PATH_NODES; i++, shown++) {
		size_t room = PATH_NODES - g.nodes.len;
		ok = path_add(&g, &p.shown.data[i].path, room > 2 * PATH_ENDS ? room : 2 * PATH_ENDS);
	}
	snprintf(about, sizeof(about), "%zu shortest paths of %s kinds; %s roots reach the target", shown,
	         text_count(a, p.kinds),
	         text_count((char[TEXT_NUMBER]){0}, hc_paths_anchors(p.paths, &(const hc_node *){NULL})));
	dot_begin(job->sink, ok && shown ? about : "no root reaches the target: it is garbage", false);
	if (g.nodes.len)
		qsort(g.nodes.data, g.nodes.len, sizeof(*g.nodes.data), by_node);
	for (size_t i = 0; i < g.nodes.len; i++)
		dot_put_object(job->sink, job->s, g.nodes.data[i], hc_set_has(p.q.target, g.nodes.data[i]));
	if (!g.nodes.len)
		dot_put_object(job->sink, job->s, query_biggest(&p.q), true);
	hops_put(&p.q, job->sink, &g);
	dot_end(job->sink);
	vec_free(&g.hops);
	vec_free(&g.nodes);
	query_paths_close(&p);
	return ok ? NULL : err_nomem();
}

/* ---- owners ---- */

static void owner_put(const struct owners *o, struct hc_sink *k, uint32_t i)
{
	const struct owner *n = &o->list.data[i];
	char id[32], more[QUERY_TEXT] = "", up[32], a[TEXT_NUMBER], b[TEXT_NUMBER], label[QUERY_TEXT];
	struct dot_node d = {n->name, more, dot_shape(o->q.s, n->example), n->retained,
	                     hc_snapshot_info(o->q.s)->live_bytes, i == 0, false};
	snprintf(id, sizeof(id), "n%" PRIu32, i);
	if (n->root && n->referrers == 1)
		query_root_about(o->q.s, n->example, more, sizeof(more));
	else if (n->referrers == 1)
		snprintf(more, sizeof(more), "0x%" PRIx64 "\nretains %s", hc_node_addr(o->q.s, n->example),
		         text_bytes(a, n->retained));
	else
		snprintf(more, sizeof(more), "%s of them, %s%s", text_count(a, n->referrers), text_bytes(b, n->bytes),
		         n->known == n->referrers ? ", shown already" : "");
	d.red = !n->root && n->referrers == 1 && hc_kept_by(o->q.s, n->example) != HC_KEPT_ORDINARY;
	dot_node(k, id, &d);
	if (i) {
		snprintf(up, sizeof(up), "n%" PRIu32, n->parent);
		snprintf(label, sizeof(label), "%.400s%s%s", n->field, n->references > 1 ? " x" : "",
		         n->references > 1 ?
		         text_count(a, n->references) : "");
		struct dot_edge e = {label, "", n->references, o->list.data[0].referrers, n->known == n->referrers,
		                     false};
		if (e.weight > e.whole)
			e.weight = e.whole;
		dot_edge(k, id, up, &e);
	}
}

struct hc_error *dot_owners(const struct job *job)
{
	struct owners o;
	char about[256], a[TEXT_NUMBER];
	uint32_t limit = job->opts.top ? UINT32_MAX : OWNER_NODES, left = 0;
	struct hc_error *err = owners_open(job, &o);
	if (err)
		return err;
	/* Numbers ascend by level: the nearest ones are shown. */
	for (uint32_t i = 0; i < o.list.len; i++)
		left += i >= limit || o.list.data[i].left_out;
	snprintf(about, sizeof(about), "who refers to %.150s%s%s%s", o.list.data[0].name, left ? "; " : "",
	         left ? text_count(a, left) : "", left ? " places have more referrers than are shown" : "");
	dot_begin(job->sink, about, true);
	for (uint32_t i = 0; i < o.list.len && i < limit; i++)
		owner_put(&o, job->sink, i);
	dot_end(job->sink);
	owners_close(&o);
	return NULL;
}

static const struct view views[] = {
	{"retained", dot_retained},
	{"types", dot_types},
	{"paths", dot_paths},
	{"owners", dot_owners},
	{NULL, NULL},
};

const struct format format_dot = {
	{"dot", ".dot .gv", "retained types paths owners", "graphs for Graphviz, small enough for `dot -Tsvg`"},
	views,
};
