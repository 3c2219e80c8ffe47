/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "writers/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct format *const formats[] = {&format_pprof,  &format_hprof, &format_csv,
                                              &format_folded, &format_dot,   &format_text};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

size_t hc_format_count(void)
{
	return FORMATS;
}

const struct hc_format *hc_format_at(size_t i)
{
	return i < FORMATS ? &formats[i]->public : NULL;
}

const struct hc_format *hc_format_named(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		/* "text", or as its one suffix: "txt" */
		if (strcmp(formats[i]->public.name, name) == 0 || strcmp(formats[i]->public.suffixes + 1, name) == 0)
			return &formats[i]->public;
	return NULL;
}

static bool ends_with(const char *text, size_t len, const char *end, size_t end_len)
{
	return len > end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

const struct hc_format *hc_format_for_path(const char *path, enum hc_compression *compress)
{
	const struct hc_format *best = NULL;
	size_t best_len = 0, len = strlen(path);
	for (size_t i = 0; i < FORMATS; i++) {
		for (const char *at = formats[i]->public.suffixes; *at;) {
			size_t n = strcspn(at, " ");
			if (n > best_len && ends_with(path, len, at, n)) {
				best = &formats[i]->public;
				best_len = n;
			}
			at += n;
			at += strspn(at, " ");
		}
	}
	if (best && compress)
		*compress = !ends_with(path, len, ".gz", 3) ? HC_PLAIN : best == &format_hprof.public ? HC_GZIP_BLOCKS : HC_GZIP;
	return best;
}

static const struct format *format_of(const struct hc_format *public)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (&formats[i]->public == public)
			return formats[i];
	return NULL;
}

/* For -vv and the benchmark. */
struct cost {
	double wall, cpu; /* seconds */
	uint64_t bytes;   /* before compression */
};

static double seconds(clockid_t clock)
{
	struct timespec t = {0};
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct cost cost_now(const struct hc_sink *sink)
{
	return (struct cost){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID), sink_count(sink)};
}

struct hc_error *hc_write(const struct hc_snapshot *s, const struct hc_format *public, const struct hc_write_opts *opts,
                          struct hc_sink *sink)
{
	struct job job = {.s = s, .sink = sink};
	const struct format *f = format_of(public);
	if (!f)
		return err_new(HC_E_ARG, "hc_write: not a format of hc_format_at()");
	/* A caller built against an older header has a shorter struct: the rest stays zero, which is the default. */
	if (opts)
		memcpy(&job.opts, opts, opts->size < sizeof(job.opts) ? opts->size : sizeof(job.opts));
	if (job.opts.types_dir && !*job.opts.types_dir)
		job.opts.types_dir = NULL;
	const struct view *v = f->views;
	if (job.opts.view)
		while (v->name && strcmp(v->name, job.opts.view) != 0)
			v++;
	if (!v->name)
		return err_new(HC_E_ARG, "format %s has no view '%s'; it has: %s", public->name, job.opts.view,
		               public->views);
	job.view = v->name;
	struct cost before = cost_now(sink), after;
	struct hc_error *err = v->write(&job);
	if (!err)
		err = sink_error(sink);
	if (err)
		return err;
	after = cost_now(sink);
	double mb = (double)(after.bytes - before.bytes) / 1e6, cpu = after.cpu - before.cpu;
	job_say(&job, HC_SEV_DEBUG, "stage %s/%s: %.3f s, %.3f s of CPU, %.1f MB, %.0f MB/s of CPU", public->name, v->name,
	        after.wall - before.wall, cpu, mb, cpu > 0 ? mb / cpu : 0);
	return NULL;
}

void job_say(const struct job *job, enum hc_severity sev, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	if (!job->opts.log)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	job->opts.log(job->opts.log_ctx, sev, text);
}
