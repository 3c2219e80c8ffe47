/* SPDX-License-Identifier: MIT */
/*
 * Finds runtime.moduledata: what the linker told the runtime about an image (text, data, types, function tables), and
 * which the runtime links into a list when it loads plugins.
 */
#include <inttypes.h>

#include "base/ckd.h"
#include "types/rtype.h"
#include "types/types.h"

enum {
	MAX_MODULES = 1024,     /* plugins of one process */
	MAX_TEXTSECTS = 4096,
	MAX_NAME = 4096
};
#define SPARE_SECTIONS (UINT64_C(64) << 20) /* variables of plugins that were not saved */
#define MAX_FUNCS UINT64_C(16777216)
#define MAX_SECTION (UINT64_C(1) << 36)
/* How far the search by structure looks into memory that belongs to no file (packed executables unpack to such). */
#define ANON_BUDGET (UINT64_C(1) << 30)

enum { MAGIC_1_16 = (int)0xfffffffa, MAGIC_1_18 = (int)0xfffffff0, MAGIC_1_20 = (int)0xfffffff1 };

struct slice {
	uint64_t ptr, len, cap;
};

static bool slice_read(const struct layout *l, const struct proc *p, uint64_t base, enum layout_field f,
                       struct slice *ret)
{
	uint64_t at = layout_addr(l, base, f);
	return layout_has(l, f) && proc_word(p, at, &ret->ptr) && proc_word(p, at + p->word, &ret->len) &&
	       proc_word(p, at + 2u * p->word, &ret->cap) && ret->len <= ret->cap;
}

static uint64_t word_or_zero(const struct layout *l, const struct proc *p, uint64_t base, enum layout_field f)
{
	uint64_t v;
	return layout_has(l, f) && layout_read(l, p, base, f, &v) ? v : 0;
}

/* ---- is it one? ---- */

static bool magic_known(uint32_t magic)
{
	return magic == (uint32_t)MAGIC_1_16 || magic == (uint32_t)MAGIC_1_18 || magic == (uint32_t)MAGIC_1_20;
}

/* The five tables lie behind the pcHeader in this order. */
static bool tables_ordered(const struct layout *l, const struct proc *p, uint64_t addr, uint64_t header)
{
	static const enum layout_field order[] = {L_MD_FUNCNAMETAB, L_MD_CUTAB, L_MD_FILETAB, L_MD_PCTAB,
	                                          L_MD_PCLNTABLE};
	uint64_t at = header;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct slice s;
		if (!slice_read(l, p, addr, order[i], &s) || s.ptr < at || s.ptr - header > UINT32_MAX)
			return false;
		at = s.ptr;
	}
	return true;
}

/*
 * The pcHeader itself may be missing: a kernel core without the executable has the moduledata (it is writable) but no
 * read-only tables. Even then it is known that code is mapped: where pointers have 4 bytes, tables of small numbers (such
 * as unicode's) look like addresses in order, too.
 */
static bool moduledata_ok(const struct layout *l, const struct proc *p, uint64_t addr)
{
	uint64_t header, minpc, maxpc, text, etext;
	uint32_t magic;
	struct slice ftab;
	if (addr % p->word || !layout_read(l, p, addr, L_MD_PCHEADER, &header) || !header ||
	    !layout_read(l, p, addr, L_MD_MINPC, &minpc) || !layout_read(l, p, addr, L_MD_MAXPC, &maxpc) ||
	    !layout_read(l, p, addr, L_MD_TEXT, &text) || !layout_read(l, p, addr, L_MD_ETEXT, &etext) ||
	    !slice_read(l, p, addr, L_MD_FTAB, &ftab))
		return false;
	return minpc < maxpc && text <= minpc && text < etext && ftab.len > 0 && ftab.len <= MAX_FUNCS &&
	       proc_segment(p, text) && tables_ordered(l, p, addr, header) && (!proc_u32(p, header, &magic) || magic_known(magic));
}

/* ---- where is it? ---- */

