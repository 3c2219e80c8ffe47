/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "writers/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names that other runs may have left behind are skipped; more than that many and something else is wrong. */
enum { MAX_TRIES = 100, WRITE_MAX = 1 << 30 };

struct outfile {
	int fd;
	bool standard; /* standard output, which is not ours to close */
	bool in_place; /* nothing to rename */
	bool unnamed;  /* opened with O_TMPFILE: without a name until outfile_commit() */
	char *path;
	char *tmp;     /* the name until then; also made for unnamed files */
	size_t tmp_size;
};

static struct hc_error *open_error(const char *path, int e)
{
	return err_new(HC_E_IO, "%s: can't be written: %s; choose another file or directory", path, strerror(e));
}

/* The directory part, with the slash; "" for none. */
static int dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (int)(slash - path) + 1 : 0;
}

static void tmp_name(struct outfile *f, unsigned try)
{
	/* Short, so that it fits wherever the final name does. */
	snprintf(f->tmp, f->tmp_size, "%.*s.heapconv-%ld-%u", dir_len(f->path), f->path, (long)getpid(), try);
}

/* Kernels from 3.11 on; not every file system, and of no use where /proc is not mounted to link the file from. */
static bool open_unnamed(struct outfile *f)
{
	char proc[64];
	int n = dir_len(f->path);
	f->tmp[0] = '\0';
	if (n)
		snprintf(f->tmp, f->tmp_size, "%.*s", n, f->path);
	f->fd = open(n ? f->tmp : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	if (f->fd < 0)
		return false;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", f->fd);
	if (access(proc, F_OK) == 0) {
		f->unnamed = true;
		return true;
	}
	close(f->fd);
	f->fd = -1;
	return false;
}

static int open_named(struct outfile *f)
{
	for (unsigned try = 0; try < MAX_TRIES; try++) {
		tmp_name(f, try);
		f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	f->tmp[0] = '\0';
	return errno;
}

static int open_in_place(struct outfile *f)
{
	f->in_place = true;
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	return f->fd < 0 ? errno : 0;
}

static int open_path(struct outfile *f)
{
	struct stat st;
	bool exists = lstat(f->path, &st) == 0;
	if (!exists && (errno != ENOENT || !*f->path))
		return errno;
	if (exists && S_ISDIR(st.st_mode))
		return EISDIR;
	if (exists && !S_ISREG(st.st_mode))
		return open_in_place(f);
	/* A rename would replace a write-protected file without a word. */
	if (exists && faccessat(AT_FDCWD, f->path, W_OK, AT_EACCESS) != 0)
		return errno;
	if (!open_unnamed(f)) {
		int e = open_named(f);
		if (e)
			return e;
	}
	/* The owner is kept where the system lets us; the permissions always. */
	if (exists && (st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(f->fd, st.st_uid, st.st_gid) != 0)
		errno = 0;
	if (exists && fchmod(f->fd, st.st_mode & 0777) != 0)
		return errno;
	return 0;
}

struct hc_error *outfile_open(const char *path, struct outfile **ret)
{
	bool standard = strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
	struct outfile *f = calloc(1, sizeof(*f));
	if (!f)
		return err_nomem();
	f->fd = -1;
	f->path = strdup(standard ? "standard output" : path);
	f->tmp_size = strlen(path) + 64;
	f->tmp = calloc(1, f->tmp_size);
	if (!f->path || !f->tmp) {
		outfile_free(f);
		return err_nomem();
	}
	if (standard) {
		f->standard = f->in_place = true;
		f->fd = STDOUT_FILENO;
	} else {
		int e = open_path(f);
		if (e) {
			outfile_free(f);
			return open_error(path, e);
		}
	}
	*ret = f;
	return NULL;
}

int outfile_write(void *file, const void *data, size_t size)
{
	const struct outfile *f = file;
	const uint8_t *p = data;
	while (size > 0) {
		ssize_t n = write(f->fd, p, size < WRITE_MAX ? size : WRITE_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Gives an unnamed file its temporary name: link() never replaces a file, rename() does. */
static int link_unnamed(struct outfile *f)
{
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", f->fd);
	for (unsigned try = 0; try < MAX_TRIES; try++) {
		tmp_name(f, try);
		if (linkat(AT_FDCWD, proc, AT_FDCWD, f->tmp, AT_SYMLINK_FOLLOW) == 0) {
			f->unnamed = false;
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return errno;
}

int outfile_commit(struct outfile *f)
{
	if (f->standard)
		return 0;
	if (f->unnamed) {
		int e = link_unnamed(f);
		if (e)
			return e;
	}
	/* Network file systems report a failed write here. */
	int fd = f->fd;
	f->fd = -1;
	if (close(fd) != 0 && errno != EINTR)
		return errno;
	if (f->in_place)
		return 0;
	if (rename(f->tmp, f->path) != 0)
		return errno;
	f->tmp[0] = '\0';
	return 0;
}

void outfile_free(struct outfile *f)
{
	if (!f)
		return;
	if (f->fd >= 0 && !f->standard)
		close(f->fd);
	if (!f->in_place && !f->unnamed && f->tmp && f->tmp[0])
		unlink(f->tmp);
	free(f->tmp);
	free(f->path);
	free(f);
}

const char *outfile_name(const struct outfile *f)
{
	return f->path;
}
