/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/fakeprog.h"

static const uint32_t magics[] = {MAGIC_1_16, MAGIC_1_18, MAGIC_1_20};

/* main.f: 0x40 bytes, a frame of 24 bytes from 4 to 0x3c; main.inner inlined into it at [0x10, 0x20). */
static const struct pcrange sp_f[] = {{0, 4}, {24, 0x3c}, {0, 0x40}, {0, 0}};
static const struct pcrange line_f[] = {{10, 0x10}, {77, 0x20}, {300000, 0x40}, {0, 0}};
static const struct pcrange file_f[] = {{0, 0x10}, {1, 0x20}, {0, 0x40}, {0, 0}};
static const struct pcrange map_f[] = {{-1, 8}, {1, 0x30}, {0, 0x40}, {0, 0}};
static const struct pcrange inl_f[] = {{-1, 0x10}, {0, 0x20}, {-1, 0x40}, {0, 0}};

static struct fakeprog *build(uint32_t magic)
{
	struct fakeprog *g = malloc(sizeof(*g));
	assert_non_null(g);
	fg_init(g, magic, ARCH_AMD64);
	fp_bytes(&g->fp, FG_FILES, "/src/a.go\0/src/b.go", 20);
	fp_put(&g->fp, FG_CUTAB, 4, 0);
	fp_put(&g->fp, FG_CUTAB + 4, 4, 10);
	fg_func(g, &(struct fakefunc){.size = 0x20, .name = "runtime.goexit", .flag = FUNC_TOPFRAME, .args = INT32_MIN});
	uint32_t inner = fg_name(g, "main.inner");
	fg_func(g, &(struct fakefunc){.size = 0x40, .name = "main.f", .args = 16, .deferreturn = 0x30, .sp = sp_f, .line = line_f,
	                              .file = file_f, .stackmap = map_f, .inltree = inl_f, .localsmap = FG_GOFUNC + 8,
	                              .tree = FG_GOFUNC + 64});
	fg_func(g, &(struct fakefunc){.size = 0x10, .name = "main.main"});
	fg_finish(g);
	if (magic == MAGIC_1_20) { /* {funcID, pad, nameOff, parentPc, startLine} */
		fp_put(&g->fp, FG_GOFUNC + 64 + 4, 4, inner);
		fp_put(&g->fp, FG_GOFUNC + 64 + 8, 4, 0x0f);
	} else { /* {parent, funcID, pad, file, line, func, parentPc} */
		fp_put(&g->fp, FG_GOFUNC + 64, 2, 0xffff);
		fp_put(&g->fp, FG_GOFUNC + 64 + 4, 4, 0);
		fp_put(&g->fp, FG_GOFUNC + 64 + 8, 4, 10);
		fp_put(&g->fp, FG_GOFUNC + 64 + 12, 4, inner);
	}
	return g;
}

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fakeprog *g = build(magics[i]);
		struct func f;
		assert_true(program_func(&g->prog, FG_TEXT, &f));
		assert_string_equal(f.name, "runtime.goexit");
		assert_int_equal(f.flag, FUNC_TOPFRAME);
		assert_int_equal(f.args, INT32_MIN);
		assert_true(program_func(&g->prog, FG_TEXT + 0x1f, &f));
		assert_string_equal(f.name, "runtime.goexit");
		assert_true(program_func(&g->prog, FG_TEXT + 0x20, &f));
		assert_string_equal(f.name, "main.f");
		assert_int_equal(f.entry, FG_TEXT + 0x20);
		assert_int_equal(f.end, FG_TEXT + 0x60);
		assert_int_equal(f.args, 16);
		assert_int_equal(f.deferreturn, 0x30);
		assert_int_equal(f.start_line, magics[i] == MAGIC_1_20 ? 10 : 0);
		assert_true(program_func(&g->prog, FG_TEXT + 0x6f, &f));
		assert_string_equal(f.name, "main.main");
		assert_false(program_func(&g->prog, FG_TEXT + 0x70, &f));
		assert_false(program_func(&g->prog, FG_TEXT - 1, &f));
		assert_false(program_func(&g->prog, 0, &f));
		assert_true(program_func_entry(&g->prog, FG_TEXT + 0x20, &f));
		assert_false(program_func_entry(&g->prog, FG_TEXT + 0x21, &f));
		free(g);
	}
}

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fakeprog *g = build(magics[i]);
		struct func f;
		int32_t v;
		assert_true(program_func(&g->prog, FG_TEXT + 0x20, &f));
		assert_true(func_spdelta(&f, f.entry, &v) && v == 0);
		assert_true(func_spdelta(&f, f.entry + 3, &v) && v == 0);
		assert_true(func_spdelta(&f, f.entry + 4, &v) && v == 24);
		assert_true(func_spdelta(&f, f.entry + 0x3b, &v) && v == 24);
		assert_true(func_spdelta(&f, f.entry + 0x3c, &v) && v == 0);
		assert_false(func_spdelta(&f, f.entry + 0x40, &v)); /* beyond the table */
		assert_false(func_spdelta(&f, f.entry - 1, &v));
		assert_true(func_pcdata(&f, PCDATA_STACKMAP, f.entry + 7, &v) && v == -1);
		assert_true(func_pcdata(&f, PCDATA_STACKMAP, f.entry + 8, &v) && v == 1);
		assert_true(func_pcdata(&f, PCDATA_STACKMAP, f.entry + 0x30, &v) && v == 0);
		assert_false(func_pcdata(&f, PCDATA_UNSAFEPOINT, f.entry, &v)); /* no table */
		assert_false(func_pcdata(&f, 3, f.entry, &v));
		assert_int_equal(func_funcdata(&f, FUNCDATA_LOCALSMAP), FG_GOFUNC + 8);
		assert_int_equal(func_funcdata(&f, FUNCDATA_ARGSMAP), 0);
		assert_int_equal(func_funcdata(&f, FUNCDATA_INLTREE), FG_GOFUNC + 64);
		assert_int_equal(func_funcdata(&f, 4), 0);
		free(g);
	}
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fakeprog *g = build(magics[i]);
		struct func f;
		struct srcline l[4];
		assert_true(program_func(&g->prog, FG_TEXT + 0x20, &f));
		assert_int_equal(func_lines(&g->prog, &f, f.entry + 5, l, 4), 1);
		assert_string_equal(l[0].func, "main.f");
		assert_string_equal(l[0].file, "/src/a.go");
		assert_int_equal(l[0].line, 10);
		assert_false(l[0].inlined);
		assert_int_equal(func_lines(&g->prog, &f, f.entry + 0x18, l, 4), 2);
		assert_string_equal(l[0].func, "main.inner");
		assert_string_equal(l[0].file, "/src/b.go");
		assert_int_equal(l[0].line, 77);
		assert_true(l[0].inlined);
		assert_string_equal(l[1].func, "main.f");
		assert_string_equal(l[1].file, "/src/a.go");
		assert_int_equal(l[1].line, 10);
		assert_false(l[1].inlined);
		assert_int_equal(func_lines(&g->prog, &f, f.entry + 0x30, l, 4), 1);
		assert_int_equal(l[0].line, 300000);
		/* No room: the physical function is what remains. */
		assert_int_equal(func_lines(&g->prog, &f, f.entry + 0x18, l, 1), 1);
		assert_string_equal(l[0].func, "main.f");
		free(g);
	}
}

