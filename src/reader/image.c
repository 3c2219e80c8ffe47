/* SPDX-License-Identifier: MIT */
/* Which executable made the snapshot, where its file is, whether that is the same one, and where it was loaded. */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/ckd.h"
#include "reader/priv.h"

/* The first bytes of an ELF image, in memory or in a file. */
struct head {
	bool found;
	uint64_t addr;  /* of the ELF header; 0 in a file */
	uint64_t entry, phoff;
	uint64_t slide; /* vaddr - offset of the first PT_LOAD: addr - slide is the bias */
	uint8_t phdrs[128 * sizeof(Elf64_Phdr)];
	size_t phdrs_size;
	unsigned nphdrs;
	char *go_id, *gnu_id;
};

struct phdr {
	uint32_t type;
	uint64_t offset, vaddr, filesz, align;
};

static struct phdr head_phdr(const struct proc *p, const struct head *h, unsigned i)
{
	const uint8_t *d = h->phdrs + i * (h->phdrs_size / h->nphdrs);
	bool w8 = p->word == 8;
	struct phdr ph = {
		.type = load32(d, p->be),
		.offset = load_uint(d + (w8 ? 8 : 4), p->word, p->be),
		.vaddr = load_uint(d + (w8 ? 16 : 8), p->word, p->be),
		.filesz = load_uint(d + (w8 ? 32 : 16), p->word, p->be),
		.align = load_uint(d + (w8 ? 48 : 28), p->word, p->be),
	};
	return ph;
}

/* Reads through `read`, from memory of the process or from a file (addr 0). False: no ELF image of the core's class. */
static bool head_read(const struct proc *p, struct arena *a, read_fn *read, const void *ctx, uint64_t addr,
                      struct head *h)
{
	enum { NOTES_MAX = 4096 };
	uint8_t eh[sizeof(Elf64_Ehdr)];
	bool w8 = p->word == 8;
	size_t entsize = w8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	memset(h, 0, sizeof(*h));
	h->go_id = h->gnu_id = p->go_build_id ? arena_strndup(a, "", 0) : NULL;
	if (!h->go_id || !read(ctx, addr, eh, w8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) ||
	    memcmp(eh, ELFMAG, SELFMAG) || eh[EI_CLASS] != (w8 ? ELFCLASS64 : ELFCLASS32) ||
	    eh[EI_DATA] != (p->be ? ELFDATA2MSB : ELFDATA2LSB))
		return false;
	h->addr = addr;
	h->entry = load_uint(eh + 24, p->word, p->be);
	h->phoff = load_uint(eh + (w8 ? 32 : 28), p->word, p->be);
	h->nphdrs = load16(eh + (w8 ? 56 : 44), p->be);
	h->phdrs_size = h->nphdrs * entsize;
	if (!h->nphdrs || h->phdrs_size > sizeof(h->phdrs) || load16(eh + (w8 ? 54 : 42), p->be) != entsize ||
	    h->phoff > UINT64_MAX - addr || !read(ctx, addr + h->phoff, h->phdrs, h->phdrs_size))
		return false;
	for (unsigned i = h->nphdrs; i-- > 0;) {
		struct phdr ph = head_phdr(p, h, i);
		if (ph.type == PT_LOAD)
			h->slide = ph.vaddr - ph.offset;
	}
	for (unsigned i = 0; i < h->nphdrs; i++) {
		struct phdr ph = head_phdr(p, h, i);
		uint8_t notes[NOTES_MAX];
		if (ph.type != PT_NOTE || ph.filesz > sizeof(notes) ||
		    !read(ctx, addr + ph.vaddr - h->slide, notes, (size_t)ph.filesz))
			continue;
		if (!notes_build_ids(a, notes, (size_t)ph.filesz, ph.align == 8 ? 8 : 4, p->be, &h->go_id, &h->gnu_id))
			return false;
	}
	h->found = true;
	return true;
}

static bool read_proc(const void *ctx, uint64_t addr, void *buf, size_t n)
{
	return proc_read(ctx, addr, buf, n);
}

static bool read_blob(const void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct blob *b = ctx;
	if (!in_range(addr, n, b->size))
		return false;
	memcpy(buf, b->data + addr, n);
	return true;
}

