/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ckd.h"
#include "base/gz.h"
#include "reader/priv.h"

static struct hc_error *blob_new(const char *path, struct blob **ret)
{
	struct blob *b = calloc(1, sizeof(*b));
	if (b)
		b->path = strdup(path);
	if (!b || !b->path) {
		free(b);
		return err_nomem();
	}
	*ret = b;
	return NULL;
}

void blob_close(struct blob *b)
{
	if (!b)
		return;
	if (b->map)
		munmap(b->map, b->map_size);
	free(b->path);
	free(b);
}

struct hc_error *blob_from_memory(const char *name, const void *data, size_t size, struct blob **ret)
{
	struct blob *b = NULL;
	struct hc_error *err = blob_new(name, &b);
	if (err)
		return err;
	b->data = data;
	b->size = size;
	*ret = b;
	return NULL;
}

/* Replaces what the blob maps. Empty files cannot be mapped and need not be. */
static struct hc_error *blob_map(struct blob *b, int fd, uint64_t size)
{
	static const uint8_t nothing[1];
	void *map = NULL;
	size_t n;
	if (!ckd_size(size, &n))
		return err_new(HC_E_LIMIT, "%s: %llu bytes do not fit into the address space of this computer", b->path,
		               (unsigned long long)size);
	if (n) {
		map = mmap(NULL, n, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
		if (map == MAP_FAILED)
			return err_new(HC_E_IO, "%s: cannot map %zu bytes: %s", b->path, n, strerror(errno));
	}
	if (b->map)
		munmap(b->map, b->map_size);
	b->map = map;
	b->map_size = n;
	b->data = n ? map : nothing;
	b->size = n;
	return NULL;
}

/* ---- decompression into a sparse temporary file ---- */

enum { HOLE_BLOCK = 4096 };

struct sparse_file {
	int fd;
	uint64_t pos;
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
static int sparse_write(void *ctx, const void *data, size_t size)
{
	struct sparse_file *f = ctx;
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

/* A file without a name in $TMPDIR, else /var/tmp: /tmp is often memory, and snapshots are large. */
static struct hc_error *temp_open(const char *for_path, int *ret)
{
	const char *dir = getenv("TMPDIR");
	if (!dir || !*dir)
		dir = "/var/tmp";
	size_t n = strlen(dir);
	char *name = malloc(n + sizeof("/heapconv-XXXXXX"));
	if (!name)
		return err_nomem();
	memcpy(name, dir, n);
	memcpy(name + n, "/heapconv-XXXXXX", sizeof("/heapconv-XXXXXX"));
	int fd = mkstemp(name);
	int e = errno;
	if (fd >= 0) {
		unlink(name);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	free(name);
	if (fd < 0)
		return err_new(HC_E_IO, "%s: no temporary file in %s to decompress it: %s; set TMPDIR to a directory with "
		               "enough space", for_path, dir, strerror(e));
	*ret = fd;
	return NULL;
}

static struct hc_error *blob_inflate(struct blob *b, struct diag *diag)
{
	struct sparse_file f = {.fd = -1};
	struct hc_error *err = temp_open(b->path, &f.fd);
	if (err)
		return err;
	bool cut;
	err = gz_inflate(b->data, b->size, sparse_write, &f, &cut);
	if (!err && ftruncate(f.fd, (off_t)f.pos))
		err = err_new(HC_E_IO, "%s", strerror(errno));
	if (err)
		err = err_wrap(err, "%s: decompressing into a temporary file (TMPDIR chooses where)", b->path);
	else
		err = blob_map(b, f.fd, f.pos);
	if (!err && cut) {
		b->cut = true;
		diag_add(diag, HC_SEV_WARNING, "%s: the gzip stream is damaged or cut short; using the %llu bytes before that",
		         b->path, (unsigned long long)f.pos);
	}
	close(f.fd);
	return err;
}

static struct hc_error *blob_decompress(struct blob *b, struct diag *diag)
{
	enum file_kind kind = file_identify(b->data, b->size);
	if (kind == FILE_GZIP)
		return blob_inflate(b, diag);
	const char *tool = file_kind_decompressor(kind);
	if (tool)
		return err_new(HC_E_UNSUPPORTED, "%s: compressed with %s; decompress it first: `%s -d -c %s > core`", b->path,
		               file_kind_name(kind), tool, b->path);
	return NULL;
}

struct hc_error *blob_open(const char *path, struct diag *diag, struct blob **ret)
{
	struct blob *b = NULL;
	struct hc_error *err = blob_new(path, &b);
	if (err)
		return err;
	/* O_NONBLOCK: a path that comes out of a snapshot may name a fifo. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		err = err_new(HC_E_IO, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err = err_new(HC_E_IO, "%s: not a regular file", path);
	else
		err = blob_map(b, fd, (uint64_t)st.st_size);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = blob_decompress(b, diag);
	if (err) {
		blob_close(b);
		return err;
	}
	*ret = b;
	return NULL;
}