static void ask_everything(const struct fakeprog *g)
{
	for (uint64_t pc = FG_TEXT; pc < FG_TEXT + 0x70; pc += 3) {
		struct func f;
		struct srcline l[4];
		int32_t v;
		if (!program_func(&g->prog, pc, &f))
			continue;
		assert_true(strlen(f.name) < 64);
		func_spdelta(&f, pc, &v);
		for (unsigned i = 0; i < 5; i++) {
			func_pcdata(&f, i, pc, &v);
			func_funcdata(&f, i);
		}
		size_t n = func_lines(&g->prog, &f, pc, l, 4);
		for (size_t i = 0; i < n; i++)
			assert_true(strlen(l[i].file) + strlen(l[i].func) < 128);
	}
}

/* Tables that end early, at every byte, are read to their end and no further: each is copied to its own allocation. */
static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fakeprog *g = build(magics[i]);
		struct bytes_view *const views[] = {&g->mod.funcnametab, &g->mod.pctab, &g->mod.pclntable, &g->mod.cutab,
		                                    &g->mod.filetab};
		for (size_t k = 0; k < sizeof(views) / sizeof(views[0]); k++) {
			struct bytes_view whole = *views[k];
			for (uint64_t n = 0; n < whole.size; n++) {
				uint8_t *copy = malloc(n ? n : 1);
				assert_non_null(copy);
				memcpy(copy, whole.data, n);
				*views[k] = (struct bytes_view){copy, n};
				ask_everything(g);
				free(copy);
			}
			*views[k] = whole;
		}
		free(g);
	}
}