static uint64_t find_by_symbol(const struct layout *l, const struct proc *p, const struct types *t)
{
	uint64_t addr = t ? types_global_addr(t, "runtime.firstmoduledata") : 0;
	if (addr && moduledata_ok(l, p, addr))
		return addr;
	for (size_t i = 0; i < p->nmodules; i++) {
		const struct exe_symbol *s = exe_symbol(p->modules[i].exe, "runtime.firstmoduledata");
		if (s && moduledata_ok(l, p, s->value + p->modules[i].bias))
			return s->value + p->modules[i].bias;
	}
	return 0;
}

/* Since Go 1.26 firstmoduledata has a section of its own. */
static uint64_t find_by_section(const struct layout *l, const struct proc *p)
{
	for (size_t i = 0; i < p->nmodules; i++) {
		const struct exe_section *s = exe_section(p->modules[i].exe, ".go.module");
		if (s && moduledata_ok(l, p, s->addr + p->modules[i].bias))
			return s->addr + p->modules[i].bias;
	}
	return 0;
}

/*
 * The first two words are the pcHeader's address and that of the function names, which follow it at once; this is rare
 * enough to look at everything else only then.
 */
static uint64_t scan_bytes(const struct layout *l, const struct proc *p, const struct segment *s, uint64_t size)
{
	uint64_t word = p->word, start = (word - s->addr % word) % word;
	uint64_t least = 8 + 7 * word, most = 8 + 16 * word;
	for (uint64_t off = start; off < size && size - off >= 2 * word; off += word) {
		uint64_t header = load_uint(s->data + off, p->word, p->be);
		uint64_t gap = load_uint(s->data + off + word, p->word, p->be) - header;
		if (header && gap >= least && gap <= most && moduledata_ok(l, p, s->addr + off))
			return s->addr + off;
	}
	return 0;
}

static uint64_t find_by_structure(const struct layout *l, const struct proc *p)
{
	uint64_t budget = ANON_BUDGET;
	for (int anonymous = 0; anonymous < 2; anonymous++)
		for (size_t i = 0; i < p->nsegs; i++) {
			const struct segment *s = &p->segs[i];
			if (!s->data || (s->file == 0) != (anonymous == 1))
				continue;
			uint64_t size = s->size;
			if (anonymous) {
				size = size < budget ? size : budget;
				budget -= size;
			}
			uint64_t addr = scan_bytes(l, p, s, size);
			if (addr)
				return addr;
		}
	return 0;
}

/* ---- loading ---- */

/*
 * len bytes at addr as one piece: a view where they lie contiguously, else a copy. What comes before the first missing
 * byte is kept: the tables' users check every offset.
 */
static bool view_bytes(struct program *g, uint64_t addr, uint64_t len, struct bytes_view *ret)
{
	uint64_t avail, have = 0;
	const uint8_t *d = proc_view(g->proc, addr, &avail);
	ret->data = NULL;
	ret->size = 0;
	if (!d || !len)
		return true;
	if (avail >= len) {
		ret->data = d;
		ret->size = len;
		return true;
	}
	while (have < len && proc_view(g->proc, addr + have, &avail) && avail)
		have += avail < len - have ? avail : len - have;
	size_t size;
	if (have > g->copy_budget) /* tables of modules that overlap: a lie */
		return true;
	g->copy_budget -= have;
	if (!ckd_size(have, &size))
		return false;
	uint8_t *copy = arena_alloc(&g->arena, size);
	if (!copy)
		return false;
	if (!proc_read(g->proc, addr, copy, size))
		return true;
	ret->data = copy;
	ret->size = have;
	return true;
}

static bool view_slice(struct program *g, const struct layout *l, uint64_t base, enum layout_field f, uint64_t elem,
                       struct bytes_view *ret)
{
	struct slice s;
	uint64_t len;
	ret->data = NULL;
	ret->size = 0;
	return !slice_read(l, g->proc, base, f, &s) || !ckd_mul(s.len, elem, &len) || view_bytes(g, s.ptr, len, ret);
}

