/* SPDX-License-Identifier: MIT */
#include "corebuild.h"

#include <elf.h>
#include <stdio.h>

#include "reader/priv.h"

typedef VEC(uint8_t) buffer;

void cb_store(uint8_t *p, uint64_t v, unsigned size, bool be)
{
	for (unsigned i = 0; i < size; i++)
		p[be ? size - 1 - i : i] = (uint8_t)(v >> (8 * i));
}

static void put(buffer *b, size_t at, const void *data, size_t n)
{
	size_t old = b->len;
	if (!vec_reserve(b, at + n))
		abort();
	if (b->len < at + n) {
		b->len = at + n;
		memset(b->data + old, 0, b->len - old);
	}
	if (n && data)
		memcpy(b->data + at, data, n);
}

static void put_uint(buffer *b, const struct corebuild *cb, size_t at, uint64_t v, unsigned size)
{
	uint8_t tmp[8];
	cb_store(tmp, v, size, cb->be);
	put(b, at, tmp, size);
}

void cb_init(struct corebuild *cb)
{
	*cb = (struct corebuild){.word = 8, .machine = EM_X86_64, .type = ET_CORE, .note_align = 4};
}

void cb_free(struct corebuild *cb)
{
	vec_free(&cb->segs);
	vec_free(&cb->notes);
	vec_free(&cb->symbols);
	vec_free(&cb->sections);
}

struct cb_segment *cb_segment(struct corebuild *cb, uint64_t vaddr, uint64_t memsz, uint32_t flags, const void *data,
                              size_t filesz)
{
	struct cb_segment s = {.vaddr = vaddr, .memsz = memsz, .filesz = filesz, .flags = flags, .data = data,
	                       .have = data ? filesz : 0};
	if (!vec_push(&cb->segs, s))
		abort();
	return &cb->segs.data[cb->segs.len - 1];
}

/* ---- notes ---- */

void cb_note(struct corebuild *cb, const char *name, uint32_t type, const void *desc, size_t size)
{
	size_t align = cb->note_at_8 ? 8 : 4, namesz = name ? strlen(name) + 1 : 0;
	buffer b = {cb->notes.data, cb->notes.len, cb->notes.cap};
	size_t at = b.len;
	put_uint(&b, cb, at, namesz, 4);
	put_uint(&b, cb, at + 4, size, 4);
	put_uint(&b, cb, at + 8, type, 4);
	put(&b, at + 12, name, namesz);
	size_t desc_at = (at + 12 + namesz + align - 1) / align * align;
	put(&b, desc_at, desc, size);
	put(&b, (desc_at + size + align - 1) / align * align, NULL, 0);
	cb->notes.data = b.data;
	cb->notes.len = b.len;
	cb->notes.cap = b.cap;
}

void cb_prstatus(struct corebuild *cb, uint32_t tid, uint16_t signo, uint64_t pc, uint64_t sp, uint64_t g)
{
	const struct prstatus_layout *l = &arch_find(cb->machine, cb->word)->prstatus;
	uint8_t d[1024] = {0};
	cb_store(d + 12, signo, 2, cb->be);
	cb_store(d + (cb->word == 8 ? 32 : 24), tid, 4, cb->be);
	for (unsigned i = 0; i < l->nregs; i++)
		cb_store(d + l->regs + i * cb->word, 0x1000 + i, cb->word, cb->be);
	if (l->greg)
		cb_store(d + l->greg, g, cb->word, cb->be);
	cb_store(d + l->pc, pc, cb->word, cb->be);
	cb_store(d + l->sp, sp, cb->word, cb->be);
	cb_note(cb, "CORE", NT_PRSTATUS, d, l->size);
}

void cb_psinfo(struct corebuild *cb, uint32_t pid, const char *fname, const char *psargs)
{
	uint8_t d[136] = {0};
	size_t size = cb->word == 8 ? 136 : 124;
	cb_store(d + (cb->word == 8 ? 24 : 12), pid, 4, cb->be);
	snprintf((char *)d + size - 96, 16, "%s", fname);
	snprintf((char *)d + size - 80, 80, "%s", psargs);
	cb_note(cb, "CORE", NT_PRPSINFO, d, size);
}

