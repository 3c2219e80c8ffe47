/* SPDX-License-Identifier: MIT */
/* Debug information that lives in a file of its own (objcopy --only-keep-debug, distributions' packages). */
#include <string.h>

#include "base/gz.h"
#include "reader/priv.h"

/* .gnu_debuglink: a name, padded to 4 bytes, and the checksum of the file's contents. */
static const char *debuglink(const struct exe *exe, uint32_t *crc)
{
	uint64_t size;
	const struct exe_section *s = exe_section(exe, ".gnu_debuglink");
	const uint8_t *d = s ? exe_section_data(exe, s, &size) : NULL;
	if (!d || size < 8 || !memchr(d, 0, (size_t)(size - 4)))
		return NULL;
	*crc = load32(d + size - 4, exe->be);
	return (const char *)d;
}

static bool paths_of_debug(struct paths *ps, const struct opening *o, const struct exe *exe, const char *link)
{
	if (!paths_add_build_id(ps, o->opts, exe->gnu_build_id, ".debug"))
		return false;
	if (!link || !*link || strchr(link, '/'))
		return true;
	char *dir = dir_name(&ps->arena, exe->path);
	char *hidden = dir ? arena_printf(&ps->arena, "%s.debug/", dir) : NULL;
	char *global = dir ? arena_printf(&ps->arena, "/usr/lib/debug%s%s", *dir == '/' ? "" : "/", dir) : NULL;
	return hidden && global && paths_add(ps, dir, link) && paths_add(ps, hidden, link) &&
		paths_add(ps, global, link) && paths_add_searched(ps, o->opts, link);
}

enum match { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };

static enum match match(const struct exe *exe, const struct exe *debug)
{
	if (*exe->gnu_build_id && *debug->gnu_build_id)
		return strcmp(exe->gnu_build_id, debug->gnu_build_id) ? MATCH_NO : MATCH_YES;
	if (*exe->go_build_id && *debug->go_build_id)
		return strcmp(exe->go_build_id, debug->go_build_id) ? MATCH_NO : MATCH_YES;
	return exe->machine == debug->machine && exe->word == debug->word ? MATCH_UNKNOWN : MATCH_NO;
}

static void attach(struct exe *exe, struct exe *debug)
{
	exe->debug = debug;
	if (exe->has_symtab || !debug->has_symtab)
		return;
	exe->symbols = debug->symbols;
	exe->nsymbols = debug->nsymbols;
	exe->by_name = debug->by_name;
	exe->by_name_mask = debug->by_name_mask;
	exe->has_symtab = true;
}

static struct hc_error *debug_given(struct opening *o, struct exe *exe, const char *path)
{
	struct exe *debug;
	struct hc_error *err = exe_open(path, o->p->diag, &debug);
	if (err)
		return err_wrap(err, "debug file");
	if (match(exe, debug) == MATCH_NO && !o->opts->force) {
		const char *theirs = *debug->gnu_build_id ? debug->gnu_build_id : debug->go_build_id;
		const char *ours = *debug->gnu_build_id ? exe->gnu_build_id : exe->go_build_id;
		err = err_new(HC_E_EXE, "%s: debug file has build id %s, %s has %s; give the one that was split off from it, or "
		              "--force", path, theirs, exe->path, ours);
		exe_close(debug);
		return err;
	}
	attach(exe, debug);
	return NULL;
}

struct hc_error *debugfile_find(struct opening *o, struct exe *exe, const char *given)
{
	if (given)
		return debug_given(o, exe, given);
	if (exe->has_dwarf)
		return NULL;
	struct paths ps = {0};
	uint32_t crc = 0;
	const char *link = debuglink(exe, &crc);
	bool ok = paths_of_debug(&ps, o, exe, link);
	for (size_t i = 0; ok && !exe->debug && i < ps.list.len; i++) {
		struct exe *debug;
		struct hc_error *err = exe_open(ps.list.data[i], NULL, &debug);
		if (err) {
			hc_error_free(err);
			continue;
		}
		enum match m = match(exe, debug);
		if (m == MATCH_UNKNOWN && link && gz_crc32(debug->blob->data, debug->blob->size) == crc)
			m = MATCH_YES;
		if (m == MATCH_YES && debug->has_dwarf) {
			diag_say(o->p->diag, HC_SEV_DEBUG, "debug file: %s", debug->path);
			attach(exe, debug);
		} else {
			exe_close(debug);
		}
	}
	paths_free(&ps);
	return ok ? NULL : err_nomem();
}
