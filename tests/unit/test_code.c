/* SPDX-License-Identifier: MIT */
/* Machine code: the decoder, and what code says of package variables and stack slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "graph/typing_code.h"
#include "tests/support/fakeprog.h"

/* ---- the decoder ---- */

static struct insn decode(const char *hex)
{
	uint8_t b[16] = {0};
	size_t n = 0;
	struct insn in;
	for (; hex[2 * n]; n++)
		b[n] = (uint8_t)strtoul((const char[]){hex[2 * n], hex[2 * n + 1], 0}, NULL, 16);
	assert_true(amd64_decode(b, n, 0x1000, &in));
	assert_int_equal(in.len, n);
	/* Cut anywhere, it is no instruction. */
	struct insn cut;
	for (size_t i = 0; i < n; i++)
		assert_false(amd64_decode(b, i, 0x1000, &cut));
	return in;
}

static void test_moves(void **state)
{
	(void)state;
	struct insn in = decode("488d0510000000"); /* lea rax, [rip+0x10] */
	assert_int_equal(in.op, INSN_CONST);
	assert_int_equal(in.reg, 0);
	assert_int_equal(in.addr, 0x1017);
	in = decode("4c8b4c2418"); /* mov r9, [rsp+0x18] */
	assert_int_equal(in.op, INSN_LOAD);
	assert_int_equal(in.reg, 9);
	assert_int_equal(in.base, 4);
	assert_int_equal(in.disp, 0x18);
	in = decode("49897df8"); /* mov [r13-8], rdi */
	assert_int_equal(in.op, INSN_STORE);
	assert_int_equal(in.reg, 7);
	assert_int_equal(in.base, 13);
	assert_int_equal(in.disp, -8);
	in = decode("48890d00010000"); /* mov [rip+0x100], rcx */
	assert_int_equal(in.op, INSN_STORE);
	assert_int_equal(in.base, CODE_NOREG);
	assert_int_equal(in.addr, 0x1107);
	in = decode("4889c3"); /* mov rbx, rax */
	assert_int_equal(in.op, INSN_ADD);
	assert_int_equal(in.reg, 3);
	assert_int_equal(in.base, 0);
	assert_int_equal(in.disp, 0);
	in = decode("4883ec28"); /* sub rsp, 0x28 */
	assert_int_equal(in.op, INSN_ADD);
	assert_int_equal(in.reg, 4);
	assert_int_equal(in.disp, -0x28);
	in = decode("4881c488000000"); /* add rsp, 0x88 */
	assert_int_equal(in.disp, 0x88);
	in = decode("31c0"); /* xor eax, eax */
	assert_int_equal(in.op, INSN_CONST);
	assert_int_equal(in.addr, 0);
	in = decode("488b04c8"); /* mov rax, [rax+8*rcx]: nothing is known of it */
	assert_int_equal(in.op, INSN_OTHER);
	assert_int_equal(in.clobbers, 1);
}

static void test_control(void **state)
{
	(void)state;
	struct insn in = decode("e8fbffffff");
	assert_int_equal(in.op, INSN_CALL);
	assert_int_equal(in.addr, 0x1000);
	in = decode("ffd1"); /* call rcx */
	assert_int_equal(in.op, INSN_CALL);
	assert_int_equal(in.addr, 0);
	in = decode("7410");
	assert_int_equal(in.op, INSN_BRANCH);
	assert_int_equal(in.addr, 0x1012);
	in = decode("0f8500010000");
	assert_int_equal(in.op, INSN_BRANCH);
	assert_int_equal(in.addr, 0x1106);
	in = decode("eb02");
	assert_int_equal(in.op, INSN_JUMP);
	assert_int_equal(decode("c3").op, INSN_STOP);
	assert_int_equal(decode("0f0b").op, INSN_STOP);
	in = decode("55"); /* push rbp */
	assert_int_equal(in.op, INSN_ADD);
	assert_int_equal(in.reg, 4);
	assert_int_equal(in.disp, -8);
}

