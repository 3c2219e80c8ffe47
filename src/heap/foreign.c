/* SPDX-License-Identifier: MIT */
/*
 * Go code inside the race detector's, msan's or asan's runtime. The stubs (racecall, msancall, asancall in
 * runtime/race_amd64.s and its neighbours) switch to the system stack without saving the goroutine's state anywhere but in
 * a register that C functions preserve: in that register, or in the frames of these functions on the system stack, is
 * the goroutine's SP, and at it the address to return to.
 */
#include <string.h>

#include "heap/priv.h"
#include "heap/stack.h"

/* What the stub found at its SP: where to return to, in front of which the assembler may have saved a frame pointer. */
static bool is_caller(struct heap *h, const struct goroutine *g, uint64_t sp, struct stack_regs *ret)
{
	for (unsigned i = 0; i < 2; i++, sp += h->word) {
		uint64_t pc;
		struct site *site;
		if (sp - g->stack_lo >= g->stack_hi - g->stack_lo || sp % h->word || !proc_word(h->proc, sp, &pc))
			return false;
		if (!site_get(h, pc, &site) || !site || !site->has_delta || pc == site->func.entry)
			continue;
		*ret = (struct stack_regs){.pc = pc, .sp = sp + h->word};
		return true;
	}
	return false;
}

static bool in_stub(struct heap *h, uint64_t pc)
{
	static const char *const stubs[] = {"racecall", "msancall", "asancall"};
	struct site *site;
	if (!site_get(h, pc, &site) || !site)
		return false;
	for (size_t i = 0; i < sizeof(stubs) / sizeof(stubs[0]); i++)
		if (!strcmp(site->func.name, stubs[i]))
			return true;
	return false;
}

/* R12 is the fourth of a thread's own registers, the fifth in the context of a signal. */
static bool by_register(struct heap *h, const struct goroutine *g, const struct stack_regs *thread, struct stack_regs *ret)
{
	return thread->nregs > 4 && (is_caller(h, g, thread->regs[3], ret) || is_caller(h, g, thread->regs[4], ret));
}

bool foreign_caller(struct heap *h, const struct goroutine *g, const struct stack_regs *thread, uint64_t top,
                    struct stack_regs *ret)
{
	enum { LOOK = 256 << 10 };
	uint64_t mask = h->word - 1u, low = (thread->sp + mask) & ~mask, v;
	if (h->proc->arch != ARCH_AMD64)
		return false;
	/* In the stub, before or after the call. */
	if (in_stub(h, thread->pc))
		return by_register(h, g, thread, ret);
	/* In what it called: the address to return to is on top of the system stack. */
	if (thread->sp >= top || !proc_word(h->proc, (top & ~(uint64_t)15) - h->word, &v) || !in_stub(h, v))
		return false;
	/* The function that was called first lies highest, and saved what its caller had. */
	low = top - low > LOOK ? (top - LOOK) & ~mask : low;
	for (uint64_t at = top & ~mask; at > low; at -= h->word)
		if (proc_word(h->proc, at - h->word, &v) && is_caller(h, g, v, ret))
			return true;
	return by_register(h, g, thread, ret); /* none has done so yet */
}