void cb_auxv(struct corebuild *cb, const uint64_t *pairs, size_t npairs)
{
	buffer b = {0};
	for (size_t i = 0; i < 2 * npairs; i++)
		put_uint(&b, cb, b.len, pairs[i], cb->word);
	put(&b, b.len, NULL, 0);
	put_uint(&b, cb, b.len, 0, cb->word);
	put_uint(&b, cb, b.len, 0, cb->word);
	cb_note(cb, "CORE", NT_AUXV, b.data, b.len);
	vec_free(&b);
}

void cb_files(struct corebuild *cb, const struct cb_file *files, size_t n, uint64_t unit)
{
	buffer b = {0};
	put_uint(&b, cb, b.len, n, cb->word);
	put_uint(&b, cb, b.len, unit, cb->word);
	for (size_t i = 0; i < n; i++) {
		put_uint(&b, cb, b.len, files[i].start, cb->word);
		put_uint(&b, cb, b.len, files[i].end, cb->word);
		put_uint(&b, cb, b.len, files[i].offset / unit, cb->word);
	}
	for (size_t i = 0; i < n; i++)
		put(&b, b.len, files[i].path, strlen(files[i].path) + 1);
	cb_note(cb, "CORE", NT_FILE, b.data, b.len);
	vec_free(&b);
}

size_t cb_buildinfo(uint8_t *buf, const char *version, const char *modinfo)
{
	enum { FENCE = 16 };
	size_t vlen = strlen(version), mlen = strlen(modinfo), n = 32;
	memset(buf, 0, n);
	memcpy(buf, "\xff Go buildinf:", 14);
	buf[14] = 8;
	buf[15] = 2;
	buf[n++] = (uint8_t)vlen; /* shorter than 128 */
	memcpy(buf + n, version, vlen);
	n += vlen;
	mlen += 2 * FENCE;
	buf[n++] = (uint8_t)(mlen & 0x7f) | 0x80;
	buf[n++] = (uint8_t)(mlen >> 7);
	memset(buf + n, 'x', mlen);
	memcpy(buf + n + FENCE, modinfo, mlen - 2 * FENCE);
	return n + mlen;
}

/* ---- the file ---- */

static void put_phdr(buffer *b, const struct corebuild *cb, size_t at, uint32_t type, uint32_t flags,
                     const uint64_t f[6] /* offset, vaddr, filesz, memsz, align */)
{
	unsigned w = cb->word;
	put_uint(b, cb, at, type, 4);
	put_uint(b, cb, at + (w == 8 ? 4 : 24), flags, 4);
	put_uint(b, cb, at + (w == 8 ? 8 : 4), f[0], w);
	put_uint(b, cb, at + (w == 8 ? 16 : 8), f[1], w);
	put_uint(b, cb, at + (w == 8 ? 24 : 12), f[1], w);
	put_uint(b, cb, at + (w == 8 ? 32 : 16), f[2], w);
	put_uint(b, cb, at + (w == 8 ? 40 : 20), f[3], w);
	put_uint(b, cb, at + (w == 8 ? 48 : 28), f[4], w);
}

static void put_shdr(buffer *b, const struct corebuild *cb, size_t at, uint64_t name, uint32_t type, uint32_t link,
                     uint32_t info, const uint64_t f[6] /* flags, addr, offset, size, align, entsize */)
{
	unsigned w = cb->word;
	put_uint(b, cb, at, name, 4);
	put_uint(b, cb, at + 4, type, 4);
	for (unsigned i = 0; i < 4; i++)
		put_uint(b, cb, at + 8 + i * w, f[i], w);
	put_uint(b, cb, at + 8 + 4 * w, link, 4);
	put_uint(b, cb, at + 12 + 4 * w, info, 4);
	put_uint(b, cb, at + 16 + 4 * w, f[4], w);
	put_uint(b, cb, at + 16 + 5 * w, f[5], w);
}

