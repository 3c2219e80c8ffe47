/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include "../support/corebuild.h"
#include "reader/priv.h"

static const uint8_t text[64] = "text";
static const uint8_t rodata[32] = "read-only";
static const uint8_t data[48] = "data";

static struct hc_error *parse(const uint8_t *d, size_t size, struct exe **ret)
{
	struct blob *b;
	struct hc_error *err = blob_from_memory("prog", d, size, &b);
	return err ? err : exe_parse(b, NULL, ret);
}

static void small_exe_for(struct corebuild *cb, uint16_t machine, unsigned word, bool be)
{
	static const struct cb_symbol symbols[] = {
		{"main.main", 0x401020, 16, STT_FUNC}, {"runtime.text", 0x401000, 0, STT_NOTYPE},
		{"main.init", 0x401000, 32, STT_FUNC}, {"main.data", 0x600000, 8, STT_OBJECT},
		{"file.go", 0, 0, STT_FILE},           {"main.init", 0x401040, 4, STT_FUNC},
	};
	cb_init(cb);
	cb->machine = machine;
	cb->word = word;
	cb->be = be;
	cb->type = ET_EXEC;
	cb->entry = 0x401020;
	cb_note(cb, "Go", 4, "act/bct", 7);
	cb_note(cb, "GNU", 3, "\xab\xcd\xef\x01", 4);
	cb_segment(cb, 0x400000, 0, PF_R | PF_X, text, sizeof(text));
	cb_segment(cb, 0x500000, sizeof(rodata), PF_R, rodata, sizeof(rodata));
	cb_segment(cb, 0x600000, 4096, PF_R | PF_W, data, sizeof(data));
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		assert_true(vec_push(&cb->symbols, symbols[i]));
	const struct cb_section sections[] = {
		{.name = ".rodata", .type = SHT_PROGBITS, .addr = 0x500000, .flags = SHF_ALLOC, .size = 32, .of_memory = true},
		{.name = ".bss", .type = SHT_NOBITS, .addr = 0x600030, .flags = SHF_ALLOC, .size = 4048, .of_memory = true},
		{.name = ".debug_info", .type = SHT_PROGBITS, .flags = SHF_COMPRESSED, .data = "zzzz", .size = 4},
	};
	for (size_t i = 0; i < 3; i++)
		assert_true(vec_push(&cb->sections, sections[i]));
}

static void small_exe(struct corebuild *cb)
{
	small_exe_for(cb, EM_X86_64, 8, false);
}

static void check_exe(const struct exe *exe)
{
	uint64_t n;
	assert_string_equal(exe->go_build_id, "act/bct");
	assert_string_equal(exe->gnu_build_id, "abcdef01");
	assert_int_equal(exe->nsegments, 3);
	assert_int_equal(exe->segments[2].memsz, 4096);
	assert_int_equal(exe->segments[2].filesz, sizeof(data));
	assert_int_equal(exe->nsymbols, 5); /* without the file's name */
	for (size_t i = 1; i < exe->nsymbols; i++)
		assert_true(exe->symbols[i - 1].value <= exe->symbols[i].value);
	assert_int_equal(exe_symbol(exe, "main.main")->value, 0x401020);
	assert_int_equal(exe_symbol(exe, "main.init")->value, 0x401000); /* the first of two */
	assert_null(exe_symbol(exe, "main"));
	assert_null(exe_symbol(exe, ""));
	assert_string_equal(exe_symbol_at(exe, 0x401010)->name, "main.init");
	assert_string_equal(exe_symbol_at(exe, 0x40102f)->name, "main.main");
	assert_null(exe_symbol_at(exe, 0x401030)); /* between symbols with sizes */
	assert_null(exe_symbol_at(exe, 0x400fff));
	assert_null(exe_symbol_at(exe, 0x600008));
	assert_true(exe->has_symtab && exe->has_dwarf);
	assert_ptr_equal(exe_dwarf(exe), exe);
	const struct exe_section *s = exe_section(exe, ".rodata");
	assert_non_null(s);
	assert_true(s->alloc && !s->nobits && !s->compressed);
	assert_memory_equal(exe_section_data(exe, s, &n), rodata, sizeof(rodata));
	assert_int_equal(n, sizeof(rodata));
	assert_null(exe_section_data(exe, exe_section(exe, ".bss"), &n));
	assert_true(exe_section(exe, ".debug_info")->compressed);
	assert_null(exe_section(exe, ".nope"));
	assert_memory_equal(exe_view(exe, 0x500004, &n), rodata + 4, 28);
	assert_int_equal(n, 28);
	assert_null(exe_view(exe, 0x500020, &n));
	assert_null(exe_view(exe, 0x600030, &n)); /* .bss has no bytes in the file */
}

