/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/fakeprog.h"
#include "types/rtype.h"

/* A process with a types section; descriptors are written as internal/abi.Type has them. */
struct world {
	struct fakeproc fp;
	struct module mod;
	struct program prog;
	struct types types;
};

enum { TYPES = 0x401000, ETYPES = 0x404000, MASKS = 0x404000, VARS = 0x406000, EVARS = 0x407000, HEAP = 0x408000 };

static struct world *world_new(int minor)
{
	struct world *w = malloc(sizeof(*w));
	assert_non_null(w);
	memset(w, 0, sizeof(*w));
	fp_init(&w->fp, ARCH_AMD64, 8, false);
	w->mod = (struct module){.types = TYPES, .etypes = ETYPES, .noptrdata = VARS, .end = EVARS, .word = 8, .name = ""};
	w->prog = (struct program){.modules = &w->mod, .nmodules = 1, .proc = &w->fp.proc, .minor = minor,
	                           .rtypes = rtypes_new(&w->fp.proc)};
	assert_non_null(w->prog.rtypes);
	w->types.proc = &w->fp.proc;
	w->types.prog = &w->prog;
	return w;
}

static void world_free(struct world *w)
{
	rtypes_free(w->prog.rtypes);
	vec_free(&w->types.by_name);
	vec_free(&w->types.rtype_offs);
	map_free(&w->types.by_rtype);
	map_free(&w->types.ptrs);
	map_free(&w->types.slices);
	strtab_free(&w->types.names);
	arena_free(&w->types.arena);
	free(w->types.t);
	free(w);
}

static void put_type(struct world *w, uint64_t at, uint64_t size, uint64_t ptrdata, unsigned kind, unsigned tflag, uint64_t gcdata)
{
	fp_word(&w->fp, at, size);
	fp_word(&w->fp, at + 8, ptrdata);
	fp_put(&w->fp, at + 16, 4, 0x1234);
	fp_put(&w->fp, at + 20, 1, tflag);
	fp_put(&w->fp, at + 21, 1, size % 8 == 1 ? 1 : 8);
	fp_put(&w->fp, at + 22, 1, size % 8 == 1 ? 1 : 8);
	fp_put(&w->fp, at + 23, 1, kind);
	fp_word(&w->fp, at + 32, gcdata);
}

static void put_array(struct world *w, uint64_t at, uint64_t elem, uint64_t len)
{
	fp_word(&w->fp, at + 48, elem);
	fp_word(&w->fp, at + 64, len);
}

static void put_fields(struct world *w, uint64_t at, uint64_t fields, uint64_t n)
{
	fp_word(&w->fp, at + 56, fields);
	fp_word(&w->fp, at + 64, n);
	fp_word(&w->fp, at + 72, n);
}

static void put_field(struct world *w, uint64_t at, uint64_t type, uint64_t offset)
{
	fp_word(&w->fp, at + 8, type);
	fp_word(&w->fp, at + 16, w->prog.minor <= 18 ? offset << 1 : offset);
}

/* Bits of a mask as text, least significant first. */
static const char *text(const struct gcmask *m)
{
	static char buf[256];
	size_t n = m->ptr_words < sizeof(buf) - 1 ? (size_t)m->ptr_words : sizeof(buf) - 1;
	for (size_t i = 0; i < n; i++)
		buf[i] = bit_get(m->bits, i) ? '1' : '0';
	buf[n] = 0;
	return buf;
}

static void test_plain(void **state)
{
	(void)state;
	struct world *w = world_new(22);
	put_type(w, TYPES, 80, 72, KIND_STRUCT, 0, MASKS);
	fp_put(&w->fp, MASKS, 2, 0x0181);
	const struct gcmask *m = types_gcmask(&w->types, TYPES);
	assert_non_null(m);
	assert_string_equal(text(m), "100000011");
	assert_int_equal(m->size_words, 10);
	assert_ptr_equal(types_gcmask(&w->types, TYPES), m);
	/* No pointers, smaller than a word. */
	put_type(w, TYPES + 0x100, 1, 0, KIND_BOOL, 0, 0);
	m = types_gcmask(&w->types, TYPES + 0x100);
	assert_non_null(m);
	assert_int_equal(m->ptr_words, 0);
	assert_int_equal(m->size_words, 1);
	world_free(w);
}

