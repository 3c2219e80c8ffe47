/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/dwarfprog.h"
#include "types/dwarf_priv.h"

enum { BIAS = 0x10000 };

struct opened {
	struct dwarfprog prog;
	uint8_t *file;
	struct exe *exe;
	struct module_file module;
	struct proc proc;
	struct types *types;
	struct diag diag;
};

static void ok(struct hc_error *err)
{
	if (err)
		fail_msg("%s", hc_error_message(err));
}

static struct hc_error *open_bytes(struct opened *o, const uint8_t *file, size_t size, bool be, unsigned word)
{
	struct blob *blob;
	ok(blob_from_memory("prog", file, size, &blob));
	struct hc_error *err = exe_parse(blob, &o->diag, &o->exe);
	if (err)
		return err;
	o->module = (struct module_file){.exe = o->exe, .bias = BIAS, .main = true};
	o->proc = (struct proc){.diag = &o->diag, .arch = o->exe->arch, .be = be, .word = (uint8_t)word,
	                        .modules = &o->module, .nmodules = 1};
	o->proc.build.minor = 26;
	return types_open(&o->proc, &o->diag, &o->types);
}

static void open_prog(struct opened *o, unsigned version, unsigned word, bool be, const char *compress)
{
	size_t size;
	memset(o, 0, sizeof(*o));
	diag_init(&o->diag, NULL, NULL);
	dp_init(&o->prog, version, word, be, compress);
	o->file = cb_build(&o->prog.cb, &size);
	ok(open_bytes(o, o->file, size, be, word));
}

static void close_bytes(struct opened *o)
{
	types_close(o->types);
	exe_close(o->exe);
	o->types = NULL;
	o->exe = NULL;
}

static void close_prog(struct opened *o)
{
	close_bytes(o);
	diag_deinit(&o->diag);
	free(o->file);
	dp_free(&o->prog);
}

static const struct type *named(const struct opened *o, const char *name)
{
	uint32_t id = types_by_name(o->types, name);
	if (id == TYPE_NONE)
		fail_msg("no type %s", name);
	return &o->types->t[id];
}

static const char *name_of(const struct opened *o, uint32_t id)
{
	return id < o->types->n ? o->types->t[id].name : "none";
}

static void check_types(const struct opened *o, uint64_t w)
{
	const struct type *t = named(o, "gopkg.in/yaml.v3.Node");
	assert_string_equal(t->pkg, "gopkg.in/yaml.v3");
	assert_int_equal(t->kind, KIND_STRUCT);
	assert_int_equal(t->size, 8 * w);
	assert_int_equal(t->rtype, BIAS + DP_RODATA + 0x200);
	assert_int_equal(t->nfields, 4);
	assert_string_equal(t->fields[3].name, "Kids");
	assert_int_equal(t->fields[3].offset, 5 * w);
	assert_true(t->fields[3].embedded);
	assert_false(t->fields[2].embedded);
	assert_string_equal(name_of(o, t->fields[3].type), "[]gopkg.in/yaml.v3.Node");
	/* Next, Name's pointer, the data word of Value, Kids' pointer */
	assert_int_equal(t->ptr_words, 6);
	assert_int_equal(t->mask[0], 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5);

	t = named(o, "main.Index");
	assert_int_equal(t->kind, KIND_MAP);
	assert_string_equal(t->pkg, "main");
	assert_int_equal(t->size, w);
	assert_string_equal(name_of(o, t->key), "string");
	assert_string_equal(name_of(o, t->elem), "int");
	assert_string_equal(name_of(o, t->storage), "map<string,int>");
	assert_int_equal(t->ptr_words, 1);
	assert_null(t->mask);
	assert_true(t->flags & TYPE_F_DIRECT);

	t = named(o, "chan int");
	assert_int_equal(t->kind, KIND_CHAN);
	assert_string_equal(name_of(o, t->storage), "hchan<int>");
	assert_string_equal(t->pkg, "");
	t = named(o, "func(int)");
	assert_int_equal(t->kind, KIND_FUNC);
	assert_int_equal(t->size, w);
	t = named(o, "error");
	assert_int_equal(t->kind, KIND_INTERFACE);
	assert_false(t->flags & TYPE_F_EFACE);
	assert_int_equal(t->nfields, 2);
	t = named(o, "interface {}");
	assert_true(t->flags & TYPE_F_EFACE);
	assert_int_equal(t->mask[0], 2);
	t = named(o, "main.Pair[string,gopkg.in/yaml.v3.Node]");
	assert_string_equal(t->pkg, "main");
	assert_string_equal(t->fields[1].name, "b");
	assert_false(t->flags & TYPE_F_SHAPE);
	t = named(o, "go.shape.*uint8"); /* any pointer at all */
	assert_int_equal(t->kind, KIND_UNSAFEPTR);
	assert_int_equal(t->elem, TYPE_NONE);
	assert_true(t->flags & TYPE_F_SHAPE);
	t = named(o, "unsafe.Pointer");
	assert_int_equal(t->kind, KIND_UNSAFEPTR);
	t = named(o, "[5000]string");
	assert_true(t->mask_by_elem);
	assert_int_equal(t->count, 5000);
	assert_int_equal(t->ptr_words, 9999);
	assert_true(named(o, "runtime.g")->flags & TYPE_F_RUNTIME);
	/* m points outside the heap; stack stands for a string */
	assert_int_equal(named(o, "runtime.g")->ptr_words, 1);
	assert_true(named(o, "runtime.mspan")->flags & TYPE_F_NOTINHEAP);
	assert_int_equal(named(o, "*runtime.mspan")->ptr_words, 0);
	assert_int_equal(types_by_name(o->types, "c_variable"), TYPE_NONE);
}

