/* SPDX-License-Identifier: MIT */
#include "tests/support/dwarfprog.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define NAME(s) {A_NAME, DB_STRING, 0, s}
#define NUM(attr, v) {attr, DB_UDATA, v, NULL}
#define REF(attr, label) {attr, DB_REF, label, NULL}
#define RTYPE(v) {A_RTYPE, DB_ADDR, v, NULL}
#define EXPR(s) {A_LOCATION, DB_EXPR, sizeof(s) - 1, s}

static void member(struct dwarfprog *p, const char *name, uint64_t type, uint64_t off, bool embedded)
{
	DB_DIE(&p->db, 0, T_MEMBER, false, NAME(name), NUM(A_MEMBER, off), REF(A_TYPE, type),
	       {A_EMBEDDED, DB_FLAG, embedded, NULL});
}

static void base(struct dwarfprog *p, uint64_t label, const char *name, unsigned size, unsigned kind, uint64_t rtype)
{
	DB_DIE(&p->db, label, T_BASE, false, NAME(name), NUM(A_SIZE, size), NUM(A_KIND, kind), RTYPE(rtype));
}

/* Opens a struct; its typedef of the same name comes after db_end(), as the linker has it. */
static void structure(struct dwarfprog *p, uint64_t label, const char *name, uint64_t size, unsigned kind, uint64_t rtype)
{
	DB_DIE(&p->db, label, T_STRUCT, true, NAME(name), NUM(A_SIZE, size), NUM(A_KIND, kind), RTYPE(rtype));
}

static void alias(struct dwarfprog *p, uint64_t label, const char *name, uint64_t to)
{
	DB_DIE(&p->db, label, T_TYPEDEF, false, NAME(name), REF(A_TYPE, to));
}

static void pointer(struct dwarfprog *p, uint64_t label, const char *name, uint64_t to, uint64_t rtype)
{
	DB_DIE(&p->db, label, T_POINTER, false, NAME(name), REF(A_TYPE, to), NUM(A_KIND, 22), RTYPE(rtype));
}

static void array(struct dwarfprog *p, uint64_t label, const char *name, uint64_t elem, uint64_t size, uint64_t count)
{
	DB_DIE(&p->db, label, T_ARRAY, true, NAME(name), REF(A_TYPE, elem), NUM(A_SIZE, size), NUM(A_KIND, 17));
	DB_DIE(&p->db, 0, T_SUBRANGE, false, REF(A_TYPE, p->t_int), NUM(A_COUNT, count));
	db_end(&p->db);
}

static void slice(struct dwarfprog *p, uint64_t label, const char *name, uint64_t data, uint64_t elem)
{
	unsigned w = p->db.word;
	DB_DIE(&p->db, label, T_STRUCT, true, NAME(name), NUM(A_SIZE, 3 * w), NUM(A_KIND, 23), REF(A_ELEM, elem));
	member(p, "array", data, 0, false);
	member(p, "len", p->t_int, w, false);
	member(p, "cap", p->t_int, 2 * w, false);
	db_end(&p->db);
}

static void basic_types(struct dwarfprog *p)
{
	unsigned w = p->db.word;
	uint64_t bytes = db_label(&p->db);
	DB_DIE(&p->db, p->t_unsafe, T_POINTER, false, NAME("unsafe.Pointer"));
	base(p, p->t_uint8, "uint8", 1, 8, 0x40);
	base(p, p->t_int, "int", w, 2, 0x80);
	base(p, p->t_uintptr, "uintptr", w, 12, 0);
	pointer(p, bytes, "*uint8", p->t_uint8, 0);
	structure(p, p->t_string, "string", 2 * w, 24, 0xc0);
	member(p, "str", bytes, 0, false);
	member(p, "len", p->t_int, w, false);
	db_end(&p->db);
}

