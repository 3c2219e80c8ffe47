/* SPDX-License-Identifier: MIT */
/* memory: the ledger, in its own order. A class is the sum of those that begin with its name and a dot. */
#include "writers/tables.h"

struct hc_error *table_memory(const struct job *job, enum table_form form)
{
	static const struct column columns[] = {{"Class", "Class", '<'}, {"Bytes", "bytes", '>'}, {"Objects", "objects", '>'}};
	struct rows r;
	rows_init(&r, job, form, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < hc_ledger_count(job->s); i++) {
		struct hc_ledger_row row = hc_ledger_at(job->s, i);
		if (!rows_more(&r))
			continue;
		rows_text(&r, row.name);
		rows_bytes(&r, row.bytes);
		rows_count(&r, row.objects);
	}
	return rows_end(&r, 0);
}
