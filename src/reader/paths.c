/* SPDX-License-Identifier: MIT */
/* Where on this machine a file may be that the snapshot names. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "reader/priv.h"

char *first_word(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strcspn(s, " "));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

char *dir_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : arena_strndup(a, "./", 2);
}

void paths_free(struct paths *ps)
{
	vec_free(&ps->list);
	arena_free(&ps->arena);
}

bool paths_add(struct paths *ps, const char *dir, const char *path)
{
	size_t n = strlen(dir);
	if (!*path)
		return true;
	path += n && dir[n - 1] == '/' && *path == '/';
	char *s = arena_printf(&ps->arena, "%s%s%s", dir, n && dir[n - 1] != '/' && *path != '/' ? "/" : "", path);
	if (!s)
		return false;
	for (size_t i = 0; i < ps->list.len; i++)
		if (!strcmp(ps->list.data[i], s))
			return true;
	return vec_push(&ps->list, s);
}

bool paths_add_rooted(struct paths *ps, const struct proc_opts *opts, const char *path)
{
	for (size_t i = 0; i < opts->nsysroots; i++)
		if (!paths_add(ps, opts->sysroots[i], path))
			return false;
	return paths_add(ps, "", path);
}

bool paths_add_searched(struct paths *ps, const struct proc_opts *opts, const char *path)
{
	for (size_t i = 0; i < opts->nsearch; i++)
		if (!paths_add(ps, opts->search[i], base_name(path)))
			return false;
	return true;
}

bool paths_add_build_id(struct paths *ps, const struct proc_opts *opts, const char *gnu_id, const char *suffix)
{
	if (strlen(gnu_id) < 3)
		return true;
	char *path = arena_printf(&ps->arena, "/usr/lib/debug/.build-id/%.2s/%s%s", gnu_id, gnu_id + 2, suffix);
	return path && paths_add_rooted(ps, opts, path);
}

/* Where debuginfod's client keeps what it fetched (debuginfod_find_debuginfo(3)); heapconv itself never goes online. */
bool paths_add_debuginfod(struct paths *ps, const char *gnu_id, const char *what)
{
	const char *cache = getenv("DEBUGINFOD_CACHE_PATH"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *dirs[] = {cache, xdg, home, home};
	static const char *const below[] = {"", "/debuginfod_client", "/.cache/debuginfod_client",
	                                    "/.debuginfod_client_cache"};
	for (size_t i = cache && *cache ? 0 : 1; *gnu_id && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (!dirs[i] || !*dirs[i])
			continue;
		char *path = arena_printf(&ps->arena, "%s/%s/%s", below[i], gnu_id, what);
		if (!path || !paths_add(ps, dirs[i], path))
			return false;
		if (!i)
			break;
	}
	return true;
}

char *paths_text(struct paths *ps)
{
	enum { SHOWN = 8 };
	char *text = arena_strdup(&ps->arena, "");
	for (size_t i = 0; text && i < ps->list.len && i < SHOWN; i++)
		text = arena_printf(&ps->arena, "%s%s%s", text, i ? ", " : "", ps->list.data[i]);
	if (text && ps->list.len > SHOWN)
		text = arena_printf(&ps->arena, "%s and %zu more", text, ps->list.len - SHOWN);
	return text;
}

bool paths_of_exe(struct paths *ps, const struct proc *p, const struct proc_opts *opts)
{
	char xattr[4096];
	ssize_t n = getxattr(p->blob->path, "user.coredump.exe", xattr, sizeof(xattr) - 1); /* systemd-coredump */
	xattr[n > 0 ? n : 0] = 0;
	char *arg0 = first_word(&ps->arena, p->psargs);
	char *dir = dir_name(&ps->arena, p->blob->path);
	if (!arg0 || !dir)
		return false;
	const char *names[] = {p->exe_path, p->execfn, arg0, xattr};
	enum { NNAMES = sizeof(names) / sizeof(names[0]) };
	bool ok = true;
	for (size_t i = 0; ok && i < NNAMES; i++)
		ok = paths_add_rooted(ps, opts, names[i]);
	/* ABRT keeps a copy beside the core under this name. */
	ok = ok && paths_add(ps, dir, "executable") && paths_add_build_id(ps, opts, p->gnu_build_id, "");
	for (size_t i = 0; ok && i < NNAMES; i++)
		ok = paths_add_searched(ps, opts, names[i]);
	for (size_t i = 0; ok && i < NNAMES; i++)
		ok = paths_add(ps, dir, base_name(names[i]));
	return ok && paths_add_debuginfod(ps, p->gnu_build_id, "executable");
}
