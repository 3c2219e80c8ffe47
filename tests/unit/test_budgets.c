/* SPDX-License-Identifier: MIT */
/*
 * Files whose headers, lists and entries name the same bytes thousands of times: what is read of them, and the memory that
 * it takes, stays in proportion to the file. Each of these took the square of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include "../support/dwarfprog.h"
#include "base/bits.h"
#include "types/dwarf_priv.h"

static void ok(struct hc_error *err)
{
	if (err)
		fail_msg("%s", hc_error_message(err));
}

static uint8_t page[1 << 16];

static void test_segments(void **state)
{
	(void)state;
	enum { N = 500 };
	struct corebuild cb;
	struct blob *blob;
	struct proc *p;
	struct diag diag;
	size_t size;
	const struct proc_opts opts = {.path = "test.core"};
	cb_init(&cb);
	cb_buildinfo(page, "go1.24.4", "path\texample.com/x\n");
	cb_segment(&cb, 0x500000, sizeof(page), PF_R | PF_W, page, sizeof(page));
	for (uint64_t i = 0; i < N; i++) {
		struct cb_segment *s = cb_segment(&cb, 0xc000000000 + i * sizeof(page), sizeof(page), PF_R | PF_W, NULL, sizeof(page));
		s->fixed_offset = true; /* the start of the file */
	}
	uint8_t *file = cb_build(&cb, &size);
	diag_init(&diag, NULL, NULL);
	ok(blob_from_memory("test.core", file, size, &blob));
	ok(proc_open_blob(blob, &opts, &diag, &p));
	assert_true(proc_bytes(p) >= sizeof(page));
	assert_true(proc_bytes(p) <= 4 * size);
	assert_true(diag.warnings > 0);
	proc_close(p);
	diag_deinit(&diag);
	free(file);
	cb_free(&cb);
}

/* The file with n more headers like that of the first section of the type. */
static uint8_t *repeat_section(const uint8_t *file, size_t *size, uint32_t type, unsigned n)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	memcpy(&eh, file, sizeof(eh));
	size_t old = *size, table = eh.e_shnum * sizeof(sh), at = 0;
	uint8_t *out = calloc(1, old + table + n * sizeof(sh));
	assert_non_null(out);
	memcpy(out, file, old);
	memcpy(out + old, file + eh.e_shoff, table);
	for (unsigned i = 0; i < eh.e_shnum && !at; i++) {
		memcpy(&sh, file + eh.e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type == type)
			at = i;
	}
	assert_int_not_equal(at, 0);
	for (unsigned i = 0; i < n; i++)
		memcpy(out + old + table + i * sizeof(sh), &sh, sizeof(sh));
	eh.e_shoff = old;
	eh.e_shnum = (uint16_t)(eh.e_shnum + n);
	memcpy(out, &eh, sizeof(eh));
	*size = old + table + n * sizeof(sh);
	return out;
}

static void test_sections(void **state)
{
	(void)state;
	enum { SYMBOLS = 1000, COPIES = 2000 };
	struct corebuild cb;
	struct blob *blob;
	struct exe *exe;
	size_t size;
	cb_init(&cb);
	cb.type = ET_EXEC;
	cb_segment(&cb, 0x400000, 4096, PF_R | PF_X, page, 4096);
	for (uint64_t i = 0; i < SYMBOLS; i++) {
		struct cb_symbol s = {"main.f", 0x400000 + i, 1, STT_FUNC};
		assert_true(vec_push(&cb.symbols, s));
	}
	uint8_t *file = cb_build(&cb, &size), *many = repeat_section(file, &size, SHT_SYMTAB, COPIES);
	ok(blob_from_memory("prog", many, size, &blob));
	ok(exe_parse(blob, NULL, &exe));
	assert_true(exe->nsymbols >= SYMBOLS);
	assert_true(exe->nsymbols * sizeof(Elf64_Sym) <= 4 * size);
	exe_close(exe);
	free(file);
	free(many);
	cb_free(&cb);
}

/* A function of many blocks that all have the same long list of ranges. */
static void test_ranges(void **state)
{
	(void)state;
	enum { BLOCKS = 3000, RANGES = 3000, LOW = DP_TEXT };
	struct dwarfbuild db;
	struct corebuild cb;
	struct blob *blob;
	struct diag diag;
	struct exe *exe;
	struct types *types;
	struct local out[4];
	size_t size, n;
	db_init(&db, 4, 8, false);
	uint64_t list = db_range_begin(&db, LOW);
	for (uint64_t i = 0; i < RANGES; i++)
		db_range_entry(&db, 2 * i, 2 * i + 1);
	db_range_end(&db);
	db_unit(&db, "main", LANG_GO, LOW, LOW + 0x10000);
	DB_DIE(&db, 0, T_SUBPROGRAM, true, {A_NAME, DB_STRING, 0, "main.f"}, {A_LOW, DB_ADDR, LOW, NULL},
	       {A_HIGH, DB_ADDR, LOW + 0x10000, NULL});
	for (unsigned i = 0; i < BLOCKS; i++) {
		DB_DIE(&db, 0, T_BLOCK, true, {A_RANGES, DB_SECOFF, list, NULL});
		DB_DIE(&db, 0, T_VARIABLE, false, {A_NAME, DB_STRING, 0, "x"});
		db_end(&db);
	}
	db_end(&db);
	db_unit_end(&db);
	cb_init(&cb);
	cb.type = ET_EXEC;
	cb_segment(&cb, 0x400000, 4096, PF_R | PF_X, page, 4096);
	db_sections(&db, &cb, "");
	uint8_t *file = cb_build(&cb, &size);
	diag_init(&diag, NULL, NULL);
	ok(blob_from_memory("prog", file, size, &blob));
	ok(exe_parse(blob, &diag, &exe));
	struct module_file module = {.exe = exe, .main = true};
	struct proc proc = {.diag = &diag, .arch = exe->arch, .word = 8, .modules = &module, .nmodules = 1};
	proc.build.minor = 26;
	ok(types_open(&proc, &diag, &types));
	assert_non_null(types->dwarf);
	ok(dwarf_locals(types->dwarf, types, LOW + 4, out, 4, &n));
	assert_true(types->dwarf->scopes.len >= RANGES);
	assert_true(types->dwarf->scopes.len * 16 <= 16 * size + (2 << 20));
	assert_true(diag.warnings > 0);
	types_close(types);
	exe_close(exe);
	diag_deinit(&diag);
	free(file);
	cb_free(&cb);
	db_free(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