static void test_invalid(void **state)
{
	(void)state;
	struct world *w = world_new(22);
	static const struct {
		uint64_t size, ptrdata;
		unsigned kind;
	} bad[] = {
		{8, 16, KIND_PTR},                     /* more pointers than bytes */
		{24, 12, KIND_STRUCT},                 /* half a word */
		{UINT64_C(1) << 50, 8, KIND_STRUCT},   /* no such size */
		{8, 8, KIND_STRING},                   /* strings have two words */
		{8, 8, 27},
		{8, 8, KIND_INVALID},
		{12, 8, KIND_STRUCT},                  /* not a multiple of its alignment */
	};
	assert_null(types_gcmask(&w->types, 0));
	assert_null(types_gcmask(&w->types, TYPES + 4));
	assert_null(types_gcmask(&w->types, FP_BASE + FP_SIZE - 8));
	assert_null(types_gcmask(&w->types, UINT64_MAX - 7));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t at = TYPES + 0x100 * (i + 1);
		put_type(w, at, bad[i].size, bad[i].ptrdata, bad[i].kind, 0, MASKS);
		assert_null(types_gcmask(&w->types, at));
	}
	world_free(w);
}

/* The allocator's own descriptors hold nothing but a size and a mask (Go 1.22). */
static void test_mask_only(void **state)
{
	(void)state;
	for (int minor = 21; minor <= 22; minor++) {
		struct world *w = world_new(minor);
		put_type(w, HEAP, 64, 64, KIND_INVALID, TFLAG_MASK_ON_DEMAND, HEAP + 48);
		fp_put(&w->fp, HEAP + 16, 4, 0);
		fp_put(&w->fp, HEAP + 48, 1, 0xa5);
		const struct gcmask *m = types_gcmask(&w->types, HEAP);
		assert_int_equal(m != NULL, minor == 22);
		if (m)
			assert_string_equal(text(m), "10100101");
		world_free(w);
	}
}

static const struct gcmask *run_program(struct world *w, uint64_t words, const void *prog, size_t n)
{
	put_type(w, TYPES, words * 8, words * 8, KIND_STRUCT | 0x40, 0, MASKS);
	fp_put(&w->fp, MASKS, 4, n);
	fp_bytes(&w->fp, MASKS + 4, prog, n);
	return types_gcmask(&w->types, TYPES);
}

/* The bucket types of maps that reflect makes, until Go 1.23: no alignment as a field, no hash, in the heap. */
static void test_reflect_bucket(void **state)
{
	(void)state;
	struct world *w = world_new(22);
	put_type(w, HEAP, 16 * 8, 12 * 8, KIND_STRUCT, 0, MASKS);
	fp_put(&w->fp, HEAP + 16, 4, 0);
	fp_put(&w->fp, HEAP + 22, 1, 0);
	fp_put(&w->fp, MASKS, 2, 0xf00);
	const struct gcmask *m = types_gcmask(&w->types, HEAP);
	assert_non_null(m);
	assert_int_equal(m->ptr_words, 12);
	assert_int_equal(m->bits[0], 0xf00);
	struct rtype r;
	assert_true(rtype_read(&w->prog, HEAP, &r) && r.kind == KIND_INVALID); /* no fields can be read */
	/* A compiled descriptor always says it. */
	put_type(w, TYPES + 64, 16 * 8, 12 * 8, KIND_STRUCT, 0, MASKS);
	fp_put(&w->fp, TYPES + 64 + 22, 1, 0);
	assert_null(types_gcmask(&w->types, TYPES + 64));
	world_free(w);
}