static bool load_textsects(struct program *g, const struct layout *l, struct module *m)
{
	const struct proc *p = g->proc;
	struct slice s;
	if (!slice_read(l, p, m->addr, L_MD_TEXTSECTMAP, &s) || s.len < 2 || s.len > MAX_TEXTSECTS)
		return true;
	m->textsects = arena_alloc(&g->arena, (size_t)s.len * sizeof(*m->textsects));
	if (!m->textsects)
		return false;
	for (uint64_t i = 0; i < s.len; i++) {
		struct textsect *t = &m->textsects[i];
		uint64_t at = s.ptr + i * 3 * p->word;
		if (!proc_word(p, at, &t->vaddr) || !proc_word(p, at + p->word, &t->end) ||
		    !proc_word(p, at + 2u * p->word, &t->base))
			return true;
		if (g->minor <= 17)
			t->end += t->vaddr; /* a length until Go 1.17 */
		m->ntextsects = (size_t)i + 1;
	}
	return true;
}

/* A bitvector {n int32; bytes *byte} of the GC's pointer mask for data or bss. */
static void load_bitvector(const struct layout *l, const struct proc *p, uint64_t base, enum layout_field f,
                           uint64_t *bytes, uint64_t *nbits)
{
	uint32_t n;
	uint64_t ptr, avail, at = layout_addr(l, base, f);
	if (!layout_has(l, f) || !proc_u32(p, at, &n) || !proc_word(p, at + p->word, &ptr) || n > INT32_MAX)
		return;
	if (n == 0 || !proc_view(p, ptr, &avail))
		return;
	*bytes = ptr;
	*nbits = n;
}

static void load_header(struct module *m, const struct program *g)
{
	const struct proc *p = g->proc;
	if (!proc_u32(p, m->pclntab, &m->magic) || !proc_u8(p, m->pclntab + 6, &m->quantum)) {
		m->magic = (uint32_t)(g->minor <= 17 ? MAGIC_1_16 : g->minor <= 19 ? MAGIC_1_18 : MAGIC_1_20);
		m->quantum = 0;
	}
	if (m->quantum != 1 && m->quantum != 2 && m->quantum != 4)
		m->quantum = p->arch == ARCH_AMD64 || p->arch == ARCH_386 ? 1 : p->arch == ARCH_S390X ? 2 : 4;
}

static bool load_tables(struct program *g, const struct layout *l, struct module *m)
{
	const struct proc *p = g->proc;
	struct slice s;
	uint64_t entry = m->magic == (uint32_t)MAGIC_1_16 ? 2u * p->word : 8;
	if (!view_slice(g, l, m->addr, L_MD_FUNCNAMETAB, 1, &m->funcnametab) ||
	    !view_slice(g, l, m->addr, L_MD_CUTAB, 4, &m->cutab) ||
	    !view_slice(g, l, m->addr, L_MD_FILETAB, 1, &m->filetab) ||
	    !view_slice(g, l, m->addr, L_MD_PCTAB, 1, &m->pctab) ||
	    !view_slice(g, l, m->addr, L_MD_PCLNTABLE, 1, &m->pclntable) ||
	    !view_slice(g, l, m->addr, L_MD_FTAB, entry, &m->ftab))
		return false;
	m->nfunc = m->ftab.size / entry;
	if (m->nfunc)
		m->nfunc--; /* the last entry only marks the end */
	if (slice_read(l, p, m->addr, L_MD_PCLNTABLE, &s))
		m->pclntable_addr = s.ptr;
	return true;
}

static void load_name(struct program *g, const struct layout *l, uint64_t addr, bool first, struct module *m)
{
	static const enum layout_field fields[] = {L_MD_PLUGINPATH, L_MD_MODULENAME};
	m->name = "";
	for (size_t i = 0; !first && !m->name[0] && i < 2; i++) {
		if (!layout_has(l, fields[i]))
			continue;
		const char *s = proc_gostring(g->proc, &g->arena, layout_addr(l, addr, fields[i]), MAX_NAME);
		if (s)
			m->name = s;
	}
}

