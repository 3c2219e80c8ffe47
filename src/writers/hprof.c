/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "writers/hprof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

/* Milliseconds since 1970. VisualVM keeps results by path and this time: it must not be the snapshot's. */
static uint64_t now_ms(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	struct timespec t;
	if (epoch && *epoch)
		return strtoull(epoch, NULL, 10) * 1000;
	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct hc_error *init(struct hprof *h, const struct job *job)
{
	const struct hc_info *info = hc_snapshot_info(job->s);
	memset(h, 0, sizeof(*h));
	h->job = job;
	h->s = job->s;
	h->word = info->pointer_size;
	h->be = info->big_endian;
	h->live_only = !job->opts.garbage;
	h->no_contents = job->opts.hprof_no_contents;
	h->thread_class = UINT32_MAX;
	h->next_other = 24; /* the first is runtime.zerobase */
	struct hc_error *err = hprof_out_init(&h->out, job->sink);
	if (!err)
		err = layouts_init(&h->layouts, h->s, job->opts.hprof_raw_strings);
	if (!err)
		err = hprof_pool_init(h);
	size_t n = (size_t)hc_class_count(h->s) + 1;
	h->variants_seen = calloc(n, sizeof(*h->variants_seen));
	h->hot = calloc(n, sizeof(*h->hot));
	h->buf = malloc(HPROF_SEGMENT_MAX);
	if (!err && (!h->variants_seen || !h->hot || !h->buf))
		err = err_nomem();
	return err;
}

static void deinit(struct hprof *h)
{
	hprof_threads_free(h);
	hprof_out_deinit(&h->out);
	layouts_deinit(&h->layouts);
	hprof_pool_free(h);
	name_free(&h->scratch);
	name_free(&h->scratch2);
	vec_free(&h->classes);
	strtab_free(&h->class_texts);
	vec_free(&h->class_of_text);
	vec_free(&h->statics);
	strtab_free(&h->variable_texts);
	vec_free(&h->variable_count);
	vec_free(&h->regions);
	vec_free(&h->variants);
	map_free(&h->variant_of);
	map_free(&h->chunk_class);
	map_free(&h->region_class);
	free(h->variants_seen);
	free(h->hot);
	free(h->buf);
}

static void say_totals(const struct hprof *h)
{
	const struct hprof_totals *t = &h->totals;
	job_say(h->job, HC_SEV_INFO, "hprof: %" PRIu64 " objects of %" PRIu64 " bytes in %" PRIu64 " classes, %zu threads",
	        t->objects, t->bytes, t->classes, h->threads.len);
	job_say(h->job, HC_SEV_INFO, "hprof: total sizes shown will be %" PRIu64 " in Eclipse MAT, %" PRIu64 " in VisualVM, %" PRIu64
	        " in shark: they charge up to 24 bytes for each of %" PRIu64 " arrays, count arrays by the bytes in use, and count %" PRIu64
	        " objects (%" PRIu64 " bytes) that Go does not have: strings, variables, frames",
	        t->mat + t->class_bytes, t->visualvm, t->shark, t->arrays, t->synthetic, t->synthetic_bytes);
	if (t->chunked)
		job_say(h->job, HC_SEV_INFO, "hprof: %" PRIu64 " large arrays were written in several parts", t->chunked);
	if (t->cut)
		job_say(h->job, HC_SEV_INFO, "hprof: %" PRIu64 " strings outside the heap were cut or are not in the snapshot", t->cut);
	if (t->clipped)
		job_say(h->job, HC_SEV_INFO, "hprof: %" PRIu64 " lengths are larger than a Java int and were written as 2147483647",
		        t->clipped);
	if (t->missing)
		job_say(h->job, HC_SEV_INFO, "hprof: %" PRIu64 " bytes are not in the snapshot and were written as 0", t->missing);
	if (t->lost_refs)
		job_say(h->job, HC_SEV_WARNING, "hprof: %" PRIu64 " references lie where their object's type has no pointer, and are "
		        "missing: what they hold may show as unreachable", t->lost_refs);
}

static struct hc_error *write_all(struct hprof *h)
{
	struct hc_error *err;
	hprof_header(&h->out, now_ms());
	hprof_known_classes(h);
	if ((err = hprof_thread_classes(h)) || (err = hprof_static_classes(h)) || (err = hprof_object_classes(h)))
		return err;
	hprof_class_dumps(h);
	if ((err = hprof_thread_roots(h)))
		return err;
	hprof_other_roots(h);
	hprof_flush_pool(h); /* of static fields */
	hprof_instance(h, HPROF_ID_OTHER, KNOWN_ZERO);
	hprof_count_instance(h, KNOWN_ZERO, true);
	if ((err = hprof_objects(h)))
		return err;
	hprof_root_objects(h);
	if ((err = hprof_thread_objects(h)))
		return err;
	hprof_end(&h->out);
	if (h->failed || h->out.failed)
		return err_nomem();
	if (!sink_failed(h->out.sink))
		say_totals(h);
	return NULL;
}

static struct hc_error *write_hprof(const struct job *job)
{
	struct hprof h;
	struct hc_error *err = init(&h, job);
	if (!err)
		err = write_all(&h);
	deinit(&h);
	return err;
}

static const struct view views[] = {{"objects", write_hprof}, {NULL, NULL}};

const struct format format_hprof = {
	{"hprof", ".hprof .hprof.gz", "objects", "Java heap dump for Eclipse MAT and VisualVM: the whole object graph"},
	views,
};
