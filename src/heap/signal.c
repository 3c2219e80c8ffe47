/* SPDX-License-Identifier: MIT */
/*
 * Threads stopped inside a signal handler. A core of GOTRACEBACK=crash has all its threads there: their own registers are
 * the handler's, and those of the interrupted Go code lie in a ucontext on the signal stack. It is recognised by its
 * uc_stack, which names that very stack.
 */
#include "heap/stack.h"

static const struct ucontext_shape {
	enum arch arch;
	uint16_t pc, sp, regs; /* offsets in ucontext_t */
	uint8_t nregs;
	uint16_t lr;           /* 0: none */
	uint8_t ss_sp, ss_size;
	uint8_t width;         /* of a register */
} shapes[] = {
	{ARCH_AMD64, 168, 160, 40, 17, 0, 16, 32, 8}, /* r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip */
	{ARCH_ARM64, 440, 432, 184, 31, 424, 16, 32, 8},
	{ARCH_RISCV64, 176, 192, 176, 32, 184, 16, 32, 8},
	{ARCH_LOONG64, 176, 208, 184, 32, 192, 16, 32, 8},
	{ARCH_PPC64, 488, 240, 232, 32, 520, 16, 32, 8},
	{ARCH_S390X, 48, 176, 56, 16, 168, 16, 32, 8},
	{ARCH_MIPS64, 616, 272, 40, 32, 288, 16, 24, 8},
	{ARCH_386, 76, 48, 36, 8, 0, 8, 16, 4}, /* edi, esi, ebp, esp, ebx, edx, ecx, eax */
	{ARCH_ARM, 92, 84, 32, 15, 88, 8, 16, 4},
	{ARCH_MIPS, 32, 272, 40, 32, 288, 8, 12, 8}, /* 64 bits for each register of 32 */
};

static const struct ucontext_shape *shape_of(enum arch arch)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].arch == arch)
			return &shapes[i];
	return NULL;
}

static bool is_context(const struct proc *p, const struct ucontext_shape *s, uint64_t at, uint64_t lo, uint64_t hi)
{
	uint64_t link, sp, size, pc, user_sp;
	return proc_word(p, at + p->word, &link) && link == 0 && proc_word(p, at + s->ss_sp, &sp) && sp == lo &&
	       proc_word(p, at + s->ss_size, &size) && size == hi - lo && proc_uint(p, at + s->pc, s->width, &pc) && pc &&
	       proc_uint(p, at + s->sp, s->width, &user_sp) && user_sp;
}

bool signal_context(struct heap *h, uint64_t sp, uint64_t lo, uint64_t hi, struct stack_regs *ret)
{
	const struct proc *p = h->proc;
	const struct ucontext_shape *s = shape_of(p->arch);
	enum { MAX_STACK = 1 << 20 }; /* the runtime allots 32 KiB to signal stacks */
	if (!s || sp < lo || sp >= hi || hi - lo > MAX_STACK || !stack_charge(h, (hi - sp) / p->word))
		return false;
	/* Contexts below sp are left over from signals that were handled; the highest is the first to arrive. */
	uint64_t top = hi & ~(uint64_t)(p->word - 1u);
	for (uint64_t back = p->word; back <= top && top - back >= sp; back += p->word) {
		uint64_t at = top - back;
		if (!is_context(p, s, at, lo, hi))
			continue;
		uint64_t *regs = arena_alloc(&h->arena, s->nregs * sizeof(*regs));
		if (!regs)
			return false;
		struct stack_regs r = {.regs = regs, .nregs = s->nregs};
		for (unsigned i = 0; i < s->nregs; i++)
			if (!proc_uint(p, at + s->regs + (uint64_t)s->width * i, s->width, &regs[i]))
				return false;
		if (!proc_uint(p, at + s->pc, s->width, &r.pc) || !proc_uint(p, at + s->sp, s->width, &r.sp) ||
		    (s->lr && !proc_uint(p, at + s->lr, s->width, &r.lr)))
			return false;
		*ret = r;
		return true;
	}
	return false;
}
