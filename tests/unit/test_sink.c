/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/gz.h"
#include "tests/support/memsink.h"
#include "writers/sink.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[2][512];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/heapconv-sink-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
			unlink(in_dir(e->d_name));
	if (d)
		closedir(d);
	return rmdir(dir);
}

static size_t files_in_dir(void)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d)
		closedir(d);
	return n;
}

static size_t slurp(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return 0;
	size_t n = fread(buf, 1, size - 1, f);
	fclose(f);
	buf[n] = '\0';
	return n;
}

static void write_file(const char *path, const char *text)
{
	struct hc_sink *k;
	assert_null(hc_sink_file(path, HC_PLAIN, &k));
	sink_puts(k, text);
	assert_null(hc_sink_close(k));
}

static void put_old(const char *path, mode_t mode)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fputs("old", f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_appears_when_complete(void **state)
{
	(void)state;
	char buf[64];
	struct hc_sink *k;
	assert_null(hc_sink_file(in_dir("out"), HC_PLAIN, &k));
	sink_puts(k, "hello");
	sink_flush(k);
	assert_int_not_equal(access(in_dir("out"), F_OK), 0);
	assert_null(hc_sink_close(k));
	assert_int_equal(slurp(in_dir("out"), buf, sizeof(buf)), 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(files_in_dir(), 1);
}

static void test_new_file_has_umask(void **state)
{
	(void)state;
	struct stat st;
	mode_t old = umask(027);
	write_file(in_dir("out"), "x");
	umask(old);
	assert_int_equal(stat(in_dir("out"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_replaces_and_keeps_mode(void **state)
{
	(void)state;
	char buf[64];
	struct stat st;
	put_old(in_dir("out"), 0604);
	write_file(in_dir("out"), "new!");
	assert_int_equal(slurp(in_dir("out"), buf, sizeof(buf)), 4);
	assert_int_equal(stat(in_dir("out"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(files_in_dir(), 1);
}

static void test_abort_leaves_the_old(void **state)
{
	(void)state;
	char buf[64];
	struct hc_sink *k;
	put_old(in_dir("out"), 0644);
	assert_null(hc_sink_file(in_dir("out"), HC_GZIP, &k));
	sink_puts(k, "new");
	sink_flush(k);
	hc_sink_abort(k);
	slurp(in_dir("out"), buf, sizeof(buf));
	assert_string_equal(buf, "old");
	assert_int_equal(files_in_dir(), 1);
	hc_sink_abort(NULL);
}

static void test_link_is_followed(void **state)
{
	(void)state;
	char buf[64];
	struct stat st;
	put_old(in_dir("target"), 0644);
	assert_int_equal(symlink("target", in_dir("link")), 0);
	write_file(in_dir("link"), "through");
	assert_int_equal(lstat(in_dir("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	slurp(in_dir("target"), buf, sizeof(buf));
	assert_string_equal(buf, "through");
	assert_int_equal(symlink("made", in_dir("dangling")), 0);
	write_file(in_dir("dangling"), "fresh");
	slurp(in_dir("made"), buf, sizeof(buf));
	assert_string_equal(buf, "fresh");
}

static void test_fifo(void **state)
{
	(void)state;
	char buf[64];
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	int fd = open(in_dir("fifo"), O_RDWR); /* both ends: nobody waits */
	write_file(in_dir("fifo"), "drip");
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	close(fd);
}

static void test_devices(void **state)
{
	(void)state;
	struct stat st;
	struct hc_sink *k;
	write_file("/dev/null", "gone");
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_null(hc_sink_file("/dev/full", HC_PLAIN, &k));
	sink_puts(k, "too much");
	struct hc_error *err = hc_sink_close(k);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_IO);
	assert_non_null(strstr(hc_error_message(err), "/dev/full: write failed"));
	assert_non_null(strstr(hc_error_message(err), "No space left"));
	hc_error_free(err);
}

static void expect_open_error(const char *path, const char *why)
{
	struct hc_sink *k;
	struct hc_error *err = hc_sink_file(path, HC_PLAIN, &k);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_IO);
	assert_non_null(strstr(hc_error_message(err), path));
	assert_non_null(strstr(hc_error_message(err), why));
	hc_error_free(err);
}

static void test_open_errors(void **state)
{
	(void)state;
	expect_open_error(dir, "Is a directory");
	expect_open_error(in_dir("no/such"), "No such file or directory");
	expect_open_error("", "No such file or directory");
	put_old(in_dir("file"), 0644);
	expect_open_error(in_dir("file/x"), "Not a directory");
	char longname[400];
	memset(longname, 'n', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	expect_open_error(in_dir(longname), "File name too long");
	if (geteuid() != 0) {
		put_old(in_dir("readonly"), 0444);
		expect_open_error(in_dir("readonly"), "Permission denied");
	}
}

/* A name as long as the file system allows leaves no room to add to it for the temporary one. */
static void test_longest_name(void **state)
{
	(void)state;
	char name[256];
	memset(name, 'n', 255);
	name[255] = '\0';
	write_file(in_dir(name), "x");
	put_old(in_dir(name), 0600);
	write_file(in_dir(name), "y");
	assert_int_equal(files_in_dir(), 1);
}

static void test_sticky_error(void **state)
{
	(void)state;
	struct memsink m = {.fail_at = SINK_BUFFER};
	struct hc_sink *k;
	char block[1000] = {0};
	assert_null(hc_sink_fn(memsink_write, &m, HC_PLAIN, &k));
	for (int i = 0; i < 1000; i++)
		sink_put(k, block, sizeof(block));
	assert_true(sink_failed(k));
	assert_int_equal(sink_count(k), 1000000);
	struct hc_error *err = hc_sink_close(k);
	assert_non_null(err);
	assert_non_null(strstr(hc_error_message(err), "No space left"));
	hc_error_free(err);
	assert_true(m.len <= SINK_BUFFER);
	free(m.data);
}

/* All sizes of pieces around the buffer's end arrive whole and in order. */
static void test_pieces(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, SINK_BUFFER - 9, 1, 1, 5, SINK_BUFFER, SINK_BUFFER + 1, 3 * SINK_BUFFER,
	                               2};
	struct memsink m = {0};
	struct hc_sink *k;
	char *all = malloc(8 * SINK_BUFFER);
	size_t total = 0;
	assert_non_null(all);
	for (size_t i = 0; i < 8 * SINK_BUFFER; i++)
		all[i] = (char)(i * 2654435761u >> 13);
	assert_null(hc_sink_fn(memsink_write, &m, HC_PLAIN, &k));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		sink_put(k, all + total, sizes[i]);
		total += sizes[i];
	}
	assert_int_equal(sink_count(k), total);
	assert_null(hc_sink_close(k));
	assert_int_equal(m.len, total);
	assert_memory_equal(m.data, all, total);
	free(m.data);
	free(all);
}

static void test_gzip(void **state)
{
	(void)state;
	struct memsink packed[2] = {{0}}, plain = {0};
	bool cut;
	for (int i = 0; i < 2; i++) {
		struct hc_sink *k;
		assert_null(hc_sink_fn(memsink_write, &packed[i], HC_GZIP, &k));
		for (int line = 0; line < 50000; line++)
			sink_printf(k, "line %d\n", line);
		assert_null(hc_sink_close(k));
	}
	assert_int_equal(packed[0].len, packed[1].len);
	assert_memory_equal(packed[0].data, packed[1].data, packed[0].len);
	assert_null(gz_inflate(packed[0].data, packed[0].len, memsink_write, &plain, &cut));
	assert_false(cut);
	assert_true(plain.len > packed[0].len * 3);
	assert_string_equal(plain.data + plain.len - 11, "line 49999\n");
	free(packed[0].data);
	free(packed[1].data);
	free(plain.data);
}

static void test_gzip_failure(void **state)
{
	(void)state;
	struct memsink m = {.fail_at = 1};
	struct hc_sink *k;
	assert_null(hc_sink_fn(memsink_write, &m, HC_GZIP, &k));
	sink_puts(k, "x");
	struct hc_error *err = hc_sink_close(k);
	assert_non_null(err);
	hc_error_free(err);
	free(m.data);
}

static void test_standard_output(void **state)
{
	(void)state;
	char buf[64];
	static const char *const names[] = {"-", "/dev/stdout"};
	for (int i = 0; i < 2; i++) {
		fflush(stdout);
		int saved = dup(STDOUT_FILENO), fd = open(in_dir("stdout"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
		dup2(fd, STDOUT_FILENO);
		write_file(names[i], "printed, ");
		write_file(names[i], "twice");
		dup2(saved, STDOUT_FILENO);
		close(saved);
		close(fd);
		slurp(in_dir("stdout"), buf, sizeof(buf));
		assert_string_equal(buf, "printed, twice");
	}
}

/* Several files that are to appear together are finished first. */
static void test_finish(void **state)
{
	(void)state;
	char buf[64];
	struct hc_sink *k;
	assert_null(hc_sink_file(in_dir("out"), HC_PLAIN, &k));
	sink_puts(k, "hello");
	assert_null(hc_sink_finish(k));
	assert_null(hc_sink_finish(k));
	assert_int_not_equal(access(in_dir("out"), F_OK), 0);
	assert_null(hc_sink_close(k));
	assert_int_equal(slurp(in_dir("out"), buf, sizeof(buf)), 5);
	assert_null(hc_sink_file(in_dir("zipped"), HC_GZIP, &k));
	sink_puts(k, "hello");
	assert_null(hc_sink_finish(k));
	hc_sink_abort(k);
	assert_int_equal(files_in_dir(), 1);
}

int main(void)
{
#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_appears_when_complete),
		WITH_DIR(test_finish),
		WITH_DIR(test_new_file_has_umask),
		WITH_DIR(test_replaces_and_keeps_mode),
		WITH_DIR(test_abort_leaves_the_old),
		WITH_DIR(test_link_is_followed),
		WITH_DIR(test_fifo),
		WITH_DIR(test_devices),
		WITH_DIR(test_open_errors),
		WITH_DIR(test_longest_name),
		WITH_DIR(test_standard_output),
		cmocka_unit_test(test_sticky_error),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_gzip_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
