/* SPDX-License-Identifier: MIT */
/* ELF files on disk. The only file that knows libelf. */
#include <elf.h>
#include <gelf.h>
#include <libelf.h>

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "reader/priv.h"

enum {
	NAME_MAX_BYTES = 16 << 10,
	SEGMENTS_MAX = 1024, /* linkers make about ten */
	PROBES_MAX = 1024, /* names that collide more than that were made to */
	SHARED_MAX = 4, /* tables and names of a file do not overlap: their sum is bounded by this many times its size */
};

struct parse {
	struct exe *exe;
	struct diag *diag;
	Elf *elf;
	GElf_Ehdr ehdr;
	VEC(struct exe_symbol) symbols;
	uint64_t budget; /* bytes of tables and names that may still be read */
};

/* Thousands of headers may name the same bytes: false when they were read often enough. */
static bool charge(struct parse *ps, uint64_t bytes)
{
	if (bytes > ps->budget)
		return false;
	ps->budget -= bytes;
	return true;
}

static struct hc_error *bad(const struct parse *ps, const char *what)
{
	return err_new(HC_E_FORMAT, "%s: %s: %s", ps->exe->path, what, elf_errmsg(-1));
}

/* A terminated string inside the file, or "". Its length is bounded: symbols may share one long text. */
static const char *file_string(const struct exe *exe, uint64_t tab_off, uint64_t tab_size, uint64_t at)
{
	if (!in_range(tab_off, tab_size, exe->blob->size) || at >= tab_size)
		return "";
	const char *s = (const char *)exe->blob->data + tab_off + at;
	uint64_t left = tab_size - at;
	return memchr(s, 0, (size_t)(left < NAME_MAX_BYTES ? left : NAME_MAX_BYTES)) ? s : "";
}

static struct hc_error *parse_header(struct parse *ps)
{
	struct exe *exe = ps->exe;
	if (!gelf_getehdr(ps->elf, &ps->ehdr))
		return bad(ps, "ELF header");
	const GElf_Ehdr *eh = &ps->ehdr;
	unsigned word = eh->e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
	const struct arch_info *ai = arch_find(eh->e_machine, word);
	if (eh->e_type == ET_CORE)
		return err_new(HC_E_EXE, "%s: this is a core file, not an executable", exe->path);
	exe->arch = ai ? ai->arch : ARCH_NONE;
	exe->be = eh->e_ident[EI_DATA] == ELFDATA2MSB;
	exe->pie = eh->e_type == ET_DYN;
	exe->word = (uint8_t)word;
	exe->machine = eh->e_machine;
	exe->entry = eh->e_entry;
	return NULL;
}

static struct hc_error *parse_segments(struct parse *ps)
{
	struct exe *exe = ps->exe;
	size_t n;
	if (elf_getphdrnum(ps->elf, &n))
		return bad(ps, "program headers");
	if (n > SEGMENTS_MAX)
		n = SEGMENTS_MAX;
	exe->segments = arena_alloc(&exe->arena, n * sizeof(*exe->segments));
	if (!exe->segments)
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		if (!gelf_getphdr(ps->elf, (int)i, &ph))
			break;
		if (ph.p_type == PT_NOTE && in_range(ph.p_offset, ph.p_filesz, exe->blob->size) && charge(ps, ph.p_filesz) &&
		    !notes_build_ids(&exe->arena, exe->blob->data + ph.p_offset, (size_t)ph.p_filesz, ph.p_align == 8 ? 8 : 4,
		                     exe->be, &exe->go_build_id, &exe->gnu_build_id))
			return err_nomem();
		if (ph.p_type != PT_LOAD)
			continue;
		struct exe_segment s = {ph.p_vaddr, ph.p_offset, ph.p_filesz, ph.p_memsz, ph.p_flags};
		/* What the file does not hold is not there; addresses do not wrap. */
		uint64_t left = s.offset < exe->blob->size ? exe->blob->size - s.offset : 0;
		s.memsz = s.memsz < UINT64_MAX - s.vaddr ? s.memsz : UINT64_MAX - s.vaddr;
		s.filesz = s.filesz < left ? s.filesz : left;
		s.filesz = s.filesz < s.memsz ? s.filesz : s.memsz;
		exe->segments[exe->nsegments++] = s;
	}
	return NULL;
}

