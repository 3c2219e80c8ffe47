/* SPDX-License-Identifier: MIT */
/* A made-up Go program: function tables in any of the runtime's three formats, written into a fakeproc. */
#ifndef TESTS_FAKEPROG_H
#define TESTS_FAKEPROG_H

#include "fakeproc.h"
#include "types/types.h"

#define MAGIC_1_16 UINT32_C(0xfffffffa)
#define MAGIC_1_18 UINT32_C(0xfffffff0)
#define MAGIC_1_20 UINT32_C(0xfffffff1)

/* Where things lie. */
enum {
	FG_TEXT = 0x400000,    /* code: no bytes are needed */
	FG_NAMES = 0x401000,
	FG_PCTAB = 0x402000,
	FG_FUNCS = 0x403000,
	FG_FTAB = 0x405000,
	FG_CUTAB = 0x406000,
	FG_FILES = 0x406800,
	FG_GOFUNC = 0x407000,  /* FUNCDATA */
	FG_RODATA = 0x408000,  /* masks */
	FG_FREE = 0x409000     /* for the test */
};

struct pcrange {
	int32_t value;
	uint32_t until; /* offset from the function's entry */
};

struct fakefunc {
	uint32_t size;
	const char *name;
	int32_t args;
	uint32_t deferreturn;
	uint8_t flag;
	const struct pcrange *sp, *line, *file, *stackmap, *inltree; /* ended by until 0; NULL: no table */
	uint32_t argsmap, localsmap, objects, tree; /* addresses of FUNCDATA, 0 none */
};

struct fakeprog {
	struct fakeproc fp;
	struct module mod;
	struct program prog;
	uint64_t pc, names, pctab, funcs, ftab;
};

static inline void fg_init(struct fakeprog *g, uint32_t magic, enum arch arch)
{
	memset(g, 0, sizeof(*g));
	fp_init(&g->fp, arch, 8, false);
	g->pc = FG_TEXT;
	g->names = FG_NAMES + 1; /* offset 0 is the empty name */
	g->pctab = FG_PCTAB + 1; /* offset 0: no table */
	g->funcs = FG_FUNCS;
	g->ftab = FG_FTAB;
	g->mod = (struct module){.text = FG_TEXT, .minpc = FG_TEXT, .magic = magic, .word = 8,
	                         .quantum = arch == ARCH_AMD64 ? 1 : 4, .gofunc = FG_GOFUNC, .rodata = FG_RODATA,
	                         .pclntable_addr = FG_FUNCS, .name = ""};
	g->prog = (struct program){.modules = &g->mod, .nmodules = 1, .proc = &g->fp.proc,
	                           .minor = magic == MAGIC_1_16 ? 17 : magic == MAGIC_1_18 ? 19 : 24};
}

static inline uint32_t fg_name(struct fakeprog *g, const char *name)
{
	uint32_t off = (uint32_t)(g->names - FG_NAMES);
	fp_bytes(&g->fp, g->names, name, strlen(name) + 1);
	g->names += strlen(name) + 1;
	return off;
}

static inline void fg_uvarint(struct fakeprog *g, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		fp_put(&g->fp, g->pctab++, 1, (v & 0x7f) | 0x80);
	fp_put(&g->fp, g->pctab++, 1, v);
}

static inline uint32_t fg_table(struct fakeprog *g, const struct pcrange *r)
{
	uint32_t off = (uint32_t)(g->pctab - FG_PCTAB), pc = 0;
	int32_t value = -1;
	if (!r)
		return 0;
	for (; r->until; r++) {
		int32_t d = r->value - value;
		fg_uvarint(g, d < 0 ? (uint32_t)(-d * 2 - 1) : (uint32_t)d * 2);
		fg_uvarint(g, (r->until - pc) / g->mod.quantum);
		value = r->value;
		pc = r->until;
	}
	fg_uvarint(g, 0);
	return off;
}

static inline void fg_u32(struct fakeprog *g, uint32_t v)
{
	fp_put(&g->fp, g->funcs, 4, v);
	g->funcs += 4;
}

static inline void fg_funcdata(struct fakeprog *g, uint32_t addr)
{
	if (g->mod.magic == MAGIC_1_16) {
		fp_word(&g->fp, g->funcs, addr);
		g->funcs += 8;
	} else {
		fg_u32(g, addr ? addr - FG_GOFUNC : UINT32_MAX);
	}
}

/* Adds a function behind the last one; returns its entry. */
static inline uint64_t fg_func(struct fakeprog *g, const struct fakefunc *f)
{
	bool absolute = g->mod.magic == MAGIC_1_16;
	unsigned size = absolute ? 8 : 4;
	uint64_t entry = g->pc, pos = absolute ? entry : entry - FG_TEXT;
	g->funcs = (g->funcs + 7) & ~UINT64_C(7);
	fp_put(&g->fp, g->ftab, size, pos);
	fp_put(&g->fp, g->ftab + size, size, g->funcs - FG_FUNCS);
	g->ftab += 2 * size;
	fp_put(&g->fp, g->funcs, size, pos);
	g->funcs += size;
	fg_u32(g, fg_name(g, f->name));
	fg_u32(g, (uint32_t)f->args);
	fg_u32(g, f->deferreturn);
	fg_u32(g, fg_table(g, f->sp));
	fg_u32(g, fg_table(g, f->file));
	fg_u32(g, fg_table(g, f->line));
	fg_u32(g, 3); /* npcdata */
	fg_u32(g, 0); /* cuOffset */
	if (g->mod.magic == MAGIC_1_20)
		fg_u32(g, 10);
	fp_put(&g->fp, g->funcs, 1, 0);
	fp_put(&g->fp, g->funcs + 1, 1, f->flag);
	fp_put(&g->fp, g->funcs + 3, 1, 4); /* nfuncdata */
	g->funcs += 4;
	fg_u32(g, 0);
	fg_u32(g, fg_table(g, f->stackmap));
	fg_u32(g, fg_table(g, f->inltree));
	if (absolute)
		g->funcs = (g->funcs + 7) & ~UINT64_C(7);
	fg_funcdata(g, f->argsmap);
	fg_funcdata(g, f->localsmap);
	fg_funcdata(g, f->objects);
	fg_funcdata(g, f->tree);
	g->pc += f->size;
	g->mod.nfunc++;
	return entry;
}

static inline struct bytes_view fg_view(struct fakeprog *g, uint64_t from, uint64_t to)
{
	return (struct bytes_view){g->fp.data + (from - FP_BASE), to - from};
}

static inline void fg_finish(struct fakeprog *g)
{
	unsigned size = g->mod.magic == MAGIC_1_16 ? 8 : 4;
	fp_put(&g->fp, g->ftab, size, g->mod.magic == MAGIC_1_16 ? g->pc : g->pc - FG_TEXT);
	g->ftab += 2 * size;
	g->mod.etext = g->mod.maxpc = g->pc;
	g->mod.funcnametab = fg_view(g, FG_NAMES, g->names);
	g->mod.pctab = fg_view(g, FG_PCTAB, g->pctab);
	g->mod.pclntable = fg_view(g, FG_FUNCS, g->funcs);
	g->mod.ftab = fg_view(g, FG_FTAB, g->ftab);
	g->mod.cutab = fg_view(g, FG_CUTAB, FG_CUTAB + 16);
	g->mod.filetab = fg_view(g, FG_FILES, FG_FILES + 32);
}

#endif
