/* SPDX-License-Identifier: MIT */
/* Compressed files: decompressed into a temporary file without a name, in which zeros take no space. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gz.h"
#include "reader/priv.h"

enum { HOLE_BLOCK = 4096, PIPE_CHUNK = 256 << 10 };

struct sparse_file {
	int fd;
	uint64_t pos;
	int failed; /* errno of a write that failed */
};

static bool all_zero(const uint8_t *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static int write_at(int fd, const uint8_t *p, size_t n, uint64_t pos)
{
	while (n) {
		ssize_t w = pwrite(fd, p, n, (off_t)pos);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return errno;
		p += w;
		n -= (size_t)w;
		pos += (uint64_t)w;
	}
	return 0;
}

/* Blocks of zeros are skipped: most of a core is address space that was never touched. */
static int sparse_write_blocks(struct sparse_file *f, const void *data, size_t size)
{
	const uint8_t *p = data, *end = p + size, *run = p;
	uint64_t run_pos = f->pos;
	while (p < end) {
		size_t to_edge = HOLE_BLOCK - (size_t)(f->pos % HOLE_BLOCK), left = (size_t)(end - p);
		size_t n = left < to_edge ? left : to_edge;
		bool hole = all_zero(p, n);
		int e = hole ? write_at(f->fd, run, (size_t)(p - run), run_pos) : 0;
		if (e)
			return e;
		p += n;
		f->pos += n;
		if (hole) {
			run = p;
			run_pos = f->pos;
		}
	}
	return write_at(f->fd, run, (size_t)(p - run), run_pos);
}

static int sparse_write(void *ctx, const void *data, size_t size)
{
	struct sparse_file *f = ctx;
	return f->failed = sparse_write_blocks(f, data, size);
}

static const char *temp_dir(void)
{
	const char *dir = getenv("TMPDIR");
	return dir && *dir ? dir : "/var/tmp";
}

/* A file without a name in $TMPDIR, else /var/tmp: /tmp is often memory, and snapshots are large. */
static struct hc_error *temp_open(int *ret)
{
	const char *dir = temp_dir();
	size_t size = strlen(dir) + sizeof("/heapconv-XXXXXX");
	char *name = malloc(size);
	if (!name)
		return err_nomem();
	snprintf(name, size, "%s/heapconv-XXXXXX", dir);
	int fd = mkostemp(name, O_CLOEXEC);
	int e = errno;
	if (fd >= 0)
		unlink(name);
	free(name);
	if (fd < 0)
		return err_new(HC_E_IO, "no temporary file in %s: %s; set TMPDIR to a directory with enough "
		               "space", dir, strerror(e));
	*ret = fd;
	return NULL;
}

static struct hc_error *write_failed(const struct sparse_file *f, int e)
{
	return err_new(HC_E_IO, "writing a temporary file in %s, after %llu bytes: %s; set TMPDIR to a directory with "
	               "more free space", temp_dir(), (unsigned long long)f->pos, strerror(e));
}

/* ---- by other programs ---- */

/* Starts `tool -dc < path`; *out is its output. */
static struct hc_error *tool_start(enum file_kind kind, const char *path, pid_t *pid, int *out)
{
	const char *tool = file_kind_decompressor(kind);
	/* zstd refuses windows above 128 MiB unless told otherwise; `zstd --ultra --long=31` makes such streams. */
	char name[32], flag[] = "-dc", wide[] = "--long=31";
	char *argv[] = {name, flag, kind == FILE_ZSTD ? wide : NULL, NULL};
	extern char **environ;
	posix_spawn_file_actions_t fa;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return err_new(HC_E_IO, "cannot make a pipe to %s: %s", tool, strerror(errno));
	memcpy(name, tool, strlen(tool) + 1);
	int e = posix_spawn_file_actions_init(&fa);
	if (!e) {
		e = posix_spawn_file_actions_addopen(&fa, 0, path, O_RDONLY, 0);
		e = e ? e : posix_spawn_file_actions_adddup2(&fa, ends[1], 1);
		e = e ? e : posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
		e = e ? e : posix_spawnp(pid, tool, &fa, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&fa);
	}
	close(ends[1]);
	if (e) {
		close(ends[0]);
		return err_new(HC_E_UNSUPPORTED, "compressed with %s, and the program %s cannot be run: %s; install it (on Debian: "
		               "`apt install %s`), or decompress the file elsewhere", tool, tool, strerror(e),
		               file_kind_package(kind));
	}
	*out = ends[0];
	return NULL;
}

static struct hc_error *pipe_drain(int fd, struct sparse_file *f)
{
	uint8_t *buf = malloc(PIPE_CHUNK);
	if (!buf)
		return err_nomem();
	struct hc_error *err = NULL;
	for (;;) {
		ssize_t n = read(fd, buf, PIPE_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		int e = n < 0 ? errno : sparse_write(f, buf, (size_t)n);
		if (e)
			err = write_failed(f, e);
		if (n <= 0 || e)
			break;
	}
	free(buf);
	return err;
}

static struct hc_error *unpack_tool(enum file_kind kind, const char *path, struct sparse_file *f, bool *cut)
{
	pid_t pid;
	int fd = -1, status = 0;
	struct hc_error *err = tool_start(kind, path, &pid, &fd);
	if (err)
		return err;
	err = pipe_drain(fd, f);
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	/* The tools write what they can of a damaged stream, then fail. */
	*cut = !WIFEXITED(status) || WEXITSTATUS(status);
	if (!err && *cut && !f->pos)
		err = err_new(HC_E_FORMAT, "%s gets nothing out of it: the file is damaged from its start on; `%s -t FILE` says how",
		              file_kind_decompressor(kind), file_kind_decompressor(kind));
	return err;
}

static struct hc_error *finish(struct sparse_file *f, struct hc_error *err, int *fd, uint64_t *size)
{
	if (!err && ftruncate(f->fd, (off_t)f->pos))
		err = write_failed(f, errno);
	if (err) {
		close(f->fd);
		return err;
	}
	*fd = f->fd;
	*size = f->pos;
	return NULL;
}

struct hc_error *unpack_pipe(int in, int *fd, uint64_t *size)
{
	struct sparse_file f = {.fd = -1};
	struct hc_error *err = temp_open(&f.fd);
	return err ? err : finish(&f, pipe_drain(in, &f), fd, size);
}

struct hc_error *unpack(const struct blob *b, enum file_kind kind, int *fd, uint64_t *size, bool *cut)
{
	struct sparse_file f = {.fd = -1};
	struct hc_error *err = temp_open(&f.fd);
	if (err)
		return err;
	if (kind == FILE_GZIP)
		err = gz_inflate(b->data, b->size, sparse_write, &f, cut);
	else
		err = unpack_tool(kind, b->path, &f, cut);
	if (err && kind == FILE_GZIP && f.failed) {
		hc_error_free(err);
		err = write_failed(&f, f.failed);
	}
	return finish(&f, err, fd, size);
}
