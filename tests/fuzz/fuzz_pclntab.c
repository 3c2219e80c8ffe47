/* SPDX-License-Identifier: MIT */
/* Function tables, pc-value tables, source lines and inlining trees, in the runtime's three formats. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakeprog.h"

static const struct pcrange sp_f[] = {{0, 4}, {24, 0x3c}, {0, 0x40}, {0, 0}};
static const struct pcrange line_f[] = {{10, 0x10}, {77, 0x20}, {300000, 0x40}, {0, 0}};
static const struct pcrange file_f[] = {{0, 0x10}, {1, 0x20}, {0, 0x40}, {0, 0}};
static const struct pcrange map_f[] = {{-1, 8}, {1, 0x30}, {0, 0x40}, {0, 0}};
static const struct pcrange inl_f[] = {{-1, 0x10}, {0, 0x20}, {-1, 0x40}, {0, 0}};

static struct fakeprog g;

static void build(uint32_t magic, enum arch arch)
{
	fg_init(&g, magic, arch);
	fp_bytes(&g.fp, FG_FILES, "/src/a.go\0/src/b.go", 20);
	fp_put(&g.fp, FG_CUTAB + 4, 4, 10);
	fg_func(&g, &(struct fakefunc){.size = 0x20, .name = "runtime.goexit", .flag = FUNC_TOPFRAME, .args = INT32_MIN});
	uint32_t inner = fg_name(&g, "main.inner");
	fg_func(&g, &(struct fakefunc){.size = 0x40, .name = "main.f", .args = 16, .deferreturn = 0x30, .sp = sp_f, .line = line_f,
	                               .file = file_f, .stackmap = map_f, .inltree = inl_f, .localsmap = FG_GOFUNC + 8,
	                               .tree = FG_GOFUNC + 64});
	fg_func(&g, &(struct fakefunc){.size = 0x10, .name = "main.main"});
	fg_finish(&g);
	fp_put(&g.fp, FG_GOFUNC + 64 + (magic == MAGIC_1_20 ? 4 : 12), 4, inner);
	fp_put(&g.fp, FG_GOFUNC + 64 + 8, 4, magic == MAGIC_1_20 ? 0x0f : 10);
}

static void check_pc(uint64_t pc)
{
	struct func f;
	struct srcline lines[64];
	int32_t value;
	if (!program_func(&g.prog, pc, &f))
		return;
	FUZZ_EXPECT(f.mod && f.name && f.entry <= pc && pc < f.end);
	func_spdelta(&f, pc, &value);
	for (unsigned i = 0; i < 8; i++) {
		func_pcdata(&f, i, pc, &value);
		func_funcdata(&f, i);
	}
	size_t n = func_lines(&g.prog, &f, pc, lines, 64);
	FUZZ_EXPECT(n <= 64);
	for (size_t i = 0; i < n; i++)
		FUZZ_EXPECT(lines[i].func && lines[i].file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t magics[] = {MAGIC_1_16, MAGIC_1_18, MAGIC_1_20};
	uint8_t how = fuzz_take(&data, &size);
	build(magics[how % 3], how & 64 ? ARCH_ARM64 : ARCH_AMD64);
	fuzz_patch(g.fp.data + (FG_NAMES - FP_BASE), FG_RODATA - FG_NAMES, data, size);
	if (how & 128)
		fp_cut(&g.fp, FG_CUTAB - FP_BASE);
	for (uint64_t pc = FG_TEXT - 1; pc < g.pc + 2; pc += 3)
		check_pc(pc);
	arena_free(&g.prog.arena);
	memset(&g.prog.arena, 0, sizeof(g.prog.arena));
	return 0;
}
