/* SPDX-License-Identifier: MIT */
/*
 * types: one row for each object class, by the bytes of its objects, the most first. Size counts whole slots, of which Slack
 * is not used. Retained is what would be freed if all objects of the class were gone, as far as each of these bytes depends
 * on one of them (dominator paths); MaxRetained that of the object that retains most. ScanBytes: what the collector looks at.
 * Exact, Propagated, Inferred, Unknown: objects, by how their type is known. With --target: of these objects alone.
 */
#include <stdlib.h>

#include "writers/tables.h"
#include "writers/typesums.h"

static const struct column columns[] = {
	{"TypeName", "Type", '<'},     {"Package", NULL, '<'},    {"Count", "objects", '>'}, {"Size", "bytes", '>'},
	{"Retained", "retained", '>'}, {"MaxRetained", NULL, '>'}, {"ScanBytes", NULL, '>'}, {"Slack", "slack", '>'},
	{"ElemSize", NULL, '>'},     {"Exact", NULL, '>'},      {"Propagated", NULL, '>'}, {"Inferred", NULL, '>'},
	{"Unknown", NULL, '>'},
};

static void put_row(struct rows *r, const struct type_sum *t)
{
	const struct hc_snapshot *s = r->job->s;
	struct hc_class class = {.name = "(unknown)", .package = ""};
	if (t->class < hc_class_count(s))
		class = hc_class_at(s, t->class);
	rows_text(r, class.name);
	rows_text(r, class.package);
	rows_count(r, t->objects);
	rows_bytes(r, t->bytes);
	rows_bytes(r, t->retained);
	rows_bytes(r, t->max_retained);
	rows_bytes(r, t->scan);
	rows_bytes(r, t->slack);
	rows_bytes(r, class.type ? hc_type_size(class.type) : 0);
	rows_count(r, t->origin[HC_ORIGIN_EXACT]);
	rows_count(r, t->origin[HC_ORIGIN_PROPAGATED]);
	rows_count(r, t->origin[HC_ORIGIN_INFERRED]);
	rows_count(r, t->origin[HC_ORIGIN_UNKNOWN]);
}

struct hc_error *table_types(const struct job *job, enum table_form form)
{
	struct gathered g;
	struct type_sum *sums;
	uint32_t n;
	struct rows r;
	struct hc_set *only = NULL;
	struct hc_error *err = job->opts.target ? hc_target_open(job->s, job->opts.target, &only, NULL) : NULL;
	if (err)
		return err;
	err = gather_dominators(job, false, NULL, NULL, &g);
	if (!err) {
		err = type_sums(&g, NULL, &sums, &n);
		gathered_free(&g);
	}
	if (err) {
		hc_set_close(only);
		return err;
	}
	if (only)
		type_sums_of_set(job->s, only, job->opts.garbage, sums, n);
	else
		type_sums_details(job->s, job->opts.garbage, sums, n);
	hc_set_close(only);
	type_sums_sort(sums, n);
	rows_init(&r, job, form, columns, sizeof(columns) / sizeof(columns[0]));
	for (uint32_t i = 0; i < n && sums[i].objects; i++)
		if (rows_more(&r))
			put_row(&r, &sums[i]);
	free(sums);
	return rows_end(&r, 0);
}
