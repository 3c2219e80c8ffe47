/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/corebuild.h"
#include "reader/priv.h"

static size_t count_notes(const uint8_t *data, size_t size, unsigned align, bool be, bool *cut)
{
	struct note_iter it = {.data = data, .size = size, .align = align, .be = be};
	size_t n = 0;
	for (struct note note; note_next(&it, &note); n++) {
		assert_true(note.desc >= data && note.desc + note.descsz <= data + size);
		assert_true(note.namesz == 0 || (const uint8_t *)note.name + note.namesz <= data + size);
	}
	*cut = it.cut;
	return n;
}

static void test_walk(void **state)
{
	(void)state;
	for (int align = 4; align <= 8; align += 4) {
		for (int be = 0; be <= 1; be++) {
			struct corebuild cb;
			bool cut;
			cb_init(&cb);
			cb.be = be;
			cb.note_at_8 = align == 8;
			cb_note(&cb, "CORE", 1, "abc", 3);
			cb_note(&cb, NULL, 2, "", 0);
			cb_note(&cb, "Go", 4, "id/x", 4);
			assert_int_equal(count_notes(cb.notes.data, cb.notes.len, (unsigned)align, be, &cut), 3);
			assert_false(cut);
			struct note_iter it = {.data = cb.notes.data, .size = cb.notes.len, .align = (unsigned)align, .be = be};
			struct note n;
			assert_true(note_next(&it, &n) && note_named(&n, "CORE") && n.descsz == 3);
			assert_true(note_next(&it, &n) && note_named(&n, "") && n.descsz == 0);
			assert_true(note_next(&it, &n) && note_named(&n, "Go") && !note_named(&n, "G"));
			assert_memory_equal(n.desc, "id/x", 4);
			cb_free(&cb);
		}
	}
}

static void test_cut_everywhere(void **state)
{
	(void)state;
	struct corebuild cb;
	cb_init(&cb);
	cb_note(&cb, "CORE", 1, "abcde", 5);
	size_t first = cb.notes.len;
	cb_note(&cb, "CORE", 2, "abcd", 4);
	for (size_t n = 0; n < cb.notes.len; n++) {
		uint8_t *part = malloc(n + 1);
		bool cut;
		assert_non_null(part);
		memcpy(part, cb.notes.data, n);
		size_t found = count_notes(part, n, 4, false, &cut);
		/* The padding of the last note may be missing. */
		assert_int_equal(found, n >= first - 3);
		assert_int_equal(cut, n != 0 && !(n >= first - 3 && n <= first));
		free(part);
	}
	cb_free(&cb);
}

static void test_lying_sizes(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {0x7fffffff, 0x80000000, 0xfffffff4, 0xffffffff, 21, 1000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t field = 0; field < 8; field += 4) {
			uint8_t d[32] = {5, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 'C', 'O', 'R', 'E'};
			bool cut;
			cb_store(d + field, sizes[i], 4, false);
			assert_int_equal(count_notes(d, sizeof(d), 4, false, &cut), 0);
			assert_true(cut);
		}
	}
}

static void test_build_ids(void **state)
{
	(void)state;
	struct corebuild cb;
	struct arena a = {0};
	char none[] = "", *go = none, *gnu = none;
	cb_init(&cb);
	cb_note(&cb, "GNU", 3, "\x01\x23\xfe", 3);
	cb_note(&cb, "Go", 4, "abc/def", 7);
	cb_note(&cb, "Go", 3, "not an id", 9);
	cb_note(&cb, "GNU", 4, "neither", 7);
	assert_true(notes_build_ids(&a, cb.notes.data, cb.notes.len, 4, false, &go, &gnu));
	assert_string_equal(go, "abc/def");
	assert_string_equal(gnu, "0123fe");
	go = gnu = none;
	assert_true(notes_build_ids(&a, cb.notes.data, 0, 4, false, &go, &gnu));
	assert_ptr_equal(go, none);
	arena_free(&a);
	cb_free(&cb);
}

/* Every machine's registers come from the places that its table row names. */
static void test_registers(void **state)
{
	(void)state;
	static const struct {
		uint16_t machine;
		unsigned word;
		bool be;
		const char *name;
	} machines[] = {
		{62, 8, false, "amd64"},  {183, 8, false, "arm64"},  {3, 4, false, "386"},     {40, 4, false, "arm"},
		{21, 8, true, "ppc64"},   {21, 8, false, "ppc64le"}, {22, 8, true, "s390x"},   {243, 8, false, "riscv64"},
		{258, 8, false, "loong64"}, {8, 8, true, "mips64"},  {8, 4, true, "mips"},     {8, 4, false, "mipsle"},
	};
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		const struct arch_info *ai = arch_find(machines[i].machine, machines[i].word);
		assert_non_null(ai);
		assert_string_equal(arch_name(ai->arch, machines[i].be), machines[i].name);
		struct corebuild cb;
		cb_init(&cb);
		cb.machine = machines[i].machine;
		cb.word = machines[i].word;
		cb.be = machines[i].be;
		cb_prstatus(&cb, 4711, 6, 0x401000, 0x7fff0000, 0xc0000001);
		char path[] = "core";
		struct blob blob = {.path = path};
		struct proc p = {.word = (uint8_t)cb.word, .be = cb.be, .machine = cb.machine, .arch = ai->arch, .blob = &blob};
		struct core_notes cn = {0};
		assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
		assert_int_equal(cn.threads.len, 1);
		const struct thread *t = &cn.threads.data[0];
		assert_int_equal(t->tid, 4711);
		assert_int_equal(t->signo, 6);
		assert_int_equal(t->pc, 0x401000);
		assert_int_equal(t->sp, 0x7fff0000);
		assert_int_equal(t->greg, ai->prstatus.greg ? 0xc0000001 : 0);
		assert_true(t->nregs >= 7 && t->nregs <= MAX_REGS);
		/* One byte less is no thread. */
		vec_free(&cn.threads);
		cb_store(cb.notes.data + 4, ai->prstatus.size - 1u, 4, cb.be);
		assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
		assert_int_equal(cn.threads.len, 0);
		cb_free(&cb);
	}
	assert_null(arch_find(62, 4));
	assert_null(arch_find(0, 8));
}

