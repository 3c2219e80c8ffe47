/* SPDX-License-Identifier: MIT */
/* Runtime type descriptors, their names and fields, pointer masks and GC programs, in the forms of several releases. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakeproc.h"
#include "types/rtype.h"

enum { TYPES = 0x401000, ETYPES = 0x404000, MASKS = 0x404000, VARS = 0x406000, EVARS = 0x407000 };
enum { NODE = TYPES, PTR = TYPES + 0x100, INT = TYPES + 0x180, ARRAY = TYPES + 0x200, MAP = TYPES + 0x280, FUNC = TYPES + 0x340,
       IFACE = TYPES + 0x400, SLICE = TYPES + 0x480, CHAN = TYPES + 0x500, FIELDS = TYPES + 0x580, METHODS = TYPES + 0x640,
       NAMES = TYPES + 0x700, USED = 0x5800 };

static const uint64_t descriptors[] = {NODE, PTR, INT, ARRAY, MAP, FUNC, IFACE, SLICE, CHAN};

static struct world {
	struct fakeproc fp;
	struct module mod;
	struct program prog;
	struct types types;
} w;

static uint64_t name_end;

static uint32_t put_name(const char *name, unsigned flags)
{
	uint64_t at = name_end;
	size_t n = strlen(name);
	fp_put(&w.fp, at, 1, flags);
	fp_put(&w.fp, at + 1, 1, n);
	fp_bytes(&w.fp, at + 2, name, n);
	name_end += n + 2;
	return (uint32_t)(at - TYPES);
}

static void put_type(uint64_t at, uint64_t size, uint64_t ptrdata, unsigned kind, unsigned tflag, const char *name)
{
	fp_word(&w.fp, at, size);
	fp_word(&w.fp, at + 8, ptrdata);
	fp_put(&w.fp, at + 16, 4, at);
	fp_put(&w.fp, at + 20, 1, tflag);
	fp_put(&w.fp, at + 21, 2, 0x0808);
	fp_put(&w.fp, at + 23, 1, kind);
	fp_word(&w.fp, at + 32, kind == KIND_ARRAY ? MASKS + 64 : MASKS);
	fp_put(&w.fp, at + 40, 4, put_name(name, 1));
}

static void put_words(uint64_t at, uint64_t a, uint64_t b, uint64_t c)
{
	fp_word(&w.fp, at, a);
	fp_word(&w.fp, at + 8, b);
	fp_word(&w.fp, at + 16, c);
}

/* One type of each structured kind, each made of the others. */
static void build(int minor)
{
	memset(&w, 0, sizeof(w));
	name_end = NAMES;
	fp_init(&w.fp, ARCH_AMD64, 8, false);
	put_type(NODE, 56, 48, KIND_STRUCT, TFLAG_NAMED | TFLAG_UNCOMMON | TFLAG_EXTRASTAR, "*list.Node");
	put_words(NODE + 48, TYPES + put_name("example.com/list", 0), FIELDS, 3);
	put_words(NODE + 72, 3, put_name("example.com/list", 0), 0);
	const uint64_t part[] = {PTR, SLICE, IFACE};
	for (uint64_t i = 0; i < 3; i++)
		put_words(FIELDS + 24 * i, TYPES + put_name(i ? "Kids" : "next", 1), part[i], (i ? 16 * (uint64_t)i : 8) << (minor <= 18));
	put_type(PTR, 8, 8, KIND_PTR, minor >= 26 ? TFLAG_DIRECT : 0, "*list.Node");
	put_words(PTR + 48, NODE, 0, 0);
	put_type(INT, 8, 0, KIND_INT, TFLAG_NAMED, "int");
	put_type(ARRAY, 224, 216, KIND_ARRAY | (minor < 24 ? 1 << 6 : 0), minor >= 24 ? TFLAG_MASK_ON_DEMAND : 0, "[4]list.Node");
	put_words(ARRAY + 48, NODE, SLICE, 4);
	put_type(MAP, 8, 8, KIND_MAP, 0, "map[int]*list.Node");
	put_words(MAP + 48, INT, PTR, NODE);
	put_type(FUNC, 8, 8, KIND_FUNC, 0, "func(int, ...*list.Node) error");
	fp_put(&w.fp, FUNC + 48, 4, 2 | UINT64_C(0x8001) << 16);
	put_words(FUNC + 56, INT, SLICE, IFACE);
	put_type(IFACE, 16, 16, KIND_INTERFACE, TFLAG_NAMED, "error");
	put_words(IFACE + 48, 0, METHODS, 1);
	fp_word(&w.fp, IFACE + 72, 1);
	fp_put(&w.fp, METHODS, 4, put_name("Error", 1));
	fp_put(&w.fp, METHODS + 4, 4, FUNC - TYPES);
	put_type(SLICE, 24, 8, KIND_SLICE, 0, "[]*list.Node");
	put_words(SLICE + 48, PTR, 0, 0);
	put_type(CHAN, 8, 8, KIND_CHAN, 0, "chan []*list.Node");
	put_words(CHAN + 48, SLICE, 3, 0);
	fp_put(&w.fp, MASKS, 1, 0x2b);
	fp_bytes(&w.fp, MASKS + 64, "\6\0\0\0\7\x2b\x87\3\0", 9); /* 7 bits, then 3 times more: a GC program */
	w.mod = (struct module){.types = TYPES, .etypes = ETYPES, .noptrdata = VARS, .end = EVARS, .word = 8, .name = ""};
	w.prog = (struct program){.modules = &w.mod, .nmodules = 1, .proc = &w.fp.proc, .minor = minor};
	w.types.proc = &w.fp.proc;
	w.types.prog = &w.prog;
	w.prog.rtypes = rtypes_new(&w.fp.proc);
	FUZZ_EXPECT(w.prog.rtypes);
}

