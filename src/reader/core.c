/* SPDX-License-Identifier: MIT */
/* ELF cores: headers, truncation, and the order in which a process is put together. */
#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "reader/priv.h"

/* Where the fields of a program header are, by class. */
struct phdr_layout {
	uint8_t size, flags, offset, vaddr, filesz, memsz, align;
};
static const struct phdr_layout phdr32 = {32, 24, 4, 8, 16, 20, 28};
static const struct phdr_layout phdr64 = {56, 4, 8, 16, 32, 40, 48};

struct core_header {
	uint64_t phoff, shoff, phnum, phentsize;
};

static struct hc_error *header_parse(struct proc *p, struct core_header *h)
{
	const uint8_t *d = p->blob->data;
	size_t size = p->blob->size;
	enum file_kind kind = file_identify(d, size);
	if (kind != FILE_ELF_CORE) {
		const char *advice = file_kind_advice(kind);
		return err_new(HC_E_UNSUPPORTED, "%s: is %s%s%s", p->blob->path, file_kind_name(kind), advice ? "; " : "",
		               advice ? advice : "");
	}
	bool is64 = d[EI_CLASS] == ELFCLASS64;
	if ((!is64 && d[EI_CLASS] != ELFCLASS32) || (d[EI_DATA] != ELFDATA2LSB && d[EI_DATA] != ELFDATA2MSB))
		return err_new(HC_E_FORMAT, "%s: ELF header has class %u and data encoding %u, expected 1 or 2 for both",
		               p->blob->path, d[EI_CLASS], d[EI_DATA]);
	if (size < (is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return err_new(HC_E_TRUNCATED, "%s: %zu bytes do not hold an ELF header; the dump was cut, make it again",
		               p->blob->path, size);
	p->be = d[EI_DATA] == ELFDATA2MSB;
	p->word = is64 ? 8 : 4;
	p->machine = load16(d + 18, p->be);
	const struct arch_info *ai = arch_find(p->machine, p->word);
	if (!ai)
		return err_new(HC_E_UNSUPPORTED, "%s: core of machine %u with %u-bit pointers, on which Go does not run",
		               p->blob->path, p->machine, p->word * 8u);
	p->arch = ai->arch;
	h->phoff = load_uint(d + (is64 ? 32 : 28), p->word, p->be);
	h->shoff = load_uint(d + (is64 ? 40 : 32), p->word, p->be);
	h->phentsize = load16(d + (is64 ? 54 : 42), p->be);
	h->phnum = load16(d + (is64 ? 56 : 44), p->be);
	if (h->phentsize != (is64 ? phdr64.size : phdr32.size))
		return err_new(HC_E_FORMAT, "%s: ELF header at 0x%x: program headers of %" PRIu64 " bytes, expected %u",
		               p->blob->path, is64 ? 54 : 42, h->phentsize, is64 ? phdr64.size : phdr32.size);
	return NULL;
}

static uint64_t phdr_field(const struct proc *p, const uint8_t *ph, uint8_t at)
{
	return load_uint(ph + at, p->word, p->be);
}

/*
 * More than 65534 segments: the number is in section header 0, which the kernel writes last. When that is cut off: the
 * kernel puts the notes, segment 0, right behind the program headers.
 */
static void phnum_extended(struct proc *p, struct core_header *h)
{
	const struct phdr_layout *l = p->word == 8 ? &phdr64 : &phdr32;
	const uint8_t *d = p->blob->data;
	size_t size = p->blob->size, shsize = p->word == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	uint64_t notes;
	if (h->shoff && in_range(h->shoff, shsize, size)) {
		h->phnum = load32(d + h->shoff + (p->word == 8 ? 44 : 28), p->be);
		return;
	}
	if (!in_range(h->phoff, l->size, size))
		return;
	notes = phdr_field(p, d + h->phoff, l->offset);
	if (notes > h->phoff) {
		h->phnum = (notes - h->phoff) / l->size;
		diag_add(p->diag, HC_SEV_WARNING, "%s: the number of segments is cut off with the end of the file; %" PRIu64
		         " follow from the place of the notes", p->blob->path, h->phnum);
	}
}

static struct hc_error *headers_missing(const struct proc *p, const struct core_header *h)
{
	if (!h->phoff)
		return err_new(HC_E_TRUNCATED, "%s: no program headers: the dump was interrupted (dlv writes their place last); "
		               "make it again", p->blob->path);
	if (h->phoff <= sizeof(Elf64_Ehdr))
		return err_new(HC_E_TRUNCATED, "%s: the file ends after %zu bytes, in its headers; the dump was cut, make it again",
		               p->blob->path, p->blob->size);
	return err_new(HC_E_TRUNCATED, "%s: program headers lie at offset %" PRIu64 ", the file has %zu bytes: gcore and dlv "
	               "write them last; the dump was cut, make it again", p->blob->path, h->phoff, p->blob->size);
}

/* One program header: a PT_LOAD is kept, a PT_NOTE is read, as far as the file has it. */
static struct hc_error *phdr_take(struct opening *o, uint64_t index, const uint8_t *ph)
{
	struct proc *p = o->p;
	const struct phdr_layout *l = p->word == 8 ? &phdr64 : &phdr32;
	uint32_t type = load32(ph, p->be);
	uint64_t end, size = p->blob->size;
	struct load s = {
		.vaddr = phdr_field(p, ph, l->vaddr),
		.memsz = phdr_field(p, ph, l->memsz),
		.filesz = phdr_field(p, ph, l->filesz),
		.offset = phdr_field(p, ph, l->offset),
		.flags = load32(ph + l->flags, p->be),
	};
	if (type != PT_LOAD && type != PT_NOTE)
		return NULL;
	if (!ckd_add(s.offset, s.filesz, &end)) {
		diag_add(p->diag, HC_SEV_WARNING, "%s: program header %" PRIu64 ": offset 0x%" PRIx64 " + size 0x%" PRIx64
		         " overflow; left out", p->blob->path, index, s.offset, s.filesz);
		return NULL;
	}
	if (s.filesz && end > p->need_size)
		p->need_size = end;
	if (type == PT_LOAD)
		return vec_push(&o->loads, s) ? NULL : err_nomem();
	uint64_t left = s.offset < size ? size - s.offset : 0;
	uint64_t have = s.filesz < left ? s.filesz : left;
	/* Segments of notes do not overlap: all of them together are not larger than the file. */
	have = have < size - o->note_bytes ? have : size - o->note_bytes;
	o->note_bytes += have;
	o->notes.cut |= have < s.filesz;
	/* Other paddings are claimed (0, 1, a page), but notes are padded to 4 bytes, or 8 where that is said. */
	return core_notes_parse(p, &o->notes, p->blob->data + (have ? s.offset : 0), (size_t)have,
	                        phdr_field(p, ph, l->align) == 8 ? 8 : 4);
}

static struct hc_error *loads_parse(struct opening *o)
{
	struct proc *p = o->p;
	struct core_header h = {0};
	struct hc_error *err = header_parse(p, &h);
	if (err)
		return err;
	const struct phdr_layout *l = p->word == 8 ? &phdr64 : &phdr32;
	if (h.phnum == PN_XNUM)
		phnum_extended(p, &h);
	if (!h.phnum || !h.phoff || !in_range(h.phoff, l->size, p->blob->size))
		return headers_missing(p, &h);
	uint64_t room = (p->blob->size - h.phoff) / l->size;
	p->need_size = h.phoff + h.phnum * l->size;
	if (h.phnum > room) {
		diag_add(p->diag, HC_SEV_WARNING, "%s: %" PRIu64 " program headers at offset %" PRIu64
		         ", but the file ends after %" PRIu64, p->blob->path, h.phnum, h.phoff, room);
		h.phnum = room;
	}
	if (!vec_reserve(&o->loads, h.phnum))
		return err_nomem();
	for (uint64_t i = 0; !err && i < h.phnum; i++)
		err = phdr_take(o, i, p->blob->data + h.phoff + i * l->size);
	return err;
}

enum { SHARED_MAX = 4 }; /* segments that claim the same bytes of the file */

static bool add_piece(struct opening *o, uint64_t addr, uint64_t size, const uint8_t *data, enum piece_rank rank,
                      uint32_t flags)
{
	struct piece pc = {addr, addr + size - 1, data, rank, flags};
	return !size || vec_push(&o->pieces, pc);
}

/* What each segment has in the file, what was cut off, and what was never saved. */
static struct hc_error *pieces_from_loads(struct opening *o)
{
	struct proc *p = o->p;
	uint64_t first_lost = 0, size = p->blob->size, writable = 0, writable_saved = 0;
	/* Segments do not share bytes of the file. Some slack for a damaged one, which must not cost the others theirs. */
	uint64_t budget = size > UINT64_MAX / SHARED_MAX ? UINT64_MAX : SHARED_MAX * size;
	for (size_t i = 0; i < o->loads.len; i++) {
		struct load *s = &o->loads.data[i];
		if (!s->memsz)
			continue;
		if (s->memsz - 1 > UINT64_MAX - s->vaddr)
			s->memsz = UINT64_MAX - s->vaddr + 1;
		uint64_t saved = s->filesz < s->memsz ? s->filesz : s->memsz;
		writable += s->flags & PF_W ? s->memsz : 0;
		writable_saved += s->flags & PF_W ? saved : 0;
		uint64_t there = s->offset < size ? size - s->offset : 0;
		uint64_t have = saved < there ? saved : there;
		have = have < budget ? have : budget;
		budget -= have;
		if (have < saved) {
			first_lost = !p->lost_bytes || s->vaddr + have < first_lost ? s->vaddr + have : first_lost;
			p->lost_bytes += saved - have;
		}
		/* A writable page that was saved differs from its file, if it has one. */
		enum piece_rank cut = s->flags & PF_W ? RANK_LOST : RANK_ABSENT;
		if (!add_piece(o, s->vaddr, have, p->blob->data + (have ? s->offset : 0), RANK_CORE, s->flags) ||
		    !add_piece(o, s->vaddr + have, saved - have, NULL, cut, s->flags) ||
		    !add_piece(o, s->vaddr + saved, s->memsz - saved, NULL, RANK_ABSENT, s->flags))
			return err_nomem();
	}
	if (!budget)
		diag_add(p->diag, HC_SEV_WARNING, "%s: the program headers are damaged: together they claim more than %d times the "
		         "file's %" PRIu64 " bytes; the last of them are left out", p->blob->path, (int)SHARED_MAX, size);
	if (p->need_size > size)
		diag_add(p->diag, HC_SEV_WARNING, "%s: the core is cut: the file has %" PRIu64 " of %" PRIu64 " bytes; %" PRIu64
		         " bytes of memory are missing, from address 0x%" PRIx64 " on (`ulimit -c`, systemd's 2 GB limit and "
		         "full disks cut cores)", p->blob->path, size, p->need_size, p->lost_bytes, first_lost);
	if (writable && !writable_saved)
		diag_add(p->diag, HC_SEV_WARNING, "%s: no writable memory was saved; `echo 0x33 > /proc/PID/coredump_filter` before "
		         "the next dump (bit 0: anonymous private memory)", p->blob->path);
	if (o->notes.cut)
		diag_add(p->diag, HC_SEV_WARNING, "%s: the notes are cut or damaged; threads and file names may be missing",
		         p->blob->path);
	return NULL;
}

static const char *producer(const struct core_notes *cn)
{
	if (cn->has_delve)
		return "dlv";
	if (cn->has_gdb || cn->file_unit == 1)
		return "gcore";
	if (cn->has_siginfo)
		return "kernel";
	return cn->has_auxv && !cn->has_files ? "qemu-user" : "unknown";
}

static int file_compare(const void *ap, const void *bp)
{
	const struct mapped_file *a = ap, *b = bp;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end < b->end ? -1 : a->end > b->end;
}

/* Moves what the notes said to where it stays. */
static void take_notes(struct opening *o)
{
	struct proc *p = o->p;
	struct core_notes *cn = &o->notes;
	if (cn->files.len)
		qsort(cn->files.data, cn->files.len, sizeof(*cn->files.data), file_compare);
	p->threads = cn->threads.data;
	p->nthreads = cn->threads.len;
	p->files = cn->files.data;
	p->nfiles = cn->files.len;
	p->entry = cn->entry;
	p->phdr = cn->phdr;
	p->pagesz = cn->pagesz;
	p->signo = p->nthreads ? p->threads[0].signo : 0;
	p->producer = producer(cn);
	memset(&cn->threads, 0, sizeof(cn->threads));
	memset(&cn->files, 0, sizeof(cn->files));
}

static void count_stale(struct proc *p)
{
	for (size_t i = 0; i < p->nsegs; i++)
		if (p->segs[i].source == SEG_FILE && p->segs[i].flags & PF_W)
			p->stale_bytes += p->segs[i].size;
	if (p->stale_bytes)
		diag_add(p->diag, HC_SEV_WARNING, "%s: %" PRIu64 " bytes of writable memory were not saved and are taken from the "
		         "executable as they were at its start (/proc/PID/coredump_filter chooses what is saved)",
		         p->blob->path, p->stale_bytes);
}

static struct hc_error *open_all(struct opening *o)
{
	enum { EXECFN_MAX = 4096 };
	struct proc *p = o->p;
	if (file_identify(p->blob->data, p->blob->size) == FILE_GO_HEAPDUMP)
		return dump_open(o);
	struct hc_error *err = loads_parse(o);
	take_notes(o); /* also on failure: proc_close() frees them */
	if (!err)
		err = pieces_from_loads(o);
	if (!err)
		err = memory_build(p, o->pieces.data, o->pieces.len);
	if (err)
		return err;
	char *execfn = o->notes.execfn ? proc_cstring(p, &p->arena, o->notes.execfn, EXECFN_MAX) : NULL;
	p->execfn = execfn ? execfn : p->execfn;
	err = image_find(o);
	if (!err)
		err = memory_build(p, o->pieces.data, o->pieces.len);
	if (!err)
		err = gobuild_find(p);
	if (!err)
		count_stale(p);
	return err;
}

struct hc_error *proc_open_blob(struct blob *blob, const struct proc_opts *opts, struct diag *diag, struct proc **ret)
{
	struct proc *p = calloc(1, sizeof(*p));
	if (!p) {
		blob_close(blob);
		return err_nomem();
	}
	p->blob = blob;
	p->diag = diag;
	p->file_size = blob->size;
	p->producer = "unknown";
	char *none = arena_strndup(&p->arena, "", 0);
	p->exe_path = p->execfn = p->fname = p->psargs = p->go_build_id = p->gnu_build_id = none;
	p->build = (struct buildinfo){.version = none, .main_path = none, .module = none, .experiments = none, .minor = -1};
	struct opening o = {.p = p, .opts = opts};
	struct hc_error *err = none ? open_all(&o) : err_nomem();
	vec_free(&o.loads);
	vec_free(&o.pieces);
	if (err) {
		proc_close(p);
		return err;
	}
	*ret = p;
	return NULL;
}

struct hc_error *proc_open(const struct proc_opts *opts, struct diag *diag, struct proc **ret)
{
	struct blob *blob = NULL;
	struct hc_error *err = blob_open_or_pipe(opts->path, diag, &blob);
	return err ? err : proc_open_blob(blob, opts, diag, ret);
}

void proc_close(struct proc *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nmodules; i++)
		exe_close(p->modules[i].exe);
	free(p->modules);
	free(p->segs);
	free(p->seg_starts);
	free(p->threads);
	free(p->files);
	dump_free(p->dump);
	blob_close(p->blob);
	arena_free(&p->arena);
	free(p);
}
