/* SPDX-License-Identifier: MIT */
#include "writers/dot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "writers/names.h"
#include "writers/text.h"

void dot_text(struct hc_sink *k, const char *text, size_t max)
{
	struct name clean = {0};
	struct arena a = {0};
	const char *fitted = name_clean(&clean, text) ? text_fit(&a, clean.text, max) : NULL;
	if (!fitted)
		sink_fail(k, ENOMEM);
	/* Graphviz expands backslashes and entities in labels. */
	for (const char *p = fitted ? fitted : ""; *p; p++) {
		if (*p == '"' || *p == '\\')
			sink_puts(k, "\\");
		if (*p == '&')
			sink_puts(k, "&amp;");
		else
			sink_put(k, p, 1);
	}
	arena_free(&a);
	name_free(&clean);
}

void dot_begin(struct hc_sink *k, const char *about, bool tree)
{
	sink_puts(k, "digraph heap {\n\tgraph [rankdir=LR, nodesep=0.15, labelloc=t, labeljust=l, "
	             "fontname=\"monospace\", fontsize=11, ");
	/* Fewer rounds of the network simplex where that alone keeps the time in seconds. */
	sink_puts(k, tree ? "ranksep=0.4, " : "ranksep=0.5, nslimit=2, nslimit1=2, mclimit=0.5, ");
	sink_puts(k, "label=\"");
	dot_text(k, about, 300);
	sink_puts(k, "\"];\n\tnode [shape=box, style=filled, fillcolor=\"#ffffff\", fontname=\"monospace\", fontsize=9, "
	             "margin=\"0.08,0.04\"];\n"
	             "\tedge [fontname=\"monospace\", fontsize=8, color=\"#606060\"];\n");
}

void dot_end(struct hc_sink *k)
{
	sink_puts(k, "}\n");
}

/* White to orange by share, in few steps. */
static const char *colour(uint64_t weight, uint64_t whole)
{
	static const char *const steps[] = {"#ffffff", "#fff5eb", "#fee6ce", "#fdd0a2", "#fdae6b"};
	double share = whole ? (double)weight / (double)whole : 0;
	return steps[share >= 0.5 ? 4 : share >= 0.2 ? 3 : share >= 0.05 ? 2 : share >= 0.01 ? 1 : 0];
}

void dot_node(struct hc_sink *k, const char *id, const struct dot_node *n)
{
	sink_puts(k, "\t\"");
	dot_text(k, id, DOT_TOOLTIP);
	sink_puts(k, "\" [label=\"");
	dot_text(k, n->name, DOT_LABEL);
	for (const char *line = n->more; *line;) {
		char text[256];
		size_t len = strcspn(line, "\n");
		snprintf(text, sizeof(text), "%.*s", (int)(len < 255 ? len : 255), line);
		sink_puts(k, "\\n");
		dot_text(k, text, DOT_LABEL);
		line += len;
		line += *line == '\n';
	}
	sink_puts(k, "\", tooltip=\"");
	dot_text(k, n->name, DOT_TOOLTIP);
	sink_printf(k, "\", shape=%s, fillcolor=\"%s\"", n->shape, n->target ? "#ffff66" : colour(n->weight, n->whole));
	if (n->red)
		sink_puts(k, ", color=red, penwidth=3");
	sink_puts(k, "];\n");
}

void dot_edge(struct hc_sink *k, const char *from, const char *to, const struct dot_edge *e)
{
	double share = e->whole ? (double)e->weight / (double)e->whole : 0;
	sink_puts(k, "\t\"");
	dot_text(k, from, DOT_TOOLTIP);
	sink_puts(k, "\" -> \"");
	dot_text(k, to, DOT_TOOLTIP);
	sink_puts(k, "\" [label=\"");
	dot_text(k, e->label, DOT_LABEL);
	sink_puts(k, "\"");
	if (*e->head) {
		sink_puts(k, ", headlabel=\"");
		dot_text(k, e->head, DOT_LABEL);
		sink_puts(k, "\"");
	}
	sink_printf(k, ", penwidth=%d.%d", 1 + (int)(share * 4), (int)(share * 40) % 10);
	sink_printf(k, "%s%s];\n", e->dashed ? ", style=dashed" : "", e->red ? ", color=red" : "");
}

void dot_id(const struct hc_snapshot *s, hc_node node, char *buf, size_t size)
{
	if (node < hc_object_limit(s))
		snprintf(buf, size, "o0x%" PRIx64, hc_node_addr(s, node));
	else
		snprintf(buf, size, "r%" PRIu32, node - hc_object_limit(s));
}

const char *dot_shape(const struct hc_snapshot *s, hc_node node)
{
	static const char *const shapes[] = {
		[HC_ROOT_ALL] = "octagon", [HC_ROOT_GROUP] = "octagon", [HC_ROOT_PACKAGE] = "folder",
		[HC_ROOT_GLOBAL] = "hexagon",
		[HC_ROOT_GOROUTINE] = "box3d", [HC_ROOT_FRAME] = "box", [HC_ROOT_LOCAL] = "component",
		[HC_ROOT_REGISTERS] = "component", [HC_ROOT_DEFER] = "octagon", [HC_ROOT_PANIC] = "octagon",
		[HC_ROOT_FINALIZER] = "octagon", [HC_ROOT_FINQUEUE] = "octagon", [HC_ROOT_CLEANUP] = "octagon",
		[HC_ROOT_WEAKHANDLE] = "octagon", [HC_ROOT_OTHER] = "octagon",
	};
	if (node < hc_object_limit(s))
		return "ellipse";
	enum hc_root_kind kind = hc_root_at(s, node - hc_object_limit(s)).kind;
	return (size_t)kind < sizeof(shapes) / sizeof(shapes[0]) ? shapes[kind] : "octagon";
}

void dot_put_object(struct hc_sink *k, const struct hc_snapshot *s, hc_node node, bool target)
{
	char id[32], name[QUERY_TEXT], more[QUERY_TEXT], a[TEXT_NUMBER], b[TEXT_NUMBER];
	struct hc_object o;
	struct dot_node n = {name, more, dot_shape(s, node), hc_retained(s, node), hc_snapshot_info(s)->live_bytes,
	                     target, false};
	dot_id(s, node, id, sizeof(id));
	query_name(s, node, name, sizeof(name));
	if (hc_object_get(s, node, &o)) {
		snprintf(more, sizeof(more), "0x%" PRIx64 "\n%s, retains %s", o.addr, text_bytes(a, o.slot_size),
		         text_bytes(b, n.weight));
		n.red = o.flags & (HC_OBJ_FINALIZER | HC_OBJ_CLEANUP) || hc_kept_by(s, node) != HC_KEPT_ORDINARY;
	} else {
		query_root_about(s, node, more, sizeof(more));
	}
	dot_node(k, id, &n);
}
