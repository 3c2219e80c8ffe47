/* SPDX-License-Identifier: MIT */
/* The first bytes of an ELF image: as a process has it in memory, or as a file has it. */
#include <elf.h>
#include <string.h>

#include "base/ckd.h"
#include "reader/priv.h"

enum { PAGE = 4096 };

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

/*
 * Go's linker (since 1.24) makes a GNU build id whose note no program header covers, but which lies in the first page,
 * between Go's own note and the code.
 */
static bool gnu_id_in_page(const struct proc *p, struct arena *a, read_fn *read, const void *ctx, struct head *h)
{
	enum { HEAD = 16, ID_MAX = 64 };
	uint8_t page[PAGE];
	if (!read(ctx, h->addr, page, sizeof(page)))
		return true;
	for (size_t at = 64; at + HEAD <= sizeof(page) && !*h->gnu_id; at += 4) {
		uint32_t descsz = load32(page + at + 4, p->be);
		if (memcmp(page + at + 12, "GNU", 4) != 0 || load32(page + at, p->be) != 4 ||
		    load32(page + at + 8, p->be) != NOTE_GNU_BUILD_ID || descsz < 8 || descsz > ID_MAX)
			continue;
		size_t left = sizeof(page) - at, want = HEAD + descsz;
		if (!notes_build_ids(a, page + at, want < left ? want : left, 4, p->be, &h->go_id, &h->gnu_id))
			return false;
	}
	return true;
}

static bool head_notes(const struct proc *p, struct arena *a, read_fn *read, const void *ctx, struct head *h)
{
	for (unsigned i = 0; i < h->nphdrs; i++) {
		struct phdr ph = head_phdr(p, h, i);
		uint8_t notes[PAGE];
		if (ph.type == PT_NOTE && ph.filesz <= sizeof(notes) &&
		    read(ctx, h->addr + ph.vaddr - h->slide, notes, (size_t)ph.filesz) &&
		    !notes_build_ids(a, notes, (size_t)ph.filesz, ph.align == 8 ? 8 : 4, p->be, &h->go_id, &h->gnu_id))
			return false;
	}
	return *h->gnu_id || gnu_id_in_page(p, a, read, ctx, h);
}

bool head_read(const struct proc *p, struct arena *a, read_fn *read, const void *ctx, uint64_t addr, struct head *h)
{
	static char none[] = "";
	uint8_t eh[sizeof(Elf64_Ehdr)];
	bool w8 = p->word == 8;
	size_t entsize = w8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	memset(h, 0, sizeof(*h));
	h->go_id = h->gnu_id = none;
	if (!read(ctx, addr, eh, w8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) || memcmp(eh, ELFMAG, SELFMAG) != 0 ||
	    eh[EI_CLASS] != (w8 ? ELFCLASS64 : ELFCLASS32) || eh[EI_DATA] != (p->be ? ELFDATA2MSB : ELFDATA2LSB) ||
	    load16(eh + 18, p->be) != p->machine)
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
	return h->found = head_notes(p, a, read, ctx, h);
}

bool proc_read_fn(const void *ctx, uint64_t addr, void *buf, size_t n)
{
	return proc_read(ctx, addr, buf, n);
}

bool blob_read_fn(const void *ctx, uint64_t addr, void *buf, size_t n)
{
	const struct blob *b = ctx;
	if (!in_range(addr, n, b->size))
		return false;
	memcpy(buf, b->data + addr, n);
	return true;
}

const struct mapped_file *proc_file_at(const struct proc *p, uint64_t addr)
{
	for (size_t i = 0; addr && i < p->nfiles; i++)
		if (addr >= p->files[i].start && addr < p->files[i].end)
			return &p->files[i];
	return NULL;
}

void head_find_main(struct proc *p, struct head *h)
{
	uint64_t ehsize = p->word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	if (p->phdr > ehsize && (head_read(p, &p->arena, proc_read_fn, p, p->phdr - ehsize, h) ||
	                         head_read(p, &p->arena, proc_read_fn, p, p->phdr & ~(uint64_t)(PAGE - 1), h)))
		return;
	const struct mapped_file *row = proc_file_at(p, p->entry);
	for (size_t i = 0; row && i < p->nfiles; i++)
		if (!p->files[i].offset && !strcmp(p->files[i].path, row->path) &&
		    head_read(p, &p->arena, proc_read_fn, p, p->files[i].start, h))
			return;
	/* No auxiliary vector: an image with Go's note. */
	for (size_t i = 0; !p->phdr && !p->entry && i < p->nsegs; i++)
		if (p->segs[i].data && head_read(p, &p->arena, proc_read_fn, p, p->segs[i].addr, h) && *h->go_id)
			return;
	h->found = false;
}