/* Which bits of return addresses are a signature; another machine's note of that number is something else. */
static void test_pac(void **state)
{
	(void)state;
	for (int arm = 0; arm <= 1; arm++) {
		struct corebuild cb;
		uint8_t masks[16];
		char path[] = "core";
		struct blob blob = {.path = path};
		struct proc p = {.word = 8, .machine = arm ? 183 : 62, .arch = arm ? ARCH_ARM64 : ARCH_AMD64, .blob = &blob};
		struct core_notes cn = {0};
		cb_init(&cb);
		cb_store(masks, UINT64_C(0x7f000000000000), 8, false);
		cb_store(masks + 8, UINT64_C(0x007f000000000000), 8, false);
		cb_note(&cb, "LINUX", NOTE_ARM_PAC_MASK, (const char *)masks, 15);
		assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
		assert_int_equal(p.pac_mask, 0);
		cb_note(&cb, "LINUX", NOTE_ARM_PAC_MASK, (const char *)masks, 16);
		assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
		assert_true(p.pac_mask == (arm ? UINT64_C(0x007f000000000000) : 0));
		cb_free(&cb);
	}
}

static void test_delve(void **state)
{
	(void)state;
	struct corebuild cb;
	uint8_t d[128];
	const struct arch_info *ai = arch_find(62, 8);
	cb_init(&cb);
	static const char header[] = "darwin/arm64\nVersion: x\nTarget Pid: 9\nEntry Point: 0x1234\n";
	cb_note(&cb, "Delve Header", NOTE_DELVE_HEADER, header, sizeof(header) - 1);
	memset(d, 0, sizeof(d));
	for (unsigned i = 0; i < 5; i++)
		cb_store(d + 8 * i, 100 + i, 8, false); /* tid, pc, sp, bp, tls */
	d[40] = 1;
	cb_store(d + 41, 0xc000, 8, false);
	cb_store(d + 49, 2, 4, false); /* registers */
	memcpy(d + 53, "\2\0" "r0" "\10\0" "\1\2\0\0\0\0\0\0", 14);
	cb_note(&cb, NULL, NOTE_DELVE_THREAD, d, 53 + 14 + 1); /* the second register is cut */
	cb_note(&cb, NULL, NOTE_DELVE_THREAD, d, 20); /* cut */
	char path[] = "core";
	struct blob blob = {.path = path};
	struct proc p = {.word = 8, .machine = 62, .arch = ai->arch, .blob = &blob};
	struct core_notes cn = {0};
	assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
	assert_true(cn.has_delve && cn.cut);
	assert_int_equal(cn.entry, 0x1234);
	assert_string_equal(cn.goos, "darwin");
	assert_int_equal(cn.threads.len, 1);
	assert_int_equal(cn.threads.data[0].tid, 100);
	assert_int_equal(cn.threads.data[0].tls, 104);
	assert_int_equal(cn.threads.data[0].greg, 0xc000);
	assert_int_equal(cn.threads.data[0].nregs, 1);
	assert_int_equal(cn.threads.data[0].regs[0], 0x0201);
	vec_free(&cn.threads);
	arena_free(&p.arena);
	cb_free(&cb);
}

/* NT_FILE that promises more rows, or names, than it has. */
static void test_files_lying(void **state)
{
	(void)state;
	struct corebuild cb;
	const struct cb_file files[] = {
		{0x1000, 0x3000, 0, "/a (deleted)"}, {0x5000, 0x4000, 0, "/backwards"}, {0x8000, 0x9000, 0x2000, "/c"}};
	cb_init(&cb);
	cb_files(&cb, files, 3, 4096);
	const struct arch_info *ai = arch_find(62, 8);
	char path[] = "core";
	struct blob blob = {.path = path};
	struct proc p = {.word = 8, .machine = 62, .arch = ai->arch, .blob = &blob};
	static const uint64_t counts[] = {3, 4, 1000, UINT64_MAX, UINT64_MAX / 24 + 1};
	size_t desc = 12 + 8; /* header and "CORE\0" padded */
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct core_notes cn = {0};
		cb_store(cb.notes.data + desc, counts[i], 8, false);
		assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
		if (counts[i] == 3) {
			assert_int_equal(cn.files.len, 2);
			assert_string_equal(cn.files.data[0].path, "/a");
			assert_true(cn.files.data[0].deleted);
			assert_string_equal(cn.files.data[1].path, "/c");
			assert_int_equal(cn.files.data[1].offset, 0x2000);
			assert_false(cn.files.data[1].deleted);
		}
		vec_free(&cn.files);
	}
	/* A unit with which offsets overflow. */
	struct core_notes cn = {0};
	cb_store(cb.notes.data + desc, 3, 8, false);
	cb_store(cb.notes.data + desc + 8, UINT64_MAX, 8, false);
	assert_null(core_notes_parse(&p, &cn, cb.notes.data, cb.notes.len, 4));
	assert_int_equal(cn.files.len, 1);
	vec_free(&cn.files);
	arena_free(&p.arena);
	cb_free(&cb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),      cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_lying_sizes),
		cmocka_unit_test(test_build_ids), cmocka_unit_test(test_registers),      cmocka_unit_test(test_delve),
		cmocka_unit_test(test_files_lying), cmocka_unit_test(test_pac),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
