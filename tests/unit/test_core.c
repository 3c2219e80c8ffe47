/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include "../support/corebuild.h"
#include "reader/priv.h"

enum { PAGE = 4096 };

static uint8_t page_a[PAGE], page_b[PAGE], data_page[PAGE];

static int setup(void **state)
{
	(void)state;
	memset(page_a, 'a', PAGE);
	memset(page_b, 'b', PAGE);
	cb_buildinfo(data_page, "go1.24.4", "path\texample.com/x\n");
	return 0;
}

static struct hc_error *open_bytes(const uint8_t *data, size_t size, struct diag *diag, struct proc **ret)
{
	struct blob *b;
	struct proc_opts opts = {.path = "test.core"};
	struct hc_error *err = blob_from_memory("test.core", data, size, &b);
	return err ? err : proc_open_blob(b, &opts, diag, ret);
}

static struct proc *open_ok(const uint8_t *data, size_t size, struct diag *diag)
{
	struct proc *p = NULL;
	struct hc_error *err = open_bytes(data, size, diag, &p);
	if (err)
		fail_msg("%s", hc_error_message(err));
	return p;
}

/* Segments: data with the build information, two pages of heap, a hole behind them, a reservation. */
static void small_core(struct corebuild *cb)
{
	uint64_t auxv[] = {6, PAGE, 9, 0x401000};
	cb_init(cb);
	cb_prstatus(cb, 10, 6, 0x401234, 0x7ff000, 0xc000000100);
	cb_prstatus(cb, 11, 0, 0x401235, 0x7fe000, 0xc000000200);
	cb_psinfo(cb, 10, "prog", "./prog -x");
	cb_auxv(cb, auxv, 2);
	cb_segment(cb, 0x500000, PAGE, PF_R | PF_W, data_page, PAGE);
	cb_segment(cb, 0xc000000000, PAGE, PF_R | PF_W, page_a, PAGE);
	cb_segment(cb, 0xc000001000, 3 * PAGE, PF_R | PF_W, page_b, PAGE);
	cb_segment(cb, 0xc010000000, 1 << 20, 0, NULL, 0);
}

static uint8_t byte_at(const struct proc *p, uint64_t addr)
{
	uint8_t v = 0;
	assert_true(proc_u8(p, addr, &v));
	return v;
}

static void check_small(const struct proc *p)
{
	uint64_t avail;
	uint8_t buf[2 * PAGE];
	assert_string_equal(p->build.version, "go1.24.4");
	assert_string_equal(p->psargs, "./prog -x");
	assert_string_equal(p->fname, "prog");
	assert_int_equal(p->pid, 10);
	assert_int_equal(p->nthreads, 2);
	assert_int_equal(p->threads[1].tid, 11);
	assert_int_equal(p->signo, 6);
	assert_int_equal(p->nmodules, 0);
	assert_int_equal(byte_at(p, 0xc000000fff), 'a');
	assert_int_equal(byte_at(p, 0xc000001000), 'b');
	assert_true(proc_read(p, 0xc000000000, buf, sizeof(buf)));
	assert_int_equal(buf[PAGE - 1], 'a');
	assert_int_equal(buf[PAGE], 'b');
	assert_false(proc_read(p, 0xc000000001, buf, sizeof(buf)));
	assert_non_null(proc_view(p, 0xc000001ffe, &avail));
	assert_int_equal(avail, 2);
	/* Not saved is not zero, and not unmapped. */
	assert_null(proc_view(p, 0xc000002000, &avail));
	assert_int_equal(proc_segment(p, 0xc000002000)->source, SEG_ABSENT);
	assert_int_equal(proc_segment(p, 0xc010000000)->size, 1 << 20);
	assert_null(proc_segment(p, 0xc010100000));
	assert_null(proc_segment(p, 0));
	assert_null(proc_segment(p, UINT64_MAX));
}