static struct hc_error *parse_symbols(struct parse *ps, Elf_Scn *scn, const GElf_Shdr *sh)
{
	struct exe *exe = ps->exe;
	GElf_Shdr str;
	Elf_Scn *strscn = elf_getscn(ps->elf, sh->sh_link);
	Elf_Data *data = elf_getdata(scn, NULL);
	if (!data || !strscn || !gelf_getshdr(strscn, &str) || str.sh_type == SHT_NOBITS) {
		diag_add(ps->diag, HC_SEV_WARNING, "%s: symbol table cannot be read; going on as if stripped", exe->path);
		return NULL;
	}
	size_t n = data->d_size / (exe->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
	n = n < INT32_MAX ? n : INT32_MAX;
	if (!vec_reserve(&ps->symbols, ps->symbols.len + n))
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym))
			break;
		/* Go's linker gives no type to the marks between sections (runtime.types, ...). */
		unsigned type = GELF_ST_TYPE(sym.st_info);
		if ((type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) || sym.st_shndx == SHN_UNDEF)
			continue;
		struct exe_symbol s = {file_string(exe, str.sh_offset, str.sh_size, sym.st_name), sym.st_value, sym.st_size,
		                       (uint8_t)type};
		if (*s.name && charge(ps, strlen(s.name)))
			ps->symbols.data[ps->symbols.len++] = s;
	}
	return NULL;
}

static struct hc_error *parse_sections(struct parse *ps)
{
	struct exe *exe = ps->exe;
	size_t n, strndx = 0;
	GElf_Shdr names = {0};
	if (elf_getshdrnum(ps->elf, &n) || elf_getshdrstrndx(ps->elf, &strndx))
		n = 0; /* sections are a help, not a need */
	if (n > exe->blob->size / sizeof(Elf32_Shdr))
		n = exe->blob->size / sizeof(Elf32_Shdr);
	Elf_Scn *strscn = n ? elf_getscn(ps->elf, strndx) : NULL;
	if (!strscn || !gelf_getshdr(strscn, &names))
		n = 0;
	exe->sections = arena_alloc(&exe->arena, n * sizeof(*exe->sections));
	if (!exe->sections)
		return err_nomem();
	for (size_t i = 1; i < n; i++) {
		Elf_Scn *scn = elf_getscn(ps->elf, i);
		GElf_Shdr sh;
		if (!scn || !gelf_getshdr(scn, &sh))
			break;
		struct exe_section *s = &exe->sections[exe->nsections++];
		*s = (struct exe_section){
			.name = file_string(exe, names.sh_offset, names.sh_size, sh.sh_name),
			.addr = sh.sh_addr,
			.offset = sh.sh_offset,
			.size = sh.sh_size,
			.alloc = sh.sh_flags & SHF_ALLOC,
			.nobits = sh.sh_type == SHT_NOBITS,
			.compressed = sh.sh_flags & SHF_COMPRESSED,
		};
		s->compressed |= !strncmp(s->name, ".zdebug_", 8); /* the old way, up to Go 1.18 */
		exe->has_dwarf |= !s->nobits && (!strcmp(s->name, ".debug_info") || !strcmp(s->name, ".zdebug_info"));
		if (sh.sh_type == SHT_SYMTAB && charge(ps, sh.sh_size)) {
			struct hc_error *err = parse_symbols(ps, scn, &sh);
			if (err)
				return err;
		}
		/* A debug file keeps its notes, but its program headers do not lead to them. */
		if (sh.sh_type == SHT_NOTE && in_range(sh.sh_offset, sh.sh_size, exe->blob->size) && charge(ps, sh.sh_size) &&
		    !notes_build_ids(&exe->arena, exe->blob->data + sh.sh_offset, (size_t)sh.sh_size,
		                     sh.sh_addralign == 8 ? 8 : 4, exe->be, &exe->go_build_id, &exe->gnu_build_id))
			return err_nomem();
	}
	return NULL;
}

/* ---- symbol search ---- */

static int symbol_compare(const void *ap, const void *bp)
{
	const struct exe_symbol *a = ap, *b = bp;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return strcmp(a->name, b->name);
}

static uint32_t name_hash(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h ^ h >> 15;
}

static struct hc_error *index_symbols(struct parse *ps)
{
	struct exe *exe = ps->exe;
	size_t n = ps->symbols.len;
	if (n)
		qsort(ps->symbols.data, n, sizeof(*ps->symbols.data), symbol_compare);
	uint32_t slots = 16;
	while (slots < n * 2)
		slots *= 2;
	exe->symbols = arena_alloc(&exe->arena, n * sizeof(*exe->symbols));
	exe->by_name = arena_alloc(&exe->arena, slots * sizeof(*exe->by_name));
	if (!exe->symbols || !exe->by_name)
		return err_nomem();
	if (n)
		memcpy(exe->symbols, ps->symbols.data, n * sizeof(*exe->symbols));
	exe->nsymbols = n;
	exe->has_symtab = n > 0;
	exe->by_name_mask = slots - 1;
	for (size_t i = 0; i < n; i++) {
		const char *name = exe->symbols[i].name;
		uint32_t h = name_hash(name) & exe->by_name_mask;
		unsigned probes = 0;
		while (exe->by_name[h] && probes++ < PROBES_MAX &&
		       strcmp(exe->symbols[exe->by_name[h] - 1].name, name) != 0)
			h = (h + 1) & exe->by_name_mask;
		if (!exe->by_name[h])
			exe->by_name[h] = (uint32_t)i + 1;
	}
	return NULL;
}

