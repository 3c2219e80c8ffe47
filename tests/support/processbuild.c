/* SPDX-License-Identifier: MIT */
#include "processbuild.h"

#include "corebuild.h"
#include "fakeprog.h"
#include "types/rtype.h"

enum { /* in the program's memory, behind the function tables */
	HEADER = FG_NAMES - 72, CUTAB = FG_NAMES + 0xf00, FILETAB = FG_NAMES + 0xf40,
	MODULE = FG_FREE, TYPES = FG_FREE + 0x400, ETYPES = FG_FREE + 0x1000, DATA = ETYPES, BSS = DATA + 0x200,
	EBSS = BSS + 0x400, G0 = 0x40b000, M0 = 0x40b400, GSIGNAL = 0x40b800, STACK = 0x40c000, STACK_END = 0x40c800,
	MSPANS = 0x40c800, ALLSPANS = 0x40cc00, SPECIALS = 0x40cd00, BITS = 0x40ce00, FINBLOCK = 0x40d000,
	MASKS = 0x40e000, BUILDINFO = 0x40f000,
};
enum { MHEAP = 0x410000, EMHEAP = 0x42a000, ARENA = 0x42a000, EARENA = MHEAP + PB_ZEROS }; /* mostly zeros */
/* The heap; behind it the entry of its 64 MiB in the table of arenas, whose other entries were not saved. */
enum { HEAP = 0x8000000, PAGE = 8192, NPAGES = PB_HEAP / PAGE - 1, HEAP_END = HEAP + NPAGES * PAGE, ENTRY = (1 << 21) + (HEAP >> 26) };
enum { ARENAS = HEAP_END - 8 * ENTRY, ABSENT = 0x7000000 };
enum { NODE = TYPES, PTR = TYPES + 0x80, STRING = TYPES + 0xc0, FIELDS = TYPES + 0x100, LINKS = TYPES + 0x180, NAMES = TYPES + 0x200 };
enum { SMALL = HEAP, NOSCAN = HEAP + PAGE, MEDIUM = HEAP + 2 * PAGE, LARGE = HEAP + 3 * PAGE }; /* spans */

static const struct {
	const char *version;
	int minor;
} releases[] = {{"go1.17.13", 17}, {"go1.19.8", 19}, {"go1.21.13", 21}, {"go1.22.12", 22},
                {"go1.24.4", 24},  {"go1.25.1", 25}, {"go1.26.1", 26},  {"go1.27.1", 27}};
_Static_assert(sizeof(releases) / sizeof(releases[0]) == PB_RELEASES, "one row each");

static struct process {
	struct fakeprog g;
	struct layout l;
	uint8_t big[EARENA - MHEAP], heap[PB_HEAP];
	uint64_t name_end, park, worker, goexit;
} w;

static const struct pcrange sp_worker[] = {{0, 4}, {40, 0x40}, {0, 0}};
static const struct pcrange sp_leaf[] = {{0, 0x40}, {0, 0}};
static const struct pcrange lines[] = {{10, 0x10}, {77, 0x40}, {0, 0}};
static const struct pcrange first_map[] = {{-1, 8}, {1, 0x40}, {0, 0}};

static uint8_t *at(uint64_t addr)
{
	return addr >= HEAP ? w.heap + (addr - HEAP) : addr >= MHEAP ? w.big + (addr - MHEAP) : w.g.fp.data + (addr - FP_BASE);
}

static void put(uint64_t addr, unsigned size, uint64_t v)
{
	cb_store(at(addr), v, size, false);
}

static void words(uint64_t addr, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(addr + 8 * i, 8, v[i]);
}
#define WORDS(addr, ...) words(addr, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

/* A field of a runtime struct, where the release has it. */
static void field(uint64_t base, enum layout_field f, uint64_t v)
{
	if (w.l.f[f].off >= 0)
		put(base + (uint64_t)w.l.f[f].off, w.l.f[f].size > 8 ? 8 : w.l.f[f].size, v);
}

static void slice(uint64_t base, enum layout_field f, uint64_t ptr, uint64_t n)
{
	if (w.l.f[f].off >= 0)
		WORDS(base + (uint64_t)w.l.f[f].off, ptr, n, n);
}

/* ---- the program ---- */

