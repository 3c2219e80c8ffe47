/* SPDX-License-Identifier: MIT */
/*
 * Functions, source lines and pc-value tables from the runtime's pclntab (runtime/symtab.go), in the three formats of
 * Go 1.16 (absolute entries), 1.18 (offsets) and 1.20 (start lines, shorter inline tree).
 */
#include "base/bytes.h"
#include "types/types.h"

#define NO_OFFSET UINT32_MAX
#define MAGIC_1_16 UINT32_C(0xfffffffa)
#define MAGIC_1_18 UINT32_C(0xfffffff0)

enum { MAX_INLINE_DEPTH = 256 };

/* ---- text offsets ---- */

static uint64_t text_addr(const struct module *m, uint64_t off)
{
	for (size_t i = 0; i < m->ntextsects; i++) {
		const struct textsect *s = &m->textsects[i];
		/* The last section includes its end, which the last ftab entry names. */
		if (off >= s->vaddr && (off < s->end || (i == m->ntextsects - 1 && off == s->end)))
			return s->base + (off - s->vaddr);
	}
	return m->text + off;
}

static bool text_off(const struct module *m, uint64_t pc, uint64_t *ret)
{
	for (size_t i = 0; i < m->ntextsects; i++) {
		const struct textsect *s = &m->textsects[i];
		if (pc >= s->base && pc - s->base < s->end - s->vaddr) {
			*ret = pc - s->base + s->vaddr;
			return true;
		}
	}
	*ret = pc - m->text;
	return m->ntextsects == 0;
}

/* ---- functions ---- */

/* Entry i of ftab: its position in the unit the table is sorted by, and the offset of its _func. */
static void ftab_entry(const struct module *m, uint64_t i, uint64_t *pos, uint64_t *funcoff)
{
	unsigned size = m->magic == MAGIC_1_16 ? m->word : 4;
	const uint8_t *d = m->ftab.data + i * 2 * size;
	*pos = load_uint(d, size, m->be);
	*funcoff = load_uint(d + size, size, m->be);
}

static const char *string_at(const struct bytes_view *v, uint64_t off)
{
	return off < v->size && memchr(v->data + off, 0, (size_t)(v->size - off)) ? (const char *)v->data + off : "";
}

static bool func_at(const struct module *m, uint32_t index, struct func *ret)
{
	uint64_t pos, next, off, unused, nameoff, v;
	bool absolute = m->magic == MAGIC_1_16;
	ftab_entry(m, index, &pos, &off);
	ftab_entry(m, (uint64_t)index + 1, &next, &unused);
	if (off >= m->pclntable.size) /* all ones: a hole that the external linker filled */
		return false;
	struct bytes b = bytes_of(m->pclntable.data + off, (size_t)(m->pclntable.size - off), m->be);
	struct func f = {.mod = m, .index = index};
	uint32_t args, startline = 0;
	uint64_t funcid, flag, nfuncdata;
	f.entry = absolute ? pos : text_addr(m, pos);
	f.end = absolute ? next : text_addr(m, next);
	if (!bytes_uint(&b, absolute ? m->word : 4, &v) || !bytes_uint(&b, 4, &nameoff) || !bytes_u32(&b, &args) ||
	    !bytes_u32(&b, &f.deferreturn) || !bytes_u32(&b, &f.pcsp) || !bytes_u32(&b, &f.pcfile) ||
	    !bytes_u32(&b, &f.pcln) || !bytes_u32(&b, &f.npcdata) || !bytes_u32(&b, &f.cuoffset) ||
	    (!absolute && m->magic != MAGIC_1_18 && !bytes_u32(&b, &startline)) || !bytes_uint(&b, 1, &funcid) ||
	    !bytes_uint(&b, 1, &flag) || !bytes_skip(&b, 1) || !bytes_uint(&b, 1, &nfuncdata))
		return false;
	f.name = string_at(&m->funcnametab, nameoff);
	f.args = (int32_t)args;
	f.start_line = (int32_t)startline;
	f.funcid = (uint8_t)funcid;
	f.flag = (uint8_t)flag;
	f.nfuncdata = (uint8_t)nfuncdata;
	f.tail = b.data + b.pos;
	f.tail_size = bytes_left(&b);
	*ret = f;
	return true;
}

bool program_func(const struct program *g, uint64_t pc, struct func *ret)
{
	for (size_t i = 0; i < g->nmodules; i++) {
		const struct module *m = &g->modules[i];
		uint64_t key, pos, off, lo = 0, hi = m->nfunc;
		if (pc - m->minpc >= m->maxpc - m->minpc || !hi)
			continue;
		if (m->magic == MAGIC_1_16)
			key = pc;
		else if (!text_off(m, pc, &key))
			return false;
		while (hi - lo > 1) { /* the last entry at or below key */
			uint64_t mid = lo + (hi - lo) / 2;
			ftab_entry(m, mid, &pos, &off);
			if (pos <= key)
				lo = mid;
			else
				hi = mid;
		}
		ftab_entry(m, lo, &pos, &off);
		struct func f;
		if (pos > key || !func_at(m, (uint32_t)lo, &f) || f.entry > pc || pc >= f.end)
			return false; /* or the table is not in order */
		*ret = f;
		return true;
	}
	return false;
}

bool program_func_entry(const struct program *g, uint64_t pc, struct func *ret)
{
	struct func f;
	if (!program_func(g, pc, &f) || f.entry != pc)
		return false;
	*ret = f;
	return true;
}

/* ---- pc-value tables ---- */

/*
 * Pairs of a zig-zag value delta and a pc delta (in units of the instruction quantum); values start at -1, and a value
 * delta of 0 that is not the first ends the table.
 */
