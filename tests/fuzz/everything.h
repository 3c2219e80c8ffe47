/* SPDX-License-Identifier: MIT */
/*
 * All that heapconv does with a snapshot that opens: every view of every format, every layer's dump; and what holds for
 * every snapshot, whatever is wrong with it. For the targets that run from end to end.
 */
#ifndef FUZZ_EVERYTHING_H
#define FUZZ_EVERYTHING_H

#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapconv/heapconv.h"
#include "tests/fuzz/fuzz.h"

struct fuzz_count {
	uint64_t bytes, max;
};

static inline int fuzz_count_write(void *ctx, const void *data, size_t size)
{
	struct fuzz_count *c = ctx;
	(void)data;
	c->bytes += size;
	FUZZ_EXPECT(c->bytes <= c->max); /* output in proportion to the input */
	return 0;
}

static inline bool fuzz_count_line(void *ctx, const char *line)
{
	FUZZ_EXPECT(!strchr(line, '\n'));
	return fuzz_count_write(ctx, line, strlen(line)) == 0;
}

static inline void fuzz_write_view(const struct hc_snapshot *s, const struct hc_format *f, const char *view,
                                   const char *target, uint64_t max)
{
	struct fuzz_count c = {0, max};
	struct hc_write_opts opts = {.size = sizeof(opts), .view = view, .top = 50, .garbage = true};
	struct hc_sink *sink = NULL;
	struct hc_error *err = hc_sink_fn(fuzz_count_write, &c, HC_PLAIN, &sink);
	if (!err)
		err = hc_write(s, f, &opts, sink);
	if (err && hc_error_code(err) == HC_E_ARG && sink) { /* a question about something */
		fuzz_error(err);
		opts.target = target;
		err = hc_write(s, f, &opts, sink);
	}
	fuzz_error(err);
	fuzz_error(hc_sink_close(sink));
}

static inline void fuzz_write_views(const struct hc_snapshot *s, uint64_t max)
{
	static const char *const layers[] = {"segments", "notes", "images", "types", "spans", "objects", "roots", "goroutines",
	                                     "records", "stats"};
	char target[32];
	hc_node first = hc_object_next(s, 0, true);
	snprintf(target, sizeof(target), "%#" PRIx64, first == HC_NODE_NONE ? UINT64_C(1) : hc_node_addr(s, first));
	for (size_t i = 0; i < hc_format_count(); i++) {
		const struct hc_format *f = hc_format_at(i);
		char views[256], *rest = NULL;
		snprintf(views, sizeof(views), "%s", f->views);
		for (char *v = strtok_r(views, " ", &rest); v; v = strtok_r(NULL, " ", &rest))
			fuzz_write_view(s, f, v, target, max);
	}
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		struct fuzz_count c = {0, max};
		fuzz_error(hc_dump(s, layers[i], fuzz_count_line, &c));
	}
}

static inline void fuzz_check_model(const struct hc_snapshot *s)
{
	const struct hc_info *info = hc_snapshot_info(s);
	hc_node limit = hc_object_limit(s);
	uint32_t roots = hc_root_count(s);
	uint64_t n = 0, bytes = 0, live = 0, live_bytes = 0, last = 0;
	for (hc_node i = hc_object_next(s, 0, false); i != HC_NODE_NONE; i = hc_object_next(s, i + 1, false)) {
		struct hc_object o;
		FUZZ_EXPECT(hc_object_get(s, i, &o)); /* what is enumerated is an object */
		FUZZ_EXPECT(o.addr >= last);
		FUZZ_EXPECT(o.used <= o.slot_size);
		last = o.addr;
		n++, bytes += o.slot_size;
		if (!(o.flags & HC_OBJ_LIVE))
			continue;
		live++, live_bytes += o.slot_size;
		hc_node dom = hc_dominator(s, i);
		FUZZ_EXPECT(dom != HC_NODE_NONE && dom < limit + roots);
		FUZZ_EXPECT(hc_retained(s, i) >= o.slot_size);
		struct hc_edge_iter it;
		struct hc_edge e;
		hc_edges(s, i, &it);
		for (unsigned k = 0; k < 64 && hc_edge_next(&it, &e); k++) { /* what live objects point to is live */
			struct hc_object to;
			FUZZ_EXPECT(hc_object_get(s, e.target, &to) && (to.flags & HC_OBJ_LIVE));
		}
	}
	FUZZ_EXPECT(n == info->objects && bytes == info->object_bytes);
	FUZZ_EXPECT(live == info->live_objects && live_bytes == info->live_bytes);
	FUZZ_EXPECT(hc_retained(s, limit) == live_bytes); /* the root of everything retains all that is live */
	for (uint32_t i = 1; i < roots; i++)
		FUZZ_EXPECT(hc_root_at(s, i).parent >= limit && hc_root_at(s, i).parent < limit + i);
}

/* Opens a snapshot and does everything with it. False: it was refused. */
static inline bool fuzz_everything(const struct hc_open_opts *opts, bool views, uint64_t max)
{
	struct hc_snapshot *s = NULL;
	struct hc_error *err = hc_open(opts, &s);
	if (err) {
		if (getenv("FUZZ_VERBOSE"))
			fprintf(stderr, "%s\n", hc_error_message(err));
		fuzz_error(err);
		return false;
	}
	fuzz_check_model(s);
	if (views)
		fuzz_write_views(s, max);
	hc_close(s);
	return true;
}

/* The same with bytes in memory, under a path of their own. */
static inline bool fuzz_everything_of(const void *data, size_t size, unsigned threads, bool force)
{
	static int fd = -1;
	char path[64];
	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	FUZZ_EXPECT(fd >= 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0);
	FUZZ_EXPECT(pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const struct hc_open_opts opts = {.size = sizeof(opts), .path = path, .force = force, .threads = threads};
	return fuzz_everything(&opts, true, (UINT64_C(4) << 20) + 64 * (uint64_t)size);
}

#endif