static void test_others(void **state)
{
	(void)state;
	assert_int_equal(decode("4863d0").clobbers, 1 << 2);             /* movsxd rdx, eax */
	assert_int_equal(decode("48f7e1").clobbers, 1 << 0 | 1 << 2);    /* mul rcx */
	assert_int_equal(decode("48c7c205000000").clobbers, 1 << 2);     /* mov rdx, 5 */
	assert_int_equal(decode("48ba0102030405060708").clobbers, 1 << 2);
	assert_int_equal(decode("0fb6c9").clobbers, 1 << 1);             /* movzx ecx, cl */
	assert_int_equal(decode("440f117c2420").spoils, 16);             /* movups [rsp+0x20], xmm15 */
	assert_int_equal(decode("f348ab").clobbers, 1 << 1 | 1 << 6 | 1 << 7); /* rep stosq */
	assert_int_equal(decode("48c744240800000000").spoils, 8);        /* mov qword [rsp+8], 0 */
	assert_int_equal(decode("833d0001000000").clobbers, 0);          /* cmp dword [rip+0x100], 0 */
	assert_int_equal(decode("f6c101").clobbers, 0);                  /* test cl, 1 */
	assert_int_equal(decode("64488b0c25f8ffffff").clobbers, 1 << 1); /* mov rcx, fs:-8 */
	decode("f0480fb10d00010000");                                    /* lock cmpxchg [rip+0x100], rcx */
	decode("c5fe6f06");                                              /* vmovdqu ymm0, [rsi] */
	decode("c4e2f9f7c3");                                            /* shlx */
	decode("62f17e486f06");                                          /* vmovdqu32 zmm0, [rsi] */
	decode("660f3a0fc108");                                          /* palignr */
	decode("90");
	struct insn in;
	assert_false(amd64_decode((const uint8_t *)"\x06", 1, 0, &in));
}

static struct insn arm(uint32_t w)
{
	uint8_t b[4] = {(uint8_t)w, (uint8_t)(w >> 8), (uint8_t)(w >> 16), (uint8_t)(w >> 24)};
	struct insn in;
	assert_true(arm64_decode(b, 4, 0x10008, &in));
	assert_int_equal(in.len, 4);
	assert_false(arm64_decode(b, 3, 0x10008, &in));
	assert_true(arm64_decode(b, 4, 0x10008, &in));
	return in;
}

static void test_arm64(void **state)
{
	(void)state;
	struct insn in = arm(0xb0000000); /* adrp x0, 0x11000 */
	assert_int_equal(in.op, INSN_CONST);
	assert_int_equal(in.addr, 0x11000);
	in = arm(0x91004001); /* add x1, x0, 0x10 */
	assert_int_equal(in.op, INSN_ADD);
	assert_int_equal(in.reg, 1);
	assert_int_equal(in.base, 0);
	assert_int_equal(in.disp, 0x10);
	in = arm(0xd10143f4); /* sub x20, sp, 0x50 */
	assert_int_equal(in.reg, 20);
	assert_int_equal(in.base, 31);
	assert_int_equal(in.disp, -0x50);
	in = arm(0xaa0103e2); /* mov x2, x1 */
	assert_int_equal(in.op, INSN_ADD);
	assert_int_equal(in.reg, 2);
	assert_int_equal(in.base, 1);
	in = arm(0xf9400be0); /* ldr x0, [sp, 16] */
	assert_int_equal(in.op, INSN_LOAD);
	assert_int_equal(in.base, 31);
	assert_int_equal(in.disp, 16);
	in = arm(0xf81f83a1); /* stur x1, [x29, -8] */
	assert_int_equal(in.op, INSN_STORE);
	assert_int_equal(in.reg, 1);
	assert_int_equal(in.base, 29);
	assert_int_equal(in.disp, -8);
	in = arm(0xa90107e0); /* stp x0, x1, [sp, 16] */
	assert_int_equal(in.op, INSN_STORE);
	assert_int_equal(in.reg, 0);
	assert_int_equal(in.reg2, 1);
	in = arm(0xf81c0ffe); /* str x30, [sp, -64]! */
	assert_int_equal(in.op, INSN_ADD);
	assert_int_equal(in.reg, 31);
	assert_int_equal(in.disp, -64);
	in = arm(0xf90007ff); /* str xzr, [sp, 8] */
	assert_int_equal(in.op, INSN_OTHER);
	assert_int_equal(in.spoils, 8);
	assert_int_equal(in.base, 31);
	in = arm(0xb9400be3); /* ldr w3, [sp, 8] */
	assert_int_equal(in.op, INSN_OTHER);
	assert_int_equal(in.clobbers, 1 << 3);
	in = arm(0x97fffffe); /* bl -8 */
	assert_int_equal(in.op, INSN_CALL);
	assert_int_equal(in.addr, 0x10000);
	in = arm(0x54000041); /* b.ne +8 */
	assert_int_equal(in.op, INSN_BRANCH);
	assert_int_equal(in.addr, 0x10010);
	in = arm(0xb4000040); /* cbz x0, +8 */
	assert_int_equal(in.op, INSN_BRANCH);
	in = arm(0xd63f0040); /* blr x2 */
	assert_int_equal(in.op, INSN_CALL);
	assert_int_equal(in.addr, 0);
	in = arm(0xd61f0040); /* br x2 */
	assert_int_equal(in.op, INSN_JUMP);
	assert_int_equal(arm(0xd65f03c0).op, INSN_STOP);       /* ret */
	assert_int_equal(arm(0xd2800003).op, INSN_CONST);      /* movz x3, 0 */
	assert_int_equal(arm(0x8b010002).clobbers, 1 << 2);    /* add x2, x0, x1 */
	assert_int_equal(arm(0xeb01001f).clobbers, 0);         /* cmp x0, x1 */
	assert_int_equal(arm(0x9e660003).clobbers, 1 << 3);    /* fmov x3, d0 */
	assert_int_equal(arm(0x1e604001).clobbers, 0);         /* fmov d1, d0 */
}