static void test_plain(void **state)
{
	(void)state;
	for (int variant = 0; variant < 8; variant++) {
		struct corebuild cb;
		size_t size;
		small_core(&cb);
		cb.headers_last = variant & 1;
		cb.pad = variant & 2 ? 13 : 0;
		cb.xnum = variant & 4;
		cb.note_align = variant & 1 ? 1 : 0;
		uint8_t *d = cb_build(&cb, &size);
		struct diag diag;
		diag_init(&diag, NULL, NULL);
		struct proc *p = open_ok(d, size, &diag);
		check_small(p);
		assert_int_equal(diag.warnings, 1); /* no executable */
		assert_int_equal(p->lost_bytes, 0);
		assert_int_equal(p->need_size <= p->file_size, 1);
		proc_close(p);
		diag_deinit(&diag);
		free(d);
		cb_free(&cb);
	}
}

static void test_classes(void **state)
{
	(void)state;
	static const struct {
		uint16_t machine;
		unsigned word;
		bool be;
		enum arch arch;
	} kinds[] = {{EM_386, 4, false, ARCH_386}, {EM_MIPS, 4, true, ARCH_MIPS}, {EM_S390, 8, true, ARCH_S390X},
	             {EM_PPC64, 8, true, ARCH_PPC64}, {EM_AARCH64, 8, false, ARCH_ARM64}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct corebuild cb;
		size_t size;
		uint64_t auxv[] = {6, 65536, 9, 0x11000}, v;
		uint16_t v16;
		uint8_t words[16];
		const struct cb_file file = {0x10000, 0x20000, 0x30000, "/bin/x"};
		cb_init(&cb);
		cb.machine = kinds[i].machine;
		cb.word = kinds[i].word;
		cb.be = kinds[i].be;
		cb_store(words, 0x01020304, kinds[i].word, kinds[i].be);
		cb_store(words + 8, 0xfeff, 2, kinds[i].be);
		cb_prstatus(&cb, 5, 11, 0x11234, 0x80000, 7);
		cb_auxv(&cb, auxv, 2);
		cb_files(&cb, &file, 1, 4096);
		cb_segment(&cb, 0x40000, PAGE, PF_R | PF_W, data_page, PAGE);
		cb_segment(&cb, 0x50000, 16, PF_R | PF_W, words, 16);
		uint8_t *d = cb_build(&cb, &size);
		struct proc *p = open_ok(d, size, NULL);
		assert_int_equal(p->arch, kinds[i].arch);
		assert_int_equal(p->word, kinds[i].word);
		assert_int_equal(p->threads[0].pc, 0x11234);
		assert_int_equal(p->pagesz, 65536);
		assert_int_equal(p->files[0].offset, 0x30000);
		assert_string_equal(p->exe_path, "/bin/x");
		assert_true(proc_word(p, 0x50000, &v) && v == 0x01020304);
		assert_true(proc_u16(p, 0x50008, &v16) && v16 == 0xfeff);
		assert_false(proc_u64(p, 0x5000c, &v));
		proc_close(p);
		free(d);
		cb_free(&cb);
	}
}

/* In every state of truncation: an error or a process, never a crash, never a byte that is not there. */
static void test_cut_everywhere(void **state)
{
	(void)state;
	for (int last = 0; last <= 1; last++) {
		struct corebuild cb;
		size_t size;
		small_core(&cb);
		for (size_t i = 0; i < cb.segs.len; i++)
			cb.segs.data[i].filesz = cb.segs.data[i].have = cb.segs.data[i].have ? 96 : 0;
		cb.headers_last = last;
		uint8_t *d = cb_build(&cb, &size);
		for (size_t n = 0; n < size; n++) {
			uint8_t *part = malloc(n + 1);
			struct proc *p = NULL;
			assert_non_null(part);
			memcpy(part, d, n);
			struct hc_error *err = open_bytes(part, n, NULL, &p);
			if (!err) {
				assert_true(p->need_size == size && (last || p->lost_bytes > 0));
				uint64_t saved = 0;
				for (size_t i = 0; i < p->nsegs; i++)
					saved += p->segs[i].data ? p->segs[i].size : 0;
				/* With the headers at the end, those that are there count. */
				assert_true(last ? saved <= 3 * 96 : saved + p->lost_bytes == 3 * 96);
				assert_true(last || p->segs[p->nsegs - 1].addr == 0xc010000000);
				proc_close(p);
			} else {
				assert_true(strlen(hc_error_message(err)) > 20);
				assert_null(strchr(hc_error_message(err), '\n'));
				hc_error_free(err);
			}
			free(part);
		}
		free(d);
		cb_free(&cb);
	}
}