static void put_functions(int minor)
{
	struct fakeprog *g = &w.g;
	fg_init(g, minor <= 17 ? MAGIC_1_16 : minor <= 19 ? MAGIC_1_18 : MAGIC_1_20, ARCH_AMD64);
	w.goexit = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "runtime.goexit", .flag = FUNC_TOPFRAME, .sp = sp_leaf});
	w.worker = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "main.worker", .args = 8, .sp = sp_worker, .line = lines,
	                                         .file = sp_leaf, .stackmap = first_map, .argsmap = FG_GOFUNC + 0x40,
	                                         .localsmap = FG_GOFUNC + 0x10, .objects = FG_GOFUNC + 0x60});
	w.park = fg_func(g, &(struct fakefunc){.size = 0x40, .name = "runtime.gopark", .sp = sp_leaf});
	fg_finish(g);
	memcpy(at(FILETAB), "/src/a.go", 10);
	WORDS(FG_GOFUNC + 0x10, 2 | UINT64_C(4) << 32, 0x0600); /* two maps of four locals */
	WORDS(FG_GOFUNC + 0x40, 2 | UINT64_C(1) << 32, 0x0100);
	WORDS(FG_GOFUNC + 0x60, 1, (uint64_t)(uint32_t)-32 | UINT64_C(16) << 32, 16 | UINT64_C(0x10) << 32);
	put(FG_RODATA + 0x10, 1, 2);
}

static uint32_t put_name(const char *name)
{
	uint64_t addr = w.name_end;
	size_t n = strlen(name);
	put(addr, 1, 1);
	put(addr + 1, 1, n);
	memcpy(at(addr + 2), name, n);
	w.name_end += n + 2;
	return (uint32_t)(addr - TYPES);
}

static void put_type(uint64_t addr, uint64_t size, uint64_t ptrdata, unsigned kind, unsigned tflag, const char *name)
{
	WORDS(addr, size, ptrdata, addr, ptrdata ? MASKS + 0x100 : 0, 0);
	put(addr + 20, 1, tflag);
	put(addr + 21, 2, 0x0808);
	put(addr + 23, 1, kind);
	put(addr + 32, 8, ptrdata ? MASKS + 0x100 : 0);
	put(addr + 24, 8, 0);
	put(addr + 40, 4, put_name(name));
}

static void put_types(int minor)
{
	w.name_end = NAMES;
	put_type(NODE, 32, 16, KIND_STRUCT, TFLAG_NAMED | TFLAG_EXTRASTAR, "*main.Node");
	WORDS(NODE + 48, 0, FIELDS, 2, 2);
	put_type(PTR, 8, 8, KIND_PTR, minor >= 26 ? TFLAG_DIRECT : 0, "*main.Node");
	put(PTR + 48, 8, NODE);
	put_type(STRING, 16, 8, KIND_STRING, TFLAG_NAMED, "string");
	WORDS(FIELDS, TYPES + put_name("next"), PTR, 0, TYPES + put_name("name"), STRING, minor <= 18 ? 16 : 8);
	WORDS(LINKS, (PTR - TYPES) | (uint64_t)(NODE - TYPES) << 32);
	put(MASKS + 0x100, 1, 3);
}