static void test_programs(void **state)
{
	(void)state;
	static const struct {
		const char *prog;
		size_t n;
		uint64_t words;
		const char *want; /* NULL: malformed */
	} cases[] = {
		{"\x03\x05\x00", 3, 3, "101"},
		{"\x0a\x55\x02\x00", 4, 10, "1010101001"},
		{"\x02\x01\x82\x03\x00", 5, 8, "10101010"},      /* the last 2 bits 3 times more */
		{"\x01\x01\x81\x09\x00", 5, 10, "1111111111"},   /* one bit repeated */
		{"\x05\x13\x83\x02\x00", 5, 11, "11001001001"},
		{"\x02\x01\x80\x02\x02\x00", 6, 6, "101010"},    /* the number of bits follows */
		{"\x02\x03\x82\xff\x7f\x00", 6, 8, "11111111"},  /* more than the type has: cut */
		{"\x02\x01\x00", 3, 8, "10000000"},              /* ends early: the rest has no pointers */
		{"\x82\x01\x00", 3, 8, NULL},                    /* repeats what is not there */
		{"\x01\x01\x80\x00\x01\x00", 6, 8, NULL},        /* repeats nothing */
		{"\x01\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 14, 8, NULL}, /* endless number */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(20);
		const struct gcmask *m = run_program(w, cases[i].words, cases[i].prog, cases[i].n);
		if (cases[i].want) {
			assert_non_null(m);
			assert_string_equal(text(m), cases[i].want);
		} else {
			assert_null(m);
		}
		world_free(w);
	}
}

/* A pattern of 70 bits, longer than a word, repeated. */
static void test_long_repeat(void **state)
{
	(void)state;
	static const uint8_t prog[] = {70, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x21, 0x80 | 70, 3, 0};
	struct world *w = world_new(20);
	const struct gcmask *m = run_program(w, 280, prog, sizeof(prog));
	assert_non_null(m);
	for (uint64_t i = 0; i < 280; i++) {
		uint64_t k = i % 70;
		assert_int_equal(bit_get(m->bits, i), prog[1 + k / 8] >> (k % 8) & 1);
	}
	world_free(w);
}

/* {*T; int; [3]struct{int; *T}; string}, on demand: slot nil, being built, built. */
static void put_structured(struct world *w, unsigned tflag)
{
	enum { PTR = TYPES + 0x400, INT = TYPES + 0x480, INNER = TYPES + 0x500, ARR = TYPES + 0x600, STR = TYPES + 0x700,
	       FIELDS = TYPES + 0x800, INNER_FIELDS = TYPES + 0x900 };
	put_type(w, PTR, 8, 8, KIND_PTR, 0, MASKS);
	put_type(w, STR, 16, 8, KIND_STRING, 0, MASKS);
	fp_put(&w->fp, MASKS, 1, 1);
	put_type(w, INT, 8, 0, KIND_INT, 0, 0);
	put_type(w, INNER, 16, 16, KIND_STRUCT, tflag, VARS + 8);
	put_fields(w, INNER, INNER_FIELDS, 2);
	put_field(w, INNER_FIELDS, INT, 0);
	put_field(w, INNER_FIELDS + 24, PTR, 8);
	put_type(w, ARR, 48, 48, KIND_ARRAY, tflag, VARS + 16);
	put_array(w, ARR, INNER, 3);
	put_type(w, TYPES, 88, 72, KIND_STRUCT, tflag, VARS);
	put_fields(w, TYPES, FIELDS, 5);
	put_field(w, FIELDS, PTR, 0);
	put_field(w, FIELDS + 24, INT, 8);
	put_field(w, FIELDS + 48, ARR, 16);
	put_field(w, FIELDS + 72, STR, 64);
	put_field(w, FIELDS + 96, INT, 80);
}

static void test_on_demand(void **state)
{
	(void)state;
	struct world *w = world_new(27);
	put_structured(w, TFLAG_MASK_ON_DEMAND);
	const struct gcmask *m = types_gcmask(&w->types, TYPES);
	assert_non_null(m);
	assert_string_equal(text(m), "100101011");
	assert_int_equal(m->size_words, 11);
	world_free(w);
	w = world_new(27);
	put_structured(w, TFLAG_MASK_ON_DEMAND);
	fp_word(&w->fp, VARS, VARS + 0x80); /* runtime.inProgress, a variable */
	m = types_gcmask(&w->types, TYPES);
	assert_non_null(m);
	assert_string_equal(text(m), "100101011");
	world_free(w);
	w = world_new(27);
	put_structured(w, TFLAG_MASK_ON_DEMAND);
	fp_word(&w->fp, VARS, HEAP);
	fp_put(&w->fp, HEAP, 2, 0x1ff);
	m = types_gcmask(&w->types, TYPES);
	assert_non_null(m);
	assert_string_equal(text(m), "111111111");
	world_free(w);
}

/* Masks in read-only data may be missing from a core while the descriptors are there. */
static void test_mask_missing(void **state)
{
	(void)state;
	for (int minor = 17; minor <= 22; minor += 5) {
		struct world *w = world_new(minor);
		put_structured(w, 0);
		for (uint64_t at = TYPES; at < TYPES + 0x800; at += 0x80)
			if (w->fp.data[at + 32 - FP_BASE + 2])
				fp_word(&w->fp, at + 32, FP_BASE + FP_SIZE + 0x1000);
		const struct gcmask *m = types_gcmask(&w->types, TYPES);
		assert_non_null(m);
		assert_string_equal(text(m), "100101011");
		world_free(w);
	}
}

/* Types that contain themselves, or each other without end, end. */
static void test_hostile(void **state)
{
	(void)state;
	enum { FIELDS = TYPES + 0x800, A = TYPES, B = TYPES + 0x100, N = 500 };
	struct world *w = world_new(27);
	put_type(w, A, 64, 64, KIND_STRUCT, TFLAG_MASK_ON_DEMAND, VARS);
	put_fields(w, A, FIELDS, 1);
	put_field(w, FIELDS, A, 0);
	assert_null(types_gcmask(&w->types, A));
	world_free(w);
	w = world_new(27); /* 16 levels of 16 fields, all at the same place */
	for (unsigned i = 0; i < 16; i++) {
		uint64_t at = TYPES + 0x80 * i, fields = TYPES + 0x800 + 24 * 16 * i;
		put_type(w, at, 64, 64, KIND_STRUCT, TFLAG_MASK_ON_DEMAND, VARS);
		put_fields(w, at, fields, 16);
		for (unsigned k = 0; k < 16; k++)
			put_field(w, fields + 24 * k, i < 15 ? at + 0x80 : TYPES + 0x780, 0);
	}
	types_gcmask(&w->types, TYPES);
	world_free(w);
	w = world_new(27); /* a number of fields, and a length, that no memory holds */
	put_type(w, A, 64, 64, KIND_STRUCT, TFLAG_MASK_ON_DEMAND, VARS);
	put_fields(w, A, FIELDS, UINT64_C(1) << 44);
	assert_null(types_gcmask(&w->types, A));
	put_type(w, B, UINT64_C(1) << 46, UINT64_C(1) << 46, KIND_ARRAY, TFLAG_MASK_ON_DEMAND, VARS);
	put_array(w, B, A, UINT64_MAX);
	assert_null(types_gcmask(&w->types, B));
	world_free(w);
	w = world_new(27); /* too big a mask for so small a snapshot */
	put_type(w, A, UINT64_C(1) << 40, UINT64_C(1) << 40, KIND_STRUCT, 0, MASKS);
	assert_null(types_gcmask(&w->types, A));
	world_free(w);
	w = world_new(20); /* memory that ends anywhere */
	put_structured(w, 0);
	for (uint64_t n = 0; n < FP_SIZE; n += 13) {
		fp_cut(&w->fp, n);
		map_free(&w->prog.rtypes->masks);
		types_gcmask(&w->types, TYPES);
	}
	world_free(w);
}

static void test_long_array(void **state)
{
	(void)state;
	struct world *w = world_new(27);
	enum { ELEM = TYPES + 0x100 };
	put_type(w, ELEM, 24, 8, KIND_STRUCT, 0, MASKS);
	fp_put(&w->fp, MASKS, 1, 1);
	put_type(w, TYPES, 24 * 100000, 24 * 99999 + 8, KIND_ARRAY, TFLAG_MASK_ON_DEMAND, VARS);
	put_array(w, TYPES, ELEM, 100000);
	const struct gcmask *m = types_gcmask(&w->types, TYPES);
	assert_non_null(m);
	assert_string_equal(text(m), "1");
	assert_int_equal(m->size_words, 3);
	world_free(w);
}

static void test_variables(void **state)
{
	(void)state;
	struct world *w = world_new(27);
	uint64_t n = 0;
	w->mod.data = VARS;
	w->mod.edata = VARS + 80;
	w->mod.gcdata = MASKS;
	fp_bytes(&w->fp, MASKS, "\x02\x01\x82\x04\x00", 5); /* as a program: without a length */
	const uint64_t *bits = program_datamask(&w->prog, &w->mod, false, &n);
	assert_non_null(bits);
	assert_int_equal(n, 10);
	assert_int_equal(bits[0], 0x155);
	w->mod.gcdatamask = HEAP; /* the runtime's own bits are preferred */
	w->mod.ndatamask = 9;
	fp_put(&w->fp, HEAP, 2, 0x0103);
	bits = program_datamask(&w->prog, &w->mod, false, &n);
	assert_non_null(bits);
	assert_int_equal(n, 9);
	assert_int_equal(bits[0], 0x103);
	w->mod.bss = VARS;
	w->mod.ebss = VARS + 16;
	assert_null(program_datamask(&w->prog, &w->mod, true, &n)); /* neither bits nor program */
	world_free(w);
}

/* ---- types from descriptors ---- */

static uint32_t put_name(struct world *w, uint64_t at, const char *name, unsigned flags)
{
	fp_put(&w->fp, at, 1, flags);
	fp_put(&w->fp, at + 1, 1, strlen(name));
	fp_bytes(&w->fp, at + 2, name, strlen(name));
	return (uint32_t)(at - TYPES);
}

/* type Node struct { Next *Node; id int } in example.com/list, its descriptors as a linker lays them out. */
static void test_by_rtype(void **state)
{
	(void)state;
	enum { NODE = TYPES, PTR = TYPES + 0x100, INT = TYPES + 0x180, FIELDS = TYPES + 0x200, NAMES = TYPES + 0x400 };
	struct world *w = world_new(24);
	put_type(w, NODE, 16, 8, KIND_STRUCT, TFLAG_NAMED | TFLAG_UNCOMMON | TFLAG_EXTRASTAR, MASKS);
	fp_put(&w->fp, MASKS, 1, 1);
	fp_put(&w->fp, NODE + 40, 4, put_name(w, NAMES, "*list.Node", 1));
	fp_word(&w->fp, NODE + 48, NAMES + 0x40);
	put_fields(w, NODE, FIELDS, 2);
	fp_put(&w->fp, NODE + 80, 4, put_name(w, NAMES + 0x40, "example.com/list", 0));
	put_field(w, FIELDS, PTR, 0);
	put_name(w, NAMES + 0x80, "Next", 1);
	fp_word(&w->fp, FIELDS, NAMES + 0x80);
	put_field(w, FIELDS + 24, INT, 8);
	put_name(w, NAMES + 0x90, "id", 0);
	fp_word(&w->fp, FIELDS + 24, NAMES + 0x90);
	put_type(w, PTR, 8, 8, KIND_PTR, 0, MASKS);
	fp_put(&w->fp, PTR + 40, 4, NAMES - TYPES);
	fp_word(&w->fp, PTR + 48, NODE);
	put_type(w, INT, 8, 0, KIND_INT, TFLAG_NAMED, 0);
	fp_put(&w->fp, INT + 40, 4, put_name(w, NAMES + 0xa0, "int", 1));
	uint32_t id = types_by_rtype(&w->types, PTR);
	assert_int_not_equal(id, TYPE_NONE);
	const struct type *ptr = &w->types.t[id], *node = &w->types.t[ptr->elem];
	assert_string_equal(ptr->name, "*example.com/list.Node");
	assert_string_equal(node->name, "example.com/list.Node");
	assert_string_equal(node->pkg, "example.com/list");
	assert_int_equal(node->nfields, 2);
	assert_string_equal(node->fields[0].name, "Next");
	assert_int_equal(node->fields[0].type, id);
	assert_string_equal(node->fields[1].name, "id");
	assert_int_equal(node->fields[1].offset, 8);
	assert_int_equal(w->types.t[node->fields[1].type].kind, KIND_INT);
	assert_true(types_word_is_ptr(&w->types, ptr->elem, 0));
	assert_false(types_word_is_ptr(&w->types, ptr->elem, 1));
	assert_int_equal(types_by_rtype(&w->types, NODE), ptr->elem);
	assert_int_equal(types_by_rtype(&w->types, TYPES + 0x300), TYPE_NONE);
	uint32_t n = w->types.n;
	assert_int_equal(types_by_rtype(&w->types, PTR), id);
	assert_int_equal(w->types.n, n);
	world_free(w);
}

/* Every byte of the descriptors wrong, one at a time. */
static void test_by_rtype_damaged(void **state)
{
	(void)state;
	struct world *w = world_new(24);
	put_structured(w, 0);
	for (uint64_t at = TYPES; at < TYPES + 0x980; at++) {
		struct world *x = malloc(sizeof(*x));
		assert_non_null(x);
		*x = *w;
		x->fp.proc.segs = &x->fp.seg;
		x->fp.seg.data = x->fp.data;
		x->fp.proc.seg_starts = &x->fp.start;
		x->prog.modules = &x->mod;
		x->prog.proc = x->types.proc = &x->fp.proc;
		x->types.prog = &x->prog;
		x->prog.rtypes = rtypes_new(&x->fp.proc);
		assert_non_null(x->prog.rtypes);
		x->fp.data[at - FP_BASE] ^= 0xff;
		types_by_rtype(&x->types, TYPES);
		types_gcmask(&x->types, TYPES);
		world_free(x);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_mask_only),
		cmocka_unit_test(test_reflect_bucket),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_long_repeat),
		cmocka_unit_test(test_on_demand),
		cmocka_unit_test(test_mask_missing),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long_array),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_by_rtype),
		cmocka_unit_test(test_by_rtype_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
