/* SPDX-License-Identifier: MIT */
/* `object`: all there is to say of one object or variable. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "writers/owners.h"
#include "writers/query_paths.h"
#include "writers/text.h"

enum { HEX_SHOWN = 256, HEX_ROW = 16, DEAD_SHOWN = 10, FACT_AT = 14, PATHS_HERE = 3, OWNERS_HERE = 1, TARGETS_SHOWN = 8 };

HC_PRINTF(3, 4)
static void put_fact(struct hc_sink *k, const char *label, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sink_printf(k, "  %-*s%s\n", FACT_AT, label, text);
}

/* ---- facts ---- */

static void put_size(struct hc_sink *k, const struct hc_object *o)
{
	char a[TEXT_NUMBER], b[TEXT_NUMBER];
	uint64_t slack = o->slot_size - o->used;
	put_fact(k, "size", "%s%s", text_bytes(a, o->used), o->type ? "" : " (type unknown: all that it can use)");
	if (slack && o->slot_size > o->used)
		put_fact(k, o->flags & HC_OBJ_LARGE ? "span" : "size class",
		         "%s, of which %s are not used by the value",
		         text_bytes(a, o->slot_size), text_bytes(b, slack));
	else
		put_fact(k, o->flags & HC_OBJ_LARGE ? "span" : "size class", "%s", text_bytes(a, o->slot_size));
}

static void put_retained(const struct query *q, struct hc_sink *k, hc_node node)
{
	char a[TEXT_NUMBER], b[TEXT_NUMBER], name[QUERY_TEXT], addr[32] = "";
	if (!query_is_live(q->s, node)) {
		put_fact(k, "retains", "nothing: it is garbage, which no root reaches");
		return;
	}
	if (node >= q->limit && !hc_retained(q->s, node))
		put_fact(k, "retains", "nothing alone: others keep what it leads to, too");
	else
		put_fact(k, "retains", "%s, what would be freed with it; objects: %s", text_bytes(a, hc_retained(q->s, node)),
		         text_count(b, hc_retained_objects(q->s, node)));
	hc_node up = hc_dominator(q->s, node);
	if (up == HC_NODE_NONE || node >= q->limit)
		return;
	query_name(q->s, up, name, sizeof(name));
	query_address(q->s, up, addr, sizeof(addr));
	if (up >= q->limit && hc_root_at(q->s, up - q->limit).kind <= HC_ROOT_PACKAGE)
		put_fact(k, "dominator", "none but the roots: several of them hold it");
	else
		put_fact(k, "dominator", "%s%s%s: nothing else keeps it alive", addr, *addr ? " " : "", name);
}

static void put_flags(const struct query *q, struct hc_sink *k, const struct hc_object *o)
{
	static const struct {
		unsigned flag;
		const char *text;
	} flags[] = {
		{HC_OBJ_FINALIZER, "has a finalizer"}, {HC_OBJ_CLEANUP, "has a cleanup"},
		{HC_OBJ_NOSCAN, "holds no pointers"}, {HC_OBJ_TINY, "may hold several values of less than 16 bytes"},
		{HC_OBJ_PARTIAL, "some of its bytes may be missing in the snapshot"},
			{HC_OBJ_LARGE, "has a span of its own"},
	};
	char text[512] = "";
	size_t at = 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (o->flags & flags[i].flag)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? "; " : "", flags[i].text);
	const char *kept = query_kept(q->s, o->node);
	if (*kept)
		snprintf(text + at, sizeof(text) - at, "%s%s", at ? "; " : "", kept);
	if (*text)
		put_fact(k, "notes", "%s", text);
}