static void check_types(void)
{
	const struct types *t = &w.types;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct type *ty = &t->t[i];
		FUZZ_EXPECT(ty->name && ty->pkg);
		FUZZ_EXPECT((ty->elem == TYPE_NONE || ty->elem < t->n) && (ty->key == TYPE_NONE || ty->key < t->n));
		for (uint32_t k = 0; k < ty->nfields; k++) {
			FUZZ_EXPECT(ty->fields[k].name && (ty->fields[k].type < t->n || ty->fields[k].type == TYPE_NONE));
			FUZZ_EXPECT(!k || ty->fields[k - 1].offset <= ty->fields[k].offset);
		}
		for (uint64_t word = 0; word < 70; word++)
			FUZZ_EXPECT(!types_word_is_ptr(t, i, word) || word < ty->ptr_words || ty->mask_by_elem);
	}
}

static void check_masks(uint64_t nbits)
{
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		const struct gcmask *m = types_gcmask(&w.types, descriptors[i]);
		FUZZ_EXPECT(!m || m->ptr_words <= m->size_words);
		for (uint64_t k = 0; m && k < m->ptr_words && k < 4096; k++)
			(void)bit_get(m->bits, k);
		FUZZ_EXPECT(types_gcmask(&w.types, descriptors[i]) == m);
	}
	const uint64_t *bits = program_mask(&w.prog, MASKS + 64, true, nbits);
	for (uint64_t k = 0; bits && k < nbits; k++)
		(void)bit_get(bits, k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int minors[] = {17, 18, 20, 22, 24, 26, 27};
	uint8_t how = fuzz_take(&data, &size);
	build(minors[how % 7]);
	fuzz_patch(w.fp.data + (TYPES - FP_BASE), USED, data, size);
	if (how & 64)
		fp_cut(&w.fp, TYPES + 0x600 - FP_BASE);
	if (how & 128)
		check_masks(how);
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		uint32_t id = types_by_rtype(&w.types, descriptors[i]);
		FUZZ_EXPECT(id == TYPE_NONE || id < w.types.n);
		FUZZ_EXPECT(size > 3 || how & 64 || id != TYPE_NONE);
	}
	check_types();
	check_masks(100);
	rtypes_free(w.prog.rtypes);
	arena_free(&w.prog.arena);
	vec_free(&w.types.by_name);
	vec_free(&w.types.rtype_offs);
	map_free(&w.types.by_rtype);
	map_free(&w.types.ptrs);
	map_free(&w.types.slices);
	strtab_free(&w.types.names);
	arena_free(&w.types.arena);
	free(w.types.t);
	return 0;
}
