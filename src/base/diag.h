/* SPDX-License-Identifier: MIT */
/*
 * What is missing or inexact, without being an error: each kind of finding is counted, its first text kept, and the
 * list handed to the caller's log function once, at the end of a stage.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "heapconv/error.h"

struct diag {
	hc_log_fn *log;
	void *log_ctx;
	uint64_t warnings; /* findings of severity HC_SEV_WARNING so far */
	struct diag_item *items;
};

void diag_init(struct diag *d, hc_log_fn *log, void *log_ctx);
/*
 * Counts a finding. Findings with the same fmt pointer are one kind: only the first text is logged, when
 * diag_flush() is called, with the number of the others.
 */
void diag_add(struct diag *d, enum hc_severity sev, const char *fmt, ...) HC_PRINTF(3, 4);
/* Logs at once, uncounted: for facts that come only once. */
void diag_say(struct diag *d, enum hc_severity sev, const char *fmt, ...) HC_PRINTF(3, 4);
void diag_flush(struct diag *d);
void diag_deinit(struct diag *d);

#endif
