/* SPDX-License-Identifier: MIT */
/* `owners` as text: who refers to the target, as a tree that is read upwards. */
#include <inttypes.h>
#include <stdio.h>

#include "writers/owners.h"
#include "writers/query_paths.h"
#include "writers/text.h"

static void owner_row(struct table *t, const struct owners *o, const struct owner *n)
{
	char text[2 * QUERY_TEXT + 64], addr[32] = "", number[TEXT_NUMBER], about[QUERY_TEXT];
	table_count(t, n->referrers);
	table_count(t, n->references);
	table_bytes(t, n->retained);
	if (n->referrers == 1)
		query_address(o->q.s, n->example, addr, sizeof(addr));
	table_cell(t, addr);
	int at = snprintf(text, sizeof(text), "%*s%.300s%s%.300s", 2 * (int)(n->level < 40 ? n->level - 1 : 39), "",
	                  n->name, "", n->field);
	size_t len = at > 0 ? (size_t)at : 0;
	if (n->root) {
		enum hc_root_kind kind = hc_root_at(o->q.s, n->example - o->q.limit).kind;
		query_root_about(o->q.s, n->example, about, sizeof(about));
		len += (size_t)snprintf(text + len, sizeof(text) - len, n->referrers == 1 ? "  (%.200s)" : "  (%.200ss)",
		                        n->referrers == 1 ? about : query_root_kind(kind));
	} else if (n->known == n->referrers) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "  (shown already)");
	} else if (n->known) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "  (%s shown already)",
		                        text_count(number, n->known));
	}
	const char *kept = n->referrers == 1 && !n->root ? query_kept(o->q.s, n->example) : "";
	if (*kept)
		snprintf(text + len, sizeof(text) - len, "  (%s)", kept);
	table_cell(t, text);
}

static void rest_row(struct table *t, const struct owner *n)
{
	char text[128], number[TEXT_NUMBER];
	table_cell(t, "");
	table_count(t, n->left_references);
	table_cell(t, "");
	table_cell(t, "");
	snprintf(text, sizeof(text), "%*s... %s other kinds", 2 * (int)(n->level < 40 ? n->level : 39), "",
	         text_count(number, n->left_out));
	table_cell(t, text);
}

struct hc_error *query_put_owners(const struct owners *o, struct hc_sink *k)
{
	static const char *const head[] = {"objects", "references", "retained", "", "is held by (and that by, ...)"};
	struct table t;
	table_init(&t, ">>><<", 2);
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		table_cell(&t, head[i]);
	if (o->list.data[0].left_out)
		rest_row(&t, &o->list.data[0]);
	for (uint32_t i = owners_next(o, 0); i != OWNERS_NONE; i = owners_next(o, i)) {
		owner_row(&t, o, &o->list.data[i]);
		if (o->list.data[i].left_out)
			rest_row(&t, &o->list.data[i]);
	}
	return table_end(&t, k);
}

struct hc_error *text_owners(const struct job *job)
{
	struct owners o;
	struct hc_error *err = owners_open(job, &o);
	if (err)
		return err;
	query_put_target(&o.q, job->sink);
	sink_puts(job->sink, "\n");
	if (o.list.len == 1)
		sink_puts(job->sink, "  Nothing refers to it.\n");
	else
		err = query_put_owners(&o, job->sink);
	owners_close(&o);
	return err;
}
