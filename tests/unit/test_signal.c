/* SPDX-License-Identifier: MIT */
/* What interrupted Go code held, from the ucontext that the kernel put on the signal stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "heap/priv.h"
#include "heap/stack.h"
#include "tests/support/fakeproc.h"

#define LO (FP_BASE + 0x2000)
#define HI (LO + 0x8000) /* signal stacks have 32 KiB */

/* The kernel's ucontext_t of a few machines (arch/.../include/uapi/asm), as a C compiler for them lays it out. */
struct words {
	unsigned size, n; /* bytes of a field, how many */
	const char *what;
};
static const struct words amd64[] = {{8, 1, "flags"}, {8, 1, "link"}, {8, 1, "ss_sp"}, {4, 2, ""}, {8, 1, "ss_size"},
                                     {8, 15, "regs"}, {8, 1, "sp"}, {8, 1, "pc"}, {0, 0, NULL}};
static const struct words arm64[] = {{8, 1, "flags"}, {8, 1, "link"}, {8, 1, "ss_sp"}, {4, 2, ""}, {8, 1, "ss_size"},
                                     {8, 17, "sigmask, padding"}, {8, 1, "fault_address"}, {8, 30, "regs"},
                                     {8, 1, "lr"}, {8, 1, "sp"}, {8, 1, "pc"}, {0, 0, NULL}};
static const struct words i386[] = {{4, 1, "flags"}, {4, 1, "link"}, {4, 1, "ss_sp"}, {4, 1, ""}, {4, 1, "ss_size"},
                                    {4, 4, "segments"}, {4, 3, "regs"}, {4, 1, "sp"}, {4, 4, "more regs"},
                                    {4, 2, "trapno, err"}, {4, 1, "pc"}, {0, 0, NULL}};
static const struct words arm[] = {{4, 1, "flags"}, {4, 1, "link"}, {4, 1, "ss_sp"}, {4, 1, ""}, {4, 1, "ss_size"},
                                   {4, 3, "trap_no, error_code, oldmask"}, {4, 13, "regs"}, {4, 1, "sp"}, {4, 1, "lr"},
                                   {4, 1, "pc"}, {0, 0, NULL}};
static const struct words mips[] = {{4, 1, "flags"}, {4, 1, "link"}, {4, 1, "ss_sp"}, {4, 1, "ss_size"}, {4, 1, ""},
                                    {4, 1, "padding"}, {4, 2, "regmask, status"}, {8, 1, "pc"}, {8, 29, "regs"},
                                    {8, 1, "sp"}, {8, 1, ""}, {8, 1, "lr"}, {0, 0, NULL}};
static const struct words s390x[] = {{8, 1, "flags"}, {8, 1, "link"}, {8, 1, "ss_sp"}, {4, 2, ""}, {8, 1, "ss_size"},
                                     {8, 1, "psw.mask"}, {8, 1, "pc"}, {8, 14, "regs"}, {8, 1, "lr"}, {8, 1, "sp"},
                                     {0, 0, NULL}};
static const struct machine {
	enum arch arch;
	uint8_t word;
	bool be, lr;
	const struct words *context;
} machines[] = {
	{ARCH_AMD64, 8, false, false, amd64}, {ARCH_ARM64, 8, false, true, arm64}, {ARCH_386, 4, false, false, i386},
	{ARCH_ARM, 4, false, true, arm}, {ARCH_MIPS, 4, true, true, mips}, {ARCH_MIPS, 4, false, true, mips},
	{ARCH_S390X, 8, true, true, s390x},
};
enum { MACHINES = sizeof(machines) / sizeof(machines[0]), PC = 0x401234, SP = 0x7001000, LR = 0x405678, REG = 0x700 };

static uint64_t value_of(const char *what, unsigned i, uint64_t pc)
{
	if (!strcmp(what, "ss_sp"))
		return LO;
	if (!strcmp(what, "ss_size"))
		return HI - LO;
	if (!strcmp(what, "pc"))
		return pc;
	if (!strcmp(what, "sp"))
		return SP;
	if (!strcmp(what, "lr"))
		return LR;
	if (!strcmp(what, "regs"))
		return REG + i;
	return strcmp(what, "link") ? 0x55 : 0;
}

static void put_context(struct fakeproc *fp, const struct machine *m, uint64_t at, uint64_t pc)
{
	for (const struct words *f = m->context; f->what; f++)
		for (unsigned i = 0; i < f->n; i++, at += f->size)
			fp_put(fp, at, f->size, value_of(f->what, i, pc));
}

static bool has_reg(const struct stack_regs *r, uint64_t value)
{
	for (unsigned i = 0; i < r->nregs; i++)
		if (r->regs[i] == value)
			return true;
	return false;
}

static void contexts(void **state)
{
	(void)state;
	struct fakeproc *fp = calloc(1, sizeof(*fp));
	assert_non_null(fp);
	for (size_t i = 0; i < MACHINES; i++) {
		const struct machine *m = &machines[i];
		struct heap_private priv = {0};
		struct heap h = {.proc = &fp->proc, .word = m->word, .be = m->be, .priv = &priv};
		struct stack_regs r = {0};
		fp_init(fp, m->arch, m->word, m->be);
		assert_false(signal_context(&h, LO + 0x1000, LO, HI, &r)); /* no context */
		put_context(fp, m, LO + 0x800, 0x400001);                  /* left over from an earlier signal */
		assert_false(signal_context(&h, LO + 0x1000, LO, HI, &r));
		put_context(fp, m, LO + 0x2000, 0x400002);                 /* of a signal that came second */
		put_context(fp, m, LO + 0x4000, PC);
		assert_true(signal_context(&h, LO + 0x1000, LO, HI, &r));
		assert_int_equal(r.pc, PC);
		assert_int_equal(r.sp, SP);
		assert_int_equal(r.lr, m->lr ? LR : 0);
		assert_true(has_reg(&r, REG) && has_reg(&r, REG + 2));
		/* Not on the signal stack. */
		assert_false(signal_context(&h, LO - 8, LO, HI, &r));
		assert_false(signal_context(&h, HI, LO, HI, &r));
		arena_free(&h.arena);
	}
	free(fp);
}

/* Stacks that cannot be: none of them takes long. */
static void hostile_stacks(void **state)
{
	(void)state;
	struct fakeproc *fp = calloc(1, sizeof(*fp));
	assert_non_null(fp);
	for (size_t i = 0; i < MACHINES; i++) {
		struct heap_private priv = {0};
		struct heap h = {.proc = &fp->proc, .word = machines[i].word, .be = machines[i].be, .priv = &priv};
		struct stack_regs r;
		fp_init(fp, machines[i].arch, machines[i].word, machines[i].be);
		assert_false(signal_context(&h, 0, 0, 0x8000, &r));
		assert_false(signal_context(&h, 4, 0, 0x8000, &r));
		assert_false(signal_context(&h, 1, 1, 9, &r));
		assert_false(signal_context(&h, UINT64_MAX - 16, UINT64_MAX - 64, UINT64_MAX, &r));
		assert_false(signal_context(&h, LO, LO, UINT64_MAX, &r));
		/* Cut in the middle of a context. */
		put_context(fp, &machines[i], LO + 0x4000, PC);
		fp_cut(fp, LO + 0x4000 + 0x40 - FP_BASE);
		assert_false(signal_context(&h, LO + 0x1000, LO, HI, &r));
		arena_free(&h.arena);
	}
	free(fp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts),
		cmocka_unit_test(hostile_stacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