static void check_globals(const struct opened *o)
{
	const struct types *t = o->types;
	const struct global *g = types_global_named(t, "gopkg.in/yaml.v3.root");
	assert_non_null(g);
	assert_int_equal(g->addr, BIAS + DP_DATA + 0x80);
	assert_string_equal(g->pkg, "gopkg.in/yaml.v3");
	assert_string_equal(name_of(o, g->type), "*gopkg.in/yaml.v3.Node");
	assert_null(types_global_named(t, "c_variable"));
	g = types_global_at(t, BIAS + DP_DATA + 0x410);
	assert_non_null(g);
	assert_string_equal(g->name, "main..stmp_1");
	assert_int_equal(g->type, TYPE_NONE);
	assert_null(types_global_at(t, BIAS + DP_DATA + 0x418));
	assert_null(types_global_at(t, BIAS + DP_DATA - 1));
	assert_string_equal(name_of(o, types_global_at(t, BIAS + DP_DATA)->type), "main.Index");
	assert_null(types_global_named(t, "main.table")); /* read-only */
	assert_int_equal(types_global_addr(t, "main.work"), BIAS + DP_TEXT);
	assert_int_equal(types_global_addr(t, "main.nothing"), 0);
	for (size_t i = 1; i < t->nglobals; i++)
		assert_true(t->globals[i - 1].addr + t->globals[i - 1].size <= t->globals[i].addr);
}

static void check_runtime(const struct opened *o, unsigned w)
{
	int32_t off;
	uint32_t size;
	uint64_t whole;
	int64_t value;
	struct dwarf *d = o->types->dwarf;
	assert_true(dwarf_field(d, "runtime.mspan", "startAddr", &off, &size));
	assert_int_equal(off, w);
	assert_int_equal(size, w);
	assert_true(dwarf_field(d, "runtime.mspan", "state", &off, &size)); /* through two wrappers */
	assert_int_equal(off, 2 * w + 1);
	assert_int_equal(size, 1);
	assert_true(dwarf_field(d, "runtime.g", "stack.len", &off, &size));
	assert_int_equal(off, w);
	assert_true(dwarf_field(d, "runtime.g", "stack", &off, &size));
	assert_int_equal(size, 2 * w);
	assert_false(dwarf_field(d, "runtime.g", "stack.none", &off, &size));
	assert_false(dwarf_field(d, "runtime.g", "none", &off, &size));
	assert_false(dwarf_field(d, "runtime.none", "stack", &off, &size));
	assert_true(dwarf_struct_size(d, "runtime.g", &whole));
	assert_int_equal(whole, 4 * w);
	assert_true(types_constant(o->types, "runtime._Gwaiting", &value));
	assert_int_equal(value, 4);
	assert_true(types_constant(o->types, "runtime.minus", &value));
	assert_int_equal(value, -5);
	assert_false(types_constant(o->types, "main.Answer", &value)); /* of the runtime only */
	assert_true(o->types->layout.from_dwarf);
	assert_int_equal(o->types->layout.f[L_MSPAN_STARTADDR].off, w);
	assert_false(layout_has(&o->types->layout, L_MSPAN_LIMIT)); /* DWARF knows the struct, and it has none */
}