/* ---- what the snapshot says ---- */

static const struct mapped_file *file_at(const struct proc *p, uint64_t addr)
{
	for (size_t i = 0; addr && i < p->nfiles; i++)
		if (addr >= p->files[i].start && addr < p->files[i].end)
			return &p->files[i];
	return NULL;
}

/* The executable's ELF header in memory: the kernel tells the process where the program headers are. */
static void main_head(struct opening *o, struct head *h)
{
	enum { PAGE = 4096 };
	struct proc *p = o->p;
	uint64_t ehsize = p->word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	if (p->phdr > ehsize) {
		if (head_read(p, &p->arena, read_proc, p, p->phdr - ehsize, h) ||
		    head_read(p, &p->arena, read_proc, p, p->phdr & ~(uint64_t)(PAGE - 1), h))
			return;
	}
	const struct mapped_file *row = file_at(p, p->entry);
	for (size_t i = 0; row && i < p->nfiles; i++)
		if (!p->files[i].offset && !strcmp(p->files[i].path, row->path) &&
		    head_read(p, &p->arena, read_proc, p, p->files[i].start, h))
			return;
	/* No auxiliary vector: an image with Go's note. */
	for (size_t i = 0; !p->phdr && !p->entry && i < p->nsegs; i++)
		if (p->segs[i].data && head_read(p, &p->arena, read_proc, p, p->segs[i].addr, h) && *h->go_id)
			return;
	h->found = false;
}

static char *first_word(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strcspn(s, " "));
}

