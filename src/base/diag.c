/* SPDX-License-Identifier: MIT */
#include "base/diag.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct diag_item {
	struct diag_item *next;
	const char *key;
	enum hc_severity sev;
	uint64_t count;
	char text[];
};

void diag_init(struct diag *d, hc_log_fn *log, void *log_ctx)
{
	memset(d, 0, sizeof(*d));
	d->log = log;
	d->log_ctx = log_ctx;
}

void diag_add(struct diag *d, enum hc_severity sev, const char *fmt, ...)
{
	if (!d)
		return;
	if (sev == HC_SEV_WARNING)
		d->warnings++;
	struct diag_item **end = &d->items;
	for (; *end; end = &(*end)->next) {
		if ((*end)->key == fmt) {
			(*end)->count++;
			return;
		}
	}
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_one_line(text);
	size_t len = strlen(text);
	struct diag_item *it = malloc(sizeof(*it) + len + 1);
	if (!it)
		return; /* the count above still says that something was wrong */
	it->next = NULL;
	it->key = fmt;
	it->sev = sev;
	it->count = 1;
	memcpy(it->text, text, len + 1);
	*end = it;
}

void diag_say(struct diag *d, enum hc_severity sev, const char *fmt, ...)
{
	if (!d)
		return;
	if (sev == HC_SEV_WARNING)
		d->warnings++;
	if (!d->log)
		return;
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_one_line(text);
	d->log(d->log_ctx, sev, text);
}

void diag_flush(struct diag *d)
{
	for (struct diag_item *it = d->items; it;) {
		struct diag_item *next = it->next;
		if (d->log) {
			char text[1200];
			if (it->count > 1)
				snprintf(text, sizeof(text), "%s (and %" PRIu64 " more like it)", it->text, it->count - 1);
			else
				snprintf(text, sizeof(text), "%s", it->text);
			d->log(d->log_ctx, it->sev, text);
		}
		free(it);
		it = next;
	}
	d->items = NULL;
}

void diag_deinit(struct diag *d)
{
	hc_log_fn *log = d->log;
	d->log = NULL;
	diag_flush(d);
	d->log = log;
}