static void test_parse(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct corebuild cb;
		struct exe *exe;
		size_t size;
		small_exe_for(&cb, kind & 2 ? EM_MIPS : kind & 1 ? EM_PPC64 : EM_X86_64, kind & 2 ? 4 : 8, kind & 1);
		uint8_t *d = cb_build(&cb, &size);
		assert_null(parse(d, size, &exe));
		assert_int_equal(exe->be, kind & 1);
		assert_int_equal(exe->word, cb.word);
		assert_int_equal(exe->entry, 0x401020);
		assert_false(exe->pie);
		check_exe(exe);
		exe_close(exe);
		free(d);
		cb_free(&cb);
	}
}

static void test_stripped(void **state)
{
	(void)state;
	struct corebuild cb;
	struct exe *exe;
	size_t size;
	small_exe(&cb);
	cb.type = ET_DYN;
	cb.sections.len = cb.symbols.len = 0;
	uint8_t *d = cb_build(&cb, &size);
	memset(d + 40, 0, 8); /* no section headers at all */
	memset(d + 58, 0, 6);
	assert_null(parse(d, size, &exe));
	assert_true(exe->pie);
	assert_int_equal(exe->nsections, 0);
	assert_false(exe->has_symtab || exe->has_dwarf);
	assert_null(exe_dwarf(exe));
	assert_null(exe_symbol(exe, "main.main"));
	assert_null(exe_symbol_at(exe, 0x401020));
	assert_string_equal(exe->go_build_id, "act/bct");
	exe_close(exe);
	free(d);
	cb_free(&cb);
}

static void test_not_exe(void **state)
{
	(void)state;
	struct exe *exe;
	static const char words[] = "#!/bin/sh\nexec /app/srv\n";
	struct hc_error *err = parse((const uint8_t *)words, sizeof(words), &exe);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	assert_non_null(strstr(hc_error_message(err), "expected an ELF executable"));
	hc_error_free(err);
	struct corebuild cb;
	size_t size;
	cb_init(&cb);
	uint8_t *d = cb_build(&cb, &size);
	err = parse(d, size, &exe);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	hc_error_free(err);
	free(d);
	cb_free(&cb);
	err = exe_open("/nonexistent/prog", NULL, &exe);
	assert_int_equal(hc_error_code(err), HC_E_IO);
	hc_error_free(err);
}

/* All accessors, on whatever came out. */
static void use(const struct exe *exe, const uint8_t *d, size_t size)
{
	uint64_t n;
	for (size_t i = 0; i < exe->nsections; i++) {
		const uint8_t *s = exe_section_data(exe, &exe->sections[i], &n);
		assert_true(!s || (s >= d && n <= (size_t)(d + size - s)));
		assert_true(strlen(exe->sections[i].name) < size);
	}
	for (size_t i = 0; i < exe->nsymbols; i++) {
		assert_true(strlen(exe->symbols[i].name) < size);
		exe_symbol_at(exe, exe->symbols[i].value);
		assert_non_null(exe_symbol(exe, exe->symbols[i].name));
	}
	for (size_t i = 0; i < exe->nsegments; i++) {
		const uint8_t *s = exe_view(exe, exe->segments[i].vaddr, &n);
		assert_true(!s || (s >= d && n <= (size_t)(d + size - s)));
	}
}

static void test_cut_everywhere(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	small_exe(&cb);
	uint8_t *d = cb_build(&cb, &size);
	for (size_t n = 0; n <= size; n++) {
		uint8_t *part = malloc(n + 1);
		struct exe *exe;
		assert_non_null(part);
		memcpy(part, d, n);
		struct hc_error *err = parse(part, n, &exe);
		if (!err) {
			use(exe, part, n);
			exe_close(exe);
		}
		hc_error_free(err);
		free(part);
	}
	free(d);
	cb_free(&cb);
}

static void test_flips(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	small_exe(&cb);
	uint8_t *d = cb_build(&cb, &size);
	static const uint8_t values[] = {0, 1, 4, 0x7f, 0x80, 0xff};
	for (size_t i = 0; i < size; i++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			uint8_t old = d[i];
			struct exe *exe;
			d[i] = values[v];
			struct hc_error *err = parse(d, size, &exe);
			if (!err) {
				use(exe, d, size);
				exe_close(exe);
			}
			hc_error_free(err);
			d[i] = old;
		}
	}
	free(d);
	cb_free(&cb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),          cmocka_unit_test(test_stripped), cmocka_unit_test(test_not_exe),
		cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_flips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