static bool pcvalue(const struct func *f, uint32_t off, uint64_t pc, int32_t *ret)
{
	const struct module *m = f->mod;
	if (!m || off == 0 || off >= m->pctab.size || pc < f->entry)
		return false;
	struct bytes b = bytes_of(m->pctab.data + off, (size_t)(m->pctab.size - off), m->be);
	uint64_t target = pc - f->entry, at = 0, vdelta, pcdelta;
	uint32_t value = UINT32_MAX;
	for (bool first = true;; first = false) {
		if (!bytes_uvarint(&b, &vdelta) || (vdelta == 0 && !first) || !bytes_uvarint(&b, &pcdelta) ||
		    (pcdelta & UINT32_MAX) == 0) /* every step covers code, so that a table is no longer than its function */
			return false;
		uint32_t d = (uint32_t)vdelta;
		value += d & 1 ? ~(d >> 1) : d >> 1;
		at += (pcdelta & UINT32_MAX) * m->quantum;
		if (target < at) {
			*ret = (int32_t)value;
			return true;
		}
	}
}

bool func_spdelta(const struct func *f, uint64_t pc, int32_t *ret)
{
	return pcvalue(f, f->pcsp, pc, ret);
}

bool func_pcdata(const struct func *f, unsigned table, uint64_t pc, int32_t *ret)
{
	if (!f->mod || table >= f->npcdata || f->npcdata > f->tail_size / 4)
		return false;
	return pcvalue(f, load32(f->tail + (size_t)table * 4, f->mod->be), pc, ret);
}

uint64_t func_funcdata(const struct func *f, unsigned table)
{
	const struct module *m = f->mod;
	if (!m || table >= f->nfuncdata || f->npcdata > f->tail_size / 4)
		return 0;
	uint64_t at = (uint64_t)f->npcdata * 4;
	if (m->magic != MAGIC_1_16) {
		at += (uint64_t)table * 4;
		if (!in_range(at, 4, f->tail_size))
			return 0;
		uint32_t off = load32(f->tail + at, m->be);
		return off == NO_OFFSET || !m->gofunc ? 0 : m->gofunc + off;
	}
	/* Until Go 1.17 pointers, aligned by their address. */
	uint64_t addr = m->pclntable_addr + (uint64_t)(f->tail - m->pclntable.data) + at;
	at += (m->word - addr % m->word) % m->word + (uint64_t)table * m->word;
	return in_range(at, m->word, f->tail_size) ? load_uint(f->tail + at, m->word, m->be) : 0;
}

/* ---- lines ---- */

static const char *file_name(const struct func *f, uint64_t fileno)
{
	const struct module *m = f->mod;
	uint64_t at = ((uint64_t)f->cuoffset + fileno) * 4;
	if (!in_range(at, 4, m->cutab.size))
		return "";
	uint32_t off = load32(m->cutab.data + at, m->be);
	return off == NO_OFFSET ? "" : string_at(&m->filetab, off);
}

static struct srcline line_at(const struct func *f, uint64_t pc)
{
	struct srcline s = {f->name, "", 0, false};
	int32_t v;
	if (pcvalue(f, f->pcfile, pc, &v) && v >= 0)
		s.file = file_name(f, (uint32_t)v);
	if (pcvalue(f, f->pcln, pc, &v) && v >= 0)
		s.line = v;
	return s;
}

/* An entry of FUNCDATA_InlTree; the table has no length. */
struct inl_entry {
	int32_t parent, file, line; /* until Go 1.19: the call's position and the index of the caller's entry */
	uint32_t nameoff;
	int32_t parentpc;
};

static bool inl_read(const struct proc *p, const struct module *m, uint64_t tree, int32_t index, struct inl_entry *ret)
{
	bool old = m->magic == MAGIC_1_16 || m->magic == MAGIC_1_18;
	uint8_t d[20];
	size_t size = old ? 20 : 16;
	if (!proc_read(p, tree + (uint64_t)index * size, d, size))
		return false;
	ret->parent = old ? (int16_t)load16(d, m->be) : -1;
	ret->file = old ? (int32_t)load32(d + 4, m->be) : 0;
	ret->line = old ? (int32_t)load32(d + 8, m->be) : 0;
	ret->nameoff = load32(d + (old ? 12 : 4), m->be);
	ret->parentpc = (int32_t)load32(d + (old ? 16 : 8), m->be);
	return true;
}

size_t func_lines(const struct program *g, const struct func *f, uint64_t pc, struct srcline *out, size_t max)
{
	const struct module *m = f->mod;
	size_t n = 0;
	int32_t index;
	if (!m || max == 0)
		return 0;
	bool old = m->magic == MAGIC_1_16 || m->magic == MAGIC_1_18;
	uint64_t tree = func_funcdata(f, FUNCDATA_INLTREE);
	struct srcline here = line_at(f, pc);
	bool inlined = tree && func_pcdata(f, PCDATA_INLTREE, pc, &index) && index >= 0;
	for (unsigned depth = 0; inlined && depth < MAX_INLINE_DEPTH && n + 1 < max; depth++) {
		struct inl_entry e;
		if (!inl_read(g->proc, m, tree, index, &e))
			break;
		here.func = string_at(&m->funcnametab, e.nameoff);
		here.inlined = true;
		out[n++] = here;
		if (old) {
			here = (struct srcline){f->name, file_name(f, (uint32_t)e.file), e.line, false};
			index = e.parent;
			inlined = index >= 0;
		} else {
			pc = f->entry + (uint64_t)(int64_t)e.parentpc;
			here = line_at(f, pc);
			inlined = func_pcdata(f, PCDATA_INLTREE, pc, &index) && index >= 0;
		}
	}
	here.func = f->name;
	here.inlined = false;
	out[n++] = here;
	return n;
}