static void test_xnum_cut(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	struct diag diag;
	diag_init(&diag, NULL, NULL);
	small_core(&cb);
	cb.xnum = true;
	uint8_t *d = cb_build(&cb, &size);
	struct proc *p = open_ok(d, size - 1, &diag); /* section header 0 is the last thing in the file */
	check_small(p);
	assert_int_equal(diag.warnings, 2);
	proc_close(p);
	diag_deinit(&diag);
	free(d);
	cb_free(&cb);
}

static void test_overlaps(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	static uint8_t page_c[3 * PAGE];
	memset(page_c, 'c', sizeof(page_c));
	cb_init(&cb);
	/* Out of order; a reservation over all; a later segment over parts of earlier ones. */
	cb_segment(&cb, 0x20000, 4 * PAGE, PF_R | PF_W, page_c, 3 * PAGE);
	cb_segment(&cb, 0x21000, PAGE, PF_R | PF_W, page_b, PAGE);
	cb_segment(&cb, 0x10000, 0x100000, 0, NULL, 0);
	cb_segment(&cb, 0x500000, PAGE, PF_R | PF_W, data_page, PAGE);
	cb_segment(&cb, 0x1f000, 2 * PAGE, PF_R | PF_W, page_a, PAGE);
	cb_segment(&cb, UINT64_MAX - PAGE + 1, PAGE, PF_R, page_a, PAGE); /* vsyscall-like: ends with the address space */
	cb_segment(&cb, UINT64_MAX - 15, 4 * PAGE, PF_R, page_b, PAGE);   /* would wrap */
	uint8_t *d = cb_build(&cb, &size);
	struct proc *p = open_ok(d, size, NULL);
	assert_int_equal(byte_at(p, 0x1f800), 'a');
	assert_int_equal(byte_at(p, 0x20000), 'c'); /* bytes win over the later segment's absent page */
	assert_int_equal(byte_at(p, 0x20fff), 'c');
	assert_int_equal(byte_at(p, 0x21000), 'b');
	assert_int_equal(byte_at(p, 0x22000), 'c');
	uint64_t avail;
	assert_null(proc_view(p, 0x23000, &avail));
	assert_null(proc_view(p, 0x10000, &avail));
	assert_int_equal(byte_at(p, UINT64_MAX - 16), 'a');
	assert_int_equal(byte_at(p, UINT64_MAX), 'b');
	uint8_t two[2];
	assert_false(proc_read(p, UINT64_MAX, two, 2));
	for (size_t i = 1; i < p->nsegs; i++) {
		const struct segment *a = &p->segs[i - 1], *b = &p->segs[i];
		assert_true(a->addr < b->addr && a->size <= b->addr - a->addr);
	}
	proc_close(p);
	free(d);
	cb_free(&cb);
}