/* ---- what code says ---- */

enum { TYPE_AT = FG_RODATA + 0x100, MAP_AT = FG_RODATA + 0x200, DATA = FG_FREE + 0x1000, DATA_SIZE = 0x400 };

static struct fakeprog g;
static struct heap heap;
static struct types types;
static struct typing ty;
static struct code code;
static uint32_t node, table;
static uint64_t at; /* where the next instruction goes */

static uint32_t type_add(const char *name, enum kind kind, uint64_t size, uint32_t elem, uint64_t rtype)
{
	struct type t = {.name = name, .pkg = "main", .kind = (uint8_t)kind, .size = size, .elem = elem, .key = elem,
	                 .storage = TYPE_NONE};
	uint32_t id = types_add(&types, &t);
	assert_int_not_equal(id, TYPE_NONE);
	if (rtype)
		assert_true(map_put(&types.by_rtype, rtype, id));
	return id;
}

static int begin(void **state)
{
	(void)state;
	fg_init(&g, MAGIC_1_20, ARCH_AMD64);
	memset(&types, 0, sizeof(types));
	memset(&ty, 0, sizeof(ty));
	memset(&heap, 0, sizeof(heap));
	memset(&code, 0, sizeof(code));
	types.proc = &g.fp.proc;
	types.prog = &g.prog;
	heap.proc = &g.fp.proc;
	heap.prog = &g.prog;
	heap.word = 8;
	ty.h = &heap;
	ty.t = &types;
	ty.word = 8;
	ty.type_words = calloc(WORD_CACHE, sizeof(*ty.type_words));
	ty.itabs = calloc(WORD_CACHE, sizeof(*ty.itabs));
	code.ty = &ty;
	code.arch = code_arch(ARCH_AMD64);
	code.budget = 100000;
	g.mod.types = FG_RODATA;
	g.mod.etypes = FG_RODATA + 0x1000;
	g.mod.data = DATA;
	g.mod.edata = DATA + DATA_SIZE;
	node = type_add("main.Node", KIND_STRUCT, 24, TYPE_NONE, TYPE_AT);
	table = type_add("map[int]int", KIND_MAP, 8, node, MAP_AT);
	struct hc_error *err = types_finish(&types);
	assert_null(err);
	return 0;
}

static int end(void **state)
{
	(void)state;
	struct code *c = calloc(1, sizeof(*c));
	*c = code;
	code_free(c);
	for (uint32_t i = 0; i < ty.nchunks; i++)
		free(ty.chunks[i]);
	free(ty.chunks);
	free(ty.type_words);
	free(ty.itabs);
	vec_free(&ty.ops);
	vec_free(&ty.storage);
	arena_free(&ty.arena);
	free(types.t);
	map_free(&types.by_rtype);
	map_free(&types.ptrs);
	map_free(&types.slices);
	vec_free(&types.by_name);
	vec_free(&types.rtype_offs);
	strtab_free(&types.names);
	arena_free(&types.arena);
	return 0;
}