/* Keeps of a range what is mapped: nobody walks through addresses that only a damaged moduledata claims. */
static void range_clip(const struct proc *p, struct diag *diag, const char *what, uint64_t *start, uint64_t *end)
{
	uint64_t at = *start, limit = *end;
	while (at < limit && at - *start < MAX_SECTION) {
		const struct segment *s = proc_segment(p, at);
		if (!s)
			break;
		at = s->size - (at - s->addr) < limit - at ? s->addr + s->size : limit;
	}
	if (at < limit || *start > limit) {
		diag_add(diag, HC_SEV_WARNING, "the module's %s at [%#" PRIx64 ", %#" PRIx64 ") is not mapped beyond %#" PRIx64
		         ": what it keeps alive may count as garbage", what, *start, limit, at);
		*end = at;
	}
}

static void clip_sections(const struct proc *p, struct diag *diag, struct module *m)
{
	range_clip(p, diag, "data", &m->data, &m->edata);
	range_clip(p, diag, "bss", &m->bss, &m->ebss);
	range_clip(p, diag, "noptrdata", &m->noptrdata, &m->enoptrdata);
	range_clip(p, diag, "noptrbss", &m->noptrbss, &m->enoptrbss);
	range_clip(p, diag, "types", &m->types, &m->etypes);
}

static bool load_module(struct program *g, const struct layout *l, uint64_t addr, struct diag *diag, struct module *m)
{
	const struct proc *p = g->proc;
	const struct {
		enum layout_field f;
		uint64_t *to;
	} words[] = {
		{L_MD_PCHEADER, &m->pclntab}, {L_MD_MINPC, &m->minpc}, {L_MD_MAXPC, &m->maxpc},
		{L_MD_TEXT, &m->text}, {L_MD_ETEXT, &m->etext}, {L_MD_NOPTRDATA, &m->noptrdata},
		{L_MD_ENOPTRDATA, &m->enoptrdata}, {L_MD_DATA, &m->data}, {L_MD_EDATA, &m->edata},
		{L_MD_BSS, &m->bss}, {L_MD_EBSS, &m->ebss}, {L_MD_NOPTRBSS, &m->noptrbss},
		{L_MD_ENOPTRBSS, &m->enoptrbss}, {L_MD_END, &m->end}, {L_MD_GCDATA, &m->gcdata},
		{L_MD_GCBSS, &m->gcbss}, {L_MD_TYPES, &m->types}, {L_MD_TYPEDESCLEN, &m->typedesclen},
		{L_MD_ETYPES, &m->etypes}, {L_MD_ITABOFFSET, &m->itaboffset}, {L_MD_ITABSIZE, &m->itabsize},
		{L_MD_RODATA, &m->rodata}, {L_MD_GOFUNC, &m->gofunc},
	};
	struct slice s;
	m->addr = addr;
	m->word = p->word;
	m->be = p->be;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		*words[i].to = word_or_zero(l, p, addr, words[i].f);
	clip_sections(p, diag, m);
	load_header(m, g);
	load_bitvector(l, p, addr, L_MD_GCDATAMASK, &m->gcdatamask, &m->ndatamask);
	load_bitvector(l, p, addr, L_MD_GCBSSMASK, &m->gcbssmask, &m->nbssmask);
	if (slice_read(l, p, addr, L_MD_TYPELINKS, &s)) {
		m->typelinks = s.ptr;
		m->ntypelinks = s.len;
	}
	if (slice_read(l, p, addr, L_MD_ITABLINKS, &s)) {
		m->itablinks = s.ptr;
		m->nitablinks = s.len;
	}
	return load_textsects(g, l, m) && load_tables(g, l, m);
}

static bool module_known(const struct module *list, size_t n, uint64_t addr)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].addr == addr)
			return true;
	return false;
}