/* What the layouts are read from: nested fields, an atomic wrapper, a type outside the heap. */
static void runtime_types(struct dwarfprog *p)
{
	struct dwarfbuild *b = &p->db;
	unsigned w = b->word;
	uint64_t nih = db_label(b), nocopy = db_label(b), atomic = db_label(b), box = db_label(b), mspan = db_label(b);
	uint64_t ptr = db_label(b), g = db_label(b), iface = db_label(b), eface = db_label(b);
	structure(p, nih, "internal/runtime/sys.nih", 0, 25, 0);
	db_end(b);
	structure(p, nocopy, "internal/runtime/atomic.noCopy", 0, 25, 0);
	db_end(b);
	structure(p, atomic, "internal/runtime/atomic.Uint8", 1, 25, 0);
	member(p, "noCopy", nocopy, 0, false);
	member(p, "value", p->t_uint8, 0, false);
	db_end(b);
	structure(p, box, "runtime.mSpanStateBox", 1, 25, 0);
	member(p, "s", atomic, 0, false);
	db_end(b);
	structure(p, mspan, "runtime.mspan", 4 * w, 25, 0);
	member(p, "_", nih, 0, false);
	member(p, "next", ptr, 0, false);
	member(p, "startAddr", p->t_uintptr, w, false);
	member(p, "spanclass", p->t_uint8, 2 * w, false);
	member(p, "state", box, 2 * w + 1, false);
	member(p, "largeType", p->t_unsafe, 3 * w, false);
	db_end(b);
	pointer(p, ptr, "*runtime.mspan", mspan, 0);
	structure(p, g, "runtime.g", 4 * w, 25, 0);
	member(p, "stack", p->t_string, 0, false);
	member(p, "m", ptr, 2 * w, false);
	db_end(b);
	structure(p, iface, "runtime.iface", 2 * w, 25, 0);
	member(p, "tab", p->t_unsafe, 0, false);
	member(p, "data", p->t_unsafe, w, false);
	db_end(b);
	structure(p, eface, "runtime.eface", 2 * w, 25, 0);
	member(p, "_type", p->t_unsafe, 0, false);
	member(p, "data", p->t_unsafe, w, false);
	db_end(b);
	DB_DIE(b, p->t_error, T_TYPEDEF, false, NAME("error"), REF(A_TYPE, iface), NUM(A_KIND, 20), RTYPE(0x100));
	DB_DIE(b, p->t_any, T_TYPEDEF, false, NAME("interface {}"), REF(A_TYPE, eface), NUM(A_KIND, 20), RTYPE(0x140));
	DB_DIE(b, 0, T_CONST, false, NAME("runtime._Gwaiting"), {A_CONST, DB_SDATA, 4, NULL});
	DB_DIE(b, 0, T_CONST, false, NAME("runtime.minus"), {A_CONST, DB_SDATA, (uint64_t)INT64_C(-5), NULL});
}

static void program_types(struct dwarfprog *p)
{
	struct dwarfbuild *b = &p->db;
	unsigned w = b->word;
	uint64_t node = db_label(b), hmap = db_label(b), hmap_ptr = db_label(b), hchan = db_label(b), hchan_ptr = db_label(b);
	structure(p, node, "gopkg.in/yaml%2ev3.Node", 8 * w, 25, 0x200);
	member(p, "Next", p->t_node_ptr, 0, false);
	member(p, "Name", p->t_string, w, false);
	member(p, "Value", p->t_any, 3 * w, false);
	member(p, "Kids", p->t_nodes, 5 * w, true);
	db_end(b);
	alias(p, p->t_node, "gopkg.in/yaml%2ev3.Node", node);
	pointer(p, p->t_node_ptr, "*gopkg.in/yaml%2ev3.Node", p->t_node, 0x240);
	slice(p, p->t_nodes, "[]gopkg.in/yaml%2ev3.Node", p->t_node_ptr, p->t_node);
	structure(p, hmap, "map<string,int>", 3 * w, 25, 0);
	member(p, "used", p->t_int, 0, false);
	member(p, "dirPtr", p->t_unsafe, w, false);
	db_end(b);
	DB_DIE(b, hmap_ptr, T_POINTER, false, NAME("*map<string,int>"), REF(A_TYPE, hmap));
	DB_DIE(b, p->t_map, T_TYPEDEF, false, NAME("main.Index"), REF(A_TYPE, hmap_ptr), NUM(A_KIND, 21), RTYPE(0x280),
	       REF(A_KEY, p->t_string), REF(A_ELEM, p->t_int));
	structure(p, hchan, "hchan<int>", w, 25, 0);
	member(p, "qcount", p->t_int, 0, false);
	db_end(b);
	DB_DIE(b, hchan_ptr, T_POINTER, false, NAME("*hchan<int>"), REF(A_TYPE, hchan));
	DB_DIE(b, p->t_chan, T_TYPEDEF, false, NAME("chan int"), REF(A_TYPE, hchan_ptr), NUM(A_KIND, 18),
	       REF(A_ELEM, p->t_int));
	DB_DIE(b, p->t_func, T_FUNC, true, NAME("func(int)"), NUM(A_KIND, 19));
	DB_DIE(b, 0, T_PARAM, false, REF(A_TYPE, p->t_int));
	db_end(b);
	array(p, p->t_big, "[2]main.Index", p->t_map, 2 * w, 2);
	array(p, p->t_huge, "[5000]string", p->t_string, (uint64_t)10000 * w, 5000);
	structure(p, p->t_pair, "main.Pair[string,gopkg.in/yaml%2ev3.Node]", 2 * w, 25, 0);
	member(p, "a", p->t_int, 0, false);
	member(p, "gopkg.in/yaml%2ev3.b", p->t_func, w, false); /* as in anonymous structs */
	db_end(b);
	pointer(p, 0, "go.shape.*uint8", p->t_uint8, 0);
}