static uint64_t function(const char *name)
{
	return fg_func(&g, &(struct fakefunc){.size = 64, .name = name});
}

static void bytes(const char *hex)
{
	for (; *hex; hex += 2)
		fp_put(&g.fp, at++, 1, strtoul((const char[]){hex[0], hex[1], 0}, NULL, 16));
}

/* An instruction that ends in the distance to `to`. */
static void relative(const char *hex, uint64_t to)
{
	bytes(hex);
	fp_put(&g.fp, at, 4, (uint32_t)(to - (at + 4)));
	at += 4;
}

#define LEA_AX "488d05"
#define LOAD_AX "488b05"
#define STORE_AX "488905"
#define CALL "e8"

static void begin_code(uint64_t entry)
{
	for (uint64_t i = 0; i < 64; i++)
		fp_put(&g.fp, entry + i, 1, 0xcc);
	at = entry;
}

static void run(uint64_t entry)
{
	struct func f;
	assert_true(program_func_entry(&g.prog, entry, &f));
	code_function(&code, &f);
	assert_false(ty.nomem);
}

static void known(uint64_t addr, enum word_kind kind, uint32_t type)
{
	struct word w = code_known(&code, addr + (kind == WORD_VALUE));
	assert_int_equal(w.kind, kind);
	if (kind != WORD_UNKNOWN && kind != WORD_BAD)
		assert_int_equal(w.type, type);
}

static void test_facts(void **state)
{
	(void)state;
	uint64_t newobject = function("runtime.newobject"), assign = function("runtime.mapassign_fast64");
	uint64_t method = function("main.(*Node).Add"), f = function("main.f");
	fg_finish(&g);
	begin_code(f);
	relative(LEA_AX, TYPE_AT); /* a = new(Node) */
	relative(CALL, newobject);
	relative(STORE_AX, DATA);
	relative(LOAD_AX, DATA + 8); /* b.Add() */
	relative(CALL, method);
	relative(LEA_AX, DATA + 16); /* c.Add(), c a Node */
	relative(CALL, method);
	relative("488b1d", DATA + 64); /* m[k] = v: rbx = m */
	relative(LEA_AX, MAP_AT);
	relative(CALL, assign);
	bytes("c3");
	run(f);
	known(DATA, WORD_PTR, node);
	known(DATA + 8, WORD_PTR, node);
	known(DATA + 16, WORD_VALUE, node);
	known(DATA + 64, WORD_MAP, table);
	known(DATA + 72, WORD_UNKNOWN, 0);
}

/* Different values on two ways to one place: nothing is known there. */
static void test_join(void **state)
{
	(void)state;
	uint64_t newobject = function("runtime.newobject"), f = function("main.f");
	fg_finish(&g);
	begin_code(f);
	relative(LOAD_AX, DATA + 0x100);
	bytes("85c9"); /* test ecx, ecx */
	bytes("740c"); /* je, over the next two */
	relative(LEA_AX, TYPE_AT);
	relative(CALL, newobject);
	relative(STORE_AX, DATA);
	bytes("c3");
	run(f);
	known(DATA, WORD_UNKNOWN, 0);
}

static void test_contradiction(void **state)
{
	(void)state;
	uint64_t newobject = function("runtime.newobject"), other = function("runtime.makemap"), f = function("main.f");
	fg_finish(&g);
	begin_code(f);
	relative(LEA_AX, TYPE_AT);
	relative(CALL, newobject);
	relative(STORE_AX, DATA);
	relative(LEA_AX, MAP_AT);
	relative(CALL, other);
	relative(STORE_AX, DATA);
	bytes("c3");
	run(f);
	known(DATA, WORD_BAD, 0);
}