static const struct local *local_named(const struct local *l, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(l[i].name, name) == 0)
			return &l[i];
	}
	return NULL;
}

static size_t locals_at(const struct opened *o, uint64_t off, struct local *out)
{
	size_t n = 999;
	ok(dwarf_locals(o->types->dwarf, o->types, BIAS + DP_TEXT + off, out, 16, &n));
	return n;
}

static void check_locals(const struct opened *o)
{
	struct local l[16];
	size_t n = locals_at(o, 0x8, l);
	const struct local *v = local_named(l, n, "s");
	assert_non_null(v);
	assert_true(v->param && !v->result);
	assert_int_equal(v->decl_line, 60);
	assert_string_equal(v->func, "main.work");
	assert_string_equal(name_of(o, v->type), "string"); /* behind a typedef inside the function */
	assert_int_equal(v->npieces, 2);
	assert_int_equal(v->pieces[0].kind, PIECE_REG);
	assert_int_equal(v->pieces[1].value, 3);
	assert_int_equal(v->pieces[1].off, 8);
	v = local_named(l, n, "res");
	assert_true(v->result);
	assert_int_equal(v->npieces, 0);
	v = local_named(l, n, "&x");
	assert_int_equal(v->pieces[0].kind, PIECE_STACK);
	assert_int_equal(v->pieces[0].value, -32);
	assert_int_equal(v->pieces[0].size, 0);
	assert_null(local_named(l, n, "i"));
	v = local_named(l, n, "twice");
	assert_int_equal(v->npieces, 2);
	assert_int_equal(v->pieces[0].value, 16);
	assert_int_equal(v->pieces[1].value, 24);
	assert_int_equal(v->pieces[1].off, 8);
	assert_int_equal(local_named(l, n, "too big")->npieces, 0);
	assert_int_equal(local_named(l, n, "computed")->npieces, 0);

	n = locals_at(o, 0x52, l);
	v = local_named(l, n, "s");
	assert_int_equal(v->pieces[0].kind, PIECE_STACK);
	assert_int_equal(v->pieces[0].value, 0);
	assert_int_equal(v->pieces[1].value, 8);
	assert_non_null(local_named(l, n, "i"));
	v = local_named(l, n, "tmp");
	assert_string_equal(v->func, "main.inl");
	assert_int_equal(v->decl_line, 77);
	assert_int_equal(v->pieces[0].value, -48);
	assert_null(local_named(l, locals_at(o, 0x5a, l), "tmp")); /* between the two ranges of the call */
	assert_non_null(local_named(l, locals_at(o, 0x67, l), "tmp"));
	assert_int_equal(locals_at(o, 0x200, l), 0);  /* no function */
	assert_int_equal(locals_at(o, 0x5000, l), 0); /* no unit */
	ok(dwarf_locals(o->types->dwarf, o->types, BIAS + DP_TEXT + 8, l, 1, &n));
	assert_int_equal(n, 1);
}

static void check_captured(const struct opened *o)
{
	struct captured c[4];
	struct local l[16];
	assert_int_equal(dwarf_captured(o->types->dwarf, o->types, BIAS + DP_TEXT + 0x100, c, 4), 2);
	assert_string_equal(c[0].name, "&y");
	assert_int_equal(c[0].offset, 8);
	assert_string_equal(name_of(o, c[1].type), "int");
	assert_int_equal(c[1].offset, 16);
	assert_int_equal(dwarf_captured(o->types->dwarf, o->types, BIAS + DP_TEXT + 0x101, c, 4), 0); /* not an entry */
	assert_int_equal(dwarf_captured(o->types->dwarf, o->types, BIAS + DP_TEXT, c, 4), 0);
	size_t n = locals_at(o, 0x108, l);
	assert_int_equal(local_named(l, n, "k")->pieces[0].value, -4); /* CFA plus a constant */
}

static const struct {
	unsigned version, word;
	bool be;
	const char *compress;
} variants[] = {
	{4, 8, false, ""}, {4, 8, false, "z"}, {4, 8, false, "c"}, {5, 8, false, ""}, {5, 8, false, "c"},
	{4, 4, false, "c"}, {5, 4, false, ""}, {4, 8, true, "c"}, {5, 8, true, ""},
};

