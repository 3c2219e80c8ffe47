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

/* As gdb looks: by build id; then by the link's name beside the executable, in .debug, and below /usr/lib/debug. */
static bool paths_of_debug(struct paths *ps, const struct opening *o, const struct exe *exe, const char *link)
{
	if (!paths_add_build_id(ps, o->opts, exe->gnu_build_id, ".debug"))
		return false;
	if (link && *link && !strchr(link, '/')) {
		char *dir = dir_name(&ps->arena, exe->path);
		char *hidden = dir ? arena_printf(&ps->arena, "%s.debug/", dir) : NULL;
		char *global = dir ? arena_printf(&ps->arena, "/usr/lib/debug%s%s%s", *dir == '/' ? "" : "/", dir, link) : NULL;
		if (!hidden || !global || !paths_add(ps, dir, link) || !paths_add(ps, hidden, link) ||
		    !paths_add_rooted(ps, o->opts, global) || !paths_add_searched(ps, o->opts, link))
			return false;
	}
	return paths_add_debuginfod(ps, exe->gnu_build_id, "debuginfo");
}

enum match { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };

static enum match match(const struct exe *exe, const struct exe *debug)
{
	if (*exe->gnu_build_id && *debug->gnu_build_id)
		return strcmp(exe->gnu_build_id, debug->gnu_build_id) ? MATCH_NO : MATCH_YES;
	if (*exe->go_build_id && *debug->go_build_id)
		return strcmp(exe->go_build_id, debug->go_build_id) ? MATCH_NO : MATCH_YES;
	if (exe->machine != debug->machine || exe->word != debug->word)
		return MATCH_NO;
	/* A debug file keeps the places and sizes of the sections that it lost. */
	const struct exe_section *ours = exe_section(exe, ".text"), *theirs = exe_section(debug, ".text");
	return ours && theirs && (ours->addr != theirs->addr || ours->size != theirs->size) ? MATCH_NO : MATCH_UNKNOWN;
}

static const char *id_of(const struct exe *exe)
{
	return *exe->gnu_build_id ? exe->gnu_build_id : *exe->go_build_id ? exe->go_build_id : "none";
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
	if (!debug->has_dwarf && !debug->has_symtab) {
		err = err_new(HC_E_EXE, "%s: debug file has neither debug information nor symbols; give the file that `objcopy "
		              "--only-keep-debug` or `eu-strip -f` made, or the executable before it was stripped", path);
		exe_close(debug);
		return err;
	}
	if (match(exe, debug) == MATCH_NO && !o->opts->force) {
		bool gnu = *exe->gnu_build_id && *debug->gnu_build_id;
		err = err_new(HC_E_EXE, "%s: debug file has build id %s, %s has %s; give the one that was split off from it, or "
		              "--force", path, gnu ? debug->gnu_build_id : *debug->go_build_id ? debug->go_build_id : id_of(debug),
		              exe->path, gnu ? exe->gnu_build_id : *exe->go_build_id ? exe->go_build_id : id_of(exe));
		exe_close(debug);
		return err;
	}
	attach(exe, debug);
	return NULL;
}

/* Takes the file if it is the one that was split off from exe; a wrong one is said, a missing one is not. */
static void try_debug(struct opening *o, struct exe *exe, const char *path, const char *link, uint32_t crc)
{
	struct exe *debug;
	struct hc_error *err = exe_open(path, NULL, &debug);
	if (err) {
		diag_say(o->p->diag, HC_SEV_DEBUG, "debug file %s", hc_error_message(err));
		hc_error_free(err);
		return;
	}
	enum match m = match(exe, debug);
	bool by_link = m == MATCH_UNKNOWN && link;
	if (by_link && gz_crc32(debug->blob->data, debug->blob->size) == crc)
		m = MATCH_YES;
	if (m == MATCH_YES && (debug->has_dwarf || debug->has_symtab)) {
		diag_say(o->p->diag, HC_SEV_INFO, "debug information of %s from %s", exe->path, path);
		attach(exe, debug);
		return;
	}
	if (m != MATCH_YES)
		diag_add(o->p->diag, HC_SEV_WARNING, "debug file %s is not used: %s; --debug-file names the right one, --force takes "
		         "this one", path, by_link ? "its checksum is not the one in .gnu_debuglink" :
		         "it was not split off from the executable (build ids differ)");
	exe_close(debug);
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
	for (size_t i = 0; ok && !exe->debug && i < ps.list.len; i++)
		try_debug(o, exe, ps.list.data[i], link, crc);
	char *tried = ok && !exe->debug && ps.list.len ? paths_text(&ps) : NULL;
	if (tried)
		diag_say(o->p->diag, HC_SEV_INFO, "%s has no debug information; a file with it was looked for at %s (--debug-file "
		         "names another place)", exe->path, tried);
	paths_free(&ps);
	return ok ? NULL : err_nomem();
}