/* Against a slow but obvious model: an array of bytes painted by rank and order. */
static void test_overlaps_random(void **state)
{
	(void)state;
	enum { SPACE = 256, PIECES = 24 };
	uint32_t x = 12345;
	for (int round = 0; round < 500; round++) {
		struct piece pieces[PIECES];
		int owner[SPACE];
		memset(owner, -1, sizeof(owner));
		size_t n = 1 + (size_t)round % PIECES;
		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			uint64_t addr = (x >> 8) % SPACE, len = 1 + (x >> 20) % 60;
			addr = addr + len > SPACE ? SPACE - len : addr;
			pieces[i] = (struct piece){addr, addr + len - 1, NULL, (enum piece_rank)(x >> 30), (uint32_t)i};
		}
		for (size_t i = 0; i < n; i++)
			for (uint64_t a = pieces[i].addr; a <= pieces[i].last; a++)
				if (owner[a] < 0 || pieces[i].rank >= pieces[owner[a]].rank)
					owner[a] = (int)i;
		struct proc p = {0};
		assert_null(memory_build(&p, pieces, n));
		for (uint64_t a = 0; a < SPACE; a++) {
			const struct segment *s = proc_segment(&p, a);
			assert_int_equal(s != NULL, owner[a] >= 0);
			if (s)
				assert_int_equal(s->flags, owner[a]);
		}
		free(p.segs);
		free(p.seg_starts);
	}
}

/* Very many segments on top of each other: no quadratic time. */
static void test_many_segments(void **state)
{
	(void)state;
	enum { MANY = 200000 };
	struct piece *pieces = calloc(MANY, sizeof(*pieces));
	assert_non_null(pieces);
	for (uint64_t i = 0; i < MANY; i++)
		pieces[i] = (struct piece){i, 2 * (uint64_t)MANY - i, NULL, (enum piece_rank)(i % 4), 0};
	struct proc p = {0};
	assert_null(memory_build(&p, pieces, MANY));
	assert_true(p.nsegs >= MANY / 4 && p.nsegs <= 2 * (size_t)MANY);
	free(p.segs);
	free(p.seg_starts);
	free(pieces);
}

static void test_strings(void **state)
{
	(void)state;
	struct corebuild cb;
	struct arena a = {0};
	size_t size;
	uint8_t one[PAGE], two[PAGE];
	memset(one, 'x', PAGE);
	memset(two, 'y', PAGE);
	two[3] = 0;
	cb_store(two + 16, 0x10ffe, 8, false); /* a string header: across the border */
	cb_store(two + 24, 4, 8, false);
	cb_store(two + 32, 0x11ff0, 8, false); /* beyond what is mapped */
	cb_store(two + 40, 100, 8, false);
	cb_store(two + 48, 0, 8, false);
	cb_store(two + 56, 0, 8, false);
	cb_init(&cb);
	cb_segment(&cb, 0x500000, PAGE, PF_R | PF_W, data_page, PAGE);
	cb_segment(&cb, 0x10000, PAGE, PF_R | PF_W, one, PAGE);
	cb_segment(&cb, 0x11000, PAGE, PF_R | PF_W, two, PAGE);
	uint8_t *d = cb_build(&cb, &size);
	struct proc *p = open_ok(d, size, NULL);
	assert_string_equal(proc_cstring(p, &a, 0x10ffd, 100), "xxxyyy");
	assert_string_equal(proc_cstring(p, &a, 0x10ffd, 4), "xxxy");
	assert_string_equal(proc_cstring(p, &a, 0x10ffd, 0), "");
	assert_null(proc_cstring(p, &a, 0x11f00, 1000)); /* runs into nothing */
	assert_null(proc_cstring(p, &a, 0x12000, 10));
	assert_string_equal(proc_gostring(p, &a, 0x11010, 100), "xxyy");
	assert_null(proc_gostring(p, &a, 0x11010, 3));
	assert_null(proc_gostring(p, &a, 0x11020, 1000));
	assert_string_equal(proc_gostring(p, &a, 0x11030, 1000), "");
	assert_null(proc_gostring(p, &a, 0x11ff8, 1000));
	arena_free(&a);
	proc_close(p);
	free(d);
	cb_free(&cb);
}

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
		enum hc_code code;
		const char *text;
	} breaks[] = {
		{16, ET_EXEC, HC_E_UNSUPPORTED, "--exe"},
		{EI_CLASS, 3, HC_E_FORMAT, "class 3"},
		{EI_DATA, 0, HC_E_FORMAT, "encoding 0"},
		{18, 2, HC_E_UNSUPPORTED, "machine 2"},
		{54, 55, HC_E_FORMAT, "55 bytes"},
		{38, 1, HC_E_TRUNCATED, "gcore and dlv write them last"},
		{32, 0, HC_E_TRUNCATED, "interrupted"},
		{56, 0, HC_E_TRUNCATED, "make it again"},
	};
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		struct corebuild cb;
		size_t size;
		struct proc *p;
		small_core(&cb);
		uint8_t *d = cb_build(&cb, &size);
		d[breaks[i].at] = breaks[i].value;
		struct hc_error *err = open_bytes(d, size, NULL, &p);
		assert_non_null(err);
		if (hc_error_code(err) != breaks[i].code)
			fail_msg("%zu: %s", i, hc_error_message(err));
		assert_non_null(strstr(hc_error_message(err), breaks[i].text));
		hc_error_free(err);
		free(d);
		cb_free(&cb);
	}
}