static void test_variants(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct opened o;
		open_prog(&o, variants[i].version, variants[i].word, variants[i].be, variants[i].compress);
		check_types(&o, variants[i].word);
		check_globals(&o);
		check_runtime(&o, variants[i].word);
		if (variants[i].word == 8)
			check_locals(&o);
		check_captured(&o);
		assert_int_equal(o.diag.warnings, 0);
		close_prog(&o);
	}
}

/* Whatever the debug information says, there is an answer or an error, and everything is freed. */
static void try_damaged(struct opened *o)
{
	struct local l[16];
	struct captured c[4];
	size_t size, n;
	uint8_t *file = cb_build(&o->prog.cb, &size);
	struct hc_error *err = open_bytes(o, file, size, false, 8);
	if (!err && o->types->dwarf) {
		ok(dwarf_locals(o->types->dwarf, o->types, BIAS + DP_TEXT + 0x52, l, 16, &n));
		assert_true(n <= 16);
		dwarf_captured(o->types->dwarf, o->types, BIAS + DP_TEXT + 0x100, c, 4);
		for (uint32_t i = 0; i < o->types->n; i++)
			assert_true(o->types->t[i].ptr_words * 8 <= o->types->t[i].size);
	}
	hc_error_free(err);
	close_bytes(o);
	free(file);
}

static void test_damage(void **state)
{
	(void)state;
	struct opened o;
	memset(&o, 0, sizeof(o));
	diag_init(&o.diag, NULL, NULL);
	for (unsigned version = 4; version <= 5; version++) {
		dp_init(&o.prog, version, 8, false, "");
		for (size_t i = 0; i < o.prog.cb.sections.len; i++) {
			struct cb_section *s = &o.prog.cb.sections.data[i];
			size_t whole = s->size;
			const void *good = s->data;
			uint8_t *copy = malloc(whole);
			memcpy(copy, good, whole);
			s->data = copy;
			for (s->size = 0; s->size < whole; s->size += version == 5 ? 1 : 16)
				try_damaged(&o);
			s->size = whole;
			for (size_t at = 0; at < whole; at++) {
				uint8_t byte = copy[at];
				copy[at] = version == 5 ? 0xff : 0;
				try_damaged(&o);
				copy[at] = byte;
			}
			free(copy);
			s->data = good;
		}
		dp_free(&o.prog);
	}
	diag_deinit(&o.diag);
}

static void test_absent(void **state)
{
	(void)state;
	struct opened o;
	memset(&o, 0, sizeof(o));
	diag_init(&o.diag, NULL, NULL);
	dp_init(&o.prog, 4, 8, false, "");
	o.prog.cb.sections.len = 0;
	size_t size;
	uint8_t *file = cb_build(&o.prog.cb, &size);
	ok(open_bytes(&o, file, size, false, 8));
	assert_null(o.types->dwarf);
	assert_int_equal(o.types->n, 0);
	assert_false(o.types->layout.from_dwarf);
	assert_int_equal(types_global_addr(o.types, "main.index"), BIAS + DP_DATA); /* level L1 */
	close_bytes(&o);
	diag_deinit(&o.diag);
	free(file);
	dp_free(&o.prog);
}

/* Sections that cannot be decompressed are named, not misread. */
static void check_unreadable(const char *compress, size_t at, uint8_t value)
{
	struct opened o;
	memset(&o, 0, sizeof(o));
	diag_init(&o.diag, NULL, NULL);
	dp_init(&o.prog, 5, 8, false, compress);
	for (size_t i = 0; i < o.prog.db.owned.len; i++)
		o.prog.db.owned.data[i][at] = value;
	size_t size;
	uint8_t *file = cb_build(&o.prog.cb, &size);
	ok(open_bytes(&o, file, size, false, 8));
	assert_null(o.types->dwarf);
	assert_true(o.diag.warnings > 0);
	close_bytes(&o);
	diag_deinit(&o.diag);
	free(file);
	dp_free(&o.prog);
}

static void test_unreadable(void **state)
{
	(void)state;
	check_unreadable("c", 0, 2);     /* ELFCOMPRESS_ZSTD */
	check_unreadable("z", 0, 'X');   /* no "ZLIB" */
	check_unreadable("z", 4, 0x7f);  /* an absurd size */
	check_unreadable("z", 11, 0xff); /* a wrong one */
	check_unreadable("c", 24, 0xff); /* a broken stream */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_unreadable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