static struct hc_error *name_exe(struct opening *o, const struct mapped_file **row)
{
	struct proc *p = o->p;
	*row = file_at(p, p->phdr);
	if (!*row)
		*row = file_at(p, p->entry);
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

/* ---- candidates ---- */

struct candidates {
	VEC(char *) paths;
	struct arena *arena;
};

static bool candidate(struct candidates *c, const char *dir, const char *sep, const char *path)
{
	if (!*path)
		return true;
	char *s = arena_printf(c->arena, "%s%s%s", dir, sep, path);
	if (!s)
		return false;
	for (size_t i = 0; i < c->paths.len; i++)
		if (!strcmp(c->paths.data[i], s))
			return true;
	return vec_push(&c->paths, s);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* A path of the process: under every sysroot, then as it is. */
static bool candidate_rooted(struct candidates *c, const struct proc_opts *opts, const char *path)
{
	for (size_t i = 0; i < opts->nsysroots; i++)
		if (!candidate(c, opts->sysroots[i], *path == '/' ? "" : "/", path))
			return false;
	return candidate(c, "", "", path);
}

static bool candidates_by_id(struct candidates *c, const struct proc_opts *opts, const char *gnu_id)
{
	if (strlen(gnu_id) < 3)
		return true;
	char *path = arena_printf(c->arena, "/usr/lib/debug/.build-id/%.2s/%s", gnu_id, gnu_id + 2);
	return path && candidate_rooted(c, opts, path);
}

static bool candidates_list(struct opening *o, struct candidates *c)
{
	struct proc *p = o->p;
	const struct proc_opts *opts = o->opts;
	char xattr[4096];
	ssize_t n = getxattr(p->blob->path, "user.coredump.exe", xattr, sizeof(xattr) - 1); /* systemd-coredump */
	xattr[n > 0 ? n : 0] = 0;
	char *arg0 = first_word(c->arena, p->psargs);
	const char *slash = strrchr(p->blob->path, '/');
	char *dir = arena_strndup(c->arena, p->blob->path, slash ? (size_t)(slash - p->blob->path) + 1 : 0);
	if (!arg0 || !dir)
		return false;
	const char *names[] = {p->exe_path, p->execfn, arg0, xattr};
	enum { NNAMES = sizeof(names) / sizeof(names[0]) };
	for (size_t i = 0; i < NNAMES; i++)
		if (!candidate_rooted(c, opts, names[i]))
			return false;
	if (!candidate(c, dir, "", "executable") || !candidates_by_id(c, opts, p->gnu_build_id)) /* ABRT's directory */
		return false;
	for (size_t i = 0; i < NNAMES; i++) {
		for (size_t j = 0; j < opts->nsearch; j++)
			if (!candidate(c, opts->search[j], "/", base_name(names[i])))
				return false;
		if (!candidate(c, dir, "", base_name(names[i])))
			return false;
	}
	return true;
}

/* ---- comparing ---- */

enum verdict { SAME, DIFFERENT, UNKNOWN };

struct comparison {
	enum verdict verdict;
	char text[640]; /* "Go build id X, the core has Y" */
};

static enum verdict compare_ids(struct comparison *c, const char *kind, const char *file, const char *core)
{
	bool same = !strcmp(file, core);
	if (same)
		snprintf(c->text, sizeof(c->text), "same %s build id %s", kind, core);
	else
		snprintf(c->text, sizeof(c->text), "it has %s build id %s, the core has %s", kind, file, core);
	return c->verdict = same ? SAME : DIFFERENT;
}

/* Nothing of the file's first page is in the core: what the kernel told the process, and the build information. */
static enum verdict compare_weakly(const struct opening *o, const struct exe *exe, const struct head *file,
                                   struct comparison *c)
{
	enum { PAGE_MASK = 4095 };
	const struct proc *p = o->p;
	uint64_t diff = p->entry ^ exe->entry;
	if (p->entry && (exe->pie ? diff & PAGE_MASK : diff)) {
		snprintf(c->text, sizeof(c->text), "its entry point is 0x%" PRIx64 ", the process started at 0x%" PRIx64,
		         exe->entry, p->entry);
		return c->verdict = DIFFERENT;
	}
	if (o->notes.phnum && o->notes.phnum != file->nphdrs) {
		snprintf(c->text, sizeof(c->text), "it has %u program headers, the process had %" PRIu64, file->nphdrs,
		         o->notes.phnum);
		return c->verdict = DIFFERENT;
	}
	snprintf(c->text, sizeof(c->text), "the core holds no build id to compare with");
	return c->verdict = UNKNOWN;
}

static enum verdict compare(const struct opening *o, const struct head *core, const struct exe *exe,
                            struct comparison *c)
{
	const struct proc *p = o->p;
	struct arena scratch = {0};
	struct head file;
	if (exe->machine != p->machine || exe->word != p->word || exe->be != p->be) {
		snprintf(c->text, sizeof(c->text), "it is for %s, the core for %s", arch_name(exe->arch, exe->be),
		         arch_name(p->arch, p->be));
		return c->verdict = DIFFERENT;
	}
	if (*exe->gnu_build_id && *p->gnu_build_id)
		return compare_ids(c, "GNU", exe->gnu_build_id, p->gnu_build_id);
	if (*exe->go_build_id && *p->go_build_id)
		return compare_ids(c, "Go", exe->go_build_id, p->go_build_id);
	if (!head_read(p, &scratch, read_blob, exe->blob, 0, &file)) {
		snprintf(c->text, sizeof(c->text), "its program headers cannot be read");
		c->verdict = DIFFERENT;
	} else if (!core->found) {
		compare_weakly(o, exe, &file, c);
	} else {
		/* Stripping changes the place of the section headers, which is in the first page, and nothing else there. */
		bool same = core->entry == file.entry && core->phdrs_size == file.phdrs_size &&
			!memcmp(core->phdrs, file.phdrs, file.phdrs_size);
		snprintf(c->text, sizeof(c->text), "its program headers are %s those in the core", same ? "" : "not ");
		c->verdict = same ? SAME : DIFFERENT;
	}
	arena_free(&scratch);
	return c->verdict;
}

/* ---- load address ---- */

static uint64_t main_bias(struct opening *o, const struct head *core, const struct exe *exe)
{
	struct proc *p = o->p;
	struct head file;
	struct arena scratch = {0};
	bool have = head_read(p, &scratch, read_blob, exe->blob, 0, &file);
	arena_free(&scratch);
	uint64_t by_phdr = have && p->phdr ? p->phdr - file.phoff - file.slide : 0;
	uint64_t by_entry = p->entry ? p->entry - exe->entry : by_phdr;
	if (!exe->pie) {
		if (p->entry && by_entry)
			diag_add(p->diag, HC_SEV_WARNING, "%s: the process started at 0x%" PRIx64 ", not at 0x%" PRIx64 " as %s says "
			         "(was it packed with upx?)", p->blob->path, p->entry, exe->entry, exe->path);
		return 0;
	}
	if (p->entry || p->phdr) {
		if (have && p->phdr && by_entry != by_phdr)
			diag_add(p->diag, HC_SEV_WARNING, "%s: %s: load address by AT_ENTRY 0x%" PRIx64 ", by AT_PHDR 0x%" PRIx64
			         "; using the first", p->blob->path, exe->path, by_entry, by_phdr);
		return by_entry;
	}
	return have && core->found ? core->addr - file.slide : 0;
}

/* ---- bytes of files ---- */

/* Does the segment of the file that the row claims to map exist, at that place? */
static const struct exe_segment *row_segment(const struct exe *exe, uint64_t bias, const struct mapped_file *row)
{
	enum { PAGE_MAX = 65535 };
	uint64_t vaddr = row->start - bias;
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		if (s->vaddr - s->offset == vaddr - row->offset && vaddr - (s->vaddr & ~(uint64_t)PAGE_MAX) <
		    s->memsz + (s->vaddr & PAGE_MAX))
			return s;
	}
	return NULL;
}

static bool file_piece(struct opening *o, const struct exe *exe, uint64_t addr, uint64_t offset, uint64_t size,
                       uint32_t flags)
{
	if (offset >= exe->blob->size)
		return true;
	uint64_t left = exe->blob->size - offset;
	size = size < left ? size : left;
	if (!size || size - 1 > UINT64_MAX - addr)
		return true;
	struct piece pc = {addr, addr + size - 1, exe->blob->data + offset, RANK_FILE, flags};
	return vec_push(&o->pieces, pc);
}

static struct hc_error *file_pieces(struct opening *o, const struct exe *exe, uint64_t bias, const char *path)
{
	struct proc *p = o->p;
	bool listed = false;
	for (size_t i = 0; i < p->nfiles; i++) {
		const struct mapped_file *row = &p->files[i];
		if (!path || strcmp(row->path, path))
			continue;
		listed = true;
		const struct exe_segment *s = row_segment(exe, bias, row);
		if (s && !file_piece(o, exe, row->start, row->offset, row->end - row->start, s->flags))
			return err_nomem();
	}
	for (size_t i = 0; !listed && i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		if (!file_piece(o, exe, s->vaddr + bias, s->offset, s->filesz, s->flags))
			return err_nomem();
	}
	return NULL;
}

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
	return file_pieces(o, exe, bias, path);
}