static void test_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fakeprog *g = build(magics[i]);
		for (uint64_t at = FG_FUNCS; at < FG_FUNCS + 0x180; at++) {
			uint8_t *b = &g->fp.data[at - FP_BASE], old = *b;
			*b = 0xff;
			ask_everything(g);
			*b = old;
		}
		free(g);
	}
}

/* Several text sections: offsets and addresses differ by section (very large programs on arm64). */
static void test_text_sections(void **state)
{
	(void)state;
	struct fakeprog *g = build(MAGIC_1_20);
	struct textsect sects[] = {{0, 0x20, FG_TEXT}, {0x20, 0x70, FG_TEXT + 0x500}};
	struct func f;
	g->mod.textsects = sects;
	g->mod.ntextsects = 2;
	g->mod.maxpc = g->mod.etext = FG_TEXT + 0x550;
	assert_true(program_func(&g->prog, FG_TEXT + 0x501, &f));
	assert_string_equal(f.name, "main.f");
	assert_int_equal(f.entry, FG_TEXT + 0x500);
	assert_int_equal(f.end, FG_TEXT + 0x540);
	assert_true(program_func(&g->prog, FG_TEXT + 0x1f, &f));
	assert_string_equal(f.name, "runtime.goexit");
	assert_false(program_func(&g->prog, FG_TEXT + 0x30, &f)); /* between the sections */
	free(g);
}

/* ---- finding moduledata ---- */

enum { MD = FG_FREE, MD_WORDS = 64 };

/* A moduledata of our own layout: every field that matters, one after the other. */
static void layout_made_up(struct layout *l)
{
	static const struct {
		enum layout_field f;
		int words;
	} fields[] = {
		{L_MD_PCHEADER, 1}, {L_MD_FUNCNAMETAB, 3}, {L_MD_CUTAB, 3}, {L_MD_FILETAB, 3}, {L_MD_PCTAB, 3},
		{L_MD_PCLNTABLE, 3}, {L_MD_FTAB, 3}, {L_MD_MINPC, 1}, {L_MD_MAXPC, 1}, {L_MD_TEXT, 1}, {L_MD_ETEXT, 1},
		{L_MD_GOFUNC, 1}, {L_MD_TYPES, 1}, {L_MD_ETYPES, 1}, {L_MD_NEXT, 1},
	};
	int off = 0;
	for (size_t i = 0; i < LAYOUT_COUNT; i++)
		l->f[i].off = -1;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		l->f[fields[i].f].off = off;
		l->f[fields[i].f].size = (uint8_t)(fields[i].words * 8);
		off += fields[i].words * 8;
	}
	l->minor = 24;
}

