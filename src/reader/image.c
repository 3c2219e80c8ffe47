/* SPDX-License-Identifier: MIT */
/* The files that the process was made of: found, compared, and put into the map of addresses. */
#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reader/priv.h"

/* ---- bytes of files ---- */

/* The segment that the row claims to map, if the file has it at that place. */
static const struct exe_segment *row_segment(const struct exe *exe, uint64_t bias, const struct mapped_file *row)
{
	enum { PAGE_MAX = 65535 }; /* rows start at a page, segments need not; pages have up to 64 KB */
	uint64_t vaddr = row->start - bias;
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		uint64_t skew = s->vaddr & PAGE_MAX;
		if (s->vaddr - s->offset == vaddr - row->offset && vaddr - (s->vaddr - skew) < s->memsz + skew)
			return s;
	}
	return NULL;
}

/*
 * A position-independent file does not hold the addresses that its writable segments (also those which the loader makes
 * read-only again) have in memory. That matters where the core was cut, or saved without them.
 */
static bool relocated(struct opening *o, const struct exe *exe, uint64_t bias, const struct exe_segment *s,
                      uint8_t ***images, const uint8_t **ret)
{
	if (!exe->pie || !(s->flags & PF_W) || proc_readable(o->p, s->vaddr + bias, s->filesz))
		return true;
	if (!*images) { /* once, however many rows need it */
		*images = arena_alloc(&o->p->arena, exe->nsegments * sizeof(**images));
		if (!*images || !relocate(&o->p->arena, exe, bias, *images))
			return false;
	}
	*ret = (*images)[s - exe->segments];
	return true;
}

/* `size` bytes from `offset` in the file, where the segment (or a page that it shares) is mapped. */
static bool file_piece(struct opening *o, const struct exe *exe, uint64_t bias, const struct exe_segment *s,
                       uint8_t ***images, uint64_t addr, uint64_t offset, uint64_t size)
{
	const uint8_t *image = NULL;
	uint64_t left = offset < exe->blob->size ? exe->blob->size - offset : 0;
	const uint8_t *data = exe->blob->data + (left ? offset : 0);
	if (!relocated(o, exe, bias, s, images, &image))
		return false;
	if (image) {
		uint64_t skip = s->offset > offset ? s->offset - offset : 0, at = offset + skip - s->offset;
		if (skip >= size || at >= s->filesz)
			return true;
		addr += skip;
		size -= skip;
		data = image + at;
		left = s->filesz - at;
	}
	size = size < left ? size : left;
	if (!size || size - 1 > UINT64_MAX - addr)
		return true;
	const struct segment *mapped = proc_segment(o->p, addr); /* knows what mprotect() made of it */
	struct piece pc = {addr, addr + size - 1, data, RANK_FILE, mapped ? mapped->flags : s->flags};
	return vec_push(&o->pieces, pc);
}

/* The rows of the file's path say what was mapped; without rows, its own program headers do. */
static struct hc_error *file_pieces(struct opening *o, const struct exe *exe, uint64_t bias, const char *path)
{
	struct proc *p = o->p;
	uint8_t **images = NULL;
	bool listed = false;
	for (size_t i = 0; path && i < p->nfiles; i++) {
		const struct mapped_file *row = &p->files[i];
		if (strcmp(row->path, path) != 0)
			continue;
		listed = true;
		const struct exe_segment *s = row_segment(exe, bias, row);
		if (s && !file_piece(o, exe, bias, s, &images, row->start, row->offset, row->end - row->start))
			return err_nomem();
	}
	for (size_t i = 0; !listed && i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		if (!file_piece(o, exe, bias, s, &images, s->vaddr + bias, s->offset, s->filesz))
			return err_nomem();
	}
	return NULL;
}

/*
 * The kernel leaves out private memory that was never written (fs/coredump.c, vma_dump_size: no anon_vma). In the middle
 * of an image that is variables without initial value which nobody has set: zeros.
 */
