/* SPDX-License-Identifier: MIT */
#include "writers/tables.h"

#include "writers/query.h"

#define FORMS(view)                                                                                                    \
	static struct hc_error *csv_##view(const struct job *job)                                                      \
	{                                                                                                              \
		return table_##view(job, TABLE_CSV);                                                                   \
	}                                                                                                              \
	struct hc_error *text_##view(const struct job *job)                                                            \
	{                                                                                                              \
		return table_##view(job, TABLE_TEXT);                                                                  \
	}

FORMS(types)
FORMS(nodes)
FORMS(edges)
FORMS(roots)
FORMS(goroutines)
FORMS(memory)

static const struct view views[] = {
	{"types", csv_types}, {"nodes", csv_nodes}, {"edges", csv_edges}, {"roots", csv_roots},
	{"goroutines", csv_goroutines}, {"memory", csv_memory}, {"paths", csv_paths}, {"owners", csv_owners}, {NULL, NULL},
};

const struct format format_csv = {
	{"csv", ".csv.gz .csv", "types nodes edges roots goroutines memory paths owners",
	 "tables for DuckDB, Gephi, spreadsheets: types, the graph, roots, goroutines"},
	views,
};
