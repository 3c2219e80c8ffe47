/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/gz.h"
#include "reader/priv.h"

static const struct {
	const char *data;
	size_t size;
	enum file_kind kind;
} starts[] = {
	{"", 0, FILE_EMPTY},
	{"hello", 5, FILE_UNKNOWN},
	{"\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0", 18, FILE_ELF_CORE},
	{"\177ELF\1\2\1\0\0\0\0\0\0\0\0\0\0\4", 18, FILE_ELF_CORE},
	{"\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0", 18, FILE_ELF_OTHER},
	{"\177ELF", 4, FILE_UNKNOWN},
	{"go1.7 heap dump\n", 16, FILE_GO_HEAPDUMP},
	{"go1.7 heap dum", 14, FILE_UNKNOWN},
	{"\x1f\x8b\x08", 3, FILE_GZIP},
	{"\x28\xb5\x2f\xfd", 4, FILE_ZSTD},
	{"\xfd" "7zXZ\0", 6, FILE_XZ},
	{"\x04\x22\x4d\x18", 4, FILE_LZ4},
	{"BZh9", 4, FILE_BZIP2},
	{"PK\3\4", 4, FILE_ZIP},
	{"MDMP\x93\xa7", 6, FILE_MINIDUMP},
	{"\xcf\xfa\xed\xfe", 4, FILE_MACHO},
	{"MZ\x90", 3, FILE_PE},
	{"KDUMP   ", 8, FILE_KDUMP},
	{"ProblemType: Crash\n", 19, FILE_APPORT},
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		/* A copy of the exact size: reads past it would be seen. */
		uint8_t *d = malloc(starts[i].size + 1);
		assert_non_null(d);
		memcpy(d, starts[i].data, starts[i].size);
		assert_int_equal(file_identify(d, starts[i].size), starts[i].kind);
		for (size_t n = 0; n < starts[i].size; n++)
			file_identify(d, n);
		assert_non_null(file_kind_name(starts[i].kind));
		free(d);
	}
	assert_string_equal(file_kind_decompressor(FILE_ZSTD), "zstd");
	assert_null(file_kind_decompressor(FILE_GZIP)); /* native */
	assert_null(file_kind_decompressor(FILE_ELF_CORE));
}

struct temp {
	char path[64];
};

static struct temp temp_with(const void *data, size_t size)
{
	struct temp t = {"/tmp/heapconv-test-XXXXXX"};
	int fd = mkstemp(t.path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
	return t;
}

static void test_blob_plain(void **state)
{
	(void)state;
	struct blob *b;
	struct temp t = temp_with("hello", 5);
	assert_null(blob_open(t.path, NULL, &b));
	assert_int_equal(b->size, 5);
	assert_memory_equal(b->data, "hello", 5);
	assert_string_equal(b->path, t.path);
	blob_close(b);
	unlink(t.path);
	t = temp_with("", 0);
	assert_null(blob_open(t.path, NULL, &b));
	assert_int_equal(b->size, 0);
	blob_close(b);
	unlink(t.path);
	blob_close(NULL);
}

static void assert_fails(const char *path, enum hc_code code, const char *text)
{
	struct blob *b;
	struct hc_error *e = blob_open(path, NULL, &b);
	assert_non_null(e);
	assert_int_equal(hc_error_code(e), code);
	assert_non_null(strstr(hc_error_message(e), text));
	assert_non_null(strstr(hc_error_message(e), path));
	hc_error_free(e);
}

static void test_blob_errors(void **state)
{
	(void)state;
	assert_fails("/nonexistent/core", HC_E_IO, "No such file");
	assert_fails("/tmp", HC_E_IO, "is a directory");
	assert_fails("/dev/null", HC_E_IO, "not a regular file");
}

struct gz_target {
	VEC(uint8_t) v;
};

static int gz_append(void *ctx, const void *data, size_t size)
{
	struct gz_target *t = ctx;
	assert_true(vec_reserve(&t->v, t->v.len + size));
	memcpy(t->v.data + t->v.len, data, size);
	t->v.len += size;
	return 0;
}

/* Data, a large hole, data that does not start at a block, and a hole at the end. */
static void test_blob_gzip(void **state)
{
	(void)state;
	size_t size = 3 << 20;
	uint8_t *d = calloc(1, size);
	struct gz_target z = {0};
	struct gz_deflate *g;
	struct blob *b;
	assert_non_null(d);
	memcpy(d, "start", 5);
	memset(d + 1000001, 0xab, 70000);
	assert_null(gz_deflate_new(gz_append, &z, &g));
	assert_int_equal(gz_deflate_write(g, d, size), 0);
	assert_int_equal(gz_deflate_end(g), 0);
	gz_deflate_free(g);
	struct temp t = temp_with(z.v.data, z.v.len);
	assert_null(blob_open(t.path, NULL, &b));
	assert_int_equal(b->size, size);
	assert_memory_equal(b->data, d, size);
	assert_false(b->cut);
	blob_close(b);
	unlink(t.path);
	struct diag diag;
	diag_init(&diag, NULL, NULL);
	t = temp_with(z.v.data, z.v.len - 20);
	assert_null(blob_open(t.path, &diag, &b));
	assert_true(b->cut);
	assert_int_equal(diag.warnings, 1);
	assert_memory_equal(b->data, d, b->size);
	blob_close(b);
	unlink(t.path);
	diag_deinit(&diag);
	vec_free(&z.v);
	free(d);
}

static void test_blob_tool(void **state)
{
	(void)state;
	char command[256];
	struct blob *b;
	struct temp t = temp_with("some text", 9);
	snprintf(command, sizeof(command), "xz -c %s > %s.xz 2>/dev/null", t.path, t.path);
	bool have = system(command) == 0;
	snprintf(command, sizeof(command), "%s.xz", t.path);
	if (have) {
		assert_null(blob_open(command, NULL, &b));
		assert_int_equal(b->size, 9);
		assert_memory_equal(b->data, "some text", 9);
		blob_close(b);
	} else {
		FILE *f = fopen(command, "w");
		assert_non_null(f);
		assert_int_equal(fwrite("\xfd" "7zXZ\0\0", 1, 7, f), 7);
		fclose(f);
	}
	/* Without the tool the message names it. */
	char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
	assert_non_null(path);
	setenv("PATH", "/nonexistent", 1);
	assert_fails(command, HC_E_UNSUPPORTED, "install it");
	setenv("PATH", path, 1);
	free(path);
	setenv("TMPDIR", "/nonexistent", 1);
	assert_fails(command, HC_E_IO, "TMPDIR");
	unsetenv("TMPDIR");
	unlink(command);
	unlink(t.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),     cmocka_unit_test(test_blob_plain), cmocka_unit_test(test_blob_errors),
		cmocka_unit_test(test_blob_gzip), cmocka_unit_test(test_blob_tool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
