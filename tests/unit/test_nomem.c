/* SPDX-License-Identifier: MIT */
/*
 * Every allocation fails once, and every write: opening and writing end with an error, or with the output that they have
 * without, and leave nothing behind. malloc, calloc and realloc are wrapped by the linker (see the Makefile).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../support/dumpbuild.h"
#include "../support/memsink.h"
#include "heapconv/heapconv.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
char *__wrap_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static bool armed;
static uint64_t count, fail_at; /* allocations while armed; the one that fails, from 1 */
static int64_t blocks;          /* more than there were when it was armed */

/* A place for a debugger to stop at. */
__attribute__((noinline)) static bool failing(void)
{
	__asm__ volatile("");
	return true;
}

static bool fails(void)
{
	return armed && ++count == fail_at && failing();
}

char *__wrap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = malloc(n);
	return p ? memcpy(p, s, n) : NULL;
}

void *__wrap_malloc(size_t n)
{
	void *p = fails() ? NULL : __real_malloc(n);
	blocks += armed && p;
	return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __real_calloc(n, size);
	blocks += armed && p;
	return p;
}

void *__wrap_realloc(void *old, size_t n)
{
	void *p = fails() ? NULL : __real_realloc(old, n);
	blocks += armed && p && !old;
	return p;
}

void __wrap_free(void *p)
{
	blocks -= armed && p;
	__real_free(p);
}

static void arm(uint64_t at)
{
	count = 0;
	fail_at = at;
	blocks = 0;
	armed = true;
}

struct output {
	size_t len, writes, fail_write;
	uint64_t sum;
};

static int output_write(void *ctx, const void *data, size_t size)
{
	struct output *o = ctx;
	if (++o->writes == o->fail_write)
		return 28; /* ENOSPC */
	for (size_t i = 0; i < size; i++)
		o->sum = o->sum * 31 + ((const uint8_t *)data)[i];
	o->len += size;
	return 0;
}

static char path[] = "/tmp/heapconv-nomem.XXXXXX";

static int make_dump(void **state)
{
	struct dumpbuild b;
	(void)state;
	setenv("SOURCE_DATE_EPOCH", "1", 1);
	hdb_init(&b, 8, false);
	hdb_sample(&b, "amd64", "go1.26.0");
	int fd = mkstemp(path);
	bool ok = fd >= 0 && write(fd, b.out.data, b.out.len) == (ssize_t)b.out.len;
	close(fd);
	hdb_free(&b);
	return ok ? 0 : -1;
}

static int remove_dump(void **state)
{
	(void)state;
	return unlink(path);
}

static struct hc_error *open_dump(struct hc_snapshot **ret)
{
	const struct hc_open_opts opts = {.size = sizeof(opts), .path = path, .threads = 1};
	return hc_open(&opts, ret);
}

static void test_open(void **state)
{
	(void)state;
	uint64_t at = 1, survived = 0;
	for (;; at++) {
		struct hc_snapshot *s = NULL;
		arm(at);
		struct hc_error *err = open_dump(&s);
		bool hit = count >= at;
		if (err) {
			assert_true(hit);
			assert_true(*hc_error_message(err));
			assert_null(s);
		} else {
			survived += hit;
			assert_int_equal(hc_snapshot_info(s)->objects, 10);
		}
		hc_error_free(err);
		hc_close(s);
		armed = false;
		if (blocks != 0)
			fail_msg("allocation %d: %d blocks are left", (int)at, (int)blocks);
		if (!hit)
			break;
	}
	assert_true(at > 50);
	print_message("# %d allocations, %d of them not needed\n", (int)at - 1, (int)survived);
}

static struct hc_error *write_view(const struct hc_snapshot *s, const struct hc_format *f, const char *view, const char *target,
                                   struct output *o, enum hc_compression c)
{
	const struct hc_write_opts opts = {.size = sizeof(opts), .view = view, .target = target};
	struct hc_sink *k;
	struct hc_error *err = hc_sink_fn(output_write, o, c, &k);
	if (err)
		return err;
	err = hc_write(s, f, &opts, k);
	struct hc_error *closing = hc_sink_close(k);
	if (!err)
		return closing;
	hc_error_free(closing);
	return err;
}

static void fail_each(const struct hc_snapshot *s, const struct hc_format *f, const char *view, const char *target,
                      enum hc_compression c)
{
	struct output good = {0};
	struct hc_error *err = write_view(s, f, view, target, &good, c);
	if (err)
		fail_msg("%s %s: %s", f->name, view, hc_error_message(err));
	for (uint64_t at = 1;; at++) {
		struct output o = {0};
		arm(at);
		err = write_view(s, f, view, target, &o, c);
		bool hit = count >= at;
		if (!err && (o.len != good.len || o.sum != good.sum))
			fail_msg("%s %s: other output (%d bytes, not %d) without allocation %d, and no error", f->name, view,
			         (int)o.len, (int)good.len, (int)at);
		assert_true(!err || hit);
		hc_error_free(err);
		armed = false;
		if (blocks != 0)
			fail_msg("%s %s, allocation %d: %d blocks are left", f->name, view, (int)at, (int)blocks);
		if (!hit)
			break;
	}
	for (size_t at = 1; at <= good.writes; at++) {
		struct output o = {.fail_write = at};
		err = write_view(s, f, view, target, &o, c);
		if (!err || hc_error_code(err) != HC_E_IO)
			fail_msg("%s %s: write %d failed without an error", f->name, view, (int)at);
		hc_error_free(err);
		if (o.writes != at)
			fail_msg("%s %s: goes on writing after write %d failed", f->name, view, (int)at);
	}
}

static void test_write(void **state)
{
	(void)state;
	struct hc_snapshot *s;
	struct hc_error *err = open_dump(&s);
	char target[32];
	assert_null(err);
	hc_node first = hc_object_next(s, 0, true);
	assert_int_not_equal(first, HC_NODE_NONE);
	snprintf(target, sizeof(target), "%#llx", (unsigned long long)hc_node_addr(s, first));
	for (size_t i = 0; i < hc_format_count(); i++) {
		const struct hc_format *f = hc_format_at(i);
		for (const char *v = f->views; *v; v += strspn(v, " ")) {
			char view[64];
			size_t n = strcspn(v, " ");
			struct output o = {0};
			snprintf(view, sizeof(view), "%.*s", (int)n, v);
			err = write_view(s, f, view, NULL, &o, HC_PLAIN);
			bool asks = err && hc_error_code(err) == HC_E_ARG; /* a question about something */
			hc_error_free(err);
			fail_each(s, f, view, asks ? target : NULL, HC_PLAIN);
			if (v == f->views)
				fail_each(s, f, view, asks ? target : NULL, HC_GZIP);
			v += n;
		}
	}
	hc_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_write),
	};
	return cmocka_run_group_tests(tests, make_dump, remove_dump);
}