static void put_facts(const struct query *q, struct hc_sink *k, hc_node node)
{
	static const char *const origins[] = {"unknown",
	                                      "exact: the runtime recorded it, or an interface or variable tells",
	                                      "propagated: from a typed pointer to it",
		"inferred: the only type that fits"};
	char name[QUERY_TEXT], number[TEXT_NUMBER];
	struct hc_object o;
	query_name(q->s, node, name, sizeof(name));
	if (!hc_object_get(q->s, node, &o)) {
		struct hc_root r = hc_root_at(q->s, node - q->limit);
		sink_printf(k, "0x%" PRIx64 " %s\n\n", r.addr, name);
		query_root_about(q->s, node, name, sizeof(name));
		put_fact(k, "root", "%s", name);
		if (r.type)
			put_fact(k, "type", "%.900s", hc_type_name(r.type));
		put_fact(k, "size", "%s", text_bytes(number, r.size));
		put_retained(q, k, node);
		return;
	}
	sink_printf(k, "0x%" PRIx64 " %s\n\n", o.addr, name);
	put_fact(k, "type", "%s%s%s", name, o.flags & HC_OBJ_ARRAY ? ", values in a row: " : "",
	         o.flags & HC_OBJ_ARRAY ? text_count(number, o.count) : "");
	put_fact(k, "known", "%s", origins[o.origin <= HC_ORIGIN_INFERRED ? o.origin : 0]);
	put_size(k, &o);
	put_retained(q, k, node);
	put_flags(q, k, &o);
}