const struct exe_symbol *exe_symbol(const struct exe *exe, const char *name)
{
	for (uint32_t h = name_hash(name) & exe->by_name_mask; exe->by_name[h]; h = (h + 1) & exe->by_name_mask) {
		const struct exe_symbol *s = &exe->symbols[exe->by_name[h] - 1];
		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

const struct exe_symbol *exe_symbol_at(const struct exe *exe, uint64_t vaddr)
{
	/* Marks of size 0 lie among real symbols: look back a little for one that covers the address. */
	enum { LOOK_BACK = 16 };
	size_t lo = 0, hi = exe->nsymbols;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (exe->symbols[mid].value <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i > 0 && i + LOOK_BACK > lo; i--)
		if (vaddr - exe->symbols[i - 1].value < exe->symbols[i - 1].size)
			return &exe->symbols[i - 1];
	return lo && !exe->symbols[lo - 1].size ? &exe->symbols[lo - 1] : NULL;
}

/* ---- the rest of the contract ---- */

const struct exe_section *exe_section(const struct exe *exe, const char *name)
{
	for (size_t i = 0; i < exe->nsections; i++)
		if (!strcmp(exe->sections[i].name, name))
			return &exe->sections[i];
	return NULL;
}

const uint8_t *exe_section_data(const struct exe *exe, const struct exe_section *s, uint64_t *size)
{
	if (s->nobits || !in_range(s->offset, s->size, exe->blob->size))
		return NULL;
	*size = s->size;
	return exe->blob->data + s->offset;
}

const uint8_t *exe_view(const struct exe *exe, uint64_t vaddr, uint64_t *avail)
{
	for (size_t i = 0; i < exe->nsegments; i++) {
		const struct exe_segment *s = &exe->segments[i];
		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz) {
			*avail = s->filesz - (vaddr - s->vaddr);
			return exe->blob->data + s->offset + (vaddr - s->vaddr);
		}
	}
	return NULL;
}

const struct exe *exe_dwarf(const struct exe *exe)
{
	if (exe->has_dwarf)
		return exe;
	return exe->debug && exe->debug->has_dwarf ? exe->debug : NULL;
}

static struct hc_error *parse_all(struct parse *ps)
{
	struct exe *exe = ps->exe;
	union { /* libelf asks for a mutable image but only reads it */
		const uint8_t *in;
		char *out;
	} image = {.in = exe->blob->data};
	if (elf_version(EV_CURRENT) == EV_NONE)
		return bad(ps, "libelf");
	ps->elf = elf_memory(image.out, exe->blob->size);
	if (!ps->elf)
		return bad(ps, "ELF");
	struct hc_error *err = parse_header(ps);
	if (!err)
		err = parse_segments(ps);
	if (!err)
		err = parse_sections(ps);
	if (!err)
		err = index_symbols(ps);
	elf_end(ps->elf);
	return err;
}

struct hc_error *exe_parse(struct blob *blob, struct diag *diag, struct exe **ret)
{
	static char none[] = "";
	struct exe *exe = calloc(1, sizeof(*exe));
	if (!exe) {
		blob_close(blob);
		return err_nomem();
	}
	exe->blob = blob;
	exe->path = blob->path;
	exe->go_build_id = exe->gnu_build_id = none;
	struct parse ps = {.exe = exe, .diag = diag, .budget = SHARED_MAX * (uint64_t)blob->size};
	enum file_kind kind = file_identify(blob->data, blob->size);
	struct hc_error *err = kind == FILE_ELF_OTHER || kind == FILE_ELF_CORE ? parse_all(&ps) :
		err_new(HC_E_EXE, "%s: is %s, expected an ELF executable", exe->path, file_kind_name(kind));
	vec_free(&ps.symbols);
	if (err) {
		exe_close(exe);
		return err;
	}
	*ret = exe;
	return NULL;
}

struct hc_error *exe_open(const char *path, struct diag *diag, struct exe **ret)
{
	struct blob *blob = NULL;
	struct hc_error *err = blob_open(path, diag, &blob);
	return err ? err : exe_parse(blob, diag, ret);
}

void exe_close(struct exe *exe)
{
	if (!exe)
		return;
	exe_close(exe->debug); /* which has no debug file of its own */
	blob_close(exe->blob);
	arena_free(&exe->arena);
	free(exe);
}