/* A value kept in the frame over a loop and a call; a slot that something else was written to. */
static void test_slots(void **state)
{
	(void)state;
	uint64_t newobject = function("runtime.newobject"), wait = function("main.wait"), f = function("main.f");
	fg_finish(&g);
	begin_code(f);
	bytes("4883ec28"); /* sub rsp, 0x28: CFA is rsp + 0x30 */
	relative(LEA_AX, TYPE_AT);
	relative(CALL, newobject);
	bytes("4889442418");         /* mov [rsp+0x18], rax */
	bytes("4889442410");         /* mov [rsp+0x10], rax */
	bytes("c644241001");         /* mov byte [rsp+0x10], 1 */
	uint64_t loop = at;
	relative(CALL, wait);
	uint64_t back = at;
	bytes("eb");
	fp_put(&g.fp, at, 1, (uint8_t)(loop - (at + 1)));
	at++;
	struct slot_query q = {f, back, -0x20, 8, 0, {TYPE_NONE, WORD_UNKNOWN, false}};
	assert_true(vec_push(&code.slots, q));
	q.off = -0x18;
	assert_true(vec_push(&code.slots, q));
	run(f);
	assert_int_equal(code.slots.data[0].word.kind, WORD_UNKNOWN);
	assert_int_equal(code.slots.data[1].word.kind, WORD_PTR);
	assert_int_equal(code.slots.data[1].word.type, node);
}

/* What one function returns another one stores. */
static void test_result(void **state)
{
	(void)state;
	uint64_t newobject = function("runtime.newobject"), make = function("main.make"), f = function("main.f");
	fg_finish(&g);
	begin_code(make);
	relative(LEA_AX, TYPE_AT);
	relative(CALL, newobject);
	bytes("c3");
	begin_code(f);
	relative(CALL, make);
	relative(STORE_AX, DATA);
	bytes("c3");
	run(make);
	run(f);
	known(DATA, WORD_PTR, node);
}

/* Bytes that are no code, and code that jumps to its own middle, say nothing and come to an end. */
static void test_hostile(void **state)
{
	(void)state;
	uint64_t f = function("main.f"), budget;
	fg_finish(&g);
	for (unsigned seed = 1; seed < 2000; seed++) {
		uint32_t x = seed * 2654435761u;
		for (unsigned i = 0; i < 64; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			fp_put(&g.fp, f + i, 1, seed % 3 == 0 && i % 2 == 0 ? 0xeb : x & 0xff);
		}
		budget = code.budget;
		run(f);
		assert_true(code.budget <= budget);
	}
	known(DATA, WORD_UNKNOWN, 0);
}

static void receiver(const char *func, bool method, bool pointer)
{
	bool p = false;
	uint32_t t = method_receiver(&code, func, &p);
	assert_int_equal(t != TYPE_NONE, method);
	if (method)
		assert_int_equal(p, pointer);
}

static void test_receivers(void **state)
{
	(void)state;
	type_add("gopkg.in/yaml.v3.Node", KIND_STRUCT, 8, TYPE_NONE, 0);
	uint32_t list = type_add("main.List[int]", KIND_STRUCT, 8, TYPE_NONE, 0);
	bool p;
	type_add("int", KIND_INT, 8, TYPE_NONE, 0);
	receiver("main.(*Node).Add", true, true);
	receiver("main.Node.Add", true, false);
	receiver("main.(*Node).Add.func1", false, false);
	receiver("main.(*Other).Add", false, false);
	receiver("main.init.0", false, false);
	receiver("main.Node", false, false);
	receiver("gopkg.in/yaml%2ev3.(*Node).Encode", true, true);
	assert_int_equal(method_receiver(&code, "main.(*List[go.shape.int]).Push", &p), list);
	assert_int_equal(method_receiver(&code, "main.(*List[go.shape.int]).Push.func2", &p), TYPE_NONE);
	assert_int_equal(method_receiver(&code, "main.(*List[go.shape.*uint8]).Push", &p), TYPE_NONE);
	/* A second one that shares the code: it could be either. */
	type_add("main.ID", KIND_INT, 8, TYPE_NONE, 0);
	type_add("go.shape.int", KIND_INT, 8, TYPE_NONE, 0);
	type_add("main.List[main.ID]", KIND_STRUCT, 8, TYPE_NONE, 0);
	code.generics.len = 0;
	assert_int_equal(method_receiver(&code, "main.(*List[go.shape.int]).Push", &p), TYPE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_arm64),
		cmocka_unit_test_setup_teardown(test_facts, begin, end),
		cmocka_unit_test_setup_teardown(test_join, begin, end),
		cmocka_unit_test_setup_teardown(test_contradiction, begin, end),
		cmocka_unit_test_setup_teardown(test_slots, begin, end),
		cmocka_unit_test_setup_teardown(test_result, begin, end),
		cmocka_unit_test_setup_teardown(test_hostile, begin, end),
		cmocka_unit_test_setup_teardown(test_receivers, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