static void put_hex(const struct hc_snapshot *s, struct hc_sink *k, hc_node node)
{
	uint64_t avail, offset = 0;
	char number[TEXT_NUMBER];
	struct hc_object o;
	if (!hc_object_get(s, node, &o))
		return;
	const uint8_t *bytes = hc_object_bytes(s, node, 0, &avail);
	if (!bytes)
		return;
	if (avail > o.used)
		avail = o.used;
	sink_puts(k, "\n");
	for (; offset < avail && offset < HEX_SHOWN; offset += HEX_ROW) {
		sink_printf(k, "  %6" PRIx64 " ", offset);
		for (uint64_t i = offset; i < offset + HEX_ROW; i++)
			if (i < avail)
				sink_printf(k, "%s%02x", i % 8 ? " " : "  ", bytes[i]);
			else
				sink_puts(k, i % 8 ? "   " : "    ");
		sink_puts(k, "  ");
		for (uint64_t i = offset; i < offset + HEX_ROW && i < avail; i++)
			sink_printf(k, "%c", bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
		sink_puts(k, "\n");
	}
	if (avail > HEX_SHOWN)
		sink_printf(k, "  ... %s more bytes\n", text_count(number, avail - HEX_SHOWN));
}

/* ---- what if ---- */

struct dead_class {
	uint64_t bytes, objects;
	uint32_t class;
};

static int by_bytes(const void *ap, const void *bp)
{
	const struct dead_class *a = ap, *b = bp;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->class < b->class ? -1 : a->class > b->class;
}

static struct hc_error *put_dead(const struct hc_snapshot *s, struct hc_sink *k, const struct hc_set *dead,
                                 bool *finalizers)
{
	uint32_t n = hc_class_count(s);
	struct dead_class *list = calloc((size_t)n + 1, sizeof(*list));
	struct hc_object o;
	struct table t;
	if (!list)
		return err_nomem();
	for (uint32_t i = 0; i < n; i++)
		list[i].class = i;
	for (hc_node i = hc_set_next(dead, 0); i != HC_NODE_NONE; i = hc_set_next(dead, i + 1)) {
		uint32_t class = hc_object_get(s, i, &o) ? hc_object_class(s, &o) : n;
		list[class].bytes += o.slot_size;
		list[class].objects++;
		*finalizers |= (o.flags & (HC_OBJ_FINALIZER | HC_OBJ_CLEANUP)) != 0;
	}
	qsort(list, n, sizeof(*list), by_bytes);
	table_init(&t, ">><", 4);
	for (uint32_t i = 0; i < n && i < DEAD_SHOWN && list[i].objects; i++) {
		table_bytes(&t, list[i].bytes);
		table_count(&t, list[i].objects);
		table_cell(&t, hc_class_at(s, list[i].class).name);
	}
	free(list);
	return table_end(&t, k);
}

static struct hc_error *put_what_if(const struct query *q, struct hc_sink *k, const char *target, hc_node node)
{
	char a[TEXT_NUMBER], b[TEXT_NUMBER];
	struct hc_set *dead;
	struct hc_object o;
	struct hc_edge_iter it;
	struct hc_edge e;
	uint64_t bytes = 0, pointers = 0, from = q->field.offset, size = q->field.size;
	bool finalizers = false;
	hc_edges(q->s, node, &it);
	while (hc_edge_next(&it, &e))
		pointers += e.target < q->limit && e.offset >= from && e.offset - from < size;
	bool several = size > hc_snapshot_info(q->s)->pointer_size;
	struct arena arena = {0};
	const char *fitted = text_fit(&arena, target, 60);
	if (!fitted)
		sink_fail(k, ENOMEM);
	sink_printf(k, "\n  Without %s%s: ", fitted ? fitted : "it", several ? " (all pointers in it)" : "");
	arena_free(&arena);
	if (!pointers) {
		sink_puts(k, "nothing would change: no pointer to an object is there.\n");
		return NULL;
	}
	struct hc_error *err = hc_dead_without(q->s, node, from, size, &dead);
	if (err)
		return err;
	for (hc_node i = hc_set_next(dead, 0); i != HC_NODE_NONE; i = hc_set_next(dead, i + 1))
		bytes += hc_object_get(q->s, i, &o) ? o.slot_size : 0;
	if (hc_set_count(dead)) {
		sink_printf(k, "%s would be garbage; objects: %s\n", text_bytes(a, bytes),
		            text_count(b, hc_set_count(dead)));
		err = put_dead(q->s, k, dead, &finalizers);
		if (finalizers)
			sink_puts(k, "    Some have finalizers or cleanups: these run first.\n");
	} else {
		sink_puts(k, "nothing would be freed: other references keep all that it leads to.\n");
	}
	hc_set_close(dead);
	return err;
}

/* ---- the view ---- */

static struct hc_error *put_referrers(const struct job *job, struct hc_sink *k)
{
	struct job part = *job;
	struct owners o;
	part.opts.depth = OWNERS_HERE;
	struct hc_error *err = owners_open(&part, &o);
	if (err)
		return err;
	if (o.list.len > 1) {
		sink_puts(k, "\n");
		err = query_put_owners(&o, k);
	} else if (!o.list.data[0].root) {
		sink_puts(k, "\n  Nothing refers to it.\n");
	}
	owners_close(&o);
	return err;
}

static struct hc_error *put_paths(const struct job *job, struct hc_sink *k)
{
	struct job part = *job;
	struct query_paths p;
	part.opts.top = job->opts.top ? job->opts.top : PATHS_HERE;
	struct hc_error *err = query_paths_open(&part, &p);
	if (err)
		return err;
	if (p.shown.len)
		sink_puts(k, "\n");
	err = query_put_paths(&p, job->opts.depth ? job->opts.depth : DEPTH_SHOWN, k);
	if (!err)
		err = query_put_anchors(&p, k);
	query_paths_close(&p);
	return err;
}

static void put_others(const struct query *q, struct hc_sink *k, hc_node node)
{
	char number[TEXT_NUMBER];
	uint64_t n = hc_set_count(q->target), shown = 0;
	if (n <= 1)
		return;
	query_put_target(q, k);
	sink_puts(k, "The one that retains most, of:");
	for (hc_node i = hc_set_next(q->target, 0); i != HC_NODE_NONE && shown < TARGETS_SHOWN;
	     i = hc_set_next(q->target, i + 1))
		if (i != node) {
			sink_printf(k, "%s 0x%" PRIx64, shown ? "," : "", hc_node_addr(q->s, i));
			shown++;
		}
	if (n - 1 > shown)
		sink_printf(k, ", %s more", text_count(number, n - 1 - shown));
	sink_puts(k, "\n\n");
}

struct hc_error *text_object(const struct job *job)
{
	struct hc_sink *k = job->sink;
	struct query q;
	char addr[32];
	struct hc_error *err = query_open(job, true, &q);
	if (err)
		return err;
	hc_node node = query_biggest(&q);
	put_others(&q, k, node);
	put_facts(&q, k, node);
	if (q.field.size)
		err = put_what_if(&q, k, job->opts.target, node);
	if (!err)
		err = query_put_fields(q.s, k, node);
	if (!err)
		put_hex(q.s, k, node);
	/* The rest speaks of this one node, by its address: the target may be many. */
	struct job one = *job;
	query_address(q.s, node, addr, sizeof(addr));
	if (*addr)
		one.opts.target = addr;
	query_close(&q);
	if (!err)
		err = put_referrers(&one, k);
	return err || node >= hc_object_limit(job->s) ? err : put_paths(&one, k);
}