static struct hc_error *unwritten_pieces(struct opening *o, const struct exe *exe, uint64_t bias)
{
	enum { UNWRITTEN_MAX = 16 << 20 };
	struct proc *p = o->p;
	if (strcmp(p->producer, "kernel") != 0)
		return NULL;
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		uint64_t from = s->vaddr + bias + s->filesz, to = s->vaddr + bias + s->memsz;
		for (size_t k = 0; s->flags & PF_W && from < to && k < o->loads.len; k++) {
			const struct load *l = &o->loads.data[k];
			uint64_t lo = l->vaddr > from ? l->vaddr : from;
			uint64_t hi = l->memsz < to - l->vaddr ? l->vaddr + l->memsz : to;
			if (l->filesz || l->vaddr >= to || lo >= hi || hi - lo > UNWRITTEN_MAX ||
			    (l->flags & (PF_R | PF_W)) != (PF_R | PF_W))
				continue;
			struct piece pc = {lo, hi - 1, arena_alloc(&p->arena, hi - lo), RANK_CORE, l->flags};
			if (!pc.data || !vec_push(&o->pieces, pc))
				return err_nomem();
		}
	}
	return NULL;
}

/* Owns the exe from here on. */
static struct hc_error *add_module(struct opening *o, struct exe *exe, uint64_t bias, bool is_main, const char *path)
{
	struct proc *p = o->p;
	struct module_file *m = realloc(p->modules, (p->nmodules + 1) * sizeof(*m));
	if (!m) {
		exe_close(exe);
		return err_nomem();
	}
	p->modules = m;
	p->modules[p->nmodules++] = (struct module_file){exe, bias, is_main};
	struct hc_error *err = debugfile_find(o, exe, is_main ? o->opts->debug_file : NULL);
	if (!err)
		err = unwritten_pieces(o, exe, bias);
	return err ? err : file_pieces(o, exe, bias, path);
}

/* ---- the executable ---- */

static struct hc_error *name_exe(struct opening *o, const struct mapped_file **row)
{
	struct proc *p = o->p;
	*row = proc_file_at(p, p->phdr);
	if (!*row)
		*row = proc_file_at(p, p->entry);
	if (*row && *(*row)->path)
		p->exe_path = arena_strdup(&p->arena, (*row)->path);
	else if (*p->execfn)
		p->exe_path = p->execfn;
	else if (*p->psargs)
		p->exe_path = first_word(&p->arena, p->psargs);
	else
		p->exe_path = p->fname;
	return p->exe_path ? NULL : err_nomem();
}

static struct hc_error *exe_given(struct opening *o, const struct head *core, struct exe **ret)
{
	struct comparison c;
	struct proc *p = o->p;
	struct exe *exe;
	struct hc_error *err = exe_open(o->opts->exe, p->diag, &exe);
	if (err && hc_error_code(err) != HC_E_NOMEM) {
		struct hc_error *e = err_new(HC_E_EXE, "--exe: %s", hc_error_message(err));
		hc_error_free(err);
		return e;
	}
	if (err)
		return err;
	verify_exe(o, core, exe, &c);
	if (c.verdict == VERDICT_DIFFERENT && !o->opts->force) {
		err = err_new(HC_E_EXE, "%s: is not the executable of %s: %s; give the right one with --exe, or --force to use "
		              "this one all the same", exe->path, p->blob->path, c.text);
		exe_close(exe);
		return err;
	}
	if (c.verdict == VERDICT_DIFFERENT)
		diag_add(p->diag, HC_SEV_WARNING, "%s: used because of --force, but is not the executable of %s: %s", exe->path,
		         p->blob->path, c.text);
	if (c.verdict == VERDICT_UNKNOWN)
		diag_add(p->diag, HC_SEV_INFO, "%s: could not be verified: %s", exe->path, c.text);
	*ret = exe;
	return NULL;
}

static void say_not_found(struct opening *o, const char *refused)
{
	struct proc *p = o->p;
	const char *id = *p->gnu_build_id ? p->gnu_build_id : p->go_build_id;
	diag_add(p->diag, HC_SEV_WARNING, "executable %s%s%s%s not found%s%s: types and most references are unknown without "
	         "it; use --exe or --sysroot (-v tells where it was looked for)",
	         *p->exe_path ? p->exe_path : "(name unknown)", *id ? " (build id " : "", id, *id ? ")" : "", refused ? "; refused " : "", refused ? refused : "");
}