static void functions(struct dwarfprog *p)
{
	struct dwarfbuild *b = &p->db;
	uint64_t inl = db_label(b), tmp = db_label(b), param = db_label(b);
	DB_DIE(b, inl, T_SUBPROGRAM, true, NAME("main.inl"), NUM(A_INLINE, 1));
	DB_DIE(b, tmp, T_VARIABLE, false, NAME("tmp"), NUM(A_LINE, 77), REF(A_TYPE, p->t_node_ptr));
	db_end(b);

	DB_DIE(b, 0, T_SUBPROGRAM, true, NAME("main.work"), {A_LOW, DB_ADDR, DP_TEXT, NULL},
	       {A_HIGH, b->version >= 5 ? DB_DATA8 : DB_ADDR, b->version >= 5 ? 0x100 : DP_TEXT + 0x100, NULL},
	       {A_FRAME, DB_EXPR, 1, "\x9c"});
	DB_DIE(b, param, T_TYPEDEF, false, NAME(".param0"), REF(A_TYPE, p->t_string));
	uint64_t list = db_loc_begin(b, DP_TEXT);
	db_loc_entry(b, 0, 0x10, "\x50\x93\x08\x53\x93\x08", 6);      /* reg0 piece 8, reg3 piece 8 */
	db_loc_entry(b, 0x10, 0x100, "\x9c\x93\x08\x91\x08\x93\x08", 7); /* cfa piece 8, fbreg 8 piece 8 */
	db_loc_end(b);
	DB_DIE(b, 0, T_PARAM, false, NAME("s"), {A_RESULT, DB_FLAG, 0, NULL}, NUM(A_LINE, 60), REF(A_TYPE, param),
	       {A_LOCATION, DB_SECOFF, list, NULL});
	DB_DIE(b, 0, T_PARAM, false, NAME("res"), {A_RESULT, DB_FLAG, 1, NULL}, REF(A_TYPE, p->t_int), EXPR(""));
	DB_DIE(b, 0, T_VARIABLE, false, NAME("&x"), REF(A_TYPE, p->t_node_ptr), EXPR("\x91\x60")); /* fbreg -32 */
	/* as Go 1.17 writes split parameters: each piece twice */
	DB_DIE(b, 0, T_PARAM, false, NAME("twice"), REF(A_TYPE, p->t_string),
	       EXPR("\x91\x10\x93\x08\x91\x10\x93\x08\x91\x18\x93\x08\x91\x18\x93\x08"));
	DB_DIE(b, 0, T_PARAM, false, NAME("too big"), REF(A_TYPE, p->t_string), EXPR("\x91\x10\x93\x08\x50\x93\x10"));
	DB_DIE(b, 0, T_VARIABLE, false, NAME("computed"), REF(A_TYPE, p->t_int), EXPR("\x30\x9f")); /* lit0 stack_value */
	DB_DIE(b, 0, T_BLOCK, true, {A_LOW, DB_ADDR, DP_TEXT + 0x40, NULL},
	       {A_HIGH, b->version >= 5 ? DB_DATA8 : DB_ADDR, b->version >= 5 ? 0x40 : DP_TEXT + 0x80, NULL});
	DB_DIE(b, 0, T_VARIABLE, false, NAME("i"), REF(A_TYPE, p->t_int), EXPR("\x91\x58"));
	uint64_t ranges = db_range_begin(b, DP_TEXT);
	db_range_entry(b, 0x50, 0x58);
	db_range_entry(b, 0x60, 0x68);
	db_range_end(b);
	DB_DIE(b, 0, T_INLINED, true, REF(A_ORIGIN, inl), {A_RANGES, DB_SECOFF, ranges, NULL});
	DB_DIE(b, 0, T_VARIABLE, false, REF(A_ORIGIN, tmp), EXPR("\x91\x50"));
	db_end(b);
	db_end(b);
	db_end(b);

	DB_DIE(b, 0, T_SUBPROGRAM, true, NAME("main.work.func1"), {A_LOW, DB_ADDR, DP_TEXT + 0x100, NULL},
	       {A_HIGH, b->version >= 5 ? DB_DATA8 : DB_ADDR, b->version >= 5 ? 0x20 : DP_TEXT + 0x120, NULL});
	DB_DIE(b, 0, T_VARIABLE, false, NAME("&y"), REF(A_TYPE, p->t_node_ptr), NUM(A_CLOSURE, 8), EXPR("\x50"));
	DB_DIE(b, 0, T_VARIABLE, false, NAME("k"), REF(A_TYPE, p->t_int), NUM(A_CLOSURE, 16), EXPR("\x9c\x11\x7c\x22"));
	db_end(b);
}

