/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ckd.h"
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

static struct hc_error *blob_unpack(struct blob *b, bool piped, struct diag *diag)
{
	int fd;
	uint64_t size;
	enum file_kind kind = file_identify(b->data, b->size);
	if (kind != FILE_GZIP && !file_kind_decompressor(kind))
		return NULL;
	if (kind != FILE_GZIP && piped)
		return err_new(HC_E_UNSUPPORTED, "%s: compressed with %s; in a pipe, decompress it on the way", b->path,
		               file_kind_name(kind));
	struct hc_error *err = unpack(b, kind, &fd, &size, &b->cut);
	if (err)
		return err_wrap(err, "%s", b->path);
	err = blob_map(b, fd, size);
	close(fd);
	if (!err && b->cut)
		diag_add(diag, HC_SEV_WARNING, "%s: the %s stream is damaged or cut short; using the %llu bytes before that",
		         b->path, file_kind_name(kind), (unsigned long long)size);
	return err;
}

static struct hc_error *blob_pipe(struct blob *b, int fd)
{
	int copy;
	uint64_t size;
	struct hc_error *err = unpack_pipe(fd, &copy, &size);
	if (err)
		return err_wrap(err, "%s", b->path);
	err = blob_map(b, copy, size);
	close(copy);
	return err;
}

/* Crash reporters keep a directory for each crash. */
static struct hc_error *is_directory(const char *path, int fd)
{
	static const char *const names[] = {"coredump", "coredump.zst", "coredump.lz4", "coredump.xz", "CoreDump", "core"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!faccessat(fd, names[i], F_OK, 0))
			return err_new(HC_E_IO, "%s: is a directory; give the core in it: %s/%s", path, path, names[i]);
	return err_new(HC_E_IO, "%s: is a directory; give the core file in it", path);
}

static struct hc_error *open_path(const char *path, bool pipes, struct diag *diag, struct blob **ret)
{
	struct blob *b = NULL;
	struct hc_error *err = blob_new(path, &b);
	if (err)
		return err;
	/* O_NONBLOCK: a path that comes out of a snapshot may name a fifo. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (pipes ? 0 : O_NONBLOCK));
	struct stat st;
	bool piped = false;
	if (fd < 0 && errno == EACCES)
		err = err_new(HC_E_IO, "%s: %s; cores belong to who ran the process: read it as that user, or with sudo", path,
		              strerror(errno));
	else if (fd < 0 || fstat(fd, &st))
		err = err_new(HC_E_IO, "%s: %s", path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		err = is_directory(path, fd);
	else if (pipes && (piped = S_ISFIFO(st.st_mode)))
		err = blob_pipe(b, fd);
	else if (!S_ISREG(st.st_mode))
		err = err_new(HC_E_IO, "%s: not a regular file", path);
	else
		err = blob_map(b, fd, (uint64_t)st.st_size);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = blob_unpack(b, piped, diag);
	if (err) {
		blob_close(b);
		return err;
	}
	*ret = b;
	return NULL;
}

struct hc_error *blob_open(const char *path, struct diag *diag, struct blob **ret)
{
	return open_path(path, false, diag, ret);
}

struct hc_error *blob_open_or_pipe(const char *path, struct diag *diag, struct blob **ret)
{
	return open_path(path, true, diag, ret);
}