static uint64_t put_slice(struct fakeprog *g, uint64_t at, uint64_t ptr, uint64_t n)
{
	fp_word(&g->fp, at, ptr);
	fp_word(&g->fp, at + 8, n);
	fp_word(&g->fp, at + 16, n);
	return at + 24;
}

/* The pcHeader lies 72 bytes in front of the function names, and the other tables behind them. */
static void put_moduledata(struct fakeprog *g)
{
	uint64_t header = FG_NAMES - 72, at = MD;
	fp_put(&g->fp, header, 4, MAGIC_1_20);
	fp_put(&g->fp, header + 6, 1, 1);
	fp_put(&g->fp, header + 7, 1, 8);
	fp_word(&g->fp, at, header);
	at = put_slice(g, at + 8, FG_NAMES, g->names - FG_NAMES);
	at = put_slice(g, at, FG_NAMES, 0); /* cutab */
	at = put_slice(g, at, FG_NAMES, 0); /* filetab */
	at = put_slice(g, at, FG_PCTAB, g->pctab - FG_PCTAB);
	at = put_slice(g, at, FG_FUNCS, g->funcs - FG_FUNCS);
	at = put_slice(g, at, FG_FTAB, (g->ftab - FG_FTAB) / 8);
	fp_word(&g->fp, at, FG_TEXT);
	fp_word(&g->fp, at + 8, FG_TEXT + 0x70);
	fp_word(&g->fp, at + 16, FG_TEXT);
	fp_word(&g->fp, at + 24, FG_TEXT + 0x70);
	fp_word(&g->fp, at + 32, FG_GOFUNC);
}

static void test_open(void **state)
{
	(void)state;
	struct fakeprog *g = build(MAGIC_1_20);
	struct layout *l = calloc(1, sizeof(*l));
	struct diag diag;
	struct program *p;
	struct func f;
	assert_non_null(l);
	layout_made_up(l);
	diag_init(&diag, NULL, NULL);
	put_moduledata(g);
	struct hc_error *err = program_open(&g->fp.proc, l, NULL, &diag, &p);
	assert_null(err);
	assert_int_equal(p->nmodules, 1);
	assert_int_equal(p->modules[0].addr, MD);
	assert_int_equal(p->modules[0].nfunc, 3);
	assert_true(program_func(p, FG_TEXT + 0x20, &f));
	assert_string_equal(f.name, "main.f");
	program_close(p);
	/* A list of modules that leads back to itself ends. */
	fp_word(&g->fp, MD + (uint64_t)l->f[L_MD_NEXT].off, MD);
	err = program_open(&g->fp.proc, l, NULL, &diag, &p);
	assert_null(err);
	assert_int_equal(p->nmodules, 1);
	program_close(p);
	fp_word(&g->fp, MD + (uint64_t)l->f[L_MD_NEXT].off, FP_BASE + FP_SIZE - 8);
	err = program_open(&g->fp.proc, l, NULL, &diag, &p);
	assert_null(err);
	assert_int_equal(p->nmodules, 1);
	assert_true(diag.warnings > 0);
	program_close(p);
	/* Memory that ends anywhere. */
	for (uint64_t n = 0; n < FP_SIZE; n += n > MD - FP_BASE && n < MD - FP_BASE + 300 ? 1 : 97) {
		fp_cut(&g->fp, n);
		err = program_open(&g->fp.proc, l, NULL, &diag, &p);
		assert_true(err != NULL || n > MD - FP_BASE);
		if (!err)
			program_close(p);
		hc_error_free(err);
	}
	fp_cut(&g->fp, FP_SIZE);
	fp_word(&g->fp, MD, 0);
	err = program_open(&g->fp.proc, l, NULL, &diag, &p);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	assert_non_null(strstr(hc_error_message(err), "--exe"));
	hc_error_free(err);
	diag_deinit(&diag);
	free(l);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_text_sections),
		cmocka_unit_test(test_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