static void variable(struct dwarfprog *p, const char *name, uint64_t type, uint64_t addr)
{
	char expr[9] = {0x03};
	cb_store((uint8_t *)expr + 1, addr, p->db.word, p->db.be);
	DB_DIE(&p->db, 0, T_VARIABLE, false, NAME(name), REF(A_TYPE, type), {A_LOCATION, DB_EXPR, 1 + p->db.word, expr});
}

static void image(struct dwarfprog *p, bool be)
{
	static const uint8_t bytes[0x1000];
	static const struct cb_symbol symbols[] = {
		{"runtime.types", DP_RODATA, 0, STT_NOTYPE},       {"main.work", DP_TEXT, 0x100, STT_FUNC},
		{"runtime.types", DP_RODATA, 0, STT_OBJECT},       {"main..stmp_1", DP_DATA + 0x400, 24, STT_OBJECT},
		{"main.index", DP_DATA, 8, STT_OBJECT},            {"runtime.bss", DP_DATA + 0x500, 0, STT_OBJECT},
		{"gopkg.in/yaml%2ev3.x", DP_DATA + 0x440, 8, STT_OBJECT}, {"main.table", DP_RODATA + 64, 8, STT_OBJECT},
	};
	struct corebuild *cb = &p->cb;
	cb_init(cb);
	cb->word = p->db.word;
	cb->be = be;
	cb->machine = (uint16_t)(be ? EM_S390 : p->db.word == 8 ? EM_X86_64 : EM_386);
	cb->type = ET_EXEC;
	cb_segment(cb, DP_TEXT, sizeof(bytes), PF_R | PF_X, bytes, sizeof(bytes));
	cb_segment(cb, DP_RODATA, sizeof(bytes), PF_R, bytes, sizeof(bytes));
	cb_segment(cb, DP_DATA, sizeof(bytes), PF_R | PF_W, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (!vec_push(&cb->symbols, symbols[i]))
			abort();
	}
}

void dp_init(struct dwarfprog *p, unsigned version, unsigned word, bool be, const char *compress)
{
	struct dwarfbuild *b = &p->db;
	memset(p, 0, sizeof(*p));
	db_init(b, version, word, be);
	uint64_t *const labels[] = {&p->t_uint8, &p->t_int, &p->t_uintptr, &p->t_unsafe, &p->t_string, &p->t_node,
	                            &p->t_node_ptr, &p->t_nodes, &p->t_map, &p->t_chan, &p->t_any, &p->t_func, &p->t_big,
	                            &p->t_error, &p->t_huge, &p->t_pair};
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		*labels[i] = db_label(b);
	db_unit(b, "main", LANG_GO, DP_TEXT, DP_TEXT + 0x1000);
	functions(p);
	DB_DIE(b, 0, T_CONST, false, NAME("main.Answer"), {A_CONST, DB_SDATA, 42, NULL});
	variable(p, "main.index", p->t_map, DP_DATA);
	variable(p, "main.nodes", p->t_nodes, DP_DATA + 0x40);
	variable(p, "gopkg.in/yaml%2ev3.root", p->t_node_ptr, DP_DATA + 0x80);
	db_unit_end(b);
	db_unit(b, "lib.c", LANG_C, 0, 0);
	variable(p, "c_variable", p->t_int, DP_DATA + 0x300);
	db_unit_end(b);
	db_unit(b, "runtime", LANG_GO, 0, 0);
	basic_types(p);
	runtime_types(p);
	program_types(p);
	db_unit_end(b);
	image(p, be);
	db_sections(b, &p->cb, compress);
}

void dp_free(struct dwarfprog *p)
{
	cb_free(&p->cb);
	db_free(&p->db);
}