static uint64_t section_offset(const struct corebuild *cb, const struct cb_section *s)
{
	for (size_t i = 0; i < cb->segs.len; i++)
		if (s->addr - cb->segs.data[i].vaddr < cb->segs.data[i].filesz)
			return cb->segs.data[i].offset + (s->addr - cb->segs.data[i].vaddr);
	return 0;
}

static void put_symbols(buffer *b, const struct corebuild *cb, buffer *str)
{
	size_t start = b->len, entsize = cb->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	put(b, start, NULL, 0);
	put(b, start + entsize - 1, "", 1); /* symbol 0 */
	put(str, 0, "", 1);
	for (size_t i = 0; i < cb->symbols.len; i++) {
		const struct cb_symbol *s = &cb->symbols.data[i];
		size_t at = start + (i + 1) * entsize;
		bool w8 = cb->word == 8;
		put_uint(b, cb, at, str->len, 4);
		put_uint(b, cb, at + (w8 ? 4 : 12), s->type, 1);
		put_uint(b, cb, at + (w8 ? 6 : 14), SHN_ABS, 2);
		put_uint(b, cb, at + (w8 ? 8 : 4), s->value, cb->word);
		put_uint(b, cb, at + (w8 ? 16 : 8), s->size, cb->word);
		put(str, str->len, s->name, strlen(s->name) + 1);
	}
}

/* Section 0, the caller's, then .symtab, .strtab, .shstrtab. */
static void put_sections(buffer *b, const struct corebuild *cb)
{
	buffer names = {0}, str = {0};
	size_t n = cb->sections.len, shsize = cb->word == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	uint64_t *offsets = calloc(n + 1, sizeof(*offsets));
	if (!offsets)
		abort();
	put(&names, 0, "", 1);
	for (size_t i = 0; i < n; i++) {
		const struct cb_section *s = &cb->sections.data[i];
		offsets[i] = s->of_memory ? section_offset(cb, s) : b->len;
		if (!s->of_memory)
			put(b, b->len, s->data, s->size);
	}
	uint64_t sym_at = b->len;
	put_symbols(b, cb, &str);
	uint64_t sym_size = b->len - sym_at, str_at = b->len, name_at, at;
	put(b, b->len, str.data, str.len);
	uint64_t *name_pos = calloc(n + 4, sizeof(*name_pos));
	if (!name_pos)
		abort();
	for (size_t i = 0; i < n + 3; i++) {
		static const char *const own[] = {".symtab", ".strtab", ".shstrtab"};
		const char *name = i < n ? cb->sections.data[i].name : own[i - n];
		name_pos[i] = names.len;
		put(&names, names.len, name, strlen(name) + 1);
	}
	name_at = b->len;
	put(b, b->len, names.data, names.len);
	at = (b->len + 7) & ~(size_t)7;
	put_uint(b, cb, cb->word == 8 ? 40 : 32, at, cb->word); /* e_shoff */
	put_uint(b, cb, cb->word == 8 ? 58 : 46, shsize, 2);
	put_uint(b, cb, cb->word == 8 ? 60 : 48, n + 4, 2);
	put_uint(b, cb, cb->word == 8 ? 62 : 50, n + 3, 2);
	put_shdr(b, cb, at, 0, SHT_NULL, 0, 0, (uint64_t[6]){0});
	for (size_t i = 0; i < n; i++) {
		const struct cb_section *s = &cb->sections.data[i];
		put_shdr(b, cb, at + (i + 1) * shsize, name_pos[i], s->type, 0, 0,
		         (uint64_t[6]){s->flags, s->addr, offsets[i], s->size, 1, 0});
	}
	put_shdr(b, cb, at + (n + 1) * shsize, name_pos[n], SHT_SYMTAB, (uint32_t)n + 2, 1,
	         (uint64_t[6]){0, 0, sym_at, sym_size, 8, cb->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)});
	put_shdr(b, cb, at + (n + 2) * shsize, name_pos[n + 1], SHT_STRTAB, 0, 0, (uint64_t[6]){0, 0, str_at, str.len, 1, 0});
	put_shdr(b, cb, at + (n + 3) * shsize, name_pos[n + 2], SHT_STRTAB, 0, 0,
	         (uint64_t[6]){0, 0, name_at, names.len, 1, 0});
	free(offsets);
	free(name_pos);
	vec_free(&names);
	vec_free(&str);
}

