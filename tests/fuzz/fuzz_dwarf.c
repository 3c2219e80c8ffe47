/* SPDX-License-Identifier: MIT */
/* Debug information: a small program's, changed; types, variables, fields, ranges and locations. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/dwarfprog.h"
#include "types/dwarf_priv.h"

enum { VARIANTS = 8, BIAS = 0x10000 };
static struct {
	uint8_t *file;
	size_t size;
} base[VARIANTS];

/* The executables to change, made once. */
static void variant_make(unsigned i)
{
	struct dwarfprog p;
	if (base[i].file)
		return;
	dp_init(&p, i & 1 ? 5 : 4, i & 2 ? 4 : 8, i & 4, "");
	base[i].file = cb_build(&p.cb, &base[i].size);
	dp_free(&p);
}

static void check_types(const struct types *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct type *ty = &t->t[i];
		FUZZ_EXPECT(ty->name && ty->pkg);
		FUZZ_EXPECT(ty->elem == TYPE_NONE || ty->elem < t->n);
		FUZZ_EXPECT(ty->key == TYPE_NONE || ty->key < t->n);
		FUZZ_EXPECT(ty->storage == TYPE_NONE || ty->storage < t->n);
		for (uint32_t k = 0; k < ty->nfields; k++) {
			FUZZ_EXPECT(ty->fields[k].type < t->n || ty->fields[k].type == TYPE_NONE);
			FUZZ_EXPECT(!k || ty->fields[k - 1].offset <= ty->fields[k].offset);
		}
		for (uint64_t w = 0; w < 70; w++)
			FUZZ_EXPECT(!types_word_is_ptr(t, i, w) || w < ty->ptr_words || ty->mask_by_elem);
	}
	for (size_t i = 1; i < t->nglobals; i++)
		FUZZ_EXPECT(t->globals[i - 1].addr + t->globals[i - 1].size <= t->globals[i].addr);
}

static void check_locals(struct types *t)
{
	struct local out[32];
	struct captured captured[8];
	for (uint64_t pc = DP_TEXT; pc < DP_TEXT + 0x200; pc += 5) {
		size_t n = 0;
		fuzz_error(dwarf_locals(t->dwarf, t, pc + BIAS, out, 32, &n));
		for (size_t i = 0; i < n && i < 32; i++)
			FUZZ_EXPECT(out[i].npieces <= MAX_PIECES && out[i].name && out[i].func);
	}
	dwarf_captured(t->dwarf, t, DP_TEXT + BIAS, captured, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_take(&data, &size);
	variant_make(how % VARIANTS);
	size_t n = base[how % VARIANTS].size;
	uint8_t *file = malloc(n);
	struct blob *blob;
	struct exe *exe = NULL;
	struct types *types = NULL;
	struct diag diag;
	FUZZ_EXPECT(file);
	memcpy(file, base[how % VARIANTS].file, n);
	fuzz_patch(file, n, data, size);
	diag_init(&diag, NULL, NULL);
	struct hc_error *err = blob_from_memory("fuzz", file, n, &blob);
	if (!err)
		err = exe_parse(blob, &diag, &exe);
	if (!err) {
		struct module_file module = {.exe = exe, .bias = BIAS, .main = true};
		struct proc proc = {.diag = &diag, .arch = exe->arch, .be = exe->be, .word = exe->word, .modules = &module, .nmodules = 1};
		proc.build.minor = 26;
		err = types_open(&proc, &diag, &types);
		if (!err) {
			check_types(types);
			if (types->dwarf)
				check_locals(types);
		}
		types_close(types);
		exe_close(exe);
	}
	fuzz_error(err);
	diag_deinit(&diag);
	free(file);
	return 0;
}
