/* SPDX-License-Identifier: MIT */
/*
 * goroutines: one row each, by what they alone keep, the most first, then by number. Function is the one that it was started
 * with; CreatedById is 0 before Go 1.21. WaitSeconds counts from the first collection that found it waiting, to the last
 * thing that the runtime noted the time of: at least that long. Labels are those of runtime/pprof.Do, as a JSON object.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"
#include "writers/goroutines.h"
#include "writers/tables.h"

static const struct column columns[] = {
	{"Id", "id", '>'},       {"State", "state", '<'},        {"WaitReason", NULL, '<'},  {"WaitSeconds", "seconds", '>'},
	{"Function", "started with", '<'}, {"CreatedBy", NULL, '<'}, {"CreatedById", NULL, '>'}, {"Labels", NULL, '<'},
	{"StackBytes", "stack", '>'}, {"Frames", NULL, '>'},     {"Retained", "retained", '>'},
};

enum { MAX_LABELS = 64 };

/* ---- labels ---- */

struct json {
	VEC(char) text;
	struct name scratch;
	bool failed;
};

static void put(struct json *j, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		j->failed |= !vec_push(&j->text, text[i]);
}

static void put_string(struct json *j, struct hc_text t)
{
	/* Bytes of the process: a copy that ends, and is UTF-8. */
	size_t len = t.len < CSV_TEXT ? t.len : CSV_TEXT;
	char *copy = malloc(len + 1);
	j->failed |= !copy;
	put(j, "\"", 1);
	if (copy) {
		for (size_t i = 0; i < len; i++)
			copy[i] = t.bytes[i] ? t.bytes[i] : ' ';
		copy[len] = '\0';
		j->failed |= !name_clean(&j->scratch, copy);
	}
	for (size_t i = 0; !j->failed && i < j->scratch.len; i++) {
		if (j->scratch.text[i] == '"' || j->scratch.text[i] == '\\')
			put(j, "\\", 1);
		put(j, j->scratch.text + i, 1);
	}
	put(j, "\"", 1);
	free(copy);
}

/* {"key":"value"}; "" for none. */
static void put_labels(struct rows *r, struct json *j, uint32_t goroutine)
{
	struct hc_label label[MAX_LABELS];
	size_t n = hc_goroutine_labels(r->job->s, goroutine, label, MAX_LABELS);
	j->text.len = 0;
	for (size_t i = 0; i < n; i++) {
		put(j, i ? "," : "{", 1);
		put_string(j, label[i].key);
		put(j, ":", 1);
		put_string(j, label[i].value);
	}
	put(j, "}", n ? 2 : 0); /* with the NUL */
	if (j->failed)
		sink_fail(r->job->sink, ENOMEM);
	else
		rows_text(r, n ? j->text.data : "");
}

/* ---- rows ---- */

struct ranked {
	uint64_t retained, id;
	uint32_t index;
};

static int by_retained(const void *ap, const void *bp)
{
	const struct ranked *a = ap, *b = bp;
	if (a->retained != b->retained)
		return a->retained > b->retained ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static struct ranked *rank(const struct hc_snapshot *s)
{
	uint32_t n = hc_goroutine_count(s);
	uint64_t *retained = goroutines_retained(s);
	struct ranked *order = calloc((size_t)n + 1, sizeof(*order));
	for (uint32_t i = 0; retained && order && i < n; i++)
		order[i] = (struct ranked){retained[i], hc_goroutine_at(s, i).id, i};
	if (retained && order) {
		qsort(order, n, sizeof(*order), by_retained);
	} else {
		free(order);
		order = NULL;
	}
	free(retained);
	return order;
}

static void put_row(struct rows *r, struct json *j, const struct ranked *at, uint64_t now)
{
	const struct hc_snapshot *s = r->job->s;
	struct hc_goroutine g = hc_goroutine_at(s, at->index);
	rows_count(r, g.id);
	/* Text has one column for the two. */
	rows_text(r, r->form == TABLE_TEXT && *g.wait_reason ? g.wait_reason : g.state);
	rows_text(r, g.wait_reason);
	rows_count(r, goroutine_waited(&g, now));
	rows_text(r, goroutine_function(s, &g));
	rows_text(r, goroutine_creator(s, &g, NULL));
	rows_count(r, g.parent_id);
	put_labels(r, j, at->index);
	rows_bytes(r, g.stack_bytes);
	rows_count(r, g.frame_count);
	rows_bytes(r, at->retained);
}

struct hc_error *table_goroutines(const struct job *job, enum table_form form)
{
	struct rows r;
	struct json j = {.failed = false};
	uint64_t now = hc_monotonic_time(job->s);
	struct ranked *order = rank(job->s);
	if (!order)
		return err_nomem();
	rows_init(&r, job, form, columns, sizeof(columns) / sizeof(columns[0]));
	for (uint32_t i = 0; i < hc_goroutine_count(job->s); i++)
		if (rows_more(&r))
			put_row(&r, &j, &order[i], now);
	free(order);
	vec_free(&j.text);
	name_free(&j.scratch);
	return rows_end(&r, 0);
}