/* One candidate: the file when it is the right one, else NULL. The first wrong one stays in *forced, with its text. */
static struct exe *exe_try(struct opening *o, const struct head *core, const char *path, struct exe **forced,
                           struct comparison *why)
{
	struct comparison c;
	struct exe *exe;
	struct hc_error *err = exe_open(path, NULL, &exe);
	if (err) {
		diag_say(o->p->diag, HC_SEV_INFO, "candidate %s", hc_error_message(err));
		hc_error_free(err);
		return NULL;
	}
	verify_exe(o, core, exe, &c);
	diag_say(o->p->diag, HC_SEV_INFO, "candidate %s: %s", path, c.text);
	if (c.verdict != VERDICT_DIFFERENT)
		return exe;
	if (*forced) {
		exe_close(exe);
	} else {
		*forced = exe;
		*why = c;
	}
	return NULL;
}

static struct hc_error *exe_search(struct opening *o, const struct head *core, struct exe **ret)
{
	struct proc *p = o->p;
	struct paths ps = {0};
	struct exe *exe = NULL, *wrong = NULL;
	struct comparison why;
	if (!paths_of_exe(&ps, p, o->opts)) {
		paths_free(&ps);
		return err_nomem();
	}
	for (size_t i = 0; !exe && i < ps.list.len; i++)
		exe = exe_try(o, core, ps.list.data[i], &wrong, &why);
	if (!exe && wrong && o->opts->force) {
		diag_add(p->diag, HC_SEV_WARNING, "%s: used because of --force, but is not the executable of %s: %s", wrong->path,
		         p->blob->path, why.text);
		exe = wrong;
		wrong = NULL;
	} else if (!exe) {
		char *refused = wrong ? arena_printf(&ps.arena, "%s, for %s", wrong->path, why.text) : NULL;
		say_not_found(o, refused);
	}
	exe_close(wrong);
	paths_free(&ps);
	*ret = exe;
	return NULL;
}

/* ---- Go plugins and libraries ---- */

static struct hc_error *add_library(struct opening *o, const struct mapped_file *row, const struct head *h)
{
	struct paths ps = {0};
	struct exe *exe = NULL;
	bool ok = paths_add_rooted(&ps, o->opts, row->path) && paths_add_searched(&ps, o->opts, row->path);
	for (size_t i = 0; ok && !exe && i < ps.list.len; i++) {
		struct hc_error *e = exe_open(ps.list.data[i], NULL, &exe);
		if (!e && !strcmp(exe->go_build_id, h->go_id))
			break;
		if (!e)
			exe_close(exe);
		hc_error_free(e);
		exe = NULL;
	}
	paths_free(&ps);
	if (!ok)
		return err_nomem();
	if (exe)
		return add_module(o, exe, h->addr - h->slide, false, row->path);
	diag_add(o->p->diag, HC_SEV_WARNING, "Go library %s (build id %s) not found; use --sysroot or --search", row->path,
	         h->go_id);
	return NULL;
}

/* Files whose first page is in memory and has Go's note; others (libc, locale archives) are never opened. */
static struct hc_error *find_libraries(struct opening *o, const struct mapped_file *main_row)
{
	enum { LIBRARIES_MAX = 256 };
	struct proc *p = o->p;
	size_t nseen = 0;
	const char *seen[LIBRARIES_MAX];
	for (size_t i = 0; i < p->nfiles && nseen < LIBRARIES_MAX; i++) {
		const struct mapped_file *row = &p->files[i];
		struct head h;
		bool old = row->offset || (main_row && !strcmp(row->path, main_row->path));
		for (size_t j = 0; !old && j < nseen; j++)
			old = !strcmp(seen[j], row->path);
		if (old || !head_read(p, &p->arena, proc_read_fn, p, row->start, &h) || !*h.go_id)
			continue;
		seen[nseen++] = row->path;
		struct hc_error *err = add_library(o, row, &h);
		if (err)
			return err;
	}
	return NULL;
}

struct hc_error *image_find(struct opening *o)
{
	struct proc *p = o->p;
	const struct mapped_file *row;
	struct exe *exe = NULL;
	struct head core;
	struct hc_error *err = name_exe(o, &row);
	if (err)
		return err;
	head_find_main(p, &core);
	if (core.found) {
		p->go_build_id = core.go_id;
		p->gnu_build_id = core.gnu_id;
	}
	err = o->opts->exe ? exe_given(o, &core, &exe) : exe_search(o, &core, &exe);
	if (!err && exe)
		err = add_module(o, exe, verify_bias(o, &core, exe), true, row ? row->path : NULL);
	return err ? err : find_libraries(o, row);
}
