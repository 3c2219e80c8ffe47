/* SPDX-License-Identifier: MIT */
/* Shared by the files of hc_dump() only. */
#ifndef API_DUMP_H
#define API_DUMP_H

#include "api/api.h"

struct printer {
	const struct hc_snapshot *s;
	hc_line_fn *out;
	void *ctx;
	bool stopped;
};

void dump_records(struct printer *p); /* dump_records.c */

#endif