static void put_ehdr(buffer *b, const struct corebuild *cb)
{
	unsigned w = cb->word;
	bool w8 = w == 8;
	const uint8_t ident[EI_NIDENT] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, w8 ? ELFCLASS64 : ELFCLASS32,
	                                  cb->be ? ELFDATA2MSB : ELFDATA2LSB, EV_CURRENT};
	put(b, 0, ident, sizeof(ident));
	put_uint(b, cb, 16, cb->type, 2);
	put_uint(b, cb, 18, cb->machine, 2);
	put_uint(b, cb, 20, EV_CURRENT, 4);
	put_uint(b, cb, 24, cb->entry, w);
	put_uint(b, cb, w8 ? 52 : 40, w8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), 2);
	put_uint(b, cb, w8 ? 54 : 42, w8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), 2);
	put(b, 0, NULL, w8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
}

static void put_headers(buffer *b, struct corebuild *cb, uint64_t notes_vaddr)
{
	unsigned w = cb->word;
	size_t phsize = w == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), n = cb->segs.len + 1;
	uint32_t phnum = cb->phnum_lie ? cb->phnum_lie : (uint32_t)n;
	put_uint(b, cb, w == 8 ? 32 : 28, cb->phoff, w);
	put_uint(b, cb, w == 8 ? 56 : 44, cb->xnum ? PN_XNUM : phnum & 0xffff, 2);
	put_phdr(b, cb, cb->phoff, PT_NOTE, PF_R,
	         (uint64_t[6]){cb->note_offset, notes_vaddr, cb->notes.len, 0, cb->note_align});
	for (size_t i = 0; i < cb->segs.len; i++) {
		const struct cb_segment *s = &cb->segs.data[i];
		put_phdr(b, cb, cb->phoff + (i + 1) * phsize, PT_LOAD, s->flags,
		         (uint64_t[6]){s->offset, s->vaddr, s->filesz, s->memsz, 1});
	}
	if (!cb->xnum)
		return;
	size_t at = b->len;
	put_uint(b, cb, w == 8 ? 40 : 32, at, w);
	put_shdr(b, cb, at, 0, SHT_NULL, 0, phnum, (uint64_t[6]){0});
}

uint8_t *cb_build(struct corebuild *cb, size_t *size)
{
	buffer b = {0};
	size_t phsize = cb->word == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t table = (cb->segs.len + 1) * phsize;
	put_ehdr(&b, cb);
	if (!cb->headers_last) {
		cb->phoff = b.len;
		put(&b, b.len + table - 1, "", 1);
		cb->note_offset = b.len;
		put(&b, b.len, cb->notes.data, cb->notes.len);
	}
	for (size_t i = 0; i < cb->segs.len; i++) {
		struct cb_segment *s = &cb->segs.data[i];
		bool headers = i == 0 && cb->type != ET_CORE;
		if (!s->fixed_offset)
			s->offset = headers ? 0 : b.len + cb->pad;
		if (headers && !s->fixed_offset)
			s->filesz = b.len + s->have, s->memsz = s->memsz > s->filesz ? s->memsz : s->filesz;
		if (s->have)
			put(&b, headers ? b.len : b.len + cb->pad, s->data, s->have);
	}
	if (cb->headers_last) {
		cb->note_offset = b.len;
		put(&b, b.len, cb->notes.data, cb->notes.len);
		cb->phoff = b.len;
		put(&b, b.len + table - 1, "", 1);
	}
	if (cb->type != ET_CORE)
		put_sections(&b, cb);
	put_headers(&b, cb, cb->type != ET_CORE && cb->segs.len ? cb->segs.data[0].vaddr + cb->note_offset : 0);
	*size = b.len;
	return b.data;
}