/* ---- the executable ---- */

static struct hc_error *exe_given(struct opening *o, const struct head *core, struct exe **ret)
{
	struct comparison c;
	struct exe *exe;
	struct hc_error *err = exe_open(o->opts->exe, o->p->diag, &exe);
	if (err && hc_error_code(err) != HC_E_NOMEM) {
		struct hc_error *e = err_new(HC_E_EXE, "%s", hc_error_message(err));
		hc_error_free(err);
		return err_wrap(e, "--exe");
	}
	if (err)
		return err;
	compare(o, core, exe, &c);
	if (c.verdict == DIFFERENT && !o->opts->force) {
		err = err_new(HC_E_EXE, "%s: is not the executable of %s: %s; give the right one with --exe, or --force to use "
		              "it all the same", exe->path, o->p->blob->path, c.text);
		exe_close(exe);
		return err;
	}
	if (c.verdict == DIFFERENT)
		diag_add(o->p->diag, HC_SEV_WARNING, "%s: used because of --force, but is not the executable of %s: %s", exe->path,
		         o->p->blob->path, c.text);
	if (c.verdict == UNKNOWN)
		diag_add(o->p->diag, HC_SEV_INFO, "%s: could not be verified: %s", exe->path, c.text);
	*ret = exe;
	return NULL;
}

static void say_not_found(struct opening *o, const char *refused)
{
	struct proc *p = o->p;
	const char *id = *p->gnu_build_id ? p->gnu_build_id : p->go_build_id;
	diag_add(p->diag, HC_SEV_WARNING, "executable %s%s%s%s not found%s%s: type names and most references are unknown "
	         "without it; use --exe or --sysroot", *p->exe_path ? p->exe_path : "(name unknown)",
	         *id ? " (build id " : "", id, *id ? ")" : "", refused ? "; refused " : "", refused ? refused : "");
}