static void put_module(int minor)
{
	const struct fakeprog *g = &w.g;
	WORDS(HEADER, g->mod.magic | UINT64_C(0x08010000) << 32);
	field(MODULE, L_MD_PCHEADER, HEADER);
	slice(MODULE, L_MD_FUNCNAMETAB, FG_NAMES, g->mod.funcnametab.size);
	slice(MODULE, L_MD_CUTAB, CUTAB, 4);
	slice(MODULE, L_MD_FILETAB, FILETAB, 32);
	slice(MODULE, L_MD_PCTAB, FG_PCTAB, g->mod.pctab.size);
	slice(MODULE, L_MD_PCLNTABLE, FG_FUNCS, g->mod.pclntable.size);
	slice(MODULE, L_MD_FTAB, FG_FTAB, g->mod.nfunc + 1);
	const struct {
		enum layout_field f;
		uint64_t v;
	} values[] = {
		{L_MD_MINPC, FG_TEXT}, {L_MD_MAXPC, g->mod.maxpc}, {L_MD_TEXT, FG_TEXT}, {L_MD_ETEXT, g->mod.etext},
		{L_MD_DATA, DATA}, {L_MD_EDATA, BSS}, {L_MD_BSS, BSS}, {L_MD_EBSS, EBSS}, {L_MD_NOPTRDATA, DATA},
		{L_MD_ENOPTRDATA, DATA}, {L_MD_NOPTRBSS, MHEAP}, {L_MD_ENOPTRBSS, EMHEAP}, {L_MD_END, EMHEAP}, {L_MD_TYPES, TYPES},
		{L_MD_ETYPES, ETYPES}, {L_MD_RODATA, FG_RODATA}, {L_MD_GOFUNC, FG_GOFUNC}, {L_MD_TYPEDESCLEN, 0x100},
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		field(MODULE, values[i].f, values[i].v);
	slice(MODULE, L_MD_TYPELINKS, LINKS, 2);
	field(MODULE, L_MD_GCDATAMASK, 64);
	put(MODULE + (uint64_t)w.l.f[L_MD_GCDATAMASK].off + 8, 8, MASKS);
	field(MODULE, L_MD_GCBSSMASK, 128);
	put(MODULE + (uint64_t)w.l.f[L_MD_GCBSSMASK].off + 8, 8, MASKS + 0x40);
	put(MASKS, 8, 0x0f);
	put(MASKS + 0x40, 8, 0xff);
	put_types(minor);
}

/* ---- the heap ---- */

static void put_span(unsigned i, uint64_t start, uint64_t npages, uint64_t elemsize, unsigned class, uint64_t nalloc)
{
	uint64_t m = MSPANS + 0x100 * (uint64_t)i, nelems = class >> 1 ? (npages * PAGE - 128) / elemsize : 1;
	put(ALLSPANS + 8 * (uint64_t)i, 8, m);
	field(m, L_MSPAN_STARTADDR, start);
	field(m, L_MSPAN_NPAGES, npages);
	field(m, L_MSPAN_ELEMSIZE, elemsize);
	field(m, L_MSPAN_NELEMS, nelems);
	field(m, L_MSPAN_FREEINDEX, 1);
	field(m, L_MSPAN_FREEINDEXFORSCAN, nelems);
	field(m, L_MSPAN_ALLOCBITS, BITS + 32 * (uint64_t)i);
	field(m, L_MSPAN_GCMARKBITS, BITS + 32 * (uint64_t)i);
	field(m, L_MSPAN_SWEEPGEN, 4);
	field(m, L_MSPAN_SPANCLASS, class);
	field(m, L_MSPAN_STATE, 1);
	field(m, L_MSPAN_LIMIT, start + npages * PAGE - (class >> 1 ? 0 : 64));
	field(m, L_MSPAN_LARGETYPE, class & 1 || class >> 1 ? 0 : NODE);
	put(BITS + 32 * (uint64_t)i, 8, (UINT64_C(1) << nalloc) - 1);
}

static void put_heap(int minor)
{
	field(MHEAP, L_MHEAP_SWEEPGEN, 4);
	slice(MHEAP, L_MHEAP_ALLSPANS, ALLSPANS, 4);
	put(MHEAP + (uint64_t)w.l.f[L_MHEAP_ARENAS].off, 8, ARENAS);
	put(HEAP_END, 8, ARENA);
	if (minor >= 26) /* the first span's mark bits are in it */
		field(ARENA, L_HARENA_PAGEUSESPANINLINEMARKBITS, 1);
	put_span(0, SMALL, 1, 32, 4 << 1, 20);
	put_span(1, NOSCAN, 1, 64, 6 << 1 | 1, 4);
	put_span(2, MEDIUM, 1, 1024, 32 << 1, 3);
	put_span(3, LARGE, 5, 5 * PAGE, 0, 1);
	for (uint64_t i = 0; i < 20; i++) /* a list of nodes with their names */
		WORDS(SMALL + 32 * i, i < 19 ? SMALL + 32 * (i + 1) : 0, NOSCAN + 64 * (i % 4), 8, i);
	uint64_t bits = SMALL + PAGE - PAGE / 64 - (minor >= 26 ? 128 : 0);
	for (uint64_t i = 0; i < 20; i++)
		*at(bits + i / 2) |= (uint8_t)(3 << 4 * (i & 1));
	for (uint64_t i = 0; i < 3; i++)
		WORDS(MEDIUM + 1024 * i, NODE, SMALL + 32 * i, NOSCAN, 8, 0, MEDIUM + 1024 * ((i + 1) % 3) + 8);
	WORDS(LARGE, MEDIUM + 8, NOSCAN + 64, 8, 0, LARGE + 32);
	/* On objects of the first span: a finalizer, a profile record, a cleanup, a weak handle, where the release has them. */
	static const uint8_t kinds[] = {1, 2, 3, 6, 7};
	field(MSPANS, L_MSPAN_SPECIALS, SPECIALS);
	for (uint64_t i = 0; i < sizeof(kinds); i++) {
		uint64_t s = SPECIALS + 0x30 * i;
		field(s, L_SPECIAL_NEXT, i + 1 < sizeof(kinds) ? s + 0x30 : 0);
		field(s, L_SPECIAL_OFFSET, 32 * i);
		field(s, L_SPECIAL_KIND, kinds[i]);
		WORDS(s + 24, SMALL + 32 * (i + 4), SMALL, PTR);
	}
	field(FINBLOCK, L_FINBLK_CNT, 1);
	WORDS(FINBLOCK + (uint64_t)w.l.f[L_FINBLK_FIN].off, STACK_END - 16, SMALL + 32 * 9, 8, NODE, PTR);
}

/* ---- goroutines, variables ---- */

static void put_goroutines(void)
{
	uint64_t sched = G0 + (uint64_t)w.l.f[L_G_SCHED].off, sp = STACK_END - 0x100;
	for (uint64_t g = G0; g <= G0 + 0x200; g += 0x200) {
		field(g, L_G_ATOMICSTATUS, g == G0 ? 4 : 2);
		field(g, L_G_GOID, g == G0 ? 1 : 18);
		WORDS(g + (uint64_t)w.l.f[L_G_STACK].off, STACK, STACK_END);
		field(g, L_G_STARTPC, w.worker);
		field(g, L_G_GOPC, w.worker + 8);
		field(g, L_G_M, M0);
	}
	field(M0, L_M_GSIGNAL, GSIGNAL);
	field(sched, L_GOBUF_SP, sp);
	field(sched, L_GOBUF_PC, w.park + 4);
	WORDS(sp, w.worker + 0x20);
	WORDS(sp + 8, SMALL, SMALL + 32, sp + 16, MEDIUM + 8, LARGE, w.goexit + 1); /* worker's frame, then its return address */
	WORDS(STACK_END - 16, w.worker); /* a funcval */
	WORDS(DATA, SMALL, MEDIUM + 8, LARGE, BSS + 0x100);
	WORDS(BSS, ALLSPANS + 0x40, 2, 2, ALLSPANS + 0x40, FINBLOCK, NOSCAN);
	WORDS(ALLSPANS + 0x40, G0, G0 + 0x200);
}

uint8_t *pb_build(unsigned release, size_t *size)
{
	const struct buildinfo info = {.version = (char *)(uintptr_t)releases[release].version, .minor = releases[release].minor};
	struct corebuild cb;
	uint8_t text[512];
	memset(&w, 0, sizeof(w));
	if (layout_init(&w.l, &info, ARCH_AMD64, 8, NULL, NULL))
		abort();
	put_functions(info.minor);
	put_module(info.minor);
	put_heap(info.minor);
	put_goroutines();
	memcpy(at(BUILDINFO), text, cb_buildinfo(text, releases[release].version, "path\tmain\nmod\texample.com/x\tv1\n"));
	cb_init(&cb);
	cb_segment(&cb, FP_BASE, FP_SIZE, 6, w.g.fp.data, FP_SIZE);
	cb_segment(&cb, MHEAP, sizeof(w.big), 6, w.big, sizeof(w.big));
	cb_segment(&cb, ABSENT, HEAP - ABSENT, 6, NULL, 0);
	cb_segment(&cb, HEAP, sizeof(w.heap), 6, w.heap, sizeof(w.heap));
	cb_prstatus(&cb, 7, 6, w.park + 4, STACK_END - 0x100, G0);
	uint8_t *file = cb_build(&cb, size);
	cb_free(&cb);
	return file;
}
