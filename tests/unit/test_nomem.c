/* SPDX-License-Identifier: MIT */
/*
 * Every allocation fails once, and every write: opening and writing end with an error, or with the output that they have
 * without, and leave nothing behind. malloc, calloc, realloc and mmap are wrapped by the linker (see the Makefile).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "../support/dumpbuild.h"
#include "../support/dwarfprog.h"
#include "../support/memsink.h"
#include "../support/processbuild.h"
#include "heapconv/heapconv.h"
#include "types/types.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
char *__wrap_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
void *__real_mmap64(void *addr, size_t n, int prot, int flags, int fd, off_t off);
void *__wrap_mmap64(void *addr, size_t n, int prot, int flags, int fd, off_t off);
int __real_munmap(void *p, size_t n);
int __wrap_munmap(void *p, size_t n);

/* Writers use threads. */
static _Atomic bool armed;
static _Atomic uint64_t count;  /* allocations while armed */
static uint64_t fail_at;        /* the one that fails, from 1 */
static _Atomic int64_t blocks;  /* more than there were when it was armed */

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

/* Big arrays, and files. */
void *__wrap_mmap64(void *addr, size_t n, int prot, int flags, int fd, off_t off)
{
	if (fails()) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	void *p = __real_mmap64(addr, n, prot, flags, fd, off);
	blocks += armed && p != MAP_FAILED;
	return p;
}

int __wrap_munmap(void *p, size_t n)
{
	blocks -= armed;
	return __real_munmap(p, n);
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

/* A heap dump and a core, of ten and 28 objects. */
enum { DUMP, CORE, INPUTS };
static struct {
	const char *what;
	char path[40];
	uint64_t objects;
} inputs[INPUTS] = {{"dump", "/tmp/heapconv-nomem.XXXXXX", 10}, {"core", "/tmp/heapconv-nomem.XXXXXX", 28}};

static bool make_file(char *path, const uint8_t *data, size_t size)
{
	int fd = mkstemp(path);
	bool ok = fd >= 0 && write(fd, data, size) == (ssize_t)size;
	close(fd);
	return ok;
}

static int make_inputs(void **state)
{
	struct dumpbuild b;
	size_t size;
	(void)state;
	setenv("SOURCE_DATE_EPOCH", "1", 1);
	hdb_init(&b, 8, false);
	hdb_sample(&b, "amd64", "go1.26.0");
	uint8_t *core = pb_build(PB_1_26, &size);
	bool ok = make_file(inputs[DUMP].path, b.out.data, b.out.len) && make_file(inputs[CORE].path, core, size);
	hdb_free(&b);
	free(core);
	return ok ? 0 : -1;
}

static int remove_inputs(void **state)
{
	int status = 0;
	(void)state;
	for (unsigned i = 0; i < INPUTS; i++)
		status |= unlink(inputs[i].path);
	return status;
}

static struct hc_error *open_input(unsigned i, struct hc_snapshot **ret)
{
	const struct hc_open_opts opts = {.size = sizeof(opts), .path = inputs[i].path, .threads = 1};
	return hc_open(&opts, ret);
}

static void open_each(unsigned input)
{
	uint64_t at = 1, survived = 0;
	for (;; at++) {
		struct hc_snapshot *s = NULL;
		arm(at);
		struct hc_error *err = open_input(input, &s);
		bool hit = count >= at;
		if (err) {
			assert_true(hit);
			assert_true(*hc_error_message(err));
			assert_null(s);
		} else {
			survived += hit;
			assert_int_equal(hc_snapshot_info(s)->objects, inputs[input].objects);
		}
		hc_error_free(err);
		hc_close(s);
		armed = false;
		if (blocks != 0)
			fail_msg("%s, allocation %d: %d blocks are left", inputs[input].what, (int)at, (int)blocks);
		if (!hit)
			break;
	}
	assert_true(at > 50);
	print_message("# %s: %d allocations, %d of them not needed\n", inputs[input].what, (int)at - 1, (int)survived);
}

static void test_open(void **state)
{
	(void)state;
	for (unsigned i = 0; i < INPUTS; i++)
		open_each(i);
}

/* Types, variables and locals out of debug information. */
static struct hc_error *open_types(const uint8_t *file, size_t size)
{
	struct blob *blob;
	struct exe *exe = NULL;
	struct types *types = NULL;
	struct diag diag;
	struct local out[8];
	size_t n;
	diag_init(&diag, NULL, NULL);
	struct hc_error *err = blob_from_memory("prog", file, size, &blob);
	if (!err)
		err = exe_parse(blob, &diag, &exe);
	if (!err) {
		struct module_file module = {.exe = exe, .main = true};
		struct proc proc = {.diag = &diag, .arch = exe->arch, .word = 8, .modules = &module, .nmodules = 1};
		proc.build.minor = 26;
		err = types_open(&proc, &diag, &types);
		if (!err && types->dwarf)
			err = dwarf_locals(types->dwarf, types, DP_TEXT + 4, out, 8, &n);
		types_close(types);
	}
	exe_close(exe);
	diag_deinit(&diag);
	return err;
}

static void test_debug_information(void **state)
{
	(void)state;
	static const char *const compressions[] = {"", "z", "c"};
	for (unsigned i = 0; i < 3; i++) {
		struct dwarfprog p;
		size_t size;
		dp_init(&p, 5, 8, false, compressions[i]);
		uint8_t *file = cb_build(&p.cb, &size);
		uint64_t at = 1;
		for (bool hit = true; hit; at++) {
			arm(at);
			struct hc_error *err = open_types(file, size);
			hit = count >= at;
			assert_true(!err || hit);
			if (err)
				assert_true(*hc_error_message(err));
			hc_error_free(err);
			armed = false;
			if (blocks != 0)
				fail_msg("compression '%s', allocation %d: %d blocks are left", compressions[i], (int)at, (int)blocks);
		}
		assert_true(at > 20);
		free(file);
		dp_free(&p);
	}
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

static void write_each(unsigned input)
{
	struct hc_snapshot *s;
	struct hc_error *err = open_input(input, &s);
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

static void test_write(void **state)
{
	(void)state;
	for (unsigned i = 0; i < INPUTS; i++)
		write_each(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_debug_information),
		cmocka_unit_test(test_write),
	};
	return cmocka_run_group_tests(tests, make_inputs, remove_inputs);
}