static struct hc_error *exe_search(struct opening *o, const struct head *core, struct exe **ret)
{
	struct proc *p = o->p;
	struct arena scratch = {0};
	struct candidates c = {.arena = &scratch};
	struct hc_error *err = candidates_list(o, &c) ? NULL : err_nomem();
	struct exe *forced = NULL;
	char *refused = NULL;
	for (size_t i = 0; !err && !*ret && i < c.paths.len; i++) {
		struct comparison cmp;
		struct exe *exe;
		struct hc_error *e = exe_open(c.paths.data[i], NULL, &exe);
		if (e) {
			diag_add(p->diag, HC_SEV_DEBUG, "candidate %s", hc_error_message(e));
			hc_error_free(e);
			continue;
		}
		compare(o, core, exe, &cmp);
		if (cmp.verdict != DIFFERENT) {
			*ret = exe;
			diag_add(p->diag, cmp.verdict == SAME ? HC_SEV_DEBUG : HC_SEV_INFO, "executable: %s (%s)", exe->path, cmp.text);
			continue;
		}
		if (!refused)
			refused = arena_printf(&scratch, "%s, for %s", exe->path, cmp.text);
		if (o->opts->force && !forced)
			forced = exe;
		else
			exe_close(exe);
	}
	if (!err && !*ret && forced) {
		diag_add(p->diag, HC_SEV_WARNING, "using %s because of --force", refused ? refused : forced->path);
		*ret = forced;
		forced = NULL;
	} else if (!err && !*ret) {
		say_not_found(o, refused);
	}
	exe_close(forced);
	vec_free(&c.paths);
	arena_free(&scratch);
	return err;
}

/* ---- Go plugins and libraries ---- */

static bool has_go_note(struct opening *o, const struct mapped_file *row, struct head *h)
{
	struct proc *p = o->p;
	return head_read(p, &p->arena, read_proc, p, row->start, h) && *h->go_id;
}

static struct hc_error *add_library(struct opening *o, const struct mapped_file *row, const struct head *h)
{
	struct arena scratch = {0};
	struct candidates c = {.arena = &scratch};
	struct hc_error *err = candidate_rooted(&c, o->opts, row->path) ? NULL : err_nomem();
	for (size_t i = 0; !err && i < o->opts->nsearch; i++)
		if (!candidate(&c, o->opts->search[i], "/", base_name(row->path)))
			err = err_nomem();
	bool found = false;
	for (size_t i = 0; !err && !found && i < c.paths.len; i++) {
		struct exe *exe;
		struct hc_error *e = exe_open(c.paths.data[i], NULL, &exe);
		if (e) {
			hc_error_free(e);
		} else if (strcmp(exe->go_build_id, h->go_id)) {
			exe_close(exe);
		} else {
			found = true;
			err = add_module(o, exe, h->addr - h->slide, false, row->path);
		}
	}
	if (!err && !found)
		diag_add(o->p->diag, HC_SEV_WARNING, "Go library %s (build id %s) not found; use --sysroot or --search", row->path,
		         h->go_id);
	vec_free(&c.paths);
	arena_free(&scratch);
	return err;
}

static struct hc_error *find_libraries(struct opening *o, const struct mapped_file *main_row)
{
	enum { LIBRARIES_MAX = 256 };
	struct proc *p = o->p;
	size_t found = 0;
	for (size_t i = 0; i < p->nfiles && found < LIBRARIES_MAX; i++) {
		const struct mapped_file *row = &p->files[i];
		struct head h;
		if (row->offset || (main_row && !strcmp(row->path, main_row->path)) || !has_go_note(o, row, &h))
			continue;
		found++;
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
	main_head(o, &core);
	if (core.found) {
		p->go_build_id = core.go_id;
		p->gnu_build_id = core.gnu_id;
	}
	err = o->opts->exe ? exe_given(o, &core, &exe) : exe_search(o, &core, &exe);
	if (!err && exe)
		err = add_module(o, exe, main_bias(o, &core, exe), true, row ? row->path : NULL);
	return err ? err : find_libraries(o, row);
}