/* Modules do not share variables: those of plugins are together not larger than the process. */
static bool module_charge(struct program *g, const struct module *m)
{
	uint64_t bytes = (m->edata - m->data) + (m->ebss - m->bss) + (m->enoptrdata - m->noptrdata) +
	                 (m->enoptrbss - m->noptrbss);
	if (bytes > g->section_budget)
		return false;
	g->section_budget -= bytes;
	return true;
}

static struct hc_error *load_modules(struct program *g, const struct layout *l, uint64_t first, struct diag *diag)
{
	VEC(struct module) list = {0};
	bool ok = true;
	uint64_t addr = first;
	for (unsigned n = 0; addr && n < MAX_MODULES; n++) {
		struct module m = {0};
		if (!moduledata_ok(l, g->proc, addr)) {
			diag_add(diag, HC_SEV_WARNING, "module data at %#" PRIx64 " is not in the snapshot: the functions and "
			         "package variables of that plugin are unknown", addr);
			break;
		}
		if (!word_or_zero(l, g->proc, addr, L_MD_BAD) || addr == first) {
			load_name(g, l, addr, addr == first, &m);
			ok = load_module(g, l, addr, diag, &m);
			if (ok && list.len && !module_charge(g, &m)) {
				diag_add(diag, HC_SEV_WARNING, "module data at %#" PRIx64 " is damaged: its variables and those of the modules "
				         "before it are more than the process has", addr);
				break;
			}
			ok = ok && vec_push(&list, m);
			if (!ok)
				break;
		}
		addr = word_or_zero(l, g->proc, addr, L_MD_NEXT);
		if (module_known(list.data, list.len, addr))
			break;
	}
	g->modules = list.data;
	g->nmodules = list.len;
	return ok ? NULL : err_nomem();
}

struct hc_error *program_open(const struct proc *p, const struct layout *l, const struct types *t, struct diag *diag,
                              struct program **ret)
{
	struct program *g = calloc(1, sizeof(*g));
	if (!g)
		return err_nomem();
	g->proc = p;
	g->minor = l->minor;
	g->copy_budget = proc_bytes(p);
	g->section_budget = proc_bytes(p) + SPARE_SECTIONS;
	g->rtypes = rtypes_new(p);
	if (!g->rtypes) {
		program_close(g);
		return err_nomem();
	}
	uint64_t addr = find_by_symbol(l, p, t);
	if (!addr)
		addr = find_by_section(l, p);
	if (!addr) {
		addr = find_by_structure(l, p);
		if (addr)
			diag_say(diag, HC_SEV_DEBUG, "moduledata found by its structure at %#" PRIx64, addr);
	}
	if (!addr && p->dump) { /* its records do without; functions and variables have no names then */
		*ret = g;
		return NULL;
	}
	struct hc_error *err = addr ? load_modules(g, l, addr, diag)
	                            : err_new(HC_E_EXE, "%s: no runtime.moduledata found in the memory of %s; name the "
	                                      "executable that made the snapshot with --exe=FILE",
	                                      p->blob ? p->blob->path : "snapshot",
	                                      p->exe_path && p->exe_path[0] ? p->exe_path : "the process");
	if (err) {
		program_close(g);
		return err;
	}
	if (!g->nmodules || !g->modules[0].nfunc)
		diag_add(diag, HC_SEV_WARNING, "the function tables of the executable are not in the snapshot: stacks are "
		         "unknown; name the executable with --exe=FILE");
	*ret = g;
	return NULL;
}

void program_close(struct program *g)
{
	if (!g)
		return;
	rtypes_free(g->rtypes);
	free(g->modules);
	arena_free(&g->arena);
	free(g);
}

const struct module *program_module_of_type(const struct program *g, uint64_t addr)
{
	for (size_t i = 0; i < g->nmodules; i++)
		if (addr - g->modules[i].types < g->modules[i].etypes - g->modules[i].types)
			return &g->modules[i];
	return NULL;
}
