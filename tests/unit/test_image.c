/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <elf.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "../support/corebuild.h"
#include "reader/priv.h"

enum { PAGE = 4096, BASE = 0x400000, DATA = 0x600000 };

/* A folder of its own for each test: root/app/srv, root/core. */
static char root[64];

static char *in_root(const char *name)
{
	static char path[64][256];
	static unsigned next;
	char *p = path[next++ % 64];
	snprintf(p, 256, "%s/%s", root, name);
	return p;
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/heapconv-image-XXXXXX");
	return !mkdtemp(root) || mkdir(in_root("app"), 0700) || mkdir(in_root("elsewhere"), 0700);
}

static int teardown(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

struct image {
	uint8_t *data;
	size_t size;
};

/* Headers and text at BASE, build information and data at DATA. */
static struct image make_exe(const char *go_id, const char *gnu_id, uint16_t type, bool with_dwarf)
{
	struct corebuild cb;
	struct image im;
	static uint8_t text[PAGE], data[2 * PAGE];
	cb_init(&cb);
	cb.type = type;
	cb.entry = BASE + 0x800;
	memset(text, 't', sizeof(text));
	memset(data, 'd', sizeof(data));
	cb_buildinfo(data, "go1.24.4", "path\texample.com/srv\n");
	if (go_id)
		cb_note(&cb, "Go", 4, go_id, strlen(go_id));
	if (gnu_id)
		cb_note(&cb, "GNU", 3, gnu_id, strlen(gnu_id));
	cb_segment(&cb, BASE, 0, PF_R | PF_X, text, sizeof(text));
	cb_segment(&cb, DATA, 3 * PAGE, PF_R | PF_W, data, sizeof(data)); /* the last page: no initial values */
	struct cb_section info = {.name = ".go.buildinfo", .type = SHT_PROGBITS, .addr = DATA, .flags = SHF_ALLOC, .size = 64,
	                          .of_memory = true};
	uint8_t rela[24];
	cb_store(rela, DATA + PAGE + 16, 8, false);
	cb_store(rela + 8, R_X86_64_RELATIVE, 8, false);
	cb_store(rela + 16, BASE + 0x234, 8, false);
	struct cb_section relocs = {.name = ".rela.dyn", .type = SHT_RELA, .flags = SHF_ALLOC, .data = rela, .size = 24};
	if (type == ET_DYN)
		assert_true(vec_push(&cb.sections, relocs));
	struct cb_section dwarf = {.name = ".debug_info", .type = SHT_PROGBITS, .data = "dw", .size = 2};
	assert_true(vec_push(&cb.sections, info));
	if (with_dwarf) {
		struct cb_symbol sym = {"main.main", BASE + 0x800, 16, STT_FUNC};
		assert_true(vec_push(&cb.sections, dwarf));
		assert_true(vec_push(&cb.symbols, sym));
	}
	im.data = cb_build(&cb, &im.size);
	cb_free(&cb);
	return im;
}

struct setting {
	const char *path;  /* in the core; NULL: no NT_FILE */
	uint64_t bias;
	bool no_page;      /* the first page was not saved */
	bool no_data;      /* nor any data */
	bool no_auxv;
	bool unset;        /* nobody wrote to the last page of data */
	bool kernel;
	const struct image *library;
	const char *library_path;
};

/* The core of a process made of the image: first page and the second page of data are saved. */
static struct image make_core(const struct image *exe, struct setting s)
{
	const uint64_t lib_addr = UINT64_C(0x7f0000000);
	struct corebuild cb;
	struct image core;
	static uint8_t page[PAGE], changed[PAGE];
	uint64_t data_off;
	struct blob *b;
	struct exe *e;
	assert_null(blob_from_memory("x", exe->data, exe->size, &b));
	assert_null(exe_parse(b, NULL, &e));
	data_off = e->segments[1].offset;
	exe_close(e);
	memcpy(page, exe->data, PAGE);
	memset(changed, 'c', PAGE);
	cb_init(&cb);
	cb_prstatus(&cb, 1, 6, BASE + 0x810, 0x7ffe00, 0);
	cb_psinfo(&cb, 1, "srv", "./srv --port 80");
	uint64_t auxv[] = {3, BASE + s.bias + 64, 5, 3, 6, PAGE, 9, BASE + s.bias + 0x800};
	if (!s.no_auxv)
		cb_auxv(&cb, auxv, 4);
	struct cb_file files[] = {
		{DATA + s.bias, DATA + s.bias + 2 * PAGE, data_off, s.path},
		{lib_addr, lib_addr + 2 * PAGE, 0, s.library_path ? s.library_path : "/lib/libc.so.6"},
		{BASE + s.bias, BASE + s.bias + 2 * PAGE, 0, s.path},
	};
	if (s.path)
		cb_files(&cb, files, 3, 1);
	cb_segment(&cb, BASE + s.bias, 2 * PAGE, PF_R | PF_X, page, s.no_page ? 0 : PAGE);
	cb_segment(&cb, DATA + s.bias, 2 * PAGE, PF_R | PF_W, NULL, 0);
	if (!s.no_data)
		cb_segment(&cb, DATA + s.bias + PAGE, PAGE, PF_R | PF_W, changed, PAGE);
	if (s.unset)
		cb_segment(&cb, DATA + s.bias + 2 * PAGE, PAGE, PF_R | PF_W, NULL, 0);
	if (s.kernel)
		cb_note(&cb, "CORE", NOTE_SIGINFO, page, 128);
	if (s.library)
		cb_segment(&cb, lib_addr, 2 * PAGE, PF_R | PF_X, s.library->data, PAGE);
	core.data = cb_build(&cb, &core.size);
	cb_free(&cb);
	return core;
}

static struct hc_error *open_core(const struct image *core, struct proc_opts opts, struct diag *diag, struct proc **ret)
{
	struct blob *b;
	assert_null(blob_from_memory(in_root("core"), core->data, core->size, &b));
	return proc_open_blob(b, &opts, diag, ret);
}

static struct proc *open_ok(const struct image *core, struct proc_opts opts, struct diag *diag)
{
	struct proc *p = NULL;
	struct hc_error *err = open_core(core, opts, diag, &p);
	if (err)
		fail_msg("%s", hc_error_message(err));
	return p;
}

static uint8_t byte_at(const struct proc *p, uint64_t addr)
{
	uint8_t v = 0;
	assert_true(proc_u8(p, addr, &v));
	return v;
}

/* Core bytes first, then the file's, at the places that the rows say. */
static void check_memory(const struct proc *p, uint64_t bias)
{
	assert_int_equal(p->nmodules, 1);
	assert_true(p->modules[0].bias == bias);
	assert_true(p->modules[0].main);
	assert_int_equal(byte_at(p, BASE + bias), 0x7f);
	assert_int_equal(byte_at(p, BASE + bias + PAGE), 't');
	assert_int_equal(proc_segment(p, BASE + bias)->source, SEG_CORE);
	assert_int_equal(proc_segment(p, BASE + bias + PAGE)->source, SEG_FILE);
	assert_int_equal(byte_at(p, DATA + bias), 0xff); /* the build information's magic */
	assert_int_equal(byte_at(p, DATA + bias + PAGE), 'c');
	assert_int_equal(p->stale_bytes, PAGE);
	assert_string_equal(p->build.main_path, "example.com/srv");
}

static void test_found(void **state)
{
	(void)state;
	static const uint64_t biases[] = {0, 0x555555000000};
	for (size_t i = 0; i < 2; i++) {
		struct image exe = make_exe("go/id", i ? "\1\2\3\4" : NULL, i ? ET_DYN : ET_EXEC, true);
		write_file(in_root("app/srv"), exe.data, exe.size);
		struct image core = make_core(&exe, (struct setting){.path = in_root("app/srv"), .bias = biases[i]});
		struct proc *p = open_ok(&core, (struct proc_opts){0}, NULL);
		check_memory(p, biases[i]);
		assert_string_equal(p->exe_path, in_root("app/srv"));
		assert_string_equal(p->modules[0].exe->path, p->exe_path);
		assert_string_equal(p->go_build_id, "go/id");
		assert_string_equal(p->gnu_build_id, i ? "01020304" : "");
		assert_string_equal(p->producer, "gcore");
		proc_close(p);
		free(core.data);
		free(exe.data);
	}
}

static void test_no_file_note(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", NULL, ET_DYN, true);
	write_file(in_root("app/srv"), exe.data, exe.size);
	struct image core = make_core(&exe, (struct setting){.bias = 0x10000});
	const char *dirs[] = {in_root("app")};
	struct proc *p = open_ok(&core, (struct proc_opts){.search = dirs, .nsearch = 1}, NULL);
	assert_string_equal(p->exe_path, "./srv");
	assert_int_equal(p->nfiles, 0);
	assert_true(p->modules[0].bias == 0x10000);
	assert_int_equal(byte_at(p, BASE + 0x10000 + PAGE), 't');
	assert_int_equal(byte_at(p, DATA + 0x10000 + PAGE), 'c');
	proc_close(p);
	free(core.data);
	free(exe.data);
}

/* Data that the core lacks: as the loader made it of the file. */
static void test_relocated(void **state)
{
	(void)state;
	for (int rows = 0; rows <= 1; rows++) {
		const uint64_t bias = UINT64_C(0x555555000000);
		struct image exe = make_exe("go/id", NULL, ET_DYN, true);
		uint64_t v;
		write_file(in_root("app/srv"), exe.data, exe.size);
		struct image core = make_core(&exe, (struct setting){.path = rows ? in_root("app/srv") : NULL, .bias = bias,
		                                                     .no_data = true});
		struct proc *p = open_ok(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL);
		assert_true(proc_u64(p, DATA + bias + PAGE + 16, &v));
		assert_true(v == BASE + bias + 0x234);
		assert_int_equal(byte_at(p, DATA + bias + PAGE + 15), 'd');
		assert_int_equal(byte_at(p, DATA + bias + PAGE + 24), 'd');
		assert_int_equal(p->stale_bytes, 2 * PAGE);
		proc_close(p);
		free(core.data);
		free(exe.data);
	}
}

/* The kernel leaves out memory that was never written; with others, what is not there is not known. */
static void test_never_written(void **state)
{
	(void)state;
	for (int kernel = 0; kernel <= 1; kernel++) {
		struct image exe = make_exe("go/id", NULL, ET_EXEC, true);
		uint64_t v = 1;
		write_file(in_root("app/srv"), exe.data, exe.size);
		struct image core = make_core(&exe, (struct setting){.unset = true, .kernel = kernel});
		struct proc *p = open_ok(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL);
		assert_string_equal(p->producer, kernel ? "kernel" : "qemu-user");
		assert_int_equal(proc_u64(p, DATA + 2 * PAGE, &v), kernel);
		assert_int_equal(v, !kernel);
		assert_int_equal(proc_u64(p, DATA + 3 * PAGE - 8, &v), kernel);
		assert_false(proc_u64(p, DATA + 3 * PAGE, &v));
		proc_close(p);
		free(core.data);
		free(exe.data);
	}
}

static void test_no_auxv(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", NULL, ET_DYN, true);
	write_file(in_root("app/srv"), exe.data, exe.size);
	struct image core = make_core(&exe, (struct setting){.bias = 0x10000, .no_auxv = true});
	struct proc *p = open_ok(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL);
	assert_true(p->modules[0].bias == 0x10000);
	assert_string_equal(p->go_build_id, "go/id");
	proc_close(p);
	free(core.data);
	free(exe.data);
}

static void test_places(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", NULL, ET_EXEC, true);
	struct image core = make_core(&exe, (struct setting){.path = "/app/srv"});
	struct diag diag;
	diag_init(&diag, NULL, NULL);
	struct proc *p = open_ok(&core, (struct proc_opts){0}, &diag);
	/* Nowhere: a warning, and what the core alone knows. */
	assert_int_equal(p->nmodules, 0);
	assert_int_equal(diag.warnings, 1);
	assert_string_equal(p->exe_path, "/app/srv");
	assert_string_equal(p->go_build_id, "go/id");
	uint64_t avail;
	assert_null(proc_view(p, BASE + PAGE, &avail));
	proc_close(p);
	/* Under a sysroot, by name in a folder, beside the core. */
	write_file(in_root("app/srv"), exe.data, exe.size);
	const char *sysroots[] = {"/nonexistent", root}, *search[] = {"/nonexistent", in_root("app")};
	p = open_ok(&core, (struct proc_opts){.sysroots = sysroots, .nsysroots = 2}, NULL);
	check_memory(p, 0);
	proc_close(p);
	p = open_ok(&core, (struct proc_opts){.search = search, .nsearch = 2}, NULL);
	check_memory(p, 0);
	proc_close(p);
	assert_int_equal(rename(in_root("app/srv"), in_root("srv")), 0);
	p = open_ok(&core, (struct proc_opts){0}, NULL);
	check_memory(p, 0);
	proc_close(p);
	assert_int_equal(rename(in_root("srv"), in_root("executable")), 0);
	p = open_ok(&core, (struct proc_opts){0}, NULL);
	check_memory(p, 0);
	proc_close(p);
	diag_deinit(&diag);
	free(core.data);
	free(exe.data);
}

static void test_wrong(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", NULL, ET_EXEC, true), other = make_exe("go/other", NULL, ET_EXEC, true);
	struct image core = make_core(&exe, (struct setting){.path = "/app/srv"});
	struct diag diag;
	struct proc *p;
	diag_init(&diag, NULL, NULL);
	write_file(in_root("elsewhere/srv"), other.data, other.size);
	struct hc_error *err = open_core(&core, (struct proc_opts){.exe = in_root("elsewhere/srv")}, &diag, &p);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	static const char *const words[] = {"go/id", "go/other", "--exe", "--force"};
	for (size_t i = 0; i < 4; i++)
		assert_non_null(strstr(hc_error_message(err), words[i]));
	hc_error_free(err);
	p = open_ok(&core, (struct proc_opts){.exe = in_root("elsewhere/srv"), .force = true}, &diag);
	assert_int_equal(p->nmodules, 1);
	assert_int_equal(diag.warnings, 2); /* forced; stale bytes */
	proc_close(p);
	/* Found, but wrong: left alone, and the right one is looked for further. */
	const char *dirs[] = {in_root("elsewhere"), in_root("app")};
	p = open_ok(&core, (struct proc_opts){.search = dirs, .nsearch = 2}, NULL);
	assert_int_equal(p->nmodules, 0);
	proc_close(p);
	p = open_ok(&core, (struct proc_opts){.search = dirs, .nsearch = 2, .force = true}, NULL);
	assert_int_equal(p->nmodules, 1);
	proc_close(p);
	write_file(in_root("app/srv"), exe.data, exe.size);
	p = open_ok(&core, (struct proc_opts){.search = dirs, .nsearch = 2, .force = true}, NULL);
	assert_string_equal(p->modules[0].exe->path, in_root("app/srv"));
	proc_close(p);
	err = open_core(&core, (struct proc_opts){.exe = "/nonexistent/srv"}, NULL, &p);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	hc_error_free(err);
	diag_deinit(&diag);
	free(core.data);
	free(exe.data);
	free(other.data);
}

/* No ids: program headers decide; no page at all: the entry point, and it stays unverified. */
static void test_weak(void **state)
{
	(void)state;
	struct image exe = make_exe(NULL, NULL, ET_EXEC, true);
	struct image core = make_core(&exe, (struct setting){.path = "/app/srv"});
	struct proc *p;
	struct hc_error *err;
	write_file(in_root("app/srv"), exe.data, exe.size);
	p = open_ok(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL);
	check_memory(p, 0);
	proc_close(p);
	exe.data[64 + 56 + 40] ^= 1; /* memsz of the second program header */
	write_file(in_root("app/srv"), exe.data, exe.size);
	err = open_core(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL, &p);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	hc_error_free(err);
	exe.data[64 + 56 + 40] ^= 1;
	free(core.data);
	core = make_core(&exe, (struct setting){.path = "/app/srv", .no_page = true});
	write_file(in_root("app/srv"), exe.data, exe.size);
	p = open_ok(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL);
	assert_int_equal(p->nmodules, 1);
	proc_close(p);
	exe.data[24] ^= 1; /* e_entry */
	write_file(in_root("app/srv"), exe.data, exe.size);
	err = open_core(&core, (struct proc_opts){.exe = in_root("app/srv")}, NULL, &p);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	assert_non_null(strstr(hc_error_message(err), "entry point"));
	hc_error_free(err);
	free(core.data);
	free(exe.data);
}

/* A packed executable: the row of its file maps other bytes than the unpacked file has there. */
static void test_rows_that_do_not_fit(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", NULL, ET_EXEC, true);
	struct image core = make_core(&exe, (struct setting){.path = in_root("app/srv")});
	struct image shifted = make_exe("go/id", NULL, ET_EXEC, true);
	/* Text is said to be at another place of the file. */
	cb_store(shifted.data + 64 + 56 + 8, 64, 8, false);
	write_file(in_root("app/srv"), shifted.data, shifted.size);
	struct proc *p = open_ok(&core, (struct proc_opts){0}, NULL);
	uint64_t avail;
	assert_int_equal(p->nmodules, 1);
	assert_null(proc_view(p, BASE + PAGE, &avail));
	assert_int_equal(byte_at(p, DATA), 0xff);
	proc_close(p);
	free(core.data);
	free(exe.data);
	free(shifted.data);
}

static void test_library(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", NULL, ET_EXEC, true), lib = make_exe("go/lib", NULL, ET_DYN, false);
	struct image plain = make_exe(NULL, NULL, ET_DYN, false);
	write_file(in_root("app/srv"), exe.data, exe.size);
	write_file(in_root("app/p.so"), lib.data, lib.size);
	struct setting s = {.path = in_root("app/srv"), .library = &lib, .library_path = in_root("app/p.so")};
	struct image core = make_core(&exe, s);
	struct proc *p = open_ok(&core, (struct proc_opts){0}, NULL);
	assert_int_equal(p->nmodules, 2);
	assert_true(p->modules[0].main && !p->modules[1].main);
	assert_true(p->modules[1].bias == 0x7f0000000 - BASE);
	assert_int_equal(byte_at(p, 0x7f0000000 + PAGE), 't');
	proc_close(p);
	/* Another build of it: not used, and said. */
	struct diag diag;
	diag_init(&diag, NULL, NULL);
	write_file(in_root("app/p.so"), exe.data, exe.size);
	p = open_ok(&core, (struct proc_opts){0}, &diag);
	assert_int_equal(p->nmodules, 1);
	assert_int_equal(diag.warnings, 2); /* library; stale bytes */
	proc_close(p);
	diag_deinit(&diag);
	/* A library without Go in it is never opened. */
	free(core.data);
	s.library = &plain;
	core = make_core(&exe, s);
	p = open_ok(&core, (struct proc_opts){0}, NULL);
	assert_int_equal(p->nmodules, 1);
	proc_close(p);
	free(core.data);
	free(exe.data);
	free(lib.data);
	free(plain.data);
}

/* The emulator's own core has the program in it, too, but not its threads: the other core is asked for. */
static void test_emulator(void **state)
{
	(void)state;
	struct image exe = make_exe(NULL, NULL, ET_EXEC, true), guest = make_exe("go/guest", NULL, ET_DYN, false);
	write_file(in_root("app/qemu-x86_64"), exe.data, exe.size);
	write_file(in_root("app/guest"), guest.data, guest.size);
	struct setting s = {.path = in_root("app/qemu-x86_64"), .library = &guest, .library_path = in_root("app/guest")};
	struct image core = make_core(&exe, s);
	struct proc *p = NULL;
	struct hc_error *err = open_core(&core, (struct proc_opts){0}, NULL, &p);
	assert_non_null(err);
	assert_int_equal(hc_error_code(err), HC_E_NOT_GO);
	assert_non_null(strstr(hc_error_message(err), "qemu_*.core"));
	hc_error_free(err);
	free(core.data);
	free(exe.data);
	free(guest.data);
}

static void test_debug_file(void **state)
{
	(void)state;
	struct image exe = make_exe("go/id", "\xab\xcd", ET_EXEC, false), debug = make_exe("go/id", "\xab\xcd", ET_EXEC, true);
	struct image other = make_exe("go/id2", "\xab\xce", ET_EXEC, true);
	struct proc *p;
	write_file(in_root("app/srv"), exe.data, exe.size);
	struct image core = make_core(&exe, (struct setting){.path = in_root("app/srv")});
	p = open_ok(&core, (struct proc_opts){0}, NULL);
	assert_null(exe_dwarf(p->modules[0].exe));
	proc_close(p);
	write_file(in_root("srv.debug"), debug.data, debug.size);
	p = open_ok(&core, (struct proc_opts){.debug_file = in_root("srv.debug")}, NULL);
	assert_string_equal(exe_dwarf(p->modules[0].exe)->path, in_root("srv.debug"));
	assert_int_equal(exe_symbol(p->modules[0].exe, "main.main")->value, BASE + 0x800);
	proc_close(p);
	write_file(in_root("srv.debug"), other.data, other.size);
	struct hc_error *err = open_core(&core, (struct proc_opts){.debug_file = in_root("srv.debug")}, NULL, &p);
	assert_int_equal(hc_error_code(err), HC_E_EXE);
	assert_non_null(strstr(hc_error_message(err), "abce"));
	hc_error_free(err);
	/* By build id, under a sysroot. */
	char command[256];
	snprintf(command, sizeof(command), "mkdir -p %s/usr/lib/debug/.build-id/ab", root);
	assert_int_equal(system(command), 0);
	write_file(in_root("usr/lib/debug/.build-id/ab/cd.debug"), debug.data, debug.size);
	const char *sysroots[] = {root};
	p = open_ok(&core, (struct proc_opts){.sysroots = sysroots, .nsysroots = 1}, NULL);
	assert_non_null(exe_dwarf(p->modules[0].exe));
	proc_close(p);
	free(core.data);
	free(exe.data);
	free(debug.data);
	free(other.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file_note, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relocated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_auxv, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_weak, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows_that_do_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_library, setup, teardown),
		cmocka_unit_test_setup_teardown(test_emulator, setup, teardown),
		cmocka_unit_test_setup_teardown(test_debug_file, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