static void test_not_go(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	struct proc *p;
	cb_init(&cb);
	cb_psinfo(&cb, 1, "tini", "/sbin/tini -- /app");
	cb_segment(&cb, 0x10000, PAGE, PF_R | PF_W, page_a, PAGE);
	uint8_t *d = cb_build(&cb, &size);
	struct hc_error *err = open_bytes(d, size, NULL, &p);
	assert_int_equal(hc_error_code(err), HC_E_NOT_GO);
	assert_non_null(strstr(hc_error_message(err), "/sbin/tini"));
	hc_error_free(err);
	free(d);
	cb_free(&cb);
}

static void test_nothing_saved(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	struct proc *p;
	struct diag diag;
	diag_init(&diag, NULL, NULL);
	small_core(&cb);
	for (size_t i = 0; i < cb.segs.len; i++)
		cb.segs.data[i].filesz = cb.segs.data[i].have = 0;
	uint8_t *d = cb_build(&cb, &size);
	struct hc_error *err = open_bytes(d, size, &diag, &p);
	assert_int_equal(hc_error_code(err), HC_E_NOT_GO); /* there is nothing to tell by */
	assert_int_equal(diag.warnings, 2);
	hc_error_free(err);
	diag_deinit(&diag);
	free(d);
	cb_free(&cb);
}

/* Every byte of headers and notes takes some other values. */
static void test_flips(void **state)
{
	(void)state;
	struct corebuild cb;
	size_t size;
	const struct cb_file files[] = {{0x400000, 0x401000, 0, "/nonexistent/prog"}, {0x500000, 0x501000, 0x1000, "/x"}};
	small_core(&cb);
	cb_files(&cb, files, 2, 1);
	for (size_t i = 0; i < cb.segs.len; i++)
		cb.segs.data[i].filesz = cb.segs.data[i].have = cb.segs.data[i].have ? 96 : 0;
	uint8_t *d = cb_build(&cb, &size);
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	for (size_t i = 0; i < size; i++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			uint8_t old = d[i];
			struct proc *p = NULL;
			d[i] = values[v];
			struct hc_error *err = open_bytes(d, size, NULL, &p);
			for (size_t s = 0; !err && s < p->nsegs; s++) {
				const struct segment *seg = &p->segs[s];
				assert_true(seg->size > 0 && seg->size - 1 <= UINT64_MAX - seg->addr);
				if (seg->data)
					assert_true(seg->data >= d && seg->size <= (size_t)(d + size - seg->data));
			}
			if (!err)
				proc_close(p);
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
		cmocka_unit_test(test_plain),           cmocka_unit_test(test_classes),
		cmocka_unit_test(test_cut_everywhere),  cmocka_unit_test(test_xnum_cut),
		cmocka_unit_test(test_overlaps),        cmocka_unit_test(test_overlaps_random),
		cmocka_unit_test(test_many_segments),   cmocka_unit_test(test_strings),
		cmocka_unit_test(test_errors),          cmocka_unit_test(test_not_go),
		cmocka_unit_test(test_nothing_saved),   cmocka_unit_test(test_flips),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
